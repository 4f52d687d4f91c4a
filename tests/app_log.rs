//! The history of a ticket or project, and the log: keys in, queries and rows out; and how they look.

use crate::fixtures::Bench;
use crate::fixtures_events::{EVENTS, event, value};
use crate::screens::at_each_size;
use kaygia_desk::app::Msg;
use kaygia_desk::app::footer::hints;
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::overlay::log::Log;
use kaygia_desk::app::screen::board;
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::event::EventsOf;
use kaygia_desk::domain::ids::TicketId;
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::user::Role;
use std::time::Duration;

fn log(bench: &Bench) -> &Log {
    match &bench.state.overlay {
        Some(Overlay::Log(log)) => log,
        other => panic!("{other:?}"),
    }
}

fn super_admin(bench: &mut Bench) {
    bench.state.me.as_mut().unwrap().role = Role::SuperAdmin;
}

#[test]
fn the_history_is_of_the_ticket_under_the_cursor_and_goes_on_in_pages() {
    let mut bench = Bench::new((120, 40), 30);
    bench.keys("j H").answer();
    assert_eq!(log(&bench).of, EventsOf::Ticket(TicketId::new("t1")));
    assert_eq!((log(&bench).events.len(), log(&bench).more), (100, true));
    bench.keys("G").answer();
    assert_eq!((log(&bench).events.len(), log(&bench).more), (EVENTS as usize, false));
    let marked = log(&bench).events[log(&bench).cursor.selected].id;
    bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t1"), 9)]));
    bench.pass(Duration::from_secs(2)).answer();
    assert_eq!(log(&bench).events[log(&bench).cursor.selected].id, marked, "the cursor stays on its event");
    bench.keys("q");
    assert!(bench.state.overlay.is_none());
}

#[test]
fn a_history_without_events_offers_no_details() {
    let mut bench = Bench::new((120, 40), 30);
    bench.keys("j H");
    let details = |bench: &Bench| hints(&bench.state, 120).iter().any(|hint| hint.label == "details");
    assert!(!details(&bench), "nothing has arrived");
    bench.answer();
    assert!(details(&bench));
}

#[test]
fn keys_of_the_history_move_nothing_below_it() {
    let mut bench = Bench::new((120, 40), 30);
    bench.keys("g b").answer();
    bench.keys("g h").answer();
    assert!(matches!(log(&bench).of, EventsOf::Project(_)));
    let card = board::selected(&bench.state).map(|card| card.id.clone());
    bench.keys("l l h j Tab");
    assert_eq!(board::selected(&bench.state).map(|card| card.id.clone()), card);
    bench.keys("/");
    assert!(log(&bench).editing.is_none(), "a history has no filter");
}

#[test]
fn only_a_super_admin_sees_all_that_was_done() {
    let mut bench = Bench::new((120, 40), 30);
    bench.keys("g e");
    assert!(bench.state.overlay.is_none());
    super_admin(&mut bench);
    bench.keys("g e").answer();
    assert!(matches!(log(&bench).of, EventsOf::Log(_)));
}

#[test]
fn a_filter_that_can_not_be_read_says_why_and_stays() {
    let mut bench = Bench::new((120, 40), 30);
    super_admin(&mut bench);
    bench.keys("g e").answer();
    bench.keys("/").text("since:monday").keys("Enter");
    assert_eq!(log(&bench).mistake.as_deref(), Some("`monday` is no day: write it like 2026-11-20"));
    bench.keys("Ctrl-u").text("who:\"Ana %_'\" action:ticket").keys("Enter").answer();
    let EventsOf::Log(filter) = &log(&bench).of else { panic!() };
    assert_eq!((filter.who.as_deref(), filter.action.as_deref()), (Some("Ana %_'"), Some("ticket")));
    assert!(log(&bench).editing.is_none());
    bench.keys("/").keys("Esc");
    assert!(log(&bench).editing.is_none());
    bench.keys("Esc");
    assert!(bench.state.overlay.is_none());
}

#[test]
fn history() {
    at_each_size("history", |bench| {
        bench.keys("H").answer();
        bench.keys("j j");
    });
}

#[test]
fn an_event_in_full() {
    at_each_size("event", |bench| {
        super_admin(bench);
        bench.keys("g e").answer();
        bench.keys("j j Enter");
    });
}

#[test]
fn a_filter_with_a_mistake() {
    at_each_size("log_filter", |bench| {
        super_admin(bench);
        bench.keys("g e").answer();
        bench.keys("/").text("who:ana when:today").keys("Enter");
    });
}

#[test]
fn what_is_done_to_accounts_and_codes_is_told_in_words() {
    for (action, values, words) in [
        (
            "user.edit",
            vec![value("changed", None, Some(r#"["name", "company"]"#))],
            "changed the account: name, company",
        ),
        ("user.role", vec![value("role", Some("ADMIN"), Some("CLIENT"))], "set the role ADMIN -> CLIENT"),
        ("user.deactivate", vec![value("active", Some("true"), Some("false"))], "switched the account off"),
        ("user.create", vec![value("role", None, Some("CLIENT"))], "made the account: role CLIENT"),
        (
            "token.issue",
            vec![value("kind", None, Some("verification"))],
            "gave out a code: kind verification",
        ),
        ("token.refused", Vec::new(), "refused a code"),
        ("import.ticket", Vec::new(), "import.ticket"),
    ] {
        let mut event = event(1, &EventsOf::Ticket(TicketId::new("t0")));
        (event.action, event.values, event.undoes) = (SafeText::new(action), values, None);
        assert_eq!(event.words(), words);
    }
}
