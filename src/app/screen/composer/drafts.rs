//! The draft of a reply: saved while typing, kept on this machine while the database does not take it, found again.
//!
//! A draft goes only when somebody says so, or when its message is out.

use super::super::thread;
use super::Review;
use crate::app::action::Action;
use crate::app::overlay::confirm::{self, Then};
use crate::app::requests::{Cause, Req};
use crate::app::{Effect, State};
use crate::domain::command::{Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::TicketId;
use crate::domain::ticket::Draft;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// How the sentence begins that holds until a draft is saved after all.
const IN_MEMORY_ONLY: &str = "the draft is in memory only";

/// What is typed is saved this long after the first key that is not.
pub(super) const SAVE_AFTER: Duration = Duration::from_millis(300);
/// After a failure it is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// Keys that no saving under way holds are kept on this machine this long after the first of them,
pub(super) const KEEP_AFTER: Duration = Duration::from_millis(500);
/// and not before the saving under way has put its own text there.
pub(super) const SAVING_KEEPS: Duration = Duration::from_secs(1);

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
    if !signed_in {
        return;
    }
    if due && composer.saving.is_none() && composer.sending.is_none() {
        save(state);
    } else if composer.keep_due().is_some_and(|due| due <= now) {
        composer.touched = None;
        let (ticket, draft) = (composer.ticket.clone(), composer.draft());
        state.effect(Effect::Keep { ticket, draft });
    }
}

pub(super) fn save(state: &mut State) {
    let now = state.now;
    let Some(composer) = &mut state.composer else { return };
    composer.save_due = None;
    if composer.is_saved() {
        return;
    }
    if composer.saving.is_some() {
        // It follows when that one is confirmed, or never, where the message goes out before: on a slow wire each saving
        // in a row would hold the message up.
        composer.save_due = Some(now);
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

pub(super) fn saved(state: &mut State, req: Req, draft: &Draft, result: &Result<Done, Failure>) {
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
                if closing {
                    state.close_when_saved();
                }
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
