//! A bracketed paste, and the watch kept after it.
//!
//! Not every terminal takes the end mark out of what it pastes, and a slow line may fall silent just behind such a
//! mark. So a paste ends with the last end mark of its burst, and what comes soon after it is text as well unless a
//! person can have typed it.

use super::{ESC, Sequence, sequence};
use crate::app::key::Input;
use std::time::{Duration, Instant};

/// A pasted text is kept up to here; the core cuts it further, with a notice.
pub(super) const LONGEST_PASTE: usize = 256 * 1024;
/// After the end mark of a paste: if more follows within this time, the mark was part of the text.
pub(super) const AFTER_PASTE: Duration = Duration::from_millis(5);
/// A paste that never ends is taken as it is after this silence, or the keyboard would be lost.
pub(super) const ENDLESS_PASTE: Duration = Duration::from_secs(5);
/// Nobody types so soon after a paste: all that comes within this time is text.
const GUARD: Duration = Duration::from_millis(100);
/// Nobody types two keys so close to each other: the guard begins anew.
const FLOOD_GAP: Duration = Duration::from_millis(15);
/// For so long many signs at once, or an end mark, are the rest of the paste.
const WATCH: Duration = Duration::from_secs(3);
/// So many signs at once are not typed.
const FLOOD: usize = 8;

const PASTE_BEGIN: &[u8; 6] = b"\x1b[200~";
const PASTE_END: &[u8; 6] = b"\x1b[201~";

/// A bracketed paste under way.
#[derive(Debug, Default)]
pub(super) struct Paste {
    text: Vec<u8>,
    dropped: usize,
    /// The last bytes, to find the end mark however it is torn.
    tail: Vec<u8>,
    /// An end mark was seen.
    ended: bool,
    /// What goes on after an end mark, and the watch under which it does.
    rest_of: Option<Watch>,
}

/// What is known for a while after a paste.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Until then all is text.
    guard: Instant,
    /// When bytes came last.
    last: Instant,
    /// Until then a flood is text; none as long as no end mark has come.
    until: Option<Instant>,
}

impl Paste {
    /// More bytes of it.
    pub fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.text.len() < LONGEST_PASTE {
                self.text.push(*byte);
            } else {
                self.dropped += 1;
            }
            if self.tail.len() == PASTE_END.len() {
                self.tail.remove(0);
            }
            self.tail.push(*byte);
            self.ended |= self.tail == PASTE_END;
        }
    }

    /// The silence that ends it.
    pub const fn patience(&self) -> Duration {
        if self.ended || self.rest_of.is_some() { AFTER_PASTE } else { ENDLESS_PASTE }
    }

    /// What it was, and the watch after it; bytes came last at `last`.
    pub fn end(mut self, last: Instant) -> (Option<Input>, Watch) {
        if self.tail == PASTE_END {
            let dropped = self.dropped.min(PASTE_END.len());
            self.dropped -= dropped;
            self.text.truncate(self.text.len() - (PASTE_END.len() - dropped));
        }
        let until = match self.rest_of {
            Some(Watch { until: None, .. }) | None if !self.ended => None,
            Some(_) | None => Some(last + WATCH),
        };
        let watch = Watch { guard: last + GUARD, last, until };
        match self.rest_of {
            // A person's key, pressed too soon: no text, and no reason to wait longer.
            Some(before) if is_one_key(&self.text) && last.duration_since(before.last) >= FLOOD_GAP => {
                let text = self.text.first().is_some_and(|first| !first.is_ascii_control());
                (text.then(|| self.input()), Watch { last, ..before })
            }
            Some(_) | None => (Some(self.input()), watch),
        }
    }

    fn input(&self) -> Input {
        Input::Paste { text: String::from_utf8_lossy(&self.text).into_owned(), dropped: self.dropped }
    }
}

impl Watch {
    /// What came is not typed but the rest of the paste before: the paste that goes on with it.
    pub fn rest(self, bytes: &[u8], at: Instant) -> Option<Paste> {
        let flood = || bytes.windows(PASTE_END.len()).any(|part| part == PASTE_END) || is_flood(bytes);
        let rest = at < self.guard || !self.is_over(at) && flood();
        (rest && !bytes.starts_with(PASTE_BEGIN)).then(|| Paste { rest_of: Some(self), ..Paste::default() })
    }

    /// All that comes from now on is typed.
    pub fn is_over(self, at: Instant) -> bool {
        self.until.is_some_and(|until| at >= until)
    }
}

fn is_one_key(bytes: &[u8]) -> bool {
    bytes == [ESC] || matches!(sequence(bytes), Sequence::Whole(length, _) if length == bytes.len())
}

/// Many characters at once. Arrows that are held down, and the mouse, come in sequences and do not count.
fn is_flood(mut bytes: &[u8]) -> bool {
    let mut signs = 0;
    while !bytes.is_empty() && signs < FLOOD {
        signs += usize::from(!matches!(bytes, [ESC, b'[' | b'O', ..]));
        match sequence(bytes) {
            Sequence::Whole(length, _) | Sequence::PasteBegins(length) => bytes = &bytes[length..],
            Sequence::Torn => return bytes.len() >= FLOOD,
        }
    }
    signs >= FLOOD
}
