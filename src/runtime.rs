//! The shell around the core: the terminal, the clock, the tasks.
//!
//! The only room where time passes. It turns bytes into inputs, inputs into messages, effects into tasks, and
//! states into frames; it decides nothing about tickets.

pub mod decode;
pub mod input;
pub mod screen;
pub mod terminal;
