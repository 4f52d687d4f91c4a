//! `desk worker`, `desk cleanup` and the settings of mail and codes, as processes: what they do, say, and end with.

use crate::support::smtp::{Act, Smtp};
use crate::support::world::{World, world};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A command with nothing of this machine's own settings.
fn command(url: &str, home: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments).env("DATABASE_URL", url).env("HOME", home.path()).env("TZ", "UTC");
    for name in
        ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "KAYGIA_DESK_CONFIG", "SSH_CONNECTION", "KAYGIA_DESK_SESSION"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = output;
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn configured(text: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    let file = home.path().join(".config/kaygia-desk/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    home
}

fn mailing(smtp: &Smtp) -> TempDir {
    let port = smtp.settings(kaygia_desk::mail::Security::Plain).port.unwrap();
    configured(&format!(
        "[mail]\nserver = 'localhost:{port}'\ntls = 'none'\nfrom = 'Kaygia Desk <desk@kaygia.example>'\n"
    ))
}

/// `desk worker`, and what it says on standard error, line by line.
struct Worker {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Worker {
    fn start(world: &World, home: &TempDir) -> Self {
        let mut child = command(world.db.url(), home, &["worker"]).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says(&mut self) -> String {
        tokio::task::block_in_place(|| self.lines.next().map_or_else(String::new, Result::unwrap))
    }

    /// The exit code after a signal, and the last words.
    fn end(&mut self, signal: Signal) -> (Option<i32>, Vec<String>) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
        tokio::task::block_in_place(|| {
            let said = self.lines.by_ref().map(Result::unwrap).collect();
            (self.child.wait().unwrap().code(), said)
        })
    }
}

impl World {
    async fn queue(&self, mails: u32) {
        self.sql(&format!(
            "INSERT INTO desk.mails (kind, to_user) SELECT 'role_changed', 'ada' FROM generate_series(1, {mails})"
        ))
        .await;
    }

    async fn states(&self) -> String {
        self.value(
            "SELECT string_agg(concat_ws(' ', s.state, s.number), ', ' ORDER BY s.state) \
               FROM (SELECT m.state, count(*) AS number FROM desk.mails AS m GROUP BY 1) AS s",
        )
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_sends_what_waits_and_leaves_a_sealed_log() {
    let world = world().await;
    let smtp = Smtp::plain().await;
    world.queue(5).await;
    let home = mailing(&smtp);
    for signal in [Signal::TERM, Signal::INT] {
        let mut worker = Worker::start(&world, &home);
        assert_eq!(worker.says(), "desk: sending mail; SIGTERM or Ctrl-C ends it");
        if signal == Signal::TERM {
            assert_eq!(worker.says(), "desk: sent 5, to be tried again 0, given up 0");
        }
        assert_eq!(worker.end(signal), (Some(0), vec!["desk: ended".to_owned()]));
    }
    assert_eq!((world.states().await.as_str(), smtp.taken().len()), ("sent 5", 5));
    let unsealed =
        "SELECT count(*) FROM desk.events WHERE id > coalesce((SELECT max(last_id) FROM desk.seals), 0)";
    assert_eq!(world.value("SELECT count(*) FROM desk.events WHERE action = 'mail.send'").await, "5");
    assert_eq!(world.value(unsealed).await, "0");
}

/// Somebody holds the table of seals: nobody who leaves waits for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_takes_long_holds_nobody_up() {
    let world = world().await;
    let smtp = Smtp::plain().await;
    world.queue(1).await;
    let home = mailing(&smtp);
    let mut worker = Worker::start(&world, &home);
    worker.says();
    assert_eq!(worker.says(), "desk: sent 1, to be tried again 0, given up 0");
    world.sql("BEGIN; LOCK TABLE desk.seals").await;
    let seals = world.value("SELECT count(*) FROM desk.seals").await;
    let since = Instant::now();
    assert_eq!(worker.end(Signal::TERM).0, Some(0));
    let took = since.elapsed();
    // The server goes on with it once they are free, whether anybody waits for the answer or not.
    assert_eq!(world.value("SELECT count(*) FROM desk.seals").await, seals);
    world.sql("ROLLBACK").await;
    println!("ended in {took:?} while the seals were held");
    // The server would give up after two seconds.
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ended_in_the_middle_holds_nothing_back() {
    let world = world().await;
    let smtp = Smtp::plain().await;
    world.queue(400).await;
    let home = mailing(&smtp);
    let mut worker = Worker::start(&world, &home);
    worker.says();
    let deadline = Instant::now() + Duration::from_secs(30);
    while smtp.taken().is_empty() {
        assert!(Instant::now() < deadline, "nothing was sent: {}", world.states().await);
        tokio::task::yield_now().await;
    }
    let (code, said) = worker.end(Signal::TERM);
    assert_eq!(code, Some(0), "{said:?}");
    let taken = smtp.taken().len();
    assert!(taken < 400, "it was ended too late to show anything");
    assert_eq!(world.states().await, format!("queued {}, sent {taken}", 400 - taken), "none is held");
    assert_eq!(world.value("SELECT max(doubts) FROM desk.mails").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_worker_beside_it_doubles_nothing() {
    let world = world().await;
    let smtp = Smtp::plain().await;
    world.queue(200).await;
    let home = mailing(&smtp);
    let mut workers = [Worker::start(&world, &home), Worker::start(&world, &home)];
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.states().await != "sent 200" {
        assert!(Instant::now() < deadline, "{}", world.states().await);
    }
    for worker in &mut workers {
        assert_eq!(worker.end(Signal::TERM).0, Some(0));
    }
    let ids: BTreeSet<String> = smtp.taken().iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
    assert_eq!((smtp.taken().len(), ids.len()), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_why_mail_waits() {
    let world = world().await;
    let smtp = Smtp::plain().await;
    smtp.script([Act::Later, Act::Never]);
    world.queue(3).await;
    let home = mailing(&smtp);
    let mut worker = Worker::start(&world, &home);
    worker.says();
    assert_eq!(worker.says(), "desk: sent 1, to be tried again 1, given up 1");
    assert_eq!(worker.end(Signal::TERM).0, Some(0));
    assert_eq!(world.states().await, "failed 1, queued 1, sent 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_a_worker_says_so_in_one_sentence() {
    let world = world().await;
    let home = configured("");
    let said = run(command(world.db.url(), &home, &["worker"])).await;
    let sentence =
        "desk: no mail server is set up: write `[mail]` with `server` and `from` into the config file\n";
    assert_eq!(said, (Some(1), String::new(), sentence.to_owned()));
}

/// Each mistake with its line; the environment goes before the file, and is told as such.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_each_bad_setting_with_its_line() {
    let fine = "[mail]\nserver = 'smtp.example.com'\nfrom = 'Desk <desk@kaygia.example>'\n";
    let with = |more: &str| format!("{fine}{more}\n");
    let cases = [
        (
            "[mail]\nserver = 'smtp.example.com'".to_owned(),
            2,
            "mail.server is set, but not mail.from: in whose name does mail go?",
        ),
        ("[mail]\nserver = ''\nfrom = 'a@example.com'".to_owned(), 2, "mail.server is no name of a server"),
        (
            "[mail]\nserver = 'a b'\nfrom = 'a@example.com'".to_owned(),
            2,
            "mail.server is no name of a server",
        ),
        (
            "[mail]\nfrom = 'a@example.com'\nserver = 'smtp:587x'".to_owned(),
            3,
            "mail.server must be a name, or a name and a port: `smtp.example.com:587`",
        ),
        (
            "[mail]\nfrom = 'a@example.com'\nserver = 'smtp:0'".to_owned(),
            3,
            "mail.server must be a name, or a name and a port: `smtp.example.com:587`",
        ),
        (
            "[mail]\nserver = 'smtp'\nfrom = 'nobody'".to_owned(),
            3,
            "mail.from is no e-mail address: write `Name <name@example.com>`",
        ),
        (
            "[mail]\nserver = 'smtp'\nfrom = \"a@example.com\\r\\nBcc: b@example.com\"".to_owned(),
            3,
            "mail.from is no e-mail address: write `Name <name@example.com>`",
        ),
        (with("tls = 'ssl'"), 4, "`tls` is `ssl`; write `starttls`, `implicit` or `none`"),
        (with("tls = true"), 4, "`tls` must be a text in quotes, not a value of type boolean"),
        (
            with("tls = 'none'"),
            4,
            "mail.tls is \"none\", and the server is not on this machine: use \"starttls\" or \"implicit\"",
        ),
        (with("user = 'desk'"), 4, "mail.user and mail.password belong together: set both or none"),
        (with("password = 's3cret'"), 4, "mail.user and mail.password belong together: set both or none"),
        (
            with("user = 'desk'\npassword = 7"),
            5,
            "`password` must be a text in quotes, not a value of type integer",
        ),
        (
            with("\n\nca = '/nowhere/ca.pem'"),
            6,
            "could not read /nowhere/ca.pem: No such file or directory (os error 2)",
        ),
        (with("answers = 'yes'"), 4, "`answers` must be `true` or `false`"),
        (
            with("reset_link = 'app.example.com/reset'"),
            4,
            "`reset_link` must be the beginning of a link: `https://app.example.com/code?token=`",
        ),
        (
            with("verify_link = \"https://app.example.com/\\n.\""),
            4,
            "`verify_link` must be the beginning of a link: `https://app.example.com/code?token=`",
        ),
        (with("sever = 'x'"), 4, "unknown key `sever` in `[mail]`; did you mean `server`?"),
        ("mail = 'smtp'".to_owned(), 1, "`mail` must be a table: write `[mail]`, then a line per setting"),
        (
            format!("theme = 'dark'\nreset_minutes = 0\n{fine}"),
            2,
            "`reset_minutes` is 0; write a whole number from 1 to 60",
        ),
        (
            format!("reset_minutes = 61\n{fine}"),
            1,
            "`reset_minutes` is 61; write a whole number from 1 to 60",
        ),
        (format!("reset_minutes = -1\n{fine}"), 1, "`reset_minutes` must be a whole number"),
        (
            format!("verification_hours = 25\n{fine}"),
            1,
            "`verification_hours` is 25; write a whole number from 1 to 24",
        ),
        (format!("verification_hours = 1.5\n{fine}"), 1, "`verification_hours` must be a whole number"),
        (
            format!("token_format = 'md5'\n{fine}"),
            1,
            "`token_format` is `md5`; write `sha256-hex` or `plain`",
        ),
    ];
    for (text, line, message) in cases {
        let home = configured(&text);
        let file = home.path().join(".config/kaygia-desk/config.toml");
        // Told before anything is connected to.
        let said = run(command("postgres://nobody@127.0.0.1:1/none", &home, &["worker"])).await;
        let expected = format!("desk: {}, line {line}: {message}\n", file.display());
        assert_eq!(said, (Some(1), String::new(), expected), "{text}");
        assert!(!said.2.contains("s3cret"));
    }
    for (name, value, message) in [
        (
            "KAYGIA_DESK_MAIL_TLS",
            "ssl",
            "the environment variable KAYGIA_DESK_MAIL_TLS is `ssl`; write `starttls`, `implicit` or `none`",
        ),
        (
            "KAYGIA_DESK_MAIL_FROM",
            "nobody",
            "mail.from is no e-mail address: write `Name <name@example.com>`",
        ),
        (
            "KAYGIA_DESK_MAIL_SERVER",
            "smtp:x",
            "mail.server must be a name, or a name and a port: `smtp.example.com:587`",
        ),
    ] {
        let home = configured(fine);
        let mut worker = command("postgres://nobody@127.0.0.1:1/none", &home, &["worker"]);
        worker.env(name, value);
        assert_eq!(run(worker).await, (Some(1), String::new(), format!("desk: {message}\n")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_codes_are_warned_of_at_the_start_and_by_the_doctor() {
    let world = world().await;
    let smtp = Smtp::plain().await;
    let home = mailing(&smtp);
    let file = home.path().join(".config/kaygia-desk/config.toml");
    let mail = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("token_format = 'plain'\n{mail}")).unwrap();
    let warning = "token_format is \"plain\": whoever can read the database can take over accounts";
    let mut worker = Worker::start(&world, &home);
    assert_eq!(worker.says(), format!("desk: {warning}"));
    worker.says();
    assert_eq!(worker.end(Signal::TERM).0, Some(0));
    // Without a terminal no desk begins, and the warning comes before that.
    let (_, _, said) = run(command(world.db.url(), &home, &[])).await;
    assert!(said.starts_with(&format!("desk: {warning}\n")), "{said}");
    let (code, said, _) = run(command(world.db.url(), &home, &["doctor"])).await;
    let advice = "let the web app keep SHA-256 of its codes, then set token_format to \"sha256-hex\"";
    assert!(said.contains(&format!("warning  codes       {warning}\n{:<20} -> {advice}\n", "")), "{said}");
    assert!(said.contains("fine     mail        a server is set up on this machine\n"), "{said}");
    assert_eq!(code, Some(1), "{said}");
    // Without mail, with mail that is stuck, and with settings that no desk can use.
    let (code, said, _) = run(command(world.db.url(), &configured(""), &["doctor"])).await;
    assert!(
        said.contains(
            "note     mail        no server is set up on this machine: codes are shown, to be handed over\n"
        ),
        "{said}"
    );
    assert!(!said.contains(warning) && code == Some(0), "{said}");
    world.queue(2).await;
    world.sql("UPDATE desk.mails SET created_at = created_at - interval '2 hours', last_error = 'the mail server answered 451'").await;
    let bad = configured("reset_minutes = 99\n[mail]\nserver = 'smtp'\n");
    let (code, said, _) = run(command(world.db.url(), &bad, &["doctor"])).await;
    assert!(said.contains("warning  mail        waiting for more than an hour: 2 mails; the last one: the mail server answered 451\n"), "{said}");
    assert!(
        said.contains("line 3: mail.server is set, but not mail.from") && said.contains("error    mail"),
        "{said}"
    );
    assert!(said.contains("line 1: `reset_minutes` is 99;") && said.contains("error    codes"), "{said}");
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_says_what_goes_and_leaves_what_is_needed() {
    let world = world().await;
    let ago = |span: &str| format!("(clock_timestamp() AT TIME ZONE 'utc') - interval '{span}'");
    let ahead = ago("-1 hour");
    world
        .sql(&format!(
            "INSERT INTO public.password_resets (id, token, user_id, expires_at, used) VALUES \
               ('r1', 'a', 'grace', {ahead}, true), ('r2', 'b', 'grace', {}, false), ('r3', 'c', 'grace', {ahead}, false); \
             INSERT INTO public.email_verifications (id, token, user_id, expires_at, used) VALUES \
               ('v1', 'd', 'grace', {ahead}, true), ('v2', 'e', 'grace', {ahead}, false); \
             INSERT INTO desk.sessions (id, user_id, token_hash, expires_at) VALUES \
               ('old', 'ada', 'old', {}), ('new', 'ada', 'new', {}); \
             INSERT INTO desk.mails (kind, to_user, state, created_at) VALUES \
               ('role_changed', 'ada', 'sent', {}), ('role_changed', 'ada', 'failed', {}), ('role_changed', 'ada', 'queued', {})",
            ago("1 minute"), ago("25 hours"), ago("23 hours"), ago("31 days"), ago("29 days"), ago("31 days"),
        ))
        .await;
    let left = "concat_ws(' ', (SELECT string_agg(id, ',' ORDER BY id) FROM public.password_resets), \
                (SELECT string_agg(id, ',' ORDER BY id) FROM public.email_verifications), \
                (SELECT string_agg(id, ',' ORDER BY id) FROM desk.sessions), \
                (SELECT string_agg(state, ',' ORDER BY state) FROM desk.mails))";
    let said = |verb: &str, numbers: [u32; 6]| {
        let [resets, verifications, counted, sign_ins, sessions, mails] = numbers;
        format!(
            "{resets:>6}  codes for new passwords, used or expired\n{verifications:>6}  codes that verify an address, used or expired\n\
             {counted:>6}  old counts of codes and refusals\n{sign_ins:>6}  attempts to sign in that count no more\n\
             {sessions:>6}  sessions that ended more than a day ago\n{mails:>6}  mails that were sent or given up a month ago\n{verb}\n"
        )
    };
    let home = configured("");
    let cleanup = async |arguments: &[&str]| run(command(world.db.url(), &home, arguments)).await;
    let due = [2, 1, 0, 0, 1, 1];
    for _ in 0..2 {
        let dry = cleanup(&["cleanup", "--dry-run"]).await;
        assert_eq!(dry, (Some(0), said("would be removed", due), String::new()));
        assert_eq!(world.value(left).await, "r1,r2,r3 v1,v2 new,old failed,queued,sent", "it only counts");
    }
    assert_eq!(cleanup(&["cleanup"]).await, (Some(0), said("removed", due), String::new()));
    assert_eq!(world.value(left).await, "r3 v2 new failed,queued");
    assert_eq!(cleanup(&["cleanup"]).await, (Some(0), said("removed", [0; 6]), String::new()));
    assert_eq!(world.value("SELECT count(*) FROM public.users").await, "3");
    let (code, out, error) = run(command("", &home, &["cleanup"])).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.starts_with("desk: no database is named: set DATABASE_URL"), "{error}");
}
