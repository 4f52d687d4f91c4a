//! The real loop of a session on a screen of paper, with scripted keys, a desk that does as it is told, and a
//! clock that jumps from event to event.

mod harness;

use harness::{Begin, Desk, Fake, Mood, Seen, is_draft_of, spool, spooled};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::Command;
use kaygia_desk::domain::ids::{CommentId, ProjectId, TicketId, UserId};
use kaygia_desk::domain::ticket::{Draft, TicketStatus};
use kaygia_desk::runtime::hub::Heard;
use kaygia_desk::runtime::input::Incoming;
use kaygia_desk::runtime::session::{Ending, Farewell};
use kaygia_desk::runtime::signals::{End, Signal};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn somebody_signs_in_and_sees_the_queue() {
    let mut desk = Desk::begin(Begin { token: false, ..Begin::default() });
    desk.shows("Password").await;
    desk.keys("s e c r e t Enter");
    let seen = desk.shows("TKT-1042").await;
    assert!(seen.text.contains("Ada Lovelace"), "{}", seen.text);
    desk.leave().await;
    let (farewell, fake, _) = desk.ends().await;
    assert_eq!(farewell, Farewell { ending: Ending::Left, lost: 0 });
    assert!(*fake.0.signed_out.lock().unwrap(), "a session that began here ends here");
}

