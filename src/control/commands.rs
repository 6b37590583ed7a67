//! The commands of the control channel, one row each. Whatever carries them looks them up here.
//!
//! A row says what a command takes, what it does and whether a read-only channel may; its help is made from it.

use std::fmt::Write;

use serde_json::json;

use super::{caches, dump, health, logs, recursing, running, statistics, status, words, zones};
use crate::config::suggest;
use crate::config::values::excerpt;
use crate::logging::{self, Category, Severity};
use crate::office::Office;
use crate::office::reply::{Code, Done, Failure, Reply};

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
    /// Whether a read-only channel may.
    pub looks_only: bool,
    /// Whether it always fails, since it cannot apply here; [`Self::what`] says why.
    pub fails: bool,
    /// Whether scripts ask it every minute: named keeps those out of the log.
    is_quiet: bool,
    run: fn(&Office, &[&str]) -> Reply,
}

/// Who has sent a command.
pub(super) struct Caller {
    /// For the log: where it is, its key.
    pub(super) who: String,
    /// It came by a read-only channel.
    pub(super) read_only: bool,
    /// It wants the reply in JSON, too.
    pub(super) json: bool,
}

/// So many arguments are passed over by commands that do nothing with them.
const MANY: usize = 64;

/// Every command.
#[rustfmt::skip] // One line a row.
pub const COMMANDS: &[Command] = &[
    row(&["status"], "", (0, 0), "what the process is and does", status::status).looking().quiet(),
    row(&["null"], "", (0, 0), "nothing: whether the server listens", |_, _| Ok(Done::default())).looking().quiet(),
    row(&["health"], "", (0, 0), "every check and what it counts as", health::list).looking(),
    row(&["health", "show"], "NAME", (1, 1), "all about one check", health::show).looking(),
    row(&["health", "up"], "NAME [SECONDS|- [REASON]]", (1, 3), "let a check count as healthy", health::up),
    row(&["health", "down"], "NAME [SECONDS|- [REASON]]", (1, 3), "let a check count as unhealthy", health::down),
    row(&["health", "clear"], "NAME", (1, 1), "let a check count as what its probes say", health::clear),
    row(&["zone", "status"], "[NAME]", (0, 1), "local zones: serial, records, where from, faults", zones::status).looking(),
    row(&["zonestatus"], "ZONE [CLASS [VIEW]]", (1, 3), "a local zone, as named shows it", zones::zonestatus).looking(),
    row(&["explain"], "NAME TYPE CLIENT SERVER", (4, 4), "what a question would get now", status::explain).looking(),
    row(&["reload"], "[ZONE [CLASS [VIEW]]]", (0, 3), "read the configuration and all zones anew, or one zone", running::reload),
    row(&["reconfig"], "", (0, 0), "read the configuration and all zones anew", running::reconfig),
    row(&["scan"], "", (0, 0), "look at the interfaces", running::scan),
    row(&["stop"], "[-p]", (0, 1), "answer what is in flight and end", running::stop),
    row(&["halt"], "[-p]", (0, 1), "end at once", running::halt),
    row(&["flush"], "[VIEW]", (0, 1), "forget every cached answer", caches::flush),
    row(&["flushname"], "NAME [VIEW]", (1, 2), "forget the cached answers of a name, and those that lead over it", caches::flushname),
    row(&["flushtree"], "NAME [VIEW]", (1, 2), "the same for a name and all below it", caches::flushtree),
    row(&["dumpdb"], "[-all|-cache|-zones] [VIEW ...]", (0, MANY), "write the cache or the local zones to dump-file", dump::dumpdb),
    row(&["recursing"], "", (0, 0), "write the questions that wait to recursing-file", recursing::recursing),
    row(&["stats"], "", (0, 0), "append the statistics to statistics-file", statistics::stats),
    row(&["querylog"], "[on|off]", (0, 1), "whether queries are logged; without a word the other way than until now", statistics::querylog),
    row(&["serve-stale"], "on|off|reset|status [CLASS [VIEW]]", (1, 3), "whether answers are given out after their TTL", caches::serve_stale),
    row(&["trace"], "[LEVEL]", (0, 1), "raise or set the debug level", logs::trace),
    row(&["notrace"], "", (0, 0), "set the debug level to 0", logs::notrace),
    row(&["validation"], "on|off|status [VIEW]", (1, 2), "whether answers are validated: they are not", running::validation),
    row(&["tsig-list"], "", (0, 0), "the keys that sign messages", running::tsig_list),
    row(&["tcp-timeouts"], "[INITIAL IDLE KEEPALIVE ADVERTISED]", (0, MANY), "show or set the timers of connections, in tenths of a second", running::tcp_timeouts),
    row(&["refresh"], "ZONE [CLASS [VIEW]]", (1, 3), "there are no secondary zones", zones::refresh).failing(),
    row(&["retransfer"], "ZONE [CLASS [VIEW]]", (1, 3), "there are no secondary zones", zones::retransfer).failing(),
    row(&["notify"], "ZONE [CLASS [VIEW]]", (1, 3), "no zone is transferred from here", zones::notify).failing(),
    row(&["freeze"], "[ZONE [CLASS [VIEW]]]", (0, 3), "holds nothing back: files may be copied and edited at any time", zones::freeze),
    row(&["thaw"], "[ZONE [CLASS [VIEW]]]", (0, 3), "read the master files of zones that take updates again", zones::thaw),
    row(&["sync"], "[-clean] [ZONE [CLASS [VIEW]]]", (0, 4), "nothing is left to be written: updates are on the disk, in journals", zones::sync),
    row(&["sign"], "ZONE [CLASS [VIEW]]", (0, MANY), "no zone is signed here", zones::unsigned).failing(),
    row(&["loadkeys"], "ZONE [CLASS [VIEW]]", (0, MANY), "no zone is signed here", zones::unsigned).failing(),
    row(&["signing"], "...", (0, MANY), "no zone is signed here", zones::unsigned).failing(),
    row(&["dnssec"], "...", (0, MANY), "no zone is signed here", zones::unsigned).failing(),
    row(&["managed-keys"], "...", (0, MANY), "nothing is validated here", running::unvalidated).failing(),
    row(&["nta"], "...", (0, MANY), "nothing is validated here", running::unvalidated).failing(),
    row(&["secroots"], "...", (0, MANY), "nothing is validated here", running::unvalidated).failing(),
    row(&["addzone"], "...", (0, MANY), "zones are the configuration's", zones::unchangeable).failing(),
    row(&["delzone"], "...", (0, MANY), "zones are the configuration's", zones::unchangeable).failing(),
    row(&["modzone"], "...", (0, MANY), "zones are the configuration's", zones::unchangeable).failing(),
    row(&["showzone"], "...", (0, MANY), "'zonestatus' says what there is to say", zones::unshown).looking().failing(),
    row(&["tsig-delete"], "...", (0, MANY), "no key is negotiated", running::not_negotiated).failing(),
    row(&["responselog"], "[on|off]", (0, MANY), "answers are not logged", running::no_responselog).failing(),
    row(&["dnstap"], "...", (0, MANY), "there is no dnstap", running::no_dnstap).failing(),
    row(&["help"], "", (0, 0), "these commands", |_, _| Ok(help().into())).looking(),
];

