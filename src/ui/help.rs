//! The page of help: printed from the table of actions.

use super::widgets::Pen;
use crate::app::State;
use crate::app::action::{Action, TABLE};
use crate::app::layout::centred;
use crate::app::overlay::Help;
use crate::app::wrap;

/// Draws it over the screen.
pub fn draw(pen: &mut Pen<'_>, state: &State, help: &Help) {
    let theme = pen.theme;
    let place = centred(state.size, 104, state.size.1.saturating_sub(2));
    let inside = pen.boxed(place, "Keys that mean something here");
    let mut lines: Vec<(String, &str, bool)> = Vec::new();
    let mut group = "";
    for row in TABLE {
        let chords = state.keymap.chords(row.action, &help.contexts);
        if chords.is_empty() {
            continue;
        }
        if row.group != group {
            group = row.group;
            if !lines.is_empty() {
                lines.push((String::new(), "", false));
            }
            lines.push((group.to_owned(), "", true));
        }
        let keys = chords.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ");
        lines.push((keys, row.help, false));
    }
    let most = lines.len().saturating_sub(usize::from(inside.height));
    let keys_width = 20.min(inside.width / 3);
    let shown = lines.iter().skip(help.scroll.min(most)).zip(inside.y..inside.bottom());
    for ((keys, text, heading), y) in shown {
        if *heading {
            pen.text(inside.x + 1, y, inside.width - 2, keys, theme.overlay.patch(theme.strong));
            continue;
        }
        let clipped = wrap::clip(keys, keys_width.into(), theme.signs.ellipsis);
        pen.text(inside.x + 2, y, keys_width, &clipped, theme.overlay.patch(theme.key));
        let x = inside.x + keys_width + 3;
        pen.text(x, y, inside.right().saturating_sub(x + 1), text, theme.overlay.patch(theme.text));
    }
    if most > help.scroll {
        let text = format!(" {} more ", state.keymap.words(Action::MoveDown));
        pen.right(inside.x, inside.bottom(), inside.width - 1, &text, theme.overlay.patch(theme.muted));
    }
}
