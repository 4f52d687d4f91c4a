//! Writing a reply: nothing typed is ever lost, nothing is sent twice, nothing is sent unread.
//!
//! The comment's id is made when composing starts and kept with the draft, so that sending again after a
//! doubt is the same sending. The draft is saved while typing.

use super::{queue, thread};
use crate::app::action::Action;
use crate::app::edit::{Edited, Editor, Pasted};
use crate::app::key::Key;
use crate::app::overlay::confirm::{self, Then};
use crate::app::requests::{Cause, Purpose, Req};
use crate::app::{Effect, State};
use crate::domain::command::{Change, Command, Done, LastComment};
use crate::domain::failure::Failure;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::safe_text::{SafeText, sanitise};
use crate::domain::ticket::{Draft, Thread, TicketStatus};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// How the sentence begins that holds until a draft is saved after all.
const IN_MEMORY_ONLY: &str = "the draft is in memory only";

/// What is typed is saved this long after the first key that is not.
const SAVE_AFTER: Duration = Duration::from_millis(300);
/// After a failure it is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// Keys that no saving under way holds are kept on this machine this long after the first of them,
const KEEP_AFTER: Duration = Duration::from_millis(500);
/// and not before the saving under way has put its own text there.
const SAVING_KEEPS: Duration = Duration::from_secs(1);

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
        match self.saving {
            Some(_) => Some(due.max(self.saving_since.after(SAVING_KEEPS))),
            None => self.save_failed.then_some(due),
        }
        .filter(|_| self.sending.is_none())
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

/// The same draft, open in another window, was sent there: an equal text is done, another one goes on as a new
/// draft.
fn sent_elsewhere(state: &mut State) {
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
fn start_anew(state: &mut State) {
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
fn new_messages(state: &State) -> u32 {
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

/// When the draft is to be saved, or kept on this machine.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    let composer = state.composer.as_ref()?;
    let save = composer.save_due.filter(|_| composer.saving.is_none() && composer.sending.is_none());
    [save, composer.keep_due()].into_iter().flatten().min()
}

/// Saves the draft when it is time.
pub fn settle(state: &mut State) {
    let now = state.now;
    let signed_in = state.me.is_some();
    let Some(composer) = &mut state.composer else { return };
    let due = composer.save_due.is_some_and(|due| due <= now);
    if !signed_in || composer.sending.is_some() {
        return;
    }
    if due && composer.saving.is_none() {
        save(state);
    } else if composer.keep_due().is_some_and(|due| due <= now) {
        composer.touched = None;
        let (ticket, draft) = (composer.ticket.clone(), composer.draft());
        state.effect(Effect::Keep { ticket, draft });
    }
}

fn save(state: &mut State) {
    let Some(composer) = &mut state.composer else { return };
    composer.save_due = None;
    if composer.is_saved() {
        return;
    }
    let command = Command::SaveDraft { ticket: composer.ticket.clone(), draft: composer.draft() };
    let req = state.execute(command, Cause::Quiet);
    let now = state.now;
    if let Some(composer) = &mut state.composer {
        composer.saving = Some(req);
        composer.saving_since = now;
        composer.touched = None;
    }
}

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

/// Closes; the draft stays.
pub fn keep(state: &mut State) {
    save(state);
    let now = state.now;
    if state.composer.as_ref().is_some_and(|composer| composer.sending.is_some()) {
        return;
    }
    if let Some(composer) = state.composer.take_if(|composer| composer.is_saved()) {
        drop(composer);
        let text = format!("the draft is kept; {} goes on with it", state.keymap.words(Action::Reply));
        state.toasts.info(text, now);
        thread::reload(state);
    } else if let Some(composer) = &mut state.composer {
        // Closed when the saving under way is confirmed.
        composer.review = Some(Review { armed: false, ..composer.review.clone().unwrap_or_default() });
        state.close_when_saved();
    }
}

/// Asks before the draft is thrown away.
pub fn ask_discard(state: &mut State) {
    confirm::ask(state, "Throw this draft away?", Then::DiscardDraft);
}

/// Throws the draft away.
pub fn discard(state: &mut State) {
    let now = state.now;
    if let Some(composer) = state.composer.take() {
        let command = Command::DiscardDraft { ticket: composer.ticket, comment: composer.comment };
        state.execute(command, Cause::Quiet);
        state.toasts.info("the draft is gone", now);
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

/// A draft that the database did not take soon lies on this machine now, or could not be kept there either.
pub fn kept(state: &mut State, ticket: &TicketId, content: String, result: Result<(), String>) {
    let now = state.now;
    match result {
        Ok(()) => {
            let composer = state.composer.as_mut().filter(|composer| composer.ticket == *ticket);
            if let Some(composer) = composer.filter(|composer| composer.saved_text != content) {
                composer.kept = Some(content);
            }
        }
        Err(why) => {
            let text = format!("{IN_MEMORY_ONLY}: it could not be kept on this machine: {why}");
            state.toasts.warn(text, now);
        }
    }
}

fn saved(state: &mut State, req: Req, draft: &Draft, result: &Result<Done, Failure>) {
    let now = state.now;
    if state.composer.as_ref().is_none_or(|composer| composer.saving != Some(req)) {
        return;
    }
    let closing = state.is_closing();
    let Some(composer) = state.composer.as_mut() else { return };
    composer.saving = None;
    match result {
        // Its message is out, sent from another window: the conversation shows it, and decides.
        Ok(done) if done.draft_version.is_none() => {
            composer.save_due = None;
            thread::reload(state);
        }
        Ok(done) => {
            composer.version = done.draft_version.unwrap_or(composer.version);
            composer.saved_text.clone_from(&draft.content);
            composer.saved_at = Some(now);
            composer.save_failed = false;
            composer.kept = None;
            state.toasts.withdraw(IN_MEMORY_ONLY);
            if done.other_text.is_some() {
                composer.older_content.clone_from(&done.other_text);
                let text = "this draft was edited elsewhere too; that text comes back with the draft";
                state.toasts.warn(text, now);
            }
            if !composer.is_saved() {
                composer.save_due.get_or_insert(now);
            } else if closing {
                keep(state);
            }
        }
        Err(failure) => {
            composer.save_failed = true;
            composer.save_due = Some(now.after(RETRY_AFTER));
            if closing {
                state.toasts.warn(format!("the draft is not saved yet: {}", failure.sentence()), now);
            }
        }
    }
}

fn sent(state: &mut State, req: Req, command: &Command, next: bool, result: &Result<Done, Failure>) {
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
            if let Some(row) = &done.row {
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
                thread::reload(state);
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
            let why = match failure {
                Failure::Unavailable(why) | Failure::Refused(why) => {
                    let send = state.keymap.words(Action::ReviewSend);
                    format!("{why}; {send} tries again, it can't be sent twice")
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

/// Drafts that an earlier run could not save are saved now.
pub fn recover(state: &mut State, drafts: Vec<(TicketId, Draft)>) {
    let now = state.now;
    let count = drafts.len();
    for (ticket, draft) in drafts {
        state.execute(Command::SaveDraft { ticket, draft }, Cause::Quiet);
    }
    if count > 0 {
        state.toasts.info(format!("{count} unsaved drafts of the last time were recovered"), now);
    }
}

/// Drafts whose last keys are not in the database yet.
pub fn unsaved(state: &State) -> Vec<(TicketId, Draft)> {
    state
        .composer
        .iter()
        .filter(|composer| !composer.is_saved() && !composer.editor.is_blank())
        .map(|composer| (composer.ticket.clone(), composer.draft()))
        .collect()
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
