//! Pages of the queue and counts of views.
//!
//! A filter becomes fixed pieces of SQL over `desk.tickets` and its indexes; the web app's tables are joined after
//! the limit. Pages go on from a place (keyset), in both directions, so that any page costs the same.

use super::error::Result;
use super::moment::Moment;
use super::people::{person_columns, person_lookup};
use super::sql;
use super::statement::{Statement, escape_like};
use super::tickets::{numeric_part, ticket_columns, ticket_joins, ticket_row};
use super::users;
use crate::domain::ids::UserId;
use crate::domain::query::{
    Answer, Assignee, Count, Place, QueuePage, TicketFilter, TicketSort, TicketTerm, Window,
};
use crate::policy::Scope;
use futures_util::future::{OptionFuture, join};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Counts stop here: one more than is shown exactly.
const COUNT_LIMIT: i64 = 1000;
/// A client's text stands for at most this many clients.
const CLIENTS: i64 = 50;

/// One page, with whether there is more on either side. One round trip.
pub async fn page(client: &Client, scope: &Scope, page: &QueuePage) -> Result<Answer> {
    let limit = usize::from(page.limit.max(1));
    let rows = page_statement(scope, page);
    let edge = edge_statement(scope, page);
    let (rows, edge) =
        join(rows.rows(client), OptionFuture::from(edge.as_ref().map(|e| e.rows(client)))).await;
    let (rows, edge) = (rows?, edge.transpose()?);
    let more = rows.len() > limit;
    let behind = edge.is_some_and(|rows| !rows.is_empty());
    let mut rows = rows.iter().take(limit).map(ticket_row).collect::<Result<Vec<_>>>()?;
    let backward = matches!(page.window, Window::Last | Window::Before(_));
    if backward {
        rows.reverse();
    }
    let (before, after) = if backward { (more, behind) } else { (behind, more) };
    let one_page = matches!(page.filter, TicketFilter::Number(_));
    Ok(Answer::Queue { rows, before: before && !one_page, after: after && !one_page })
}

/// How many tickets each filter finds, up to 1,000, in one statement.
pub async fn counts(client: &Client, scope: &Scope, filters: &[TicketFilter]) -> Result<Vec<Count>> {
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let rows = counts_statement(scope, filters).rows(client).await?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    let counts: Vec<i64> = sql::get(row, "counts")?;
    Ok(counts.into_iter().map(|count| Count::new(u32::try_from(count).unwrap_or(u32::MAX))).collect())
}

/// The statement of a page: one row more than asked for.
fn page_statement(scope: &Scope, page: &QueuePage) -> Statement {
    let mut statement = scoped(scope, concat!("SELECT ", ticket_columns!(), " FROM ("));
    let order = Order::of(page);
    places(&mut statement, &page.filter, &order, i64::from(page.limit.max(1)) + 1);
    statement.sql(") AS page JOIN desk.tickets AS t ON t.ticket_id = page.ticket_id").sql(ticket_joins!());
    statement.sql(if matches!(page.filter, TicketFilter::Number(_)) {
        " ORDER BY page.rank, page.number, t.ticket_id"
    } else if order.descending {
        " ORDER BY page.place DESC, t.ticket_id DESC"
    } else {
        " ORDER BY page.place, t.ticket_id"
    });
    statement
}

/// Looks for one row on the side from which the page does not go on; none where there can't be any.
fn edge_statement(scope: &Scope, page: &QueuePage) -> Option<Statement> {
    if matches!(page.filter, TicketFilter::Number(_)) {
        return None;
    }
    let order = Order::of(page).turned()?;
    let mut statement = scoped(scope, "SELECT edge.ticket_id FROM (");
    places(&mut statement, &page.filter, &order, 1);
    statement.sql(") AS edge");
    Some(statement)
}

fn counts_statement(scope: &Scope, filters: &[TicketFilter]) -> Statement {
    let mut statement = scoped(scope, "SELECT ARRAY[");
    for (at, filter) in filters.iter().enumerate() {
        statement.sql(if at == 0 { "(SELECT count(*) FROM (" } else { ", (SELECT count(*) FROM (" });
        let order = Order { sort: filter.sort(TicketSort::Waiting), descending: false, bound: None };
        places(&mut statement, filter, &order, COUNT_LIMIT);
        statement.sql(") AS found)");
    }
    statement.sql("] AS counts");
    statement
}

/// Begins with the two parameters that every statement here has: the reader, and whether tickets may be read.
fn scoped(scope: &Scope, piece: &'static str) -> Statement {
    let mut statement = Statement::new("");
    statement.give(scope.reader().map(|id| id.as_str().to_owned()), Type::TEXT);
    statement.give(scope.tickets(), Type::BOOL);
    statement.sql(piece);
    statement
}

