//! Reading named.conf: text → tokens → blocks → typed statements → [`Config`](super::Config).
//!
//! `lexer` cuts, `tree` groups, `body` reads by the table in `grammar` (`checked` what is of no further use), `lower`
//! resolves names, bounds values and builds the configuration. Every stage goes on behind a mistake, so that one reading
//! shows all errors, in named-checkconf's words where it has any (compared with BIND 9.18).
//! Invariants: any text ends in a configuration or in errors, never in a panic; depth and number of blocks, files and
//! errors are bounded. Paths are relative to the last `directory`, as in named, but the process stays where it is.

mod address;
mod body;
mod checked;
mod convert;
mod cursor;
mod defaults;
mod document;
mod glob;
mod grammar;
mod lexer;
mod lower;
mod policy;
mod print;
mod report;
pub mod rndc_conf;
mod tree;
mod value;
mod words;

pub use defaults::defaults;
pub use document::{Document, ListedZone};
pub use print::Secrets;

use super::files::{Files, NoFiles};
use super::{CommandLine, Diagnostic, Key, Level, Loaded};

/// Reads a configuration from its text. `file` is its name in messages; `disk` has the files that it includes.
///
/// The error holds everything that was found, warnings too.
pub fn parse(text: &str, file: &str, disk: &dyn Files) -> Result<Loaded, Vec<Diagnostic>> {
    parse_given(text, file, disk, &CommandLine::default())
}

/// The same, where the program's arguments say something too.
pub fn parse_given(text: &str, file: &str, disk: &dyn Files, given: &CommandLine) -> Result<Loaded, Vec<Diagnostic>> {
    let mut parser = body::Parser::new(disk);
    let mut top = body::Body::default();
    parser.file(text, file, grammar::TOP, &mut top);
    let (config, report) = lower::lower(&top, parser.report, disk, given);
    report.finish().map(|warnings| Loaded { config, warnings })
}

/// Reads the keys of a text that is about nothing else, such as rndc's key file.
///
/// The error holds everything that was found.
pub fn parse_keys(text: &str, file: &str) -> Result<Vec<Key>, Vec<Diagnostic>> {
    parse(text, file, &NoFiles).map(|loaded| loaded.config.keys)
}

/// Feeds any octets to [`parse`], for fuzzing: whatever they are, it returns.
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match parse(&text, "fuzz", &NoFiles) {
        Ok(loaded) => assert!(loaded.warnings.iter().all(|warning| warning.level == Level::Warning)),
        Err(found) => assert!(found.iter().any(|diagnostic| diagnostic.level == Level::Error)),
    }
}

#[cfg(test)]
mod tests;
