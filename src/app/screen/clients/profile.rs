//! A client with projects and tickets: what its lines are, and the cursor among them.

use crate::app::list::ListCursor;
use crate::app::run::Step;
use crate::app::screen::Remote;
use crate::app::{State, wrap};
use crate::domain::account::is_erased;
use crate::domain::ids::{ProjectId, TicketId, UserId};
use crate::domain::project::ProjectCard;
use crate::domain::query::ClientProfile;
use crate::domain::ticket::TicketBrief;
use ratatui::layout::Rect;

/// The client shown.
#[derive(Debug)]
pub struct Profile {
    /// Who is wanted.
    pub id: UserId,
    /// What was read; of another client until the answer is there.
    pub data: Option<Box<ClientProfile>>,
    /// Whether it is there.
    pub remote: Remote,
    /// The project or ticket under the cursor, and the first line on the screen.
    pub cursor: ListCursor,
}

/// What can be opened from a client.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A project.
    Project(&'a ProjectCard),
    /// A ticket.
    Ticket(&'a TicketBrief),
}

/// A line of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing.
    Blank,
    /// Part of who it is.
    Who(Who, String),
    /// Since when, and last seen.
    Dates,
    /// Above the projects, with their number.
    Projects(usize),
    /// A project: its place among all that can be opened, and among the projects.
    Project(usize, usize),
    /// Above the tickets, with their number.
    Tickets(usize),
    /// A ticket: its place among all that can be opened, and among the tickets.
    Ticket(usize, usize),
    /// Says that there is no project, and what to do next.
    NoProject,
    /// Says that there is no ticket, and what to do next.
    NoTicket,
}

/// What a line says of who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The name.
    Name,
    /// The company.
    Company,
    /// The address.
    Fact,
    /// Something to know before writing.
    Warning,
}

#[derive(PartialEq, Eq)]
enum ItemId {
    Project(ProjectId),
    Ticket(TicketId),
}

impl Profile {
    /// A client that is to be read; what is shown stays meanwhile.
    pub fn after(old: Option<Self>, id: UserId) -> Self {
        let data = old.and_then(|old| old.data);
        Self { id, data, remote: Remote::Loading, cursor: ListCursor::default() }
    }

    /// What was read of the client that is wanted.
    pub fn current(&self) -> Option<&ClientProfile> {
        self.data.as_deref().filter(|data| data.client.person.id == self.id)
    }

    /// What can be opened, from the top.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let data = self.current();
        let projects = data.into_iter().flat_map(|data| &data.projects).map(Item::Project);
        projects.chain(data.into_iter().flat_map(|data| &data.tickets).map(Item::Ticket))
    }

    /// What is under the cursor.
    pub fn selected(&self) -> Option<Item<'_>> {
        self.items().nth(self.cursor.selected)
    }

    /// The client was read: the cursor stays on its project or ticket.
    pub fn arrived(&mut self, data: Box<ClientProfile>) {
        let kept = self.selected().map(id_of);
        self.data = Some(data);
        self.remote = Remote::Ready;
        let found = kept.and_then(|id| self.items().position(|item| id_of(item) == id));
        let last = self.items().count().saturating_sub(1);
        self.cursor.selected = found.unwrap_or(self.cursor.selected).min(last);
    }

    /// The lines, for a pane this wide.
    pub fn lines(&self, width: u16) -> Vec<Line> {
        let Some(data) = &self.data else { return Vec::new() };
        let mut lines = Vec::new();
        who(data, usize::from(width.saturating_sub(2)), &mut lines);
        lines.push(Line::Dates);
        lines.push(Line::Blank);
        lines.push(Line::Projects(data.projects.len()));
        lines.extend((0..data.projects.len()).map(|at| Line::Project(at, at)));
        if data.projects.is_empty() {
            lines.push(Line::NoProject);
        }
        lines.push(Line::Blank);
        lines.push(Line::Tickets(data.tickets.len()));
        let before = data.projects.len();
        lines.extend((0..data.tickets.len()).map(|at| Line::Ticket(before + at, at)));
        if data.tickets.is_empty() {
            lines.push(Line::NoTicket);
        }
        lines
    }

    /// A line was clicked. Says whether the cursor was there before.
    pub fn click(&mut self, line: usize, width: u16) -> bool {
        let hit = self.lines(width).get(self.cursor.offset + line).and_then(place);
        let Some(hit) = hit.filter(|_| self.current().is_some()) else { return false };
        std::mem::replace(&mut self.cursor.selected, hit) == hit
    }
}

/// The place of a line among what can be opened.
pub const fn place(line: &Line) -> Option<usize> {
    match line {
        Line::Project(place, _) | Line::Ticket(place, _) => Some(*place),
        Line::Blank
        | Line::Who(..)
        | Line::Dates
        | Line::Projects(_)
        | Line::Tickets(_)
        | Line::NoProject
        | Line::NoTicket => None,
    }
}

fn id_of(item: Item<'_>) -> ItemId {
    match item {
        Item::Project(card) => ItemId::Project(card.id.clone()),
        Item::Ticket(ticket) => ItemId::Ticket(ticket.id.clone()),
    }
}

fn who(data: &ClientProfile, columns: usize, lines: &mut Vec<Line>) {
    let person = &data.client.person;
    let mut add = |what: Who, text: &str| {
        let ranges = wrap::wrap(text, columns);
        lines.extend(ranges.into_iter().map(|range| Line::Who(what, text[range].to_owned())));
    };
    let name = if person.name.is_blank() { &person.email } else { &person.name };
    add(Who::Name, &name.one_line());
    if !person.company.is_blank() {
        add(Who::Company, &person.company.one_line());
    }
    if !person.name.is_blank() {
        add(Who::Fact, &person.email.one_line());
    }
    if data.client.twin {
        add(Who::Warning, "Another account has this address but for upper and lower case.");
    }
    if is_erased(person.email.raw()) {
        add(Who::Warning, "The account is erased.");
    } else if !person.active {
        add(Who::Warning, "The account is switched off: the client can't read an answer.");
    } else if !data.email_verified {
        add(Who::Warning, "The e-mail address is not verified yet.");
    }
}

/// Moves the cursor among projects and tickets; where there are none, the lines.
pub fn step(state: &mut State, by: Step, area: Rect) {
    let Some(profile) = &mut state.clients.profile else { return };
    let count = profile.items().count();
    let rows = by.rows(area.height.into());
    if count == 0 {
        let most = profile.lines(area.width).len().saturating_sub(area.height.into());
        profile.cursor.offset = profile.cursor.offset.saturating_add_signed(rows).min(most);
    } else {
        profile.cursor.selected = profile.cursor.selected.saturating_add_signed(rows).min(count - 1);
    }
}

/// Keeps the line of the cursor on the screen; at the first of them, what stands above it too.
pub fn settle(state: &mut State, area: Rect) {
    let Some(profile) = state.clients.profile.as_mut().filter(|_| area.height > 0) else { return };
    let lines = profile.lines(area.width);
    let height = usize::from(area.height);
    let cursor = &mut profile.cursor;
    let at = lines.iter().position(|line| place(line) == Some(cursor.selected));
    match at {
        // From the first one up to the top, as far as the screen reaches.
        Some(at) if cursor.selected == 0 => cursor.offset = (at + 1).saturating_sub(height),
        Some(at) if at < cursor.offset => cursor.offset = at,
        Some(at) if at >= cursor.offset + height => cursor.offset = at + 1 - height,
        Some(_) | None => {}
    }
    cursor.offset = cursor.offset.min(lines.len().saturating_sub(height));
}
