//! Who may import whom, where SQL may stand, how long a file may be. The rules must be able to fail: see the end.

mod scan;

use std::fs;
use std::path::PathBuf;

use scan::Source;

/// A room, the rooms that it may name besides itself, and what else it may name of ours.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("auth", &["domain"]),
    ("policy", &["domain", "auth"]),
    ("store", &["domain", "auth", "policy"]),
    // What the desk mails is its own text about ids: nothing of accounts and tickets but what it is given.
    ("mail", &["domain"]),
    ("desk", &["domain", "auth", "policy", "store", "mail"]),
    ("app", &["domain", "auth", "policy"]),
    ("ui", &["domain", "auth", "policy", "app"]),
    ("runtime", &["child", "domain", "auth", "policy", "app", "ui", "desk", "store::listen", "telemetry"]),
    (
        "cli",
        &["child", "domain", "auth", "policy", "desk", "config", "runtime", "server", "telemetry", "mail"],
    ),
    ("ssh", &["domain", "auth", "policy", "desk", "runtime", "telemetry"]),
    ("server", &["child"]),
    // Leads nowhere: what others start, they start through it.
    ("child", &[]),
    ("config", &[]),
    ("telemetry", &[]),
];

/// No clock, no randomness, no files, no tasks.
const PURE: &[&str] = &["domain", "auth", "policy", "app", "ui"];

/// What of other crates, and of the standard library, is kept to some places. A place ends with `/` for a room and what is
/// below it, else it is a file and the folder of its name.
const KEPT: &[(&str, &[&str])] = &[
    ("lettre", &["mail"]),
    ("tokio", &["store", "desk", "mail", "runtime", "cli", "ssh"]),
    ("futures_util", &["store", "desk", "runtime", "ssh"]),
    ("tokio_postgres", &["store", "desk"]),
    ("deadpool_postgres", &["store", "desk"]),
    ("tokio_postgres_rustls", &["store"]),
    ("rustls", &["store"]),
    ("rustls_native_certs", &["store"]),
    ("crossterm", &["runtime/terminal", "runtime/input"]),
    ("ratatui", &["ui", "runtime"]),
    ("ratatui::layout", &["ui", "runtime", "app"]),
    ("tui_textarea", &["ui", "app"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli"]),
    ("toml", &["config", "ui", "store"]),
    // The log says how it is opened: no link is followed.
    ("rustix", &["server", "runtime", "cli", "config", "telemetry"]),
    ("getrandom", &["store", "desk", "runtime", "cli"]),
    ("tracing", &["store", "desk", "runtime", "cli", "server", "telemetry", "ssh"]),
    ("tracing_subscriber", &["telemetry"]),
    // The store reads the key that an address names, if nobody else can.
    ("std::fs", &["server", "runtime", "cli", "config", "telemetry", "store/pool/trust"]),
    ("std::net", &["store", "runtime"]),
    ("std::env", &["config", "server", "cli", "runtime", "child"]),
    ("std::process", &["server", "cli", "runtime", "main", "child"]),
    ("std::process::Command", &["child", "server/account", "server/parent"]),
    ("tokio::process::Command", &["runtime/editor"]),
    ("std::net::IpAddr", &["store", "runtime", "cli", "config"]),
    ("std::thread", &["server", "runtime"]),
    ("std::sync::Mutex", &["runtime", "store", "desk", "telemetry"]),
    ("std::sync::RwLock", &["runtime", "store", "desk"]),
];

/// Lines of code, without blank lines and comments.
const LONGEST: usize = 600;

/// What is left standing though a rule speaks against it: the file, the rule's words, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "src/store/generate/rows.rs",
        "never *",
        "the star is of a subquery of the same text, which names its columns",
    ),
    ("src/store/sql.rs", "poolers lose", "of a statement that is prepared already; none is on a pooled link"),
    (
        "src/store/pool/prepared.rs",
        "poolers lose",
        "the one place that prepares, for the connection that writes on a direct link",
    ),
    (
        "src/store/generate/vocabulary.rs",
        "what varies is a parameter",
        "function bodies take no parameters; the parts are numbers",
    ),
    (
        "src/store/grant.rs",
        "what varies is a parameter",
        "GRANT and ALTER ROLE take no parameters; what varies is of our own table or the role's name, quoted",
    ),
    (
        "src/store/migrate/",
        "what varies is a parameter",
        "DDL takes no parameters; the names are of our own files",
    ),
];

