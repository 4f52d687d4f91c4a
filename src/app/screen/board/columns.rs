//! The columns as the database has them, and as they are shown while changes are under way.
//!
//! Each column keeps two piles of cards: what was read, and that with the changes that are not answered yet.
//! Only the first is ever merged with what arrives, so that a refused change leaves no trace.

use crate::app::list::ListCursor;
use crate::domain::command::{Command, ProjectChange};
use crate::domain::ids::ProjectId;
use crate::domain::project::{ProjectCard, ProjectStatus};
use crate::domain::query::{BoardColumn, Count};
use std::cmp::Ordering;
use std::collections::HashSet;

/// Cards in their order, and how many there are in all.
#[derive(Clone, Debug, Default)]
pub struct Pile {
    /// The first of them.
    pub cards: Vec<ProjectCard>,
    /// All of them, exact to 999.
    pub count: Count,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Which.
    pub status: ProjectStatus,
    /// What is on the screen.
    pub shown: Pile,
    /// The card of the cursor, and the first card on the screen.
    pub cursor: ListCursor,
    read: Pile,
    /// How many of them came with the board itself.
    page: usize,
    more: bool,
}

/// All columns, and which of them has the cursor.
#[derive(Debug, Default)]
pub struct Columns {
    /// From the left. Empty until the board was read once, then at least the documented six.
    pub list: Vec<Column>,
    /// The column of the cursor, and the first column on the screen.
    pub cursor: ListCursor,
    /// Cards that a change of ours put where they stand: no page of the database ends with them.
    placed: HashSet<ProjectId>,
}

impl Column {
    fn new(status: ProjectStatus) -> Self {
        Self {
            status,
            shown: Pile::default(),
            cursor: ListCursor::default(),
            read: Pile::default(),
            page: 0,
            more: false,
        }
    }

    /// The card of this column's cursor.
    pub fn selected(&self) -> Option<&ProjectCard> {
        self.shown.cards.get(self.cursor.selected)
    }
}

impl Columns {
    /// The column of the cursor.
    pub fn current(&self) -> Option<&Column> {
        self.list.get(self.cursor.selected)
    }

    /// The card under the cursor.
    pub fn selected(&self) -> Option<&ProjectCard> {
        self.current().and_then(Column::selected)
    }

    /// A card, wherever it stands.
    pub fn find(&self, id: &ProjectId) -> Option<&ProjectCard> {
        self.list.iter().flat_map(|column| &column.shown.cards).find(|card| card.id == *id)
    }

    /// Whether there is no card at all.
    pub fn is_empty(&self) -> bool {
        self.list.iter().all(|column| column.shown.cards.is_empty())
    }

    /// The whole board was read. With the same filter as before, cards beyond the first page stay until they
    /// are read again; with another one the cursors begin at the top, but for the card under the cursor.
    pub fn replace(&mut self, fresh: Vec<BoardColumn>, same_filter: bool, commands: &[Command]) {
        let focus = self.selected().map(|card| card.id.clone());
        let ids: HashSet<ProjectId> =
            fresh.iter().flat_map(|column| &column.cards).map(|card| card.id.clone()).collect();
        let mut old = std::mem::take(&mut self.list);
        let unknown = fresh.iter().map(|column| &column.status).filter(|s| !ProjectStatus::ALL.contains(s));
        let statuses: Vec<ProjectStatus> = ProjectStatus::ALL.iter().chain(unknown).cloned().collect();
        let mut fresh: Vec<Option<BoardColumn>> = fresh.into_iter().map(Some).collect();
        for status in statuses {
            let at = old.iter().position(|column| column.status == status);
            let mut column = at.map_or_else(|| Column::new(status.clone()), |at| old.swap_remove(at));
            let found = fresh.iter_mut().find(|f| f.as_ref().is_some_and(|f| f.status == status));
            let (cards, count) = found
                .and_then(Option::take)
                .map_or_else(|| (Vec::new(), Count::default()), |found| (found.cards, found.count));
            let tail = if same_filter { tail(&column.read.cards, &cards, count, &ids) } else { Vec::new() };
            column.page = cards.len();
            column.read = Pile { cards: cards.into_iter().chain(tail).collect(), count };
            column.more = is_beyond(count, column.read.cards.len());
            if !same_filter {
                column.cursor = ListCursor::default();
                column.shown = Pile::default();
            }
            self.list.push(column);
        }
        self.cursor.selected = self.cursor.selected.min(self.list.len().saturating_sub(1));
        self.placed.retain(|id| !ids.contains(id));
        self.show(commands);
        if let Some(id) = focus {
            self.go_to(&id);
        }
    }

