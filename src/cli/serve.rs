//! `tandem serve`: runs the server in the foreground.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::CommandLine;
use crate::daemon::{self, Notify, Setup};
use crate::sys::{inherited, parent};

/// What it says when it listens, in front of where; whoever has started it waits for that.
pub(super) const READY: &str = "tandem listens on";

/// Answer queries until told to stop.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration: named.conf or TOML, told apart by content
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// Stop when the process with this PID, which started this one, ends: `tandem demo` leaves nobody behind
    #[arg(long, value_name = "PID", hide = true)]
    pub end_with: Option<u32>,
    /// Answer at this address alone, take no updates and write no file: a trial beside a server in service
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub trial: Option<SocketAddr>,
}

/// Runs until SIGTERM or SIGINT; says on standard error why it could not start.
pub fn run(args: ServeArgs) -> ExitCode {
    super::abort_on_panic();
    if let Some(error) = args.end_with.and_then(|parent| parent::end_with(parent).err()) {
        return failed(&error);
    }
    let sockets = inherited::take();
    let (notify, remarks) = match Notify::from_environment() {
        Ok(notify) => (notify, Vec::new()),
        Err(error) => (Notify::default(), vec![unheard(&error)]),
    };
    let given = CommandLine { trial: args.trial, ..CommandLine::default() };
    let setup = Setup { file: args.config, given, sockets, notify, remarks, ..Setup::default() };
    // Whatever the log takes, who starts it sees that it runs.
    let ready = |addresses: &str| super::complain(format!("{READY} {addresses}"));
    daemon::run(setup, ready).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

/// NOTIFY_SOCKET leads nowhere.
pub(super) fn unheard(error: &std::io::Error) -> String {
    format!("the service manager cannot be told how the server is: NOTIFY_SOCKET: {error}")
}

pub(super) fn failed(error: &dyn fmt::Display) -> ExitCode {
    super::complain(error);
    ExitCode::FAILURE
}
