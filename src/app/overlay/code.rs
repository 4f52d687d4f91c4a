//! A code to hand over: shown once, to whoever started it, for whom it is and until when it is good.

use super::Overlay;
use crate::app::{Effect, State};
use crate::domain::command::IssuedCode;

/// A code on the screen.
#[derive(Debug)]
pub struct CodeShown {
    /// The code.
    pub issued: IssuedCode,
    /// Whether it has been on the screen: a key typed ahead must not close it unseen.
    pub armed: bool,
}

/// Shows it, over whatever is there.
pub fn show(state: &mut State, issued: IssuedCode) {
    state.overlay = Some(Overlay::Code(Box::new(CodeShown { issued, armed: false })));
}

/// Puts it on the terminal's clipboard.
pub fn copy(state: &mut State) {
    let Some(Overlay::Code(shown)) = &state.overlay else { return };
    let text = shown.issued.code.expose().to_owned();
    let now = state.now;
    state.effect(Effect::Copy(text));
    state.toasts.info("the code is on the clipboard", now);
}

/// Takes it off the screen for good.
pub fn close(state: &mut State) {
    if matches!(&state.overlay, Some(Overlay::Code(shown)) if shown.armed) {
        state.overlay = None;
    }
}
