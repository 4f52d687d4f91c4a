//! Writing to tickets: assignee, status, priority, the waiting clock, and new ones.

use super::{Outcome, TicketNow, WriteError, Written, reader, replies};
use crate::domain::command::{Change, LastComment};
use crate::domain::failure::Failure;
use crate::domain::ids::{TicketId, UserId};
use crate::domain::safe_text::SafeText;
use crate::domain::ticket::{Priority, TicketStatus};
use crate::domain::time::Timestamp;
use crate::store::error::Result;
use crate::store::events::{self, Author, Event};
use crate::store::moment::{Moment, moment_text};
use crate::store::reads;
use crate::store::sql;
use crate::store::transaction::Transaction;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

/// Gives a ticket to somebody, or to nobody.
pub(super) async fn assign(
    tx: &Transaction<'_>,
    author: Author<'_>,
    ticket: &TicketId,
    now: &TicketNow,
    change: &Change<Option<UserId>>,
) -> Outcome<Written> {
    if now.assignee == change.to {
        return Ok(Written::default());
    }
    let value = |user: &Option<UserId>| json!(user.as_ref().map(UserId::as_str));
    if now.assignee != change.seen {
        let shown = match &now.assignee {
            Some(user) => display_name(tx, user).await?,
            None => SafeText::new("nobody"),
        };
        return Err(overtaken(tx, ticket, "assignee", "assignee_id", &value(&now.assignee), shown).await?);
    }
    sql::execute(
        tx,
        "UPDATE desk.tickets AS t SET assignee_id = $2 WHERE t.ticket_id = $1",
        &[(&ticket.as_str(), Type::TEXT), (&change.to.as_ref().map(UserId::as_str), Type::TEXT)],
    )
    .await?;
    let (before, after) =
        (json!({ "assignee_id": value(&now.assignee) }), json!({ "assignee_id": value(&change.to) }));
    log(tx, author, "ticket.assign", ticket, before, after).await
}

/// Sets the status, in the web app's row.
pub(super) async fn set_status(
    tx: &Transaction<'_>,
    author: Author<'_>,
    ticket: &TicketId,
    now: &TicketNow,
    change: &Change<TicketStatus>,
    last_comment: &LastComment,
) -> Outcome<Written> {
    if now.status == change.to {
        return Ok(Written::default());
    }
    status_as_seen(tx, ticket, now, change).await?;
    replies::nothing_new(replies::new_messages(tx, author.actor.user(), ticket, last_comment).await?)?;
    sql::execute(
        tx,
        "UPDATE public.support_tickets AS s \
            SET status = $2::text::public.ticket_status, updated_at = clock_timestamp() AT TIME ZONE 'utc' \
          WHERE s.id = $1",
        &[(&ticket.as_str(), Type::TEXT), (&change.to.as_str(), Type::TEXT)],
    )
    .await?;
    if now.status.is_done() && !change.to.is_done() {
        wait_again(tx, ticket, &now.status).await?;
    }
    let mut before = json!({ "status": now.status.as_str() });
    if change.to.is_done() {
        before["answered_at"] = json!(now.answered_at.map(moment_text));
    }
    log(tx, author, "ticket.status", ticket, before, json!({ "status": change.to.as_str() })).await
}

/// Refuses when the status is not what was on the author's screen.
pub(super) async fn status_as_seen(
    tx: &Transaction<'_>,
    ticket: &TicketId,
    now: &TicketNow,
    change: &Change<TicketStatus>,
) -> Outcome<()> {
    if now.status == change.seen {
        return Ok(());
    }
    let shown = SafeText::new(now.status.as_str());
    Err(overtaken(tx, ticket, "status", "status", &json!(now.status.as_str()), shown).await?)
}

/// A ticket that is opened again waits as it did before it was finished: the finishing had counted as an answer.
async fn wait_again(tx: &Transaction<'_>, ticket: &TicketId, finished_as: &TicketStatus) -> Result<()> {
    let answered_at = events::answered_before_finish(tx, ticket.as_str(), finished_as.as_str()).await?;
    sql::execute(
        tx,
        "UPDATE desk.tickets AS t SET answered_at = $2 WHERE t.ticket_id = $1",
        &[(&ticket.as_str(), Type::TEXT), (&answered_at.map(Moment), Type::TIMESTAMP)],
    )
    .await?;
    sql::execute(
        tx,
        "UPDATE desk.tickets AS t SET waiting_since = c.waiting_since, answered_at = c.answered_at \
           FROM desk.compute_tickets(ARRAY[$1], ARRAY[NULL::timestamp]) AS c \
          WHERE t.ticket_id = $1 AND c.ticket_id = t.ticket_id",
        &[(&ticket.as_str(), Type::TEXT)],
    )
    .await?;
    Ok(())
}

