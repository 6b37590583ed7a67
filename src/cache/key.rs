//! What an answer is remembered under: QTYPE, view, rule, QCLASS, DO, CD, QNAME.
//!
//! A key is one run of octets, so that hashing and comparing are one pass. QTYPE comes first: what follows is the same
//! for every type of a name, and hashed once for all. DO and CD are part of it: an answer fetched
//! with checking disabled must not reach a client that wants it checked.

use crate::wire::name::MAX_NAME_OCTETS;

/// Octets before the name.
pub const PREFIX_OCTETS: usize = 11;
/// Octets of the longest key.
pub const MAX_KEY_OCTETS: usize = PREFIX_OCTETS + MAX_NAME_OCTETS;

/// The QTYPE under which NXDOMAIN is kept: it holds for all types of the name (RFC 2308 §5). No RR has type 0.
pub const WHOLE_NAME: u16 = 0;

const DO_BIT: u8 = 1;
const CD_BIT: u8 = 2;
/// Under this stands that a question has failed, where the question itself has an answer that is stale.
const FAILURE_BIT: u8 = 4;

/// A key on the stack.
#[derive(Clone)]
pub struct Key {
    octets: [u8; MAX_KEY_OCTETS],
    length: u16,
}

/// The parts of a key beside the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The view's stable number.
    pub view: u16,
    /// The rule's stable number.
    pub rule: u32,
    /// QTYPE, or [`WHOLE_NAME`].
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// DO.
    pub dnssec_ok: bool,
    /// CD.
    pub checking_disabled: bool,
}

impl Key {
    /// Room for a key: one of the root, for nothing.
    pub fn empty() -> Self {
        Self { octets: [0; MAX_KEY_OCTETS], length: PREFIX_OCTETS as u16 + 1 }
    }

    /// A key of these parts and an uncompressed name of at most 255 octets, in any case.
    pub fn new(parts: &Parts, qname: &[u8]) -> Self {
        let mut key = Self::empty();
        key.set(parts, qname);
        key
    }

    /// Becomes a key of these parts and an uncompressed name of at most 255 octets, in any case.
    #[inline]
    pub fn set(&mut self, parts: &Parts, qname: &[u8]) {
        self.length = (PREFIX_OCTETS + qname.len()) as u16;
        self.octets[0..2].copy_from_slice(&parts.qtype.to_le_bytes());
        self.octets[2..4].copy_from_slice(&parts.view.to_le_bytes());
        self.set_rule(parts.rule);
        self.octets[8..10].copy_from_slice(&parts.qclass.to_le_bytes());
        self.octets[10] = if parts.dnssec_ok { DO_BIT } else { 0 } | if parts.checking_disabled { CD_BIT } else { 0 };
        let name = &mut self.octets[PREFIX_OCTETS..PREFIX_OCTETS + qname.len()];
        name.copy_from_slice(qname);
        name.make_ascii_lowercase();
    }

    /// Changes the rule's number, which may follow from [`Self::qname`].
    #[inline]
    pub fn set_rule(&mut self, rule: u32) {
        self.octets[4..8].copy_from_slice(&rule.to_le_bytes());
    }

    /// The same question for every type of the name.
    pub fn whole_name(&self) -> Self {
        let mut key = self.clone();
        key.octets[0..2].copy_from_slice(&WHOLE_NAME.to_le_bytes());
        key
    }

    /// What is the same for every type of the name.
    #[inline]
    pub(super) fn typeless(&self) -> &[u8] {
        &self.as_octets()[2..]
    }

    /// Where it is remembered that the question has failed while an answer of old is kept under the question itself.
    pub fn failure(&self) -> Self {
        let mut key = self.clone();
        key.octets[10] |= FAILURE_BIT;
        key
    }

    /// The parts of a key's octets, and whether it is one of [`Self::failure`]; `None` if they are too few.
    pub(super) fn parts(octets: &[u8]) -> Option<(Parts, bool)> {
        let [t0, t1, v0, v1, r0, r1, r2, r3, c0, c1, bits] = *octets.first_chunk::<PREFIX_OCTETS>()?;
        let parts = Parts {
            view: u16::from_le_bytes([v0, v1]),
            rule: u32::from_le_bytes([r0, r1, r2, r3]),
            qtype: u16::from_le_bytes([t0, t1]),
            qclass: u16::from_le_bytes([c0, c1]),
            dnssec_ok: bits & DO_BIT != 0,
            checking_disabled: bits & CD_BIT != 0,
        };
        Some((parts, bits & FAILURE_BIT != 0))
    }

    /// The name of a key's octets.
    pub(super) fn name(octets: &[u8]) -> &[u8] {
        octets.get(PREFIX_OCTETS..).unwrap_or_default()
    }

    /// The octets.
    #[inline]
    pub fn as_octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// The name, uncompressed and in lower case.
    #[inline]
    pub fn qname(&self) -> &[u8] {
        &self.as_octets()[PREFIX_OCTETS..]
    }

    /// The view's stable number.
    pub fn view(&self) -> u16 {
        u16::from_le_bytes([self.octets[2], self.octets[3]])
    }

    /// QTYPE.
    #[inline]
    pub fn qtype(&self) -> u16 {
        u16::from_le_bytes([self.octets[0], self.octets[1]])
    }

    /// QCLASS.
    #[inline]
    pub fn qclass(&self) -> u16 {
        u16::from_le_bytes([self.octets[8], self.octets[9]])
    }

    /// DO.
    #[inline]
    pub fn dnssec_ok(&self) -> bool {
        self.octets[10] & DO_BIT != 0
    }

    /// CD.
    #[inline]
    pub fn checking_disabled(&self) -> bool {
        self.octets[10] & CD_BIT != 0
    }
}
