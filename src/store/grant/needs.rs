//! The table: every relation and function of the desk's, and of the web app's that it meets, with what the desk's role
//! may do with it, column by column where the table is the web app's or a column must not be forged.

use self::Right::{Delete, Insert, Select, Update};

/// What may be done with a relation. No columns = all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Reading.
    Select(&'static [&'static str]),
    /// Adding rows.
    Insert(&'static [&'static str]),
    /// Changing rows; at least one column is also what locking a row takes.
    Update(&'static [&'static str]),
    /// Removing rows.
    Delete,
}

/// A table, view or sequence.
#[derive(Clone, Copy, Debug)]
pub struct Relation {
    /// With its schema.
    pub name: &'static str,
    /// None: the role has no business with it.
    pub rights: &'static [Right],
}

/// A function of schema `desk`. Those that triggers fire are not listed: nobody calls them.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// `desk.fold(integer)`: the name with its schema, the types of its arguments as `oidvectortypes` writes them.
    pub signature: &'static str,
    /// Whether the desk's role calls it, or a statement or function of the desk's role does.
    pub called: bool,
}

const ALL: &[&str] = &[];

const fn relation(name: &'static str, rights: &'static [Right]) -> Relation {
    Relation { name, rights }
}

const fn called(signature: &'static str) -> Function {
    Function { signature, called: true }
}

const fn internal(signature: &'static str) -> Function {
    Function { signature, called: false }
}

/// Relations, the web app's first.
pub const RELATIONS: &[Relation] = &[
    // Nobody is ever deleted. `role`, `active` and `password_hash` are written by the desk for those whom the policy
    // permits; a function in between would have to ask the very process that this role belongs to who somebody is.
    relation(
        "public.users",
        &[
            Select(&[
                "id",
                "email",
                "name",
                "company",
                "password_hash",
                "created_at",
                "updated_at",
                "last_logged_in",
                "role",
                "email_verified",
                "active",
            ]),
            Insert(&[
                "id",
                "email",
                "name",
                "company",
                "password_hash",
                "created_at",
                "updated_at",
                "role",
                "email_verified",
                "active",
            ]),
            Update(&[
                "email",
                "name",
                "company",
                "password_hash",
                "updated_at",
                "last_logged_in",
                "role",
                "email_verified",
                "active",
            ]),
        ],
    ),
    relation(
        "public.projects",
        &[
            Select(&[
                "id",
                "title",
                "description",
                "status",
                "client_id",
                "created_at",
                "updated_at",
                "start_date",
                "end_date",
                "type",
                "budget",
                "requirements",
            ]),
            Insert(&[
                "id",
                "title",
                "description",
                "status",
                "client_id",
                "created_at",
                "updated_at",
                "start_date",
                "end_date",
                "type",
                "budget",
                "requirements",
            ]),
            Update(&[
                "title",
                "description",
                "status",
                "client_id",
                "updated_at",
                "start_date",
                "end_date",
                "type",
                "budget",
                "requirements",
            ]),
        ],
    ),
    // What somebody wrote stays as it was written: no UPDATE of texts, here and in the comments.
    relation(
        "public.support_tickets",
        &[
            Select(&[
                "id",
                "subject",
                "description",
                "status",
                "client_id",
                "created_at",
                "updated_at",
                "last_replied_at",
                "ticket_number",
            ]),
            Insert(&[
                "id",
                "ticket_number",
                "subject",
                "description",
                "status",
                "client_id",
                "created_at",
                "updated_at",
            ]),
            Update(&["status", "updated_at", "last_replied_at"]),
        ],
    ),
    relation(
        "public.ticket_comments",
        &[
            Select(&["id", "content", "ticket_id", "user_id", "sender", "created_at", "updated_at"]),
            Insert(&["id", "content", "ticket_id", "user_id", "sender", "created_at", "updated_at"]),
        ],
    ),
    // Tokens: only functions of ours that run as their owner touch them.
    relation("public.password_resets", &[]),
    relation("public.email_verifications", &[]),
    relation("desk.migrations", &[Select(ALL)]),
    relation(
        "desk.tickets",
        &[
            Select(ALL),
            // By desk.add_tickets, for a ticket that no trigger told us of.
            Insert(&[
                "ticket_id",
                "status",
                "client_id",
                "number",
                "created_at",
                "last_activity_at",
                "last_comment_id",
                "last_side",
                "last_author_id",
                "waiting_since",
                "answered_at",
                "comment_count",
            ]),
            Update(&["assignee_id", "priority", "waiting_since", "answered_at"]),
        ],
    ),
    // A trigger counts the version up whatever is written there: the right is for locking the row, as with accounts.
    relation("desk.projects", &[Select(ALL), Update(&["version"])]),
    relation("desk.users", &[Select(ALL), Update(&["version"])]),
    relation("desk.reads", &[Select(ALL), Insert(ALL), Update(&["seen_at"]), Delete]),
    relation("desk.drafts", &[Select(ALL), Insert(ALL), Update(ALL), Delete]),
    // Append-only, and the number is the server's.
    relation(
        "desk.events",
        &[
            Select(ALL),
            Insert(&[
                "at",
                "actor_kind",
                "actor_id",
                "action",
                "entity",
                "entity_id",
                "before",
                "after",
                "undoes",
                "origin",
            ]),
        ],
    ),
    relation("desk.events_id_seq", &[]),
    // Written by desk.seal_events, which runs as its owner.
    relation("desk.seals", &[Select(ALL)]),
    relation("desk.seal_mark", &[]),
    relation(
        "desk.sessions",
        &[Select(ALL), Insert(ALL), Update(&["last_seen_at", "password_mark"]), Delete],
    ),
    // Ids, and an address that its account has no more until the mail to it is sent.
    relation(
        "desk.mails",
        &[
            Select(ALL),
            Insert(&["id", "kind", "to_user", "ticket_id", "to_address"]),
            Update(&[
                "state",
                "attempts",
                "doubts",
                "next_attempt_at",
                "last_error",
                "sent_at",
                "to_address",
            ]),
            Delete,
        ],
    ),
    relation("desk.chores", &[Select(ALL), Update(&["done_at"])]),
    // Limits of codes: the functions that issue and redeem them count here, and nobody else does.
    relation("desk.token_asks", &[]),
    relation("desk.token_tries", &[]),
    relation("desk.token_tries_id_seq", &[]),
    // Whoever counts attempts could forget them: functions that run as their owner do it.
    relation("desk.sign_ins", &[]),
    // Written by triggers and by desk.fold, which run as their owner.
    relation("desk.stale", &[Select(ALL)]),
    relation("desk.stale_id_seq", &[]),
];

