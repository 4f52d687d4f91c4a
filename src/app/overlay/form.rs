//! A form of several fields: lines, texts, choices, and a client found as you type.

use super::Overlay;
use crate::app::State;
use crate::app::edit::{Edited, Editor};
use crate::app::key::{Code, Key};
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::screen::board;
use crate::app::ticket_actions;
use crate::domain::ids::UserId;
use crate::domain::project::Project;
use crate::domain::query::Query;
use crate::domain::user::{ClientRow, Person};

/// Matches shown under a client field.
pub const MATCHES: usize = 5;

/// What a form makes or changes.
#[derive(Debug)]
pub enum FormKind {
    /// A ticket in a client's name.
    NewTicket,
    /// A project.
    NewProject,
    /// A project, as it was when the form was opened.
    EditProject(Box<Project>),
}

/// What a field takes.
#[derive(Debug)]
pub enum FieldInput {
    /// One line.
    Line(Editor),
    /// Many lines.
    Area(Editor),
    /// One of these.
    Choice {
        /// The words.
        options: Vec<String>,
        /// Which.
        selected: usize,
    },
    /// A client.
    Client(ClientField),
}

/// A client, found as you type.
#[derive(Debug)]
pub struct ClientField {
    /// What is typed.
    pub input: Editor,
    /// Who is chosen: id and what to show.
    pub chosen: Option<(UserId, String)>,
    /// Who fits.
    pub matches: Vec<ClientRow>,
    /// The marked match.
    pub cursor: ListCursor,
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Before it.
    pub label: &'static str,
    /// What to type, shown while it is empty.
    pub hint: &'static str,
    /// What it takes.
    pub input: FieldInput,
}

/// A form.
#[derive(Debug)]
pub struct Form {
    /// What it makes or changes.
    pub kind: FormKind,
    /// Above it.
    pub title: String,
    /// From the top.
    pub fields: Vec<Field>,
    /// The field that takes the keys.
    pub focus: usize,
    /// What is wrong with which field.
    pub error: Option<(usize, String)>,
}

impl Field {
    /// A line.
    pub fn line(label: &'static str, hint: &'static str, text: &str) -> Self {
        Self { label, hint, input: FieldInput::Line(Editor::line(text)) }
    }

    /// A text.
    pub fn area(label: &'static str, hint: &'static str, text: &str) -> Self {
        Self { label, hint, input: FieldInput::Area(Editor::area(text)) }
    }

    /// One of several.
    pub fn choice(label: &'static str, options: Vec<String>, selected: usize) -> Self {
        Self { label, hint: "", input: FieldInput::Choice { options, selected } }
    }

    /// A client.
    pub fn client(label: &'static str, chosen: Option<&Person>) -> Self {
        let chosen = chosen.map(|person| (person.id.clone(), describe(person)));
        let input = Editor::line(chosen.as_ref().map_or("", |(_, text)| text));
        let field = ClientField { input, chosen, matches: Vec::new(), cursor: ListCursor::default() };
        Self { label, hint: "type a part of a name, company or e-mail", input: FieldInput::Client(field) }
    }

    /// What is typed or chosen.
    pub fn text(&self) -> String {
        match &self.input {
            FieldInput::Line(editor) | FieldInput::Area(editor) => editor.text(),
            FieldInput::Choice { options, selected } => options.get(*selected).cloned().unwrap_or_default(),
            FieldInput::Client(field) => field.input.text(),
        }
    }

    /// The client chosen.
    pub fn chosen_client(&self) -> Option<&UserId> {
        match &self.input {
            FieldInput::Client(field) => field.chosen.as_ref().map(|(id, _)| id),
            FieldInput::Line(_) | FieldInput::Area(_) | FieldInput::Choice { .. } => None,
        }
    }

    /// Which of the options.
    pub const fn selected(&self) -> usize {
        match &self.input {
            FieldInput::Choice { selected, .. } => *selected,
            FieldInput::Line(_) | FieldInput::Area(_) | FieldInput::Client(_) => 0,
        }
    }
}

/// A client in one line: name, company.
pub fn describe(person: &Person) -> String {
    match (person.name.is_blank(), person.company.is_blank()) {
        (_, true) => person.display_name().to_owned(),
        (true, false) => format!("{} · {}", person.email.one_line(), person.company.one_line()),
        (false, false) => format!("{} · {}", person.name.one_line(), person.company.one_line()),
    }
}

impl Form {
    /// A form with the first field ready.
    pub fn new(kind: FormKind, title: impl Into<String>, fields: Vec<Field>) -> Self {
        Self { kind, title: title.into(), fields, focus: 0, error: None }
    }

