//! `tandem ctl`: asking the running server, and telling it, by its control socket or over TCP as rndc does.
//!
//! Not here: what the commands do (`control`), which answers in text for a person; rndc itself ([`super::rndc`]).

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::rndc::{self, Target};
use super::{complain, print_lines};
use crate::config;
use crate::config::values;
use crate::control::client::{Answer, AskError, Server, ask, join};
use crate::control::commands;

/// How long a server may take: reading a large configuration, it answers when it has read it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Ask the running server, and tell it: health checks and overrides, local zones, and all that rndc can
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Commands as the server knows them, rndc's among them:\n{}", commands::help()))]
pub struct CtlArgs {
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print one JSON object: result, error, text, and data where the command has some
    #[arg(long)]
    pub json: bool,
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
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The server's address or name, asked over TCP with a key; with a '/', its control socket
    #[arg(short, long, value_name = "SERVER", conflicts_with = "socket")]
    pub server: Option<String>,
    /// The port of TCP
    #[arg(short, long, value_name = "PORT", requires = "server")]
    pub port: Option<u16>,
    /// A file with the key, as rndc-confgen writes it [default: rndc's]
    #[arg(short, long, value_name = "FILE", requires = "server")]
    pub key_file: Option<PathBuf>,
    /// Which key of the file
    #[arg(short = 'y', long, value_name = "NAME", requires = "server")]
    pub key: Option<String>,
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
    /// Any other command of the server
    #[command(external_subcommand)]
    Other(Vec<String>),
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
    let asked = join(&words).and_then(|line| {
        let server = find_server(&args.server)?;
        ask(&server, &line, args.json, PATIENCE).map_err(|error| unreachable(&server, &error))
    });
    match asked {
        Err(why) if args.json => print_json(&json!({ "result": "unreachable", "error": why }), false),
        Err(why) => {
            complain(why.trim_end());
            ExitCode::FAILURE
        }
        Ok(answer) if args.json => print_json(&object(&answer), answer.err.is_none()),
        Ok(answer) => print_answer(&answer),
    }
}

fn object(answer: &Answer) -> Value {
    let data = answer.json.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "result": if answer.err.is_none() { "success" } else { "failed" },
        "code": answer.result,
        "error": answer.err,
        "text": answer.text,
        "data": data,
    })
}

fn print_json(object: &Value, is_good: bool) -> ExitCode {
    if print_lines([object]) && is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_answer(answer: &Answer) -> ExitCode {
    match &answer.err {
        None if print_lines(answer.text.lines()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
        Some(err) => {
            complain(if answer.text.is_empty() { err } else { &answer.text });
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
        Command::Other(words) => words.clone(),
    }
}

fn seconds(args: &OverrideArgs) -> String {
    args.duration.map_or("-".to_owned(), |duration| duration.as_secs().to_string())
}

/// Where the server is; else what is wrong, in lines.
fn find_server(args: &ServerArgs) -> Result<Server, String> {
    if let Some(server) = &args.server {
        if server.contains('/') {
            return Ok(Server::Unix(server.into()));
        }
        let target = Target {
            server: Some(server.clone()),
            port: args.port,
            key_file: args.key_file.clone(),
            key: args.key.clone(),
            ..Target::default()
        };
        return rndc::find(&target)?.into_iter().next().ok_or_else(|| format!("'{server}' has no address"));
    }
    find_socket(args.config.as_deref(), args.socket.as_deref()).map(Server::Unix)
}

/// Where the server's control socket is; else what is wrong, in lines.
pub(super) fn find_socket(config: Option<&Path>, socket: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(socket) = socket {
        return Ok(socket.to_owned());
    }
    let Some(file) = config else { return Err("name the server by --config, --socket or --server".to_owned()) };
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
         control_socket = \"/run/tandem/control\", and start the server anew; with 'controls', ask over TCP: --server)"
    )
}

/// What is wrong with a server that does not answer.
pub(super) fn unreachable(server: &Server, error: &AskError) -> String {
    match server {
        _ if matches!(error, AskError::TooLong(_)) => error.to_string(),
        Server::Unix(socket) => format!("control socket '{}': {error}", socket.display()),
        Server::Tcp(address, ..) => format!("{address}: {error}"),
    }
}

/// What the server says to `explain`, and whether it would answer.
pub(super) fn ask_to_explain(socket: &Path, words: [&str; 4]) -> Result<(String, bool), String> {
    let server = Server::Unix(socket.to_owned());
    let line = join(&[&["explain"][..], &words].concat())?;
    let answer = ask(&server, &line, true, PATIENCE).map_err(|error| unreachable(&server, &error))?;
    if answer.err.is_some() {
        return Err(answer.text);
    }
    let told = answer.json.and_then(|json| serde_json::from_str::<serde_json::Value>(&json).ok());
    let answered = told.and_then(|told| told["answered"].as_bool());
    Ok((answer.text, answered.ok_or("the server does not say whether it would answer: it is of another version")?))
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
            ("tandem ctl --socket x flushname a.example", &["flushname", "a.example"]),
            ("tandem ctl -s x -p 953 -k f -y k stop -p", &["stop", "-p"]),
            ("tandem ctl --json -s x dumpdb -cache internal", &["dumpdb", "-cache", "internal"]),
        ] {
            let words = parsed(line).expect(line);
            assert_eq!(words, expected, "{line}");
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            crate::control::commands::find(&words).expect("the server knows it");
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