const fn row(
    words: &'static [&'static str],
    arguments: &'static str,
    count: (usize, usize),
    what: &'static str,
    run: fn(&Office, &[&str]) -> Reply,
) -> Command {
    Command { words, arguments, count, what, looks_only: false, fails: false, is_quiet: false, run }
}

impl Command {
    const fn looking(mut self) -> Self {
        self.looks_only = true;
        self
    }

    const fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    const fn failing(mut self) -> Self {
        self.fails = true;
        self
    }

    /// Does it; `words` are those of the request.
    fn run(&self, office: &Office, words: &[&str]) -> Reply {
        let arguments = &words[self.words.len().min(words.len())..];
        let (least, most) = self.count;
        let code = match arguments.len() {
            count if count < least => Code::UnexpectedEnd,
            count if count > most => Code::Syntax,
            _ => return (self.run)(office, arguments),
        };
        Err(Failure::with(code, format!("expected: {self}")))
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.words.join(" "))?;
        if self.arguments.is_empty() { Ok(()) } else { write!(f, " {}", self.arguments) }
    }
}

/// Does what a line says, and leaves its lines in the log: named's when it came, then who, what and what came of it.
pub(super) fn answer(office: &Office, line: &str, caller: &Caller) -> Reply {
    let shown = shortened(line);
    let found = words::split(line).map_err(|why| Failure::with(Code::Syntax, why)).map(|words| {
        let command = find(&words.iter().map(String::as_str).collect::<Vec<_>>());
        (words, command)
    });
    let is_allowed = !caller.read_only || matches!(&found, Ok((_, Ok(command))) if command.looks_only);
    if !is_allowed {
        logging::event!(Category::General, Severity::Info, "rejecting restricted control channel command '{shown}'");
        let refused = Err(Failure::with(Code::Failure, "the channel is read-only"));
        return audited(&shown, caller, Severity::Notice, refused);
    }
    let (words, command) = match found {
        Ok((words, Ok(command))) => (words, command),
        Ok((words, Err(failure))) => {
            let verb = words.first().map_or("", String::as_str);
            logging::event!(Category::General, Severity::Info, "received control channel command '{shown}'");
            logging::event!(
                Category::General,
                Severity::Warning,
                "unknown control channel command '{}'",
                excerpt(verb)
            );
            return audited(&shown, caller, Severity::Notice, Err(failure));
        }
        Err(failure) => return audited(&shown, caller, Severity::Notice, Err(failure)),
    };
    // As named, which keeps what scripts ask every minute out of the log.
    let severity = if command.is_quiet { Severity::Debug(1) } else { Severity::Info };
    logging::at(Category::General, severity, format_args!("received control channel command '{shown}'"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut reply = command.run(office, &words);
    if let Ok(done) = &mut reply
        && !caller.json
    {
        done.json = None;
    }
    let severity = match (command.is_quiet, command.looks_only) {
        (true, _) => Severity::Debug(1),
        (false, true) => Severity::Info,
        (false, false) => Severity::Notice,
    };
    audited(&shown, caller, severity, reply)
}

/// The beginning of a text, for the log, which shows no control characters.
fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 500;
    let mut shown: String = text.chars().take(MAX_CHARACTERS).collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        shown += "...";
    }
    shown
}

