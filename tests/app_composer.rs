//! Writing a reply: keys in, effects and state out.

use crate::app::{done, quiet, toast};
use crate::fixtures::{Bench, ada, ago, alan, comment, minutes, row, thread};
use crate::screens::drawn;
use kaygia_desk::app::key::{Code, Input, Key};
use kaygia_desk::app::{Effect, Link, Msg, next_wake};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::{Command, LastComment};
use kaygia_desk::domain::comment::Side;
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::ticket::{Draft, TicketStatus};
use std::time::Duration;

fn composing(bench: &mut Bench) {
    bench.keys("r").answer();
    let commands = bench.commands();
    assert!(quiet(&commands), "{commands:?}");
    assert!(bench.state.composer.is_some());
}

#[test]
fn what_is_typed_is_saved_within_half_a_second() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Hello");
    assert_eq!(bench.state.unsaved_drafts().len(), 1);
    bench.pass(Duration::from_millis(300));
    let (req, command) = bench.command();
    let Command::SaveDraft { ticket, draft } = command else { panic!() };
    assert_eq!((ticket.as_str(), draft.content.as_str()), ("t0", "Hello"));
    done(&mut bench, req, None);
    assert!(bench.state.unsaved_drafts().is_empty());
}

/// Postgres keeps no NUL: it goes when it is pasted, and not only when it is sent.
#[test]
fn control_characters_are_taken_out_of_a_paste_with_a_notice() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    let text = "one\0two\x1b[31m\u{9b}6n\r\nthree\tfour".to_owned();
    bench.msg(Msg::Input(Input::Paste { text, dropped: 0 }));
    bench.pass(Duration::from_millis(300));
    let (_, command) = bench.command();
    let Command::SaveDraft { draft, .. } = command else { panic!("{command:?}") };
    assert_eq!(draft.content, "onetwo[31m6n\nthree\tfour");
    assert_eq!(toast(&bench), "control characters were taken out of the paste");
}

/// The answer to the first of two savings once took the wish to close along, and the bar stayed for good.
#[test]
fn a_draft_kept_while_its_saving_is_under_way_closes_when_the_last_saving_is_confirmed() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Hello").pass(Duration::from_millis(300));
    let (first, _) = bench.command();
    bench.text(" again").keys("Esc n");
    assert!(bench.commands().is_empty(), "the next saving waits until this one is confirmed");
    done(&mut bench, first, None);
    assert!(bench.state.composer.is_some());
    bench.pass(Duration::ZERO);
    let (last, command) = bench.command();
    let Command::SaveDraft { draft, .. } = command else { panic!("{command:?}") };
    assert_eq!(draft.content, "Hello again");
    done(&mut bench, last, None);
    assert!(bench.state.composer.is_none());
    assert!(toast(&bench).starts_with("the draft is kept"));
}

#[test]
fn a_failed_saving_is_told_and_tried_again() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Hello").pass(Duration::from_millis(300));
    let (req, _) = bench.command();
    bench
        .msg(Msg::Done { req, result: Err(Failure::Unavailable("the database does not answer".to_owned())) });
    assert!(matches!(bench.state.link, Link::Offline(_)));
    assert!(bench.state.composer.as_ref().unwrap().save_failed);
    assert_eq!(bench.state.unsaved_drafts().len(), 1);
    bench.pass(Duration::from_secs(4));
    let (req, again) = bench.command();
    assert!(matches!(again, Command::SaveDraft { .. }));
    // A server without room is there, and does not save either.
    bench.msg(Msg::Done { req, result: Err(Failure::Refused("out of room".to_owned())) });
    assert!(bench.state.composer.as_ref().unwrap().save_failed);
    bench.pass(Duration::from_secs(4));
    assert!(matches!(bench.command().1, Command::SaveDraft { .. }));
}

#[test]
fn a_reply_is_sent_once_with_the_id_of_its_draft() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Fixed.").keys("Esc");
    let (_, save) = bench.command();
    let Command::SaveDraft { draft, .. } = save else { panic!() };
    bench.keys("y");
    let (req, command) = bench.command();
    let Command::Reply { comment, content, status, last_comment, .. } = command else { panic!() };
    assert_eq!(comment, draft.comment);
    assert_eq!((content.as_str(), status.to), ("Fixed.", TicketStatus::Pending));
    assert_eq!(last_comment, LastComment::Seen(Some(CommentId::new("t0-c2"))));
    bench.keys("y y");
    assert!(bench.commands().is_empty(), "a second y while it is on its way sends nothing");
    done(&mut bench, req, Some(row(0)));
    assert!(bench.state.composer.is_none());
    assert!(toast(&bench).starts_with("sent to Grace Hopper"));
}

