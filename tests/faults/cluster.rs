//! A Postgres of a test's own, to be stopped, killed, frozen, copied and promoted.

use crate::run;
use crate::support::connect;
use kaygia_desk::server::Programs;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// No start takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server and its folder.
pub struct Cluster {
    bin: PathBuf,
    home: TempDir,
    server: Option<Child>,
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
}

impl Cluster {
    /// A new server, with these settings.
    pub async fn new(settings: &[&str]) -> Self {
        let mut cluster = Self::in_new_folder(settings);
        let data = cluster.data();
        let locale = ["-U", "kaygia", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"];
        cluster.tool("initdb", &[&locale[..], &[data.to_str().unwrap()]].concat());
        cluster.start().await;
        cluster
    }

    /// A standby of this one, under way. From now on no write is confirmed here before the standby has it.
    pub async fn standby(&self) -> Self {
        let mut standby = Self::in_new_folder(&[]);
        standby.settings.clone_from(&self.settings);
        let (data, socket) = (standby.data(), self.socket());
        let (data, socket) = (data.to_str().unwrap(), socket.to_str().unwrap());
        let from =
            ["-h", socket, "-U", "kaygia", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", data];
        standby.tool("pg_basebackup", &from);
        standby.start().await;
        let primary = self.connect("postgres").await;
        primary.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
        primary.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let attached = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        let deadline = Instant::now() + PATIENCE;
        while primary.query_one(attached, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(Instant::now() < deadline, "the standby does not follow");
            tokio::task::yield_now().await;
        }
        standby
    }

    /// Starts the server; done when it takes connections.
    pub async fn start(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.socket());
        let common = ["listen_addresses=", "fsync=off", "jit=off", "timezone=UTC", "autovacuum=off"];
        for setting in common.into_iter().map(str::to_owned).chain(self.settings.clone()) {
            command.arg("-c").arg(setting);
        }
        let log = fs::File::options().append(true).create(true).open(self.home.path().join("log")).unwrap();
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        run::started(server.id());
        self.server = Some(server);
        let deadline = Instant::now() + PATIENCE;
        let url = self.url("postgres");
        while tokio_postgres::connect(&url, NoTls).await.is_err() {
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            let late = Instant::now() > deadline;
            assert!(ended.is_none() && !late, "the server does not start: {}", self.log());
            // The rhythm of asking.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Other settings, from the next start on.
    pub fn set(&mut self, settings: &[&str]) {
        self.settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    }

    /// Ends the server at once, as a crash does: the next start has to recover.
    pub fn stop_immediately(&mut self) {
        self.end(Signal::QUIT);
    }

    /// Kills the server and all that it started.
    pub fn kill(&mut self) {
        for pid in self.processes() {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut server) = self.server.take() else { return };
        let _ = kill_process(number(server.id()), signal);
        let _ = server.wait();
        run::ended(server.id());
    }

    /// Stops all its processes where they are, or lets them go on.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // The first is the one that starts others.
        for pid in self.processes() {
            let _ = kill_process(pid, signal);
        }
    }

    /// Makes a standby a server that writes.
    pub fn promote(&self) {
        let data = self.data();
        self.tool("pg_ctl", &["promote", "-w", "-s", "-D", data.to_str().unwrap()]);
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        let folder = self.socket().to_str().unwrap().replace('/', "%2F");
        format!("postgresql://kaygia@{folder}/{database}")
    }

    /// The folder of the socket.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("s")
    }

    /// A connection.
    pub async fn connect(&self, database: &str) -> Client {
        connect(&self.url(database)).await
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    fn in_new_folder(settings: &[&str]) -> Self {
        let programs = Programs::find().unwrap_or_else(|error| panic!("the tests need PostgreSQL: {error}"));
        let home = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        let owner = rustix::process::geteuid().is_root().then(|| (id("-u"), id("-g")));
        // Where some programs are linked to, the others are.
        let postgres = programs.folder().join("postgres").canonicalize().unwrap();
        let cluster = Self {
            bin: postgres.parent().unwrap().to_owned(),
            home,
            server: None,
            owner,
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
        };
        for folder in [cluster.data(), cluster.socket()] {
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
            if let Some((user, group)) = owner {
                chown(&folder, Some(user), Some(group)).unwrap();
            }
        }
        cluster
    }

    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        assert!(program.exists(), "the tests need {}", program.display());
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/").process_group(0);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn tool(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The server and its children.
    fn processes(&self) -> Vec<Pid> {
        let Some(server) = &self.server else { return Vec::new() };
        let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            (parent(pid)? == server.id()).then(|| number(pid))
        });
        let _ = kill_process(number(server.id()), Signal::STOP);
        let all = [number(server.id())].into_iter().chain(children).collect();
        let _ = kill_process(number(server.id()), Signal::CONT);
        all
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

fn number(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The account that Postgres runs as when we are root.
fn id(kind: &str) -> u32 {
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| {
            let output = Command::new("id").args([kind, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        })
        .expect("Postgres refuses to run as root, and there is neither an account postgres nor nobody")
}
