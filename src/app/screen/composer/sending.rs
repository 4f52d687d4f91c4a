//! The bar before sending, and the sending: once, and only what its writer has seen.

use super::super::{queue, thread};
use super::Review;
use super::drafts::save;
use crate::app::State;
use crate::app::action::Action;
use crate::app::requests::{Cause, Purpose, Req};
use crate::domain::command::{Change, Command, Done, LastComment};
use crate::domain::failure::{Failure, overtaken};
use crate::domain::ids::CommentId;
use crate::domain::ticket::TicketStatus;

/// Esc: the bar before sending.
pub fn review(state: &mut State) {
    save(state);
    let new_messages = new_messages(state);
    if new_messages > 0 {
        state.thread.to_end();
    }
    let Some(composer) = &mut state.composer else { return };
    if composer.editor.is_blank() {
        // Nothing was written: there is nothing to ask.
        let (ticket, comment, saved) =
            (composer.ticket.clone(), composer.comment.clone(), composer.saved_at.is_some());
        state.composer = None;
        if saved {
            state.execute(Command::DiscardDraft { ticket, comment }, Cause::Quiet);
        }
        return;
    }
    composer.review = Some(Review { armed: false, new_messages, problem: None });
}

/// Back to writing.
pub fn edit_on(state: &mut State) {
    if let Some(composer) = state.composer.as_mut().filter(|composer| composer.sending.is_none()) {
        composer.review = None;
    }
}

/// The status to set with it.
pub fn set_status(state: &mut State, status: TicketStatus) {
    if let Some(composer) = state.composer.as_mut().filter(|composer| composer.sending.is_none()) {
        composer.status_after = status;
    }
}

/// Sends, if the bar and what it warns of were on the screen.
pub fn send(state: &mut State, next: bool) {
    let newest = state.thread.newest().cloned();
    let Some(composer) = &mut state.composer else { return };
    let Some(review) = &composer.review else { return };
    if !review.armed || composer.sending.is_some() {
        return;
    }
    // Warned of what is on the screen: only something even newer may hold the sending up.
    let seen = if review.new_messages > 0 { newest } else { composer.last_comment.clone() };
    let command = Command::Reply {
        ticket: composer.ticket.clone(),
        comment: composer.comment.clone(),
        content: composer.editor.text(),
        status: Change::new(composer.seen_status.clone(), composer.status_after.clone()),
        last_comment: LastComment::Seen(seen),
    };
    let req = state.execute(command, Cause::Send { next });
    if let Some(composer) = &mut state.composer {
        composer.sending = Some(req);
    }
}

pub(super) fn sent(
    state: &mut State,
    req: Req,
    command: &Command,
    next: bool,
    result: &Result<Done, Failure>,
) {
    let now = state.now;
    let Some(composer) = state.composer.as_mut().filter(|composer| composer.sending == Some(req)) else {
        return;
    };
    composer.sending = None;
    match result {
        Ok(done) => {
            let text = format!("sent to {}", composer.to_name.one_line());
            let ticket = composer.ticket.clone();
            state.composer = None;
            state.history.record(command, done.event);
            let known =
                state.thread.data.as_ref().map(|thread| &thread.ticket).filter(|row| row.id == ticket);
            let known = known.or_else(|| state.queue.rows.iter().find(|row| row.id == ticket));
            let answered =
                done.answered.as_ref().zip(known).map(|(answered, known)| answered.applied_to(known));
            if let Some(row) = answered.as_ref().or(done.row.as_deref()) {
                let said = format!("{text}; {} is {}", row.number.one_line(), row.status.as_str());
                state.toasts.good(said, now);
                queue::refresh_row(state, row);
                if let Some(thread) = state.thread.data.as_mut().filter(|thread| thread.ticket.id == ticket) {
                    thread.draft = None;
                }
                if let Command::Reply { comment, content, .. } = command {
                    thread::sent(state, row, comment, content);
                }
            } else {
                state.toasts.good(text, now);
            }
            state.thread.to_end();
            if next && queue::next_ticket(state, 1) {
                thread::read(state);
            } else {
                state.requests.forget(|purpose| matches!(purpose, Purpose::Thread(_)));
                state.live.wrote(now);
            }
        }
        Err(Failure::NewMessages(count)) => {
            composer.review = Some(Review { armed: false, new_messages: *count, problem: None });
            thread::reload(state);
        }
        Err(Failure::SentElsewhere) => {
            let problem = Some(Failure::SentElsewhere.sentence());
            composer.review = Some(Review { problem, ..Review::default() });
            start_anew(state);
            thread::reload(state);
        }
        Err(failure) => {
            let send = state.keymap.words(Action::ReviewSend);
            let why = match failure {
                Failure::Overtaken { field, now, by } => {
                    let what = overtaken(field, now, by.as_ref());
                    format!("{what}, so nothing was sent; {send} sends all the same")
                }
                // What to do comes first: the reason may be long.
                Failure::Unavailable(why) | Failure::Refused(why) => {
                    format!("not confirmed; {send} tries again, it can't be sent twice: {why}")
                }
                other => other.sentence(),
            };
            let new_messages = composer.review.as_ref().map_or(0, |review| review.new_messages);
            composer.review = Some(Review { armed: false, new_messages, problem: Some(why) });
            thread::reload(state);
        }
    }
}

/// A sending whose session ended did not go out.
pub fn unsent(state: &mut State, req: Req) {
    if let Some(composer) = &mut state.composer {
        if composer.sending == Some(req) {
            composer.sending = None;
        }
        if composer.saving == Some(req) {
            composer.saving = None;
            composer.save_due = Some(state.now);
        }
    }
}

/// The same draft, open in another window, was sent there: an equal text is done, another one goes on as a new
/// draft.
pub(super) fn sent_elsewhere(state: &mut State) {
    let (Some(composer), Some(open)) = (&state.composer, state.thread.current()) else { return };
    if composer.sending.is_some() {
        return;
    }
    let Some(sent) = open.comments.iter().find(|comment| comment.id == composer.comment) else { return };
    let now = state.now;
    if sent.content.raw() == composer.editor.text() {
        state.composer = None;
        state.toasts.info("this reply was sent from another window", now);
    } else {
        start_anew(state);
        state.toasts.warn(Failure::SentElsewhere.sentence(), now);
    }
}

/// What is written goes on as a new message, under an id of its own.
pub(super) fn start_anew(state: &mut State) {
    let comment = CommentId::from_random(state.ids.next_bytes());
    let newest = state.thread.newest().cloned();
    let now = state.now;
    if let Some(composer) = &mut state.composer {
        composer.comment = comment;
        composer.last_comment = newest;
        composer.version = 0;
        composer.saved_text.clear();
        composer.save_due = Some(now);
    }
}

/// Messages of others since composing began.
pub(super) fn new_messages(state: &State) -> u32 {
    let (Some(composer), Some(thread)) = (&state.composer, state.thread.current()) else { return 0 };
    if thread.ticket.id != composer.ticket {
        return 0;
    }
    let from = composer
        .last_comment
        .as_ref()
        .and_then(|last| thread.comments.iter().position(|comment| comment.id == *last))
        .map_or(0, |at| at + 1);
    let from = if composer.last_comment.is_some() && from == 0 { thread.comments.len() } else { from };
    thread.comments[from..].iter().filter(|comment| comment.author != composer.author).count() as u32
}
