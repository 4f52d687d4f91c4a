//! The form of a project: a new one, or the fields of one that is there.
//!
//! An edit sends only the fields that were changed, each with the value it had when the form was opened, so
//! that nothing is overwritten unseen.

use crate::app::overlay::Overlay;
use crate::app::overlay::form::{self, Field, Form, FormKind};
use crate::app::requests::Purpose;
use crate::app::screen::Tab;
use crate::app::{State, ticket_actions};
use crate::domain::command::{Change, Command, ProjectChange, ProjectFields};
use crate::domain::ids::ProjectId;
use crate::domain::money::Budget;
use crate::domain::project::{Project, ProjectStatus, ProjectType};
use crate::domain::query::Query;
use crate::domain::safe_text::SafeText;
use crate::domain::time::{Timestamp, date_to_timestamp, parse_date};
use crate::domain::user::Person;
use jiff::tz::TimeZone;

// The places of the fields in the form.
const TITLE: usize = 0;
const CLIENT: usize = 1;
const KIND: usize = 2;
const STATUS: usize = 3;
const BUDGET: usize = 4;
const START: usize = 5;
const END: usize = 6;
const DESCRIPTION: usize = 7;
const REQUIREMENTS: usize = 8;

/// Opens the form for a new project, for the client at hand if there is one.
pub fn new(state: &mut State) {
    let client = match state.tab {
        Tab::Clients => state.clients.person().cloned(),
        Tab::Queue => ticket_actions::target(state).map(|row| row.client.clone()),
        Tab::Staff => None,
        Tab::Boards => client_of_filter(state),
    };
    let column = state.board.columns.current().filter(|_| state.tab == Tab::Boards);
    let status = column.map(|column| column.status.clone());
    let status = status.filter(|status| ProjectStatus::ALL.contains(status) && !status.is_done());
    let fields = fields(None, client.as_ref(), &status.unwrap_or(ProjectStatus::Pending));
    state.overlay = Some(Overlay::Form(Box::new(Form::new(FormKind::NewProject, "New project", fields))));
}

fn client_of_filter(state: &State) -> Option<Person> {
    let wanted = state.board.filter.client.as_ref()?;
    let mut cards = state.board.columns.list.iter().flat_map(|column| &column.shown.cards);
    cards.find(|card| card.client.id == *wanted).map(|card| card.client.clone())
}

/// Opens the form for the project at hand, once its texts are there.
pub fn edit(state: &mut State) {
    let Some(id) = super::selected(state).map(|card| card.id.clone()) else { return };
    match state.board.project.as_ref().and_then(|open| open.shown.clone()) {
        Some(project) => open_with(state, project),
        None => {
            state.board.edit_when_loaded = Some(id.clone());
            state.requests.forget(|purpose| matches!(purpose, Purpose::Project(_)));
            state.fetch(Purpose::Project(id.clone()), Query::Project(id));
        }
    }
}

/// Opens the form with a project in it.
pub fn open_with(state: &mut State, project: Box<Project>) {
    let fields = fields_of(&project);
    let title = format!("Edit {}", project.card.title.one_line());
    state.overlay = Some(Overlay::Form(Box::new(Form::new(FormKind::EditProject(project), title, fields))));
}

fn fields_of(project: &Project) -> Vec<Field> {
    fields(Some(project), Some(&project.card.client), &project.card.status)
}

