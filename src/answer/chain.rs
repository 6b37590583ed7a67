//! Putting together an answer whose chain of aliases passes several rules.
//!
//! Each rule's segment is kept by itself, so that a local choice or another rule's change is never frozen in it; here
//! they are joined for one client.

use crate::wire::compress::Writer;
use crate::wire::header::{HEADER_OCTETS, rcode, rtype};
use crate::wire::response::MAX_LINKS;
use crate::wire::walk::{NameBuf, Record};
use crate::wire::{Meta, Segment};

/// The segments joined so far.
#[derive(Clone, Debug)]
pub struct Chain {
    /// A message: a header of zeros, the client's question in lower case, the records.
    message: Vec<u8>,
    /// Where the records begin.
    question_end: usize,
    /// For each segment with records for the authority section: its message, where they begin, how many they are. They
    /// stand behind the last answer, and are written when the chain has ended.
    authority: Vec<(Vec<u8>, usize, u16)>,
    /// Addresses of the servers that a delegation at its end names, as [`Self::authority`] has records; those that nobody
    /// can go on without come first.
    glue: Vec<Glue>,
    /// Owners of the DNAMEs among its records: a chain that comes by one again does not tell it again.
    dnames: Vec<Vec<u8>>,
    meta: Meta,
    /// CNAMEs passed; a segment that is not the last has at least one.
    links: usize,
    /// The name that is being asked for.
    wanted: Vec<u8>,
    /// Fingerprint of the rules under which its links are believed.
    layout: u32,
}

/// A chain that loops or is too long to follow, or whose records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// An address RRset for the additional section.
#[derive(Clone, Debug)]
struct Glue {
    source: Vec<u8>,
    start: usize,
    count: u16,
    is_required: bool,
}

/// What became of a chain that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// It fits, with so many records for the additional section.
    Whole { additional: u16 },
    /// Its records, or addresses that nobody can go on without (RFC 9471 §3.1), do not fit.
    TooLong,
}

/// The longest answer put together, in octets: room is left for our own OPT record.
const MAX_OCTETS: usize = 65_000;
/// The most octets that are kept of messages with records for the authority section while a query waits.
const MAX_AUTHORITY_OCTETS: usize = 2 * MAX_OCTETS;

impl Chain {
    /// A chain that begins at `qname`, in any case, under the rules of this fingerprint.
    pub(super) fn new(qname: &[u8], layout: u32) -> Self {
        let mut message = vec![0; HEADER_OCTETS];
        message.extend_from_slice(qname);
        message.make_ascii_lowercase();
        message.extend_from_slice(&[0; 4]);
        let question_end = message.len();
        let meta = Meta { authentic: true, ..Meta::default() };
        Self {
            message,
            question_end,
            authority: Vec::new(),
            glue: Vec::new(),
            dnames: Vec::new(),
            meta,
            links: 0,
            wanted: qname.to_ascii_lowercase(),
            layout,
        }
    }

    /// The name that is being asked for.
    pub(super) fn wanted(&self) -> &[u8] {
        &self.wanted
    }

    /// Fingerprint of the rules under which its links are believed.
    pub(super) fn layout(&self) -> u32 {
        self.layout
    }

    /// CNAMEs passed.
    pub(super) fn links(&self) -> usize {
        self.links
    }

    /// Whether no further link may follow.
    pub(super) fn is_full(&self) -> bool {
        self.links >= MAX_LINKS
    }

    /// Notes the name that is asked for next.
    pub(super) fn want(&mut self, name: &[u8]) {
        self.wanted.clear();
        self.wanted.extend_from_slice(name);
    }

