//! Colours by meaning, and the signs. Themes are TOML files under `assets/themes`.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

/// The built-in themes, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("16", include_str!("../../assets/themes/16.toml")),
    ("none", include_str!("../../assets/themes/none.toml")),
];

/// Styles by meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Less important: ages, hints, what is done.
    pub muted: Style,
    /// Focus, links, what is new.
    pub accent: Style,
    /// The bar of the cursor.
    pub selection: Style,
    /// Wrong, overdue, offline.
    pub danger: Style,
    /// To act on.
    pub warning: Style,
    /// Done as asked.
    pub good: Style,
    /// A member of staff.
    pub staff: Style,
    /// A client.
    pub client: Style,
    /// Unread, headings.
    pub strong: Style,
    /// Rules and borders.
    pub rule: Style,
    /// The first line.
    pub header: Style,
    /// The tab in view.
    pub tab: Style,
    /// A key in a hint.
    pub key: Style,
    /// The ground of what lies over the screen.
    pub overlay: Style,
    /// A line to type in.
    pub field: Style,
    /// The signs.
    pub signs: Signs,
}

/// The signs, each with an ASCII twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for what it means")]
pub struct Signs {
    pub unread: &'static str,
    pub cursor: &'static str,
    pub urgent: &'static str,
    pub high: &'static str,
    pub low: &'static str,
    pub draft: &'static str,
    pub rule: &'static str,
    pub line: &'static str,
    pub pen: &'static str,
    pub live: &'static str,
    pub down: &'static str,
    pub ellipsis: &'static str,
    pub dot: &'static str,
    pub left: &'static str,
    pub right: &'static str,
    pub junction: &'static str,
    pub below: &'static str,
    pub corners: [&'static str; 4],
}

const UNICODE: Signs = Signs {
    unread: "●",
    cursor: "▌",
    urgent: "‼",
    high: "!",
    low: "↓",
    draft: "✎",
    rule: "│",
    line: "─",
    pen: "┃",
    live: "●",
    down: "↓",
    ellipsis: "…",
    dot: "·",
    left: "‹",
    right: "›",
    junction: "┬",
    below: "↓",
    corners: ["╭", "╮", "╰", "╯"],
};

const ASCII: Signs = Signs {
    unread: "*",
    cursor: ">",
    urgent: "!!",
    high: "!",
    low: "-",
    draft: "+",
    rule: "|",
    line: "-",
    pen: "|",
    live: "*",
    down: "by ",
    ellipsis: "~",
    dot: "-",
    left: "<",
    right: ">",
    junction: "+",
    below: "v",
    corners: ["+", "+", "+", "+"],
};

/// Why a theme can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No built-in theme of this name.
    #[error("unknown theme `{0}`: take auto, dark, light, 16 or none")]
    Unknown(String),
    /// The file can't be read as a theme.
    #[error("the theme is not right: {0}")]
    Broken(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    text: Entry,
    muted: Entry,
    accent: Entry,
    selection: Entry,
    danger: Entry,
    warning: Entry,
    good: Entry,
    staff: Entry,
    client: Entry,
    strong: Entry,
    rule: Entry,
    header: Entry,
    tab: Entry,
    key: Entry,
    overlay: Entry,
    field: Entry,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    underlined: bool,
    reversed: bool,
}

impl Entry {
    fn style(&self) -> Result<Style, ThemeError> {
        let color = |text: &Option<String>| -> Result<Option<Color>, ThemeError> {
            let Some(text) = text else { return Ok(None) };
            text.parse().map(Some).map_err(|_| ThemeError::Broken(format!("`{text}` is no colour")))
        };
        let mut style = Style { fg: color(&self.fg)?, bg: color(&self.bg)?, ..Style::default() };
        let modifiers = [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.underlined, Modifier::UNDERLINED),
            (self.reversed, Modifier::REVERSED),
        ];
        for (_, modifier) in modifiers.into_iter().filter(|(wanted, _)| *wanted) {
            style = style.add_modifier(modifier);
        }
        Ok(style)
    }
}

impl Theme {
    /// Reads a theme file.
    pub fn parse(text: &str, ascii: bool) -> Result<Self, ThemeError> {
        let file: File =
            toml::from_str(text).map_err(|error| ThemeError::Broken(error.message().to_owned()))?;
        Ok(Self {
            text: file.text.style()?,
            muted: file.muted.style()?,
            accent: file.accent.style()?,
            selection: file.selection.style()?,
            danger: file.danger.style()?,
            warning: file.warning.style()?,
            good: file.good.style()?,
            staff: file.staff.style()?,
            client: file.client.style()?,
            strong: file.strong.style()?,
            rule: file.rule.style()?,
            header: file.header.style()?,
            tab: file.tab.style()?,
            key: file.key.style()?,
            overlay: file.overlay.style()?,
            field: file.field.style()?,
            signs: if ascii { ASCII } else { UNICODE },
        })
    }

    /// A built-in theme.
    pub fn built_in(name: &str, ascii: bool) -> Result<Self, ThemeError> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| Err(ThemeError::Unknown(name.to_owned())), |(_, text)| Self::parse(text, ascii))
    }

    /// The theme for a terminal, when none is configured: none under `NO_COLOR`, 16 colours where 256 are
    /// not announced, else dark.
    pub fn automatic(no_color: bool, term: &str, colorterm: &str) -> &'static str {
        if no_color || term == "dumb" {
            "none"
        } else if term.contains("256color") || term.contains("direct") || !colorterm.is_empty() {
            "dark"
        } else {
            "16"
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_is_right() {
        for (name, _) in BUILT_IN {
            Theme::built_in(name, false).unwrap();
        }
        assert!(Theme::built_in("neon", false).is_err());
    }

    #[test]
    fn no_color_means_no_colour() {
        let theme = Theme::built_in("none", false).unwrap();
        let styles = [
            theme.text,
            theme.muted,
            theme.accent,
            theme.selection,
            theme.danger,
            theme.warning,
            theme.good,
            theme.staff,
            theme.client,
            theme.strong,
            theme.rule,
            theme.header,
            theme.tab,
            theme.key,
            theme.overlay,
            theme.field,
        ];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        assert_eq!(Theme::automatic(true, "xterm-256color", ""), "none");
        assert_eq!(Theme::automatic(false, "linux", ""), "16");
    }
}
