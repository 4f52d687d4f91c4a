//! The conversation: description, then comments in order, laid out into lines once per width and change.

use super::{Remote, Tab, queue};
use crate::app::requests::{Cause, Purpose};
use crate::app::wrap;
use crate::app::{State, layout};
use crate::domain::command::Command;
use crate::domain::comment::{Comment, Side};
use crate::domain::ids::{CommentId, TicketId};
use crate::domain::query::Query;
use crate::domain::safe_text::SafeText;
use crate::domain::ticket::{Thread, TicketRow};
use crate::domain::time::Timestamp;
use jiff::civil::Date;
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

/// A conversation that was in view this long without the keys being on it counts as read.
const READ_AFTER: Duration = Duration::from_secs(2);

/// So much of one message is laid out, in bytes: a log of many megabytes must not hold up the keys.
const SHOWN_OF_A_MESSAGE: usize = 64 * 1024;

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// What the client wrote when opening the ticket.
    Description,
    /// A comment, by its place.
    Comment(usize),
}

/// One line of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Older messages are on their way.
    Older,
    /// A new day.
    Day(Date),
    /// What follows is new to the reader: so many messages.
    New(usize),
    /// Who wrote, and when.
    Head(Message),
    /// A part of what was written.
    Text(Message, Range<usize>),
    /// So many bytes of it are not laid out.
    More(usize),
    /// Between messages.
    Gap,
}

/// The conversation pane.
#[derive(Debug, Default)]
pub struct ThreadPane {
    /// Which ticket.
    pub ticket: Option<TicketId>,
    /// What is known of it; may still be the ticket before while this one loads.
    pub data: Option<Thread>,
    /// Whether it is there.
    pub remote: Remote,
    /// Whether the keys are on it.
    pub focused: bool,
    /// The first line on the screen.
    pub scroll: usize,
    /// Its lines.
    pub lines: Vec<Line>,
    laid: Option<Laid>,
    /// Rows on the screen when it was last laid out.
    height: usize,
    new_after: Option<Timestamp>,
    read_due: Option<Timestamp>,
    /// It would have counted as read, but another screen was in front.
    missed: bool,
    was_read: bool,
}

/// For what the lines were laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Laid {
    width: u16,
    ticket: TicketId,
    comments: usize,
    newest: Option<CommentId>,
    version: i64,
}

impl ThreadPane {
    /// The thread, if it is the one that was asked for.
    pub fn current(&self) -> Option<&Thread> {
        self.data.as_ref().filter(|thread| Some(&thread.ticket.id) == self.ticket.as_ref())
    }

    /// Whether another ticket's text still stands here.
    pub fn is_stale(&self) -> bool {
        self.data.is_some() && self.current().is_none()
    }

    /// The reader wants it unread: it is not marked read again while it stays open.
    pub const fn unread(&mut self) {
        self.was_read = false;
        self.missed = false;
        self.read_due = None;
    }

    /// Shows the newest message.
    pub const fn to_end(&mut self) {
        self.scroll = usize::MAX / 2;
    }

    /// When it counts as read.
    pub const fn next_wake(&self) -> Option<Timestamp> {
        self.read_due
    }

    /// The newest comment known.
    pub fn newest(&self) -> Option<&CommentId> {
        self.current().and_then(|thread| thread.comments.last()).map(|comment| &comment.id)
    }
}

/// Shows a ticket.
pub fn open(state: &mut State, id: TicketId) {
    if state.thread.ticket.as_ref() == Some(&id) {
        return;
    }
    let pane = &mut state.thread;
    pane.ticket = Some(id.clone());
    pane.remote = Remote::Loading;
    pane.was_read = false;
    pane.missed = false;
    pane.read_due = None;
    state.requests.forget(|purpose| matches!(purpose, Purpose::Thread(_) | Purpose::Older(_)));
    state.fetch(Purpose::Thread(id.clone()), Query::Thread(id));
}

