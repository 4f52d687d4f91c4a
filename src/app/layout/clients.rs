//! Where the clients lie: the list, and the client opened beside it or, on a narrow screen, in its place.

use super::TWO_PANES;
use crate::app::State;
use ratatui::layout::Rect;

/// The areas of the clients. What is not shown is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientAreas {
    /// Above the rows: what is searched for, and how many.
    pub title: Rect,
    /// The rows.
    pub rows: Rect,
    /// The client under the cursor, or open.
    pub profile: Rect,
    /// The column of the rule between them.
    pub rule: Option<u16>,
}

/// Computes the areas.
pub fn areas(state: &State) -> ClientAreas {
    let body = super::areas(state).body;
    let mut areas = ClientAreas::default();
    if body.height == 0 {
        return areas;
    }
    let mut list = body;
    if body.width >= TWO_PANES {
        list.width = body.width / 2;
        areas.rule = Some(list.width);
        areas.profile = Rect { x: list.width + 1, width: body.width - list.width - 1, ..body };
    } else if state.clients.profile_open() {
        areas.profile = body;
        return areas;
    }
    let title = if body.height > 12 { 2 } else { 1 };
    areas.title = Rect { height: title, ..list };
    areas.rows = Rect { y: list.y + title, height: list.height - title, ..list };
    areas
}
