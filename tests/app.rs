//! The core: keys in, effects and state out.

use crate::fixtures::{Bench, NOW, ada, alan, answer_to, minutes, row};
use crate::screens::drawn;
use kaygia_desk::app::action::Action;
use kaygia_desk::app::key::{Code, Input, Key, MouseKind};
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::{Effect, Link, Msg, next_wake};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::{Change as Edit, Command, Done, LastComment};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, EventId, TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query, TicketFilter};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::ticket::TicketStatus;
use std::collections::BTreeSet;
use std::time::Duration;

pub fn done(
    bench: &mut Bench,
    req: kaygia_desk::app::requests::Req,
    row: Option<kaygia_desk::domain::ticket::TicketRow>,
) {
    let event = Some(EventId(7));
    let done = Done { row: row.map(Box::new), draft_version: Some(1), event, ..Done::default() };
    bench.msg(Msg::Done { req, result: Ok(done) });
}

fn selected(bench: &Bench) -> String {
    bench.state.queue.selected().map(|row| row.id.as_str().to_owned()).unwrap_or_default()
}

pub fn toast(bench: &Bench) -> String {
    bench.state.toasts.current().map(|toast| toast.text.clone()).unwrap_or_default()
}

pub fn quiet(commands: &[(kaygia_desk::app::requests::Req, Command)]) -> bool {
    commands.iter().all(|(_, command)| matches!(command, Command::MarkSeen { .. }))
}

#[test]
fn the_cursor_moves_and_the_preview_follows_after_a_rest() {
    let mut bench = Bench::new((120, 40), 20);
    bench.keys("j j");
    assert_eq!(selected(&bench), "t2");
    assert!(bench.effects.is_empty(), "a move alone asks for nothing: {:?}", bench.effects);
    bench.pass(Duration::from_millis(79));
    assert!(bench.effects.is_empty());
    bench.pass(Duration::from_millis(2));
    assert!(
        matches!(&bench.effects[..], [Effect::Fetch { query: Query::Thread(id), .. }] if id.as_str() == "t2")
    );
}

#[test]
fn nothing_wakes_an_idle_desk_before_an_age_changes() {
    let bench = Bench::new((120, 40), 20);
    let wake = next_wake(&bench.state).unwrap();
    assert!(wake > NOW.after(Duration::from_secs(1)), "{wake:?}");
}

#[test]
fn taking_shows_at_once_and_a_second_take_releases() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("t");
    let (req, command) = bench.command();
    let me = UserId::new("ada");
    assert_eq!(
        command,
        Command::Assign { ticket: TicketId::new("t0"), change: Edit::new(None, Some(me.clone())) }
    );
    assert_eq!(bench.state.queue.rows[0].assignee.as_ref().unwrap().id, me);
    let mut fresh = bench.state.queue.rows[0].clone();
    fresh.version = 2;
    done(&mut bench, req, Some(fresh));
    assert!(toast(&bench).contains("TKT-1042 is yours"));
    bench.keys("t");
    let (_, command) = bench.command();
    assert_eq!(command, Command::Assign { ticket: TicketId::new("t0"), change: Edit::new(Some(me), None) });
}

#[test]
fn a_change_that_had_been_made_already_is_not_told_as_mine_and_not_to_be_taken_back() {
    // The story: two colleagues resolve a ticket in the same second; the second one's undo opened it again.
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("s r");
    let (req, _) = bench.command();
    bench.msg(Msg::Done { req, result: Ok(Done { row: Some(Box::new(row(0))), ..Done::default() }) });
    assert_eq!(toast(&bench), "TKT-1042 is RESOLVED already; it was set meanwhile");
    assert!(!bench.state.history.can_undo());
}