/// Sets the priority.
pub(super) async fn set_priority(
    tx: &Transaction<'_>,
    author: Author<'_>,
    ticket: &TicketId,
    now: &TicketNow,
    change: &Change<Priority>,
) -> Outcome<Written> {
    if now.priority == change.to {
        return Ok(Written::default());
    }
    if now.priority != change.seen {
        let shown = SafeText::new(now.priority.label());
        return Err(
            overtaken(tx, ticket, "priority", "priority", &json!(now.priority.number()), shown).await?
        );
    }
    sql::execute(
        tx,
        "UPDATE desk.tickets AS t SET priority = $2 WHERE t.ticket_id = $1",
        &[(&ticket.as_str(), Type::TEXT), (&change.to.number(), Type::INT2)],
    )
    .await?;
    let (before, after) =
        (json!({ "priority": now.priority.number() }), json!({ "priority": change.to.number() }));
    log(tx, author, "ticket.priority", ticket, before, after).await
}

/// Stops the waiting clock as if answered now, or lets it run since a moment.
pub(super) async fn set_waiting(
    tx: &Transaction<'_>,
    author: Author<'_>,
    ticket: &TicketId,
    now: &TicketNow,
    change: &Change<Option<Timestamp>>,
) -> Outcome<Written> {
    if now.waiting_since == change.to {
        return Ok(Written::default());
    }
    let value = |at: Option<Timestamp>| json!(at.map(moment_text));
    if now.waiting_since != change.seen {
        let shown = SafeText::new(if now.waiting_since.is_some() { "running" } else { "stopped" });
        let now = value(now.waiting_since);
        return Err(overtaken(tx, ticket, "waiting clock", "waiting_since", &now, shown).await?);
    }
    match change.to {
        None => {
            sql::execute(
                tx,
                "UPDATE desk.tickets AS t \
                    SET answered_at = desk.answer_time(t.last_activity_at), waiting_since = NULL \
                  WHERE t.ticket_id = $1",
                &[(&ticket.as_str(), Type::TEXT)],
            )
            .await?;
        }
        Some(since) => {
            sql::execute(tx, "UPDATE desk.tickets AS t SET answered_at = $2 - interval '1 microsecond', waiting_since = $2 \
                  WHERE t.ticket_id = $1",
                &[(&ticket.as_str(), Type::TEXT), (&Moment(since), Type::TIMESTAMP)],
            )
            .await?;
        }
    }
    let (before, after) =
        (json!({ "waiting_since": value(now.waiting_since) }), json!({ "waiting_since": value(change.to) }));
    log(tx, author, "ticket.waiting", ticket, before, after).await
}

/// A ticket to be opened in a client's name.
pub(super) struct NewTicket {
    pub(super) ticket: TicketId,
    pub(super) client: UserId,
    pub(super) subject: String,
    pub(super) description: String,
    pub(super) priority: Priority,
}

/// Opens a ticket under the next free number. Somebody else may take that one at the same moment: then the next.
pub(super) async fn create(tx: &Transaction<'_>, author: Author<'_>, new: &NewTicket) -> Outcome<Written> {
    const ATTEMPTS: i64 = 50;
    let numbers = next_number(tx).await?;
    for attempt in 0..ATTEMPTS {
        if created_before(tx, new).await? {
            return Ok(Written::default());
        }
        let number = numbers.at(attempt);
        // On conflict this waits for whoever has the number, and then inserts nothing.
        let inserted = sql::execute(tx, "INSERT INTO public.support_tickets \
                   (id, ticket_number, subject, description, status, client_id, created_at, updated_at) \
                 SELECT $1, $2, $3, $4, 'OPEN', $5, n.at, n.at FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n \
                 ON CONFLICT DO NOTHING",
                &[
                    (&new.ticket.as_str(), Type::TEXT),
                    (&number, Type::TEXT),
                    (&new.subject, Type::TEXT),
                    (&new.description, Type::TEXT),
                    (&new.client.as_str(), Type::TEXT),
                ],
            )
            .await?;
        if inserted == 1 {
            return created(tx, author, new, &number).await;
        }
    }
    Err(Failure::Refused("many tickets are being opened at once: try again".to_owned()).into())
}

