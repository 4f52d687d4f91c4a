//! What is under way: each request has a number and a purpose; answers to what nobody waits for are dropped.

use super::screen::{board, clients, composer, queue, sign_in, staff, thread};
use super::{Effect, State, account_actions, live, sitting, ticket_actions};
use crate::domain::command::{Command, Done};
use crate::domain::event::EventsPage;
use crate::domain::failure::Failure;
use crate::domain::ids::{EventId, ProjectId, TicketId, UserId};
use crate::domain::project::ProjectStatus;
use crate::domain::query::{Answer, Loaded, Query};
use crate::domain::ticket::TicketRow;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// A request that takes longer than this is shown as such.
const SPINNER_AFTER: Duration = Duration::from_millis(150);

/// A request that is not answered by then is shown with the seconds.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// The number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Req(pub u64);

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Rows of the queue.
    Queue(queue::PageUse),
    /// The numbers beside the views.
    Counts,
    /// A conversation.
    Thread(TicketId),
    /// Older messages of a conversation.
    Older(TicketId),
    /// A ticket by its number.
    Jump(String),
    /// Who can be given a ticket.
    Staff,
    /// The board.
    Board,
    /// More of a column.
    BoardColumn(ProjectStatus),
    /// A project.
    Project(ProjectId),
    /// The list of clients.
    Clients,
    /// Clients for a picker.
    ClientPicker,
    /// A client.
    Profile(UserId),
    /// What was done.
    Log(Box<EventsPage>),
    /// Whether the session holds.
    Session,
    /// The accounts of staff.
    StaffAccounts,
    /// My own account.
    MyAccount,
    /// What an erasure touches.
    Erasure(UserId),
    /// A new password for myself.
    Password,
    /// A change.
    Command(Box<Command>, Cause),
}

/// Why a command was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A person asked for it.
    Asked,
    /// It takes back an earlier one.
    Undo {
        /// The earlier one was a reply: only its status can be taken back.
        message_is_out: bool,
    },
    /// It does again what was taken back.
    Redo,
    /// A reply, by `y` or (next) by `Y`.
    Send {
        /// Go to the next ticket afterwards.
        next: bool,
    },
    /// The desk keeps what is typed, or what was read.
    Quiet,
}

/// The requests under way.
#[derive(Debug, Default)]
pub struct Requests {
    next: u64,
    open: BTreeMap<Req, (Purpose, Timestamp)>,
    /// Rows as they are while a command under way is shown as carried out.
    before: BTreeMap<Req, TicketRow>,
}

impl Requests {
    fn begin(&mut self, purpose: Purpose, now: Timestamp) -> Req {
        self.next += 1;
        self.open.insert(Req(self.next), (purpose, now));
        Req(self.next)
    }

    /// Keeps a row as it stands on the screen, before a command is shown as carried out.
    pub fn keep(&mut self, req: Req, row: TicketRow) {
        // One command after the other: the row as it was before all of them.
        let first = self.before.values().find(|kept| kept.id == row.id && kept.version >= row.version);
        let row = first.cloned().unwrap_or(row);
        self.before.insert(req, row);
    }

    /// A command was carried out and made this of the row.
    fn carried_out(&mut self, row: &TicketRow) {
        self.before.values_mut().filter(|kept| kept.id == row.id).for_each(|kept| *kept = row.clone());
    }

    fn end(&mut self, req: Req) -> Option<Purpose> {
        self.open.remove(&req).map(|(purpose, _)| purpose)
    }

    /// Forgets requests whose answer is not wanted any more.
    pub fn forget(&mut self, unwanted: impl Fn(&Purpose) -> bool) {
        self.open.retain(|_, (purpose, _)| !unwanted(purpose));
    }

    /// Whether a request of this kind is under way.
    pub fn any(&self, wanted: impl Fn(&Purpose) -> bool) -> bool {
        self.open.values().any(|(purpose, _)| wanted(purpose))
    }