#[test]
fn an_overtaken_change_says_who_was_first_and_reads_again() {
    let mut bench = Bench::new((120, 40), 5);
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("t");
    let (req, _) = bench.command();
    let failure = Failure::Overtaken {
        field: "assignee",
        now: SafeText::new("Alan Turing"),
        by: Some(SafeText::new("Alan Turing")),
    };
    bench.msg(Msg::Done { req, result: Err(failure) });
    assert_eq!(toast(&bench), "Alan Turing set the assignee to Alan Turing meanwhile; yours was not saved");
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Fetch { query: Query::Queue(_), .. })));
    bench.answer();
    assert!(bench.state.queue.rows[0].assignee.is_none(), "the row shows the truth again");
}

#[test]
fn what_was_not_saved_is_not_shown_as_if_it_were_though_nothing_can_be_read() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("Enter").answer();
    let before = bench.state.queue.rows[0].clone();
    assert!(before.waiting_since.is_some());
    let shown = |bench: &Bench| {
        (bench.state.queue.rows[0].clone(), bench.state.thread.current().unwrap().ticket.clone())
    };
    bench.commands();
    bench.keys("s c");
    let (status, _) = bench.command();
    bench.keys("p 4");
    let (priority, _) = bench.command();
    assert_eq!(shown(&bench).0.status, TicketStatus::Closed);
    bench.msg(Msg::Done { req: status, result: Err(Failure::Unavailable("no answer".to_owned())) });
    let (row, ticket) = shown(&bench);
    assert_eq!((&row.status, row.waiting_since), (&before.status, before.waiting_since));
    assert_eq!((&ticket.status, ticket.priority), (&before.status, row.priority));
    assert_ne!(row.priority, before.priority, "this one is still under way");
    let failure = Failure::Overtaken { field: "priority", now: SafeText::new("urgent"), by: None };
    bench.msg(Msg::Done { req: priority, result: Err(failure) });
    assert_eq!(shown(&bench).1.priority, before.priority);
    // The same key asks again.
    bench.commands();
    bench.keys("s c");
    bench.command();
}

#[test]
fn a_row_read_while_a_change_is_under_way_keeps_showing_the_change() {
    let mut bench = Bench::new((120, 40), 5);
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("s c");
    bench.command();
    bench.msg(Msg::Changed(vec![Change::Everything]));
    bench.answer();
    assert_eq!(bench.state.queue.rows[0].status, TicketStatus::Closed);
}

#[test]
fn undo_takes_back_expecting_what_was_set_and_redo_does_it_again() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("s p");
    let (req, first) = bench.command();
    done(&mut bench, req, Some(row(0)));
    bench.keys("z");
    let (req, back) = bench.command();
    assert_eq!(Some(back), first.inverse());
    done(&mut bench, req, Some(row(0)));
    bench.keys("Z");
    let (_, again) = bench.command();
    let Command::SetStatus { change, .. } = again else { panic!("{again:?}") };
    assert_eq!(change, Edit::new(TicketStatus::Open, TicketStatus::Pending));
    bench.keys("z z");
    assert_eq!(toast(&bench), "there is nothing to take back");
}

#[test]
fn resolving_goes_to_the_next_ticket_and_carries_the_last_message_seen() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("e");
    assert_eq!(selected(&bench), "t1");
    let commands = bench.commands();
    let Some((_, Command::SetStatus { change, last_comment, .. })) = commands.first() else {
        panic!("{commands:?}")
    };
    assert_eq!(change.to, TicketStatus::Resolved);
    assert_eq!(*last_comment, LastComment::Seen(Some(CommentId::new("t0-c2"))));
}

#[test]
fn resolving_over_an_unread_message_warns_and_the_second_press_goes_on() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("e");
    let (req, _) = bench.commands().remove(0);
    bench.msg(Msg::Done { req, result: Err(Failure::NewMessages(1)) });
    assert!(toast(&bench).contains("1 new message"));
    bench.answer();
    assert_eq!(bench.state.thread.ticket, Some(TicketId::new("t0")), "the ticket is shown again");
    bench.commands();
    bench.keys("s r");
    let commands = bench.commands();
    let found = commands.iter().find_map(|(_, command)| match command {
        Command::SetStatus { last_comment, .. } => Some(last_comment.clone()),
        _ => None,
    });
    assert_eq!(found, Some(LastComment::Any));
}

