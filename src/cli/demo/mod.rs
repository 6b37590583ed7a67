//! `tandem demo`: the whole scenario on one machine, without privileges or network.
//!
//! An embedded stand-in for the VPC's resolver ([`stand_in`]), two forwarders ([`forwarders`]) as processes of this same
//! program ([`server`]), clients that are allowed and refused ([`client`]). A person drives it by a prompt or from a
//! second terminal ([`lines`], [`prompt`]); `--once` lets it tell and check its story by itself ([`story`]).
//! `tandem demo failover` is another story, with parts of its own ([`failover`]).
//! Everything stands on loopback addresses ([`place`]); nothing is left behind.

mod change;
mod client;
mod failover;
mod forwarders;
mod lines;
mod place;
mod prompt;
mod server;
mod stand_in;
mod story;

use std::fmt;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use forwarders::{Make, Pair};
use place::{Directory, Place};
use server::Program;
use stand_in::StandIn;

/// How long `--once` may take in all, from start to the last check.
const WATCHDOG: Duration = Duration::from_secs(90);

/// The arguments of `tandem demo`.
#[derive(Debug, clap::Args)]
#[command(disable_help_subcommand = true)]
pub struct DemoArgs {
    /// Tell the story without a prompt, check every answer, exit 0 or 1
    #[arg(long, global = true, conflicts_with = "line")]
    once: bool,
    /// The port of every part that speaks DNS; when it is in use the next free one is taken
    #[arg(long, global = true, default_value_t = place::FIRST_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// A line for the demo that runs in another terminal: `upsert 10.1.2.10`, `stop 1`, `help`, …
    line: Vec<String>,
    /// Another story than that of two forwarders.
    #[command(subcommand)]
    story: Option<Story>,
}

/// The stories beside that of two forwarders.
#[derive(Debug, clap::Subcommand)]
enum Story {
    /// A name with three servers behind it (conf/failover.toml) that are killed and brought back
    Failover {
        /// A line for the demo that runs in another terminal: `kill 1`, `start 1`, `help`, …
        line: Vec<String>,
    },
}

/// Runs the demo, or sends a line to the one that runs.
pub fn run(args: DemoArgs) -> ExitCode {
    let (output, printer) = Output::to_stdout();
    let outcome = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(interruptible(dispatch(&args, &output)));
        // A question that is still waited for must not hold the end up.
        runtime.shutdown_background();
        outcome
    });
    let code = match outcome {
        Ok(code) => code,
        Err(error) => {
            // Behind a prompt and the terminal's own ^C.
            let fresh_line = if matches!(error, Error::Interrupted) && io::stdin().is_terminal() { "\n" } else { "" };
            output.line(format!("{fresh_line}tandem demo: {error}"));
            ExitCode::FAILURE
        }
    };
    drop(output);
    // The printer ends with its last sender; a panic in it has been reported by itself.
    let _ = printer.join();
    code
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|fault| Error::Socket { what: "the runtime", fault })
}

/// Ends `work` early on Ctrl-C, SIGTERM or SIGHUP; what it owns, the forwarders among it, ends with it.
async fn interruptible(work: impl Future<Output = Result<ExitCode, Error>>) -> Result<ExitCode, Error> {
    let on = |kind| signal(kind).map_err(|fault| Error::Socket { what: "the signal handlers", fault });
    let (mut interrupt, mut terminate, mut hangup) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    tokio::select! {
        outcome = work => outcome,
        _ = interrupt.recv() => Err(Error::Interrupted),
        _ = terminate.recv() => Err(Error::Interrupted),
        _ = hangup.recv() => Err(Error::Interrupted),
    }
}

async fn dispatch(args: &DemoArgs, output: &Output) -> Result<ExitCode, Error> {
    match &args.story {
        Some(Story::Failover { line }) if !line.is_empty() => failover::send(args.port, &line.join(" "), output).await,
        Some(Story::Failover { .. }) if args.once => failover::once(args.port, &Program::tandem()?, output).await,
        Some(Story::Failover { .. }) => failover::converse(args.port, &Program::tandem()?, output).await,
        None if !args.line.is_empty() => prompt::send(args.port, &args.line.join(" "), output).await,
        None if args.once => once(args.port, &Make::tandem()?, output).await,
        None => converse(args.port, &Make::tandem()?, output).await,
    }
}

