//! The journal of a zone as octets: what updates have changed since its master file was read.
//!
//! ```text
//! header   "TANDEMZ1" | fingerprint of the source: octets u64, CRC-32 u32 | serial u32 | 0 u32 | CRC-32 of the 28 before u32
//! frame    length of the payload u32 | its CRC-32 u32 | payload: items, one behind the other
//! base     1 | serial u32 | records u32 | records
//! delta    2 | from u32 | to u32 | Unix time u64 | key's name | removed u32 | records | added u32 | records
//! ```
//! A fingerprint is a sum over the records, in any order, each as owner, type, TTL and RDATA (the SOA's with serial 0): of
//! their octets, and of their checksums modulo 2^32 ([`super::Zone::fingerprint`]). Bases stand in front.
//! Numbers are in network order. A record is one of a message without compression; the key's name is the root's for
//! none. A frame is what is written and synchronised at once, so a crash leaves at most one that is not whole, and
//! that is the last: it was never acknowledged and is cut off. A wrong frame before a right one is damage.
//! Pure: octets in, records out. Not here: files, what to do about damage.

use std::fmt;

use crate::wire::Name;
use crate::wire::header::{class, put_u32, u16_at, u32_at};
use crate::wire::walk::plain_name_end;

use super::{Delta, Record};

/// Octets of the header.
pub const HEADER_OCTETS: usize = 32;
/// Octets of a frame before its payload.
pub const FRAME_OCTETS: usize = 8;

const MAGIC: &[u8; 8] = b"TANDEMZ1";
const BASE: u8 = 1;
const DELTA: u8 = 2;
/// Octets whose checksums are worked out to find damage.
const MAX_SOUGHT_OCTETS: usize = 256 << 20;
/// Octets of the smallest item: a base without records.
const LEAST_ITEM_OCTETS: usize = 9;

/// Which source a journal goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The master file, or the configuration's records, that was read.
    pub source: Fingerprint,
    /// The serial of the zone that it gave.
    pub serial: u32,
}

/// What tells a source from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// How long it is.
    pub octets: u64,
    /// Its CRC-32.
    pub crc32: u32,
}

impl Fingerprint {
    /// The fingerprint of a text.
    pub fn of(source: &[u8]) -> Self {
        Self { octets: source.len() as u64, crc32: crc32fast::hash(source) }
    }
}

/// An update that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The serial before.
    pub from: u32,
    /// The serial afterwards.
    pub to: u32,
    /// When, in seconds since 1970.
    pub unix: u64,
    /// The name of the key that signed it; `None` for one that was let in by its address.
    pub key: Option<Name>,
    /// What it changed.
    pub delta: Delta,
}

/// What a frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The whole zone, or a part of it: bases that follow each other with one serial belong together.
    Base {
        /// Its serial.
        serial: u32,
        /// Its records.
        records: Vec<Record>,
    },
    /// An update.
    Delta(Entry),
}

/// What stands in a journal beside its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Its header.
    pub header: Header,
    /// Octets up to the end of the last whole frame; what is left over was never acknowledged.
    pub length: usize,
}

/// Why a journal cannot be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The header is no journal's, or wrong.
    Header,
    /// The frame at this octet is wrong, and a right one stands behind it.
    Frame(usize),
    /// The frame at this octet is whole, and what stands in it is not known here.
    Unknown(usize),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("it does not begin as a journal does"),
            Self::Frame(at) => write!(f, "what stands at octet {at} is damaged, and updates follow it"),
            Self::Unknown(at) => write!(f, "what stands at octet {at} was written by a later version"),
        }
    }
}

impl std::error::Error for Damage {}

impl Header {
    /// The header's octets.
    pub fn encode(&self) -> [u8; HEADER_OCTETS] {
        let mut octets = [0; HEADER_OCTETS];
        octets[..8].copy_from_slice(MAGIC);
        octets[8..16].copy_from_slice(&self.source.octets.to_be_bytes());
        put_u32(&mut octets, 16, self.source.crc32);
        put_u32(&mut octets, 20, self.serial);
        let crc = crc32fast::hash(&octets[..28]);
        put_u32(&mut octets, 28, crc);
        octets
    }