/// Leaves the line of the audit.
fn audited(shown: &str, caller: &Caller, severity: Severity, reply: Reply) -> Reply {
    let who = &caller.who;
    let outcome = match &reply {
        Ok(Done { lacking, .. }) if !lacking.is_empty() => format!("success, {lacking}"),
        Ok(_) => "success".to_owned(),
        Err(failure) => match failure.text.lines().next() {
            Some(why) => format!("{failure}: {}", shortened(why)),
            None => failure.to_string(),
        },
    };
    let severity = if reply.is_err() { Severity::Notice } else { severity };
    let line = format_args!("control channel command '{shown}' from {who}: {outcome}");
    logging::at(Category::General, severity, line);
    reply
}

/// The command that a request begins with: the longest that fits.
///
/// # Errors
/// When there is none: the nearest, if one is near.
pub fn find(words: &[&str]) -> Result<&'static Command, Failure> {
    let fits = |command: &&Command| {
        let begin = words.get(..command.words.len()).unwrap_or_default();
        begin.len() == command.words.len() && begin.iter().zip(command.words).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    let found = COMMANDS.iter().filter(fits).max_by_key(|command| command.words.len());
    // `health` alone has no arguments: with one, its second word was meant to be another.
    let has_longer =
        |command: &Command| COMMANDS.iter().any(|other| other.words.len() > 1 && other.words[0] == command.words[0]);
    let is_meant = |command: &&Command| command.words.len() > 1 || words.len() == 1 || !has_longer(command);
    if let Some(command) = found.filter(is_meant) {
        return Ok(command);
    }
    let asked = words.get(..2).unwrap_or(words).join(" ");
    let names: Vec<String> = COMMANDS.iter().map(|command| command.words.join(" ")).collect();
    let near = suggest::did_you_mean(&asked, names.iter().map(String::as_str));
    let near = near.or_else(|| suggest::did_you_mean(words.first()?, names.iter().map(String::as_str)));
    let near = near.unwrap_or_else(|| "'help' lists them".to_owned());
    Err(Failure::with(Code::UnknownCommand, format!("no command is called '{}' ({near})", excerpt(&asked))))
}

