//! Sessions in the real program on a pseudo terminal: how they end, and what stays.

use crate::pty::{at_the_queue, draft, spooled};
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
    let kept = format!("{}{}", draft(&world).await, spooled(&state));
    assert!(kept.contains("typed just before"), "{kept}");
    world.sql("UPDATE public.users SET active = true WHERE id = 'ada'").await;
    glass.keys("correct horse\r");
    glass.shows("typed just before");
}
