//! Pasted text on a real terminal: it is text, whatever it holds and however it arrives.

use super::start::{at_the_queue, becomes, draft};

#[tokio::test(flavor = "multi_thread")]
async fn a_paste_with_an_end_mark_in_it_sends_nothing_though_the_line_stalls_there() {
    // The story: a client's message holds the end mark, then Esc and `y`. A colleague quotes it into a reply from a
    // terminal that takes no marks out, over a line that stalls just there.
    let (world, _state, mut glass) = at_the_queue().await;
    glass.write_reply("quoted:");
    glass.keys("\x1b[200~harmless\x1b[201~");
    glass.shows("harmless");
    glass.keys("\x1b");
    glass.keys("y\x1by and the rest of it\x1b[201~");
    glass.shows("and the rest of it");
    becomes(&world, "SELECT count(*) FROM desk.drafts WHERE content LIKE '%rest of it'", "1").await;
    glass.shows("draft saved");
    assert_eq!(world.value("SELECT count(*) FROM public.ticket_comments").await, "0");
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paste_that_is_cut_says_so() {
    let (world, _state, mut glass) = at_the_queue().await;
    glass.keys("r");
    glass.shows("Reply to");
    let text = "a line of a log file\n".repeat(50_000);
    glass.keys(&format!("\x1b[200~{text}\x1b[201~"));
    glass.shows("pasted 64 of 1026 KiB, the rest is cut");
    glass.shows("draft saved");
    assert_eq!(draft(&world).await.len(), 64 * 1024);
}