    /// Reads the header of a journal.
    ///
    /// # Errors
    /// When it is cut off or wrong.
    pub fn decode(journal: &[u8]) -> Result<Self, Damage> {
        let octets = journal.get(..HEADER_OCTETS).ok_or(Damage::Header)?;
        if &octets[..8] != MAGIC || u32_at(octets, 28) != crc32fast::hash(&octets[..28]) {
            return Err(Damage::Header);
        }
        let length = u64::from(u32_at(octets, 8)) << 32 | u64::from(u32_at(octets, 12));
        let source = Fingerprint { octets: length, crc32: u32_at(octets, 16) };
        Ok(Self { source, serial: u32_at(octets, 20) })
    }
}

/// A frame that is being written: items, then [`Frame::finish`].
#[derive(Debug)]
pub struct Frame {
    octets: Vec<u8>,
}

impl Default for Frame {
    fn default() -> Self {
        Self { octets: vec![0; FRAME_OCTETS] }
    }
}

impl Frame {
    /// Whether nothing was put into it. An empty frame must not be written.
    pub fn is_empty(&self) -> bool {
        self.octets.len() == FRAME_OCTETS
    }

    /// Octets by now. A zone is written in frames of about a megabyte, so that its copy does not take as much again.
    pub fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Puts a part of the zone into it.
    pub fn put_base<'r>(&mut self, serial: u32, records: impl IntoIterator<Item = &'r Record>) {
        self.octets.push(BASE);
        self.put_u32(serial);
        self.put_records(records);
    }

    /// Puts an update into it.
    pub fn put_delta(&mut self, entry: &Entry) {
        self.octets.push(DELTA);
        self.put_u32(entry.from);
        self.put_u32(entry.to);
        self.octets.extend_from_slice(&entry.unix.to_be_bytes());
        self.octets.extend_from_slice(entry.key.as_ref().map_or(&[0], Name::as_wire));
        self.put_records(&entry.delta.removed);
        self.put_records(&entry.delta.added);
    }

    /// The frame's octets. `None` when there are more than its length can say: 4 GiB.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        let length = u32::try_from(self.octets.len() - FRAME_OCTETS).ok()?;
        let crc = crc32fast::hash(&self.octets[FRAME_OCTETS..]);
        put_u32(&mut self.octets, 0, length);
        put_u32(&mut self.octets, 4, crc);
        Some(self.octets)
    }

    fn put_u32(&mut self, value: u32) {
        self.octets.extend_from_slice(&value.to_be_bytes());
    }

    fn put_records<'r>(&mut self, records: impl IntoIterator<Item = &'r Record>) {
        let count_at = self.octets.len();
        self.put_u32(0);
        let mut count = 0;
        for record in records {
            count += 1;
            self.octets.extend_from_slice(record.owner.as_wire());
            self.octets.extend_from_slice(&record.rtype.to_be_bytes());
            self.octets.extend_from_slice(&class::IN.to_be_bytes());
            self.put_u32(record.ttl);
            self.octets.extend_from_slice(&(record.rdata.len() as u16).to_be_bytes());
            self.octets.extend_from_slice(&record.rdata);
        }
        put_u32(&mut self.octets, count_at, count);
    }
}

/// Reads a journal and hands on what its frames hold, in their order.
///
/// What the last frame lacks was never acknowledged: [`Replayed::length`] says where the journal ends without it.
///
/// # Errors
/// When the header is wrong, or a frame that is not the last; `each` has then seen the items before it.
pub fn replay(journal: &[u8], mut each: impl FnMut(Item)) -> Result<Replayed, Damage> {
    let header = Header::decode(journal)?;
    let mut at = HEADER_OCTETS;
    while let Some((items, end)) = read_frame(journal, at) {
        items.into_iter().for_each(&mut each);
        at = end;
    }
    if is_whole(journal, at) {
        return Err(Damage::Unknown(at));
    }
    if is_damaged_behind(journal, at) { Err(Damage::Frame(at)) } else { Ok(Replayed { header, length: at }) }
}

/// Whether the frame at `at` is whole, whatever stands in it.
fn is_whole(journal: &[u8], at: usize) -> bool {
    payload(journal, at).is_some_and(|payload| crc32fast::hash(payload) == u32_at(journal, at + 4))
}

/// Whether a right frame stands behind what is no frame at `at`. Clients choose what stands in frames, and might make much
/// of it look like the beginning of one: where looking takes too long, there is damage.
fn is_damaged_behind(journal: &[u8], at: usize) -> bool {
    let mut octets = 0;
    (at + 1..journal.len()).any(|behind| {
        octets += may_be_frame(journal, behind).map_or(0, <[u8]>::len);
        octets > MAX_SOUGHT_OCTETS || read_frame(journal, behind).is_some()
    })
}

