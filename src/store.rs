//! All SQL, one file per aggregate, and what carries it: connections, migrations, errors.
//!
//! Nothing outside this room names a table. Writes take a permit, reads a scope; statements are typed and one-shot
//! (see [`sql`]), every name is schema-qualified, results hold built-in types only.

pub mod accounts;
pub mod auth;
pub mod board;
pub mod chores;
pub mod comments;
pub mod demo;
pub mod doctor;
pub mod drafts;
pub mod error;
pub mod events;
pub mod export;
pub mod facts;
pub mod fold;
pub mod generate;
pub mod grant;
pub mod listen;
pub mod mails;
pub mod migrate;
mod moment;
mod people;
pub mod pool;
pub mod projects;
pub mod queue;
pub mod read;
pub mod reads;
pub mod ready;
pub mod seals;
pub mod seed;
pub mod sessions;
pub mod sign_ins;
pub mod sql;
mod statement;
pub mod threads;
pub mod tickets;
pub mod tokens;
pub mod transaction;
pub mod users;
pub mod write;
