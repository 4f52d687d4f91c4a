//! Mistakes that are asked for, in debug builds only: what becomes of the terminal and of drafts must be seen in earnest.

use super::{Ending, Flow, Session};
use crate::desk::Gateway;
use crate::domain::time::Timestamp;
use crate::runtime::screen::Screen;
use crate::runtime::signals::Mistake;
use std::ops::ControlFlow;

/// Mistakes that wait for their moment.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    drawing: bool,
    dropping: bool,
}

/// When a mistake may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A frame is drawn.
    Drawing,
    /// The session goes.
    Dropping,
}

impl Flaws {
    pub(super) fn show(&self, moment: Moment) {
        let flawed = match moment {
            Moment::Drawing => self.drawing,
            Moment::Dropping => self.dropping,
        };
        assert!(!flawed, "a mistake that was asked for");
    }
}

impl Drop for Flaws {
    fn drop(&mut self) {
        self.show(Moment::Dropping);
    }
}

impl<S: Screen, G: Gateway, C: Fn() -> Timestamp> Session<S, G, C> {
    /// Makes a mistake here and now, or sees to it that one is made.
    pub(super) fn make(&mut self, mistake: Mistake) -> Flow {
        match mistake {
            Mistake::Update => {
                let flaws = Flaws { drawing: true, dropping: false };
                flaws.show(Moment::Drawing);
            }
            Mistake::Draw => {
                self.flaws.drawing = true;
                self.dirty = true;
            }
            Mistake::Task => self.effects.make_a_mistake(),
            Mistake::Drop => {
                self.flaws.dropping = true;
                return ControlFlow::Break(Ending::Left);
            }
        }
        ControlFlow::Continue(None)
    }
}
