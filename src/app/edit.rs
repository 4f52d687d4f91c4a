//! A text field: one line or many.
//!
//! The text area crate keeps the lines, its undo history and its kill buffer; this wrapper moves and deletes
//! by grapheme (the crate cuts emoji families apart), bounds what is pasted, and lays the text out wrapped.

use super::key::{Code, Key};
use super::wrap;
use crate::domain::safe_text;
use std::ops::Range;
use tui_textarea::{CursorMove, TextArea};
use unicode_segmentation::UnicodeSegmentation;

/// A paste is cut here, with a notice: 64 KiB.
pub const LONGEST_PASTE: usize = 64 * 1024;
const UNDO_STEPS: usize = 200;

/// What a key did to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The text is another one now.
    Text,
    /// Only the cursor moved, or nothing happened.
    Nothing,
    /// The key means nothing here.
    Unbound,
}

/// What became of a pasted text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pasted {
    /// It stands there as it came, or there is no place for it.
    Whole,
    /// Without its control characters.
    Cleaned,
    /// Only its first [`LONGEST_PASTE`] bytes.
    Cut,
}

/// A text field.
#[derive(Clone, Debug)]
pub struct Editor {
    area: TextArea<'static>,
    many_lines: bool,
}

impl Editor {
    /// A field of one line.
    pub fn line(text: &str) -> Self {
        Self::with(&text.replace('\n', " "), false)
    }

    /// A field of many lines.
    pub fn area(text: &str) -> Self {
        Self::with(text, true)
    }

