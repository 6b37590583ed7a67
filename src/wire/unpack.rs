//! Taking a segment apart into whole records: for looking at it, not for answering.
//!
//! Not here: text ([`super::present`]).

use super::header::HEADER_OCTETS;
use super::rdata::{Piece, for_each_piece};
use super::walk::{Malformed, NameBuf, Record};
use super::{Name, Segment};

/// QTYPE and QCLASS behind the question's name.
const QUESTION_FIXED_OCTETS: usize = 4;

/// A record of a segment, its names whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// It stands in the authority section, else in the answer.
    pub is_authority: bool,
    /// Its owner, in lower case.
    pub owner: Name,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// TTL as it was stored.
    pub ttl: u32,
    /// RDATA with uncompressed names.
    pub rdata: Vec<u8>,
}

/// The message that a segment's pointers are meant for: they may point to the question's name.
fn message(qname: &[u8], segment: &Segment<'_>) -> (Vec<u8>, usize) {
    let begin = HEADER_OCTETS + qname.len() + QUESTION_FIXED_OCTETS;
    let mut message = vec![0; begin];
    message[HEADER_OCTETS..HEADER_OCTETS + qname.len()].copy_from_slice(qname);
    message.extend_from_slice(segment.body());
    (message, begin)
}

/// Hands out every record of the segment that answers a question for `qname` (uncompressed).
///
/// # Errors
/// When it is none; `each` may have got some of it.
pub fn unpack(qname: &[u8], segment: &Segment<'_>, mut each: impl FnMut(Unpacked)) -> Result<(), Malformed> {
    let (message, mut at) = message(qname, segment);
    let meta = segment.meta();
    let mut owner = NameBuf::default();
    for index in 0..u32::from(meta.answers) + u32::from(meta.authority) {
        let record = Record::read(&message, at)?;
        owner.read(&message, record.owner)?;
        let mut rdata = Vec::new();
        for_each_piece(&message, (record.rtype, record.rdata(), record.end), |piece| match piece {
            Piece::Octets(octets) => rdata.extend_from_slice(octets),
            Piece::Name { name, .. } => rdata.extend_from_slice(name.as_wire()),
        })?;
        each(Unpacked {
            is_authority: index >= u32::from(meta.answers),
            owner: Name::from_wire(owner.as_wire()).ok_or(Malformed)?,
            rtype: record.rtype,
            class: record.class,
            ttl: record.ttl,
            rdata,
        });
        at = record.end;
    }
    Ok(())
}

/// Whether some record of the answer is owned by a name that `is_it` knows (in lower case); also if it is no segment.
pub fn is_answered_by(qname: &[u8], segment: &Segment<'_>, mut is_it: impl FnMut(&[u8]) -> bool) -> bool {
    let (message, mut at) = message(qname, segment);
    let mut owner = NameBuf::default();
    for _ in 0..segment.meta().answers {
        let Ok(record) = Record::read(&message, at) else { return true };
        if owner.read(&message, record.owner).is_err() || is_it(owner.as_wire()) {
            return true;
        }
        at = record.end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::header::rtype;
    use super::super::segment::{Meta, encode};
    use super::*;

    /// `www.a.` is an alias of `b.a.`, which has an address; the SOA of `a.` stands in the authority section.
    fn segment() -> Vec<u8> {
        let mut body = Vec::new();
        let mut record = |owner: &[u8], rtype: u16, rdata: &[u8]| {
            body.extend_from_slice(owner);
            body.extend(rtype.to_be_bytes());
            body.extend([0, 1, 0, 0, 0, 60]);
            body.extend((rdata.len() as u16).to_be_bytes());
            body.extend_from_slice(rdata);
        };
        // 12: the question's name www.a. (7 octets), 4 octets more; the first record's RDATA begins at 35.
        record(b"\xc0\x0c", rtype::CNAME, b"\x01b\xc0\x10");
        record(b"\xc0\x23", rtype::A, &[10, 0, 0, 1]);
        record(b"\xc0\x10", rtype::SOA, &[&b"\xc0\x23\xc0\x10"[..], &[0; 20]].concat());
        let meta = Meta { answers: 2, authority: 1, linked: true, ..Meta::default() };
        let mut out = Vec::new();
        encode(&mut out, &meta, &[], &[], &body).expect("it is short");
        out
    }

    const QNAME: &[u8] = b"\x03www\x01a\0";

    #[test]
    fn records_are_whole_and_in_their_section() {
        let octets = segment();
        let mut found = Vec::new();
        unpack(QNAME, &Segment::new(&octets), |record| found.push(record)).expect("it is one");
        let shown: Vec<_> = found
            .iter()
            .map(|r| {
                format!("{} {} {} {}", r.owner, r.rtype, super::super::present::show(r.rtype, &r.rdata), r.is_authority)
            })
            .collect();
        assert_eq!(shown, ["www.a 5 b.a. false", "b.a 1 10.0.0.1 false", "a 6 b.a. a. 0 0 0 0 0 true"]);
    }

    #[test]
    fn owners_of_the_answer_are_known_and_no_others() {
        let octets = segment();
        for (name, expected) in [(QNAME, true), (b"\x01b\x01a\0", true), (b"\x01a\0", false), (b"\x01b\0", false)] {
            assert_eq!(is_answered_by(QNAME, &Segment::new(&octets), |owner| owner == name), expected, "{name:?}");
        }
        let mut cut = Vec::new();
        let meta = Meta { answers: 1, ..Meta::default() };
        encode(&mut cut, &meta, &[], &[], b"\xc0").expect("it is short");
        assert!(is_answered_by(QNAME, &Segment::new(&cut), |_| false), "what cannot be read is better forgotten");
        assert_eq!(unpack(QNAME, &Segment::new(&cut), |_| ()), Err(Malformed));
    }
}
