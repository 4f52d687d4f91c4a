//! "I have a code": the sign-in screen with a code, and a new password where the code is for one.

use crate::app::edit::{Edited, Editor, Pasted};
use crate::app::key::Key;
use crate::app::{Effect, State};
use crate::auth::Password;
use crate::domain::token::{Redeemed, TokenCode};

/// The form.
#[derive(Debug)]
pub struct Redeem {
    /// Code, new password, and that once more; the passwords are never drawn.
    pub fields: [Editor; 3],
    /// Which of them takes the keys.
    pub focus: usize,
    /// It is being decided.
    pub busy: bool,
    /// What is wrong.
    pub message: Option<String>,
}

impl Default for Redeem {
    fn default() -> Self {
        Self { fields: [(); 3].map(|()| Editor::line("")), focus: 0, busy: false, message: None }
    }
}

/// A key for the form, if it is open.
pub fn typed(state: &mut State, key: Key) -> Option<Edited> {
    let form = state.redeem.as_mut()?;
    form.message = None;
    Some(form.fields[form.focus].key(key))
}

/// Pasted text for the form, if it is open.
pub fn pasted(state: &mut State, text: &str) -> Option<Pasted> {
    let form = state.redeem.as_mut()?;
    form.message = None;
    Some(form.fields[form.focus].paste(text.trim_matches(['\r', '\n'])))
}

/// To the next field.
pub fn next(state: &mut State) {
    if let Some(form) = &mut state.redeem {
        form.focus = (form.focus + 1) % form.fields.len();
    }
}

/// Enter: to the next field, or to the attempt. Nothing in the two last fields: the code is for an address.
pub fn submit(state: &mut State) {
    let Some(form) = &mut state.redeem else { return };
    if form.busy {
        return;
    }
    let [code, password, again] = &form.fields;
    let no_password = password.text().is_empty() && again.text().is_empty();
    if code.is_blank() {
        form.focus = 0;
        form.message = Some("type or paste the code first".to_owned());
        return;
    }
    if form.focus == 0 || form.focus == 1 && !no_password {
        form.focus += 1;
        return;
    }
    if password.text() != again.text() {
        form.fields[1] = Editor::line("");
        form.fields[2] = Editor::line("");
        form.focus = 1;
        form.message = Some("the two passwords differ: type them again".to_owned());
        return;
    }
    let password = (!no_password).then(|| Password::new(password.text()));
    if let Some(Err(why)) = password.as_ref().map(Password::check_new) {
        form.focus = 1;
        form.message = Some(why.to_string());
        return;
    }
    form.busy = true;
    let code = TokenCode::typed(&code.text());
    state.effect(Effect::Redeem { code, password });
}

/// The attempt was decided.
pub fn decided(state: &mut State, result: Result<Redeemed, String>) {
    let now = state.now;
    match (result, &mut state.redeem) {
        (Ok(redeemed), _) => {
            state.redeem = None;
            state.sign_in.message = None;
            state.toasts.good(redeemed.sentence(), now);
        }
        (Err(why), Some(form)) => {
            form.busy = false;
            form.focus = 0;
            form.message = Some(why);
        }
        // The form was left meanwhile.
        (Err(_), None) => {}
    }
}