#[test]
fn every_file_keeps_the_rules() {
    let mut broken = Vec::new();
    for (path, text) in files(&["src", "tests", "benches", "examples"], "rs") {
        broken.extend(check(&path, &text));
    }
    for (path, rule, reason) in EXCEPTIONS {
        let before = broken.len();
        broken.retain(|line| !(line.starts_with(path) && line.contains(rule)));
        assert!(broken.len() < before, "{path} no longer needs its exception: {reason}");
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_room_of_the_tree_is_known() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let source = Source::parse(&lib);
    let rooms: Vec<_> =
        source.code.split("pub mod ").skip(1).map(|rest| rest.split(';').next().unwrap()).collect();
    assert!(rooms.len() > 10, "{rooms:?}");
    for room in rooms {
        assert!(ROOMS.iter().any(|(known, _)| *known == room), "{room} has no row in ROOMS");
    }
}

/// What one file does that it must not, a line for each.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let is_code = |line: &&str| !line.trim_start().is_empty() && !line.trim_start().starts_with("//");
    let lines = text.lines().filter(is_code).count();
    if lines > LONGEST {
        broken.push(format!("{path}: {lines} lines of code, more than {LONGEST}: split it"));
    }
    if path.ends_with("/mod.rs") {
        broken.push(format!("{path}: a room is foo.rs beside foo/"));
    }
    let Some(place) = path.strip_prefix("src/").and_then(|place| place.strip_suffix(".rs")) else {
        return broken;
    };
    if place == "lib" {
        return broken;
    }
    let source = Source::parse(text);
    let mut tell = |line: usize, what: String| broken.push(format!("{path}:{line}: {what}"));
    check_paths(place, &source, &mut tell);
    check_sql(place, &source, &mut tell);
    for name in ["println", "print", "eprintln", "eprint", "dbg", "todo", "unimplemented"] {
        for (line, _) in source.macros(name) {
            tell(line, format!("{name}! has no place here: the screen belongs to the terminal guard"));
        }
    }
    if PURE.contains(&room_of(place)) {
        for line in source.lines_with("clippy::disallowed_methods") {
            tell(
                line,
                "a pure room takes the clock and the rest as arguments, and gets no waiver".to_owned(),
            );
        }
    }
    broken
}

fn check_paths(place: &str, source: &Source, tell: &mut impl FnMut(usize, String)) {
    let room = room_of(place);
    // A lone word is a name of the file's own.
    for path in source.paths().iter().filter(|path| path.segments.len() > 1) {
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        if let Some(ours) = of_our_crate(place, &segments).filter(|ours| !may_name(room, ours)) {
            tell(source.line(path.at), format!("{room} may not name {}", ours.join("::")));
        }
        // `a::crossterm::b` names crossterm too: crates show each other.
        for from in 0..segments.len() {
            for (kept, places) in KEPT {
                let named: Vec<&str> = kept.split("::").collect();
                if !segments[from..].starts_with(&named) || is_in(place, places) {
                    continue;
                }
                let freed = KEPT.iter().any(|(longer, places)| {
                    let longer: Vec<&str> = longer.split("::").collect();
                    longer.len() > named.len()
                        && segments[from..].starts_with(&longer)
                        && is_in(place, places)
                });
                let own = matches!(segments[0], "crate" | "super" | "self") && from > 0;
                if !own && !freed {
                    tell(source.line(path.at), format!("{kept} is kept to {}", places.join(", ")));
                }
            }
        }
    }
}

