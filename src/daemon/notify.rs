//! Telling the service manager how the server is (sd_notify(3)): ready, reloading, stopping, alive.
//!
//! Without NOTIFY_SOCKET nobody asked, and nothing is told. The socket is connected at once: a server that changes its
//! root directory would not find it later.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Who is told.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// What the environment asks for.
    ///
    /// # Errors
    /// When it names a socket that cannot be reached.
    pub fn from_environment() -> io::Result<Self> {
        let Some(path) = env::var("NOTIFY_SOCKET").ok().filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        let variable = |name| env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = variable("WATCHDOG_USEC").filter(|&microseconds| is_ours && microseconds > 0);
        Ok(Self { socket: Some(connect(&path)?), watchdog: watchdog.map(Duration::from_micros) })
    }

    /// To a socket that is connected, without a watchdog.
    #[cfg(test)]
    pub(super) fn to(socket: UnixDatagram) -> Self {
        Self { socket: Some(socket), watchdog: None }
    }

    /// How often a sign of life is expected at least; `None`: never.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// It answers.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}\nMAINPID={}\n", one_line(status), std::process::id()));
    }

    /// It reads its configuration again, and answers meanwhile; [`Notify::ready`] ends this.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reading the configuration\n", now.as_micros()));
    }

    /// It answers what is in flight and ends.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=answering what is in flight\n");
    }

    /// It lives.
    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1\n");
    }

    fn tell(&self, text: &str) {
        // A manager that does not read, or is gone, is not ours to repair.
        let _ = self.socket.as_ref().map(|socket| socket.send(text.as_bytes()));
    }
}

fn connect(path: &str) -> io::Result<UnixDatagram> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// The protocol has a variable a line.
fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_arrives_in_lines_of_the_protocol() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("a socket");
        let socket = connect(path.to_str().expect("UTF-8")).expect("it is there");
        let notify = Notify::to(socket);
        let heard = || {
            let mut room = [0; 512];
            let length = manager.recv(&mut room).expect("a message");
            String::from_utf8_lossy(&room[..length]).into_owned()
        };
        notify.ready("two\nlines");
        assert_eq!(heard(), format!("READY=1\nSTATUS=two lines\nMAINPID={}\n", std::process::id()));
        notify.reloading();
        let text = heard();
        let since = text.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).expect("since when");
        assert!(since.parse::<u64>().expect("a number") > 0 && text.starts_with("RELOADING=1\n"), "{text}");
        notify.stopping();
        assert!(heard().starts_with("STOPPING=1\n"));
        notify.alive();
        assert_eq!(heard(), "WATCHDOG=1\n");
    }

    #[test]
    fn abstract_names_are_reached_too_and_a_missing_one_is_an_error() {
        let name = format!("tandem-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let manager = UnixDatagram::bind_addr(&address).expect("a socket");
        let socket = connect(&format!("@{name}")).expect("it is there");
        Notify::to(socket).alive();
        assert_eq!(manager.recv(&mut [0; 64]).expect("a message"), "WATCHDOG=1\n".len());
        assert!(connect("/no/where").is_err());
    }
}
