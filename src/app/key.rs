//! Keys and other input as the core knows them.
//!
//! The core owns its key type: a terminal's events and, later, an SSH channel's bytes both become these.
//! The text of a key is printed from the key and read back by [`Key::parse`], nowhere typed by hand.

use std::fmt;

/// What is on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A character as typed, shift applied.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift and tabulator.
    BackTab,
    /// Deletes backwards.
    Backspace,
    /// Deletes forwards.
    Delete,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// First.
    Home,
    /// Last.
    End,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// A function key, 1 to 12.
    F(u8),
}

/// One key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// Control held.
    pub ctrl: bool,
    /// Alt held.
    pub alt: bool,
}

const NAMES: [(&str, Code); 15] = [
    ("Enter", Code::Enter),
    ("Esc", Code::Esc),
    ("Tab", Code::Tab),
    ("Shift-Tab", Code::BackTab),
    ("Backspace", Code::Backspace),
    ("Delete", Code::Delete),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("Home", Code::Home),
    ("End", Code::End),
    ("PgUp", Code::PageUp),
    ("PgDn", Code::PageDown),
    ("Space", Code::Char(' ')),
];

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A character key.
    pub const fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// The character that a text field inserts; none for control keys.
    pub const fn text(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Reads `j`, `G`, `Ctrl-d`, `Alt-x`, `Enter`, `F5`.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut ctrl, mut alt, mut rest) = (false, false, text);
        loop {
            if let Some(tail) = rest.strip_prefix("Ctrl-").filter(|tail| !tail.is_empty()) {
                (ctrl, rest) = (true, tail);
            } else if let Some(tail) = rest.strip_prefix("Alt-").filter(|tail| !tail.is_empty()) {
                (alt, rest) = (true, tail);
            } else {
                break;
            }
        }
        let named = NAMES.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function = rest.strip_prefix('F').and_then(|n| n.parse().ok()).filter(|n| (1..=12).contains(n));
        let mut chars = rest.chars();
        let code = match (named, function, chars.next(), chars.next()) {
            (Some(code), ..) => code,
            (None, Some(n), ..) => Code::F(n),
            (None, None, Some(c), None) => Code::Char(c),
            _ => return None,
        };
        Some(Self { code, ctrl, alt })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match (NAMES.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Code::F(n)) => write!(f, "F{n}"),
            (None, Code::Char(c)) => write!(f, "{c}"),
            (None, _) => f.write_str("?"),
        }
    }
}

/// Keys pressed one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord(Vec<Key>);

impl Chord {
    /// Reads keys parted by blanks: `g q`, `Ctrl-x Ctrl-e`, `j`.
    pub fn parse(text: &str) -> Option<Self> {
        let keys: Option<Vec<Key>> = text.split_whitespace().map(Key::parse).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self)
    }

    /// The keys.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }
}

/// Single characters stand together (`gq`), named keys apart (`Ctrl-x Ctrl-e`).
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(Key::to_string).collect();
        let tight = texts.iter().all(|text| text.chars().count() == 1);
        f.write_str(&texts.join(if tight { "" } else { " " }))
    }
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// Left button pressed.
    Press,
    /// Wheel away from the user.
    WheelUp,
    /// Wheel towards the user.
    WheelDown,
}

/// All that comes from a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// Text pasted as one event.
    Paste {
        /// As it came.
        text: String,
        /// So many bytes came after it and were not kept.
        dropped: usize,
    },
    /// The mouse, at a cell.
    Mouse {
        /// What it did.
        kind: MouseKind,
        /// Column, from 0.
        x: u16,
        /// Row, from 0.
        y: u16,
    },
    /// The terminal has this size now, columns and rows.
    Resize(u16, u16),
}

impl Input {
    /// Whether it is text, or a plain key among text: no chord with Ctrl or Alt, no mouse.
    pub const fn is_typed(&self) -> bool {
        match self {
            Self::Key(key) => !key.ctrl && !key.alt,
            Self::Paste { .. } => true,
            Self::Mouse { .. } | Self::Resize(..) => false,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for text in
            ["j", "G", "Ctrl-d", "Alt-x", "Enter", "Shift-Tab", "F5", "Space", "-", "Ctrl-]", "F", "PgDn"]
        {
            assert_eq!(Key::parse(text).unwrap().to_string(), text);
        }
        assert!(Key::parse("Hyper-x").is_none());
        assert!(Key::parse("").is_none());
    }

    #[test]
    fn chords_of_characters_print_tight() {
        assert_eq!(Chord::parse("g q").unwrap().to_string(), "gq");
        assert_eq!(Chord::parse("Ctrl-x Ctrl-e").unwrap().to_string(), "Ctrl-x Ctrl-e");
    }
}
