//! Texts that want to be obeyed in what the commands print: to a terminal, as JSON, as CSV.

use crate::hostile_screens::hostile_people;
use crate::obeyed::{payloads, strangers};
use crate::pty::glass::{Glass, environment};
use crate::run;
use crate::support::world::World;
use kaygia_desk::auth::SessionToken;
use portable_pty::CommandBuilder;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Instant;
use tempfile::TempDir;

/// What a table program takes for the beginning of a formula.
const FORMULAS: [&str; 8] =
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "\u{ff1d}1"];

/// A command that asks for nothing.
const NOTHING: (&str, &str) = ("", "");

/// What a command prints on a terminal, without the terminal's own line ends; the second of `asked` answers the first.
fn prints(world: &World, token: Option<&SessionToken>, arguments: &[&str], asked: (&str, &str)) -> String {
    let state = TempDir::new().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments);
    environment(&mut command, state.path());
    command.env("DATABASE_URL", world.db.url());
    command.env("KAYGIA_DESK_STAY_SIGNED_IN", "true");
    if let Some(token) = token {
        command.env("KAYGIA_DESK_SESSION", token.expose());
    }
    let mut glass = Glass::run(command);
    glass.shows(asked.0);
    glass.keys(asked.1);
    glass.ends(Instant::now());
    glass.is_given_back();
    let bytes: Vec<u8> = glass.bytes().into_iter().filter(|byte| *byte != b'\r').collect();
    assert!(!bytes.contains(&0x1b), "{arguments:?}: {}", String::from_utf8_lossy(&bytes).escape_debug());
    let shown: Vec<u8> = bytes.iter().copied().filter(|byte| !b"\n\t".contains(byte)).collect();
    assert_eq!(strangers(&shown), [""; 0], "{arguments:?}");
    String::from_utf8(bytes).unwrap()
}

