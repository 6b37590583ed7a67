//! Keys: a name, an algorithm, a secret (RFC 8945 §6).
//!
//! A secret goes into the MAC's state when its key is made and is kept nowhere else; no `Debug` shows it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ring::hmac;

use crate::wire::Name;

/// The shortest MAC that anybody may send, in octets (RFC 8945 §5.2.2.1).
const SHORTEST_MAC_OCTETS: usize = 10;

/// How MACs are computed. hmac-md5 must not be used any more and hmac-sha224 is nobody's habit: they are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// hmac-sha1, for old clients.
    HmacSha1,
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
    pub const ALL: [Self; 4] = [Self::HmacSha1, Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// The algorithm of a name as operators write it, without regard to case: `hmac-sha256`.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Its name, in lower case and without a dot.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// Its name as it travels.
    pub fn wire(self) -> &'static [u8] {
        match self {
            Self::HmacSha1 => b"\x09hmac-sha1\0",
            Self::HmacSha256 => b"\x0bhmac-sha256\0",
            Self::HmacSha384 => b"\x0bhmac-sha384\0",
            Self::HmacSha512 => b"\x0bhmac-sha512\0",
        }
    }

    /// Octets of a whole MAC: `20..=64`.
    pub fn mac_octets(self) -> usize {
        self.hmac().digest_algorithm().output_len()
    }

    /// Octets of the shortest MAC that may be sent: `10..=32`.
    pub fn least_mac_octets(self) -> usize {
        SHORTEST_MAC_OCTETS.max(self.mac_octets() / 2)
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::HmacSha384 => hmac::HMAC_SHA384,
            Self::HmacSha512 => hmac::HMAC_SHA512,
        }
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
    secret: hmac::Key,
}

impl Key {
    /// A key whose MACs are sent and demanded whole.
    pub fn new(name: Name, algorithm: Algorithm, secret: &[u8]) -> Self {
        Self { name, algorithm, mac_octets: algorithm.mac_octets(), secret: hmac::Key::new(algorithm.hmac(), secret) }
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
    pub(super) fn mac(&self, pieces: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.secret);
        for piece in pieces {
            context.update(piece);
        }
        context.sign()
    }

    /// Whether `received` is the beginning of `computed`, in a time that does not depend on either: the library
    /// compares MACs of whole length alone, so what is compared are the MACs of both.
    pub(super) fn is_same(&self, computed: &[u8], received: &[u8]) -> bool {
        let computed = computed.get(..received.len()).unwrap_or_default();
        hmac::verify(&self.secret, computed, hmac::sign(&self.secret, received).as_ref()).is_ok()
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
            let name: Name = algorithm.name().parse().expect("a name");
            assert_eq!(name.as_wire(), algorithm.wire());
            assert_eq!(Algorithm::by_name(&algorithm.name().to_uppercase()), Some(algorithm));
        }
        assert_eq!(Algorithm::by_name("hmac-md5"), None);
        assert_eq!(Algorithm::ALL.map(Algorithm::mac_octets), [20, 32, 48, 64]);
        assert_eq!(Algorithm::ALL.map(Algorithm::least_mac_octets), [10, 16, 24, 32]);
    }

    /// RFC 2202 §3 and RFC 4231 §4.2, test case 1.
    #[test]
    fn macs_are_those_of_the_rfcs() {
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        for (algorithm, expected) in [
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
