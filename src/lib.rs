//! Kaygia Desk: a support desk that lives in the terminal.
//!
//! The tree, from the pure middle outwards (`tests/architecture.rs` enforces who may import whom):
//!
//! * `domain`: the words of the trade: ids, tickets, comments, projects, safe text; all that can be
//!   written (`domain::command`) and read (`domain::query`).
//! * `auth`, `policy`: who somebody is, what they may do. Pure; the only makers of an actor, a permit, a scope.
//! * `mail`: what a mail says, and the line to the SMTP server.
//! * `store`: all SQL. `server`: the private Postgres of the demo and the tests.
//! * `desk`: the use cases, each one transaction: facts, permit, write, event.
//! * `app`: one `State`, one `update`; `ui`: draws it. Both pure.
//! * `runtime`: the terminal, the clock, the tasks. `cli`: the command line. `config`, `telemetry`.
//! * `child`: every program that we start, without what opens the database.

pub mod app;
pub mod auth;
#[expect(clippy::disallowed_methods, reason = "it keeps variables of ours from programs that we start")]
pub mod child;
#[expect(clippy::disallowed_methods, reason = "it looks for programs on the PATH")]
pub mod cli;
#[expect(clippy::disallowed_methods, reason = "it reads the environment")]
pub mod config;
pub mod desk;
pub mod domain;
pub mod mail;
pub mod policy;
#[expect(clippy::disallowed_methods, reason = "it owns the clock and every task")]
pub mod runtime;
#[expect(clippy::disallowed_methods, reason = "it waits for processes")]
pub mod server;
#[expect(clippy::disallowed_methods, reason = "it owns the connections")]
pub mod store;
pub mod telemetry;
pub mod ui;
