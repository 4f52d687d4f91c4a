//! The forms of accounts: a new one, its fields, one's own, a password, an erasure.
//!
//! An edit sends only the fields that were changed, each with the value it had when the form was opened.

use crate::app::overlay::Overlay;
use crate::app::overlay::form::{self, Field, Form, FormKind};
use crate::app::requests::Purpose;
use crate::app::screen::Tab;
use crate::app::{Effect, State};
use crate::auth::Password;
use crate::domain::account::{AccountChange, AccountFields, ClientTexts, Erasure, ErasurePreview};
use crate::domain::command::{Change, Command};
use crate::domain::count::listed;
use crate::domain::ids::UserId;
use crate::domain::query::Query;
use crate::domain::safe_text::SafeText;
use crate::domain::user::{Person, Role};

const NAME: usize = 0;
const EMAIL: usize = 1;
const COMPANY: usize = 2;
const ROLE: usize = 3;

fn show(state: &mut State, form: Form) {
    state.overlay = Some(Overlay::Form(Box::new(form)));
}

fn name_and_email(person: Option<&Person>) -> [Field; 2] {
    let text = |text: fn(&Person) -> &SafeText| person.map(|it| text(it).to_string()).unwrap_or_default();
    [
        Field::line("Name", "first and last name", &text(|person| &person.name)),
        Field::line("E-mail", "what they sign in with", &text(|person| &person.email)),
    ]
}

/// A new account: a client's, or, from the staff, a colleague's.
pub fn new(state: &mut State) {
    let [name, email] = name_and_email(None);
    let staff = state.tab == Tab::Staff;
    let mut fields = vec![name, email, Field::line("Company", "may be empty", "")];
    if staff {
        fields.push(Field::choice("Role", vec!["ADMIN".to_owned(), "SUPER_ADMIN".to_owned()], 0));
    }
    let title = if staff { "New member of staff" } else { "New client" };
    let note = "They get a code that proves the address and lets them choose a password.";
    show(state, Form::new(FormKind::NewAccount, title, fields).with_note(note));
}

/// The fields of somebody's account.
pub fn edit(state: &mut State, person: Person) {
    let [name, email] = name_and_email(Some(&person));
    let mut fields = vec![name];
    // Whoever changed the own address could not sign in until it is verified: that is left to another one.
    let own = state.is_me(&person.id);
    if !own {
        fields.push(email);
    }
    fields.push(Field::line("Company", "may be empty", &person.company.to_string()));
    let title = if own { "My account".to_owned() } else { format!("Edit {}", person.display_name()) };
    let note = if own {
        let who = if person.role == Role::SuperAdmin { "Another" } else { "A" };
        let (email, role) = (person.email.one_line(), person.role.as_str());
        format!("{email}, {role}. {who} SUPER_ADMIN changes your address.")
    } else {
        "A new address is not verified: they can't sign in until it is.".to_owned()
    };
    show(state, Form::new(FormKind::EditAccount(Box::new(person)), title, fields).with_note(note));
}

/// My own account, once it is read.
pub fn mine(state: &mut State) {
    state.requests.forget(|purpose| *purpose == Purpose::MyAccount);
    state.fetch(Purpose::MyAccount, Query::Staff);
}

/// The staff is read, me among them.
pub fn mine_arrived(state: &mut State, staff: &[Person]) {
    let me = staff.iter().find(|person| state.is_me(&person.id)).cloned();
    if let (Some(me), None) = (me, &state.overlay) {
        edit(state, me);
    }
}

/// A new password for myself.
pub fn password(state: &mut State) {
    let fields = vec![
        Field::secret("Old password", "the one you signed in with"),
        Field::secret("New password", "12 characters or more"),
        Field::secret("Once more", "the new one again"),
    ];
    let note = "Your other sessions end. A few words that have nothing to do with each other are good.";
    show(state, Form::new(FormKind::MyPassword, "My password", fields).with_note(note));
}

/// What an erasure touches is known.
pub fn erasure_arrived(state: &mut State, user: &UserId, preview: Option<Box<ErasurePreview>>) {
    let now = state.now;
    let Some(preview) = preview.filter(|preview| preview.person.id == *user) else {
        return state.toasts.warn("this account does not exist any more", now);
    };
    if state.overlay.is_some() {
        return;
    }
    let client = !preview.person.role.is_staff();
    let mut fields = vec![Field::line("To confirm", "type their e-mail address", "")];
    if client {
        let options = vec!["stay".to_owned(), "are erased too".to_owned()];
        fields.push(Field::choice("Their texts", options, 0));
    }
    let note = touched(&preview);
    let title = format!("Erase {}", preview.person.display_name());
    show(state, Form::new(FormKind::Erase(preview), title, fields).with_note(note));
}

