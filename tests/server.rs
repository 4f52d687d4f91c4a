//! The private Postgres: it starts, it is private, it is shared, and it leaves nothing behind.

mod holder;

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use kaygia_desk::server::{Programs, Server, ServerError};
use rustix::fs::FlockOperation;
use tempfile::TempDir;

use crate::support;
use holder::Holder;

/// Long enough for a machine that builds something else at the same time.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_throwaway_server_answers_and_takes_its_folder_along() {
    let server = Server::throwaway(&programs()).unwrap();
    let folder = server.folder().to_path_buf();
    assert_eq!(answer(&server.admin_url(), "SELECT current_user::text").await, "kaygia");
    assert_eq!(answer(&server.admin_url(), "SHOW fsync").await, "off");

    drop(server);

    assert!(!folder.exists(), "{} is still there", folder.display());
    assert_no_process(&folder);
}

#[tokio::test]
async fn a_private_server_folds_the_case_of_every_script_and_can_index_trigrams() {
    let database = support::empty_database().await;
    let one = |sql: &'static str| async move { answer(database.url(), sql).await };
    assert_eq!(
        one(
            "SELECT lower('ÉΣЖ') || ' ' || (SELECT name FROM pg_available_extensions WHERE name = 'pg_trgm')"
        )
        .await,
        "éσж pg_trgm"
    );
}

#[tokio::test]
async fn a_private_server_listens_on_its_socket_alone() {
    let server = Server::throwaway(&programs()).unwrap();
    assert_eq!(answer(&server.admin_url(), "SHOW listen_addresses").await, "");
    let sockets = fs::read_dir(format!("/proc/{}/fd", server.process_id().unwrap())).unwrap();
    let inodes: Vec<String> = sockets
        .filter_map(|fd| Some(fs::read_link(fd.ok()?.path()).ok()?.to_string_lossy().into_owned()))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        let listed = |inode: &String| table.lines().any(|line| line.split_whitespace().nth(9) == Some(inode));
        // UDP to itself is how the statistics of versions up to 14 travel; nothing listens for others.
        assert!(!inodes.iter().any(listed) || table.contains("0100007F"), "a network socket: {table}");
    }
}

#[tokio::test]
async fn nobody_else_can_reach_the_socket() {
    let server = Server::throwaway(&programs()).unwrap();
    let mode = fs::metadata(server.folder()).unwrap().mode() & 0o777;
    assert_eq!(mode & 0o077, 0, "the folder is open: {mode:o}");
    if is_root() {
        let socket = server.socket_folder().join(".s.PGSQL.5432");
        let other = Command::new("test").arg("-S").arg(&socket).uid(12_345).gid(12_345).status().unwrap();
        assert!(!other.success(), "another account sees {}", socket.display());
    }
}

#[tokio::test]
async fn the_second_desk_joins_the_server_of_the_first_and_outlives_it() {
    let home = home();
    let first = Server::durable(&programs(), &home.path().join("server")).unwrap();
    let second = Server::durable(&programs(), &home.path().join("server")).unwrap();
    assert_eq!(first.process_id(), second.process_id());
    assert_eq!(first.admin_url(), second.admin_url());

    drop(first);
    assert_eq!(answer(&second.admin_url(), "SELECT 'still here'").await, "still here");

    let folder = second.folder().to_path_buf();
    drop(second);
    assert_no_process(&folder);
}

#[tokio::test]
async fn a_durable_server_syncs_and_keeps_its_data() {
    let home = home();
    let folder = home.path().join("server");
    let server = Server::durable(&programs(), &folder).unwrap();
    assert_eq!(answer(&server.admin_url(), "SHOW fsync").await, "on");
    support::connect(&server.admin_url())
        .await
        .batch_execute("CREATE TABLE public.kept AS SELECT 7 AS n")
        .await
        .unwrap();
    drop(server);

    let server = Server::durable(&programs(), &folder).unwrap();
    assert_eq!(answer(&server.admin_url(), "SELECT n::text FROM public.kept").await, "7");
}

