//! Starts the program that argv\[0\] or the first word names.

use std::process::ExitCode;

use tandem::cli::program;

fn main() -> ExitCode {
    program::run(std::env::args_os().collect())
}
