//! Projects on the board: columns of cards, and the cards of one client.
//!
//! Cards stand by end date (none last), title, id: the order of the index `desk.projects (status, end_date,
//! title_key, project_id)`. The web app's rows are joined after the limit.

use super::error::Result;
use super::moment::Moment;
use super::people::{self, person_columns, person_lookup};
use super::sql;
use super::statement::{Statement, contains_pattern};
use crate::domain::ids::{ProjectId, TicketId, UserId};
use crate::domain::money::Budget;
use crate::domain::project::{ProjectCard, ProjectStatus, ProjectType};
use crate::domain::query::{BoardColumn, BoardFilter, Count};
use crate::policy::Scope;
use futures_util::future::try_join;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Cards of a column in one answer.
const CARDS: i64 = 50;

/// The columns of a card. The budget may be `real` or `double precision`: both arrive as the wider one.
macro_rules! card_columns {
    () => {
        concat!(
            "p.project_id, s.title, s.status::text AS status, s.type::text AS kind, s.budget::float8 AS budget, \
             s.start_date, s.end_date, p.client_id, p.version, o.open_tickets, ",
            person_columns!("c", "client")
        )
    };
}
pub(super) use card_columns;

/// What a card is joined from, once its place is found; the client whose open tickets are counted is given apart, so
/// that they are counted once where all cards are of one client.
macro_rules! card_joins {
    ($client:expr) => {
        concat!(
            " CROSS JOIN LATERAL (SELECT w.title, w.status, w.type, w.budget, w.start_date, w.end_date, \
                                         w.description, w.requirements, w.created_at \
                                    FROM public.projects AS w WHERE w.id = p.project_id LIMIT 1) AS s",
            person_lookup!("c", "p.client_id"),
            " CROSS JOIN LATERAL (SELECT count(*) AS open_tickets \
                                    FROM (SELECT FROM desk.tickets AS t \
                                           WHERE t.active AND t.client_id = ",
            $client,
            " LIMIT 1000) AS n) AS o"
        )
    };
}
pub(super) use card_joins;

macro_rules! of_client_sql {
    ($client:literal) => {
        concat!(
            "SELECT ",
            card_columns!(),
            " FROM (SELECT b.project_id, b.client_id, b.version, b.end_date, b.title_key, \
                           b.status IN ('COMPLETED', 'CANCELLED') AS done \
                      FROM desk.projects AS b WHERE $2 AND b.client_id = ",
            $client,
            " ORDER BY b.status IN ('COMPLETED', 'CANCELLED'), b.end_date, b.title_key, b.project_id \
                     LIMIT $3) AS p",
            card_joins!($client),
            " ORDER BY p.done, p.end_date, p.title_key, p.project_id"
        )
    };
}

/// Reads a row of [`card_columns`].
pub(super) fn card(row: &Row) -> Result<ProjectCard> {
    Ok(ProjectCard {
        id: ProjectId::new(sql::get::<&str>(row, "project_id")?),
        title: people::text(row, "title")?,
        client: people::known_person(row, &people::CLIENT)?,
        status: ProjectStatus::parse(sql::get(row, "status")?),
        kind: ProjectType::parse(sql::get(row, "kind")?),
        budget: sql::get::<Option<f64>>(row, "budget")?.map(|pounds| Budget::new(pounds as f32)),
        start_date: sql::get::<Option<Moment>>(row, "start_date")?.map(|at| at.0),
        end_date: sql::get::<Option<Moment>>(row, "end_date")?.map(|at| at.0),
        open_tickets: sql::get(row, "open_tickets")?,
        version: sql::get(row, "version")?,
    })
}

/// The six columns, then those of values that the web app added: first cards and counts. One round trip.
pub async fn columns(client: &Client, scope: &Scope, filter: &BoardFilter) -> Result<Vec<BoardColumn>> {
    let (cards, counts) = (first_cards(scope, filter), column_counts(scope, filter));
    let (cards, counts) = try_join(cards.rows(client), counts.rows(client)).await?;
    let mut columns: Vec<BoardColumn> = ProjectStatus::ALL.into_iter().map(empty_column).collect();
    for row in &counts {
        let status = ProjectStatus::parse(sql::get(row, "status")?);
        let count = Count::new(u32::try_from(sql::get::<i64>(row, "number")?).unwrap_or(u32::MAX));
        column_of(&mut columns, status).count = count;
    }
    for row in &cards {
        let status = ProjectStatus::parse(sql::get(row, "column_status")?);
        column_of(&mut columns, status).cards.push(card(row)?);
    }
    Ok(columns)
}

fn empty_column(status: ProjectStatus) -> BoardColumn {
    BoardColumn { status, cards: Vec::new(), count: Count::default() }
}

fn column_of(columns: &mut Vec<BoardColumn>, status: ProjectStatus) -> &mut BoardColumn {
    let at = columns.iter().position(|column| column.status == status).unwrap_or_else(|| {
        columns.push(empty_column(status));
        columns.len() - 1
    });
    &mut columns[at]
}

/// Every value of the enum, in its order.
const STATUSES: &str = " FROM unnest(enum_range(NULL::public.project_status)::text[]) WITH ORDINALITY AS m (status, at) \
     CROSS JOIN LATERAL (";

