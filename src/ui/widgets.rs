//! The pen: all drawing goes through it, so that nothing leaves its cell and nothing unsafe reaches one.

use super::theme::Theme;
use crate::app::wrap;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws into a buffer.
#[derive(Debug)]
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    /// Colours and signs.
    pub theme: &'a Theme,
}

impl<'a> Pen<'a> {
    /// A pen for a buffer.
    pub const fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// Writes one line, cut with an ellipsis where it does not fit. Answers the columns used.
    pub fn text(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        if width == 0 {
            return 0;
        }
        let expanded = if text.contains('\t') { text.replace('\t', wrap::TAB) } else { String::new() };
        let text = if expanded.is_empty() { text } else { &expanded };
        if wrap::exceeds(text, width.into()) {
            let clipped = wrap::clip(text, width.into(), self.theme.signs.ellipsis);
            return self.raw(x, y, width, &clipped, style);
        }
        self.raw(x, y, width, text, style)
    }

    /// Writes one line that ends at the right edge of `width`. Answers the columns used.
    pub fn right(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let used = (wrap::width(text) as u16).min(width);
        self.text(x + width - used, y, used, text, style);
        used
    }

    fn raw(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        if !self.buffer.area.contains((x, y).into()) {
            return 0;
        }
        if !wrap::is_plain(text.as_bytes()) {
            let (end, _) = self.buffer.set_stringn(x, y, text, width.into(), style);
            return end - x;
        }
        let room = width.min(self.buffer.area.right() - x);
        for (x, c) in (x..x + room).zip(text.chars()) {
            self.buffer[(x, y)].set_char(c).set_style(style);
        }
        usize::from(room).min(text.len()) as u16
    }

    /// Gives an area a style; text in it stays.
    pub fn style(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area, style);
    }

    /// Empties an area.
    pub fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// A thin horizontal rule, with words in it if there are any.
    pub fn rule_across(&mut self, area: Rect, words: &str, style: Style) {
        let line = self.theme.signs.line.repeat(area.width.into());
        let rule = self.theme.rule;
        self.raw(area.x, area.y, area.width, &line, rule);
        if !words.is_empty() && area.width > 6 {
            self.text(area.x + 2, area.y, area.width - 4, &format!(" {words} "), style);
        }
    }

    /// A thin vertical rule.
    pub fn rule_down(&mut self, x: u16, area: Rect) {
        let (sign, style) = (self.theme.signs.rule, self.theme.rule);
        for y in area.top()..area.bottom() {
            self.raw(x, y, 1, sign, style);
        }
    }

    /// A wide character just left of an area would hide the area's first column: it gives way to a blank.
    fn part_wide_cells(&mut self, area: Rect) {
        let Some(x) = area.x.checked_sub(1) else { return };
        for y in area.top()..area.bottom() {
            if let Some(cell) = self.buffer.cell_mut((x, y)).filter(|cell| wrap::width(cell.symbol()) > 1) {
                cell.set_char(' ');
            }
        }
    }

    /// A box with a title, emptied; answers its inside.
    pub fn boxed(&mut self, area: Rect, title: &str) -> Rect {
        let theme = self.theme;
        self.fill(area, theme.overlay);
        self.part_wide_cells(area);
        if area.width < 2 || area.height < 2 {
            return area;
        }
        let border = theme.overlay.patch(theme.rule);
        let [top_left, top_right, bottom_left, bottom_right] = theme.signs.corners;
        let line = theme.signs.line.repeat(usize::from(area.width) - 2);
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        self.raw(area.x, area.y, area.width, &format!("{top_left}{line}{top_right}"), border);
        self.raw(area.x, bottom, area.width, &format!("{bottom_left}{line}{bottom_right}"), border);
        for y in area.y + 1..bottom {
            self.raw(area.x, y, 1, theme.signs.rule, border);
            self.raw(right, y, 1, theme.signs.rule, border);
        }
        if !title.is_empty() {
            let style = theme.overlay.patch(theme.strong);
            self.text(area.x + 2, area.y, area.width.saturating_sub(4), &format!(" {title} "), style);
        }
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::style::Color;

    proptest! {
        #[test]
        fn plain_text_is_drawn_as_the_library_draws_it(text in "[ -~]{0,30}", x in 0_u16..14, width in 0_u16..14) {
            let area = Rect { x: 2, y: 1, width: 10, height: 1 };
            let mut ours = Buffer::empty(area);
            ours.set_string(2, 1, "東京ab東京", Style::new().fg(Color::Blue).bg(Color::Red));
            let mut theirs = ours.clone();
            let style = Style::new().fg(Color::Green);
            let theme = Theme::built_in("dark", false).unwrap();
            let used = Pen::new(&mut ours, &theme).raw(x, 1, width, &text, style);
            let inside = area.contains((x, 1).into());
            let end = if inside { theirs.set_stringn(x, 1, &text, width.into(), style).0 } else { x };
            prop_assert_eq!((used, ours), (end - x, theirs));
        }
    }
}
