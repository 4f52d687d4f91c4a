//! The databases of the tests are apart from each other.

use crate::support;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = (support::database().await, support::database().await);
    assert_ne!(one.name(), two.name());
    one.client.batch_execute("CREATE TABLE public.only_here ()").await.unwrap();
    let elsewhere =
        two.connect().await.query_one("SELECT to_regclass('public.only_here')::text", &[]).await.unwrap();
    assert_eq!(elsewhere.get::<_, Option<String>>(0), None);
}
