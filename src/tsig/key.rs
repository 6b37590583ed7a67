//! Keys: a name, an algorithm, a secret (RFC 8945 §6).
//!
//! A secret goes into the MAC's state when its key is made and is kept nowhere else; no `Debug` shows it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use ring::hmac as ring_hmac;
use sha2::Sha224;

use crate::wire::Name;

/// The shortest MAC that anybody may send, in octets (RFC 8945 §5.2.2.1).
const SHORTEST_MAC_OCTETS: usize = 10;
/// hmac-md5's name as it travels, which some write whole.
const MD5_WHOLE: &str = "hmac-md5.sig-alg.reg.int";

/// Octets of the longest MAC.
pub const MAX_MAC_OCTETS: usize = 64;

/// How MACs are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// hmac-md5, in old key files alone: MD5 is broken, though its HMAC is not yet.
    HmacMd5,
    /// hmac-sha1, for old clients.
    HmacSha1,
    /// hmac-sha224, which few use.
    HmacSha224,
    /// hmac-sha256, the usual one.
    #[default]
    HmacSha256,
    /// hmac-sha384.
    HmacSha384,
    /// hmac-sha512.
    HmacSha512,
}

impl Algorithm {
    /// All, in the order of their strength.
    pub const ALL: [Self; 6] =
        [Self::HmacMd5, Self::HmacSha1, Self::HmacSha224, Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// The algorithm of a name as operators write it, without regard to case: `hmac-sha256`.
    pub fn by_name(name: &str) -> Option<Self> {
        let is_it = |algorithm: &Self| algorithm.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_it).or(name.eq_ignore_ascii_case(MD5_WHOLE).then_some(Self::HmacMd5))
    }

    /// Its name, in lower case and without a dot.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacMd5 => "hmac-md5",
            Self::HmacSha224 => "hmac-sha224",
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// Its name as it travels.
    pub fn wire(self) -> &'static [u8] {
        match self {
            Self::HmacMd5 => b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0",
            Self::HmacSha224 => b"\x0bhmac-sha224\0",
            Self::HmacSha1 => b"\x09hmac-sha1\0",
            Self::HmacSha256 => b"\x0bhmac-sha256\0",
            Self::HmacSha384 => b"\x0bhmac-sha384\0",
            Self::HmacSha512 => b"\x0bhmac-sha512\0",
        }
    }

    /// Octets of a whole MAC: `16..=64`.
    pub fn mac_octets(self) -> usize {
        match self {
            Self::HmacMd5 => 16,
            Self::HmacSha1 => 20,
            Self::HmacSha224 => 28,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => MAX_MAC_OCTETS,
        }
    }

    /// Octets of the shortest MAC that may be sent: `10..=32`.
    pub fn least_mac_octets(self) -> usize {
        SHORTEST_MAC_OCTETS.max(self.mac_octets() / 2)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A shared secret and what it is called.
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    /// `least_mac_octets..=mac_octets` of the algorithm.
    mac_octets: usize,
    secret: State,
}

/// What MACs begin with: the secret, taken in.
enum State {
    Ring(ring_hmac::Key),
    Md5(Hmac<Md5>),
    Sha224(Hmac<Sha224>),
}

impl State {
    fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        let algorithm = match algorithm {
            Algorithm::HmacMd5 => return Self::Md5(keyed(secret)),
            Algorithm::HmacSha224 => return Self::Sha224(keyed(secret)),
            Algorithm::HmacSha1 => ring_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::HmacSha256 => ring_hmac::HMAC_SHA256,
            Algorithm::HmacSha384 => ring_hmac::HMAC_SHA384,
            Algorithm::HmacSha512 => ring_hmac::HMAC_SHA512,
        };
        Self::Ring(ring_hmac::Key::new(algorithm, secret))
    }
}

fn keyed<M: KeyInit>(secret: &[u8]) -> M {
    M::new_from_slice(secret).expect("HMAC takes secrets of any length (RFC 2104 section 2)")
}

/// The MAC of one run of octets in pieces, by a state that took a secret in.
fn mac_of<M: Mac + Clone>(state: &M, pieces: &[&[u8]]) -> Tag {
    let mut state = state.clone();
    pieces.iter().for_each(|piece| state.update(piece));
    Tag::new(&state.finalize().into_bytes())
}

/// A whole MAC.
#[derive(Clone, Copy)]
pub struct Tag {
    octets: [u8; MAX_MAC_OCTETS],
    /// `16..=64`
    length: usize,
}

impl Tag {
    fn new(mac: &[u8]) -> Self {
        let mut octets = [0; MAX_MAC_OCTETS];
        let length = mac.len().min(MAX_MAC_OCTETS);
        octets[..length].copy_from_slice(&mac[..length]);
        Self { octets, length }
    }
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

impl Key {
    /// A key whose MACs are sent and demanded whole.
    pub fn new(name: Name, algorithm: Algorithm, secret: &[u8]) -> Self {
        Self { name, algorithm, mac_octets: algorithm.mac_octets(), secret: State::new(algorithm, secret) }
    }

    /// The same with MACs of `octets`, as named's `hmac-sha256-128` has them of 16: those sent are cut to as much, and
    /// of those received no less will do. `None` unless the algorithm may be cut so far and is so long.
    pub fn truncated(self, octets: usize) -> Option<Self> {
        let bounds = self.algorithm.least_mac_octets()..=self.algorithm.mac_octets();
        bounds.contains(&octets).then_some(Self { mac_octets: octets, ..self })
    }

    /// What it is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// How its MACs are computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Octets of the MACs that it sends, and at least demands.
    pub fn mac_octets(&self) -> usize {
        self.mac_octets
    }

