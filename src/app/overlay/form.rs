//! A form of several fields: lines, texts, choices, and a client found as you type.

use super::Overlay;
use crate::app::State;
use crate::app::account_actions::forms;
use crate::app::action::Action;
use crate::app::edit::{Edited, Editor, Pasted};
use crate::app::ids::Ids;
use crate::app::key::{Code, Key};
use crate::app::keymap::Keymap;
use crate::app::list::ListCursor;
use crate::app::requests::{Cause, Purpose, Req};
use crate::app::screen::board::project_form;
use crate::app::ticket_actions;
use crate::domain::account::ErasurePreview;
use crate::domain::command::{Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::project::Project;
use crate::domain::query::Query;
use crate::domain::user::{ClientRow, Person};
use ratatui::layout::{Position, Rect};

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
    /// An account.
    NewAccount,
    /// Somebody's account, as it was when the form was opened.
    EditAccount(Box<Person>),
    /// A new password for whoever is signed in.
    MyPassword,
    /// An erasure, with what it touches.
    Erase(Box<ErasurePreview>),
}

/// What a field takes.
#[derive(Debug)]
pub enum FieldInput {
    /// One line.
    Line(Editor),
    /// One line that is never shown.
    Secret(Secret),
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

/// A password being typed.
pub struct Secret(Editor);

impl Secret {
    /// How many characters there are, and which the cursor stands on.
    pub fn shape(&self) -> (usize, usize) {
        self.0.signs()
    }

    /// Puts the cursor on one of its stars.
    pub fn point(&mut self, column: usize, width: usize) {
        self.0.point_secret(column, width);
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
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
    /// The matches belong to an earlier text: none of them is taken.
    pub stale: bool,
    /// The field was left while they did: the best match is taken when it is known.
    take_best: bool,
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
    /// What to know before one fills it in; may be empty.
    pub note: String,
    /// From the top.
    pub fields: Vec<Field>,
    /// The field that takes the keys.
    pub focus: usize,
    /// What is wrong with which field.
    pub error: Option<(usize, String)>,
    /// What it was sent as, until that is answered.
    pub sending: Option<Req>,
    /// Esc was pressed, and there is something to lose: a second one closes.
    pub leaving: bool,
    /// A save met somebody else's change.
    pub overtaken: bool,
    opened_with: Vec<String>,
    id: Option<[u8; 16]>,
    sent_with: Vec<String>,
}

impl Field {
    /// A line.
    pub fn line(label: &'static str, hint: &'static str, text: &str) -> Self {
        Self { label, hint, input: FieldInput::Line(Editor::line(text)) }
    }

    /// A password.
    pub fn secret(label: &'static str, hint: &'static str) -> Self {
        Self { label, hint, input: FieldInput::Secret(Secret(Editor::line(""))) }
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
        let field = ClientField {
            input,
            chosen,
            matches: Vec::new(),
            cursor: ListCursor::default(),
            stale: true,
            take_best: false,
        };
        Self { label, hint: "type a part of a name, company or e-mail", input: FieldInput::Client(field) }
    }

    /// What is typed or chosen.
    pub fn text(&self) -> String {
        match &self.input {
            FieldInput::Line(editor) | FieldInput::Area(editor) => editor.text(),
            FieldInput::Choice { options, selected } => options.get(*selected).cloned().unwrap_or_default(),
            FieldInput::Client(field) => field.input.text(),
            // Its length tells whether it was touched; nothing keeps it beside the field.
            FieldInput::Secret(secret) => "*".repeat(secret.shape().0),
        }
    }

    /// The password typed.
    pub fn secret_text(&self) -> String {
        match &self.input {
            FieldInput::Secret(secret) => secret.0.text(),
            FieldInput::Line(_) | FieldInput::Area(_) | FieldInput::Choice { .. } | FieldInput::Client(_) => {
                String::new()
            }
        }
    }

    /// The client chosen.
    pub fn chosen_client(&self) -> Option<&UserId> {
        match &self.input {
            FieldInput::Client(field) => field.chosen.as_ref().map(|(id, _)| id),
            FieldInput::Line(_) | FieldInput::Secret(_) | FieldInput::Area(_) | FieldInput::Choice { .. } => {
                None
            }
        }
    }

    /// Which of the options.
    pub const fn selected(&self) -> usize {
        match &self.input {
            FieldInput::Choice { selected, .. } => *selected,
            FieldInput::Line(_) | FieldInput::Secret(_) | FieldInput::Area(_) | FieldInput::Client(_) => 0,
        }
    }
}

/// A client in one line: name, company.
pub fn describe(person: &Person) -> String {
    match (person.name.is_blank(), person.company.is_blank()) {
        (_, true) => person.display_name().to_owned(),
        (true, false) => format!("{}, {}", person.email.one_line(), person.company.one_line()),
        (false, false) => format!("{}, {}", person.name.one_line(), person.company.one_line()),
    }
}

impl Form {
    /// A form with the first field ready.
    pub fn new(kind: FormKind, title: impl Into<String>, fields: Vec<Field>) -> Self {
        let opened_with = fields.iter().map(Field::text).collect();
        Self {
            kind,
            title: title.into(),
            note: String::new(),
            fields,
            focus: 0,
            error: None,
            sending: None,
            leaving: false,
            overtaken: false,
            opened_with,
            id: None,
            sent_with: Vec::new(),
        }
    }

