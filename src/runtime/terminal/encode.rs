//! Changed cells as few bytes: over a slow line the colours and the moves between words cost more than the words.
//!
//! Only what differs from the style before is sent, the colour of a blank not at all; a short way between two words
//! is written again instead of jumped over, and each line is drawn from that end at which the style already fits.
//! Moves are absolute, and follow every wide sign: a terminal that has other thoughts about its width is set right by
//! the next cell.
//!
//! Invariant: each frame begins and ends with the terminal's default style.

use crate::app::wrap;
use crate::domain::safe_text::never_shown;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;

/// What shows on a blank.
const ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

/// Each attribute, the code that sets it and the code that takes it away.
const ATTRIBUTES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// A way between two words that is not longer than this is written again: a move takes as many bytes.
const SHORT_WAY: u16 = 4;

/// What the terminal shows, as far as it is known; signs of one byte only.
#[derive(Debug)]
pub struct Glass {
    width: u16,
    known: Vec<Option<(u8, Style)>>,
    /// The columns of each sign whose width is in doubt, at its first one.
    doubtful: Vec<u8>,
}

/// Changed cells of one line, side by side.
struct Run<'a> {
    x: u16,
    y: u16,
    cells: Vec<&'a Cell>,
}

impl Glass {
    /// A terminal of this size, of which nothing is known.
    pub fn new(width: u16, height: u16) -> Self {
        let places = usize::from(width) * usize::from(height);
        Self { width, known: vec![None; places], doubtful: vec![0; places] }
    }

    /// Nothing is known any more.
    pub fn forget(&mut self) {
        self.known.fill(None);
    }

    /// All is blank.
    pub fn clear(&mut self) {
        self.known.fill(Some((b' ', Style::DEFAULT)));
        self.doubtful.fill(0);
    }