/// Shows nothing.
pub fn close(state: &mut State) {
    let focused = state.thread.focused;
    state.thread = ThreadPane { focused, ..ThreadPane::default() };
}

/// Reads the ticket again, after a change. Answers whether nothing is left to be asked: a reading under way may
/// have begun before the change.
pub fn reload(state: &mut State) -> bool {
    let Some(id) = state.thread.ticket.clone() else { return true };
    if state.requests.any(|purpose| matches!(purpose, Purpose::Thread(_))) {
        return false;
    }
    state.live.thread_asked();
    state.fetch(Purpose::Thread(id.clone()), Query::Thread(id));
    true
}

/// The conversation arrived.
pub fn loaded(state: &mut State, id: &TicketId, thread: Option<Box<Thread>>) {
    if state.thread.ticket.as_ref() != Some(id) {
        return queue::departed_read(state, id, thread.map(|thread| thread.ticket));
    }
    let Some(mut thread) = thread.map(|thread| *thread) else {
        state.thread.data = None;
        state.thread.lines.clear();
        queue::gone(state, id);
        state.thread.remote = Remote::Failed("this ticket does not exist any more".to_owned());
        return;
    };
    thread.ticket = state.patched(thread.ticket);
    queue::refresh_row(state, &thread.ticket);
    let again = state.thread.current().is_some();
    if again {
        keep_older(&mut thread, state.thread.current());
    } else {
        state.thread.new_after = Some(thread.seen_at.unwrap_or_default());
        state.thread.laid = None;
        state.thread.read_due = Some(state.now.after(READ_AFTER));
    }
    let has_older = thread.has_older;
    let wants_read = state.thread.was_read || state.thread.focused;
    state.thread.data = Some(thread);
    state.thread.remote = Remote::Ready;
    if wants_read {
        read(state);
    }
    if has_older {
        older(state);
    }
    super::composer::thread_arrived(state);
}

/// My message is in the database: it stands in the conversation before that is read again.
pub fn sent(state: &mut State, row: &TicketRow, comment: &CommentId, content: &str) {
    let row = state.patched(row.clone());
    let Some(me) = &state.me else { return };
    let Some(thread) = state.thread.data.as_mut().filter(|thread| thread.ticket.id == row.id) else { return };
    // Somebody wrote after it, or it is there: then only what is read tells the order.
    let known = thread.comments.iter().any(|known| known.id == *comment);
    if known || row.last_comment.as_ref() != Some(comment) {
        return;
    }
    thread.comments.push(Comment {
        id: comment.clone(),
        author: me.id.clone(),
        author_name: me.name.clone(),
        author_role: me.role.clone(),
        side: Side::Staff,
        content: SafeText::new(content),
        created_at: row.last_activity_at,
    });
    thread.ticket = row;
}

/// Messages loaded earlier stay when the newest part is read again.
fn keep_older(fresh: &mut Thread, known: Option<&Thread>) {
    let (Some(known), Some(first)) = (known, fresh.comments.first()) else { return };
    let from = (first.created_at, first.id.clone());
    let kept: Vec<Comment> = known
        .comments
        .iter()
        .filter(|comment| (comment.created_at, comment.id.clone()) < from)
        .cloned()
        .collect();
    if !kept.is_empty() {
        fresh.has_older = known.has_older;
        fresh.comments.splice(0..0, kept);
    }
}

fn older(state: &mut State) {
    let Some(thread) = state.thread.current() else { return };
    let Some(first) = thread.comments.first() else { return };
    let before = (first.created_at, first.id.clone());
    let ticket = thread.ticket.id.clone();
    if !state.requests.any(|purpose| matches!(purpose, Purpose::Older(_))) {
        state.fetch(Purpose::Older(ticket.clone()), Query::OlderComments { ticket, before });
    }
}