/// Where a scan starts and which way it goes.
struct Order<'a> {
    sort: TicketSort,
    descending: bool,
    bound: Option<(Bound, &'a Place)>,
}

/// Which side of a place, in the direction of the scan.
#[derive(Clone, Copy)]
enum Bound {
    Beyond,
    From,
}

impl<'a> Order<'a> {
    fn of(page: &'a QueuePage) -> Self {
        let sort = page.filter.sort(page.sort);
        let newest_first = sort == TicketSort::Activity;
        let (backward, bound) = match &page.window {
            Window::First => (false, None),
            Window::Last => (true, None),
            Window::After(place) => (false, Some((Bound::Beyond, place))),
            Window::From(place) => (false, Some((Bound::From, place))),
            Window::Before(place) => (true, Some((Bound::Beyond, place))),
        };
        Self { sort, descending: newest_first != backward, bound }
    }

    /// All that this scan leaves out, from its start outwards.
    fn turned(self) -> Option<Self> {
        let (bound, place) = self.bound?;
        let bound = match bound {
            Bound::Beyond => Bound::From,
            Bound::From => Bound::Beyond,
        };
        Some(Self { sort: self.sort, descending: !self.descending, bound: Some((bound, place)) })
    }
}

/// Ids and places of the tickets that a filter finds, in an order, at most `limit`.
fn places(statement: &mut Statement, filter: &TicketFilter, order: &Order<'_>, limit: i64) {
    match filter {
        TicketFilter::All(terms) if needs_statuses(terms, order.sort) => {
            statement.sql(
                "SELECT h.ticket_id, h.place \
                   FROM unnest(enum_range(NULL::public.ticket_status)::text[]) AS m (status) CROSS JOIN LATERAL (",
            );
            scan(statement, terms, order, limit, Some(" AND t.status = m.status"));
            merged(statement, order, limit);
        }
        TicketFilter::All(terms) => scan(statement, terms, order, limit, None),
        TicketFilter::Client(client) => {
            scan_of_client(statement, client, order, limit);
        }
        TicketFilter::ClientText(text) => {
            statement.sql("SELECT h.ticket_id, h.place FROM (");
            users::matching(statement, text, CLIENTS);
            statement.sql(") AS m CROSS JOIN LATERAL (");
            scan(statement, &[], order, limit, Some(" AND t.client_id = m.user_id"));
            merged(statement, order, limit);
        }
        TicketFilter::Number(number) => numbers(statement, number, limit),
    }
}

/// No index leads through all tickets by waiting: each status has its part, and the parts are merged.
fn needs_statuses(terms: &[TicketTerm], sort: TicketSort) -> bool {
    sort == TicketSort::Waiting
        && !terms.iter().any(|term| matches!(term, TicketTerm::Active | TicketTerm::Status(_)))
}

fn merged(statement: &mut Statement, order: &Order<'_>, limit: i64) {
    statement.sql(if order.descending {
        ") AS h ORDER BY h.place DESC, h.ticket_id DESC LIMIT "
    } else {
        ") AS h ORDER BY h.place, h.ticket_id LIMIT "
    });
    statement.bind(limit, Type::INT8);
}

fn scan_of_client(statement: &mut Statement, client: &UserId, order: &Order<'_>, limit: i64) {
    statement.sql("SELECT h.ticket_id, h.place FROM (SELECT ").bind_text(client.as_str());
    statement.sql(" AS user_id) AS m CROSS JOIN LATERAL (");
    scan(statement, &[], order, limit, Some(" AND t.client_id = m.user_id"));
    merged(statement, order, limit);
}

/// One index scan.
fn scan(
    statement: &mut Statement,
    terms: &[TicketTerm],
    order: &Order<'_>,
    limit: i64,
    within: Option<&'static str>,
) {
    let (key, descending) = match order.sort {
        TicketSort::Waiting => ("t.queue_key", order.descending),
        TicketSort::Activity => ("t.last_activity_at", order.descending),
    };
    statement.sql("SELECT t.ticket_id, ").sql(key).sql(" AS place FROM desk.tickets AS t WHERE $2");
    if let Some(within) = within {
        statement.sql(within);
    }
    for term in terms {
        holds(statement, term, order.sort);
    }
    if let Some((bound, place)) = &order.bound {
        statement.sql(" AND (").sql(key).sql(match (bound, descending) {
            (Bound::Beyond, false) => ", t.ticket_id) > (",
            (Bound::From, false) => ", t.ticket_id) >= (",
            (Bound::Beyond, true) => ", t.ticket_id) < (",
            (Bound::From, true) => ", t.ticket_id) <= (",
        });
        statement
            .bind(Moment(place.key), Type::TIMESTAMP)
            .sql(", ")
            .bind_text(place.ticket.as_str())
            .sql(")");
    }
    statement.sql(" ORDER BY ");
    // "IS NULL" alone does not tell the planner that the index is sorted by what follows.
    if terms.contains(&TicketTerm::Assignee(Assignee::Nobody)) {
        statement.sql(if descending { "t.assignee_id DESC, " } else { "t.assignee_id, " });
    }
    statement.sql(key).sql(if descending {
        " DESC, t.ticket_id DESC LIMIT "
    } else {
        ", t.ticket_id LIMIT "
    });
    statement.bind(limit, Type::INT8);
}

