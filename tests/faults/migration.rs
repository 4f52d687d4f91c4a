//! Migrations that are killed half way, by eight processes at once; and the web app's queries after that.

use crate::run;
use crate::support::{self, Database, connect};
use kaygia_desk::store::migrate::steps::STEPS;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;

const PROCESSES: usize = 8;

/// All queries that the web app is documented to send, with what they are asked for.
const WEB_APP: [(&str, &[&str]); 10] = [
    ("SELECT * FROM users WHERE role = 'CLIENT' AND active = true", &[]),
    ("SELECT u.*, p.* FROM users u LEFT JOIN projects p ON u.id = p.client_id WHERE u.id = $1", &["grace"]),
    (
        "SELECT * FROM projects WHERE client_id = $1 AND status = $2::text::project_status ORDER BY updated_at DESC",
        &["grace", "PENDING"],
    ),
    (
        "SELECT p.*, u.name, u.email, u.company FROM projects p JOIN users u ON p.client_id = u.id WHERE p.id = $1",
        &["p1"],
    ),
    (
        "SELECT t.*, COUNT(c.id) as comment_count FROM support_tickets t LEFT JOIN ticket_comments c ON t.id = c.ticket_id \
          GROUP BY t.id ORDER BY t.updated_at DESC",
        &[],
    ),
    (
        "SELECT c.*, u.name, u.role FROM ticket_comments c JOIN users u ON c.user_id = u.id WHERE c.ticket_id = $1 \
          ORDER BY c.created_at ASC",
        &["t1"],
    ),
    // As Drizzle puts a user with what belongs to him.
    (
        "SELECT u.*, (SELECT coalesce(json_agg(p.*), '[]') FROM projects p WHERE p.client_id = u.id) AS projects, \
                (SELECT coalesce(json_agg(t.*), '[]') FROM support_tickets t WHERE t.client_id = u.id) AS \"supportTickets\" \
           FROM users u WHERE u.id = $1 LIMIT 1",
        &["grace"],
    ),
    (
        "INSERT INTO projects (id, title, client_id, type, status) VALUES ($1, 'New Project', $2, 'WEBSITE', 'PENDING') \
         RETURNING *",
        &["p2", "grace"],
    ),
    ("DELETE FROM password_resets WHERE expires_at < NOW() AND used = false RETURNING id", &[]),
    ("DELETE FROM email_verifications WHERE expires_at < NOW() AND used = false RETURNING id", &[]),
];

/// What the web app has written itself.
const ROWS: &str = "
    INSERT INTO users (id, email, name, email_verified) VALUES ('grace', 'grace@example.test', 'Grace', true);
    INSERT INTO users (id, email, role) VALUES ('ada', 'ada@example.test', 'ADMIN');
    INSERT INTO projects (id, title, client_id, type) VALUES ('p1', 'A site', 'grace', 'WEBSITE');
    INSERT INTO support_tickets (id, ticket_number, subject, description, client_id) VALUES ('t1', 'T-1', 'S', 'D', 'grace');
    INSERT INTO ticket_comments (id, content, ticket_id, user_id, sender) VALUES ('c1', 'C', 't1', 'ada', 'ADMIN');
    INSERT INTO password_resets (id, token, user_id, expires_at) VALUES ('r1', 'x', 'grace', now() - interval '2 days');
    INSERT INTO email_verifications (id, token, user_id, expires_at) VALUES ('e1', 'y', 'grace', now() - interval '2 days');
    UPDATE support_tickets SET status = 'PENDING', updated_at = now() WHERE id = 't1';";

fn migrators(database: &Database) -> Vec<Child> {
    let one = |_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
        command.arg("migrate").env("DATABASE_URL", database.owner_url()).env("HOME", "/nonexistent");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    (0..PROCESSES).map(one).collect()
}

async fn count(database: &Database, query: &str) -> usize {
    let row = database.client.query_one(query, &[]).await.unwrap();
    usize::try_from(row.get::<_, i64>(0)).unwrap()
}

/// How many steps are done, also when there is no table of them yet.
async fn steps(database: &Database) -> usize {
    if count(database, "SELECT count(to_regclass('desk.migrations'))").await == 0 {
        return 0;
    }
    count(database, "SELECT count(*) FROM desk.migrations WHERE state = 'done'").await
}

/// The web app, with a role of its own that knows nothing of the desk.
async fn web_app(database: &Database) -> usize {
    let role = format!("{}_web", database.name());
    let grant = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    );
    database.client.batch_execute(&grant).await.unwrap();
    let web = connect(database.owner_url()).await;
    web.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    web.batch_execute(ROWS).await.unwrap();
    for (query, values) in WEB_APP {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let rows = web.query(query, &values).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        assert_eq!(rows.len(), 1, "{query}");
    }
    drop(web);
    database.client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    WEB_APP.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_21_migrations_killed_half_way_are_applied_once_and_the_web_app_goes_on() {
    const ROUNDS: usize = 20;
    let _place = run::for_long().await;
    let (mut killed, mut left, mut queries) = (0, Vec::new(), 0);
    for round in 0..ROUNDS {
        let database = support::empty_database().await;
        let mut all = migrators(&database);
        // From the first step to the last but one.
        let wanted = 1 + round * (STEPS.len() - 2) / ROUNDS;
        let deadline = Instant::now() + Duration::from_secs(60);
        while steps(&database).await < wanted {
            assert!(Instant::now() < deadline, "round {round}: {} of {wanted} steps", steps(&database).await);
            tokio::task::yield_now().await;
        }
        for child in &mut all {
            child.kill().unwrap();
        }
        for child in &mut all {
            killed += usize::from(!child.wait().unwrap().success());
        }
        left.push(steps(&database).await);
        for child in migrators(&database) {
            let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success(), "round {round}, left at {left:?}: {said}");
        }
        assert_eq!(steps(&database).await, STEPS.len(), "round {round}");
        assert_eq!(count(&database, "SELECT count(*) FROM desk.migrations").await, STEPS.len());
        let twice = "SELECT count(*) FROM (SELECT s.name FROM desk.events AS e, \
                       jsonb_array_elements_text(e.after -> 'steps') AS s (name) \
                      WHERE e.action = 'schema.migrate' GROUP BY s.name HAVING count(*) > 1) AS t";
        assert_eq!(count(&database, twice).await, 0, "round {round}");
        let told = "SELECT count(*) FROM desk.events AS e, jsonb_array_elements_text(e.after -> 'steps') AS s (name) \
                     WHERE e.action = 'schema.migrate'";
        assert_eq!(count(&database, told).await, STEPS.len(), "round {round}");
        queries += web_app(&database).await;
    }
    let half = left.iter().filter(|steps| **steps < STEPS.len()).count();
    println!(
        "fault 21: {ROUNDS} times {PROCESSES} processes killed ({killed} of them at work, {half} times half way: after {left:?} of \
         {} steps), {PROCESSES} more finish: each step once, and once in the log; all {} documented queries of the web app run after each ({queries})",
        STEPS.len(),
        WEB_APP.len()
    );
    assert!(half >= 15, "{left:?}");
}
