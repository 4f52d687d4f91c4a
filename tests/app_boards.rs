//! The boards: keys in, effects and state out.

use crate::fixtures::{Bench, minutes};
use crate::fixtures_boards::{FIRST, all_cards, columns, project, project_card};
use kaygia_desk::app::key::{Input, MouseKind};
use kaygia_desk::app::layout;
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::requests::Req;
use kaygia_desk::app::screen::Tab;
use kaygia_desk::app::{Effect, Link, Msg, next_wake};
use kaygia_desk::domain::change::Change as Row;
use kaygia_desk::domain::command::{Change, Command, Done, ProjectChange};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{EventId, ProjectId, UserId};
use kaygia_desk::domain::project::{Project, ProjectCard, ProjectStatus};
use kaygia_desk::domain::query::{Answer, BoardColumn, Count, Query, TicketFilter};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::time::date_to_timestamp;
use std::time::Duration;

const WIDE: (u16, u16) = (120, 40);

pub fn boards() -> Bench {
    boards_at(WIDE)
}

pub fn boards_at(size: (u16, u16)) -> Bench {
    let mut bench = Bench::new(size, 5);
    bench.keys("g b").answer();
    bench
}

pub fn done(bench: &mut Bench, req: Req) {
    bench.msg(Msg::Done { req, result: Ok(Done { event: Some(EventId(7)), ..Done::default() }) });
}

pub fn refused(bench: &mut Bench, req: Req, failure: Failure) {
    bench.msg(Msg::Done { req, result: Err(failure) });
}

fn overtaken() -> Failure {
    Failure::Overtaken {
        field: "status",
        now: SafeText::new("Review"),
        by: Some(SafeText::new("Alan Turing")),
    }
}

pub fn selected(bench: &Bench) -> String {
    bench.state.board.columns.selected().map(|card| card.id.as_str().to_owned()).unwrap_or_default()
}

fn column(bench: &Bench, status: &ProjectStatus) -> Vec<String> {
    let columns = &bench.state.board.columns.list;
    let column = columns.iter().find(|column| column.status == *status).unwrap();
    column.shown.cards.iter().map(|card| card.id.as_str().to_owned()).collect()
}

fn counts(bench: &Bench) -> Vec<u32> {
    bench.state.board.columns.list.iter().map(|column| column.shown.count.number()).collect()
}

pub fn toast(bench: &Bench) -> String {
    bench.state.toasts.current().map(|toast| toast.text.clone()).unwrap_or_default()
}

fn status(from: ProjectStatus, to: ProjectStatus) -> Vec<ProjectChange> {
    vec![ProjectChange::Status(Change::new(from, to))]
}

fn queries(bench: &Bench) -> Vec<&Query> {
    let fetches = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Fetch { query, .. } => Some(query),
        _ => None,
    });
    fetches.collect()
}

/// The number of the newest request for the board.
pub fn asked(bench: &Bench) -> Req {
    let asked = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Fetch { req, query: Query::Board(_) } => Some(*req),
        _ => None,
    });
    asked.unwrap()
}

#[test]
fn a_moved_card_shows_at_once_and_keeps_the_cursor() {
    let mut bench = boards();
    bench.keys("L");
    let (_, command) = bench.command();
    let changes = status(ProjectStatus::Pending, ProjectStatus::Approved);
    assert_eq!(command, Command::EditProject { project: ProjectId::new("p01"), changes });
    assert_eq!(selected(&bench), "p01");
    assert_eq!(column(&bench, &ProjectStatus::Approved), ["p05", "p06", "p01", "p07"], "by its end date");
    assert_eq!(counts(&bench)[..3], [3, 4, 5]);
}

#[test]
fn a_refused_move_goes_back_says_who_was_first_and_reads_again() {
    let mut bench = boards();
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("L");
    let (req, _) = bench.command();
    refused(&mut bench, req, overtaken());
    assert_eq!(toast(&bench), "Alan Turing set the status to Review meanwhile; yours was not saved");
    assert_eq!(column(&bench, &ProjectStatus::Pending)[0], "p01");
    assert_eq!((selected(&bench).as_str(), counts(&bench)[0]), ("p01", 4));
    assert!(queries(&bench).iter().any(|query| matches!(query, Query::Board(_))));
}