/// The part of a path below our own crate, for `crate::` and for enough `super::`.
fn of_our_crate<'a>(place: &str, segments: &'a [&'a str]) -> Option<&'a [&'a str]> {
    match segments.first()? {
        &"crate" | &"kaygia_desk" => Some(&segments[1..]).filter(|rest| !rest.is_empty()),
        &"super" => {
            let up = segments.iter().take_while(|segment| **segment == "super").count();
            let depth = place.split('/').count();
            let rest = &segments[up..];
            // Inside a module of the file itself the same words reach one step less far; only a room's name counts.
            let room = rest.first().is_some_and(|first| ROOMS.iter().any(|(room, _)| room == first));
            (up >= depth && room).then_some(rest)
        }
        _ => None,
    }
}

fn may_name(room: &str, ours: &[&str]) -> bool {
    if ours[0] == room || !ROOMS.iter().any(|(known, _)| *known == ours[0]) {
        return true;
    }
    // The program itself is a door: it opens the command line and nothing else.
    let allowed = if room == "main" {
        &["cli"][..]
    } else {
        ROOMS.iter().find(|(known, _)| *known == room).map_or(&[][..], |(_, allowed)| allowed)
    };
    allowed.iter().any(|allowed| {
        let allowed: Vec<&str> = allowed.split("::").collect();
        ours.starts_with(&allowed)
    })
}

fn check_sql(place: &str, source: &Source, tell: &mut impl FnMut(usize, String)) {
    if room_of(place) != "store" {
        for text in source.texts.iter().filter(|text| is_sql(&text.value)) {
            tell(text.line, "SQL belongs to store".to_owned());
        }
        return;
    }
    for text in source.texts.iter().filter(|text| is_sql(&text.value)) {
        let words = text.value.to_ascii_uppercase();
        let words: Vec<&str> = words.split_whitespace().collect();
        let after = |word: &str| words.windows(2).any(|pair| pair[0] == word && pair[1].starts_with('*'));
        let all_of = words.iter().any(|word| word.contains(".*"));
        if after("SELECT") || after("RETURNING") || after("DISTINCT") || all_of {
            tell(text.line, "columns are named, never *".to_owned());
        }
        if words.contains(&"OFFSET") {
            tell(text.line, "pages go by key, never by OFFSET".to_owned());
        }
    }
    // concat! is not among them: it takes literals only.
    for name in ["format", "write", "writeln", "format_args"] {
        for (line, text) in source.macros(name) {
            if text.is_some_and(is_sql) {
                tell(line, "SQL is a whole text; what varies is a parameter".to_owned());
            }
        }
    }
    for call in [
        ".query(",
        ".query_one(",
        ".query_opt(",
        ".query_raw(",
        ".prepare(",
        ".prepare_typed(",
        ".prepare_cached(",
    ] {
        for line in source.lines_with(call) {
            tell(
                line,
                format!("{call}..) prepares a statement, which poolers lose: use the typed one-shot calls"),
            );
        }
    }
}

/// A statement, or a piece of one; screens say these words in other letters.
fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter == '(')
        .filter(|word| !word.is_empty())
        .collect();
    let pair = |first: &str, second: &[&str]| {
        words.windows(2).any(|pair| pair[0] == first && second.contains(&pair[1]))
    };
    let both = |first: &str, second: &str| words.contains(&first) && words.contains(&second);
    let objects = [
        "TABLE",
        "INDEX",
        "SCHEMA",
        "DATABASE",
        "FUNCTION",
        "TRIGGER",
        "TYPE",
        "EXTENSION",
        "ROLE",
        "UNIQUE",
    ];
    both("SELECT", "FROM")
        || pair("INSERT", &["INTO"])
        || pair("DELETE", &["FROM"])
        || both("UPDATE", "SET")
        || pair("CREATE", &objects)
        || pair("ALTER", &objects)
        || pair("DROP", &objects)
        || pair("SET", &["LOCAL", "SESSION"])
        || matches!(words[..], ["SELECT" | "NOTIFY" | "TRUNCATE" | "BEGIN", ..] | ["LISTEN", _] | ["COMMIT"])
}

fn room_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

