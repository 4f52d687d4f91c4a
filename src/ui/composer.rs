//! The reply being written, and the bar before sending.

use super::widgets::Pen;
use crate::app::State;
use crate::app::action::Action;
use crate::app::layout::dialogs;
use crate::app::screen::composer::{Composer, Review};
use crate::app::wrap;
use ratatui::layout::{Position, Rect};

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, area: Rect) -> Option<Position> {
    if area.height == 0 {
        return None;
    }
    let composer = state.composer.as_ref()?;
    let theme = pen.theme;
    let line = Rect { height: 1, ..area };
    pen.fill(area, theme.text);
    let mut text_area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    match &composer.review {
        Some(review) => {
            let lines = review_bar(pen, state, composer, review, area);
            text_area.y = area.y + lines;
            text_area.height = area.height.saturating_sub(lines);
        }
        None => {
            let to = format!("Reply to {} <{}>", composer.to_name.one_line(), composer.to_email.one_line());
            pen.rule_across(line, &to, theme.accent);
        }
    }
    let cursor = text(pen, composer, text_area);
    cursor.filter(|_| composer.review.is_none())
}

fn review_bar(pen: &mut Pen<'_>, state: &State, composer: &Composer, review: &Review, area: Rect) -> u16 {
    let theme = pen.theme;
    let send = state.keymap.words(Action::ReviewSend);
    let question = if composer.sending.is_some() {
        format!("Sending to {}", composer.to_name.one_line())
    } else {
        // A long name is cut; what happens to the ticket never is.
        let status = composer.status_after.as_str();
        let room = usize::from(area.width).saturating_sub(status.len() + 22);
        let name = wrap::clip(&composer.to_name.one_line(), room, theme.signs.ellipsis);
        format!("Send to {name}?  then {status}")
    };
    pen.rule_across(Rect { height: 1, ..area }, &question, theme.accent);
    let warning = match (&review.problem, review.new_messages) {
        (Some(problem), _) => problem.clone(),
        (None, 0) => return 1,
        (None, 1) => format!("1 new message since you began: read it above; {send} sends all the same"),
        (None, n) => format!("{n} new messages since you began: read them above; {send} sends all the same"),
    };
    let width = area.width.saturating_sub(2);
    let ranges = wrap::wrap(&warning, width.into());
    // At least one line of the text stays.
    let lines = ranges.len().min(area.height.saturating_sub(2).clamp(1, 4).into());
    for (at, range) in (1..).zip(&ranges[..lines]) {
        // What has no line of its own is cut where it can be seen.
        let end = if usize::from(at) == lines { warning.len() } else { range.end };
        pen.text(area.x + 1, area.y + at, width, warning[range.start..end].trim_end(), theme.warning);
    }
    lines as u16 + 1
}

fn text(pen: &mut Pen<'_>, composer: &Composer, area: Rect) -> Option<Position> {
    let theme = pen.theme;
    let place = dialogs::composer_text(area);
    let (x, width) = (place.x, place.width);
    let laid = composer.editor.layout(width.into());
    let (line, column) = laid.cursor;
    let top = dialogs::composer_top(&laid, area.height);
    for (at, y) in (top..).zip(area.y..area.bottom()) {
        pen.text(area.x + 1, y, 1, theme.signs.pen, theme.accent);
        if let Some(range) = laid.ranges.get(at) {
            pen.text(x, y, width, laid.text[range.clone()].trim_end_matches(['\n', ' ']), theme.text);
        }
    }
    let y = area.y + line.saturating_sub(top) as u16;
    (y < area.bottom()).then_some(Position { x: x + column as u16, y })
}
