//! The page of help: printed from the table of actions.

use super::widgets::Pen;
use crate::app::State;
use crate::app::action::{Action, TABLE};
use crate::app::available::{Availability, available};
use crate::app::key::Chord;
use crate::app::layout::centred;
use crate::app::overlay::Help;
use crate::app::wrap;

/// Draws it over the screen.
pub fn draw(pen: &mut Pen<'_>, state: &State, help: &Help) {
    let theme = pen.theme;
    let place = centred(state.size, 104, state.size.1.saturating_sub(2));
    let inside = pen.boxed(place, "Keys that mean something here");
    let keys_width = 20.min(inside.width / 3);
    let x = inside.x + keys_width + 3;
    let room = inside.right().saturating_sub(x + 1);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut group = "";
    // What this screen alone knows comes first.
    let own = TABLE.iter().filter(|row| !row.is_general());
    for row in own.chain(TABLE.iter().filter(|row| row.is_general())) {
        let chords = state.keymap.chords(row.action, &help.contexts);
        if chords.is_empty() || available(row.action, state) == Availability::Hidden {
            continue;
        }
        if row.group != group {
            group = row.group;
            if !lines.is_empty() {
                lines.push(Line::Text(String::new(), ""));
            }
            lines.push(Line::Heading(group));
        }
        // What is too long for its column goes on below.
        let keys = keys_in_lines(&chords, keys_width.into());
        let texts = wrap::wrap(row.help, room.into());
        for at in 0..keys.len().max(texts.len()) {
            let text = texts.get(at).map_or("", |range| &row.help[range.clone()]);
            lines.push(Line::Text(keys.get(at).cloned().unwrap_or_default(), text));
        }
    }
    let most = lines.len().saturating_sub(usize::from(inside.height));
    let shown = lines.iter().skip(help.scroll.min(most)).zip(inside.y..inside.bottom());
    for (line, y) in shown {
        match line {
            Line::Heading(words) => {
                pen.text(inside.x + 1, y, inside.width - 2, words, theme.overlay.patch(theme.strong));
            }
            Line::Text(keys, text) => {
                pen.text(inside.x + 2, y, keys_width, keys, theme.overlay.patch(theme.key));
                pen.text(x, y, room, text.trim_end(), theme.overlay.patch(theme.text));
            }
        }
    }
    if most > help.scroll {
        let text = format!(" {} more ", state.keymap.words(Action::MoveDown));
        pen.right(inside.x, inside.bottom(), inside.width - 1, &text, theme.overlay.patch(theme.muted));
    }
}

/// A line of the page.
enum Line<'a> {
    Heading(&'a str),
    Text(String, &'a str),
}

/// Keys side by side, in as many lines as they need.
fn keys_in_lines(chords: &[&Chord], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for chord in chords.iter().map(ToString::to_string) {
        match lines.last_mut() {
            Some(line) if wrap::width(line) + 2 + wrap::width(&chord) <= columns => {
                line.push_str("  ");
                line.push_str(&chord);
            }
            Some(_) | None => lines.push(chord),
        }
    }
    lines
}