    /// To the field `by` further on, around the end.
    pub fn step(&mut self, by: isize) {
        self.leave();
        let len = self.fields.len().cast_signed();
        self.focus = (self.focus.cast_signed() + by).rem_euclid(len.max(1)).cast_unsigned();
    }

    /// Leaving a client field with one match or a marked one takes it.
    fn leave(&mut self) {
        let Some(Field { input: FieldInput::Client(field), .. }) = self.fields.get_mut(self.focus) else {
            return;
        };
        if field.chosen.is_none() && !field.input.is_blank() {
            field.choose();
        }
    }

    /// Points at a field with a sentence.
    pub fn refuse(&mut self, field: usize, why: impl Into<String>) {
        self.focus = field;
        self.error = Some((field, why.into()));
    }

    /// A key for the field.
    pub fn typed(&mut self, key: Key) -> Edited {
        self.error = None;
        let Some(field) = self.fields.get_mut(self.focus) else { return Edited::Unbound };
        let plain = !key.ctrl && !key.alt;
        match (&mut field.input, key.code) {
            (FieldInput::Area(editor), _) => editor.key(key),
            (FieldInput::Choice { options, selected }, Code::Right | Code::Char(' ' | 'l')) if plain => {
                *selected = (*selected + 1) % options.len().max(1);
                Edited::Nothing
            }
            (FieldInput::Choice { options, selected }, Code::Left | Code::Char('h')) if plain => {
                *selected = selected.checked_sub(1).unwrap_or(options.len().saturating_sub(1));
                Edited::Nothing
            }
            (FieldInput::Choice { options, selected }, Code::Char(c)) if plain => {
                let fits = |text: &String| text.to_lowercase().starts_with(c.to_ascii_lowercase());
                *selected = options.iter().position(fits).unwrap_or(*selected);
                Edited::Nothing
            }
            (FieldInput::Client(client), Code::Up | Code::Down) if !client.matches.is_empty() => {
                let by = if key.code == Code::Up { -1 } else { 1 };
                client.cursor.step(by, client.matches.len(), MATCHES);
                Edited::Nothing
            }
            (FieldInput::Client(client), Code::Enter) => {
                client.choose();
                self.step(1);
                Edited::Nothing
            }
            (_, Code::Enter | Code::Down) => {
                self.step(1);
                Edited::Nothing
            }
            (_, Code::Up) => {
                self.step(-1);
                Edited::Nothing
            }
            (FieldInput::Line(editor), _) => editor.key(key),
            (FieldInput::Client(client), _) => {
                let edited = client.input.key(key);
                if edited == Edited::Text {
                    client.chosen = None;
                }
                edited
            }
            (FieldInput::Choice { .. }, _) => Edited::Unbound,
        }
    }

    /// Pasted text for the field.
    pub fn pasted(&mut self, text: &str) -> Option<&'static str> {
        self.error = None;
        match &mut self.fields.get_mut(self.focus)?.input {
            FieldInput::Line(editor) | FieldInput::Area(editor) => editor.paste(text),
            FieldInput::Client(client) => {
                client.chosen = None;
                client.input.paste(text)
            }
            FieldInput::Choice { .. } => None,
        }
    }
}

impl ClientField {
    fn choose(&mut self) {
        if let Some(row) = self.matches.get(self.cursor.selected) {
            let text = describe(&row.person);
            self.chosen = Some((row.person.id.clone(), text.clone()));
            self.input.set(&text);
            self.matches.clear();
        }
    }
}

/// What is typed into a client field is looked up.
pub fn find(state: &mut State) {
    let Some(Overlay::Form(form)) = &state.overlay else { return };
    let Some(Field { input: FieldInput::Client(field), .. }) = form.fields.get(form.focus) else { return };
    let text = field.input.text().trim().to_owned();
    state.requests.forget(|purpose| *purpose == Purpose::ClientPicker);
    state.fetch(Purpose::ClientPicker, Query::Clients(text));
}

/// Who fits is known.
pub fn clients_arrived(form: &mut Form, rows: &[ClientRow]) {
    for field in &mut form.fields {
        if let FieldInput::Client(client) = &mut field.input
            && client.chosen.is_none()
        {
            client.cursor = ListCursor::default();
            client.matches = rows.to_vec();
        }
    }
}

/// Saves the form, if everything in it is right.
pub fn submit(state: &mut State) {
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    form.leave();
    match form.kind {
        FormKind::NewTicket => ticket_actions::submit_new_ticket(state),
        FormKind::NewProject | FormKind::EditProject(_) => board::submit_project(state),
    }
}
