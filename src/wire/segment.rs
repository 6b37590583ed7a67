//! The form in which answers are kept and composed: one **segment** for each rule that a chain of aliases passes.
//!
//! A segment is what one rule's upstream said about one question, and nothing else: answer records from the question's
//! own chain, the negative SOA or proofs, in wire form behind a question of the same length, so that a reply is one
//! copy and a few patches. It also says where its TTLs stand and where the chain goes on.
//! Octets: a fixed part of [`FIXED_OCTETS`], the offsets of TTLs, the name that the chain goes on with, the body.
//! An RRset of a local zone is a segment too: all its records are owned by [`QUESTION_POINTER`], names in its RDATA are
//! whole, so that it stands behind any question and, by [`Segment::copy_owned`], behind any name that was written.

use super::header::{HEADER_OCTETS, ede, put_u16, put_u32, rcode, rtype, u32_at};

/// Octets of the fixed part.
pub const FIXED_OCTETS: usize = 22;
/// The most octets of an RRset's records: what a message by TCP holds beside the longest question and our OPT.
pub const MAX_RRSET_OCTETS: usize = 65_000;
/// An owner that points to the question's name.
pub const QUESTION_POINTER: u16 = pointer_to(HEADER_OCTETS);
/// Octets from a record's beginning to its TTL, if its owner is a pointer.
const BEFORE_TTL: usize = 6;

/// A segment in place.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'s> {
    octets: &'s [u8],
}

/// What a segment says beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// RCODE, `0..=15`.
    pub rcode: u8,
    /// The upstream said AD, and the rule trusts it.
    pub authentic: bool,
    /// It is the server's own word, not an upstream's.
    pub authoritative: bool,
    /// A CNAME or DNAME was followed; see `layout`.
    pub linked: bool,
    /// Records in the answer section.
    pub answers: u16,
    /// Records in the authority section.
    pub authority: u16,
    /// Index, among the TTL offsets, of the first record of a set of addresses that may be rotated.
    pub rotate_first: u16,
    /// Records in that set: 0, or at least 2.
    pub rotate_count: u16,
    /// INFO-CODE of an extended error plus one; 0: none.
    pub ede: u16,
    /// Fingerprint of the rules under which the links of a chain were believed; a chain found under other rules must be
    /// asked again.
    pub layout: u32,
}

const AUTHENTIC: u8 = 1;
const LINKED: u8 = 2;
const AUTHORITATIVE: u8 = 4;

