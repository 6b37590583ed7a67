//! The other side of the channel: asking a server, for `tandem ctl`, `tandem explain` and rndc.
//!
//! One command a connection: the first message opens it, the second is the command. Every step has its patience; what
//! comes back must be signed by the key, for this connection, and no longer than a reply can be.
//! Not here: where the server is and with which key (`cli`).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::auth;
use super::message::{MAX_REQUEST_OCTETS, Message, frame};
use super::session::LIFE_SECONDS;
use crate::tsig::Key;

pub use super::words::join;

/// Octets of the longest reply that is taken.
const MAX_REPLY_OCTETS: usize = 64 << 20;

/// Where a server is, and how it knows us.
pub enum Server {
    /// By its Unix socket.
    Unix(PathBuf),
    /// By TCP, with a key; from this address of ours, if it matters.
    Tcp(SocketAddr, Option<IpAddr>, Box<Key>),
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// named's number for what came of it.
    pub result: u32,
    /// Why it was not done, in named's words; `None`: it was done.
    pub err: Option<String>,
    /// For a person; may be empty.
    pub text: String,
    /// For programs, if that was asked for and the command has it.
    pub json: Option<String>,
}

/// Why nothing came back.
#[derive(Debug)]
pub enum AskError {
    /// The command cannot be sent: there is too much of it.
    TooLong(usize),
    /// The server cannot be reached: nobody listens, not permitted.
    Connect(io::Error),
    /// It was reached, and has not answered; in the time given, if that is the error.
    Silent(io::Error),
    /// It has closed the connection without a word.
    Closed,
    /// What came is no reply, or not signed by the key.
    Garbled,
}

/// Asks a server; each step takes at most `patience`. `json`: for programs, too.
///
/// # Errors
/// Where nothing came back; a command that failed is an [`Answer`].
pub fn ask(server: &Server, line: &str, json: bool, patience: Duration) -> Result<Answer, AskError> {
    match server {
        Server::Unix(path) => {
            let stream = connect_unix(path, patience).map_err(AskError::Connect)?;
            stream
                .set_read_timeout(Some(patience))
                .and_then(|()| stream.set_write_timeout(Some(patience)))
                .map_err(AskError::Silent)?;
            Asking { stream, key: None, serial: rand::random() }.ask(line, json)
        }
        Server::Tcp(address, source, key) => {
            let stream = connect_tcp(*address, *source, patience).map_err(AskError::Connect)?;
            Asking { stream, key: Some(key), serial: rand::random() }.ask(line, json)
        }
    }
}

/// Connects; where too many clients wait already, for at most this long (`WouldBlock`). std's waits for ever.
pub(super) fn connect_unix(socket: &Path, patience: Duration) -> io::Result<UnixStream> {
    let stream = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    stream.set_write_timeout(Some(patience))?;
    stream.connect(&SockAddr::unix(socket)?)?;
    Ok(stream.into())
}

fn connect_tcp(address: SocketAddr, source: Option<IpAddr>, patience: Duration) -> io::Result<TcpStream> {
    let stream = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        stream.bind(&SocketAddr::new(source, 0).into())?;
    }
    stream.connect_timeout(&address.into(), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream.into())
}

struct Asking<'k, S> {
    stream: S,
    key: Option<&'k Key>,
    serial: u32,
}

impl<S: Read + Write> Asking<'_, S> {
    fn ask(mut self, line: &str, json: bool) -> Result<Answer, AskError> {
        let opened = self.exchange("null", 0, false)?;
        let reply = self.exchange(line, opened.nonce, json)?;
        if reply.nonce != opened.nonce {
            return Err(AskError::Garbled);
        }
        let text = |name| reply.text(name).map(str::to_owned);
        Ok(Answer {
            result: reply.text("result").and_then(|number| number.parse().ok()).unwrap_or(0),
            err: text("err"),
            text: text("text").unwrap_or_default(),
            json: text("json"),
        })
    }

    fn exchange(&mut self, line: &str, nonce: u32, json: bool) -> Result<Message, AskError> {
        self.serial = self.serial.wrapping_add(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let mut data = vec![("type".to_owned(), line.to_owned())];
        data.extend(json.then(|| ("form".to_owned(), "json".to_owned())));
        let message =
            Message { serial: self.serial, time: now, expires: now + LIFE_SECONDS, nonce, is_reply: false, data };
        let covered = message.encode();
        let octets = frame(self.key.map(|key| auth::sign(key, &covered)).as_deref(), &covered);
        if octets.len() > MAX_REQUEST_OCTETS {
            return Err(AskError::TooLong(line.len()));
        }
        self.stream.write_all(&octets).map_err(silent)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(silent)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_REPLY_OCTETS {
            return Err(AskError::Garbled);
        }
        let mut octets = Vec::new();
        (&mut self.stream).take(length as u64).read_to_end(&mut octets).map_err(silent)?;
        let (reply, envelope) = Message::decode(&octets).map_err(|_| AskError::Garbled)?;
        let is_signed = self.key.is_none_or(|key| auth::is_by(key, &envelope));
        if !is_signed || !reply.is_reply || reply.serial != self.serial || reply.nonce == 0 {
            return Err(AskError::Garbled);
        }
        Ok(reply)
    }
}

