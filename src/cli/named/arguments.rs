//! named's arguments: what each means here, and its messages about wrong ones.
//!
//! Each is honoured, or accepted with a word in the log on what happens instead, or refused in named's own words.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, CommandFactory, Parser};

use crate::config::Family;

/// What is printed beside a message about arguments.
pub(super) const USAGE: &str = "\
usage: named [-4|-6] [-c conffile] [-d debuglevel] [-D comment]
             [-f|-g] [-L logfile] [-n number_of_workers] [-p port]
             [-t chrootdir] [-u username] [-X lockfile]
usage: named [-v|-V|-C|--help]";

/// Answers DNS queries by a named.conf, as BIND's named does
///
/// Reads named.conf (or TOML), forwards, and serves zones of its own. Without -f or -g it goes into the background; it
/// returns 0 once it answers, 1 and the reason when it cannot.
///
/// SIGHUP reads the configuration again, and keeps the old one if the new one is wrong. SIGTERM and SIGINT answer what is
/// in flight and end.
#[derive(Debug, Parser)]
#[command(name = "named", disable_help_flag = true, disable_version_flag = true, args_override_self = true)]
struct Flags {
    /// Use IPv4 alone, to listen and to ask forwarders
    #[arg(short = '4')]
    ipv4: bool,
    /// Use IPv6 alone, to listen and to ask forwarders
    #[arg(short = '6')]
    ipv6: bool,
    /// The configuration; without it /etc/bind/named.conf, or /etc/named.conf where that is not there
    #[arg(short, value_name = "FILE", allow_hyphen_values = true)]
    configuration: Option<PathBuf>,
    /// Stay in the foreground, and log as in the background: by the logging statement, else to syslog
    #[arg(short)]
    foreground: bool,
    /// Stay in the foreground, and log to standard error, whatever the logging statement says
    #[arg(short = 'g')]
    terminal: bool,
    /// What `severity dynamic` of the logging statement begins with: 0 to 99
    #[arg(short, value_name = "LEVEL", allow_hyphen_values = true)]
    debug_level: Option<String>,
    /// Log to this file instead of syslog, where the logging statement says nothing
    #[arg(short = 'L', value_name = "FILE", allow_hyphen_values = true)]
    log_file: Option<PathBuf>,
    /// Become this user (a name or a number) before anything is read, and keep no more than the right to bind low ports
    #[arg(short, value_name = "USER", allow_hyphen_values = true)]
    user: Option<String>,
    /// Make this directory the root of all paths before anything is read; syslog is then its dev/log
    #[arg(short = 't', value_name = "DIRECTORY", allow_hyphen_values = true)]
    root: Option<PathBuf>,
    /// Listen on this port, and ask forwarders there, where the configuration names no other: 53, or dns=53
    #[arg(short, value_name = "PORT", action = ArgAction::Append, allow_hyphen_values = true)]
    port: Vec<String>,
    /// So many workers, a thread each; 0, the default: one for each core that this process may run on
    #[arg(short = 'n', value_name = "NUMBER", allow_hyphen_values = true)]
    workers: Option<String>,
    /// Start only if nobody else, named among them, has locked this file; `none`: without a lock, which is the default
    #[arg(short = 'X', value_name = "FILE", allow_hyphen_values = true)]
    lock_file: Option<PathBuf>,
    /// Nothing: a text to be seen in the list of processes
    #[arg(short = 'D', value_name = "TEXT", allow_hyphen_values = true)]
    comment: Option<OsString>,
    /// Print the version
    #[arg(short = 'v')]
    version: bool,
    /// Print the version, what this was built for, and the places where files are looked for
    #[arg(short = 'V')]
    versions: bool,
    /// Print a summary of the arguments
    #[arg(short = '?')]
    usage: bool,
    /// Print this help
    #[arg(long, action = ArgAction::SetTrue)]
    help: bool,
    /// Print the built-in defaults as a named.conf; `named-checkconf -p` prints what a file says
    #[arg(short = 'C')]
    defaults: bool,
    /// Refused, as by a named that was not built for fuzzing
    #[arg(short = 'A', value_name = "TYPE", allow_hyphen_values = true)]
    fuzzing: Option<String>,
    /// Ignored with a warning: there is no hardware to be used for keys
    #[arg(short = 'E', value_name = "ENGINE", allow_hyphen_values = true)]
    engine: Option<OsString>,
    /// Ignored with a warning: fill or nofill
    #[arg(short = 'M', value_name = "OPTION", action = ArgAction::Append, allow_hyphen_values = true)]
    memory_options: Vec<String>,
    /// Ignored with a warning: usage, trace, record
    #[arg(short = 'm', value_name = "FLAG", action = ArgAction::Append, allow_hyphen_values = true)]
    memory_flags: Vec<String>,
    /// The same as -n
    #[arg(short = 'N', value_name = "NUMBER", allow_hyphen_values = true)]
    workers_too: Option<String>,
    /// Ignored with a warning: memory is not counted by use
    #[arg(short)]
    statistics: bool,
    /// Ignored with a warning: sockets are bounded by the system's limit of open files
    #[arg(short = 'S', value_name = "NUMBER", allow_hyphen_values = true)]
    sockets: Option<OsString>,
    /// Ignored with a warning: switches for named's own tests
    #[arg(short = 'T', value_name = "TEST", action = ArgAction::Append, allow_hyphen_values = true)]
    tests: Vec<String>,
    /// Ignored with a warning: each worker has a socket of its own
    #[arg(short = 'U', value_name = "NUMBER", allow_hyphen_values = true)]
    listeners: Option<OsString>,
    /// Ignored with a warning: the cache is not kept in a file
    #[arg(short = 'x', value_name = "FILE", allow_hyphen_values = true)]
    cache_file: Option<OsString>,
}

