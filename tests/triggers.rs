//! The triggers on the web app's tables: what they keep, what they tell, and that the web app never notices them.

use std::time::Duration;

use futures_util::future::join_all;
use kaygia_desk::store::fold;
use kaygia_desk::store::pool::{self, Options};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tokio_postgres::Client;

use crate::adoption::WRONG;
use crate::migrate::list;
use crate::support::{self, Database};

/// A client, a member of staff, and one open ticket `t` of 1 January, 10:00.
async fn with_ticket() -> Database {
    let database = support::database().await;
    let db = &database.client;
    db.batch_execute("SET TimeZone = 'UTC'").await.unwrap();
    db.batch_execute(
        "INSERT INTO public.users (id, email, name, role) VALUES ('client', 'c@x', 'Cleo', 'CLIENT'), ('staff', 's@x', 'Sam', 'ADMIN');
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, created_at)
         VALUES ('t', 'TKT-1001', 's', 'd', 'client', '2026-01-01 10:00')",
    )
    .await
    .unwrap();
    database
}

fn comment(id: &str, sender: &str, at: &str) -> String {
    let author = if sender == "ADMIN" { "staff" } else { "client" };
    format!(
        "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
         VALUES ('{id}', 'x', 't', '{author}', '{sender}', {at})"
    )
}

fn at(time: &str) -> String {
    format!("timestamp '2026-01-01 {time}'")
}

fn status(to: &str) -> String {
    format!("UPDATE public.support_tickets SET status = '{to}' WHERE id = 't'")
}

