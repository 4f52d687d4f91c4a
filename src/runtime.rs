//! The shell around the core: the terminal, the clock, the tasks.
//!
//! The only room where time passes. It turns bytes into inputs, inputs into messages, effects into tasks, and
//! states into frames; it decides nothing about tickets.

pub mod decode;
pub mod editor;
pub mod effects;
pub mod hub;
pub mod input;
mod pace;
pub mod screen;
pub mod session;
pub mod signals;
pub mod spool;
pub mod terminal;
