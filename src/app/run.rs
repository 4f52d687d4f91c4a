//! From actions to what they do.

use super::action::Action;
use super::layout::{self, TWO_PANES};
use super::overlay::confirm::{self, Then};
use super::overlay::prompt::{self, PromptKind};
use super::overlay::{Help, Overlay, code, form, log, palette, picker};
use super::screen::board::{moving, project_form};
use super::screen::{Tab, board, clients, composer, queue, redeem, sign_in, staff, thread};
use super::{Effect, State, account_actions, input, live, sitting, ticket_actions};
use crate::domain::ticket::{Priority, TicketStatus};

/// A step of a list or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This many rows.
    Rows(isize),
    /// This many halves of a page.
    Halves(isize),
    /// To the beginning.
    First,
    /// To the end.
    Last,
}

impl Step {
    /// In rows, for a page of this height.
    pub const fn rows(self, page: usize) -> isize {
        match self {
            Self::Rows(rows) => rows,
            Self::Halves(halves) => halves * (page.cast_signed() / 2),
            Self::First => isize::MIN / 2,
            Self::Last => isize::MAX / 2,
        }
    }
}

/// Does it.
pub fn run(state: &mut State, action: Action) {
    match action {
        Action::MoveDown => step(state, Step::Rows(1)),
        Action::MoveUp => step(state, Step::Rows(-1)),
        Action::MoveFirst => step(state, Step::First),
        Action::MoveLast => step(state, Step::Last),
        Action::MoveHalfDown => step(state, Step::Halves(1)),
        Action::MoveHalfUp => step(state, Step::Halves(-1)),
        Action::MovePageDown => step(state, Step::Halves(2)),
        Action::MovePageUp => step(state, Step::Halves(-2)),
        Action::MoveLeft => side(state, -1),
        Action::MoveRight => side(state, 1),
        Action::Open => open(state),
        Action::Back => back(state),
        Action::GoQueue => go(state, Tab::Queue),
        Action::GoBoards => go(state, Tab::Boards),
        Action::GoClients => go(state, Tab::Clients),
        Action::GoStaff => go(state, Tab::Staff),
        Action::GoLog => log::whole(state),
        Action::History => log::history(state),
        Action::LogDetails => log::details(state),
        Action::LogFilter => log::edit(state),
        Action::MyAccount => account_actions::forms::mine(state),
        Action::MyPassword => account_actions::forms::password(state),
        Action::GoPrevious => queue::back_and_forth(state),
        Action::Palette => palette::open(state),
        Action::Help => {
            let contexts = input::contexts(state);
            state.overlay = Some(Overlay::Help(Help { contexts, scroll: 0 }));
        }
        Action::Undo => ticket_actions::undo(state),
        Action::Redo => ticket_actions::redo(state),
        Action::Refresh => live::refresh(state),
        Action::Redraw => state.effect(Effect::Redraw),
        Action::Suspend => state.effect(Effect::Suspend),
        Action::MouseToggle => toggle_mouse(state),
        Action::Cancel => cancel(state),
        Action::Quit => quit(state),
        Action::View1 => queue::view(state, 0),
        Action::View2 => queue::view(state, 1),
        Action::View5 => queue::view(state, 2),
        Action::View7 => queue::view(state, 3),
        Action::View8 => queue::view(state, 4),
        Action::ViewNext => queue::neighbour(state, 1),
        Action::ViewPrevious => queue::neighbour(state, -1),
        Action::Search => prompt::open(state, PromptKind::Search),
        Action::Sort => queue::toggle_sort(state),
        Action::PreviewDown => thread::scroll(state, 3),
        Action::PreviewUp => thread::scroll(state, -3),
        Action::TicketNext => next_ticket(state, 1),
        Action::TicketPrevious => next_ticket(state, -1),
        Action::MessageNext => thread::step_message(state, true),
        Action::MessagePrevious => thread::step_message(state, false),
        Action::Reply => ticket_actions::reply(state),
        Action::Take => ticket_actions::take(state),
        Action::Assign => picker::assignee(state),
        Action::Resolve => ticket_actions::resolve(state),
        Action::Settle => ticket_actions::settle_waiting(state),
        Action::StatusOpen => status(state, TicketStatus::Open),
        Action::StatusPending => status(state, TicketStatus::Pending),
        Action::StatusResolved => status(state, TicketStatus::Resolved),
        Action::StatusClosed => status(state, TicketStatus::Closed),
        Action::PriorityLow => ticket_actions::set_priority(state, Priority::Low),
        Action::PriorityNormal => ticket_actions::set_priority(state, Priority::Normal),
        Action::PriorityHigh => ticket_actions::set_priority(state, Priority::High),
        Action::PriorityUrgent => ticket_actions::set_priority(state, Priority::Urgent),
        Action::MarkUnread => ticket_actions::mark_unread(state),
        Action::ClientCard => state.overlay = Some(Overlay::Card(0)),
        Action::NewTicket => ticket_actions::new_ticket(state),
        Action::CopyNumber => ticket_actions::copy_number(state),
        Action::ReadThread => ticket_actions::read_thread(state),
        Action::CopyThread => ticket_actions::copy_thread(state),
        Action::ComposerReview => composer::sending::review(state),
        Action::ComposerEditor => composer::to_editor(state),
        Action::ReviewSend => composer::sending::send(state, false),
        Action::ReviewSendNext => composer::sending::send(state, true),
        Action::ReviewEdit => composer::sending::edit_on(state),
        Action::ReviewKeep => composer::drafts::keep(state),
        Action::ReviewDiscard => composer::drafts::ask_discard(state),
        Action::CardLeft => moving::move_card(state, -1),
        Action::CardRight => moving::move_card(state, 1),
        Action::CardStatus => picker::card_status(state),
        Action::CardNew => project_form::new(state),
        Action::CardEdit => project_form::edit(state),
        Action::CardTickets => board::tickets_of_client(state),
        Action::BoardFilter => prompt::open(state, PromptKind::BoardFilter),
        Action::ClientSearch => prompt::open(state, PromptKind::ClientSearch),
        Action::ProfileTickets => clients::tickets(state),
        Action::ProfileProjects => clients::projects(state),
        Action::AccountNew
        | Action::AccountEdit
        | Action::AccountActive
        | Action::AccountVerify
        | Action::AccountReset
        | Action::AccountRole
        | Action::AccountSessions
        | Action::AccountErase => account_actions::run(state, action),
        Action::PickerChoose => match &state.overlay {
            Some(Overlay::Palette(_)) => palette::choose(state),
            _ => picker::choose(state),
        },
        Action::PickerDown => step(state, Step::Rows(1)),
        Action::PickerUp => step(state, Step::Rows(-1)),
        Action::OverlayClose => close(state),
        Action::ConfirmYes => confirm::yes(state),
        Action::ConfirmNo => confirm::no(state),
        Action::FormNext | Action::FormPrevious => {
            if let Some(Overlay::Form(form)) = &mut state.overlay {
                form.step(if action == Action::FormNext { 1 } else { -1 });
                form::find(state);
            }
        }
        Action::FormSubmit => form::submit(state),
        Action::PromptApply if matches!(state.overlay, Some(Overlay::Log(_))) => log::apply(state),
        Action::PromptApply => prompt::apply(state),
        Action::Lock => sitting::lock(state),
        Action::Unlock => sitting::submit(state),
        Action::SignInSubmit => sign_in::submit(state),
        Action::SignInCode => state.redeem = Some(redeem::Redeem::default()),
        Action::RedeemSubmit => redeem::submit(state),
        Action::RedeemNext => redeem::next(state),
        Action::RedeemBack => state.redeem = None,
        Action::CodeCopy => code::copy(state),
        Action::CodeClose => code::close(state),
        Action::SignInNext => state.sign_in.on_password = !state.sign_in.on_password,
    }
}