/// Functions.
pub const FUNCTIONS: &[Function] = &[
    called("desk.add_tickets(text[], timestamp without time zone[])"),
    called("desk.answer_time(timestamp without time zone)"),
    called("desk.compute_tickets(text[], timestamp without time zone[])"),
    // Overwrites an account and what leads to its owner.
    called("desk.erase_account(text, text)"),
    // Only of accounts that are erased, and only where events came from.
    called("desk.erase_places(text)"),
    // Only of accounts that are erased, and only into a mark.
    called("desk.erase_texts(text)"),
    called("desk.fold(integer)"),
    called("desk.seal_events()"),
    called("desk.sign_in_claim(text, text)"),
    called("desk.sign_in_succeeded(text, text, boolean)"),
    called("desk.sign_in_sweep(boolean)"),
    called("desk.title_key(text)"),
    called("desk.token_ask(text, text, text, text)"),
    called("desk.token_cancel(text)"),
    called("desk.token_issue(text, text, integer)"),
    called("desk.token_redeem(text, text, text, text)"),
    called("desk.token_sweep(boolean)"),
    internal("desk.add_projects(text[])"),
    internal("desk.add_users(text[])"),
    internal("desk.backfill(text, text, integer)"),
    internal("desk.event_field(text)"),
    internal("desk.event_place(desk.events)"),
    internal("desk.event_text(desk.events)"),
    internal("desk.event_text_marked(desk.events)"),
    internal("desk.fold_all_step(bigint, text, integer)"),
    internal("desk.fold_projects(text[], boolean)"),
    internal("desk.fold_rows(text, text[], timestamp without time zone[], boolean)"),
    internal("desk.fold_tickets(text[], timestamp without time zone[], boolean)"),
    internal("desk.fold_users(text[], boolean)"),
    internal("desk.token_email_digest(text, text)"),
    internal("desk.token_fits(text, text, text, text)"),
    internal("desk.is_erased(text)"),
    internal("desk.sign_in_key(text, text)"),
    internal("desk.user_name_key(text, text)"),
    internal("desk.user_search(text, text, text)"),
];

/// What a connection of the desk sets for itself on a direct link; a pooler drops it, so there it is the role's own.
pub const SETTINGS: &[(&str, &str)] = &[
    ("statement_timeout", "'5s'"),
    ("lock_timeout", "'2s'"),
    ("idle_in_transaction_session_timeout", "'15s'"),
    ("default_transaction_isolation", "'read committed'"),
    ("search_path", "pg_catalog"),
    ("TimeZone", "'UTC'"),
];

impl Right {
    /// The keyword.
    pub fn word(&self) -> &'static str {
        match self {
            Select(_) => "SELECT",
            Insert(_) => "INSERT",
            Update(_) => "UPDATE",
            Delete => "DELETE",
        }
    }

    /// The columns; none means all.
    pub fn columns(&self) -> &'static [&'static str] {
        match self {
            Select(columns) | Insert(columns) | Update(columns) => columns,
            Delete => ALL,
        }
    }

    /// As GRANT takes it.
    pub(super) fn words(&self) -> String {
        let columns =
            self.columns().iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
        if columns.is_empty() { self.word().to_owned() } else { format!("{} ({columns})", self.word()) }
    }
}