/// Older messages arrived.
pub fn older_loaded(state: &mut State, id: &TicketId, comments: Vec<Comment>, has_older: bool) {
    let Some(thread) = state.thread.data.as_mut().filter(|thread| thread.ticket.id == *id) else { return };
    let known: HashSet<CommentId> = thread.comments.iter().map(|comment| comment.id.clone()).collect();
    thread.comments.splice(0..0, comments.into_iter().filter(|comment| !known.contains(&comment.id)));
    thread.has_older = has_older;
    if has_older {
        older(state);
    }
}

/// The conversation could not be had.
pub fn failed(state: &mut State, id: &TicketId, why: String) {
    if state.thread.ticket.as_ref() == Some(id) && state.thread.current().is_none() {
        state.thread.remote = Remote::Failed(why);
    }
}

/// The reader has seen everything in it.
pub fn read(state: &mut State) {
    state.thread.read_due = None;
    state.thread.missed = state.tab != Tab::Queue;
    if state.thread.missed {
        return;
    }
    state.thread.was_read = true;
    let Some(thread) = state.thread.current().filter(|thread| thread.ticket.unread) else { return };
    let (ticket, up_to) = (thread.ticket.id.clone(), thread.ticket.last_activity_at);
    if let Some(thread) = &mut state.thread.data {
        thread.ticket.unread = false;
        let row = thread.ticket.clone();
        queue::refresh_row(state, &row);
    }
    state.execute(Command::MarkSeen { ticket, up_to: Some(up_to) }, Cause::Quiet);
}

/// Lays the lines out when something that they depend on changed; the line at the top stays there.
pub fn settle(state: &mut State) {
    if state.thread.read_due.is_some_and(|due| due <= state.now) {
        read(state);
    }
    if state.tab == Tab::Queue && std::mem::take(&mut state.thread.missed) {
        state.thread.read_due = Some(state.now.after(READ_AFTER));
    }
    let body = layout::areas(state).thread_body;
    let Some(thread) = &state.thread.data else { return };
    if body.width == 0 {
        return;
    }
    let laid = Laid {
        width: body.width,
        ticket: thread.ticket.id.clone(),
        comments: thread.comments.len(),
        newest: thread.comments.last().map(|comment| comment.id.clone()),
        version: thread.ticket.version,
    };
    let height = usize::from(body.height);
    // By what was on the screen: a composer that opens covers the end, and the end moves up.
    let at_end = state.thread.scroll + state.thread.height >= state.thread.lines.len();
    if state.thread.laid.as_ref() != Some(&laid) {
        let lines = lay_out(state, thread, body.width);
        let same = state.thread.laid.as_ref().is_some_and(|before| before.ticket == laid.ticket);
        let pane = &mut state.thread;
        let from_end = pane.lines.len().saturating_sub(pane.scroll);
        let grew_above = same && pane.laid.as_ref().is_some_and(|before| before.newest == laid.newest);
        pane.scroll = if !same {
            opening_scroll(&lines, height)
        } else if at_end {
            lines.len().saturating_sub(height)
        } else if grew_above && before_width(pane.laid.as_ref()) == laid.width {
            lines.len().saturating_sub(from_end)
        } else {
            pane.scroll
        };
        pane.lines = lines;
        pane.laid = Some(laid);
    } else if at_end && state.thread.height != height {
        state.thread.scroll = state.thread.lines.len();
    }
    let pane = &mut state.thread;
    pane.height = height;
    pane.scroll = pane.scroll.min(pane.lines.len().saturating_sub(height));
}

fn before_width(laid: Option<&Laid>) -> u16 {
    laid.map_or(0, |laid| laid.width)
}

/// A conversation opens at what is new; else at its end.
fn opening_scroll(lines: &[Line], height: usize) -> usize {
    let end = lines.len().saturating_sub(height);
    let new = lines.iter().position(|line| matches!(line, Line::New(_)));
    new.map_or(end, |new| new.saturating_sub(1).min(end))
}

