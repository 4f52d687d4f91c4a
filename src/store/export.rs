//! All that is known of a person, page by page, as rows of JSON.

use super::error::Result;
use super::sql;
use crate::domain::ids::UserId;
use crate::policy::{Accounts, Scope};
use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Rows of one page.
pub const PAGE: i64 = 500;

/// A part of what is known of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The account itself, without its hash: one row.
    Account,
    /// Tickets of theirs.
    Tickets,
    /// Messages that they wrote.
    Comments,
    /// What others wrote in their tickets.
    Answers,
    /// Projects of theirs.
    Projects,
    /// What they are writing and have not sent.
    Drafts,
    /// Where they are signed in.
    Sessions,
    /// Mails to them: what about, never the text.
    Mails,
    /// Events of the log about the account or by its owner; these with where they came from.
    Events,
}

impl Part {
    /// All, in their order.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::Tickets,
        Self::Comments,
        Self::Answers,
        Self::Projects,
        Self::Drafts,
        Self::Sessions,
        Self::Mails,
        Self::Events,
    ];

    /// The name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Tickets => "tickets",
            Self::Comments => "comments",
            Self::Answers => "answers",
            Self::Projects => "projects",
            Self::Drafts => "drafts",
            Self::Sessions => "sessions",
            Self::Mails => "mails",
            Self::Events => "events",
        }
    }

    /// $1 the person, $2 the last key of the page before, $3 the rows wanted, $4 whether they may be had at all.
    const fn statement(self) -> &'static str {
        match self {
            Self::Account => {
                "SELECT u.id AS key, jsonb_build_object('id', u.id, 'email', u.email, 'name', u.name, \
                        'company', u.company, 'role', u.role::text, 'active', u.active, \
                        'email_verified', u.email_verified, 'created_at', u.created_at, \
                        'updated_at', u.updated_at, 'last_logged_in', u.last_logged_in) AS row \
                   FROM public.users AS u WHERE u.id = $1 AND $4 AND u.id > $2 ORDER BY u.id LIMIT $3"
            }
            Self::Tickets => {
                "SELECT t.id AS key, jsonb_build_object('id', t.id, 'number', t.ticket_number, 'subject', t.subject, \
                        'description', t.description, 'status', t.status::text, 'created_at', t.created_at, \
                        'updated_at', t.updated_at, 'last_replied_at', t.last_replied_at) AS row \
                   FROM public.support_tickets AS t WHERE t.client_id = $1 AND $4 AND t.id > $2 ORDER BY t.id LIMIT $3"
            }
            Self::Comments => {
                "SELECT c.id AS key, jsonb_build_object('id', c.id, 'ticket_id', c.ticket_id, 'content', c.content, \
                        'sender', c.sender::text, 'created_at', c.created_at, 'updated_at', c.updated_at) AS row \
                   FROM public.ticket_comments AS c WHERE c.user_id = $1 AND $4 AND c.id > $2 ORDER BY c.id LIMIT $3"
            }
            Self::Answers => {
                "SELECT c.id AS key, jsonb_build_object('id', c.id, 'ticket_id', c.ticket_id, 'user_id', c.user_id, \
                        'content', c.content, 'sender', c.sender::text, 'created_at', c.created_at) AS row \
                   FROM public.support_tickets AS t JOIN public.ticket_comments AS c ON c.ticket_id = t.id \
                  WHERE t.client_id = $1 AND c.user_id <> $1 AND $4 AND c.id > $2 ORDER BY c.id LIMIT $3"
            }
            Self::Projects => {
                "SELECT p.id AS key, jsonb_build_object('id', p.id, 'title', p.title, 'description', p.description, \
                        'requirements', p.requirements, 'status', p.status::text, 'type', p.type::text, \
                        'budget', p.budget::float8::text, 'start_date', p.start_date, 'end_date', p.end_date, \
                        'created_at', p.created_at, 'updated_at', p.updated_at) AS row \
                   FROM public.projects AS p WHERE p.client_id = $1 AND $4 AND p.id > $2 ORDER BY p.id LIMIT $3"
            }
            Self::Drafts => {
                "SELECT d.ticket_id AS key, jsonb_build_object('ticket_id', d.ticket_id, 'content', d.content, \
                        'older_content', d.older_content, 'origin', d.origin, 'updated_at', d.updated_at) AS row \
                   FROM desk.drafts AS d WHERE d.user_id = $1 AND $4 AND d.ticket_id > $2 ORDER BY d.ticket_id LIMIT $3"
            }
            Self::Sessions => {
                "SELECT s.id AS key, jsonb_build_object('id', s.id, 'origin', s.origin, 'source', s.source, \
                        'created_at', s.created_at, 'last_seen_at', s.last_seen_at, 'expires_at', s.expires_at) AS row \
                   FROM desk.sessions AS s WHERE s.user_id = $1 AND $4 AND s.id > $2 ORDER BY s.id LIMIT $3"
            }
            Self::Mails => {
                "SELECT m.id AS key, jsonb_build_object('id', m.id, 'kind', m.kind, 'state', m.state, \
                        'to_address', m.to_address, 'last_error', m.last_error, 'created_at', m.created_at, 'sent_at', m.sent_at) AS row \
                   FROM desk.mails AS m WHERE m.to_user = $1 AND $4 AND m.id > $2 ORDER BY m.id LIMIT $3"
            }
            Self::Events => {
                "SELECT lpad(e.id::text, 19, '0') AS key, \
                        jsonb_build_object('id', e.id, 'at', e.at, 'action', e.action, \
                          'origin', CASE WHEN e.actor_id = $1 THEN e.origin END, \
                          'link', CASE WHEN e.actor_id = $1 THEN e.db_link END) AS row \
                   FROM desk.events AS e \
                  WHERE (e.actor_id = $1 OR (e.entity = 'user' AND e.entity_id = $1)) AND $4 \
                    AND e.id > coalesce(nullif($2, '')::bigint, 0) ORDER BY e.id LIMIT $3"
            }
        }
    }
}

/// A page of a part, after the key of the last row that was had (`""` at first): keys and rows. Nothing for readers who
/// see clients only.
pub async fn page(
    client: &Client,
    scope: &Scope,
    user: &UserId,
    part: Part,
    after: &str,
) -> Result<Vec<(String, Value)>> {
    let all = scope.accounts() == Accounts::All;
    let params = [
        (&user.as_str() as _, Type::TEXT),
        (&after as _, Type::TEXT),
        (&PAGE as _, Type::INT8),
        (&all as _, Type::BOOL),
    ];
    let rows = sql::rows(client, part.statement(), &params).await?;
    rows.iter().map(|row| Ok((sql::get(row, "key")?, sql::get(row, "row")?))).collect()
}
