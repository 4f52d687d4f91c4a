//! Answering a client, exactly once.
//!
//! The comment's id is made when composing starts. Comment, status, `last_replied_at`, event, the end of the draft
//! and the read mark are one transaction; an id that is there already means: it was sent, only the answer got lost.

use super::tickets::status_as_seen;
use super::{Means, Outcome, TicketNow, Written};
use crate::domain::command::{Change, LastComment};
use crate::domain::comment::Side;
use crate::domain::failure::Failure;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::ticket::{Answered, TicketStatus};
use crate::store::error::{Meaning, Result};
use crate::store::events::{self, Author, Event};
use crate::store::moment::{Moment, moment_text};
use crate::store::sql;
use crate::store::transaction::Transaction;
use crate::store::{drafts, mails, reads};
use futures_util::future::{try_join, try_join3, try_join5};
use serde_json::json;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// A reply to be sent.
pub(super) struct Reply {
    pub(super) ticket: TicketId,
    pub(super) comment: CommentId,
    pub(super) content: String,
    pub(super) status: Change<TicketStatus>,
}

/// What had been said when the rows were locked.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The message that has the reply's id.
    before: Option<Before>,
    /// Messages of others that the author has not seen.
    new: u32,
}

/// A message that is there already.
#[derive(Debug)]
struct Before {
    ticket: TicketId,
    author: UserId,
    content: String,
}

/// What was said before a reply. To be asked behind the statement that locks the ticket.
pub(super) async fn said(
    tx: &Transaction<'_>,
    user: Option<&UserId>,
    ticket: &TicketId,
    comment: &CommentId,
    last_comment: &LastComment,
) -> Result<Said> {
    // Sent together, carried out one after the other.
    let (before, new) = try_join(before(tx, comment), new_messages(tx, user, ticket, last_comment)).await?;
    Ok(Said { before, new })
}

/// Sends a reply.
pub(super) async fn send(
    tx: &Transaction<'_>,
    author: Author<'_>,
    means: Means<'_>,
    user: &UserId,
    (now, said): (&TicketNow, Said),
    reply: &Reply,
) -> Outcome<Written> {
    if let Some(before) = said.before {
        let mine = before.ticket == reply.ticket && before.author == *user;
        if !mine {
            return Err(taken().into());
        }
        if before.content != reply.content {
            // The same draft, sent from another window: this text is not out, whatever was.
            return Err(Failure::SentElsewhere.into());
        }
        let event = events::of_reply(tx, reply.ticket.as_str(), reply.comment.as_str()).await?;
        return Ok(Written { event, ..Written::default() });
    }
    // A reply that leaves the status alone does not mind what somebody else made of it.
    let changes_status = reply.status.seen != reply.status.to && now.status != reply.status.to;
    if changes_status {
        status_as_seen(tx, &reply.ticket, now, &reply.status).await?;
    }
    nothing_new(said.new)?;
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
    // Sent together, carried out one after the other; where the message is not written, nothing is.
    let message = write(tx, user, reply);
    let ticket = answered(tx, reply, changes_status.then_some(&reply.status.to));
    let draft = drafts::sent(tx, user, &reply.ticket, (&reply.comment, &reply.content), author.origin);
    let read = reads::mark_by(tx, user, &reply.ticket, &reply.comment);
    let noted = events::add(tx, author, &event);
    let mail = async {
        if means.house.mail.as_ref().is_some_and(|mail| mail.answers) {
            mails::enqueue_answer(tx, &reply.ticket, &reply.comment).await
        } else {
            Ok(())
        }
    };
    let around = async { Ok(try_join5(ticket, draft, read, noted, mail).await?) };
    let outcome = async { Ok(outcome(tx, user, &reply.ticket).await?) };
    let ((), (.., event, ()), answered) =
        tx.commit_behind(Box::pin(try_join3(message, around, outcome))).await?;
    Ok(Written { answered, ..Written::event(event) })
}

/// The message itself.
async fn write(tx: &Transaction<'_>, user: &UserId, reply: &Reply) -> Outcome<()> {
    // Never before the message that it answers, whose clock may be ahead of this server's.
    let written = sql::execute(tx, "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at) \
             SELECT $1, $2, $3, $4, 'ADMIN', n.at, n.at \
               FROM (SELECT desk.answer_time((SELECT t.last_activity_at FROM desk.tickets AS t WHERE t.ticket_id = $3)) \
                            + interval '1 microsecond' AS at) AS n",
            &[
                (&reply.comment.as_str(), Type::TEXT),
                (&reply.content, Type::TEXT),
                (&reply.ticket.as_str(), Type::TEXT),
                (&user.as_str(), Type::TEXT),
            ],
        )
        .await;
    match written {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.meaning(), Meaning::Duplicate(_)) => Err(taken().into()),
        Err(error) => Err(error.into()),
    }
}

