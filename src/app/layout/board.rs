//! Where the board lies: as many columns as fit around the cursor, and the project opened beside them or, on a
//! narrow screen, in their place.

use super::TWO_PANES;
use crate::app::State;
use ratatui::layout::Rect;

/// A column with the rule on its left takes at least this.
const NARROWEST: u16 = 19;

/// The areas of the board. What is not shown is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardAreas {
    /// Says which projects are shown, when not all are.
    pub note: Rect,
    /// Each column on the screen: which, and where, with the rule on its left and its title on top.
    pub columns: Vec<(usize, Rect)>,
    /// How many columns fit.
    pub fitting: usize,
    /// Rows of a column that are cards; the title and a rule stand above them.
    pub cards_height: u16,
    /// Rows of one card.
    pub card_height: u16,
    /// Whole cards on the screen.
    pub page: usize,
    /// The project opened.
    pub details: Rect,
}

/// Computes the areas.
pub fn areas(state: &State) -> BoardAreas {
    let mut areas = BoardAreas { page: 1, fitting: 1, card_height: 4, ..BoardAreas::default() };
    let mut body = super::areas(state).body;
    if body.height == 0 {
        return areas;
    }
    if state.board.project_open() {
        if body.width < TWO_PANES {
            areas.details = body;
            return areas;
        }
        let width = (body.width * 2 / 5).clamp(44, 72);
        areas.details = Rect { x: body.right() - width + 1, width: width - 1, ..body };
        body.width -= width;
    }
    if state.board.is_filtered() {
        areas.note = Rect { height: 1, ..body };
        body.y += 1;
        body.height -= 1;
    }
    let title = if body.height > 12 { 2 } else { 1 };
    areas.cards_height = body.height - title;
    areas.card_height = if areas.cards_height >= 15 { 5 } else { 4 };
    // The blank line under the last card may be missing.
    areas.page = usize::from(((areas.cards_height + areas.card_height - 4) / areas.card_height).max(1));
    let columns = &state.board.columns;
    let len = columns.list.len() as u16;
    let fitting = (body.width / NARROWEST).clamp(1, len.max(1));
    areas.fitting = fitting.into();
    let first = columns.cursor.offset.min(columns.list.len().saturating_sub(areas.fitting));
    let mut x = body.x;
    for at in 0..fitting.min(len) {
        let width = body.width / fitting + u16::from(at < body.width % fitting);
        areas.columns.push((first + usize::from(at), Rect { x, width, ..body }));
        x += width;
    }
    areas
}