/// Writes a segment.
///
/// `ttl_offsets` count from the body's beginning; `next` is the uncompressed name that the chain goes on with under
/// another rule, or empty. `None` when the parts are longer than a message can be.
pub fn encode(out: &mut Vec<u8>, meta: &Meta, ttl_offsets: &[u16], next: &[u8], body: &[u8]) -> Option<()> {
    let body_length = u16::try_from(body.len()).ok()?;
    let ttl_count = u16::try_from(ttl_offsets.len()).ok()?;
    out.clear();
    let mut fixed = [0; FIXED_OCTETS];
    fixed[0] = meta.rcode;
    let flags = [(meta.authentic, AUTHENTIC), (meta.linked, LINKED), (meta.authoritative, AUTHORITATIVE)];
    fixed[1] = flags.iter().map(|&(is_set, bit)| if is_set { bit } else { 0 }).sum();
    let values = [meta.answers, meta.authority, meta.rotate_first, meta.rotate_count, meta.ede, ttl_count, body_length];
    for (place, value) in fixed[2..16].chunks_exact_mut(2).zip(values) {
        place.copy_from_slice(&value.to_le_bytes());
    }
    fixed[16] = u8::try_from(next.len()).ok()?;
    fixed[18..].copy_from_slice(&meta.layout.to_le_bytes());
    out.extend_from_slice(&fixed);
    out.extend(ttl_offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    out.extend_from_slice(next);
    out.extend_from_slice(body);
    Some(())
}

/// A pointer to the name that stands at an offset of a message, below 2^14 (RFC 1035 §4.1.4).
#[inline]
pub const fn pointer_to(offset: usize) -> u16 {
    0xc000 | offset as u16
}

/// Makes a segment whose TTL has ended one that may be given out all the same (RFC 8767 §4): every TTL becomes `ttl`,
/// nothing is authentic any more, and an extended error says what it is.
pub fn make_stale(octets: &mut [u8], ttl: u32) {
    let segment = Segment::new(octets);
    let code =
        if segment.meta().rcode == rcode::NXDOMAIN as u8 { ede::STALE_NXDOMAIN_ANSWER } else { ede::STALE_ANSWER };
    let body = octets.len() - segment.body_length();
    for index in 0..segment.ttl_count() {
        let at = body + Segment::new(octets).ttl_offset(index);
        put_u32(octets, at, ttl);
    }
    octets[1] &= !AUTHENTIC;
    octets[10..12].copy_from_slice(&(code + 1).to_le_bytes());
}

impl<'s> Segment<'s> {
    /// Looks at octets that [`encode`] wrote.
    #[inline]
    pub fn new(octets: &'s [u8]) -> Self {
        debug_assert!(octets.len() >= FIXED_OCTETS);
        Self { octets }
    }

    #[inline]
    fn u16_le(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.octets[at], self.octets[at + 1]])
    }

    /// As [`encode`] wrote it.
    pub fn as_octets(&self) -> &'s [u8] {
        self.octets
    }

    /// What it says beside its records.
    #[inline]
    pub fn meta(&self) -> Meta {
        // Looked at once for its length, not for each part.
        let fixed: &[u8; FIXED_OCTETS] = self.octets.first_chunk().unwrap_or(&[0; FIXED_OCTETS]);
        let value = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        Meta {
            rcode: fixed[0],
            authentic: fixed[1] & AUTHENTIC != 0,
            linked: fixed[1] & LINKED != 0,
            authoritative: fixed[1] & AUTHORITATIVE != 0,
            answers: value(2),
            authority: value(4),
            rotate_first: value(6),
            rotate_count: value(8),
            ede: value(10),
            layout: u32::from_le_bytes([fixed[18], fixed[19], fixed[20], fixed[21]]),
        }
    }

    #[inline]
    fn ttl_count(&self) -> usize {
        usize::from(self.u16_le(12))
    }

    #[inline]
    fn body_length(&self) -> usize {
        usize::from(self.u16_le(14))
    }

    /// Where each TTL stands, from the body's beginning.
    #[inline]
    pub fn ttl_offsets(&self) -> impl Iterator<Item = usize> + use<'s> {
        let offsets = &self.octets[FIXED_OCTETS..FIXED_OCTETS + 2 * self.ttl_count()];
        offsets.chunks_exact(2).map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])))
    }

    /// The name that the chain goes on with under another rule; empty at a chain's end.
    #[inline]
    pub fn next(&self) -> &'s [u8] {
        let at = FIXED_OCTETS + 2 * self.ttl_count();
        &self.octets[at..at + usize::from(self.octets[16])]
    }

    /// The records, as they stand behind a question of the same length.
    #[inline]
    pub fn body(&self) -> &'s [u8] {
        &self.octets[self.octets.len() - self.body_length()..]
    }

    /// Copies the records to the beginning of `out`, TTLs lowered by `elapsed` seconds, the set of addresses beginning
    /// with record `rotation` (modulo its size). Returns how many octets were written; `None` if they do not fit.
    #[inline]
    pub fn copy_into(&self, out: &mut [u8], elapsed: u32, rotation: u32) -> Option<usize> {
        let body = self.body();
        let out = out.get_mut(..body.len())?;
        out.copy_from_slice(body);
        for at in self.ttl_offsets() {
            let ttl = u32_at(out, at);
            put_u32(out, at, ttl.saturating_sub(elapsed));
        }
        let count = self.u16_le(8);
        if count > 1 {
            self.rotate(out, usize::from(count), rotation);
        }
        Some(body.len())
    }

    /// Copies an RRset of a local zone to the beginning of `out`, every record owned by the pointer `owner`
    /// ([`pointer_to`]), the set of addresses beginning with record `rotation` (modulo its size). Returns how many
    /// octets were written; `None` if they do not fit.
    #[inline]
    pub fn copy_owned(&self, out: &mut [u8], rotation: u32, owner: u16) -> Option<usize> {
        let written = self.copy_into(out, 0, rotation)?;
        self.ttl_offsets().for_each(|at| put_u16(out, at - BEFORE_TTL, owner));
        Some(written)
    }

    /// Writes an RRset of a local zone as a segment of its own that says `meta` and nothing of a chain, every record
    /// owned by the pointer `owner`.
    pub fn encode_owned(&self, out: &mut Vec<u8>, meta: &Meta, owner: u16) -> Option<()> {
        let mut body = self.body().to_vec();
        let offsets: Vec<u16> = self.ttl_offsets().map(|at| at as u16).collect();
        offsets.iter().for_each(|at| put_u16(&mut body, usize::from(*at) - BEFORE_TTL, owner));
        encode(out, meta, &offsets, &[], &body)
    }

    /// Hands RDATA round among the records of the set; owners and TTLs are alike.
    fn rotate(&self, out: &mut [u8], count: usize, rotation: u32) {
        let shift = rotation as usize % count;
        if shift == 0 {
            return;
        }
        let body = self.body();
        let first = usize::from(self.u16_le(6));
        // RDLENGTH and RDATA follow the TTL.
        let rdata = |index: usize| self.ttl_offset(first + index) + 6;
        let length = usize::from(body[rdata(0) - 1]);
        for index in 0..count {
            let (to, from) = (rdata(index), rdata((index + shift) % count));
            out[to..to + length].copy_from_slice(&body[from..from + length]);
        }
    }

    #[inline]
    fn ttl_offset(&self, index: usize) -> usize {
        usize::from(self.u16_le(FIXED_OCTETS + 2 * index))
    }
}