    /// Adds what is known of `name`; returns the name that the chain goes on with, empty at its end.
    pub(super) fn append(
        &mut self,
        name: &[u8],
        segment: &Segment<'_>,
        elapsed: u32,
        rotation: u32,
    ) -> Result<Vec<u8>, Broken> {
        let meta = segment.meta();
        let (source, start) = message_of(name, segment, elapsed, rotation)?;
        let (answers_end, written) = self.copy_answers(&source, start, meta.answers)?;
        if meta.authority > 0 {
            self.authority.push((source, answers_end, meta.authority));
            if self.authority.iter().map(|(source, ..)| source.len()).sum::<usize>() > MAX_AUTHORITY_OCTETS {
                return Err(Broken);
            }
        }
        // AA is said of the name that was asked (RFC 1035 §4.1.1).
        if self.meta.answers == 0 {
            self.meta.authoritative = meta.authoritative;
        }
        self.meta.answers += written;
        self.meta.authority += meta.authority;
        self.meta.authentic &= meta.authentic;
        self.meta.rcode = meta.rcode;
        // One part that is stale makes the whole stale.
        self.meta.ede = if meta.ede == 0 { self.meta.ede } else { meta.ede };
        if meta.rcode == rcode::SERVFAIL as u8 {
            self.forget_records();
            return Ok(Vec::new());
        }
        Ok(segment.next().to_vec())
    }

    /// Keeps addresses of a server that the delegation at its end names. Those that are required come first.
    ///
    /// What no message can hold is not kept; if it is required, the chain is [`Broken`].
    pub(super) fn keep_glue(
        &mut self,
        owner: &[u8],
        addresses: &Segment<'_>,
        rotation: u32,
        is_required: bool,
    ) -> Result<(), Broken> {
        let (source, start) = message_of(owner, addresses, 0, rotation)?;
        let octets: usize = self.glue.iter().map(|glue| glue.source.len()).sum();
        if octets + source.len() <= MAX_AUTHORITY_OCTETS {
            self.glue.push(Glue { source, start, count: addresses.meta().answers, is_required });
            return Ok(());
        }
        if is_required { Err(Broken) } else { Ok(()) }
    }

    /// Copies records from `start` on to the answer section; returns where the last one ends and how many were written.
    fn copy_answers(&mut self, source: &[u8], start: usize, count: u16) -> Result<(usize, u16), Broken> {
        let mut writer = Writer::new(&mut self.message, HEADER_OCTETS, self.question_end - 4);
        let (mut at, mut written) = (start, 0);
        for _ in 0..count {
            let record = Record::read(source, at).map_err(|_| Broken)?;
            at = record.end;
            if record.rtype == rtype::DNAME && !is_new(&mut self.dnames, source, &record)? {
                continue;
            }
            self.links += usize::from(record.rtype == rtype::CNAME);
            writer.put_record(source, &record, record.ttl).map_err(|_| Broken)?;
            written += 1;
        }
        if writer.position() > MAX_OCTETS || self.links > MAX_LINKS { Err(Broken) } else { Ok((at, written)) }
    }

    /// Half an answer is none: a link that fails makes the whole fail, as it does in named.
    fn forget_records(&mut self) {
        self.message.truncate(self.question_end);
        self.authority.clear();
        self.dnames.clear();
        (self.meta.answers, self.meta.authority) = (0, 0);
    }

    /// Writes the authority and the additional section: the chain has ended. Its records may have `room` octets; of
    /// addresses that others can go on without, as many are written as fit.
    pub(super) fn close(&mut self, room: usize) -> Result<Closed, Broken> {
        let most = (self.question_end + room).min(MAX_OCTETS);
        let mut writer = Writer::new(&mut self.message, HEADER_OCTETS, self.question_end - 4);
        for (source, start, count) in std::mem::take(&mut self.authority) {
            put_records(&mut writer, &source, start, count)?;
        }
        let mut additional = 0;
        for Glue { source, start, count, is_required } in std::mem::take(&mut self.glue) {
            let before = writer.position();
            put_records(&mut writer, &source, start, count)?;
            match writer.position() > most {
                true if !is_required => writer.take_back(before),
                _ => additional += count,
            }
        }
        if writer.position() > MAX_OCTETS {
            return Err(Broken);
        }
        Ok(if writer.position() > most { Closed::TooLong } else { Closed::Whole { additional } })
    }

