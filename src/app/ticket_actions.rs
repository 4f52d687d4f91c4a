//! What is done to a ticket, from the queue and the conversation alike.
//!
//! Each change is shown at once, sent with what was seen, and taken back on the screen when it is refused.

use super::action::Action;
use super::overlay::Overlay;
use super::overlay::form::{self, Field, Form, FormKind};
use super::requests::{Cause, Req};
use super::screen::{self, Tab, composer, queue, thread};
use super::undo::Entry;
use super::{Effect, State, account_actions, live};
use crate::domain::command::{Change, Command, Done, LastComment, ProjectChange};
use crate::domain::failure::Failure;
use crate::domain::ids::{TicketId, UserId};
use crate::domain::ticket::{Priority, TicketRow, TicketStatus};
use crate::domain::user::Person;

/// The ticket at hand: the one opened, else the one under the cursor.
pub fn target(state: &State) -> Option<&TicketRow> {
    if state.tab != Tab::Queue {
        return None;
    }
    if state.thread.focused {
        let in_queue = |id: &TicketId| state.queue.rows.iter().find(|row| row.id == *id);
        return state
            .thread
            .current()
            .map(|thread| &thread.ticket)
            .or_else(|| state.thread.ticket.as_ref().and_then(in_queue));
    }
    state.queue.selected()
}

/// Makes the ticket mine; if it is, releases it.
pub fn take(state: &mut State) {
    let Some(me) = state.me.as_ref().map(|me| me.id.clone()) else { return };
    let mine = target(state).and_then(|row| row.assignee.as_ref()).is_some_and(|person| person.id == me);
    assign(state, (!mine).then_some(me));
}

/// Gives the ticket to somebody, or to nobody.
pub fn assign(state: &mut State, to: Option<UserId>) {
    let Some(row) = target(state) else { return };
    let seen = row.assignee.as_ref().map(|person| person.id.clone());
    let ticket = row.id.clone();
    if seen == to {
        let now = state.now;
        state.toasts.info("it is so already", now);
        return;
    }
    act(state, Command::Assign { ticket, change: Change::new(seen, to) });
}

/// Sets the status.
pub fn set_status(state: &mut State, to: TicketStatus) {
    let Some(row) = target(state) else { return };
    let now = state.now;
    if row.status == to {
        state.toasts.info(format!("it is {} already", to.as_str()), now);
        return;
    }
    let change = Change::new(row.status.clone(), to);
    let ticket = row.id.clone();
    let last_comment = last_seen(state, &ticket, &change.to);
    act(state, Command::SetStatus { ticket, change, last_comment });
}

/// Finishing carries the last comment seen; a second press after the warning goes on.
fn last_seen(state: &mut State, ticket: &TicketId, to: &TicketStatus) -> LastComment {
    if !to.is_done() || state.warned_about.take().as_ref() == Some(ticket) {
        return LastComment::Any;
    }
    let thread = state.thread.current().filter(|thread| thread.ticket.id == *ticket);
    match thread {
        Some(thread) => LastComment::Seen(thread.comments.last().map(|comment| comment.id.clone())),
        None => match state.queue.rows.iter().find(|row| row.id == *ticket) {
            Some(row) => LastComment::Seen(row.last_comment.clone()),
            None => LastComment::Any,
        },
    }
}

/// RESOLVED, and on to the next ticket.
pub fn resolve(state: &mut State) {
    let Some(row) = target(state) else { return };
    let done = row.status == TicketStatus::Resolved;
    let focused = state.thread.focused;
    if done {
        let now = state.now;
        state.toasts.info("it is RESOLVED already", now);
    } else {
        set_status(state, TicketStatus::Resolved);
    }
    if queue::next_ticket(state, 1) {
        if focused {
            thread::read(state);
        }
    } else if focused {
        state.thread.focused = false;
    }
}

/// Stops the waiting clock.
pub fn settle_waiting(state: &mut State) {
    let Some(row) = target(state) else { return };
    let (ticket, seen) = (row.id.clone(), row.waiting_since);
    act(state, Command::SetWaiting { ticket, change: Change::new(seen, None) });
}

/// Sets the priority.
pub fn set_priority(state: &mut State, to: Priority) {
    let Some(row) = target(state) else { return };
    let now = state.now;
    if row.priority == to {
        state.toasts.info(format!("the priority is {} already", to.label()), now);
        return;
    }
    let change = Change::new(row.priority, to);
    let ticket = row.id.clone();
    act(state, Command::SetPriority { ticket, change });
}

