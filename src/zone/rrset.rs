//! An RRset as a [`Segment`], and back.
//!
//! Its records are owned by the question's name and its RDATA are whole, so that it is copied behind any question as it
//! is. Sets of addresses may be rotated; an alias says where the chain goes on.

use super::policy::Group;
use crate::wire::header::{class, rtype};
use crate::wire::present;
use crate::wire::segment::{self, Meta, QUESTION_POINTER, Segment};

pub use crate::wire::segment::MAX_RRSET_OCTETS as MAX_OCTETS;

/// Octets of a record between its beginning and its RDATA, and between its TTL and its RDATA.
const FIXED_OCTETS: usize = 12;
const TTL_TO_RDATA: usize = 6;

/// What a name has of a type.
#[derive(Clone, Copy, Debug)]
pub enum Rrset<'z> {
    /// Records, owned by the question's name.
    Fixed(Segment<'z>),
    /// Records of which a policy chooses.
    Chosen(&'z Group),
}

/// Encodes an RRset; one without records stands for a group; `None` when it is longer than [`MAX_OCTETS`].
pub(super) fn encode<'r>(rtype: u16, ttl: u32, rdata: impl IntoIterator<Item = &'r [u8]>) -> Option<Vec<u8>> {
    let (mut body, mut offsets, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for rdata in rdata {
        if body.len() + FIXED_OCTETS + rdata.len() > MAX_OCTETS {
            return None;
        }
        offsets.push((body.len() + FIXED_OCTETS - TTL_TO_RDATA) as u16);
        body.extend_from_slice(&QUESTION_POINTER.to_be_bytes());
        body.extend_from_slice(&rtype.to_be_bytes());
        body.extend_from_slice(&class::IN.to_be_bytes());
        body.extend_from_slice(&ttl.to_be_bytes());
        body.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        body.extend_from_slice(rdata);
        if rtype == rtype::CNAME {
            next = rdata.to_ascii_lowercase();
        }
    }
    let count = offsets.len() as u16;
    let rotate_count = if segment::rotates(rtype) && count > 1 { count } else { 0 };
    let meta = Meta { answers: count, rotate_count, authoritative: true, ..Meta::default() };
    let mut octets = Vec::new();
    segment::encode(&mut octets, &meta, &offsets, &next, &body)?;
    Some(octets)
}

/// The RDATA of an RRset, each with where it stands in the segment's body.
pub(super) fn places<'s>(segment: &Segment<'s>) -> impl Iterator<Item = (usize, &'s [u8])> + use<'s> {
    let body = segment.body();
    segment.ttl_offsets().map(move |at| {
        let rdata = at + TTL_TO_RDATA;
        let length = usize::from(u16::from_be_bytes([body[rdata - 2], body[rdata - 1]]));
        (rdata, &body[rdata..rdata + length])
    })
}

/// The RDATA of an RRset.
pub(super) fn rdata<'s>(segment: &Segment<'s>) -> impl Iterator<Item = &'s [u8]> + use<'s> {
    places(segment).map(|(_, rdata)| rdata)
}

/// The RDATA of an RRset as a master file has them.
pub fn texts(rtype: u16, segment: &Segment<'_>) -> Vec<String> {
    rdata(segment).map(|rdata| present::show(rtype, rdata)).collect()
}

/// The TTL of an RRset, in seconds.
pub(super) fn ttl(segment: &Segment<'_>) -> u32 {
    segment.ttl_offsets().next().map_or(0, |at| crate::wire::header::u32_at(segment.body(), at))
}

/// How many records an RRset has.
pub(super) fn count(segment: &Segment<'_>) -> usize {
    usize::from(segment.meta().answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rrset_is_read_back_as_it_was_written() {
        let (one, other): (&[u8], &[u8]) = (&[192, 0, 2, 1], &[192, 0, 2, 2]);
        let name: &[u8] = b"\x03WwW\x04Corp\0";
        let text = [b'x'; 300];
        for (case, rtype, rdata, rotated, next) in [
            ("an address", rtype::A, vec![one], 0, &b""[..]),
            ("two addresses", rtype::A, vec![one, other], 2, b""),
            ("two of another type", rtype::TXT, vec![one, other], 0, b""),
            ("an alias", rtype::CNAME, vec![name], 0, b"\x03www\x04corp\0"),
            ("long and empty", 65_280, vec![&text[..], &[]], 0, b""),
        ] {
            let octets = encode(rtype, 300, rdata.iter().copied()).expect(case);
            let segment = Segment::new(&octets);
            assert_eq!((ttl(&segment), count(&segment)), (300, rdata.len()), "{case}");
            assert_eq!(super::rdata(&segment).collect::<Vec<_>>(), rdata, "{case}");
            assert_eq!((usize::from(segment.meta().rotate_count), segment.next()), (rotated, next), "{case}");
            assert_eq!(segment.body()[..2], [0xc0, 0x0c], "{case}: owned by the question");
        }
    }

    #[test]
    fn what_no_message_can_hold_is_not_encoded() {
        let rdata = [0; 1000 - FIXED_OCTETS];
        assert!(encode(rtype::TXT, 0, [&rdata[..]; MAX_OCTETS / 1000]).is_some());
        assert!(encode(rtype::TXT, 0, [&rdata[..]; MAX_OCTETS / 1000 + 1]).is_none());
    }
}
