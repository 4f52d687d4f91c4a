//! The few columns of a person that joins may show, and reading them from a row.
//!
//! Hashes and tokens are never among them: those are read in `store::auth` alone.

use super::error::Result;
use super::sql;
use crate::domain::ids::UserId;
use crate::domain::safe_text::SafeText;
use crate::domain::user::{Person, Role};
use tokio_postgres::Row;

/// The columns of a person under a prefix, from [`person_lookup`]. The id is given apart: it is known even where the person is gone.
macro_rules! person_columns {
    ($alias:literal, $prefix:literal) => {
        concat!(
            $alias,
            ".name AS ",
            $prefix,
            "_name, ",
            $alias,
            ".company AS ",
            $prefix,
            "_company, ",
            $alias,
            ".email AS ",
            $prefix,
            "_email, ",
            $alias,
            ".role::text AS ",
            $prefix,
            "_role, ",
            $alias,
            ".active AS ",
            $prefix,
            "_active"
        )
    };
}
pub(super) use person_columns;

/// Finds a person by key, one after the other: with a limit inside, the planner does not read all accounts at once.
macro_rules! person_lookup {
    ($alias:literal, $key:literal) => {
        concat!(
            " LEFT JOIN LATERAL (SELECT w.id, w.name, w.company, w.email, w.role, w.active FROM public.users AS w \
               WHERE w.id = ",
            $key,
            " LIMIT 1) AS ",
            $alias,
            " ON true"
        )
    };
}
pub(super) use person_lookup;

/// The names of a person's columns in a result.
pub(super) struct PersonNames {
    id: &'static str,
    name: &'static str,
    company: &'static str,
    email: &'static str,
    role: &'static str,
    active: &'static str,
}

/// A ticket's or a project's client.
pub(super) const CLIENT: PersonNames = PersonNames {
    id: "client_id",
    name: "client_name",
    company: "client_company",
    email: "client_email",
    role: "client_role",
    active: "client_active",
};

/// Who works on a ticket.
pub(super) const ASSIGNEE: PersonNames = PersonNames {
    id: "assignee_id",
    name: "assignee_name",
    company: "assignee_company",
    email: "assignee_email",
    role: "assignee_role",
    active: "assignee_active",
};

/// A person who is what the row is about.
pub(super) const PERSON: PersonNames = PersonNames {
    id: "person_id",
    name: "person_name",
    company: "person_company",
    email: "person_email",
    role: "person_role",
    active: "person_active",
};

/// Foreign text of a column that may be null.
pub(super) fn text(row: &Row, column: &str) -> Result<SafeText> {
    Ok(sql::get::<Option<&str>>(row, column)?.map(SafeText::new).unwrap_or_default())
}

/// The person in these columns; none when there is no id. Somebody who is gone keeps the id and has no name.
pub(super) fn person(row: &Row, names: &PersonNames) -> Result<Option<Person>> {
    let Some(id) = sql::get::<Option<&str>>(row, names.id)? else { return Ok(None) };
    Ok(Some(Person {
        id: UserId::new(id),
        name: text(row, names.name)?,
        company: text(row, names.company)?,
        email: text(row, names.email)?,
        role: Role::parse(sql::get::<Option<&str>>(row, names.role)?.unwrap_or_default()),
        active: sql::get::<Option<bool>>(row, names.active)?.unwrap_or(false),
    }))
}

/// The person in these columns, whose id is never null.
pub(super) fn known_person(row: &Row, names: &PersonNames) -> Result<Person> {
    Ok(person(row, names)?.unwrap_or_else(|| Person {
        id: UserId::new(""),
        name: SafeText::default(),
        company: SafeText::default(),
        email: SafeText::default(),
        role: Role::Unknown("".into()),
        active: false,
    }))
}
