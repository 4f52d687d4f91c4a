//! What the listener says: which row changed, and its version.

use super::ids::{ProjectId, TicketId, UserId};

/// One notification of the channel `desk`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A ticket, or its conversation.
    Ticket(TicketId, i64),
    /// A project.
    Project(ProjectId, i64),
    /// A person.
    User(UserId, i64),
    /// Sessions of somebody ended, or what they rest on changed.
    Session(UserId),
    /// More than can be named: read again what is on the screen.
    Everything,
    /// Rows wait to be folded.
    Stale,
}

impl Change {
    /// Reads a payload: `t VERSION ID`, `p ..`, `u ..`, `s ID`, `stale`, `*`; anything else means everything.
    pub fn parse(payload: &str) -> Self {
        if payload == "stale" {
            return Self::Stale;
        }
        let mut parts = payload.splitn(3, ' ');
        match (parts.next(), parts.next().map(str::parse::<i64>), parts.next()) {
            (Some("t"), Some(Ok(version)), Some(id)) => Self::Ticket(TicketId::new(id), version),
            (Some("p"), Some(Ok(version)), Some(id)) => Self::Project(ProjectId::new(id), version),
            (Some("u"), Some(Ok(version)), Some(id)) => Self::User(UserId::new(id), version),
            _ => match payload.strip_prefix("s ") {
                Some(user) => Self::Session(UserId::new(user)),
                None => Self::Everything,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_whatever_the_id_holds() {
        let cases = [
            ("t 7 abc", Change::Ticket(TicketId::new("abc"), 7)),
            ("p 1 with blanks in it", Change::Project(ProjectId::new("with blanks in it"), 1)),
            ("u 3 -rf", Change::User(UserId::new("-rf"), 3)),
            ("stale", Change::Stale),
            ("*", Change::Everything),
            ("s 7", Change::Session(UserId::new("7"))),
            ("s 7 of 9", Change::Session(UserId::new("7 of 9"))),
            ("t x abc", Change::Everything),
            ("", Change::Everything),
        ];
        for (payload, change) in cases {
            assert_eq!(Change::parse(payload), change);
        }
    }
}