/// One term as a condition.
fn holds(statement: &mut Statement, term: &TicketTerm, sort: TicketSort) {
    match term {
        TicketTerm::Active => {
            statement.sql(" AND t.active");
        }
        TicketTerm::Status(status) => {
            statement.sql(" AND t.status = ").bind_text(status.as_str());
        }
        TicketTerm::Assignee(Assignee::Me) => {
            statement.sql(" AND t.assignee_id = $1");
        }
        TicketTerm::Assignee(Assignee::Nobody) => {
            statement.sql(" AND t.assignee_id IS NULL");
        }
        TicketTerm::Assignee(Assignee::Person(person)) => {
            statement.sql(" AND t.assignee_id = ").bind_text(person.as_str());
        }
        TicketTerm::SilentFor(span) => {
            statement.sql(" AND t.last_activity_at < ");
            ago(statement, *span);
        }
        TicketTerm::UpdatedWithin(span) => {
            statement.sql(" AND t.last_activity_at > ");
            ago(statement, *span);
            if sort == TicketSort::Waiting {
                // Implied, and ends the scan: those that do not wait stand mirrored at the year 4000, the newest first.
                statement.sql(" AND t.queue_key < timestamp '4000-01-01' + (timestamp '4000-01-01' - (");
                ago(statement, *span);
                statement.sql("))");
            }
        }
    }
}

fn ago(statement: &mut Statement, span: std::time::Duration) {
    // A century is as good as for ever, and stays within what an interval takes.
    let seconds = span.as_secs_f64().min(3.2e9);
    statement.sql("((statement_timestamp() AT TIME ZONE 'utc') - make_interval(secs => ");
    statement.bind(seconds, Type::FLOAT8).sql("))");
}

/// Tickets by number: exactly as typed, then those with this numeric part, then those that begin with it.
fn numbers(statement: &mut Statement, number: &str, limit: i64) {
    let typed = number.trim().trim_start_matches('#');
    statement.sql("SELECT f.ticket_id, min(f.rank) AS rank, min(f.number) AS number FROM (");
    statement.sql("(SELECT t.ticket_id, 0 AS rank, t.number FROM desk.tickets AS t WHERE $2 AND t.number = ");
    statement.bind_text(typed).sql(")");
    if let Some(value) = numeric_part(typed) {
        statement.sql(" UNION ALL (SELECT t.ticket_id, 1, t.number FROM desk.tickets AS t WHERE $2 AND t.number_value = ");
        statement.bind(value, Type::INT8).sql(" ORDER BY t.number_value LIMIT ").bind(limit, Type::INT8);
        // The sign after '9' is ':': together the bounds take the numbers that go on after these digits.
        statement.sql(
            ") UNION ALL (SELECT t.ticket_id, 2, t.number \
               FROM (SELECT n.number_prefix FROM desk.tickets AS n \
                      ORDER BY n.created_at DESC, n.ticket_id DESC LIMIT 1) AS newest \
               CROSS JOIN LATERAL (SELECT b.ticket_id, b.number FROM desk.tickets AS b \
                WHERE $2 AND b.number ~>=~ (newest.number_prefix || ",
        );
        statement.bind_text(typed).sql(") AND b.number ~<~ (newest.number_prefix || ").bind_text(typed);
        statement.sql(" || ':') ORDER BY b.number USING ~<~ LIMIT ").bind(limit, Type::INT8).sql(") AS t)");
    }
    let upper = typed.to_uppercase();
    let patterns = if upper == typed { vec![upper] } else { vec![typed.to_owned(), upper] };
    for pattern in patterns {
        statement.sql(
            " UNION ALL (SELECT t.ticket_id, 2, t.number FROM desk.tickets AS t WHERE $2 AND t.number LIKE ",
        );
        statement.bind_text(&(escape_like(&pattern) + "%"));
        statement.sql(" ORDER BY t.number USING ~<~ LIMIT ").bind(limit, Type::INT8).sql(")");
    }
    statement.sql(") AS f GROUP BY f.ticket_id ORDER BY 2, 3, 1 LIMIT ").bind(limit, Type::INT8);
}