/// `--once`: the story with its checks, bounded by [`WATCHDOG`].
async fn once(port: u16, make: &Make, output: &Output) -> Result<ExitCode, Error> {
    let mut report = story::Report::new(output.clone());
    let told = tokio::time::timeout(WATCHDOG, async {
        let (mut demo, _control) = Demo::start(port, make, output).await?;
        output.line("The story now tells itself, in some 25 s.");
        story::tell(&demo.stand_in, &mut demo.pair, &mut report).await?;
        demo.pair.stop().await;
        Ok(())
    });
    match told.await {
        Ok(outcome) => outcome?,
        Err(_) => report.overdue(WATCHDOG),
    }
    Ok(if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The prompt, until `quit`.
async fn converse(port: u16, make: &Make, output: &Output) -> Result<ExitCode, Error> {
    let (mut demo, control) = Demo::start(port, make, output).await?;
    prompt::converse(&mut demo, control, output).await;
    demo.pair.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Everything that runs.
struct Demo {
    /// The port of every part.
    port: u16,
    stand_in: StandIn,
    pair: Pair,
    // Behind the pair: it goes when the forwarders, which write into it, are gone.
    _directory: Directory,
}

impl Demo {
    /// Starts all parts and says where they are; also the socket of the control line.
    async fn start(port: u16, make: &Make, output: &Output) -> Result<(Self, TcpListener), Error> {
        let place = Place::find(port)?;
        if place.port != port {
            output.line(format!("port {port} is in use; every part takes {} instead", place.port));
        }
        let control =
            TcpListener::from_std(place.control).map_err(|fault| Error::Socket { what: "the control line", fault })?;
        let stand_in = StandIn::start(place.stand_in_udp, place.stand_in_tcp)?;
        let directory = Directory::create()?;
        let mut pair = Pair::prepare(place::forwarders(place.port), make, directory.path())?;
        pair.start().await?;
        let demo = Self { port: place.port, stand_in, pair, _directory: directory };
        demo.say_what_runs_where(output);
        Ok((demo, control))
    }

    fn say_what_runs_where(&self, output: &Output) {
        output.line("A pair of forwarders between a corporate network and an AWS VPC, on loopback addresses:");
        let row = |what: &str, place: String| output.line(format!("  {what:<32}{place}"));
        row("the VPC's resolver (a stand-in)", format!("{} port {}", place::STAND_IN, self.port));
        for az in Az::BOTH {
            let forwarder = self.pair.get(az);
            let pid = forwarder.pid().map_or("none".to_owned(), |pid| pid.to_string());
            row(
                &format!("the forwarder in {az}"),
                format!(
                    "{} port {}, PID {pid}, {}",
                    forwarder.address.ip(),
                    self.port,
                    forwarder.configuration.display()
                ),
            );
        }
        row("a client inside goodclients", format!("{} (of 127.0.0.0/25)", place::ALLOWED_CLIENT));
        row("a client outside", place::REFUSED_CLIENT.to_string());
    }
}

/// An availability zone of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Az {
    One,
    Two,
}

impl Az {
    const BOTH: [Self; 2] = [Self::One, Self::Two];

    /// 1 or 2.
    fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// 0 or 1.
    fn index(self) -> usize {
        match self {
            Self::One => 0,
            Self::Two => 1,
        }
    }
}

impl fmt::Display for Az {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AZ {}", self.number())
    }
}

/// Where lines for a reader go: the terminal, or a second one. A thread writes them, so that a reader who does not
/// read holds nothing up.
#[derive(Clone, Debug)]
struct Output(mpsc::UnboundedSender<String>);

impl Output {
    /// The terminal, and the thread that writes there until the last clone is gone.
    fn to_stdout() -> (Self, JoinHandle<()>) {
        let (sender, mut texts) = mpsc::unbounded_channel::<String>();
        let printer = std::thread::spawn(move || {
            let mut stdout = io::stdout();
            while let Some(text) = texts.blocking_recv() {
                if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                    return;
                }
            }
        });
        (Self(sender), printer)
    }

    /// One line.
    fn line(&self, text: impl Into<String>) {
        self.text(text.into() + "\n");
    }

    /// Text as it is.
    fn text(&self, text: impl Into<String>) {
        // A reader who is gone misses nothing.
        let _ = self.0.send(text.into());
    }
}

