//! Which program: `tandem` and its subcommands.

use std::process::ExitCode;

use clap::Parser;
use tandem::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
