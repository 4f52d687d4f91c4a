//! Messages that pass: shown in the footer for some seconds.

use crate::domain::time::Timestamp;
use std::time::Duration;

const SHOWN: Duration = Duration::from_secs(5);
const READ_AFTER: Duration = Duration::from_secs(1);
const SHOWN_LONG: Duration = Duration::from_secs(9);

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done as asked.
    Good,
    /// Something to know.
    Info,
    /// Something to act on.
    Warning,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// One sentence.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    since: Timestamp,
    until: Timestamp,
}

/// The message shown; a new one takes the place of the old.
#[derive(Debug, Default)]
pub struct Toasts {
    current: Option<Toast>,
}

impl Toasts {
    /// Done as asked.
    pub fn good(&mut self, text: impl Into<String>, now: Timestamp) {
        self.show(text.into(), Tone::Good, SHOWN, now);
    }

    /// Something to know.
    pub fn info(&mut self, text: impl Into<String>, now: Timestamp) {
        self.show(text.into(), Tone::Info, SHOWN, now);
    }

    /// Something to act on.
    pub fn warn(&mut self, text: impl Into<String>, now: Timestamp) {
        self.show(text.into(), Tone::Warning, SHOWN_LONG, now);
    }

    /// What begins so does not hold any more.
    pub fn withdraw(&mut self, beginning: &str) {
        self.current.take_if(|toast| toast.text.starts_with(beginning));
    }

    /// The message to show.
    pub fn current(&self) -> Option<&Toast> {
        self.current.as_ref()
    }

    /// When the message goes.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.current.as_ref().map(|toast| toast.until)
    }

    /// Somebody acts: what was told before is read by now, a warning if it has stood for a second.
    pub fn acted(&mut self, now: Timestamp) {
        let read = |toast: &mut Toast| toast.tone != Tone::Warning || now.since(toast.since) > READ_AFTER;
        self.current.take_if(read);
    }

    /// Takes away what has been shown long enough.
    pub fn expire(&mut self, now: Timestamp) {
        if self.current.as_ref().is_some_and(|toast| toast.until <= now) {
            self.current = None;
        }
    }

    fn show(&mut self, text: String, tone: Tone, shown: Duration, now: Timestamp) {
        self.current = Some(Toast { text, tone, since: now, until: now.after(shown) });
    }
}
