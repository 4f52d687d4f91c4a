//! The funnel: from input to actions. Every key passes here, and every action [`super::available`].

use super::action::{Action, Context, row_of};
use super::available::{Availability, available};
use super::edit::{Edited, LONGEST_PASTE, Pasted};
use super::key::{Chord, Code, Input, Key};
use super::keymap::Resolved;
use super::overlay::{self, Overlay};
use super::screen::{self, Tab};
use super::{State, pointer, run, sitting};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// The tail of an escape sequence that follows Esc within this time is not typed by a person.
const ESCAPE_TAIL: Duration = Duration::from_millis(50);

/// Tells a lone Esc from the torn-off head of an arrow key.
#[derive(Debug, Default)]
pub struct EscapeTail {
    escaped_at: Option<Timestamp>,
    inside: bool,
}

impl EscapeTail {
    /// Whether `key` belongs to a torn sequence and means nothing.
    fn swallows(&mut self, key: Key, now: Timestamp) -> bool {
        let soon = self.escaped_at.is_some_and(|at| now.since(at) <= ESCAPE_TAIL);
        if !soon {
            self.inside = false;
        }
        if self.inside {
            // The final byte of a CSI or SS3 sequence ends it.
            self.inside = matches!(key.text(), Some('0'..='9' | ';' | '<' | '?'));
            return true;
        }
        if soon && matches!(key.text(), Some('[' | 'O')) {
            self.inside = true;
            return true;
        }
        self.escaped_at = (key == Key::plain(Code::Esc)).then_some(now);
        false
    }
}

/// The contexts of the moment, innermost first.
pub fn contexts(state: &State) -> Vec<Context> {
    use Context as C;
    if state.sitting.locked() {
        return vec![C::Lock, C::Always];
    }
    if let Some(overlay) = &state.overlay {
        let context = overlay.context();
        return if context == C::Log { vec![context, C::Move, C::Always] } else { vec![context, C::Always] };
    }
    if state.me.is_none() {
        return vec![if state.redeem.is_some() { C::Redeem } else { C::SignIn }, C::Always];
    }
    if let Some(composer) = state.composer.as_ref().filter(|_| state.tab == Tab::Queue) {
        return vec![if composer.review.is_some() { C::Review } else { C::Composer }, C::Always];
    }
    match state.tab {
        Tab::Queue if state.thread.focused => vec![C::Thread, C::Ticket, C::Move, C::Desk, C::Always],
        Tab::Queue => vec![C::Queue, C::Ticket, C::Move, C::Desk, C::Always],
        Tab::Boards if state.board.project_open() => vec![C::Project, C::Move, C::Desk, C::Always],
        Tab::Boards => vec![C::Board, C::Move, C::Desk, C::Always],
        Tab::Clients if state.clients.profile_open() => vec![C::Profile, C::Move, C::Desk, C::Always],
        Tab::Clients => vec![C::Clients, C::Move, C::Desk, C::Always],
        Tab::Staff => vec![C::Staff, C::Move, C::Desk, C::Always],
    }
}

/// The keys that may follow those pressed so far, and what they lead to; none where no chord is under way.
pub fn followers(state: &State) -> Vec<(Chord, Action)> {
    if state.pending.is_empty() {
        return Vec::new();
    }
    match state.keymap.resolve(&contexts(state), &state.pending) {
        Resolved::Pending(mut rest) => {
            rest.retain(|(_, action)| available(*action, state) != Availability::Hidden);
            rest
        }
        Resolved::Run(_) | Resolved::Unbound => Vec::new(),
    }
}

/// Handles one input.
pub fn handle(state: &mut State, input: Input) {
    sitting::touched(state, &input);
    match input {
        Input::Key(key) => self::key(state, key),
        Input::Paste { text, dropped } => paste(state, &text, dropped),
        Input::Mouse { kind, x, y } => pointer::mouse(state, kind, x, y),
        Input::Resize(width, height) => state.size = (width, height),
    }
}