fn first_cards(scope: &Scope, filter: &BoardFilter) -> Statement {
    let mut statement = scoped(scope, concat!("SELECT m.status AS column_status, ", card_columns!()));
    statement.sql(STATUSES);
    place_columns(&mut statement);
    statement.sql(" b.status = m.status");
    shown(&mut statement, filter);
    in_order(&mut statement);
    statement.sql(concat!(
        ") AS p",
        card_joins!("p.client_id"),
        " ORDER BY m.at, p.end_date, p.title_key, p.project_id"
    ));
    statement
}

fn column_counts(scope: &Scope, filter: &BoardFilter) -> Statement {
    let mut statement = scoped(scope, "SELECT m.status, p.number");
    statement.sql(STATUSES);
    statement.sql(
        "SELECT count(*) AS number FROM (SELECT FROM desk.projects AS b WHERE $1 AND b.status = m.status",
    );
    shown(&mut statement, filter);
    statement.sql(" LIMIT 1000) AS found) AS p ORDER BY m.at");
    statement
}

/// More cards of one column, after a card.
pub async fn column(
    client: &Client,
    scope: &Scope,
    filter: &BoardFilter,
    status: &ProjectStatus,
    after: &ProjectCard,
) -> Result<Vec<ProjectCard>> {
    more_cards(scope, filter, status, after).rows(client).await?.iter().map(card).collect()
}

fn more_cards(scope: &Scope, filter: &BoardFilter, status: &ProjectStatus, after: &ProjectCard) -> Statement {
    let mut statement = scoped(scope, concat!("SELECT ", card_columns!(), " FROM ("));
    if let Some(end) = after.end_date {
        statement.sql("(");
        place_columns(&mut statement);
        statement.sql(" b.status = ").bind_text(status.as_str());
        statement.sql(" AND (b.end_date, b.title_key, b.project_id) > (").bind(Moment(end), Type::TIMESTAMP);
        statement
            .sql(", desk.title_key(")
            .bind_text(after.title.raw())
            .sql("), ")
            .bind_text(after.id.as_str());
        statement.sql(")");
        shown(&mut statement, filter);
        in_order(&mut statement);
        statement.sql(") UNION ALL ");
    }
    // Cards without an end date stand last: a part of their own, since null compares with nothing.
    statement.sql("(");
    place_columns(&mut statement);
    statement.sql(" b.status = ").bind_text(status.as_str()).sql(" AND b.end_date IS NULL");
    if after.end_date.is_none() {
        statement.sql(" AND (b.title_key, b.project_id) > (desk.title_key(").bind_text(after.title.raw());
        statement.sql("), ").bind_text(after.id.as_str()).sql(")");
    }
    shown(&mut statement, filter);
    in_order(&mut statement);
    statement.sql(concat!(
        ")) AS p",
        card_joins!("p.client_id"),
        " ORDER BY p.end_date, p.title_key, p.project_id LIMIT 50"
    ));
    statement
}

/// A client's projects, unfinished ones first.
pub async fn of_client(
    client: &Client,
    scope: &Scope,
    user: &UserId,
    limit: i64,
) -> Result<Vec<ProjectCard>> {
    let rows = sql::rows(
        client,
        of_client_sql!("$1"),
        &[(&user.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL), (&limit, Type::INT8)],
    )
    .await?;
    rows.iter().map(card).collect()
}

/// The projects of a ticket's client, unfinished ones first, at most ten.
pub async fn of_ticket(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Vec<ProjectCard>> {
    let rows = sql::rows(
        client,
        of_client_sql!("(SELECT o.client_id FROM desk.tickets AS o WHERE o.ticket_id = $1)"),
        &[(&ticket.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL), (&10_i64, Type::INT8)],
    )
    .await?;
    rows.iter().map(card).collect()
}

/// Begins with the parameter that every statement here has: whether projects may be read.
fn scoped(scope: &Scope, piece: &'static str) -> Statement {
    let mut statement = Statement::new("");
    statement.give(scope.tickets(), Type::BOOL);
    statement.sql(piece);
    statement
}

fn place_columns(statement: &mut Statement) {
    statement.sql(
        "SELECT b.project_id, b.client_id, b.version, b.end_date, b.title_key FROM desk.projects AS b WHERE $1 AND",
    );
}

fn in_order(statement: &mut Statement) {
    statement.sql(" ORDER BY b.end_date, b.title_key, b.project_id LIMIT ").bind(CARDS, Type::INT8);
}

/// The filter of the board as a condition.
fn shown(statement: &mut Statement, filter: &BoardFilter) {
    if let Some(client) = &filter.client {
        statement.sql(" AND b.client_id = ").bind_text(client.as_str());
    }
    if filter.text.trim().is_empty() {
        return;
    }
    let pattern = contains_pattern(&filter.text);
    // Our key holds the first 64 letters of a title; only longer titles are looked up.
    statement.sql(" AND (b.title_key LIKE lower(").bind_text(&pattern);
    statement.sql(
        ") OR length(b.title_key) >= 64 AND EXISTS (SELECT FROM public.projects AS w \
           WHERE w.id = b.project_id AND lower(w.title) LIKE lower(",
    );
    statement.bind_text(&pattern);
    statement.sql(
        ")) OR b.client_id = ANY (ARRAY(SELECT d.user_id FROM desk.users AS d \
           JOIN public.users AS u ON u.id = d.user_id WHERE d.search LIKE lower(",
    );
    statement.bind_text(&pattern).sql(") AND (lower(u.name) LIKE lower(").bind_text(&pattern);
    statement.sql(") OR lower(u.company) LIKE lower(").bind_text(&pattern).sql(")) LIMIT 1000)))");
}