/// On a slow wire each saving in a row would hold the message up; what none of them holds lies on this machine until it
/// is out.
#[test]
fn a_reply_waits_for_one_saving_at_most_and_its_text_is_kept_meanwhile() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("One").pass(Duration::from_millis(300));
    let (saving, _) = bench.command();
    bench.text(" two").keys("Esc y");
    let commands = bench.commands();
    let [(sending, Command::Reply { content, .. })] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(content, "One two");
    done(&mut bench, saving, None);
    bench.pass(Duration::from_millis(500));
    let kept: Vec<_> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Keep { draft, .. } => Some(draft.content.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(kept, ["One two"]);
    assert!(bench.commands().is_empty(), "no saving follows while the message is on its way");
    done(&mut bench, *sending, Some(row(0)));
    assert!(bench.state.composer.is_none());
}

#[test]
fn while_a_reply_is_on_its_way_nothing_else_is_read_unless_it_takes_long() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Fixed.").keys("Esc");
    bench.pass(minutes(1)).answer();
    for answered in [true, false] {
        bench.keys("y").effects.retain(|effect| matches!(effect, Effect::Execute { .. }));
        let change = Change::Ticket(TicketId::new("t0"), 99);
        bench.msg(Msg::Changed(vec![change]));
        assert!(queries(&bench).is_empty(), "the commit is heard of before it is answered");
        if answered {
            let (req, _) = bench.commands().pop().unwrap();
            bench.msg(Msg::Done { req, result: Err(Failure::Unavailable("cut".to_owned())) });
        } else {
            assert!(
                next_wake(&bench.state).is_some_and(|due| due <= bench.now.after(Duration::from_millis(300)))
            );
            bench.pass(Duration::from_millis(300));
        }
        let read = queries(&bench).iter().any(|query| matches!(query, Query::Queue(_)));
        assert!(read, "answered: {answered}");
        bench.answer();
        bench.pass(minutes(1)).answer();
        bench.pass(minutes(1)).answer();
        bench.msg(Msg::Drawn);
    }
}

#[test]
fn a_change_heard_while_the_conversation_is_being_read_makes_it_read_again() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.pass(minutes(1)).answer();
    let heard = |bench: &mut Bench| {
        bench.msg(Msg::Changed(vec![Change::Everything]));
        bench.pass(Duration::from_millis(600));
        queries(bench).iter().filter(|query| matches!(query, Query::Thread(_))).count()
    };
    assert_eq!(heard(&mut bench), 1);
    assert_eq!(heard(&mut bench), 1, "one at a time");
    let begun = std::mem::take(&mut bench.effects);
    for effect in begun {
        let Effect::Fetch { req, query: Query::Thread(_) } = effect else { continue };
        bench.reply(req, Answer::Thread(Some(Box::new(thread(0)))));
    }
    bench.pass(Duration::from_millis(600));
    let again = queries(&bench).iter().any(|query| matches!(query, Query::Thread(_)));
    assert!(again, "the first one may have been too old");
}

fn queries(bench: &Bench) -> Vec<Query> {
    let query = |effect: &Effect| match effect {
        Effect::Fetch { query, .. } => Some(query.clone()),
        _ => None,
    };
    bench.effects.iter().filter_map(query).collect()
}

#[test]
fn a_send_that_was_not_answered_is_tried_again_as_the_same_reply() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Fixed.").keys("Esc y");
    let first = bench.commands().into_iter().find(|(_, c)| matches!(c, Command::Reply { .. })).unwrap();
    let why = "/var/run/postgresql/.s.PGSQL.5432: this server only reads; the desk needs the one that writes; and so on "
        .repeat(3);
    bench.msg(Msg::Done { req: first.0, result: Err(Failure::Unavailable(why)) });
    bench.msg(Msg::Drawn);
    bench.answer();
    // However long the reason: what to do is there, a cut can be seen, and so can the text.
    for size in [(40, 12), (80, 24), (120, 40), (200, 50)] {
        bench.msg(Msg::Input(Input::Resize(size.0, size.1)));
        let screen = drawn(&bench);
        let after = screen.split_once("Send to Grace").unwrap().1;
        let said =
            after.split_once("not confirmed; y tries again").unwrap().1.split_once("Fixed.").unwrap().0;
        assert!(said.contains("sent twice") && said.contains('…'), "{screen}");
    }
    bench.keys("y");
    let again = bench.commands().into_iter().find(|(_, c)| matches!(c, Command::Reply { .. })).unwrap();
    assert_eq!(first.1, again.1);
}