    /// Commands about a ticket that are not answered yet, oldest first.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.open.values().filter_map(|(purpose, _)| match purpose {
            Purpose::Command(command, _) => Some(&**command),
            _ => None,
        })
    }

    /// Since when the oldest change that a person asked for is not answered.
    pub fn writing_since(&self) -> Option<Timestamp> {
        let asked = |purpose: &Purpose| matches!(purpose, Purpose::Command(..)) && visible(purpose);
        self.open.values().filter(|(purpose, _)| asked(purpose)).map(|(_, since)| *since).min()
    }

    /// Whether something a person waits for has taken long enough to say so.
    pub fn slow(&self, now: Timestamp) -> bool {
        self.open.values().any(|(purpose, since)| visible(purpose) && now.since(*since) >= SPINNER_AFTER)
    }

    /// How long the database has said nothing to the oldest request, if that is worth telling.
    pub fn unanswered(&self, now: Timestamp) -> Option<Duration> {
        self.oldest().map(|since| now.since(since)).filter(|silent| *silent >= SILENT_AFTER)
    }

    fn oldest(&self) -> Option<Timestamp> {
        self.open.values().map(|(_, since)| *since).min()
    }

    /// When [`Requests::slow`] or [`Requests::unanswered`] may become another.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let silent = self.oldest().map(|since| {
            let seconds = now.since(since).as_secs() + 1;
            since.after(SILENT_AFTER.max(Duration::from_secs(seconds)))
        });
        self.spinner_wake(now).into_iter().chain(silent).min()
    }

    fn spinner_wake(&self, now: Timestamp) -> Option<Timestamp> {
        self.open
            .values()
            .filter(|(purpose, _)| visible(purpose))
            .map(|(_, since)| since.after(SPINNER_AFTER))
            .filter(|due| *due > now)
            .min()
    }
}

fn visible(purpose: &Purpose) -> bool {
    !matches!(
        purpose,
        Purpose::Counts | Purpose::Staff | Purpose::Session | Purpose::Command(_, Cause::Quiet)
    )
}

impl State {
    /// A request that is sent by whoever asked for its number.
    pub fn begin(&mut self, purpose: Purpose) -> Req {
        self.requests.begin(purpose, self.now)
    }

    /// Asks for something to be read.
    pub fn fetch(&mut self, purpose: Purpose, query: Query) -> Req {
        let req = self.requests.begin(purpose, self.now);
        self.effect(Effect::Fetch { req, query });
        req
    }

    /// Asks for something to be written.
    pub fn execute(&mut self, command: Command, cause: Cause) -> Req {
        self.execute_undoing(command, cause, None)
    }

    /// Asks for something to be written that takes an event back.
    pub fn execute_undoing(&mut self, command: Command, cause: Cause, undoes: Option<EventId>) -> Req {
        let req = self.requests.begin(Purpose::Command(Box::new(command.clone()), cause), self.now);
        self.effect(Effect::Execute { req, command, undoes });
        req
    }

    /// Shows a row as it will be once the commands under way are carried out.
    pub fn patched(&self, mut row: TicketRow) -> TicketRow {
        for command in self.requests.commands() {
            ticket_actions::patch(&mut row, command, self);
        }
        row
    }
}