fn key(state: &mut State, key: Key) {
    let now = state.now;
    if state.escape.swallows(key, now) {
        return;
    }
    let contexts = contexts(state);
    // In a text field a character is text, unless a chord is under way.
    let typing = state.pending.is_empty() && takes_text(state);
    if typing && key.text().is_some() {
        type_key(state, key);
        return;
    }
    let mut pressed = std::mem::take(&mut state.pending);
    pressed.push(key);
    match state.keymap.resolve(&contexts, &pressed) {
        Resolved::Run(action) => {
            state.toasts.acted(now);
            perform(state, action);
        }
        Resolved::Pending(_) => state.pending = pressed,
        Resolved::Unbound if pressed.len() > 1 => {
            // A chord that leads nowhere: Esc leaves it, another key is told.
            if key != Key::plain(Code::Esc) {
                let chord = pressed.iter().map(Key::to_string).collect::<Vec<_>>().join(" ");
                let help = state.keymap.words(Action::Help);
                state.toasts.info(format!("{chord} means nothing here; {help} shows the keys"), now);
            }
        }
        Resolved::Unbound if takes_text(state) => {
            if type_key(state, key) == Edited::Unbound && key.alt {
                // An unbound Alt is Esc, then the key.
                self::key(state, Key::plain(Code::Esc));
                self::key(state, Key { alt: false, ..key });
            }
        }
        Resolved::Unbound if key.alt => {
            self::key(state, Key::plain(Code::Esc));
            self::key(state, Key { alt: false, ..key });
        }
        Resolved::Unbound => {}
    }
}

/// Whether characters are text at the moment.
pub fn takes_text(state: &State) -> bool {
    match &state.overlay {
        _ if state.sitting.locked() => true,
        Some(overlay) => overlay.takes_text(),
        None if state.me.is_none() => true,
        None => {
            let writing = state.composer.as_ref().is_some_and(|composer| composer.review.is_none());
            writing && state.tab == Tab::Queue
        }
    }
}

fn type_key(state: &mut State, key: Key) -> Edited {
    if state.sitting.locked() {
        return sitting::typed(state, key);
    }
    if state.overlay.is_some() {
        return overlay::typed(state, key);
    }
    if state.me.is_none() {
        return screen::redeem::typed(state, key).unwrap_or_else(|| state.sign_in.typed(key));
    }
    screen::composer::typed(state, key)
}

fn paste(state: &mut State, text: &str, dropped: usize) {
    let now = state.now;
    let became = if state.sitting.locked() {
        sitting::pasted(state, text)
    } else if state.overlay.is_some() {
        overlay::pasted(state, text)
    } else if state.me.is_none() {
        screen::redeem::pasted(state, text).unwrap_or_else(|| state.sign_in.pasted(text))
    } else if takes_text(state) {
        screen::composer::pasted(state, text)
    } else {
        return state.toasts.info("pasted text is ignored here: start a reply first", now);
    };
    match became {
        Pasted::Whole => {}
        Pasted::Cleaned => state.toasts.info("control characters were taken out of the paste", now),
        Pasted::Cut => {
            let writing = state.overlay.is_none() && state.composer.is_some();
            let rest = if writing {
                format!("{} takes longer texts", state.keymap.words(Action::ComposerEditor))
            } else {
                "paste it in parts".to_owned()
            };
            let (kept, came) = (LONGEST_PASTE / 1024, (text.len() + dropped).div_ceil(1024));
            state.toasts.warn(format!("pasted {kept} of {came} KiB, the rest is cut: {rest}"), now);
        }
    }
}

/// Runs an action if it is available, else says why not.
pub fn perform(state: &mut State, action: Action) {
    let now = state.now;
    match available(action, state) {
        Availability::Yes => run::run(state, action),
        Availability::No(why) => state.toasts.info(why, now),
        Availability::Hidden => {
            let label = row_of(action).label.trim_end_matches('…');
            let text = match action {
                Action::GoStaff | Action::GoLog => format!("{label}: for a SUPER_ADMIN only"),
                _ => {
                    format!("{label} means nothing here; {} shows the keys", state.keymap.words(Action::Help))
                }
            };
            state.toasts.info(text, now);
        }
    }
}

/// Closes the overlay, whatever it is.
pub fn close_overlay(state: &mut State) -> Option<Overlay> {
    state.overlay.take()
}
