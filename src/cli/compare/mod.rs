//! Asking two servers the same questions: `tandem compare --against NAMED --with TANDEM QUERIES`.
//!
//! So that an operator can prove a switch before making it. Each question goes to both at the same time, at a steady
//! pace; what differs is asked again, so that a record that changes is not taken for a difference. What two right
//! servers may do differently (the order of records, TTLs that count down, AA) does not count unless asked for.
//! Exit code 0: alike; 1: they differ; 2: the comparison could not be made.
//!
//! [`questions`] reads, [`client`] asks, [`response`] reads what came, [`differ`] compares, [`tally`] counts and tells,
//! [`run`] drives, [`trial`] is a server of the configuration that shall take over. Memory does not grow with the number of
//! questions. Not here: load (the pace is modest on purpose), and which answer is right.

mod client;
mod differ;
mod questions;
mod response;
mod run;
mod tally;
#[cfg(test)]
mod tests;
mod trial;

use std::fmt;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli;
use crate::config::DNS_PORT;
use differ::{Kind, Rules};
use questions::Overrides;
use tally::Tally;

/// Neither alike nor different: nothing was compared.
const NOT_COMPARED: u8 = 2;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// The server in service, such as named: ADDRESS, or ADDRESS:PORT (IPv6 in brackets)
    #[arg(long, value_name = "ADDR", value_parser = server)]
    pub against: SocketAddr,
    /// The server that shall take over
    #[arg(long, value_name = "ADDR", value_parser = server, required_unless_present = "config")]
    pub with: Option<SocketAddr>,
    /// The configuration that shall take over: a server of it runs meanwhile, beside the one in service, which takes no
    /// updates and writes no file
    #[arg(short, long, value_name = "FILE", conflicts_with = "with")]
    pub config: Option<PathBuf>,
    /// Questions, one a line: NAME TYPE (as dnsperf reads them), or named's query log; -: standard input
    pub queries: PathBuf,
    /// How many questions a second, to each server
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub qps: u32,
    /// How many questions may wait for their answers at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub parallel: u16,
    /// How long an answer may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub timeout: Duration,
    /// How often what differs is asked again, half a second apart
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub again: u8,
    /// Ask no more than so many questions
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Ask each question once, however often it stands there (of the first million)
    #[arg(long)]
    pub distinct: bool,
    /// The address that questions come from: lists and views go by it
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// By TCP
    #[arg(long)]
    pub tcp: bool,
    /// With DO: signatures are wanted
    #[arg(long = "do", conflicts_with = "no_edns")]
    pub dnssec_ok: bool,
    /// With CD: answers need not be validated
    #[arg(long)]
    pub cd: bool,
    /// With AD: whether the answer was validated is of interest
    #[arg(long)]
    pub ad: bool,
    /// Without RD
    #[arg(long)]
    pub no_rd: bool,
    /// Without EDNS
    #[arg(long)]
    pub no_edns: bool,
    /// The octets that an answer by UDP may have, as told by EDNS
    #[arg(long, value_name = "OCTETS", default_value_t = 1232, value_parser = clap::value_parser!(u16).range(512..))]
    pub bufsize: u16,
    /// These differences do not count
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    ignore: Vec<Kind>,
    /// These count too: aa, additional, edns-size
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    also: Vec<Kind>,
    /// TTLs count when they are further apart, in seconds: both servers have to have asked at about the same time
    #[arg(long, value_name = "SECONDS")]
    pub ttl: Option<u32>,
    /// How many examples of each kind are shown
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub examples: u16,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

impl CompareArgs {
    fn overrides(&self) -> Overrides {
        Overrides {
            tcp: self.tcp,
            dnssec_ok: self.dnssec_ok,
            checking_disabled: self.cd,
            authentic_data: self.ad,
            no_recursion: self.no_rd,
            no_edns: self.no_edns,
        }
    }

    fn rules(&self) -> Rules {
        Rules::new(&self.also, &self.ignore, self.ttl)
    }
}

/// Why nothing was compared.
#[derive(Debug)]
pub(super) enum Error {
    /// The questions cannot be read.
    Questions(PathBuf, std::io::Error),
    /// There is none among the lines, of which there were so many.
    NoQuestion(PathBuf, u64),
    /// This server has answered none of so many questions.
    Silent(SocketAddr, u64),
    /// The server of a configuration has not started; it said this.
    Trial(String),
    /// The system said no.
    System(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Questions(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoQuestion(path, 0) => write!(f, "{}: no question in it", path.display()),
            Self::NoQuestion(path, lines) => {
                write!(f, "{}: no question in its {lines} lines (such as: www.example.com A)", path.display())
            }
            Self::Silent(server, count) => {
                let advice = "is it there, and may this address ask it?";
                write!(f, "{server} has answered none of {count} questions: nothing was compared ({advice})")
            }
            Self::Trial(said) => write!(f, "the server of this configuration does not start:\n{said}"),
            Self::System(error) => write!(f, "{error}"),
        }
    }
}

/// Compares and tells.
pub fn run(args: CompareArgs) -> ExitCode {
    let progress = std::io::stderr().is_terminal();
    let compared = run::compare(&args, progress);
    if progress {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    match compared {
        Ok(tally) => tell(&args, &tally),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(NOT_COMPARED)
        }
    }
}

fn tell(args: &CompareArgs, tally: &Tally) -> ExitCode {
    let lines = if args.json { vec![tally.json().to_string()] } else { tally.lines() };
    match (cli::print_lines(lines), tally.differ()) {
        (false, _) => ExitCode::from(NOT_COMPARED),
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::SUCCESS,
    }
}

/// `10.1.0.2`, `10.1.0.2:5300`, `10.1.0.2#5300`, `2001:db8::1`, `[2001:db8::1]:5300`.
fn server(text: &str) -> Result<SocketAddr, String> {
    let as_named_shows_it = || {
        let (ip, port) = text.rsplit_once('#')?;
        Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
    };
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let parsed = text.parse().ok().or_else(as_named_shows_it);
    parsed
        .or_else(|| bare.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, DNS_PORT)))
        .filter(|server| server.port() != 0)
        .ok_or_else(|| "an address, or ADDRESS:PORT".to_owned())
}

/// A time in seconds, `0.1` to `60`.
fn seconds(text: &str) -> Result<Duration, String> {
    let fault = || "seconds from 0.1 to 60".to_owned();
    let seconds: f64 = text.parse().map_err(|_| fault())?;
    if (0.1..=60.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(fault()) }
}