#[test]
fn the_selection_stays_on_its_ticket_and_on_its_line_when_rows_come_in_above() {
    let mut bench = Bench::new((80, 24), 30);
    bench.keys("j j j");
    let line = bench.state.queue.cursor.selected - bench.state.queue.cursor.offset;
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Change::Everything]));
    let req = bench
        .effects
        .iter()
        .find_map(|e| match e {
            Effect::Fetch { req, query: Query::Queue(_) } => Some(*req),
            _ => None,
        })
        .unwrap();
    let rows = [row(40), row(41)].into_iter().chain((0..30).map(row)).collect();
    bench.reply(req, Answer::Queue { rows, before: false, after: false });
    assert_eq!(selected(&bench), "t3");
    assert_eq!(bench.state.queue.cursor.selected - bench.state.queue.cursor.offset, line);
    assert_eq!(bench.state.queue.new_above(), 2);
    bench.keys("g g");
    assert_eq!(bench.state.queue.new_above(), 0);
}

#[test]
fn a_ticket_that_leaves_the_view_stays_under_the_cursor_until_the_cursor_moves() {
    let mut bench = Bench::new((120, 40), 10);
    bench.keys("j j");
    bench.pass(minutes(1)).answer();
    bench.msg(Msg::Changed(vec![Change::Everything]));
    let req = bench
        .effects
        .iter()
        .find_map(|e| match e {
            Effect::Fetch { req, query: Query::Queue(_) } => Some(*req),
            _ => None,
        })
        .unwrap();
    let rows = (0..10).filter(|n| *n != 2).map(row).collect();
    bench.reply(req, Answer::Queue { rows, before: false, after: false });
    assert_eq!(selected(&bench), "t2");
    assert_eq!(bench.state.queue.departed, Some(TicketId::new("t2")));
    bench.keys("j");
    assert_eq!(selected(&bench), "t3");
    assert_eq!(bench.state.queue.rows.len(), 9);
}

#[test]
fn a_stale_answer_is_dropped() {
    let mut bench = Bench::new((120, 40), 10);
    bench.keys("7");
    let old = bench.effects.iter().find_map(|e| match e {
        Effect::Fetch { req, query: Query::Queue(_) } => Some(*req),
        _ => None,
    });
    bench.keys("2");
    bench.reply(old.unwrap(), Answer::Queue { rows: vec![row(40)], before: false, after: false });
    assert_ne!(selected(&bench), "t40");
}

/// Readings of the queue in three seconds with a change every so often.
fn readings_with_a_change_every(millis: u64) -> usize {
    let mut bench = Bench::new((120, 40), 10);
    let mut queries = 0;
    for _ in 0..3000 / millis {
        bench.pass(Duration::from_millis(millis));
        bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t1"), 99)]));
        queries += bench
            .effects
            .iter()
            .filter(|e| matches!(e, Effect::Fetch { query: Query::Queue(_), .. }))
            .count();
        bench.answer();
    }
    queries
}

#[test]
fn many_changes_are_read_at_most_twice_a_second_and_a_storm_every_two_seconds() {
    let (many, storm) = (readings_with_a_change_every(100), readings_with_a_change_every(3));
    assert!((4..=7).contains(&many), "{many} readings in 3 s");
    assert!((2..=3).contains(&storm), "{storm} readings in 3 s");
}

/// When the numbers beside the views are asked for, with a change every 100 ms, in milliseconds.
fn countings(user: &str) -> Vec<u64> {
    let mut bench = Bench::new((120, 40), 10);
    bench.state.me.as_mut().unwrap().id = UserId::new(user);
    bench.pass(Duration::from_secs(5));
    bench.answer();
    let mut moments = Vec::new();
    for tenth in 1..=60 {
        bench.pass(Duration::from_millis(100));
        // Of the version that is on the screen: my own change, which is told to me as well.
        bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t1"), 0)]));
        if bench.effects.iter().any(|e| matches!(e, Effect::Fetch { query: Query::Counts(_), .. })) {
            moments.push(tenth * 100);
        }
        bench.answer();
    }
    moments
}

