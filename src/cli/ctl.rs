//! `tandem ctl`: asking the running server, and telling it, by its control socket.
//!
//! Not here: what the commands do (`control`), which answers in text for a person.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::print_lines;
use crate::config;
use crate::config::values;
use crate::control::protocol::{AskError, Reply, ask};

/// How long a server may take: reading a large configuration at its start, nobody is answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ask the running server, and tell it: health checks and overrides, local zones
#[derive(Debug, clap::Args)]
pub struct CtlArgs {
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// What to ask or tell.
    #[command(subcommand)]
    pub command: Command,
}

/// Which server is meant.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct ServerArgs {
    /// The server's configuration, which says where its control socket is
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The control socket itself
    #[arg(short, long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// What can be asked and told.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// What the process is and does
    Status,
    /// Health checks; alone, a list of all
    Health {
        /// One check.
        #[command(subcommand)]
        command: Option<HealthCommand>,
    },
    /// Local zones
    Zone {
        /// What about them.
        #[command(subcommand)]
        command: ZoneCommand,
    },
}

/// About one check.
#[derive(Debug, clap::Subcommand)]
pub enum HealthCommand {
    /// All about a check: state, since when, why, last probe, override
    Show {
        /// The check's name
        name: String,
    },
    /// Let a check count as healthy, whatever its probes find
    Up(OverrideArgs),
    /// Let a check count as unhealthy, whatever its probes find
    Down(OverrideArgs),
    /// Take back an override: the check counts as what its probes say
    Clear {
        /// The check's name
        name: String,
    },
}

/// An override.
#[derive(Debug, clap::Args)]
pub struct OverrideArgs {
    /// The check's name
    pub name: String,
    /// For how long: 90s, 15m, 1h30m, 2d; without it, until it is taken back
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Why: seen in 'ctl health', 'explain' and the log
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// About local zones.
#[derive(Debug, clap::Subcommand)]
pub enum ZoneCommand {
    /// Serial, records, where from, what was wrong with it; without a name, a list of all
    Status {
        /// The zone's apex
        name: Option<String>,
    },
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = values::ttl(text).ok().filter(|duration| *duration >= Duration::from_secs(1));
    seconds.ok_or_else(|| "expected a time of a second and more: 90s, 15m, 1h30m, 2d".to_owned())
}

/// Prints what the server says; exit code 1 if it cannot be reached or does not do it.
pub fn run(args: CtlArgs) -> ExitCode {
    let words = words(&args.command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let socket = match find_socket(&args.server) {
        Ok(socket) => socket,
        Err(faults) => {
            complain(&faults);
            return ExitCode::FAILURE;
        }
    };
    match ask(&socket, &words, PATIENCE) {
        Ok(Ok(text)) if print_lines(text.lines()) => ExitCode::SUCCESS,
        Ok(Ok(_)) => ExitCode::FAILURE,
        Ok(Err(text)) => {
            complain(text.trim_end());
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&unreachable(&socket, &error));
            ExitCode::FAILURE
        }
    }
}

/// The words of the protocol.
fn words(command: &Command) -> Vec<String> {
    let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match command {
        Command::Status => all(&["status"]),
        Command::Health { command: None } => all(&["health"]),
        Command::Health { command: Some(command) } => match command {
            HealthCommand::Show { name } => all(&["health", "show", name]),
            HealthCommand::Clear { name } => all(&["health", "clear", name]),
            HealthCommand::Up(args) => all(&["health", "up", &args.name, &seconds(args), &args.reason]),
            HealthCommand::Down(args) => all(&["health", "down", &args.name, &seconds(args), &args.reason]),
        },
        Command::Zone { command: ZoneCommand::Status { name: None } } => all(&["zone", "status"]),
        Command::Zone { command: ZoneCommand::Status { name: Some(name) } } => all(&["zone", "status", name]),
    }
}

fn seconds(args: &OverrideArgs) -> String {
    args.duration.map_or("-".to_owned(), |duration| duration.as_secs().to_string())
}

/// Where the server's control socket is; else what is wrong, in lines.
pub(super) fn find_socket(args: &ServerArgs) -> Result<PathBuf, String> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let Some(file) = &args.config else { return Err("name the server by --config or --socket".to_owned()) };
    let lines = |faults: Vec<config::Diagnostic>| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        lines.join("\n") + "\n(a running server is found by --socket as well)"
    };
    let loaded = config::load(file).map_err(lines)?;
    loaded.config.control_socket.ok_or_else(|| without_socket(file))
}

fn without_socket(file: &Path) -> String {
    let file = file.display();
    format!(
        "{file} sets no control_socket (TOML: write state_directory = \"/var/lib/tandem\" in [options], which has one, or \
         control_socket = \"/run/tandem/control\", and start the server anew)"
    )
}

/// What is wrong with a socket behind which nobody answers.
pub(super) fn unreachable(socket: &Path, error: &AskError) -> String {
    match error {
        AskError::Word(why) => why.clone(),
        _ => format!("control socket '{}': {error}", socket.display()),
    }
}

/// What the server says to `explain`, and whether it would answer.
pub(super) fn ask_to_explain(socket: &Path, words: [&str; 4]) -> Result<Reply, AskError> {
    ask(socket, &[&["explain"][..], &words].concat(), PATIENCE)
}

/// To standard error; where that is gone nobody can be told.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn parsed(line: &str) -> Result<Vec<String>, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        let crate::cli::Command::Ctl(args) = cli.command else { return Err("another command".to_owned()) };
        Ok(words(&args.command))
    }

    #[test]
    fn arguments_become_words_that_the_server_knows() {
        for (line, expected) in [
            ("tandem ctl -s x status", &["status"][..]),
            ("tandem ctl -s x health", &["health"]),
            ("tandem ctl -s x health show a", &["health", "show", "a"]),
            ("tandem ctl -s x health clear a", &["health", "clear", "a"]),
            ("tandem ctl -s x health up a", &["health", "up", "a", "-", ""]),
            ("tandem ctl -c x health down a --for 1h30m --reason disks", &["health", "down", "a", "5400", "disks"]),
            ("tandem ctl -s x zone status", &["zone", "status"]),
            ("tandem ctl -s x zone status corp", &["zone", "status", "corp"]),
        ] {
            let words = parsed(line).expect(line);
            assert_eq!(words, expected, "{line}");
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            crate::control::commands::find(&words).expect(line);
        }
    }

    #[test]
    fn wrong_arguments_say_what_is_right() {
        for (line, expected) in [
            ("tandem ctl status", "--config <FILE>"),
            ("tandem ctl -s x health down a --for soon", "expected a time of a second and more: 90s, 15m, 1h30m, 2d"),
            ("tandem ctl -s x health down a --for 0s", "expected a time of a second and more"),
            ("tandem ctl -s x health down", "<NAME>"),
            ("tandem ctl -s x zone", "status"),
        ] {
            let told = parsed(line).expect_err(line);
            assert!(told.contains(expected), "{line}: {told}");
        }
    }
}