fn silent(error: io::Error) -> AskError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => AskError::Closed,
        _ => AskError::Silent(error),
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(octets) => {
                write!(f, "the command has {octets} octets, too many for a message of {MAX_REQUEST_OCTETS}")
            }
            Self::Connect(error) => {
                let advice = match error.kind() {
                    io::ErrorKind::NotFound => {
                        "no server with this control_socket runs, or it was started without one: start it, or name \
                         another by --socket"
                    }
                    io::ErrorKind::ConnectionRefused => "nobody listens there: is the server started?",
                    io::ErrorKind::PermissionDenied => "only the server's user and root may: try sudo",
                    io::ErrorKind::WouldBlock => "too many clients wait for it: try again",
                    _ => "see the system's message",
                };
                write!(f, "{error} ({advice})")
            }
            Self::Silent(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    f.write_str("the server took the command and does not answer: is it stopped, or very busy?")
                }
                _ => write!(f, "the server went away without an answer: {error}"),
            },
            Self::Closed => f.write_str(
                "the server closed the connection: another key or algorithm than its own, a clock that differs, an address \
                 that may not connect, or it has ended",
            ),
            Self::Garbled => f.write_str("what answered is no such server, or does not have the key"),
        }
    }
}

impl std::error::Error for AskError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_as_a_server_does_is_told_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let told = |patience: u64| {
            let server = Server::Unix(path.clone());
            ask(&server, "status", false, Duration::from_millis(patience)).map_err(|error| error.to_string())
        };
        let absent = told(50).expect_err("nobody is there");
        assert!(absent.contains("no server with this control_socket runs"), "{absent}");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let silent = told(50).expect_err("nobody takes it");
        assert!(silent.contains("took the command and does not answer"), "{silent}");
        let many: Vec<_> = (0..10_000).map_while(|_| connect_unix(&path, Duration::from_millis(1)).ok()).collect();
        let full = told(50).expect_err("too many wait");
        assert!(full.contains("too many clients wait for it"), "{} wait: {full}", many.len());
        many.iter().for_each(|_| drop(listener.accept()));
        // What was asked before is taken first.
        drop(listener.accept());
        let unasked = Message { is_reply: true, nonce: 7, ..Message::default() };
        for (case, reply, expected) in [
            ("nothing", Vec::new(), "the server closed the connection"),
            ("no reply", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "what answered is no such server"),
            ("cut off", b"\0\0\0\x05\0\0".to_vec(), "what answered is no such server"),
            ("to another", frame(None, &unasked.encode()), "what answered is no such server"),
        ] {
            let asked = std::thread::scope(|scope| {
                let asking = scope.spawn(|| told(10_000));
                let (mut stream, _) = listener.accept().expect("a client");
                let _ = stream.read(&mut [0; 1000]);
                let _ = stream.write_all(&reply);
                drop(stream);
                asking.join().expect("it ends")
            });
            let told = asked.expect_err(case);
            assert!(told.contains(expected), "{case}: {told}");
        }
        drop(listener);
        let dead = told(50).expect_err("nobody listens");
        assert!(dead.contains("nobody listens there"), "{dead}");
        let server = Server::Unix(path);
        let long = ask(&server, &"x".repeat(MAX_REQUEST_OCTETS), false, Duration::from_millis(50));
        assert!(long.is_err());
    }
}
