//! The clipboard: written when a key asks for it, never by what arrives, never read, and no more than a terminal takes.

use crate::obeyed::{clipboards, strangers};
use crate::pty::glass::Glass;
use crate::run;
use crate::support::world::world;
use std::time::Instant;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_reach_the_clipboard_on_a_key_only_cut_and_never_ask_for_it() {
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    let asks = "\x1b]52;c;?\x07\x1b]52;p;?\x1b\\\u{9d}52;c;?\u{9c}";
    let huge = format!("{asks} {}{asks}", "ten megabytes of words ".repeat(10_000_000 / 23));
    let db = &world.db.client;
    db.execute(
        "UPDATE public.support_tickets SET subject = 'First', description = $1 WHERE id = 't1'",
        &[&huge],
    )
    .await
    .unwrap();
    let state = TempDir::new().unwrap();
    let token = world.token("ada").await;
    let variables = [("KAYGIA_DESK_SESSION", token.expose())];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Nothing is yours");
    glass.keys("2");
    glass.shows("First");
    glass.keys("\r");
    glass.shows("megabytes of words");
    assert_eq!(clipboards(&glass.bytes()), [""; 0], "opening copies nothing");
    let since = Instant::now();
    glass.keys("Y");
    glass.shows("longer than a terminal's clipboard takes");
    let took = since.elapsed();
    let copies = clipboards(&glass.bytes());
    assert_eq!(copies.iter().map(String::len).collect::<Vec<_>>(), [74_992]);
    // What others write meanwhile, live, is shown and copied nowhere.
    let mut changes = 0;
    for n in 0..5 {
        world
            .sql(&format!(
                "UPDATE public.support_tickets SET subject = 'Live {n}.' || $${asks}$$ WHERE id = 't1'"
            ))
            .await;
        glass.shows(&format!("Live {n}."));
        changes += 1;
    }
    db.execute(
        "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) VALUES ('c', $1, 't1', 'grace', 'CLIENT')",
        &[&asks],
    )
    .await
    .unwrap();
    changes += 1;
    glass.keys("y");
    glass.shows("N-t1 is on the clipboard");
    let bytes = glass.bytes();
    let (copies, strangers) = (clipboards(&bytes), strangers(&bytes));
    println!(
        "hostile: a conversation of {} bytes copied as {} bytes of base64 with a notice after {took:.2?}; {changes} live changes \
         copied nothing; {} texts on the clipboard for 2 keys, {} questions or other strangers",
        huge.len(),
        copies[0].len(),
        copies.len(),
        strangers.len()
    );
    assert_eq!(copies.len(), 2);
    assert_eq!(strangers, [""; 0]);
    assert!(!copies.iter().any(|copy| copy.contains('?')));
}
