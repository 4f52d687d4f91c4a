//! A Postgres of our own that syncs to disk, and databases on it in known sizes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kaygia_desk::auth::SessionToken;
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::server::{Programs, Server};
use kaygia_desk::store::generate::{self, Plan};
use kaygia_desk::store::migrate;
use kaygia_desk::store::pool::connect::Connector;
use kaygia_desk::store::pool::{self, Options};
use tokio_postgres::{Client, NoTls};

use crate::glass::Glass;

/// The desk, as users run it.
pub const DESK: &str = env!("CARGO_BIN_EXE_desk");

/// A server that goes when the run ends, with all that is on it.
pub struct Postgres {
    server: Server,
    /// Home of every desk that we start: no settings of whoever runs the bench get in.
    home: PathBuf,
    /// Fields are dropped in this order: the folder goes after the server.
    folder: Folder,
}

/// Where the data lie.
enum Folder {
    /// For this run only.
    Temporary(tempfile::TempDir),
    /// Filled databases stay there for the next run.
    Kept(PathBuf),
}

/// A migrated database.
pub struct Database {
    name: String,
    url: String,
    home: PathBuf,
    token: SessionToken,
    /// A connection like any other client's.
    pub client: Client,
}

impl Postgres {
    /// Starts it. Its data lie on the disk of the temporary files (`TMPDIR`), or in `KAYGIA_DESK_BENCH_FOLDER`.
    pub fn start() -> Self {
        let folder = match std::env::var_os("KAYGIA_DESK_BENCH_FOLDER") {
            Some(path) => Folder::Kept(path.into()),
            None => Folder::Temporary(
                tempfile::Builder::new().prefix("kaygia-desk-figures-").tempdir().expect("a folder"),
            ),
        };
        let path = folder.path();
        let home = path.join("home");
        std::fs::create_dir_all(&home).expect("a home");
        open_to_all(path);
        let programs = Programs::find().expect("Postgres' programs");
        let server = Server::durable(&programs, &path.join("server")).expect("a server");
        Self { server, home, folder }
    }

    /// Takes that many connections from now on: the server starts anew.
    pub async fn with_connections(self, connections: usize) -> Self {
        let Self { server, home, folder } = self;
        let admin = connect(&server.url("postgres")).await;
        let set = format!("ALTER SYSTEM SET max_connections = {connections}");
        admin.batch_execute(&set).await.expect("a setting");
        drop((admin, server));
        let programs = Programs::find().expect("Postgres' programs");
        let server = Server::durable(&programs, &folder.path().join("server")).expect("a server");
        Self { server, home, folder }
    }

    /// A connection to one of its databases.
    pub async fn connect(&self, name: &str) -> Client {
        connect(&self.server.url(name)).await
    }

    /// Where the server writes what it is told to log.
    pub fn log(&self) -> PathBuf {
        self.server.log()
    }

    /// A database for the desk: that many tickets, and a session.
    pub async fn database(&self, name: &str, plan: Plan) -> Database {
        self.create(name, plan).await;
        let url = self.server.url(name);
        let client = connect(&url).await;
        settle(&client).await;
        // The SUPER_ADMIN that the generator makes for benches.
        let token = begin_session(&client, generate::bench_user().as_str()).await;
        Database { name: name.to_owned(), url, home: self.home.clone(), token, client }
    }

    /// A database of that size, migrated and filled by the project's generator.
    pub async fn create(&self, name: &str, plan: Plan) {
        if let Folder::Temporary(_) = self.folder {
            return self.fill(name, plan).await;
        }
        let template = format!("kept_{}", plan.tickets);
        let admin = self.connect("postgres").await;
        let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        if !admin.query_one(exists, &[&template]).await.expect("databases").get::<_, bool>(0) {
            self.fill(&template, plan).await;
        }
        let statements = [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE {template}"),
        ];
        for statement in statements {
            admin.batch_execute(&statement).await.expect("a copy of the kept database");
        }
    }