    /// The records of a closed chain, as they stand behind the client's question.
    pub(super) fn records(&self) -> &[u8] {
        &self.message[self.question_end..]
    }

    /// What there is to say beside the records.
    pub(super) fn meta(&self) -> Meta {
        self.meta
    }
}

/// A segment's own message: its records point to its own question. Beside it, where they begin.
fn message_of(name: &[u8], segment: &Segment<'_>, elapsed: u32, rotation: u32) -> Result<(Vec<u8>, usize), Broken> {
    let mut source = vec![0; HEADER_OCTETS];
    source.extend_from_slice(name);
    source.extend_from_slice(&[0; 4]);
    let start = source.len();
    source.resize(start + segment.body().len(), 0);
    segment.copy_into(&mut source[start..], elapsed, rotation).ok_or(Broken)?;
    Ok((source, start))
}

fn put_records(writer: &mut Writer<'_>, source: &[u8], start: usize, count: u16) -> Result<(), Broken> {
    let mut at = start;
    for _ in 0..count {
        let record = Record::read(source, at).map_err(|_| Broken)?;
        writer.put_record(source, &record, record.ttl).map_err(|_| Broken)?;
        at = record.end;
    }
    Ok(())
}

/// Whether a record's owner is none of these; it is one of them then.
fn is_new(owners: &mut Vec<Vec<u8>>, source: &[u8], record: &Record) -> Result<bool, Broken> {
    let mut owner = NameBuf::default();
    owner.read(source, record.owner).map_err(|_| Broken)?;
    let is_new = owners.iter().all(|known| known != owner.as_wire());
    if is_new {
        owners.push(owner.as_wire().to_vec());
    }
    Ok(is_new)
}

