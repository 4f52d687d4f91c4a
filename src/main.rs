//! The `desk` program: parse, run, exit code.

fn main() -> std::process::ExitCode {
    kaygia_desk::cli::main()
}