/// Marks the ticket unread for me.
pub fn mark_unread(state: &mut State) {
    let Some(row) = target(state) else { return };
    let ticket = row.id.clone();
    let mut row = row.clone();
    row.unread = true;
    state.execute(Command::MarkSeen { ticket: ticket.clone(), up_to: None }, Cause::Quiet);
    queue::refresh_row(state, &row);
    if let Some(thread) = state.thread.data.as_mut().filter(|thread| thread.ticket.id == ticket) {
        thread.ticket.unread = true;
    }
    state.thread.unread();
}

/// Copies the number.
pub fn copy_number(state: &mut State) {
    let Some(number) = target(state).map(|row| row.number.one_line().into_owned()) else { return };
    let now = state.now;
    state.toasts.good(format!("{number} is on the clipboard"), now);
    state.effect(Effect::Copy(number));
}

/// Copies the conversation.
pub fn copy_thread(state: &mut State) {
    let now = state.now;
    let Some(thread) = state.thread.current() else {
        state.toasts.info("open the conversation first", now);
        return;
    };
    let text = thread::markdown(state, thread);
    let number = thread.ticket.number.one_line().into_owned();
    state.toasts.good(format!("the conversation of {number} is on the clipboard"), now);
    state.effect(Effect::Copy(text));
}

/// Hands a copy of the conversation to the editor.
pub fn read_thread(state: &mut State) {
    let Some(thread) = state.thread.current() else { return };
    let text = thread::markdown(state, thread);
    state.away = true;
    state.effect(Effect::Read(text));
}

/// Shows what a command changes before it is carried out, and sends it.
fn act(state: &mut State, command: Command) {
    let ticket = command.ticket().cloned();
    let req = state.execute(command, Cause::Asked);
    show_ahead(state, req, ticket.as_ref());
}

/// Shows what was asked for as if it were done, and keeps what stood there.
fn show_ahead(state: &mut State, req: Req, ticket: Option<&TicketId>) {
    let shown = state.queue.rows.iter().chain(state.thread.data.as_ref().map(|thread| &thread.ticket));
    if let Some(row) = shown.filter(|row| Some(&row.id) == ticket).max_by_key(|row| row.version).cloned() {
        state.requests.keep(req, row);
    }
    repaint(state);
}

/// It was not done: what stood there stands there again, also while nothing can be read, unless something newer was.
pub fn show_again(state: &mut State, before: &TicketRow) {
    let row = state.patched(before.clone());
    let older = |shown: &TicketRow| shown.id == row.id && shown.version <= row.version;
    let thread = state.thread.data.as_mut().map(|thread| &mut thread.ticket);
    state
        .queue
        .rows
        .iter_mut()
        .chain(thread)
        .filter(|shown| older(shown))
        .for_each(|shown| *shown = row.clone());
}

/// Applies the commands under way to the rows on the screen.
fn repaint(state: &mut State) {
    let rows = std::mem::take(&mut state.queue.rows);
    state.queue.rows = rows.into_iter().map(|row| state.patched(row)).collect();
    if let Some(thread) = state.thread.data.take() {
        let ticket = state.patched(thread.ticket.clone());
        state.thread.data = Some(crate::domain::ticket::Thread { ticket, ..thread });
    }
}

/// A row as it will be after `command`.
pub fn patch(row: &mut TicketRow, command: &Command, state: &State) {
    if command.ticket() != Some(&row.id) {
        return;
    }
    match command {
        Command::Assign { change, .. } => {
            row.assignee = change.to.as_ref().map(|id| person(state, id));
        }
        Command::SetStatus { change, .. } => {
            row.status = change.to.clone();
            if change.to.is_done() {
                row.waiting_since = None;
            }
        }
        Command::SetPriority { change, .. } => row.priority = change.to,
        Command::SetWaiting { change, .. } => row.waiting_since = change.to,
        Command::MarkSeen { up_to, .. } => row.unread = up_to.is_none(),
        Command::Reply { .. }
        | Command::CreateTicket { .. }
        | Command::SaveDraft { .. }
        | Command::DiscardDraft { .. }
        | Command::CreateProject { .. }
        | Command::EditProject { .. }
        | Command::IssueToken { .. }
        | Command::EndSessions { .. }
        | Command::AddUser { .. }
        | Command::CreateUser { .. }
        | Command::EditUser { .. }
        | Command::SetActive { .. }
        | Command::SetRole { .. }
        | Command::ChangeMyPassword { .. }
        | Command::EraseUser(_)
        | Command::ExportUser { .. }
        | Command::ExportEvents => {}
    }
}

