//! Texts that want to be obeyed, in every field of every table, on every screen: read in the raw bytes of a terminal.

use crate::obeyed::{clipboards, is_hidden, payloads, strangers, verbatim};
use crate::pty::glass::{Glass, environment};
use crate::run;
use crate::support::world::{World, world};
use kaygia_desk::domain::safe_text::SafeText;
use portable_pty::CommandBuilder;
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Words of enums that the desk has never heard of.
const UNKNOWN: [(&str, &str); 5] = [
    ("ticket_status", "\x1b]0;status\x07"),
    ("project_status", "\x1b]0;column\x07"),
    ("project_type", "\u{202e}kind\u{9b}m"),
    ("role", "\x1b[2Jrole"),
    ("comment_sender", "\x1bcsender"),
];

/// Every text of every table is one of the payloads; each payload has a client, a ticket, a message and a project.
pub async fn hostile_world() -> World {
    let world = world().await;
    for (kind, value) in UNKNOWN {
        world.sql(&format!("ALTER TYPE public.{kind} ADD VALUE '{value}'")).await;
    }
    world
        .sql(r"UPDATE public.users SET name = E'\x1b]0;me\x07Ada', company = E'\u202eco' WHERE id = 'ada'")
        .await;
    let db = &world.db.client;
    for (n, payload) in payloads().iter().enumerate() {
        // Indexes hold no key of ten thousand characters.
        let short: String = payload.chars().take(100).collect();
        let id = format!("{short} {n}");
        let (user, ticket) = (format!("u {id}"), format!("t {id}"));
        db.execute(
            "INSERT INTO public.users (id, email, name, company, role, email_verified) \
             VALUES ($1, $2, $3, $4, 'CLIENT', true)",
            &[&user, &format!("{short}{n}@example.test"), &format!("{payload}{n}"), &format!("Co {payload}")],
        )
        .await
        .unwrap();
        let waits = format!("{} minutes", 300 - n);
        db.execute(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, created_at, updated_at) \
             SELECT $1, $2, $3, $4, $5, n.at, n.at \
               FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' - $6::text::interval AS at) AS n",
            &[
                &ticket,
                &format!("N{n} {short}"),
                &format!("S{n} {payload}"),
                &format!("D{n} {payload} end\nsecond line {payload}"),
                &user,
                &waits,
            ],
        )
        .await
        .unwrap();
        db.execute(
            "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) VALUES ($1, $2, $3, $4, 'CLIENT')",
            &[&format!("c {id}"), &format!("C{n} {payload}"), &ticket, &user],
        )
        .await
        .unwrap();
        db.execute(
            "INSERT INTO public.projects (id, title, description, requirements, client_id, type) \
             VALUES ($1, $2, $3, $4, $5, 'OTHER')",
            &[
                &format!("p {id}"),
                &format!("P{n} {payload}"),
                &format!("PD {payload}"),
                &format!("PR {payload}"),
                &user,
            ],
        )
        .await
        .unwrap();
        db.execute(
            "INSERT INTO desk.drafts (user_id, ticket_id, comment_id, content, older_content, origin) \
             SELECT 'ada', $1, $2, $3, $4, $5 WHERE $6",
            &[
                &ticket,
                &format!("d {id}"),
                &format!("W{n} {payload}"),
                &format!("O{n} {payload}"),
                &payload.as_str(),
                &(n % 10 == 0),
            ],
        )
        .await
        .unwrap();
    }
    let [status, column, kind, _, sender] = UNKNOWN.map(|(_, value)| value);
    world
        .sql(&format!(
            "UPDATE public.support_tickets SET status = '{status}' WHERE ticket_number LIKE 'N5 %'; \
             UPDATE public.projects SET status = '{column}', type = '{kind}' WHERE title LIKE 'P7 %'; \
             UPDATE public.ticket_comments SET sender = '{sender}' WHERE content LIKE 'C9 %'"
        ))
        .await;
    world
}

/// A piece of what must stand on the screen in place of a payload.
pub fn mark(prefix: &str, payload: &str) -> String {
    let safe = SafeText::new(&format!("{prefix} {payload}"));
    let seen = safe.as_str().chars().take_while(|c| !is_hidden(*c));
    seen.take(24).collect::<String>().trim_end().to_owned()
}