    /// The whole MAC of these pieces, one behind the other.
    pub fn mac(&self, pieces: &[&[u8]]) -> Tag {
        match &self.secret {
            State::Md5(state) => mac_of(state, pieces),
            State::Sha224(state) => mac_of(state, pieces),
            State::Ring(key) => {
                let mut context = ring_hmac::Context::with_key(key);
                pieces.iter().for_each(|piece| context.update(piece));
                Tag::new(context.sign().as_ref())
            }
        }
    }

    /// Whether `received` is the beginning of `computed`, in a time that does not depend on either: what is compared are
    /// the MACs of both, and whoever guesses those knows the secret.
    pub fn is_same(&self, computed: &[u8], received: &[u8]) -> bool {
        let computed = computed.get(..received.len()).unwrap_or_default();
        self.mac(&[computed]).as_ref() == self.mac(&[received]).as_ref()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {})", self.name, self.algorithm)
    }
}

/// The keys that are known, by their names. A name stands for one key.
#[derive(Debug, Default)]
pub struct Keys(HashMap<Box<[u8]>, Arc<Key>>);

impl Keys {
    /// Takes them all; of those with one name the last is kept.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(keys.into_iter().map(|key| (key.name.as_wire().into(), Arc::new(key))).collect())
    }

    /// The key of a name; both names in wire form and lower case. `None` also if its algorithm is another.
    pub fn find(&self, name: &[u8], algorithm: &[u8]) -> Option<&Arc<Key>> {
        self.0.get(name).filter(|key| key.algorithm.wire() == algorithm)
    }

    /// Whether there is none, so that no signature can be right.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_wire_forms_are_the_same_names() {
        for algorithm in Algorithm::ALL {
            let written = if algorithm == Algorithm::HmacMd5 { MD5_WHOLE } else { algorithm.name() };
            let name: Name = written.parse().expect("a name");
            assert_eq!(name.as_wire(), algorithm.wire());
            assert_eq!(Algorithm::by_name(&algorithm.name().to_uppercase()), Some(algorithm));
        }
        assert_eq!(Algorithm::by_name("HMAC-MD5.SIG-ALG.REG.INT"), Some(Algorithm::HmacMd5));
        assert_eq!(Algorithm::by_name("hmac-md4"), None);
        assert_eq!(Algorithm::ALL.map(Algorithm::mac_octets), [16, 20, 28, 32, 48, 64]);
        assert_eq!(Algorithm::ALL.map(Algorithm::least_mac_octets), [10, 10, 14, 16, 24, 32]);
    }

    /// RFC 2202 §3 and RFC 4231 §4.2, test case 1.
    #[test]
    fn macs_are_those_of_the_rfcs() {
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        // MD5's case has a secret of 16 octets.
        let key = Key::new(Name::root(), Algorithm::HmacMd5, &[0x0b; 16]);
        assert_eq!(hex(key.mac(&[b"Hi", b" There"]).as_ref()), "9294727a3638bb1c13f48ef8158bfc9d");
        for (algorithm, expected) in [
            (Algorithm::HmacSha224, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),
            (Algorithm::HmacSha1, "b617318655057264e28bc0b6fb378c8ef146be00"),
            (Algorithm::HmacSha256, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                Algorithm::HmacSha384,
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
            ),
            (
                Algorithm::HmacSha512,
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
        ] {
            let key = Key::new(Name::root(), algorithm, &[0x0b; 20]);
            assert_eq!(hex(key.mac(&[b"Hi", b" There"]).as_ref()), expected, "{algorithm}");
        }
    }

    #[test]
    fn the_beginning_of_a_mac_is_compared_whole() {
        let key = Key::new(Name::root(), Algorithm::HmacSha256, b"secret");
        let mac = key.mac(&[b"text"]);
        let whole = mac.as_ref();
        for length in [10, 16, 32] {
            assert!(key.is_same(whole, &whole[..length]));
            for bit in 0..length * 8 {
                let mut wrong = whole[..length].to_vec();
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert!(!key.is_same(whole, &wrong), "bit {bit} of {length} octets");
            }
        }
        assert!(!key.is_same(whole, &[whole, &[0]].concat()), "longer than the MAC");
    }

    #[test]
    fn macs_are_cut_only_as_far_as_allowed() {
        for (octets, allowed) in [(9, false), (15, false), (16, true), (32, true), (33, false)] {
            let key = Key::new(Name::root(), Algorithm::HmacSha256, b"secret");
            assert_eq!(key.truncated(octets).map(|key| key.mac_octets()), allowed.then_some(octets));
        }
        assert!(
            Key::new(Name::root(), Algorithm::HmacSha1, b"secret").truncated(9).is_none(),
            "half of 20 is too short"
        );
    }

    #[test]
    fn a_key_is_found_by_name_and_algorithm_and_shows_no_secret() {
        let name: Name = "ddns.example".parse().expect("a name");
        let keys = Keys::new([Key::new(name.clone(), Algorithm::HmacSha256, b"hushhush")]);
        assert!(keys.find(name.as_wire(), Algorithm::HmacSha256.wire()).is_some());
        assert!(keys.find(name.as_wire(), Algorithm::HmacSha512.wire()).is_none());
        assert!(keys.find(b"\0", Algorithm::HmacSha256.wire()).is_none());
        assert!(Keys::default().is_empty() && !keys.is_empty());
        let shown = format!("{keys:?}");
        assert!(shown.contains("ddns.example hmac-sha256") && !shown.contains("hush") && !shown.contains("104, 117"));
    }
}
