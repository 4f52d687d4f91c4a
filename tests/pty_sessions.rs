//! Sessions in the real program on a pseudo terminal: how they end, and what stays.

use crate::pty::glass::Glass;
use crate::pty::start::{at_the_queue, becomes, desk, draft, leave, spooled};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_off_sees_the_sign_in_within_five_seconds_and_finds_the_draft_again() {
    let (world, state, mut glass) = at_the_queue().await;
    glass.shows("live");
    glass.write_reply("typed just before");
    let since = Instant::now();
    world.sql("UPDATE public.users SET active = false WHERE id = 'ada'").await;
    glass.shows("no longer has access to the desk");
    let took = since.elapsed();
    println!("gone after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!glass.text().contains("Subject of"), "{}", glass.text());
    // On a slow machine the sign-in screen is there before the text lies in its file.
    while !format!("{}{}", draft(&world).await, spooled(&state)).contains("typed just before") {
        assert!(since.elapsed() < Duration::from_secs(20), "the draft is kept nowhere");
        tokio::task::yield_now().await;
    }
    world.sql("UPDATE public.users SET active = true WHERE id = 'ada'").await;
    glass.keys("correct horse\r");
    glass.shows("typed just before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_desk_hides_everything_until_the_password() {
    let (world, state) = desk().await;
    let mut glass = Glass::desk_with(world.db.url(), &state, &[("KAYGIA_DESK_IDLE_LOCK", "3 s")]);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.write_reply("typed just before");
    glass.shows("Locked");
    assert!(
        !glass.text().contains("typed just before") && !glass.text().contains("Grace"),
        "{}",
        glass.text()
    );
    becomes(&world, "SELECT string_agg(content, '|') FROM desk.drafts", "typed just before").await;
    world.ticket("t9", "grace", "OPEN", "1 minute").await;
    glass.keys("correct horsf\r");
    glass.shows("this is not your password");
    assert!(!glass.text().contains("Subject of"), "{}", glass.text());
    world.sql("TRUNCATE desk.sign_ins").await;
    glass.keys("correct horse\r");
    glass.shows("typed just before");
    let title = String::from_utf8_lossy(&glass.bytes()).contains("locked · Kaygia Desk");
    assert!(title, "the terminal's title tells nothing either");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_signed_in_starts_again_without_a_password_until_signing_out() {
    let (world, state) = desk().await;
    let stay = [("KAYGIA_DESK_STAY_SIGNED_IN", "true")];
    let mut glass = Glass::desk_with(world.db.url(), &state, &stay);
    glass.shows("Password");
    glass.keys("ada@example.test\tcorrect horse\r");
    glass.shows("Stay signed in on this machine until");
    glass.keys("y");
    glass.shows("Nothing is yours");
    assert_eq!(leave(&mut glass).code, 0);
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions").await, "1", "it goes on");
    let mut glass = Glass::desk_with(world.db.url(), &state, &stay);
    glass.shows("Nothing is yours");
    glass.keys("gl");
    glass.shows("Locked");
    glass.keys("\x03");
    glass.shows("you are signed out");
    becomes(&world, "SELECT count(*) FROM desk.sessions", "0").await;
    let deadline = Instant::now() + Duration::from_secs(10);
    let files = || std::fs::read_dir(state.path().join("login")).unwrap().count();
    while files() > 1 {
        assert!(Instant::now() < deadline, "the file is gone with it, the answer stays");
        tokio::task::yield_now().await;
    }
}

/// The story: what was done in the last half minute of the day could be changed until somebody came in the next morning.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_last_leaves_a_sealed_log() {
    let (world, _state, mut glass) = at_the_queue().await;
    glass.keys("gg");
    let end = leave(&mut glass);
    println!("left in {:?}", end.took);
    assert_eq!(end.code, 0);
    let left = "SELECT (SELECT max(id) FROM desk.events) - (SELECT max(last_id) FROM desk.seals)";
    assert_eq!(world.value(left).await, "0");
    let newest = "SELECT action FROM desk.events ORDER BY id DESC LIMIT 1";
    assert_eq!(world.value(newest).await, "session.sign_out");
}
