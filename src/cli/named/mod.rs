//! `named`: the server as a daemon, with the arguments, messages and exit codes of BIND's program of that name.
//!
//! In this order: read the arguments, take what whoever started us hands over, find the user while its tables are in
//! reach, leave the terminal while there is one thread, change the root directory, give up root; then `daemon` runs.
//! So the configuration is read, the sockets bound and every file written by the user that will do so at each reload.

mod arguments;
mod version;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use arguments::{Arguments, Asked, Where};

use super::{complain, default_configuration, print_lines};
use crate::config::{CommandLine, named_conf};
use crate::daemon::{self, Log, Notify, Setup};
use crate::sys::privileges::{self, User};
use crate::sys::process::{self, Detached, Readiness};
use crate::sys::{inherited, local_time};

pub use arguments::command;

/// Without `pid-file`.
const PID_FILE: &str = "/run/named/named.pid";

/// Runs until told to stop, and in the background unless told otherwise; says on standard error why it does not.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    match arguments::read(arguments) {
        Asked::Serve(arguments) => start(*arguments).unwrap_or_else(|error| failed(&format!("named: {error}"))),
        Asked::Version => print_or_fail(vec![version::line()]),
        Asked::Versions => print_or_fail(version::lines(&default_configuration())),
        Asked::Defaults => print_or_fail(vec![named_conf::defaults(PID_FILE).trim_end().to_owned()]),
        Asked::Help(text) => print_or_fail(vec![text]),
        Asked::Usage => {
            complain(arguments::USAGE);
            ExitCode::SUCCESS
        }
        Asked::Wrong { why, usage } => {
            if usage {
                complain(arguments::USAGE);
            }
            failed(&format!("named: {why}"))
        }
    }
}

fn start(arguments: Arguments) -> Result<ExitCode, String> {
    super::abort_on_panic();
    let sockets = inherited::take();
    let mut remarks = arguments.remarks;
    let notify = Notify::from_environment().unwrap_or_else(|error| {
        remarks.push(super::serve::unheard(&error));
        Notify::default()
    });
    let user = arguments.user.as_deref().map(find_user).transpose()?;
    let readiness = match arguments.place {
        Where::Background => match process::detach().map_err(|error| format!("cannot leave the terminal: {error}"))? {
            Detached::Parent(code) => return Ok(code),
            Detached::Child(readiness) => Some(readiness),
        },
        Where::Foreground | Where::Terminal => None,
    };
    if let Some(root) = &arguments.root {
        // Its files are not in the new root.
        local_time::utc_offset_seconds(0);
        privileges::change_root(root).map_err(|error| error.to_string())?;
    }
    user.as_ref().map_or_else(privileges::stay, User::assume).map_err(|error| error.to_string())?;
    let setup = Setup {
        file: arguments.configuration.unwrap_or_else(default_configuration),
        given: CommandLine {
            port: arguments.port,
            family: arguments.family,
            pid_file: Some(PID_FILE.into()),
            ..CommandLine::default()
        },
        log: log(arguments.place, arguments.log_file),
        debug_level: arguments.debug_level,
        workers: arguments.workers,
        lock_file: arguments.lock_file,
        sockets,
        notify,
        remarks,
    };
    Ok(daemon::run(setup, |_| tell(readiness)).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS))
}

fn find_user(name: &str) -> Result<User, String> {
    let found = User::find(name).map_err(|error| format!("user '{name}': {error}"))?;
    found.ok_or_else(|| format!("user '{name}' unknown"))
}

fn log(place: Where, file: Option<PathBuf>) -> Log {
    match (place, file) {
        (Where::Terminal, _) => Log::StderrAlone,
        // From where named was started, before `directory` is entered.
        (_, Some(file)) => Log::File(std::path::absolute(&file).unwrap_or(file)),
        (_, None) => Log::Syslog,
    }
}

fn tell(readiness: Option<Readiness>) {
    // The process that waits may have been ended: nobody has to know then.
    let _ = readiness.map(Readiness::tell);
}

fn print_or_fail(lines: Vec<String>) -> ExitCode {
    if print_lines(lines) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn failed(error: &dyn fmt::Display) -> ExitCode {
    complain(error);
    ExitCode::FAILURE
}
