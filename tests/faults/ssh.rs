//! The desk behind OpenSSH, with the blocks of the README as they stand there: a key opens the desk and nothing else.

use crate::pty::glass::{Glass, environment};
use crate::pty::start::{becomes, desk};
use crate::run::{beside_others, program};
use crate::support::daemon::{Account, Daemon};
use crate::support::world::World;
use portable_pty::CommandBuilder;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const README: &str = include_str!("../../README.md");

/// An sshd on this machine.
struct Sshd {
    _daemon: Daemon,
    /// What the service user runs and reads.
    service: TempDir,
    /// What is root's alone.
    keys: TempDir,
    user: String,
    port: u16,
}

/// A block of the README, by the name of its language.
fn block(language: &str, nth: usize) -> &'static str {
    let fence = format!("```{language}\n");
    let rest =
        README.split(&fence).nth(nth).unwrap_or_else(|| panic!("the README has no block of {language}"));
    rest.split("```").next().unwrap()
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

impl Sshd {
    fn start(world: &World) -> Self {
        let root = rustix::process::geteuid().is_root();
        let account = Account::of_postgres();
        // The service user: the account of the database's package, which has a shell, or ourselves.
        let user = if root { "postgres".to_owned() } else { said(&run(Command::new("id").arg("-un"))) };
        let folder = |place: &str| {
            let folder = tempfile::Builder::new().prefix("kd-").tempdir_in(place).unwrap();
            fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
            folder
        };
        // sshd looks at the folders above a list of keys too: nobody else may write there.
        let keys = if root { folder("/run") } else { folder(&std::env::var("HOME").unwrap()) };
        let service = folder("/tmp");
        let binary = service.path().join("desk");
        fs::copy(env!("CARGO_BIN_EXE_desk"), &binary).unwrap();
        let config = service.path().join("config.toml");
        let text = block("toml", 1).replace("postgres://desk:secret@db.example.com/kaygia", world.db.url());
        assert_ne!(text, block("toml", 1));
        write(&config, &text, 0o600);
        let state = service.path().join("state");
        fs::create_dir(&state).unwrap();
        for path in [&config, &state] {
            account.own(path);
        }
        for name in ["host", "ada"] {
            let made = run(Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(keys.path().join(name)));
            assert!(made.status.success(), "{made:?}");
        }
        let public = fs::read_to_string(keys.path().join("ada.pub")).unwrap();
        let line =
            block("text", 1).replace("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI.. ada@kaygia.example\n", &public);
        assert_ne!(line, block("text", 1));
        write(&keys.path().join("authorized_keys"), &line, 0o644);

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let matched = block("sshdconfig", 1)
            .replace("Match User kaygia-desk", &format!("Match User {user}"))
            .replace(
                "/etc/kaygia-desk/authorized_keys",
                &keys.path().join("authorized_keys").display().to_string(),
            )
            .replace("/usr/local/bin/desk", &binary.display().to_string())
            .replace("/etc/kaygia-desk/config.toml", &config.display().to_string());
        // Without PAM an account that has no password counts as locked; only root's sshd can have PAM.
        let pam = if root { "yes" } else { "no" };
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM {pam}\nSubsystem sftp internal-sftp\n{matched}    SetEnv KAYGIA_DESK_STATE_DIR={}\n",
            keys.path().join("host").display(),
            state.display()
        );
        let file = keys.path().join("sshd_config");
        write(&file, &text, 0o600);
        if root {
            // As the package's service makes it before it starts.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let arguments = ["-D", "-e", "-f"].map(OsStr::new).into_iter().chain([file.as_os_str()]);
        let arguments: Vec<&OsStr> = arguments.collect();
        let (daemon, said) = Daemon::start(&Account::Own, program("sshd", "openssh-server"), &arguments);
        let mut lines = BufReader::new(said);
        let mut first = String::new();
        while !first.contains("Server listening") {
            assert!(lines.read_line(&mut first).unwrap() > 0, "sshd did not start:\n{first}");
        }
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { _daemon: daemon, service, keys, user, port }
    }