    fn with(text: &str, many_lines: bool) -> Self {
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_max_histories(UNDO_STEPS);
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self { area, many_lines }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// How many lines, unwrapped.
    pub fn line_count(&self) -> usize {
        self.area.lines().len()
    }

    /// Replaces everything; the cursor goes to the end.
    pub fn set(&mut self, text: &str) {
        *self = Self::with(text, self.many_lines);
    }

    /// Inserts pasted text, made safe and cut at [`LONGEST_PASTE`].
    pub fn paste(&mut self, pasted: &str) -> Pasted {
        let text = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let mut end = text.len().min(LONGEST_PASTE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let stripped: String =
            text[..end].chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let marked = safe_text::sanitise(&stripped).into_owned();
        let became = if end < text.len() {
            Pasted::Cut
        } else if marked != text {
            Pasted::Cleaned
        } else {
            Pasted::Whole
        };
        let insert = if self.many_lines { marked } else { marked.replace(['\n', '\t'], " ") };
        self.area.insert_str(insert);
        became
    }

    /// Types a key: text, and the readline keys.
    pub fn key(&mut self, key: Key) -> Edited {
        if let Some(c) = key.text() {
            self.area.insert_char(c);
            return Edited::Text;
        }
        let changed = match (key.ctrl, key.alt, key.code) {
            (false, false, Code::Enter) if self.many_lines => {
                self.area.insert_newline();
                true
            }
            (false, false, Code::Tab) if self.many_lines => self.area.insert_str(wrap::TAB),
            (false, false, Code::Backspace) | (true, false, Code::Char('h')) => self.delete_back(),
            (false, false, Code::Delete) | (true, false, Code::Char('d')) => self.delete_forward(),
            (true, false, Code::Char('w')) | (false, true, Code::Backspace) => self.area.delete_word(),
            (false, true, Code::Char('d')) => self.area.delete_next_word(),
            (true, false, Code::Char('k')) => self.area.delete_line_by_end(),
            (true, false, Code::Char('u')) => self.area.delete_line_by_head(),
            (true, false, Code::Char('y')) => self.area.paste(),
            (true, false, Code::Char('_' | '/' | '7')) => self.area.undo(),
            _ => return self.move_cursor(key),
        };
        if changed { Edited::Text } else { Edited::Nothing }
    }

    fn move_cursor(&mut self, key: Key) -> Edited {
        let go = match (key.ctrl, key.alt, key.code) {
            (false, false, Code::Left) | (true, false, Code::Char('b')) => return self.step(-1),
            (false, false, Code::Right) | (true, false, Code::Char('f')) => return self.step(1),
            (false, false, Code::Home) | (true, false, Code::Char('a')) => CursorMove::Head,
            (false, false, Code::End) | (true, false, Code::Char('e')) => CursorMove::End,
            (false, true, Code::Char('b')) | (true, false, Code::Left) => CursorMove::WordBack,
            (false, true, Code::Char('f')) | (true, false, Code::Right) => CursorMove::WordForward,
            (true, false, Code::Home) | (false, true, Code::Char('<')) => CursorMove::Top,
            (true, false, Code::End) | (false, true, Code::Char('>')) => CursorMove::Bottom,
            (false, false, Code::Up) | (true, false, Code::Char('p')) if self.many_lines => CursorMove::Up,
            (false, false, Code::Down) | (true, false, Code::Char('n')) if self.many_lines => {
                CursorMove::Down
            }
            _ => return Edited::Unbound,
        };
        self.area.move_cursor(go);
        self.snap();
        Edited::Nothing
    }

    /// The line of the cursor, and the cursor's byte offset in it.
    fn here(&self) -> (&str, usize) {
        let (row, column) = self.cursor();
        let line = self.area.lines().get(row).map_or("", String::as_str);
        (line, line.char_indices().nth(column).map_or(line.len(), |(at, _)| at))
    }

    fn cursor(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    fn grapheme_before(&self) -> usize {
        let (line, at) = self.here();
        line[..at].graphemes(true).next_back().map_or(0, |grapheme| grapheme.chars().count())
    }

    fn grapheme_after(&self) -> usize {
        let (line, at) = self.here();
        line[at..].graphemes(true).next().map_or(0, |grapheme| grapheme.chars().count())
    }

    fn delete_back(&mut self) -> bool {
        match self.grapheme_before() {
            0 => self.area.delete_newline(),
            chars => (0..chars).fold(false, |changed, _| self.area.delete_char() || changed),
        }
    }

    fn delete_forward(&mut self) -> bool {
        match self.grapheme_after() {
            0 => self.area.delete_next_char(),
            chars => (0..chars).fold(false, |changed, _| self.area.delete_next_char() || changed),
        }
    }

    fn step(&mut self, by: i8) -> Edited {
        let (chars, go) = if by < 0 {
            (self.grapheme_before().max(1), CursorMove::Back)
        } else {
            (self.grapheme_after().max(1), CursorMove::Forward)
        };
        (0..chars).for_each(|_| self.area.move_cursor(go));
        Edited::Nothing
    }

    /// After a vertical move the crate may stand inside a grapheme: go to its beginning.
    fn snap(&mut self) {
        let (line, at) = self.here();
        let start =
            line.grapheme_indices(true).map(|(start, _)| start).take_while(|start| *start <= at).last();
        let inside = start.filter(|start| *start < at && at < line.len());
        let back = inside.map_or(0, |start| line[start..at].chars().count());
        (0..back).for_each(|_| self.area.move_cursor(CursorMove::Back));
    }

    /// Puts the cursor on a cell of the text as [`Self::layout`] lays it out; beyond a line's end it stands there.
    pub fn point(&mut self, line: usize, column: usize, columns: usize) {
        let laid = self.layout(columns);
        let line = line.min(laid.ranges.len().saturating_sub(1));
        let Some(range) = laid.ranges.get(line).cloned() else { return };
        let text = &laid.text[range.clone()];
        let mut at = range.start + reach(text, column);
        // Where a line goes on below, its end is the beginning of the next.
        if at == range.end && laid.ranges.get(line + 1).is_some_and(|next| next.start == at) {
            at -= text.graphemes(true).next_back().map_or(0, str::len);
        }
        let before = &laid.text[..at];
        let row = before.matches('\n').count();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.jump(row, before[start..].chars().count());
    }

    /// Puts the cursor of a single line on a column of what [`Self::window`] shows of it; a line that did not have the
    /// keys is shown from its beginning.
    pub fn point_line(&mut self, column: usize, width: usize, focused: bool) {
        let from = if focused { self.window(width).0 } else { 0 };
        let text = self.text();
        let at = from + reach(&text[from..], column);
        self.jump(0, text[..at].chars().count());
    }

    /// The same for a line that is shown as stars, one a sign.
    pub fn point_secret(&mut self, column: usize, width: usize) {
        let skipped = (self.cursor().1 + 1).saturating_sub(width);
        self.jump(0, (skipped + column).min(self.text().chars().count()));
    }

    /// The part of a single line that is shown where it has so many columns: its first byte, and the cursor's column.
    pub fn window(&self, width: usize) -> (usize, usize) {
        let width = width.max(1);
        let (line, at) = self.here();
        let column = wrap::width(&line[..at]);
        let (mut skipped, mut from) = (0, 0);
        for grapheme in line.graphemes(true) {
            if column + 1 - skipped <= width {
                break;
            }
            skipped += wrap::grapheme_width(grapheme);
            from += grapheme.len();
        }
        (from, column.saturating_sub(skipped))
    }

    /// How many signs there are, and which the cursor stands on: all that is shown of a password.
    pub fn signs(&self) -> (usize, usize) {
        (self.text().chars().count(), self.cursor().1)
    }

    fn jump(&mut self, row: usize, column: usize) {
        let cell = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(cell(row), cell(column)));
        self.snap();
    }

    /// The text wrapped to `columns`, with the cell of the cursor (line, column) in it.
    pub fn layout(&self, columns: usize) -> Laid {
        let text = self.text();
        let ranges = wrap::wrap(&text, columns);
        let (row, _) = self.cursor();
        let (_, at) = self.here();
        let offset = self.area.lines().iter().take(row).map(|line| line.len() + 1).sum::<usize>() + at;
        // The last line that begins at or before the cursor holds it.
        let line = ranges.iter().rposition(|range| range.start <= offset).unwrap_or(0);
        let before = ranges.get(line).map_or("", |range| &text[range.start..offset.min(text.len())]);
        let column = wrap::width(before);
        Laid { text, ranges, cursor: (line, column.min(columns.saturating_sub(1))) }
    }
}

/// The byte of `text` that the sign on this column begins at.
fn reach(text: &str, column: usize) -> usize {
    let (mut used, mut at) = (0, 0);
    for grapheme in text.graphemes(true) {
        used += wrap::grapheme_width(grapheme);
        if used > column {
            break;
        }
        at += grapheme.len();
    }
    at
}

/// A field's text, wrapped.
#[derive(Clone, Debug)]
pub struct Laid {
    /// The whole text.
    pub text: String,
    /// Its lines, as byte ranges.
    pub ranges: Vec<Range<usize>>,
    /// Line and column of the cursor.
    pub cursor: (usize, usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[Key]) -> Editor {
        let mut editor = Editor::area("");
        for key in keys {
            editor.key(*key);
        }
        editor
    }

    #[test]
    fn an_emoji_family_is_one_step_and_one_deletion() {
        let mut editor = Editor::area("a👨‍👩‍👧‍👦b");
        editor.key(Key::plain(Code::Left));
        editor.key(Key::plain(Code::Left));
        editor.key(Key::char('x'));
        assert_eq!(editor.text(), "ax👨‍👩‍👧‍👦b");
        editor.key(Key::plain(Code::Right));
        editor.key(Key::plain(Code::Backspace));
        assert_eq!(editor.text(), "axb");
    }

    #[test]
    fn backspace_at_the_beginning_joins_lines() {
        let mut editor = typed(&[Key::char('a'), Key::plain(Code::Enter), Key::char('b')]);
        assert_eq!(editor.text(), "a\nb");
        editor.key(Key::plain(Code::Home));
        editor.key(Key::plain(Code::Backspace));
        assert_eq!(editor.text(), "ab");
    }

    #[test]
    fn a_paste_is_cleaned_and_cut() {
        let mut editor = Editor::area("");
        assert_eq!(editor.paste("a\r\nb"), Pasted::Whole);
        assert_eq!(editor.text(), "a\nb");
        assert_eq!(editor.paste("x\x1b[201~y"), Pasted::Cleaned);
        assert_eq!(editor.text(), "a\nbx[201~y");
        assert_eq!(editor.paste(&"z".repeat(LONGEST_PASTE + 1)), Pasted::Cut);
        let mut line = Editor::line("");
        line.paste("one\ntwo");
        assert_eq!(line.text(), "one two");
    }

    #[test]
    fn a_cell_of_wrapped_text_takes_the_cursor() {
        let mut editor = Editor::area("the quick brown fox\n\n東京 x");
        for (line, column, cursor) in
            [(0, 4, (0, 4)), (0, 9, (0, 9)), (0, 40, (0, 9)), (1, 40, (1, 9)), (2, 3, (2, 0)), (3, 3, (3, 2))]
        {
            editor.point(line, column, 10);
            assert_eq!(editor.layout(10).cursor, cursor, "line {line}, column {column}");
        }
        editor.point(99, 0, 10);
        assert_eq!(editor.layout(10).cursor, (3, 0));
    }

    #[test]
    fn a_cell_of_a_long_line_takes_the_cursor_in_the_part_that_is_shown() {
        let mut editor = Editor::line("abcdefghijklmnopqrstuvwxyz");
        assert_eq!(editor.window(10), (17, 9));
        editor.point_line(2, 10, true);
        editor.key(Key::char('_'));
        assert_eq!(editor.text(), "abcdefghijklmnopqrs_tuvwxyz");
        editor.point_line(2, 10, false);
        editor.key(Key::char('_'));
        assert_eq!(editor.text(), "ab_cdefghijklmnopqrs_tuvwxyz");
        editor.point_secret(90, 40);
        assert_eq!(editor.signs(), (28, 28));
    }

    #[test]
    fn the_cursor_is_found_in_wrapped_text() {
        let editor = Editor::area("the quick brown fox");
        let laid = editor.layout(10);
        assert_eq!(laid.ranges.len(), 2);
        assert_eq!(laid.cursor, (1, 9));
    }
}
