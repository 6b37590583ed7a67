//! Putting together an answer whose chain of aliases passes several rules.
//!
//! Each rule's segment is kept by itself, so that a local choice or another rule's change is never frozen in it; here
//! they are joined for one client.

use crate::wire::compress::Writer;
use crate::wire::header::{HEADER_OCTETS, rcode, rtype};
use crate::wire::response::MAX_LINKS;
use crate::wire::walk::Record;
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
        // The segment's own message: its records point to its own question.
        let mut source = vec![0; HEADER_OCTETS];
        source.extend_from_slice(name);
        source.extend_from_slice(&[0; 4]);
        let start = source.len();
        source.resize(start + segment.body().len(), 0);
        segment.copy_into(&mut source[start..], elapsed, rotation).ok_or(Broken)?;
        let answers_end = self.copy_records(&source, start, meta.answers)?;
        if meta.authority > 0 {
            self.authority.push((source, answers_end, meta.authority));
            if self.authority.iter().map(|(source, ..)| source.len()).sum::<usize>() > MAX_AUTHORITY_OCTETS {
                return Err(Broken);
            }
        }
        self.meta.answers += meta.answers;
        self.meta.authority += meta.authority;
        self.meta.authentic &= meta.authentic;
        self.meta.rcode = meta.rcode;
        self.meta.ede = meta.ede;
        if meta.rcode == rcode::SERVFAIL as u8 {
            self.forget_records();
            return Ok(Vec::new());
        }
        Ok(segment.next().to_vec())
    }

    /// Copies records from `start` on; returns where the last one ends.
    fn copy_records(&mut self, source: &[u8], start: usize, count: u16) -> Result<usize, Broken> {
        let mut writer = Writer::new(&mut self.message, HEADER_OCTETS, self.question_end - 4);
        let mut at = start;
        for _ in 0..count {
            let record = Record::read(source, at).map_err(|_| Broken)?;
            self.links += usize::from(record.rtype == rtype::CNAME);
            writer.put_record(source, &record, record.ttl).map_err(|_| Broken)?;
            at = record.end;
        }
        if writer.position() > MAX_OCTETS || self.links > MAX_LINKS { Err(Broken) } else { Ok(at) }
    }

    /// Half an answer is none: a link that fails makes the whole fail, as it does in named.
    fn forget_records(&mut self) {
        self.message.truncate(self.question_end);
        self.authority.clear();
        (self.meta.answers, self.meta.authority) = (0, 0);
    }

    /// Writes the authority section: the chain has ended.
    pub(super) fn close(&mut self) -> Result<(), Broken> {
        for (source, start, count) in std::mem::take(&mut self.authority) {
            self.copy_records(&source, start, count)?;
        }
        Ok(())
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

/// The end and the number of the records at the beginning of an answer section that have the type of the first.
pub(super) fn first_rrset(message: &[u8], start: usize, answers: u16) -> Option<(usize, u16)> {
    let first = Record::read(message, start).ok().filter(|_| answers > 0)?;
    let (mut end, mut count) = (first.end, 1);
    while count < answers {
        match Record::read(message, end) {
            Ok(record) if record.rtype == first.rtype => (end, count) = (record.end, count + 1),
            _ => break,
        }
    }
    Some((end, count))
}