/// The ticket as the answer leaves it, with another status if there is to be one.
async fn answered(tx: &Transaction<'_>, reply: &Reply, status: Option<&TicketStatus>) -> Result<()> {
    let ticket = (&reply.ticket.as_str() as _, Type::TEXT);
    let comment = (&reply.comment.as_str() as _, Type::TEXT);
    match status {
        Some(status) => {
            sql::execute(
                tx,
                "UPDATE public.support_tickets AS s SET status = $3::text::public.ticket_status, \
                        last_replied_at = c.created_at, updated_at = c.created_at \
                   FROM public.ticket_comments AS c WHERE s.id = $1 AND c.id = $2",
                &[ticket, comment, (&status.as_str(), Type::TEXT)],
            )
            .await
        }
        None => {
            sql::execute(
                tx,
                "UPDATE public.support_tickets AS s SET last_replied_at = c.created_at, updated_at = c.created_at \
                   FROM public.ticket_comments AS c WHERE s.id = $1 AND c.id = $2",
                &[ticket, comment],
            )
            .await
        }
    }
    .map(drop)
}

/// What the reply made of the ticket's row.
async fn outcome(tx: &Transaction<'_>, user: &UserId, ticket: &TicketId) -> Result<Option<Answered>> {
    let row = sql::maybe_row(
        tx,
        "SELECT (SELECT s.status::text FROM public.support_tickets AS s WHERE s.id = $1) AS status, \
                EXISTS (SELECT FROM desk.drafts AS d \
                         WHERE d.user_id = $2 AND d.ticket_id = $1 AND d.kind = 'reply') AS has_draft, \
                t.last_activity_at, t.last_side, t.last_comment_id, t.waiting_since, t.comment_count, t.version, \
                t.queue_key \
           FROM desk.tickets AS t WHERE t.ticket_id = $1",
        &[(&ticket.as_str(), Type::TEXT), (&user.as_str(), Type::TEXT)],
    )
    .await?;
    let answered = |row: Row| {
        Ok(Answered {
            status: TicketStatus::parse(sql::get(&row, "status")?),
            last_activity_at: sql::get::<Moment>(&row, "last_activity_at")?.0,
            last_side: Side::parse(sql::get(&row, "last_side")?),
            last_comment: sql::get::<Option<&str>>(&row, "last_comment_id")?.map(CommentId::new),
            waiting_since: sql::get::<Option<Moment>>(&row, "waiting_since")?.map(|at| at.0),
            comments: sql::get(&row, "comment_count")?,
            has_draft: sql::get(&row, "has_draft")?,
            version: sql::get(&row, "version")?,
            queue_key: sql::get::<Moment>(&row, "queue_key")?.0,
        })
    };
    row.map(answered).transpose()
}

/// The message that has this id.
async fn before(tx: &Transaction<'_>, comment: &CommentId) -> Result<Option<Before>> {
    let row = sql::maybe_row(
        tx,
        "SELECT c.ticket_id, c.user_id, c.content FROM public.ticket_comments AS c WHERE c.id = $1",
        &[(&comment.as_str(), Type::TEXT)],
    )
    .await?;
    let before = |row: Row| {
        Ok(Before {
            ticket: TicketId::new(sql::get::<&str>(&row, "ticket_id")?),
            author: UserId::new(sql::get::<&str>(&row, "user_id")?),
            content: sql::get(&row, "content")?,
        })
    };
    row.map(before).transpose()
}

fn taken() -> Failure {
    Failure::Invalid("another message has this id: copy the text into a new reply".to_owned())
}

/// Refuses when others wrote after the newest message on the author's screen.
pub(super) fn nothing_new(new: u32) -> std::result::Result<(), Failure> {
    if new == 0 { Ok(()) } else { Err(Failure::NewMessages(new)) }
}

/// How many messages of others came after the newest one on the author's screen.
pub(super) async fn new_messages(
    tx: &Transaction<'_>,
    user: Option<&UserId>,
    ticket: &TicketId,
    last_comment: &LastComment,
) -> Result<u32> {
    let LastComment::Seen(seen) = last_comment else { return Ok(0) };
    let row = sql::row(
        tx,
        "SELECT count(*) AS number FROM public.ticket_comments AS c \
              WHERE c.ticket_id = $1 AND c.user_id IS DISTINCT FROM $2 \
                AND (NOT EXISTS (SELECT FROM public.ticket_comments AS k WHERE k.id = $3) \
                     OR (c.created_at, c.id) > \
                        (SELECT k.created_at, k.id FROM public.ticket_comments AS k WHERE k.id = $3))",
        &[
            (&ticket.as_str(), Type::TEXT),
            (&user.map(UserId::as_str), Type::TEXT),
            (&seen.as_ref().map(CommentId::as_str), Type::TEXT),
        ],
    )
    .await?;
    let number = sql::get::<i64>(&row, "number")?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}
