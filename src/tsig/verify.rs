//! Judging the TSIG record of a request (RFC 8945 §5.2).
//!
//! In the RFC's order: the record's place, its form, the key, the MAC, the time, the MAC's length. A fudge above our own
//! counts as ours. That a message is not older than the last of its key is not asked (§5.2.3 leaves it to the server):
//! clients that share a key would refuse each other. A repeated query does no harm; repeated updates are the `keeper`'s
//! to find.

use std::sync::Arc;

use crate::wire::header::{HEADER_OCTETS, flag, rcode, rtype, u16_at};
use crate::wire::walk::{Malformed, Record, skip_name};

use super::key::{Key, Keys};
use super::sign::Signer;
use super::variables::{FUDGE_SECONDS, Fields, Names, covered_header};

/// A request whose signature is right.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Signs the reply.
    pub signer: Signer,
    /// The key that signed it.
    pub key: Arc<Key>,
    /// Where the message ends without its TSIG record.
    pub message_end: usize,
    /// The ID that it was signed with; a forwarder on the way may have changed the one in its header.
    pub original_id: u16,
}

/// A request that must not be believed.
#[derive(Clone, Debug)]
pub enum Refused {
    /// Its TSIG record is malformed, twice, or not the last: the answer is FORMERR without one.
    Malformed,
    /// The answer is NOTAUTH, with the TSIG record that this writes. Its error is [`Signer::error`].
    NotAuthorised(Signer),
}

impl Refused {
    /// The header's RCODE.
    pub fn rcode(&self) -> u16 {
        match self {
            Self::Malformed => rcode::FORMERR,
            Self::NotAuthorised(_) => rcode::NOTAUTH,
        }
    }
}

