//! The conversation: what is in sight.

use crate::fixtures::{Bench, NOW, ada, ago, comment, minutes, row, thread};
use kaygia_desk::app::screen::thread::{Line, Message};
use kaygia_desk::app::{Effect, Msg, layout};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::{Command, Done};
use kaygia_desk::domain::comment::Side;
use kaygia_desk::domain::ids::TicketId;
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::ticket::{Answered, TicketStatus};
use std::time::Duration;

#[test]
fn my_reply_is_on_the_screen_though_its_change_was_heard_before_its_answer() {
    let mut bench = Bench::new((120, 24), 5);
    bench.keys("r").answer();
    bench.commands();
    assert!(bench.state.composer.is_some());
    let shown = |bench: &Bench| {
        let height = layout::areas(&bench.state).thread_body.height;
        bench.state.thread.scroll + usize::from(height) >= bench.state.thread.lines.len()
    };
    assert!(shown(&bench), "the composer does not cover the newest message");
    bench.text("Fixed.").keys("Esc y");
    let sent = bench.commands().into_iter().find(|(_, c)| matches!(c, Command::Reply { .. })).unwrap().0;
    bench.pass(minutes(1));
    bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t0"), 9)]));
    let read = bench.effects.iter().find_map(|e| match e {
        Effect::Fetch { req, query: Query::Thread(_) } => Some(*req),
        _ => None,
    });
    let mut newer = thread(0);
    newer.ticket.version = 9;
    newer.comments.push(comment(0, 3, &ada(), Side::Staff, ago(0), "Fixed."));
    bench.reply(read.unwrap(), Answer::Thread(Some(Box::new(newer))));
    assert!(bench.state.composer.is_some(), "not answered yet");
    let done = Done { row: Some(Box::new(row(0))), ..Done::default() };
    bench.msg(Msg::Done { req: sent, result: Ok(done) });
    assert!(bench.state.composer.is_none());
    assert!(shown(&bench));
}

#[test]
fn my_reply_stands_in_the_conversation_as_soon_as_it_is_out() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("r").answer();
    bench.text("Fixed.").keys("Esc y");
    let (req, comment) = bench
        .commands()
        .into_iter()
        .find_map(|(req, command)| match command {
            Command::Reply { comment, .. } => Some((req, comment)),
            _ => None,
        })
        .unwrap();
    let known = row(0);
    let answered = Answered {
        status: TicketStatus::Pending,
        last_activity_at: NOW,
        last_side: Side::Staff,
        last_comment: Some(comment.clone()),
        waiting_since: None,
        comments: known.comments + 1,
        has_draft: false,
        version: known.version + 2,
        queue_key: known.queue_key,
    };
    let shown = answered.applied_to(&known);
    bench.effects.clear();
    bench.msg(Msg::Done { req, result: Ok(Done { answered: Some(Box::new(answered)), ..Done::default() }) });
    assert_eq!(bench.state.queue.rows[0], shown);
    let newest = bench.state.thread.current().unwrap().comments.last().unwrap();
    assert_eq!((&newest.id, newest.content.as_str(), newest.created_at), (&comment, "Fixed.", NOW));
    let read = |effect: &Effect| matches!(effect, Effect::Fetch { query: Query::Thread(_), .. });
    assert!(!bench.effects.iter().any(read), "the frame comes first");
    bench.pass(Duration::from_millis(25));
    assert!(bench.effects.iter().any(read), "what is read from the database has the last word");
}

#[test]
fn of_a_message_of_many_megabytes_only_the_beginning_is_laid_out_and_the_rest_is_told() {
    let monsters = [
        "x".repeat(5_000_000),
        "line of a log\n".repeat(200_000),
        "Łódź żółw 東京都 naïve café — “quoted”. ".repeat(100_000),
        "a\u{301}bcdefgh ".repeat(100_000),
    ];
    for monster in monsters {
        let mut bench = Bench::new((120, 40), 5);
        let mut long = thread(0);
        long.ticket.version = 9;
        long.comments[0].content = monster.as_str().into();
        bench.msg(Msg::Changed(vec![Change::Ticket(TicketId::new("t0"), 9)]));
        bench.pass(minutes(1));
        let read = bench.effects.iter().find_map(|e| match e {
            Effect::Fetch { req, query: Query::Thread(_) } => Some(*req),
            _ => None,
        });
        bench.reply(read.unwrap(), Answer::Thread(Some(Box::new(long))));
        let lines = &bench.state.thread.lines;
        assert!(lines.len() < 10_000, "{}", lines.len());
        let shown: usize = lines
            .iter()
            .filter_map(|line| match line {
                Line::Text(Message::Comment(0), range) => Some(range.end),
                _ => None,
            })
            .max()
            .unwrap();
        let more =
            lines.iter().find_map(|line| if let Line::More(bytes) = line { Some(*bytes) } else { None });
        assert_eq!(shown + more.unwrap(), monster.len());
        assert!((60_000..=64 * 1024).contains(&shown), "{shown}");
    }
}

#[test]
fn a_whole_conversation_is_handed_to_the_editor_to_be_read() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("v");
    let text = bench.effects.iter().find_map(|e| if let Effect::Read(text) = e { Some(text) } else { None });
    assert!(text.unwrap().contains("## Alan Turing (staff)"), "{text:?}");
    assert!(bench.state.away);
    bench.msg(Msg::WasRead(Err("the editor `vi` was not found".to_owned())));
    assert!(!bench.state.away);
    assert_eq!(bench.state.toasts.current().unwrap().text, "the editor `vi` was not found");
}

#[test]
fn a_ticket_that_is_gone_leaves_no_row_behind_while_its_reply_is_written() {
    let mut bench = Bench::new((120, 40), 1);
    bench.keys("r").answer();
    bench.text("Typed before the tables were emptied");
    bench.commands();
    bench.rows = 0;
    bench.msg(Msg::Changed(vec![Change::Everything]));
    bench.pass(minutes(1));
    let fetches = std::mem::take(&mut bench.effects);
    for effect in fetches {
        match effect {
            Effect::Fetch { req, query: Query::Thread(_) } => bench.reply(req, Answer::Thread(None)),
            Effect::Fetch { req, query } => bench.reply(req, crate::fixtures::answer_to(&query, 0)),
            _ => {}
        }
    }
    assert!(bench.state.queue.rows.is_empty(), "{:?}", bench.state.queue.rows);
    let composer = bench.state.composer.as_ref().unwrap();
    assert_eq!(composer.editor.text(), "Typed before the tables were emptied");
}
