//! Generated data: any number of tickets, for benches and for feeling the scale.
//!
//! Made in the server, in committed batches, into any migrated database; rows that are already there are left
//! alone. The same seed on the same day gives the same rows, whatever the batches. Generated rows are known by
//! the start of their ids, so a run that was stopped is continued by the next one: a plan names totals.

mod rows;
mod vocabulary;

use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::store::error::Result;
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use crate::store::{fold, sql};
use rows::Range;
use tokio_postgres::Client;

/// Every generated id starts with this; the rest is a hash.
const ID_PREFIX: &str = "0000de5c-";
/// Tickets a batch: many enough to be fast, few enough to see progress and to hold no lock for long.
const TICKET_BATCH: i64 = 5_000;
/// Accounts or projects a statement: at most as many as the desk's triggers take at once.
const ROW_BATCH: i64 = 500;

/// How much there shall be in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Generated tickets.
    pub tickets: i64,
    /// Another seed, other rows.
    pub seed: i32,
}

impl Plan {
    /// 1,000 tickets, 200 accounts, 100 projects.
    pub const S: Self = Self::of(1_000);
    /// 100,000 tickets, 5,000 accounts, 2,000 projects.
    pub const M: Self = Self::of(100_000);
    /// 1,000,000 tickets, 50,000 accounts, 20,000 projects.
    pub const L: Self = Self::of(1_000_000);

    /// Any number of tickets, with accounts and projects in proportion.
    pub const fn of(tickets: i64) -> Self {
        Self { tickets, seed: 1 }
    }

    /// Generated accounts, staff included.
    pub const fn users(self) -> i64 {
        if self.tickets > 4_000 { self.tickets / 20 } else { 200 }
    }

    /// Generated projects.
    pub const fn projects(self) -> i64 {
        if self.tickets > 5_000 { self.tickets / 50 } else { 100 }
    }
}

/// What is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Accounts.
    Users,
    /// Projects.
    Projects,
    /// Tickets with their conversations.
    Tickets,
    /// Statistics for the planner.
    Statistics,
}

/// How far it is, after each committed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being made.
    pub stage: Stage,
    /// How many there are.
    pub done: i64,
    /// How many there will be.
    pub total: i64,
}

/// How many generated rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Tickets.
    pub tickets: i64,
    /// Accounts.
    pub users: i64,
    /// Projects.
    pub projects: i64,
}

/// The SUPER_ADMIN for benches. The account has no password: a bench makes itself a session.
pub fn bench_user() -> UserId {
    UserId::new(format!("{ID_PREFIX}bench"))
}

/// Counts the generated rows.
pub async fn generated(db: &impl Db) -> Result<Generated> {
    let row = sql::row(
        db,
        "SELECT (SELECT pg_catalog.count(*) FROM public.support_tickets WHERE id LIKE $1) AS tickets,
                (SELECT pg_catalog.count(*) FROM public.users WHERE id LIKE $1 AND id <> $2) AS users,
                (SELECT pg_catalog.count(*) FROM public.projects WHERE id LIKE $1) AS projects",
        &[sql::text(&format!("{ID_PREFIX}%")), sql::text(&bench_user().as_str())],
    )
    .await?;
    Ok(Generated {
        tickets: sql::get(&row, "tickets")?,
        users: sql::get(&row, "users")?,
        projects: sql::get(&row, "projects")?,
    })
}

/// Whether there are tickets that were not generated.
pub async fn has_others(db: &impl Db) -> Result<bool> {
    let row = sql::row(
        db,
        "SELECT EXISTS (SELECT FROM public.support_tickets WHERE id NOT LIKE $1) AS others",
        &[sql::text(&format!("{ID_PREFIX}%"))],
    )
    .await?;
    sql::get(&row, "others")
}

