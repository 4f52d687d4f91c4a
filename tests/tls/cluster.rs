//! A Postgres of a test's own that listens on the network of this machine, which the desk's private ones never do.

use crate::support::connect;
use crate::support::daemon::{Account, Daemon};
use kaygia_desk::server::Programs;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;
use tokio_postgres::Client;

/// The server and its folder; both go with it.
pub struct Cluster {
    folder: TempDir,
    port: u16,
    _daemon: Daemon,
}

impl Cluster {
    /// Starts with these lines of `pg_hba.conf` after one for its own socket, and these settings. The owner is
    /// `kaygia`.
    pub fn start(hba: &[&str], settings: &[(&str, &str)]) -> Self {
        let programs = Programs::find().unwrap_or_else(|error| panic!("the tests need PostgreSQL: {error}"));
        let folder = tempfile::Builder::new().prefix("kd-").tempdir_in("/tmp").unwrap();
        let account = Account::of_postgres();
        account.own(folder.path());
        let data = folder.path().join("data");
        let made = account
            .command(programs.folder().join("initdb"))
            .args(["-U", "kaygia", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--auth=trust", "-D"])
            .arg(&data)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let lines =
            ["local all kaygia trust"].iter().chain(hba).fold(String::new(), |all, line| all + line + "\n");
        fs::write(data.join("pg_hba.conf"), lines).unwrap();
        // Free a moment ago; Postgres says so if somebody was faster.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut arguments: Vec<String> = Vec::new();
        let own = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", port.to_string()),
            ("unix_socket_directories", folder.path().display().to_string()),
            ("fsync", "off".to_owned()),
            ("shared_buffers", "16MB".to_owned()),
        ];
        for (name, value) in
            own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied())
        {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        let data = data.as_os_str();
        let arguments: Vec<&OsStr> =
            [OsStr::new("-D"), data].into_iter().chain(arguments.iter().map(OsStr::new)).collect();
        let (daemon, log) = Daemon::start(&account, programs.folder().join("postgres"), &arguments);
        let mut log = BufReader::new(log);
        let mut said = String::new();
        while !said.contains("is ready to accept connections") {
            let read = log.read_line(&mut said).unwrap();
            assert!(read > 0, "the server did not start:\n{said}");
        }
        // The rest is read, so that the server never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { folder, port, _daemon: daemon }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file that only the server reads.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Account::of_postgres().own(&path);
        path
    }

    /// The owner, by the socket.
    pub async fn owner(&self) -> Client {
        let folder = self.folder.path().display();
        connect(&format!("host={folder} port={} user=kaygia dbname=postgres", self.port)).await
    }
}
