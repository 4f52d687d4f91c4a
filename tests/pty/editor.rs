//! The editor that has the terminal, and what becomes of its text.

use super::GONE;
use super::glass::Glass;
use super::start::{becomes, desk, draft};
use rustix::process::Signal;
use std::time::Instant;

/// Writes into the file, rescues more when it is told to end as editors do, and shows when it is ready.
const EDITOR: &str = "f() { printf 'written to the file' > \"$1\"; trap 'exit 1' TERM HUP; echo swap > \"$1.swp\"; \
                      echo the editor is open; while :; do read line || exit 1; done; }; f";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_in_the_editor_survives_the_end_of_the_desk() {
    for signal in [Signal::TERM, Signal::HUP] {
        let (world, state) = desk().await;
        let mut glass = Glass::desk_with(world.db.url(), &state, &[("EDITOR", EDITOR)]);
        glass.sign_in("ada");
        glass.keys("2");
        glass.shows("Subject of t1");
        glass.write_reply("from the desk");
        glass.keys("\x18\x05");
        glass.shows("the editor is open");
        let since = Instant::now();
        glass.signal(signal);
        let end = glass.ends(since);
        assert!(end.took < GONE, "{signal:?}: {end:?}");
        glass.is_given_back();
        assert_eq!(draft(&world).await, "written to the file", "{signal:?}");
        // The swap file stays, readable by its owner only, and is told.
        let mut again = Glass::desk_with(world.db.url(), &state, &[("EDITOR", EDITOR)]);
        again.sign_in("ada");
        again.shows("an editor that was cut off left its text in");
        drop(again);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_is_killed_leaves_the_text_of_the_editor_where_the_next_one_finds_it() {
    let (world, state) = desk().await;
    let mut glass = Glass::desk_with(world.db.url(), &state, &[("EDITOR", EDITOR)]);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.write_reply("from the desk");
    glass.keys("\x18\x05");
    glass.shows("the editor is open");
    becomes(&world, "SELECT count(*) FROM desk.drafts", "1").await;
    glass.signal(Signal::KILL);
    glass.ends(Instant::now());
    let mut again = Glass::desk(world.db.url(), &state);
    again.sign_in("ada");
    again.shows("an editor that was cut off left its text in");
}
