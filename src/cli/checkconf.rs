//! `named-checkconf`: named's checker of configurations, by its flags, its messages and its exit codes.
//!
//! What is wrong goes to standard output, a line each: `file:line: message`. Warnings are lines of the same form and no
//! failure; beside `-p` and `-l`, whose output others read, they go to standard error. On a terminal, or when asked by
//! `--explain`, each is followed by the line that it is about, a caret, and what would be right.
//! Not here: `tandem check`, which reads both formats and looks at this host, too.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use super::pointed::Sources;
use crate::cli;
use crate::config::files::{Disk, Files, MAX_CONFIG_OCTETS, explain};
use crate::config::load::{Format, format_of};
use crate::config::named_conf::{Document, Secrets};
use crate::config::{Config, Diagnostic, Topic};
use crate::daemon::{self, ZoneTest};

const NAME: &str = "named-checkconf";
const USAGE: &str = "usage: named-checkconf [-chijlvz] [-p [-x]] [-t directory] [named.conf]";

/// Check a named.conf, with the flags of BIND's named-checkconf
#[derive(Debug, clap::Parser)]
#[command(name = NAME, disable_help_flag = true, disable_version_flag = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of named-checkconf")]
struct Args {
    /// Check the core of the configuration alone: plugins are refused with and without it
    #[arg(short = 'c')]
    core: bool,
    /// Accepted: there is nothing more to be said than what is said anyway
    #[arg(short = 'd')]
    debug: bool,
    /// Show the usage
    #[arg(short = 'h')]
    usage: bool,
    /// Leave out warnings of statements that are read and change nothing
    #[arg(short = 'i')]
    quiet: bool,
    /// With -z, read the zones' journals, too
    #[arg(short = 'j')]
    journals: bool,
    /// List the zones: name, class, view, type
    #[arg(short = 'l', conflicts_with = "print")]
    list: bool,
    /// Accepted: memory is not traced
    #[arg(short = 'm', value_name = "MODE")]
    memory: Option<String>,
    /// Print the configuration with the files that it includes, in one form
    #[arg(short = 'p')]
    print: bool,
    /// Change the root directory first, as named does
    #[arg(short = 't', value_name = "DIRECTORY")]
    root: Option<PathBuf>,
    /// Show the version
    #[arg(short = 'v')]
    version: bool,
    /// With -p, print question marks for secrets
    #[arg(short = 'x')]
    mask: bool,
    /// Load the primary zones
    #[arg(short = 'z')]
    zones: bool,
    /// Show the line of each message, a caret, and what would be right, also where output is no terminal
    #[arg(long)]
    explain: bool,
    /// Show this help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The file; default: named.conf where this system's packages have it
    file: Option<PathBuf>,
}

/// Its arguments.
pub fn command() -> clap::Command {
    Args::command()
}

