//! A terminal's bytes become keys.
//!
//! Pure: bytes and the moment of their arrival in, [`Input`]s out, no clock and no file. The reader says when the
//! terminal has fallen silent ([`Decoder::silence`]); how long to wait for that is [`Decoder::patience`]. Used for a terminal of this
//! machine, and as it is for an SSH channel.
//!
//! Why not crossterm's reader: it registers the terminal edge-triggered, so that more than 1,024 bytes at once
//! stay unread until the next key; it blocks inside a torn sequence; and it spins when the terminal is gone.
//!
//! Invariant: whatever the bytes, no pasted text becomes a key.

mod paste;

use crate::app::key::{Code, Input, Key, MouseKind};
use paste::{Paste, Watch};
use std::time::{Duration, Instant};

/// No sequence of a key is longer; what is longer is dropped.
const LONGEST_SEQUENCE: usize = 64;
/// The rest of a torn sequence arrives within this time.
const TORN: Duration = Duration::from_millis(50);

const ESC: u8 = 0x1b;

/// Reads bytes of a terminal.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The head of a sequence whose rest has not arrived.
    torn: Vec<u8>,
    paste: Option<Paste>,
    watch: Option<Watch>,
    /// When bytes came last.
    last: Option<Instant>,
}

/// What one sequence at the front of the bytes is.
enum Sequence {
    /// Not all of it is there.
    Torn,
    /// So many bytes, and what they mean, if anything.
    Whole(usize, Option<Input>),
    /// So many bytes; pasted text follows.
    PasteBegins(usize),
}

impl Decoder {
    /// Takes bytes as they came, at this moment.
    pub fn feed(&mut self, bytes: &[u8], at: Instant, inputs: &mut Vec<Input>) {
        self.last = Some(at);
        if let Some(paste) = &mut self.paste {
            paste.take(bytes);
            return;
        }
        let joined;
        let mut rest = if self.torn.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.torn).as_slice(), bytes].concat();
            joined.as_slice()
        };
        self.watch.take_if(|watch| watch.is_over(at));
        if let Some(mut paste) = self.watch.and_then(|watch| watch.rest(rest, at)) {
            paste.take(rest);
            self.paste = Some(paste);
            return;
        }
        while !rest.is_empty() {
            match sequence(rest) {
                Sequence::Whole(length, input) => {
                    inputs.extend(input);
                    rest = &rest[length..];
                }
                Sequence::PasteBegins(length) => {
                    let mut paste = Paste::default();
                    paste.take(&rest[length..]);
                    self.paste = Some(paste);
                    return;
                }
                Sequence::Torn if rest.len() > LONGEST_SEQUENCE => return,
                Sequence::Torn => {
                    self.torn = rest.to_vec();
                    return;
                }
            }
        }
    }

    /// How long to wait for more bytes before calling [`Decoder::silence`]; none when nothing is open.
    pub fn patience(&self) -> Option<Duration> {
        match &self.paste {
            Some(paste) => Some(paste.patience()),
            None if self.torn == [ESC] => Some(Duration::ZERO),
            None if self.torn.is_empty() => None,
            None => Some(TORN),
        }
    }

    /// Nothing more came: what is open is taken for what it is.
    pub fn silence(&mut self, inputs: &mut Vec<Input>) {
        if let (Some(paste), Some(last)) = (self.paste.take(), self.last) {
            let (input, watch) = paste.end(last);
            inputs.extend(input);
            self.watch = Some(watch);
            return;
        }
        match std::mem::take(&mut self.torn).as_slice() {
            [ESC] => inputs.push(Input::Key(Key::plain(Code::Esc))),
            [ESC, c @ (b'[' | b'O' | b'P' | b']' | b'^' | b'_')] => {
                inputs.push(Input::Key(Key { alt: true, ..Key::char(char::from(*c)) }));
            }
            _ => {}
        }
    }
}

fn sequence(bytes: &[u8]) -> Sequence {
    match bytes {
        [ESC] => Sequence::Torn,
        [ESC, b'[', ..] => csi(bytes),
        [ESC, b'O', ..] => ss3(bytes),
        [ESC, b'P' | b']' | b'^' | b'_', ..] => control_string(bytes),
        // Two Esc, or Esc and then a sequence: the first is a key of its own.
        [ESC, ESC, ..] => Sequence::Whole(1, Some(Input::Key(Key::plain(Code::Esc)))),
        [ESC, rest @ ..] => match character(rest) {
            Some((length, key)) => {
                Sequence::Whole(length + 1, key.map(|key| Input::Key(Key { alt: true, ..key })))
            }
            None => Sequence::Torn,
        },
        _ => match character(bytes) {
            Some((length, key)) => Sequence::Whole(length, key.map(Input::Key)),
            None => Sequence::Torn,
        },
    }
}

