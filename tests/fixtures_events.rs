//! A log to test the panes with: what a few people did, newest first.

use crate::fixtures::{ada, ago, alan};
use kaygia_desk::domain::event::{Event, EventsOf, EventsPage, ValueChange};
use kaygia_desk::domain::ids::EventId;
use kaygia_desk::domain::query::Answer;
use kaygia_desk::domain::safe_text::SafeText;

/// Events in all.
pub const EVENTS: i64 = 130;

pub fn value(field: &str, before: Option<&str>, after: Option<&str>) -> ValueChange {
    ValueChange {
        field: SafeText::new(field),
        before: before.map(SafeText::new),
        after: after.map(SafeText::new),
    }
}

pub fn event(id: i64, of: &EventsOf) -> Event {
    let (action, values) = match id % 6 {
        0 => ("ticket.reply", vec![value("status", Some("OPEN"), Some("PENDING"))]),
        1 => ("ticket.status", vec![value("status", Some("PENDING"), Some("OPEN"))]),
        2 => ("ticket.status", vec![value("status", Some("OPEN"), Some("PENDING"))]),
        3 => ("ticket.assign", vec![value("assignee_id", None, Some("Alan Turing"))]),
        4 => ("ticket.priority", vec![value("priority", Some("normal"), Some("high"))]),
        _ => ("denied", vec![value("command", None, Some("user.role"))]),
    };
    let actor = if id % 4 == 0 { alan() } else { ada() };
    let (entity, subject) = match of {
        EventsOf::Project(_) => ("project", "Shop relaunch"),
        EventsOf::Ticket(_) | EventsOf::Log(_) => ("ticket", "TKT-1042"),
    };
    Event {
        id: EventId(id),
        at: ago(u64::try_from((EVENTS - id) * 47 + 3).unwrap()),
        actor_kind: SafeText::new("staff"),
        actor: Some(actor.id.clone()),
        actor_name: SafeText::new(actor.display_name()),
        action: SafeText::new(action),
        entity: SafeText::new(entity),
        entity_id: SafeText::new("t0"),
        subject: Some(SafeText::new(subject)),
        values,
        undoes: (id % 6 == 1).then(|| EventId(id - 5)),
        undone_by: (id % 6 == 2).then(|| EventId(id + 5)),
        origin: SafeText::new("ada@desk-2 4711 from 192.0.2.7"),
        link: SafeText::new("desk@10.0.0.5"),
    }
}

pub fn page(page: &EventsPage) -> Answer {
    let newest = page.before.map_or(EVENTS, |EventId(id)| id - 1);
    let oldest = (newest - i64::from(page.limit)).max(0);
    let events = (oldest + 1..=newest).rev().map(|id| event(id, &page.of)).collect();
    Answer::Events { events, more: oldest > 0 }
}