fn person(state: &State, id: &UserId) -> Person {
    let known = state.staff.iter().find(|person| person.id == *id).cloned();
    known.unwrap_or_else(|| {
        let me = state.me.as_ref().filter(|me| me.id == *id);
        Person {
            id: id.clone(),
            name: me.map(|me| me.name.clone()).unwrap_or_default(),
            company: crate::domain::safe_text::SafeText::default(),
            email: crate::domain::safe_text::SafeText::default(),
            role: crate::domain::user::Role::Admin,
            active: true,
        }
    })
}

/// The answer to a change of a ticket or a project.
pub fn answered(state: &mut State, command: &Command, cause: Cause, result: Result<Done, Failure>) {
    let now = state.now;
    match result {
        Ok(mut done) => {
            if let Some(issued) = done.code.take() {
                crate::app::overlay::code::show(state, issued);
                return;
            }
            if let Some(row) = &done.row {
                queue::refresh_row(state, row);
                if let Some(thread) = state.thread.data.as_mut().filter(|thread| thread.ticket.id == row.id) {
                    thread.ticket = (**row).clone();
                }
            }
            match cause {
                // Nothing was written: it had become so before, by somebody else or in another window.
                Cause::Asked if done.event.is_none() && command.inverse().is_some() => {
                    let text = format!("{} already; it was set meanwhile", told(state, command, &done));
                    state.toasts.info(text, now);
                }
                Cause::Asked => {
                    state.history.record(command, done.event);
                    let mut text = told(state, command, &done);
                    if command.inverse().is_some() {
                        text = format!("{text}; {} takes it back", state.keymap.words(Action::Undo));
                    }
                    state.toasts.good(text, now);
                }
                Cause::Undo { message_is_out } => {
                    let out = if message_is_out { "the message is out and stays; " } else { "" };
                    let text = format!("{out}taken back: {}", told(state, command, &done));
                    state.toasts.good(text, now);
                }
                Cause::Redo => {
                    state.history.redone(done.event);
                    let text = format!("done again: {}", told(state, command, &done));
                    state.toasts.good(text, now);
                }
                Cause::Send { .. } | Cause::Quiet => {}
            }
            if let (Command::CreateTicket { ticket, .. }, Cause::Asked) = (command, cause) {
                queue::open_ticket(state, ticket.clone());
            }
            screen::board::carried_out(state, command);
            account_actions::carried_out(state, command, cause);
        }
        Err(failure) => {
            match cause {
                Cause::Undo { .. } => state.history.refused_undo(),
                Cause::Redo => state.history.refused_redo(),
                Cause::Asked | Cause::Send { .. } | Cause::Quiet => {}
            }
            if let (Failure::NewMessages(_), Command::SetStatus { ticket, .. }) = (&failure, command) {
                state.warned_about = Some(ticket.clone());
                let ticket = ticket.clone();
                if state.thread.ticket.as_ref() != Some(&ticket) {
                    queue::open_ticket(state, ticket);
                }
            }
            if cause != Cause::Quiet || !matches!(failure, Failure::Unavailable(_)) {
                state.toasts.warn(failure.sentence(), now);
            }
            screen::board::refused(state, command);
            live::refresh(state);
        }
    }
}

/// Takes the last change back.
pub fn undo(state: &mut State) {
    let now = state.now;
    let Some(Entry { command, event }) = state.history.undo() else {
        return state.toasts.info("there is nothing to take back", now);
    };
    if let Some(inverse) = command.inverse() {
        let cause = Cause::Undo { message_is_out: matches!(command, Command::Reply { .. }) };
        let ticket = inverse.ticket().cloned();
        let req = state.execute_undoing(inverse, cause, event);
        return show_ahead(state, req, ticket.as_ref());
    }
    state.history.refused_undo();
    let why = match command {
        Command::Reply { .. } => "the message is out and stays; its status was not changed by it",
        Command::CreateTicket { .. } => "a ticket once made stays: close it instead",
        Command::CreateProject { .. } => "a project once made stays: cancel it instead",
        ref other => account_actions::stays(other).unwrap_or("this can't be taken back"),
    };
    state.toasts.warn(why, now);
}