pub fn goes(glass: &mut Glass, keys: &str, shows: &str) {
    glass.keys(keys);
    glass.shows(shows);
}

/// Esc, alone: with keys right behind it, it would be another key.
pub fn closes(glass: &mut Glass, hides: &str) {
    glass.keys("\x1b");
    glass.wait(hides, |screen| !screen.contents().contains(hides));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_on_every_screen_are_shown_as_marks_and_never_obeyed() {
    let _place = run::beside_others().await;
    let world = hostile_world().await;
    let state = TempDir::new().unwrap();
    let token = world.token("ada").await;
    let variables = [("KAYGIA_DESK_SESSION", token.expose())];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Nothing is yours");
    glass.resize(200, 60);
    let all = payloads();
    // The queue in all its views, and each conversation.
    goes(&mut glass, "7", "S0 ");
    glass.shows(&mark("D0", &all[0]));
    goes(&mut glass, "\r", "second line");
    let mut seen = 0;
    for (n, payload) in all.iter().enumerate() {
        let wanted = [mark(&format!("D{n}"), payload), mark(&format!("C{n}"), payload)];
        for wanted in wanted {
            glass.shows(&wanted);
            seen += 1;
        }
        if n + 1 < all.len() {
            glass.keys("J");
        }
    }
    goes(&mut glass, "Y", "clipboard");
    goes(&mut glass, "y", "clipboard");
    goes(&mut glass, "i", "Projects");
    glass.keys("q");
    glass.keys("q");
    // Lists, forms, pickers, prompts, the palette, the help.
    for view in ["1", "2", "5", "8", "7"] {
        glass.keys(view);
    }
    glass.shows("S0 ");
    goes(&mut glass, "gg", "S0 ");
    glass.shows(&mark("D0", &all[0]));
    goes(&mut glass, "r", "Reply to");
    glass.shows(&mark("W0", &all[0]));
    goes(&mut glass, "\x1b", "Send to");
    goes(&mut glass, "n", "the draft is kept");
    goes(&mut glass, "a", "Alan Turing");
    closes(&mut glass, "Alan Turing");
    goes(&mut glass, "t", "is yours");
    goes(&mut glass, "gb", "In progress");
    glass.shows(&mark("P0", &all[0]));
    // Words of enums that nobody knows.
    glass.shows("^[]0;column^G");
    goes(&mut glass, "\r", "PD ");
    goes(&mut glass, "e", "Tab next field");
    closes(&mut glass, "Tab next field");
    glass.keys("q");
    glass.keys("q");
    goes(&mut glass, "gc", "example.test");
    for _ in 0..30 {
        glass.keys("j");
    }
    goes(&mut glass, "\r", "Tickets");
    goes(&mut glass, "C", "Tab next field");
    closes(&mut glass, "Tab next field");
    goes(&mut glass, "gq", "S1 ");
    // The search for everybody's company, and the palette.
    goes(&mut glass, "q", "Enter open");
    goes(&mut glass, "/", "name, company, e-mail");
    glass.keys("owned\r");
    glass.shows("owned");
    goes(&mut glass, ":", "Enter choose");
    closes(&mut glass, "Enter choose");
    // What the server says is somebody's text too.
    world
        .sql(
            "CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = E'\\x1b]0;from the server\\x07\\u202e\\x1b[2J'; END $$; \
             CREATE TRIGGER shout BEFORE UPDATE ON public.support_tickets FOR EACH ROW EXECUTE FUNCTION public.shout()",
        )
        .await;
    goes(&mut glass, "q", "S1 ");
    glass.keys("sr");
    glass.shows("lacks a right: ^[]0;from the server^G<U+202E>");
    assert!(glass.text().contains("● live"), "a refusal is taken for an outage");
    glass.signal(rustix::process::Signal::TERM);
    assert_eq!(glass.ends(Instant::now()).code, 143);
    glass.is_given_back();
    let bytes = glass.bytes();
    let strangers = [strangers(&bytes), verbatim(&bytes)].concat();
    let copies = clipboards(&bytes);
    let log = fs::read_to_string(state.path().join("desk.log")).unwrap();
    let logged = log.chars().filter(|c| is_hidden(*c) && *c != '\n').count();
    println!(
        "hostile: {} payloads in 20 fields and 5 enums, {seen} marks seen in conversations, {} bytes read, {} sequences not the \
         desk's own, {} texts on the clipboard (asked for: 2), {logged} hidden characters in the log",
        all.len(),
        bytes.len(),
        strangers.len(),
        copies.len()
    );
    assert_eq!(strangers, [""; 0]);
    assert_eq!(copies.len(), 2);
    assert_eq!(logged, 0);
    assert_eq!(seen, 2 * all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_words_of_a_server_are_printed_as_marks() {
    let _place = run::beside_others().await;
    let world = world().await;
    let state = TempDir::new().unwrap();
    let name = world.db.name();
    let address = world.db.owner_url();
    let evil = "%1B%5D0%3Bowned%07%C2%9B31m%E2%80%AE";
    let role = address.replacen("//kaygia@", &format!("//{evil}@"), 1);
    let database = address.replace(name, evil);
    let mut printed = 0;
    for url in [role, database] {
        for arguments in [&[][..], &["doctor"], &["migrate", "--check"]] {
            let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_desk"));
            command.args(arguments);
            environment(&mut command, state.path());
            command.env("DATABASE_URL", &url);
            let mut glass = Glass::run(command);
            glass.ends(Instant::now());
            glass.is_given_back();
            let said = glass.text().replace('\n', "");
            assert!(said.contains("^[]0;owned^G<U+009B>31m<U+202E>"), "{said}");
            let bytes: Vec<u8> = glass.bytes().into_iter().filter(|byte| !b"\r\n".contains(byte)).collect();
            assert_eq!(strangers(&bytes), [""; 0]);
            assert!(!bytes.contains(&0x1b), "{said}");
            printed += 1;
        }
    }
    println!("hostile: {printed} refusals of a server that quote a hostile name, every one printed as marks");
}

/// A megabyte that holds the end mark of a paste and keys behind it.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_paste_of_a_megabyte_stays_text() {
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    let state = TempDir::new().unwrap();
    let token = world.token("ada").await;
    let variables = [("KAYGIA_DESK_SESSION", token.expose())];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Nothing is yours");
    glass.keys("2");
    glass.shows("Description");
    glass.keys("r");
    glass.shows("Reply to");
    // Whoever obeyed it would leave the composer, send, and take the ticket.
    let piece = "harmless words \x1b[201~\x1b\x1b y t :quit\ry ";
    let paste = format!("\x1b[200~{}\x1b[201~", piece.repeat((1 << 20) / piece.len() + 1));
    let since = Instant::now();
    glass.keys(&paste);
    glass.shows("takes longer texts");
    let took = since.elapsed();
    // A busy machine may tear the paste apart, and the notice is of its first part. Who sees the text still come
    // does not type on: what is typed into the middle of a paste is cut off with the rest of it.
    while glass.writes_within(glass.bytes_written(), Duration::from_secs(1)) {}
    glass.keys("and typed on");
    glass.shows("and typed on");
    let sent = world.value("SELECT count(*) FROM public.ticket_comments").await;
    let taken = world.value("SELECT count(*) FROM desk.tickets WHERE assignee_id IS NOT NULL").await;
    let deadline = Instant::now() + Duration::from_secs(20);
    let query = "SELECT coalesce(max(content), '') LIKE '%and typed on' FROM desk.drafts";
    while world.value(query).await != "true" {
        assert!(Instant::now() < deadline, "the draft is not saved");
        tokio::task::yield_now().await;
    }
    let kept = world.value("SELECT length(content) FROM desk.drafts").await;
    let strangers = strangers(&glass.bytes());
    println!(
        "hostile: a paste of {} bytes with the end mark in it: {kept} characters kept with a notice after {took:.2?}, {sent} \
         replies sent, {taken} tickets taken, {} sequences not the desk's own",
        paste.len(),
        strangers.len()
    );
    assert_eq!((sent.as_str(), taken.as_str()), ("0", "0"));
    assert_eq!(strangers, [""; 0]);
}
