//! Writing a reply: nothing typed is ever lost, nothing is sent twice, nothing is sent unread.
//!
//! The comment's id is made when composing starts and kept with the draft, so that sending again after a
//! doubt is the same sending. The draft is saved while typing.

pub mod drafts;
pub mod sending;

use super::{queue, thread};
use crate::app::edit::{Edited, Editor, Pasted};
use crate::app::key::Key;
use crate::app::requests::{Cause, Req};
use crate::app::{Effect, State};
use crate::domain::command::{Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::safe_text::{SafeText, sanitise};
use crate::domain::ticket::{Draft, Thread, TicketStatus};
use crate::domain::time::Timestamp;
use drafts::{KEEP_AFTER, SAVE_AFTER, SAVING_KEEPS, save, saved};
use sending::{new_messages, sent, sent_elsewhere};

/// The bar before sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// It has been on the screen with what it warns of: `y` may be trusted.
    pub armed: bool,
    /// Messages of others since composing began.
    pub new_messages: u32,
    /// Why the last attempt did not go out.
    pub problem: Option<String>,
}

/// A reply being written.
#[derive(Debug)]
pub struct Composer {
    /// The answer goes to this ticket.
    pub ticket: TicketId,
    /// Who writes.
    pub author: UserId,
    /// Who gets it: a name.
    pub to_name: SafeText,
    /// Who gets it: an address.
    pub to_email: SafeText,
    /// The text.
    pub editor: Editor,
    /// The status to set with it.
    pub status_after: TicketStatus,
    /// The bar before sending.
    pub review: Option<Review>,
    /// It is on its way.
    pub sending: Option<Req>,
    /// The text of another host, whose place this draft has taken.
    pub older_content: Option<String>,
    /// When it was saved last; none when it never was.
    pub saved_at: Option<Timestamp>,
    /// The last saving failed.
    pub save_failed: bool,
    /// The text that lies on this machine, for want of the database.
    kept: Option<String>,
    comment: CommentId,
    last_comment: Option<CommentId>,
    seen_status: TicketStatus,
    version: i64,
    saved_text: String,
    save_due: Option<Timestamp>,
    saving: Option<Req>,
    /// Since when a saving is under way.
    saving_since: Timestamp,
    /// The first key that is in no saving and not on this machine.
    touched: Option<Timestamp>,
}

impl Composer {
    /// Lines of the text at this width.
    pub fn lines_wanted(&self, width: u16) -> u16 {
        self.editor.layout(width.into()).ranges.len().min(200) as u16
    }

    /// Whether everything typed is in the database.
    pub fn is_saved(&self) -> bool {
        self.editor.text() == self.saved_text
    }

    /// While the database does not take the text soon, what is typed on is kept here.
    fn keep_due(&self) -> Option<Timestamp> {
        let due = self.touched?.after(KEEP_AFTER);
        match (self.saving, self.sending) {
            (Some(_), _) => Some(due.max(self.saving_since.after(SAVING_KEEPS))),
            // The message holds the text; until it is out, only memory does.
            (None, Some(_)) => Some(due),
            (None, None) => self.save_failed.then_some(due),
        }
    }

    /// Whether everything typed lies on this machine at least.
    pub fn is_kept(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| *kept == self.editor.text())
    }

    fn draft(&self) -> Draft {
        Draft {
            comment: self.comment.clone(),
            content: self.editor.text(),
            last_comment: self.last_comment.clone(),
            status_after: Some(self.status_after.clone()),
            older_content: self.older_content.clone(),
            version: self.version,
        }
    }
}

/// Starts a reply, or goes on with the draft.
pub fn reply(state: &mut State) {
    let Some(target) = crate::app::ticket_actions::target(state).map(|row| row.id.clone()) else { return };
    state.thread.focused = true;
    if state.thread.ticket.as_ref() != Some(&target) {
        thread::open(state, target.clone());
    }
    let Some(open) = state.thread.current().cloned() else {
        // Begins when the conversation is there.
        state.composer = None;
        state.queue_reply();
        return;
    };
    begin(state, &open);
}

