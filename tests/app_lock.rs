//! The locked screen and the end of a sitting: the pure core, with a clock that the test moves.

use crate::fixtures::{Bench, NOW, ada, answer_to};
use kaygia_desk::app::key::{Input, Key};
use kaygia_desk::app::keymap::Keymap;
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::{Answered, Effect, Link, Me, Msg, Settings, State, next_wake, screen};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::Command;
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::user::Role;
use kaygia_desk::ui;
use kaygia_desk::ui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Signed in as Ada; locks after a quarter of an hour, ends after twelve hours.
fn bench() -> Bench {
    let settings = Settings {
        size: (120, 40),
        keymap: Keymap::default(),
        zone: jiff::tz::TimeZone::UTC,
        seed: [7; 32],
        mouse: true,
        now: NOW,
        email: None,
        idle: Some(15 * MINUTE),
    };
    let mut bench = Bench { state: State::new(settings), now: NOW, effects: Vec::new(), rows: 20 };
    bench.msg(Msg::Link(Link::Live));
    bench.msg(Msg::SignedIn(Ok(Me { id: ada().id, name: ada().name, role: Role::Admin })));
    bench.answer();
    bench.effects.clear();
    bench
}

fn drawn(bench: &Bench) -> String {
    let area = Rect::new(0, 0, 120, 40);
    let mut buffer = Buffer::empty(area);
    ui::paint(&bench.state, &Theme::built_in("dark", false).unwrap(), &mut buffer, area);
    buffer
        .content()
        .chunks(120)
        .map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n")
        .collect()
}

fn unlocks(bench: &Bench) -> usize {
    bench.effects.iter().filter(|effect| matches!(effect, Effect::Unlock { .. })).count()
}

#[test]
fn it_locks_after_a_quarter_of_an_hour_without_a_key_and_not_sooner() {
    let mut bench = bench();
    bench.pass(14 * MINUTE).keys("j").pass(14 * MINUTE);
    assert!(!bench.state.sitting.locked());
    assert_eq!(
        next_wake(&bench.state).map(|due| due <= bench.now.after(MINUTE)),
        Some(true),
        "it wakes by itself"
    );
    bench.pass(MINUTE);
    assert!(bench.state.sitting.locked());
}

#[test]
fn a_locked_screen_shows_nothing_of_the_desk_whatever_arrives() {
    let mut bench = bench();
    assert!(drawn(&bench).contains("TKT-1042"));
    bench.keys("g l");
    bench.msg(Msg::Changed(vec![Change::Everything]));
    bench.pass(Duration::from_secs(2)).answer();
    bench.msg(Msg::Notice("sent to Grace Hopper".to_owned()));
    let shown = drawn(&bench);
    for secret in ["TKT-", "Grace", "Acme", "sent to", "live", "Queue", "@"] {
        assert!(!shown.contains(secret), "{secret} in\n{shown}");
    }
    assert!(shown.contains("Locked") && shown.contains("Ada Lovelace"), "{shown}");
    assert_eq!(screen::title(&bench.state), "locked · Kaygia Desk");
    assert!(
        bench
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Title(title) if title.starts_with("locked")))
    );
}

#[test]
fn the_database_hears_of_each_lock_once_whoever_locked() {
    let locked = |bench: &Bench| bench.effects.iter().filter(|it| matches!(it, Effect::Locked)).count();
    let mut by_key = bench();
    by_key.keys("g l").pass(HOUR);
    assert_eq!((locked(&by_key), by_key.state.sitting.locked()), (1, true));
    let mut by_time = bench();
    by_time.pass(14 * MINUTE);
    assert_eq!(locked(&by_time), 0);
    by_time.pass(MINUTE).pass(HOUR);
    assert_eq!((locked(&by_time), by_time.state.sitting.locked()), (1, true));
}

/// The story: a laptop was opened after lunch, and the first key of whoever opened it still reached the queue.
#[test]
fn the_first_key_after_a_long_sleep_finds_the_lock_in_its_way() {
    let mut bench = bench();
    bench.now = bench.now.after(HOUR);
    bench.msg(Msg::Input(Input::Key(Key::char('t'))));
    assert!(bench.state.sitting.locked());
    let taken = bench.commands().iter().any(|(_, command)| matches!(command, Command::Assign { .. }));
    assert!(!taken, "`t` would have taken the ticket");
    assert_eq!(bench.state.sitting.lock().unwrap().password.text(), "t", "it was typed into the password");
}

