//! Accounts of staff, and what an erasure touches.

use crate::fixtures::{NOW, ada, alan};
use crate::fixtures_boards::client_rows;
use kaygia_desk::domain::account::{ErasurePreview, StaffRow};
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::user::{Person, Role};

fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_micros(NOW.micros() - minutes * 60_000_000)
}

fn person(id: &str, name: &str, role: Role) -> Person {
    Person {
        id: UserId::new(id),
        name: SafeText::new(name),
        company: SafeText::new("Kaygia"),
        email: SafeText::new(&format!("{id}@kaygia.example")),
        role,
        active: true,
    }
}

fn row(person: Person) -> StaffRow {
    StaffRow {
        person,
        verified: true,
        has_password: true,
        last_signed_in: Some(ago(95)),
        sessions: 1,
        twin: false,
    }
}

/// One of each kind.
pub fn staff() -> Vec<StaffRow> {
    let erased = Person {
        email: SafeText::new("erased-07070707-0707-4707-8707-070707070707@invalid"),
        active: false,
        ..person("x", "former staff", Role::Admin)
    };
    let off = Person { active: false, ..person("kurt", "Kurt Gödel", Role::Admin) };
    vec![
        StaffRow { sessions: 2, last_signed_in: Some(ago(0)), ..row(ada()) },
        row(Person { role: Role::SuperAdmin, ..alan() }),
        StaffRow {
            sessions: 0,
            last_signed_in: None,
            verified: false,
            has_password: false,
            ..row(person("emmy", "Emmy Noether", Role::Admin))
        },
        StaffRow {
            twin: true,
            last_signed_in: Some(ago(60 * 24 * 9)),
            sessions: 0,
            ..row(person("Barbara", "Barbara Liskov of the very long Name", Role::Admin))
        },
        StaffRow {
            has_password: false,
            sessions: 0,
            ..row(person("owner", "山田 太郎", Role::Unknown("OWNER".into())))
        },
        StaffRow { sessions: 0, ..row(off) },
        StaffRow { sessions: 0, last_signed_in: None, ..row(erased) },
    ]
}

/// What erasing a client or a colleague touches.
pub fn erasure(user: &UserId) -> Option<ErasurePreview> {
    let clients = client_rows("").into_iter().map(|row| row.person);
    let person =
        staff().into_iter().map(|row| row.person).chain(clients).find(|person| person.id == *user)?;
    Some(ErasurePreview {
        person,
        tickets: 52,
        comments: 117,
        projects: 3,
        drafts: 1,
        sessions: 2,
        mails: 4,
        events: 310,
    })
}
