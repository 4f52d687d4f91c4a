//! The sign-in screen, and what happens when a session ends.

use super::{board, composer, queue};
use crate::app::edit::{Edited, Editor, Pasted};
use crate::app::key::Key;
use crate::app::overlay::Overlay;
use crate::app::{Effect, Me, State, sitting};
use crate::auth::Password;

/// The sign-in screen.
#[derive(Debug)]
pub struct SignIn {
    /// The address.
    pub email: Editor,
    /// The password; never drawn.
    pub password: Editor,
    /// Whether the password takes the keys.
    pub on_password: bool,
    /// An attempt is being decided.
    pub busy: bool,
    /// A session that was kept is being opened, and nobody types here.
    pub opening: bool,
    /// What is wrong, or why one is here.
    pub message: Option<String>,
}

impl SignIn {
    /// An empty screen, or one with the address filled in.
    pub fn new(email: &str) -> Self {
        Self {
            email: Editor::line(email),
            password: Editor::line(""),
            on_password: !email.is_empty(),
            busy: false,
            opening: false,
            message: None,
        }
    }

    const fn field(&mut self) -> &mut Editor {
        if self.on_password { &mut self.password } else { &mut self.email }
    }

    /// A key for the field.
    pub fn typed(&mut self, key: Key) -> Edited {
        (self.message, self.opening) = (None, false);
        self.field().key(key)
    }

    /// Pasted text for the field.
    pub fn pasted(&mut self, text: &str) -> Pasted {
        (self.message, self.opening) = (None, false);
        self.field().paste(text.trim_end_matches(['\r', '\n']))
    }
}

/// Enter: to the password, or to the attempt.
pub fn submit(state: &mut State) {
    let sign_in = &mut state.sign_in;
    if sign_in.busy {
        return;
    }
    if !sign_in.on_password {
        sign_in.on_password = true;
        return;
    }
    if sign_in.email.is_blank() {
        sign_in.on_password = false;
        sign_in.message = Some("type your e-mail address first".to_owned());
        return;
    }
    sign_in.busy = true;
    let email = sign_in.email.text();
    let password = Password::new(sign_in.password.text());
    sign_in.password = Editor::line("");
    state.effect(Effect::SignIn { email, password });
}

/// An attempt was decided.
pub fn decided(state: &mut State, result: Result<Me, String>) {
    (state.sign_in.busy, state.sign_in.opening) = (false, false);
    match result {
        Ok(me) => entered(state, me),
        Err(why) => state.sign_in.message = Some(why),
    }
}

fn entered(state: &mut State, me: Me) {
    state.sign_in = SignIn::new(state.sign_in.email.text().as_str());
    if state.composer.as_ref().is_some_and(|composer| composer.author != me.id) {
        state.composer = None;
    }
    let parked = state.parked_form.take().filter(|(owner, _)| *owner == me.id);
    state.overlay = parked.map(|(_, form)| form);
    state.me = Some(me);
    sitting::entered(state);
    // Read again, once the first rows are there.
    state.staff.clear();
    queue::open_first(state);
    board::reset(state);
    composer::resume(state);
}

/// The session ended: what is on the screen goes, what is being written stays.
pub fn signed_out(state: &mut State, why: &str) {
    let Some(me) = state.me.take() else { return };
    sitting::left(state);
    state.parked_form =
        state.overlay.take().filter(|it| matches!(it, Overlay::Form(_))).map(|form| (me.id, form));
    state.pending.clear();
    state.requests.forget(|_| true);
    state.queue = queue::Queue::default();
    state.thread = super::thread::ThreadPane::default();
    state.clients = super::clients::Clients::default();
    state.staff_pane = super::staff::Staff::default();
    state.board = board::Board::default();
    state.history = crate::app::undo::History::default();
    state.sign_in.message = Some(match &state.composer {
        Some(_) => format!("{why}; what you were writing is kept"),
        None => why.to_owned(),
    });
}