/// The status of the ticket, or the one to set with the reply.
fn status(state: &mut State, status: TicketStatus) {
    if state.composer.is_some() {
        composer::sending::set_status(state, status);
    } else {
        ticket_actions::set_status(state, status);
    }
}

fn step(state: &mut State, by: Step) {
    let height = usize::from(state.size.1);
    match &mut state.overlay {
        Some(Overlay::Palette(palette)) => {
            let len = palette.entries.len();
            palette.cursor.step(by.rows(palette::PAGE), len, palette::PAGE);
            return;
        }
        Some(Overlay::Picker(picker)) => {
            let len = picker.entries.len();
            picker.cursor.step(by.rows(picker::PAGE), len, picker::PAGE);
            return;
        }
        Some(Overlay::Help(Help { scroll, .. }) | Overlay::Card(scroll)) => {
            *scroll = scroll.saturating_add_signed(by.rows(height.saturating_sub(4))).min(500);
            return;
        }
        Some(Overlay::Log(_)) => return log::step(state, by),
        Some(Overlay::Confirm(_) | Overlay::Prompt(_) | Overlay::Form(_) | Overlay::Code(_)) | None => {}
    }
    match state.tab {
        Tab::Queue if state.thread.focused => {
            let page = usize::from(layout::areas(state).thread_body.height);
            thread::scroll(state, by.rows(page.saturating_sub(1)));
        }
        Tab::Queue => match by {
            Step::First => queue::first(state),
            Step::Last => queue::last(state),
            Step::Rows(_) | Step::Halves(_) => queue::step(state, by.rows(queue::page(state))),
        },
        Tab::Boards => board::step(state, by),
        Tab::Clients => clients::step(state, by),
        Tab::Staff => staff::step(state, by),
    }
}

