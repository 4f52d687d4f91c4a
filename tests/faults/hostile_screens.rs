//! Texts that want to be obeyed on the screens about people and about what they did: the log, histories, accounts,
//! the lock, codes. Read in the raw bytes of a terminal.

use crate::hostile::{closes, goes, hostile_world, mark};
use crate::obeyed::{clipboards, payloads, strangers, verbatim};
use crate::pty::glass::Glass;
use crate::run;
use crate::support::world::World;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The hostile world, and each payload once more in an event, a member of staff and a session. `alan` can sign in.
pub async fn hostile_people() -> World {
    let world = hostile_world().await;
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    world
        .sql(&format!(
            "UPDATE public.users SET name = E'\\x1b]0;boss\\x07\\u202eAlan', company = E'\\x1b[2JCo', password_hash = '{hash}' \
              WHERE id = 'alan'"
        ))
        .await;
    for (n, payload) in payloads().iter().enumerate() {
        let short: String = payload.chars().take(100).collect();
        let (id, staff) = (format!("{short} {n}"), format!("s {short} {n}"));
        let db = &world.db.client;
        db.execute(
            "INSERT INTO public.users (id, email, name, company, role, email_verified) VALUES ($1, $2, $3, $4, 'ADMIN', true)",
            &[&staff, &format!("{short}{n}@staff.test"), &format!("F{n} {payload}"), &payload],
        )
        .await
        .unwrap();
        db.execute(
            "INSERT INTO desk.sessions (id, user_id, token_hash, expires_at, origin, source) \
             VALUES ($1, $2, $3, '2099-01-01', $4, $5)",
            &[&format!("{n} {short}"), &staff, &format!("hash {n}"), &format!("G{n} {payload}"), &payload],
        )
        .await
        .unwrap();
        for (entity, key) in [("project", format!("p {id}")), ("ticket", format!("t {id}"))] {
            db.execute(
                "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, before, after, origin) \
                 VALUES ('staff', $1, $2, $3, $4, jsonb_build_object($5::text, $6::text), \
                         jsonb_build_object($5::text, $7::text, 'assignee_id', $1::text), $8)",
                &[
                    &staff,
                    &format!("A{n} {short}"),
                    &entity,
                    &key,
                    &format!("K{n} {payload}"),
                    &format!("B{n} {payload}"),
                    &format!("C{n} {payload}"),
                    &format!("O{n} {payload}"),
                ],
            )
            .await
            .unwrap();
        }
    }
    world
}

/// What a terminal was told that is not the desk's own; nothing was put on its clipboard.
fn obeyed(glass: &Glass) -> Vec<String> {
    let bytes = glass.bytes();
    [strangers(&bytes), verbatim(&bytes), clipboards(&bytes)].concat()
}

/// Presses a key until something is gone: right after a paste no key counts.
fn presses(glass: &mut Glass, key: &str, gone: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while glass.text().contains(gone) {
        assert!(Instant::now() < deadline, "{gone:?} stays:\n{}", glass.text());
        let written = glass.bytes_written();
        glass.keys(key);
        glass.writes_within(written, Duration::from_millis(150));
    }
}

