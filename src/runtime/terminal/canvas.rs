//! The ratatui backend for any writer: it collects a frame, wraps it in a synchronized update and hands it over
//! in one write; a frame in which nothing changed writes nothing.
//!
//! Invariant: bytes reach the terminal in whole frames only, and the terminal is never asked anything.

use super::encode::Glass;
use crate::domain::safe_text;
use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::io::{self, Write};

/// The longest text that terminals are known to take onto the clipboard: 74,994 bytes of base64.
pub const LONGEST_COPY: usize = 74_994 / 4 * 3;
const LONGEST_TITLE: usize = 120;

const BEGIN_FRAME: &[u8] = b"\x1b[?2026h";
const END_FRAME: &[u8] = b"\x1b[?2026l";

/// Which commands for the terminal itself are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A terminal emulator, or a multiplexer in one.
    Emulator,
    /// A plain console: it has no title and no clipboard, and would print what it is told about them.
    Console,
}

/// The backend: frames as bytes.
#[derive(Debug)]
pub struct Canvas<W> {
    writer: W,
    kind: Kind,
    size: Size,
    frame: Vec<u8>,
    glass: Glass,
    /// Where the cursor is known to be.
    cursor: Option<Position>,
    shown: Option<bool>,
}

impl<W: Write> Canvas<W> {
    /// A canvas of this size. Each flush is one call of `writer`'s `write`, if it takes all.
    pub fn new(writer: W, kind: Kind, size: (u16, u16)) -> Self {
        let glass = Glass::new(size.0, size.1);
        Self { writer, kind, size: size.into(), frame: Vec::new(), glass, cursor: None, shown: None }
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, size: (u16, u16)) {
        if self.size != size.into() {
            self.size = size.into();
            self.glass = Glass::new(size.0, size.1);
        }
    }

    /// Others wrote to the terminal: nothing is known of its cursor.
    pub fn forget(&mut self) {
        self.cursor = None;
        self.shown = None;
        self.frame.clear();
        self.glass.forget();
    }

    /// Sets the title with the next frame.
    pub fn title(&mut self, text: &str) {
        if self.kind == Kind::Emulator {
            let frame = self.open_frame();
            frame.extend(b"\x1b]2;");
            frame.extend(safe_title(text).as_bytes());
            frame.push(0x07);
        }
    }

    /// Puts a text on the clipboard with the next frame, as much of it as a terminal takes. tmux takes the sequence by
    /// itself (`set-clipboard`).
    pub fn copy(&mut self, text: &str) -> Result<(), String> {
        if self.kind == Kind::Console {
            return Err("this terminal has no clipboard".to_owned());
        }
        // Making it safe hardly ever shortens a text: the rest of a long one need not be looked at.
        let safe = safe_text::sanitise(first(text, LONGEST_COPY));
        let kept = first(&safe, LONGEST_COPY);
        queue!(self.open_frame(), CopyToClipboard::to_clipboard_from(kept))
            .map_err(|error| error.to_string())?;
        if kept.len() == safe.len() && text.len() <= LONGEST_COPY {
            return Ok(());
        }
        Err(format!(
            "longer than a terminal's clipboard takes: only the first {} of {} KB are on it",
            kept.len() / 1000,
            text.len().max(safe.len()) / 1000
        ))
    }

    /// Sends modes of the terminal with the next frame.
    pub fn append(&mut self, modes: &str) {
        self.open_frame().extend(modes.as_bytes());
    }

    fn open_frame(&mut self) -> &mut Vec<u8> {
        if self.frame.is_empty() {
            self.frame.extend(BEGIN_FRAME);
        }
        &mut self.frame
    }
}

/// The beginning of a text: so many bytes, or a few fewer where a character would be cut.
fn first(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// One line without anything that a terminal would obey.
fn safe_title(text: &str) -> String {
    let safe = safe_text::sanitise(text);
    safe.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TITLE).collect()
}

