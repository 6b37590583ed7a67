//! `tandem serve`: runs the server in the foreground.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::daemon;

/// Answer queries until told to stop.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration: named.conf or TOML, told apart by content
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs until SIGTERM or SIGINT; says on standard error why it could not start.
pub fn run(args: ServeArgs) -> ExitCode {
    // A worker that panicked would leave its share of the queries without answers: better to be started anew.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    match daemon::run(&args.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