/// Runs it; the first argument is its own name.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let args =
        match command().try_get_matches_from(arguments).and_then(|mut found| Args::from_arg_matches_mut(&mut found)) {
            Ok(args) => args,
            Err(error) => return misused(&error),
        };
    if args.usage {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    if args.version {
        let is_printed = cli::print_lines([env!("CARGO_PKG_VERSION")]);
        return if is_printed { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if args.mask && !args.print {
        say(&format!("{NAME}: -x cannot be used without -p"));
        return ExitCode::FAILURE;
    }
    if let Some(error) = args.root.as_deref().and_then(|root| change_root(root).err()) {
        say(&format!("isc_dir_chroot: {}", explain(&error)));
        return ExitCode::FAILURE;
    }
    let path = args.file.clone().unwrap_or_else(cli::default_configuration);
    if check(&args, &path) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is said of wrong arguments, and the exit code, are named-checkconf's: 0 for all but what contradicts.
fn misused(error: &clap::Error) -> ExitCode {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.split_whitespace().next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp => error.exit(),
        ErrorKind::ArgumentConflict => {
            say(&format!("{NAME}: -l cannot be used with -p"));
            return ExitCode::FAILURE;
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {}
        _ => say(&format!("{NAME}: invalid argument {argument}")),
    }
    say(USAGE);
    ExitCode::SUCCESS
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn change_root(root: &Path) -> io::Result<()> {
    nix::unistd::chroot(root)?;
    std::env::set_current_dir("/")
}

/// This host, which the configuration is for: its `directory` has to be there, as for named's.
struct Host;

impl Files for Host {
    fn read(&self, path: &Path, max_octets: u64) -> io::Result<Vec<u8>> {
        Disk.read(path, max_octets)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        Disk.list(directory)
    }

    // Only who may enter a directory may look at its own entry in it.
    fn enter(&self, directory: &Path) -> io::Result<()> {
        std::fs::metadata(directory.join(".")).map(drop)
    }

    fn is_open_to_others(&self, path: &Path) -> bool {
        Disk.is_open_to_others(path)
    }
}

/// Whether nothing is wrong.
fn check(args: &Args, path: &Path) -> bool {
    let name = path.display().to_string();
    let octets = match read(path) {
        Ok(octets) => octets,
        Err(error) => {
            cli::print_lines([format!("open: {name}: {}", explain(&error))]);
            return false;
        }
    };
    if format_of(&octets) == Some(Format::Toml) {
        cli::print_lines([format!("{name}:1: this is TOML, not named.conf: 'tandem check' reads both")]);
        return false;
    }
    let document = Document::read(&String::from_utf8_lossy(&octets), &name, &Host);
    let teller =
        Teller { name: &name, is_explaining: args.explain || io::stdout().is_terminal(), is_quiet: args.quiet };
    match &document.result {
        Err(found) => {
            cli::print_lines(teller.lines(found));
            false
        }
        Ok(loaded) => teller.warn(args, &loaded.warnings) && output(args, &document, &loaded.config),
    }
}

/// As files are read elsewhere, or what a pipe has, up to the same length.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(MAX_CONFIG_OCTETS + 1).read_to_end(&mut octets)?;
    match octets.len() as u64 > MAX_CONFIG_OCTETS {
        true => Err(io::Error::other(format!("longer than {MAX_CONFIG_OCTETS} octets"))),
        false => Ok(octets),
    }
}

/// What was asked for beside the verdict. `-l` goes before `-z`, and that before `-p`, as in named-checkconf.
fn output(args: &Args, document: &Document, config: &Config) -> bool {
    if args.list {
        let zones = document.zones().into_iter();
        return cli::print_lines(zones.map(|zone| format!("{} {} {} {}", zone.name, zone.class, zone.view, zone.kind)));
    }
    if args.zones && !test_zones(config, args.journals) {
        return false;
    }
    if args.print {
        let secrets = if args.mask { Secrets::Masked } else { Secrets::Shown };
        return cli::print_lines(document.print(secrets).lines());
    }
    true
}

/// Loads the primary zones, and says of each what came of it. Whether all are right.
fn test_zones(config: &Config, with_journals: bool) -> bool {
    let mut all_right = true;
    for test in daemon::test_zones(config, with_journals) {
        let label = format!("zone {}/IN", test.zone);
        let lines = test.found.iter().map(Diagnostic::for_log);
        let is_printed = match &test.serial {
            Ok(serial) => cli::print_lines(lines.chain([format!("{label}: loaded serial {serial}")])),
            Err(why) => {
                say(&format!("{}/{}/IN: {why}", test.view, test.zone));
                cli::print_lines(
                    lines.chain([failed(&test, &label, why), format!("{label}: not loaded due to errors.")]),
                )
            }
        };
        all_right &= is_printed && test.serial.is_ok();
    }
    all_right
}

fn failed(test: &ZoneTest, label: &str, why: &str) -> String {
    match &test.file {
        Some(file) => format!("{label}: loading from master file {} failed: {why}", file.display()),
        None => format!("{label}: {why}"),
    }
}

/// How diagnostics are told.
struct Teller<'n> {
    /// The file's.
    name: &'n str,
    is_explaining: bool,
    is_quiet: bool,
}

impl Teller<'_> {
    /// Tells warnings where they disturb nobody. Whether they could be written.
    fn warn(&self, args: &Args, warnings: &[Diagnostic]) -> bool {
        let lines = self.lines(warnings);
        match args.print || args.list {
            true => {
                lines.iter().for_each(|line| say(line));
                true
            }
            false => cli::print_lines(lines),
        }
    }

    fn lines(&self, found: &[Diagnostic]) -> Vec<String> {
        let mut sources = Sources::default();
        let told = found.iter().filter(|diagnostic| !(self.is_quiet && diagnostic.topic == Some(Topic::NotHonoured)));
        told.flat_map(|diagnostic| self.one(&mut sources, diagnostic)).collect()
    }

    /// Its line in named-checkconf's form; the rest is for people.
    fn one(&self, sources: &mut Sources, diagnostic: &Diagnostic) -> Vec<String> {
        let plain = Diagnostic { hint: None, ..diagnostic.clone() };
        let place = if plain.position.is_none() { format!("{}: ", self.name) } else { String::new() };
        let mut lines = vec![place + &plain.for_log()];
        if self.is_explaining {
            lines.extend(sources.point(diagnostic));
            lines.extend(diagnostic.hint.as_ref().map(|hint| format!("    = {hint}")));
        }
        lines
    }
}
