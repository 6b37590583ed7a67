//! `tandem convert FILE`: a named.conf as TOML that says the same.
//!
//! What was ignored anyway stands in the result as comments; what is wrong with the file goes to standard error, and
//! nothing is written. Not here: what is written (`config::named_conf`).

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::pointed::Sources;
use crate::cli;
use crate::config::files::{Disk, Files, MAX_CONFIG_OCTETS, explain};
use crate::config::load::{Format, format_of};
use crate::config::named_conf::Document;
use crate::config::{Diagnostic, Level};

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
pub struct ConvertArgs {
    /// The named.conf; files that it includes are written in their places
    pub file: PathBuf,
    /// Write there instead of to standard output; only the owner and the group may read it, keys have secrets
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

/// Converts, or says why not.
pub fn run(args: ConvertArgs) -> ExitCode {
    let name = args.file.display().to_string();
    let toml = match convert(&args.file, &name) {
        Ok(toml) => toml,
        Err(found) => {
            tell(&found);
            return ExitCode::FAILURE;
        }
    };
    let Some(output) = &args.output else {
        return if cli::print_lines(toml.lines()) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    match write(output, &toml, args.force) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let hint = if error.kind() == io::ErrorKind::AlreadyExists { ": --force writes over it" } else { "" };
            let _ = writeln!(io::stderr(), "{}: {error}{hint}", output.display());
            ExitCode::FAILURE
        }
    }
}

fn convert(path: &Path, name: &str) -> Result<String, Vec<Diagnostic>> {
    let fault = |message| vec![Diagnostic { position: None, level: Level::Error, message, hint: None, topic: None }];
    let octets =
        Disk.read(path, MAX_CONFIG_OCTETS).map_err(|error| fault(format!("open: {name}: {}", explain(&error))))?;
    if format_of(&octets) == Some(Format::Toml) {
        return Err(fault(format!("{name} is TOML already")));
    }
    Document::read(&String::from_utf8_lossy(&octets), name, &Disk).to_toml(&Disk)
}

/// Each with its hint; on a terminal with the line that it is about.
fn tell(found: &[Diagnostic]) {
    let mut sources = Sources::default();
    let mut stderr = io::stderr();
    let is_pointing = stderr.is_terminal();
    for diagnostic in found {
        let _ = writeln!(stderr, "{diagnostic}");
        for line in is_pointing.then(|| sources.point(diagnostic)).into_iter().flatten() {
            let _ = writeln!(stderr, "{line}");
        }
    }
}

/// A file that is there is written over only if that is wanted.
fn write(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o640);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
