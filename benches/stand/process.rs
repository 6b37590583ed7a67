//! Child processes: started on a core, measured by what the kernel says of them, ended by their PID.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tandem::sys::cores;

use super::message::{Order, QUERY_OCTETS, Questions, is_right};
use super::place::{Place, find_program};

/// How long a child may take to end after SIGTERM.
const END: Duration = Duration::from_secs(3);

/// A running child; ended when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    started: Instant,
}

impl Process {
    /// Starts `command` on the server's core, its output going to a log.
    pub(crate) fn start(place: &Place, name: &str, command: &[String]) -> io::Result<Self> {
        Self::start_on(place, &[place.server_core], name, command, false)
    }

    /// Starts `command` on cores of its own choice among these.
    pub(crate) fn start_among(place: &Place, cores: &[usize], name: &str, command: &[String]) -> io::Result<Self> {
        Self::start_on(place, cores, name, command, false)
    }

    /// Starts a stand-in of this program on a core; with `spoken` its standard input and output are pipes.
    pub(crate) fn stand_in(
        place: &Place,
        core: usize,
        kind: &str,
        addresses: &[SocketAddr],
        spoken: bool,
    ) -> io::Result<Self> {
        let program = std::env::current_exe()?.to_string_lossy().into_owned();
        let mut command = vec![program, super::STAND_IN.to_owned(), kind.to_owned()];
        command.extend(addresses.iter().map(ToString::to_string));
        Self::start_on(place, &[core], kind, &command, spoken)
    }

    fn start_on(place: &Place, cores: &[usize], name: &str, command: &[String], spoken: bool) -> io::Result<Self> {
        let log = place.directory("logs")?.join(format!("{name}.log"));
        let said = File::create(&log)?;
        let mut words = with_parent(command).into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).current_dir(place.path()).stderr(said.try_clone()?);
        let piped = || if spoken { Stdio::piped() } else { Stdio::null() };
        command.stdin(piped());
        command.stdout(if spoken { Stdio::piped() } else { said.into() });
        // A child begins with its parent's cores.
        stay_among(cores);
        let child = command.spawn();
        cores::stay_on(place.load_core);
        Ok(Self { child: child?, log, started: Instant::now() })
    }

    /// The ends of the pipes of a stand-in that is spoken to.
    pub(crate) fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.child.stdin.take().zip(self.child.stdout.take())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a PID fits in i32"))
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill(self.pid(), signal)?)
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// User and system time of all its threads, and those of the processes that it has started, in steps of the kernel's
    /// clock (10 ms, mostly).
    pub(crate) fn cpu(&self) -> Duration {
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
        let ticks: f64 = self.tree().into_iter().map(ticks_of).sum();
        Duration::from_secs_f64(ticks / per_second)
    }

    /// It and those that descend from it.
    fn tree(&self) -> Vec<u32> {
        let mut pids = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = pids.get(next) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            next += 1;
        }
        pids
    }

    /// Octets of memory in use by it and those that descend from it, what they share counted once.
    pub(crate) fn octets_together(&self) -> u64 {
        let of = |pid: u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            kibibytes(&text, "Pss:") * 1024
        };
        self.tree().into_iter().map(of).sum()
    }

    /// Seconds on a core of each of its threads, in no order; empty where the kernel does not tell.
    pub(crate) fn thread_seconds(&self) -> Vec<f64> {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.child.id())) else { return Vec::new() };
        let nanoseconds = |path: PathBuf| -> Option<f64> {
            fs::read_to_string(path.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
        };
        threads.flatten().filter_map(|entry| nanoseconds(entry.path())).map(|ns| ns / 1e9).collect()
    }

    /// Octets of memory in use.
    pub(crate) fn resident_octets(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        kibibytes(&text, "VmRSS:") * 1024
    }

    /// Waits for its first right answer; returns the time from its start, `None` if it ends or `limit` passes.
    pub(crate) fn await_answer(&mut self, address: SocketAddr, from: IpAddr, limit: Duration) -> Option<Duration> {
        let mut query = [0; QUERY_OCTETS];
        let length = Questions::new("ready", Order::New).in_zones(0).next(&mut query);
        while self.started.elapsed() < limit && self.runs() {
            if asks_well(address, from, &query[..length]).unwrap_or(false) {
                return Some(self.started.elapsed());
            }
            // A closed port refuses at once.
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }

    /// The end of what it wrote, for a report of why it does not answer.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(3)..].join(" / ")
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }
}

/// What the line that begins so says.
fn kibibytes(text: &str, start: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// User and system time of a process, in ticks.
fn ticks_of(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The command's name may hold anything; the fields behind it do not (proc_pid_stat(5)).
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    ticks(11) + ticks(12)
}

/// Keeps the calling thread on some cores; where the system does not allow it, the thread stays free.
fn stay_among(cores: &[usize]) {
    let mut set = CpuSet::new();
    if cores.iter().all(|core| set.set(*core).is_ok()) {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

fn asks_well(address: SocketAddr, from: IpAddr, query: &[u8]) -> io::Result<bool> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    socket.send(query)?;
    let mut response = [0; 1500];
    let octets = socket.recv(&mut response)?;
    Ok(is_right(&response[..octets]))
}

/// With `setpriv`, where there is one, no child outlives a run that is killed, not even a stopped one.
fn with_parent(command: &[String]) -> Vec<String> {
    let mut words = match find_program("setpriv") {
        Some(setpriv) => vec![setpriv.to_string_lossy().into_owned(), "--pdeathsig".into(), "KILL".into(), "--".into()],
        None => Vec::new(),
    };
    words.extend_from_slice(command);
    words
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.runs() {
            return;
        }
        // One that is stopped would not see SIGTERM.
        let _ = self.signal(Signal::SIGCONT);
        let _ = self.signal(Signal::SIGTERM);
        let end = Instant::now() + END;
        while self.runs() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.runs() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
