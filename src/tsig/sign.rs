//! Writing the TSIG record of a request or a reply (RFC 8945 §5.1, §5.3).

use std::sync::Arc;

use crate::wire::Name;
use crate::wire::header::{HEADER_OCTETS, put_u16, rcode, u16_at};

use super::key::Key;
use super::variables::{FUDGE_SECONDS, Variables, covered_header, time_octets};

/// What signs one message.
#[derive(Clone, Debug)]
pub struct Signer {
    who: Who,
    /// The TSIG record's error.
    error: u16,
    /// The client's time, if that is wrong.
    client_time: Option<u64>,
}

#[derive(Clone, Debug)]
enum Who {
    /// A key, and for a reply the MAC of its request, behind its length.
    Key(Arc<Key>, Box<[u8]>),
    /// Nobody: the names of a key and an algorithm as the request has them (RFC 8945 §5.3.2).
    Nobody(Box<[u8]>, Box<[u8]>),
}

impl Signer {
    /// Signs a request of our own.
    pub fn request(key: Arc<Key>) -> Self {
        Self { who: Who::Key(key, Box::default()), error: rcode::NOERROR, client_time: None }
    }

    /// Signs the reply to a request with this MAC.
    pub(super) fn reply(key: Arc<Key>, mac: &[u8], error: u16, client_time: Option<u64>) -> Self {
        let request = [&(mac.len() as u16).to_be_bytes(), mac].concat();
        Self { who: Who::Key(key, request.into()), error, client_time }
    }

    /// Tells an error without a MAC.
    pub(super) fn unsigned(name: &[u8], algorithm: &[u8], error: u16) -> Self {
        Self { who: Who::Nobody(name.into(), algorithm.into()), error, client_time: None }
    }

    /// The error that the record tells: NOERROR, BADSIG, BADKEY, BADTIME or BADTRUNC.
    pub fn error(&self) -> u16 {
        self.error
    }

    /// The key, unless the record has no MAC.
    pub fn key(&self) -> Option<&Arc<Key>> {
        match &self.who {
            Who::Key(key, _) => Some(key),
            Who::Nobody(..) => None,
        }
    }

    /// The MAC of the request that is replied to; empty for a request of our own, and where nobody signs.
    pub fn request_mac(&self) -> &[u8] {
        match &self.who {
            // Its length stands in front.
            Who::Key(_, mac) => mac.get(2..).unwrap_or_default(),
            Who::Nobody(..) => &[],
        }
    }

    /// The error in words.
    pub fn error_name(&self) -> &'static str {
        match self.error {
            rcode::NOERROR => "NOERROR",
            rcode::BADSIG => "BADSIG",
            rcode::BADKEY => "BADKEY",
            rcode::BADTIME => "BADTIME",
            _ => "BADTRUNC",
        }
    }

    /// The name of the key that the request was signed with, known or not.
    pub fn key_name(&self) -> Name {
        match &self.who {
            Who::Key(key, _) => key.name().clone(),
            Who::Nobody(name, _) => Name::from_wire(name).unwrap_or_else(Name::root),
        }
    }

    /// Octets that [`sign`] adds: to be kept free before a reply is found to be too long.
    pub fn octets(&self) -> usize {
        let other = [0; 6];
        self.variables(0, &other).record_octets(self.key().map_or(0, |key| key.mac_octets()))
    }

    /// The record's fields at `unix`; `now` is the same time as it travels.
    fn variables<'v>(&'v self, unix: u64, now: &'v [u8]) -> Variables<'v> {
        let (name, algorithm) = match &self.who {
            Who::Key(key, _) => (key.name().as_wire(), key.algorithm().wire()),
            Who::Nobody(name, algorithm) => (&name[..], &algorithm[..]),
        };
        let bad_time = self.error == rcode::BADTIME;
        Variables {
            name,
            algorithm,
            time: self.client_time.unwrap_or(unix),
            fudge: FUDGE_SECONDS,
            error: self.error,
            other: if bad_time { now } else { &[] },
        }
    }
}

