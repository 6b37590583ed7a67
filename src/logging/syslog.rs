//! Sending messages to the host's syslog: RFC 3164 datagrams to its local socket.
//!
//! Opened by the first message; a syslog that was restarted is found again at once, one that does not read is waited
//! for a bounded time. Not here: syslog over the network, which is the host's syslog's own work.

use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::SystemTime;

use super::stderr::wait_writable;
use super::time::{Civil, Zone};
use super::{Facility, Severity};

/// Where syslogd and journald listen.
pub(super) const SOCKET: &str = "/dev/log";

/// A `syslog` channel's way out.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    facility: Facility,
    /// `tandem[4711]`
    tag: String,
    socket: Option<UnixDatagram>,
    /// Kept from message to message for its room.
    datagram: String,
}

impl Syslog {
    /// Not connected yet.
    pub(super) fn new(path: PathBuf, facility: Facility, program: &str) -> Self {
        let tag = format!("{program}[{}]", std::process::id());
        Syslog { path, facility, tag, socket: None, datagram: String::new() }
    }

    /// Where it sends, for messages about it.
    pub(super) fn describe(&self) -> String {
        format!("syslog at {}", self.path.display())
    }

    /// Sends one line, which ends in a newline that the datagram does not have.
    pub(super) fn write(&mut self, line: &str, severity: Severity, time: SystemTime, zone: Zone) -> io::Result<()> {
        self.datagram.clear();
        let priority = facility_code(self.facility) * 8 + severity.syslog_code();
        write!(self.datagram, "<{priority}>")
            .and_then(|()| Civil::in_zone(time, zone).write_rfc3164(&mut self.datagram))
            .and_then(|()| write!(self.datagram, " {}: {}", self.tag, line.trim_end_matches('\n')))
            .expect("writing to a string cannot fail");
        let sent = self.send().or_else(|error| match error.kind() {
            // A new syslogd has a new socket.
            ErrorKind::ConnectionRefused | ErrorKind::NotConnected | ErrorKind::ConnectionReset => {
                self.socket = None;
                self.send()
            }
            _ => Err(error),
        });
        if sent.is_err() {
            self.socket = None;
        }
        sent
    }

    fn send(&mut self) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(&self.path)?,
        };
        let socket = self.socket.insert(socket);
        match socket.send(self.datagram.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wait_writable(socket.as_fd())?;
                socket.send(self.datagram.as_bytes()).map(drop)
            }
            sent => sent.map(drop),
        }
    }
}

fn connect(path: &PathBuf) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(path)?;
    Ok(socket)
}

/// The facility's code (RFC 5424 §6.2.1).
fn facility_code(facility: Facility) -> u8 {
    match facility {
        Facility::Kern => 0,
        Facility::User => 1,
        Facility::Mail => 2,
        Facility::Daemon => 3,
        Facility::Auth => 4,
        Facility::Syslog => 5,
        Facility::Lpr => 6,
        Facility::News => 7,
        Facility::Uucp => 8,
        Facility::Cron => 9,
        Facility::Authpriv => 10,
        Facility::Ftp => 11,
        Facility::Local0 => 16,
        Facility::Local1 => 17,
        Facility::Local2 => 18,
        Facility::Local3 => 19,
        Facility::Local4 => 20,
        Facility::Local5 => 21,
        Facility::Local6 => 22,
        Facility::Local7 => 23,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1000];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn datagrams_have_priority_time_and_tag_and_find_a_new_syslogd() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let time = UNIX_EPOCH + Duration::from_millis(1_795_222_384_573);
        let mut syslog = Syslog::new(path.clone(), Facility::Local3, "tandem");

        let absent = syslog.write("nobody\n", Severity::Info, time, Zone::East(0)).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);

        for (severity, priority) in [(Severity::Info, 19 * 8 + 6), (Severity::Critical, 19 * 8 + 2)] {
            let _ = std::fs::remove_file(&path);
            let syslogd = UnixDatagram::bind(&path).unwrap();
            syslog.write("security: info: denied\n", severity, time, Zone::East(0)).unwrap();
            let tag = format!("tandem[{}]", std::process::id());
            let expected = format!("<{priority}>Nov 21 00:53:04 {tag}: security: info: denied");
            assert_eq!(received(&syslogd), expected, "{severity}");
        }
    }

    #[test]
    fn a_syslogd_that_does_not_read_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let _syslogd = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(path, Facility::Daemon, "tandem");
        let error = (0..1_000_000)
            .find_map(|_| syslog.write("again\n", Severity::Info, UNIX_EPOCH, Zone::East(0)).err())
            .expect("its queue is bounded");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
}