#[test]
fn the_numbers_beside_the_views_follow_within_a_second_and_each_desk_counts_at_its_own_moment() {
    let all: Vec<Vec<u64>> = (0..20).map(|n| countings(&format!("user{n}"))).collect();
    for moments in &all {
        assert!((400..=1200).contains(&moments[0]), "{all:?}");
        assert!(moments.windows(2).all(|two| (2000..=2200).contains(&(two[1] - two[0]))), "{all:?}");
    }
    let first: BTreeSet<u64> = all.iter().map(|moments| moments[0]).collect();
    assert!(first.len() >= 5, "{first:?}");
}

#[test]
fn digits_search_by_number_and_words_by_client() {
    let mut bench = Bench::new((120, 40), 10);
    for (text, filter) in [
        ("1042", TicketFilter::Number("1042".to_owned())),
        ("TKT-10", TicketFilter::Number("TKT-10".to_owned())),
        ("acme ltd", TicketFilter::ClientText("acme ltd".to_owned())),
    ] {
        bench.keys("/");
        while !matches!(&bench.state.overlay, Some(Overlay::Prompt(line)) if line.input.text().is_empty()) {
            bench.key("Backspace");
        }
        bench.text(text).keys("Enter");
        assert_eq!(bench.state.queue.filter(), filter);
        bench.answer();
    }
    bench.keys("q");
    assert!(bench.state.queue.search.is_none(), "q leads back to the view");
}

#[test]
fn a_number_in_the_palette_opens_the_ticket() {
    let mut bench = Bench::new((80, 24), 10);
    bench.keys(":").text("1042").keys("Enter").answer();
    assert_eq!(bench.state.thread.ticket, Some(TicketId::new("t0")));
    assert!(bench.state.thread.focused);
    bench.keys(":").text("9999").keys("Enter").answer();
    assert_eq!(toast(&bench), "there is no ticket 9999");
}

#[test]
fn leaving_asks_and_an_unsaved_draft_is_named() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("q");
    assert!(matches!(bench.state.overlay, Some(Overlay::Confirm(_))));
    bench.keys("n q y");
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Quit)));
}

#[test]
fn a_torn_arrow_key_does_not_become_letters() {
    let mut bench = Bench::new((120, 40), 5);
    for key in [Key::plain(Code::Esc), Key::char('['), Key::char('A')] {
        bench.msg(Msg::Input(Input::Key(key)));
    }
    assert!(bench.commands().is_empty());
    assert!(!matches!(bench.state.overlay, Some(Overlay::Picker(_))));
    let before = selected(&bench);
    bench.keys("n");
    bench.pass(Duration::from_millis(60));
    bench.keys("j");
    assert_ne!(selected(&bench), before, "a key typed by a person later counts");
}

#[test]
fn a_prefix_waits_for_its_key_and_a_wrong_one_is_told() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("s");
    assert_eq!(bench.state.pending.len(), 1);
    bench.keys("x");
    assert!(toast(&bench).contains("means nothing here"));
    assert!(bench.state.pending.is_empty());
}

#[test]
fn a_new_ticket_needs_client_subject_and_description() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("C").keys("Ctrl-o");
    let why = |bench: &Bench| match &bench.state.overlay {
        Some(Overlay::Form(form)) => form.error.clone().map(|(field, _)| field),
        _ => None,
    };
    assert_eq!(why(&bench), Some(1), "the client of the ticket under the cursor is chosen already");
    bench.text("A subject").keys("Ctrl-o");
    assert_eq!(why(&bench), Some(2));
    bench.text("What they ask").keys("Ctrl-o");
    let commands = bench.commands();
    let Some((_, Command::CreateTicket { client, subject, description, .. })) = commands.last() else {
        panic!("{commands:?}")
    };
    assert_eq!(
        (client.as_str(), subject.as_str(), description.as_str()),
        ("grace", "A subject", "What they ask")
    );
}

