//! From settings as text to what a session is made of; each mistake in a sentence.

use crate::app::keymap::{Keymap, KeymapError};
use crate::ui::theme::Theme;

/// Which line of the keys cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadKeys {
    /// Which of the lines given, from 0.
    pub at: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Which signs to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// `●`, `▌`, `…`.
    Unicode,
    /// `*`, `>`, `...`.
    Ascii,
}

/// The theme of this name; none or `auto` means the one that suits this terminal.
pub fn theme(name: Option<&str>, signs: Signs) -> Result<Theme, String> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let name = name.filter(|name| *name != "auto").unwrap_or_else(|| {
        Theme::automatic(!variable("NO_COLOR").is_empty(), &variable("TERM"), &variable("COLORTERM"))
    });
    Theme::built_in(name, signs == Signs::Ascii).map_err(|error| error.to_string())
}

/// The keys, with those of the config file: for each line its action and its keys.
pub fn keymap(lines: &[(&str, &[String])]) -> Result<Keymap, BadKeys> {
    let mut keymap = Keymap::default();
    for (at, (action, keys)) in lines.iter().enumerate() {
        keymap.rebind(action, keys).map_err(|error| BadKeys { at, why: error.to_string() })?;
    }
    keymap.check().map_err(|error| {
        let concerned = |action: &str| match &error {
            KeymapError::Clash { first, second, .. } => action == *first || action == *second,
            KeymapError::UnknownAction { .. } | KeymapError::NotAKey { .. } => false,
        };
        let at = lines.iter().rposition(|(action, _)| concerned(action));
        BadKeys { at: at.unwrap_or(0), why: error.to_string() }
    })?;
    Ok(keymap)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn refused(lines: &[(&str, &str)]) -> BadKeys {
        let lines: Vec<(&str, Vec<String>)> =
            lines.iter().map(|(action, key)| (*action, vec![(*key).to_owned()])).collect();
        let lines: Vec<(&str, &[String])> =
            lines.iter().map(|(action, keys)| (*action, keys.as_slice())).collect();
        keymap(&lines).unwrap_err()
    }

    #[test]
    fn mistakes_in_keys_are_told_with_their_line() {
        assert_eq!(refused(&[("ticket.take", "F5"), ("ticket.tale", "F6")]).at, 1);
        assert_eq!(refused(&[("ticket.take", "Hyper-x")]).at, 0);
        let clash =
            refused(&[("quit", "F9"), ("ticket.take", "F6"), ("ticket.assign", "F6"), ("redraw", "F8")]);
        assert_eq!((clash.at, clash.why.contains("`F6`")), (2, true), "{clash}");
    }

    #[test]
    fn themes_are_known_by_name() {
        assert!(theme(Some("light"), Signs::Ascii).is_ok());
        assert!(theme(None, Signs::Unicode).is_ok());
        assert!(theme(Some("neon"), Signs::Unicode).unwrap_err().contains("neon"));
    }
}