    /// The same with something to know above the fields.
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// For each field, whether it holds another text than at first.
    pub fn touched(&self) -> Vec<bool> {
        self.fields.iter().zip(&self.opened_with).map(|(field, first)| field.text() != *first).collect()
    }

    /// The bytes of the id that the new thing gets. The same form sent again has the same id: what was carried
    /// out already, though the answer was lost, is not made twice.
    pub fn id(&mut self, ids: &mut Ids) -> [u8; 16] {
        let unchanged = self.fields.iter().map(Field::text).eq(self.sent_with.iter().cloned());
        let id = self.id.filter(|_| unchanged).unwrap_or_else(|| ids.next_bytes());
        self.id = Some(id);
        id
    }

    /// The thing to be edited is another now: fields that were not touched show it.
    pub fn rebase(&mut self, kind: FormKind, fields: Vec<Field>) {
        let touched = self.touched();
        self.opened_with = fields.iter().map(Field::text).collect();
        for ((mine, fresh), touched) in self.fields.iter_mut().zip(fields).zip(touched) {
            if !touched {
                *mine = fresh;
            }
        }
        self.kind = kind;
        self.overtaken = false;
    }

    /// To the field `by` further on, around the end.
    pub fn step(&mut self, by: isize) {
        self.leave();
        let len = self.fields.len().cast_signed();
        self.focus = (self.focus.cast_signed() + by).rem_euclid(len.max(1)).cast_unsigned();
    }

    /// To this field.
    pub fn focus_on(&mut self, field: usize) {
        if field != self.focus {
            self.leave();
            self.focus = field.min(self.fields.len().saturating_sub(1));
        }
    }

    /// A click on somebody who fits a client's field takes them; answers whether it was one.
    pub fn pick_match(&mut self, place: Rect, at: Position) -> bool {
        let Some(Field { input: FieldInput::Client(client), .. }) = self.fields.get_mut(self.focus) else {
            return false;
        };
        if client.chosen.is_some() || client.stale || !place.contains(at) {
            return false;
        }
        let row = client.cursor.offset + usize::from(at.y - place.y);
        if row >= client.matches.len() {
            return false;
        }
        client.cursor.selected = row;
        client.choose();
        (self.error, self.leaving) = (None, false);
        true
    }

    /// Leaving a client field with one match or a marked one takes it.
    fn leave(&mut self) {
        let Some(Field { input: FieldInput::Client(field), .. }) = self.fields.get_mut(self.focus) else {
            return;
        };
        if field.chosen.is_none() && !field.input.is_blank() {
            field.choose();
            field.take_best = field.chosen.is_none();
        }
    }

    /// Points at a field with a sentence.
    pub fn refuse(&mut self, field: usize, why: impl Into<String>) {
        self.focus = field;
        self.error = Some((field, why.into()));
    }

