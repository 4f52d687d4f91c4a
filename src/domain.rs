//! The words of the trade, as values.
//!
//! Pure: no clock, no randomness, no IO. Everything that came from outside the program and may reach a
//! screen, a log or a clipboard is a [`safe_text::SafeText`].

pub mod account;
pub mod change;
pub mod command;
pub mod comment;
pub mod count;
pub mod event;
pub mod failure;
pub mod house;
pub mod ids;
pub mod mail;
pub mod money;
pub mod project;
pub mod query;
pub mod safe_text;
pub mod session;
pub mod ticket;
pub mod time;
pub mod token;
pub mod user;