#[test]
fn moves_of_one_card_are_sent_one_after_the_other() {
    let mut bench = boards();
    bench.keys("L L L");
    let (req, _) = bench.command();
    assert_eq!(bench.state.board.columns.selected().unwrap().status, ProjectStatus::Review);
    done(&mut bench, req);
    let (req, command) = bench.command();
    let changes = status(ProjectStatus::Approved, ProjectStatus::Review);
    assert_eq!(command, Command::EditProject { project: ProjectId::new("p01"), changes });
    done(&mut bench, req);
    assert!(bench.commands().is_empty());
    assert_eq!(bench.state.board.columns.selected().unwrap().status, ProjectStatus::Review);
}

#[test]
fn a_move_that_was_taken_back_before_it_was_sent_is_not_sent() {
    let mut bench = boards();
    bench.keys("L L H");
    let (req, _) = bench.command();
    done(&mut bench, req);
    assert!(bench.commands().is_empty());
    assert_eq!(bench.state.board.columns.selected().unwrap().status, ProjectStatus::Approved);
}

#[test]
fn a_refused_move_takes_those_that_waited_for_it_with_it() {
    let mut bench = boards();
    bench.keys("L L");
    let (req, _) = bench.command();
    refused(&mut bench, req, overtaken());
    assert!(bench.commands().is_empty());
    assert_eq!(bench.state.board.columns.selected().unwrap().status, ProjectStatus::Pending);
}

#[test]
fn a_board_read_while_a_move_is_under_way_keeps_showing_the_move() {
    let mut bench = boards();
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("L");
    let (req, _) = bench.command();
    bench.msg(Msg::Changed(vec![Row::Everything]));
    bench.answer();
    assert!(column(&bench, &ProjectStatus::Approved).contains(&"p01".to_owned()));
    assert_eq!(selected(&bench), "p01");
    done(&mut bench, req);
    assert!(column(&bench, &ProjectStatus::Approved).contains(&"p01".to_owned()), "and after it is done");
    assert_eq!(counts(&bench)[..2], [3, 4]);
}

#[test]
fn an_answer_from_before_the_move_does_not_bring_the_card_back() {
    let mut bench = boards();
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("L");
    let (req, _) = bench.command();
    bench.msg(Msg::Changed(vec![Row::Everything]));
    bench.pass(Duration::from_millis(300));
    let early = asked(&bench);
    done(&mut bench, req);
    let fresh = asked(&bench);
    assert_ne!(early, fresh, "what was asked before the commit is asked again");
    bench.reply(early, Answer::Board(columns(&all_cards())));
    assert!(column(&bench, &ProjectStatus::Approved).contains(&"p01".to_owned()));
}

#[test]
fn undo_moves_the_card_back_with_the_cursor() {
    let mut bench = boards();
    bench.keys("L");
    let (req, first) = bench.command();
    done(&mut bench, req);
    bench.keys("z");
    let (req, back) = bench.command();
    assert_eq!(Some(back), first.inverse());
    assert_eq!(selected(&bench), "p01");
    assert_eq!(column(&bench, &ProjectStatus::Pending)[0], "p01");
    done(&mut bench, req);
    assert_eq!(counts(&bench)[..2], [4, 3]);
}

#[test]
fn cancelling_asks_and_acts_on_the_card_it_asked_about() {
    let mut bench = boards();
    bench.keys("s").text("cancel").keys("Enter");
    let Some(Overlay::Confirm(confirm)) = &bench.state.overlay else { panic!("{:?}", bench.state.overlay) };
    assert_eq!(confirm.question, "Cancel the project Loyalty app of Birch & Co?");
    assert!(bench.commands().is_empty());
    // Meanwhile a colleague deletes the card above; the cursor stands on another one now.
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Row::Everything]));
    let cards: Vec<ProjectCard> = all_cards().into_iter().filter(|card| card.id.as_str() != "p01").collect();
    let req = asked(&bench);
    bench.reply(req, Answer::Board(columns(&cards)));
    assert_eq!(selected(&bench), "p02");
    bench.commands();
    bench.keys("y");
    assert!(bench.commands().is_empty(), "the card asked about is gone, another one is left alone");

    let mut bench = boards();
    bench.keys("s").text("cancel").keys("Enter n");
    assert!(bench.commands().is_empty());
    bench.keys("s").text("cancel").keys("Enter y");
    let changes = status(ProjectStatus::Pending, ProjectStatus::Cancelled);
    assert_eq!(bench.command().1, Command::EditProject { project: ProjectId::new("p01"), changes });
}