/// The payload of what looks like a frame at `at`. Cheap to ask, and `None` nearly everywhere but where a frame begins.
fn may_be_frame(journal: &[u8], at: usize) -> Option<&[u8]> {
    payload(journal, at).filter(|payload| matches!(payload[0], BASE | DELTA))
}

/// As many octets as the head at `at` says, not empty.
fn payload(journal: &[u8], at: usize) -> Option<&[u8]> {
    let head = journal.get(at..at + FRAME_OCTETS)?;
    let length = usize::try_from(u32_at(head, 0)).ok().filter(|&length| length >= LEAST_ITEM_OCTETS)?;
    journal.get(at + FRAME_OCTETS..)?.get(..length)
}

/// The items of the frame at `at`, and where it ends; `None` if it is cut off or wrong.
fn read_frame(journal: &[u8], at: usize) -> Option<(Vec<Item>, usize)> {
    let payload = may_be_frame(journal, at).filter(|payload| crc32fast::hash(payload) == u32_at(journal, at + 4))?;
    let (mut reader, mut items) = (Reader(payload), Vec::new());
    while !reader.0.is_empty() {
        items.push(reader.item()?);
    }
    Some((items, at + FRAME_OCTETS + payload.len()))
}

/// What is left of a payload.
struct Reader<'j>(&'j [u8]);

