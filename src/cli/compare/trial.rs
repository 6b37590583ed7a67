//! A server of the configuration that is to be tried, for as long as a comparison lasts.
//!
//! It is this same program (`serve --trial`), beside the server in service: at its address, where that is one of this
//! host's, so that lists and views see the same clients, but on a port that is free.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Error;
use crate::cli::serve::READY;

/// How long it may take until it listens; large zones are read meanwhile.
const START: Duration = Duration::from_secs(60);

/// How long it may take to end.
const STOP: Duration = Duration::from_secs(12);

/// The last lines that it said, for when it does not start.
const KEPT_LINES: usize = 20;

/// A server that runs until this is dropped.
pub(super) struct Trial {
    pub address: SocketAddr,
    child: Child,
}

impl Trial {
    /// Starts it and waits until it listens.
    pub(super) fn start(file: &Path, against: SocketAddr) -> Result<Self, Error> {
        let address = free_address(against).map_err(Error::System)?;
        let program = std::env::current_exe().map_err(Error::System)?;
        let mut child = Command::new(program)
            .arg("serve")
            .arg(format!("--end-with={}", std::process::id()))
            .arg(format!("--trial={address}"))
            .arg("-c")
            .arg(file)
            // Ctrl-C ends the comparison, which then ends this.
            .process_group(0)
            // Nor is it the service that somebody may wait for.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("LISTEN_FDS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::System)?;
        let said = child.stderr.take().expect("it is a pipe");
        let trial = Self { address, child };
        let ready = read_lines(said).map_err(Error::System)?;
        match ready.recv_timeout(START) {
            Ok(Ok(())) => Ok(trial),
            Ok(Err(lines)) => Err(Error::Trial(lines)),
            Err(_) => Err(Error::Trial(format!("it does not listen within {} s", START.as_secs()))),
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).map(nix::unistd::Pid::from_raw);
        if let Ok(pid) = pid {
            // One that has ended by itself is waited for all the same.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let end = Instant::now() + STOP;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Tells when it is ready, or what it said before it ended. Goes on reading, so that it never waits for its reader.
fn read_lines(said: ChildStderr) -> io::Result<Receiver<Result<(), String>>> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("trial".to_owned()).spawn(move || follow(BufReader::new(said), &sender))?;
    Ok(receiver)
}

fn follow(said: impl BufRead, sender: &Sender<Result<(), String>>) {
    let mut lines = VecDeque::new();
    for line in said.lines().map_while(Result::ok) {
        if line.starts_with(READY) {
            // Nobody listens any more where the wait has been given up.
            let _ = sender.send(Ok(()));
        }
        lines.push_back(line);
        if lines.len() > KEPT_LINES {
            lines.pop_front();
        }
    }
    let _ = sender.send(Err(Vec::from(lines).join("\n")));
}

/// The address of the server in service, or 127.0.0.1, with a port that is free for UDP and TCP.
fn free_address(against: SocketAddr) -> io::Result<SocketAddr> {
    let own = UdpSocket::bind((against.ip(), 0)).is_ok();
    let ip = if own && !against.ip().is_unspecified() { against.ip() } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
    for _ in 0..100 {
        let address = UdpSocket::bind((ip, 0))?.local_addr()?;
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no port of {ip} is free")))
}