/// One character, typed plainly or with Ctrl; none when its bytes are not all there.
fn character(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let ctrl = |c: u8| Key { ctrl: true, ..Key::char(char::from(c)) };
    let first = *bytes.first()?;
    let key = match first {
        b'\r' => Key::plain(Code::Enter),
        b'\t' => Key::plain(Code::Tab),
        0x7f => Key::plain(Code::Backspace),
        0x00 => ctrl(b' '),
        0x01..=0x1a => ctrl(first - 1 + b'a'),
        0x1b..=0x1f => ctrl(first - 0x1b + b'['),
        0x20..=0x7e => Key::char(char::from(first)),
        0x80..=0xff => return multibyte(bytes),
    };
    Some((1, Some(key)))
}

fn multibyte(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((1, None)),
    };
    let known = &bytes[..bytes.len().min(length)];
    match std::str::from_utf8(known) {
        // C1 controls are no text.
        Ok(text) => Some((length, text.chars().next().filter(|c| !c.is_control()).map(Key::char))),
        Err(error) if error.error_len().is_none() && known.len() < length => None,
        Err(error) => Some((error.error_len().unwrap_or(1), None)),
    }
}

/// `ESC O x`: the arrows and function keys of a terminal in application mode.
fn ss3(bytes: &[u8]) -> Sequence {
    let Some(last) = bytes.get(2) else { return Sequence::Torn };
    let key = match last {
        b'M' => Some(Key::plain(Code::Enter)),
        b'a'..=b'd' => letter(last.to_ascii_uppercase()).map(|code| Key { ctrl: true, ..Key::plain(code) }),
        _ => letter(*last).map(Key::plain),
    };
    Sequence::Whole(3, key.map(Input::Key))
}

/// `ESC [ parameters letter`.
fn csi(bytes: &[u8]) -> Sequence {
    match bytes.get(2) {
        None => return Sequence::Torn,
        // The function keys of the Linux console.
        Some(b'[') => {
            let Some(last) = bytes.get(3) else { return Sequence::Torn };
            let key = matches!(last, b'A'..=b'E').then(|| Key::plain(Code::F(last - b'A' + 1)));
            return Sequence::Whole(4, key.map(Input::Key));
        }
        // The mouse as it was told before there were parameters: three bytes follow.
        Some(b'M') => return if bytes.len() < 6 { Sequence::Torn } else { Sequence::Whole(6, None) },
        Some(_) => {}
    }
    let length = bytes[2..].iter().position(|byte| !matches!(byte, 0x20..=0x3f));
    let Some(length) = length.map(|at| at + 3) else { return Sequence::Torn };
    let (parameters, last) = (&bytes[2..length - 1], bytes[length - 1]);
    if !matches!(last, 0x40..=0x7e) {
        // Not a sequence after all: what stands here is read again by itself.
        return Sequence::Whole(length - 1, None);
    }
    if let Some(mouse) = parameters.strip_prefix(b"<") {
        return Sequence::Whole(length, self::mouse(mouse, last));
    }
    if parameters.first().is_some_and(|first| matches!(first, b'<'..=b'?')) {
        // An answer to a question that we never ask.
        return Sequence::Whole(length, None);
    }
    let numbers = numbers(parameters);
    if (last, numbers[0]) == (b'~', 200) {
        return Sequence::PasteBegins(length);
    }
    Sequence::Whole(length, key(numbers, last).map(Input::Key))
}

/// A string for a terminal's own use, an answer to a question that we never ask: dropped up to its end.
fn control_string(bytes: &[u8]) -> Sequence {
    let end = bytes
        .iter()
        .enumerate()
        .skip(2)
        .find(|(at, byte)| **byte == 0x07 || (**byte == b'\\' && bytes[at - 1] == ESC && *at > 2));
    match end {
        Some((at, _)) => Sequence::Whole(at + 1, None),
        None => Sequence::Torn,
    }
}

fn numbers(parameters: &[u8]) -> [u16; 3] {
    let mut numbers = [0; 3];
    for (number, text) in numbers.iter_mut().zip(parameters.split(|byte| *byte == b';')) {
        // Of sub-parameters (`97:65`) the first one counts.
        let text = text.split(|byte| *byte == b':').next().unwrap_or_default();
        *number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    }
    numbers
}

