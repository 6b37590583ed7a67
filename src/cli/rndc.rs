//! `rndc`: named's program for its control channel, by our client: the same flags, messages and exit codes.
//!
//! Where the server is and which key it wants comes from the arguments, from rndc.conf, or from the key file that
//! `rndc-confgen -a` writes.
//! Not here: what goes over the wire (`control`).

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::ctl::PATIENCE;
use super::{complain, print_lines};
use crate::config::control::CONTROL_PORT;
use crate::config::files::{Disk, explain};
use crate::config::named_conf::rndc_conf::{self, RndcConf, RndcServer};
use crate::config::{Diagnostic, Family, Key};
use crate::control::channels::{KEY_FILES, made};
use crate::control::client::{Answer, AskError, Server, ask, join};
use crate::control::commands;
use crate::office::reply::Code;

/// Where rndc.conf is: as Debian has it, and as others do.
const CONF_FILES: [&str; 2] = ["/etc/bind/rndc.conf", "/etc/rndc.conf"];
const USAGE: &str = "Usage: rndc [-b address] [-c config] [-s server] [-p port]\n\
                     \t[-k key-file ] [-y key] [-q] [-r] [-V] [-4 | -6] command";
/// The server that is asked if none is named.
const DEFAULT_SERVER: &str = "127.0.0.1";

/// named's remote control
#[derive(Debug, Parser)]
#[command(name = "rndc", disable_version_flag = true, after_help = format!("command is one of the following:\n\n{}", commands::help()))]
pub struct RndcArgs {
    /// Send from this address; one of each family may be given
    #[arg(short = 'b', value_name = "ADDRESS")]
    pub source: Vec<IpAddr>,
    /// rndc.conf
    #[arg(short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The server's name or address, or a `server` of rndc.conf
    #[arg(short, value_name = "SERVER")]
    pub server: Option<String>,
    /// The server's port
    #[arg(short, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The file with the key, in the place of rndc.conf
    #[arg(short, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Which key of rndc.conf
    #[arg(short = 'y', value_name = "NAME")]
    pub key: Option<String>,
    /// Print no text of the server
    #[arg(short)]
    pub quiet: bool,
    /// Print the result's name and number, too
    #[arg(short)]
    pub result: bool,
    /// Say what is done
    #[arg(short = 'V')]
    pub verbose: bool,
    /// IPv4 alone
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6 alone
    #[arg(short = '6')]
    pub ipv6: bool,
    /// What the server is to do
    #[arg(required = true, trailing_var_arg = true)]
    pub command: Vec<String>,
}

/// Which server is meant, as far as it was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) server: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) config: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) key: Option<String>,
    pub(super) source: Vec<IpAddr>,
    /// `None`: both.
    pub(super) family: Option<Family>,
}

