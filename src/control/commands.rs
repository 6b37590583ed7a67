//! The commands of the control channel, one row each. Whatever carries them looks them up here.

use super::protocol::Reply;
use super::{Context, health, status, zones};
use crate::config::suggest;

/// A row of [`COMMANDS`].
pub struct Command {
    /// What it is called: one or two words.
    pub words: &'static [&'static str],
    /// What stands behind them, for a person.
    pub arguments: &'static str,
    /// The least and the most that stand behind them.
    count: (usize, usize),
    /// What it does.
    pub what: &'static str,
    /// Whether it changes what the server does.
    pub changes: bool,
    run: fn(&Context, &[&str]) -> Reply,
}

/// Every command.
pub const COMMANDS: &[Command] = &[
    row(&["status"], "", (0, 0), "what the process is and does", status::status),
    row(&["health"], "", (0, 0), "every check and what it counts as", health::list),
    row(&["health", "show"], "NAME", (1, 1), "all about one check", health::show),
    row(&["health", "up"], "NAME [SECONDS|- [REASON]]", (1, 3), "let a check count as healthy", health::up).changing(),
    row(&["health", "down"], "NAME [SECONDS|- [REASON]]", (1, 3), "let a check count as unhealthy", health::down)
        .changing(),
    row(&["health", "clear"], "NAME", (1, 1), "let a check count as what its probes say", health::clear).changing(),
    row(&["zone", "status"], "[NAME]", (0, 1), "local zones: serial, records, where from, faults", zones::status),
    row(&["explain"], "NAME TYPE CLIENT SERVER", (4, 4), "what a question would get now", status::explain),
    row(&["help"], "", (0, 0), "these commands", |_, _| Ok(help())),
];

const fn row(
    words: &'static [&'static str],
    arguments: &'static str,
    count: (usize, usize),
    what: &'static str,
    run: fn(&Context, &[&str]) -> Reply,
) -> Command {
    Command { words, arguments, count, what, changes: false, run }
}

impl Command {
    const fn changing(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Does it; `words` are those of the request.
    ///
    /// # Errors
    /// Why it was not done, and what would be right.
    pub fn run(&self, context: &Context, words: &[&str]) -> Reply {
        let arguments = &words[self.words.len().min(words.len())..];
        let (least, most) = self.count;
        if (least..=most).contains(&arguments.len()) {
            return (self.run)(context, arguments);
        }
        Err(format!("expected: {self}"))
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.words.join(" "))?;
        if self.arguments.is_empty() { Ok(()) } else { write!(f, " {}", self.arguments) }
    }
}

/// The command that a request begins with: the longest that fits.
///
/// # Errors
/// When there is none: the nearest, or all of them.
pub fn find(words: &[&str]) -> Result<&'static Command, String> {
    let fits = |command: &&Command| words.starts_with(command.words);
    let found = COMMANDS.iter().filter(fits).max_by_key(|command| command.words.len());
    // `health` alone has no arguments: with one, its second word was meant to be another.
    let is_meant = |command: &&Command| command.count.1 > 0 || words.len() == command.words.len();
    if let Some(command) = found.filter(is_meant) {
        return Ok(command);
    }
    let asked = words.get(..2).unwrap_or(words).join(" ");
    let names: Vec<String> = COMMANDS.iter().map(|command| command.words.join(" ")).collect();
    let near = suggest::did_you_mean(&asked, names.iter().map(String::as_str));
    let advice = near.unwrap_or_else(|| format!("there are: {}", names.join(", ")));
    Err(format!("no command is called '{asked}' ({advice})"))
}

fn help() -> String {
    let width = COMMANDS.iter().map(|command| command.to_string().len()).max().unwrap_or(0);
    COMMANDS.iter().map(|command| format!("{:<width$}  {}\n", command.to_string(), command.what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_command_that_fits_is_found() {
        for command in COMMANDS {
            let most = vec!["x"; command.count.1];
            let words = [command.words, &most].concat();
            assert_eq!(find(&words).map(|found| found.words), Ok(command.words));
            assert!(help().contains(&command.to_string()), "{command}");
        }
    }

    #[test]
    fn an_unknown_command_gets_the_nearest_or_all() {
        for (words, expected) in [
            (&["helth"][..], "no command is called 'helth' (did you mean 'health'?)"),
            (&["health", "dwn", "a"], "no command is called 'health dwn' (did you mean 'health down'?)"),
            (&["zone"], "(did you mean 'zone status'?)"),
            (&["reload"], "(there are: status, health, health show,"),
            (&[""], "no command is called '' (there are: status"),
        ] {
            let told = find(words).map(|found| found.words).expect_err("it is unknown");
            assert!(told.contains(expected), "{words:?}: {told}");
        }
    }
}