/// Why the demo cannot go on.
#[derive(Debug)]
enum Error {
    /// No port is free on all addresses.
    NoPort {
        /// The first one tried.
        first: u16,
        /// The last one tried.
        last: u16,
        /// What was said of the last.
        fault: io::Error,
    },
    /// A file or directory cannot be made or run.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        fault: io::Error,
    },
    /// Something of the system's is not to be had.
    Socket {
        /// For what.
        what: &'static str,
        /// Why.
        fault: io::Error,
    },
    /// A server that the demo starts does not serve.
    Server {
        /// Which.
        who: String,
        /// What it did instead.
        what: String,
        /// The end of what it printed.
        output: String,
    },
    /// No demo listens for the line.
    NobodyListens {
        /// Where it was sought.
        control: SocketAddrV4,
        /// What was met there.
        fault: io::Error,
    },
    /// The client with the resolv.conf cannot be made.
    Client(client::Fault),
    /// A signal ended it.
    Interrupted,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPort { first, last, fault } => {
                write!(f, "no port from {first} to {last} is free on every address of the demo ({fault}); ")?;
                f.write_str("name another with --port")
            }
            Self::File { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Socket { what, fault } => write!(f, "{what}: {fault}"),
            Self::Server { who, what, output } => {
                write!(f, "{who} {what}; it said:\n{}", if output.is_empty() { "(nothing)" } else { output })
            }
            Self::NobodyListens { control, fault } => {
                write!(f, "no demo listens on {} port {} ({fault}); ", control.ip(), control.port())?;
                f.write_str("start it in another terminal, or name its port with --port")
            }
            Self::Client(fault) => write!(f, "the client with a resolv.conf: {fault}"),
            Self::Interrupted => f.write_str("interrupted; all that was started is ended"),
        }
    }
}

#[cfg(test)]
/// Collects what is said.
fn collect() -> (Output, mpsc::UnboundedReceiver<String>) {
    let (sender, texts) = mpsc::unbounded_channel();
    (Output(sender), texts)
}

