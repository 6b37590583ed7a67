//! What lines mean to the demo of two forwarders: moving the service, stopping and starting forwarders.
//!
//! Only the watch after an `upsert` runs beside the lines. Not here: where lines come from ([`super::lines`]), what is
//! done besides being told so.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::change::{Sighting, watch};
use super::client::{Question, ResolvConf, ask};
use super::lines::{self, Reader, own_name, try_lines, unless_on_path};
use super::place::{ALLOWED_CLIENT, CONTROL, FIRST_PORT, REFUSED_CLIENT};
use super::stand_in::{ALIAS, PRIMARY, PUBLIC, SECONDARY, SERVICE, SERVICE_TTL, name};
use super::story::list;
use super::{Az, Demo, Error, Output};

/// How long the prompt waits for a forwarder's answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Said where a forwarder would be needed and none runs.
const NOBODY_RUNS: &str = "no forwarder runs; `start 1` starts one";

const LINES: &str = "  upsert ADDRESS   move the service to this address, and watch when its clients see it
  stop 1|2         stop the forwarder of an availability zone
  start 1|2        start it again
  look             what clients see now
  help             these lines
  quit             stop everything";

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Upsert(Ipv4Addr),
    Stop(Az),
    Start(Az),
    Look,
    Help,
    Quit,
}

/// Why a line asks for nothing.
#[derive(Debug, PartialEq, Eq)]
enum LineError {
    /// No such first word.
    Unknown(String),
    /// The first word, and what should follow it.
    Wants(&'static str, &'static str),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "unknown line '{}'; there are:\n{LINES}", word.escape_debug()),
            Self::Wants(word, what) => write!(f, "'{word}' wants {what}"),
        }
    }
}

impl Line {
    /// An empty line is nothing at all.
    fn parse(text: &str) -> Result<Option<Self>, LineError> {
        let words: Vec<_> = text.split_whitespace().collect();
        Ok(Some(match *words {
            [] => return Ok(None),
            ["upsert", address] => Self::Upsert(
                address.parse().map_err(|_| LineError::Wants("upsert", "an IPv4 address: upsert 10.1.2.10"))?,
            ),
            ["upsert", ..] => return Err(LineError::Wants("upsert", "one IPv4 address: upsert 10.1.2.10")),
            ["stop", az] => Self::Stop(parse_az(az).ok_or(LineError::Wants("stop", "1 or 2: stop 1"))?),
            ["stop", ..] => return Err(LineError::Wants("stop", "1 or 2: stop 1")),
            ["start", az] => Self::Start(parse_az(az).ok_or(LineError::Wants("start", "1 or 2: start 1"))?),
            ["start", ..] => return Err(LineError::Wants("start", "1 or 2: start 1")),
            ["look"] => Self::Look,
            ["help" | "?"] => Self::Help,
            ["quit" | "exit"] => Self::Quit,
            _ => return Err(LineError::Unknown(text.trim().to_owned())),
        }))
    }
}

fn parse_az(text: &str) -> Option<Az> {
    Az::BOTH.into_iter().find(|az| text == az.number().to_string())
}

/// Handles lines until one says `quit`, or the terminal's input ends.
pub(super) async fn converse(demo: &mut Demo, control: TcpListener, output: &Output) {
    let what_to_try = what_to_try(demo.port);
    let mut driver = Driver { demo, watch: None };
    lines::converse(&mut driver, control, output, what_to_try).await;
    driver.end_watch();
}

