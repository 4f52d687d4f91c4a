//! The doctor: finds what is wrong, says what to do, and mends what is the desk's own.

use kaygia_desk::store::doctor::{self, Finding, Severity};
use kaygia_desk::store::pool::{self, Options};

use crate::adoption::WRONG;
use crate::migrate::{connector, list};
use crate::support::{self, Database};

/// What the doctor tells the desk's own role.
async fn findings(database: &Database) -> Vec<Finding> {
    told_at(database.url()).await
}

async fn told_at(url: &str) -> Vec<Finding> {
    let connector = pool::connector(url, Options::MAINTENANCE).unwrap();
    doctor::examine(&connector, &connector, false).await.unwrap()
}

/// What was found beyond notes, one line each.
async fn complaints(database: &Database) -> Vec<String> {
    lines(findings(database).await)
}

fn lines(findings: Vec<Finding>) -> Vec<String> {
    let mut lines: Vec<String> = findings
        .into_iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| {
            assert_ne!(finding.advice, "", "{finding:?}");
            format!("{}: {}", finding.subject, finding.what)
        })
        .collect();
    lines.sort_unstable();
    lines
}

const ROWS: &str = "
    INSERT INTO public.users (id, email) VALUES ('client', 'c'), ('other', 'o');
    INSERT INTO public.projects (id, title, client_id, type) VALUES ('p', 'P', 'client', 'OTHER');
    INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
    SELECT 't' || n, n::text, 's', 'd', 'client' FROM generate_series(1, 20) n;
    INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender)
    SELECT 'c' || n, 'x', 't' || n, 'client', 'ADMIN' FROM generate_series(1, 10) n";

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_database_has_no_complaint() {
    let database = support::database().await;
    database.client.batch_execute(ROWS).await.unwrap();
    assert_eq!(complaints(&database).await, [""; 0]);
    let subjects: Vec<&str> = findings(&database).await.iter().map(|finding| finding.subject).collect();
    for subject in
        ["server", "encryption", "time zone", "schema", "rights", "triggers", "indexes", "listener", "rows"]
    {
        assert!(subjects.contains(&subject), "{subject} was not looked at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_some_size_without_statistics_is_named() {
    let database = support::database().await;
    let many = "INSERT INTO public.users (id, email, name) SELECT n, n, repeat('x', 200) FROM generate_series(1, 6000) AS n";
    database.client.batch_execute(many).await.unwrap();
    database.client.batch_execute("ANALYZE").await.unwrap();
    assert_eq!(complaints(&database).await, [""; 0]);
    // What pg_upgrade leaves behind.
    database.client.batch_execute("UPDATE pg_class SET reltuples = -1 WHERE relkind = 'r'").await.unwrap();
    let told = complaints(&database).await;
    assert!(
        told.len() == 1
            && told[0].starts_with("statistics: none are kept of")
            && told[0].contains(" public.users"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_without_the_desk_name_the_command() {
    let database = support::empty_database().await;
    assert_eq!(lines(told_at(database.owner_url()).await), ["schema: the database is empty"]);
    let advice: Vec<String> =
        told_at(database.owner_url()).await.into_iter().map(|finding| finding.advice).collect();
    assert!(advice.contains(&"run `desk migrate`".to_owned()));
    database.client.batch_execute("CREATE TABLE public.users (id int)").await.unwrap();
    assert!(
        lines(told_at(database.owner_url()).await)
            .iter()
            .any(|line| line == "schema: the table public.projects is missing")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_triggers_indexes_and_changes_are_found_and_mended() {
    let database = support::database().await;
    let db = &database.client;
    db.batch_execute(ROWS).await.unwrap();
    // As a push or a restore may leave it, while the web app goes on.
    db.batch_execute(
        "DROP TRIGGER desk_insert ON public.ticket_comments; DROP TRIGGER desk_delete ON public.support_tickets;
         ALTER TABLE public.users DISABLE TRIGGER desk_update; DROP TRIGGER tell_update ON desk.tickets;
         DROP INDEX public.idx_users_role; DROP INDEX public.idx_tickets_client_status;
         CREATE OR REPLACE FUNCTION desk.on_tickets_insert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
         VALUES ('unseen', 'x', 't20', 'client', 'ADMIN', clock_timestamp() AT TIME ZONE 'utc');
         DELETE FROM public.support_tickets WHERE id = 't1';
         UPDATE public.users SET name = 'unseen' WHERE id = 'client';
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) VALUES ('late', 'late', 's', 'd', 'client');
         INSERT INTO desk.reads VALUES ('client', 't1', now());
         INSERT INTO desk.sessions (id, user_id, token_hash, expires_at) VALUES ('s', 'nobody', 'x', now());
         INSERT INTO desk.drafts (user_id, ticket_id, comment_id, content, updated_at)
         VALUES ('client', 't1', 'old', 'x', '2020-01-01'), ('other', 't1', 'new', 'x', now());
         UPDATE desk.tickets SET comment_count = 7 WHERE ticket_id = 't2'",
    )
    .await
    .unwrap();
    assert_eq!(
        complaints(&database).await,
        [
            "indexes: the documented index idx_tickets_client_status on support_tickets is missing or broken",
            "indexes: the documented index idx_users_role on users is missing or broken",
            "rows: 1 tickets are missing in the desk",
            "rows: 2 of the 1000 newest tickets say what is not so",
            "triggers: the trigger desk_delete on public.support_tickets is missing or switched off: changes go unnoticed",
            "triggers: the trigger desk_insert on public.ticket_comments is missing or switched off: changes go unnoticed",
            "triggers: the trigger desk_update on public.users is missing or switched off: changes go unnoticed",
            "triggers: the trigger tell_update on desk.tickets is missing or switched off: changes go unnoticed",
        ]
    );
    let public = "SELECT md5(string_agg(r::text, '' ORDER BY id)) FROM public.support_tickets r";
    let before = list(db, public).await;
    let done = doctor::repair(&connector(&database), &mut |_| {}).await.unwrap();
    assert_eq!(
        done,
        [
            "functions and triggers were put back",
            "2 documented indexes were made",
            "24 rows were compared and put right",
            "1 sessions without their rows were removed",
            "1 old drafts without their rows were removed",
        ]
    );
    assert_eq!(complaints(&database).await, [""; 0]);
    assert_eq!(list(db, WRONG).await, [""; 0]);
    assert_eq!(list(db, public).await, before);
    assert_eq!(list(db, "SELECT comment_id FROM desk.drafts").await, ["new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_hears_nothing_is_named() {
    let database = support::database().await;
    let other = support::empty_database().await;
    let findings = doctor::examine(&connector(&database), &connector(&other), false).await.unwrap();
    let listener = findings.iter().find(|finding| finding.subject == "listener").unwrap();
    assert_eq!(listener.what, "notifications do not arrive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_set_for_the_database_is_named() {
    let database = support::database().await;
    database
        .client
        .batch_execute(&format!("ALTER DATABASE {} SET TimeZone = 'Europe/London'", database.name()))
        .await
        .unwrap();
    assert_eq!(
        complaints(&database).await,
        [
            "time zone: the database is set to Europe/London: times that the web app leaves to now() are not in UTC"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_the_web_app_took_away_is_an_error() {
    let database = support::database().await;
    let drop = "ALTER TABLE public.projects DROP COLUMN requirements; ALTER TABLE public.email_verifications DROP COLUMN used";
    database.client.batch_execute(drop).await.unwrap();
    let found = findings(&database).await;
    let grave: Vec<&str> = found
        .iter()
        .filter(|finding| finding.subject == "schema" && finding.severity == Severity::Error)
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(grave, ["public.projects lacks the column requirements"]);
    assert!(found.iter().any(|finding| finding.severity == Severity::Note
        && finding.what == "public.email_verifications lacks the column used"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_any_right_on_the_desk_is_told_the_grants() {
    let database = support::database().await;
    let role = format!("poorest_{}", database.name());
    database.client.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let url = database
        .owner_url()
        .replacen("kaygia@", &format!("{role}@"), 1)
        .replace("user=kaygia", &format!("user={role}"));
    let poor = pool::connector(&url, Options::MAINTENANCE).unwrap();
    let grants: Vec<String> = doctor::examine(&poor, &poor, false)
        .await
        .unwrap()
        .into_iter()
        .filter(|finding| finding.subject == "rights" && finding.severity == Severity::Error)
        .map(|finding| finding.advice)
        .collect();
    for grant in
        ["USAGE ON SCHEMA desk", "SELECT ON desk.migrations", "EXECUTE ON FUNCTION desk.fold(integer)"]
    {
        assert!(grants.contains(&format!("GRANT {grant} TO {role};")), "{grant}: {grants:?}");
    }
    database.client.batch_execute(&format!("DROP ROLE {role}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_too_few_rights_is_told_which() {
    let database = support::database().await;
    let role = format!("poor_{}", database.name());
    database
        .client
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA desk TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA desk, public TO {role}"
        ))
        .await
        .unwrap();
    let poor = pool::connector(
        &database
            .owner_url()
            .replacen("kaygia@", &format!("{role}@"), 1)
            .replace("user=kaygia", &format!("user={role}")),
        Options::MAINTENANCE,
    )
    .unwrap();
    let findings = doctor::examine(&poor, &poor, false).await.unwrap();
    let grants: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.subject == "rights")
        .map(|finding| finding.advice.as_str())
        .collect();
    assert!(
        grants.contains(
            &format!(
                "GRANT UPDATE (status, updated_at, last_replied_at) ON public.support_tickets TO {role};"
            )
            .as_str()
        ),
        "{grants:?}"
    );
    assert!(grants.contains(&format!("GRANT DELETE ON desk.drafts TO {role};").as_str()));
    assert!(grants.iter().all(|grant| !grant.contains("SELECT")));
    database.client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}
