//! Keys of this process's terminal, read by a thread of its own.
//!
//! The thread sleeps in poll(2) without a timeout until there is something to read, the terminal is gone, or
//! the [`Reader`] is dropped: then, and when a shell or an editor gets the terminal, nobody reads it any more.
//!
//! Invariant: a terminal that is gone is told once, as [`Incoming::Ended`], and never read again.

use super::decode::Decoder;
use super::terminal::device::{Device, timespec};
use crate::app::key::Input;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::mpsc;

/// What a terminal sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Something typed, pasted or clicked.
    Input(Input),
    /// The terminal is gone.
    Ended,
}

/// The thread that reads; ends with this value.
#[derive(Debug)]
pub struct Reader {
    wake: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Reads `device` until dropped, into `inputs`.
    pub fn start(device: Arc<Device>, inputs: mpsc::UnboundedSender<Incoming>) -> io::Result<Self> {
        let (woken, wake) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let thread = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read_all(&device, &woken, &inputs))?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The other end of the pipe sees it closed.
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A mistake in this thread must not leave a desk that takes no keys.
struct Told<'a>(&'a mpsc::UnboundedSender<Incoming>);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.send(Incoming::Ended);
        }
    }
}

fn read_all(device: &Device, woken: &OwnedFd, inputs: &mpsc::UnboundedSender<Incoming>) {
    let _told = Told(inputs);
    let mut decoder = Decoder::default();
    let mut read = Vec::new();
    loop {
        let outcome = turn(device, woken, &mut decoder, &mut read);
        for input in read.drain(..) {
            let _ = inputs.send(Incoming::Input(input));
        }
        match outcome {
            Turn::Again => {}
            Turn::Dropped => return,
            Turn::Ended => {
                let _ = inputs.send(Incoming::Ended);
                return;
            }
        }
    }
}

enum Turn {
    Again,
    Dropped,
    Ended,
}

fn turn(device: &Device, woken: &OwnedFd, decoder: &mut Decoder, inputs: &mut Vec<Input>) -> Turn {
    let patience = decoder.patience().map(timespec);
    let keys = device.input();
    let mut waits = [PollFd::new(&keys, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
    match poll(&mut waits, patience.as_ref()) {
        Ok(0) => {
            decoder.silence(inputs);
            return Turn::Again;
        }
        Ok(_) => {}
        Err(Errno::INTR) => return Turn::Again,
        Err(_) => return Turn::Ended,
    }
    if !waits[1].revents().is_empty() {
        return Turn::Dropped;
    }
    let told = waits[0].revents();
    if told.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Turn::Ended;
    }
    let mut bytes = [0; 4096];
    match rustix::io::read(keys, &mut bytes) {
        Ok(0) => Turn::Ended,
        Ok(length) => {
            decoder.feed(&bytes[..length], Instant::now(), inputs);
            Turn::Again
        }
        Err(Errno::INTR | Errno::AGAIN) => Turn::Again,
        Err(_) => Turn::Ended,
    }
}
