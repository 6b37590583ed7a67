//! What goes over the control socket, and asking by it.
//!
//! A request is one line: words between tabs, without other control characters, at most [`MAX_REQUEST_OCTETS`]. The
//! reply is a line `ok OCTETS` or `error OCTETS` and so many octets of text, so that one that was cut off is known for
//! it; then the server closes.
//! Not here: which words mean something ([`super::commands`]).

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

/// Octets of the longest request, with its end of line.
pub const MAX_REQUEST_OCTETS: usize = 4096;
/// Octets of the longest text that is taken for a reply.
const MAX_REPLY_OCTETS: usize = 64 << 20;
/// Octets of the longest first line of a reply.
const MAX_HEAD_OCTETS: usize = 32;

/// What a command came to: text for a person, which may have several lines.
pub type Reply = Result<String, String>;

/// Why nothing came back.
#[derive(Debug)]
pub enum AskError {
    /// A word that cannot be sent: it has a control character, or there is too much of it.
    Word(String),
    /// The server cannot be reached: there is no socket, nobody listens, not permitted.
    Connect(io::Error),
    /// It was reached, and did not answer; in the time given, if that is the error.
    Silent(io::Error),
    /// What came is no reply.
    Garbled,
}

/// Asks the server behind a socket; each step takes at most `patience`.
///
/// # Errors
/// Where nothing came back; a command that failed is a [`Reply`].
pub fn ask(socket: &Path, words: &[&str], patience: Duration) -> Result<Reply, AskError> {
    let request = encode_request(words).map_err(AskError::Word)?;
    let mut stream = connect(socket, patience).map_err(AskError::Connect)?;
    let limit = |stream: &UnixStream| {
        stream.set_read_timeout(Some(patience)).and_then(|()| stream.set_write_timeout(Some(patience)))
    };
    limit(&stream).map_err(AskError::Silent)?;
    let mut octets = Vec::new();
    // A server that has its reply ready before the request was whole closes: that reply is what counts.
    let sent = stream.write_all(request.as_bytes());
    let most = (MAX_REPLY_OCTETS + MAX_HEAD_OCTETS) as u64;
    let got = stream.take(most).read_to_end(&mut octets);
    match decode_reply(&octets) {
        Some(reply) => Ok(reply),
        None => Err(sent.and(got.map(drop)).map_or_else(AskError::Silent, |()| AskError::Garbled)),
    }
}

/// Connects; where too many clients wait already, for at most this long (`WouldBlock`). std's waits for ever.
pub(super) fn connect(socket: &Path, patience: Duration) -> io::Result<UnixStream> {
    let stream = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    stream.set_write_timeout(Some(patience))?;
    stream.connect(&SockAddr::unix(socket)?)?;
    Ok(stream.into())
}

/// The line that asks for something.
fn encode_request(words: &[&str]) -> Result<String, String> {
    if let Some(word) = words.iter().find(|word| word.chars().any(char::is_control)) {
        return Err(format!("'{}' has a control character: write it in one line, without tabs", word.escape_debug()));
    }
    let line = words.join("\t") + "\n";
    if line.len() > MAX_REQUEST_OCTETS {
        return Err(format!("the command has {} octets, {MAX_REQUEST_OCTETS} are possible", line.len()));
    }
    Ok(line)
}

/// The words of a request's line, without its end.
pub(super) fn decode_request(line: &[u8]) -> Result<Vec<&str>, &'static str> {
    let line = std::str::from_utf8(line).map_err(|_| "a request is UTF-8")?;
    let words: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
    if words.iter().any(|word| word.chars().any(char::is_control)) {
        return Err("a request has no control characters but tabs between its words");
    }
    Ok(words)
}

/// A reply as it is sent.
pub(super) fn encode_reply(reply: &Reply) -> Vec<u8> {
    let (word, text) = match reply {
        Ok(text) => ("ok", text),
        Err(text) => ("error", text),
    };
    [format!("{word} {}\n", text.len()).as_bytes(), text.as_bytes()].concat()
}

