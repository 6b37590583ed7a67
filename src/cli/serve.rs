//! `tandem serve`: runs the server in the foreground.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::daemon;
use crate::sys::parent;

/// Answer queries until told to stop.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration: named.conf or TOML, told apart by content
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// Stop when the process with this PID, which started this one, ends: `tandem demo` leaves nobody behind
    #[arg(long, value_name = "PID", hide = true)]
    pub end_with: Option<u32>,
}

/// Runs until SIGTERM or SIGINT; says on standard error why it could not start.
pub fn run(args: ServeArgs) -> ExitCode {
    // A worker that panicked would leave its share of the queries without answers: better to be started anew.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    if let Some(error) = args.end_with.and_then(|parent| parent::end_with(parent).err()) {
        return failed(&error);
    }
    daemon::run(&args.config).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn failed(error: &dyn fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::FAILURE
}