    /// What every client says first.
    fn arguments(&self) -> Vec<String> {
        let key: PathBuf = self.keys.path().join("ada");
        let mut all: Vec<String> = ["-F", "none", "-i"].map(str::to_owned).to_vec();
        all.extend([key.display().to_string(), "-p".to_owned(), self.port.to_string()]);
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "IdentitiesOnly=yes",
        ] {
            all.extend(["-o".to_owned(), option.to_owned()]);
        }
        all
    }

    fn address(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    /// A client without a terminal, to its end.
    fn client(&self, before: &[&str], after: &[&str]) -> (Option<i32>, String) {
        let output = run(Command::new(program("ssh", "openssh-client"))
            .args(self.arguments())
            .args(before)
            .arg(self.address())
            .args(after));
        (output.status.code(), said(&output))
    }

    /// A client on a terminal.
    fn glass(&self, state: &TempDir, before: &[&str], after: &[&str]) -> Glass {
        let mut command = CommandBuilder::new("ssh");
        environment(&mut command, state.path());
        command.args(self.arguments());
        command.arg("-tt");
        command.args(before);
        command.arg(self.address());
        command.args(after);
        Glass::run(command)
    }
}

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_the_desk_and_nothing_else() {
    let _place = beside_others().await;
    let (world, state) = desk().await;
    let sshd = Sshd::start(&world);

    // What a client sends along changes nothing: the database is that of the file.
    let sent = "SetEnv=DATABASE_URL=postgresql://evil@127.0.0.1:1/x KAYGIA_DESK_CONFIG=/nowhere EDITOR=/bin/sh VISUAL=/bin/sh";
    let mut glass = sshd.glass(&state, &["-o", sent], &[]);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.write_reply("by ssh");
    glass.keys("\x18\x05");
    glass.shows("has switched editors off");

    // No shell, no command, no file transfer.
    let mark = sshd.service.path().join("state/made-by-a-command");
    let touch = format!("id; touch {}", mark.display());
    let refusal = "standard input is not a terminal";
    // The server does not pass on what a subsystem says on standard error.
    for (before, after, told) in [
        (vec![], vec![], refusal),
        (vec![], vec![touch.as_str()], refusal),
        (vec!["-s"], vec!["sftp"], "known hosts."),
    ] {
        let (code, said) = sshd.client(&before, &after);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(told) && !said.contains("uid="), "{said}");
    }
    let second = sshd.glass(&state, &[], &[touch.as_str()]);
    second.shows("Password");
    assert!(!second.text().contains("uid=") && !mark.exists());
    drop(second);

    // No forwarding, there and back.
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let place = inside.local_addr().unwrap().to_string();
    let (code, said) = sshd.client(&["-W", &place], &[]);
    assert!(code == Some(255) && said.contains("prohibited"), "{said}");
    let back = format!("0:{place}");
    let (code, said) = sshd.client(&["-o", "ExitOnForwardFailure=yes", "-N", "-R", &back], &[]);
    assert!(code == Some(255) && said.contains("forwarding"), "{said}");
    assert!(inside.accept().is_err(), "something was forwarded");

    // Strange names are nobody's, and a hundred who only knock hold nobody up.
    for n in 0..20_u8 {
        let name = format!(
            "{}{}x",
            char::from(1 + n),
            ["\x1b[31m", "\x1b]0;evil\x07", "\u{9b}1m", "$(id)"][usize::from(n % 4)]
        );
        let output = run(Command::new("ssh").args(sshd.arguments()).args(["-l", &name, "127.0.0.1"]));
        assert_eq!(output.status.code(), Some(255), "{name:?}");
    }
    let knocking: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", sshd.port)).unwrap()).collect();
    glass.keys(" and on");
    glass.shows("by ssh and on");
    drop(knocking);

    // Cut in the midst of typing: the draft is kept, the program is gone.
    drop(glass);
    becomes(&world, "SELECT content FROM desk.drafts", "by ssh and on").await;
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    becomes(&world, left, "0").await;
}