/// What the arguments ask for.
#[derive(Debug)]
pub(super) enum Asked {
    Serve(Box<Arguments>),
    Version,
    Versions,
    Defaults,
    /// This text, at length.
    Help(String),
    Usage,
    /// Nothing that can be done; whether the usage would help.
    Wrong {
        why: String,
        usage: bool,
    },
}

/// How a server is to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) family: Option<Family>,
    pub(super) configuration: Option<PathBuf>,
    pub(super) place: Where,
    pub(super) debug_level: u8,
    pub(super) log_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) root: Option<PathBuf>,
    pub(super) port: Option<u16>,
    pub(super) workers: Option<usize>,
    pub(super) lock_file: Option<PathBuf>,
    pub(super) remarks: Vec<String>,
}

/// Where the server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Where {
    #[default]
    Background,
    /// `-f`
    Foreground,
    /// `-g`
    Terminal,
}

/// More workers than this are taken for a slip.
const MOST_WORKERS: usize = 1024;
/// The largest debug level that differs from the one below.
const MOST_DEBUG: i32 = 99;
/// Flags of `-m` and `-M` that named knows.
const MEMORY_FLAGS: [&str; 3] = ["record", "trace", "usage"];
const MEMORY_OPTIONS: [&str; 2] = ["fill", "nofill"];

/// The arguments with their help.
pub fn command() -> clap::Command {
    Flags::command()
}

/// Reads the arguments, the name of the program first.
pub(super) fn read(arguments: Vec<OsString>) -> Asked {
    match Flags::try_parse_from(arguments) {
        Ok(flags) => judge(flags).unwrap_or_else(|why| Asked::Wrong { why, usage: false }),
        Err(error) => Asked::Wrong { why: complaint(&error), usage: true },
    }
}

/// named's words for what clap does not take.
fn complaint(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.split(' ').next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let argument = text(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => format!("unknown option '{argument}'"),
        ErrorKind::UnknownArgument => "extra command line arguments".to_owned(),
        ErrorKind::InvalidValue | ErrorKind::TooFewValues => format!("option '{argument}' requires an argument"),
        _ => error.to_string().trim_end().to_owned(),
    }
}

fn judge(flags: Flags) -> Result<Asked, String> {
    if flags.help {
        return Ok(Asked::Help(command().render_long_help().to_string()));
    }
    if flags.usage {
        return Ok(Asked::Usage);
    }
    refuse(&flags)?;
    let workers = flags.workers.as_ref().or(flags.workers_too.as_ref());
    let arguments = Arguments {
        family: flags.ipv4.then_some(Family::Ipv4).or(flags.ipv6.then_some(Family::Ipv6)),
        place: place(&flags),
        debug_level: flags.debug_level.as_deref().map_or(Ok(0), debug_level)?,
        port: port(&flags.port)?,
        workers: workers.map_or(Ok(None), |text| count(text))?,
        remarks: remarks(&flags),
        configuration: flags.configuration,
        log_file: flags.log_file,
        user: flags.user,
        root: flags.root,
        lock_file: flags.lock_file.filter(|path| path.as_os_str() != "none"),
    };
    Ok(match (flags.versions, flags.version, flags.defaults) {
        (true, _, _) => Asked::Versions,
        (_, true, _) => Asked::Version,
        (_, _, true) => Asked::Defaults,
        _ => Asked::Serve(Box::new(arguments)),
    })
}