#[test]
fn the_password_opens_it_and_everything_is_where_it_was() {
    let mut bench = bench();
    bench.keys("Enter").answer();
    bench.keys("r").text("half a senten").pass(15 * MINUTE);
    assert!(bench.state.sitting.locked());
    bench.text("wrong").keys("Enter");
    assert_eq!(unlocks(&bench), 1);
    bench.keys("Enter").text("more");
    assert_eq!(unlocks(&bench), 1, "one at a time");
    bench.msg(Msg::Unlocked(Err("this is not your password".to_owned())));
    assert!(drawn(&bench).contains("this is not your password"));
    bench.text("right").keys("Enter");
    bench.msg(Msg::Unlocked(Ok(())));
    assert!(!bench.state.sitting.locked());
    bench.text("ce");
    assert_eq!(bench.state.composer.as_ref().unwrap().editor.text(), "half a sentence");
}

#[test]
fn whoever_else_sits_there_signs_the_owner_out_and_the_draft_stays_the_owners() {
    let mut bench = bench();
    bench.keys("Enter").answer();
    bench.keys("r").text("half a sentence").pass(15 * MINUTE);
    bench.keys("Ctrl-c");
    assert!(bench.state.me.is_none() && !bench.state.sitting.locked());
    assert!(drawn(&bench).contains("you are signed out; what you were writing"));
    bench.msg(Msg::SignedIn(Ok(Me { id: ada().id, name: ada().name, role: Role::Admin })));
    assert_eq!(bench.state.composer.as_ref().unwrap().editor.text(), "half a sentence");
}

#[test]
fn no_question_is_confirmed_behind_the_lock() {
    let mut bench = bench();
    bench.keys("q");
    assert!(matches!(bench.state.overlay, Some(Overlay::Confirm(_))));
    bench.pass(15 * MINUTE).keys("y");
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    bench.msg(Msg::Unlocked(Ok(())));
    assert!(matches!(bench.state.overlay, Some(Overlay::Confirm(_))));
}

#[test]
fn the_end_is_told_twice_and_then_it_comes() {
    let mut bench = bench();
    let told =
        |bench: &Bench| bench.state.toasts.current().map(|toast| toast.text.clone()).unwrap_or_default();
    let step = |bench: &mut Bench, time| {
        bench.now = bench.now.after(time);
        bench.msg(Msg::Input(Input::Mouse { kind: kaygia_desk::app::key::MouseKind::WheelDown, x: 0, y: 0 }));
    };
    for _ in 0..71 {
        step(&mut bench, 10 * MINUTE);
    }
    assert!(told(&bench).contains("in 10 min"), "{}", told(&bench));
    step(&mut bench, 9 * MINUTE);
    assert!(told(&bench).contains("in 1 min"), "{}", told(&bench));
    assert_eq!(next_wake(&bench.state).map(|due| due <= bench.now.after(MINUTE)), Some(true));
    step(&mut bench, MINUTE);
    assert!(bench.state.me.is_none());
    assert!(drawn(&bench).contains("your session has reached its limit"));
}

#[test]
fn the_database_hears_once_a_minute_that_somebody_is_there() {
    let mut bench = bench();
    let seen = |bench: &Bench| bench.effects.iter().filter(|effect| matches!(effect, Effect::Seen)).count();
    for _ in 0..30 {
        bench.now = bench.now.after(Duration::from_secs(10));
        bench.keys("j");
    }
    assert_eq!(seen(&bench), 5);
    bench.pass(10 * MINUTE);
    assert_eq!(seen(&bench), 5, "what happens by itself is no sign of anybody");
}

#[test]
fn staying_signed_in_is_asked_once_and_an_answer_is_remembered() {
    for (key, answer) in [("y", Some(Answered::Yes)), ("n", Some(Answered::No)), ("Esc", None)] {
        let mut bench = bench();
        bench.msg(Msg::StayOffered);
        bench.msg(Msg::Drawn);
        assert!(drawn(&bench).contains("Stay signed in on this machine until"), "{}", drawn(&bench));
        bench.keys(key);
        let said = bench.effects.iter().find_map(|effect| match effect {
            Effect::Stay(answer) => Some(*answer),
            _ => None,
        });
        assert_eq!(said, answer, "{key}");
        assert!(bench.state.overlay.is_none());
    }
    assert!(matches!(answer_to(&Query::Session, 0), Answer::Session(Some(_))));
}