#[test]
fn the_ends_of_the_board_are_told() {
    let mut bench = boards();
    bench.keys("H");
    assert_eq!(toast(&bench), "this is the first column");
    bench.keys("l l l l l L");
    assert_eq!(toast(&bench), "this is the last column");
    assert!(bench.commands().is_empty());
}

#[test]
fn each_column_remembers_its_cursor() {
    let mut bench = boards();
    bench.keys("j j l j h");
    assert_eq!(selected(&bench), "p03");
    bench.keys("l");
    assert_eq!(selected(&bench), "p06");
}

#[test]
fn the_cursor_stays_on_its_card_when_the_board_is_read_again() {
    let mut bench = boards();
    bench.keys("l l j j");
    assert_eq!(selected(&bench), "p10");
    let mut cards = all_cards();
    let end = Some((2020, 1, 1));
    cards.insert(0, project_card("n1", "Came in first", 0, ProjectStatus::InProgress, end));
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Row::Everything]));
    let req = asked(&bench);
    bench.reply(req, Answer::Board(columns(&cards)));
    assert_eq!(selected(&bench), "p10");
    assert_eq!(bench.state.board.columns.current().unwrap().cursor.selected, 3);
}

#[test]
fn a_card_that_a_colleague_moves_takes_the_cursor_along() {
    let mut bench = boards();
    bench.keys("j");
    let mut cards = all_cards();
    cards.iter_mut().find(|card| card.id.as_str() == "p02").unwrap().status = ProjectStatus::Review;
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Row::Project(ProjectId::new("p02"), 2)]));
    let req = asked(&bench);
    bench.reply(req, Answer::Board(columns(&cards)));
    assert_eq!((selected(&bench).as_str(), bench.state.board.columns.cursor.selected), ("p02", 3));
}

#[test]
fn the_last_card_of_a_column_is_the_last_there_is_not_the_last_that_was_read() {
    let mut bench = boards();
    bench.keys("l l l l").answer();
    assert_eq!(column(&bench, &ProjectStatus::Completed).len(), FIRST);
    bench.keys("G");
    let Some(Query::BoardColumn { status, after, .. }) = queries(&bench).last().copied() else {
        panic!("{:?}", bench.effects)
    };
    assert_eq!((status, after.id.as_str()), (&ProjectStatus::Completed, "c049"));
    bench.answer();
    assert_eq!(column(&bench, &ProjectStatus::Completed).len(), 120);
    assert_eq!(selected(&bench), "c119");
    bench.keys("G").answer();
    assert!(queries(&bench).is_empty(), "there is no more to ask for");
    assert_eq!(selected(&bench), "c119");
}

#[test]
fn who_moves_on_the_way_to_the_last_card_stays_there() {
    let mut bench = boards();
    bench.keys("l l l l").answer();
    bench.keys("G k").answer();
    assert_eq!(selected(&bench), "c048");
    assert_eq!(column(&bench, &ProjectStatus::Completed).len(), 2 * FIRST);
}

#[test]
fn a_board_read_again_keeps_what_was_scrolled_to_and_reads_it_again_too() {
    let mut bench = boards();
    bench.keys("l l l l G").answer();
    bench.keys("G").answer();
    bench.keys("k k k");
    let before = column(&bench, &ProjectStatus::Completed);
    let on = selected(&bench);
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Row::Everything]));
    let req = asked(&bench);
    bench.effects.clear();
    bench.reply(req, Answer::Board(columns(&all_cards())));
    assert_eq!(column(&bench, &ProjectStatus::Completed), before);
    assert_eq!(selected(&bench), on);
    assert!(matches!(queries(&bench)[..], [Query::BoardColumn { .. }]), "{:?}", bench.effects);
    bench.answer();
    assert_eq!(column(&bench, &ProjectStatus::Completed), before);
}

#[test]
fn a_card_moved_behind_the_last_one_known_hides_none_of_those_between() {
    let mut bench = boards();
    // No end date: the card goes to the end of the 50 that are known of 120.
    bench.keys("j j j L");
    assert_eq!(selected(&bench), "p04");
    for _ in 0..3 {
        let (req, _) = bench.command();
        done(&mut bench, req);
        bench.answer();
        bench.keys("L");
    }
    let (req, _) = bench.command();
    done(&mut bench, req);
    assert_eq!(bench.state.board.columns.selected().unwrap().status, ProjectStatus::Completed);
    assert_eq!(column(&bench, &ProjectStatus::Completed).last().unwrap(), "p04");
    bench.effects.clear();
    bench.keys("k j");
    let Some(Query::BoardColumn { after, .. }) = queries(&bench).last().copied() else {
        panic!("{:?}", bench.effects)
    };
    assert_eq!(after.id.as_str(), "c049", "the last one that the database gave");
}