/// A reply that is whole.
fn decode_reply(octets: &[u8]) -> Option<Reply> {
    let end = octets.iter().take(MAX_HEAD_OCTETS).position(|&octet| octet == b'\n')?;
    let (word, count) = std::str::from_utf8(&octets[..end]).ok()?.split_once(' ')?;
    let text = octets.get(end + 1..).filter(|text| count.parse() == Ok(text.len()))?;
    let text = String::from_utf8_lossy(text).into_owned();
    match word {
        "ok" => Some(Ok(text)),
        "error" => Some(Err(text)),
        _ => None,
    }
}

impl AskError {
    /// Whether no server runs behind the socket at all.
    pub fn is_absent(&self) -> bool {
        let absent = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        matches!(self, Self::Connect(error) if absent.contains(&error.kind()))
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(why) => f.write_str(why),
            Self::Connect(error) => {
                let advice = match error.kind() {
                    io::ErrorKind::NotFound => {
                        "no server with this control_socket runs, or it was started without one: start it, or name \
                         another by --socket"
                    }
                    io::ErrorKind::ConnectionRefused => "the server that made it has died: start it again",
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
            Self::Garbled => f.write_str("what answered is no Tandem server, or it went away while it answered"),
        }
    }
}

impl std::error::Error for AskError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read() {
        for words in [&["health"][..], &["health", "down", "a b", "-", "new disks, ä"], &[""], &["zone", "status", ""]]
        {
            let line = encode_request(words).expect("it can be sent");
            assert_eq!(decode_request(line.trim_end_matches('\n').as_bytes()).as_deref(), Ok(words));
        }
        for reply in [Ok(String::new()), Ok("a\nb\n".to_owned()), Err("no such check: ä".to_owned())] {
            assert_eq!(decode_reply(&encode_reply(&reply)), Some(reply));
        }
    }

    #[test]
    fn who_does_not_answer_as_a_server_does_is_told_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let told = |patience: u64| ask(&path, &["status"], Duration::from_millis(patience)).map_err(|e| e.to_string());
        let absent = told(50).expect_err("nobody is there");
        assert!(absent.contains("no server with this control_socket runs"), "{absent}");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let silent = told(50).expect_err("nobody takes it");
        assert!(silent.contains("took the command and does not answer"), "{silent}");
        let many: Vec<_> = (0..10_000).map_while(|_| connect(&path, Duration::from_millis(1)).ok()).collect();
        let full = told(50).expect_err("too many wait");
        assert!(full.contains("too many clients wait for it"), "{} wait: {full}", many.len());
        many.iter().for_each(|_| drop(listener.accept()));
        // What was asked before is taken first.
        drop(listener.accept());
        for (reply, expected) in [
            (&b"ok 2\nhi"[..], Ok(Ok("hi".to_owned()))),
            (b"error 2\nno", Ok(Err("no".to_owned()))),
            (b"ok 3\nhi", Err("what answered is no Tandem server, or it went away while it answered".to_owned())),
            (b"HTTP/1.1 400 Bad Request\r\n", Err(AskError::Garbled.to_string())),
        ] {
            let asked = std::thread::scope(|scope| {
                let asking = scope.spawn(|| told(10_000));
                let (mut stream, _) = listener.accept().expect("a client");
                let _ = stream.read(&mut [0; 100]);
                let _ = stream.write_all(reply);
                drop(stream);
                asking.join().expect("it ends")
            });
            assert_eq!(asked, expected);
        }
        drop(listener);
        let dead = told(50).expect_err("nobody listens");
        assert!(dead.contains("the server that made it has died"), "{dead}");
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        let long = "x".repeat(MAX_REQUEST_OCTETS);
        for (words, expected) in [
            (&["health", "a\tb"][..], "'a\\tb' has a control character"),
            (&["a\nb"], "'a\\nb' has a control character"),
            (&[&*long], "the command has 4097 octets, 4096 are possible"),
        ] {
            let told = encode_request(words).expect_err("it cannot be sent");
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn a_request_that_says_nothing_is_refused_and_a_reply_that_was_cut_off_is_none() {
        for line in [&b"health\xff"[..], b"health\0", b"a\tb\x1b[2J"] {
            assert!(decode_request(line).is_err(), "{line:?}");
        }
        let whole = encode_reply(&Ok("text\n".to_owned()));
        for octets in [&b""[..], b"ok", b"ok \n", b"ok x\n", b"yes 1\nx", b"ok 1\nxy", &whole[..whole.len() - 1]] {
            assert_eq!(decode_reply(octets), None, "{octets:?}");
        }
    }
}