#[cfg(test)]
fn said(mut texts: mpsc::UnboundedReceiver<String>) -> String {
    std::iter::from_fn(|| texts.try_recv().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forwarders::tests::{unbound, unbound_that_keeps_and_serves_all};
    use std::process::Command;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn tell_with(make: &Make, port: u16) -> (ExitCode, String) {
        let (output, texts) = collect();
        let code = runtime().unwrap().block_on(once(port, make, &output)).unwrap();
        (code, said(texts))
    }

    #[test]
    fn the_story_holds_with_a_right_forwarder() {
        let (code, text) = tell_with(&unbound(), 6500);
        assert!(text.contains(" checks, 0 failed, "), "{text}");
        assert_eq!(code, ExitCode::SUCCESS);
    }

    #[test]
    fn the_story_fails_with_a_forwarder_that_serves_everybody_and_stretches_ttls() {
        let (code, text) = tell_with(&unbound_that_keeps_and_serves_all(), 6600);
        for part in [
            "FAILED AZ 1 UDP from 127.0.0.200: expected REFUSED, EDE 18; seen NOERROR 10.1.1.10, TTL",
            "FAILED AZ 2 TCP from 127.0.0.200: expected REFUSED, EDE 18; seen NOERROR 10.1.1.10, TTL",
            "FAILED AZ 1 its clients see 10.1.2.10 instead of 10.1.1.10: expected 10.1.2.10 at most 11 s after the change",
            "FAILED AZ 2 UDP the service: myservice.awslab.mycompany.corp A: expected NOERROR 10.1.1.10, TTL at most 10",
        ] {
            assert!(text.contains(part), "'{part}' is missing in\n{text}");
        }
        assert_eq!(code, ExitCode::FAILURE);
    }

    #[test]
    fn a_forwarder_that_cannot_start_is_shown_with_its_own_words() {
        let arguments: fn(&std::path::Path) -> Vec<_> = |_| vec!["-d".into(), "-c".into(), "/dev/null/file".into()];
        let make = Make { program: Program { arguments, ..unbound().program }, ..unbound() };
        let (output, _texts) = collect();
        let error = runtime().unwrap().block_on(once(6700, &make, &output)).unwrap_err().to_string();
        assert!(error.starts_with("the forwarder in AZ 1 ended with"), "{error}");
        assert!(error.contains("/dev/null/file"), "{error}");
    }

    /// Whether a process with this PID is there and no zombie.
    fn is_alive(pid: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn forwarders_end_with_a_demo_that_panics_or_is_given_up() {
        for (port, how) in [(6800, "a panic"), (6900, "a future that is dropped")] {
            let (output, _texts) = collect();
            let (sender, pids) = std::sync::mpsc::channel();
            let work = async move {
                let (demo, _control) = Demo::start(port, &unbound(), &output).await.unwrap();
                for az in Az::BOTH {
                    sender.send((demo.pair.get(az).pid().unwrap(), demo._directory.path().to_owned())).unwrap();
                }
                assert!(how != "a panic", "as wanted");
                std::future::pending::<()>().await
            };
            let ended = std::thread::spawn(move || {
                runtime().unwrap().block_on(async { tokio::time::timeout(Duration::from_secs(3), work).await })
            });
            assert_eq!(ended.join().is_err(), how == "a panic");
            for (pid, directory) in pids.iter() {
                let begin = std::time::Instant::now();
                while is_alive(pid) && begin.elapsed() < Duration::from_secs(2) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                assert!(!is_alive(pid), "{how} leaves PID {pid}");
                assert!(!directory.exists(), "{how} leaves {}", directory.display());
            }
        }
    }

    async fn tell_line(port: u16, line: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect((place::CONTROL, port)).await.unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[test]
    fn a_second_terminal_drives_the_demo_and_dig_sees_it() {
        let dig = |port: u16, arguments: &str| {
            let line = format!("@127.0.2.53 -p {port} {arguments} +time=2 +tries=1");
            let output = Command::new("dig").args(line.split_whitespace()).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let (output, texts) = collect();
        runtime().unwrap().block_on(async {
            let (mut demo, control) = Demo::start(7000, &unbound(), &output).await.unwrap();
            let port = demo.port;
            let drive = async move {
                let blocking = move |arguments: &'static str| tokio::task::spawn_blocking(move || dig(port, arguments));
                assert!(tell_line(port, "upsert 10.1.9.9").await.contains("AZ 2: its clients see 10.1.9.9 at once"));
                assert_eq!(blocking("+short myservice.awslab.mycompany.corp").await.unwrap(), "10.1.9.9\n");
                let refused = blocking("-b 127.0.0.200 myservice.awslab.mycompany.corp").await.unwrap();
                assert!(refused.contains("status: REFUSED") && refused.contains("EDE: 18 (Prohibited)"), "{refused}");

                let stopped = tell_line(port, "stop 1").await;
                assert!(stopped.contains("AZ 1 is stopped (exit status: 0)"), "{stopped}");
                assert!(stopped.contains("gets 10.1.9.9 from AZ 2 after 1."), "{stopped}");
                assert!(tell_line(port, "look").await.contains("AZ 1: stopped"));
                assert!(tell_line(port, "stop 2").await.contains("no forwarder runs; `start 1` starts one"));
                assert!(tell_line(port, "start 2").await.contains("AZ 2 answers on 127.0.2.53"));
                assert!(tell_line(port, "start 2").await.contains("AZ 2 runs already"));
                assert!(tell_line(port, "start 1").await.contains("AZ 1 answers on 127.0.1.53"));
                assert!(tell_line(port, "look").await.contains("gets 10.1.9.9 from AZ 1 after 0."));
                assert!(tell_line(port, "GET / HTTP/1.1").await.contains("unknown line 'GET / HTTP/1.1'"));
                assert!(tell_line(port, "quit").await.contains("stopped"));
            };
            tokio::join!(prompt::converse(&mut demo, control, &output), drive);
        });
        assert!(said(texts).contains("-b 127.0.0.200 myservice.awslab.mycompany.corp"));
    }

    #[test]
    fn a_line_that_nobody_hears_says_what_to_do() {
        let (output, _texts) = collect();
        let error = runtime().unwrap().block_on(prompt::send(7199, "look", &output)).unwrap_err().to_string();
        assert!(error.contains("no demo listens on 127.0.0.1 port 7199") && error.contains("--port"), "{error}");
    }
}
