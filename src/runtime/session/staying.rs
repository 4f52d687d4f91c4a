//! Keeping a session for the next start, when its owner wants that.

use super::{Offer, Session};
use crate::app::{Answered, Msg};
use crate::desk::Gateway;
use crate::domain::time::Timestamp;
use crate::runtime::screen::Screen;
use crate::runtime::stay::Choice;
use std::io;

impl<S: Screen, G: Gateway, C: Fn() -> Timestamp> Session<S, G, C> {
    /// Somebody signed in with a password: does what was answered before, else offers it.
    pub(super) fn offer_to_stay(&mut self) {
        let Some((stay, Offer::Made)) = &self.stay else { return };
        match stay.choice() {
            Some(Choice::Always) => self.keep_session(),
            Some(Choice::Never) => {}
            None => self.note(Msg::StayOffered),
        }
    }

    /// The offer was answered; the answer is remembered.
    pub(super) fn stay(&mut self, answer: Answered) {
        let choice = match answer {
            Answered::Yes => Choice::Always,
            Answered::No => Choice::Never,
        };
        if let Some((stay, _)) = self.stay.clone() {
            self.in_background(move || stay.choose(choice));
        }
        if answer == Answered::Yes {
            self.keep_session();
        }
    }

    fn keep_session(&mut self) {
        let (Some((stay, _)), Some(token)) = (self.stay.clone(), self.token.clone()) else { return };
        // From now on leaving the desk does not end it.
        self.kept = true;
        self.in_background(move || stay.keep(&token));
    }

    /// The session is over: its file is of no use any more.
    pub(super) fn forget_session(&mut self) {
        let token = self.token.take();
        if std::mem::take(&mut self.kept)
            && let (Some((stay, _)), Some(token)) = (self.stay.clone(), token)
        {
            self.in_background(move || stay.forget_this(&token));
        }
    }

    fn in_background(&mut self, work: impl FnOnce() -> io::Result<()> + Send + 'static) {
        let notes = self.notes.clone();
        self.filing.spawn_blocking(move || {
            if let Err(error) = work() {
                let told = format!("the session cannot be kept on this machine: {error}");
                let _ = notes.send(super::Note::Msg(Msg::Notice(told)));
            }
        });
    }
}