/// The lines to try in another terminal.
fn what_to_try(port: u16) -> String {
    let at = |az: Az| format!("@{} -p {port}", super::place::FORWARDERS[az.index()]);
    let (one, two) = (at(Az::One), at(Az::Two));
    let program = own_name();
    let option = if port == FIRST_PORT { String::new() } else { format!("--port {port} ") };
    let [service, alias, public] = [SERVICE, ALIAS, PUBLIC].map(|name| name.trim_end_matches('.'));
    let lines = try_lines([
        (format!("dig {one} {service}"), "the service, by AZ 1; again: TTL counts down"),
        (format!("dig {two} {service} +tcp"), "by AZ 2 and TCP"),
        (format!("dig {one} {alias}"), "an alias into the other zone"),
        (format!("dig {two} {public}"), "a name outside the VPC"),
        (format!("dig {one} -x {PRIMARY}"), "a reverse name"),
        (format!("dig {one} -b {REFUSED_CLIENT} {service}"), "a client that is refused, and why"),
        (format!("{program} demo {option}upsert {SECONDARY}"), "move the service, as `upsert` below"),
    ]);
    let dig = unless_on_path("dig", "Debian has it in bind9-dnsutils, Fedora in bind-utils");
    format!("{lines}{dig}\nHere, or there behind `demo`:\n{LINES}\n")
}

struct Driver<'a> {
    demo: &'a mut Demo,
    /// The last watch, perhaps over. It alone holds its requester's output, so that a second terminal is let go with it.
    watch: Option<JoinHandle<()>>,
}

impl lines::Driver for Driver<'_> {
    async fn handle(&mut self, line: &str, reader: &Reader) -> bool {
        match Line::parse(line) {
            Ok(None) => {}
            Ok(Some(Line::Upsert(address))) => self.upsert(address, reader).await,
            Ok(Some(Line::Stop(az))) => self.stop(az, reader).await,
            Ok(Some(Line::Start(az))) => self.start(az, reader).await,
            Ok(Some(Line::Look)) => self.look(reader).await,
            Ok(Some(Line::Help)) => reader.line(LINES),
            Ok(Some(Line::Quit)) => {
                reader.line("Both forwarders are stopped.");
                return true;
            }
            Err(error) => reader.line(error.to_string()),
        }
        false
    }
}

impl Driver<'_> {
    async fn upsert(&mut self, address: Ipv4Addr, reader: &Reader) {
        self.end_watch();
        self.demo.stand_in.upsert(address).await;
        let changed = Instant::now();
        let service = SERVICE.trim_end_matches('.');
        reader.line(format!("{service} is {address} on the VPC's resolver (TTL {})", SERVICE_TTL.as_secs()));
        let watched: Vec<_> =
            self.demo.pair.running().into_iter().map(|az| (az, self.demo.pair.get(az).address)).collect();
        if watched.is_empty() {
            return reader.line(NOBODY_RUNS);
        }
        self.watch = Some(tokio::spawn(watch_all(watched, address, changed, reader.clone())));
    }

    /// A newer address would be taken for a fault by the watch for the older one.
    fn end_watch(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
    }

    async fn stop(&mut self, az: Az, reader: &Reader) {
        match self.demo.pair.get_mut(az).stop().await {
            Some(Ok(status)) => reader.line(format!("{az} is stopped ({status})")),
            Some(Err(error)) => reader.line(format!("{az}: {error}")),
            None => reader.line(format!("{az} does not run; `start {}` starts it", az.number())),
        }
        self.look_through_resolv_conf(reader).await;
    }

    async fn start(&mut self, az: Az, reader: &Reader) {
        let forwarder = self.demo.pair.get_mut(az);
        if forwarder.is_running() {
            return reader.line(format!("{az} runs already"));
        }
        match forwarder.start().await {
            Ok(()) => reader.line(format!("{az} answers on {}", self.demo.pair.get(az).address)),
            Err(error) => reader.line(error.to_string()),
        }
    }

    async fn look(&mut self, reader: &Reader) {
        let running = self.demo.pair.running();
        for az in Az::BOTH {
            if !running.contains(&az) {
                reader.line(format!("{az}: stopped"));
                continue;
            }
            let question = Question::udp(ALLOWED_CLIENT, self.demo.pair.get(az).address, name(SERVICE), RecordType::A);
            reader.line(match ask(&question, PATIENCE).await {
                Ok(answer) => format!("{az}: {}, TTL {}", list(&answer.addresses), answer.ttl.unwrap_or(0)),
                Err(fault) => format!("{az}: {fault}"),
            });
        }
        self.look_through_resolv_conf(reader).await;
    }

    async fn look_through_resolv_conf(&mut self, reader: &Reader) {
        if self.demo.pair.running().is_empty() {
            return reader.line(NOBODY_RUNS);
        }
        let addresses = self.demo.pair.addresses();
        let outcome = match ResolvConf::new(addresses) {
            Ok(client) => client.lookup(&name(SERVICE)).await,
            Err(fault) => Err(fault),
        };
        let from = |address| if address == addresses[0] { Az::One } else { Az::Two };
        reader.line(match outcome {
            Ok(found) => format!(
                "A client with both in its resolv.conf (timeout 1 s) gets {} from {} after {:.3} s",
                list(&found.addresses),
                from(found.by),
                found.took.as_secs_f64()
            ),
            Err(fault) => format!("A client with both in its resolv.conf gets no answer: {fault}"),
        });
    }
}