/// The end and the number of the records at the beginning of an answer section that have the type of the first. Where a
/// DNAME begins it, the links that lead to what is told are passed: without them nobody knows what it is about.
pub(super) fn first_rrset(message: &[u8], start: usize, answers: u16) -> Option<(usize, u16)> {
    let (mut end, mut count) = (start, 0);
    let (mut first, mut is_renamed) = (None, false);
    while count < answers {
        let record = Record::read(message, end).ok()?;
        match (first, record.rtype) {
            (Some(rtype::DNAME), rtype::CNAME) => (first, is_renamed) = (None, true),
            (None, rtype::CNAME | rtype::DNAME) if is_renamed => {}
            (None, rtype) => first = Some(rtype),
            (Some(of), rtype) if of == rtype => {}
            _ => break,
        }
        (end, count) = (record.end, count + 1);
    }
    (count > 0).then_some((end, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::segment;

    const A_CORP: &[u8] = b"\x01a\x04corp\0";
    const B_CORP: &[u8] = b"\x01b\x04corp\0";

    fn record(rtype: u16, rdata: &[u8]) -> Vec<u8> {
        let length = (rdata.len() as u16).to_be_bytes();
        [&b"\xc0\x0c"[..], &rtype.to_be_bytes(), &[0, 1, 0, 0, 0, 30], &length, rdata].concat()
    }

    /// A segment of records that are all owned by its question.
    fn segment(meta: Meta, next: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
        let (mut body, mut offsets) = (Vec::new(), Vec::new());
        for record in records {
            offsets.push(body.len() as u16 + 6);
            body.extend(record);
        }
        let mut octets = Vec::new();
        segment::encode(&mut octets, &meta, &offsets, next, &body).expect("it is short");
        octets
    }

    fn alias(target: &[u8]) -> Vec<u8> {
        segment(Meta { answers: 1, linked: true, ..Meta::default() }, target, &[record(rtype::CNAME, target)])
    }

    /// The types of a closed chain's records.
    fn types(chain: &Chain) -> Vec<u16> {
        let mut at = chain.question_end;
        let mut types = Vec::new();
        while at < chain.message.len() {
            let record = Record::read(&chain.message, at).expect("a record");
            types.push(record.rtype);
            at = record.end;
        }
        types
    }

    #[test]
    fn records_are_joined_and_proofs_wait_for_the_end() {
        let mut chain = Chain::new(b"\x01A\x04Corp\0", 0);
        assert_eq!(chain.wanted(), A_CORP);
        let proven = Meta { answers: 1, authority: 1, authentic: true, ..Meta::default() };
        let first = segment(proven, B_CORP, &[record(rtype::CNAME, B_CORP), record(rtype::NSEC, b"\0")]);
        assert_eq!(chain.append(A_CORP, &Segment::new(&first), 10, 0), Ok(B_CORP.to_vec()));
        chain.want(B_CORP);
        assert_eq!(chain.wanted(), B_CORP);
        let meta = Meta { rcode: 3, authority: 1, authentic: true, ..Meta::default() };
        let last = segment(meta, &[], &[record(rtype::SOA, &[0; 22])]);
        assert_eq!(chain.append(B_CORP, &Segment::new(&last), 20, 0), Ok(Vec::new()));
        assert_eq!(chain.close(500), Ok(Closed::Whole { additional: 0 }));
        assert_eq!(types(&chain), [rtype::CNAME, rtype::NSEC, rtype::SOA]);
        let meta = chain.meta();
        assert_eq!((meta.answers, meta.authority, meta.rcode, meta.authentic), (1, 2, 3, true));
        let mut at = chain.question_end;
        let ttls = [(); 3].map(|()| {
            let record = Record::read(&chain.message, at).expect("a record");
            at = record.end;
            record.ttl
        });
        assert_eq!(ttls, [20, 20, 10], "each segment has its age");
    }

    #[test]
    fn one_part_that_is_not_authentic_makes_the_whole_not_authentic() {
        let mut chain = Chain::new(A_CORP, 0);
        let sure = segment(Meta { answers: 1, authentic: true, ..Meta::default() }, B_CORP, &[record(5, B_CORP)]);
        chain.append(A_CORP, &Segment::new(&sure), 0, 0).expect("whole");
        assert!(chain.meta().authentic);
        let unsure = segment(Meta { answers: 1, ..Meta::default() }, &[], &[record(1, &[10, 0, 0, 1])]);
        chain.append(B_CORP, &Segment::new(&unsure), 0, 0).expect("whole");
        assert!(!chain.meta().authentic);
    }

    #[test]
    fn a_part_that_failed_makes_the_whole_fail() {
        let mut chain = Chain::new(A_CORP, 0);
        chain.append(A_CORP, &Segment::new(&alias(B_CORP)), 0, 0).expect("whole");
        let failed = segment(Meta { rcode: rcode::SERVFAIL as u8, ede: 23, ..Meta::default() }, &[], &[]);
        assert_eq!(chain.append(B_CORP, &Segment::new(&failed), 0, 0), Ok(Vec::new()));
        assert_eq!(chain.close(500), Ok(Closed::Whole { additional: 0 }), "nothing is left to write");
        let meta = chain.meta();
        assert_eq!((chain.records(), meta.rcode, meta.ede, meta.answers), (&[][..], 2, 23, 0));
    }

    #[test]
    fn a_circle_ends_at_named_s_number_of_links() {
        let mut chain = Chain::new(A_CORP, 0);
        for link in 1..=MAX_LINKS {
            let (name, target) = if link % 2 == 1 { (A_CORP, B_CORP) } else { (B_CORP, A_CORP) };
            assert_eq!(chain.append(name, &Segment::new(&alias(target)), 0, 0), Ok(target.to_vec()), "link {link}");
        }
        assert_eq!(chain.append(B_CORP, &Segment::new(&alias(A_CORP)), 0, 0), Err(Broken));
    }

    #[test]
    fn what_would_be_longer_than_a_message_is_broken() {
        let mut chain = Chain::new(A_CORP, 0);
        let texts: Vec<Vec<u8>> = (0..120).map(|_| record(rtype::TXT, &[255; 256])).collect();
        let long = segment(Meta { answers: 120, ..Meta::default() }, B_CORP, &texts);
        assert_eq!(chain.append(A_CORP, &Segment::new(&long), 0, 0), Ok(B_CORP.to_vec()));
        assert_eq!(chain.append(B_CORP, &Segment::new(&long), 0, 0), Ok(B_CORP.to_vec()));
        assert_eq!(chain.append(B_CORP, &Segment::new(&long), 0, 0), Err(Broken));
    }

    #[test]
    fn a_dname_is_told_once_and_addresses_of_servers_as_far_as_they_fit() {
        let mut chain = Chain::new(A_CORP, 0);
        let answers = Meta { answers: 2, ..Meta::default() };
        let link =
            |target: &[u8]| segment(answers, target, &[record(rtype::DNAME, b"\0"), record(rtype::CNAME, target)]);
        assert_eq!(chain.append(A_CORP, &Segment::new(&link(A_CORP)), 0, 0), Ok(A_CORP.to_vec()));
        assert_eq!(chain.append(A_CORP, &Segment::new(&link(B_CORP)), 0, 0), Ok(B_CORP.to_vec()));
        assert_eq!((chain.meta().answers, chain.links()), (3, 2), "the DNAME of the same owner stands already");
        let refers = Meta { authority: 1, ..Meta::default() };
        chain.append(B_CORP, &Segment::new(&segment(refers, &[], &[record(2, A_CORP)])), 0, 0).expect("whole");
        let addresses = segment(Meta { answers: 1, ..Meta::default() }, &[], &[record(1, &[10, 0, 0, 1])]);
        for (owner, is_required) in [(A_CORP, true), (B_CORP, false)] {
            chain.keep_glue(owner, &Segment::new(&addresses), 0, is_required).expect("it is short");
        }
        let (with_one, mut tight, mut whole) = (record(1, &[0; 4]).len(), chain.clone(), chain);
        assert_eq!(whole.close(500), Ok(Closed::Whole { additional: 2 }));
        let expected = [rtype::DNAME, rtype::CNAME, rtype::CNAME, 2, 1, 1];
        assert_eq!(types(&whole), expected);
        let room = whole.records().len() - with_one;
        assert_eq!(tight.clone().close(room), Ok(Closed::Whole { additional: 1 }), "the other can be done without");
        assert_eq!(tight.close(room - 1), Ok(Closed::TooLong));
    }

    #[test]
    fn the_first_set_ends_where_another_type_begins() {
        let (one, other) = (record(1, &[10, 0, 0, 1]), record(16, b"\x01x"));
        let (dname, cname) = (record(rtype::DNAME, b"\0"), record(rtype::CNAME, b"\0"));
        for (case, records, answers, expected) in [
            ("one set", vec![&one, &one], 2, Some((32, 2))),
            ("another behind it", vec![&one, &one, &other], 3, Some((32, 2))),
            ("another at once", vec![&other, &one], 2, Some((14, 1))),
            ("the authority section behind it", vec![&one, &one], 1, Some((16, 1))),
            ("nothing", vec![], 0, None),
            ("an alias and what it leads to", vec![&cname, &one], 2, Some((13, 1))),
            ("a DNAME's own name", vec![&dname, &one], 2, Some((13, 1))),
            ("a name below a DNAME", vec![&dname, &cname, &one, &one, &other], 5, Some((58, 4))),
            ("below it again", vec![&dname, &cname, &cname, &dname, &cname, &one, &other], 7, Some((81, 6))),
        ] {
            let octets = records.into_iter().flatten().copied().collect::<Vec<_>>();
            assert_eq!(first_rrset(&octets, 0, answers), expected, "{case}");
        }
    }
}