/// Does again what was taken back. A reply is out already: only its status is set again.
pub fn redo(state: &mut State) {
    let now = state.now;
    match state.history.redo() {
        Some(Entry { command, .. }) => {
            let again = command.inverse().and_then(|inverse| inverse.inverse());
            if let Some(again) = again {
                let ticket = again.ticket().cloned();
                let req = state.execute(again, Cause::Redo);
                show_ahead(state, req, ticket.as_ref());
            }
        }
        None => state.toasts.info("there is nothing to do again", now),
    }
}

fn told(state: &State, command: &Command, done: &Done) -> String {
    let number = done.row.as_ref().map(|row| row.number.one_line().into_owned()).unwrap_or_default();
    match command {
        Command::Assign { change, .. } => match &change.to {
            None => format!("{number} is released"),
            Some(id) if state.is_me(id) => format!("{number} is yours"),
            Some(id) => format!("{number} goes to {}", person(state, id).display_name()),
        },
        Command::SetStatus { change, .. } => format!("{number} is {}", change.to.as_str()),
        Command::SetPriority { change, .. } => format!("{number} has priority {}", change.to.label()),
        Command::SetWaiting { change, .. } if change.to.is_some() => format!("{number} waits again"),
        Command::SetWaiting { .. } => format!("{number} waits for no answer"),
        Command::CreateTicket { .. } => format!("{number} is open"),
        Command::CreateProject { .. } => "the project is made".to_owned(),
        Command::IssueToken { .. } => "a mail with the code is on its way".to_owned(),
        Command::EditProject { project, changes } => {
            let title = screen::board::title_of(state, project);
            let title = title.as_deref().unwrap_or("the project");
            let status = changes.iter().find_map(|change| match change {
                ProjectChange::Status(status) => Some(status.to.label()),
                _ => None,
            });
            status.map_or_else(|| format!("{title} is changed"), |status| format!("{title}: {status}"))
        }
        Command::Reply { .. }
        | Command::SaveDraft { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. }
        | Command::AddUser { .. }
        | Command::ExportUser { .. }
        | Command::ExportEvents => "done".to_owned(),
        Command::EndSessions { .. }
        | Command::CreateUser { .. }
        | Command::EditUser { .. }
        | Command::SetActive { .. }
        | Command::SetRole { .. }
        | Command::ChangeMyPassword { .. }
        | Command::EraseUser(_) => account_actions::told(command),
    }
}

/// Asks for a new ticket, for the client at hand if there is one.
pub fn new_ticket(state: &mut State) {
    let client = match state.tab {
        Tab::Clients => state.clients.person().cloned(),
        Tab::Queue | Tab::Boards => target(state).map(|row| row.client.clone()),
        Tab::Staff => None,
    };
    let fields = vec![
        Field::client("Client", client.as_ref()),
        Field::line("Subject", "what it is about, in a few words", ""),
        Field::area("Description", "what the client asks for", ""),
        Field::choice("Priority", Priority::ALL.iter().map(|p| p.label().to_owned()).collect(), 1),
    ];
    let mut new = Form::new(FormKind::NewTicket, "New ticket", fields);
    new.focus = usize::from(client.is_some());
    state.overlay = Some(Overlay::Form(Box::new(new)));
    form::find(state);
}

/// Checks the form and opens the ticket.
pub fn submit_new_ticket(state: &mut State) {
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    let ticket = TicketId::from_random(form.id(&mut state.ids));
    let [client, subject, description, priority] = &form.fields[..] else { return };
    let (subject, description) = (subject.text().trim().to_owned(), description.text().trim().to_owned());
    let priority = Priority::ALL[priority.selected().min(3)];
    let Some(client) = client.chosen_client().cloned() else {
        return form.refuse(0, "choose a client from the list");
    };
    if subject.is_empty() {
        return form.refuse(1, "a ticket needs a subject");
    }
    if description.is_empty() {
        return form.refuse(2, "say what the client asks for");
    }
    form::send(state, Command::CreateTicket { ticket, client, subject, description, priority });
}

/// Starts a reply.
pub fn reply(state: &mut State) {
    composer::reply(state);
}
