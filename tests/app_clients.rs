//! The clients: keys in, effects and state out.

use crate::fixtures::{Bench, NOW, minutes};
use crate::fixtures_boards::{client_rows, profile};
use kaygia_desk::app::key::{Input, MouseKind};
use kaygia_desk::app::layout;
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::requests::Req;
use kaygia_desk::app::screen::Tab;
use kaygia_desk::app::screen::clients::profile::{Item, place};
use kaygia_desk::app::{Effect, Msg, next_wake};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{ProjectId, TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query, TicketFilter};
use std::time::Duration;

fn clients_at(size: (u16, u16)) -> Bench {
    let mut bench = Bench::new(size, 5);
    bench.keys("g c").answer();
    bench
}

fn clients() -> Bench {
    clients_at((120, 40))
}

fn person(bench: &Bench) -> String {
    bench.state.clients.person().map(|person| person.id.as_str().to_owned()).unwrap_or_default()
}

fn shown(bench: &Bench) -> String {
    let profile = bench.state.clients.profile.as_ref();
    profile.and_then(|p| p.current()).map(|p| p.client.person.id.as_str().to_owned()).unwrap_or_default()
}

fn queries(bench: &Bench) -> Vec<&Query> {
    let fetches = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Fetch { query, .. } => Some(query),
        _ => None,
    });
    fetches.collect()
}

fn asked(bench: &Bench, wanted: fn(&Query) -> bool) -> Req {
    let asked = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Fetch { req, query } if wanted(query) => Some(*req),
        _ => None,
    });
    asked.unwrap()
}

#[test]
fn clients_are_found_as_one_types_after_a_short_rest() {
    let mut bench = clients();
    bench.keys("/").text("elm");
    assert!(queries(&bench).is_empty());
    bench.pass(Duration::from_millis(59));
    assert!(queries(&bench).is_empty());
    bench.pass(Duration::from_millis(2));
    assert_eq!(queries(&bench), [&Query::Clients("elm".to_owned())]);
    assert!(bench.state.clients.is_stale() && bench.state.clients.rows.len() == 9, "the old rows stay");
    bench.answer();
    assert_eq!((person(&bench).as_str(), shown(&bench).as_str()), ("elm", "elm"));
    bench.keys("Esc").pass(Duration::from_millis(61)).answer();
    assert_eq!(bench.state.clients.rows.len(), 9);
}

#[test]
fn an_answer_to_an_earlier_text_is_dropped() {
    let mut bench = clients();
    bench.keys("/").text("a").pass(Duration::from_millis(61));
    let early = asked(&bench, |query| matches!(query, Query::Clients(_)));
    bench.text("c").pass(Duration::from_millis(61));
    bench.reply(early, Answer::Clients(Vec::new()));
    assert_eq!(bench.state.clients.rows.len(), 9);
}

#[test]
fn the_profile_follows_the_cursor_after_a_rest() {
    let mut bench = clients();
    assert_eq!(shown(&bench), "grace");
    bench.keys("j j");
    assert!(queries(&bench).is_empty(), "a move alone asks for nothing");
    bench.pass(Duration::from_millis(79));
    assert!(queries(&bench).is_empty());
    bench.pass(Duration::from_millis(2));
    assert_eq!(queries(&bench), [&Query::Client(UserId::new("cedar"))]);
    let old = bench.state.clients.profile.as_ref().unwrap().data.as_ref();
    assert_eq!(old.unwrap().client.person.id.as_str(), "grace", "the old one stays until then");
    assert_eq!(person(&bench), "cedar", "but the keys mean the new one");
    bench.answer();
    assert_eq!(shown(&bench), "cedar");
}

#[test]
fn at_a_narrow_width_a_client_is_read_when_it_is_opened() {
    let mut bench = clients_at((80, 24));
    bench.keys("j").pass(minutes(1)).answer();
    assert!(bench.state.clients.profile.is_none());
    bench.keys("Enter").answer();
    assert_eq!((person(&bench).as_str(), shown(&bench).as_str()), ("birch", "birch"));
    bench.keys("q");
    assert!(!bench.state.clients.profile_open());
    bench.keys("q");
    assert_eq!(bench.state.tab, Tab::Queue);
}

#[test]
fn enter_on_a_ticket_opens_it_and_on_a_project_shows_it_among_those_of_its_client() {
    let mut bench = clients();
    bench.keys("Enter j j Enter");
    assert_eq!(bench.state.tab, Tab::Queue);
    assert_eq!(bench.state.thread.ticket, Some(TicketId::new("t0")));
    assert!(bench.state.thread.focused);

    let mut bench = clients();
    bench.keys("Enter Enter").answer();
    assert_eq!(bench.state.tab, Tab::Boards);
    assert_eq!(bench.state.board.filter.client, Some(UserId::new("grace")));
    assert_eq!(bench.state.board.client_name, "Acme Ltd");
    let open = bench.state.board.project.as_ref().unwrap();
    assert_eq!(open.id, ProjectId::new("p08"));
    bench.keys("q");
    assert_eq!(bench.state.board.columns.selected().unwrap().id, ProjectId::new("p08"));
}

#[test]
fn t_and_p_show_their_tickets_and_projects() {
    let mut bench = clients();
    bench.keys("j t");
    assert_eq!(bench.state.tab, Tab::Queue);
    let search = bench.state.queue.search.as_ref().unwrap();
    assert_eq!(search.filter, TicketFilter::Client(UserId::new("birch")));
    bench.keys("g c p").answer();
    assert_eq!(bench.state.tab, Tab::Boards);
    assert_eq!(bench.state.board.filter.client, Some(UserId::new("birch")));
    assert!(!bench.state.board.columns.is_empty());
}