#[test]
fn marking_unread_stays_unread_while_the_ticket_is_open() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("Enter").answer();
    bench.commands();
    bench.keys("u");
    assert_eq!(bench.command().1, Command::MarkSeen { ticket: TicketId::new("t0"), up_to: None });
    bench.pass(minutes(1));
    assert!(bench.commands().is_empty());
    assert!(bench.state.queue.rows[0].unread);
}

#[test]
fn at_a_narrow_width_one_pane_is_shown_at_a_time() {
    let mut bench = Bench::new((80, 24), 5);
    assert!(bench.state.thread.ticket.is_none(), "no preview where there is no room for it");
    bench.keys("Enter").answer();
    assert!(bench.state.thread.focused);
    bench.keys("J").answer();
    assert_eq!(bench.state.thread.ticket, Some(TicketId::new("t1")));
    bench.keys("q");
    assert!(!bench.state.thread.focused);
    assert_eq!(selected(&bench), "t1");
}

#[test]
fn the_fixtures_answer_every_query() {
    assert!(matches!(answer_to(&Query::Staff, 0), Answer::Staff(staff) if staff.len() == 2));
}

#[test]
fn the_mouse_selects_opens_and_clicks_hints() {
    let mut bench = Bench::new((120, 40), 10);
    let press = |bench: &mut Bench, x, y| {
        bench.msg(Msg::Input(Input::Mouse { kind: MouseKind::Press, x, y }));
    };
    press(&mut bench, 10, 6);
    assert_eq!(selected(&bench), "t3");
    assert!(!bench.state.thread.focused);
    press(&mut bench, 10, 6);
    assert!(bench.state.thread.focused, "a second click opens");
    bench.answer();
    bench.commands();
    let take = kaygia_desk::app::footer::hints(&bench.state, 120)
        .into_iter()
        .find(|hint| hint.action == Action::Take)
        .unwrap();
    press(&mut bench, take.x, 39);
    assert!(bench.commands().iter().any(|(_, c)| matches!(c, Command::Assign { .. })));
    press(&mut bench, 22, 0);
    assert_eq!(bench.state.tab, kaygia_desk::app::screen::Tab::Boards);
}

#[test]
fn the_mouse_chooses_in_the_palette() {
    let mut bench = Bench::new((120, 40), 10);
    bench.keys(":").text("help");
    let place = kaygia_desk::app::layout::list_box((120, 40), 72, 1, 12);
    bench.msg(Msg::Input(Input::Mouse { kind: MouseKind::Press, x: place.x + 4, y: place.y + 3 }));
    assert!(matches!(bench.state.overlay, Some(Overlay::Help(_))));
}

#[test]
fn a_form_is_still_there_after_signing_in_again_but_for_its_owner_only() {
    for (back, there) in [(ada(), true), (alan(), false)] {
        let mut bench = Bench::new((120, 40), 5);
        bench.keys("C").text("A subject");
        bench.msg(Msg::Changed(vec![Change::Everything]));
        let fetch = bench.effects.iter().find_map(|e| match e {
            Effect::Fetch { req, query: Query::Queue(_) } => Some(*req),
            _ => None,
        });
        let ended = Failure::SignedOut("your session has ended: sign in again".to_owned());
        bench.msg(Msg::Loaded { req: fetch.unwrap(), result: Err(ended) });
        assert!(bench.state.overlay.is_none(), "nothing of it shows over the sign-in screen");
        let me = kaygia_desk::app::Me { id: back.id, name: back.name, role: back.role };
        bench.msg(Msg::SignedIn(Ok(me)));
        bench.answer();
        let kept = match &bench.state.overlay {
            Some(Overlay::Form(form)) => form.fields[1].text() == "A subject",
            _ => false,
        };
        assert_eq!(kept, there);
    }
}

