//! The `desk` program: parse, run, exit code.

fn main() {}