    /// Appends what draws these cells, which come line by line from the left.
    pub fn draw<'a>(&mut self, out: &mut Vec<u8>, content: impl Iterator<Item = (u16, u16, &'a Cell)>) {
        let mut style = Style::DEFAULT;
        let mut line: Vec<Run<'a>> = Vec::new();
        for (x, y, cell) in content {
            match line.last_mut() {
                Some(run) if run.y == y && usize::from(run.x) + run.cells.len() == usize::from(x) => {
                    run.cells.push(cell);
                }
                Some(run) if run.y != y => {
                    style = self.draw_line(out, style, &line);
                    line.clear();
                    line.push(Run { x, y, cells: vec![cell] });
                }
                Some(_) | None => line.push(Run { x, y, cells: vec![cell] }),
            }
        }
        style = self.draw_line(out, style, &line);
        if style != Style::DEFAULT {
            out.extend_from_slice(b"\x1b[m");
        }
    }

    /// Draws from the left or from the right, whichever is shorter; the style at the end.
    fn draw_line(&mut self, out: &mut Vec<u8>, style: Style, line: &[Run<'_>]) -> Style {
        let start = out.len();
        let mut after = self.runs(out, style, line.iter());
        if line.len() > 1 {
            let middle = out.len();
            let after_reversed = self.runs(out, style, line.iter().rev());
            if out.len() - middle < middle - start {
                out.drain(start..middle);
                after = after_reversed;
            } else {
                out.truncate(middle);
            }
        }
        for run in line {
            self.learn(run);
        }
        after
    }

    fn runs<'a>(
        &self,
        out: &mut Vec<u8>,
        mut style: Style,
        runs: impl Iterator<Item = &'a Run<'a>>,
    ) -> Style {
        // The end of the run before, if the terminal's cursor is certain to be there.
        let mut end = None;
        for run in runs {
            let short = end.and_then(|end| self.between(end, run, style));
            match (short, end) {
                (Some(known), _) => out.extend(known.iter().flatten().map(|(sign, _)| *sign)),
                (None, None) => append(out, format_args!("\x1b[{};{}H", run.y + 1, run.x + 1)),
                (None, Some(_)) => append(out, format_args!("\x1b[{}G", run.x + 1)),
            }
            let mut doubtful = false;
            for (x, cell) in (run.x..).zip(&run.cells) {
                if std::mem::take(&mut doubtful) {
                    append(out, format_args!("\x1b[{}G", x + 1));
                }
                let wanted = style.towards(cell);
                if wanted != style {
                    change(out, style, wanted);
                    style = wanted;
                }
                // What stood here may have reached further than it should: it goes as a whole.
                let old = self.doubtful.get(self.place(x, run.y)).copied().unwrap_or(0);
                if old > 0 {
                    out.extend(std::iter::repeat_n(b' ', old.into()));
                    append(out, format_args!("\x1b[{}G", x + 1));
                }
                let symbol = shown(cell.symbol());
                doubtful = is_doubtful(&symbol);
                if doubtful {
                    draw_doubtful(out, x, self.width, &symbol);
                } else {
                    out.extend_from_slice(symbol.as_bytes());
                }
            }
            let certain = run.cells.iter().all(|cell| cell.symbol().len() == 1);
            end = Some(if certain { run.x + run.cells.len() as u16 } else { u16::MAX });
        }
        style
    }

    /// What lies between a column and a run, if it is short and can be written in this style.
    fn between(&self, end: u16, run: &Run<'_>, style: Style) -> Option<&[Option<(u8, Style)>]> {
        let way = run.x.checked_sub(end).filter(|way| *way <= SHORT_WAY)?;
        let from = self.place(end, run.y);
        let known = self.known.get(from..from + usize::from(way))?;
        let fits = |(sign, drawn): &(u8, Style)| style == style.towards_sign(*sign == b' ', *drawn);
        known.iter().all(|cell| cell.as_ref().is_some_and(fits)).then_some(known)
    }

    fn learn(&mut self, run: &Run<'_>) {
        let first = self.place(run.x, run.y);
        for (at, cell) in (first..).zip(&run.cells) {
            let sign = match cell.symbol().as_bytes() {
                [sign] => Some((*sign, Style::of(cell))),
                _ => None,
            };
            if let Some(place) = self.doubtful.get_mut(at) {
                let columns = wrap::grapheme_width(cell.symbol()).max(1);
                *place =
                    if is_doubtful(cell.symbol()) { u8::try_from(columns).unwrap_or(u8::MAX) } else { 0 };
            }
            // What a wide sign covers is not told.
            let covers = if sign.is_some() { 1 } else { 2 };
            for place in self.known.iter_mut().skip(at).take(covers) {
                *place = sign;
            }
        }
    }

    fn place(&self, x: u16, y: u16) -> usize {
        usize::from(y) * usize::from(self.width) + usize::from(x)
    }
}

/// The last gate: what a screen forgot to make safe, or somebody typed, reorders and hides nothing on the terminal.
fn shown(symbol: &str) -> Cow<'_, str> {
    if symbol.is_ascii() || !symbol.contains(never_shown) {
        return Cow::Borrowed(symbol);
    }
    let rest = symbol.replace(never_shown, "");
    Cow::Owned(if rest.is_empty() { " ".to_owned() } else { rest })
}

/// A sign of several characters: terminals have different thoughts about the columns that it takes.
fn is_doubtful(symbol: &str) -> bool {
    symbol.len() > 1 && symbol.chars().nth(1).is_some()
}

/// Its columns are emptied first, so that nothing stays of what stood there if the terminal takes fewer of them.
/// Where one that takes more would go on in the next line, only its first character is drawn.
fn draw_doubtful(out: &mut Vec<u8>, x: u16, width: u16, symbol: &str) {
    let columns = wrap::grapheme_width(symbol).max(1);
    out.extend(std::iter::repeat_n(b' ', columns));
    append(out, format_args!("\x1b[{}G", x + 1));
    let widest: usize = symbol.chars().map(|c| wrap::grapheme_width(c.encode_utf8(&mut [0; 4])).max(1)).sum();
    let first = symbol.chars().next().map_or(0, char::len_utf8);
    let fits = usize::from(x) + widest <= usize::from(width);
    out.extend_from_slice(if fits { symbol } else { &symbol[..first] }.as_bytes());
}

