//! Faults in earnest, by the hundred: cut wires, killed and frozen servers, lost terminals, full disks, wrong clocks,
//! hostile texts. It takes minutes, so `cargo test` leaves it out:
//!
//! `cargo test --test faults -- --nocapture --test-threads=3`
//!
//! Each test prints its figures in one line, and waits for its place beside the others (`run`): on two cores a few that are
//! busy run at a time, and those that measure short times among themselves. The whole run ends by itself, as a failure, after twenty minutes. What a
//! test needs of the system and does not find is told in a sentence, and the test fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "tests; the support is shared with the others"
)]

#[path = "faults/cluster.rs"]
mod cluster;
#[path = "faults/crowd.rs"]
mod crowd;
#[path = "faults/failover.rs"]
mod failover;
#[path = "faults/hostile.rs"]
mod hostile;
#[path = "faults/hostile_clipboard.rs"]
mod hostile_clipboard;
#[path = "faults/hostile_outputs.rs"]
mod hostile_outputs;
#[path = "faults/hostile_screens.rs"]
mod hostile_screens;
#[path = "faults/impostor.rs"]
mod impostor;
#[path = "faults/links.rs"]
mod links;
#[path = "faults/migration.rs"]
mod migration;
#[path = "faults/obeyed.rs"]
mod obeyed;
#[path = "faults/opens.rs"]
mod opens;
#[path = "faults/pgbouncer.rs"]
mod pgbouncer;
#[path = "pty"]
mod pty {
    pub(crate) mod glass;
    pub(crate) mod start;
}
#[path = "faults/refusals.rs"]
mod refusals;
#[path = "faults/replies.rs"]
mod replies;
#[path = "faults/run.rs"]
mod run;
#[path = "faults/servers.rs"]
mod servers;
#[path = "faults/ssh.rs"]
mod ssh;
mod support;
#[path = "faults/surroundings.rs"]
mod surroundings;
#[path = "faults/terminals.rs"]
mod terminals;
#[path = "faults/writers.rs"]
mod writers;
