//! The first line and the last.

use super::widgets::Pen;
use crate::app::footer;
use crate::app::screen::tab_places;
use crate::app::toast::Tone;
use crate::app::wrap;
use crate::app::{Link, State};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A longer name is cut.
const LONGEST_NAME: usize = 28;

/// Product, tabs, connection, who is signed in.
pub fn header(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    pen.fill(area, theme.header);
    let base = theme.header;
    pen.text(area.x + 1, area.y, 11, "Kaygia Desk", base.patch(theme.strong));
    let mut end = 13;
    for (tab, x, width) in tab_places(state).filter(|(_, x, width)| x + width < area.width) {
        let style = if tab == state.tab { base.patch(theme.tab) } else { base.patch(theme.muted) };
        pen.text(x, area.y, width, tab.label(), style);
        end = x + width;
    }
    let (sign_style, words) = link(pen, state);
    let (name, role) =
        state.me.as_ref().map_or_else(Default::default, |me| (me.name.one_line(), me.role.as_str()));
    // A name of marks only is as long as nobody's: its beginning tells whose desk this is.
    let name = wrap::clip(name.trim(), LONGEST_NAME, theme.signs.ellipsis);
    let short = name.split_whitespace().next().unwrap_or_default();
    let short = wrap::clip(short, LONGEST_NAME / 2, theme.signs.ellipsis);
    let busy = if state.requests.slow(state.now) { "loading  " } else { "" };
    let candidates = [
        format!("{busy}{} {words}   {name} {role} ", pen.theme.signs.live),
        format!("{busy}{} {words}  {short} ", pen.theme.signs.live),
        format!("{} {words} ", pen.theme.signs.live),
        format!("{} ", pen.theme.signs.live),
    ];
    let room = area.width.saturating_sub(end + 1);
    let Some(text) = candidates.iter().find(|text| wrap::width(text) <= room.into()) else { return };
    let used = pen.right(area.x, area.y, area.width, text, base);
    let sign = area.width - used + wrap::width(if text.starts_with("loading") { busy } else { "" }) as u16;
    let said = (2 + wrap::width(&words) as u16).min(area.width - sign);
    pen.style(Rect { x: sign, width: said, ..area }, base.patch(sign_style));
}

fn link(pen: &Pen<'_>, state: &State) -> (Style, String) {
    if let (false, Some(silent)) =
        (matches!(state.link, Link::Offline(_)), state.requests.unanswered(state.now))
    {
        return (pen.theme.warning, format!("no answer for {} s", silent.as_secs()));
    }
    match state.link {
        Link::Connecting => (pen.theme.muted, "connecting".to_owned()),
        Link::Live => (pen.theme.good, "live".to_owned()),
        Link::Polling => (pen.theme.warning, "polling".to_owned()),
        Link::Offline(since) => (pen.theme.danger, format!("offline since {}", since.clock(&state.zone))),
    }
}

/// The keys that matter here, or what there is to tell.
pub fn footer(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    pen.fill(area, theme.text);
    let (right, tone) = footer::told(state);
    let style = match tone {
        Some(Tone::Good) => theme.good,
        Some(Tone::Info) => theme.accent,
        Some(Tone::Warning) => theme.warning,
        None => theme.muted,
    };
    pen.right(area.x + 1, area.y, area.width.saturating_sub(2), &right, style);
    for hint in footer::hints(state, footer::room(state)) {
        let wide = pen.text(area.x + hint.x, area.y, hint.width(), &hint.key, theme.key) + 1;
        pen.text(area.x + hint.x + wide, area.y, hint.width().saturating_sub(wide), hint.label, theme.muted);
    }
}
