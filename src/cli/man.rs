//! `tandem man`: manual pages, made from the arguments of each program and from nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_mangen::Man;

use super::print_lines;
use super::program::PROGRAMS;

/// Write the manual pages of all programs into a directory
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Where they are written, such as /usr/local/share/man/man8; it is made if it is not there
    #[arg(value_name = "DIRECTORY")]
    pub directory: PathBuf,
}

/// System administration: what each of the programs is for.
const SECTION: &str = "8";

/// Writes them and prints where.
pub fn run(args: ManArgs) -> ExitCode {
    match write_all(&args.directory) {
        Ok(pages) if print_lines(pages.iter().map(|page| page.display())) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => super::serve::failed(&format!("{}: {error}", args.directory.display())),
    }
}

fn write_all(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(directory)?;
    let mut written = Vec::new();
    for program in PROGRAMS {
        let mut command = (program.command)().version(env!("CARGO_PKG_VERSION"));
        command.build();
        write_with_subcommands(&command, program.name, directory, &mut written)?;
    }
    Ok(written)
}

/// A page of the command, and one of each of its subcommands, at every depth.
fn write_with_subcommands(
    command: &clap::Command,
    name: &str,
    directory: &Path,
    written: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let path = directory.join(format!("{name}.{SECTION}"));
    let mut page = Vec::new();
    Man::new(command.clone().display_name(name.to_owned())).section(SECTION).render(&mut page)?;
    fs::write(&path, page)?;
    written.push(path);
    let shown = |inner: &&clap::Command| inner.get_name() != "help" && !inner.is_hide_set();
    for inner in command.get_subcommands().filter(shown) {
        write_with_subcommands(inner, &format!("{name}-{}", inner.get_name()), directory, written)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_and_subcommand_has_a_page_with_its_arguments() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("man8");
        let pages = write_all(&place).expect("it can be written");
        for program in PROGRAMS {
            let text = fs::read_to_string(place.join(format!("{}.8", program.name))).expect(program.name);
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{}", program.name);
            for short in
                (program.command)().get_arguments().filter(|one| !one.is_hide_set()).filter_map(clap::Arg::get_short)
            {
                assert!(text.contains(&format!("\\-{short}")), "{} -{short}", program.name);
            }
        }
        for name in ["tandem-serve.8", "tandem-ctl-health-down.8"] {
            assert!(pages.contains(&place.join(name)), "{name}: {pages:?}");
        }
    }

    #[test]
    fn a_place_that_cannot_be_is_an_error() {
        assert!(write_all(Path::new("/dev/null/man")).is_err());
    }
}