fn is_in(place: &str, places: &[&str]) -> bool {
    places.iter().any(|allowed| {
        place.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below some folders, by their path from the root.
fn files(folders: &[&str], ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 20, "only {} files found", found.len());
    found.sort();
    found
}

/// Every rule, broken once, and kept once where that is close.
#[test]
fn the_rules_can_fail() {
    for (path, text, broken) in [
        ("src/app/state.rs", "use crate::store::pool;", "app may not name store::pool"),
        ("src/app/state.rs", "use crate::{domain::ids, desk::Desk};", "app may not name desk::Desk"),
        ("src/app/state.rs", "fn f(x: crate::runtime::Hub) {}", "app may not name runtime::Hub"),
        ("src/app/state.rs", "use super::super::store;", "app may not name store"),
        ("src/app/state.rs", "use super::store;", ""),
        ("src/app/state.rs", "use crate::app::key::Key;", ""),
        ("src/app/state.rs", "// crate::store is elsewhere\nconst A: &str = \"crate::store\";", ""),
        ("src/app/state.rs", "async fn f() { tokio::spawn(g()).await }", "tokio is kept to"),
        ("src/app/state.rs", "use tokio_postgres::Client;", "tokio_postgres is kept to"),
        ("src/app/state.rs", "use ratatui::layout::Rect;", ""),
        ("src/app/state.rs", "use ratatui::{layout::Rect, style::Color};", "ratatui is kept to"),
        ("src/app/state.rs", "#[tokio::test]\nasync fn f() {}", "tokio is kept to"),
        ("src/ui/theme.rs", "use std::{collections::HashMap, env};", "std::env is kept to"),
        ("src/ui/theme.rs", "use std::sync::Mutex;", "std::sync::Mutex is kept to"),
        ("src/domain/ids.rs", "use crate::auth::Actor;", "domain may not name auth::Actor"),
        ("src/auth.rs", "use super::policy::permit;", "auth may not name policy::permit"),
        ("src/desk.rs", "use crate::store::{pool, ticket};", ""),
        ("src/runtime/hub.rs", "use crate::store::listen::Listener;", ""),
        ("src/runtime/hub.rs", "use crate::store::{listen, pool};", "runtime may not name store::pool"),
        ("src/runtime/hub.rs", "use ratatui::crossterm::event;", "crossterm is kept to"),
        ("src/runtime/input.rs", "use crossterm::event;", ""),
        ("src/runtime/input/keys.rs", "use crossterm::event;", ""),
        ("src/runtime/inputs.rs", "use crossterm::event;", "crossterm is kept to"),
        ("src/cli/migrate.rs", "use crate::store::migrate;", "cli may not name store::migrate"),
        ("src/config.rs", "use clap::Parser;", "clap is kept to"),
        ("src/main.rs", "kaygia_desk::cli::main()", ""),
        ("src/main.rs", "kaygia_desk::runtime::run()", "main may not name runtime::run"),
        (
            "src/ui/queue.rs",
            "#[expect(clippy::disallowed_methods, reason = \"now\")]\nfn f() {}",
            "gets no waiver",
        ),
        ("src/desk/read.rs", "const Q: &str = \"SELECT id FROM public.users\";", "SQL belongs to store"),
        (
            "src/desk/read.rs",
            "const Q: &str = r#\"\n update\"#; const P: &str = \"UPDATE desk.tickets SET status = $1\";",
            "SQL belongs to store",
        ),
        ("src/ui/board.rs", "const T: &str = \"Select a project from the board, SET aside\";", ""),
        ("src/store/ticket.rs", "const Q: &str = \"SELECT id FROM desk.tickets WHERE id = $1\";", ""),
        ("src/store/ticket.rs", "const Q: &str = \"SELECT * FROM desk.tickets\";", "never *"),
        ("src/store/ticket.rs", "const Q: &str = \"SELECT t.* FROM desk.tickets t\";", "never *"),
        (
            "src/store/ticket.rs",
            "const Q: &str = \"INSERT INTO desk.reads VALUES ($1) RETURNING *\";",
            "never *",
        ),
        ("src/store/ticket.rs", "const Q: &str = \"SELECT count(*) FROM desk.tickets\";", ""),
        (
            "src/store/ticket.rs",
            "const Q: &str = \"SELECT id FROM desk.tickets LIMIT 9 OFFSET 9\";",
            "never by OFFSET",
        ),
        (
            "src/store/ticket.rs",
            "let q = format!(\"SELECT id FROM desk.tickets WHERE id = '{id}'\");",
            "what varies is a parameter",
        ),
        ("src/store/ticket.rs", "let q = format!(\"ticket {id}\");", ""),
        ("src/store/ticket.rs", "let q = concat!(\"SELECT \", columns!(), \" FROM desk.tickets\");", ""),
        ("src/store/ticket.rs", "client.query(TEXT, &[]).await", "poolers lose"),
        ("src/store/ticket.rs", "client.query_typed(TEXT, &[]).await", ""),
        ("src/cli/demo.rs", "use std::process::Command;", "std::process::Command is kept to"),
        ("src/cli/demo.rs", "println!(\"ready\");", "println! has no place here"),
        ("src/cli/demo.rs", "writeln!(out, \"ready\");", ""),
        ("src/app/mod.rs", "", "foo.rs beside foo/"),
        ("tests/long.rs", &"f();\n".repeat(601), "601 lines"),
        ("tests/long.rs", &"f();\n\n // g\n".repeat(600), ""),
    ] {
        let found = check(path, text);
        if broken.is_empty() {
            assert!(found.is_empty(), "{path}: {text}\n{found:?}");
        } else {
            assert!(
                found.iter().any(|line| line.contains(broken)),
                "{path}: {text}\nwanted: {broken}\n{found:?}"
            );
        }
    }
}
