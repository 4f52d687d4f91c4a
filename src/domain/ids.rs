//! Identifiers, one type each, so that no two can be exchanged.
//!
//! The web app's ids are any text (database.md, trap 9): never parsed, compared byte by byte.
//! Ids of new rows are UUIDs made from random bytes that the caller brings.

use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes the id as the database has it.
            pub fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            /// A new id: a version 4 UUID from 16 random bytes.
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid_v4(bytes).into())
            }

            /// The id as the database has it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }
    };
}

text_id!(
    /// A row of `support_tickets`.
    TicketId
);
text_id!(
    /// A row of `ticket_comments`; also the key that makes sending a reply exactly-once.
    CommentId
);
text_id!(
    /// A row of `users`: client or staff.
    UserId
);
text_id!(
    /// A row of `projects`.
    ProjectId
);
text_id!(
    /// A row of `desk.sessions`.
    SessionId
);

/// A row of `desk.events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub i64);

/// Formats 16 random bytes as a version 4 UUID (RFC 9562, section 5.4).
fn uuid_v4(mut bytes: [u8; 16]) -> String {
    use fmt::Write as _;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_a_version_4_uuid() {
        let id = TicketId::from_random([0xff; 16]);
        assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