fn fields(project: Option<&Project>, client: Option<&Person>, status: &ProjectStatus) -> Vec<Field> {
    let card = project.map(|project| &project.card);
    let kind = card.map_or(ProjectType::Website, |card| card.kind.clone());
    let text = |text: Option<&SafeText>| text.map(ToString::to_string).unwrap_or_default();
    let budget = card.and_then(|card| card.budget).map(Budget::editable).unwrap_or_default();
    let kinds = kinds(&kind);
    let statuses = statuses(status);
    let kind_at = kinds.iter().position(|other| *other == kind).unwrap_or(0);
    let status_at = statuses.iter().position(|other| other == status).unwrap_or(0);
    vec![
        Field::line("Title", "what it is called", &text(card.map(|card| &card.title))),
        Field::client("Client", client),
        Field::choice("Type", kinds.iter().map(|kind| kind.label().to_owned()).collect(), kind_at),
        Field::choice("Status", statuses.iter().map(|s| s.label().to_owned()).collect(), status_at),
        Field::line("Budget", "pounds, as in 24,500", &budget),
        Field::line("Starts", "a date as in 2026-11-30", &date(card.and_then(|card| card.start_date))),
        Field::line("Ends", "a date as in 2026-11-30", &date(card.and_then(|card| card.end_date))),
        Field::area("Description", "what it is about", &text(project.and_then(|p| p.description.as_ref()))),
        Field::area(
            "Requirements",
            "what the client asked for",
            &text(project.and_then(|p| p.requirements.as_ref())),
        ),
    ]
}

fn date(at: Option<Timestamp>) -> String {
    at.and_then(|at| at.day(&TimeZone::UTC)).map(|day| day.to_string()).unwrap_or_default()
}

/// The types to choose from: those that are known, and the one it has.
fn kinds(now: &ProjectType) -> Vec<ProjectType> {
    let unknown = (!ProjectType::ALL.contains(now)).then_some(now);
    ProjectType::ALL.iter().chain(unknown).cloned().collect()
}

fn statuses(now: &ProjectStatus) -> Vec<ProjectStatus> {
    let unknown = (!ProjectStatus::ALL.contains(now)).then_some(now);
    ProjectStatus::ALL.iter().chain(unknown).cloned().collect()
}

/// Checks the form and saves.
pub fn submit(state: &mut State) {
    let now = state.now;
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    let command = match &form.kind {
        FormKind::NewProject => {
            let project = ProjectId::from_random(form.id(&mut state.ids));
            read(form, None).map(|fields| Some(Command::CreateProject { project, fields: Box::new(fields) }))
        }
        FormKind::EditProject(project) => read(form, Some(project)).map(|fields| {
            let changes = changes(project, fields);
            let project = project.card.id.clone();
            (!changes.is_empty()).then_some(Command::EditProject { project, changes })
        }),
        FormKind::NewTicket
        | FormKind::NewAccount
        | FormKind::EditAccount(_)
        | FormKind::MyPassword
        | FormKind::Erase(_) => return,
    };
    match command {
        Ok(Some(command)) => form::send(state, command),
        Ok(None) => {
            state.overlay = None;
            state.toasts.info("nothing was changed", now);
        }
        Err((field, why)) => form.refuse(field, why),
    }
}

fn refuse<T>(field: usize, why: &str) -> Result<T, (usize, String)> {
    Err((field, why.to_owned()))
}

