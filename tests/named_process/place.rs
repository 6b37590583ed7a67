//! Where a server of the tests runs, what it is asked, and its process when it is nobody's child.

// Each program of tests takes a part of it.
#![allow(dead_code)]

use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::common::packet::{Question, exchange_udp};
use crate::common::{Process, Scripted, wait_until};

pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
pub(crate) const SLOW: Duration = Duration::from_millis(900);

/// A directory with `named`, a link to the program under test, and `named.conf`.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new(conf: &str) -> Place {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("it is ours");
        symlink(env!("CARGO_BIN_EXE_tandem"), directory.path().join("named")).expect("a link can be made");
        let place = Place { directory };
        place.write(conf);
        place
    }

    pub(crate) fn write(&self, conf: &str) {
        let text = conf.replace("{directory}", &self.directory.path().to_string_lossy());
        fs::write(self.path("named.conf"), text).expect("a configuration can be written");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the build is, others may not reach.
    pub(crate) fn copy_of_the_program(&self) -> PathBuf {
        let copy = self.path("tandem");
        fs::copy(env!("CARGO_BIN_EXE_tandem"), &copy).expect("the program can be copied");
        copy
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `named -c named.conf ARGUMENTS`, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("named"));
        command.arg("-c").arg(self.path("named.conf")).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs it until it has gone into the background, or not.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it can be started")
    }

    /// Starts it in the foreground, its words in the file `said`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        self.start_command(self.command(arguments))
    }

    pub(crate) fn start_command(&self, mut command: Command) -> Process {
        let said = File::options().create(true).append(true).open(self.path("said")).expect("a file can be made");
        command.stdout(said.try_clone().expect("a handle can be doubled")).stderr(said);
        Process::new(command.spawn().expect("it can be started"))
    }

    /// Starts it in the background: what it is by its pid file.
    pub(crate) fn daemon(&self, arguments: &[&str]) -> Background {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.background("pid")
    }

    /// Whom the pid file names.
    pub(crate) fn background(&self, pid_file: &str) -> Background {
        Background { pid: Pid::from_raw(self.text(pid_file).trim().parse().expect("a process ID")) }
    }
}

/// A process that is nobody's child; ended when dropped.
pub(crate) struct Background {
    pub(crate) pid: Pid,
}

impl Background {
    pub(crate) fn runs(&self) -> bool {
        kill(self.pid, None).is_ok()
    }

    pub(crate) fn ends(&self) -> bool {
        wait_until(PATIENCE, || !self.runs())
    }

    /// A line of /proc/PID/status, without its name.
    pub(crate) fn status(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
        line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.runs() {
            let _ = kill(self.pid, Signal::SIGTERM);
            if !self.ends() {
                let _ = kill(self.pid, Signal::SIGKILL);
            }
        }
    }
}

pub(crate) fn upstream() -> Scripted {
    Scripted::start(|query| {
        let reply = query.reply().address(0, [192, 0, 2, 1]);
        if query.name().starts_with("slow") { reply.send_after(SLOW) } else { reply.send() }
    })
}

pub(crate) fn question(label: &str) -> Vec<u8> {
    Question::new(&format!("{label}.example.org"), "A").octets()
}

pub(crate) fn answers(server: SocketAddr) -> bool {
    let answer = exchange_udp(server, &question("a"), Duration::from_millis(500));
    answer.is_some_and(|answer| answer.rcode() == 0 && answer.counts[1] == 1)
}