impl<'j> Reader<'j> {
    fn take(&mut self, count: usize) -> Option<&'j [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|octets| u32_at(octets, 0))
    }

    fn name(&mut self) -> Option<Name> {
        let end = plain_name_end(self.0, 0).ok()?;
        self.take(end).and_then(Name::from_wire)
    }

    fn item(&mut self) -> Option<Item> {
        match self.take(1)?[0] {
            BASE => Some(Item::Base { serial: self.u32()?, records: self.records()? }),
            DELTA => {
                let (from, to) = (self.u32()?, self.u32()?);
                let unix = u64::from(self.u32()?) << 32 | u64::from(self.u32()?);
                let key = self.name().map(|name| (!name.is_root()).then_some(name))?;
                let delta = Delta { removed: self.records()?, added: self.records()? };
                Some(Item::Delta(Entry { from, to, unix, key, delta }))
            }
            _ => None,
        }
    }

    fn records(&mut self) -> Option<Vec<Record>> {
        // Each takes octets, so that a count alone makes no room.
        (0..self.u32()?).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> Option<Record> {
        let owner = self.name()?;
        let fixed = self.take(10)?;
        let rdata = self.take(usize::from(u16_at(fixed, 8)))?.into();
        Some(Record { owner, rtype: u16_at(fixed, 0), ttl: u32_at(fixed, 4), rdata, position: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::rtype;

    fn name(text: &str) -> Name {
        text.parse().expect("a name of the test")
    }

    fn record(owner: &str, rdata: &[u8]) -> Record {
        Record { owner: name(owner), rtype: rtype::TXT, ttl: 60, rdata: rdata.into(), position: None }
    }

    fn entry(from: u32, key: Option<&str>) -> Entry {
        let removed = vec![record("corp", b"\x03old")];
        let added = vec![record("corp", b"\x03new"), record("a.corp", &[b"\xff".as_slice(), &[b'x'; 255]].concat())];
        Entry { from, to: from + 1, unix: 0x1_0000_0002, key: key.map(name), delta: Delta { removed, added } }
    }

    const HEADER: Header = Header { source: Fingerprint { octets: 0x1_0000_0009, crc32: 7 }, serial: 41 };

    fn frame(items: &[Item]) -> Vec<u8> {
        let mut frame = Frame::default();
        assert!(frame.is_empty());
        for item in items {
            match item {
                Item::Base { serial, records } => frame.put_base(*serial, records),
                Item::Delta(entry) => frame.put_delta(entry),
            }
        }
        assert!(!frame.is_empty());
        frame.finish().expect("it is short")
    }

    /// A journal of three frames, the ends of each, and all items.
    fn journal() -> (Vec<u8>, [usize; 4], Vec<Item>) {
        let frames = [
            vec![Item::Base { serial: 41, records: vec![record("corp", b"\x03old")] }],
            vec![Item::Delta(entry(41, Some("ddns.corp"))), Item::Delta(entry(42, None))],
            vec![Item::Delta(entry(43, Some("k")))],
        ];
        let mut octets = HEADER.encode().to_vec();
        let mut ends = [HEADER_OCTETS; 4];
        for (at, items) in frames.iter().enumerate() {
            octets.extend(frame(items));
            ends[at + 1] = octets.len();
        }
        (octets, ends, frames.concat())
    }

    fn read(octets: &[u8]) -> (Result<Replayed, Damage>, Vec<Item>) {
        let mut items = Vec::new();
        (replay(octets, |item| items.push(item)), items)
    }

    #[test]
    fn what_is_written_is_read() {
        let (octets, ends, expected) = journal();
        let (replayed, items) = read(&octets);
        assert_eq!(replayed, Ok(Replayed { header: HEADER, length: ends[3] }));
        assert_eq!(items, expected);
        let empty = HEADER.encode();
        assert_eq!(read(&empty), (Ok(Replayed { header: HEADER, length: HEADER_OCTETS }), vec![]));
    }

    #[test]
    fn a_journal_that_is_cut_anywhere_keeps_its_whole_frames() {
        let (octets, ends, expected) = journal();
        let items_by = [0, 1, 3, 4];
        for length in 0..=octets.len() {
            let (replayed, items) = read(&octets[..length]);
            let Some(whole) = ends.iter().rposition(|&end| end <= length) else {
                assert_eq!(replayed, Err(Damage::Header), "{length}");
                continue;
            };
            assert_eq!(replayed.map(|replayed| replayed.length), Ok(ends[whole]), "{length}");
            assert_eq!(items, expected[..items_by[whole]], "{length}");
        }
    }

    #[test]
    fn room_that_was_made_but_never_written_is_no_frame() {
        let (octets, ends, expected) = journal();
        for zeros in [1, 7, 8, 9, 4096] {
            let (replayed, items) = read(&[&octets[..], &vec![0; zeros]].concat());
            assert_eq!((replayed.map(|replayed| replayed.length), items.len()), (Ok(ends[3]), expected.len()));
        }
        // The last frame's first half came to the disk, the other did not.
        let mut half = octets.clone();
        half[(ends[2] + ends[3]) / 2..].fill(0);
        assert_eq!(read(&half).0.map(|replayed| replayed.length), Ok(ends[2]));
    }

    #[test]
    fn any_octet_that_is_wrong_is_found() {
        let (octets, ends, expected) = journal();
        let items_by = [0, 1, 3, 4];
        for at in 0..octets.len() {
            let mut wrong = octets.clone();
            wrong[at] ^= 0x10;
            let (replayed, items) = read(&wrong);
            let frame = ends.iter().rposition(|&end| end <= at);
            let expected_outcome = match frame {
                None => Err(Damage::Header),
                // The last frame cannot be told from one that was not finished.
                Some(2) => Ok(ends[2]),
                Some(frame) => Err(Damage::Frame(ends[frame])),
            };
            assert_eq!(replayed.map(|replayed| replayed.length), expected_outcome, "octet {at}");
            assert_eq!(items, expected[..frame.map_or(0, |frame| items_by[frame])], "octet {at}");
        }
    }

    #[test]
    fn a_frame_of_right_checksum_but_unknown_content_is_a_later_versions() {
        let whole = frame(&[Item::Delta(entry(1, None))]);
        for length in LEAST_ITEM_OCTETS..whole.len() - FRAME_OCTETS {
            let mut payload = whole[FRAME_OCTETS..FRAME_OCTETS + length].to_vec();
            let crc = crc32fast::hash(&payload);
            let mut journal = HEADER.encode().to_vec();
            journal.extend((length as u32).to_be_bytes());
            journal.extend(crc.to_be_bytes());
            journal.append(&mut payload);
            assert_eq!(read(&journal), (Err(Damage::Unknown(HEADER_OCTETS)), vec![]), "{length}");
        }
    }

    #[test]
    fn sources_are_told_apart() {
        let of = |text: &[u8]| Fingerprint::of(text);
        assert_eq!(of(b"123456789"), Fingerprint { octets: 9, crc32: 0xcbf4_3926 });
        assert_ne!(of(b"$TTL 1"), of(b"$TTL 2"));
        assert_eq!(Damage::Frame(40).to_string(), "what stands at octet 40 is damaged, and updates follow it");
    }
}