/// Makes what the plan names and is not there yet. `now` is the server's clock; it counts in whole days.
pub async fn run(
    client: &mut Client,
    plan: Plan,
    now: Timestamp,
    mut progress: impl FnMut(Progress),
) -> Result<Generated> {
    const DAY: i64 = 86_400_000_000;
    let there = generated(client).await?;
    let tx = begin(client).await?;
    vocabulary::prepare(&tx, plan.seed).await?;
    tx.commit().await?;
    let rows = Range {
        first: 0,
        last: 0,
        tickets: plan.tickets,
        users: plan.users().max(there.users),
        base: now.micros().div_euclid(DAY) * DAY,
    };
    insert_bench_user(client, rows.base).await?;
    for (first, last) in batches(there.users, plan.users(), ROW_BATCH) {
        let tx = begin(client).await?;
        rows::insert_users(&tx, Range { first, last, ..rows }).await?;
        tx.commit().await?;
        progress(Progress { stage: Stage::Users, done: last, total: plan.users() });
    }
    for (first, last) in batches(there.projects, plan.projects(), ROW_BATCH) {
        let tx = begin(client).await?;
        rows::insert_projects(&tx, Range { first, last, ..rows }).await?;
        tx.commit().await?;
        progress(Progress { stage: Stage::Projects, done: last, total: plan.projects() });
    }
    fill_assignees(client).await?;
    for (first, last) in batches(there.tickets, plan.tickets, TICKET_BATCH) {
        let tx = begin(client).await?;
        rows::insert_tickets(&tx, Range { first, last, ..rows }).await?;
        tx.commit().await?;
        progress(Progress { stage: Stage::Tickets, done: last, total: plan.tickets });
    }
    progress(Progress { stage: Stage::Statistics, done: 0, total: 1 });
    finish(client, plan).await?;
    progress(Progress { stage: Stage::Statistics, done: 1, total: 1 });
    generated(client).await
}

/// A transaction for a large statement. Compiling it would cost as much as running it; a batch that a crash of the
/// server undoes is made again by the next run.
async fn begin(client: &mut Client) -> Result<Transaction<'_>> {
    let tx = Transaction::begin(client);
    tx.batch_execute(
        "SET LOCAL jit = off; SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = 0",
    )
    .await?;
    Ok(tx)
}

/// The first and last number of each batch from `there + 1` to `total`.
fn batches(there: i64, total: i64, most: i64) -> impl Iterator<Item = (i64, i64)> {
    let step = usize::try_from(most).unwrap_or(usize::MAX);
    (there + 1..=total).step_by(step).map(move |first| (first, total.min(first + most - 1)))
}

async fn insert_bench_user(client: &Client, base: i64) -> Result<()> {
    sql::execute(
        client,
        "INSERT INTO public.users (id, email, name, created_at, updated_at, role, email_verified, active)
         SELECT $1, 'bench@kaygia.example', 'Bench', day.start, day.start, 'SUPER_ADMIN'::public.role, true,
                true
         FROM (SELECT timestamp 'epoch' + $2 * interval '1 microsecond' - interval '3 years' AS start) AS day
         ON CONFLICT (id) DO NOTHING",
        &[sql::text(&bench_user().as_str()), sql::int8(&base)],
    )
    .await?;
    Ok(())
}

/// Everybody who may work on a ticket, those who were there before included.
async fn fill_assignees(client: &Client) -> Result<()> {
    sql::execute(
        client,
        "INSERT INTO pg_temp.assignees (place, id)
             SELECT pg_catalog.row_number() OVER (ORDER BY id) - 1, id FROM public.users
             WHERE role::text IN ('ADMIN', 'SUPER_ADMIN') AND active AND email_verified AND id <> $1",
        &[sql::text(&bench_user().as_str())],
    )
    .await
    .map(drop)
}

/// Whatever the triggers left to fold, a line in the event log, then statistics: a bulk load has outrun autovacuum.
async fn finish(client: &mut Client, plan: Plan) -> Result<()> {
    fold::all(client).await?;
    let tx = begin(client).await?;
    sql::execute(
        &tx,
        "INSERT INTO desk.events (at, actor_kind, action, entity, entity_id, after)
         VALUES (pg_catalog.clock_timestamp() AT TIME ZONE 'utc', 'operator', 'database.generate', 'database',
                 pg_catalog.current_database(), pg_catalog.jsonb_build_object('tickets', $1, 'seed', $2))",
        &[sql::int8(&plan.tickets), sql::int4(&plan.seed)],
    )
    .await?;
    tx.batch_execute(
        "DROP TABLE IF EXISTS pg_temp.words, pg_temp.fragments, pg_temp.given, pg_temp.assignees;
         ANALYZE public.users, public.projects, public.support_tickets, public.ticket_comments, desk.users,
                 desk.projects, desk.tickets, desk.reads, desk.stale",
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_those_of_the_benches() {
        let sizes = [Plan::S, Plan::M, Plan::L].map(|plan| (plan.tickets, plan.users(), plan.projects()));
        assert_eq!(sizes, [(1_000, 200, 100), (100_000, 5_000, 2_000), (1_000_000, 50_000, 20_000)]);
    }

    #[test]
    fn batches_cover_what_is_missing_once() {
        assert_eq!(batches(0, 12, 5).collect::<Vec<_>>(), [(1, 5), (6, 10), (11, 12)]);
        assert_eq!(batches(7, 12, 5).collect::<Vec<_>>(), [(8, 12)]);
        assert_eq!(batches(12, 12, 5).count(), 0);
        assert_eq!(batches(20, 12, 5).count(), 0);
    }
}
