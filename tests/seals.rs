//! The event log is append-only, and whoever owns the database can't change it without being found out.

use crate::support::world::{World, desk_at, empty_world, world};
use kaygia_desk::desk::Gateway;
use kaygia_desk::desk::audit::Verdict;
use kaygia_desk::store::seals::chain::Tampering;

const MANY: &str = "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, before, after, origin) \
    SELECT 'staff', 'ada', 'ticket.status', 'ticket', 't' || n, jsonb_build_object('status', 'OPEN'), \
           jsonb_build_object('status', 'PENDING', 'n', n), 'ada@desk-2 7' FROM generate_series(1, $N) AS n";

async fn add(world: &World, events: u32) {
    world.sql(&MANY.replace("$N", &events.to_string())).await;
}

async fn sealed(world: &World) -> String {
    world.value("desk.seal_events()").await
}

async fn verdict(world: &World, head: Option<&str>) -> Verdict {
    world.desk.verify_log(head).await.unwrap()
}

async fn tampering(world: &World, head: Option<&str>) -> String {
    verdict(world, head).await.tampering.map_or_else(|| "whole".to_owned(), |found| found.to_string())
}

#[tokio::test]
async fn what_the_database_hashes_is_made_again_here_for_any_text() {
    let world = world().await;
    for text in ["", "plain", "it's \\ \"quoted\"", "Zoë 👩‍👩‍👧 東京", "1:2,-,", "a\nb\tc", "\u{202e}x"]
    {
        let event = [text, text, text, text];
        world
            .db
            .client
            .execute(
                "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, before, after, undoes, origin) \
                 VALUES ('staff', $1, 'a', $2, $3, jsonb_build_object($1::text, $2::text, 'n', NULL, 'f', 1.50), NULL, 7, $4)",
                &[&event[0], &event[1], &event[2], &event[3]],
            )
            .await
            .unwrap();
    }
    world.sql("INSERT INTO desk.events (actor_kind, action, entity, entity_id, after) VALUES ('system', 'a', 'b', 'c', 'null')").await;
    let verdict = verdict(&world, None).await;
    assert_eq!((verdict.tampering, verdict.sealed, verdict.unsealed, verdict.seals), (None, 8, 0, 1));
}

#[tokio::test]
async fn an_event_says_when_and_by_whom_the_server_saw_it_written() {
    let world = empty_world().await;
    let desk = world.db.connect_as_desk().await;
    desk.batch_execute("INSERT INTO desk.events (at, actor_kind, action, entity, entity_id) VALUES ('2001-01-01', 'system', 'a', 'b', 'c')")
        .await
        .unwrap();
    let seen = "concat_ws(' ', at > clock_timestamp() AT TIME ZONE 'utc' - interval '1 minute', db_link ~ '_clerk@')";
    assert_eq!(world.value(&format!("SELECT {seen} FROM desk.events")).await, "t t");
}

#[tokio::test]
async fn even_the_owner_changes_and_removes_nothing_by_mistake() {
    let world = world().await;
    add(&world, 3).await;
    assert_eq!(sealed(&world).await, "3");
    for statement in [
        "UPDATE desk.events SET actor_id = 'alan'",
        "DELETE FROM desk.events WHERE id = 1",
        "TRUNCATE desk.events",
        "UPDATE desk.seals SET number = 7",
        "DELETE FROM desk.seals",
        "TRUNCATE desk.seals",
    ] {
        let error = world.db.client.batch_execute(statement).await.unwrap_err();
        assert!(format!("{error:?}").contains("is append-only"), "{statement}: {error:?}");
    }
    assert_eq!(tampering(&world, None).await, "whole");
    world.sql("DROP SCHEMA desk CASCADE").await;
}