impl From<Malformed> for Refused {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// Judges a request at `unix` seconds since 1970; `None` if it is not signed.
///
/// # Errors
/// When it is signed and must not be believed.
pub fn verify(packet: &[u8], keys: &Keys, unix: u64) -> Result<Option<Verified>, Refused> {
    let Some(record) = find(packet)? else { return Ok(None) };
    let mut names = Names::default();
    let Fields { variables, mac, original_id } = Fields::read(packet, &record, &mut names)?;
    let refuse = |error| Err(Refused::NotAuthorised(Signer::unsigned(variables.name, variables.algorithm, error)));
    let Some(key) = keys.find(variables.name, variables.algorithm) else { return refuse(rcode::BADKEY) };
    let algorithm = key.algorithm();
    if !(algorithm.least_mac_octets()..=algorithm.mac_octets()).contains(&mac.len()) {
        return Err(Refused::Malformed);
    }
    // `find` has counted this record.
    let header = covered_header(packet, original_id, u16_at(packet, 10) - 1);
    let computed = key.mac(&[&header, &packet[HEADER_OCTETS..record.owner], &variables.covered()]);
    if !key.is_same(computed.as_ref(), mac) {
        return refuse(rcode::BADSIG);
    }
    let signer = |error, time| Signer::reply(Arc::clone(key), mac, error, time);
    if unix.abs_diff(variables.time) > u64::from(variables.fudge.min(FUDGE_SECONDS)) {
        return Err(Refused::NotAuthorised(signer(rcode::BADTIME, Some(variables.time))));
    }
    if mac.len() < key.mac_octets() {
        return Err(Refused::NotAuthorised(signer(rcode::BADTRUNC, None)));
    }
    let signer = signer(rcode::NOERROR, None);
    Ok(Some(Verified { signer, key: Arc::clone(key), message_end: record.owner, original_id }))
}

/// The TSIG record of a request: once, the last of the additional section (RFC 8945 §5.1).
fn find(packet: &[u8]) -> Result<Option<Record>, Malformed> {
    if packet.len() < HEADER_OCTETS || u16_at(packet, 2) & flag::QR != 0 {
        return Err(Malformed);
    }
    let [questions, before_additional, additional] = [
        u32::from(u16_at(packet, 4)),
        u32::from(u16_at(packet, 6)) + u32::from(u16_at(packet, 8)),
        u32::from(u16_at(packet, 10)),
    ];
    let mut at = HEADER_OCTETS;
    for _ in 0..questions {
        at = skip_name(packet, at)? + 4;
    }
    for left in (0..before_additional + additional).rev() {
        let record = Record::read(packet, at)?;
        at = record.end;
        match (record.rtype, left) {
            (rtype::TSIG, 0) if additional > 0 => return Ok(Some(record)),
            (rtype::TSIG, _) => return Err(Malformed),
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::key::Algorithm;
    use super::super::sign::sign;
    use super::super::variables::Variables;
    use super::*;
    use crate::wire::header::put_u16;

    const NOW: u64 = 1_700_000_000;
    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x01a\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";

    fn key(name: &str, secret: &[u8]) -> Key {
        Key::new(name.parse().expect("a name"), Algorithm::HmacSha256, secret)
    }

    fn keys() -> Keys {
        let cut = key("cut", b"secret").truncated(20).expect("20 of 32 octets are enough");
        Keys::new([key("ddns", b"secret"), cut])
    }

    /// The query, signed at `time` by a key.
    fn signed(key: Key, time: u64) -> Vec<u8> {
        let mut out = QUERY.to_vec();
        out.resize(600, 0);
        let length = sign(&mut out, QUERY.len(), &Signer::request(Arc::new(key)), time).expect("there is room");
        out.truncate(length);
        out
    }

    /// What is wrong: an RCODE and a TSIG error, and whether the refusal is signed.
    fn fault(packet: &[u8]) -> (u16, u16, bool) {
        match verify(packet, &keys(), NOW) {
            Ok(verified) => panic!("{verified:?} is right"),
            Err(refused @ Refused::Malformed) => (refused.rcode(), 0, false),
            Err(Refused::NotAuthorised(signer)) => (rcode::NOTAUTH, signer.error(), signer.key().is_some()),
        }
    }

    #[test]
    fn a_right_signature_says_who_signed() {
        let packet = signed(key("ddns", b"secret"), NOW);
        let verified = verify(&packet, &keys(), NOW).expect("it is right").expect("it is signed");
        assert_eq!((verified.key.name().to_string().as_str(), verified.message_end), ("ddns", QUERY.len()));
        assert_eq!((verified.original_id, verified.signer.error()), (0x1234, 0));
        assert!(verify(QUERY, &keys(), NOW).expect("it is right").is_none(), "not signed");
    }

    #[test]
    fn clocks_may_differ_by_the_fudge() {
        for (time, right) in
            [(NOW - 300, true), (NOW + 300, true), (NOW - 301, false), (NOW + 301, false), (0, false), (1 << 47, false)]
        {
            let packet = signed(key("ddns", b"secret"), time);
            if right {
                assert!(verify(&packet, &keys(), NOW).is_ok_and(|verified| verified.is_some()), "{time}");
            } else {
                assert_eq!(fault(&packet), (rcode::NOTAUTH, rcode::BADTIME, true), "{time}");
            }
        }
    }

    #[test]
    fn an_id_that_was_changed_on_the_way_does_not_count() {
        let mut packet = signed(key("ddns", b"secret"), NOW);
        put_u16(&mut packet, 0, 0xffff);
        let verified = verify(&packet, &keys(), NOW).expect("it is right").expect("it is signed");
        assert_eq!(verified.original_id, 0x1234);
    }

    #[test]
    fn the_case_of_names_does_not_count() {
        let mut packet = signed(key("ddns", b"secret"), NOW);
        let at = QUERY.len();
        packet[at + 1] = b'D';
        packet[at + 6 + RECORD_FIXED] = b'H';
        assert!(verify(&packet, &keys(), NOW).is_ok_and(|verified| verified.is_some()));
    }

    const RECORD_FIXED: usize = crate::wire::walk::RECORD_FIXED_OCTETS + 1;

    #[test]
    fn each_fault_has_its_answer() {
        let good = signed(key("ddns", b"secret"), NOW);
        let changed = |at: usize, value: u8| {
            let mut packet = good.clone();
            packet[at] = value;
            packet
        };
        let other_algorithm = Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha512, b"secret");
        let tsig = &good[QUERY.len()..];
        let twice = {
            let mut packet = [&good[..], tsig].concat();
            packet[11] = 3;
            packet
        };
        let not_last = {
            let mut packet = [&QUERY[..19], tsig, &QUERY[19..]].concat();
            packet[11] = 2;
            packet
        };
        let an_answer = {
            let mut packet = [&QUERY[..19], tsig].concat();
            (packet[7], packet[11]) = (1, 0);
            packet
        };
        let unsigned = (rcode::NOTAUTH, rcode::BADSIG, false);
        type Case = (&'static str, Vec<u8>, (u16, u16, bool));
        let cases: Vec<Case> = vec![
            ("an unknown key", signed(key("other", b"secret"), NOW), (rcode::NOTAUTH, rcode::BADKEY, false)),
            ("another algorithm", signed(other_algorithm, NOW), (rcode::NOTAUTH, rcode::BADKEY, false)),
            ("another secret", signed(key("ddns", b"Secret"), NOW), unsigned),
            ("another secret, long ago", signed(key("ddns", b"Secret"), 5), unsigned),
            ("another question", changed(13, b'b'), unsigned),
            ("other flags", changed(2, 0), unsigned),
            ("twice", twice, (rcode::FORMERR, 0, false)),
            ("before another record", not_last, (rcode::FORMERR, 0, false)),
            ("among the answers", an_answer, (rcode::FORMERR, 0, false)),
            ("cut off", good[..good.len() - 1].to_vec(), (rcode::FORMERR, 0, false)),
            ("of another class", changed(QUERY.len() + 9, 1), (rcode::FORMERR, 0, false)),
            ("a response", changed(2, 0x81), (rcode::FORMERR, 0, false)),
            ("not even a header", good[..11].to_vec(), (rcode::FORMERR, 0, false)),
        ];
        for (case, packet, expected) in cases {
            assert_eq!(fault(&packet), expected, "{case}");
        }
    }

    /// Signed as `name` with the first octets of the MAC alone, or with more than there are.
    fn with_mac_of(name: &str, octets: usize) -> Vec<u8> {
        let key = key(name, b"secret");
        let variables = Variables {
            name: key.name().as_wire(),
            algorithm: key.algorithm().wire(),
            time: NOW,
            fudge: 300,
            error: 0,
            other: b"",
        };
        let mut mac = key.mac(&[QUERY, &variables.covered()]).as_ref().to_vec();
        mac.resize(octets, 0);
        let mut packet = QUERY.to_vec();
        packet.resize(QUERY.len() + variables.record_octets(octets), 0);
        variables.write(&mut packet[QUERY.len()..], &mac, 0x1234);
        packet[11] = 2;
        packet
    }

    #[test]
    fn short_macs_are_taken_from_those_who_may() {
        let (right, form, short) =
            (None, Some((rcode::FORMERR, 0, false)), Some((rcode::NOTAUTH, rcode::BADTRUNC, true)));
        for (name, octets, expected) in [
            ("ddns", 32, right),
            ("ddns", 33, form),
            ("ddns", 31, short),
            ("ddns", 16, short),
            ("ddns", 15, form),
            ("ddns", 0, form),
            ("cut", 32, right),
            ("cut", 20, right),
            ("cut", 19, short),
            ("cut", 15, form),
        ] {
            let packet = with_mac_of(name, octets);
            match expected {
                None => assert!(verify(&packet, &keys(), NOW).is_ok(), "{name} {octets}"),
                Some(expected) => assert_eq!(fault(&packet), expected, "{name} {octets}"),
            }
        }
    }
}