/// Whether sets of this type are rotated: addresses, all RDATA of one length.
pub fn rotates(qtype: u16) -> bool {
    matches!(qtype, rtype::A | rtype::AAAA)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A records behind a question, one for each (TTL, last octet), that may be rotated from `first` on.
    fn addresses(records: &[(u32, u8)], first: u16) -> Vec<u8> {
        let (mut body, mut offsets) = (Vec::new(), Vec::new());
        for (ttl, last) in records {
            offsets.push(body.len() as u16 + 6);
            body.extend(b"\xc0\x0c\0\x01\0\x01");
            body.extend(ttl.to_be_bytes());
            body.extend([0, 4, 10, 0, 0, *last]);
        }
        let rotate_count = records.len() as u16 - first;
        let meta = Meta { answers: records.len() as u16, rotate_first: first, rotate_count, ..Meta::default() };
        let mut octets = Vec::new();
        encode(&mut octets, &meta, &offsets, &[], &body).expect("it is short");
        octets
    }

    #[test]
    fn ttls_count_down_to_zero_and_addresses_go_round() {
        let three = [(30, 1), (30, 2), (30, 3)];
        type Case<'c> = (&'c str, &'c [(u32, u8)], u16, (u32, u32), &'c [(u32, u8)]);
        let cases: [Case<'_>; 7] = [
            ("as it is kept", &three, 0, (0, 0), &three),
            ("later", &three, 0, (7, 0), &[(23, 1), (23, 2), (23, 3)]),
            ("after its end", &three, 0, (31, 0), &[(0, 1), (0, 2), (0, 3)]),
            ("beginning with the second", &three, 0, (0, 1), &[(30, 2), (30, 3), (30, 1)]),
            ("beginning with the third, and again", &three, 0, (1, 5), &[(29, 3), (29, 1), (29, 2)]),
            ("a whole turn", &three, 0, (0, 3), &three),
            ("the set behind another record", &three, 1, (0, 1), &[(30, 1), (30, 3), (30, 2)]),
        ];
        for (case, records, first, (elapsed, rotation), expected) in cases {
            let octets = addresses(records, first);
            let mut out = [0xee; 64];
            let written = Segment::new(&octets).copy_into(&mut out, elapsed, rotation).expect(case);
            assert_eq!(written, 16 * records.len(), "{case}");
            let told: Vec<_> = out[..written].chunks(16).map(|record| (u32_at(record, 6), record[15])).collect();
            assert_eq!(told, expected, "{case}");
            assert_eq!(out[written], 0xee, "{case}: nothing behind it is touched");
        }
    }

    #[test]
    fn a_stale_segment_has_its_own_ttl_and_says_what_it_is() {
        let mut octets = addresses(&[(3600, 1), (5, 2)], 0);
        octets[1] |= AUTHENTIC;
        make_stale(&mut octets, 30);
        let (segment, mut out) = (Segment::new(&octets), [0; 32]);
        assert_eq!(segment.copy_into(&mut out, 0, 0), Some(32));
        assert_eq!((u32_at(&out, 6), u32_at(&out, 22)), (30, 30));
        let meta = segment.meta();
        assert_eq!((meta.ede, meta.authentic, meta.answers), (ede::STALE_ANSWER + 1, false, 2));
        octets[0] = rcode::NXDOMAIN as u8;
        make_stale(&mut octets, 30);
        assert_eq!(Segment::new(&octets).meta().ede, ede::STALE_NXDOMAIN_ANSWER + 1);
    }

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let octets = addresses(&[(30, 1)], 0);
        let mut out = [0xee; 16];
        assert_eq!(Segment::new(&octets).copy_into(&mut out[..15], 0, 0), None);
        assert_eq!(out, [0xee; 16]);
        assert_eq!(Segment::new(&octets).copy_into(&mut out, 0, 0), Some(16));
    }

    #[test]
    fn a_local_rrset_is_written_behind_any_owner() {
        let octets = addresses(&[(30, 1), (30, 2)], 0);
        let (segment, mut out) = (Segment::new(&octets), [0xee; 40]);
        assert_eq!(segment.copy_owned(&mut out, 1, pointer_to(0x123)), Some(32));
        for (case, record, last) in [("the second comes first", 0, 2), ("then the first", 16, 1)] {
            assert_eq!(out[record..record + 6], *b"\xc1\x23\0\x01\0\x01", "{case}");
            assert_eq!((u32_at(&out, record + 6), out[record + 15]), (30, last), "{case}");
        }
        assert_eq!(out[32..], [0xee; 8], "nothing behind it is touched");
        assert_eq!(segment.copy_owned(&mut out[..31], 0, QUESTION_POINTER), None);

        let (mut moved, meta) = (Vec::new(), Meta { rcode: 3, authority: 2, ..Meta::default() });
        segment.encode_owned(&mut moved, &meta, pointer_to(0x10)).expect("it is short");
        let (moved, mut out) = (Segment::new(&moved), [0; 32]);
        assert_eq!((moved.meta(), moved.next()), (meta, &[][..]));
        assert_eq!(moved.copy_into(&mut out, 0, 0), Some(32));
        assert_eq!([&out[..2], &out[16..18]], [b"\xc0\x10"; 2]);
    }

    #[test]
    fn only_what_a_message_can_hold_is_encoded() {
        let (longest, name) = (vec![0; 65_535], [0; 255]);
        let encoded = |offsets: usize, next: &[u8], body: &[u8]| {
            encode(&mut Vec::new(), &Meta::default(), &vec![0; offsets], next, body).is_some()
        };
        assert!(encoded(65_535, &name, &longest));
        assert!(!encoded(65_536, &[], &[]), "too many TTLs");
        assert!(!encoded(0, &[0; 256], &[]), "no name is so long");
        assert!(!encoded(0, &[], &[0; 65_536]), "no message is so long");
    }
}