/// Signs the message `out[..length]` at `unix` seconds since 1970: its TSIG record is written behind it. Returns the
/// new length; `None`, with nothing changed, if there is no room or no header, or the additional section is full.
pub fn sign(out: &mut [u8], length: usize, signer: &Signer, unix: u64) -> Option<usize> {
    let now = time_octets(unix);
    let variables = signer.variables(unix, &now);
    let end = length + signer.octets();
    if length < HEADER_OCTETS || end > out.len() {
        return None;
    }
    let (id, additional) = (u16_at(out, 0), u16_at(out, 10));
    let counted = additional.checked_add(1)?;
    match &signer.who {
        Who::Key(key, request) => {
            let header = covered_header(out, id, additional);
            let mac = key.mac(&[request, &header, &out[HEADER_OCTETS..length], &variables.covered()]);
            variables.write(&mut out[length..end], &mac.as_ref()[..key.mac_octets()], id);
        }
        Who::Nobody(..) => variables.write(&mut out[length..end], &[], id),
    }
    put_u16(out, 10, counted);
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::super::key::{Algorithm, Keys};
    use super::super::variables::{Fields, Names};
    use super::super::verify::{Refused, verify};
    use super::*;
    use crate::wire::walk::Record;

    const NOW: u64 = 1_700_000_000;
    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
    const REPLY: &[u8] = b"\x12\x34\x81\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";

    fn key() -> Arc<Key> {
        Arc::new(Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha256, b"secret"))
    }

    fn signed(message: &[u8], signer: &Signer, unix: u64) -> Vec<u8> {
        let mut out = message.to_vec();
        out.resize(message.len() + signer.octets(), 0xee);
        assert_eq!(sign(&mut out, message.len(), signer, unix), Some(out.len()), "octets() says how many");
        out
    }

    /// What the TSIG record behind `at` octets says, with a MAC of this request before it; and whether the MAC is right.
    fn record(reply: &[u8], at: usize, request_mac: &[u8]) -> (u64, u16, Vec<u8>, usize, bool) {
        let mut names = Names::default();
        let record = Record::read(reply, at).expect("a record");
        let fields = Fields::read(reply, &record, &mut names).expect("a TSIG record");
        let length = (request_mac.len() as u16).to_be_bytes();
        let header = covered_header(reply, fields.original_id, u16_at(reply, 10) - 1);
        let mac = key().mac(&[&length, request_mac, &header, &reply[12..at], &fields.variables.covered()]);
        let variables = fields.variables;
        (variables.time, variables.error, variables.other.to_vec(), fields.mac.len(), fields.mac == mac.as_ref())
    }

    #[test]
    fn a_reply_covers_its_request() {
        let request = signed(QUERY, &Signer::request(key()), NOW);
        let keys = Keys::new([Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha256, b"secret")]);
        let verified = verify(&request, &keys, NOW).expect("it is right").expect("it is signed");
        let mac = &request[request.len() - 6 - 32..request.len() - 6];
        let reply = signed(REPLY, &verified.signer, NOW + 1);
        assert_eq!(u16_at(&reply, 10), 1);
        assert_eq!(record(&reply, REPLY.len(), mac), (NOW + 1, 0, vec![], 32, true));
    }

    #[test]
    fn a_wrong_time_is_told_with_both_times() {
        let request = signed(QUERY, &Signer::request(key()), NOW);
        let keys = Keys::new([Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha256, b"secret")]);
        let later = NOW + 1_000;
        let Err(Refused::NotAuthorised(signer)) = verify(&request, &keys, later) else { panic!("too late") };
        let mac = &request[request.len() - 6 - 32..request.len() - 6];
        let reply = signed(REPLY, &signer, later);
        assert_eq!(
            record(&reply, REPLY.len(), mac),
            (NOW, rcode::BADTIME, later.to_be_bytes()[2..].to_vec(), 32, true)
        );
    }

    #[test]
    fn an_unknown_key_is_told_without_a_mac() {
        let request = signed(QUERY, &Signer::request(key()), NOW);
        let Err(Refused::NotAuthorised(signer)) = verify(&request, &Keys::default(), NOW) else { panic!("no keys") };
        let reply = signed(REPLY, &signer, NOW + 1);
        assert_eq!(record(&reply, REPLY.len(), b""), (NOW + 1, rcode::BADKEY, vec![], 0, false));
        assert_eq!(&reply[REPLY.len()..REPLY.len() + 6], b"\x04ddns\0");
    }

    #[test]
    fn what_has_no_room_is_left_alone() {
        let signer = Signer::request(key());
        let mut full = QUERY.to_vec();
        (full[10], full[11]) = (0xff, 0xff);
        for (case, message, length, room) in [
            ("one octet short", QUERY, QUERY.len(), QUERY.len() + signer.octets() - 1),
            ("no header", QUERY, 11, 600),
            ("65,535 records are counted already", &full[..], QUERY.len(), 600),
        ] {
            let mut out = message.to_vec();
            out.resize(room, 0xee);
            let before = out.clone();
            assert_eq!(sign(&mut out, length, &signer, NOW), None, "{case}");
            assert_eq!(out, before, "{case}");
        }
    }
}