fn key(numbers: [u16; 3], last: u8) -> Option<Key> {
    let [first, second, third] = numbers;
    match last {
        b'u' => coded(first, second),
        b'~' if first == 27 => coded(third, second),
        b'~' => numbered(first).map(|code| held(code, second)),
        b'Z' => Some(Key::plain(Code::BackTab)),
        // Shift and an arrow, in rxvt.
        b'a'..=b'd' => letter(last.to_ascii_uppercase()).map(Key::plain),
        _ => letter(last).map(|code| held(code, second)),
    }
}

/// A key with its modifiers; shift is part of the character, or means nothing to us.
fn held(code: Code, modifiers: u16) -> Key {
    let bits = modifiers.saturating_sub(1);
    Key { code, ctrl: bits & 4 != 0, alt: bits & 2 != 0 }
}

/// A key told by its character's number, as newer keyboards do.
fn coded(number: u16, modifiers: u16) -> Option<Key> {
    let shift = modifiers.saturating_sub(1) & 1 != 0;
    let code = match number {
        13 => Code::Enter,
        27 => Code::Esc,
        9 if shift => Code::BackTab,
        9 => Code::Tab,
        8 | 127 => Code::Backspace,
        _ => Code::Char(char::from_u32(number.into()).filter(|c| !c.is_control())?),
    };
    Some(held(code, modifiers))
}