/// A query was answered.
pub fn loaded(state: &mut State, req: Req, result: Result<Loaded, Failure>) {
    let Some(purpose) = state.requests.end(req) else { return };
    let loaded = match result {
        Ok(loaded) => loaded,
        Err(failure) => return fetch_failed(state, &purpose, &failure),
    };
    state.skew = loaded.server_now.micros() - state.now.micros();
    live::found(state);
    match (purpose, loaded.answer) {
        (Purpose::Queue(page), Answer::Queue { rows, before, after }) => {
            queue::loaded(state, page, rows, before, after);
        }
        (Purpose::Counts, Answer::Counts(counts)) => state.queue.counts = counts,
        (Purpose::Thread(ticket), Answer::Thread(thread)) => thread::loaded(state, &ticket, thread),
        (Purpose::Older(ticket), Answer::OlderComments { comments, has_older }) => {
            thread::older_loaded(state, &ticket, comments, has_older);
        }
        (Purpose::Jump(number), Answer::TicketByNumber(found)) => queue::jumped(state, &number, found),
        (Purpose::Staff, Answer::Staff(staff)) => {
            state.staff = staff;
            super::overlay::picker::staff_arrived(state);
        }
        (Purpose::StaffAccounts, Answer::StaffAccounts(rows)) => staff::loaded(state, rows),
        (Purpose::MyAccount, Answer::Staff(people)) => account_actions::forms::mine_arrived(state, &people),
        (Purpose::Erasure(user), Answer::Erasure(preview)) => {
            account_actions::forms::erasure_arrived(state, &user, preview);
        }
        (Purpose::Session, Answer::Session(ends)) => sitting::ends(state, ends),
        (Purpose::Log(page), Answer::Events { events, more }) => {
            super::overlay::log::loaded(state, &page, events, more);
        }
        (Purpose::Board, Answer::Board(columns)) => board::loaded(state, columns),
        (Purpose::BoardColumn(status), Answer::BoardColumn { cards, .. }) => {
            board::column_loaded(state, &status, cards);
        }
        (Purpose::Project(id), Answer::Project(project)) => board::project_loaded(state, &id, project),
        (Purpose::Clients, Answer::Clients(rows)) => clients::loaded(state, rows),
        (Purpose::ClientPicker, Answer::Clients(rows)) => {
            super::overlay::picker::clients_arrived(state, &rows);
        }
        (Purpose::Profile(id), Answer::Client(profile)) => clients::profile_loaded(state, &id, profile),
        _ => {}
    }
}

fn fetch_failed(state: &mut State, purpose: &Purpose, failure: &Failure) {
    match failure {
        Failure::SignedOut(why) => return sign_in::signed_out(state, why),
        Failure::Unavailable(_) => live::lost(state),
        _ => {}
    }
    let now = state.now;
    match purpose {
        Purpose::Queue(_) => return state.queue.failed(failure.sentence()),
        Purpose::Thread(ticket) => return thread::failed(state, &ticket.clone(), failure.sentence()),
        Purpose::Counts | Purpose::Staff | Purpose::Session | Purpose::Older(_) | Purpose::Command(..) => {
            return;
        }
        Purpose::Log(page) => super::overlay::log::failed(state, page, &failure.sentence()),
        Purpose::Board => board::failed(state, &failure.sentence()),
        Purpose::Project(id) => board::project_failed(state, id, &failure.sentence()),
        Purpose::StaffAccounts => staff::failed(state, &failure.sentence()),
        Purpose::Clients => clients::failed(state, &failure.sentence()),
        Purpose::Profile(id) => clients::profile_failed(state, id, &failure.sentence()),
        Purpose::Jump(_)
        | Purpose::BoardColumn(_)
        | Purpose::ClientPicker
        | Purpose::MyAccount
        | Purpose::Erasure(_)
        | Purpose::Password => {}
    }
    state.toasts.warn(failure.sentence(), now);
}

/// A command was carried out, or not.
pub fn done(state: &mut State, req: Req, result: Result<Done, Failure>) {
    let Some(purpose) = state.requests.end(req) else { return };
    let before = state.requests.before.remove(&req);
    match &result {
        Err(Failure::SignedOut(why)) => {
            composer::sending::unsent(state, req);
            return sign_in::signed_out(state, why);
        }
        Err(Failure::Unavailable(_)) => live::lost(state),
        Ok(_) => live::found(state),
        Err(_) => {}
    }
    super::overlay::form::answered(state, req, &result);
    let (command, cause) = match purpose {
        Purpose::Command(command, cause) => (command, cause),
        Purpose::Password => return account_actions::password_answered(state, &result),
        _ => return,
    };
    if composer::answered(state, req, &command, cause, &result) {
        return;
    }
    match (&result, before) {
        (Err(_), Some(row)) => ticket_actions::show_again(state, &row),
        (Ok(Done { row: Some(row), .. }), _) => state.requests.carried_out(row),
        _ => {}
    }
    ticket_actions::answered(state, &command, cause, result);
}
