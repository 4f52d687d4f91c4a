//! From keys to actions: the defaults of the table, changed by the config file.

use super::action::{Action, Context, Row, TABLE};
use super::key::{Chord, Key};

/// One key sequence, where it holds and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub context: Context,
    /// Which keys.
    pub chord: Chord,
    /// What for.
    pub action: Action,
}

/// All bindings of a session.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

/// What keys pressed so far mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Run this.
    Run(Action),
    /// More keys must follow: these may.
    Pending(Vec<(Chord, Action)>),
    /// Nothing is bound.
    Unbound,
}

/// A line of the config file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No action of this name.
    #[error("unknown action `{name}`{}", .nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownAction {
        /// As written.
        name: String,
        /// The nearest name there is.
        nearest: Option<&'static str>,
    },
    /// Not a key.
    #[error("`{text}` is not a key; write it like `j`, `g q`, `Ctrl-d`, `Enter`, `F5`")]
    NotAKey {
        /// As written.
        text: String,
    },
    /// Two actions want the same keys in the same place.
    #[error("`{chord}` is asked for by both `{first}` and `{second}`")]
    Clash {
        /// Which keys.
        chord: String,
        /// One name.
        first: &'static str,
        /// The other name.
        second: &'static str,
    },
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = TABLE
            .iter()
            .flat_map(|row| {
                row.chords().map(|(context, chord)| Binding { context, chord, action: row.action })
            })
            .collect();
        Self { bindings }
    }
}

impl Keymap {
    /// Gives the action `name` these keys instead of its own, in every context where it has any.
    ///
    /// Call [`Keymap::check`] after the last one.
    pub fn rebind(&mut self, name: &str, texts: &[String]) -> Result<(), KeymapError> {
        let Some(row) = TABLE.iter().find(|row| row.name == name) else {
            return Err(KeymapError::UnknownAction { name: name.to_owned(), nearest: nearest(name) });
        };
        let mut contexts: Vec<Context> = row.keys.iter().map(|(context, _)| *context).collect();
        if contexts.is_empty() {
            contexts.push(Context::Desk);
        }
        let chords = texts
            .iter()
            .map(|text| Chord::parse(text).ok_or_else(|| KeymapError::NotAKey { text: text.clone() }))
            .collect::<Result<Vec<_>, _>>()?;
        self.bindings.retain(|binding| binding.action != row.action);
        for context in contexts {
            self.bindings.extend(chords.iter().map(|chord| Binding {
                context,
                chord: chord.clone(),
                action: row.action,
            }));
        }
        Ok(())
    }