    /// The cards that follow `after` in a column were read.
    pub fn append(&mut self, status: &ProjectStatus, after: &ProjectId, cards: Vec<ProjectCard>) {
        let ids: HashSet<ProjectId> = cards.iter().map(|card| card.id.clone()).collect();
        if ids.contains(after) {
            return;
        }
        for column in &mut self.list {
            column.read.cards.retain(|card| !ids.contains(&card.id));
        }
        let Some(column) = self.list.iter_mut().find(|column| column.status == *status) else { return };
        let pile = &mut column.read;
        let Some(at) = pile.cards.iter().position(|card| card.id == *after) else { return };
        let mut rest = pile.cards.split_off(at + 1);
        match cards.last() {
            Some(last) => rest.retain(|card| by_place(card, last) == Ordering::Greater),
            None => rest.clear(),
        }
        let any = !cards.is_empty();
        pile.cards.extend(cards);
        pile.cards.extend(rest);
        if pile.count.number() <= EXACT {
            pile.cards.truncate((pile.count.number() as usize).max(at + 1));
        }
        column.more = any && is_beyond(pile.count, pile.cards.len());
        self.placed.retain(|id| !ids.contains(id));
    }

    /// The last card of a column that the database gave, when there are more after it.
    pub fn next_after(&self, at: usize) -> Option<&ProjectCard> {
        let column = self.list.get(at).filter(|column| column.more)?;
        column.read.cards.iter().rev().find(|card| !self.placed.contains(&card.id))
    }

    /// The card before the screen of a column, where that lies beyond the cards that came with the board: what
    /// follows it is to be read again too.
    pub fn before_screen(&self, at: usize) -> Option<&ProjectCard> {
        let column = self.list.get(at)?;
        let first = column.cursor.offset.checked_sub(1).filter(|first| *first >= column.page)?;
        let cards = column.read.cards.get(..=first)?;
        cards.iter().rev().find(|card| !self.placed.contains(&card.id))
    }

    /// A change was carried out: it belongs to what was read now.
    pub fn settle(&mut self, project: &ProjectId, changes: &[ProjectChange]) {
        let mut piles: Vec<_> =
            self.list.iter_mut().map(|column| (&column.status, &mut column.read)).collect();
        if change_card(&mut piles, project, changes) {
            self.placed.insert(project.clone());
        }
    }

    /// Shows what was read, with the changes under way. Each column's cursor stays on its card; where the
    /// card under the cursor went to another column, the cursor goes with it.
    pub fn show(&mut self, commands: &[Command]) {
        let focus = self.selected().map(|card| card.id.clone());
        let kept: Vec<Option<ProjectId>> =
            self.list.iter().map(|column| column.selected().map(|card| card.id.clone())).collect();
        let mut piles = Vec::with_capacity(self.list.len());
        for column in &mut self.list {
            column.shown.clone_from(&column.read);
            piles.push((&column.status, &mut column.shown));
        }
        for command in commands {
            if let Command::EditProject { project, changes } = command {
                change_card(&mut piles, project, changes);
            }
        }
        for (column, id) in self.list.iter_mut().zip(kept) {
            let cards = &column.shown.cards;
            let found = id.and_then(|id| cards.iter().position(|card| card.id == id));
            let line = column.cursor.selected.saturating_sub(column.cursor.offset);
            column.cursor.selected =
                found.unwrap_or(column.cursor.selected).min(cards.len().saturating_sub(1));
            column.cursor.offset = column.cursor.selected.saturating_sub(line);
        }
        if let Some(id) = focus {
            self.go_to(&id);
        }
    }

