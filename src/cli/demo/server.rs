//! Running a server as a process: this same program, given a configuration.
//!
//! Invariant: no process outlives its [`Server`], whose end kills it by its PID, whatever ended it (a return, a panic, a
//! signal to this program). When this program itself is killed by SIGKILL, the kernel tells them to end
//! (`--end-with`); only their directory is left then.
//! Not here: what a configuration says, what a server answers.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hickory_proto::rr::{DNSClass, RecordType};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::Error;
use super::client::{Question, ask};
use super::place::ALLOWED_CLIENT;
use super::stand_in::name;
use crate::wire::Transport;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(10);
/// How long a server may take to end after SIGTERM, before it is killed.
const STOP: Duration = Duration::from_secs(5);

/// How a process is made.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The file that is run.
    pub executable: PathBuf,
    /// Its arguments, given the configuration file.
    pub arguments: fn(&Path) -> Vec<OsString>,
}

impl Program {
    /// This program's own `serve -c FILE`, ending with this process.
    pub(super) fn tandem() -> Result<Self, Error> {
        let executable =
            std::env::current_exe().map_err(|fault| Error::File { path: PathBuf::from("/proc/self/exe"), fault })?;
        let arguments = |file: &Path| {
            let parent = format!("--end-with={}", std::process::id());
            vec!["serve".into(), parent.into(), "-c".into(), file.as_os_str().to_owned()]
        };
        Ok(Self { executable, arguments })
    }
}

/// One server, running or not.
pub(super) struct Server {
    /// What it is called where it fails: `the forwarder in AZ 1`.
    who: String,
    /// Where it listens when it runs.
    pub address: SocketAddrV4,
    /// Its configuration file.
    pub configuration: PathBuf,
    program: Program,
    /// What it prints goes here.
    output: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// Writes the configuration into `directory`, which must be there; starts nothing.
    pub(super) fn prepare(
        who: String,
        address: SocketAddrV4,
        program: &Program,
        directory: &Path,
        (file, text): (&str, &str),
    ) -> Result<Self, Error> {
        let configuration = directory.join(file);
        std::fs::write(&configuration, text).map_err(|fault| Error::File { path: configuration.clone(), fault })?;
        let output = directory.join("output");
        Ok(Self { who, address, configuration, program: program.clone(), output, child: None })
    }

    /// Whether its process is there: started, not stopped, and not ended by itself.
    pub(super) fn is_running(&mut self) -> bool {
        if self.ended().is_some() {
            self.child = None;
        }
        self.child.is_some()
    }

    /// The process, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// What it has printed, its log among it.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Starts the process and waits until it answers. A running one is left alone.
    pub(super) async fn start(&mut self) -> Result<(), Error> {
        if self.is_running() {
            return Ok(());
        }
        self.child = Some(self.spawn().map_err(|fault| Error::File { path: self.program.executable.clone(), fault })?);
        let outcome = self.wait_until_it_answers().await;
        if outcome.is_err() {
            self.child = None;
        }
        outcome
    }

    fn spawn(&self) -> io::Result<Child> {
        let output = File::create(&self.output)?;
        Command::new(&self.program.executable)
            .args((self.program.arguments)(&self.configuration))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
    }

    async fn wait_until_it_answers(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        let question = version_question(ALLOWED_CLIENT, self.address);
        while begin.elapsed() < START {
            if let Some(status) = self.ended() {
                return Err(self.failed(format!("ended with {status} instead of serving")));
            }
            if ask(&question, Duration::from_millis(200)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(self.failed(format!("did not answer on {} within {} s", self.address, START.as_secs())))
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    fn failed(&self, what: String) -> Error {
        Error::Server { who: self.who.clone(), what, output: last_lines(&self.said(), 10) }
    }

    /// Ends the process with SIGTERM, or SIGKILL when that does not help; says how it ended. `None`: it did not run.
    pub(super) async fn stop(&mut self) -> Option<io::Result<ExitStatus>> {
        let mut child = self.child.take()?;
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // The child is not yet waited for, so that its PID cannot be another process's.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match tokio::time::timeout(STOP, child.wait()).await {
            Ok(outcome) => Some(outcome),
            Err(_) => {
                let _ = child.start_kill();
                Some(child.wait().await)
            }
        }
    }
}

/// CH TXT version.bind, which every name server answers by itself.
pub(super) fn version_question(from: Ipv4Addr, to: SocketAddrV4) -> Question {
    Question {
        from,
        to,
        by: Transport::Udp,
        qname: name("version.bind."),
        qtype: RecordType::TXT,
        qclass: DNSClass::CH,
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_to_its_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
