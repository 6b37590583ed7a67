//! Messages of the control channel as rndc's are: tables of named values behind their length.
//!
//! ```text
//! frame = u32 octets behind it | u32 version 1 | entries
//! entry = u8 length, name | u8 type (1 octets, 2 table, 3 list) | u32 length, value        (big-endian)
//! ```
//! Numbers are decimal text. `_auth` comes first; a MAC covers everything behind it ([`super::auth`]). `_ctrl` has serial,
//! times and nonce, `_data` the command, or what came of it.
//! Invariant: any octets end in a message or in [`Malformed`]; nothing is copied before its length was seen.
//! Not here: who may send what, and when ([`super::session`]).

/// Octets of the longest request behind its length, as in named.
pub const MAX_REQUEST_OCTETS: usize = 32_768;
/// The version that there is.
const VERSION: u32 = 1;
/// The types of values.
const BINARY: u8 = 1;
const TABLE: u8 = 2;
const LIST: u8 = 3;
/// The most entries of a table; there are no more than six in any that rndc sends.
const MAX_ENTRIES: usize = 64;

/// The octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A message without its `_auth`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `_ser`: of the request, and of its reply.
    pub serial: u32,
    /// `_tim`: when it was made, in seconds since 1970.
    pub time: u64,
    /// `_exp`: after which it means nothing.
    pub expires: u64,
    /// `_nonce`: what the server drew for the connection; 0: none.
    pub nonce: u32,
    /// `_rpl`: it is a reply.
    pub is_reply: bool,
    /// `_data`: names and texts, in order.
    pub data: Vec<(String, String)>,
}

impl Message {
    /// A text of `_data`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.data.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }

    /// Its octets behind `_auth`: what a MAC covers.
    pub fn encode(&self) -> Vec<u8> {
        let mut control = Vec::new();
        let mut number = |name, value: u64| put(&mut control, name, BINARY, value.to_string().as_bytes());
        number("_ser", self.serial.into());
        number("_tim", self.time);
        number("_exp", self.expires);
        if self.is_reply {
            number("_rpl", 1);
        }
        if self.nonce != 0 {
            number("_nonce", self.nonce.into());
        }
        let mut data = Vec::new();
        for (name, text) in &self.data {
            put(&mut data, name, BINARY, text.as_bytes());
        }
        let mut out = Vec::with_capacity(control.len() + data.len() + 32);
        put(&mut out, "_ctrl", TABLE, &control);
        put(&mut out, "_data", TABLE, &data);
        out
    }

    /// Reads the octets behind a frame's length, and what authenticates them.
    ///
    /// # Errors
    /// When they are no message, or lack a part that every message has.
    pub fn decode(octets: &[u8]) -> Result<(Self, Envelope<'_>), Malformed> {
        let (version, entries) = octets.split_first_chunk().ok_or(Malformed)?;
        if u32::from_be_bytes(*version) != VERSION {
            return Err(Malformed);
        }
        let mut reader = Reader(entries);
        let mut envelope = Envelope { auth: None, covered: entries };
        let (mut control, mut data) = (None, None);
        let mut is_first = true;
        while let Some(entry) = reader.entry()? {
            match (entry.name, entry.kind) {
                (b"_auth", TABLE) if is_first => envelope = Envelope { auth: Some(entry.value), covered: reader.0 },
                (b"_ctrl", TABLE) if control.is_none() => control = Some(entry.value),
                (b"_data", TABLE) if data.is_none() => data = Some(entry.value),
                (b"_auth" | b"_ctrl" | b"_data", _) => return Err(Malformed),
                _ => {}
            }
            is_first = false;
        }
        let mut message = Self { data: texts(data.ok_or(Malformed)?)?, ..Self::default() };
        for (name, text) in texts(control.ok_or(Malformed)?)? {
            message.set(&name, &text)?;
        }
        Ok((message, envelope))
    }

    /// Takes over an entry of `_ctrl`.
    fn set(&mut self, name: &str, text: &str) -> Result<(), Malformed> {
        let number = || text.parse::<u64>().map_err(|_| Malformed);
        let small = || text.parse::<u32>().map_err(|_| Malformed);
        match name {
            "_ser" => self.serial = small()?,
            "_tim" => self.time = number()?,
            "_exp" => self.expires = number()?,
            "_nonce" => self.nonce = small()?,
            "_rpl" => self.is_reply = true,
            _ => {}
        }
        Ok(())
    }
}

/// What stands around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'o> {
    /// The entries of `_auth`; `None`: it has none.
    pub auth: Option<&'o [u8]>,
    /// What the MAC covers.
    pub covered: &'o [u8],
}

impl<'o> Envelope<'o> {
    /// An entry of `_auth`.
    pub fn entry(&self, name: &str) -> Option<&'o [u8]> {
        let mut reader = Reader(self.auth?);
        while let Ok(Some(entry)) = reader.entry() {
            if entry.name == name.as_bytes() && entry.kind == BINARY {
                return Some(entry.value);
            }
        }
        None
    }
}

/// A whole frame: `auth` are the entries of `_auth`, `covered` what [`Message::encode`] wrote.
pub fn frame(auth: Option<&[u8]>, covered: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(VERSION.to_be_bytes());
    if let Some(auth) = auth {
        put(&mut out, "_auth", TABLE, auth);
    }
    out.extend_from_slice(covered);
    let length = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&length.to_be_bytes());
    out
}

/// Writes an entry of octets.
pub fn put_octets(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    put(out, name, BINARY, value);
}