/// Watches forwarders at once and says of each when its clients see the address.
async fn watch_all(forwarders: Vec<(Az, SocketAddrV4)>, address: Ipv4Addr, changed: Instant, reader: Reader) {
    let mut watches = JoinSet::new();
    for (az, forwarder) in forwarders {
        watches.spawn(async move { (az, watch(forwarder, address, changed).await) });
    }
    while let Some(watched) = watches.join_next().await {
        reader.line_beside_prompt(&match watched {
            Ok((az, sighting)) => format!("{az}: {}", outcome(&sighting, address)),
            Err(error) => error.to_string(),
        });
    }
}

fn outcome(sighting: &Sighting, address: Ipv4Addr) -> String {
    match (sighting.verdict(), sighting.last_old) {
        (Ok(_), None) => format!("its clients see {address} at once: no older answer was cached"),
        (Ok(time), Some(_)) => {
            format!(
                "its clients see {address} after {:.1} s, when the cached answer's TTL was over",
                time.as_secs_f64()
            )
        }
        (Err(fault), _) => fault,
    }
}

/// The second terminal's side: sends the line to the demo at `port` and shows what comes back.
pub(super) async fn send(port: u16, line: &str, output: &Output) -> Result<ExitCode, Error> {
    if let Err(error) = Line::parse(line) {
        output.line(error.to_string());
        return Ok(ExitCode::FAILURE);
    }
    lines::send(SocketAddrV4::new(CONTROL, port), line, output).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_what_they_say() {
        let cases = [
            ("", Some(None)),
            ("  \t", Some(None)),
            ("upsert 10.1.1.20", Some(Some(Line::Upsert(Ipv4Addr::new(10, 1, 1, 20))))),
            ("  stop   1\r", Some(Some(Line::Stop(Az::One)))),
            ("start 2", Some(Some(Line::Start(Az::Two)))),
            ("look", Some(Some(Line::Look))),
            ("?", Some(Some(Line::Help))),
            ("exit", Some(Some(Line::Quit))),
            ("upsert", None),
            ("upsert 10.1.1", None),
            ("upsert ::1", None),
            ("upsert 10.1.1.20 10.1.1.21", None),
            ("stop", None),
            ("stop 3", None),
            ("stop 01", None),
            ("start both", None),
            ("quit now", None),
            ("GET / HTTP/1.1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Line::parse(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_wrong_line_says_what_would_be_right() {
        for (text, part) in [
            ("upsert myservice", "upsert 10.1.2.10"),
            ("stop both", "1 or 2"),
            ("restart \x1b[2J", "unknown line 'restart \\u{1b}[2J'; there are:\n  upsert ADDRESS"),
        ] {
            let error = Line::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
