//! Which program: one executable is several, told apart by the name that it is called by.
//!
//! `named` as a link to `tandem` takes named's arguments; `tandem named …` is the same without a link. A name that is
//! not in the table, such as `tandem-0.1`, is tandem.
//! Not here: what the programs do, each in a file of its own.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use super::{Cli, checkconf, named, rndc};

/// A program.
#[derive(Clone, Copy)]
pub struct Program {
    /// What argv\[0\] ends with, or the word behind `tandem`.
    pub name: &'static str,
    /// Its arguments and their help.
    pub command: fn() -> clap::Command,
    /// Runs it; the first argument is what it was called by.
    pub run: fn(Vec<OsString>) -> ExitCode,
}

/// The programs; the first is the one that an unknown name means.
pub const PROGRAMS: &[Program] = &[
    Program { name: "tandem", command: tandem, run: run_tandem },
    Program { name: "named", command: named::command, run: named::run },
    Program { name: "named-checkconf", command: checkconf::command, run: checkconf::run },
    Program { name: "rndc", command: rndc::RndcArgs::command, run: rndc::run },
];

/// Runs the program that the arguments, argv\[0\] among them, ask for.
pub fn run(mut arguments: Vec<OsString>) -> ExitCode {
    let (program, dropped) = choose(PROGRAMS, &arguments);
    arguments.drain(..dropped);
    (program.run)(arguments)
}

/// The program, and how many arguments stand before its own.
fn choose<'p>(programs: &'p [Program], arguments: &[OsString]) -> (&'p Program, usize) {
    let named = |argument: &OsString| {
        let name = Path::new(argument).file_name()?;
        programs[1..].iter().find(|program| name == program.name)
    };
    let behind = |argument: &OsString| programs[1..].iter().find(|program| argument == program.name);
    match arguments.first().and_then(named) {
        Some(program) => (program, 0),
        None => arguments.get(1).and_then(behind).map_or((&programs[0], 0), |program| (program, 1)),
    }
}

/// tandem's arguments; behind its own subcommands the help names the other programs.
fn tandem() -> clap::Command {
    let abouts: Vec<String> = PROGRAMS[1..].iter().map(line_of_help).collect();
    match abouts.is_empty() {
        true => Cli::command(),
        false => Cli::command()
            .after_help(format!("Other programs, also when called by a link of that name:\n{}\n", abouts.join("\n"))),
    }
}

fn line_of_help(program: &Program) -> String {
    let about = (program.command)().get_about().map(ToString::to_string).unwrap_or_default();
    format!("  {:<16} {about}", program.name)
}

fn run_tandem(arguments: Vec<OsString>) -> ExitCode {
    let mut matches = tandem().get_matches_from(arguments);
    match Cli::from_arg_matches_mut(&mut matches) {
        Ok(cli) => super::run(cli),
        Err(error) => error.format(&mut tandem()).exit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_each_are_consistent_and_its_help_says_what_it_is() {
        for program in PROGRAMS {
            let command = (program.command)();
            assert!(command.get_about().is_some(), "{}", program.name);
            command.debug_assert();
        }
    }

    #[test]
    fn the_name_it_is_called_by_or_the_first_word_chooses() {
        let other = |name| Program { name, command: tandem, run: |_| ExitCode::SUCCESS };
        let programs = [other("tandem"), other("named"), other("rndc")];
        for (line, expected) in [
            ("tandem check named", ("tandem", 0)),
            ("/usr/sbin/tandem-0.1", ("tandem", 0)),
            ("/usr/sbin/named -f", ("named", 0)),
            ("rndc named", ("rndc", 0)),
            ("tandem named -f", ("named", 1)),
            ("tandem ./named", ("tandem", 0)),
            ("", ("tandem", 0)),
        ] {
            let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let (program, dropped) = choose(&programs, &arguments);
            assert_eq!((program.name, dropped), expected, "{line}");
        }
    }
}
