//! What wakes the running server beside orders: signals, and changes of the host's addresses.

use std::io;
use std::time::Duration;

use tokio::net::UnixDatagram;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::sys::host;

/// Addresses come in groups, and IPv6 ones are tentative at first: so long after the first the host is looked at.
const SETTLE: Duration = Duration::from_millis(200);

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Read everything anew.
    Reload,
    /// Answer what is in flight, and end.
    Stop,
    /// Nothing; its name.
    Nothing(&'static str),
}

/// The signals that mean something, taken before a long configuration is read: left alone each of them ends a process.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// SIGUSR1.
    first: Signal,
    /// SIGUSR2.
    second: Signal,
}

impl Signals {
    /// Takes them; within a runtime.
    ///
    /// # Errors
    /// When the system does not give them.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            first: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next. None is lost where this is dropped before it comes.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hangup.recv() => Told::Reload,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.first.recv() => Told::Nothing("SIGUSR1"),
            _ = self.second.recv() => Told::Nothing("SIGUSR2"),
        }
    }
}

/// Whether an address has come or gone; never where netlink is not available.
pub(super) struct Changes {
    socket: Option<UnixDatagram>,
    /// One has; the host is looked at then.
    look_at: Option<Instant>,
}

impl Changes {
    /// From now on; within a runtime.
    pub(super) fn new() -> Self {
        Self { socket: host::address_changes().and_then(UnixDatagram::from_std).ok(), look_at: None }
    }

    /// Waits until an address has come or gone, and those that come with it are there. None is lost where this is dropped
    /// before that.
    pub(super) async fn next(&mut self) {
        let Some(socket) = &self.socket else { return std::future::pending().await };
        if self.look_at.is_none() {
            // The messages are not read closely, since the interfaces are scanned anyway; one that was cut, or lost in a
            // flood (ENOBUFS), says the same.
            let _ = socket.recv(&mut [0; 4096]).await;
            self.look_at = Some(Instant::now() + SETTLE);
        }
        until(self.look_at).await;
        while socket.try_recv(&mut [0; 4096]).is_ok() {}
        self.look_at = None;
    }
}

/// Waits until then; for ever without a time.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
