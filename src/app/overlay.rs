//! What lies over the screen: at most one thing, which gets the keys.

pub mod code;
pub mod confirm;
pub mod form;
pub mod log;
pub mod palette;
pub mod picker;
pub mod prompt;

use super::State;
use super::action::Context;
use super::edit::{Edited, Pasted};
use super::key::Key;
use code::CodeShown;
use confirm::Confirm;
use form::Form;
use palette::Palette;
use picker::Picker;
use prompt::Prompt;

/// What lies over the screen.
#[derive(Debug)]
pub enum Overlay {
    /// Commands by name.
    Palette(Palette),
    /// All keys of the contexts below, from this line on.
    Help(Help),
    /// A list to choose from.
    Picker(Picker),
    /// A question.
    Confirm(Confirm),
    /// A line to type in.
    Prompt(Prompt),
    /// Several fields.
    Form(Box<Form>),
    /// What was done.
    Log(Box<log::Log>),
    /// The client card, where it has no pane of its own; scrolled down to this line.
    Card(usize),
    /// A code to hand over, shown once.
    Code(Box<CodeShown>),
}

/// The page of help.
#[derive(Debug)]
pub struct Help {
    /// The contexts it explains.
    pub contexts: Vec<Context>,
    /// The first line shown.
    pub scroll: usize,
}

impl Overlay {
    /// Whose keys hold.
    pub const fn context(&self) -> Context {
        match self {
            Self::Log(log) => {
                if log.editing.is_some() {
                    Context::Prompt
                } else {
                    Context::Log
                }
            }
            Self::Palette(_) | Self::Picker(_) => Context::Picker,
            Self::Help(_) | Self::Card(_) => Context::Help,
            Self::Confirm(_) => Context::Confirm,
            Self::Prompt(_) => Context::Prompt,
            Self::Form(_) => Context::Form,
            Self::Code(_) => Context::Code,
        }
    }

    /// Whether characters are text.
    pub const fn takes_text(&self) -> bool {
        match self {
            Self::Palette(_) | Self::Picker(_) | Self::Prompt(_) | Self::Form(_) => true,
            Self::Log(log) => log.editing.is_some(),
            Self::Help(_) | Self::Confirm(_) | Self::Card(_) | Self::Code(_) => false,
        }
    }

    /// It has been on the screen: keys that confirm may be trusted.
    pub const fn drawn(&mut self) {
        match self {
            Self::Confirm(confirm) => confirm.armed = true,
            Self::Code(code) => code.armed = true,
            Self::Palette(_)
            | Self::Log(_)
            | Self::Help(_)
            | Self::Picker(_)
            | Self::Prompt(_)
            | Self::Form(_)
            | Self::Card(_) => {}
        }
    }
}

/// A key that is no command goes to the text field of the overlay.
pub fn typed(state: &mut State, key: Key) -> Edited {
    let focus = form_focus(state);
    let edited = match &mut state.overlay {
        Some(Overlay::Palette(palette)) => palette.input.key(key),
        Some(Overlay::Picker(picker)) => picker.input.key(key),
        Some(Overlay::Prompt(prompt)) => prompt::typed(prompt, key),
        Some(Overlay::Form(form)) => form.typed(key),
        Some(Overlay::Log(log)) => match &mut log.editing {
            Some(line) => line.key(key),
            None => return Edited::Unbound,
        },
        Some(Overlay::Help(_) | Overlay::Confirm(_) | Overlay::Card(_) | Overlay::Code(_)) | None => {
            return Edited::Unbound;
        }
    };
    if edited == Edited::Text || form_focus(state) != focus {
        text_changed(state);
    }
    edited
}

const fn form_focus(state: &State) -> Option<usize> {
    if let Some(Overlay::Form(form)) = &state.overlay { Some(form.focus) } else { None }
}

/// Pasted text goes there too.
pub fn pasted(state: &mut State, text: &str) -> Pasted {
    let became = match &mut state.overlay {
        Some(Overlay::Palette(palette)) => palette.input.paste(text),
        Some(Overlay::Picker(picker)) => picker.input.paste(text),
        Some(Overlay::Prompt(prompt)) => prompt.input.paste(text),
        Some(Overlay::Form(form)) => form.pasted(text),
        Some(Overlay::Log(log)) => log.editing.as_mut().map_or(Pasted::Whole, |line| line.paste(text)),
        Some(Overlay::Help(_) | Overlay::Confirm(_) | Overlay::Card(_) | Overlay::Code(_)) | None => {
            Pasted::Whole
        }
    };
    text_changed(state);
    became
}

fn text_changed(state: &mut State) {
    match &state.overlay {
        Some(Overlay::Palette(_)) => palette::find(state),
        Some(Overlay::Picker(_)) => picker::find(state),
        Some(Overlay::Form(_)) => form::find(state),
        Some(Overlay::Prompt(_)) => prompt::changed(state),
        Some(
            Overlay::Help(_) | Overlay::Confirm(_) | Overlay::Card(_) | Overlay::Code(_) | Overlay::Log(_),
        )
        | None => {}
    }
}