impl<W: Write> Backend for Canvas<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.cursor = None;
        self.open_frame();
        self.glass.draw(&mut self.frame, content);
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.shown != Some(false) {
            self.shown = Some(false);
            queue!(self.open_frame(), Hide)?;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.shown != Some(true) {
            self.shown = Some(true);
            queue!(self.open_frame(), Show)?;
        }
        Ok(())
    }

    /// Where it was put last; the terminal is never asked.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) {
            self.cursor = Some(position);
            queue!(self.open_frame(), MoveTo(position.x, position.y))?;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        match clear_type {
            ClearType::All => self.glass.clear(),
            ClearType::AfterCursor
            | ClearType::BeforeCursor
            | ClearType::CurrentLine
            | ClearType::UntilNewLine => {
                self.glass.forget();
            }
        }
        CrosstermBackend::new(self.open_frame()).clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::default() })
    }

    /// Ends the frame, if there is one.
    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        self.frame.extend(END_FRAME);
        let written = self.writer.write_all(&self.frame);
        self.frame.clear();
        written
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use ratatui::{Frame, Terminal};
    use std::sync::{Arc, Mutex};

    /// Remembers each write.
    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Writes {
        fn take(&self) -> Vec<String> {
            let writes = std::mem::take(&mut *self.0.lock().unwrap());
            writes.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
        }
    }

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn terminal(kind: Kind) -> (Writes, Terminal<Canvas<Writes>>) {
        let writes = Writes::default();
        (writes.clone(), Terminal::new(Canvas::new(writes, kind, (20, 3))).unwrap())
    }

    #[test]
    fn a_frame_is_one_write_inside_a_synchronized_update() {
        let (writes, mut terminal) = terminal(Kind::Emulator);
        terminal.draw(|frame| frame.render_widget("hello", frame.area())).unwrap();
        let frames = writes.take();
        assert_eq!(frames.len(), 1);
        assert!(frames[0].starts_with("\x1b[?2026h") && frames[0].ends_with("\x1b[?2026l"), "{frames:?}");
        assert!(frames[0].contains("hello"));
    }

    #[test]
    fn a_frame_without_a_change_writes_nothing() {
        let (writes, mut terminal) = terminal(Kind::Emulator);
        let mut draw = |x| {
            let paint = |frame: &mut Frame<'_>| {
                frame.render_widget("hello", frame.area());
                frame.set_cursor_position((x, 0));
            };
            terminal.draw(paint).unwrap();
            writes.take()
        };
        assert_eq!(draw(1).len(), 1);
        assert_eq!(draw(1), Vec::<String>::new());
        assert_eq!(draw(2), ["\x1b[?2026h\x1b[1;3H\x1b[?2026l"]);
    }

    #[test]
    fn the_cursor_is_put_back_after_cells_were_drawn() {
        let (writes, mut terminal) = terminal(Kind::Emulator);
        for text in ["one", "two"] {
            let paint = |frame: &mut Frame<'_>| {
                frame.render_widget(text, frame.area());
                frame.set_cursor_position((9, 2));
            };
            terminal.draw(paint).unwrap();
        }
        let frames = writes.take();
        assert!(frames[1].ends_with("\x1b[3;10H\x1b[?2026l"), "{frames:?}");
    }

    #[test]
    fn after_a_resize_everything_is_drawn_in_one_frame() {
        let (writes, mut terminal) = terminal(Kind::Emulator);
        let paint = |frame: &mut Frame<'_>| frame.render_widget("hello", frame.area());
        terminal.draw(paint).unwrap();
        writes.take();
        terminal.backend_mut().resize((10, 2));
        terminal.draw(paint).unwrap();
        let frames = writes.take();
        assert_eq!(frames.len(), 1);
        assert!(frames[0].contains("\x1b[2J") && frames[0].contains("hello"), "{frames:?}");
    }

    #[test]
    fn title_and_clipboard_hold_nothing_that_a_terminal_obeys() {
        let (writes, mut terminal) = terminal(Kind::Emulator);
        terminal.backend_mut().title("a\x1b]52;c;x\x07\n\u{9b}31m\u{202e}b");
        terminal.backend_mut().copy("one\x1b[31m\ntwo").unwrap();
        terminal.backend_mut().flush().unwrap();
        let frames = writes.take().concat();
        assert!(
            frames.starts_with("\x1b[?2026h\x1b]2;a^[]52;c;x^G <U+009B>31m<U+202E>b\x07\x1b]52;c;"),
            "{frames:?}"
        );
        // `one^[[31m`, a line feed, `two`.
        assert!(frames.contains("b25lXltbMzFtCnR3bw=="), "{frames:?}");
    }

    #[test]
    fn a_text_that_is_too_long_for_the_clipboard_is_cut_and_that_is_told() {
        let (writes, mut terminal) = terminal(Kind::Emulator);
        terminal.backend_mut().copy(&"x".repeat(LONGEST_COPY)).unwrap();
        terminal.backend_mut().flush().unwrap();
        let longest = writes.take().concat();
        for (text, of) in
            [("x".repeat(10_000_000), 10_000), ("é".repeat(40_000), 80), ("\x1b".repeat(40_000), 80)]
        {
            let told = terminal.backend_mut().copy(&text).unwrap_err();
            let words = "longer than a terminal's clipboard takes: only the first 56 of";
            assert_eq!(told, format!("{words} {of} KB are on it"));
            terminal.backend_mut().flush().unwrap();
            let frame = writes.take().concat();
            assert!(frame.len() <= longest.len() && frame.len() > longest.len() - 8, "{}", frame.len());
        }
    }

    #[test]
    fn a_console_is_told_neither_titles_nor_clipboards() {
        let (writes, mut terminal) = terminal(Kind::Console);
        terminal.backend_mut().title("Kaygia Desk");
        assert!(terminal.backend_mut().copy("text").is_err());
        terminal.backend_mut().flush().unwrap();
        assert_eq!(writes.take(), Vec::<String>::new());
    }
}
