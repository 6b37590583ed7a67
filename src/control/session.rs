//! One client's connection from frame to frame, without a socket and without a clock.
//!
//! The first message opens: whatever it asks, its reply has a nonce that every later one must repeat, so that what was
//! recorded elsewhere means nothing here. Over TCP each message has a MAC by one of the channel's keys, a time near ours
//! and is none that came before ([`Replays`]). Where the operating system says who is there (the Unix socket), that is
//! enough. Whatever is wrong ends the connection without a word, as with named: rndc knows what that may mean.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::auth;
use super::message::{Malformed, Message, frame};
use crate::office::reply::{Code, Reply};
use crate::tsig::Key;
use crate::wire::Name;

/// Clocks may differ by so many seconds.
pub const MAX_SKEW_SECONDS: u64 = 300;
/// For how long a message of ours means something, in seconds.
pub const LIFE_SECONDS: u64 = 60;
/// So many messages are remembered.
const MAX_REMEMBERED: usize = 4096;
/// Octets of a MAC that are remembered: as many as tell two of them apart.
const REMEMBERED_OCTETS: usize = 16;

/// Who may speak on a channel.
#[derive(Clone)]
pub enum Trust {
    /// Whoever the operating system lets in.
    Anybody,
    /// Whoever has one of these keys.
    Keys(Arc<[Arc<Key>]>),
}

/// Why a message is not taken, in named's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no message.
    Malformed,
    /// No key of the channel made it, or it repeats another nonce.
    BadAuth,
    /// Its time is too far from ours.
    ClockSkew,
    /// Its time is over.
    Expired,
    /// It came before.
    Duplicate,
    /// It is a reply.
    Reply,
}

impl Fault {
    /// named's words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Malformed => "unexpected end of input",
            Self::BadAuth => "bad auth",
            Self::ClockSkew => "clock skew",
            Self::Expired => "expired",
            Self::Duplicate => "duplicate message",
            Self::Reply => "a reply, not a command",
        }
    }
}

impl From<Malformed> for Fault {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// The messages of a channel that were taken, for as long as their time lets them be taken again.
#[derive(Debug, Default)]
pub struct Replays {
    /// Times and MACs, the oldest first. At most [`MAX_REMEMBERED`]: of a flood by somebody who has the key, the oldest
    /// are forgotten, and their nonce still keeps them out.
    seen: VecDeque<(u64, [u8; REMEMBERED_OCTETS])>,
    known: HashSet<[u8; REMEMBERED_OCTETS]>,
}

impl Replays {
    /// Remembers a proof that was found right at `now`; `false`: it came before.
    fn is_new(&mut self, proof: &[u8], now: u64) -> bool {
        let is_over = |time: u64| time + 2 * MAX_SKEW_SECONDS < now;
        while self.seen.front().is_some_and(|(time, _)| is_over(*time)) || self.seen.len() >= MAX_REMEMBERED {
            let Some((_, mac)) = self.seen.pop_front() else { break };
            self.known.remove(&mac);
        }
        let mut kept = [0; REMEMBERED_OCTETS];
        kept.iter_mut().zip(proof).for_each(|(to, from)| *to = *from);
        let is_new = self.known.insert(kept);
        if is_new {
            self.seen.push_back((now, kept));
        }
        is_new
    }
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What is to be done; `None`: nothing, it opens the connection.
    pub command: Option<String>,
    /// The reply is wanted in JSON too.
    pub json: bool,
    /// The key that made it.
    pub key: Option<Arc<Key>>,
    /// The command as it was sent, which the reply repeats.
    sent: String,
    serial: u32,
}

impl Taken {
    /// The key's name.
    pub fn key_name(&self) -> Option<&Name> {
        self.key.as_deref().map(Key::name)
    }
}

/// See the module.
pub struct Session {
    trust: Trust,
    replays: Arc<Mutex<Replays>>,
    /// Not 0.
    nonce: u32,
    is_open: bool,
}

impl Session {
    /// A connection that begins; `random` becomes its nonce.
    pub fn new(trust: Trust, replays: Arc<Mutex<Replays>>, random: u32) -> Self {
        Self { trust, replays, nonce: random.max(1), is_open: false }
    }