/// What the form holds. A field that was not touched keeps what the project has, however odd.
fn read(form: &Form, project: Option<&Project>) -> Result<ProjectFields, (usize, String)> {
    let touched = form.touched();
    let kept = |field: usize| project.filter(|_| !touched.get(field).is_some_and(|touched| *touched));
    let text = |field: usize| form.fields.get(field).map(Field::text).unwrap_or_default();
    let selected = |field: usize| form.fields.get(field).map_or(0, Field::selected);

    let title = match kept(TITLE) {
        Some(project) => project.card.title.raw().to_owned(),
        None => text(TITLE).trim().to_owned(),
    };
    if title.trim().is_empty() {
        return refuse(TITLE, "a project needs a title");
    }
    let Some(client) = form.fields.get(CLIENT).and_then(Field::chosen_client).cloned() else {
        return refuse(CLIENT, "choose a client from the list");
    };
    let kind_now = project.map_or(ProjectType::Website, |project| project.card.kind.clone());
    let status_now = project.map_or(ProjectStatus::Pending, |project| project.card.status.clone());
    let kind = kinds(&kind_now).into_iter().nth(selected(KIND)).unwrap_or(kind_now);
    let status = statuses(&status_now).into_iter().nth(selected(STATUS)).unwrap_or(status_now);
    let budget = match (kept(BUDGET), text(BUDGET)) {
        (Some(project), _) => project.card.budget,
        (None, typed) if typed.trim().is_empty() => None,
        (None, typed) => match Budget::parse(&typed) {
            Some(budget) => Some(budget),
            None => return refuse(BUDGET, "write pounds as 24500 or 24,500.50, or nothing"),
        },
    };
    let day = |field: usize, now: fn(&Project) -> Option<Timestamp>| match (kept(field), text(field)) {
        (Some(project), _) => Ok(now(project)),
        (None, typed) if typed.trim().is_empty() => Ok(None),
        (None, typed) => match parse_date(&typed) {
            Some(day) => Ok(Some(date_to_timestamp(day))),
            None => refuse(field, "write the date as 2026-11-30, or nothing"),
        },
    };
    let start_date = day(START, |project| project.card.start_date)?;
    let end_date = day(END, |project| project.card.end_date)?;
    let dates_touched = kept(START).is_none() || kept(END).is_none();
    if dates_touched && start_date.zip(end_date).is_some_and(|(start, end)| end < start) {
        return refuse(END, "it would end before it starts");
    }
    let long = |field: usize, now: fn(&Project) -> Option<&SafeText>| match (kept(field), text(field)) {
        (Some(project), _) => now(project).map(|text| text.raw().to_owned()),
        (None, typed) => Some(typed.trim().to_owned()).filter(|text| !text.is_empty()),
    };
    Ok(ProjectFields {
        title,
        client,
        status,
        kind,
        budget,
        start_date,
        end_date,
        description: long(DESCRIPTION, |project| project.description.as_ref()),
        requirements: long(REQUIREMENTS, |project| project.requirements.as_ref()),
    })
}

/// What differs from the project as it was when the form was opened.
fn changes(project: &Project, fields: ProjectFields) -> Vec<ProjectChange> {
    fn changed<T: PartialEq + Clone>(
        seen: T,
        to: T,
        change: fn(Change<T>) -> ProjectChange,
    ) -> Option<ProjectChange> {
        (seen != to).then(|| change(Change::new(seen, to)))
    }
    let card = &project.card;
    let raw = |text: &Option<SafeText>| text.as_ref().map(|text| text.raw().to_owned());
    [
        changed(card.title.raw().to_owned(), fields.title, ProjectChange::Title),
        changed(card.client.id.clone(), fields.client, ProjectChange::Client),
        changed(card.status.clone(), fields.status, ProjectChange::Status),
        changed(card.kind.clone(), fields.kind, ProjectChange::Kind),
        changed(card.budget, fields.budget, ProjectChange::Budget),
        changed(card.start_date, fields.start_date, ProjectChange::StartDate),
        changed(card.end_date, fields.end_date, ProjectChange::EndDate),
        changed(raw(&project.description), fields.description, ProjectChange::Description),
        changed(raw(&project.requirements), fields.requirements, ProjectChange::Requirements),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The save was overtaken: the project is read again, to see what is there now.
pub fn overtaken(state: &mut State) {
    let Some(Overlay::Form(form)) = &state.overlay else { return };
    let FormKind::EditProject(project) = &form.kind else { return };
    let id = project.card.id.clone();
    state.requests.forget(|purpose| matches!(purpose, Purpose::Project(_)));
    state.fetch(Purpose::Project(id.clone()), Query::Project(id));
}

/// A project was read. After a save that was overtaken, the form shows its values where nothing was typed,
/// and the next save replaces what is there now.
pub fn arrived(state: &mut State, project: &Project) {
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    let FormKind::EditProject(old) = &form.kind else { return };
    if old.card.id == project.card.id && form.overtaken {
        form.rebase(FormKind::EditProject(Box::new(project.clone())), fields_of(project));
    }
}
