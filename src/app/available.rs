//! Whether an action makes sense now: the one predicate for keys, footer, palette, help and mouse.

use super::action::Action;
use super::overlay::Overlay;
use super::screen::{Remote, Tab};
use super::{State, account_actions, ticket_actions};
use crate::domain::event::EventsOf;
use crate::policy;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It does.
    Yes,
    /// It has no meaning here.
    Hidden,
    /// It can't be done now: why.
    No(String),
}

/// Decides.
pub fn available(action: Action, state: &State) -> Availability {
    use Availability::{Hidden, No, Yes};
    let needs = |holds: bool, why: &str| if holds { Yes } else { No(why.to_owned()) };
    let ticket = ticket_actions::target(state);
    let on_queue = state.tab == Tab::Queue;
    match action {
        Action::Reply
        | Action::Take
        | Action::Assign
        | Action::Resolve
        | Action::StatusOpen
        | Action::StatusPending
        | Action::StatusResolved
        | Action::StatusClosed
        | Action::PriorityLow
        | Action::PriorityNormal
        | Action::PriorityHigh
        | Action::PriorityUrgent
        | Action::MarkUnread
        | Action::CopyNumber => {
            if on_queue {
                needs(ticket.is_some(), "there is no ticket under the cursor")
            } else {
                Hidden
            }
        }
        Action::Settle => match ticket {
            Some(row) => needs(row.waiting_since.is_some(), "the client is not waiting for an answer"),
            None => Hidden,
        },
        Action::CopyThread | Action::ReadThread | Action::ClientCard => {
            if on_queue {
                needs(state.thread.current().is_some(), "open the conversation first")
            } else {
                Hidden
            }
        }
        Action::Sort if on_queue => {
            needs(state.queue.search.is_none(), "what a search finds is sorted by activity")
        }
        Action::Sort => Hidden,
        Action::Undo => needs(state.history.can_undo(), "there is nothing to take back"),
        Action::Redo => needs(state.history.can_redo(), "there is nothing to do again"),
        Action::CardLeft
        | Action::CardRight
        | Action::CardStatus
        | Action::CardEdit
        | Action::CardTickets => {
            if state.tab == Tab::Boards {
                needs(super::screen::board::selected(state).is_some(), "there is no project under the cursor")
            } else {
                Hidden
            }
        }
        Action::BoardFilter => {
            if state.tab == Tab::Boards {
                Yes
            } else {
                Hidden
            }
        }
        Action::ProfileTickets | Action::ProfileProjects => {
            needs(state.clients.person().is_some(), "there is no client under the cursor")
        }
        Action::Open if state.tab == Tab::Boards => {
            needs(super::screen::board::selected(state).is_some(), "there is no project to open")
        }
        Action::Open if state.tab == Tab::Clients => {
            needs(state.clients.person().is_some(), "there is no client to open")
        }
        Action::Open if state.tab == Tab::Staff => account_actions::available(Action::AccountEdit, state),
        Action::GoLog => {
            if state.me.as_ref().is_some_and(|me| policy::sees_log(&me.role)) {
                Yes
            } else {
                Hidden
            }
        }
        Action::History => match state.tab {
            Tab::Queue => needs(ticket.is_some(), "there is no ticket under the cursor"),
            Tab::Boards => {
                needs(super::screen::board::selected(state).is_some(), "there is no project under the cursor")
            }
            Tab::Clients | Tab::Staff => Hidden,
        },
        Action::LogDetails => match &state.overlay {
            Some(Overlay::Log(log)) => needs(!log.events.is_empty(), "nothing was done here yet"),
            _ => Hidden,
        },
        Action::LogFilter => match &state.overlay {
            Some(Overlay::Log(log)) if matches!(log.of, EventsOf::Log(_)) => Yes,
            _ => Hidden,
        },
        Action::GoStaff
        | Action::AccountNew
        | Action::AccountEdit
        | Action::AccountActive
        | Action::AccountVerify
        | Action::AccountReset
        | Action::AccountRole
        | Action::AccountSessions
        | Action::AccountErase => account_actions::available(action, state),
        Action::Open if on_queue => {
            let empty = state.queue.remote == Remote::Ready && ticket.is_none();
            needs(!empty, "there is nothing to open")
        }
        Action::ReviewSend | Action::ReviewSendNext => {
            let sending = state.composer.as_ref().is_some_and(|composer| composer.sending.is_some());
            needs(!sending, "it is on its way")
        }
        Action::View1
        | Action::View2
        | Action::View5
        | Action::View7
        | Action::View8
        | Action::ViewNext
        | Action::ViewPrevious
        | Action::Search
        | Action::GoPrevious => {
            if on_queue {
                Yes
            } else {
                Hidden
            }
        }
        _ => Yes,
    }
}