/// How the terminal draws what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Style {
    const DEFAULT: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// The style in which a cell looks right.
    fn towards(self, cell: &Cell) -> Self {
        self.towards_sign(cell.symbol() == " ", Self::of(cell))
    }

    /// Of a blank only what shows.
    fn towards_sign(self, blank: bool, exact: Self) -> Self {
        if !blank || exact.modifier.intersects(ON_BLANKS) {
            return exact;
        }
        Self { modifier: self.modifier.difference(ON_BLANKS), bg: exact.bg, fg: self.fg }
    }
}

/// The shorter way of two: what differs, or everything from the default.
fn change(out: &mut Vec<u8>, from: Style, to: Style) {
    let mut codes = Codes::new(out);
    let (taken, added) = (from.modifier.difference(to.modifier), to.modifier.difference(from.modifier));
    let mut again = Modifier::empty();
    for (attribute, _, off) in ATTRIBUTES {
        if taken.contains(attribute) {
            codes.push(format_args!("{off}"));
            // Bold and dim are taken away together, and so are both kinds of blinking.
            again |= ATTRIBUTES
                .iter()
                .filter(|(_, _, other)| *other == off)
                .fold(Modifier::empty(), |all, (sibling, ..)| all | *sibling);
        }
    }
    codes.attributes(added | (to.modifier & again));
    if from.fg != to.fg {
        codes.color(3, to.fg);
    }
    if from.bg != to.bg {
        codes.color(4, to.bg);
    }
    let short = codes.end();

    let mut codes = Codes::new(out);
    if to != Style::DEFAULT {
        codes.push(format_args!("0"));
        codes.attributes(to.modifier);
        if to.fg != Color::Reset {
            codes.color(3, to.fg);
        }
        if to.bg != Color::Reset {
            codes.color(4, to.bg);
        }
    }
    let anew = codes.end();
    if anew.len() < short.len() {
        out.drain(short);
    } else {
        out.truncate(anew.start);
    }
}

/// One sequence of style codes at the end of a buffer.
struct Codes<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    empty: bool,
}