    /// Refuses a keymap in which, in some stack of contexts, one sequence means two things or begins another.
    pub fn check(&self) -> Result<(), KeymapError> {
        for stack in STACKS {
            let live: Vec<&Binding> =
                self.bindings.iter().filter(|binding| stack.contains(&binding.context)).collect();
            for (at, one) in live.iter().enumerate() {
                for other in &live[at + 1..] {
                    let (a, b) = (one.chord.keys(), other.chord.keys());
                    if one.action != other.action && (a.starts_with(b) || b.starts_with(a)) {
                        return Err(KeymapError::Clash {
                            chord: one.chord.to_string(),
                            first: name_of(one.action),
                            second: name_of(other.action),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// What `pressed` means in a stack of contexts.
    pub fn resolve(&self, contexts: &[Context], pressed: &[Key]) -> Resolved {
        let live = || self.bindings.iter().filter(|binding| contexts.contains(&binding.context));
        if let Some(binding) = live().find(|binding| binding.chord.keys() == pressed) {
            return Resolved::Run(binding.action);
        }
        let mut rest: Vec<(Chord, Action)> = live()
            .filter(|binding| binding.chord.keys().starts_with(pressed))
            .map(|binding| (binding.chord.clone(), binding.action))
            .collect();
        rest.dedup_by_key(|(_, action)| *action);
        if rest.is_empty() { Resolved::Unbound } else { Resolved::Pending(rest) }
    }

    /// The first keys of an action, for a sentence that names them; its name for the palette where it has none.
    pub fn words(&self, action: Action) -> String {
        let first = self.chords(action, &[]).first().map(ToString::to_string);
        first.unwrap_or_else(|| format!(":{}", name_of(action)))
    }

    /// The keys of an action in these contexts, for help, footer and palette.
    pub fn chords(&self, action: Action, contexts: &[Context]) -> Vec<&Chord> {
        let mut chords: Vec<&Chord> = Vec::new();
        for binding in &self.bindings {
            let here = contexts.is_empty() || contexts.contains(&binding.context);
            if binding.action == action && here && !chords.contains(&&binding.chord) {
                chords.push(&binding.chord);
            }
        }
        chords
    }
}

/// Every stack of contexts that the state can compute; `input::contexts` is tested against it.
pub const STACKS: &[&[Context]] = &[
    &[Context::SignIn, Context::Always],
    &[Context::Queue, Context::Ticket, Context::Move, Context::Desk, Context::Always],
    &[Context::Thread, Context::Ticket, Context::Move, Context::Desk, Context::Always],
    &[Context::Composer, Context::Always],
    &[Context::Review, Context::Always],
    &[Context::Board, Context::Move, Context::Desk, Context::Always],
    &[Context::Project, Context::Move, Context::Desk, Context::Always],
    &[Context::Clients, Context::Move, Context::Desk, Context::Always],
    &[Context::Profile, Context::Move, Context::Desk, Context::Always],
    &[Context::Staff, Context::Move, Context::Desk, Context::Always],
    &[Context::Picker, Context::Always],
    &[Context::Help, Context::Always],
    &[Context::Log, Context::Move, Context::Always],
    &[Context::Confirm, Context::Always],
    &[Context::Form, Context::Always],
    &[Context::Prompt, Context::Always],
    &[Context::Redeem, Context::Always],
    &[Context::Code, Context::Always],
    &[Context::Lock, Context::Always],
];

fn name_of(action: Action) -> &'static str {
    TABLE.iter().find(|row| row.action == action).map_or("?", |row: &Row| row.name)
}

/// The action name that shares most letters with `name`.
fn nearest(name: &str) -> Option<&'static str> {
    let common = |candidate: &str| {
        let same = name.chars().zip(candidate.chars()).take_while(|(a, b)| a == b).count();
        let tail = name.chars().rev().zip(candidate.chars().rev()).take_while(|(a, b)| a == b).count();
        same + tail
    };
    TABLE
        .iter()
        .map(|row| row.name)
        .max_by_key(|candidate| common(candidate))
        .filter(|near| common(near) >= 3)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_action_has_one_row_and_each_name_one_action() {
        let actions: HashSet<_> = TABLE.iter().map(|row| row.action).collect();
        let names: HashSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!((actions.len(), names.len()), (TABLE.len(), TABLE.len()));
    }

    #[test]
    fn every_default_key_parses() {
        for row in TABLE {
            let written: usize = row.keys.iter().map(|(_, texts)| texts.split(" | ").count()).sum();
            assert_eq!(row.chords().count(), written, "{}", row.name);
        }
    }

    #[test]
    fn the_defaults_do_not_clash() {
        assert_eq!(Keymap::default().check(), Ok(()));
    }

    #[test]
    fn labels_fit_their_boxes() {
        for row in TABLE {
            assert!(row.label.chars().count() <= 24, "{}", row.name);
            assert!(row.help.ends_with('.') && row.help.len() <= 80, "{}", row.name);
            assert!(row.footer.is_none_or(|footer| footer.label.len() <= 14), "{}", row.name);
        }
    }

    #[test]
    fn no_default_needs_a_key_that_multiplexers_or_terminals_take() {
        let composing = [
            Context::Composer,
            Context::Form,
            Context::Prompt,
            Context::Picker,
            Context::SignIn,
            Context::Lock,
        ];
        for row in TABLE {
            for (context, chord) in row.chords().filter(|(context, _)| !composing.contains(context)) {
                for key in chord.keys() {
                    let text = key.to_string();
                    assert!(!key.alt, "{} in {context:?}", row.name);
                    let taken =
                        ["Ctrl-a", "Ctrl-b", "Ctrl-s", "Ctrl-q", "Ctrl-i", "Ctrl-m", "Ctrl-h", "Ctrl-["];
                    assert!(!taken.contains(&text.as_str()), "{}", row.name);
                }
            }
        }
    }

    #[test]
    fn rebinding_replaces_and_errors_name_what_is_wrong() {
        let mut keymap = Keymap::default();
        keymap.rebind("ticket.take", &["F6".to_owned()]).unwrap();
        let contexts = STACKS[1];
        let key = |text: &str| vec![Key::parse(text).unwrap()];
        assert_eq!(keymap.resolve(contexts, &key("F6")), Resolved::Run(Action::Take));
        assert_eq!(keymap.resolve(contexts, &key("t")), Resolved::Unbound);
        assert_eq!(
            keymap.rebind("ticket.tke", &[]).unwrap_err().to_string(),
            "unknown action `ticket.tke`; did you mean `ticket.take`?"
        );
        assert!(keymap.rebind("ticket.take", &["Ctrl".to_owned()]).is_err());
        keymap.rebind("ticket.take", &["r".to_owned()]).unwrap();
        assert!(matches!(keymap.check(), Err(KeymapError::Clash { .. })));
    }
}
