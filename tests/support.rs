//! A real Postgres for every test: one throwaway server per test run, a database of its own per test.
//!
//! What the desk does in a test it does as a role that has what `desk grant` gives, no more: [`Database::url`]. The
//! fixtures, the web app's part and upkeep (migrations, repairs, the demo) are the owner's: [`Database::client`],
//! [`Database::owner_url`].
//!
//! `KAYGIA_DESK_TEST_DATABASE_URL` runs the same tests on another server (its role must be a superuser). Without
//! Postgres the tests fail; they are never skipped. What such a run leaves on the other server is named `desk_test_*`.

pub mod daemon;
pub mod proxy;
pub mod smtp;
pub mod world;

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

use kaygia_desk::server::{Programs, Server};
use kaygia_desk::store::grant::{self, Reach};
use kaygia_desk::store::migrate;
use kaygia_desk::store::pool::{self, Options};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// A database that goes when the test ends.
pub struct Database {
    /// Empty where its server goes with the test.
    name: String,
    url: String,
    owner_url: String,
    /// The owner's connection to it, with the session's defaults of the server.
    pub client: Client,
}

impl Database {
    /// The address, as `DATABASE_URL` takes it, for the desk's own role.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address for the owner of all tables, who is a superuser.
    pub fn owner_url(&self) -> &str {
        &self.owner_url
    }

    /// One more connection of the desk's role, with the session's defaults of the server.
    pub async fn connect_as_desk(&self) -> Client {
        connect(&self.url).await
    }

    /// The name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One more connection of the owner's.
    pub async fn connect(&self) -> Client {
        connect(&self.owner_url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        // A database takes 8 MB of memory: it goes soon, but nobody waits for that.
        let _ = undertaker().send(self.name.clone());
    }
}

/// A database as `desk migrate` leaves an empty one.
pub async fn database() -> Database {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let name = new_name();
            create(&name, "template0").await;
            prepare_template(&url_of(&name)).await;
            name
        })
        .await;
    open(template).await
}

/// A database on a server that the test keeps itself, migrated.
#[allow(dead_code, reason = "for the suite of faults")]
pub async fn database_at(owner_url: &str) -> Database {
    let client = connect(owner_url).await;
    create_desk_role(&client).await;
    migrate_and_grant(owner_url).await;
    let (url, owner_url) = (url_of_desk(owner_url), owner_url.to_owned());
    Database { name: String::new(), url, owner_url, client }
}

/// A database without anything in it.
pub async fn empty_database() -> Database {
    open("template0").await
}

/// What every test's database starts with. The connections made here must be closed again: Postgres copies only
/// a database that nobody uses.
async fn prepare_template(url: &str) {
    desk_role().await;
    migrate_and_grant(url).await;
}

async fn migrate_and_grant(url: &str) {
    let connector = pool::connector(url, Options::MAINTENANCE).expect("the address of the tests' template");
    let report = migrate::run(&connector, &mut |_| {}).await.expect("migrate the tests' template");
    assert!(report.is_current(), "{report:?}");
    grant_to_desk(url).await;
}

async fn grant_to_desk(owner_url: &str) {
    // Before 15 everybody may make tables there; `desk grant` says so, and does not decide about others' rights.
    let owner = connect(owner_url).await;
    owner
        .batch_execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .await
        .expect("the schema public closed");
    drop(owner);
    let connector =
        pool::connector(owner_url, Options::MAINTENANCE).expect("the address of a test's database");
    let granted = grant::run(&connector, &role_name(), Reach::Direct, None).await;
    let granted = granted.expect("grant the desk's role");
    assert_eq!(granted.surplus, [""; 0]);
}

/// The role that the desk is in all tests; it belongs to the server, so it is made once.
async fn desk_role() {
    static ROLE: OnceCell<()> = OnceCell::const_new();
    ROLE.get_or_init(|| async {
        create_desk_role(&connect(&admin_url()).await).await;
    })
    .await;
}

async fn create_desk_role(owner: &Client) {
    let statement = format!("CREATE ROLE {} LOGIN PASSWORD '{}'", role_name(), role_password());
    owner.batch_execute(&statement).await.expect("create the desk's role");
}

fn role_name() -> String {
    format!("desk_test_{}_clerk", std::process::id())
}

/// For servers that ask for one; ours does not.
fn role_password() -> &'static str {
    static PASSWORD: OnceLock<String> = OnceLock::new();
    PASSWORD.get_or_init(|| {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("random bytes");
        format!("{:032x}", u128::from_le_bytes(bytes))
    })
}

/// The address of the owner's, for the desk's role.
fn url_of_desk(owner_url: &str) -> String {
    let config = tokio_postgres::Config::from_str(owner_url).expect("the address of a test's database");
    let Some(owner) = config.get_user() else { panic!("{owner_url} names no role") };
    let role = format!("{}:{}", role_name(), role_password());
    match owner_url.split_once("//") {
        Some((scheme, rest)) if rest.starts_with(&format!("{owner}@")) => {
            format!("{scheme}//{role}{}", &rest[owner.len()..])
        }
        Some((scheme, rest)) if rest.starts_with(&format!("{owner}:")) => {
            let at = rest.find('@').expect("a host");
            format!("{scheme}//{role}{}", &rest[at..])
        }
        _ => panic!("{owner_url} must begin with the role"),
    }
}

/// The address of one database on the server of the tests, for its owner.
pub fn url_of(database: &str) -> String {
    match override_url() {
        None => server().url(database),
        Some(admin) => {
            let (address, options) = admin.split_once('?').map_or((admin.as_str(), ""), |(a, o)| (a, o));
            let start = address.find("//").map_or(0, |at| at + 2);
            let end = address[start..].find('/').map_or(address.len(), |at| start + at);
            let mark = if options.is_empty() { "" } else { "?" };
            format!("{}/{database}{mark}{options}", &address[..end])
        }
    }
}

/// A connection to any database.
pub async fn connect(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("connect to the test's database");
    tokio::spawn(connection);
    client
}

fn server() -> &'static Server {
    // Never dropped: the server's parent process sees the end of this one, stops it and removes its folder.
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let programs = Programs::find().unwrap_or_else(|error| panic!("the tests need PostgreSQL: {error}"));
        Server::throwaway(&programs).unwrap_or_else(|error| panic!("the tests need PostgreSQL: {error}"))
    })
}

fn override_url() -> Option<String> {
    std::env::var("KAYGIA_DESK_TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

fn admin_url() -> String {
    override_url().unwrap_or_else(|| server().admin_url())
}

fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("desk_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn create(name: &str, template: &str) {
    let admin = connect(&admin_url()).await;
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    admin.batch_execute(&statement).await.expect("create the test's database");
}

async fn open(template: &str) -> Database {
    let name = new_name();
    create(&name, template).await;
    desk_role().await;
    let owner_url = url_of(&name);
    let client = connect(&owner_url).await;
    Database { name, url: url_of_desk(&owner_url), owner_url, client }
}

/// Takes the names of databases that are no longer used, and drops them one after the other.
fn undertaker() -> &'static mpsc::Sender<String> {
    static UNDERTAKER: OnceLock<mpsc::Sender<String>> = OnceLock::new();
    UNDERTAKER.get_or_init(|| {
        let (sender, names) = mpsc::channel::<String>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = connect(&admin_url()).await;
                for name in names {
                    // A failure costs memory until the end of the run, nothing else.
                    let _ = admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
                }
            });
        });
        sender
    })
}
