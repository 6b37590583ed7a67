//! Driving a demo by lines: typed at its prompt or sent from a second terminal.
//!
//! A second terminal's line (`tandem demo upsert 10.1.2.10`) travels over a loopback TCP connection: one line there, the
//! same text back that the prompt would show, then the end of the connection. Lines are handled one at a time, whoever
//! sent them. Not here: what a line means ([`Driver`]).

use std::io::{self, IsTerminal};
use std::net::SocketAddrV4;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::{Error, Output};

/// The longest line, in octets.
const LINE_BYTES: u64 = 256;
/// How long a connection may take to send its line.
const LINE_PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; more wait.
const CONNECTIONS: usize = 16;

const PROMPT: &str = "tandem> ";

/// Who does what lines say.
pub(super) trait Driver {
    /// Does what the line says and tells its reader; whether it was the last.
    async fn handle(&mut self, line: &str, reader: &Reader) -> bool;
}

/// A line and where its answer goes.
struct Request {
    line: String,
    /// The second terminal, which is let go when the last clone is gone; `None`: the line was typed at the prompt.
    second: Option<Output>,
}

/// Who reads the answer to a line.
#[derive(Clone)]
pub(super) struct Reader {
    pub output: Output,
    /// What stands in front of the reader's next line; empty where nobody types.
    prompt: &'static str,
}

impl Reader {
    /// Who has the prompt.
    pub(super) fn of_prompt(output: &Output) -> Self {
        Self { output: output.clone(), prompt: if io::stdin().is_terminal() { PROMPT } else { "" } }
    }

    /// Tells one line.
    pub(super) fn line(&self, text: impl Into<String>) {
        self.output.line(text);
    }

    /// A line that comes while the prompt may be shown: takes its place, and puts it below.
    pub(super) fn line_beside_prompt(&self, text: &str) {
        let back = if self.prompt.is_empty() { "" } else { "\r" };
        self.output.text(format!("{back}{text}\n{}", self.prompt));
    }
}

/// Handles lines until the driver says that one was the last, or the terminal's input ends. `what_to_try` is said first.
pub(super) async fn converse(driver: &mut impl Driver, control: TcpListener, output: &Output, what_to_try: String) {
    let (sender, mut requests) = mpsc::channel(CONNECTIONS);
    read_prompt(sender.clone(), io::stdin().is_terminal());
    let server = tokio::spawn(serve(control, sender));
    output.line(what_to_try);
    let own = Reader::of_prompt(output);
    output.text(own.prompt);
    while let Some(Request { line, second }) = requests.recv().await {
        let reader = match second {
            Some(output) => Reader { output, prompt: "" },
            None => own.clone(),
        };
        if driver.handle(&line, &reader).await {
            break;
        }
        reader.output.text(reader.prompt);
    }
    server.abort();
}

/// Text that says who to run where a program that the demo names is not installed; empty if it is.
pub(super) fn unless_on_path(program: &str, remark: &str) -> String {
    let is_there =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|at| at.join(program).is_file()));
    if is_there { String::new() } else { format!("  ({program} is not installed here: {remark})\n") }
}

/// Lines to try in another terminal, each with a remark.
pub(super) fn try_lines<const N: usize>(lines: [(String, &str); N]) -> String {
    let head = String::from("\nTry, in another terminal:\n");
    lines.into_iter().fold(head, |text, (line, remark)| text + &format!("  {line:<74} # {remark}\n"))
}

/// How this program was called.
pub(super) fn own_name() -> String {
    std::env::args().next().unwrap_or_else(|| "tandem".to_owned())
}

/// Reads the terminal in a thread: a read of standard input cannot be given up, and the program must not wait for it.
/// For the same reason the thread holds no output, whose end the program does wait for.
fn read_prompt(requests: mpsc::Sender<Request>, is_terminal: bool) {
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            if requests.blocking_send(Request { line, second: None }).is_err() {
                return;
            }
        }
        // Ctrl-D. Without a terminal (a service, a pipe) the demo goes on, driven from a second one.
        if is_terminal {
            let _ = requests.blocking_send(Request { line: "quit".to_owned(), second: None });
        }
    });
}

/// Takes lines from second terminals.
async fn serve(control: TcpListener, requests: mpsc::Sender<Request>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = connections.clone().acquire_owned().await.expect("the semaphore is never closed");
        match control.accept().await {
            Ok((stream, _)) => {
                let requests = requests.clone();
                tokio::spawn(async move {
                    // A second terminal that goes away early has had what it wanted.
                    let _ = attend(stream, requests).await;
                    drop(permit);
                });
            }
            // Out of file descriptors, most likely: let some be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn attend(mut stream: TcpStream, requests: mpsc::Sender<Request>) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_BYTES));
    tokio::time::timeout(LINE_PATIENCE, reader.read_line(&mut line)).await??;
    let (sender, mut texts) = mpsc::unbounded_channel();
    let request = Request { line, second: Some(Output(sender)) };
    requests.send(request).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
    while let Some(text) = texts.recv().await {
        writer.write_all(text.as_bytes()).await?;
    }
    writer.shutdown().await
}

/// The second terminal's side: sends the line to the demo whose control line is `control`, and shows what comes back.
pub(super) async fn send(control: SocketAddrV4, line: &str, output: &Output) -> Result<ExitCode, Error> {
    match exchange(control, line, output).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(fault) => Err(Error::NobodyListens { control, fault }),
    }
}

async fn exchange(control: SocketAddrV4, line: &str, output: &Output) -> io::Result<()> {
    let mut stream = TcpStream::connect(control).await?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        output.line(line);
    }
    Ok(())
}
