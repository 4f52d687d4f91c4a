//! The screens. Each is a module with its own state and its own functions over it.

pub mod board;
pub mod clients;
pub mod composer;
pub mod queue;
pub mod redeem;
pub mod sign_in;
pub mod staff;
pub mod thread;

use super::State;
use super::layout;
use crate::app::action::Action;
use crate::domain::time::{Timestamp, until_age_changes};
use crate::policy;

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
