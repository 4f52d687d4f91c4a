//! Text from outside, made safe to show.
//!
//! Everything that a client, the web app or the server wrote becomes a [`SafeText`] at the border. Control,
//! bidirectional, zero-width and tag characters are shown as marks and never reach a terminal. The raw text
//! is kept only where it differs, for comparing and writing back. Making safe text safe again changes nothing.

use std::borrow::Cow;
use std::fmt;

/// At most this many combining marks are kept on one character.
const MARKS_KEPT: usize = 8;
/// At most this many joiners are kept in one emoji; the longest in use have three.
const JOINERS_KEPT: usize = 10;
/// At most this many joiners are kept in one run of letters of a joined script; long compounds have a handful.
const LETTER_JOINERS_KEPT: usize = 24;

/// Text that may be drawn, logged or copied. Holds only printable characters, `\n` and `\t`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct SafeText {
    safe: Box<str>,
    raw: Option<Box<str>>,
}

impl SafeText {
    /// Makes foreign text safe.
    pub fn new(raw: &str) -> Self {
        match sanitise(raw) {
            Cow::Borrowed(safe) => Self { safe: safe.into(), raw: None },
            Cow::Owned(safe) => Self { safe: safe.into(), raw: Some(raw.into()) },
        }
    }

    /// The text to show; may hold `\n` and `\t`.
    pub fn as_str(&self) -> &str {
        &self.safe
    }

    /// The text to show where one line is wanted: runs of white space become one blank.
    pub fn one_line(&self) -> Cow<'_, str> {
        let flat = |c: char| c == '\n' || c == '\t';
        if !self.safe.contains(flat) {
            return Cow::Borrowed(&self.safe);
        }
        Cow::Owned(self.safe.split(flat).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
    }

    /// What the database holds. Only for comparing and writing back, never for showing.
    pub fn raw(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.safe)
    }

    /// Whether there is nothing to show.
    pub fn is_blank(&self) -> bool {
        self.safe.trim().is_empty()
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.safe, f)
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.safe)
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

/// Makes `raw` safe; borrowed when nothing had to change.
pub fn sanitise(raw: &str) -> Cow<'_, str> {
    if raw.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return Cow::Borrowed(raw);
    }
    let mut safe = String::with_capacity(raw.len() + 16);
    let mut changed = false;
    let (mut marks, mut joiners, mut letter_joiners) = (0, 0, 0);
    let mut chars = raw.chars().peekable();
    let mut previous = None;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        marks = if is_combining(c) { marks + 1 } else { 0 };
        if marks > MARKS_KEPT {
            // As if it had never been there, so that a second pass sees what this one saw.
            changed = true;
            continue;
        }
        if previous != Some(JOINER) && !goes_on(c) {
            joiners = 0;
        }
        if !matches!(c, '\u{200c}' | JOINER) && !joined_script(c) {
            letter_joiners = 0;
        }
        match c {
            '\r' if next == Some('\n') => changed = true,
            '\n' | '\t' => safe.push(c),
            '\0'..='\x1f' => {
                changed = true;
                safe.extend(['^', char::from(c as u8 + 64)]);
            }
            '\x7f' => {
                changed = true;
                safe.push_str("^?");
            }
            JOINER if joins_emoji(previous, next) && joiners < JOINERS_KEPT => {
                joiners += 1;
                safe.push(c);
            }
            '\u{200c}' | JOINER if joins_letters(previous, next) && letter_joiners < LETTER_JOINERS_KEPT => {
                letter_joiners += 1;
                safe.push(c);
            }
            _ if is_unsafe(c) => {
                changed = true;
                mark(&mut safe, c);
            }
            _ => safe.push(c),
        }
        previous = Some(c);
    }
    if changed { Cow::Owned(safe) } else { Cow::Borrowed(raw) }
}

/// JSON that a terminal may see, whatever its texts hold: what it would obey, hide or reorder is escaped. It reads as
/// the same values.
pub fn safe_json(json: &str) -> Cow<'_, str> {
    use fmt::Write as _;
    match sanitise(json) {
        Cow::Borrowed(safe) => Cow::Borrowed(safe),
        Cow::Owned(_) => {
            Cow::Owned(json.chars().fold(String::with_capacity(json.len() * 2), |mut text, c| {
                if c.is_ascii() && !c.is_control() || c == '\n' {
                    text.push(c);
                } else {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                }
                text
            }))
        }
    }
}

/// Whether a character must not reach a terminal wherever it stands. Joiners may, in the right place.
pub fn never_shown(c: char) -> bool {
    c.is_control() || is_unsafe(c) && !matches!(c, JOINER | '\u{200c}')
}

/// Whether a character is obeyed, hidden or reordering rather than shown.
fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// The zero-width joiner.
const JOINER: char = '\u{200d}';

/// Whether a joiner stands where a script needs it.
fn joins_letters(previous: Option<char>, next: Option<char>) -> bool {
    previous.is_some_and(joined_script) && next.is_some_and(joined_script)
}

/// Whether a joiner stands where an emoji sequence needs it.
fn joins_emoji(previous: Option<char>, next: Option<char>) -> bool {
    previous.is_some_and(|c| is_emoji(c) || c == '\u{fe0f}') && next.is_some_and(is_emoji)
}

