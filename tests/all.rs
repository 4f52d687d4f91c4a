//! All integration tests in one binary: one link, one private Postgres, everything in parallel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod accounts;
mod adoption;
mod app;
mod app_accounts;
mod app_boards;
mod app_clients;
mod app_codes;
mod app_composer;
mod app_lock;
mod app_log;
mod app_mouse;
mod app_project_form;
mod app_random;
mod app_thread;
mod architecture;
mod assets;
mod audit_commands;
mod cli;
mod config;
mod demo;
mod dependencies;
mod desk;
mod doctor;
mod erasure;
mod erasure_columns;
mod events;
mod export;
mod fixtures;
mod fixtures_accounts;
mod fixtures_boards;
mod fixtures_events;
mod forbidden;
mod generate;
mod grant;
mod guest;
mod house;
mod hub;
mod increments;
mod literal;
mod login;
mod mail;
mod migrate;
mod migrate_binary;
mod plans;
mod plans_log;
mod pool;
mod post;
mod post_hostile;
mod pty;
mod pty_boards;
mod pty_sessions;
mod rights;
mod safe_text;
mod screens;
mod screens_accounts;
mod screens_boards;
mod seals;
mod secrets;
mod server;
mod session;
mod sessions;
mod sign_in;
mod store_create;
mod store_queue;
mod store_write;
mod support;
mod support_test;
mod telemetry;
mod throttle;
mod tls;
mod tokens;
mod triggers;
mod user_add;
mod user_commands;
mod user_redeem;