#[test]
fn a_lost_database_is_asked_again_and_its_return_is_told() {
    let mut bench = Bench::new((120, 40), 5);
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("t");
    let (req, _) = bench.command();
    bench
        .msg(Msg::Done { req, result: Err(Failure::Unavailable("the database does not answer".to_owned())) });
    assert!(matches!(bench.state.link, Link::Offline(_)));
    bench.effects.clear();
    bench.pass(Duration::from_secs(4));
    bench.answer();
    assert_eq!(bench.state.link, Link::Live, "the listener was never lost");
    assert_eq!(toast(&bench), "the database is back");
}

#[test]
fn a_refusal_is_told_and_is_no_outage() {
    let mut bench = Bench::new((120, 40), 5);
    bench.pass(minutes(1)).answer();
    bench.commands();
    bench.keys("t");
    let (req, _) = bench.command();
    let why = "the database role lacks a right: UPDATE";
    bench.msg(Msg::Done { req, result: Err(Failure::Refused(why.to_owned())) });
    assert_eq!(bench.state.link, Link::Live);
    bench.answer();
    assert_eq!(toast(&bench), why);
}

#[test]
fn a_database_that_says_nothing_is_told_after_two_seconds_and_no_sooner() {
    let mut bench = Bench::new((120, 40), 5);
    bench.pass(minutes(1)).answer();
    for (req, _) in bench.commands() {
        done(&mut bench, req, None);
    }
    bench.keys("F5");
    bench.pass(Duration::from_millis(1900));
    assert!(!drawn(&bench).contains("no answer"), "an answer may take a while");
    bench.pass(Duration::from_millis(200));
    assert!(drawn(&bench).contains("no answer for 2 s"), "{}", drawn(&bench));
    let wake = next_wake(&bench.state).unwrap();
    assert!(wake <= bench.now.after(Duration::from_secs(1)), "the seconds go on");
    bench.pass(Duration::from_secs(1));
    assert!(drawn(&bench).contains("no answer for 3 s"));
    bench.answer();
    for (req, _) in bench.commands() {
        done(&mut bench, req, None);
    }
    assert!(bench.state.requests.unanswered(bench.now).is_none() && !drawn(&bench).contains("no answer"));
}

#[test]
fn a_name_of_control_bytes_is_in_the_header() {
    let mut bench = Bench::new((120, 40), 5);
    for (name, shown) in
        [("\u{1}\u{2}\u{1b}[2J", "^A^B^[[2J ADMIN"), (&"\u{9b}".repeat(30), "<U+009B><U+009B>")]
    {
        bench.state.me.as_mut().unwrap().name = SafeText::new(name);
        assert!(drawn(&bench).contains(shown), "{}", drawn(&bench));
    }
}

#[test]
fn a_ticket_that_is_deleted_goes_also_where_no_conversation_is_open() {
    let mut bench = Bench::new((80, 24), 3);
    bench.msg(Msg::Changed(vec![Change::Everything]));
    bench.pass(Duration::from_secs(1));
    let fetch = |bench: &Bench, wanted: fn(&Query) -> bool| {
        bench.effects.iter().rev().find_map(|effect| match effect {
            Effect::Fetch { req, query } if wanted(query) => Some(*req),
            _ => None,
        })
    };
    let req = fetch(&bench, |query| matches!(query, Query::Queue(_)));
    bench.reply(req.unwrap(), Answer::Queue { rows: Vec::new(), before: false, after: false });
    assert_eq!(selected(&bench), "t0", "it may have left the view only");
    let req = fetch(&bench, |query| matches!(query, Query::Thread(_)));
    bench.reply(req.unwrap(), Answer::Thread(None));
    assert!(bench.state.queue.rows.is_empty());
}

#[test]
fn what_somebody_may_not_do_is_not_offered_and_told_when_it_is_tried() {
    let mut bench = Bench::new((80, 24), 3);
    bench.keys("g");
    let box_of_keys = drawn(&bench);
    assert!(box_of_keys.contains("Boards") && !box_of_keys.contains("All that was done"), "{box_of_keys}");
    bench.keys("t");
    let told = bench.state.toasts.current().unwrap().text.clone();
    assert_eq!(told, "Staff: for a SUPER_ADMIN only");
}