/// The story: somebody with the database owner's password closed a ticket in a colleague's name, and then rewrote
/// the log so that it had always been so.
#[tokio::test]
async fn of_10000_events_the_one_that_was_tampered_with_is_named() {
    let world = world().await;
    add(&world, 4000).await;
    world.sql("BEGIN; SELECT nextval('desk.events_id_seq'); ROLLBACK").await;
    add(&world, 6000).await;
    assert_eq!(sealed(&world).await, "10000");
    let head = verdict(&world, None).await.head.unwrap().digest;
    assert_eq!(tampering(&world, Some(&head.to_uppercase())).await, "whole");
    world.sql("CREATE TABLE public.kept_events AS SELECT * FROM desk.events; CREATE TABLE public.kept_seals AS SELECT * FROM desk.seals").await;
    let again =
        "UPDATE desk.events AS e SET hash = sha256(convert_to(desk.event_text(e), 'UTF8')) WHERE id = 5000";
    let swap = |one: &str, other: &str| {
        format!(
            "UPDATE desk.events AS e SET entity_id = k.entity_id, after = k.after, at = k.at, \
                    place_salt = k.place_salt, place_mark = k.place_mark{one} FROM public.kept_events AS k \
                  WHERE (e.id, k.id) IN ((300, 301), (301, 300)){other}"
        )
    };
    let cases: Vec<(String, &str)> = vec![
        ("UPDATE desk.events SET actor_id = 'alan' WHERE id = 5000".into(), "event 5000 was changed after it was written"),
        (format!("UPDATE desk.events SET at = at - interval '1 hour' WHERE id = 5000; {again}"), "event 5000 was changed after it was written"),
        (format!("UPDATE desk.events SET after = NULL WHERE id = 5000; {again};
                  UPDATE desk.seals AS s SET hashes = (SELECT string_agg(e.hash, '' ORDER BY e.id) FROM desk.events AS e WHERE e.id = ANY (s.ids)) WHERE number = 5"),
         "seal 5, over the events 4001 to 5001, was changed"),
        ("UPDATE desk.events SET hash = sha256('x') WHERE id = 1".into(), "event 1 was changed after it was written"),
        ("DELETE FROM desk.events WHERE id = 7000".into(), "event 7000 was deleted"),
        ("DELETE FROM desk.events WHERE id = 10001".into(), "event 10001 was deleted"),
        (swap("", ""), "event 300 was swapped with event 301"),
        (swap(", hash = k.hash", ""), "event 300 was swapped with event 301"),
        ("INSERT INTO desk.events OVERRIDING SYSTEM VALUE SELECT 4001, at, actor_kind, actor_id, action, entity, entity_id, before, after, undoes, origin, db_link, hash \
            FROM public.kept_events WHERE id = 4000".into(),
         "event 4001 was put in after its place in the log was sealed"),
        ("DELETE FROM desk.seals WHERE number = 3".into(), "seal 3 is missing"),
        ("UPDATE desk.seals SET at = at - interval '1 hour' WHERE number = 2".into(), "seal 2, over the events 1001 to 2000, was changed"),
        // Events 9001 and later have lost their seal: they are sealed again, and the head is another one.
        ("DELETE FROM desk.seals WHERE number = 10; DELETE FROM desk.events WHERE id > 9990".into(),
         "no seal has the noted head: the end of the log was cut off, or the log was made anew"),
    ];
    for (tamper, found) in cases {
        let switch = |word: &str| {
            format!("ALTER TABLE desk.events {word} TRIGGER USER; ALTER TABLE desk.seals {word} TRIGGER USER")
        };
        world.sql(&format!("{}; {tamper}; {}", switch("DISABLE"), switch("ENABLE"))).await;
        assert_eq!(tampering(&world, Some(&head)).await, found, "{tamper}");
        world
            .sql(&format!(
                "{}; TRUNCATE desk.events, desk.seals; INSERT INTO desk.seals SELECT * FROM public.kept_seals;
                 INSERT INTO desk.events OVERRIDING SYSTEM VALUE SELECT * FROM public.kept_events; {}",
                switch("DISABLE"),
                switch("ENABLE")
            ))
            .await;
    }
    assert_eq!(tampering(&world, Some(&head)).await, "whole");
}

#[tokio::test]
async fn what_is_not_sealed_yet_is_looked_at_too() {
    let world = world().await;
    add(&world, 5).await;
    let writer = world.db.connect().await;
    writer.batch_execute("BEGIN; LOCK TABLE desk.events IN ROW EXCLUSIVE MODE").await.unwrap();
    assert_eq!(verdict(&world, None).await.unsealed, 5);
    world
        .sql("SET session_replication_role = replica; UPDATE desk.events SET action = 'x' WHERE id = 3")
        .await;
    assert_eq!(verdict(&world, None).await.tampering, Some(Tampering::Changed(3)));
    assert_eq!(world.value("SELECT count(*) FROM desk.seals").await, "0");
}

#[tokio::test]
async fn an_event_that_is_made_up_later_can_not_be_old() {
    let world = world().await;
    add(&world, 5).await;
    assert_eq!(sealed(&world).await, "5");
    world
        .sql(
            "ALTER TABLE desk.events DISABLE TRIGGER USER;
             INSERT INTO desk.events (at, actor_kind, action, entity, entity_id, hash)
             VALUES ((clock_timestamp() AT TIME ZONE 'utc') - interval '3 days', 'staff', 'a', 'b', 'c', '');
             UPDATE desk.events AS e SET hash = sha256(convert_to(desk.event_text(e), 'UTF8')) WHERE id = 6",
        )
        .await;
    assert_eq!(verdict(&world, None).await.tampering, Some(Tampering::Backdated(6)));
}

#[tokio::test]
async fn an_event_of_a_transaction_that_takes_long_is_waited_for_and_sealed() {
    let world = world().await;
    let (early, late) = (world.db.connect().await, world.db.connect().await);
    early.batch_execute(&format!("BEGIN; {}", MANY.replace("$N", "1"))).await.unwrap();
    add(&world, 1).await;
    assert_eq!(sealed(&world).await, "0", "event 1 may still come");
    late.batch_execute(&format!("BEGIN; {}", MANY.replace("$N", "1"))).await.unwrap();
    add(&world, 1).await;
    assert_eq!(sealed(&world).await, "0");
    early.batch_execute("COMMIT").await.unwrap();
    assert_eq!(sealed(&world).await, "2", "up to where those who had begun by then have ended");
    assert_eq!(sealed(&world).await, "0");
    late.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(sealed(&world).await, "1");
    let verdict = verdict(&world, None).await;
    assert_eq!((verdict.tampering, verdict.sealed, verdict.unsealed), (None, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_and_another_desk_go_on_while_one_seals() {
    let world = world().await;
    add(&world, 3000).await;
    let sealer = world.db.connect().await;
    sealer.batch_execute("BEGIN; SELECT desk.seal_events()").await.unwrap();
    let writers = (0..8).map(async |_| {
        let writer = world.db.connect_as_desk().await;
        writer.batch_execute("SET lock_timeout = '1s'").await.unwrap();
        for _ in 0..20 {
            writer.batch_execute(&MANY.replace("$N", "1")).await.unwrap();
        }
    });
    futures_util::future::join_all(writers).await;
    assert!(!desk_at(world.db.url()).seal().await.unwrap(), "somebody else seals");
    assert_eq!(world.value("SELECT count(*) FROM desk.seals").await, "0");
    sealer.batch_execute("COMMIT").await.unwrap();
    let verdict = verdict(&world, None).await;
    assert_eq!((verdict.tampering, verdict.sealed, verdict.unsealed), (None, 3160, 0));
}

#[tokio::test]
async fn a_snapshot_from_before_seals_nothing() {
    let world = world().await;
    add(&world, 2).await;
    let db = world.db.connect().await;
    db.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT desk.seal_events(); COMMIT")
        .await
        .unwrap();
    assert_eq!(world.value("SELECT count(*) FROM desk.seals").await, "0");
}