#[test]
fn a_killed_desk_leaves_no_server_behind() {
    for ending in ["kill", "abort"] {
        let home = home();
        let folder = home.path().join("server");
        let mut holder = Holder::start(&format!("durable {}", folder.display()));
        let lock = File::open(folder.join("lock")).unwrap();
        match ending {
            "kill" => holder.child.kill().unwrap(),
            _ => holder.say("abort"),
        }
        assert!(holder.child.wait().unwrap().signal().is_some());
        wait_for(lock);
        assert_no_process(&folder);
        assert!(!folder.join("cluster/data/postmaster.pid").exists(), "the server did not end in order");
    }
}

#[test]
fn a_killed_test_run_leaves_no_server_and_no_folder_behind() {
    let mut holder = Holder::start("throwaway");
    let folder = holder.folder.clone();
    let lock = File::open(folder.join("lock")).unwrap();
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    wait_for(lock);
    assert_no_process(&folder);
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_server_survives_the_killing_of_the_desk_that_started_it() {
    let home = home();
    let folder = home.path().join("server");
    let mut starter = Holder::start(&format!("durable {}", folder.display()));
    let joined = Server::durable(&programs(), &folder).unwrap();

    starter.child.kill().unwrap();
    starter.child.wait().unwrap();

    let mut client = Some(support::connect(&joined.admin_url()).await);
    assert!(client.take().unwrap().simple_query("SELECT 1").await.is_ok());
    drop(joined);
    assert_no_process(&folder);
}

/// One closes while another opens: nobody may be handed a server that is on its way down.
#[test]
fn desks_that_come_and_go_at_the_same_time_always_find_a_server() {
    let home = home();
    let folder = home.path().join("server");
    let programs = programs();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for _ in 0..12 {
                    let server = Server::durable(&programs, &folder).unwrap();
                    let answered = runtime.block_on(answer(&server.admin_url(), "SELECT 'here'"));
                    assert_eq!(answered, "here");
                }
            });
        }
    });
    assert_no_process(&folder);
}

#[tokio::test]
async fn a_server_whose_parent_was_killed_is_replaced() {
    let home = home();
    let folder = home.path().join("server");
    let orphaned = Server::durable(&programs(), &folder).unwrap();
    let before = orphaned.process_id().unwrap();
    let parent = parent_of(before);
    let lock = File::open(folder.join("lock")).unwrap();
    rustix::process::kill_process(parent, rustix::process::Signal::KILL).unwrap();
    wait_for(lock);

    let server = Server::durable(&programs(), &folder).unwrap();

    assert_ne!(server.process_id().unwrap(), before);
    assert_eq!(answer(&server.admin_url(), "SELECT 'new'").await, "new");
    drop(orphaned);
    assert_eq!(
        answer(&Server::durable(&programs(), &folder).unwrap().admin_url(), "SELECT 'joined'").await,
        "joined"
    );
    drop(server);
    wait_until_no_process(&folder);
}

#[tokio::test]
async fn what_a_power_cut_leaves_does_not_bar_the_next_start() {
    let home = home();
    let folder = home.path().join("server");
    let server = Server::durable(&programs(), &folder).unwrap();
    let data = folder.join("cluster/data");
    let record = fs::read(data.join("postmaster.pid")).unwrap();
    drop(server);
    // The number in the file belongs to a process that lives, and is not ours.
    let text = String::from_utf8(record).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(data.join("postmaster.pid"), format!("{}\n{rest}", std::process::id())).unwrap();

    let server = Server::durable(&programs(), &folder).unwrap();

    assert_eq!(answer(&server.admin_url(), "SELECT 'up'").await, "up");
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let home = home();
    let folder = home.path().join("server");
    drop(Server::durable(&programs(), &folder).unwrap());
    let data = folder.join("cluster/data");
    fs::rename(&data, data.with_file_name("data.new")).unwrap();
    fs::remove_dir_all(data.with_file_name("data.new").join("global")).unwrap();

    let server = Server::durable(&programs(), &folder).unwrap();

    assert_eq!(answer(&server.admin_url(), "SELECT 'whole'").await, "whole");
}