fn letter(letter: u8) -> Option<Code> {
    Some(match letter {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'P'..=b'S' => Code::F(letter - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u16) -> Option<Code> {
    let function = |first: u16, base: u8| Code::F(base + u8::try_from(number - first).unwrap_or(0));
    Some(match number {
        1 | 7 => Code::Home,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        11..=15 => function(11, 1),
        17..=21 => function(17, 6),
        23 | 24 => function(23, 11),
        _ => return None,
    })
}

/// `button;column;row`, and whether it was pressed (`M`) or let go (`m`).
fn mouse(parameters: &[u8], last: u8) -> Option<Input> {
    const HELD_KEYS: u16 = 4 | 8 | 16;
    let [button, column, row] = numbers(parameters);
    let kind = match (button & !HELD_KEYS, last) {
        (0, b'M') => MouseKind::Press,
        (64, b'M') => MouseKind::WheelUp,
        (65, b'M') => MouseKind::WheelDown,
        _ => return None,
    };
    Some(Input::Mouse { kind, x: column.checked_sub(1)?, y: row.checked_sub(1)? })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};
    use proptest::sample::{Index, select};

    /// What bytes become that arrive in these pieces, with a silence at the end.
    fn decode(pieces: &[&[u8]]) -> Vec<Input> {
        let pieces: Vec<_> = pieces.iter().map(|piece| (0, *piece)).collect();
        decode_timed(&pieces)
    }

    /// The same with pauses, in milliseconds, before the pieces.
    fn decode_timed(pieces: &[(u64, &[u8])]) -> Vec<Input> {
        let (mut decoder, mut inputs) = (Decoder::default(), Vec::new());
        #[expect(clippy::disallowed_methods, reason = "any moment")]
        let mut now = Instant::now();
        for (pause, piece) in pieces {
            let pause = Duration::from_millis(*pause);
            now += pause;
            let silent = |patience| !pause.is_zero() && pause >= patience;
            while decoder.patience().is_some_and(silent) {
                decoder.silence(&mut inputs);
            }
            decoder.feed(piece, now, &mut inputs);
        }
        while decoder.patience().is_some() {
            decoder.silence(&mut inputs);
        }
        inputs
    }

    fn pasted(text: &str) -> Input {
        Input::Paste { text: text.to_owned(), dropped: 0 }
    }

    fn keys(bytes: &[u8]) -> String {
        let name = |input: Input| match input {
            Input::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        };
        decode(&[bytes]).into_iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keys_of_common_terminals_are_read() {
        let cases: [(&[u8], &str); 36] = [
            (b"jG", "j G"),
            (b"\r\t\x7f", "Enter Tab Backspace"),
            (b"\x01\x1a\x08\n", "Ctrl-a Ctrl-z Ctrl-h Ctrl-j"),
            (b"\x00\x1c\x1d\x1e\x1f", "Ctrl-Space Ctrl-\\ Ctrl-] Ctrl-^ Ctrl-_"),
            ("é漢🙂".as_bytes(), "é 漢 🙂"),
            (b"\x1b", "Esc"),
            (b"\x1b\x1b", "Esc Esc"),
            (b"\x1b\x1b[A", "Esc Up"),
            (b"\x1bx\x1b\x05\x1b\x7f", "Alt-x Ctrl-Alt-e Alt-Backspace"),
            ("\x1bé".as_bytes(), "Alt-é"),
            (b"\x1b[A\x1b[B\x1b[C\x1b[D", "Up Down Right Left"),
            (b"\x1bOA\x1bOB\x1bOH\x1bOF", "Up Down Home End"),
            (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", "Home End Home End Home End"),
            (b"\x1b[3~\x1b[5~\x1b[6~\x1b[2~", "Delete PgUp PgDn"),
            (b"\x1b[Z\x1b[1;2Z", "Shift-Tab Shift-Tab"),
            (b"\x1b[1;5C\x1b[1;3D\x1b[1;2A", "Ctrl-Right Alt-Left Up"),
            (b"\x1b[3;5~\x1b[5;7~", "Ctrl-Delete Ctrl-Alt-PgUp"),
            (b"\x1bOP\x1bOQ\x1b[11~\x1b[15~\x1b[17~\x1b[24~", "F1 F2 F1 F5 F6 F12"),
            (b"\x1b[[A\x1b[[E", "F1 F5"),
            (b"\x1b[a\x1bOd", "Up Ctrl-Left"),
            (b"\x1b[97;5u\x1b[13u\x1b[9;2u\x1b[27u", "Ctrl-a Enter Shift-Tab Esc"),
            (b"\x1b[27;5;120~", "Ctrl-x"),
            (b"\x1b[97:65;3:1u", "Alt-a"),
            (b"\x1bOM", "Enter"),
            (b"\x1b[", "Alt-["),
            (b"\x1bO", "Alt-O"),
            (b"\x1b[12", ""),
            (b"\x1b[?62;4cj", "j"),
            (b"\x1b[999999999999~j", "j"),
            (b"\x1b[I\x1b[Oj", "j"),
            (b"\x1b]11;rgb:ffff/ffff/ffff\x07j\x1b]0;x\x1b\\k", "j k"),
            (b"\x1bP>|term\x1b\\j", "j"),
            (b"\x1b[M !!j", "j"),
            (b"\x1b[1\x1b[A", "Up"),
            (b"\xff\xc3(\xe2\x82j", "( j"),
            (b"\xc2\x9bj", "j"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(keys(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_mouse_clicks_and_scrolls() {
        let at = |kind| Input::Mouse { kind, x: 4, y: 9 };
        assert_eq!(decode(&[b"\x1b[<0;5;10M\x1b[<0;5;10m"]), [at(MouseKind::Press)]);
        assert_eq!(
            decode(&[b"\x1b[<64;5;10M\x1b[<69;5;10M"]),
            [at(MouseKind::WheelUp), at(MouseKind::WheelDown)]
        );
        assert_eq!(decode(&[b"\x1b[<35;5;10M\x1b[<2;5;10M\x1b[<0;0;0M"]), []);
    }

    #[test]
    fn a_lone_escape_waits_for_nothing_and_a_torn_sequence_for_its_rest() {
        let (mut decoder, mut inputs) = (Decoder::default(), Vec::new());
        #[expect(clippy::disallowed_methods, reason = "any moment")]
        let now = Instant::now();
        decoder.feed(b"\x1b", now, &mut inputs);
        assert_eq!(decoder.patience(), Some(Duration::ZERO));
        decoder.feed(b"[", now, &mut inputs);
        assert_eq!(decoder.patience(), Some(TORN));
        decoder.feed(b"A", now, &mut inputs);
        assert_eq!((decoder.patience(), inputs), (None, vec![Input::Key(Key::plain(Code::Up))]));
    }

    #[test]
    fn a_paste_is_one_event_however_it_is_torn() {
        let whole = b"a\x1b[200~one\r\ntwo \xc3\xa9\x1b[201~";
        let expected = [Input::Key(Key::char('a')), pasted("one\r\ntwo é"), Input::Key(Key::char('b'))];
        assert_eq!(decode_timed(&[(0, whole), (150, b"b")]), expected);
        for at in 1..whole.len() {
            assert_eq!(
                decode_timed(&[(0, &whole[..at]), (0, &whole[at..]), (150, b"b")]),
                expected,
                "torn at {at}"
            );
        }
    }

    #[test]
    fn an_end_mark_inside_a_paste_makes_no_keys() {
        // A ticket that somebody copies holds the end mark and then what would be keys: `y` sends, `x` discards.
        let inputs = decode(&[b"\x1b[200~harmless\x1b[201~yyyx", b"more\x1b[201~"]);
        assert_eq!(inputs, [pasted("harmless\x1b[201~yyyxmore")]);
    }

    #[test]
    fn a_line_that_falls_silent_behind_an_end_mark_makes_no_keys_either() {
        // The same ticket over a slow line: it stalls just behind the mark, for any time.
        let rest = b"\x1b\x1byyyx more text\x1b[201~";
        for pause in [6, 50, 99, 101, 400, 2900] {
            let keys = |inputs: &[Input]| inputs.iter().any(|input| matches!(input, Input::Key(_)));
            let inputs = decode_timed(&[(0, b"\x1b[200~harmless\x1b[201~"), (pause, rest)]);
            assert_eq!(inputs, [pasted("harmless"), pasted("\x1b\x1byyyx more text")], "{pause} ms");
            for at in 9..rest.len() {
                let pieces: [(u64, &[u8]); 3] =
                    [(0, b"\x1b[200~harmless\x1b[201~"), (pause, &rest[..at]), (pause.min(90), &rest[at..])];
                let inputs = decode_timed(&pieces);
                assert!(!keys(&inputs), "{pause} ms, torn at {at}: {inputs:?}");
            }
        }
    }

    #[test]
    fn a_line_that_gives_one_byte_at_a_time_makes_no_keys() {
        let mut pieces: Vec<(u64, &[u8])> = vec![(0, b"\x1b[200~harmless\x1b[201~")];
        pieces.extend(b"\x1byx and so on\x1b[201~".chunks(1).map(|byte| (9, byte)));
        let inputs = decode_timed(&pieces);
        assert!(inputs.iter().all(|input| matches!(input, Input::Paste { .. })), "{inputs:?}");
    }

    #[test]
    fn who_types_after_a_paste_is_heard_soon() {
        let escape = Input::Key(Key::plain(Code::Esc));
        let paste: (u64, &[u8]) = (0, b"\x1b[200~text\x1b[201~");
        assert_eq!(decode_timed(&[paste, (150, b"\x1b")]), [pasted("text"), escape.clone()]);
        // What is pressed sooner is text if it has any, and puts nothing off.
        assert_eq!(
            decode_timed(&[paste, (60, b"\x1b"), (30, b"j"), (20, b"\x1b")]),
            [pasted("text"), pasted("j"), escape]
        );
        let arrows = decode_timed(&[paste, (150, &b"\x1b[A".repeat(20))]);
        assert_eq!(arrows.len(), 21, "arrows held down on a slow line");
        let typed = decode_timed(&[paste, (3500, b"typed ahead\x1b")]);
        assert_eq!(typed.len(), 13, "the watch ends");
        let twice = decode_timed(&[paste, (30, b"\x1b[200~more\x1b[201~")]);
        assert_eq!(twice, [pasted("text"), pasted("more")]);
    }

    #[test]
    fn a_paste_without_end_does_not_take_the_keyboard_for_ever() {
        let mut pieces: Vec<(u64, &[u8])> = vec![(0, b"\x1b[200~text"), (5001, b"j")];
        assert_eq!(decode_timed(&pieces), [pasted("text"), Input::Key(Key::char('j'))]);
        // Its rest, however late, makes no keys.
        pieces[1] = (60_000, b"and\x1by on\x1b[201~");
        assert_eq!(decode_timed(&pieces), [pasted("text"), pasted("and\x1by on")]);
    }

    #[test]
    fn a_huge_paste_is_cut_and_still_ends() {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.resize(2_000_006, b'x');
        bytes.extend(b"\x1b[201~");
        let inputs = decode_timed(&[(0, &bytes), (150, b"j")]);
        let Some(Input::Paste { text, dropped }) = inputs.first() else { unreachable!("{}", inputs.len()) };
        assert_eq!((text.len() + dropped, &inputs[1..]), (2_000_000, &[Input::Key(Key::char('j'))][..]));
        assert_eq!(text.len(), paste::LONGEST_PASTE);
    }

    #[test]
    fn three_thousand_keys_at_once_are_all_read() {
        assert_eq!(decode(&[&[b'j'; 3000]]).len(), 3000);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_inputs(
            bytes in vec(select(b"\x1b\x1b\x1b[[O]<?;:012AMZm~u\\\x07j\xc3\xa9\xe2\x00\x9b".to_vec()), 0..60),
            cut in any::<Index>(),
        ) {
            let cut = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
            let inputs = decode(&[&bytes[..cut], &bytes[cut..]]);
            proptest::prop_assert_eq!(inputs, decode(&[&bytes]));
        }

        #[test]
        fn typed_text_comes_out_as_typed(text in "\\PC{0,40}") {
            let typed: String = decode(&[text.as_bytes()]).into_iter().map(|input| match input {
                Input::Key(key) => key.text().unwrap(),
                other => unreachable!("{other:?}"),
            }).collect();
            proptest::prop_assert_eq!(typed, text);
        }
    }
}