    async fn fill(&self, name: &str, plan: Plan) {
        let begun = Instant::now();
        let admin = self.connect("postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
        let report = migrate::run(&self.connector(name), &mut |_| {}).await.expect("migrate");
        assert!(report.is_current(), "{report:?}");
        let mut client = self.connect(name).await;
        let now = "SELECT (extract(epoch FROM now()) * 1000000)::bigint";
        let now = client.query_one(now, &[]).await.expect("the clock").get(0);
        generate::run(&mut client, plan, Timestamp::from_micros(now), |_| {}).await.expect("tickets");
        eprintln!("{name}: {} tickets in {:.1} s", plan.tickets, begun.elapsed().as_secs_f64());
        // Awaited: a database that somebody is connected to can't be copied.
        drop(client);
        while Self::is_in_use(&admin, name).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_in_use(admin: &Client, name: &str) -> bool {
        let used = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1)";
        admin.query_one(used, &[&name]).await.expect("connections").get(0)
    }

    /// What migrations are carried out with.
    pub fn connector(&self, name: &str) -> Connector {
        pool::connector(&self.server.url(name), Options::MAINTENANCE).expect("an address")
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

impl Database {
    /// Gives the reader of the figures sixty active tickets with twenty messages each, the last of which names its ticket.
    /// All lie in the past, so that no age on the screen changes from minute to minute.
    pub async fn prepare(&self) {
        self.conversations(60).await;
        let given =
            "UPDATE desk.tickets SET assignee_id = $1 WHERE ticket_id IN (SELECT id FROM pg_temp.mine)";
        let given =
            self.client.execute(given, &[&generate::bench_user().as_str()]).await.expect("tickets of mine");
        assert_eq!(given, 60, "tickets of mine");
        settle(&self.client).await;
    }

    /// Chooses that many active tickets, in `pg_temp.mine`, and gives each twenty messages; the last names its ticket.
    pub async fn conversations(&self, count: usize) {
        let statements = PREPARE.replace("LIMIT 60", &format!("LIMIT {count}"));
        self.client.batch_execute(&statements).await.expect("tickets with twenty messages");
    }

    /// A session of somebody.
    pub async fn session_of(&self, user: &str) -> SessionToken {
        begin_session(&self.client, user).await
    }

    /// Starts the desk on it, signed in.
    pub fn desk(&self) -> Glass {
        self.desk_as(&self.token)
    }

    /// Starts the desk on it, in another session.
    pub fn desk_as(&self, token: &SessionToken) -> Glass {
        let home = self.home.to_str().expect("a path in UTF-8");
        Glass::start(
            Path::new(DESK),
            &[],
            &[("DATABASE_URL", &self.url), ("HOME", home), ("KAYGIA_DESK_SESSION", token.expose())],
        )
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// One more connection.
    pub async fn connect(&self) -> Client {
        connect(&self.url).await
    }

    /// Lets the server log what every client says that connects from now on, or nothing again.
    pub async fn log_statements(&self, log: bool) {
        let set = |name: &str, value: &str| {
            if log {
                format!("ALTER DATABASE {} SET {name} = {value};", self.name)
            } else {
                format!("ALTER DATABASE {} RESET {name};", self.name)
            }
        };
        let statements = set("log_statement", "'all'") + &set("log_error_verbosity", "'default'");
        self.client.batch_execute(&statements).await.expect("logging");
    }
}

const PREPARE: &str = "
    CREATE TEMPORARY TABLE mine AS
      SELECT t.ticket_id AS id, t.number, t.client_id, t.last_activity_at, 20 - t.comment_count AS missing
      FROM desk.tickets AS t
      WHERE t.active AND t.comment_count < 19
      ORDER BY t.queue_key, t.ticket_id LIMIT 60;
    INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at)
      SELECT gen_random_uuid()::text,
             CASE WHEN n = missing THEN 'This is the end of ' || number || '.'
                  ELSE 'I have tried that too, and it is still the same. What else can I do about it?' END,
             id, client_id, 'CLIENT', last_activity_at + n * interval '1 millisecond',
             last_activity_at + n * interval '1 millisecond'
      FROM pg_temp.mine, generate_series(1, missing) AS n
      ORDER BY id, n;
    DO $$ BEGIN WHILE (SELECT more FROM desk.fold(1000)) LOOP END LOOP; END $$;";

async fn begin_session(client: &Client, user: &str) -> SessionToken {
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("random bytes");
    let token = SessionToken::from_random(random);
    client
        .execute(
            "INSERT INTO desk.sessions (id, user_id, token_hash, created_at, last_seen_at, expires_at, origin)
             SELECT gen_random_uuid()::text, $1, $2, at, at, at + interval '12 hours', 'figures'
             FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS now",
            &[&user, &token.hash()],
        )
        .await
        .expect("a session");
    token
}

/// Leaves a database as autovacuum would in time: nothing of that shall happen while the clock runs.
pub async fn settle(client: &Client) {
    client.batch_execute("VACUUM (ANALYZE)").await.expect("vacuum");
    client.batch_execute("CHECKPOINT").await.expect("a checkpoint");
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connect");
    tokio::spawn(connection);
    client
}

/// Under root the server runs as another account, which must get through to its folder.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}