    /// Takes the octets of a frame behind its length, at `now` in seconds since 1970.
    ///
    /// # Errors
    /// When the connection is to be closed.
    pub fn take(&mut self, octets: &[u8], now: u64) -> Result<Taken, Fault> {
        let (message, envelope) = Message::decode(octets)?;
        let key = match &self.trust {
            Trust::Anybody => None,
            Trust::Keys(keys) => {
                let proven = keys.iter().find_map(|key| Some((key, auth::proof(key, &envelope)?)));
                let (key, proof) = proven.ok_or(Fault::BadAuth)?;
                check_times(&message, now)?;
                if !self.replays.lock().unwrap_or_else(PoisonError::into_inner).is_new(proof, now) {
                    return Err(Fault::Duplicate);
                }
                Some(Arc::clone(key))
            }
        };
        if message.is_reply {
            return Err(Fault::Reply);
        }
        let sent = message.text("type").ok_or(Fault::Malformed)?.to_owned();
        let is_opening = !std::mem::replace(&mut self.is_open, true);
        if !is_opening && message.nonce != self.nonce {
            return Err(Fault::BadAuth);
        }
        let command = (!is_opening).then(|| sent.clone());
        Ok(Taken { command, json: message.text("form") == Some("json"), key, sent, serial: message.serial })
    }