    /// A key for the field.
    pub fn typed(&mut self, key: Key) -> Edited {
        if self.sending.is_some() {
            return Edited::Nothing;
        }
        self.error = None;
        self.leaving = false;
        let Some(field) = self.fields.get_mut(self.focus) else { return Edited::Unbound };
        let plain = !key.ctrl && !key.alt;
        match (&mut field.input, key.code) {
            (FieldInput::Area(editor), _) => editor.key(key),
            (FieldInput::Choice { options, selected }, Code::Right | Code::Char(' ')) if plain => {
                *selected = (*selected + 1) % options.len().max(1);
                Edited::Nothing
            }
            (FieldInput::Choice { options, selected }, Code::Left) if plain => {
                *selected = selected.checked_sub(1).unwrap_or(options.len().saturating_sub(1));
                Edited::Nothing
            }
            (FieldInput::Choice { options, selected }, Code::Char(c)) if plain => {
                // The next one that begins with the letter.
                let fits = |text: &String| text.to_lowercase().starts_with(c.to_ascii_lowercase());
                let (before, after) = options.split_at((*selected + 1).min(options.len()));
                let next = after.iter().position(fits).map(|at| at + before.len());
                *selected = next.or_else(|| before.iter().position(fits)).unwrap_or(*selected);
                Edited::Nothing
            }
            (FieldInput::Client(client), Code::Up | Code::Down) if !client.matches.is_empty() => {
                let by = if key.code == Code::Up { -1 } else { 1 };
                client.cursor.step(by, client.matches.len(), MATCHES);
                Edited::Nothing
            }
            (FieldInput::Client(_), Code::Enter) => {
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
            (FieldInput::Line(editor) | FieldInput::Secret(Secret(editor)), _) => editor.key(key),
            (FieldInput::Client(client), _) => {
                // A chosen client goes as a whole.
                let chosen = client.chosen.is_some();
                if chosen && key.text().is_some() {
                    client.input.set("");
                }
                let edited = client.input.key(key);
                if edited == Edited::Text {
                    if chosen && key.text().is_none() {
                        client.input.set("");
                    }
                    client.is_typed();
                }
                edited
            }
            (FieldInput::Choice { .. }, _) => Edited::Unbound,
        }
    }

    /// Pasted text for the field.
    pub fn pasted(&mut self, text: &str) -> Pasted {
        let Some(field) = self.fields.get_mut(self.focus).filter(|_| self.sending.is_none()) else {
            return Pasted::Whole;
        };
        self.error = None;
        self.leaving = false;
        match &mut field.input {
            FieldInput::Line(editor) | FieldInput::Area(editor) => editor.paste(text),
            FieldInput::Secret(Secret(editor)) => editor.paste(text.trim_end_matches(['\r', '\n'])),
            FieldInput::Client(client) => {
                if client.chosen.is_some() {
                    client.input.set("");
                }
                client.is_typed();
                client.input.paste(text)
            }
            FieldInput::Choice { .. } => Pasted::Whole,
        }
    }
}

/// What stands below the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It is under way.
    Saving,
    /// What a second Esc does.
    Leaving(String),
    /// What is wrong.
    Wrong(String),
}

impl Notice {
    /// Its words.
    pub fn words(&self) -> &str {
        match self {
            Self::Saving => "Saving",
            Self::Leaving(words) | Self::Wrong(words) => words,
        }
    }
}

/// What there is to tell below the fields, if anything.
pub fn notice(keymap: &Keymap, form: &Form) -> Option<Notice> {
    match (&form.error, form.sending, form.leaving) {
        (_, Some(_), _) => Some(Notice::Saving),
        (_, None, true) => {
            let close = keymap.words(Action::OverlayClose);
            Some(Notice::Leaving(format!("{close} again throws away what you typed.")))
        }
        (Some((_, why)), None, false) => Some(Notice::Wrong(why.clone())),
        (None, None, false) => None,
    }
}

impl ClientField {
    fn is_typed(&mut self) {
        self.chosen = None;
        self.stale = true;
        self.take_best = false;
    }

    fn choose(&mut self) {
        if self.stale {
            return;
        }
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
    if field.chosen.is_some() {
        return;
    }
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
            client.stale = false;
            if std::mem::take(&mut client.take_best) {
                client.choose();
            }
        }
    }
}

/// Saves the form, if everything in it is right.
pub fn submit(state: &mut State) {
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    if form.sending.is_some() {
        return;
    }
    form.leave();
    form.leaving = false;
    match form.kind {
        FormKind::NewTicket => ticket_actions::submit_new_ticket(state),
        FormKind::NewProject | FormKind::EditProject(_) => project_form::submit(state),
        FormKind::NewAccount | FormKind::EditAccount(_) | FormKind::MyPassword | FormKind::Erase(_) => {
            forms::submit(state);
        }
    }
}

/// Sends what the form makes; the form stays until that is answered, so that nothing typed is lost.
pub fn send(state: &mut State, command: Command) {
    let req = state.execute(command, Cause::Asked);
    sent(state, req);
}

/// The form waits for the answer to this.
pub fn sent(state: &mut State, req: Req) {
    if let Some(Overlay::Form(form)) = &mut state.overlay {
        form.sending = Some(req);
        form.sent_with = form.fields.iter().map(Field::text).collect();
    }
}

/// What a form sent was answered: done, it goes; else it says why.
pub fn answered(state: &mut State, req: Req, result: &Result<Done, Failure>) {
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    if form.sending.take_if(|sent| *sent == req).is_none() {
        return;
    }
    match result {
        Ok(_) => state.overlay = None,
        Err(failure @ Failure::Overtaken { .. }) if matches!(form.kind, FormKind::EditAccount(_)) => {
            form.error = Some((form.focus, format!("{}; open the form again to see it", failure.sentence())));
        }
        Err(failure @ Failure::Overtaken { .. }) => {
            let why = format!("{}; save again to put yours in its place", failure.sentence());
            form.error = Some((form.focus, why));
            form.overtaken = true;
            project_form::overtaken(state);
        }
        Err(failure) => form.error = Some((form.focus, failure.sentence())),
    }
}

/// Whether Esc may close the form: at once when nothing was typed, else at the second press.
pub fn may_close(form: &mut Form) -> bool {
    let lost = form.sending.is_none() && form.touched().contains(&true);
    std::mem::replace(&mut form.leaving, true) || !lost
}
