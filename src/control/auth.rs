//! Who made a message of the control channel: its MAC, as rndc writes it into `_auth`.
//!
//! `hmd5` has hmac-md5's in base64 without padding, `hsha` a number for the algorithm and the MAC in base64, filled up
//! with zeros to the longest. The key is not named: whoever checks tries those that may be meant.

use data_encoding::{BASE64, BASE64_NOPAD};

use super::message::{Envelope, put_octets};
use crate::tsig::{Algorithm, Key};

/// Octets of `hsha` behind its number: base64 of the longest MAC.
const HSHA_OCTETS: usize = 88;

/// The number of an algorithm in `hsha`; hmac-md5's is used by nobody, for it has an entry of its own.
fn number(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::HmacMd5 => 157,
        Algorithm::HmacSha1 => 161,
        Algorithm::HmacSha224 => 162,
        Algorithm::HmacSha256 => 163,
        Algorithm::HmacSha384 => 164,
        Algorithm::HmacSha512 => 165,
    }
}

/// The entry of `_auth` that a key's MAC is: its name and value.
fn entry(key: &Key, covered: &[u8]) -> (&'static str, Vec<u8>) {
    let mac = key.mac(&[covered]);
    match key.algorithm() {
        Algorithm::HmacMd5 => ("hmd5", BASE64_NOPAD.encode(mac.as_ref()).into_bytes()),
        algorithm => {
            let mut value = vec![number(algorithm)];
            value.extend(BASE64.encode(mac.as_ref()).as_bytes());
            value.resize(1 + HSHA_OCTETS, 0);
            ("hsha", value)
        }
    }
}

/// The entries of `_auth` for octets that are covered.
pub fn sign(key: &Key, covered: &[u8]) -> Vec<u8> {
    let (name, value) = entry(key, covered);
    let mut auth = Vec::new();
    put_octets(&mut auth, name, &value);
    auth
}

/// What shows that a key made the message, if it did; takes the same time whatever the MAC is.
pub fn proof<'o>(key: &Key, envelope: &Envelope<'o>) -> Option<&'o [u8]> {
    let (name, expected) = entry(key, envelope.covered);
    let received = envelope.entry(name).filter(|received| received.len() == expected.len())?;
    key.is_same(&expected, received).then_some(received)
}

/// Whether a key made the message.
pub fn is_by(key: &Key, envelope: &Envelope<'_>) -> bool {
    proof(key, envelope).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, frame};
    use super::*;

    fn key(algorithm: Algorithm, secret: &[u8]) -> Key {
        Key::new("k".parse().expect("a name"), algorithm, secret)
    }

    #[test]
    fn each_algorithm_knows_its_own_messages_and_no_others() {
        let covered = Message { serial: 1, ..Message::default() }.encode();
        for algorithm in Algorithm::ALL {
            let own = key(algorithm, b"secret");
            let auth = sign(&own, &covered);
            let octets = frame(Some(&auth), &covered);
            let (_, envelope) = Message::decode(&octets[4..]).expect("a message");
            assert!(is_by(&own, &envelope), "{algorithm}");
            assert!(!is_by(&key(algorithm, b"another"), &envelope), "{algorithm}");
            for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert!(!is_by(&key(other, b"secret"), &envelope), "{algorithm}, {other}");
            }
            let expected = if algorithm == Algorithm::HmacMd5 { 10 + 22 } else { 99 };
            assert_eq!(auth.len(), expected, "as rndc's");
            for at in 4..octets.len() {
                let mut changed = octets.clone();
                changed[at] ^= 1;
                let read = Message::decode(&changed[4..]);
                assert!(!read.is_ok_and(|(_, envelope)| is_by(&own, &envelope)), "{algorithm}: octet {at}");
            }
        }
    }
}
