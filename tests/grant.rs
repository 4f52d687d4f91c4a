//! `desk grant`: what the desk's role gets is what the table says, to the column, and every object is in the table.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use kaygia_desk::store::grant::needs::{FUNCTIONS, RELATIONS, Right, SETTINGS};
use kaygia_desk::store::grant::{self, Missing, Reach};
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::{doctor, sql};

use crate::migrate::list;
use crate::support::{self, Database};

/// A role of one test's own; it goes with all its rights.
struct Role {
    name: String,
}

impl Role {
    async fn new(database: &Database, options: &str) -> Self {
        let name = format!("{}_role", database.name());
        database.client.batch_execute(&format!("CREATE ROLE {name} LOGIN {options}")).await.unwrap();
        Self { name }
    }

    fn url(&self, database: &Database) -> String {
        database.owner_url().replacen("kaygia@", &format!("{}@", self.name), 1)
    }

    async fn drop(self, database: &Database) {
        let drop = format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name);
        database.client.batch_execute(&drop).await.unwrap();
    }
}

async fn granted(database: &Database, role: &str, reach: Reach) -> Result<Vec<String>, String> {
    let connector = pool::connector(database.owner_url(), Options::MAINTENANCE).unwrap();
    let granted = grant::run(&connector, role, reach, None).await;
    granted.map(|granted| granted.surplus).map_err(|error| error.sentence().to_owned())
}

async fn missing(database: &Database, role: &str) -> Vec<Missing> {
    grant::missing(&database.client, Some(role)).await.unwrap()
}

/// All that a role may do with the tables of both schemas, `UPDATE desk.drafts.content`, and with our functions.
async fn effective(database: &Database, role: &str) -> BTreeSet<String> {
    let rights = format!(
        "SELECT w.word || ' ' || n.nspname || '.' || c.relname || '.' || a.attname
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid,
                unnest('{{SELECT,INSERT,UPDATE,REFERENCES}}'::text[]) AS w (word)
          WHERE n.nspname IN ('public', 'desk') AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0
            AND NOT a.attisdropped AND has_column_privilege('{role}', c.oid, a.attnum, w.word)
         UNION ALL
         SELECT w.word || ' ' || n.nspname || '.' || c.relname
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
                unnest('{{DELETE,TRUNCATE,TRIGGER}}'::text[]) AS w (word)
          WHERE n.nspname IN ('public', 'desk') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND has_table_privilege('{role}', c.oid, w.word)
         UNION ALL
         SELECT w.word || ' ' || n.nspname || '.' || c.relname
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest('{{SELECT,UPDATE,USAGE}}'::text[]) AS w (word)
          WHERE n.nspname IN ('public', 'desk') AND c.relkind = 'S' AND has_sequence_privilege('{role}', c.oid, w.word)
         UNION ALL
         SELECT 'EXECUTE ' || n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
           FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE n.nspname = 'desk' AND p.prorettype <> 'trigger'::regtype AND has_function_privilege('{role}', p.oid, 'EXECUTE')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
         UNION ALL
         SELECT 'CREATE ' || n.nspname FROM pg_namespace n
          WHERE n.nspname IN ('public', 'desk') AND has_schema_privilege('{role}', n.oid, 'CREATE')"
    );
    list(&database.client, &rights).await.into_iter().collect()
}

/// The same, as the table says.
async fn wanted(database: &Database) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for relation in RELATIONS {
        let all = list(
            &database.client,
            &format!(
                "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped",
                relation.name
            ),
        )
        .await;
        for right in relation.rights {
            let listed: Vec<&str> = match right.columns() {
                [] => all.iter().map(String::as_str).collect(),
                listed => listed.to_vec(),
            };
            match right {
                Right::Delete => drop(wanted.insert(format!("DELETE {}", relation.name))),
                Right::Select(_) | Right::Insert(_) | Right::Update(_) => {
                    wanted.extend(
                        listed.iter().map(|column| format!("{} {}.{column}", right.word(), relation.name)),
                    );
                }
            }
        }
    }
    let called = FUNCTIONS.iter().filter(|function| function.called);
    wanted.extend(called.map(|function| format!("EXECUTE {}", function.signature)));
    wanted
}

