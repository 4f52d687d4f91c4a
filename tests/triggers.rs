//! The triggers on the web app's tables: what they keep and what they tell.

use futures_util::future::join_all;
use kaygia_desk::store::fold;
use kaygia_desk::store::pool::{self, Options};
use tokio_postgres::Client;

use crate::adoption::WRONG;
use crate::migrate::list;
use crate::support::{self, Database};

/// A client, a member of staff, and one open ticket `t` of 1 January, 10:00.
pub async fn with_ticket() -> Database {
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

pub fn comment(id: &str, sender: &str, at: &str) -> String {
    let author = if sender == "ADMIN" { "staff" } else { "client" };
    format!(
        "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
         VALUES ('{id}', 'x', 't', '{author}', '{sender}', {at})"
    )
}

pub fn at(time: &str) -> String {
    format!("timestamp '2026-01-01 {time}'")
}

pub fn status(to: &str) -> String {
    format!("UPDATE public.support_tickets SET status = '{to}' WHERE id = 't'")
}

pub async fn row(db: &Client) -> String {
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
