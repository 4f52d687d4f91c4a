//! What nobody gets done with the desk's own role, whatever the program does: Postgres itself says no.

use std::collections::BTreeSet;

use crate::support;

/// Each is refused with 42501.
const FORBIDDEN: &[&str] = &[
    // Nobody and nothing of the web app's is deleted.
    "DELETE FROM public.users WHERE id = 'grace'",
    "DELETE FROM public.projects",
    "DELETE FROM public.support_tickets",
    "DELETE FROM public.ticket_comments",
    "DELETE FROM public.password_resets",
    "DELETE FROM public.email_verifications",
    "TRUNCATE public.users CASCADE",
    "TRUNCATE public.projects",
    "TRUNCATE public.support_tickets CASCADE",
    "TRUNCATE public.ticket_comments",
    "TRUNCATE public.password_resets",
    "TRUNCATE public.email_verifications",
    // Tokens are neither read nor written nor counted.
    "SELECT token FROM public.password_resets",
    "SELECT id FROM public.password_resets",
    "SELECT count(*) FROM public.password_resets",
    "SELECT token FROM public.email_verifications",
    "SELECT user_id FROM public.email_verifications FOR UPDATE",
    "INSERT INTO public.password_resets (id, token, user_id, expires_at) VALUES ('x', 'x', 'grace', now())",
    "INSERT INTO public.email_verifications (id, token, user_id, expires_at) VALUES ('x', 'x', 'grace', now())",
    "UPDATE public.password_resets SET used = false",
    "UPDATE public.email_verifications SET expires_at = 'infinity'",
    "SELECT count(*) FROM desk.token_asks",
    "INSERT INTO desk.token_asks (id, kind, user_id, role, email_digest) VALUES (repeat('0', 32), 'password_reset', 'alan', 'SUPER_ADMIN', '')",
    "UPDATE desk.token_asks SET asked_at = '-infinity'",
    "DELETE FROM desk.token_asks",
    "DELETE FROM desk.token_tries",
    "SELECT desk.token_fits('x', 'alan', 'SUPER_ADMIN', '')",
    "SELECT desk.token_email_digest('x', 'y')",
    // What was written stays as it was written, and whose it is.
    "UPDATE public.ticket_comments SET content = 'never said'",
    "UPDATE public.ticket_comments SET user_id = 'ada'",
    "UPDATE public.support_tickets SET subject = 'another'",
    "UPDATE public.support_tickets SET description = 'another'",
    "SELECT desk.erase_texts('grace')",
    "UPDATE public.support_tickets SET client_id = 'ada'",
    "UPDATE public.support_tickets SET ticket_number = 'N-0'",
    "UPDATE public.users SET id = 'ada2' WHERE id = 'ada'",
    "UPDATE public.users SET created_at = now()",
    "UPDATE public.projects SET created_at = now()",
    "DO 'BEGIN LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE; END'",
    // The log grows and nothing else.
    "UPDATE desk.events SET actor_id = 'alan'",
    "DELETE FROM desk.events",
    "TRUNCATE desk.events",
    "INSERT INTO desk.events (id, actor_kind, action, entity, entity_id) OVERRIDING SYSTEM VALUE VALUES (1, 'staff', 'a', 'b', 'c')",
    "SELECT setval('desk.events_id_seq', 1)",
    "SELECT nextval('desk.events_id_seq')",
    "MERGE INTO desk.events e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO desk.events (actor_kind, action, entity, entity_id, hash) VALUES ('staff', 'a', 'b', 'c', '')",
    "INSERT INTO desk.events (actor_kind, action, entity, entity_id, db_link) VALUES ('staff', 'a', 'b', 'c', 'x')",
    "ALTER TABLE desk.events DISABLE TRIGGER ALL",
    "INSERT INTO desk.seals (number, first_id, last_id, ids, hashes, digest, at) VALUES (1, 1, 1, '{}', '', '', now())",
    "UPDATE desk.seals SET digest = ''",
    "DELETE FROM desk.seals",
    "TRUNCATE desk.seals",
    "SELECT last_id FROM desk.seal_mark",
    "UPDATE desk.seal_mark SET last_id = 0",
    "CREATE OR REPLACE FUNCTION desk.event_text(e desk.events) RETURNS text LANGUAGE sql AS 'SELECT $1.id::text'",
    // The desk's own bookkeeping is kept by triggers.
    "DELETE FROM desk.tickets",
    "UPDATE desk.tickets SET waiting_since = NULL, status = 'CLOSED'",
    "INSERT INTO desk.users (user_id, search, name_key, role, active) VALUES ('x', '', '', 'SUPER_ADMIN', true)",
    "UPDATE desk.users SET role = 'SUPER_ADMIN'",
    "DELETE FROM desk.projects",
    "INSERT INTO desk.stale (kind) VALUES ('ticket')",
    "DELETE FROM desk.migrations",
    "UPDATE desk.migrations SET checksum = ''",
    "SELECT desk.fold_rows('ticket', '{x}', '{NULL}', true)",
    "SELECT desk.backfill('user', NULL, 10)",
    // Attempts to sign in are counted, and not forgotten.
    "SELECT key FROM desk.sign_ins",
    "DELETE FROM desk.sign_ins",
    "UPDATE desk.sign_ins SET next_at = now()",
    "INSERT INTO desk.sign_ins (key, last_at, next_at) VALUES ('x', now(), now())",
    "UPDATE desk.sessions SET expires_at = 'infinity'",
    "UPDATE desk.sessions SET role = 'SUPER_ADMIN'",
    // Nothing is made, altered or dropped.
    "CREATE TABLE public.mine (id int)",
    "CREATE TABLE desk.mine (id int)",
    "CREATE VIEW public.everybody AS SELECT id FROM public.users",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION desk.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE c AS 'libc', 'system'",
    "CREATE OR REPLACE FUNCTION desk.on_users_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE SCHEMA mine",
    "DROP EXTENSION pg_trgm",
    "CREATE TYPE public.mine AS ENUM ('a')",
    "CREATE INDEX mine ON public.users (name)",
    "CREATE TRIGGER mine AFTER INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE mine AS ON DELETE TO desk.events DO INSTEAD NOTHING",
    "CREATE POLICY mine ON desk.events USING (true)",
    "ALTER TABLE public.users DISABLE TRIGGER desk_update",
    "ALTER TABLE public.users ADD COLUMN mine text",
    "ALTER TABLE desk.events ALTER COLUMN at DROP DEFAULT",
    "ALTER TABLE desk.events OWNER TO CURRENT_USER",
    "ALTER TYPE public.role ADD VALUE 'OWNER'",
    "ALTER FUNCTION desk.fold(integer) SECURITY INVOKER",
    "ALTER SCHEMA desk RENAME TO gone",
    "DROP TABLE public.password_resets",
    "DROP TABLE desk.events",
    "DROP TRIGGER desk_update ON public.users",
    "DROP SCHEMA desk CASCADE",
    "DROP INDEX desk.events_entity",
    "COMMENT ON TABLE public.users IS 'mine'",
    "CREATE MATERIALIZED VIEW desk.mine AS SELECT 1 AS n",
    // No other role, no server.
    "SET ROLE kaygia",
    "SET SESSION AUTHORIZATION kaygia",
    "SET session_replication_role = replica",
    "CREATE ROLE mine",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE kaygia PASSWORD 'mine'",
    "GRANT kaygia TO CURRENT_USER",
    "ALTER SYSTEM SET log_statement = 'none'",
    "CREATE DATABASE mine",
    "SELECT rolpassword FROM pg_catalog.pg_authid",
    "SELECT passwd FROM pg_catalog.pg_shadow",
    "SELECT umoptions FROM pg_catalog.pg_user_mapping",
    "COPY public.users TO '/tmp/users'",
    "COPY public.users (id, email) FROM PROGRAM 'id'",
    "COPY public.password_resets TO STDOUT",
    "SELECT pg_catalog.pg_read_file('/etc/passwd')",
    "SELECT pg_catalog.pg_ls_dir('.')",
    "SELECT pg_catalog.lo_import('/etc/passwd')",
    "SELECT pg_catalog.pg_reload_conf()",
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = 'kaygia'",
    "CLUSTER desk.events USING events_pkey",
];