fn begin(state: &mut State, open: &Thread) {
    let Some(me) = state.me.clone() else { return };
    thread::read(state);
    let row = &open.ticket;
    let draft = open.draft.clone();
    let fresh = draft.is_none();
    let draft = draft.unwrap_or_else(|| Draft {
        comment: CommentId::from_random(state.ids.next_bytes()),
        content: String::new(),
        last_comment: open.comments.last().map(|comment| comment.id.clone()),
        status_after: None,
        older_content: None,
        version: 0,
    });
    if draft.older_content.is_some() {
        let now = state.now;
        state.toasts.warn("this draft was also edited elsewhere; the other text is kept below it", now);
    }
    let content = match &draft.older_content {
        Some(older) => format!("{}\n\n--- the other text ---\n{older}", draft.content),
        None => draft.content.clone(),
    };
    state.composer = Some(Composer {
        ticket: row.id.clone(),
        author: me.id,
        to_name: SafeText::new(row.client.display_name()),
        to_email: row.client.email.clone(),
        // A draft is foreign text too: whoever can write to the database can write one.
        editor: Editor::area(&sanitise(&content)),
        status_after: draft.status_after.clone().unwrap_or(TicketStatus::Pending),
        review: None,
        sending: None,
        older_content: None,
        saved_at: (!fresh).then_some(state.now),
        save_failed: false,
        kept: None,
        comment: draft.comment,
        last_comment: draft.last_comment,
        seen_status: row.status.clone(),
        version: draft.version,
        saved_text: draft.content,
        save_due: None,
        saving: None,
        saving_since: state.now,
        touched: None,
    });
}

/// A conversation arrived that a reply waits for, or whose messages the review bar counts.
pub fn thread_arrived(state: &mut State) {
    if state.take_queued_reply()
        && state.composer.is_none()
        && let Some(open) = state.thread.current().cloned()
    {
        begin(state, &open);
    }
    sent_elsewhere(state);
    let count = new_messages(state);
    let status = state.thread.current().map(|thread| thread.ticket.status.clone());
    if let Some(composer) = &mut state.composer {
        if let Some(status) = status {
            composer.seen_status = status;
        }
        if let Some(review) = &mut composer.review
            && review.new_messages != count
        {
            *review = Review { new_messages: count, armed: false, problem: review.problem.take() };
            // What it warns of comes into view.
            state.thread.to_end();
        }
    }
}

/// A key for the text.
pub fn typed(state: &mut State, key: Key) -> Edited {
    let now = state.now;
    let Some(composer) = state.composer.as_mut().filter(|composer| composer.sending.is_none()) else {
        return Edited::Nothing;
    };
    let edited = composer.editor.key(key);
    if edited == Edited::Text {
        composer.save_due.get_or_insert(now.after(SAVE_AFTER));
        composer.touched.get_or_insert(now);
    }
    edited
}

/// Pasted text.
pub fn pasted(state: &mut State, text: &str) -> Pasted {
    let now = state.now;
    let Some(composer) = &mut state.composer else { return Pasted::Whole };
    composer.save_due.get_or_insert(now.after(SAVE_AFTER));
    composer.touched.get_or_insert(now);
    composer.editor.paste(text)
}

/// An answer that concerns the reply. Says whether it was one.
pub fn answered(
    state: &mut State,
    req: Req,
    command: &Command,
    cause: Cause,
    result: &Result<Done, Failure>,
) -> bool {
    match (command, cause) {
        (Command::SaveDraft { draft, .. }, _) => saved(state, req, draft, result),
        (Command::DiscardDraft { ticket, .. }, _) => {
            if state.thread.ticket.as_ref() == Some(ticket) {
                thread::reload(state);
            }
        }
        (Command::Reply { .. }, Cause::Send { next }) => sent(state, req, command, next, result),
        _ => return false,
    }
    true
}

/// After signing in again: the reply that was being written is still there.
pub fn resume(state: &mut State) {
    let now = state.now;
    if let Some(composer) = &mut state.composer {
        composer.sending = None;
        composer.saving = None;
        composer.review = None;
        composer.save_due = Some(now);
        let ticket = composer.ticket.clone();
        queue::open_ticket(state, ticket);
        state.toasts.info("your reply is still here", now);
    }
}

/// Hands the text to `$EDITOR`.
pub fn to_editor(state: &mut State) {
    save(state);
    if let Some(composer) = &state.composer {
        let text = composer.editor.text();
        state.away = true;
        state.effect(Effect::Edit(text));
    }
}

/// The editor was closed.
pub fn edited(state: &mut State, result: Result<String, String>) {
    let now = state.now;
    state.away = false;
    match (result, &mut state.composer) {
        (Ok(text), Some(composer)) => {
            let clean = sanitise(text.trim_end_matches('\n')).into_owned();
            composer.editor.set(&clean);
            composer.save_due = Some(now);
        }
        (Err(why), _) => state.toasts.warn(why, now),
        (Ok(_), None) => {}
    }
}

impl State {
    fn queue_reply(&mut self) {
        self.reply_when_loaded = true;
    }

    fn take_queued_reply(&mut self) -> bool {
        self.thread.current().is_some() && std::mem::take(&mut self.reply_when_loaded)
    }

    fn close_when_saved(&mut self) {
        self.close_composer_when_saved = true;
    }

    fn is_closing(&mut self) -> bool {
        std::mem::take(&mut self.close_composer_when_saved)
    }
}
