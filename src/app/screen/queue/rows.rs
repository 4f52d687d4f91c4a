//! What becomes of the window when rows are read, change, or go.

use super::{KEPT, PageUse, Queue, counts, follow, page};
use crate::app::State;
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::screen::Remote;
use crate::domain::ids::TicketId;
use crate::domain::query::Query;
use crate::domain::ticket::TicketRow;
use std::collections::HashSet;

/// Rows arrived.
pub fn loaded(state: &mut State, page: PageUse, rows: Vec<TicketRow>, before: bool, after: bool) {
    let rows: Vec<TicketRow> = rows.into_iter().map(|row| state.patched(row)).collect();
    let height = super::page(state);
    if state.staff.is_empty() && !state.requests.any(|purpose| *purpose == Purpose::Staff) {
        state.fetch(Purpose::Staff, Query::Staff);
    }
    let queue = &mut state.queue;
    queue.remote = Remote::Ready;
    match page {
        PageUse::Top | PageUse::Bottom => {
            queue.departed = None;
            queue.fresh.clear();
            (queue.before, queue.after) = (before, after);
            let at = if page == PageUse::Top { 0 } else { rows.len().saturating_sub(1) };
            queue.rows = rows;
            queue.cursor = ListCursor::default();
            queue.cursor.select(at, queue.rows.len(), height);
            follow(state);
            if std::mem::take(&mut state.queue.counts_wanted) {
                counts(state);
            }
        }
        PageUse::Append => {
            let known: HashSet<TicketId> = queue.rows.iter().map(|row| row.id.clone()).collect();
            queue.rows.extend(rows.into_iter().filter(|row| !known.contains(&row.id)));
            queue.after = after;
            trim_front(queue);
        }
        PageUse::Prepend => {
            let known: HashSet<TicketId> = queue.rows.iter().map(|row| row.id.clone()).collect();
            let new: Vec<TicketRow> = rows.into_iter().filter(|row| !known.contains(&row.id)).collect();
            queue.cursor.selected += new.len();
            queue.cursor.offset += new.len();
            queue.rows.splice(0..0, new);
            queue.before = before;
            if queue.rows.len() > KEPT {
                queue.rows.truncate(KEPT.max(queue.cursor.selected + height));
                queue.after = true;
            }
        }
        PageUse::Reload => {
            (queue.before, queue.after) = (before, after);
            merge(state, rows);
        }
    }
}

/// A ticket is not there any more: its row goes too, even from under the cursor.
pub fn gone(state: &mut State, id: &TicketId) {
    let height = page(state);
    let queue = &mut state.queue;
    queue.departed.take_if(|departed| departed == id);
    let Some(at) = queue.rows.iter().position(|row| row.id == *id) else { return };
    queue.rows.remove(at);
    let selected = queue.cursor.selected - usize::from(at < queue.cursor.selected);
    queue.cursor.select(selected.min(queue.rows.len().saturating_sub(1)), queue.rows.len(), height);
}

/// What became of a ticket that left the view from under the cursor: it is shown as it is now, or goes.
pub fn departed_read(state: &mut State, id: &TicketId, row: Option<TicketRow>) {
    match row {
        _ if state.queue.departed.as_ref() != Some(id) => {}
        Some(row) => refresh_row(state, &row),
        None => gone(state, id),
    }
}

fn trim_front(queue: &mut Queue) {
    let surplus = queue.rows.len().saturating_sub(KEPT).min(queue.cursor.offset);
    if surplus > 0 {
        queue.rows.drain(..surplus);
        queue.cursor.offset -= surplus;
        queue.cursor.selected -= surplus;
        queue.before = true;
    }
}

/// The same window, read again: the cursor stays on its ticket, and the ticket on its line.
fn merge(state: &mut State, mut rows: Vec<TicketRow>) {
    let height = page(state);
    let queue = &mut state.queue;
    let line = queue.cursor.selected - queue.cursor.offset.min(queue.cursor.selected);
    let old: HashSet<TicketId> = queue.rows.iter().map(|row| row.id.clone()).collect();
    let selected = queue.selected().cloned();
    let mut departed = None;
    let mut moved_on = false;
    if let Some(selected) = selected {
        let at = rows.iter().position(|row| row.id == selected.id);
        queue.cursor.selected = match at {
            Some(at) => at,
            None => {
                // It left the view: keep it under the cursor, beside the row that stood before it.
                let earlier: HashSet<TicketId> =
                    queue.rows[..queue.cursor.selected].iter().map(|row| row.id.clone()).collect();
                let at = rows.iter().rposition(|row| earlier.contains(&row.id)).map_or(0, |at| at + 1);
                departed = Some(selected.id.clone());
                rows.insert(at, selected);
                at
            }
        };
    } else {
        queue.cursor.selected = 0;
        moved_on = true;
    }
    queue.fresh.extend(rows.iter().filter(|row| !old.contains(&row.id)).map(|row| row.id.clone()));
    queue.rows = rows;
    let left = departed.clone().filter(|id| queue.departed.as_ref() != Some(id));
    queue.departed = departed;
    queue.cursor.offset = queue.cursor.selected.saturating_sub(line);
    queue.cursor.show(queue.rows.len(), height);
    seen(queue, height);
    if moved_on && !state.thread.focused {
        follow(state);
    }
    // It may have left the view only, or be deleted: a conversation that is open tells, else it is asked for.
    if let Some(id) = left.filter(|id| state.thread.ticket.as_ref() != Some(id)) {
        state.fetch(Purpose::Thread(id.clone()), Query::Thread(id));
    }
}

/// Rows that are on the screen are not new any more.
pub(super) fn seen(queue: &mut Queue, height: usize) {
    if !queue.fresh.is_empty() {
        for row in queue.rows.iter().skip(queue.cursor.offset).take(height) {
            queue.fresh.remove(&row.id);
        }
    }
}

/// A row is known anew: after a command, or with its conversation.
pub fn refresh_row(state: &mut State, fresh: &TicketRow) {
    let fresh = state.patched(fresh.clone());
    if let Some(at) = state.queue.index_of(&fresh.id) {
        state.queue.rows[at] = fresh;
    }
}
