//! All that the session loop knows of a terminal.

use ratatui::Frame;
use std::io;

/// Whose the mouse is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// Clicks and the wheel come to us.
    Ours,
    /// The terminal selects text with it.
    Terminals,
}

/// Whether a terminal can be lent to another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent {
    /// It is as it was before us.
    Yes,
    /// There is nobody on this end to lend it to.
    NotHere,
}

/// What a session draws on.
pub trait Screen {
    /// Columns and rows now.
    fn size(&self) -> (u16, u16);
    /// Draws a frame of this size; writes what differs from the one before.
    fn draw(&mut self, size: (u16, u16), paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()>;
    /// What is on the glass is unknown: the next frame draws everything.
    fn forget(&mut self) -> io::Result<()>;
    /// Sets the title of the window, with the next frame.
    fn title(&mut self, text: &str);
    /// Puts a text on the terminal's clipboard, with the next frame. An error says why not, or why
    /// not all of it.
    fn copy(&mut self, text: &str) -> Result<(), String>;
    /// Asks for the mouse, or leaves it.
    fn mouse(&mut self, mouse: Mouse);
    /// Gives the terminal back, input and all, until [`Screen::take`].
    fn lend(&mut self) -> Lent;
    /// Takes the terminal again.
    fn take(&mut self) -> io::Result<()>;
}