fn place(flags: &Flags) -> Where {
    match (flags.terminal, flags.foreground) {
        (true, _) => Where::Terminal,
        (_, true) => Where::Foreground,
        _ => Where::Background,
    }
}

/// What named refuses, and what only it can do.
fn refuse(flags: &Flags) -> Result<(), String> {
    let unknown = |given: &[String], known: &[&str]| {
        let mut words = given.iter().flat_map(|words| words.split(','));
        words.find(|word| !known.contains(word)).map(|word| format!("unrecognized flag '{word}'"))
    };
    let wrong = unknown(&flags.memory_flags, &MEMORY_FLAGS).or(unknown(&flags.memory_options, &MEMORY_OPTIONS));
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    match (&flags.fuzzing, flags.ipv4 && flags.ipv6) {
        (Some(word), _) => Err(format!("unknown fuzzing type '{word}'")),
        (_, true) => Err("cannot specify -4 and -6".to_owned()),
        _ => Ok(()),
    }
}

/// A decimal number, in named's words if it is none.
fn number(what: &str, text: &str) -> Result<i32, String> {
    let is_number = !text.is_empty() && text.trim_start_matches('-').bytes().all(|octet| octet.is_ascii_digit());
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ if is_number && text != "-" => Err(format!("{what} '{text}' out of range")),
        _ => Err(format!("{what} '{text}' must be numeric")),
    }
}

fn debug_level(text: &str) -> Result<u8, String> {
    let level = number("debug level", text)?.min(MOST_DEBUG);
    Ok(u8::try_from(level).unwrap_or(0))
}

fn count(text: &str) -> Result<Option<usize>, String> {
    let what = "number of cpus";
    match usize::try_from(number(what, text)?).unwrap_or(usize::MAX) {
        0 => Ok(None),
        workers if workers <= MOST_WORKERS => Ok(Some(workers)),
        _ => Err(format!("{what} '{text}' out of range (0..{MOST_WORKERS})")),
    }
}

/// Of several, the last for plain DNS.
fn port(given: &[String]) -> Result<Option<u16>, String> {
    let mut port = None;
    for text in given {
        let (transport, digits) = text.split_once('=').unwrap_or(("dns", text));
        let is_known = matches!(transport, "dns" | "tls" | "https" | "http");
        let number = number("port", if is_known { digits } else { text })?;
        let valid = u16::try_from(number).ok().filter(|&number| number > 0);
        let valid = valid.ok_or_else(|| format!("port '{digits}' out of range"))?;
        if transport == "dns" {
            port = Some(valid);
        }
    }
    Ok(port)
}

/// Of each argument that is accepted and does nothing: what happens instead.
fn remarks(flags: &Flags) -> Vec<String> {
    let other_port = flags.port.iter().find(|text| text.contains('=') && !text.starts_with("dns="));
    let alone = flags.place_is_said_twice();
    let rows = [
        (other_port.is_some(), "-p tls=, https=, http=", "queries come by UDP and TCP alone"),
        (flags.engine.is_some(), "-E", "there is no hardware to be used for keys"),
        (!flags.memory_options.is_empty(), "-M", "memory is not filled"),
        (!flags.memory_flags.is_empty(), "-m", "memory is not traced"),
        (flags.statistics, "-s", "memory is not counted by use"),
        (flags.sockets.is_some(), "-S", "sockets are bounded by the system's limit of open files"),
        (!flags.tests.is_empty(), "-T", "these are switches for named's own tests"),
        (flags.listeners.is_some(), "-U", "each worker (-n) has a socket of its own on each address"),
        (flags.cache_file.is_some(), "-x", "the cache is not kept in a file"),
        (alone, "-L", "with -g everything goes to standard error"),
    ];
    let given = rows.into_iter().filter(|(given, ..)| *given);
    given.map(|(_, flag, instead)| format!("'{flag}' is ignored: {instead}")).collect()
}

