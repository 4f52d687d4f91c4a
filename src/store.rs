//! All SQL, one file per aggregate, and what carries it: connections, migrations, errors.
//!
//! Nothing outside this room names a table. Writes take a permit, reads a scope; statements are typed and one-shot
//! (see [`sql`]), every name is schema-qualified, results hold built-in types only.

pub mod demo;
pub mod error;
pub mod fold;
pub mod generate;
pub mod migrate;
pub mod pool;
mod seed;
pub mod sql;
