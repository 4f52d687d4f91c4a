//! Handing over all that is known of a person.

use crate::accounts::staffed;
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::UserId;
use serde_json::Value;

#[tokio::test]
async fn an_export_holds_all_of_one_person_and_nothing_of_another() {
    let world = staffed().await;
    let alan = world.actor("alan").await;
    world
        .sql(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) \
             SELECT 'b' || n, 'B-' || n, 'Mine ' || n, E'Tab\\tand \\u001b[2J', 'grace' FROM generate_series(1, 1200) AS n; \
             INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) \
             SELECT 'c' || n, 'From me', 'b1', 'grace', 'CLIENT' FROM generate_series(1, 1000) AS n; \
             INSERT INTO public.users (id, email, name) VALUES ('mary', 'mary@x.example', 'Mary');",
        )
        .await;
    world.comment("answer", "b1", "ada", "ADMIN", "1 minute").await;
    world.ticket("other", "mary", "OPEN", "1 hour").await;
    world.comment("theirs", "other", "mary", "CLIENT", "1 minute").await;
    world.project("p", "grace", "REVIEW", Some("2026-01-02")).await;
    let (mut text, mut longest) = (String::new(), 0);
    let mut sink = |piece: &str| {
        longest = longest.max(piece.len());
        text.push_str(piece);
        Ok(())
    };
    world.desk.export(&alan, &UserId::new("grace"), &mut sink).await.unwrap();
    assert!(longest < 1_000, "row by row");
    assert!(!text.contains('\u{1b}'));
    let all: Value = serde_json::from_str(&text).unwrap();
    let count = |part: &str| all[part].as_array().unwrap().len();
    assert_eq!(
        ["tickets", "comments", "answers", "projects", "events"].map(count),
        [1200, 1000, 1, 1, 1],
        "the event is this export"
    );
    assert_eq!(all["account"]["email"], "grace@example.test");
    assert!(all["account"].get("password_hash").is_none());
    assert_eq!(all["answers"][0]["user_id"], "ada");
    assert_eq!(all["tickets"][0]["description"], "Tab\tand \u{1b}[2J");
    assert!(!text.contains("mary") && !text.contains("theirs"));
    let event =
        "SELECT concat_ws(' ', action, actor_id, entity_id) FROM desk.events ORDER BY id DESC LIMIT 1";
    assert_eq!(world.value(event).await, "user.export alan grace");
}

#[tokio::test]
async fn nobody_but_a_super_administrator_gets_an_export_and_none_of_nobody() {
    let world = staffed().await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    let mut pieces = 0;
    let mut sink = |_: &str| {
        pieces += 1;
        Ok(())
    };
    let refused = world.desk.export(&ada, &UserId::new("grace"), &mut sink).await;
    assert!(matches!(refused, Err(Failure::Denied(_))), "{refused:?}");
    let nobody = world.desk.export(&alan, &UserId::new("nobody"), &mut sink).await;
    assert!(matches!(nobody, Err(Failure::Denied(_))), "{nobody:?}");
    assert_eq!(pieces, 0);
}