#[test]
fn a_new_ticket_and_a_new_project_are_for_the_client_at_hand() {
    for keys in ["j C", "j n", "j Enter C", "j Enter n"] {
        let mut bench = clients();
        bench.keys(keys).answer();
        let Some(Overlay::Form(form)) = &bench.state.overlay else { panic!("{keys}") };
        let client = form.fields.iter().find_map(|field| field.chosen_client());
        assert_eq!(client, Some(&UserId::new("birch")), "{keys}");
    }
}

#[test]
fn the_cursor_stays_on_its_client_and_its_ticket_when_they_are_read_again() {
    let mut bench = clients();
    bench.keys("j j Enter").answer();
    bench.keys("j j j");
    let on = |bench: &Bench| match bench.state.clients.profile.as_ref().unwrap().selected() {
        Some(Item::Ticket(ticket)) => ticket.id.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(on(&bench), "t1");
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Change::Everything]));
    let list = asked(&bench, |query| matches!(query, Query::Clients(_)));
    let one = asked(&bench, |query| matches!(query, Query::Client(_)));
    let mut rows = client_rows("");
    rows.swap(0, 2);
    bench.reply(list, Answer::Clients(rows));
    let mut fresh = profile("cedar").unwrap();
    fresh.tickets.insert(0, fresh.tickets[5].clone());
    fresh.tickets[0].id = TicketId::new("t99");
    bench.reply(one, Answer::Client(Some(Box::new(fresh))));
    assert_eq!((person(&bench).as_str(), on(&bench).as_str()), ("cedar", "t1"));
    bench.keys("q");
    assert_eq!(bench.state.clients.cursor.selected, 0);
    assert_eq!(person(&bench), "cedar");
}

#[test]
fn a_client_that_is_gone_closes_and_says_so() {
    let mut bench = clients_at((80, 24));
    bench.keys("Enter");
    let one = asked(&bench, |query| matches!(query, Query::Client(_)));
    bench.reply(one, Answer::Client(None));
    assert!(!bench.state.clients.profile_open());
    assert_eq!(bench.state.toasts.current().unwrap().text, "this client does not exist any more");
}

#[test]
fn a_client_without_tickets_and_projects_can_be_read_to_its_end() {
    let mut bench = clients_at((40, 12));
    bench.keys("G k Enter").answer();
    assert_eq!(person(&bench), "hazel");
    bench.keys("G j k g g Enter");
    assert_eq!(bench.state.tab, Tab::Clients);
}

#[test]
fn a_failure_is_told_and_the_list_stays() {
    let mut bench = clients();
    bench.keys("F5").pass(minutes(1));
    let list = asked(&bench, |query| matches!(query, Query::Clients(_)));
    let failure = Failure::Unavailable("the database does not answer".to_owned());
    bench.msg(Msg::Loaded { req: list, result: Err(failure) });
    assert_eq!(bench.state.toasts.current().unwrap().text, "the database does not answer");
    assert_eq!(bench.state.clients.rows.len(), 9);
}

#[test]
fn ages_in_the_profile_wake_the_desk() {
    let mut bench = clients();
    bench.pass(Duration::from_secs(1)).answer();
    assert!(next_wake(&bench.state).unwrap() <= NOW.after(minutes(1)));
}

#[test]
fn a_click_selects_a_second_one_opens_and_the_wheel_moves() {
    let mut bench = clients();
    let areas = layout::clients::areas(&bench.state);
    let mouse = |bench: &mut Bench, kind: MouseKind, x: u16, y: u16| {
        bench.msg(Msg::Input(Input::Mouse { kind, x, y }));
    };
    mouse(&mut bench, MouseKind::Press, 5, areas.rows.y + 2);
    assert_eq!((person(&bench).as_str(), bench.state.clients.profile_open()), ("cedar", false));
    mouse(&mut bench, MouseKind::Press, 5, areas.rows.y + 2);
    bench.answer();
    assert!(bench.state.clients.profile_open());
    mouse(&mut bench, MouseKind::WheelDown, areas.profile.x + 3, 5);
    assert_eq!(bench.state.clients.profile.as_ref().unwrap().cursor.selected, 1);
    mouse(&mut bench, MouseKind::Press, 5, areas.rows.y + 6);
    assert_eq!((person(&bench).as_str(), bench.state.clients.profile_open()), ("gorse", false));
    mouse(&mut bench, MouseKind::WheelUp, 5, areas.rows.y + 6);
    assert_eq!(person(&bench), "fern");
    mouse(&mut bench, MouseKind::Press, 5, areas.rows.bottom() - 1);
    assert_eq!(person(&bench), "fern", "below the last row is nothing");

    // In the profile: the first click puts the cursor on a line, the second opens it.
    bench.pass(minutes(1)).answer();
    let profile = bench.state.clients.profile.as_ref().unwrap();
    let lines = profile.lines(areas.profile.width);
    let line = lines.iter().position(|line| place(line) == Some(3)).unwrap() as u16;
    mouse(&mut bench, MouseKind::Press, areas.profile.x + 3, areas.profile.y + line);
    assert!(bench.state.clients.profile_open() && bench.state.tab == Tab::Clients);
    mouse(&mut bench, MouseKind::Press, areas.profile.x + 3, areas.profile.y + line);
    assert_ne!(bench.state.tab, Tab::Clients);
}