fn end(glass: &mut Glass) {
    glass.signal(rustix::process::Signal::TERM);
    assert_eq!(glass.ends(Instant::now()).code, 143);
    glass.is_given_back();
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_in_the_log_and_in_histories_are_shown_as_marks() {
    let _place = run::beside_others().await;
    let world = hostile_people().await;
    let state = TempDir::new().unwrap();
    let token = world.token("alan").await;
    let variables = [("KAYGIA_DESK_SESSION", token.expose())];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Nothing is yours");
    glass.resize(200, 60);
    let all = payloads();
    let mut seen = 0;
    // All events, newest first, each with all that is known of it.
    goes(&mut glass, "ge", "All that was done");
    glass.shows(&mark(&format!("A{}", all.len() - 1), &all[all.len() - 1]));
    goes(&mut glass, "\r", "value");
    for (n, payload) in all.iter().enumerate().rev() {
        for letter in ["A", "O", "K"] {
            glass.shows(&mark(&format!("{letter}{n}"), payload));
            seen += 1;
        }
        glass.keys("jj");
    }
    glass.keys("/");
    glass.shows("Filter: ");
    glass.keys("who:evil");
    closes(&mut glass, "Filter: ");
    glass.keys("q");
    // The history of each ticket.
    goes(&mut glass, "7", "S0 ");
    for (n, payload) in all.iter().enumerate() {
        goes(&mut glass, "H", "History of ");
        glass.shows(&mark(&format!("A{n}"), payload));
        seen += 1;
        glass.keys("q");
        glass.wait("the queue", |screen| !screen.contents().contains("History of "));
        glass.keys("j");
    }
    // And of projects.
    goes(&mut glass, "gb", "In progress");
    glass.shows(&mark("P0", &all[0]));
    let mut histories = BTreeSet::new();
    for step in 0..all.len() {
        goes(&mut glass, "gh", "History of P");
        let text = glass.text();
        let (_, titled) = text.split_once("History of P").unwrap();
        let digits: String = titled.chars().take_while(char::is_ascii_digit).collect();
        let n: usize = digits.parse().unwrap();
        glass.shows(&mark(&format!("A{n}"), &all[n]));
        seen += 1;
        histories.insert(n);
        glass.keys("q");
        glass.wait("the board", |screen| !screen.contents().contains("History of "));
        // One has a status that nobody knows, and stands in a column of its own, the last one.
        glass.keys(if step + 2 < all.len() { "j" } else { "llllllll" });
    }
    assert_eq!(histories.len(), all.len(), "each project's own: {histories:?}");
    end(&mut glass);
    let obeyed = obeyed(&glass);
    println!(
        "hostile: {} payloads in events on the log, {} histories of tickets and as many of projects: {seen} marks seen, {} bytes read, \
         {} obeyed",
        all.len(),
        all.len(),
        glass.bytes().len(),
        obeyed.len()
    );
    assert_eq!(obeyed, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_on_the_screens_about_accounts_are_shown_as_marks() {
    let _place = run::beside_others().await;
    let world = hostile_people().await;
    let state = TempDir::new().unwrap();
    let token = world.token("alan").await;
    let variables = [("KAYGIA_DESK_SESSION", token.expose())];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Nothing is yours");
    glass.resize(200, 60);
    let all = payloads();
    goes(&mut glass, "gt", &format!("{} accounts", all.len() + 2));
    let mut previews = 0;
    for tab in ["gt", "gc"] {
        glass.keys(tab);
        glass.shows(if tab == "gt" { "64 accounts" } else { "63 clients" });
        // The first of the staff is whoever signed in: nobody erases himself.
        glass.keys(if tab == "gt" { "ggj" } else { "gg" });
        for _ in 0..all.len() {
            goes(&mut glass, "X", "To confirm");
            previews += 1;
            closes(&mut glass, "To confirm");
            glass.keys("j");
        }
    }
    goes(&mut glass, "gt", "accounts");
    glass.keys("gg");
    for _ in 0..all.len() {
        glass.keys("e");
        glass.shows("Tab next field");
        closes(&mut glass, "Tab next field");
        glass.keys("j");
    }
    goes(&mut glass, "ggj", "accounts");
    goes(&mut glass, "s", "Enter choose");
    closes(&mut glass, "Enter choose");
    goes(&mut glass, "E", "n no");
    glass.keys("n");
    goes(&mut glass, "ga", "Tab next field");
    glass.shows("^[]0;boss^G<U+202E>Alan");
    closes(&mut glass, "Tab next field");
    goes(&mut glass, "gl", "Locked");
    glass.shows("^[]0;boss^G<U+202E>Alan");
    glass.keys("\x1b[200~\x1b]0;owned\x07\u{202e}\x1b[201~");
    glass.shows("***");
    presses(&mut glass, "\x15", "***");
    glass.keys("wrong\r");
    glass.shows("this is not your password");
    world.sql("TRUNCATE desk.sign_ins").await;
    // So much at once, so soon after a paste, may be its rest: Enter is none.
    glass.keys("correct horse");
    glass.shows("*************");
    presses(&mut glass, "\r", "Locked");
    end(&mut glass);
    let obeyed = obeyed(&glass);
    println!(
        "hostile: {} staff and {} clients listed and edited, {previews} previews of erasures, My account, the lock: {} obeyed",
        all.len(),
        all.len(),
        obeyed.len()
    );
    assert_eq!(obeyed, [""; 0]);
    assert_eq!(world.value("SELECT count(*) FROM desk.events WHERE action = 'user.erase'").await, "0");
}

/// Whoever has no account types and pastes too.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_pasted_into_the_screens_before_signing_in_stay_text() {
    let _place = run::beside_others().await;
    let world = hostile_world().await;
    let state = TempDir::new().unwrap();
    let mut glass = Glass::desk(world.db.url(), &state);
    glass.shows("Password");
    let all = payloads();
    for screen in ["", "\x12"] {
        glass.keys(screen);
        glass.shows(if screen.is_empty() { "Password" } else { "only verifies" });
        for (n, payload) in all.iter().filter(|payload| !payload.starts_with("joined")).enumerate() {
            // As much as the field shows at once, with what comes behind it.
            let short: String = payload.chars().take(24).collect();
            let end = format!(" end {n}.");
            glass.keys(&format!("\x1b[200~{short}{end}\x1b[201~"));
            glass.shows(&end);
            presses(&mut glass, "\x15", &end);
        }
    }
    glass.keys("\x1b[200~\x1b]0;owned\x07\x1b[201~");
    glass.shows("]0;owned");
    presses(&mut glass, "\x15", "]0;owned");
    glass.keys("owned");
    glass.shows("owned");
    glass.keys("\r");
    glass.shows("code");
    end(&mut glass);
    let obeyed = obeyed(&glass);
    println!("hostile: {} payloads pasted as an address and as a code: {} obeyed", all.len(), obeyed.len());
    assert_eq!(obeyed, [""; 0]);
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions").await, "0");
}
