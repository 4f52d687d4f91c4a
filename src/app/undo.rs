//! What can be taken back: the last hundred changes of this session.

use crate::domain::command::Command;

const KEPT: usize = 100;

/// Changes done, and changes taken back.
#[derive(Debug, Default)]
pub struct History {
    done: Vec<Command>,
    undone: Vec<Command>,
}

impl History {
    /// Remembers a change; what was taken back before can't be done again.
    pub fn record(&mut self, command: &Command) {
        self.push(command.clone());
        self.undone.clear();
    }

    /// The newest change, to be taken back now; it may be one that can't be (a message that is out).
    pub fn undo(&mut self) -> Option<Command> {
        let command = self.done.pop()?;
        self.undone.push(command.clone());
        Some(command)
    }

    /// The change taken back last, to be done again now.
    pub fn redo(&mut self) -> Option<Command> {
        let command = self.undone.pop()?;
        self.push(command.clone());
        Some(command)
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

    fn push(&mut self, command: Command) {
        if self.done.len() == KEPT {
            self.done.remove(0);
        }
        self.done.push(command);
    }
}
