//! The log: for its owner alone, and with nothing in it but what we wrote.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use kaygia_desk::telemetry::{self, Panicked};
use tracing_subscriber::filter::LevelFilter;

#[test]
fn the_log_is_json_for_its_owner_and_knows_no_other_crates_words() {
    let state = tempfile::tempdir().unwrap();
    let log = state.path().join("deep/desk.log");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "telemetry::logs_for_another_test"])
        .env("KAYGIA_DESK_TEST_LOG", &log)
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");

    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["message"], "listener lost");
    assert_eq!(lines[0]["attempt"], 3);
    assert!(lines[1]["place"].as_str().unwrap().starts_with("tests/telemetry.rs:"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(log.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    let said = String::from_utf8(child.stderr).unwrap();
    assert!(said.contains("the terminal is back"), "{said}");
    assert!(said.contains("stopped because of a mistake in itself") && !said.contains("s3cret"), "{said}");
}

#[test]
fn a_log_that_is_a_link_or_a_pipe_is_neither_followed_nor_waited_for() {
    let state = tempfile::tempdir().unwrap();
    let log = state.path().join("desk.log");
    let victim = state.path().join("victim");
    fs::write(&victim, "of another purpose").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink(&victim, &log).unwrap();
    telemetry::start(&log, LevelFilter::INFO).unwrap_err();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "of another purpose");
    assert_eq!(fs::metadata(&victim).unwrap().mode() & 0o777, 0o644);

    fs::remove_file(&log).unwrap();
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    telemetry::start(&log, LevelFilter::INFO).unwrap_err();
    // Somebody reads from it: it could be opened, but it is no file.
    let reader = fs::OpenOptions::new().read(true).write(true).open(&log).unwrap();
    assert_eq!(telemetry::start(&log, LevelFilter::INFO).unwrap_err().to_string(), "it is no ordinary file");
    drop(reader);
}

/// Not a test of its own: the one above starts it, since a process has one log.
#[test]
fn logs_for_another_test() {
    let Ok(log) = std::env::var("KAYGIA_DESK_TEST_LOG") else { return };
    let log = Path::new(&log);
    telemetry::start(log, LevelFilter::TRACE).unwrap();
    telemetry::install_panic_hook(log, || {
        std::io::Write::write_all(&mut std::io::stderr(), b"the terminal is back\n").unwrap();
        Panicked::Ends
    });
    tracing::warn!(target: "kaygia_desk::store", attempt = 3, "listener lost");
    tracing::error!(target: "tokio_postgres", "s3cret");
    std::thread::spawn(|| panic!("s3cret")).join().unwrap_err();
}
