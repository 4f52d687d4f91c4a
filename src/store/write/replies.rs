//! Answering a client, exactly once.
//!
//! The comment's id is made when composing starts. Comment, status, `last_replied_at`, event, the end of the draft
//! and the read mark are one transaction; an id that is there already means: it was sent, only the answer got lost.

use super::tickets::status_as_seen;
use super::{Means, Outcome, TicketNow, Written};
use crate::domain::command::{Change, LastComment};
use crate::domain::failure::Failure;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::ticket::TicketStatus;
use crate::store::error::Result;
use crate::store::events::{self, Author, Event};
use crate::store::moment::{Moment, moment_text};
use crate::store::sql;
use crate::store::{drafts, mails, reads};
use futures_util::future::{join, try_join5};
use serde_json::json;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

/// A reply to be sent.
pub(super) struct Reply {
    pub(super) ticket: TicketId,
    pub(super) comment: CommentId,
    pub(super) content: String,
    pub(super) status: Change<TicketStatus>,
    pub(super) last_comment: LastComment,
}

/// Sends a reply.
pub(super) async fn send(
    tx: &Transaction<'_>,
    author: Author<'_>,
    means: Means<'_>,
    user: &UserId,
    now: &TicketNow,
    reply: &Reply,
) -> Outcome<Written> {
    // Sent together, carried out one after the other; so is what follows the message itself.
    let (sent, new) =
        join(sent_before(tx, user, reply), nothing_new(tx, author, &reply.ticket, &reply.last_comment)).await;
    if sent? {
        let event = events::of_reply(tx, reply.ticket.as_str(), reply.comment.as_str()).await?;
        return Ok(Written { event, ..Written::default() });
    }
    // A reply that leaves the status alone does not mind what somebody else made of it.
    let changes_status = reply.status.seen != reply.status.to && now.status != reply.status.to;
    if changes_status {
        status_as_seen(tx, &reply.ticket, now, &reply.status).await?;
    }
    new?;
    // Never before the message that it answers, whose clock may be ahead of this server's.
    let row = sql::maybe_row(tx, "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at) \
             SELECT $1, $2, $3, $4, 'ADMIN', n.at, n.at \
               FROM (SELECT desk.answer_time(t.last_activity_at) + interval '1 microsecond' AS at \
                       FROM desk.tickets AS t WHERE t.ticket_id = $3) AS n \
             ON CONFLICT DO NOTHING RETURNING created_at",
            &[
                (&reply.comment.as_str(), Type::TEXT),
                (&reply.content, Type::TEXT),
                (&reply.ticket.as_str(), Type::TEXT),
                (&user.as_str(), Type::TEXT),
            ],
        )
        .await?;
    let Some(row) = row else { return Err(taken().into()) };
    let at: Moment = sql::get(&row, "created_at")?;
    let mut before = json!({});
    let mut after = json!({ "comment_id": reply.comment.as_str() });
    if changes_status {
        before["status"] = json!(now.status.as_str());
        after["status"] = json!(reply.status.to.as_str());
        if reply.status.to.is_done() {
            before["answered_at"] = json!(now.answered_at.map(moment_text));
        }
    }
    let event = Event {
        action: "ticket.reply",
        entity: "ticket",
        id: reply.ticket.as_str(),
        before: Some(before),
        after,
    };
    let answer = async {
        if means.house.mail.as_ref().is_some_and(|mail| mail.answers) {
            mails::enqueue_answer(tx, &reply.ticket, &reply.comment).await
        } else {
            Ok(())
        }
    };
    let ((), (), (), event, ()) = try_join5(
        answered(tx, &reply.ticket, changes_status.then_some(&reply.status.to), at),
        drafts::sent(tx, user, &reply.ticket, (&reply.comment, &reply.content), author.origin),
        reads::mark(tx, user, &reply.ticket, at.0),
        events::add(tx, author, &event),
        answer,
    )
    .await?;
    Ok(Written::event(event))
}

/// The ticket as the answer leaves it, with another status if there is to be one.
async fn answered(
    tx: &Transaction<'_>,
    ticket: &TicketId,
    status: Option<&TicketStatus>,
    at: Moment,
) -> Result<()> {
    let (ticket, at) = ((&ticket.as_str() as _, Type::TEXT), (&at as _, Type::TIMESTAMP));
    match status {
        Some(status) => {
            sql::execute(
                tx,
                "UPDATE public.support_tickets AS s \
                    SET status = $3::text::public.ticket_status, last_replied_at = $2, updated_at = $2 \
                  WHERE s.id = $1",
                &[ticket, at, (&status.as_str(), Type::TEXT)],
            )
            .await
        }
        None => sql::execute(
            tx,
            "UPDATE public.support_tickets AS s SET last_replied_at = $2, updated_at = $2 WHERE s.id = $1",
            &[ticket, at],
        )
        .await,
    }
    .map(drop)
}

/// Whether this very message is there already.
async fn sent_before(tx: &Transaction<'_>, user: &UserId, reply: &Reply) -> Outcome<bool> {
    let row = sql::maybe_row(
        tx,
        "SELECT c.ticket_id, c.user_id, c.content FROM public.ticket_comments AS c WHERE c.id = $1",
        &[(&reply.comment.as_str(), Type::TEXT)],
    )
    .await?;
    let Some(row) = row else { return Ok(false) };
    let mine = sql::get::<&str>(&row, "ticket_id")? == reply.ticket.as_str()
        && sql::get::<&str>(&row, "user_id")? == user.as_str();
    match (mine, sql::get::<&str>(&row, "content")? == reply.content) {
        (true, true) => Ok(true),
        // The same draft, sent from another window: this text is not out, whatever was.
        (true, false) => Err(Failure::SentElsewhere.into()),
        (false, _) => Err(taken().into()),
    }
}

fn taken() -> Failure {
    Failure::Invalid("another message has this id: copy the text into a new reply".to_owned())
}

/// Refuses when others wrote after the newest message on the author's screen.
pub(super) async fn nothing_new(
    tx: &Transaction<'_>,
    author: Author<'_>,
    ticket: &TicketId,
    last_comment: &LastComment,
) -> Outcome<()> {
    let LastComment::Seen(seen) = last_comment else { return Ok(()) };
    let row = sql::row(
        tx,
        "SELECT count(*) AS number FROM public.ticket_comments AS c \
              WHERE c.ticket_id = $1 AND c.user_id IS DISTINCT FROM $2 \
                AND (NOT EXISTS (SELECT FROM public.ticket_comments AS k WHERE k.id = $3) \
                     OR (c.created_at, c.id) > \
                        (SELECT k.created_at, k.id FROM public.ticket_comments AS k WHERE k.id = $3))",
        &[
            (&ticket.as_str(), Type::TEXT),
            (&author.actor.user().map(UserId::as_str), Type::TEXT),
            (&seen.as_ref().map(CommentId::as_str), Type::TEXT),
        ],
    )
    .await?;
    match sql::get::<i64>(&row, "number")? {
        0 => Ok(()),
        number => Err(Failure::NewMessages(u32::try_from(number).unwrap_or(u32::MAX)).into()),
    }
}
