//! The built-in views.

use crate::domain::query::{Assignee, TicketFilter, TicketSort, TicketTerm};
use crate::domain::ticket::TicketStatus;
use std::time::Duration;

/// A built-in view.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Its key.
    pub digit: u8,
    /// Its name.
    pub name: &'static str,
    /// What it asks for, in the words of the query language.
    pub query: &'static str,
    /// Its order.
    pub sort: TicketSort,
}

/// The built-in views.
pub const VIEWS: [View; 5] = [
    View { digit: 1, name: "Mine", query: "is:active assignee:me", sort: TicketSort::Waiting },
    View { digit: 2, name: "Unassigned", query: "is:unassigned is:active", sort: TicketSort::Waiting },
    View { digit: 5, name: "Gone quiet", query: "status:pending replied:>7d", sort: TicketSort::Activity },
    View { digit: 7, name: "All active", query: "is:active", sort: TicketSort::Waiting },
    View {
        digit: 8,
        name: "Just resolved",
        query: "status:resolved updated:<14d",
        sort: TicketSort::Activity,
    },
];

impl View {
    /// The typed form of its query.
    pub fn filter(&self) -> TicketFilter {
        const DAY: u64 = 86_400;
        TicketFilter::All(match self.digit {
            1 => vec![TicketTerm::Active, TicketTerm::Assignee(Assignee::Me)],
            2 => vec![TicketTerm::Assignee(Assignee::Nobody), TicketTerm::Active],
            5 => vec![
                TicketTerm::Status(TicketStatus::Pending),
                TicketTerm::SilentFor(Duration::from_secs(7 * DAY)),
            ],
            7 => vec![TicketTerm::Active],
            _ => vec![
                TicketTerm::Status(TicketStatus::Resolved),
                TicketTerm::UpdatedWithin(Duration::from_secs(14 * DAY)),
            ],
        })
    }
}