#[test]
fn killed_while_it_makes_the_cluster_a_desk_leaves_no_process_behind() {
    let home = home();
    let folder = home.path().join("server");
    let bin = fake_programs(home.path(), "echo $$ > \"$9\" 2>/dev/null; exec sleep 1000", "");
    let mut holder = Holder::spawn(&format!("durable {}", folder.display()), Some(&bin));
    // The shell of the parent process shows up with our folder on its command line.
    while processes_of(&folder).is_empty() {
        assert!(holder.child.try_wait().unwrap().is_none(), "the desk ended early");
        std::thread::yield_now();
    }
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    wait_until_no_process(&folder);
}

#[tokio::test]
async fn the_start_after_a_kill_waits_for_the_initdb_that_outlived_it() {
    let home = home();
    let folder = home.path().join("server");
    let data_new = folder.join("cluster/data.new");
    // It ends when it is told to, and not before it has written once more, over whatever was cleared away.
    let linger = "trap '' INT TERM; for last; do :; done
mkdir -p \"$last/base/5\"; while ! [ -e \"$last/../../killed\" ]; do :; done
i=0; while [ $i -lt 2000 ]; do mkdir -p \"$last/base/5\"; : > \"$last/base/5/$i\"; i=$((i+1)); done";
    let bin = fake_programs(home.path(), linger, "");
    let mut first = Holder::spawn(&format!("durable {}", folder.display()), Some(&bin));
    while !data_new.join("base/5").exists() {
        assert!(first.child.try_wait().unwrap().is_none(), "the desk ended early");
        std::thread::yield_now();
    }
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    fs::write(folder.join("killed"), "").unwrap();

    let server = Server::durable(&programs(), &folder).unwrap();

    assert_eq!(answer(&server.admin_url(), "SELECT 'whole'").await, "whole");
    assert!(!data_new.exists(), "nobody went on writing");
}

#[test]
fn a_server_that_ends_while_starting_shows_its_last_words() {
    let home = home();
    let bin =
        fake_programs(home.path(), FAKE_INITDB, "echo 'FATAL:  the moon is in the wrong phase' >&2; exit 1");
    let error = start_with(&bin, &home.path().join("server"));
    assert!(error.contains("did not start: FATAL:  the moon is in the wrong phase"), "{error}");
}

#[test]
fn a_failed_initdb_shows_its_last_words() {
    let home = home();
    let bin = fake_programs(home.path(), "echo 'initdb: error: no locale here' >&2; exit 1", "");
    let error = start_with(&bin, &home.path().join("server"));
    assert!(error.contains("could not create a cluster in"), "{error}");
    assert!(error.contains("no locale here"), "{error}");
    assert!(!home.path().join("server/cluster/data").exists());
}

#[test]
fn a_cluster_of_a_version_that_is_not_installed_is_left_alone() {
    let home = home();
    let folder = home.path().join("server");
    drop(Server::durable(&programs(), &folder).unwrap());
    fs::write(folder.join("cluster/data/PG_VERSION"), "12\n").unwrap();

    let error = Server::durable(&programs(), &folder).unwrap_err();

    assert!(matches!(error, ServerError::VersionMissing { major: 12, .. }), "{error}");
}

#[test]
fn programs_that_are_too_old_are_refused() {
    let home = home();
    let bin = fake_programs(home.path(), "", "");
    let postgres = "#!/bin/sh\necho 'postgres (PostgreSQL) 12.4'\n";
    fs::write(bin.join("postgres"), postgres).unwrap();
    let error = start_with(&bin, &home.path().join("server"));
    assert!(error.contains("are version 12, and the desk needs 14 or newer"), "{error}");
}

