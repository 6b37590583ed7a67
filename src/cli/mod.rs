//! Commands: what `tandem` is told to do by its arguments, and which other programs it is ([`program`]).
//!
//! One file a subcommand, each with its arguments and `run`, which gives the exit code. Standard output is written
//! here only, and a reader that went away (`tandem check … | head`) is no fault.

pub mod check;
pub mod checkconf;
pub mod compare;
pub mod convert;
pub mod ctl;
pub mod demo;
pub mod explain;
pub mod journal;
pub mod man;
pub mod named;
mod pointed;
pub mod program;
pub mod rndc;
pub mod serve;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// A forwarding DNS server: drop-in for named between corporate networks and AWS VPCs.
#[derive(Debug, clap::Parser)]
#[command(name = "tandem", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Read a configuration and show all that is wrong with it
    Check(check::CheckArgs),
    /// Ask two servers the same questions and show what differs
    Compare(compare::CompareArgs),
    /// Write a named.conf as TOML that says the same, with its comments
    Convert(convert::ConvertArgs),
    /// Ask the running server, and tell it: health checks and overrides, local zones
    Ctl(ctl::CtlArgs),
    /// Try it on loopback: two forwarders, a stand-in for the VPC's resolver and clients; or a name that fails over
    Demo(demo::DemoArgs),
    /// Say which list, rule and forwarders a question would meet, or which records would be chosen, and why
    Explain(explain::ExplainArgs),
    /// Show the updates that the journal of a local zone holds
    Journal(journal::JournalArgs),
    /// Write the manual pages of all programs into a directory
    Man(man::ManArgs),
    /// Answer queries until told to stop
    Serve(serve::ServeArgs),
}

/// Does what the arguments say.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Check(args) => check::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Ctl(args) => ctl::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Man(args) => man::run(args),
        Command::Serve(args) => serve::run(args),
    }
}

/// Where named's packages have named.conf, in the order in which it is looked for: Debian's place, everybody else's.
const NAMED_CONFIGURATIONS: [&str; 2] = ["/etc/bind/named.conf", "/etc/named.conf"];

/// The first that is there; else the one that everybody expects.
fn default_configuration() -> PathBuf {
    let found = NAMED_CONFIGURATIONS.iter().map(PathBuf::from).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(NAMED_CONFIGURATIONS[1]))
}

/// A worker that panicked would leave its share of the queries without answers: better to be started anew.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

/// Says something on standard error; where that is gone nobody can be told.
fn complain(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes lines to standard output; `false` if they could not be written.
pub fn print_lines<T: fmt::Display>(lines: impl IntoIterator<Item = T>) -> bool {
    write_lines(&mut io::stdout().lock(), lines)
}

fn write_lines<T: fmt::Display>(to: &mut impl Write, lines: impl IntoIterator<Item = T>) -> bool {
    let written = lines.into_iter().try_for_each(|line| writeln!(to, "{line}")).and_then(|()| to.flush());
    match written {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::BrokenPipe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that fails as it is told to.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_reader_that_went_away_is_no_fault_a_full_disk_is() {
        let mut written = Vec::new();
        assert!(write_lines(&mut written, ["a", "b"]));
        assert_eq!(written, b"a\nb\n");
        assert!(write_lines(&mut Failing(io::ErrorKind::BrokenPipe), ["a"]));
        assert!(!write_lines(&mut Failing(io::ErrorKind::StorageFull), ["a"]));
    }
}