    /// Puts the cursor on a card, if it is there.
    pub fn go_to(&mut self, id: &ProjectId) -> bool {
        let place = self.list.iter().enumerate().find_map(|(at, column)| {
            let line = column.shown.cards.iter().position(|card| card.id == *id)?;
            Some((at, line))
        });
        let Some((at, line)) = place else { return false };
        self.cursor.selected = at;
        self.list[at].cursor.selected = line;
        true
    }
}

/// Counts are exact up to this.
const EXACT: u32 = 999;

fn is_beyond(count: Count, read: usize) -> bool {
    count.number() > EXACT || read < count.number() as usize
}

/// What was read after the first page and still may follow it.
fn tail(
    old: &[ProjectCard],
    page: &[ProjectCard],
    count: Count,
    known: &HashSet<ProjectId>,
) -> Vec<ProjectCard> {
    let Some(last) = page.last().filter(|_| is_beyond(count, page.len())) else { return Vec::new() };
    let start = match old.iter().position(|card| card.id == last.id) {
        Some(at) => at + 1,
        None => old.partition_point(|card| by_place(card, last) != Ordering::Greater),
    };
    let most = if count.number() > EXACT { usize::MAX } else { count.number() as usize - page.len() };
    old[start..].iter().filter(|card| !known.contains(&card.id)).take(most).cloned().collect()
}

/// The order of a column: by end date (none last), title, id.
fn by_place(one: &ProjectCard, other: &ProjectCard) -> Ordering {
    fn key(card: &ProjectCard) -> (bool, i64, String) {
        let title: String = card.title.raw().chars().take(64).collect();
        (card.end_date.is_none(), card.end_date.map_or(0, |end| end.micros()), title.to_lowercase())
    }
    key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
}

/// Changes a card in its pile, or moves it to another. Says whether it has a new place.
fn change_card(piles: &mut [(&ProjectStatus, &mut Pile)], id: &ProjectId, changes: &[ProjectChange]) -> bool {
    let found = piles.iter().enumerate().find_map(|(at, (_, pile))| {
        let line = pile.cards.iter().position(|card| card.id == *id)?;
        Some((at, line))
    });
    let Some((from, line)) = found else { return false };
    let mut card = piles[from].1.cards[line].clone();
    for change in changes {
        patch(&mut card, change);
    }
    let same_place = piles[from].0 == &card.status
        && !changes.iter().any(|c| matches!(c, ProjectChange::EndDate(_) | ProjectChange::Title(_)));
    if same_place {
        piles[from].1.cards[line] = card;
        return false;
    }
    let Some(to) = piles.iter().position(|(status, _)| **status == card.status) else { return false };
    piles[from].1.cards.remove(line);
    if from != to {
        count(piles[from].1, |n| n.saturating_sub(1));
        count(piles[to].1, |n| n + 1);
    }
    let cards = &mut piles[to].1.cards;
    let place = cards.partition_point(|other| by_place(other, &card) == Ordering::Less);
    cards.insert(place, card);
    true
}

fn count(pile: &mut Pile, change: impl Fn(u32) -> u32) {
    if pile.count.number() <= EXACT {
        pile.count = Count::new(change(pile.count.number()));
    }
}

/// A card as it will be after one change. A new client is shown once it is read: only the id is known here.
pub fn patch(card: &mut ProjectCard, change: &ProjectChange) {
    match change {
        ProjectChange::Title(change) => card.title = change.to.as_str().into(),
        ProjectChange::Status(change) => card.status = change.to.clone(),
        ProjectChange::Kind(change) => card.kind = change.to.clone(),
        ProjectChange::Budget(change) => card.budget = change.to,
        ProjectChange::StartDate(change) => card.start_date = change.to,
        ProjectChange::EndDate(change) => card.end_date = change.to,
        ProjectChange::Client(_) | ProjectChange::Description(_) | ProjectChange::Requirements(_) => {}
    }
}