/// Names have at most 255 octets, values less than 4 GiB.
fn put(out: &mut Vec<u8>, name: &str, kind: u8, value: &[u8]) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    out.push(kind);
    out.extend((value.len() as u32).to_be_bytes());
    out.extend_from_slice(value);
}

struct Entry<'o> {
    name: &'o [u8],
    kind: u8,
    value: &'o [u8],
}

/// The entries that are left.
struct Reader<'o>(&'o [u8]);

impl<'o> Reader<'o> {
    fn entry(&mut self) -> Result<Option<Entry<'o>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let length = usize::from(self.take(1)?[0]);
        let name = self.take(length)?;
        let kind = self.take(1)?[0];
        let length = self.take(4)?;
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        let value = self.take(usize::try_from(length).map_err(|_| Malformed)?)?;
        match kind {
            BINARY | TABLE | LIST => Ok(Some(Entry { name, kind, value })),
            _ => Err(Malformed),
        }
    }

    fn take(&mut self, octets: usize) -> Result<&'o [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(octets).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The entries of a table that are text; each name once.
fn texts(table: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut reader = Reader(table);
    let mut found: Vec<(String, String)> = Vec::new();
    while let Some(Entry { name, kind, value }) = reader.entry()? {
        let name = str::from_utf8(name).map_err(|_| Malformed)?;
        if found.len() >= MAX_ENTRIES || found.iter().any(|(other, _)| other == name) {
            return Err(Malformed);
        }
        if kind == BINARY {
            // rndc ends texts with a zero, other clients do not.
            let value = value.strip_suffix(b"\0").unwrap_or(value);
            found.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        }
    }
    Ok(found)
}

/// Feeds any octets to [`Message::decode`], for fuzzing: whatever they are, it returns, and what it took is written and
/// read as the same.
pub fn fuzz(octets: &[u8]) {
    let Ok((message, _)) = Message::decode(octets) else { return };
    let again = frame(None, &message.encode());
    let (read, _) = Message::decode(&again[4..]).expect("what was written is a message");
    // A text that ends with a zero loses it.
    assert_eq!((read.serial, read.time, read.nonce), (message.serial, message.time, message.nonce));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        let data = [("type", "flushname a.example"), ("form", "json")];
        Message {
            serial: 7,
            time: 1_700_000_000,
            expires: 1_700_000_060,
            nonce: 42,
            is_reply: false,
            data: data.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for message in [message(), Message { is_reply: true, nonce: 0, ..message() }, Message::default()] {
            let mut auth = Vec::new();
            put_octets(&mut auth, "hsha", b"mac");
            let covered = message.encode();
            let octets = frame(Some(&auth), &covered);
            assert_eq!(octets[..4], ((octets.len() - 4) as u32).to_be_bytes());
            let (read, envelope) = Message::decode(&octets[4..]).expect("a message");
            assert_eq!(read, message);
            assert_eq!((envelope.entry("hsha"), envelope.entry("hmd5")), (Some(&b"mac"[..]), None));
            assert_eq!(envelope.covered, covered);
            let unsigned = frame(None, &covered);
            let (read, envelope) = Message::decode(&unsigned[4..]).expect("a message");
            assert_eq!((read, envelope.auth), (message, None));
        }
        assert_eq!(message().text("type"), Some("flushname a.example"));
    }

    #[test]
    fn whatever_is_cut_off_or_twice_or_elsewhere_is_no_message() {
        let covered = message().encode();
        let whole = frame(Some(b""), &covered)[4..].to_vec();
        for length in 0..whole.len() {
            // The last entry is `_data`: without it there is none.
            assert_eq!(Message::decode(&whole[..length]), Err(Malformed), "{length} octets");
        }
        let mut twice = Vec::new();
        put(&mut twice, "_ser", BINARY, b"1");
        put(&mut twice, "_ser", BINARY, b"2");
        let mut of_twice = Vec::new();
        put(&mut of_twice, "_ctrl", TABLE, &twice);
        put(&mut of_twice, "_data", TABLE, b"");
        let mut late = covered.clone();
        put(&mut late, "_auth", TABLE, b"");
        let mut many = Vec::new();
        (0..100).for_each(|number| put(&mut many, &format!("n{number}"), BINARY, b""));
        let mut of_many = Vec::new();
        put(&mut of_many, "_ctrl", TABLE, b"");
        put(&mut of_many, "_data", TABLE, &many);
        let mut negative = Vec::new();
        put(&mut negative, "_tim", BINARY, b"-1");
        let mut of_negative = Vec::new();
        put(&mut of_negative, "_ctrl", TABLE, &negative);
        put(&mut of_negative, "_data", TABLE, b"");
        for (case, octets) in [
            ("a name twice", of_twice),
            ("_auth behind others", late),
            ("a flood of entries", of_many),
            ("a time before 1970", of_negative),
            ("the same table twice", [&covered[..], &covered].concat()),
        ] {
            assert_eq!(Message::decode(&frame(None, &octets)[4..]), Err(Malformed), "{case}");
        }
        let mut version = whole.clone();
        version[3] = 2;
        assert_eq!(Message::decode(&version), Err(Malformed));
        let mut huge = vec![0, 0, 0, 1, 1, b'a', BINARY];
        huge.extend(u32::MAX.to_be_bytes());
        assert_eq!(Message::decode(&huge), Err(Malformed), "a length of 4 GiB");
    }

    #[test]
    fn any_octets_end() {
        let whole = frame(None, &message().encode())[4..].to_vec();
        let mut state = 1_u64;
        for _ in 0..50_000 {
            let mut octets = whole.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % octets.len();
                octets[at] = (state >> 24) as u8;
            }
            fuzz(&octets);
        }
    }
}