#[test]
fn a_status_that_the_desk_does_not_know_has_a_column_at_the_end() {
    let mut bench = Bench::new(WIDE, 5);
    bench.keys("g b");
    let mut answer = columns(&all_cards());
    let unknown = ProjectStatus::Unknown("ON_HOLD".into());
    let cards = vec![project_card("h1", "Waits", 0, unknown.clone(), None)];
    answer.push(BoardColumn { status: unknown.clone(), cards, count: Count::new(1) });
    let req = asked(&bench);
    bench.reply(req, Answer::Board(answer));
    bench.keys("l l l l l l");
    assert_eq!(selected(&bench), "h1");
    bench.keys("L");
    assert_eq!(toast(&bench), "this is the last column");
    bench.keys("s").text("appr").keys("Enter");
    let changes = status(unknown, ProjectStatus::Approved);
    assert_eq!(bench.command().1, Command::EditProject { project: ProjectId::new("h1"), changes });
}

#[test]
fn the_filter_waits_for_a_pause_and_esc_takes_it_back() {
    let mut bench = boards();
    bench.keys("/").text("acme");
    assert!(queries(&bench).is_empty());
    bench.pass(Duration::from_millis(119));
    assert!(queries(&bench).is_empty());
    bench.pass(Duration::from_millis(2));
    assert!(matches!(queries(&bench)[..], [Query::Board(filter)] if filter.text == "acme"));
    assert!(bench.state.board.is_stale(), "the old cards stay until the answer is there");
    assert!(!bench.state.board.columns.is_empty());
    bench.answer();
    assert!(
        bench
            .state
            .board
            .columns
            .list
            .iter()
            .flat_map(|column| &column.shown.cards)
            .all(|card| { card.client.company.as_str() == "Acme Ltd" })
    );
    bench.keys("Esc").pass(Duration::from_millis(121)).answer();
    assert_eq!(column(&bench, &ProjectStatus::Pending).len(), 4);
}

#[test]
fn q_goes_back_level_by_level() {
    let mut bench = boards();
    bench.keys("/").text("acme").keys("Enter").pass(Duration::from_millis(121)).answer();
    bench.keys("Enter").answer();
    assert!(bench.state.board.project_open());
    bench.keys("q");
    assert!(!bench.state.board.project_open() && bench.state.board.is_filtered());
    bench.keys("q").answer();
    assert!(!bench.state.board.is_filtered());
    bench.keys("q");
    assert_eq!(bench.state.tab, Tab::Queue);
}

#[test]
fn a_project_opened_shows_its_texts_and_scrolls() {
    let mut bench = boards_at((80, 24));
    bench.keys("l l Enter");
    assert!(matches!(queries(&bench)[..], [Query::Project(id)] if id.as_str() == "p09"));
    bench.answer();
    let open = bench.state.board.project.as_ref().unwrap();
    assert!(open.shown.as_ref().unwrap().description.is_some());
    bench.keys("G");
    let scroll = bench.state.board.project.as_ref().unwrap().scroll;
    assert!(scroll > 0 && scroll < 20, "{scroll}");
    bench.keys("g g");
    assert_eq!(bench.state.board.project.as_ref().unwrap().scroll, 0);
    bench.keys("L");
    assert_eq!(
        bench.state.board.project.as_ref().unwrap().shown.as_ref().unwrap().card.status,
        ProjectStatus::Review
    );
    bench.keys("h");
    assert!(!bench.state.board.project_open());
    assert_eq!(selected(&bench), "p09");
}

#[test]
fn a_project_that_is_gone_closes_and_says_so() {
    let mut bench = boards();
    bench.keys("Enter");
    let Some(Effect::Fetch { req, .. }) = bench.effects.last() else { panic!("{:?}", bench.effects) };
    let req = *req;
    bench.reply(req, Answer::Project(None));
    assert!(!bench.state.board.project_open());
    assert_eq!(toast(&bench), "this project does not exist any more");
}

#[test]
fn o_shows_the_tickets_of_the_client() {
    let mut bench = boards();
    bench.keys("o");
    assert_eq!(bench.state.tab, Tab::Queue);
    let search = bench.state.queue.search.as_ref().unwrap();
    assert_eq!(search.filter, TicketFilter::Client(UserId::new("birch")));
    assert_eq!(search.text, "Birch & Co");
}

