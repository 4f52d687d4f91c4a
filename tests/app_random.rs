//! Whatever is pressed, at whatever size, whatever comes back and in whatever order: the core never panics,
//! what it says holds together, and every screen can be drawn.

use crate::fixtures::{Bench, ago, answer_to, comment, row, thread};
use kaygia_desk::app::key::{Code, Input, Key, MouseKind};
use kaygia_desk::app::requests::Req;
use kaygia_desk::app::{Effect, Link, Msg, next_wake};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::Done;
use kaygia_desk::domain::comment::Side;
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{ProjectId, TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::ui;
use kaygia_desk::ui::theme::Theme;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::HashSet;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Chord(&'static str),
    Paste(String),
    Mouse(MouseKind, u16, u16),
    Resize(u16, u16),
    Pass(u64),
    /// Answers one of the requests under way: which, and how.
    Answer(usize, u8),
    Changed(u8, i64),
    Link(u8),
    Edited(bool),
}

/// Ways into every screen and every overlay.
const CHORDS: [&str; 24] = [
    "g q",
    "g b",
    "g c",
    "Enter",
    "Esc",
    "q",
    "r",
    "n",
    "C",
    "e",
    "a",
    "s",
    "s p",
    "/",
    ":",
    "?",
    "i",
    "z",
    "Z",
    "L",
    "H",
    "Ctrl-o",
    "Ctrl-x Enter",
    "Ctrl-x Ctrl-e",
];

fn key() -> impl Strategy<Value = Key> {
    let codes = prop_oneof![
        8 => prop::sample::select("abcdefghijklmnopqrstuvwxyzHJKLGACSYZRN1234567890 -/:?[]{}éß👍東\u{301}".chars().collect::<Vec<_>>()).prop_map(Code::Char),
        6 => prop::sample::select(vec![
            Code::Enter, Code::Esc, Code::Tab, Code::BackTab, Code::Backspace, Code::Delete, Code::Up, Code::Down,
            Code::Left, Code::Right, Code::Home, Code::End, Code::PageUp, Code::PageDown, Code::F(5),
        ]),
    ];
    (codes, prop::bool::weighted(0.1), prop::bool::weighted(0.03))
        .prop_map(|(code, ctrl, alt)| Key { code, ctrl, alt })
        // Leaving would end the test.
        .prop_filter("Ctrl-c", |key| !(key.ctrl && key.code == Code::Char('c')))
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = vec![MouseKind::Press, MouseKind::WheelUp, MouseKind::WheelDown];
    prop_oneof![
        10 => key().prop_map(Step::Key),
        10 => prop::sample::select(CHORDS.to_vec()).prop_map(Step::Chord),
        1 => "[a-z👨‍👩‍👧\n\t\u{1b}é]{0,40}".prop_map(Step::Paste),
        3 => (prop::sample::select(kinds), 0_u16..210, 0_u16..60).prop_map(|(kind, x, y)| Step::Mouse(kind, x, y)),
        1 => (0_u16..210, 0_u16..60).prop_map(|(x, y)| Step::Resize(x, y)),
        3 => (0_u64..200_000).prop_map(Step::Pass),
        8 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, how)| Step::Answer(at.index(97), how)),
        2 => (any::<u8>(), 0_i64..9).prop_map(|(what, version)| Step::Changed(what, version)),
        1 => any::<u8>().prop_map(Step::Link),
        1 => any::<bool>().prop_map(Step::Edited),
    ]
}

fn failure(how: u8) -> Failure {
    match how % 8 {
        0 => Failure::Denied("you may not".to_owned()),
        1 => Failure::Overtaken { field: "title", now: SafeText::new("x"), by: None },
        2 => Failure::NewMessages(2),
        3 => Failure::Gone("ticket"),
        4 => Failure::Invalid("no".to_owned()),
        5 => Failure::Internal("no".to_owned()),
        _ => Failure::Unavailable("away".to_owned()),
    }
}

/// The fixtures' answer, with things missing, added, or in another order.
fn odd(query: &Query, how: u8) -> Answer {
    let mut answer = answer_to(query, usize::from(how));
    match &mut answer {
        Answer::Queue { rows, before, after } => {
            if how & 1 == 1 {
                rows.reverse();
            }
            rows.push(row(900 + usize::from(how % 100)));
            (*before, *after) = (how & 2 == 2, how & 4 == 4);
        }
        Answer::Thread(found) if how.is_multiple_of(5) => *found = None,
        Answer::Thread(Some(found)) if how % 5 == 1 => {
            let author = thread(0).ticket.client;
            found.has_older = true;
            found.comments.push(comment(0, usize::from(how), &author, Side::Client, ago(1), "More?"));
        }
        Answer::Board(columns) => {
            if how.is_multiple_of(5) {
                columns.clear();
            }
            if how % 5 == 1 {
                columns.reverse();
            }
            for column in columns.iter_mut() {
                let kept = usize::from(how) % (column.cards.len() + 1);
                column.cards.truncate(kept);
            }
        }
        Answer::BoardColumn { cards, .. } if how.is_multiple_of(4) => cards.clear(),
        Answer::Project(found) if how.is_multiple_of(4) => *found = None,
        Answer::Client(found) if how.is_multiple_of(4) => *found = None,
        Answer::Client(Some(found)) if how % 4 == 1 => found.projects.clear(),
        Answer::Clients(rows) => {
            let kept = usize::from(how) % (rows.len() + 1);
            rows.truncate(kept);
        }
        _ => {}
    }
    answer
}

