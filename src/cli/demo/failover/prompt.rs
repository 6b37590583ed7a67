//! What lines mean to the failover demo: killing, freezing and starting servers by hand.
//!
//! Not here: where lines come from ([`super::super::lines`]).

use std::fmt;

use tokio::net::TcpListener;

use super::super::Output;
use super::super::lines::{Driver, Reader, converse as handle_lines, own_name, try_lines, unless_on_path};
use super::super::place::FIRST_PORT;
use super::place::NAME;
use super::site::State;
use super::track::{Act, clock};
use super::{Demo, narrate};

const LINES: &str = "  kill 1|2|3       end a server: connections are refused
  freeze 1|2|3     silence it: connections are taken and nothing comes back
  start 1|2|3      let it answer again
  look             what the name is now, and what was done so far
  help             these lines
  quit             stop everything";

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Act(Act, usize),
    Look,
    Help,
    Quit,
}

/// Why a line asks for nothing.
#[derive(Debug, PartialEq, Eq)]
enum LineError {
    /// No such first word.
    Unknown(String),
    /// The first word, which wants a server.
    WantsServer(&'static str),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "unknown line '{}'; there are:\n{LINES}", word.escape_debug()),
            Self::WantsServer(word) => write!(f, "'{word}' wants 1, 2 or 3: {word} 1"),
        }
    }
}

impl Line {
    /// An empty line is nothing at all.
    fn parse(text: &str) -> Result<Option<Self>, LineError> {
        let words: Vec<_> = text.split_whitespace().collect();
        Ok(Some(match *words {
            [] => return Ok(None),
            ["kill", ref rest @ ..] => Self::Act(Act::Kill, server("kill", rest)?),
            ["freeze", ref rest @ ..] => Self::Act(Act::Freeze, server("freeze", rest)?),
            ["start", ref rest @ ..] => Self::Act(Act::Start, server("start", rest)?),
            ["look"] => Self::Look,
            ["help" | "?"] => Self::Help,
            ["quit" | "exit"] => Self::Quit,
            _ => return Err(LineError::Unknown(text.trim().to_owned())),
        }))
    }
}

fn server(word: &'static str, rest: &[&str]) -> Result<usize, LineError> {
    match rest {
        ["1"] => Ok(1),
        ["2"] => Ok(2),
        ["3"] => Ok(3),
        _ => Err(LineError::WantsServer(word)),
    }
}

/// Whether a line means something; else why not.
pub(super) fn check(line: &str) -> Result<(), String> {
    Line::parse(line).map(|_| ()).map_err(|error| error.to_string())
}

/// Handles lines until one says `quit`, or the terminal's input ends. When the name moves, the prompt is told.
pub(super) async fn converse(demo: &mut Demo, control: TcpListener, output: &Output) {
    let own = Reader::of_prompt(output);
    let narrator = tokio::spawn(narrate(demo.watch.subscribe(), move |text| own.line_beside_prompt(&text)));
    let what_to_try = what_to_try(demo);
    handle_lines(demo, control, output, what_to_try).await;
    narrator.abort();
}

fn what_to_try(demo: &Demo) -> String {
    let (server, site) = (demo.server.address, demo.sites[0].address);
    let port = server.port();
    let option = if port == FIRST_PORT { String::new() } else { format!(" --port {port}") };
    let lines = try_lines([
        (format!("dig @{} -p {port} {NAME}", server.ip()), "the name, and the aliases on the way"),
        (format!("curl http://{site}/"), "a server behind it"),
        (format!("{} demo failover{option} kill 1", own_name()), "as `kill 1` below"),
    ]);
    let dig = unless_on_path("dig", "Debian has it in bind9-dnsutils, Fedora in bind-utils");
    format!("{lines}{dig}\nHere, or there behind `demo failover`:\n{LINES}\n")
}

impl Driver for Demo {
    async fn handle(&mut self, line: &str, reader: &Reader) -> bool {
        match Line::parse(line) {
            Ok(None) => {}
            Ok(Some(Line::Act(act, server))) => match self.act(act, server).await {
                Ok(deed) => reader.line(format!("{} {deed}", clock(deed.at))),
                Err(error) => reader.line(error.to_string()),
            },
            Ok(Some(Line::Look)) => self.look(reader),
            Ok(Some(Line::Help)) => reader.line(LINES),
            Ok(Some(Line::Quit)) => {
                reader.line("The server and those behind the name are stopped.");
                return true;
            }
            Err(error) => reader.line(error.to_string()),
        }
        false
    }
}

impl Demo {
    fn look(&self, reader: &Reader) {
        let track = self.watch.track();
        let present = track.present().map_or("not known yet".to_owned(), ToString::to_string);
        reader.line(format!("{NAME} is {present}"));
        for site in &self.sites {
            let state = match site.state() {
                State::Up => "answers",
                State::Frozen => "is frozen",
                State::Dead => "is dead",
            };
            reader.line(format!("server {} at {} {state}", site.number, site.address));
        }
        track.table().into_iter().for_each(|row| reader.line(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_what_they_say() {
        let cases = [
            ("", Some(None)),
            ("kill 1", Some(Some(Line::Act(Act::Kill, 1)))),
            ("  freeze   2\r", Some(Some(Line::Act(Act::Freeze, 2)))),
            ("start 3", Some(Some(Line::Act(Act::Start, 3)))),
            ("look", Some(Some(Line::Look))),
            ("?", Some(Some(Line::Help))),
            ("exit", Some(Some(Line::Quit))),
            ("kill", None),
            ("kill 4", None),
            ("kill 1 2", None),
            ("start 01", None),
            ("GET / HTTP/1.1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Line::parse(text).ok(), expected, "{text:?}");
        }
        assert_eq!(check("kill all").unwrap_err(), "'kill' wants 1, 2 or 3: kill 1");
        assert!(
            check("stop 1\x1b[2J")
                .unwrap_err()
                .starts_with("unknown line 'stop 1\\u{1b}[2J'; there are:\n  kill 1|2|3")
        );
    }
}
