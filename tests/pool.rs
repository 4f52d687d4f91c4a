//! Connections: what they set, which server they choose, what they never give away, and what errors say.

use std::time::{Duration, Instant};

use kaygia_desk::store::error::{Error, Meaning};
use kaygia_desk::store::pool::{self, Options, Session};
use kaygia_desk::store::sql;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_postgres::Client;

use crate::support::{self, Database};

/// The folder of the test server's socket, and its port.
async fn socket_of(database: &Database) -> (String, String) {
    let row = database
        .client
        .query_one(
            "SELECT split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port')",
            &[],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_link_sets_what_we_rely_on_and_a_pooled_one_nothing() {
    let database = support::empty_database().await;
    let settings = "SELECT concat_ws(' ', current_setting('TimeZone'), current_setting('search_path'),
        current_setting('statement_timeout'), current_setting('lock_timeout'),
        current_setting('idle_in_transaction_session_timeout'), current_setting('application_name')) AS line";
    let line = async |options| {
        let pool = pool::connect(database.url(), options).unwrap();
        pool.read(async |db| sql::get::<String>(&sql::row(db, settings, &[]).await?, "line")).await.unwrap()
    };
    database
        .client
        .batch_execute(&format!("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE {0} SET default_transaction_isolation = 'serializable'", database.name()))
        .await
        .unwrap();
    assert_eq!(line(Options::default()).await, "UTC pg_catalog 5s 2s 15s kaygia-desk");
    assert_eq!(line(Options::MAINTENANCE).await, "UTC pg_catalog 0 0 1min kaygia-desk");
    let pooled = line(Options { pooled: true, session: Session::Desk }).await;
    assert!(pooled.starts_with("Asia/Tokyo \"$user\", public 0 0 0"), "{pooled}");
}

/// A server that takes the connection and says nothing would swallow every attempt: the next host is tried, and the
/// one that answered is the first from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_first_host_holds_up_only_the_first_connection() {
    let database = support::empty_database().await;
    let (folder, port) = socket_of(&database).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "host=127.0.0.1,{folder} port={},{port} user=kaygia dbname={} target_session_attrs=read-write",
        silent.local_addr().unwrap().port(),
        database.name()
    );
    let connector = pool::connector(&url, Options::default()).unwrap();
    let start = Instant::now();
    connector.connect().await.unwrap();
    let first = start.elapsed();
    let start = Instant::now();
    connector.connect().await.unwrap();
    let second = start.elapsed();
    assert!(first < Duration::from_secs(4), "the first took {first:?}");
    assert!(second < Duration::from_secs(1), "the second took {second:?}");
}

