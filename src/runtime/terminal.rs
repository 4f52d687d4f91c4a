//! The terminal of this process as a [`Screen`].
//!
//! Invariant: whatever ends the session, [`Device`] gives the terminal back once; while it is lent to a shell or
//! an editor nobody here reads or writes it.

pub mod canvas;
pub mod device;
mod encode;

use super::input::{Incoming, Reader};
use super::screen::{Lent, Mouse, Screen};
use canvas::Canvas;
use device::{Device, NoTerminal};
use ratatui::Frame;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The terminal of this process.
#[derive(Debug)]
pub struct Terminal {
    glass: ratatui::Terminal<Canvas<Output>>,
    device: Arc<Device>,
    reader: Option<Reader>,
    inputs: mpsc::UnboundedSender<Incoming>,
    mouse: Mouse,
    title: String,
}

impl Terminal {
    /// Takes the terminal; what is typed there arrives at the receiver.
    pub fn take_over(
        device: Arc<Device>,
        mouse: Mouse,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Incoming>), NoTerminal> {
        let (inputs, arriving) = mpsc::unbounded_channel();
        let canvas = Canvas::new(Output(Arc::clone(&device)), device.kind(), device.size());
        let glass = ratatui::Terminal::new(canvas)?;
        let mut taken = Self { glass, device, reader: None, inputs, mouse, title: String::new() };
        taken.take()?;
        Ok((taken, arriving))
    }
}

impl Screen for Terminal {
    fn size(&self) -> (u16, u16) {
        self.device.size()
    }

    fn draw(&mut self, size: (u16, u16), paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.glass.backend_mut().resize(size);
        self.glass.draw(paint).map(|_| ())
    }

    fn forget(&mut self) -> io::Result<()> {
        let canvas = self.glass.backend_mut();
        canvas.forget();
        // The shell's own title was put back while it had the terminal.
        if !self.title.is_empty() {
            canvas.title(&self.title);
        }
        self.glass.clear()
    }

    fn title(&mut self, text: &str) {
        text.clone_into(&mut self.title);
        self.glass.backend_mut().title(text);
    }

    fn copy(&mut self, text: &str) -> Result<(), String> {
        self.glass.backend_mut().copy(text)
    }

    fn mouse(&mut self, mouse: Mouse) {
        self.mouse = mouse;
        self.glass.backend_mut().append(device::mouse_mode(mouse));
    }

    fn lend(&mut self) -> Lent {
        self.reader.take();
        self.device.lend();
        Lent::Yes
    }

    fn take(&mut self) -> io::Result<()> {
        self.device.take(self.mouse)?;
        if self.reader.is_none() {
            self.reader = Some(Reader::start(Arc::clone(&self.device), self.inputs.clone())?);
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.device.close();
    }
}

/// Frames go to the device, each in one write.
#[derive(Debug)]
struct Output(Arc<Device>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
