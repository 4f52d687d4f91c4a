//! What was done: the history of a ticket or a project, or the whole log. Newest first, read in pages, live.

use super::Overlay;
use crate::app::edit::Editor;
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::run::Step;
use crate::app::screen::{Remote, Tab, board};
use crate::app::{State, layout, ticket_actions};
use crate::domain::event::{Event, EventsOf, EventsPage, LogFilter, PAGE};
use crate::domain::ids::EventId;
use crate::domain::query::Query;

/// Events that are kept while others come live.
const KEPT: usize = 500;

/// A part of the log.
#[derive(Debug)]
pub struct Log {
    /// Which.
    pub of: EventsOf,
    /// The words above it.
    pub title: String,
    /// The events there are so far.
    pub events: Vec<Event>,
    /// Whether there are older ones.
    pub more: bool,
    /// Where they come from.
    pub remote: Remote,
    /// The marked event.
    pub cursor: ListCursor,
    /// Whether all that is known of the marked event is shown.
    pub details: bool,
    /// The filter as it is being typed.
    pub editing: Option<Editor>,
    /// The filter that holds, or the one that is wrong.
    pub filter: String,
    /// What is wrong with it.
    pub mistake: Option<String>,
}

/// The history of what the cursor is on.
pub fn history(state: &mut State) {
    if state.tab == Tab::Boards {
        let Some(card) = board::selected(state) else { return };
        let title = format!("History of {}", card.title.one_line());
        open(state, EventsOf::Project(card.id.clone()), title);
    } else if let Some(row) = ticket_actions::target(state) {
        let (id, title) = (row.id.clone(), format!("History of {}", row.number.one_line()));
        open(state, EventsOf::Ticket(id), title);
    }
}

/// All that was done.
pub fn whole(state: &mut State) {
    open(state, EventsOf::Log(LogFilter::default()), "All that was done".to_owned());
}

fn open(state: &mut State, of: EventsOf, title: String) {
    state.overlay = Some(Overlay::Log(Box::new(Log {
        of,
        title,
        events: Vec::new(),
        more: false,
        remote: Remote::Idle,
        cursor: ListCursor::default(),
        details: false,
        editing: None,
        filter: String::new(),
        mistake: None,
    })));
    reload(state);
}

/// Reads what is shown again.
pub fn reload(state: &mut State) {
    let Some(Overlay::Log(log)) = &state.overlay else { return };
    let shown = log.events.len().clamp(usize::from(PAGE), KEPT);
    fetch(state, None, u16::try_from(shown).unwrap_or(PAGE));
}

fn fetch(state: &mut State, before: Option<EventId>, limit: u16) {
    let Some(Overlay::Log(log)) = &mut state.overlay else { return };
    log.remote = Remote::Loading;
    let page = EventsPage { of: log.of.clone(), before, limit };
    state.fetch(Purpose::Log(Box::new(page.clone())), Query::Events(page));
}

/// Events arrived: the newest, or those after the last.
pub fn loaded(state: &mut State, page: &EventsPage, events: Vec<Event>, more: bool) {
    let height = page_height(state);
    let Some(Overlay::Log(log)) = &mut state.overlay else { return };
    if log.of != page.of {
        return;
    }
    let marked = log.events.get(log.cursor.selected).map(|event| event.id);
    match page.before {
        None => log.events = events,
        Some(before) if log.events.last().is_some_and(|last| last.id == before) => log.events.extend(events),
        Some(_) => return,
    }
    log.more = more;
    log.remote = Remote::Ready;
    // At the top the newest stays in sight; elsewhere the cursor stays on its event.
    let at = marked.filter(|_| log.cursor.selected > 0);
    let at = at.and_then(|id| log.events.iter().position(|event| event.id == id));
    log.cursor.select(at.unwrap_or(0), log.events.len(), height);
}

/// The events did not come.
pub fn failed(state: &mut State, page: &EventsPage, sentence: &str) {
    if let Some(Overlay::Log(log)) = &mut state.overlay
        && log.of == page.of
    {
        log.remote = Remote::Failed(sentence.to_owned());
    }
}

/// Moves the cursor; near the end the next page is asked for.
pub fn step(state: &mut State, by: Step) {
    let height = page_height(state);
    let Some(Overlay::Log(log)) = &mut state.overlay else { return };
    log.cursor.step(by.rows(height), log.events.len(), height);
    let near = log.cursor.selected + height >= log.events.len();
    let last = log.events.last().map(|event| event.id);
    if near && log.more && log.remote != Remote::Loading {
        fetch(state, last, PAGE);
    }
}

/// A click on a line of the list: the cursor goes there; a second one shows all that is known of it.
pub fn click(state: &mut State, line: usize) {
    let Some(Overlay::Log(log)) = &mut state.overlay else { return };
    let row = log.cursor.offset + line;
    if row >= log.events.len() {
        return;
    }
    if std::mem::replace(&mut log.cursor.selected, row) == row {
        details(state);
    }
}

/// Enter: all that is known of an event, and back.
pub fn details(state: &mut State) {
    if let Some(Overlay::Log(log)) = &mut state.overlay {
        log.details = !log.details;
    }
    let height = page_height(state);
    if let Some(Overlay::Log(log)) = &mut state.overlay {
        let len = log.events.len();
        log.cursor.show(len, height);
    }
}

/// Opens the line of the filter.
pub fn edit(state: &mut State) {
    if let Some(Overlay::Log(log)) = &mut state.overlay {
        log.editing = Some(Editor::line(&log.filter));
    }
}

/// Enter in the filter: what is wrong is told, and the line stays open.
pub fn apply(state: &mut State) {
    let zone = state.zone.clone();
    let Some(Overlay::Log(log)) = &mut state.overlay else { return };
    let Some(editor) = &log.editing else { return };
    log.filter = editor.text();
    match LogFilter::parse(&log.filter, &zone) {
        Err(mistake) => log.mistake = Some(mistake),
        Ok(filter) => {
            log.of = EventsOf::Log(filter);
            (log.mistake, log.editing) = (None, None);
            log.cursor = ListCursor::default();
            log.events.clear();
            reload(state);
        }
    }
}

/// Esc: leaves the line of the filter; answers whether there was one.
pub fn leave_line(log: &mut Log) -> bool {
    log.mistake = None;
    log.editing.take().is_some()
}

/// Rows of the list.
pub fn page_height(state: &State) -> usize {
    let Some(Overlay::Log(log)) = &state.overlay else { return 1 };
    usize::from(layout::log(state.size, log.details).1.height).max(1)
}