/// Every command with its arguments and what it does, one a line.
pub fn help() -> String {
    let width = COMMANDS.iter().map(|command| command.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for command in COMMANDS {
        let fails = if command.fails { "fails: " } else { "" };
        let _ = writeln!(text, "{:<width$}  {fails}{}", command.to_string(), command.what);
    }
    text
}

/// Lines of a name and a text, for a person and for programs. Lines without a name go on with the one before.
pub(super) fn lines(lines: &[(&str, String)], width: usize) -> Done {
    let text = lines.iter().map(|(what, text)| format!("{what:<width$} {text}\n")).collect();
    let mut object = serde_json::Map::new();
    let mut last = "";
    for (what, text) in lines {
        if !what.is_empty() {
            last = what;
        }
        match object.get_mut(last) {
            Some(serde_json::Value::Array(all)) => all.push(json!(text)),
            Some(one) => *one = json!([one.clone(), text]),
            None => _ = object.insert(last.to_owned(), json!(text)),
        }
    }
    Done { text, json: Some(object.into()), ..Done::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_command_that_fits_is_found() {
        for command in COMMANDS {
            let most = vec!["x"; command.count.1.min(4)];
            let words = [command.words, &most].concat();
            let found = find(&words).map(|found| found.words);
            assert_eq!(found, Ok(command.words));
            let line = help();
            let row = line.lines().find(|line| line.starts_with(&command.to_string())).expect("it is in the help");
            assert!(row.ends_with(command.what), "{command}");
            assert!(command.what.len() < 80 && command.count.0 <= command.count.1, "{command}");
            assert_eq!(row.contains("  fails: "), command.fails, "{row}");
            assert!(!command.fails || command.words.len() == 1, "{command}");
        }
        assert_eq!(find(&["FlushName", "a"]).map(|found| found.words), Ok(&["flushname"][..]), "as named");
    }

    #[test]
    fn an_unknown_command_gets_the_nearest() {
        for (words, expected) in [
            (&["helth"][..], "no command is called 'helth' (did you mean 'health'?)"),
            (&["health", "dwn", "a"], "no command is called 'health dwn' (did you mean 'health down'?)"),
            (&["zone"], "(did you mean 'zone status'?)"),
            (&["flushnam", "a.example"], "(did you mean 'flushname'?)"),
            (&["bogus"], "no command is called 'bogus' ('help' lists them)"),
            (&[""], "no command is called '' ('help' lists them)"),
            (&[], "no command is called '' ('help' lists them)"),
        ] {
            let told = find(words).map(|found| found.words).expect_err("it is unknown");
            assert!(told.text.contains(expected), "{words:?}: {}", told.text);
            assert_eq!(told.code, Code::UnknownCommand);
        }
    }

    #[test]
    fn lines_are_an_object_too() {
        let all =
            [("version", "1".to_owned()), ("fault", "a".to_owned()), ("fault", "b".to_owned()), ("", "c".to_owned())];
        let done = lines(&all, 8);
        assert_eq!(done.text, "version  1\nfault    a\nfault    b\n         c\n");
        assert_eq!(done.json, Some(json!({"version": "1", "fault": ["a", "b", "c"]})));
    }
}
