//! `tandem man`: manual pages, made from the arguments of each program and from nothing else.
//!
//! clap_mangen writes the sections that it writes well. Title, synopsis and what stands behind the help are written here:
//! with a date, with the values of options, and with lists in lines of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

use super::print_lines;
use super::program::PROGRAMS;
use crate::logging;

/// Write the manual pages of all programs into a directory
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Where they are written, such as /usr/local/share/man/man8; it is made if it is not there
    #[arg(value_name = "DIRECTORY")]
    pub directory: PathBuf,
}

/// System administration: what each of the programs is for.
const SECTION: &str = "8";

/// What packagers set, so that two builds of one source are the same: seconds since 1970.
const BUILD_DATE: &str = "SOURCE_DATE_EPOCH";

/// Writes them and prints where.
pub fn run(args: ManArgs) -> ExitCode {
    let told = std::env::var(BUILD_DATE).ok().and_then(|text| text.parse().ok());
    let when = told.map_or_else(SystemTime::now, |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    match write_all(&args.directory, &day(when)) {
        Ok(pages) if print_lines(pages.iter().map(|page| page.display())) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => super::serve::failed(&format!("{}: {error}", args.directory.display())),
    }
}

/// `2026-11-21`
fn day(when: SystemTime) -> String {
    let stamp = logging::dump_date(when);
    format!("{}-{}-{}", &stamp[..4], &stamp[4..6], &stamp[6..8])
}

fn write_all(directory: &Path, date: &str) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(directory)?;
    let mut written = Vec::new();
    for program in PROGRAMS {
        // Each subcommand has a page; one that names the others would lead nowhere.
        let mut command = (program.command)().disable_help_subcommand(true);
        command.build();
        write_with_subcommands(&command, program.name, date, directory, &mut written)?;
    }
    Ok(written)
}

/// A page of the command, and one of each of its subcommands, at every depth.
fn write_with_subcommands(
    command: &Command,
    name: &str,
    date: &str,
    directory: &Path,
    written: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let path = directory.join(format!("{name}.{SECTION}"));
    fs::write(&path, page(command, name, date)?)?;
    written.push(path);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write_with_subcommands(inner, &format!("{name}-{}", inner.get_name()), date, directory, written)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str, date: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone().display_name(name.to_owned())).section(SECTION);
    let mut page = Vec::new();
    let source = concat!("Tandem ", env!("CARGO_PKG_VERSION"));
    Roff::new().control("TH", [name.to_uppercase().as_str(), SECTION, date, source, "Tandem"]).to_writer(&mut page)?;
    man.render_name_section(&mut page)?;
    Roff::new().control("SH", ["SYNOPSIS"]).text(synopsis(command)).to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_long_help().or(command.get_after_help()) {
        notes(&text.to_string()).to_writer(&mut page)?;
    }
    // An empty line between two breaks is one too many for some readers.
    Ok(String::from_utf8_lossy(&page).replace("\n.br\n\n.br\n", "\n.sp\n").into_bytes())
}

/// How it is called: `named [-4] [-c FILE] …`; what must be there without brackets.
fn synopsis(command: &Command) -> Vec<Inline> {
    let mut line = vec![bold(command.get_bin_name().unwrap_or(command.get_name()))];
    let shown = || command.get_arguments().filter(|argument| !argument.is_hide_set());
    for argument in
        shown().filter(|argument| !argument.is_positional()).chain(shown().filter(|one| one.is_positional()))
    {
        line.push(roman(" "));
        match argument.is_required_set() {
            true => line.extend(written(argument)),
            false => line.extend([vec![roman("[")], written(argument), vec![roman("]")]].concat()),
        }
    }
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        let value = italic("COMMAND");
        line.push(roman(" "));
        match command.is_subcommand_required_set() {
            true => line.push(value),
            false => line.extend([roman("["), value, roman("]")]),
        }
    }
    line
}

