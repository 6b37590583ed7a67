//! One record of an update, read out of the message.

use crate::wire::header::{class, rcode, u32_at};
use crate::wire::walk::{NameBuf, Record};
use crate::wire::{Name, whole};

use super::Refusal;

/// A prerequisite, or a change.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) owner: Name,
    pub(super) rtype: u16,
    pub(super) class: u16,
    /// As it was sent.
    pub(super) raw_ttl: u32,
    /// Names whole, in the case they were written in.
    pub(super) rdata: Box<[u8]>,
}

impl Line {
    /// Reads a record whose places are known.
    ///
    /// # Errors
    /// FORMERR when its owner cannot be read, or its RDATA is not what its type says. Records of class ANY say
    /// something about RRsets and names, those of class NONE do so if they have no RDATA.
    pub(super) fn read(packet: &[u8], record: &Record) -> Result<Self, Refusal> {
        let malformed = |_| Refusal::of(rcode::FORMERR, "a record cannot be read");
        let mut owner = NameBuf::default();
        owner.read(packet, record.owner).map_err(malformed)?;
        let is_empty = record.rdata() == record.end;
        let mut rdata = Vec::new();
        match record.class {
            class::ANY => rdata.extend_from_slice(&packet[record.rdata()..record.end]),
            class::NONE if is_empty => {}
            _ => whole::append_whole(packet, (record.rtype, record.rdata(), record.end), &mut rdata)
                .map_err(malformed)?,
        }
        Ok(Self {
            owner: Name::from_wire(owner.as_wire()).expect("a name that was read is a name"),
            rtype: record.rtype,
            class: record.class,
            raw_ttl: u32_at(packet, record.ttl_at()),
            rdata: rdata.into(),
        })
    }

    /// The TTL of a record that is added: what has the top bit set counts as 0 (RFC 2181 §8).
    pub(super) fn ttl(&self) -> u32 {
        if self.raw_ttl >> 31 == 1 { 0 } else { self.raw_ttl }
    }
}
