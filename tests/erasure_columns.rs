//! Every column that can hold a text is looked at: planted before somebody is erased, and empty of them afterwards. A
//! column that is added later fails here until somebody has decided what becomes of it.

use crate::accounts::erase;
use crate::erasure::{dump, planted};
use crate::support::world::{World, desk_from};
use kaygia_desk::auth::Password;
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::account::ClientTexts;
use kaygia_desk::domain::command::{Change, Command};
use kaygia_desk::domain::ids::{TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::ticket::Priority;
use kaygia_desk::store::migrate::steps::STEPS;
use std::collections::BTreeMap;

/// What a column holds of a person.
enum Holds {
    /// This word is planted there.
    Word(&'static str),
    /// Nothing, ever: why.
    Nothing(&'static str),
}

use Holds::{Nothing, Word};

const ID: Holds = Nothing("an id, made of random letters by the desk and the web app");
const FIXED: Holds = Nothing("one of a few words of the program");
const HASH: Holds = Nothing("a hash of what nobody could guess");

/// Every column of a type that can hold a text.
const COLUMNS: &[(&str, Holds)] = &[
    ("desk.chores.name", FIXED),
    ("desk.drafts.comment_id", ID),
    ("desk.drafts.content", Word("zqdraft")),
    ("desk.drafts.kind", FIXED),
    ("desk.drafts.last_comment_id", ID),
    ("desk.drafts.older_content", Word("zqolder")),
    ("desk.drafts.origin", Word("zqlogin")),
    ("desk.drafts.status_after", FIXED),
    ("desk.drafts.ticket_id", ID),
    ("desk.drafts.user_id", ID),
    ("desk.events.action", FIXED),
    ("desk.events.actor_id", ID),
    ("desk.events.actor_kind", FIXED),
    (
        "desk.events.after",
        Nothing("ids and values: no event of any command holds a text, a name or an address"),
    ),
    ("desk.events.before", Nothing("as `after`")),
    ("desk.events.db_link", Word("zqlink")),
    ("desk.events.entity", FIXED),
    ("desk.events.entity_id", ID),
    ("desk.events.hash", Nothing("over a mark of where it came from, not over that itself")),
    ("desk.events.origin", Word("zqlogin")),
    ("desk.events.place_mark", HASH),
    ("desk.events.place_salt", Nothing("random")),
    ("desk.mails.id", ID),
    ("desk.mails.kind", FIXED),
    ("desk.mails.last_error", Word("zqbounce")),
    ("desk.mails.state", FIXED),
    ("desk.mails.ticket_id", ID),
    ("desk.mails.to_address", Word("zqformer")),
    ("desk.mails.to_user", ID),
    ("desk.migrations.checksum", FIXED),
    ("desk.migrations.kind", FIXED),
    ("desk.migrations.name", FIXED),
    ("desk.migrations.progress", ID),
    ("desk.migrations.state", FIXED),
    ("desk.projects.client_id", ID),
    ("desk.projects.project_id", ID),
    ("desk.projects.status", FIXED),
    ("desk.projects.title_key", Word("zqtitle")),
    ("desk.reads.ticket_id", ID),
    ("desk.reads.user_id", ID),
    ("desk.seal_mark.writers", Nothing("numbers of transactions")),
    ("desk.seals.digest", HASH),
    ("desk.seals.hashes", HASH),
    ("desk.seals.ids", Nothing("numbers of events")),
    ("desk.sessions.id", ID),
    ("desk.sessions.origin", Word("zqlogin")),
    ("desk.sessions.password_mark", HASH),
    ("desk.sessions.role", FIXED),
    ("desk.sessions.source", Word("zqplace")),
    ("desk.sessions.token_hash", HASH),
    ("desk.sessions.user_id", ID),
    ("desk.sign_ins.key", Nothing("hashes of an address and a place; the rows go all the same")),
    ("desk.stale.folded_to", ID),
    ("desk.stale.kind", FIXED),
    ("desk.stale.row_id", ID),
    ("desk.tickets.assignee_id", ID),
    ("desk.tickets.client_id", ID),
    ("desk.tickets.last_author_id", ID),
    ("desk.tickets.last_comment_id", ID),
    ("desk.tickets.last_side", FIXED),
    ("desk.tickets.number", ID),
    ("desk.tickets.number_prefix", ID),
    ("desk.tickets.status", FIXED),
    ("desk.tickets.ticket_id", ID),
    ("desk.token_asks.email_digest", Nothing("a hash of an address; empty afterwards")),
    ("desk.token_asks.id", ID),
    ("desk.token_asks.kind", FIXED),
    ("desk.token_asks.role", FIXED),
    ("desk.token_asks.staff_id", ID),
    ("desk.token_asks.user_id", ID),
    ("desk.token_tries.source", Word("zqplace")),
    ("desk.users.name_key", Word("zqname")),
    ("desk.users.role", FIXED),
    ("desk.users.search", Word("zqmail")),
    ("desk.users.user_id", ID),
    ("public.email_verifications.id", ID),
    ("public.email_verifications.token", Word("zqproof")),
    ("public.email_verifications.user_id", ID),
    ("public.password_resets.id", ID),
    ("public.password_resets.token", Word("zqreset")),
    ("public.password_resets.user_id", ID),
    ("public.projects.budget", Nothing("an amount of money")),
    ("public.projects.client_id", ID),
    ("public.projects.description", Word("zqphone")),
    ("public.projects.id", ID),
    ("public.projects.requirements", Word("zqwish")),
    ("public.projects.title", Word("zqtitle")),
    ("public.support_tickets.client_id", ID),
    ("public.support_tickets.description", Word("zqphone")),
    ("public.support_tickets.id", ID),
    ("public.support_tickets.subject", Word("zqsubject")),
    ("public.support_tickets.ticket_number", ID),
    ("public.ticket_comments.content", Word("zqcomment")),
    ("public.ticket_comments.id", ID),
    ("public.ticket_comments.ticket_id", ID),
    ("public.ticket_comments.user_id", ID),
    ("public.users.company", Word("zqcompany")),
    ("public.users.email", Word("zqmail")),
    ("public.users.id", ID),
    ("public.users.name", Word("zqname")),
    ("public.users.password_hash", Word("zqhash")),
];
fn columns() -> BTreeMap<&'static str, &'static Holds> {
    COLUMNS.iter().map(|(name, holds)| (*name, holds)).collect()
}

/// Columns that the database has, of all types that can hold a text.
async fn there(world: &World) -> Vec<String> {
    let found = world
        .value(
            "SELECT string_agg(concat_ws('.', c.table_schema, c.table_name, c.column_name), ' ' \
                      ORDER BY concat_ws('.', c.table_schema, c.table_name, c.column_name) COLLATE \"C\") \
               FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name) \
              WHERE c.table_schema IN ('desk', 'public') AND t.table_type = 'BASE TABLE' \
                AND c.data_type NOT IN ('bigint', 'integer', 'smallint', 'numeric', 'boolean', 'interval', \
                                        'double precision', 'timestamp without time zone', 'USER-DEFINED')",
        )
        .await;
    found.split(' ').map(str::to_owned).collect()
}

/// How many rows of a column hold a word.
async fn rows_with(world: &World, column: &str, word: &str) -> String {
    let (table, name) = column.rsplit_once('.').unwrap();
    // Bytes show in hexadecimal, and two letters of that stand in many a hash.
    let whole = if word == "zq" { "zqlogin" } else { word };
    let text = format!("{name}::text ILIKE");
    world
        .value(&format!(
            "SELECT count(*) FROM {table} \
              WHERE {text} '%{word}%' OR {text} '%' || encode('{whole}', 'hex') || '%'"
        ))
        .await
}

/// The same client as in the other tests, and a member of staff who has worked on a host of hers: `s`.
async fn two_people() -> World {
    let world = planted().await;
    let owner = format!("zqlink_{}", world.db.name());
    world
        .sql(
            "INSERT INTO public.users (id, email, name, company, role, password_hash, email_verified) \
             VALUES ('s', 'zqmail-s@x.example', 'Zqname of s', 'Zqcompany', 'ADMIN', 'zqhash', true)",
        )
        .await;
    let theirs = desk_from(world.db.url(), "zqlogin@zqhost 4711 from 192.0.2.77");
    let actor = theirs.resume(world.token("s").await).await.unwrap().actor;
    theirs.sign_in("zqmail-s@x.example", Password::new("zqhash".to_owned())).await.unwrap_err();
    let new = Command::CreateTicket {
        ticket: TicketId::new("by-s"),
        client: UserId::new("c"),
        subject: "zqsubject".to_owned(),
        description: "zqdescription, zqphone +49 170 1234567".to_owned(),
        priority: Priority::Normal,
    };
    theirs.execute(&actor, new).await.unwrap();
    let on =
        Command::Assign { ticket: TicketId::new("by-s"), change: Change::new(None, Some(UserId::new("s"))) };
    theirs.execute(&actor, on).await.unwrap();
    let forbidden = erase("c", "zqmail@x.example", ClientTexts::Keep);
    theirs.execute(&actor, forbidden).await.unwrap_err();
    world
        .sql(&format!(
            "INSERT INTO desk.drafts (user_id, ticket_id, comment_id, content, older_content, origin) \
             VALUES ('s', 'g', 'dg', 'Dear zqdraft', 'Dearest zqolder', 'zqlogin@zqhost 4711'); \
             UPDATE desk.sessions SET origin = 'zqlogin@zqhost 4711', source = 'zqplace uid 7' WHERE user_id = 's'; \
             INSERT INTO desk.token_tries (source) VALUES ('zqplace uid 7'); \
             INSERT INTO desk.mails (kind, to_user, state, last_error) \
             VALUES ('sessions_ended', 'c', 'queued', '550 <zqbounce@x.example> unknown'), \
                    ('role_changed', 's', 'sending', ''), ('role_changed', 'ada', 'queued', 'kept'); \
             INSERT INTO desk.mails (kind, to_user, to_address) VALUES ('email_replaced', 'c', 'zqformer@x.example'); \
             INSERT INTO public.password_resets (id, token, user_id, expires_at, used) \
             VALUES ('r1', 'zqreset', 's', '2099-01-01', true), ('r2', 'kept', 'ada', '2099-01-01', true); \
             INSERT INTO public.email_verifications (id, token, user_id, expires_at) VALUES ('v1', 'zqproof', 'c', '2099-01-01'); \
             INSERT INTO desk.token_asks (id, kind, user_id, role, email_digest) \
             VALUES (repeat('0', 32), 'email_verification', 'c', 'CLIENT', 'digest'); \
             UPDATE public.projects SET description = 'zqabout, zqphone 0170 1234567', requirements = 'zqwish' WHERE id = 'p'; \
             INSERT INTO desk.events (actor_kind, action, entity, entity_id, origin) \
             VALUES ('operator', 'user.add', 'user', 'x', 'zqlogin@zqhost 5000'), \
                    ('operator', 'user.add', 'user', 'x', 'root@host 5001'); \
             CREATE ROLE {owner} SUPERUSER; SET SESSION AUTHORIZATION {owner}; \
             INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, origin) \
             VALUES ('staff', 's', 'ticket.assign', 'ticket', 't1', 'zqlogin@zqhost 4711'); \
             RESET SESSION AUTHORIZATION; DROP ROLE {owner}"
        ))
        .await;
    world
}

#[tokio::test]
async fn no_column_of_the_database_says_anything_of_people_who_are_erased() {
    let world = two_people().await;
    let columns = columns();
    let there = there(&world).await;
    let listed: Vec<&str> = columns.keys().copied().collect();
    assert_eq!(there, listed, "columns that may hold a text, and those that somebody has thought about");
    for (column, holds) in &columns {
        match holds {
            Word(word) => assert_ne!(rows_with(&world, column, word).await, "0", "{word} is not in {column}"),
            Nothing(why) => assert_eq!(rows_with(&world, column, "zq").await, "0", "{column}: {why}"),
        }
    }
    let alan = world.actor("alan").await;
    let Answer::Erasure(Some(preview)) = world.fetch(&alan, Query::Erasure(UserId::new("s"))).await else {
        panic!("no preview");
    };
    assert_eq!((preview.mails, preview.events, preview.sessions, preview.drafts), (1, 4, 1, 1));
    // All that goes can be taken along before.
    let mut exported = String::new();
    for person in ["s", "c"] {
        let mut sink = |piece: &str| {
            exported.push_str(piece);
            Ok(())
        };
        world.desk.export(&alan, &UserId::new(person), &mut sink).await.unwrap();
    }
    for (column, holds) in &columns {
        let Word(word) = holds else { continue };
        let secret = ["zqhash", "zqproof", "zqreset"].contains(word);
        let nobodys = *column == "desk.token_tries.source";
        assert!(secret != exported.to_lowercase().contains(word) || nobodys, "{column} in the export");
    }
    world.execute(&alan, erase("s", "s", ClientTexts::Keep)).await.unwrap();
    world.execute(&alan, erase("c", "c", ClientTexts::Erase)).await.unwrap();
    for column in columns.keys() {
        assert_eq!(rows_with(&world, column, "zq").await, "0", "{column}");
    }
    let dump = dump(&world);
    let left: Vec<&str> = dump.lines().filter(|line| line.contains("zq")).collect();
    assert_eq!(left, [""; 0]);
    // What is others' is as it was.
    assert_eq!(world.value("SELECT string_agg(to_user, ',') FROM desk.mails").await, "ada");
    assert_eq!(world.value("SELECT string_agg(user_id, ',') FROM public.password_resets").await, "ada");
    assert_eq!(world.value("SELECT count(*) FROM desk.events WHERE origin = 'root@host 5001'").await, "1");
    assert_eq!(
        world.value("SELECT string_agg(email_digest, ',') FROM desk.token_asks WHERE user_id = 'c'").await,
        ""
    );
    let verdict = world.desk.verify_log(None).await.unwrap();
    assert_eq!(verdict.tampering, None);
}

/// The story: her laptop was still on when she was erased, and its desk went on to write down where it stands.
#[tokio::test]
async fn a_desk_that_an_erased_person_has_left_open_leaves_nothing() {
    let world = two_people().await;
    let theirs = desk_from(world.db.url(), "zqlogin@zqhost 4711 from 192.0.2.77");
    let actor = theirs.resume(world.token("s").await).await.unwrap().actor;
    let alan = world.actor("alan").await;
    world.execute(&alan, erase("s", "s", ClientTexts::Keep)).await.unwrap();
    let before = world.value("SELECT count(*) FROM desk.events").await;
    let assign =
        Command::Assign { ticket: TicketId::new("t1"), change: Change::new(None, Some(UserId::new("s"))) };
    theirs.execute(&actor, assign).await.unwrap_err();
    assert_ne!(world.value("SELECT count(*) FROM desk.events").await, before, "the refusal is in the log");
    assert_eq!(rows_with(&world, "desk.events.origin", "zq").await, "0");
    assert_eq!(world.desk.verify_log(None).await.unwrap().tampering, None);
}

/// Other people work under the same login of a service: it says nothing of her, and stays in what is nobody's.
#[tokio::test]
async fn a_login_that_others_share_stays_in_events_of_operators() {
    let world = two_people().await;
    world
        .sql(
            "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, origin) \
             VALUES ('staff', 'ada', 'ticket.assign', 'ticket', 't1', 'zqlogin@zqhost 9')",
        )
        .await;
    let alan = world.actor("alan").await;
    world.execute(&alan, erase("s", "s", ClientTexts::Keep)).await.unwrap();
    let left = "SELECT string_agg(DISTINCT coalesce(actor_id, actor_kind), ',') FROM desk.events WHERE origin LIKE 'zqlogin%'";
    assert_eq!(world.value(left).await, "ada,operator");
}

/// Events of an older desk have no mark of where they came from: their hashes hold it.
#[tokio::test]
async fn events_of_an_older_desk_lose_where_they_came_from_and_all_else_of_them_is_still_verified() {
    let world = two_people().await;
    let step = STEPS.iter().find(|step| step.name == "0030_desk_erasure").unwrap();
    world
        .sql(
            "ALTER TABLE desk.events DISABLE TRIGGER placed; \
             INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, after, origin) \
             SELECT 'staff', CASE n % 2 WHEN 0 THEN 's' ELSE 'ada' END, 'ticket.assign', 'ticket', 't' || n, \
                    jsonb_build_object('n', n), 'zqlogin@old' FROM generate_series(1, 20) AS n; \
             ALTER TABLE desk.events ENABLE TRIGGER placed; SELECT desk.seal_events()",
        )
        .await;
    // As `desk migrate` does it, on a database that has such events; twice does nothing more.
    world.sql(step.sql).await;
    world.sql(step.sql).await;
    assert_eq!(world.value("SELECT count(*) FROM desk.events WHERE action = 'log.recount'").await, "1");
    let tampering = async || {
        let verdict = world.desk.verify_log(None).await.unwrap();
        verdict.tampering.map_or_else(|| "whole".to_owned(), |found| found.to_string())
    };
    assert_eq!(tampering().await, "whole");
    let alan = world.actor("alan").await;
    world.execute(&alan, erase("s", "s", ClientTexts::Keep)).await.unwrap();
    assert_eq!(rows_with(&world, "desk.events.origin", "zqlogin@old").await, "10");
    assert_eq!(tampering().await, "whole");
    let last =
        world.value("SELECT max(id) FROM desk.events WHERE place_mark IS NULL AND actor_id = 's'").await;
    world
        .sql(&format!(
            "SET session_replication_role = replica; UPDATE desk.events SET after = '{{\"n\": 99}}' WHERE id = {last}"
        ))
        .await;
    let upto = world.value("SELECT max(id) FROM desk.events WHERE place_mark IS NULL").await;
    assert_eq!(
        tampering().await,
        format!("among the events up to {upto}, one of an erased person was changed")
    );
}

/// Taking out where an event came from is for the erased alone, and nobody else's event passes for erased.
#[tokio::test]
async fn nobody_hides_where_an_event_came_from_without_being_found_out() {
    let world = two_people().await;
    let alan = world.actor("alan").await;
    world.execute(&alan, erase("s", "s", ClientTexts::Keep)).await.unwrap();
    assert_eq!(world.desk.verify_log(None).await.unwrap().tampering, None);
    let id = world.value("SELECT min(id) FROM desk.events WHERE actor_id = 'ada'").await;
    let out = format!("UPDATE desk.events SET origin = '', db_link = '', place_salt = NULL WHERE id = {id}");
    let refused = world.db.client.batch_execute(&out).await.unwrap_err();
    assert!(format!("{refused:?}").contains("is append-only"), "{refused:?}");
    for (tamper, found) in [
        (out, "does not say any more where it came from, and the log tells of no erasure of its author"),
        (
            format!("UPDATE desk.events SET origin = 'elsewhere' WHERE id = {id}"),
            "was changed after it was written",
        ),
        (
            format!("UPDATE desk.events SET db_link = 'x@1.2.3.4' WHERE id = {id}"),
            "was changed after it was written",
        ),
        (
            format!("UPDATE desk.events SET place_salt = '' WHERE id = {id}"),
            "was changed after it was written",
        ),
        (
            format!("UPDATE desk.events SET place_mark = NULL, place_salt = NULL WHERE id = {id}"),
            "was changed after it was written",
        ),
        (
            format!("UPDATE desk.events SET place_mark = sha256('x') WHERE id = {id}"),
            "was changed after it was written",
        ),
    ] {
        world.sql("CREATE TABLE public.kept AS SELECT * FROM desk.events").await;
        world.sql(&format!("SET session_replication_role = replica; {tamper}")).await;
        let verdict = world.desk.verify_log(None).await.unwrap();
        assert_eq!(verdict.tampering.unwrap().to_string(), format!("event {id} {found}"), "{tamper}");
        world
            .sql(
                "TRUNCATE desk.events; INSERT INTO desk.events OVERRIDING SYSTEM VALUE SELECT * FROM public.kept; \
                 SET session_replication_role = origin; DROP TABLE public.kept",
            )
            .await;
    }
    assert_eq!(world.desk.verify_log(None).await.unwrap().tampering, None);
}