/// Runs it; the first argument is what it was called by.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let args = match RndcArgs::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // As named's: 1 whatever is wrong, and the commands.
            if error.use_stderr() {
                complain(misuse(&error));
                return ExitCode::FAILURE;
            }
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
    };
    let words: Vec<&str> = args.command.iter().map(String::as_str).collect();
    let target = Target {
        server: args.server.clone(),
        port: args.port,
        config: args.config.clone(),
        key_file: args.key_file.clone(),
        key: args.key.clone(),
        source: args.source.clone(),
        family: match (args.ipv4, args.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        },
    };
    let asked =
        command_line(&words).and_then(|line| find(&target).and_then(|servers| ask_first(&args, &servers, &line)));
    match asked {
        Ok(answer) => print(&args, &answer),
        Err(why) => {
            complain(format!("rndc: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with the arguments, if they are not merely missing; how it is used, and every command.
fn misuse(error: &clap::Error) -> String {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.split_whitespace().next().unwrap_or_default(),
        _ => "",
    };
    let why = match error.kind() {
        ErrorKind::MissingRequiredArgument => String::new(),
        ErrorKind::UnknownArgument => format!("rndc: invalid argument {argument}\n"),
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            format!("rndc: {}\n", line.strip_prefix("error: ").unwrap_or(line))
        }
    };
    format!("{why}{USAGE}\n\ncommand is one of the following:\n\n{}", commands::help())
}

/// Words as rndc sends them: its arguments with blanks between.
fn command_line(words: &[&str]) -> Result<String, String> {
    if let [line] = words {
        // A whole command in quotes.
        return Ok((*line).to_owned());
    }
    join(words)
}

/// Asks the first server that can be reached.
fn ask_first(args: &RndcArgs, servers: &[Server], line: &str) -> Result<Answer, String> {
    let mut last = "no server".to_owned();
    for server in servers {
        let Server::Tcp(address, ..) = server else { continue };
        let shown = format!("{}#{}", address.ip(), address.port());
        if args.verbose {
            complain(format!("using server {} ({shown})", args.server.as_deref().unwrap_or(DEFAULT_SERVER)));
        }
        match ask(server, line, false, PATIENCE) {
            Ok(answer) => return Ok(answer),
            Err(AskError::Connect(error)) => last = format!("connect failed: {shown}: {}", explain(&error)),
            Err(error) => return Err(silence(&error)),
        }
    }
    Err(last)
}

fn silence(error: &AskError) -> String {
    match error {
        AskError::Closed => {
            "connection to remote host closed.\n* This may indicate that the\n* remote server uses another \
                             key or algorithm,\n* this host is not authorized to connect,\n* the clocks are not \
                             synchronized,\n* or the server has ended."
                .to_owned()
        }
        AskError::Silent(error) => format!("recv failed: {}", explain(error)),
        _ => error.to_string(),
    }
}

fn print(args: &RndcArgs, answer: &Answer) -> ExitCode {
    let verb = args.command.first().map_or("", |word| word.split(' ').next().unwrap_or_default());
    let is_good = match &answer.err {
        Some(err) => {
            complain(format!("rndc: '{verb}' failed: {err}"));
            if !answer.text.is_empty() {
                complain(&answer.text);
            }
            false
        }
        None => args.quiet || answer.text.is_empty() || print_lines(answer.text.lines()),
    };
    // Of a failure, too.
    let is_told = !args.result || print_lines([result(answer.result)]);
    if is_good && is_told { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A result's name and number, as the real rndc shows it.
fn result(number: u32) -> String {
    Code::id(number).map_or_else(|| format!("result {number}"), |id| format!("{id} {number}"))
}

/// The servers to be tried, in order.
pub(super) fn find(target: &Target) -> Result<Vec<Server>, String> {
    let conf = conf(target)?;
    let name = target.server.clone().or_else(|| conf.default_server.clone());
    let name = name.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
    let own = conf.servers.iter().find(|server| server.name.eq_ignore_ascii_case(&name));
    let key = key(target, &conf, own)?;
    let port = target.port.or(own.and_then(|own| own.port)).or(conf.default_port).unwrap_or(CONTROL_PORT);
    let addresses = match own.map(|own| &own.addresses).filter(|addresses| !addresses.is_empty()) {
        Some(addresses) => addresses.iter().map(|(name, own)| (name.clone(), own.unwrap_or(port))).collect(),
        None => vec![(name, port)],
    };
    let sources = [&target.source, own.map_or(&conf.default_source, |own| &own.source), &conf.default_source];
    let mut found = Vec::new();
    for (name, port) in addresses {
        let resolved = resolve(&name, port)?;
        let wanted = resolved.into_iter().filter(|address| target.family.is_none_or(|family| family.has(*address)));
        for address in wanted {
            let fits = |source: &&IpAddr| source.is_ipv4() == address.is_ipv4();
            let source = sources.iter().find_map(|sources| sources.iter().find(fits)).copied();
            found.push(Server::Tcp(address, source, Box::new(made(key))));
        }
    }
    Ok(found)
}

fn resolve(name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let failed = |error: io::Error| format!("couldn't get address for '{name}': {error}");
    (name, port).to_socket_addrs().map(Iterator::collect).map_err(failed)
}

/// What the files say: the key file alone if it is named, else rndc.conf, else the key file that is there by default.
fn conf(target: &Target) -> Result<RndcConf, String> {
    let lines = |faults: Vec<Diagnostic>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let read = |path: &Path| rndc_conf::read(path, &Disk).map_err(lines);
    match (&target.key_file, &target.config) {
        (Some(path), _) | (None, Some(path)) if !path.exists() => Err(format!("{} does not exist", path.display())),
        (Some(path), _) | (None, Some(path)) => read(path),
        (None, None) => {
            let known = CONF_FILES.iter().chain(&KEY_FILES).map(Path::new).find(|path| path.exists());
            known.map_or_else(|| Err(format!("neither {} nor {} was found", CONF_FILES[0], KEY_FILES[0])), read)
        }
    }
}

/// The key: the one that is asked for, that of the server, the default one, or the only one.
fn key<'c>(target: &Target, conf: &'c RndcConf, own: Option<&RndcServer>) -> Result<&'c Key, String> {
    let name = target.key.as_ref().or(own.and_then(|own| own.key.as_ref())).or(conf.default_key.as_ref());
    match (name, &conf.keys[..]) {
        (Some(name), keys) => {
            let wanted = name.parse::<crate::wire::Name>().ok();
            let found = keys.iter().find(|key| Some(&key.name) == wanted.as_ref());
            found.ok_or_else(|| format!("no key definition for name {name}"))
        }
        (None, [key]) => Ok(key),
        (None, []) => Err("no key statement for use".to_owned()),
        (None, _) => Err("no key for server and no default: name one by -y".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rndc.conf");
        std::fs::write(&path, text).expect("a file");
        (directory, path)
    }

    const KEYS: &str =
        "key a { algorithm hmac-sha256; secret \"c2VjcmV0\"; }; key b { algorithm hmac-md5; secret \"c2VjcmV0\"; };";

    #[test]
    fn arguments_are_rndcs() {
        let parsed = |line: &str| RndcArgs::try_parse_from(line.split(' '));
        let args = parsed("rndc -k f -s ::1 -p 954 -6 -q stop -p").expect("they are right");
        assert_eq!(
            (args.command.as_slice(), args.port, args.ipv6),
            (&["stop".to_owned(), "-p".to_owned()][..], Some(954), true)
        );
        for wrong in ["rndc", "rndc -z status", "rndc -4 -6 status", "rndc -p 0 status"] {
            assert!(parsed(wrong).is_err_and(|error| error.use_stderr()), "{wrong}");
        }
        assert_eq!(command_line(&["flush a"]), Ok("flush a".to_owned()), "a whole command in quotes");
        assert_eq!(
            command_line(&["health", "down", "a", "-", "new disks"]),
            Ok("health down a - \"new disks\"".to_owned())
        );
    }

    #[test]
    fn the_server_and_its_key_are_found() {
        let (_directory, path) = key_file(&format!(
            "options {{ default-key a; default-port 1953; }}; {KEYS} \
             server x {{ key b; addresses {{ 127.0.0.9 port 7; 127.0.0.8; }}; source-address 127.0.0.7; }};"
        ));
        let shown = |target: Target| -> Result<Vec<String>, String> {
            let servers = find(&Target { config: Some(path.clone()), ..target })?;
            let each = |server: &Server| match server {
                Server::Tcp(address, source, key) => format!("{address} {source:?} {}", key.name()),
                Server::Unix(_) => String::new(),
            };
            Ok(servers.iter().map(each).collect())
        };
        assert_eq!(shown(Target::default()), Ok(vec!["127.0.0.1:1953 None a".to_owned()]));
        let x = Target { server: Some("x".to_owned()), ..Target::default() };
        let both = ["127.0.0.9:7 Some(127.0.0.7) b", "127.0.0.8:1953 Some(127.0.0.7) b"].map(str::to_owned).to_vec();
        assert_eq!(shown(x.clone()), Ok(both));
        assert_eq!(shown(Target { family: Some(Family::Ipv6), ..x.clone() }), Ok(vec![]));
        let own = Target {
            key: Some("a".to_owned()),
            port: Some(3),
            source: vec!["127.0.0.1".parse().expect("one")],
            ..Target::default()
        };
        assert_eq!(shown(own), Ok(vec!["127.0.0.1:3 Some(127.0.0.1) a".to_owned()]));
        let unknown = shown(Target { key: Some("c".to_owned()), ..x });
        assert_eq!(unknown, Err("no key definition for name c".to_owned()));
        let (_directory, several) = key_file(KEYS);
        let told = find(&Target { key_file: Some(several), ..Target::default() }).err();
        assert_eq!(told.as_deref(), Some("no key for server and no default: name one by -y"));
        let gone = find(&Target { key_file: Some("/nonexistent".into()), ..Target::default() }).err();
        assert_eq!(gone.as_deref(), Some("/nonexistent does not exist"));
    }
}
