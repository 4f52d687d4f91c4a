//! The terminal in other hands: an editor's while a text is written or read there, the shell's while we are stopped.

use super::{Ending, Session};
use crate::app::{Msg, update};
use crate::desk::Gateway;
use crate::domain::time::Timestamp;
use crate::runtime::editor;
use crate::runtime::effects::Note;
use crate::runtime::screen::{Lent, Screen};
use crate::runtime::signals::Signal;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// After our own stop signal, if nothing stopped us.
const STOP_LIMIT: Duration = Duration::from_millis(250);
/// On the way out an editor may take this long to rescue its text.
const EDITOR_LIMIT: Duration = Duration::from_millis(400);
const NO_EDITOR: &str = "no editor can be opened from here";
const EDITOR_OFF: &str = "whoever runs this desk has switched editors off: write and read here";

/// An editor that has the terminal.
pub(super) struct Editing {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl<S: Screen, G: Gateway, C: Fn() -> Timestamp> Session<S, G, C> {
    pub(super) fn edit(&mut self, text: String) {
        let (Some(editor), folder) = self.editor.clone() else {
            return self.note(Msg::Edited(Err(EDITOR_OFF.to_owned())));
        };
        if self.screen.lend() == Lent::NotHere {
            return self.note(Msg::Edited(Err(NO_EDITOR.to_owned())));
        }
        self.lent(|stop| async move { Msg::Edited(editor::edit(&editor, &text, &folder, stop).await) });
    }

    pub(super) fn show(&mut self, text: String) {
        let (Some(editor), folder) = self.editor.clone() else {
            return self.note(Msg::WasRead(Err(EDITOR_OFF.to_owned())));
        };
        if self.screen.lend() == Lent::NotHere {
            return self.note(Msg::WasRead(Err(NO_EDITOR.to_owned())));
        }
        self.lent(|stop| async move { Msg::WasRead(editor::show(&editor, &text, &folder, stop).await) });
    }

    /// The terminal is an editor's until its task tells the end.
    fn lent<F: Future<Output = Msg> + Send + 'static>(
        &mut self,
        work: impl FnOnce(oneshot::Receiver<()>) -> F,
    ) {
        let (stop, stopped) = oneshot::channel();
        let (notes, work) = (self.notes.clone(), work(stopped));
        let task = tokio::spawn(async move {
            let _ = notes.send(Note::Msg(work.await));
        });
        self.editing = Some(Editing { task, stop });
    }

    /// The editor is asked to end; what it has written so far is taken in.
    pub(super) async fn take_back(&mut self) {
        let Some(Editing { mut task, stop }) = self.editing.take() else { return };
        let _ = stop.send(());
        if timeout(EDITOR_LIMIT, &mut task).await.is_err() {
            task.abort();
            tracing::warn!("the end did not wait for the editor");
        }
        let now = (self.clock)();
        while let Ok(note) = self.arrivals.notes.try_recv() {
            if let Note::Msg(edited @ Msg::Edited(Ok(_))) = note {
                let state = &mut self.state;
                // What it asks for is asked for below.
                let _ = catch_unwind(AssertUnwindSafe(|| update(state, edited, now)));
            }
        }
    }

    pub(super) async fn suspend(&mut self) -> ControlFlow<Ending> {
        if self.screen.lend() == Lent::NotHere {
            self.note(Msg::Notice("there is no shell here to go back to".to_owned()));
            return ControlFlow::Continue(());
        }
        (self.stop)();
        // Where nothing can stop us we go on soon.
        let told = timeout(STOP_LIMIT, self.arrivals.signals.recv()).await;
        if let Ok(Some(Signal::End(end))) = told {
            return ControlFlow::Break(Ending::Signal(end));
        }
        self.take_terminal()
    }

    pub(super) fn take_terminal(&mut self) -> ControlFlow<Ending> {
        self.editing = None;
        self.dirty = true;
        if self.screen.take().is_err() {
            return ControlFlow::Break(Ending::TerminalGone);
        }
        self.forget_glass()?;
        self.resize().map_continue(|_| ())
    }

    pub(super) fn forget_glass(&mut self) -> ControlFlow<Ending> {
        match self.screen.forget() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(Ending::TerminalGone),
        }
    }
}