/// A column of a table, by id, as the database holds it.
async fn column(world: &World, query: &str) -> HashMap<String, String> {
    let rows = world.db.client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get("id"), row.get("text"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_in_what_commands_print_are_marks() {
    let _place = run::beside_others().await;
    let world = hostile_people().await;
    let token = world.token("alan").await;
    let token = Some(&token);
    // A name that would pass for a line of its own.
    world.sql("UPDATE public.users SET name = E'Ada\\nalan  Boss <boss@x.example> SUPER_ADMIN' WHERE id = 'ada'").await;
    let all = payloads();
    let staff = prints(&world, token, &["user", "list", "--staff"], NOTHING);
    assert_eq!(staff.lines().count(), all.len() + 2);
    assert!(!staff.lines().any(|line| line.starts_with("alan  Boss")), "{staff}");
    let clients = prints(&world, token, &["user", "list"], NOTHING);
    assert_eq!(clients.lines().count(), all.len() + 1);
    let sessions = prints(&world, token, &["sessions"], NOTHING);
    assert_eq!(sessions.lines().count(), all.len() + 1);
    let mut seen = 0;
    for (n, payload) in all.iter().enumerate() {
        for (letter, text) in [("F", &staff), ("G", &sessions)] {
            let mark = crate::hostile::mark(&format!("{letter}{n}"), payload);
            assert!(text.contains(&mark), "{mark}");
            seen += 1;
        }
    }
    let mut printed = 3;
    for (arguments, asked) in [
        (&["doctor"][..], NOTHING),
        (&["audit", "verify"], NOTHING),
        (&["cleanup", "--dry-run"], NOTHING),
        (&["audit", "export", "--format", "csv"], NOTHING),
        (&["login", "--email", "\u{1b}]0;owned\u{7}@x.test"], ("Password", "wrong\r")),
        (&["user", "redeem", "--verify"], ("Code", "owned\r")),
    ] {
        prints(&world, token, arguments, asked);
        printed += 1;
    }
    for payload in &all {
        let short: String = payload.chars().filter(|c| *c != '\0').take(100).collect();
        for arguments in [
            &["user", "list", short.as_str()][..],
            &["sessions", "end", short.as_str()],
            &["audit", "export", "--person", short.as_str(), "--action", short.as_str()],
            &["audit", "verify", "--head", short.as_str()],
        ] {
            prints(&world, token, arguments, NOTHING);
            printed += 1;
        }
    }
    for n in (0..all.len()).step_by(7) {
        let who = format!("u {} {n}", all[n].chars().take(100).collect::<String>());
        for arguments in [
            &["user", "verify", &who][..],
            &["user", "reset", &who],
            &["user", "deactivate", &who],
            &["user", "activate", &who],
            &["user", "edit", &who, "--company", &all[n]],
            &["user", "role", &who, "ADMIN"],
            &["user", "erase", &who, "--confirm", &all[n]],
        ] {
            prints(&world, token, arguments, NOTHING);
            printed += 1;
        }
    }
    println!("hostile: {printed} commands on a terminal, {seen} marks seen, nothing obeyed");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_as_json_are_whole_and_harmless() {
    let _place = run::beside_others().await;
    let world = hostile_people().await;
    let token = world.token("alan").await;
    let token = Some(&token);
    let parse =
        |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    let names = column(&world, "SELECT id, name AS text FROM public.users").await;
    let mut values = 0;
    for arguments in [&["user", "list", "--json"][..], &["user", "list", "--staff", "--json"]] {
        for line in prints(&world, token, arguments, NOTHING).lines() {
            let row = parse(line);
            assert_eq!(row["name"].as_str(), names.get(row["id"].as_str().unwrap()).map(String::as_str));
            values += 1;
        }
    }
    let origins = column(&world, "SELECT id::text, origin AS text FROM desk.events").await;
    let after = column(&world, "SELECT id::text, coalesce(after::text, '{}') AS text FROM desk.events").await;
    for line in prints(&world, token, &["audit", "export"], NOTHING).lines() {
        let row = parse(line);
        let id = row["id"].to_string();
        let (Some(origin), Some(after)) = (origins.get(&id), after.get(&id)) else { continue };
        assert_eq!(row["origin"].as_str(), Some(origin.as_str()));
        let after = parse(after);
        for value in row["values"].as_array().unwrap() {
            let (field, shown) = (value["field"].as_str().unwrap(), value["after"].as_str());
            if field != "assignee_id" {
                assert_eq!(shown, after[field].as_str(), "{id} {field}");
                values += 1;
            }
        }
    }
    for (n, payload) in payloads().iter().enumerate() {
        let who = format!("u {} {n}", payload.chars().take(100).collect::<String>());
        let all = parse(&prints(&world, token, &["user", "export", &who], NOTHING));
        assert_eq!(all["account"]["name"], format!("{payload}{n}"));
        assert_eq!(all["tickets"][0]["description"], format!("D{n} {payload} end\nsecond line {payload}"));
        assert_eq!(all["comments"][0]["content"], format!("C{n} {payload}"));
        assert_eq!(all["projects"][0]["requirements"], format!("PR {payload}"));
        values += 4;
    }
    println!("hostile: {values} values as JSON on a terminal, each the one that the database holds");
    assert!(values > 7 * payloads().len());
}

/// Cells of a CSV file, row by row.
fn cells(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => cell.push(c),
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_cells_of_a_csv_file_are_no_formulas() {
    let _place = run::beside_others().await;
    let world = hostile_people().await;
    let token = world.token("alan").await;
    for (n, formula) in FORMULAS.iter().enumerate() {
        let db = &world.db.client;
        db.execute("UPDATE public.users SET name = $1 WHERE id = 'grace'", &[formula]).await.unwrap();
        let insert = "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, after, origin) \
                      VALUES ('staff', $1, $1, 'user', 'grace', jsonb_build_object($1::text, $1::text), $1)";
        db.execute(insert, &[&format!("{formula}{n}")]).await.unwrap();
    }
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("log.csv");
    let arguments = ["audit", "export", "--format", "csv", "--output", file.to_str().unwrap()];
    prints(&world, Some(&token), &arguments, NOTHING);
    let text = std::fs::read_to_string(&file).unwrap();
    let shown: String = text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\t')).collect();
    assert_eq!(strangers(shown.as_bytes()), [""; 0]);
    let rows = cells(&text);
    let width = rows[0].len();
    let (mut looked, mut quoted) = (0, 0);
    for row in &rows {
        assert_eq!(row.len(), width, "{row:?}");
        for cell in row {
            let first = cell.trim_start().chars().next().unwrap_or(' ');
            assert!(!"=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(first), "{cell:?}");
            assert!(!cell.starts_with(['\t', '\r', '\n']), "{cell:?}");
            looked += 1;
            quoted += usize::from(cell.starts_with('\''));
        }
    }
    println!("hostile: {looked} cells of {} rows, {quoted} of them would have been formulas", rows.len());
    assert!(quoted >= 3 * FORMULAS.len(), "{quoted}");
}
