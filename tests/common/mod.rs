//! Running the real program over real sockets: what end-to-end tests share.
//!
//! [`Tandem`] is `tandem serve`, [`Nsd`] an authoritative upstream, [`Named`] one that takes updates, [`Scripted`] an
//! upstream whose replies are a function of the query, [`Web`] a server to be probed, [`dig`], [`nsupdate()`] and [`rndc()`]
//! the clients people use, [`packet`] raw octets. Every server gets a loopback address of its own (`::1`: a port), lives in a
//! temporary directory and is ended by its PID on drop, so tests run side by side.
//! A tool that is not installed panics with the package's name: nothing is skipped.
//! Not here: behaviour that needs no socket; that is told in virtual time beside the code.

// Each test file compiles this module for itself and uses a part of it.
#![allow(dead_code)]
#![allow(unused_imports)]

pub(crate) mod corpus;
pub(crate) mod dig;
mod loopback;
mod named;
mod nsd;
mod nsupdate;
pub(crate) mod packet;
mod rndc;
mod scripted;
mod tandem;
mod web;

use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) use loopback::{IPV6_LOOPBACK, fresh_address, fresh_ipv6_address, fresh_localhost_address};
pub(crate) use named::Named;
pub(crate) use nsd::Nsd;
pub(crate) use nsupdate::nsupdate;
pub(crate) use rndc::{rndc, rndc_by};
pub(crate) use scripted::{Action, Protocol, Query, Scripted};
pub(crate) use tandem::{Tandem, named_conf};
pub(crate) use web::Web;

/// The path of a program, looked for as a shell does and in the directories of daemons.
pub(crate) fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(sbin)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: install the package {package} (tests/run does)"))
}

/// Asks `ready` every 10 ms; true as soon as it is, false after `limit`.
pub(crate) fn wait_until(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if ready() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that we started; ended when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn new(child: Child) -> Process {
        Process { child }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a PID fits in i32"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a child that was not waited for can be signalled");
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Asks it to stop by SIGTERM; `None` if it has not within `limit`.
    pub(crate) fn terminate(&mut self, limit: Duration) -> Option<ExitStatus> {
        if self.ended().is_none() {
            self.signal(Signal::SIGTERM);
        }
        wait_until(limit, || self.ended().is_some());
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.terminate(Duration::from_secs(3)).is_none() {
            // Nothing more can be done about a child that is not even killed.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
