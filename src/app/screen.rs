//! The screens. Each is a module with its own state and its own functions over it.

pub mod board;
pub mod clients;
pub mod composer;
pub mod queue;
pub mod redeem;
pub mod sign_in;
pub mod staff;
pub mod thread;

use super::key::MouseKind;
use super::layout;
use super::overlay::{Overlay, palette, picker};
use super::{State, footer, input, run};
use crate::app::action::Action;
use crate::domain::time::{Timestamp, until_age_changes};
use crate::policy;
use ratatui::layout::{Position, Rect};

/// The tabs of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Tickets: the queue and the conversation.
    Queue,
    /// Projects.
    Boards,
    /// Clients.
    Clients,
    /// The accounts of staff, for those who administer them.
    Staff,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Boards, Self::Clients, Self::Staff];

    /// The word in the header.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queue => "Queue",
            Self::Boards => "Boards",
            Self::Clients => "Clients",
            Self::Staff => "Staff",
        }
    }

    /// The action that goes there.
    pub const fn action(self) -> Action {
        match self {
            Self::Queue => Action::GoQueue,
            Self::Boards => Action::GoBoards,
            Self::Clients => Action::GoClients,
            Self::Staff => Action::GoStaff,
        }
    }
}

/// Where something comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    /// Never asked for.
    #[default]
    Idle,
    /// Asked for; what was there before stays on the screen.
    Loading,
    /// There.
    Ready,
    /// Not to be had, in a sentence.
    Failed(String),
}

/// The terminal's title.
pub fn title(state: &State) -> String {
    let what = match (&state.me, state.tab) {
        _ if state.sitting.locked() => "locked".to_owned(),
        (None, _) => "sign in".to_owned(),
        (Some(_), Tab::Queue) => match state.thread.data.as_ref().filter(|_| state.thread.focused) {
            Some(thread) => thread.ticket.number.one_line().into_owned(),
            None => state.queue.title(),
        },
        (Some(_), tab) => tab.label().to_owned(),
    };
    format!("{what} · Kaygia Desk")
}

/// When an age on the screen changes next.
pub fn next_age_change(state: &State) -> Option<Timestamp> {
    state.me.as_ref().filter(|_| !state.sitting.locked())?;
    let page = layout::areas(state).queue_rows.height;
    let shown = state.queue.rows.iter().skip(state.queue.cursor.offset).take(page.into());
    let ages = shown.map(|row| row.waiting_since.unwrap_or(row.last_activity_at));
    let head = state.thread.data.as_ref().and_then(|thread| thread.ticket.waiting_since);
    let soonest = ages.chain(head).map(|then| until_age_changes(state.since(then))).min()?;
    Some(state.now.after(soonest))
}

/// Where the words of the header's tabs lie: the tab, its first column, its width.
pub fn tab_places(state: &State) -> impl Iterator<Item = (Tab, u16, u16)> {
    let mut x = 14;
    let staff = state.me.as_ref().is_some_and(|me| policy::sees_staff(&me.role));
    Tab::ALL.into_iter().filter(move |tab| *tab != Tab::Staff || staff).map(move |tab| {
        let width = tab.label().len() as u16;
        let at = x;
        x += width + 2;
        (tab, at, width)
    })
}

/// The mouse.
pub fn mouse(state: &mut State, kind: MouseKind, x: u16, y: u16) {
    if state.sitting.locked() {
        return;
    }
    if state.overlay.is_some() {
        overlay_mouse(state, kind, y);
        return;
    }
    if kind == MouseKind::Press && y + 1 == state.size.1 {
        footer::click(state, x);
        return;
    }
    if state.me.is_none() {
        return;
    }
    let areas = layout::areas(state);
    let at = Position { x, y };
    let row = |area: Rect| usize::from(y.saturating_sub(area.y));
    if kind == MouseKind::Press && areas.header.contains(at) {
        let hit = tab_places(state).find(|(_, start, width)| (*start..start + width).contains(&x));
        if let Some((tab, ..)) = hit {
            input::perform(state, tab.action());
        }
        return;
    }
    match state.tab {
        Tab::Boards => board::mouse(state, kind, x, y),
        Tab::Clients => clients::mouse(state, kind, x, y),
        Tab::Staff => staff::mouse(state, kind, x, y),
        Tab::Queue => match kind {
            MouseKind::Press if state.composer.is_some() => {}
            MouseKind::Press if areas.queue_rows.contains(at) => queue::click(state, row(areas.queue_rows)),
            MouseKind::Press if areas.views.contains(at) => queue::click_view(state, row(areas.views)),
            MouseKind::Press if areas.thread_body.contains(at) || areas.thread_head.contains(at) => {
                run::run(state, Action::MoveRight);
            }
            MouseKind::Press => {}
            MouseKind::WheelUp | MouseKind::WheelDown => {
                let by: isize = if kind == MouseKind::WheelUp { -3 } else { 3 };
                if areas.queue_rows.contains(at) {
                    queue::step(state, by.signum());
                } else if areas.thread_body.contains(at) {
                    thread::scroll(state, by);
                }
            }
        },
    }
}

fn overlay_mouse(state: &mut State, kind: MouseKind, y: u16) {
    let size = state.size;
    let list = match &mut state.overlay {
        Some(Overlay::Palette(palette)) => {
            let len = palette.entries.len();
            Some((&mut palette.cursor, len, layout::list_box(size, palette::WIDTH, len, palette::PAGE)))
        }
        Some(Overlay::Picker(picker)) => {
            let len = picker.entries.len();
            Some((&mut picker.cursor, len, layout::list_box(size, picker::WIDTH, len, picker::PAGE)))
        }
        Some(
            Overlay::Help(_)
            | Overlay::Confirm(_)
            | Overlay::Prompt(_)
            | Overlay::Form(_)
            | Overlay::Card(_)
            | Overlay::Code(_)
            | Overlay::Log(_),
        )
        | None => None,
    };
    let action = match (kind, list) {
        (MouseKind::WheelUp, Some(_)) => Action::PickerUp,
        (MouseKind::WheelDown, Some(_)) => Action::PickerDown,
        (MouseKind::WheelUp, None) => Action::MoveUp,
        (MouseKind::WheelDown, None) => Action::MoveDown,
        (MouseKind::Press, Some((cursor, len, place))) => {
            let Some(line) = y.checked_sub(place.y + 3) else { return };
            let at = cursor.offset + usize::from(line);
            if at >= len || y + 1 >= place.bottom() {
                return;
            }
            cursor.selected = at;
            Action::PickerChoose
        }
        (MouseKind::Press, None) => return,
    };
    run::run(state, action);
}
