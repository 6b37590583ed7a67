//! `tandem explain`: what a configuration does with a question, without a server.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use super::print_lines;
use crate::config;
use crate::daemon;
use crate::wire::Name;
use crate::wire::mnemonic::type_number;

/// Say which list, rule and forwarders a question would meet, and why.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The configuration: named.conf or TOML, told apart by content
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
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

/// Prints the explanation; exit code 0 if the question would be answered from cache or forwarders, 1 if not, or if the
/// configuration cannot be read.
pub fn run(args: ExplainArgs) -> ExitCode {
    let loaded = match config::load(&args.config) {
        Ok(loaded) => loaded,
        Err(faults) => {
            print_lines(faults);
            return ExitCode::FAILURE;
        }
    };
    let explained = daemon::explain(&loaded.config, &args.name, args.qtype, args.from, args.to);
    let text = explained.to_string();
    let client = format!("client            {}, asking {}", args.from, args.to);
    let cached = "cached            not known: this reads the configuration, not a running server";
    let printed = print_lines([&*client].into_iter().chain(text.lines()).chain([cached]));
    if printed && explained.forwarded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
