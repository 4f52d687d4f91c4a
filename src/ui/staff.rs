//! The accounts of staff: who may enter, as what, when last, in how many sessions.

use super::board::lines as sentence;
use super::queue::bar;
use super::widgets::Pen;
use crate::app::State;
use crate::app::action::Action;
use crate::app::screen::Remote;
use crate::app::screen::staff::areas;
use crate::domain::account::{StaffRow, is_erased};
use crate::domain::time::age;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the list.
pub fn draw(pen: &mut Pen<'_>, state: &State) {
    let (title, rows) = areas(state);
    let theme = pen.theme;
    let staff = &state.staff_pane;
    let count = match staff.rows.len() {
        1 => "1 account".to_owned(),
        n => format!("{n} accounts"),
    };
    let used = pen.right(title.x, title.y, title.width - 1, &count, theme.muted);
    pen.text(title.x + 1, title.y, title.width.saturating_sub(used + 4), "Staff", theme.strong);
    if title.height > 1 {
        pen.rule_across(Rect { y: title.y + 1, height: 1, ..title }, "", theme.rule);
    }
    if staff.rows.is_empty() {
        let (text, style) = match &staff.remote {
            Remote::Failed(why) => (why.clone(), theme.danger),
            Remote::Idle | Remote::Loading => ("Loading the accounts".to_owned(), theme.muted),
            Remote::Ready => (
                format!("No account yet. {} makes one.", state.keymap.words(Action::AccountNew)),
                theme.muted,
            ),
        };
        return sentence(pen, rows, &text, style);
    }
    let shown = staff.rows.iter().enumerate().skip(staff.cursor.offset);
    for ((at, row), y) in shown.zip(rows.top()..rows.bottom()) {
        let place = Rect { y, height: 1, ..rows };
        draw_row(pen, state, row, place);
        if at == staff.cursor.selected {
            bar(pen, place, true);
        }
    }
}

fn draw_row(pen: &mut Pen<'_>, state: &State, row: &StaffRow, place: Rect) {
    let theme = pen.theme;
    let (y, width) = (place.y, place.width);
    let person = &row.person;
    let may_enter = person.active && row.verified && row.has_password;
    let shade = |style: Style| if may_enter { style } else { style.patch(theme.muted) };
    let (word, style) = standing(pen, row);
    let sessions = match row.sessions {
        0 => String::new(),
        1 => "1 session".to_owned(),
        n => format!("{n} sessions"),
    };
    let seen = match row.last_signed_in {
        Some(at) => match age(state.since(at)).as_str() {
            "now" => "just now".to_owned(),
            age => format!("{age} ago"),
        },
        None => "never".to_owned(),
    };
    // From the right: what has room; the name keeps what is left.
    let mut end = place.right().saturating_sub(1);
    let mut column = |pen: &mut Pen<'_>, needs: u16, columns: u16, text: &str, style: Style| {
        if width >= needs {
            pen.text(end.saturating_sub(columns), y, columns, text, style);
            end = end.saturating_sub(columns + 2);
        }
    };
    column(pen, 40, 12, &word, style);
    column(pen, 76, 11, &sessions, theme.muted);
    column(pen, 60, 9, &seen, theme.muted);
    let me = state.is_me(&person.id);
    let role_style = if may_enter { theme.text } else { theme.muted };
    column(pen, 60, 11, person.role.as_str(), role_style);
    let x = place.x + 2;
    let room = end.saturating_sub(x);
    let name_width = if room >= 56 { 28 } else { room };
    let mut name = person.display_name().to_owned();
    if me {
        name.push_str(" (me)");
    }
    pen.text(x, y, name_width.saturating_sub(2), &name, shade(theme.text));
    if room > name_width {
        let email = person.email.one_line();
        pen.text(
            x + name_width,
            y,
            room - name_width,
            &email,
            if row.twin { theme.warning } else { theme.muted },
        );
    }
}

/// Whether they may enter, and why not.
fn standing(pen: &Pen<'_>, row: &StaffRow) -> (String, Style) {
    let theme = pen.theme;
    let (word, style) = if is_erased(row.person.email.raw()) {
        ("erased", theme.muted)
    } else if !row.person.active {
        ("off", theme.muted)
    } else if !row.verified {
        ("unverified", theme.warning)
    } else if !row.has_password {
        ("no password", theme.warning)
    } else if row.twin {
        ("twin address", theme.warning)
    } else {
        ("active", theme.good)
    };
    (word.to_owned(), style)
}