/// The row beside a new ticket, and its event.
async fn created(
    tx: &Transaction<'_>,
    author: Author<'_>,
    new: &NewTicket,
    number: &str,
) -> Outcome<Written> {
    let now = super::lock_ours(tx, &new.ticket).await?.ok_or(Failure::Gone("ticket"))?;
    if now.priority != new.priority {
        sql::execute(
            tx,
            "UPDATE desk.tickets AS t SET priority = $2 WHERE t.ticket_id = $1",
            &[(&new.ticket.as_str(), Type::TEXT), (&new.priority.number(), Type::INT2)],
        )
        .await?;
    }
    if let Some(since) = now.waiting_since {
        reads::mark(tx, reader(author)?, &new.ticket, since).await?;
    }
    let after = json!({ "number": number, "client_id": new.client.as_str(), "priority": new.priority.number(), "status": "OPEN" });
    let event =
        Event { action: "ticket.create", entity: "ticket", id: new.ticket.as_str(), before: None, after };
    Ok(Written::event(events::add(tx, author, &event).await?))
}

/// Whether this very ticket is there already: then only the answer got lost.
async fn created_before(tx: &Transaction<'_>, new: &NewTicket) -> Outcome<bool> {
    let row = sql::maybe_row(
        tx,
        "SELECT s.client_id FROM public.support_tickets AS s WHERE s.id = $1",
        &[(&new.ticket.as_str(), Type::TEXT)],
    )
    .await?;
    let Some(row) = row else { return Ok(false) };
    if sql::get::<&str>(&row, "client_id")? == new.client.as_str() {
        return Ok(true);
    }
    Err(Failure::Invalid("another ticket has this id: start again".to_owned()).into())
}

/// The form of the newest number, and the highest of that form.
struct Numbers {
    prefix: String,
    width: usize,
    highest: i64,
}

impl Numbers {
    fn at(&self, attempt: i64) -> String {
        let value = self.highest.saturating_add(1 + attempt);
        format!("{}{value:0width$}", self.prefix, width = self.width)
    }
}

async fn next_number(tx: &Transaction<'_>) -> Result<Numbers> {
    let row = sql::maybe_row(
        tx,
        "SELECT newest.number_prefix, newest.number_width, \
                    (SELECT max(t.number_value) FROM desk.tickets AS t \
                      WHERE t.number_prefix = newest.number_prefix) AS highest \
               FROM (SELECT n.number_prefix, n.number_width, n.number_value FROM desk.tickets AS n \
                      ORDER BY n.created_at DESC, n.ticket_id DESC LIMIT 200) AS newest \
              WHERE newest.number_value IS NOT NULL LIMIT 1",
        &[],
    )
    .await?;
    let Some(row) = row else { return Ok(Numbers { prefix: "TKT-".to_owned(), width: 4, highest: 1000 }) };
    Ok(Numbers {
        prefix: sql::get(&row, "number_prefix")?,
        width: usize::try_from(sql::get::<i32>(&row, "number_width")?).unwrap_or(0).min(18),
        highest: sql::get::<Option<i64>>(&row, "highest")?.unwrap_or(1000),
    })
}

async fn log(
    tx: &Transaction<'_>,
    author: Author<'_>,
    action: &str,
    ticket: &TicketId,
    before: Value,
    after: Value,
) -> Outcome<Written> {
    let event = Event { action, entity: "ticket", id: ticket.as_str(), before: Some(before), after };
    Ok(Written::event(events::add(tx, author, &event).await?))
}

async fn overtaken(
    tx: &Transaction<'_>,
    ticket: &TicketId,
    field: &'static str,
    key: &str,
    value: &Value,
    now: SafeText,
) -> Result<WriteError> {
    let by = events::who_set(tx, "ticket", ticket.as_str(), key, value).await?;
    Ok(Failure::Overtaken { field, now, by }.into())
}

/// A person's name, or the e-mail address where there is none.
pub(super) async fn display_name(tx: &Transaction<'_>, user: &UserId) -> Result<SafeText> {
    let row = sql::maybe_row(
        tx,
        "SELECT coalesce(nullif(btrim(u.name), ''), u.email) AS name FROM public.users AS u WHERE u.id = $1",
        &[(&user.as_str(), Type::TEXT)],
    )
    .await?;
    row.map_or_else(
        || Ok(SafeText::new("somebody who is gone")),
        |row| sql::get::<&str>(&row, "name").map(SafeText::new),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_keeps_prefix_and_width() {
        let number =
            |prefix: &str, width, highest| Numbers { prefix: prefix.to_owned(), width, highest }.at(0);
        assert_eq!(number("TKT-", 4, 1000), "TKT-1001");
        assert_eq!(number("TKT-", 7, 41), "TKT-0000042");
        assert_eq!(number("A", 1, 9), "A10");
        assert_eq!(number("", 3, 7), "008");
    }
}