#[test]
fn a_y_typed_before_the_bar_was_drawn_does_not_send() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Fixed.");
    for key in [Key::plain(Code::Esc), Key::char('y')] {
        bench.msg(Msg::Input(Input::Key(key)));
    }
    assert!(!bench.commands().iter().any(|(_, c)| matches!(c, Command::Reply { .. })));
    bench.keys("y");
    bench.keys("y");
    assert!(bench.commands().iter().any(|(_, c)| matches!(c, Command::Reply { .. })));
}

#[test]
fn a_message_that_came_since_composing_began_is_warned_of_before_sending() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Fixed.").keys("Esc");
    bench.commands();
    bench.pass(minutes(1));
    bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t0"), 9)]));
    let req = bench
        .effects
        .iter()
        .find_map(|e| match e {
            Effect::Fetch { req, query: Query::Thread(_) } => Some(*req),
            _ => None,
        })
        .unwrap();
    let mut newer = thread(0);
    let client = newer.ticket.client.clone();
    newer.comments.push(comment(0, 3, &client, Side::Client, ago(0), "Never mind!"));
    bench.reply(req, Answer::Thread(Some(Box::new(newer))));
    // The warning is not on the screen yet: y must not count.
    bench.msg(Msg::Input(Input::Key(Key::char('y'))));
    assert!(bench.commands().iter().all(|(_, c)| !matches!(c, Command::Reply { .. })));
    bench.msg(Msg::Drawn);
    bench.keys("y");
    let sent = bench.commands().into_iter().find_map(|(_, c)| match c {
        Command::Reply { last_comment, .. } => Some(last_comment),
        _ => None,
    });
    assert_eq!(sent, Some(LastComment::Seen(Some(CommentId::new("t0-c3")))));
}

#[test]
fn a_draft_is_opened_again_with_its_id() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("j j j j");
    bench.pass(Duration::from_millis(100));
    let req = bench
        .effects
        .iter()
        .find_map(|e| match e {
            Effect::Fetch { req, query: Query::Thread(_) } => Some(*req),
            _ => None,
        })
        .unwrap();
    let draft = Draft {
        comment: CommentId::new("made-before"),
        content: "Half a sentence".to_owned(),
        last_comment: None,
        status_after: Some(TicketStatus::Resolved),
        older_content: None,
        version: 3,
    };
    bench.reply(
        req,
        Answer::Thread(Some(Box::new(kaygia_desk::domain::ticket::Thread {
            draft: Some(draft),
            ..thread(4)
        }))),
    );
    bench.keys("r").text("!");
    bench.pass(Duration::from_millis(300));
    let saved = bench.commands().into_iter().find_map(|(_, c)| match c {
        Command::SaveDraft { draft, .. } => Some(draft),
        _ => None,
    });
    let saved = saved.unwrap();
    assert_eq!(
        (saved.comment.as_str(), saved.content.as_str(), saved.version),
        ("made-before", "Half a sentence!", 3)
    );
    assert_eq!(saved.status_after, Some(TicketStatus::Resolved));
}

#[test]
fn taking_back_a_reply_says_that_the_message_is_out() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Fixed.").keys("Esc y");
    let (req, _) = bench.commands().into_iter().find(|(_, c)| matches!(c, Command::Reply { .. })).unwrap();
    done(&mut bench, req, Some(row(0)));
    bench.answer();
    bench.commands();
    bench.keys("z");
    let (req, command) = bench.command();
    assert!(matches!(command, Command::SetStatus { change, .. } if change.to == TicketStatus::Open));
    done(&mut bench, req, Some(row(0)));
    assert!(toast(&bench).starts_with("the message is out and stays"), "{}", toast(&bench));
}