/// An argument with its value: `-o|--output FILE`.
fn written(argument: &Arg) -> Vec<Inline> {
    let mut words = Vec::new();
    let names =
        [argument.get_short().map(|short| format!("-{short}")), argument.get_long().map(|long| format!("--{long}"))];
    for name in names.into_iter().flatten() {
        words.extend((!words.is_empty()).then(|| roman("|")));
        words.push(bold(name));
    }
    if argument.get_action().takes_values() {
        let values = argument.get_value_names().unwrap_or_default();
        words.extend((!words.is_empty()).then(|| roman(" ")));
        words.push(italic(values.iter().map(clap::builder::Str::as_str).collect::<Vec<_>>().join(" ")));
    }
    let is_repeated = matches!(argument.get_action(), ArgAction::Append)
        || argument.get_num_args().is_some_and(|range| range.max_values() > 1 && argument.is_positional());
    words.extend(is_repeated.then(|| roman(" ...")));
    words
}

/// What stands behind the help: lists, whose lines stay lines.
fn notes(text: &str) -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["NOTES"]).control("nf", []);
    for line in text.trim_end().lines() {
        match line.trim_end() {
            "" => section.control("sp", []),
            line => section.text([roman(line)]),
        };
    }
    section.control("fi", []);
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "2026-11-21";

    #[test]
    fn each_program_and_subcommand_has_a_page_with_its_arguments() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("man8");
        let pages = write_all(&place, DAY).expect("it can be written");
        for program in PROGRAMS {
            let text = fs::read_to_string(place.join(format!("{}.8", program.name))).expect(program.name);
            let title = format!(".TH {} 8 {DAY} \"Tandem ", program.name.to_uppercase());
            assert!(text.contains(&title) && text.contains(".SH NAME"), "{}", program.name);
            for short in
                (program.command)().get_arguments().filter(|one| !one.is_hide_set()).filter_map(clap::Arg::get_short)
            {
                assert!(text.contains(&format!("\\-{short}")), "{} -{short}", program.name);
            }
        }
        for name in ["tandem-serve.8", "tandem-ctl-health-down.8"] {
            assert!(pages.contains(&place.join(name)), "{name}: {pages:?}");
        }
        assert!(!pages.iter().any(|page| page.to_string_lossy().contains("help")), "{pages:?}");
    }

    #[test]
    fn the_synopsis_has_values_and_no_blanks_of_its_own() {
        let said = |command: Command| {
            let mut command = command;
            command.build();
            let parts = synopsis(&command);
            parts
                .into_iter()
                .map(|part| match part {
                    Inline::LineBreak => String::new(),
                    Inline::Roman(text) | Inline::Italic(text) | Inline::Bold(text) => text,
                })
                .collect::<String>()
        };
        let value = |name: &'static str| Arg::new(name).value_name("FILE");
        for (command, expected) in [
            (Command::new("x"), "x [-h|--help]"),
            (Command::new("x").disable_help_flag(true).arg(value("c").short('c')), "x [-c FILE]"),
            (
                Command::new("x").disable_help_flag(true).arg(value("c").long("config").required(true)),
                "x --config FILE",
            ),
            (
                Command::new("x").disable_help_flag(true).arg(value("p").short('p').action(ArgAction::Append)),
                "x [-p FILE ...]",
            ),
            (Command::new("x").disable_help_flag(true).arg(value("w").required(true).num_args(1..)), "x FILE ..."),
            (
                Command::new("x").disable_help_flag(true).disable_help_subcommand(true).subcommand(Command::new("y")),
                "x [COMMAND]",
            ),
        ] {
            assert_eq!(said(command), expected);
        }
    }

    #[test]
    fn what_stands_behind_the_help_keeps_its_lines() {
        assert!(notes("a  b\n\nc\n").to_roff().ends_with(".SH NOTES\n.nf\na  b\n.sp\nc\n.fi\n"));
    }

    #[test]
    fn a_place_that_cannot_be_is_an_error() {
        assert!(write_all(Path::new("/dev/null/man"), DAY).is_err());
    }
}
