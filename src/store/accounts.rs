//! Accounts for those who administer them: the staff, what an erasure touches, addresses that differ in case only.

use super::error::Result;
use super::moment::Moment;
use super::people::{self, person_columns};
use super::sql;
use super::statement::escape_like;
use crate::domain::account::{ErasurePreview, StaffRow};
use crate::domain::ids::UserId;
use crate::domain::user::Person;
use crate::policy::{Accounts, Scope};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Whether another account has the address of `u` but for its case.
macro_rules! twin {
    () => {
        "EXISTS (SELECT FROM desk.users AS o JOIN public.users AS w ON w.id = o.user_id \
                  WHERE substring(o.search FROM '[^ ]+@[^ ]+') = substring(lower(u.email) FROM '[^ ]+@[^ ]+') \
                    AND o.user_id <> u.id AND lower(btrim(w.email)) = lower(btrim(u.email))) AS twin"
    };
}
pub(super) use twin;

/// All accounts that are no client's: those who may enter first, by name. None for readers who see clients only.
pub async fn staff(client: &Client, scope: &Scope) -> Result<Vec<StaffRow>> {
    let all = scope.accounts() == Accounts::All;
    let rows = sql::rows(
        client,
        concat!(
            "SELECT u.id AS person_id, ",
            person_columns!("u", "person"),
            ", u.email_verified, u.last_logged_in, u.password_hash IS NOT NULL AS has_password, \
             (SELECT count(*) FROM desk.sessions AS s \
               WHERE s.user_id = u.id AND s.expires_at > (clock_timestamp() AT TIME ZONE 'utc')) AS sessions, ",
            twin!(),
            " FROM desk.users AS d JOIN public.users AS u ON u.id = d.user_id \
              WHERE d.role <> 'CLIENT' AND u.role::text <> 'CLIENT' AND $1 \
              ORDER BY u.active DESC, d.name_key, u.id LIMIT 1000"
        ),
        &[(&all, Type::BOOL)],
    )
    .await?;
    rows.iter().map(staff_row).collect()
}

fn staff_row(row: &Row) -> Result<StaffRow> {
    Ok(StaffRow {
        person: people::known_person(row, &people::PERSON)?,
        verified: sql::get(row, "email_verified")?,
        has_password: sql::get(row, "has_password")?,
        last_signed_in: sql::get::<Option<Moment>>(row, "last_logged_in")?.map(|at| at.0),
        sessions: sql::get(row, "sessions")?,
        twin: sql::get(row, "twin")?,
    })
}

/// What erasing somebody touches; none when there is no such account, and for readers who see clients only.
pub async fn erasure(client: &Client, scope: &Scope, user: &UserId) -> Result<Option<ErasurePreview>> {
    let all = scope.accounts() == Accounts::All;
    let row = sql::maybe_row(
        client,
        concat!(
            "SELECT u.id AS person_id, ",
            person_columns!("u", "person"),
            ", (SELECT count(*) FROM public.support_tickets AS t WHERE t.client_id = u.id) AS tickets, \
             (SELECT count(*) FROM public.ticket_comments AS c WHERE c.user_id = u.id) AS comments, \
             (SELECT count(*) FROM public.projects AS p WHERE p.client_id = u.id) AS projects, \
             (SELECT count(*) FROM desk.drafts AS d WHERE d.user_id = u.id \
                 OR d.ticket_id IN (SELECT t.ticket_id FROM desk.tickets AS t WHERE t.client_id = u.id)) AS drafts, \
             (SELECT count(*) FROM desk.sessions AS s WHERE s.user_id = u.id) AS sessions, \
             (SELECT count(*) FROM desk.mails AS m WHERE m.to_user = u.id) AS mails, \
             (SELECT count(*) FROM desk.events AS e WHERE e.actor_id = u.id) AS events \
             FROM public.users AS u WHERE u.id = $1 AND $2"
        ),
        &[(&user.as_str(), Type::TEXT), (&all, Type::BOOL)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ErasurePreview {
        person: people::known_person(&row, &people::PERSON)?,
        tickets: sql::get(&row, "tickets")?,
        comments: sql::get(&row, "comments")?,
        projects: sql::get(&row, "projects")?,
        drafts: sql::get(&row, "drafts")?,
        sessions: sql::get(&row, "sessions")?,
        mails: sql::get(&row, "mails")?,
        events: sql::get(&row, "events")?,
    }))
}

/// The account of this id, else of exactly this address, else those whose addresses differ in case or blanks around
/// them only. Readers who see clients only find clients only.
pub async fn find(client: &Client, scope: &Scope, who: &str) -> Result<Vec<Person>> {
    let all = scope.accounts() == Accounts::All;
    let pattern = format!("%{}%", escape_like(who));
    let rows = sql::rows(
        client,
        concat!(
            "SELECT u.id AS person_id, ",
            person_columns!("u", "person"),
            ", CASE WHEN u.id = $1 THEN 0 WHEN u.email = $1 THEN 1 ELSE 2 END AS rank \
               FROM public.users AS u \
              WHERE (u.id = $1 OR u.email = $1 \
                     OR u.id IN (SELECT d.user_id FROM desk.users AS d JOIN public.users AS w ON w.id = d.user_id \
                                  WHERE d.search LIKE lower($2) AND lower(btrim(w.email)) = lower($1))) \
                AND ($3 OR u.role::text = 'CLIENT') \
              ORDER BY rank, u.id LIMIT 10"
        ),
        &[(&who, Type::TEXT), (&pattern, Type::TEXT), (&all, Type::BOOL)],
    )
    .await?;
    let Some(best) = rows.first().map(|row| sql::get::<i32>(row, "rank")).transpose()? else {
        return Ok(Vec::new());
    };
    let fits =
        rows.iter().filter(|row| best == 2 || sql::get::<i32>(row, "rank").is_ok_and(|rank| rank == best));
    fits.map(|row| people::known_person(row, &people::PERSON)).collect()
}