/// A server, or somebody in between, that offers no encryption gets neither a password nor a name.
#[tokio::test(flavor = "multi_thread")]
async fn without_encryption_nothing_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(b"N").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        (request, rest)
    });
    let url = format!("postgresql://me:hunter2@127.0.0.1:{port}/d?sslmode=verify-full");
    let error = pool::connector(&url, Options::default()).unwrap().connect().await.unwrap_err();
    assert_eq!(*error.meaning(), Meaning::Tls);
    assert!(error.sentence().contains("never falls back to plain text"), "{error}");
    let (request, rest) = heard.await.unwrap();
    assert_eq!(request, [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
    assert_eq!(rest, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_to_do_and_quote_no_row() {
    let database = support::database().await;
    let pool = pool::connect(database.url(), Options::default()).unwrap();
    let secret = "ada.lovelace@secret.example";
    database
        .client
        .batch_execute(&format!("INSERT INTO public.users (id, email) VALUES ('a', '{secret}'); CREATE DOMAIN public.short AS text CHECK (VALUE ~ '^.$')"))
        .await
        .unwrap();
    let cases = [
        (
            format!("INSERT INTO public.users (id, email) VALUES ('b', '{secret}')"),
            Meaning::Duplicate("users_email_unique".to_owned()),
        ),
        (
            format!(
                "INSERT INTO public.projects (id, title, type, client_id) VALUES ('b', '{secret}', 'OTHER', '{secret}')"
            ),
            Meaning::Constraint("projects_client_id_users_id_fk".to_owned()),
        ),
        (
            format!("INSERT INTO public.users (id, name) VALUES ('b', '{secret}')"),
            Meaning::Constraint("unnamed".to_owned()),
        ),
        (format!("SELECT '{secret}'::integer"), Meaning::Internal),
        (format!("SELECT '{secret}'::public.short"), Meaning::Constraint("short_check".to_owned())),
        (format!("SELECT '{secret}'::public.role"), Meaning::Internal),
        ("SELECT * FROM desk.nothing".to_owned(), Meaning::NotMigrated),
        ("SET statement_timeout = 1; SELECT 1".to_owned(), Meaning::Internal),
        ("SELECT pg_sleep(7)".to_owned(), Meaning::Timeout),
    ];
    for (statement, meaning) in cases {
        let error = pool.write(async |db| sql::execute(db, &statement, &[]).await).await.unwrap_err();
        assert_eq!(*error.meaning(), meaning, "{statement}");
        for words in [error.sentence(), error.detail()] {
            assert!(!words.contains("lovelace"), "{words}");
        }
    }
    // A statement that the server itself gave up leaves the connection sound.
    assert_eq!(pool.read(async |db| sql::execute(db, "SELECT 1", &[]).await).await.unwrap(), 1);
    let text = "a\0b".to_owned();
    let error =
        pool.write(async |db| sql::execute(db, "SELECT $1", &[sql::text(&text)]).await).await.unwrap_err();
    assert_eq!(*error.meaning(), Meaning::BadText);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_slow_reads_leave_a_connection_for_the_write() {
    let database = support::empty_database().await;
    let pool = pool::connect(database.url(), Options::default()).unwrap();
    let slow = || pool.read(async |db| sql::execute(db, "SELECT pg_sleep(1.5)", &[]).await);
    let write = async {
        let start = Instant::now();
        pool.write(async |db| sql::execute(db, "SELECT 1", &[]).await).await.unwrap();
        start.elapsed()
    };
    let (a, b, c, d, waited) = tokio::join!(slow(), slow(), slow(), slow(), write);
    for read in [a, b, c, d] {
        read.unwrap();
    }
    assert!(waited < Duration::from_secs(1), "the write waited {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_server_are_told_apart() {
    let database = support::empty_database().await;
    let (folder, port) = socket_of(&database).await;
    let name = database.name();
    let role = format!("few_{name}");
    database
        .client
        .batch_execute(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 0; CREATE ROLE {role}_no NOLOGIN"))
        .await
        .unwrap();
    let meaning = async |user: &str, database: &str| {
        let url = format!("host={folder} port={port} user={user} dbname={database}");
        pool::connector(&url, Options::default()).unwrap().connect().await.unwrap_err().meaning().clone()
    };
    assert_eq!(meaning(&role, name).await, Meaning::TooManyConnections);
    assert_eq!(meaning(&format!("{role}_no"), name).await, Meaning::SignIn);
    assert_eq!(meaning("kaygia", "not_there").await, Meaning::NoDatabase);
    database.client.batch_execute(&format!("DROP ROLE {role}; DROP ROLE {role}_no")).await.unwrap();
}

/// What the writing connection of a pool keeps prepared, as the server sees it.
async fn kept(pool: &pool::Pool) -> i64 {
    let number = "SELECT count(*) AS number FROM pg_catalog.pg_prepared_statements";
    let row = pool.write(async |db| Ok(db.query_typed(number, &[]).await?.remove(0))).await.unwrap();
    row.get("number")
}

const NOTE: &str = "SELECT k.note FROM public.kept AS k WHERE k.number > $1";

async fn note(db: &mut Client) -> Result<String, Error> {
    let tx = db.transaction().await?;
    let row = sql::row(&tx, NOTE, &[sql::int4(&1)]).await?;
    tx.commit().await?;
    sql::get(&row, "note")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_prepared_once_it_was_used_and_only_on_a_direct_link() {
    let database = support::empty_database().await;
    let setup = "CREATE TABLE public.kept (number int4, note varchar(9)); GRANT SELECT ON public.kept TO PUBLIC; \
                 INSERT INTO public.kept VALUES (7, 'seven')";
    database.client.batch_execute(setup).await.unwrap();
    let pool = pool::connect(database.url(), Options::default()).unwrap();
    for before in [0, 1, 1] {
        assert_eq!(kept(&pool).await, before);
        assert_eq!(pool.write(note).await.unwrap(), "seven");
    }
    // A column of another type makes the plan void: told once, and the next use is unnamed again.
    database.client.batch_execute("ALTER TABLE public.kept ALTER note TYPE text").await.unwrap();
    assert_eq!(*pool.write(note).await.unwrap_err().meaning(), Meaning::CachedPlan);
    assert_eq!(pool.write(note).await.unwrap(), "seven");
    assert_eq!(pool.read(note).await.unwrap(), "seven");

    let pooled = pool::connect(database.url(), Options { pooled: true, session: Session::Desk }).unwrap();
    for _ in 0..3 {
        assert_eq!(pooled.write(note).await.unwrap(), "seven");
        assert_eq!(kept(&pooled).await, 0);
    }
}