fn side(state: &mut State, by: isize) {
    if state.overlay.is_some() {
        return;
    }
    match state.tab {
        Tab::Queue if by > 0 && !state.thread.focused => open(state),
        Tab::Queue if by < 0 => state.thread.focused = false,
        Tab::Queue => {}
        Tab::Boards => board::step_column(state, by),
        Tab::Clients => clients::side(state, by),
        Tab::Staff => {}
    }
}

fn open(state: &mut State) {
    match state.tab {
        Tab::Queue => {
            let Some(id) = state.queue.selected().map(|row| row.id.clone()) else { return };
            state.thread.focused = true;
            thread::open(state, id);
            queue::follow(state);
            thread::read(state);
        }
        Tab::Boards => board::open(state),
        Tab::Clients => clients::open(state),
        Tab::Staff => account_actions::open(state),
    }
}

fn go(state: &mut State, tab: Tab) {
    let was = std::mem::replace(&mut state.tab, tab);
    match tab {
        Tab::Queue if was == Tab::Queue => {
            state.thread.focused = false;
            queue::follow(state);
        }
        Tab::Queue => {}
        Tab::Boards => board::enter(state),
        Tab::Clients => clients::enter(state),
        Tab::Staff => staff::reload(state),
    }
}

/// One level back. At the top it asks before it leaves.
fn back(state: &mut State) {
    match state.tab {
        Tab::Queue if state.thread.focused => {
            state.thread.focused = false;
            if state.size.0 >= TWO_PANES {
                queue::follow(state);
            }
        }
        Tab::Queue if state.queue.search.is_some() => queue::search(state, ""),
        Tab::Queue => quit(state),
        Tab::Boards => {
            if !board::back(state) {
                state.tab = Tab::Queue;
            }
        }
        Tab::Clients => {
            if !clients::back(state) {
                state.tab = Tab::Queue;
            }
        }
        Tab::Staff => state.tab = Tab::Queue,
    }
}

fn quit(state: &mut State) {
    if state.unsaved_drafts().is_empty() {
        confirm::ask(state, "Leave the desk?", Then::Quit);
    } else {
        confirm::ask(
            state,
            "A draft is not saved yet; it is kept on this machine. Leave the desk?",
            Then::Quit,
        );
    }
}

fn cancel(state: &mut State) {
    if state.sitting.locked() {
        sitting::leave(state);
    } else if state.overlay.is_some() {
        close(state);
    } else if state.me.is_none() && state.redeem.is_some() {
        state.redeem = None;
    } else if state.me.is_none() {
        state.effect(Effect::Quit);
    } else if !state.pending.is_empty() {
        state.pending.clear();
    } else if let Some(composer) = &state.composer {
        match (composer.review.is_some(), composer.save_failed) {
            (true, true) => quit(state),
            (true, false) => composer::drafts::keep(state),
            (false, _) => composer::sending::review(state),
        }
    } else {
        back(state);
    }
}

fn close(state: &mut State) {
    if let Some(Overlay::Form(form)) = &mut state.overlay
        && !form::may_close(form)
    {
        return;
    }
    if let Some(Overlay::Log(log)) = &mut state.overlay
        && log::leave_line(log)
    {
        return;
    }
    if let Some(Overlay::Prompt(line)) = input::close_overlay(state) {
        prompt::restore(state, &line);
    }
}

fn next_ticket(state: &mut State, by: isize) {
    let now = state.now;
    if queue::next_ticket(state, by) {
        thread::read(state);
    } else {
        state.toasts.info(if by > 0 { "this is the last ticket" } else { "this is the first ticket" }, now);
    }
}

fn toggle_mouse(state: &mut State) {
    let now = state.now;
    state.mouse = !state.mouse;
    state.effect(Effect::Mouse(state.mouse));
    let text = if state.mouse { "the mouse is the desk's" } else { "the mouse is the terminal's" };
    state.toasts.info(text, now);
}
