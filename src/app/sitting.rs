//! The sitting of whoever is signed in: the screen locks when nobody touches a key, or when asked to, and it ends
//! when its time is over.
//!
//! Locked means that nothing of the desk is drawn, its title included; what was open, and what was being written, is
//! there again after the password. Only the same person comes back in; whoever else it is signs out first.

use super::edit::{Edited, Editor, Pasted};
use super::key::{Input, Key};
use super::overlay::confirm::{self, Then};
use super::requests::Purpose;
use super::screen::sign_in;
use super::{Effect, State};
use crate::auth::Password;
use crate::domain::query::Query;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// The database hears this often that somebody is at the desk.
const TELL: Duration = Duration::from_secs(60);
/// How long before the end it is told.
const WARNINGS: [Duration; 2] = [Duration::from_secs(10 * 60), Duration::from_secs(60)];

/// The sitting.
#[derive(Debug)]
pub struct Sitting {
    idle: Option<Duration>,
    active_at: Timestamp,
    told_at: Timestamp,
    /// When the session ends, by the server's clock.
    ends: Option<Timestamp>,
    /// How many of the warnings were given.
    warned: usize,
    lock: Option<Lock>,
    offered: bool,
}

/// The locked screen.
#[derive(Debug)]
pub struct Lock {
    /// The password; never drawn.
    pub password: Editor,
    /// It is being looked at.
    pub busy: bool,
    /// What is wrong with it.
    pub message: Option<String>,
}

impl Sitting {
    /// Nobody has signed in; the screen will lock after `idle`.
    pub fn new(idle: Option<Duration>, now: Timestamp) -> Self {
        Self { idle, active_at: now, told_at: now, ends: None, warned: 0, lock: None, offered: false }
    }

    /// The locked screen, while it is.
    pub const fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Whether nothing of the desk may be seen.
    pub const fn locked(&self) -> bool {
        self.lock.is_some()
    }
}

/// Somebody signed in.
pub fn entered(state: &mut State) {
    state.sitting = Sitting::new(state.sitting.idle, state.now);
    state.fetch(Purpose::Session, Query::Session);
}

/// Nobody is signed in any more.
pub fn left(state: &mut State) {
    state.sitting = Sitting::new(state.sitting.idle, state.now);
}

/// The session may be kept on this machine, if its owner wants that.
pub fn offer(state: &mut State) {
    state.sitting.offered = true;
    ask(state);
}

/// When the session ends by itself.
pub fn ends(state: &mut State, ends: Option<Timestamp>) {
    state.sitting.ends = ends;
    ask(state);
}

fn ask(state: &mut State) {
    let Some(ends) = state.sitting.ends.filter(|_| state.sitting.offered) else { return };
    state.sitting.offered = false;
    // Who is in the middle of something is not asked; the next time will do.
    if state.me.is_some() && state.overlay.is_none() && state.composer.is_none() && !state.sitting.locked() {
        let until = local(state, ends).clock(&state.zone);
        let question = format!("Stay signed in on this machine until {until}, also after leaving the desk?");
        confirm::ask(state, question, Then::Stay);
    }
}

/// An input comes: first the lock, if it is due, so that no key reaches what it hides.
pub fn touched(state: &mut State, input: &Input) {
    settle(state);
    if state.me.is_none() || state.sitting.locked() || matches!(input, Input::Resize(..)) {
        return;
    }
    state.sitting.active_at = state.now;
    if state.now.since(state.sitting.told_at) >= TELL {
        state.sitting.told_at = state.now;
        state.effect(Effect::Seen);
    }
}

/// Locks the screen.
pub fn lock(state: &mut State) {
    if state.me.is_none() || state.sitting.locked() {
        return;
    }
    state.pending.clear();
    state.effect(Effect::Locked);
    state.sitting.lock = Some(Lock { password: Editor::line(""), busy: false, message: None });
}

/// A key for the password.
pub fn typed(state: &mut State, key: Key) -> Edited {
    match &mut state.sitting.lock {
        Some(lock) if !lock.busy => {
            lock.message = None;
            lock.password.key(key)
        }
        Some(_) | None => Edited::Unbound,
    }
}

/// Pasted text for it.
pub fn pasted(state: &mut State, text: &str) -> Pasted {
    let Some(lock) = state.sitting.lock.as_mut().filter(|lock| !lock.busy) else { return Pasted::Whole };
    lock.message = None;
    lock.password.paste(text.trim_end_matches(['\r', '\n']))
}

/// The password is typed.
pub fn submit(state: &mut State) {
    let Some(lock) = state.sitting.lock.as_mut().filter(|lock| !lock.busy) else { return };
    let password = Password::new(lock.password.text());
    lock.password = Editor::line("");
    lock.busy = true;
    state.effect(Effect::Unlock { password });
}

/// The password was looked at.
pub fn unlocked(state: &mut State, result: Result<(), String>) {
    let Some(lock) = &mut state.sitting.lock else { return };
    match result {
        Ok(()) => {
            state.sitting.lock = None;
            state.sitting.active_at = state.now;
            state.sitting.told_at = state.now;
        }
        Err(why) => {
            lock.busy = false;
            lock.message = Some(why);
        }
    }
}

/// Somebody else sits here now.
pub fn leave(state: &mut State) {
    sign_in::signed_out(state, "you are signed out");
}

/// What is due.
pub fn settle(state: &mut State) {
    if state.me.is_none() {
        return;
    }
    let server_now = state.server_now();
    if let Some(ends) = state.sitting.ends {
        if ends <= server_now {
            sign_in::signed_out(state, "your session has reached its limit: sign in again");
            return;
        }
        let left = ends.since(server_now);
        let passed = WARNINGS.iter().filter(|before| left <= **before).count();
        if passed > state.sitting.warned {
            state.sitting.warned = passed;
            let (at, minutes) = (local(state, ends).clock(&state.zone), left.as_secs().div_ceil(60));
            let now = state.now;
            state.toasts.warn(format!("your session ends at {at}, in {minutes} min; drafts are kept"), now);
        }
    }
    if lock_due(state).is_some_and(|due| due <= state.now) {
        lock(state);
    }
}

/// When something is due next.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    state.me.as_ref()?;
    let of_the_end = state.sitting.ends.map(|ends| match WARNINGS.get(state.sitting.warned) {
        Some(before) => local(state, ends.before(*before)),
        None => local(state, ends),
    });
    [of_the_end, lock_due(state)].into_iter().flatten().min()
}

fn lock_due(state: &State) -> Option<Timestamp> {
    if state.sitting.locked() {
        None
    } else {
        state.sitting.idle.map(|idle| state.sitting.active_at.after(idle))
    }
}

/// A moment of the server's clock, by ours.
fn local(state: &State, at: Timestamp) -> Timestamp {
    at.shifted(-state.skew)
}