#[tokio::test]
async fn everything_in_the_desks_schema_is_in_the_table() {
    let database = support::database().await;
    let relations = list(
        &database.client,
        "SELECT 'desk.' || c.relname FROM pg_class c
          WHERE c.relnamespace = 'desk'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1",
    )
    .await;
    let mut known: Vec<&str> =
        RELATIONS.iter().map(|relation| relation.name).filter(|name| name.starts_with("desk.")).collect();
    known.sort_unstable();
    assert_eq!(relations, known);
    let functions = list(
        &database.client,
        "SELECT 'desk.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')' FROM pg_proc p
          WHERE p.pronamespace = 'desk'::regnamespace AND p.prorettype <> 'trigger'::regtype
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1",
    )
    .await;
    let mut known: Vec<&str> = FUNCTIONS.iter().map(|function| function.signature).collect();
    known.sort_unstable();
    assert_eq!(functions, known);
}

#[tokio::test]
async fn a_role_gets_what_the_table_says_and_loses_what_it_had_beyond() {
    let database = support::database().await;
    let role = Role::new(&database, "").await;
    let name = &role.name;
    let before = format!(
        "GRANT ALL ON ALL TABLES IN SCHEMA desk, public TO {name}; GRANT ALL ON ALL SEQUENCES IN SCHEMA desk TO {name};
         GRANT ALL ON SCHEMA public, desk TO {name}; GRANT SELECT (token) ON public.password_resets TO {name};
         GRANT ALL ON ALL FUNCTIONS IN SCHEMA desk TO {name}"
    );
    database.client.batch_execute(&before).await.unwrap();
    for _ in 0..2 {
        assert_eq!(granted(&database, name, Reach::Direct).await, Ok(Vec::new()));
        assert_eq!(effective(&database, name).await, wanted(&database).await);
        assert_eq!(missing(&database, name).await, []);
    }
    role.drop(&database).await;
}

#[tokio::test]
async fn what_is_missing_is_told_with_the_statement_that_gives_it() {
    let database = support::database().await;
    let role = Role::new(&database, "").await;
    let name = &role.name;
    granted(&database, name, Reach::Direct).await.unwrap();
    let revoke = format!(
        "REVOKE UPDATE ON public.support_tickets FROM {name}; GRANT UPDATE (status) ON public.support_tickets TO {name};
         REVOKE DELETE ON desk.drafts FROM {name}; REVOKE EXECUTE ON FUNCTION desk.fold(integer) FROM {name}"
    );
    database.client.batch_execute(&revoke).await.unwrap();
    let statements: Vec<String> =
        missing(&database, name).await.into_iter().map(|missing| missing.statement).collect();
    assert_eq!(
        statements,
        [
            format!("GRANT UPDATE (updated_at, last_replied_at) ON public.support_tickets TO {name};"),
            format!("GRANT DELETE ON desk.drafts TO {name};"),
            format!("GRANT EXECUTE ON FUNCTION desk.fold(integer) TO {name};"),
        ]
    );
    let connector = pool::connector(&role.url(&database), Options::MAINTENANCE).unwrap();
    let told = doctor::examine(&connector, &connector, false).await.unwrap();
    let told: Vec<&str> = told
        .iter()
        .filter(|finding| finding.subject == "rights")
        .map(|finding| finding.advice.as_str())
        .collect();
    assert_eq!(told, statements);
    database.client.batch_execute(&statements.concat()).await.unwrap();
    assert_eq!(effective(&database, name).await, wanted(&database).await);
    role.drop(&database).await;
}

#[tokio::test]
async fn a_role_that_can_do_everything_anyway_is_refused() {
    let database = support::database().await;
    let refusal = async |name: &str| granted(&database, name, Reach::Direct).await.unwrap_err();
    for (options, sentence) in [
        ("SUPERUSER", "is a superuser"),
        ("CREATEROLE", "may make roles"),
        ("BYPASSRLS", "pass by row security"),
        ("IN ROLE pg_read_all_data", "is a member of a role that reads or writes everything"),
    ] {
        let role = Role::new(&database, options).await;
        let told = refusal(&role.name).await;
        assert!(told.contains(sentence) && told.contains("make a role of its own for the desk"), "{told}");
        role.drop(&database).await;
    }
    let role = Role::new(&database, "").await;
    let own = format!("ALTER TABLE desk.events OWNER TO {}", role.name);
    database.client.batch_execute(&own).await.unwrap();
    let told = refusal(&role.name).await;
    assert!(told.contains("owns desk.events, or is a member of its owner"), "{told}");
    database.client.batch_execute("ALTER TABLE desk.events OWNER TO kaygia").await.unwrap();
    role.drop(&database).await;
    let told = refusal("nobody's \"role\"").await;
    assert!(told.starts_with("there is no role \"nobody's \"\"role\"\"\": make it first"), "{told}");
}

