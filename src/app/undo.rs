//! What can be taken back: the last hundred changes of this session.

use crate::domain::command::Command;
use crate::domain::ids::EventId;

const KEPT: usize = 100;

/// A change, and where the event log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub command: Command,
    /// Its event; none when nothing had to be changed.
    pub event: Option<EventId>,
}

/// Changes done, and changes taken back.
#[derive(Debug, Default)]
pub struct History {
    done: Vec<Entry>,
    undone: Vec<Entry>,
}

impl History {
    /// Remembers a change; what was taken back before can't be done again.
    pub fn record(&mut self, command: &Command, event: Option<EventId>) {
        self.push(Entry { command: command.clone(), event });
        self.undone.clear();
    }

    /// The newest change, to be taken back now; it may be one that can't be (a message that is out).
    pub fn undo(&mut self) -> Option<Entry> {
        let entry = self.done.pop()?;
        self.undone.push(entry.clone());
        Some(entry)
    }

    /// The change taken back last, to be done again now.
    pub fn redo(&mut self) -> Option<Entry> {
        let entry = self.undone.pop()?;
        self.push(entry.clone());
        Some(entry)
    }

    /// Whether there is a change to take back.
    pub fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    /// Whether there is a change to do again.
    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// Forgets the newest entry of the other side after an undo or redo was refused.
    pub fn refused_undo(&mut self) {
        self.undone.pop();
    }

    /// The same for a redo.
    pub fn refused_redo(&mut self) {
        self.done.pop();
    }

    /// A change done again has another event than the first time.
    pub fn redone(&mut self, event: Option<EventId>) {
        if let Some(entry) = self.done.last_mut() {
            entry.event = event;
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.done.len() == KEPT {
            self.done.remove(0);
        }
        self.done.push(entry);
    }
}
