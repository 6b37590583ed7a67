//! What stands in a journal: a zone's source, and what was changed since.
//!
//! Not here: the octets of a frame ([`crate::zone::journal`]), files ([`super::file`]).

use crate::wire::Name;
use crate::zone::journal::{Damage, Frame, Header, Item, replay};
use crate::zone::{Builder, Record, Zone};

/// A zone is written in frames of about so many octets.
const BASE_FRAME_OCTETS: usize = 1 << 20;

/// A zone as a journal has it.
pub(super) struct Kept {
    pub(super) header: Header,
    pub(super) source: Zone,
    pub(super) current: Zone,
}

/// The header of a journal that goes on from a source.
pub(super) fn header(source: &Zone) -> Header {
    Header { source: source.fingerprint(), serial: source.serial() }
}

/// A source's records in frames.
pub(super) fn bases(source: &Zone) -> impl Iterator<Item = Vec<u8>> {
    let (serial, mut records) = (source.serial(), source.iter().peekable());
    std::iter::from_fn(move || {
        records.peek()?;
        let mut octets = 0;
        let mut part = Vec::new();
        while octets < BASE_FRAME_OCTETS
            && let Some(record) = records.next()
        {
            octets += record_octets(&record);
            part.push(record);
        }
        let mut frame = Frame::default();
        frame.put_base(serial, &part);
        frame.finish()
    })
}

/// What a journal's octets say.
pub(super) struct Written {
    pub(super) kept: Option<Kept>,
    /// Octets up to which it is whole.
    pub(super) length: usize,
    /// Octets of the source in it.
    pub(super) base_octets: u64,
    /// What is wrong with it.
    pub(super) damage: Option<String>,
    /// It is right, but of a version that writes more.
    pub(super) is_later: bool,
}

/// Reads a journal of the zone at `apex`.
pub(super) fn read(apex: &Name, octets: &[u8]) -> Written {
    let (mut records, mut entries, mut base_octets) = (Vec::new(), Vec::new(), 0);
    let replayed = replay(octets, |item| match item {
        Item::Base { records: part, .. } => {
            base_octets += part.iter().map(record_octets).sum::<usize>() as u64;
            records.extend(part);
        }
        Item::Delta(entry) => entries.push(entry),
    });
    let nothing =
        |damage: String| Written { kept: None, length: 0, base_octets: 0, damage: Some(damage), is_later: false };
    let (length, damage) = match replayed {
        Ok(replayed) => (replayed.length, None),
        Err(damage @ (Damage::Frame(at) | Damage::Unknown(at))) => (at, Some(damage)),
        Err(damage @ Damage::Header) => return nothing(damage.to_string()),
    };
    let Ok(header) = Header::decode(octets) else { return nothing(Damage::Header.to_string()) };
    let is_later = matches!(damage, Some(Damage::Unknown(_)));
    let mut damage = damage.map(|damage| damage.to_string());
    let mut builder = Builder::new(apex.clone());
    records.into_iter().for_each(|record| builder.add(record));
    let Ok((source, _)) = builder.finish() else { return nothing("its records are no zone".to_owned()) };
    let mut current = source.clone();
    for entry in entries {
        if let Err(unfit) = current.apply(&entry.delta) {
            damage.get_or_insert(format!("the update to serial {} cannot be made: {unfit}", entry.to));
            break;
        }
    }
    Written { kept: Some(Kept { header, source, current }), length, base_octets, damage, is_later }
}

/// Octets of a record in a journal.
fn record_octets(record: &Record) -> usize {
    record.owner.as_wire().len() + record.rdata.len() + 10
}