#[test]
fn a_session_that_ends_keeps_the_reply_for_the_next_sign_in() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Precious words").pass(Duration::from_millis(300));
    let (req, _) = bench.command();
    let ended = Failure::SignedOut("your session has ended: sign in again".to_owned());
    bench.msg(Msg::Done { req, result: Err(ended) });
    assert!(bench.state.me.is_none());
    let me = kaygia_desk::app::Me {
        id: UserId::new("ada"),
        name: SafeText::new("Ada Lovelace"),
        role: kaygia_desk::domain::user::Role::Admin,
    };
    bench.msg(Msg::SignedIn(Ok(me)));
    bench.answer();
    assert_eq!(bench.state.composer.as_ref().unwrap().editor.text(), "Precious words");
    assert!(
        bench.commands().iter().any(|(_, c)| matches!(c, Command::SaveDraft { .. })),
        "it is saved again"
    );
}

#[test]
fn another_person_at_the_same_terminal_does_not_see_the_reply() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Precious words").pass(Duration::from_millis(300));
    let (req, _) = bench.command();
    bench.msg(Msg::Done { req, result: Err(Failure::SignedOut("ended".to_owned())) });
    let me = kaygia_desk::app::Me { id: alan().id, name: alan().name, role: alan().role };
    bench.msg(Msg::SignedIn(Ok(me)));
    bench.answer();
    assert!(bench.state.composer.is_none());
}

#[test]
fn a_draft_sent_from_another_window_closes_here_if_equal_and_goes_on_as_a_new_one_if_not() {
    for (here, stays) in [("Fixed.", false), ("Fixed, and more.", true)] {
        let mut bench = Bench::new((120, 40), 5);
        composing(&mut bench);
        bench.text(here).pass(Duration::from_millis(300));
        let (req, command) = bench.command();
        let Command::SaveDraft { draft, .. } = command else { panic!() };
        done(&mut bench, req, None);
        bench.pass(minutes(1));
        bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t0"), 9)]));
        let fetch = bench.effects.iter().find_map(|e| match e {
            Effect::Fetch { req, query: Query::Thread(_) } => Some(*req),
            _ => None,
        });
        let mut newer = thread(0);
        let mut sent = comment(0, 3, &ada(), Side::Staff, ago(0), "Fixed.");
        sent.id = draft.comment.clone();
        newer.comments.push(sent);
        bench.reply(fetch.unwrap(), Answer::Thread(Some(Box::new(newer))));
        assert_eq!(bench.state.composer.is_some(), stays);
        let saved = bench.commands().into_iter().find_map(|(_, command)| match command {
            Command::SaveDraft { draft, .. } => Some(draft),
            _ => None,
        });
        assert_eq!(saved.is_some_and(|again| again.comment != draft.comment && again.content == here), stays);
    }
}

#[test]
fn a_draft_that_lies_on_this_machine_is_told_as_such_and_one_in_memory_until_it_is_saved() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Hello").pass(Duration::from_millis(300));
    let (req, _) = bench.command();
    let ticket = TicketId::new("t0");
    let kept =
        |content: &str, result| Msg::DraftKept { ticket: ticket.clone(), content: content.into(), result };
    bench.msg(kept("Hello", Ok(())));
    bench.msg(Msg::Done { req, result: Err(Failure::Unavailable("cut".to_owned())) });
    assert!(drawn(&bench).contains("draft on this machine only"), "{}", drawn(&bench));
    bench.text("!");
    assert!(drawn(&bench).contains("draft NOT saved yet"), "the last key is nowhere yet");
    bench.pass(Duration::from_secs(3));
    let (req, _) = bench.command();
    bench.msg(kept("Hello!", Err("the disk is full".to_owned())));
    assert!(
        toast(&bench).starts_with("the draft is in memory only: it could not be kept"),
        "{}",
        toast(&bench)
    );
    done(&mut bench, req, None);
    assert!(!toast(&bench).contains("in memory only"), "it is saved");
    bench.pass(Duration::from_secs(6));
    assert!(drawn(&bench).contains("draft saved"));
}

#[test]
fn a_draft_that_waits_for_a_sending_wakes_nobody_meanwhile() {
    let mut bench = Bench::new((120, 40), 5);
    composing(&mut bench);
    bench.text("Hello").keys("Esc y");
    assert!(bench.state.composer.as_ref().unwrap().sending.is_some());
    for (req, _) in bench.commands().into_iter().filter(|(_, c)| matches!(c, Command::SaveDraft { .. })) {
        done(&mut bench, req, None);
    }
    bench.msg(Msg::Edited(Ok("from an editor that was closed late".to_owned())));
    assert!(
        next_wake(&bench.state).is_none_or(|wake| wake > bench.now),
        "a deadline that nothing takes away"
    );
}
