//! What a probe found, and the words for it: one reason for the log, `explain` and reports.

use std::fmt;
use std::io;
use std::time::Duration;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server is well.
    Passed(Success),
    /// It is not.
    Failed(Reason),
    /// This host could not probe (no descriptor, no memory): nothing is known, nothing counts.
    Void(String),
}

/// How a server showed that it is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Success {
    /// Of HTTP.
    pub status: Option<u16>,
    /// From the start of the probe.
    pub took: Duration,
}

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server's name has no address: what the resolver says.
    NotResolved(String),
    /// The server's name was not resolved within this.
    ResolveTimeout(Duration),
    /// No connection: what the system says.
    Connect(io::ErrorKind),
    /// No connection within this.
    ConnectTimeout(Duration),
    /// No TLS.
    Tls(String),
    /// The connection ended before the head of a response.
    Closed,
    /// What came is not HTTP, or more of it than is taken.
    Malformed(String),
    /// No status within this after the connection.
    StatusTimeout(Duration),
    /// Neither 2xx nor 3xx.
    Status(u16),
    /// The search string is not in the first octets of the body.
    NoMatch {
        /// How many were searched.
        octets: usize,
        /// The body did not end, nor reach the octets that are searched, within this.
        unfinished: Option<Duration>,
    },
    /// The probe itself failed: a fault of this program.
    Internal,
}

impl Outcome {
    /// Whether the server is well; `None` where nothing is known.
    pub fn passed(&self) -> Option<bool> {
        match self {
            Self::Passed(_) => Some(true),
            Self::Failed(_) => Some(false),
            Self::Void(_) => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(success) => success.fmt(f),
            Self::Failed(reason) => reason.fmt(f),
            Self::Void(text) => write!(f, "not probed: {text}"),
        }
    }
}

impl fmt::Display for Success {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "status {status} after {}", Seconds(self.took)),
            None => write!(f, "connected after {}", Seconds(self.took)),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotResolved(text) => write!(f, "resolve: {text}"),
            Self::ResolveTimeout(time) => write!(f, "resolve: no address within {}", Seconds(*time)),
            Self::Connect(kind) => write!(f, "connect: {}", in_words(*kind)),
            Self::ConnectTimeout(time) => write!(f, "connect: no answer within {}", Seconds(*time)),
            Self::Tls(text) => write!(f, "TLS: {text}"),
            Self::Closed => f.write_str("closed before a status"),
            Self::Malformed(text) => write!(f, "malformed response: {text}"),
            Self::StatusTimeout(time) => write!(f, "no status within {}", Seconds(*time)),
            Self::Status(status) => write!(f, "status {status}"),
            Self::NoMatch { octets, unfinished: None } => write!(f, "string not found in {octets} octets"),
            Self::NoMatch { octets, unfinished: Some(time) } => {
                write!(f, "string not found in {octets} octets within {}", Seconds(*time))
            }
            Self::Internal => f.write_str("the probe itself failed"),
        }
    }
}

/// The short word that operators know.
fn in_words(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        io::ErrorKind::ConnectionReset => "reset".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::AddrNotAvailable => "the source address is not this host's, or has no free port".to_owned(),
        io::ErrorKind::PermissionDenied => "not permitted".to_owned(),
        other => other.to_string(),
    }
}

/// A time in seconds and thousandths: `2.000 s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_words() {
        let second = Duration::from_secs(1);
        let ms = Duration::from_millis;
        for (outcome, words) in [
            (Outcome::Passed(Success { status: Some(200), took: ms(3) }), "status 200 after 0.003 s"),
            (Outcome::Passed(Success { status: None, took: ms(1) }), "connected after 0.001 s"),
            (Outcome::Void("too many open files".to_owned()), "not probed: too many open files"),
            (Outcome::Failed(Reason::NotResolved("NXDOMAIN".to_owned())), "resolve: NXDOMAIN"),
            (Outcome::Failed(Reason::ResolveTimeout(second)), "resolve: no address within 1.000 s"),
            (Outcome::Failed(Reason::Connect(io::ErrorKind::ConnectionRefused)), "connect: refused"),
            (Outcome::Failed(Reason::Connect(io::ErrorKind::ConnectionReset)), "connect: reset"),
            (Outcome::Failed(Reason::Connect(io::ErrorKind::HostUnreachable)), "connect: host unreachable"),
            (Outcome::Failed(Reason::Connect(io::ErrorKind::NetworkUnreachable)), "connect: network unreachable"),
            (Outcome::Failed(Reason::Connect(io::ErrorKind::TimedOut)), "connect: timed out"),
            (Outcome::Failed(Reason::ConnectTimeout(4 * second)), "connect: no answer within 4.000 s"),
            (Outcome::Failed(Reason::Tls("bad record".to_owned())), "TLS: bad record"),
            (Outcome::Failed(Reason::Closed), "closed before a status"),
            (Outcome::Failed(Reason::Malformed("no version".to_owned())), "malformed response: no version"),
            (Outcome::Failed(Reason::StatusTimeout(2 * second)), "no status within 2.000 s"),
            (Outcome::Failed(Reason::Status(503)), "status 503"),
            (Outcome::Failed(Reason::NoMatch { octets: 5120, unfinished: None }), "string not found in 5120 octets"),
            (
                Outcome::Failed(Reason::NoMatch { octets: 12, unfinished: Some(ms(200)) }),
                "string not found in 12 octets within 0.200 s",
            ),
        ] {
            assert_eq!(outcome.to_string(), words);
        }
    }
}