#[tokio::test(start_paused = true)]
async fn a_token_shows_the_queue_and_never_the_sign_in_screen() {
    let mut desk = Desk::ready(Begin::default()).await;
    let first = desk.seen.borrow_and_update().clone();
    assert!(!first.text.contains("Password"));
    desk.leave().await;
    let (farewell, fake, _) = desk.ends().await;
    assert_eq!(farewell.ending, Ending::Left);
    assert!(!*fake.0.signed_out.lock().unwrap(), "whoever made the token keeps it");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_decided_leads_to_the_sign_in_screen() {
    let fake = Fake::new();
    fake.be(Mood::Unreachable);
    let mut desk = Desk::begin_in(Begin::default(), TempDir::new().unwrap(), fake);
    desk.shows("the database is down").await;
    desk.shows("Password").await;
}

/// The story: the database was started anew just as a desk began, and the desk asked for the password.
#[tokio::test(start_paused = true)]
async fn a_kept_session_opens_as_soon_as_the_database_is_there() {
    let fake = Fake::new();
    fake.be(Mood::Frozen);
    let mut desk = Desk::begin_in(Begin::default(), TempDir::new().unwrap(), fake);
    desk.shows("opening your session; type to sign in yourself").await;
    desk.fake.be(Mood::Unreachable);
    desk.shows("trying again: the database is down").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    desk.shows("trying again: the database is down").await;
    desk.fake.be(Mood::Willing);
    let start = Instant::now();
    desk.shows("TKT-1042").await;
    assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_begins_to_sign_in_is_not_overtaken_by_a_kept_session() {
    let fake = Fake::new();
    fake.be(Mood::Frozen);
    let mut desk = Desk::begin_in(Begin::default(), TempDir::new().unwrap(), fake);
    desk.shows("opening your session").await;
    desk.keys("c o r");
    desk.hides("opening your session").await;
    desk.fake.be(Mood::Willing);
    tokio::time::sleep(Duration::from_secs(60)).await;
    // Keys of a password are none of the queue's.
    desk.keys("e t r");
    desk.shows("******").await;
    assert_eq!(desk.fake.commands(), []);
    desk.keys("Enter");
    desk.shows("TKT-1042").await;
}

#[tokio::test(start_paused = true)]
async fn all_queued_keys_are_one_frame() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.wait("the preview", |seen| seen.text.contains("Grace Hopper")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = desk.seen.borrow_and_update().frames.len();
    desk.keys("j j j j j");
    desk.seen.changed().await.unwrap();
    let seen = desk.seen.borrow_and_update().clone();
    assert_eq!(seen.frames.len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_is_drawn_at_most_sixty_times_a_second() {
    let mut desk = Desk::ready(Begin::default()).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let start = Instant::now();
    for turn in 0..500 {
        desk.keys(if turn % 2 == 0 { "j" } else { "k" });
        tokio::time::advance(Duration::from_millis(2)).await;
        tokio::task::yield_now().await;
    }
    let frames = desk.wait("frames", |_| true).await.frames;
    let flood = frames.iter().filter(|at| **at >= start).count();
    assert!((50..=75).contains(&flood), "{flood}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_desk_draws_nothing_and_asks_nothing() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.heard.send(Heard::Live).unwrap();
    desk.shows("live").await;
    // After a moment the ticket in the preview counts as read.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (frames, fetches) = (desk.seen.borrow().frames.len(), *desk.fake.0.fetches.lock().unwrap());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(desk.seen.borrow().frames.len(), frames);
    assert_eq!(*desk.fake.0.fetches.lock().unwrap(), fetches);
}

#[tokio::test(start_paused = true)]
async fn an_idle_sign_in_screen_draws_nothing_whatever_changes_elsewhere() {
    let mut desk = Desk::begin(Begin { token: false, ..Begin::default() });
    desk.shows("Password").await;
    desk.heard.send(Heard::Live).unwrap();
    desk.heard.send(Heard::Changed(vec![Change::Everything])).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let frames = desk.seen.borrow().frames.len();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let drawn = desk.seen.borrow().frames.len() - frames;
    assert_eq!(drawn, 0);
}

#[tokio::test(start_paused = true)]
async fn keys_are_answered_while_the_database_is_frozen() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.fake.be(Mood::Frozen);
    let start = Instant::now();
    desk.keys("j Enter");
    desk.keys("?");
    desk.shows("Keys that mean").await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    desk.keys("Esc");
    desk.hides("Keys that mean").await;
}

#[tokio::test(start_paused = true)]
async fn a_change_elsewhere_is_fetched_and_drawn_without_a_key() {
    let desk = Desk::ready(Begin::default()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = *desk.fake.0.fetches.lock().unwrap();
    desk.heard.send(Heard::Changed(vec![Change::Everything])).unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(*desk.fake.0.fetches.lock().unwrap() > before);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_database_does_not_hide_that_the_listener_is_there() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.heard.send(Heard::Live).unwrap();
    desk.shows("live").await;
    desk.fake.be(Mood::Unreachable);
    desk.heard.send(Heard::Changed(vec![Change::Everything])).unwrap();
    desk.shows("offline").await;
    desk.fake.be(Mood::Willing);
    desk.heard.send(Heard::Changed(vec![Change::Everything])).unwrap();
    desk.shows("live").await;
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_a_task_is_told_and_the_desk_goes_on() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.fake.be(Mood::Mistaken);
    desk.keys("t");
    desk.shows("mistake").await;
    desk.fake.be(Mood::Willing);
    desk.keys("?");
    desk.shows("Keys that mean").await;
}

#[tokio::test(start_paused = true)]
async fn writes_about_one_ticket_keep_their_order() {
    // The story: `t` and at once `t` again. If the release overtook the take, the ticket would stay taken.
    let desk = Desk::ready(Begin::default()).await;
    desk.fake.be(Mood::Frozen);
    desk.keys("t t t t");
    tokio::time::sleep(Duration::from_millis(50)).await;
    desk.fake.be(Mood::Willing);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let assigned: Vec<bool> = desk
        .fake
        .commands()
        .iter()
        .filter_map(|command| match command {
            Command::Assign { change, .. } => Some(change.to.is_some()),
            _ => None,
        })
        .collect();
    assert_eq!(assigned, [true, false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_saved_while_it_is_written() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.write_reply("Hello Grace").await;
    let start = Instant::now();
    desk.fake.carried_out(is_draft_of("Hello Grace")).await;
    assert!(start.elapsed() <= Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(spooled(&desk.state), []);
}

#[tokio::test(start_paused = true)]
async fn every_way_out_saves_what_was_typed() {
    let ways = [
        ("SIGTERM", Err(Signal::End(End::Terminate)), Ending::Signal(End::Terminate)),
        ("SIGHUP", Err(Signal::End(End::Hangup)), Ending::Signal(End::Hangup)),
        ("SIGINT", Err(Signal::Interrupt(End::Interrupt)), Ending::Signal(End::Interrupt)),
        ("no terminal", Ok(Incoming::Ended), Ending::TerminalGone),
    ];
    for (name, way, ending) in ways {
        let mut desk = Desk::ready(Begin::default()).await;
        desk.write_reply("not saved yet").await;
        match way {
            Ok(incoming) => desk.keys.send(incoming).unwrap(),
            Err(signal) => desk.signals.send(signal).unwrap(),
        }
        let (farewell, fake, state) = desk.ends().await;
        assert_eq!(farewell, Farewell { ending, lost: 0 }, "{name}");
        assert!(fake.commands().iter().any(is_draft_of("not saved yet")), "{name}");
        assert_eq!(spooled(&state), [], "{name}: the database has it");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_frozen_database_does_not_take_lies_on_this_machine_within_the_limit() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.fake.be(Mood::Frozen);
    desk.write_reply("kept here").await;
    let start = Instant::now();
    desk.signals.send(Signal::End(End::Hangup)).unwrap();
    let (farewell, _, state) = desk.ends().await;
    assert!(start.elapsed() <= Duration::from_millis(1300), "{:?}", start.elapsed());
    assert_eq!(farewell.lost, 0);
    assert_eq!(spooled(&state), [(TicketId::new("t0"), "kept here".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_drawing_or_deciding_keeps_what_was_typed() {
    let clock = Arc::new(Mutex::new(false));
    let begins = [
        Begin { breaks_on: "break here", ..Begin::default() },
        Begin { broken_clock: Arc::clone(&clock), ..Begin::default() },
    ];
    for begin in begins {
        let drawing = !begin.breaks_on.is_empty();
        let mut desk = Desk::ready(begin).await;
        desk.keys("r");
        desk.shows("Reply to Grace Hopper").await;
        desk.text("break here");
        if !drawing {
            desk.shows("break here").await;
            *clock.lock().unwrap() = true;
            desk.keys("x");
        }
        let (farewell, fake, _) = desk.ends().await;
        assert_eq!(farewell, Farewell { ending: Ending::Mistake, lost: 0 });
        assert!(fake.commands().iter().any(is_draft_of("break here")));
    }
}

#[tokio::test(start_paused = true)]
async fn autosaves_go_to_this_machine_while_the_database_is_away_and_to_it_when_it_is_back() {
    for mood in [Mood::Unreachable, Mood::Frozen] {
        let mut desk = Desk::ready(Begin::default()).await;
        desk.fake.be(mood);
        desk.write_reply("offline text").await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(spooled(&desk.state), [(TicketId::new("t0"), "offline text".to_owned())], "{mood:?}");
        desk.fake.be(Mood::Willing);
        desk.fake.carried_out(is_draft_of("offline text")).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(spooled(&desk.state), [], "{mood:?}");
    }
}

/// The story: somebody typed on for seconds while the first saving hung on a frozen server. Then the machine was gone,
/// and with it all that the hanging saving did not hold.
#[tokio::test(start_paused = true)]
async fn what_is_typed_on_while_a_saving_hangs_is_on_this_machine_too() {
    for mood in [Mood::Unreachable, Mood::Frozen] {
        let mut desk = Desk::ready(Begin::default()).await;
        desk.fake.be(mood);
        desk.write_reply("begun").await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        for (typed, all) in [(" and on", "begun and on"), (" and on", "begun and on and on")] {
            desk.text(typed);
            tokio::time::sleep(Duration::from_millis(1200)).await;
            assert_eq!(spooled(&desk.state), [(TicketId::new("t0"), all.to_owned())], "{mood:?}");
        }
        desk.fake.be(Mood::Willing);
        desk.fake.carried_out(is_draft_of("begun and on and on")).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(spooled(&desk.state), [], "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_is_told_and_nothing_else_happens() {
    let mut desk = Desk::ready(Begin::default()).await;
    std::fs::write(desk.state.path().join("drafts"), "a file in the way").unwrap();
    desk.fake.be(Mood::Unreachable);
    desk.write_reply("in memory").await;
    desk.shows("in memory only").await;
    desk.fake.be(Mood::Willing);
    desk.fake.carried_out(is_draft_of("in memory")).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_can_be_kept_nowhere_is_counted_as_lost() {
    let mut desk = Desk::ready(Begin::default()).await;
    std::fs::write(desk.state.path().join("drafts"), "a file in the way").unwrap();
    desk.fake.be(Mood::Unreachable);
    desk.write_reply("gone").await;
    desk.signals.send(Signal::End(End::Terminate)).unwrap();
    let (farewell, _, _) = desk.ends().await;
    assert_eq!(farewell.lost, 1);
}

#[tokio::test(start_paused = true)]
async fn the_next_start_saves_what_the_last_one_could_not() {
    let state = TempDir::new().unwrap();
    let draft = Draft {
        comment: CommentId::new("c9"),
        content: "of last time".to_owned(),
        last_comment: None,
        status_after: Some(TicketStatus::Pending),
        older_content: None,
        version: 0,
    };
    spool(state.path()).keep(&UserId::new("ada"), &TicketId::new("t3"), &draft).unwrap();
    let mut desk = Desk::begin_in(Begin::default(), state, Fake::new());
    desk.shows("TKT-1042").await;
    desk.fake.carried_out(is_draft_of("of last time")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(spooled(&desk.state), []);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_at_the_start_is_saved_when_the_database_is_back() {
    let state = TempDir::new().unwrap();
    let mut desk = Desk::begin_in(Begin::default(), state, Fake::new());
    desk.shows("TKT-1042").await;
    desk.fake.be(Mood::Unreachable);
    desk.heard.send(Heard::Offline).unwrap();
    desk.shows("offline").await;
    let draft = Draft {
        comment: CommentId::new("c9"),
        content: "of last time".to_owned(),
        last_comment: None,
        status_after: None,
        older_content: None,
        version: 0,
    };
    spool(desk.state.path()).keep(&UserId::new("ada"), &TicketId::new("t3"), &draft).unwrap();
    desk.fake.be(Mood::Willing);
    desk.heard.send(Heard::Live).unwrap();
    desk.fake.carried_out(is_draft_of("of last time")).await;
}

#[tokio::test]
async fn the_editor_gets_the_terminal_and_its_text_comes_back() {
    let editor = "f() { printf 'from the editor' >> \"$1\"; }; f";
    let mut desk = Desk::ready(Begin { editor, ..Begin::default() }).await;
    desk.write_reply("typed here").await;
    desk.keys("Ctrl-x Ctrl-e");
    let seen = desk.shows("from the editor").await;
    assert!(seen.text.contains("typed here"));
    assert_eq!((seen.lent, seen.taken), (1, 1));
    // Ctrl-C in the editor is none of our business; afterwards it ends the desk.
    desk.signals.send(Signal::Interrupt(End::Interrupt)).unwrap();
    assert_eq!(desk.ends().await.0.ending, Ending::Signal(End::Interrupt));
}

#[tokio::test]
async fn an_interrupt_while_the_editor_has_the_terminal_is_the_editors() {
    let mut desk = Desk::ready(Begin { editor: "read -r _ < /dev/zero; false", ..Begin::default() }).await;
    desk.write_reply("typed here").await;
    desk.keys("Ctrl-x Ctrl-e");
    desk.wait("lent", |seen| seen.lent == 1).await;
    desk.signals.send(Signal::Interrupt(End::Interrupt)).unwrap();
    tokio::task::yield_now().await;
    desk.signals.send(Signal::End(End::Terminate)).unwrap();
    let (farewell, fake, _) = desk.ends().await;
    assert_eq!(farewell.ending, Ending::Signal(End::Terminate));
    assert!(fake.commands().iter().any(is_draft_of("typed here")));
}

#[tokio::test(start_paused = true)]
async fn suspending_gives_the_terminal_back_and_takes_it_again() {
    let mut desk = Desk::ready(Begin::default()).await;
    desk.keys("Ctrl-z");
    let seen = desk.wait("taken again", |seen| seen.taken == 1).await;
    assert_eq!(seen.lent, 1);
    desk.keys("?");
    desk.shows("Keys that mean").await;
}

#[tokio::test(start_paused = true)]
async fn a_resize_is_drawn_at_the_new_size() {
    let mut desk = Desk::ready(Begin::default()).await;
    for size in [(80, 24), (39, 11), (1, 1), (200, 50)] {
        *desk.size.lock().unwrap() = size;
        desk.signals.send(Signal::Resized).unwrap();
        let rows = usize::from(size.1);
        let wide = move |seen: &Seen| seen.text.lines().count() == rows;
        desk.wait("the new size", wide).await;
    }
    desk.shows("TKT-1042").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_heard_too_little_reads_everything_again() {
    let desk = Desk::ready(Begin::default()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = *desk.fake.0.fetches.lock().unwrap();
    for version in 0..40 {
        let change = Change::Project(ProjectId::new("p"), version);
        desk.heard.send(Heard::Changed(vec![change])).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(*desk.fake.0.fetches.lock().unwrap() > before);
}