async fn row(db: &Client) -> String {
    list(
        db,
        "SELECT status, last_side, coalesce(last_comment_id, '-'), comment_count,
                coalesce('waiting ' || to_char(waiting_since, 'HH24:MI'), 'answered'), active
           FROM desk.tickets WHERE ticket_id = 't'",
    )
    .await
    .join("; ")
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_turn_it_is_follows_the_conversation() {
    let cases: Vec<(&str, Vec<String>, &str)> = vec![
        ("the description waits", vec![], "OPEN | CLIENT | - | 0 | waiting 10:00 | t"),
        ("an answer ends the wait", vec![comment("a", "ADMIN", &at("11:00"))], "OPEN | ADMIN | a | 1 | answered | t"),
        (
            "the first message after the answer counts",
            vec![
                comment("a", "ADMIN", &at("11:00")),
                comment("b", "CLIENT", &at("12:00")),
                comment("c", "CLIENT", &at("13:00")),
            ],
            "OPEN | CLIENT | c | 3 | waiting 12:00 | t",
        ),
        (
            "more messages do not restart the wait",
            vec![comment("a", "CLIENT", &at("11:00")), comment("b", "CLIENT", &at("12:00"))],
            "OPEN | CLIENT | b | 2 | waiting 10:00 | t",
        ),
        (
            "ties are broken by the id",
            vec![comment("b", "ADMIN", &at("11:00")), comment("c", "CLIENT", &at("11:00"))],
            "OPEN | CLIENT | c | 2 | waiting 11:00 | t",
        ),
        (
            "a message that slips in before the answer is answered",
            vec![comment("a", "ADMIN", &at("12:00")), comment("b", "CLIENT", &at("11:00"))],
            "OPEN | ADMIN | a | 2 | answered | t",
        ),
        (
            "an answer that slips in between moves the wait",
            vec![comment("b", "CLIENT", &at("12:00")), comment("a", "ADMIN", &at("11:00"))],
            "OPEN | CLIENT | b | 2 | waiting 12:00 | t",
        ),
        ("resolving answers", vec![status("RESOLVED")], "RESOLVED | CLIENT | - | 0 | answered | f"),
        (
            "closing answers, reopening does not ask again",
            vec![comment("a", "CLIENT", &at("11:00")), status("CLOSED"), status("OPEN")],
            "OPEN | CLIENT | a | 1 | answered | t",
        ),
        ("pending answers nothing", vec![status("PENDING")], "PENDING | CLIENT | - | 0 | waiting 10:00 | t"),
        (
            "old messages imported into a closed ticket do not ask",
            vec![status("CLOSED"), comment("a", "CLIENT", &at("11:00"))],
            "CLOSED | CLIENT | a | 1 | answered | f",
        ),
        (
            "an answer that is deleted lets the wait return",
            vec![comment("a", "ADMIN", &at("11:00")), "DELETE FROM public.ticket_comments WHERE id = 'a'".to_owned()],
            "OPEN | CLIENT | - | 0 | waiting 10:00 | t",
        ),
        (
            "a message that changes its side changes the turn",
            vec![
                comment("a", "CLIENT", &at("11:00")),
                "UPDATE public.ticket_comments SET sender = 'ADMIN' WHERE id = 'a'".to_owned(),
            ],
            "OPEN | ADMIN | a | 1 | answered | t",
        ),
        (
            "many messages in one statement",
            vec![
                "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
                 SELECT 'm' || lpad(n::text, 4, '0'), 'x', 't', 'client', CASE WHEN n = 900 THEN 'ADMIN' ELSE 'CLIENT' END::public.comment_sender,
                        timestamp '2026-01-01 10:00' + n * interval '1 second' FROM generate_series(1, 1000) n"
                    .to_owned(),
            ],
            "OPEN | CLIENT | m1000 | 1000 | waiting 10:15 | t",
        ),
    ];
    for (what, statements, expected) in cases {
        let database = with_ticket().await;
        for statement in &statements {
            database.client.batch_execute(statement).await.unwrap();
        }
        fold::all(&database.client).await.unwrap();
        assert_eq!(row(&database.client).await, expected, "{what}");
        assert_eq!(list(&database.client, WRONG).await, [""; 0], "{what}");
    }
}

/// A client's answer to a closed ticket must not get lost, even from a web server whose clock is a little behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_closed_ticket_surfaces() {
    for (when, active) in [
        ("clock_timestamp() AT TIME ZONE 'utc'", "t"),
        ("(clock_timestamp() AT TIME ZONE 'utc') - interval '40 seconds'", "t"),
        ("(clock_timestamp() AT TIME ZONE 'utc') - interval '1 hour'", "f"),
    ] {
        let database = with_ticket().await;
        let db = &database.client;
        db.batch_execute(&status("RESOLVED")).await.unwrap();
        db.batch_execute(&comment("late", "CLIENT", when)).await.unwrap();
        assert_eq!(
            list(db, "SELECT active, status FROM desk.tickets").await,
            [format!("{active} | RESOLVED")],
            "{when}"
        );
        assert_eq!(list(db, WRONG).await, [""; 0]);
        // The same when the trigger could not do it at once.
        let other = with_ticket().await;
        let db = &other.client;
        db.batch_execute(&status("RESOLVED")).await.unwrap();
        let holder = other.connect().await;
        holder.batch_execute("BEGIN; SELECT FROM desk.tickets FOR UPDATE").await.unwrap();
        db.batch_execute(&comment("late", "CLIENT", when)).await.unwrap();
        holder.batch_execute("ROLLBACK").await.unwrap();
        fold::all(db).await.unwrap();
        assert_eq!(
            list(db, "SELECT active, status FROM desk.tickets").await,
            [format!("{active} | RESOLVED")],
            "{when}"
        );
        assert_eq!(list(db, WRONG).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resolving_while_our_row_is_held_is_not_forgotten() {
    let database = with_ticket().await;
    let db = &database.client;
    let holder = database.connect().await;
    holder.batch_execute("BEGIN; SELECT FROM desk.tickets FOR UPDATE").await.unwrap();
    db.batch_execute(&status("RESOLVED")).await.unwrap();
    db.batch_execute(&status("OPEN")).await.unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(fold::all(db).await.unwrap().rows, 1);
    assert_eq!(row(db).await, "OPEN | CLIENT | - | 0 | answered | t");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_screens_show_raises_the_version_and_nothing_else_does() {
    let database = with_ticket().await;
    let db = &database.client;
    db.batch_execute(&comment("a", "CLIENT", &at("11:00"))).await.unwrap();
    db.batch_execute(
        "INSERT INTO public.projects (id, title, client_id, type) VALUES ('p', 'P', 'client', 'OTHER')",
    )
    .await
    .unwrap();
    let versions = "SELECT (SELECT version FROM desk.tickets), (SELECT version FROM desk.projects),
                           (SELECT version FROM desk.users WHERE user_id = 'client')";
    let mut expected = [2, 1, 1];
    for (statement, which) in [
        ("UPDATE public.support_tickets SET subject = 'other'", Some(0)),
        ("UPDATE public.support_tickets SET description = 'other'", Some(0)),
        ("UPDATE public.support_tickets SET ticket_number = 'TKT-7'", Some(0)),
        ("UPDATE public.support_tickets SET updated_at = now(), last_replied_at = now()", None),
        ("UPDATE public.support_tickets SET status = status", None),
        ("UPDATE public.ticket_comments SET content = 'edited'", Some(0)),
        ("UPDATE public.ticket_comments SET updated_at = now()", None),
        ("UPDATE public.projects SET requirements = 'many'", Some(1)),
        ("UPDATE public.projects SET status = 'REVIEW', end_date = '2026-02-01'", Some(1)),
        ("UPDATE public.projects SET updated_at = now()", None),
        ("UPDATE public.users SET name = 'Cleopatra' WHERE id = 'client'", Some(2)),
        ("UPDATE public.users SET email_verified = true WHERE id = 'client'", Some(2)),
        ("UPDATE public.users SET last_logged_in = now(), password_hash = 'x'", None),
    ] {
        db.batch_execute(statement).await.unwrap();
        if let Some(which) = which {
            expected[which] += 1;
        }
        assert_eq!(
            list(db, versions).await,
            [expected.map(|v: i32| v.to_string()).join(" | ")],
            "{statement}"
        );
    }
    assert_eq!(
        list(db, "SELECT search, role, active FROM desk.users WHERE user_id = 'client'").await,
        ["cleopatra c@x  | CLIENT | t"]
    );
    assert_eq!(list(db, "SELECT number_prefix, number_value FROM desk.tickets").await, ["TKT- | 7"]);
    assert_eq!(list(db, WRONG).await, [""; 0]);
    assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
}

/// What the channel says because of these statements, in order.
async fn heard(database: &Database, statements: &[&str]) -> Vec<String> {
    let (listener, mut notices) =
        pool::connector(database.url(), Options::default()).unwrap().connect_listening().await.unwrap();
    listener.batch_execute("LISTEN desk").await.unwrap();
    let db = database.connect().await;
    for statement in statements {
        db.batch_execute(statement).await.unwrap();
    }
    db.batch_execute("NOTIFY desk, 'end'").await.unwrap();
    let mut payloads = Vec::new();
    while let Some(notice) = notices.recv().await {
        if notice.payload() == "end" {
            break;
        }
        payloads.push(notice.payload().to_owned());
    }
    payloads
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_by_id_and_version() {
    let database = with_ticket().await;
    let said = heard(
        &database,
        &[
            &comment("a", "CLIENT", &at("11:00")),
            &status("RESOLVED"),
            "BEGIN; UPDATE public.support_tickets SET subject = 'x'; ROLLBACK",
            "INSERT INTO public.projects (id, title, client_id, type) VALUES ('with blanks', 'P', 'client', 'OTHER')",
            "UPDATE public.users SET role = 'ADMIN' WHERE id = 'client'",
            "UPDATE public.users SET last_logged_in = now()",
            "DELETE FROM public.support_tickets",
        ],
    )
    .await;
    assert_eq!(said, ["t 2 t", "t 3 t", "p 1 with blanks", "u 2 client", "t 4 t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_told_in_one_word() {
    let database = with_ticket().await;
    let many = "INSERT INTO public.users (id, email) SELECT 'u' || n, n::text FROM generate_series(1, {}) n";
    assert_eq!(heard(&database, &[&many.replace("{}", "51")]).await, ["*"]);
    assert_eq!(heard(&database, &["UPDATE public.users SET name = 'x' WHERE id LIKE 'u%'"]).await, ["*"]);
    // So many that the trigger leaves them to folding: the web app's statement stays quick.
    let storm = "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
                 SELECT 's' || n, 'S-' || n, 's', 'd', 'client' FROM generate_series(1, 3000) n";
    assert_eq!(heard(&database, &[storm]).await, ["stale"]);
    fold::all(&database.client).await.unwrap();
    assert_eq!(list(&database.client, WRONG).await, [""; 0]);
    assert_eq!(heard(&database, &["UPDATE public.support_tickets SET status = 'CLOSED'"]).await, ["stale"]);
    fold::all(&database.client).await.unwrap();
    assert_eq!(list(&database.client, WRONG).await, [""; 0]);
    assert_eq!(list(&database.client, "SELECT count(*) FROM desk.tickets WHERE active").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_too_long_to_tell_means_everything() {
    let database = with_ticket().await;
    let insert = "INSERT INTO public.users (id, email) VALUES (repeat('x', 2000), 'long@x')";
    assert_eq!(heard(&database, &[insert]).await, ["*"]);
}

/// Two ordinary transactions of the web app, as database.md tells: with waiting triggers they deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn two_web_app_transactions_never_meet_because_of_us() {
    for order in ["read committed", "repeatable read", "serializable"] {
        for first_updates in [false, true] {
            let database = with_ticket().await;
            let (a, b) = (database.connect().await, database.connect().await);
            for db in [&a, &b] {
                db.batch_execute(&format!(
                    "BEGIN ISOLATION LEVEL {order}; SELECT count(*) FROM public.users"
                ))
                .await
                .unwrap();
            }
            a.batch_execute(&comment("a", "ADMIN", &at("11:00"))).await.unwrap();
            let busy = "UPDATE public.support_tickets SET subject = 'b' WHERE id = 't'";
            if first_updates {
                // B holds the ticket, A must wait for it as it would without us.
                b.batch_execute(busy).await.unwrap();
                let waiting =
                    a.batch_execute("UPDATE public.support_tickets SET updated_at = now() WHERE id = 't'");
                let committing = async {
                    b.batch_execute(&comment("b", "CLIENT", &at("12:00"))).await.unwrap();
                    b.batch_execute("COMMIT").await.unwrap();
                };
                let (waited, ()) = tokio::join!(waiting, committing);
                if order == "read committed" {
                    waited.unwrap();
                    a.batch_execute("COMMIT").await.unwrap();
                } else {
                    // Its own rule: the row it wants was changed after its snapshot. Not ours to prevent.
                    assert_eq!(waited.unwrap_err().code().unwrap().code(), "40001");
                    a.batch_execute("ROLLBACK").await.unwrap();
                }
            } else {
                b.batch_execute(&comment("b", "CLIENT", &at("12:00"))).await.unwrap();
                a.batch_execute("COMMIT").await.unwrap();
                b.batch_execute(&comment("c", "CLIENT", &at("13:00"))).await.unwrap();
                b.batch_execute("COMMIT").await.unwrap();
            }
            fold::all(&database.client).await.unwrap();
            assert_eq!(list(&database.client, WRONG).await, [""; 0], "{order} {first_updates}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_writers_on_three_tickets_lose_no_count() {
    let database = with_ticket().await;
    database
        .client
        .batch_execute(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
             VALUES ('t2', '2', 's', 'd', 'client'), ('t3', '3', 's', 'd', 'client')",
        )
        .await
        .unwrap();
    let folding = async {
        for _ in 0..60 {
            fold::fold(&database.client).await.unwrap();
        }
    };
    let database = &database;
    let writing = join_all((0..20).map(|w| async move {
        let db = database.connect().await;
        for n in 0..15 {
            // Each transaction touches two tickets, in varying order, without ordering their locks itself.
            let (one, other) = (["t", "t2", "t3"][(w + n) % 3], ["t", "t2", "t3"][(w + n * 2 + 1) % 3]);
            db.batch_execute(&format!(
                "BEGIN;
                 INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender)
                 VALUES ('{w}-{n}-a', 'x', '{one}', 'client', 'CLIENT');
                 INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender)
                 VALUES ('{w}-{n}-b', 'x', '{other}', 'staff', 'ADMIN');
                 COMMIT"
            ))
            .await
            .unwrap();
        }
    }));
    tokio::join!(folding, writing);
    fold::all(&database.client).await.unwrap();
    assert_eq!(list(&database.client, WRONG).await, [""; 0]);
    assert_eq!(list(&database.client, "SELECT sum(comment_count) FROM desk.tickets").await, ["600"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_waits_for_nobody() {
    let database = with_ticket().await;
    let db = &database.client;
    let holder = database.connect().await;
    db.batch_execute("SET statement_timeout = '400ms'").await.unwrap();
    for held in [
        "SELECT FROM desk.tickets FOR UPDATE",
        "SELECT FROM desk.users FOR UPDATE",
        "LOCK TABLE desk.tickets IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE desk.tickets, desk.users, desk.reads, desk.projects IN SHARE MODE",
    ] {
        holder.batch_execute(&format!("BEGIN; {held}")).await.unwrap();
        for statement in [
            "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) VALUES (gen_random_uuid()::text, 'x', 't', 'client', 'CLIENT')",
            "UPDATE public.support_tickets SET status = 'PENDING', subject = md5(random()::text)",
            "UPDATE public.users SET name = md5(random()::text)",
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) VALUES (gen_random_uuid()::text, gen_random_uuid()::text, 's', 'd', 'client')",
            "DELETE FROM public.ticket_comments WHERE user_id = 'client'",
            "DELETE FROM public.support_tickets WHERE id <> 't'",
        ] {
            db.batch_execute(statement).await.unwrap_or_else(|error| panic!("{held}: {statement}: {error}"));
        }
        holder.batch_execute("ROLLBACK").await.unwrap();
        fold::all(db).await.unwrap();
        assert_eq!(list(db, WRONG).await, [""; 0], "{held}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncate_empties_ours_too() {
    for hold in [false, true] {
        let database = with_ticket().await;
        let db = &database.client;
        db.batch_execute("INSERT INTO desk.reads VALUES ('staff', 't', now())").await.unwrap();
        db.batch_execute("INSERT INTO desk.events (actor_kind, action, entity, entity_id) VALUES ('system', 'test', 'ticket', 't')").await.unwrap();
        let holder = database.connect().await;
        if hold {
            holder.batch_execute("BEGIN; SELECT FROM desk.tickets FOR UPDATE").await.unwrap();
        }
        db.batch_execute("SET statement_timeout = '1s'; TRUNCATE public.users CASCADE").await.unwrap();
        let left = "SELECT (SELECT count(*) FROM desk.tickets), (SELECT count(*) FROM desk.users), (SELECT count(*) FROM desk.reads), (SELECT count(*) FROM desk.events)";
        if hold {
            holder.batch_execute("ROLLBACK").await.unwrap();
        } else {
            assert_eq!(list(db, left).await, ["0 | 0 | 0 | 1"]);
        }
        fold::all(db).await.unwrap();
        assert_eq!(list(db, left).await, ["0 | 0 | 0 | 1"]);
        assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
        db.batch_execute("INSERT INTO public.users (id, email) VALUES ('again', 'a@x')").await.unwrap();
        assert_eq!(list(db, "SELECT user_id FROM desk.users").await, ["again"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_comments_leave_their_tickets() {
    let database = with_ticket().await;
    let db = &database.client;
    db.batch_execute(&comment("a", "ADMIN", &at("11:00"))).await.unwrap();
    db.batch_execute("TRUNCATE public.ticket_comments").await.unwrap();
    fold::all(db).await.unwrap();
    assert_eq!(row(db).await, "OPEN | CLIENT | - | 0 | waiting 10:00 | t");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_user_cascades_through_ours() {
    let database = with_ticket().await;
    let db = &database.client;
    db.batch_execute(&comment("a", "ADMIN", &at("11:00"))).await.unwrap();
    db.batch_execute("DELETE FROM public.users WHERE id = 'staff'").await.unwrap();
    fold::all(db).await.unwrap();
    assert_eq!(row(db).await, "OPEN | CLIENT | - | 0 | waiting 10:00 | t");
    db.batch_execute("DELETE FROM public.users WHERE id = 'client'").await.unwrap();
    fold::all(db).await.unwrap();
    assert_eq!(
        list(db, "SELECT ticket_id FROM desk.tickets UNION ALL SELECT user_id FROM desk.users").await,
        [""; 0]
    );
    assert_eq!(list(db, WRONG).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_app_may_alter_its_columns() {
    let database = with_ticket().await;
    let db = &database.client;
    for statement in [
        "ALTER TABLE public.support_tickets ALTER COLUMN subject TYPE varchar(500)",
        "ALTER TABLE public.ticket_comments ALTER COLUMN content TYPE varchar",
        "ALTER TABLE public.users ALTER COLUMN name TYPE varchar(100), ADD COLUMN phone text",
        "ALTER TABLE public.projects ALTER COLUMN budget TYPE double precision",
        "ALTER TABLE public.support_tickets ALTER COLUMN status DROP DEFAULT, ALTER COLUMN status TYPE text",
        "ALTER TABLE public.ticket_comments ALTER COLUMN sender TYPE text",
        "ALTER TABLE public.users DROP COLUMN company",
        "ALTER TABLE public.support_tickets RENAME COLUMN client_id TO owner_id",
    ] {
        db.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        // Whatever it did, its own writes go through.
        db.batch_execute("UPDATE public.support_tickets SET subject = subject || 'x'; UPDATE public.users SET name = name || 'x'").await.unwrap();
        let id = statement.len();
        db.batch_execute(&comment(&format!("c{id}"), "CLIENT", "clock_timestamp() AT TIME ZONE 'utc'"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_app_works_with_our_tables_gone() {
    let database = with_ticket().await;
    let db = &database.client;
    for loss in [
        "DROP TABLE desk.tickets CASCADE",
        "DROP TABLE desk.users, desk.projects, desk.reads CASCADE",
        "DROP TABLE desk.stale CASCADE",
    ] {
        db.batch_execute(loss).await.unwrap();
        db.batch_execute(&comment(&loss.len().to_string(), "CLIENT", "now()::timestamp")).await.unwrap();
        db.batch_execute("UPDATE public.support_tickets SET status = 'PENDING', subject = subject || 'x'")
            .await
            .unwrap();
        db.batch_execute("UPDATE public.users SET name = name || 'x'").await.unwrap();
        db.batch_execute("DELETE FROM public.ticket_comments WHERE user_id = 'nobody'").await.unwrap();
    }
    db.batch_execute("DELETE FROM public.users; TRUNCATE public.users CASCADE").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_on_ours_writes_as_before() {
    let database = with_ticket().await;
    let db = &database.client;
    let role = format!("web_{}", database.name());
    db.batch_execute(&format!(
        "CREATE ROLE {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; SET ROLE {role}; SET search_path = public"
    ))
    .await
    .unwrap();
    db.batch_execute("SELECT FROM desk.tickets").await.unwrap_err();
    db.batch_execute(&comment("a", "ADMIN", &at("11:00"))).await.unwrap();
    db.batch_execute("UPDATE support_tickets SET subject = 'x'; INSERT INTO users (id, email) VALUES ('w', 'w@x'); DELETE FROM users WHERE id = 'w'").await.unwrap();
    // A table of its own with the name of one of ours leads nobody astray.
    db.batch_execute("CREATE TEMP TABLE tickets (ticket_id text); CREATE TEMP TABLE stale (kind text)")
        .await
        .unwrap();
    db.batch_execute(&status("RESOLVED")).await.unwrap();
    db.batch_execute("RESET ROLE").await.unwrap();
    assert_eq!(row(db).await, "RESOLVED | ADMIN | a | 1 | answered | f");
    assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
    db.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_desks_fold_at_once_and_each_row_once() {
    let database = with_ticket().await;
    database
        .client
        .batch_execute(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
             SELECT 's' || n, 'S-' || n, 's', 'd', 'client' FROM generate_series(1, 3000) n",
        )
        .await
        .unwrap();
    let folds = join_all((0..4).map(|_| async {
        let db = database.connect().await;
        fold::all(&db).await.unwrap()
    }))
    .await;
    assert_eq!(folds.iter().map(|folded| folded.rows).sum::<u64>(), 3000);
    assert_eq!(list(&database.client, WRONG).await, [""; 0]);
    assert_eq!(list(&database.client, "SELECT max(version) FROM desk.tickets").await, ["1"]);
}

/// One row that our indexes refuse must not keep the others from being folded.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_kept_stops_no_other() {
    let database = with_ticket().await;
    let db = &database.client;
    db.batch_execute(
        "ALTER TABLE desk.tickets ADD CONSTRAINT test CHECK (number <> 'S-7');
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
         SELECT 's' || n, 'S-' || n, 's', 'd', 'client' FROM generate_series(1, 10) n;
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
         SELECT 'r' || n, 'R-' || n, 's', 'd', 'client' FROM generate_series(1, 600) n",
    )
    .await
    .unwrap();
    fold::all(db).await.unwrap();
    assert_eq!(list(db, "SELECT count(*) FROM desk.tickets").await, ["610"]);
    assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
}

#[derive(Clone, Debug)]
enum Op {
    Comment { ticket: u8, staff: bool, minute: i16, n: u8 },
    Status { ticket: u8, to: u8 },
    Edit { ticket: u8 },
    Delete { comment: u8 },
    Move { comment: u8, minute: i16, staff: bool },
    Ticket { ticket: u8, closed: bool },
    Drop { ticket: u8 },
    Rename { ticket: u8 },
    Person { n: u8 },
    Hold,
    Release,
    Fold,
    Bulk,
}

fn op() -> impl Strategy<Value = Op> {
    let minute = -20i16..60;
    prop_oneof![
        8 => (0..4u8, any::<bool>(), minute.clone(), 1..4u8).prop_map(|(ticket, staff, minute, n)| Op::Comment { ticket, staff, minute, n }),
        4 => (0..4u8, 0..4u8).prop_map(|(ticket, to)| Op::Status { ticket, to }),
        1 => (0..4u8).prop_map(|ticket| Op::Edit { ticket }),
        2 => any::<u8>().prop_map(|comment| Op::Delete { comment }),
        2 => (any::<u8>(), minute, any::<bool>()).prop_map(|(comment, minute, staff)| Op::Move { comment, minute, staff }),
        2 => (0..4u8, any::<bool>()).prop_map(|(ticket, closed)| Op::Ticket { ticket, closed }),
        1 => (0..4u8).prop_map(|ticket| Op::Drop { ticket }),
        1 => (0..4u8).prop_map(|ticket| Op::Rename { ticket }),
        1 => (0..4u8).prop_map(|n| Op::Person { n }),
        2 => Just(Op::Hold),
        2 => Just(Op::Release),
        2 => Just(Op::Fold),
        1 => Just(Op::Bulk),
    ]
}

const STATUSES: [&str; 4] = ["OPEN", "PENDING", "RESOLVED", "CLOSED"];

fn statement(op: &Op, n: usize) -> Option<String> {
    // Around now, so that answers given now fall among the messages.
    let when = |minute: i16| {
        format!(
            "(clock_timestamp() AT TIME ZONE 'utc') - interval '30 minutes' + {minute} * interval '1 minute'"
        )
    };
    Some(match op {
        Op::Comment { ticket, staff, minute, n: many } => format!(
            "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
             SELECT 'c' || {n} % 40 || '-' || k, 'x', t.id, u.id, '{side}', {at} + k * interval '1 second'
               FROM generate_series(1, {many}) k, public.support_tickets t, public.users u
              WHERE t.id = 'p{ticket}' AND u.id = '{who}' ON CONFLICT DO NOTHING",
            side = if *staff { "ADMIN" } else { "CLIENT" },
            who = if *staff { "staff" } else { "client" },
            at = when(*minute),
        ),
        Op::Status { ticket, to } => {
            format!("UPDATE public.support_tickets SET status = '{}' WHERE id = 'p{ticket}'", STATUSES[usize::from(*to)])
        }
        Op::Edit { ticket } => format!(
            "UPDATE public.support_tickets SET subject = 's{n}', client_id = CASE WHEN {n} % 3 = 0 THEN 'staff' ELSE 'client' END,
                    created_at = created_at - ({n} % 2) * interval '1 minute' WHERE id = 'p{ticket}'"
        ),
        Op::Delete { comment } => format!("DELETE FROM public.ticket_comments WHERE id LIKE 'c{}-%'", comment % 40),
        Op::Move { comment, minute, staff } => format!(
            "UPDATE public.ticket_comments SET created_at = {}, sender = '{}' WHERE id LIKE 'c{}-%'",
            when(*minute), if *staff { "ADMIN" } else { "CLIENT" }, comment % 40
        ),
        Op::Ticket { ticket, closed } => format!(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, status, created_at)
             VALUES ('p{ticket}', 'P-{ticket}', 's', 'd', 'client', '{}', {}) ON CONFLICT DO NOTHING",
            if *closed { "CLOSED" } else { "OPEN" }, when(-10)
        ),
        Op::Drop { ticket } => format!("DELETE FROM public.support_tickets WHERE id = 'p{ticket}'"),
        Op::Rename { ticket } => format!(
            "UPDATE public.support_tickets SET id = 'q{ticket}' WHERE id = 'p{ticket}'
                AND NOT EXISTS (SELECT FROM public.ticket_comments c WHERE c.ticket_id = 'p{ticket}')
                AND NOT EXISTS (SELECT FROM public.support_tickets o WHERE o.id = 'q{ticket}')"
        ),
        Op::Person { n: who } => format!(
            "INSERT INTO public.users (id, email, name) VALUES ('u{who}', 'u{who}', 'n{n}')
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, active = NOT users.active"
        ),
        Op::Bulk => "UPDATE public.support_tickets SET status = CASE status WHEN 'OPEN' THEN 'CLOSED' ELSE 'OPEN' END::public.ticket_status".to_owned(),
        Op::Hold | Op::Release | Op::Fold => return None,
    })
}

/// Increments by the triggers and a computation from all rows come to the same, whatever happens in what order, with
/// our rows now and then held by somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn increments_and_recomputation_agree() {
    let database = support::database().await;
    let db = &database.client;
    let holder = database.connect().await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    for round in 0..50 {
        let ops = prop::collection::vec(op(), 10..40).new_tree(&mut runner).unwrap().current();
        db.batch_execute(
            "DELETE FROM public.users;
             INSERT INTO public.users (id, email, role) VALUES ('client', 'c', 'CLIENT'), ('staff', 's', 'ADMIN');
             INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, created_at)
             SELECT 'p' || n, 'P-' || n, 's', 'd', 'client', (clock_timestamp() AT TIME ZONE 'utc') - interval '35 minutes' FROM generate_series(0, 3) n",
        )
        .await
        .unwrap();
        fold::all(db).await.unwrap();
        let mut held = false;
        for (n, op) in ops.iter().enumerate() {
            match op {
                Op::Hold if !held => {
                    holder
                        .batch_execute("BEGIN; SELECT FROM desk.tickets WHERE ticket_id < 'p2' FOR UPDATE")
                        .await
                        .unwrap();
                    held = true;
                }
                Op::Release if held => {
                    holder.batch_execute("ROLLBACK").await.unwrap();
                    held = false;
                }
                Op::Hold | Op::Release => {}
                Op::Fold => {
                    fold::fold(db).await.unwrap();
                }
                _ => {}
            }
            if let Some(statement) = statement(op, n) {
                db.batch_execute(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            // What is not marked as stale is right at every moment.
            let wrong = format!(
                "SELECT * FROM ({WRONG}) w WHERE NOT EXISTS (SELECT FROM desk.stale s WHERE s.row_id = w.coalesce)"
            );
            assert_eq!(list(db, &wrong).await, [""; 0], "round {round}, after {op:?}, number {n} of {ops:?}");
        }
        if held {
            holder.batch_execute("ROLLBACK").await.unwrap();
        }
        fold::all(db).await.unwrap();
        assert_eq!(list(db, WRONG).await, [""; 0], "round {round}: {ops:?}");
        assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
    }
}

/// Not a benchmark: a guard against a trigger that became slow by an order of magnitude.
#[tokio::test(flavor = "multi_thread")]
async fn a_comment_costs_the_web_app_little() {
    let database = with_ticket().await;
    let db = &database.client;
    let insert = "DO $$ BEGIN FOR n IN 1..300 LOOP
        INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) VALUES (gen_random_uuid()::text, 'x', 't', 'client', 'CLIENT');
        END LOOP; END $$";
    let start = std::time::Instant::now();
    db.batch_execute(insert).await.unwrap();
    let with_triggers = start.elapsed();
    assert!(with_triggers < Duration::from_secs(3), "300 comments took {with_triggers:?}");
}