    /// The frame that answers a message, of a text of at most `most_octets`.
    pub fn reply(&self, to: &Taken, reply: &Reply, most_octets: usize, now: u64) -> Vec<u8> {
        let mut data = vec![("type".to_owned(), to.sent.clone())];
        let code = reply.as_ref().err().map_or(Code::Success, |failure| failure.code);
        data.push(("result".to_owned(), code.number().to_string()));
        let text = match reply {
            Ok(done) => &done.text,
            Err(failure) => {
                data.push(("err".to_owned(), code.words().to_owned()));
                &failure.text
            }
        };
        if !text.is_empty() {
            data.push(("text".to_owned(), cut(text.trim_end_matches('\n'), most_octets)));
        }
        let json = reply.as_ref().ok().and_then(|done| done.json.as_ref()).filter(|_| to.json);
        data.extend(json.map(|json| ("json".to_owned(), json.to_string())));
        let message = Message {
            serial: to.serial,
            time: now,
            expires: now + LIFE_SECONDS,
            nonce: self.nonce,
            is_reply: true,
            data,
        };
        let covered = message.encode();
        let auth = to.key.as_ref().map(|key| auth::sign(key, &covered));
        frame(auth.as_deref(), &covered)
    }
}

fn check_times(message: &Message, now: u64) -> Result<(), Fault> {
    if message.time.abs_diff(now) > MAX_SKEW_SECONDS {
        return Err(Fault::ClockSkew);
    }
    if message.expires != 0 && message.expires < now {
        return Err(Fault::Expired);
    }
    Ok(())
}

/// A text that fits; what is left out is told.
fn cut(text: &str, most_octets: usize) -> String {
    if text.len() <= most_octets {
        return text.to_owned();
    }
    let end = (0..=most_octets).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let whole = text[..end].rfind('\n').unwrap_or(end);
    format!("{}\n({} octets more: 'tandem ctl' shows them by the control socket)", &text[..whole], text.len() - whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::reply::{Done, Failure};
    use crate::tsig::Algorithm;

    const NOW: u64 = 1_700_000_000;

    fn key(secret: &[u8]) -> Arc<Key> {
        Arc::new(Key::new("rndc-key".parse().expect("a name"), Algorithm::HmacSha256, secret))
    }

    fn session(replays: &Arc<Mutex<Replays>>) -> Session {
        Session::new(Trust::Keys([key(b"other"), key(b"secret")].into()), Arc::clone(replays), 42)
    }

    fn message(line: &str, nonce: u32) -> Message {
        let data = vec![("type".to_owned(), line.to_owned())];
        Message { serial: 9, time: NOW, expires: NOW + 60, nonce, is_reply: false, data }
    }

    fn signed(message: &Message) -> Vec<u8> {
        let covered = message.encode();
        frame(Some(&auth::sign(&key(b"secret"), &covered)), &covered)[4..].to_vec()
    }

    fn read(frame: &[u8]) -> Message {
        let (message, envelope) = Message::decode(&frame[4..]).expect("a message");
        assert!(auth::is_by(&key(b"secret"), &envelope), "signed by the key of the request");
        message
    }

    #[test]
    fn the_first_message_opens_and_the_next_is_the_command() {
        let mut session = session(&Arc::default());
        let opening = session.take(&signed(&message("null", 0)), NOW).expect("it opens");
        assert_eq!(
            (opening.command.as_deref(), opening.key_name().map(ToString::to_string)),
            (None, Some("rndc-key".to_owned()))
        );
        let reply = read(&session.reply(&opening, &Ok(Done::default()), 1000, NOW));
        assert_eq!((reply.serial, reply.nonce, reply.is_reply, reply.expires), (9, 42, true, NOW + 60));
        assert_eq!((reply.text("type"), reply.text("result"), reply.text("err")), (Some("null"), Some("0"), None));
        let taken = session.take(&signed(&message("flush", 42)), NOW + 1).expect("a command");
        assert_eq!(taken.command.as_deref(), Some("flush"));
        let failed = Err(Failure { code: Code::NotFound, text: "no such view".to_owned() });
        let reply = read(&session.reply(&taken, &failed, 1000, NOW));
        assert_eq!((reply.text("result"), reply.text("err")), (Some("23"), Some("not found")));
        assert_eq!(reply.text("text"), Some("no such view"));
        let again = session.take(&signed(&message("status", 42)), NOW + 2).expect("the connection stays");
        assert_eq!(again.command.as_deref(), Some("status"));
    }

    #[test]
    fn what_must_not_be_believed_ends_the_connection() {
        let late = |seconds| Message { time: NOW - seconds, expires: 0, ..message("null", 0) };
        let unsigned = frame(None, &message("null", 0).encode())[4..].to_vec();
        let covered = message("null", 0).encode();
        let by_another = frame(Some(&auth::sign(&key(b"wrong"), &covered)), &covered)[4..].to_vec();
        for (case, octets, expected) in [
            ("nothing", Vec::new(), Fault::Malformed),
            ("no MAC", unsigned, Fault::BadAuth),
            ("another key", by_another, Fault::BadAuth),
            ("301 s old", signed(&late(301)), Fault::ClockSkew),
            ("of a time to come", signed(&Message { time: NOW + 301, ..message("null", 0) }), Fault::ClockSkew),
            ("over", signed(&Message { expires: NOW - 1, ..message("null", 0) }), Fault::Expired),
            ("a reply", signed(&Message { is_reply: true, ..message("null", 0) }), Fault::Reply),
            ("no command", signed(&Message { data: Vec::new(), ..message("", 0) }), Fault::Malformed),
        ] {
            assert_eq!(session(&Arc::default()).take(&octets, NOW).map(|_| ()), Err(expected), "{case}");
        }
        assert!(session(&Arc::default()).take(&signed(&late(300)), NOW).is_ok(), "300 s are no skew");
        let mut session = session(&Arc::default());
        session.take(&signed(&message("null", 0)), NOW).expect("it opens");
        for nonce in [0, 41] {
            assert_eq!(session.take(&signed(&message("stop", nonce)), NOW).map(|_| ()), Err(Fault::BadAuth), "{nonce}");
        }
    }

    #[test]
    fn a_recorded_frame_is_taken_once_whatever_the_connection() {
        let replays = Arc::default();
        let opening = signed(&message("null", 0));
        assert!(session(&replays).take(&opening, NOW).is_ok());
        assert_eq!(session(&replays).take(&opening, NOW).map(|_| ()), Err(Fault::Duplicate));
        let mut first = session(&replays);
        first.take(&signed(&Message { serial: 10, ..message("null", 0) }), NOW).expect("it opens");
        let stop = signed(&message("stop", 42));
        assert!(first.take(&stop, NOW).is_ok());
        assert_eq!(first.take(&stop, NOW).map(|_| ()), Err(Fault::Duplicate));
        let mut flooded = Replays::default();
        for number in 0..3 * MAX_REMEMBERED as u64 {
            assert!(flooded.is_new(&number.to_le_bytes(), NOW));
        }
        assert_eq!((flooded.seen.len(), flooded.known.len()), (MAX_REMEMBERED, MAX_REMEMBERED), "a flood is bounded");
        assert!(flooded.is_new(b"late", NOW + 2 * MAX_SKEW_SECONDS + 1));
        assert_eq!(flooded.seen.len(), 1, "what cannot be taken any more is forgotten");
    }

    #[test]
    fn who_the_system_lets_in_needs_no_key() {
        let mut session = Session::new(Trust::Anybody, Arc::default(), 0);
        let plain = |message: &Message| frame(None, &message.encode())[4..].to_vec();
        let taken = session.take(&plain(&message("null", 0)), NOW).expect("it opens");
        assert!(taken.key.is_none());
        let with_form =
            Message { data: vec![("type".into(), "status".into()), ("form".into(), "json".into())], ..message("", 1) };
        let taken = session.take(&plain(&with_form), NOW).expect("a command");
        assert!(taken.json);
        let done = Done { text: "a\nb\n".to_owned(), json: Some(serde_json::json!({"a": 1})), ..Done::default() };
        let reply = session.reply(&taken, &Ok(done), 1000, NOW);
        let (reply, envelope) = Message::decode(&reply[4..]).expect("a message");
        assert_eq!((reply.text("text"), reply.text("json")), (Some("a\nb"), Some("{\"a\":1}")));
        assert_eq!(envelope.auth, None);
    }

    #[test]
    fn a_text_that_is_too_long_says_so() {
        let text = "zeile ä\n".repeat(100);
        let short = cut(&text, 50);
        assert!(short.starts_with("zeile ä\nzeile ä\n") && short.contains("octets more: 'tandem ctl'"), "{short}");
        assert_eq!(cut(&text, text.len()), text);
    }
}
