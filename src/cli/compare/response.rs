//! What a server said, in a form that can be compared: RRsets as sets, names in one case.
//!
//! Read by hickory-proto and not by [`crate::wire`]: a mistake there could not be seen by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{RData, Record};

use crate::wire::mnemonic::{rcode_name, type_name};

/// What became of a question at one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(Response),
    /// Nothing came in time.
    Silent,
    /// What came is no answer to the question.
    Garbled(String),
    /// The system said no: nobody listens, a connection was closed.
    Failed(String),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    /// With the upper bits of EDNS.
    pub rcode: u16,
    /// AA.
    pub authoritative: bool,
    /// TC, of the first answer by UDP.
    pub truncated: bool,
    /// RA.
    pub recursion_available: bool,
    /// AD.
    pub authentic_data: bool,
    pub answer: Rrsets,
    pub authority: Rrsets,
    pub additional: Rrsets,
    /// The size that the OPT record tells; `None`: there is none.
    pub edns_udp_bytes: Option<u16>,
}

/// The RRsets of a section, by owner (in lower case) and type.
pub(super) type Rrsets = BTreeMap<(String, u16), Rrset>;

/// An RRset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rrset {
    /// The smallest of its records, in seconds.
    pub ttl: u32,
    /// In text.
    pub data: BTreeSet<String>,
}

impl Response {
    /// Reads what came.
    pub(super) fn read(asked: &Message, octets: &[u8]) -> Outcome {
        let message = match Message::from_vec(octets) {
            Ok(message) => message,
            Err(error) => return Outcome::Garbled(format!("cannot be read: {error}")),
        };
        if message.metadata.id != asked.metadata.id || message.metadata.message_type != MessageType::Response {
            return Outcome::Garbled("another ID, or no response".to_owned());
        }
        // FORMERR and NOTIMP may come without the question.
        if !message.queries.is_empty() && message.queries != asked.queries {
            return Outcome::Garbled("another question than the one asked".to_owned());
        }
        Outcome::Answered(Self {
            rcode: u16::from(message.metadata.response_code),
            authoritative: message.metadata.authoritative,
            truncated: message.metadata.truncation,
            recursion_available: message.metadata.recursion_available,
            authentic_data: message.metadata.authentic_data,
            answer: rrsets(&message.answers),
            authority: rrsets(&message.authorities),
            additional: rrsets(&message.additionals),
            edns_udp_bytes: message.edns.as_ref().map(|edns| edns.max_payload()),
        })
    }

    /// The RCODE's name.
    pub(super) fn status(&self) -> String {
        rcode_name(self.rcode).into_owned()
    }
}

fn rrsets(records: &[Record]) -> Rrsets {
    let mut sets = Rrsets::new();
    for record in records {
        let key = (record.name.to_string().to_ascii_lowercase(), u16::from(record.record_type()));
        let set = sets.entry(key).or_insert(Rrset { ttl: record.ttl, data: BTreeSet::new() });
        set.ttl = set.ttl.min(record.ttl);
        set.data.insert(text(&record.data));
    }
    sets
}

/// Names are one in whatever case; other texts are as they are.
fn text(data: &RData) -> String {
    if let RData::TXT(txt) = data {
        let strings: Vec<String> = txt.txt_data.iter().map(|octets| format!("\"{}\"", escaped(octets))).collect();
        return strings.join(" ");
    }
    let text = printable(&data.to_string());
    match data {
        RData::NS(_) | RData::CNAME(_) | RData::PTR(_) | RData::SOA(_) | RData::MX(_) | RData::SRV(_) => {
            text.to_ascii_lowercase()
        }
        _ => text,
    }
}

/// Octets as master files have them: whoever wrote them can neither steer a terminal nor begin a line.
fn escaped(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for &octet in octets {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            b' '..=b'~' => text.push(char::from(octet)),
            _ => text += &format!("\\{octet:03}"),
        }
    }
    text
}

/// What a library made of a record, with what cannot be printed as `\DDD`.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b' '..=b'~' => shown.push(char::from(octet)),
            _ => shown += &format!("\\{octet:03}"),
        }
    }
    shown
}

/// The RRsets in one line, for people.
pub(super) struct Shown<'a>(pub &'a Rrsets);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// What a line can hold.
        const RECORDS: usize = 8;
        let all = self.0.iter().flat_map(|((owner, rtype), set)| set.data.iter().map(move |data| (owner, rtype, data)));
        let count = self.0.values().map(|set| set.data.len()).sum::<usize>();
        for (index, (owner, rtype, data)) in all.take(RECORDS).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{owner} {} {data}", type_name(*rtype))?;
        }
        match count {
            0 => f.write_str("none"),
            count if count > RECORDS => write!(f, " and {} more", count - RECORDS),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{NULL, TXT};

    use super::*;

    #[test]
    fn no_text_of_a_server_steers_a_terminal_and_different_octets_stay_different() {
        let txt = |octets: &[u8]| text(&RData::TXT(TXT::from_bytes(vec![octets])));
        assert_eq!(txt(b"\x1b[31mEVIL\n\x1b]0;pwn\x07\xff"), "\"\\027[31mEVIL\\010\\027]0;pwn\\007\\255\"");
        assert_eq!(txt(b"say \"a\\b\""), "\"say \\\"a\\\\b\\\"\"");
        assert_ne!(txt(b"\xff"), txt(b"\xfe"), "neither is UTF-8");
        let other = text(&RData::NULL(NULL::with(b"\x1b[31m\n\xff".to_vec())));
        assert!(other.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{other}");
    }
}