fn answer(bench: &mut Bench, at: usize, how: u8) {
    let open: Vec<Effect> = std::mem::take(&mut bench.effects)
        .into_iter()
        .filter(|effect| matches!(effect, Effect::Fetch { .. } | Effect::Execute { .. }))
        .collect();
    bench.effects = open;
    if bench.effects.is_empty() {
        return;
    }
    let at = at % bench.effects.len();
    match bench.effects.remove(at) {
        Effect::Fetch { req, .. } if how % 9 == 8 => {
            bench.msg(Msg::Loaded { req, result: Err(failure(how / 9)) });
        }
        Effect::Fetch { req, query } => bench.reply(req, odd(&query, how)),
        Effect::Execute { req, .. } if how.is_multiple_of(3) => {
            bench.msg(Msg::Done { req, result: Err(failure(how / 3)) });
        }
        Effect::Execute { req, .. } => {
            let found = (how % 3 == 1).then(|| Box::new(row(usize::from(how) % 9)));
            let done = Done { row: found, draft_version: Some(i64::from(how)), ..Done::default() };
            bench.msg(Msg::Done { req, result: Ok(done) });
        }
        _ => {}
    }
}

fn run(bench: &mut Bench, step: &Step) {
    match step {
        Step::Key(key) => {
            bench.msg(Msg::Input(Input::Key(*key)));
            bench.msg(Msg::Drawn);
        }
        Step::Chord(keys) => {
            bench.keys(keys);
        }
        Step::Paste(text) => bench.msg(Msg::Input(Input::Paste { text: text.clone(), dropped: 0 })),
        Step::Mouse(kind, x, y) => bench.msg(Msg::Input(Input::Mouse { kind: *kind, x: *x, y: *y })),
        Step::Resize(x, y) => bench.msg(Msg::Input(Input::Resize(*x, *y))),
        Step::Pass(millis) => {
            bench.pass(Duration::from_millis(*millis));
        }
        Step::Answer(at, how) => answer(bench, *at, *how),
        Step::Changed(what, version) => {
            let change = match what % 6 {
                0 => Change::Ticket(TicketId::new(format!("t{}", what / 6)), *version),
                1 => Change::Project(ProjectId::new("p01"), *version),
                2 => Change::User(UserId::new("grace"), *version),
                3 => Change::User(UserId::new("ada"), *version),
                4 => Change::Stale,
                _ => Change::Everything,
            };
            bench.msg(Msg::Changed(vec![change]));
        }
        Step::Link(how) => {
            let link = match how % 4 {
                0 => Link::Offline(bench.now),
                1 => Link::Polling,
                2 => Link::Connecting,
                _ => Link::Live,
            };
            bench.msg(Msg::Link(link));
        }
        Step::Edited(fine) => {
            let result = if *fine { Ok("from the editor".to_owned()) } else { Err("it failed".to_owned()) };
            bench.msg(Msg::Edited(result));
        }
    }
}

/// What must hold after every message.
fn check(bench: &Bench) {
    let state = &bench.state;
    let columns = &state.board.columns;
    let mut seen = HashSet::new();
    for column in &columns.list {
        assert!(column.cursor.selected < column.shown.cards.len().max(1));
        for card in &column.shown.cards {
            assert_eq!(card.status, column.status, "a card stands in the column of its status");
            assert!(seen.insert(card.id.clone()), "{:?} stands in two places", card.id);
        }
    }
    assert!(columns.cursor.selected < columns.list.len().max(1));
    assert!(state.clients.cursor.selected < state.clients.rows.len().max(1));
    assert!(state.queue.cursor.selected < state.queue.rows.len().max(1));
    // A deadline in the past that nothing takes away would burn the processor.
    if let Some(wake) = next_wake(state) {
        assert!(wake > bench.now, "{wake:?} is not after {:?}", bench.now);
    }
}

fn draw(bench: &Bench, theme: &Theme) {
    let (width, height) = bench.state.size;
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let cursor = ui::paint(&bench.state, theme, &mut buffer, area);
    if let Some(cursor) = cursor {
        assert!(area.contains(cursor), "the cursor {cursor:?} is not on {area:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_pressed_or_answered_panics(
        size in (30_u16..210, 8_u16..60),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let theme = Theme::built_in("dark", false).unwrap();
        let mut bench = Bench::new(size, 30);
        for step in &steps {
            run(&mut bench, step);
            // What was due by now has its turn, as the loop gives it.
            bench.msg(Msg::Woke);
            check(&bench);
            draw(&bench, &theme);
        }
        // Answers to what nobody waits for change nothing.
        bench.reply(Req(u64::MAX), Answer::Project(None));
        check(&bench);
    }
}