#[tokio::test]
async fn rights_that_everybody_has_are_told() {
    let database = support::database().await;
    let role = Role::new(&database, "").await;
    database
        .client
        .batch_execute("GRANT SELECT, DELETE ON public.email_verifications TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC")
        .await
        .unwrap();
    assert_eq!(
        granted(&database, &role.name, Reach::Direct).await.unwrap(),
        ["CREATE in the schema public", "SELECT, DELETE on public.email_verifications"]
    );
    role.drop(&database).await;
}

/// Somebody who may not give a right away gets a warning from the server, no error: that must not pass as done.
#[tokio::test]
async fn whoever_may_not_grant_changes_nothing_and_is_told() {
    let database = support::database().await;
    let role = Role::new(&database, "").await;
    let own = support::database().await;
    let weak = Role::new(&own, "").await;
    granted(&database, &weak.name, Reach::Direct).await.unwrap();
    let connector = pool::connector(&weak.url(&database), Options::MAINTENANCE).unwrap();
    let error = grant::run(&connector, &role.name, Reach::Direct, None).await.unwrap_err();
    assert!(error.sentence().contains("run this as a superuser, or as the owner of the tables"), "{error}");
    assert!(effective(&database, &role.name).await.is_empty());
    database.client.batch_execute(&format!("DROP OWNED BY {}", weak.name)).await.unwrap();
    weak.drop(&own).await;
    role.drop(&database).await;
}

#[tokio::test]
async fn a_database_that_is_not_ready_is_told_so() {
    let database = support::empty_database().await;
    let told = granted(&database, "anybody", Reach::Direct).await.unwrap_err();
    assert_eq!(told, "this database is not up to date: run `desk migrate` first");
}

#[tokio::test]
async fn on_a_pooled_link_the_settings_are_the_roles_own() {
    let database = support::database().await;
    let role = Role::new(&database, "").await;
    granted(&database, &role.name, Reach::Pooled).await.unwrap();
    let db = support::connect(&role.url(&database)).await;
    let settings = "SELECT concat_ws(' ', current_setting('TimeZone'), current_setting('search_path'),
        current_setting('statement_timeout'), current_setting('lock_timeout'),
        current_setting('idle_in_transaction_session_timeout'), current_setting('default_transaction_isolation')) AS line";
    let line: String = sql::get(&sql::row(&db, settings, &[]).await.unwrap(), "line").unwrap();
    assert_eq!(line, "UTC pg_catalog 5s 2s 15s read committed");
    assert_eq!(SETTINGS.len(), 6);
    role.drop(&database).await;
}

fn desk(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_desk"))
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_does_the_same_by_hand() {
    let database = support::database().await;
    let role = Role::new(&database, "").await;
    let (code, printed, error) = desk("", &["grant", &role.name, "--print", "--pooled"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(printed.lines().all(|line| line.ends_with(';') || line.starts_with("-- ")), "{printed}");
    database.client.batch_execute(&printed).await.unwrap();
    assert_eq!(effective(&database, &role.name).await, wanted(&database).await);
    let (code, said, error) = desk(database.owner_url(), &["grant", &role.name]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let first =
        format!("{} may now do what the desk needs in the database {}.\n", role.name, database.name());
    assert!(said.starts_with(&first) && said.contains("CONNECTION LIMIT"), "{said}");
    role.drop(&database).await;
    let (code, _, error) = desk(database.owner_url(), &["grant", "public"]);
    assert_eq!(code, Some(1), "{error}");
}

/// A name is never part of the statement's own words.
#[tokio::test]
async fn a_role_of_any_name_can_be_granted() {
    let database = support::database().await;
    let name = format!("it's \"{}\" \\ $$; DROP TABLE desk.events; --", database.name());
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    database.client.batch_execute(&format!("CREATE ROLE {quoted}")).await.unwrap();
    assert_eq!(granted(&database, &name, Reach::Direct).await, Ok(Vec::new()));
    assert_eq!(missing(&database, &name).await, []);
    database.client.batch_execute(&format!("DROP OWNED BY {quoted}; DROP ROLE {quoted}")).await.unwrap();
}
