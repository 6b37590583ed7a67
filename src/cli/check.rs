//! Checking a configuration: `tandem check FILE`.
//!
//! All errors and warnings go to standard output, as named-checkconf's do. Exit code 1 on any error, also where the file
//! is right and a server would not start on this host; 0 otherwise. A file of a zone that this host lacks is a warning.
//! Not here: whether ports are free, which only starting shows.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::pointed::Sources;
use crate::cli;
use crate::config::{self, Config, Diagnostic, Level, Loaded};
use crate::daemon;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The configuration, TOML or named.conf
    pub file: PathBuf,
    /// Show the line of each message and a caret, also where output is no terminal
    #[arg(long)]
    pub explain: bool,
}

/// Reads the file and prints what was found.
pub fn run(args: CheckArgs) -> ExitCode {
    let (mut loaded, mut unread_zones) = (config::load(&args.file), 0);
    if let Ok(Loaded { config, warnings }) = &mut loaded {
        let obstacles = daemon::obstacles(config);
        warnings.extend(obstacles.diagnostics);
        unread_zones = obstacles.unread_zones;
    }
    let is_pointing = args.explain || io::stdout().is_terminal();
    let (lines, is_usable) = report(&args.file, loaded, unread_zones, is_pointing);
    if cli::print_lines(lines) && is_usable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is printed, and whether the configuration can be used. The files of so many zones cannot be read on this host.
fn report(
    file: &Path,
    loaded: Result<Loaded, Vec<Diagnostic>>,
    unread_zones: usize,
    is_pointing: bool,
) -> (Vec<String>, bool) {
    match loaded {
        Ok(Loaded { config, warnings }) => {
            let mut lines = told(&warnings, is_pointing);
            let is_usable = warnings.iter().all(|warning| warning.level != Level::Error);
            if is_usable {
                let unread = match unread_zones {
                    0 => String::new(),
                    count => format!(" but {} could not be read on this host,", counted(count, "zone")),
                };
                lines.push(format!("{}: ok,{unread} {}", file.display(), summary(&config)));
            }
            (lines, is_usable)
        }
        Err(faults) => (told(&faults, is_pointing), false),
    }
}

/// Each with its hint, and with the line that it is about below it.
fn told(found: &[Diagnostic], is_pointing: bool) -> Vec<String> {
    let mut sources = Sources::default();
    let mut lines = Vec::new();
    for diagnostic in found {
        lines.push(diagnostic.to_string());
        if is_pointing {
            lines.extend(sources.point(diagnostic));
        }
    }
    lines
}

/// What the configuration has in it, in a few words.
fn summary(config: &Config) -> String {
    // A zone of another type, and one with an empty list, forwards nothing.
    let rules = config.views.iter().flat_map(|view| &view.rules).filter(|rule| !rule.settings.forwarders.is_empty());
    let zones = config.views.iter().map(|view| view.zones.len()).sum();
    let mut parts = vec![counted(config.views.len(), "view"), counted(rules.count(), "forward zone")];
    for (count, noun) in
        [(zones, "local zone"), (config.health_checks.len(), "health check"), (config.keys.len(), "key")]
    {
        parts.extend((count > 0).then(|| counted(count, noun)));
    }
    parts.push(counted(config.upstream_addresses().len(), "upstream"));
    let note = match zones > 0 && config.upstream_addresses().is_empty() {
        true => ": only names of local zones are answered",
        false => "",
    };
    parts.join(", ") + note
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LocalZone, View, ZoneSettings};

    #[test]
    fn zones_are_counted_where_there_are_any() {
        let zone = LocalZone {
            name: "corp.example".parse().expect("a name of the test"),
            file: None,
            records: Vec::new(),
            settings: ZoneSettings::default(),
            grants: Vec::new(),
            position: None,
        };
        let view = View { zones: vec![zone], ..View::default() };
        let config = Config { views: vec![view], ..Config::default() };
        let expected = "1 view, 0 forward zones, 1 local zone, 0 upstreams: only names of local zones are answered";
        assert_eq!(summary(&config), expected);
        assert_eq!(summary(&Config::default()), "1 view, 0 forward zones, 0 upstreams");
    }

    #[test]
    fn a_zone_that_cannot_be_read_here_is_told_in_the_last_line_too() {
        let text = "[[zone]]\nname = 'corp'\nfile = '/nonexistent/corp.zone'\n[[zone.grant]]\nclients = ['any']\n\
                    [[zone]]\nname = 'lab'\nfile = '/nonexistent/lab.zone'\n[options]\nstate_directory = '/tmp/x'\n";
        let mut loaded = config::toml::parse(text, "x.toml", &config::files::NoFiles);
        let Ok(Loaded { config, warnings }) = &mut loaded else { panic!("it is right: {loaded:?}") };
        let obstacles = daemon::obstacles(config);
        warnings.extend(obstacles.diagnostics);
        let (lines, is_usable) = report(Path::new("x.toml"), loaded, obstacles.unread_zones, false);
        let last = "x.toml: ok, but 2 zones could not be read on this host, 1 view, 0 forward zones, 2 local zones";
        assert!(is_usable && lines.last().is_some_and(|line| line.starts_with(last)), "{lines:#?}");
        for (line, expected) in [
            (3, "file not found: its names would be answered SERVFAIL, unless it has a journal (create it"),
            (8, "file not found: its names would be answered SERVFAIL (create it"),
        ] {
            let is_told =
                |told: &String| told.starts_with(&format!("x.toml:{line}: warning: zone")) && told.contains(expected);
            assert!(lines.iter().any(is_told), "{expected}: {lines:#?}");
        }
    }

    #[test]
    fn everything_found_is_printed_and_only_errors_refuse() {
        for (case, text, lines, usable) in [
            (
                "a good file",
                "[options]\nforwarders = ['10.1.0.2', '10.1.0.3']\n[[forward]]\nname = 'x'\nforwarders = ['10.1.0.2']",
                &["x.toml: ok, 1 view, 1 forward zone, 2 upstreams"][..],
                true,
            ),
            (
                "warnings alone",
                "[options]\nforwarders = ['10.1.0.2', '10.1.0.2']",
                &[
                    "x.toml:2: warning: forwarder 10.1.0.2:53 is written twice: the first counts",
                    "x.toml: ok, 1 view, 0 forward zones, 1 upstream",
                ],
                true,
            ),
            (
                "a zone whose names go nowhere",
                "[options]\nforwarders = ['10.1.0.2']\n[[forward]]\nname = 'x'\nforwarders = []",
                &["x.toml: ok, 1 view, 0 forward zones, 1 upstream"],
                true,
            ),
            (
                "an error beside a warning",
                "[options]\nport = 0\nforwarders = ['10.1.0.2', '10.1.0.2']",
                &[
                    "x.toml:2: port '0' is out of range (1..65535)",
                    "x.toml:3: warning: forwarder 10.1.0.2:53 is written twice: the first counts",
                ],
                false,
            ),
        ] {
            let file = Path::new("x.toml");
            let (printed, is_usable) =
                report(file, config::toml::parse(text, "x.toml", &config::files::NoFiles), 0, false);
            assert_eq!((printed, is_usable), (lines.iter().map(|line| (*line).to_owned()).collect(), usable), "{case}");
        }
    }
}
