//! Where everything comes from that a session takes in.

use crate::domain::change::Change;
use crate::runtime::effects::Note;
use crate::runtime::hub::Heard;
use crate::runtime::input::Incoming;
use crate::runtime::signals::Signal;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep_until};

/// The sources of a session.
pub(super) struct Arrivals {
    pub inputs: mpsc::UnboundedReceiver<Incoming>,
    pub signals: mpsc::UnboundedReceiver<Signal>,
    pub notes: mpsc::UnboundedReceiver<Note>,
    pub heard: broadcast::Receiver<Heard>,
}

/// One thing that arrived.
pub(super) enum Arrival {
    Incoming(Incoming),
    Signal(Signal),
    Note(Note),
    Heard(Heard),
    Woke,
    FrameDue,
}

impl Arrivals {
    /// Waits for the next one; signals and keys go first. `frame` and `wake` are moments to wait for no longer.
    pub async fn next(&mut self, frame: Option<Instant>, wake: Option<Instant>) -> Arrival {
        let Self { inputs, signals, notes, heard } = self;
        tokio::select! {
            biased;
            Some(signal) = signals.recv() => Arrival::Signal(signal),
            incoming = inputs.recv() => Arrival::Incoming(incoming.unwrap_or(Incoming::Ended)),
            Some(note) = notes.recv() => Arrival::Note(note),
            Some(heard) = hear(heard) => Arrival::Heard(heard),
            () = at(frame), if frame.is_some() => Arrival::FrameDue,
            () = at(wake), if wake.is_some() => Arrival::Woke,
        }
    }

    /// What is there without waiting.
    pub fn queued(&mut self) -> Option<Arrival> {
        if let Ok(signal) = self.signals.try_recv() {
            return Some(Arrival::Signal(signal));
        }
        match self.inputs.try_recv() {
            Ok(incoming) => return Some(Arrival::Incoming(incoming)),
            Err(mpsc::error::TryRecvError::Disconnected) => return Some(Arrival::Incoming(Incoming::Ended)),
            Err(mpsc::error::TryRecvError::Empty) => {}
        }
        if let Ok(note) = self.notes.try_recv() {
            return Some(Arrival::Note(note));
        }
        match self.heard.try_recv() {
            Ok(heard) => Some(Arrival::Heard(heard)),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Arrival::Heard(missed())),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }
}

async fn at(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

async fn hear(heard: &mut broadcast::Receiver<Heard>) -> Option<Heard> {
    match heard.recv().await {
        Ok(heard) => Some(heard),
        Err(broadcast::error::RecvError::Lagged(_)) => Some(missed()),
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

/// This session was too slow to hear everything.
fn missed() -> Heard {
    Heard::Changed(vec![Change::Everything])
}