#[tokio::test]
async fn what_no_desk_needs_is_refused_by_postgres_itself() {
    let database = support::database().await;
    database
        .client
        .batch_execute(
            "INSERT INTO public.users (id, email, role) VALUES ('grace', 'g', 'CLIENT'), ('ada', 'a', 'ADMIN');
             INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) VALUES ('t', '1', 's', 'd', 'grace');
             INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) VALUES ('c', 'x', 't', 'grace', 'CLIENT');
             INSERT INTO public.projects (id, title, client_id, type) VALUES ('p', 'P', 'grace', 'OTHER');
             INSERT INTO desk.events (actor_kind, action, entity, entity_id) VALUES ('system', 'a', 'b', 'c')",
        )
        .await
        .unwrap();
    let desk = database.connect_as_desk().await;
    let mut wrong = Vec::new();
    let version: i32 = database
        .client
        .query_one("SELECT pg_catalog.current_setting('server_version_num')::int4", &[])
        .await
        .unwrap()
        .get(0);
    for statement in FORBIDDEN {
        if version < 150_000 && statement.starts_with("MERGE") {
            // Not known there.
            continue;
        }
        match desk.batch_execute(statement).await {
            Ok(()) => wrong.push(format!("carried out: {statement}")),
            Err(error) if error.code().is_some_and(|code| code.code() == "42501") => {}
            Err(error) => wrong.push(format!("{error:?}: {statement}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let distinct: BTreeSet<&&str> = FORBIDDEN.iter().collect();
    assert_eq!(distinct.len(), FORBIDDEN.len());
    assert!(FORBIDDEN.len() >= 40, "{}", FORBIDDEN.len());
    println!("{} statements refused with 42501", FORBIDDEN.len());
}