/// What belongs to the emoji before it: joiners, variation selectors and skin tones.
fn goes_on(c: char) -> bool {
    matches!(c, JOINER | '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Arabic, Syriac, the Indic scripts, Mongolian and their neighbours: letters and marks that take joiners.
fn joined_script(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{180d}' | '\u{1820}'..='\u{18af}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// Pictographs, modifiers and the signs that take part in emoji sequences.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}'
        | '\u{2b00}'..='\u{2bff}' | '\u{a9}' | '\u{ae}')
}

/// Marks that sit on the character before them and take no column of their own.
fn is_combining(c: char) -> bool {
    !c.is_ascii() && unicode_width::UnicodeWidthChar::width(c) == Some(0) && !is_unsafe(c)
}

fn mark(safe: &mut String, c: char) {
    use fmt::Write as _;
    let _ = write!(safe, "<U+{:04X}>", c as u32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_becomes_a_mark() {
        let cases = [
            ("\x1b]0;owned\x07", "^[]0;owned^G"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("a\u{202e}b", "a<U+202E>b"),
            ("tag\u{e0041}", "tag<U+E0041>"),
            ("del\x7f", "del^?"),
            ("line\r\nnext", "line\nnext"),
            ("over\rwrite", "over^Mwrite"),
            ("zero\u{200b}width", "zero<U+200B>width"),
        ];
        for (raw, safe) in cases {
            let text = SafeText::new(raw);
            assert_eq!(text.as_str(), safe);
            assert_eq!(text.raw(), raw);
        }
    }

    #[test]
    fn emoji_families_and_joined_scripts_stay_whole() {
        for text in ["👨‍👩‍👧‍👦 ok ❤️", "می‌خواهم", "श्री‍", "naïve — “quoted” 東京 🇬🇧"]
        {
            let safe = SafeText::new(text);
            if text == "श्री‍" {
                assert_eq!(safe.as_str(), "श्री<U+200D>", "a joiner at the end joins nothing");
            } else {
                assert_eq!(safe.as_str(), text);
            }
        }
    }

    #[test]
    fn piles_of_combining_marks_are_cut() {
        let pile: String = std::iter::once('a').chain(std::iter::repeat_n('\u{301}', 10_000)).collect();
        assert_eq!(SafeText::new(&pile).as_str().chars().count(), 1 + MARKS_KEPT);
    }

    #[test]
    fn a_chain_of_emoji_is_cut_after_ten_joiners() {
        let chain = vec!["😀"; 1000].join("\u{200d}");
        let safe = SafeText::new(&chain);
        assert_eq!(safe.as_str().matches(JOINER).count(), JOINERS_KEPT);
        assert_eq!(safe.as_str().matches("<U+200D>").count(), 999 - JOINERS_KEPT);
        let families = "👨‍👩‍👧‍👦".repeat(50);
        assert_eq!(SafeText::new(&families).as_str(), families, "each emoji counts for itself");
    }

    #[test]
    fn joiners_between_letters_are_cut_in_one_run_and_counted_anew_in_the_next() {
        for joiner in ["\u{200c}", "\u{200d}"] {
            let run = vec!["\u{645}"; 1000].join(joiner);
            let safe = SafeText::new(&run);
            assert_eq!(safe.as_str().matches(joiner).count(), LETTER_JOINERS_KEPT);
            assert_eq!(SafeText::new(safe.as_str()).as_str(), safe.as_str());
            let sentence = vec!["\u{645}\u{6cc}\u{200c}\u{62e}"; 200].join(" ");
            assert_eq!(SafeText::new(&sentence).as_str(), sentence, "each word counts for itself");
        }
    }

    #[test]
    fn what_hides_between_letters_is_shown_and_private_signs_stay() {
        assert_eq!(SafeText::new("a\u{34f}b").as_str(), "a<U+034F>b");
        assert_eq!(SafeText::new("\u{e000}\u{f8ff}").as_str(), "\u{e000}\u{f8ff}");
    }

    #[test]
    fn one_line_folds_breaks() {
        assert_eq!(SafeText::new("a\n\n\tb").one_line(), "a b");
    }

    proptest! {
        #[test]
        fn making_safe_twice_changes_nothing(raw in any::<String>()) {
            let once = sanitise(&raw).into_owned();
            prop_assert_eq!(sanitise(&once).into_owned(), once.clone());
            prop_assert!(!once.chars().any(|c| c != '\n' && c != '\t' && c.is_control()));
        }

        #[test]
        fn bytes_of_any_kind_become_text_that_no_terminal_obeys(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(0xc2), 0x80..0xa0u8], 0..200),
        ) {
            let once = sanitise(&String::from_utf8_lossy(&bytes)).into_owned();
            prop_assert_eq!(sanitise(&once).into_owned(), once.clone());
            prop_assert!(!once.chars().any(|c| !matches!(c, '\n' | '\t') && never_shown(c)));
        }

        #[test]
        fn what_counts_and_joins_is_made_safe_once(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "\u{200d}", "\u{200c}", "\u{fe0f}", "\u{301}", "\u{34f}", "\u{1f3fd}", "😀", "👩\u{200d}", "❤",
                    "می", "\u{64b}", "a", "\r", "\n", "\u{202e}", "\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
                ]),
                0..80,
            ),
        ) {
            let once = sanitise(&parts.concat()).into_owned();
            prop_assert_eq!(sanitise(&once).into_owned(), once);
        }

        #[test]
        fn plain_text_is_unchanged(raw in "[ -~\n\tà-ÿΑ-Ωа-я一-鿿]{0,200}") {
            prop_assert_eq!(sanitise(&raw).into_owned(), raw);
        }
    }
}
