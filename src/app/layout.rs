//! Where everything lies on the screen, computed from the size and the state: by update for page sizes and
//! the mouse, by draw for drawing. Three widths: one pane, two panes, four panes.

pub mod board;
pub mod clients;
pub mod dialogs;

use super::screen::Tab;
use super::{State, overlay::Overlay};
use ratatui::layout::Rect;

/// Below this nothing works.
pub const SMALLEST: (u16, u16) = (40, 12);
/// From here on queue and thread stand side by side.
pub const TWO_PANES: u16 = 100;
/// From here on the views and the client card stand beside them.
pub const FOUR_PANES: u16 = 150;

const VIEWS_WIDTH: u16 = 22;
const CARD_WIDTH: u16 = 34;

/// The areas of the screen. What is not shown is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// First line.
    pub header: Rect,
    /// Last line.
    pub footer: Rect,
    /// Between them.
    pub body: Rect,
    /// The list of views.
    pub views: Rect,
    /// One line above the rows.
    pub queue_title: Rect,
    /// The rows of the queue.
    pub queue_rows: Rect,
    /// The head of the conversation.
    pub thread_head: Rect,
    /// The messages.
    pub thread_body: Rect,
    /// What is being written: a title line and the text.
    pub composer: Rect,
    /// The client card.
    pub card: Rect,
    /// Columns of thin vertical rules.
    pub rules: [Option<u16>; 3],
}

impl Areas {
    /// Whether the screen is too small to work on.
    pub const fn too_small(size: (u16, u16)) -> bool {
        size.0 < SMALLEST.0 || size.1 < SMALLEST.1
    }
}

/// Computes the areas.
pub fn areas(state: &State) -> Areas {
    let (width, height) = state.size;
    if Areas::too_small(state.size) {
        return Areas::default();
    }
    let body = Rect::new(0, 1, width, height - 2);
    let mut areas = Areas {
        header: Rect::new(0, 0, width, 1),
        footer: Rect::new(0, height - 1, width, 1),
        body,
        ..Areas::default()
    };
    if state.me.is_some() && state.tab == Tab::Queue {
        panes(state, body, &mut areas);
    }
    areas
}

fn panes(state: &State, body: Rect, areas: &mut Areas) {
    let card_wanted = matches!(state.overlay, Some(Overlay::Card(_)));
    if body.width < TWO_PANES {
        if state.thread.focused {
            thread(state, body, areas);
            if card_wanted {
                areas.card = body;
            }
        } else {
            queue(body, areas);
        }
        return;
    }
    let four = body.width >= FOUR_PANES;
    let mut x = 0;
    let mut right = body.width;
    if four {
        areas.views = Rect { width: VIEWS_WIDTH, ..body };
        areas.rules[0] = Some(VIEWS_WIDTH);
        x = VIEWS_WIDTH + 1;
        right -= CARD_WIDTH + 1;
        areas.rules[2] = Some(right);
        areas.card = Rect { x: right + 1, width: CARD_WIDTH, ..body };
    }
    let room = right - x;
    let list = room * if four { 45 } else { 53 } / 100;
    queue(Rect { x, width: list, ..body }, areas);
    areas.rules[1] = Some(x + list);
    thread(state, Rect { x: x + list + 1, width: room - list - 1, ..body }, areas);
}

fn queue(pane: Rect, areas: &mut Areas) {
    let head = if pane.height > 12 { 2 } else { 1 };
    areas.queue_title = Rect { height: head, ..pane };
    areas.queue_rows = Rect { y: pane.y + head, height: pane.height - head, ..pane };
}

fn thread(state: &State, pane: Rect, areas: &mut Areas) {
    let head = if pane.height > 14 { 4 } else { 2 };
    areas.thread_head = Rect { height: head, ..pane };
    let mut body = Rect { y: pane.y + head, height: pane.height - head, ..pane };
    let shown = state.thread.ticket.as_ref();
    if let Some(composer) = state.composer.as_ref().filter(|composer| Some(&composer.ticket) == shown) {
        let lines = composer.lines_wanted(pane.width.saturating_sub(3));
        let most = (body.height * 3 / 5).max(4);
        let rows = (lines + 1).clamp(4, most);
        body.height -= rows;
        areas.composer = Rect { y: body.y + body.height, height: rows, ..pane };
    }
    areas.thread_body = body;
}

/// Where a centred overlay of at most this size lies.
pub fn centred(size: (u16, u16), width: u16, height: u16) -> Rect {
    let width = width.min(size.0.saturating_sub(2));
    let height = height.min(size.1.saturating_sub(2));
    Rect { x: (size.0 - width) / 2, y: (size.1 - height) / 3, width, height }
}

/// What was done: the box, the rows of its list, and the details of one event, which take the place of the list where
/// there is little room.
pub fn log(size: (u16, u16), details: bool) -> (Rect, Rect, Rect) {
    const DETAILS: u16 = 11;
    let place = centred(size, 120, size.1.saturating_sub(2));
    let inside = Rect {
        x: place.x + 1,
        y: place.y + 3,
        width: place.width.saturating_sub(2),
        height: place.height.saturating_sub(4),
    };
    if !details {
        return (place, inside, Rect { height: 0, ..inside });
    }
    let rows = inside.height.saturating_sub(DETAILS);
    if rows < 3 {
        let list = Rect { height: 1, ..inside };
        return (place, list, Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside });
    }
    let list = Rect { height: rows, ..inside };
    (place, list, Rect { y: inside.y + rows, height: DETAILS, ..inside })
}

/// The box of the palette or a picker, for so many entries; its rows begin three lines below its top.
pub fn list_box(size: (u16, u16), width: u16, entries: usize, page: usize) -> Rect {
    centred(size, width, entries.clamp(1, page) as u16 + 4)
}