impl<'a> Codes<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend_from_slice(b"\x1b[");
        Self { out, start, empty: true }
    }

    fn push(&mut self, code: std::fmt::Arguments<'_>) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b';');
        }
        append(self.out, code);
    }

    fn attributes(&mut self, wanted: Modifier) {
        for (attribute, on, _) in ATTRIBUTES {
            if wanted.contains(attribute) {
                self.push(format_args!("{on}"));
            }
        }
    }

    /// `ground` is 3 for the signs, 4 for what is behind them.
    fn color(&mut self, ground: u8, color: Color) {
        let indexed = match color {
            Color::Reset => return self.push(format_args!("{ground}9")),
            Color::Rgb(r, g, b) => return self.push(format_args!("{ground}8;2;{r};{g};{b}")),
            Color::Indexed(index) => index,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
        };
        self.push(format_args!("{ground}8;5;{indexed}"));
    }

    fn end(self) -> Range<usize> {
        self.out.push(b'm');
        self.start..self.out.len()
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    const AREA: Rect = Rect { x: 0, y: 0, width: 12, height: 3 };

    fn blank_glass() -> Glass {
        let mut glass = Glass::new(AREA.width, AREA.height);
        glass.clear();
        glass
    }

    /// A column, a text and its style.
    type Piece<'a> = (u16, &'a str, ratatui::style::Style);

    /// A line in pieces of different styles; of what is not named nothing changes.
    fn text(pieces: &[Piece<'_>]) -> String {
        let mut buffer = Buffer::empty(AREA);
        for (x, text, style) in pieces {
            buffer.set_stringn(*x, 0, text, 12, *style);
        }
        let mut out = Vec::new();
        blank_glass().draw(&mut out, Buffer::empty(AREA).diff(&buffer).into_iter());
        String::from_utf8(out).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn only_what_differs_is_sent() {
        let plain = ratatui::style::Style::new();
        let (red, bold) = (plain.fg(Color::Indexed(9)), plain.add_modifier(Modifier::BOLD));
        let cases: &[(&[Piece<'_>], &str)] = &[
            (&[(0, "ab", plain)], "^[1;1Hab"),
            (&[(0, "a", red), (1, "b", plain)], "^[1;1H^[38;5;9ma^[mb"),
            (&[(0, "a", red), (1, "b", red.patch(bold))], "^[1;1H^[38;5;9ma^[1mb^[m"),
            (&[(0, "a", red.patch(bold)), (1, "b", red)], "^[1;1H^[1;38;5;9ma^[22mb^[m"),
            (&[(0, "a", red.patch(bold)), (1, "b", bold)], "^[1;1H^[1;38;5;9ma^[39mb^[m"),
            (&[(0, "a", plain.bg(Color::Blue)), (1, " ", red.bg(Color::Blue))], "^[1;1H^[48;5;4ma ^[m"),
        ];
        for (pieces, sent) in cases {
            assert_eq!(text(pieces), *sent);
        }
    }

    #[test]
    fn a_short_way_is_written_again_and_a_long_one_jumped_over() {
        let plain = ratatui::style::Style::new();
        assert_eq!(text(&[(0, "a", plain), (4, "b", plain)]), "^[1;1Ha   b");
        assert_eq!(text(&[(0, "a", plain), (6, "b", plain)]), "^[1;1Ha^[7Gb");
        let selected = plain.add_modifier(Modifier::REVERSED);
        assert_eq!(text(&[(0, "a", selected), (4, "b", selected)]), "^[1;1H^[7ma^[5Gb^[m");
    }

    #[test]
    fn a_line_is_drawn_from_the_end_at_which_the_style_fits() {
        let (plain, bold) =
            (ratatui::style::Style::new(), ratatui::style::Style::new().add_modifier(Modifier::BOLD));
        assert_eq!(text(&[(0, "a", bold), (9, "b", plain)]), "^[1;10Hb^[1G^[1ma^[m");
    }

    #[test]
    fn after_a_wide_sign_the_column_is_told() {
        let plain = ratatui::style::Style::new();
        assert_eq!(text(&[(0, "a家b", plain)]), "^[1;1Ha家^[4Gb");
        assert_eq!(text(&[(0, "a家", plain), (5, "b", plain)]), "^[1;1Ha家^[6Gb");
    }

    #[test]
    fn a_sign_whose_width_is_in_doubt_leaves_nothing_behind_and_moves_nothing() {
        let plain = ratatui::style::Style::new();
        assert_eq!(text(&[(0, "ae\u{301}b", plain)]), "^[1;1Ha ^[2Ge\u{301}^[3Gb");
        assert_eq!(
            text(&[(9, "👩\u{200d}💻", plain)]),
            "^[1;10H  ^[10G👩",
            "no room for a terminal that joins nothing"
        );
        // Whatever a terminal makes of it: what follows stands where it should.
        let mut terminal = vt100::Parser::new(3.try_into().unwrap(), 12.try_into().unwrap(), 0);
        terminal.process(b"XXXXXXXXXXXX");
        terminal.process(text(&[(0, "ﾊﾞx", plain), (6, "y", plain)]).replace('^', "\x1b").as_bytes());
        let shown = terminal.screen().contents();
        let width = wrap::width("ﾊﾞ") as u16;
        assert_eq!(terminal.screen().cell(0, width).unwrap().contents(), "x", "{shown}");
        assert_eq!(terminal.screen().cell(0, 6).unwrap().contents(), "y", "{shown}");
        assert_ne!(terminal.screen().cell(0, width - 1).unwrap().contents(), "X", "{shown}");
    }

    #[test]
    fn what_hides_or_reorders_never_leaves_here() {
        let mut buffer = Buffer::empty(AREA);
        buffer.content[0].set_symbol("a\u{202e}");
        buffer.content[1].set_symbol("\u{2066}");
        buffer.content[2].set_symbol("\u{9b}b");
        let mut out = Vec::new();
        blank_glass().draw(&mut out, Buffer::empty(AREA).diff(&buffer).into_iter());
        assert_eq!(String::from_utf8(out).unwrap().replace('\x1b', "^"), "^[1;1Ha b");
    }

    #[test]
    fn a_voiced_mark_goes_with_its_letter_when_another_sign_takes_the_place() {
        // The story: a list was shown in the place of a ticket in half-width katakana, and marks stayed in it.
        let mut terminal = vt100::Parser::new(3.try_into().unwrap(), 12.try_into().unwrap(), 0);
        let (mut glass, mut before) = (blank_glass(), Buffer::empty(AREA));
        for text in ["ﾊﾞﾊﾞ x", "7  7 x", "👩\u{200d}💻 y", "ab y"] {
            let mut after = Buffer::empty(AREA);
            after.set_string(0, 0, text, ratatui::style::Style::new());
            let mut sent = Vec::new();
            glass.draw(&mut sent, before.diff(&after).into_iter());
            terminal.process(&sent);
            before = after;
            if text.is_ascii() {
                assert_eq!(terminal.screen().contents().trim_end(), text);
            }
        }
    }

    fn colors() -> impl Strategy<Value = Color> {
        prop_oneof![
            4 => Just(Color::Reset),
            1 => Just(Color::Red),
            1 => Just(Color::White),
            1 => (16_u8..20).prop_map(Color::Indexed),
            1 => Just(Color::Rgb(1, 2, 3)),
        ]
    }

    fn buffers() -> impl Strategy<Value = Buffer> {
        // Those that the emulator of the tests knows.
        let modifiers = proptest::sample::subsequence(
            vec![Modifier::BOLD, Modifier::DIM, Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED],
            0..=3,
        );
        let symbols = proptest::sample::select(vec![" ", " ", " ", " ", "a", "a", "b", "é"]);
        let cell = (symbols, colors(), colors(), modifiers);
        proptest::collection::vec(cell, 36).prop_map(|cells| {
            let mut buffer = Buffer::empty(AREA);
            for (place, (symbol, fg, bg, modifiers)) in buffer.content.iter_mut().zip(cells) {
                place.set_symbol(symbol).set_fg(fg).set_bg(bg);
                place.modifier = modifiers.into_iter().fold(Modifier::empty(), |all, one| all | one);
                if place.modifier.contains(Modifier::BOLD) {
                    // The emulator of the tests knows one of the two at a time.
                    place.modifier.remove(Modifier::DIM);
                }
            }
            buffer
        })
    }

    fn look(parser: &vt100::Parser) -> Vec<String> {
        let cells = (0..AREA.height).flat_map(|y| (0..AREA.width).map(move |x| (x, y)));
        cells
            .map(|(x, y)| {
                let cell = parser.screen().cell(y, x).unwrap();
                let blank = matches!(cell.contents(), "" | " ");
                if blank && !cell.underline() && !cell.inverse() {
                    return format!("blank on {:?}", cell.bgcolor());
                }
                format!(
                    "{:?} {:?} on {:?} {} {} {} {} {}",
                    if blank { " " } else { cell.contents() },
                    cell.fgcolor(),
                    cell.bgcolor(),
                    cell.bold(),
                    cell.dim(),
                    cell.italic(),
                    cell.underline(),
                    cell.inverse()
                )
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_screen_looks_as_ratatuis_own_backend_draws_it(frames in proptest::collection::vec(buffers(), 1..4)) {
            let (rows, columns) = (AREA.height.try_into().unwrap(), AREA.width.try_into().unwrap());
            let mut ours = vt100::Parser::new(rows, columns, 0);
            let mut theirs = vt100::Parser::new(rows, columns, 0);
            let (mut before, mut glass) = (Buffer::empty(AREA), blank_glass());
            for after in frames {
                let diff = before.diff(&after);
                let mut bytes = Vec::new();
                CrosstermBackend::new(&mut bytes).draw(diff.into_iter()).unwrap();
                theirs.process(&bytes);
                let mut sent = Vec::new();
                glass.draw(&mut sent, before.diff(&after).into_iter());
                prop_assert!(sent.len() <= bytes.len());
                ours.process(&sent);
                prop_assert_eq!(look(&ours), look(&theirs));
                before = after;
            }
        }
    }
}
