//! Being built.

pub mod demo;
pub mod generate;
mod seed;
