//! Reading any octets and checking what must hold of the result: bodies for `cargo fuzz` and for the corpus test.
//!
//! Ordinary functions that panic when something does not hold. Each is reached from a target of the same name in
//! `fuzz/` and, over the committed corpus and its mutations, from `tests/corpus.rs`.

use super::ask::{Echo, compare_question, is_response};
use super::header::{HEADER_OCTETS, flag, put_u16, rcode, u16_at};
use super::query::{Fault, Query};
use super::reply::{self, Opt, Reply};
use super::response::{Asked, Kept, Reader, TtlBounds};
use super::segment::Segment;
use super::walk::{NameBuf, Record, plain_name_end};

/// Room for any reply to a query and any segment.
const ROOM_OCTETS: usize = 65_535;
/// The root's name.
const ROOT: [u8; 1] = [0];
/// Bounds that leave TTLs alone, but for those of days that named keeps too.
const TTL: TtlBounds = TtlBounds { cache: (0, 604_800), ncache: (0, 10_800) };

/// A packet from a client. Whatever is answered has the query's ID and QR, and repeats the question octet by octet.
pub fn fuzz_query(packet: &[u8]) {
    let mut out = vec![0; ROOM_OCTETS];
    match Query::read(packet) {
        Err(Fault::NotAQuery) => assert!(packet.len() < HEADER_OCTETS || packet[2] & 0x80 != 0, "a query"),
        Err(Fault::Opcode(_, None) | Fault::Malformed(None)) => {
            let length = reply::header_only(&mut out, packet, rcode::FORMERR);
            assert_eq!((length, &out[..2]), (HEADER_OCTETS, &packet[..2]));
            assert!(is_response(&out[..length]) || packet[2] & 0x78 != 0);
        }
        Err(Fault::Opcode(_, Some(end)) | Fault::Malformed(Some(end))) => {
            let length = reply::question_only(&mut out, packet, end, rcode::FORMERR);
            assert_eq!((length, &out[HEADER_OCTETS..end]), (end, &packet[HEADER_OCTETS..end]));
            assert!(is_response(&out[..length]) || packet[2] & 0x78 != 0);
        }
        Ok(query) => check_reply(&query, &mut out),
    }
}

/// A reply without records, read as if it were a query, is the same question.
fn check_reply(query: &Query<'_>, out: &mut [u8]) {
    let end = reply::begin(out, query);
    assert_eq!(end, query.question_end);
    let opt = Opt {
        udp_size: 1232,
        ede: Some((22, "why")),
        cookie: query.edns.and_then(|edns| edns.cookie),
        keepalive: None,
    };
    let cookie_octets = opt.cookie.map_or(0, <[u8]>::len);
    // Cookies that servers write have at most 40 octets; a longer one is cut before it is repeated.
    let opt = Opt { cookie: opt.cookie.filter(|_| cookie_octets <= 40), ..opt };
    let length = reply::finish(out, query, end, 512, &Reply { rcode: 2, opt, ..Reply::default() });
    let answered = &mut out[..length];
    assert!(length <= 512 && is_response(answered));
    assert_eq!(compare_question(answered, query.qname(), query.qtype, query.qclass, true), Echo::Same);
    let flags = u16_at(answered, 2) & !flag::QR;
    put_u16(answered, 2, flags);
    let again = Query::read(answered).expect("a reply of ours without QR is a query");
    assert_eq!((again.id(), again.qname(), again.edns.is_some()), (query.id(), query.qname(), query.edns.is_some()));
}

/// A packet from an upstream, taken as the answer to the question in it, under a rule for everything and under one
/// for the question's own name alone. What is kept can be walked to its end, and reading it again keeps all of it.
pub fn fuzz_response(message: &[u8]) {
    if !is_response(message) || u16_at(message, 4) != 1 {
        return;
    }
    let Ok(name_end) = plain_name_end(message, HEADER_OCTETS) else { return };
    if message.len() < name_end + 4 {
        return;
    }
    let qname = message[HEADER_OCTETS..name_end].to_ascii_lowercase();
    let (qtype, qclass) = (u16_at(message, name_end), u16_at(message, name_end + 2));
    for (everything, dnssec_ok) in [(true, false), (true, true), (false, false), (false, true)] {
        let own_apex = if everything { &ROOT[..] } else { &qname[..] };
        check_segment(
            message,
            &Asked {
                qname: &qname,
                qtype,
                qclass,
                dnssec_ok,
                trust_ad: false,
                layout: 7,
                ttl: TTL,
                apex_of: &|name| (everything || name == qname).then_some(own_apex),
            },
        );
    }
}

fn check_segment(message: &[u8], asked: &Asked<'_>) {
    assert_eq!(compare_question(message, asked.qname, asked.qtype, asked.qclass, false), Echo::Same);
    let (mut reader, mut octets) = (Reader::default(), Vec::new());
    let Ok(kept) = reader.read(message, asked, &mut octets) else { return };
    let segment = Segment::new(&octets);
    let composed = compose(message, asked, segment);
    walk(&composed, asked, segment, kept);
    let mut again = Vec::new();
    let kept_again = reader.read(&composed, asked, &mut again).expect("what was kept can be read");
    let (first, second) = (segment.meta(), Segment::new(&again).meta());
    assert_eq!((first.answers, first.authority, first.rcode), (second.answers, second.authority, second.rcode));
    assert_eq!(kept.whole_name, kept_again.whole_name);
}

/// The message that a client would get: header, question, the segment's records.
fn compose(message: &[u8], asked: &Asked<'_>, segment: Segment<'_>) -> Vec<u8> {
    let question_end = HEADER_OCTETS + asked.qname.len() + 4;
    let mut composed = message[..question_end].to_vec();
    composed.resize(ROOM_OCTETS + question_end, 0);
    let length = segment.copy_into(&mut composed[question_end..], 0, 1).expect("there is room for every segment");
    composed.truncate(question_end + length);
    let meta = segment.meta();
    put_u16(&mut composed, 2, flag::QR | u16::from(meta.rcode));
    put_u16(&mut composed, 6, meta.answers);
    put_u16(&mut composed, 8, meta.authority);
    put_u16(&mut composed, 10, 0);
    composed
}

/// Every record and its owner can be read, none lives shorter than the segment, and the last ends the message.
fn walk(composed: &[u8], asked: &Asked<'_>, segment: Segment<'_>, kept: Kept) {
    let meta = segment.meta();
    let mut at = HEADER_OCTETS + asked.qname.len() + 4;
    for _ in 0..u32::from(meta.answers) + u32::from(meta.authority) {
        let record = Record::read(composed, at).expect("a kept record can be read");
        NameBuf::default().read(composed, at).expect("a kept owner can be read");
        assert!(kept.ttl <= record.ttl, "the segment outlives a record");
        at = record.end;
    }
    assert_eq!(at, composed.len());
    assert_eq!(segment.ttl_offsets().count(), usize::from(meta.answers) + usize::from(meta.authority));
}
