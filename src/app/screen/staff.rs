//! The accounts of staff, for those who administer them: a list whose cursor stays on its person.

use super::Remote;
use crate::app::State;
use crate::app::key::MouseKind;
use crate::app::layout;
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::run::Step;
use crate::domain::account::StaffRow;
use crate::domain::query::Query;
use crate::domain::time::{Timestamp, until_age_changes};
use ratatui::layout::{Position, Rect};

/// The accounts of staff.
#[derive(Debug, Default)]
pub struct Staff {
    /// Those who may enter first, by name.
    pub rows: Vec<StaffRow>,
    /// The one under the cursor.
    pub cursor: ListCursor,
    /// Whether the rows are there.
    pub remote: Remote,
}

impl Staff {
    /// The row under the cursor.
    pub fn selected(&self) -> Option<&StaffRow> {
        self.rows.get(self.cursor.selected)
    }
}

/// Where the title and the rows lie.
pub fn areas(state: &State) -> (Rect, Rect) {
    let body = layout::areas(state).body;
    if body.height == 0 {
        return (Rect::default(), Rect::default());
    }
    let title = if body.height > 12 { 2 } else { 1 };
    (
        Rect { height: title, ..body },
        Rect { y: body.y + title, height: body.height.saturating_sub(title), ..body },
    )
}

/// When an age in the list changes next.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    let shown = state.me.is_some() && state.tab == super::Tab::Staff;
    let seen = state.staff_pane.rows.iter().filter(|_| shown).filter_map(|row| row.last_signed_in);
    seen.map(|then| until_age_changes(state.since(then))).min().map(|rest| state.now.after(rest))
}

/// Keeps the cursor on the screen.
pub fn settle(state: &mut State) {
    let height = areas(state).1.height;
    if state.tab == super::Tab::Staff && height > 0 {
        let staff = &mut state.staff_pane;
        staff.cursor.show(staff.rows.len(), height.into());
    }
}

/// The screen was chosen, or something in it changed.
pub fn reload(state: &mut State) {
    if state.staff_pane.remote != Remote::Ready {
        state.staff_pane.remote = Remote::Loading;
    }
    state.requests.forget(|purpose| *purpose == Purpose::StaffAccounts);
    state.fetch(Purpose::StaffAccounts, Query::StaffAccounts);
}

/// The list arrived.
pub fn loaded(state: &mut State, rows: Vec<StaffRow>) {
    let staff = &mut state.staff_pane;
    let before = staff.selected().map(|row| row.person.id.clone());
    staff.rows = rows;
    staff.remote = Remote::Ready;
    let kept = before.and_then(|id| staff.rows.iter().position(|row| row.person.id == id));
    staff.cursor.selected = kept.unwrap_or(staff.cursor.selected).min(staff.rows.len().saturating_sub(1));
}

/// The list could not be had.
pub fn failed(state: &mut State, why: &str) {
    state.staff_pane.remote = Remote::Failed(why.to_owned());
}

/// Moves the cursor.
pub fn step(state: &mut State, by: Step) {
    let page = usize::from(areas(state).1.height);
    let staff = &mut state.staff_pane;
    staff.cursor.step(by.rows(page), staff.rows.len(), page);
}

/// The mouse: a click puts the cursor on a row, a second one opens the form; the wheel moves.
pub fn mouse(state: &mut State, kind: MouseKind, x: u16, y: u16) {
    let (_, rows) = areas(state);
    if !rows.contains(Position { x, y }) {
        return;
    }
    match kind {
        MouseKind::WheelUp => step(state, Step::Rows(-1)),
        MouseKind::WheelDown => step(state, Step::Rows(1)),
        MouseKind::Press => {
            let at = state.staff_pane.cursor.offset + usize::from(y - rows.y);
            if at >= state.staff_pane.rows.len() {
                return;
            }
            let again = std::mem::replace(&mut state.staff_pane.cursor.selected, at) == at;
            if again {
                crate::app::input::perform(state, crate::app::action::Action::Open);
            }
        }
    }
}
