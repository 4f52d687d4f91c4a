//! The figures that the desk is held to, each with its floor measured in the same run.
//!
//! `cargo bench --bench figures` measures the release binary on a pseudo terminal of 120x40, on a Postgres of its own
//! that syncs to disk, prints one table, and fails if a limit is missed. A word after `--` picks one part: `keys`,
//! `queries`, `starts`, `memory`, `idle`, `writes`, or `adoption`, `refusals` and `soak`, which are no part of a plain run.
//! `soak` lets fifty desks work for ten minutes, or for `KAYGIA_DESK_BENCH_MINUTES`.
//! `KAYGIA_DESK_BENCH_TICKETS` sets the size of the large database (100,000); in the folder that
//! `KAYGIA_DESK_BENCH_FOLDER` names, filled databases stay for the next run.
//!
//! Compare ratios of one run, never milliseconds of two. That no query reads too many rows is a test
//! (`tests/plans.rs`), not a figure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench: it owns its clock and its output, and ends where it cannot measure"
)]
#![cfg(target_os = "linux")]

#[path = "figures/adoption.rs"]
mod adoption;
#[path = "figures/database.rs"]
mod database;
#[path = "../examples/floor.rs"]
#[expect(dead_code, reason = "an example has a main of its own")]
mod floor;
#[path = "figures/glass.rs"]
mod glass;
#[path = "figures/keys.rs"]
mod keys;
#[path = "figures/process.rs"]
mod process;
#[path = "figures/queries.rs"]
mod queries;
#[path = "figures/raw.rs"]
mod raw;
#[path = "figures/refusals.rs"]
mod refusals;
#[path = "figures/soak.rs"]
mod soak;
#[path = "figures/starts.rs"]
mod starts;
#[path = "figures/table.rs"]
mod table;
#[path = "figures/writes.rs"]
mod writes;

use std::process::ExitCode;

use kaygia_desk::store::generate::Plan;

use database::Postgres;
use keys::Floors;
use table::Table;

fn main() -> ExitCode {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if parts.first().is_some_and(|part| part == "floor") {
        // We are our own floor program: what is compared was built in the same way.
        return if floor::run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let table = runtime.block_on(measure(&parts));
    println!("\n{table}");
    if table.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn measure(parts: &[String]) -> Table {
    let mut table = Table::default();
    let size = std::env::var("KAYGIA_DESK_BENCH_TICKETS").ok();
    let size = size.map_or(Plan::M, |tickets| Plan::of(tickets.parse().expect("a number of tickets")));
    let postgres = Postgres::start();
    if parts.iter().any(|part| part == "adoption") {
        adoption::adoption(&mut table, &postgres, size).await;
        return table;
    }
    if parts.iter().any(|part| part == "refusals") {
        let small = postgres.database("figures_s", Plan::S).await;
        refusals::refusals(&mut table, &small).await;
        return table;
    }
    if parts.iter().any(|part| part == "soak") {
        let postgres = postgres.with_connections(soak::CONNECTIONS).await;
        soak::soak(&mut table, &postgres.database("figures_m", size).await).await;
        return table;
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| word == part);
    let large = postgres.database("figures_m", size).await;
    large.prepare().await;
    if wanted("keys") {
        let (mut desk, mut floors) = (keys::start(&large), Floors::start());
        keys::without_queries(&mut table, &mut desk, &mut floors);
    }
    if wanted("queries") {
        queries::with_queries(&mut table, &postgres, &large).await;
    }
    if wanted("starts") {
        let small = postgres.database("figures_s", Plan::S).await;
        small.prepare().await;
        starts::starts(&mut table, &large, &small);
    }
    if wanted("memory") {
        keys::memory(&mut table, &large);
    }
    if wanted("idle") {
        keys::idle(&mut table, &mut keys::start(&large));
    }
    if wanted("writes") {
        writes::replies(&mut table, &large).await;
        writes::changes_of_others(&mut table, &large).await;
    }
    table
}