#[test]
fn a_click_selects_a_second_one_opens_and_the_wheel_moves() {
    let mut bench = boards();
    let areas = layout::board::areas(&bench.state);
    let (_, third) = areas.columns[2];
    let click = |bench: &mut Bench, y: u16| {
        bench.msg(Msg::Input(Input::Mouse { kind: MouseKind::Press, x: third.x + 3, y }));
    };
    let second_card = third.bottom() - areas.cards_height + areas.card_height + 1;
    click(&mut bench, second_card);
    assert_eq!(selected(&bench), "p08");
    assert!(!bench.state.board.project_open());
    click(&mut bench, second_card);
    assert!(bench.state.board.project_open());
    bench.keys("q");
    bench.msg(Msg::Input(Input::Mouse { kind: MouseKind::WheelDown, x: third.x + 3, y: 10 }));
    assert_eq!(selected(&bench), "p10");
    bench.msg(Msg::Input(Input::Mouse { kind: MouseKind::WheelUp, x: 2, y: 10 }));
    assert_eq!(selected(&bench), "p01");
}

#[test]
fn as_many_columns_are_shown_as_fit_around_the_cursor() {
    for (width, fitting) in [(40, 2), (80, 4), (113, 5), (114, 6), (200, 6)] {
        let mut bench = boards_at((width, 24));
        let shown = |bench: &Bench| -> Vec<usize> {
            layout::board::areas(&bench.state).columns.iter().map(|(at, _)| *at).collect()
        };
        assert_eq!(shown(&bench).len(), fitting, "{width}");
        bench.keys("l l l l l");
        assert_eq!(shown(&bench).last(), Some(&5), "{width}");
        for (_, area) in layout::board::areas(&bench.state).columns {
            assert!(area.width >= 19 && area.right() <= width);
        }
        bench.msg(Msg::Input(Input::Resize(40, 12)));
        assert!(shown(&bench).contains(&5));
    }
}

#[test]
fn the_board_wakes_at_midnight_when_a_project_becomes_overdue() {
    let bench = boards();
    let wake = next_wake(&bench.state).unwrap();
    assert!(wake <= date_to_timestamp(jiff::civil::date(2026, 11, 23)));
}

#[test]
fn a_board_that_could_not_be_read_says_why_and_is_read_when_the_database_is_back() {
    let mut bench = Bench::new(WIDE, 5);
    bench.keys("g b");
    let req = asked(&bench);
    bench.effects.clear();
    let failure = Failure::Unavailable("the database does not answer".to_owned());
    bench.msg(Msg::Loaded { req, result: Err(failure) });
    bench.pass(minutes(1));
    bench.msg(Msg::Link(Link::Live));
    bench.pass(minutes(1)).answer();
    assert_eq!(counts(&bench), [4, 3, 5, 2, 120, 2]);
}

#[test]
fn a_change_of_one_project_is_read_by_who_has_it_open() {
    let mut bench = boards();
    bench.keys("Enter").answer();
    bench.pass(minutes(1)).answer();
    bench.effects.clear();
    bench.msg(Msg::Changed(vec![Row::Project(ProjectId::new("p01"), 2)]));
    let asked = queries(&bench);
    assert!(asked.iter().any(|query| matches!(query, Query::Board(_))));
    assert!(asked.iter().any(|query| matches!(query, Query::Project(_))));
    let req = bench.effects.iter().find_map(|effect| match effect {
        Effect::Fetch { req, query: Query::Project(_) } => Some(*req),
        _ => None,
    });
    let fresh =
        Project { description: Some(SafeText::new("new")), ..project(&ProjectId::new("p01")).unwrap() };
    bench.reply(req.unwrap(), Answer::Project(Some(Box::new(fresh))));
    let open = bench.state.board.project.as_ref().unwrap();
    assert_eq!(open.shown.as_ref().unwrap().description.as_ref().unwrap().as_str(), "new");
}

#[test]
fn a_ticket_that_is_not_on_the_screen_is_not_marked_read() {
    let mut bench = boards();
    bench.pass(minutes(1)).answer();
    assert!(bench.commands().is_empty());
    bench.keys("q");
    bench.pass(minutes(1));
    assert!(matches!(bench.command().1, Command::MarkSeen { .. }));
}
