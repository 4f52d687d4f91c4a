//! People: finding clients as one types, a client's profile, the staff to assign to.
//!
//! Shows id, name, company, e-mail address, role and whether the account is on; of a client also the dates of
//! the account. Never a hash.

use super::accounts::twin;
use super::board;
use super::error::Result;
use super::moment::Moment;
use super::people::{self, person_columns};
use super::sql;
use super::statement::{Statement, contains_pattern, escape_like};
use super::tickets::{brief_columns, brief_joins, ticket_brief};
use crate::domain::ids::UserId;
use crate::domain::query::ClientProfile;
use crate::domain::user::{ClientRow, Person};
use crate::policy::Scope;
use futures_util::future::try_join3;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// At most this many clients in a list.
const CLIENTS: i64 = 100;

macro_rules! client_columns {
    () => {
        concat!(
            "u.id AS person_id, ",
            person_columns!("u", "person"),
            ", u.created_at, \
             (SELECT count(*) FROM (SELECT FROM desk.tickets AS t WHERE t.client_id = u.id AND t.active LIMIT 1000) AS n) \
               AS open_tickets, \
             (SELECT count(*) FROM (SELECT FROM desk.projects AS p WHERE p.client_id = u.id LIMIT 1000) AS n) AS projects, ",
            twin!()
        )
    };
}

/// Clients whose name, e-mail address or company contains the text, best matches first, at most 100.
pub async fn clients(client: &Client, scope: &Scope, text: &str) -> Result<Vec<ClientRow>> {
    clients_statement(scope, text).rows(client).await?.iter().map(client_row).collect()
}

fn clients_statement(scope: &Scope, text: &str) -> Statement {
    let mut statement = Statement::new("");
    statement.give(scope.tickets(), Type::BOOL);
    statement.sql(concat!("SELECT ", client_columns!(), " FROM ("));
    matching(&mut statement, text, CLIENTS);
    statement.sql(
        ") AS m CROSS JOIN LATERAL (SELECT w.id, w.name, w.company, w.email, w.role, w.active, w.created_at \
                                      FROM public.users AS w WHERE w.id = m.user_id LIMIT 1) AS u \
         WHERE $1 AND u.role::text = 'CLIENT' ORDER BY m.rank, m.name_key, u.id",
    );
    statement
}

/// The ids of clients that match a text, at most `limit`: names that begin with it, then whatever contains it.
/// Fewer than three letters are looked for at the beginning of names only.
pub(super) fn matching(statement: &mut Statement, text: &str, limit: i64) {
    let text = text.trim();
    statement.sql("SELECT f.user_id, min(f.rank) AS rank, min(f.name_key) AS name_key FROM (");
    if !text.is_empty() {
        statement.sql(
            "(SELECT u.user_id, 0 AS rank, u.name_key FROM desk.users AS u \
               WHERE u.role = 'CLIENT' AND u.name_key LIKE lower(",
        );
        statement.bind_text(&(escape_like(text) + "%"));
        statement.sql(") ORDER BY u.name_key USING ~<~, u.user_id LIMIT ").bind(limit, Type::INT8).sql(")");
    }
    match text.chars().count() {
        0 => {
            statement.sql(
                "(SELECT u.user_id, 1 AS rank, u.name_key FROM desk.users AS u \
                   WHERE u.role = 'CLIENT' ORDER BY u.name_key, u.user_id LIMIT ",
            );
            statement.bind(limit, Type::INT8).sql(")");
        }
        1 | 2 => {}
        _ => {
            statement.sql(
                " UNION ALL (SELECT u.user_id, 1, u.name_key FROM desk.users AS u \
                   WHERE u.role = 'CLIENT' AND u.search LIKE lower(",
            );
            statement.bind_text(&contains_pattern(text));
            statement.sql(") ORDER BY u.name_key, u.user_id LIMIT ").bind(limit, Type::INT8).sql(")");
        }
    }
    statement.sql(") AS f GROUP BY f.user_id ORDER BY 2, 3, 1 LIMIT ").bind(limit, Type::INT8);
}

/// A client with tickets and projects; none when gone or no client. One round trip.
pub async fn profile(client: &Client, scope: &Scope, user: &UserId) -> Result<Option<ClientProfile>> {
    let head = [(&user.as_str() as _, Type::TEXT), (&scope.tickets() as _, Type::BOOL)];
    let (head, tickets, projects) = try_join3(
        sql::maybe_row(
            client,
            concat!(
                "SELECT ",
                client_columns!(),
                ", u.email_verified, u.last_logged_in FROM public.users AS u \
                 WHERE u.id = $1 AND u.role::text = 'CLIENT' AND $2"
            ),
            &head,
        ),
        sql::rows(
            client,
            concat!(
                "SELECT ",
                brief_columns!(),
                " FROM (SELECT b.ticket_id, b.last_activity_at, b.waiting_since FROM desk.tickets AS b \
                        WHERE b.client_id = $1 AND $2 \
                        ORDER BY b.last_activity_at DESC, b.ticket_id DESC LIMIT 100) AS t ",
                brief_joins!(),
                " ORDER BY t.last_activity_at DESC, t.ticket_id DESC"
            ),
            &head,
        ),
        board::of_client(client, scope, user, 100),
    )
    .await?;
    let Some(head) = head else { return Ok(None) };
    Ok(Some(ClientProfile {
        client: client_row(&head)?,
        email_verified: sql::get(&head, "email_verified")?,
        last_logged_in: sql::get::<Option<Moment>>(&head, "last_logged_in")?.map(|at| at.0),
        tickets: tickets.iter().map(ticket_brief).collect::<Result<_>>()?,
        projects,
    }))
}

/// Active staff by name.
pub async fn staff(client: &Client, scope: &Scope) -> Result<Vec<Person>> {
    let rows = sql::rows(
        client,
        concat!(
            "SELECT u.id AS person_id, ",
            person_columns!("u", "person"),
            " FROM desk.users AS d JOIN public.users AS u ON u.id = d.user_id \
                 WHERE d.role IN ('ADMIN', 'SUPER_ADMIN') AND d.active AND u.active \
                   AND u.role::text IN ('ADMIN', 'SUPER_ADMIN') AND $1 \
                 ORDER BY d.name_key, u.id LIMIT 1000"
        ),
        &[(&scope.tickets(), Type::BOOL)],
    )
    .await?;
    rows.iter().map(|row| people::known_person(row, &people::PERSON)).collect()
}

fn client_row(row: &Row) -> Result<ClientRow> {
    Ok(ClientRow {
        person: people::known_person(row, &people::PERSON)?,
        open_tickets: sql::get(row, "open_tickets")?,
        projects: sql::get(row, "projects")?,
        created_at: sql::get::<Moment>(row, "created_at")?.0,
        twin: sql::get(row, "twin")?,
    })
}