/// The text of a message.
pub fn text_of(thread: &Thread, message: Message) -> &str {
    match message {
        Message::Description => thread.description.as_str(),
        Message::Comment(at) => thread.comments.get(at).map_or("", |comment| comment.content.as_str()),
    }
}

fn lay_out(state: &State, thread: &Thread, width: u16) -> Vec<Line> {
    let columns = usize::from(width).saturating_sub(4).max(8);
    let mut lines = Vec::new();
    let mut day = None;
    let new_after = state.thread.new_after.unwrap_or_default();
    let is_new = |comment: &Comment| comment.created_at > new_after && !state.is_me(&comment.author);
    let new = thread.comments.iter().filter(|comment| is_new(comment)).count();
    let mut new_marked = new == 0 || new == thread.comments.len();
    if thread.has_older {
        lines.push(Line::Older);
    }
    let description = (!thread.has_older).then_some((Message::Description, thread.ticket.created_at));
    let comments = thread.comments.iter().enumerate();
    let comments = comments.map(|(at, comment)| (Message::Comment(at), comment.created_at));
    for (message, written_at) in description.into_iter().chain(comments) {
        let this_day = written_at.day(&state.zone);
        if this_day.is_some() && this_day != day {
            day = this_day;
            lines.extend(day.map(Line::Day));
        }
        if let Message::Comment(at) = message
            && !new_marked
            && is_new(&thread.comments[at])
        {
            new_marked = true;
            lines.push(Line::New(new));
        }
        lines.push(Line::Head(message));
        let text = text_of(thread, message);
        let shown = beginning(text);
        lines.extend(wrap::wrap(shown, columns).into_iter().map(|range| Line::Text(message, range)));
        if shown.len() < text.len() {
            lines.push(Line::More(text.len() - shown.len()));
        }
        lines.push(Line::Gap);
    }
    lines.pop();
    lines
}

/// What is laid out of a text; a long one ends between two words, if there are any.
fn beginning(text: &str) -> &str {
    if text.len() <= SHOWN_OF_A_MESSAGE {
        return text;
    }
    let mut end = SHOWN_OF_A_MESSAGE;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let shown = &text[..end];
    // A break far from the end would hide a part of one endless line.
    let between_words = shown.rfind([' ', '\n']).filter(|at| at + 200 > end).unwrap_or(end);
    &shown[..between_words]
}

/// Scrolls by lines.
pub fn scroll(state: &mut State, by: isize) {
    let pane = &mut state.thread;
    pane.scroll = pane.scroll.saturating_add_signed(by);
}

/// To the head of the next message, or of the one before.
pub fn step_message(state: &mut State, forward: bool) {
    let pane = &mut state.thread;
    let head = |line: &Line| matches!(line, Line::Head(_));
    let to = if forward {
        pane.lines.iter().skip(pane.scroll + 1).position(head).map(|at| pane.scroll + 1 + at)
    } else {
        pane.lines.iter().take(pane.scroll).rposition(head)
    };
    pane.scroll = to.unwrap_or(pane.scroll);
}

/// The whole conversation as markdown.
pub fn markdown(state: &State, thread: &Thread) -> String {
    use std::fmt::Write as _;
    let ticket = &thread.ticket;
    let mut text = format!("# {} {}\n", ticket.number.one_line(), ticket.subject.one_line());
    let client = ticket.client.display_name().to_owned();
    let first = (client, "client".to_owned(), ticket.created_at, thread.description.as_str());
    let rest = thread.comments.iter().map(|comment| {
        let (name, side) = (comment.author_name.one_line().into_owned(), comment.side.label().to_owned());
        (name, side, comment.created_at, comment.content.as_str())
    });
    for (name, side, at, content) in std::iter::once(first).chain(rest) {
        let _ = write!(text, "\n## {name} ({side}), {}\n\n{content}\n", at.full(&state.zone));
    }
    text
}
