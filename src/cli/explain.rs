//! `tandem explain`: what a question would get.
//!
//! A running server that can be reached explains by itself: what it has read, and what its health checks count as now.
//! Else the configuration is explained as it is written, without what only a server knows.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::ctl::ask_to_explain;
use super::print_lines;
use crate::config::{self, Config};
use crate::daemon;
use crate::wire::Name;
use crate::wire::mnemonic::{type_name, type_number};

/// Say which list, rule and forwarders a question would meet, or which records would be chosen, and why.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The configuration: named.conf or TOML, told apart by content. If a server with its control socket runs, that one
    /// explains
    #[arg(short, long, value_name = "FILE", required_unless_present = "socket")]
    pub config: Option<PathBuf>,
    /// The control socket of a running server
    #[arg(short, long, value_name = "PATH", conflicts_with = "config")]
    pub socket: Option<PathBuf>,
    /// Explain the configuration as it is written, whatever server runs
    #[arg(long, conflicts_with = "socket")]
    pub offline: bool,
    /// The name that is asked for
    pub name: Name,
    /// The type: A, AAAA, TXT, TYPE65280 …
    #[arg(default_value = "A", value_parser = parse_type)]
    pub qtype: u16,
    /// The client's address
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub from: IpAddr,
    /// The address of this server that is asked (views may differ by it)
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub to: IpAddr,
}

fn parse_type(text: &str) -> Result<u16, String> {
    type_number(text).ok_or_else(|| format!("no RR type is called '{text}' (A, AAAA, CNAME, … or TYPEn)"))
}

/// Prints the explanation; exit code 0 if the question would be answered: from a local zone, cache or forwarders. 1 if
/// not, or if there is nobody and nothing to explain.
pub fn run(args: ExplainArgs) -> ExitCode {
    if let Some(socket) = &args.socket {
        return match by_server(&args, socket) {
            Ok(explained) => print(&args, &explained),
            Err(why) => {
                super::complain(why);
                ExitCode::FAILURE
            }
        };
    }
    let loaded = match config::load(args.config.as_deref().unwrap_or(Path::new(""))) {
        Ok(loaded) => loaded,
        Err(faults) => {
            print_lines(faults);
            return ExitCode::FAILURE;
        }
    };
    print(&args, &by_file_or_server(&args, &loaded.config))
}

/// What is printed, and whether the question would be answered.
struct Explained {
    lines: Vec<String>,
    answered: bool,
}

fn print(args: &ExplainArgs, explained: &Explained) -> ExitCode {
    let client = format!("{:<17} {}, asking {}", "client", args.from, args.to);
    let printed = print_lines([&client].into_iter().chain(&explained.lines));
    if printed && explained.answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The running server's word; else why there is none.
fn by_server(args: &ExplainArgs, socket: &Path) -> Result<Explained, String> {
    let words = [args.name.to_string(), type_name(args.qtype).to_string(), args.from.to_string(), args.to.to_string()];
    let words = [&*words[0], &*words[1], &*words[2], &*words[3]];
    let (reply, answered) = ask_to_explain(socket, words)?;
    // The first says whether, in a word.
    let mut lines: Vec<String> = reply.lines().skip(1).map(str::to_owned).collect();
    lines.push(line("cached", "not looked up"));
    Ok(Explained { lines, answered })
}

/// The running server's word if there is one, else what the file says.
fn by_file_or_server(args: &ExplainArgs, config: &Config) -> Explained {
    let unknown = match config.control_socket.as_deref() {
        _ if args.offline => "not asked (--offline)".to_owned(),
        None => "not asked: the configuration has no control_socket".to_owned(),
        Some(socket) => match by_server(args, socket) {
            Ok(explained) => return explained,
            Err(why) => format!("not reached: {why}"),
        },
    };
    let explained = daemon::explain(config, &args.name, args.qtype, args.from, args.to);
    let mut lines = vec![line("running server", &unknown)];
    lines.extend(explained.to_string().lines().map(str::to_owned));
    if explained.is_monitored {
        lines.push(line("health", "not known: above, every check counts as healthy"));
    }
    lines.push(line("cached", "not known: this is the configuration, not a running server"));
    Explained { lines, answered: explained.answered }
}

fn line(what: &str, text: &str) -> String {
    format!("{what:<17} {text}")
}