/// What an erasure does, in a few sentences.
fn touched(preview: &ErasurePreview) -> String {
    let ErasurePreview { tickets, comments, projects, drafts, sessions, mails, events, .. } = preview;
    let email = preview.person.email.one_line();
    let mut sentences = vec![format!(
        "This can't be taken back. Name, address ({email}), company and password are overwritten."
    )];
    if preview.person.role.is_staff() {
        let gone = listed(&[(*drafts, "draft"), (*sessions, "session"), (*mails, "mail to them")]);
        sentences.extend(
            listed(&[(*comments, "message")]).map(|stay| format!("Their {stay} stay, as former staff's.")),
        );
        sentences.extend(gone.map(|gone| format!("What goes: {gone}.")));
        sentences.extend(
            listed(&[(*events, "event of the log")])
                .map(|events| format!("The origin of {events} goes too.")),
        );
    } else {
        let stay = listed(&[(*tickets, "ticket"), (*comments, "message"), (*projects, "project")]);
        let gone = listed(&[(*drafts, "draft to them")]);
        sentences.extend(
            stay.map(|stay| format!("What stays: {stay}; if their texts are erased, with a mark in them.")),
        );
        sentences.extend(gone.map(|gone| format!("With their texts goes: {gone}.")));
        sentences.extend(listed(&[(*mails, "mail to them")]).map(|mails| format!("What goes: {mails}.")));
    }
    sentences.join(" ")
}

/// Checks the form and sends it.
pub fn submit(state: &mut State) {
    let now = state.now;
    let staff = state.tab == Tab::Staff;
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    let command = match &form.kind {
        FormKind::NewAccount => {
            let user = UserId::from_random(form.id(&mut state.ids));
            fields(form, staff).map(|fields| Some(Command::CreateUser { user, fields: Box::new(fields) }))
        }
        FormKind::EditAccount(person) => changes(form, person).map(|changes| {
            (!changes.is_empty()).then(|| Command::EditUser { user: person.id.clone(), changes })
        }),
        FormKind::Erase(preview) => {
            let (person, typed) = (preview.person.clone(), text(form, 0));
            let texts = match form.fields.get(1).map_or(0, Field::selected) {
                0 => ClientTexts::Keep,
                _ => ClientTexts::Erase,
            };
            if typed == person.email.raw().trim() || typed == person.id.as_str() {
                let erasure = Erasure::new(person.id, typed, texts, form.id(&mut state.ids));
                Ok(Some(Command::EraseUser(Box::new(erasure))))
            } else {
                Err((0, "this is not their e-mail address".to_owned()))
            }
        }
        FormKind::MyPassword => return submit_password(state),
        FormKind::NewTicket | FormKind::NewProject | FormKind::EditProject(_) => return,
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

fn text(form: &Form, field: usize) -> String {
    form.fields.get(field).map(|field| field.text().trim().to_owned()).unwrap_or_default()
}

fn filled(form: &Form, field: usize, why: &str) -> Result<String, (usize, String)> {
    Some(text(form, field)).filter(|text| !text.is_empty()).ok_or_else(|| (field, why.to_owned()))
}

fn fields(form: &Form, staff: bool) -> Result<AccountFields, (usize, String)> {
    let name = filled(form, NAME, "an account needs a name")?;
    let email = filled(form, EMAIL, "an account needs an e-mail address")?;
    let company = Some(text(form, COMPANY)).filter(|company| !company.is_empty());
    let role = match (staff, form.fields.get(ROLE).map_or(0, Field::selected)) {
        (false, _) => Role::Client,
        (true, 0) => Role::Admin,
        (true, _) => Role::SuperAdmin,
    };
    Ok(AccountFields { email, name, company, role })
}

/// What differs from the account as it was when the form was opened. A field that was not touched keeps what it has.
fn changes(form: &Form, person: &Person) -> Result<Vec<AccountChange>, (usize, String)> {
    let touched = form.touched();
    let at = |label: &str| form.fields.iter().position(|field| field.label == label);
    let touched = |field: Option<usize>| field.filter(|at| touched.get(*at).is_some_and(|touched| *touched));
    let optional = |text: &SafeText| Some(text.raw().to_owned()).filter(|text| !text.is_empty());
    let mut changes = Vec::new();
    if let Some(field) = touched(at("Name")) {
        let to = filled(form, field, "an account needs a name")?;
        changes.push(AccountChange::Name(Change::new(optional(&person.name), Some(to))));
    }
    if let Some(field) = touched(at("E-mail")) {
        let to = filled(form, field, "an account needs an e-mail address")?;
        changes.push(AccountChange::Email(Change::new(person.email.raw().to_owned(), to)));
    }
    if let Some(field) = touched(at("Company")) {
        let to = Some(text(form, field)).filter(|company| !company.is_empty());
        changes.push(AccountChange::Company(Change::new(optional(&person.company), to)));
    }
    Ok(changes)
}

fn submit_password(state: &mut State) {
    let name = state.me.as_ref().map(|me| me.name.raw().to_owned()).unwrap_or_default();
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    let [old, new, again] = &form.fields[..] else { return };
    let (old, new, again) = (old.secret_text(), new.secret_text(), again.secret_text());
    if old.is_empty() {
        return form.refuse(0, "type the password that you have now");
    }
    let password = Password::new(new.clone());
    if let Err(why) = password.check_new_of(&[&name]) {
        return form.refuse(1, why.to_string());
    }
    if new == old {
        return form.refuse(1, "the new password is the old one");
    }
    if new != again {
        return form.refuse(2, "the two new passwords differ");
    }
    let req = state.begin(Purpose::Password);
    form::sent(state, req);
    state.effect(Effect::ChangePassword { req, old: Password::new(old), new: password });
}