#[test]
fn a_named_folder_without_the_programs_is_refused_by_name() {
    let home = home();
    let error = start_with(home.path(), &home.path().join("server"));
    let expected = format!("KAYGIA_DESK_PG_BIN names {}, which does not hold both", home.path().display());
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_machine_without_postgres_is_told_what_to_run() {
    let error = ServerError::ProgramsMissing.to_string();
    assert!(error.starts_with("no PostgreSQL programs were found on this machine; "), "{error}");
    assert!(error.contains("run") || error.contains("install"), "{error}");
}

#[test]
fn a_folder_with_other_files_is_refused() {
    let home = home();
    fs::write(home.path().join("thesis.tex"), "precious").unwrap();
    let error = Server::durable(&programs(), home.path()).unwrap_err();
    assert!(matches!(error, ServerError::NotOurs(_)), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn under_root_a_folder_that_the_servers_account_cannot_enter_is_refused_in_words() {
    if !is_root() {
        // Anybody else runs the server under their own account, which enters what it has made.
        return;
    }
    let home = home();
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    let error = Server::durable(&programs(), &home.path().join("server")).unwrap_err();
    assert!(matches!(error, ServerError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("cannot use"), "{error}");
}

#[tokio::test]
async fn a_long_path_puts_the_socket_where_it_fits() {
    let home = home();
    let folder = home.path().join("deep".repeat(20)).join("deeper".repeat(20)).join("server");
    let server = Server::durable(&programs(), &folder).unwrap();
    let joined = Server::durable(&programs(), &folder).unwrap();
    let socket = server.socket_folder().to_path_buf();
    assert!(!socket.starts_with(&folder));
    assert_eq!(socket, joined.socket_folder());
    assert_eq!(answer(&joined.admin_url(), "SELECT 'short'").await, "short");

    drop(server);
    drop(joined);

    assert!(!socket.exists(), "{} is still there", socket.display());
}

#[test]
fn a_cluster_in_use_is_not_erased() {
    let home = home();
    let folder = home.path().join("server");
    Server::erase(&folder).unwrap();
    let server = Server::durable(&programs(), &folder).unwrap();
    assert!(matches!(Server::erase(&folder), Err(ServerError::InUse(_))));
    drop(server);
    Server::erase(&folder).unwrap();
    assert!(!folder.join("cluster").exists());
    drop(Server::durable(&programs(), &folder).unwrap());
}

/// Everything above ran as root where the tests run as root; here the other way is taken too.
#[test]
fn an_ordinary_account_runs_its_own_server() {
    if !is_root() {
        return;
    }
    let home = home();
    // The build folder may be closed to other accounts.
    let program = home.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let own = home.path().join("own");
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(65_534), Some(65_534)).unwrap();
    let folder = own.join("server");
    let mut command = Holder::command(&program, &format!("durable {}", folder.display()));
    command.uid(65_534).gid(65_534).env("HOME", &own).env("TMPDIR", "/tmp").current_dir("/");
    let mut holder = Holder::of(command);
    assert_eq!(fs::metadata(folder.join("cluster/data")).unwrap().uid(), 65_534);
    let lock = File::open(folder.join("lock")).unwrap();
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    wait_for(lock);
    assert_no_process(&folder);
}

/// What a throwaway server left whose every process was killed at once is removed by the next test run.
#[test]
fn what_a_killed_machine_leaves_in_memory_is_swept() {
    let server = Server::throwaway(&programs()).unwrap();
    let stale = server.folder().with_file_name(format!("kaygia-desk-{}-stale", std::process::id()));
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("lock"), "").unwrap();

    drop(Server::throwaway(&programs()).unwrap());

    assert!(!stale.exists());
    assert!(server.folder().exists(), "a running server was swept");
}

#[test]
fn a_url_names_any_database_and_any_folder() {
    let server = Server::throwaway(&programs()).unwrap();
    let config: tokio_postgres::Config = server.url("tic ket/s?é").parse().unwrap();
    assert_eq!(config.get_dbname(), Some("tic ket/s?é"));
    assert_eq!(config.get_user(), Some("kaygia"));
    assert_eq!(
        config.get_hosts(),
        [tokio_postgres::config::Host::Unix(server.socket_folder().to_path_buf())]
    );
}

/// Not a test of its own: the other tests start it as the process that holds a server.
#[test]
fn holds_a_server_for_another_test() {
    let Ok(order) = std::env::var("KAYGIA_DESK_TEST_HOLDER") else { return };
    let result = Programs::find().and_then(|programs| match order.strip_prefix("durable ") {
        Some(folder) => Server::durable(&programs, Path::new(folder)),
        None => Server::throwaway(&programs),
    });
    let mut out = std::io::stdout();
    let server = match result {
        Ok(server) => server,
        Err(error) => return writeln!(out, "\nERROR {}", error.to_string().replace('\n', " ")).unwrap(),
    };
    writeln!(out, "\nREADY {}", server.folder().display()).unwrap();
    let mut order = String::new();
    std::io::stdin().read_to_string(&mut order).unwrap();
    if order == "abort" {
        std::process::abort();
    }
}

/// Makes `data.new` look enough like a cluster.
const FAKE_INITDB: &str = r#"for d; do :; done; mkdir "$d" && echo 15 > "$d/PG_VERSION""#;

fn programs() -> Programs {
    Programs::find().unwrap()
}

/// A folder that the account of the server can walk into.
fn home() -> TempDir {
    // In memory where the system has that: a new cluster is synced to disk otherwise.
    let base = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
    let home = tempfile::Builder::new().prefix("desk").tempdir_in(base).unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    home
}

fn fake_programs(home: &Path, initdb: &str, postgres: &str) -> PathBuf {
    let bin = home.join("bin");
    fs::create_dir(&bin).unwrap();
    let version = "[ \"$1\" != --version ] || { echo 'postgres (PostgreSQL) 15.1'; exit; }";
    for (name, text) in [("initdb", initdb), ("postgres", postgres)] {
        fs::write(bin.join(name), format!("#!/bin/sh\n{version}\n{text}\n")).unwrap();
        fs::set_permissions(bin.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    bin
}

fn start_with(bin: &Path, folder: &Path) -> String {
    let mut command =
        Holder::command(&std::env::current_exe().unwrap(), &format!("durable {}", folder.display()));
    command.env("KAYGIA_DESK_PG_BIN", bin);
    let holder = Holder::of(command);
    assert!(!holder.error.is_empty(), "it started");
    holder.error.clone()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn answer(url: &str, sql: &str) -> String {
    let client = support::connect(url).await;
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Waits until nobody holds the lock any more; the parent of a server holds it to its very end.
fn wait_for(lock: File) {
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(rustix::fs::flock(&lock, FlockOperation::LockExclusive));
    });
    ended.recv_timeout(PATIENCE).expect("the server goes on").unwrap();
}

fn assert_no_process(folder: &Path) {
    let left = processes_of(folder);
    assert!(left.is_empty(), "left behind: {left:?}");
}

fn wait_until_no_process(folder: &Path) {
    let started = std::time::Instant::now();
    while !processes_of(folder).is_empty() {
        assert!(started.elapsed() < PATIENCE, "left behind: {:?}", processes_of(folder));
        std::thread::yield_now();
    }
}

/// The processes with `folder` on their command line, except those of the tests themselves.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let bytes = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
        })
        .filter(|line| line.contains(&*folder))
        .collect()
}

fn parent_of(process: u32) -> rustix::process::Pid {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    rustix::process::Pid::from_raw(parent.trim().parse().unwrap()).unwrap()
}