impl Flags {
    fn place_is_said_twice(&self) -> bool {
        self.terminal && self.log_file.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        read(std::iter::once("named").chain(line.split_whitespace()).map(OsString::from).collect())
    }

    fn arguments(line: &str) -> Arguments {
        match asked(line) {
            Asked::Serve(arguments) => *arguments,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_lines_of_units_and_init_scripts_are_understood() {
        let plain = Arguments::default;
        let bind = || Some("bind".to_owned());
        for (line, expected) in [
            ("", plain()),
            ("-f -u bind", Arguments { place: Where::Foreground, user: bind(), ..plain() }),
            (
                "-fu bind -4",
                Arguments { place: Where::Foreground, user: bind(), family: Some(Family::Ipv4), ..plain() },
            ),
            (
                "-u bind -c /etc/named.conf -t /var/named/chroot",
                Arguments {
                    user: bind(),
                    configuration: Some("/etc/named.conf".into()),
                    root: Some("/var/named/chroot".into()),
                    ..plain()
                },
            ),
            (
                "-g -d3 -n 2 -p dns=5300 -X none",
                Arguments { place: Where::Terminal, debug_level: 3, workers: Some(2), port: Some(5300), ..plain() },
            ),
            (
                "-p 53 -p 5300 -n 0 -N 4 -D a -L /x -X /lock -6 -d 1000",
                Arguments {
                    port: Some(5300),
                    log_file: Some("/x".into()),
                    lock_file: Some("/lock".into()),
                    family: Some(Family::Ipv6),
                    debug_level: 99,
                    ..plain()
                },
            ),
        ] {
            assert_eq!(arguments(line), expected, "{line}");
        }
    }

    #[test]
    fn wrong_ones_are_refused_in_nameds_words() {
        for (line, expected, with_usage) in [
            ("-Z", "unknown option '-Z'", true),
            ("-h", "unknown option '-h'", true),
            ("-F", "unknown option '-F'", true),
            ("-c", "option '-c' requires an argument", true),
            ("-L", "option '-L' requires an argument", true),
            ("extra", "extra command line arguments", true),
            ("-f extra", "extra command line arguments", true),
            ("-n x", "number of cpus 'x' must be numeric", false),
            ("-nx -v", "number of cpus 'x' must be numeric", false),
            ("-p 99999", "port '99999' out of range", false),
            ("-p 0", "port '0' out of range", false),
            ("-p x", "port 'x' must be numeric", false),
            ("-p foo=1", "port 'foo=1' must be numeric", false),
            ("-d x", "debug level 'x' must be numeric", false),
            ("-d -1", "debug level '-1' out of range", false),
            ("-m bogus", "unrecognized flag 'bogus'", false),
            ("-M external", "unrecognized flag 'external'", false),
            ("-A x", "unknown fuzzing type 'x'", false),
            ("-4 -6", "cannot specify -4 and -6", false),
        ] {
            match asked(line) {
                Asked::Wrong { why, usage } => assert_eq!((why.as_str(), usage), (expected, with_usage), "{line}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_does_nothing_is_told_flag_by_flag() {
        let all = "-E pkcs11 -M fill -m usage,trace -s -S 21000 -T fixedlocal -U 4 -x cache -p tls=853 -g -L /x";
        let told = arguments(all).remarks;
        for flag in ["-p tls=", "-E", "-M", "-m", "-s", "-S", "-T", "-U", "-x", "-L"] {
            assert!(told.iter().any(|line| line.starts_with(&format!("'{flag}"))), "{flag}: {told:?}");
        }
        assert_eq!(told.len(), 10);
    }

    #[test]
    fn questions_about_the_program_are_answered() {
        assert!(matches!(asked("-v"), Asked::Version));
        assert!(matches!(asked("-V -c x"), Asked::Versions));
        assert!(matches!(asked("-C"), Asked::Defaults));
        assert!(matches!(asked("-?"), Asked::Usage));
        let Asked::Help(help) = asked("--help") else { panic!("no help") };
        for argument in command().get_arguments().filter_map(clap::Arg::get_short) {
            assert!(help.contains(&format!("-{argument}")), "-{argument}");
        }
    }
}
