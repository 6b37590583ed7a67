//! Saying what a query's line says: in octets on its way through a worker's ring, and in named's words.
//!
//! In octets a line is [`FIXED_OCTETS`] of numbers, then the names, one behind the other; its length stands before it.
//! Both ways are here, so that they cannot differ. Nothing here comes from the network as it is: the writer of the
//! octets is [`Line::write`].

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::mnemonic::{class_name, type_name};
use crate::wire::name::Shown;

/// Octets of a line besides its names.
const FIXED_OCTETS: usize = 60;
/// The most octets of a name: of a domain name (RFC 1035 §3.1), and what is shown of a view's.
const NAME_OCTETS: usize = 255;
/// The most octets of a line, behind its length.
pub(in crate::logging) const MAX_OCTETS: usize = FIXED_OCTETS + 3 * NAME_OCTETS;

/// What a line says beside names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// A number that lines of one query share, as named shows where its client is in memory.
    pub at: usize,
    /// Who asks.
    pub client: (IpAddr, u16),
    /// Which address was asked.
    pub destination: IpAddr,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// RD: `+`, else `-`.
    pub recursion_desired: bool,
    /// The version of EDNS: `E(0)`.
    pub edns: Option<u8>,
    /// By TCP: `T`.
    pub tcp: bool,
    /// DO: `D`.
    pub dnssec_ok: bool,
    /// CD: `C`.
    pub checking_disabled: bool,
    /// A cookie, and whether it is one of ours: `V`, else `K`.
    pub cookie: Option<bool>,
}

/// Names that go with a [`Query`].
#[derive(Clone, Copy, Debug)]
pub struct Names<'n> {
    /// QNAME in the client's case, in wire form.
    pub qname: &'n [u8],
    /// The key that it is signed with, in wire form: `S`.
    pub key: Option<&'n [u8]>,
    /// The view, where there are several; no more than 255 octets of it are shown.
    pub view: Option<&'n str>,
}

/// A line, whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'n> {
    /// When, in nanoseconds since 1970.
    pub(super) unix_ns: u64,
    pub(super) query: Query,
    pub(super) qname: &'n [u8],
    /// Empty: none.
    pub(super) key: &'n [u8],
    /// Empty: none.
    pub(super) view: &'n [u8],
}

impl<'n> Line<'n> {
    pub(super) fn new(unix_ns: u64, query: Query, names: Names<'n>) -> Self {
        let cut = |octets: &'n [u8]| &octets[..octets.len().min(NAME_OCTETS)];
        let [key, view] = [names.key, names.view.map(str::as_bytes)].map(|name| cut(name.unwrap_or_default()));
        Line { unix_ns, query, qname: cut(names.qname), key, view }
    }

    /// Replaces what is in `out` by the line's octets, the length in front.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Line { unix_ns, query, qname, key, view } = self;
        let names = [qname, key, view];
        let length = FIXED_OCTETS + names.iter().map(|name| name.len()).sum::<usize>();
        out.clear();
        out.extend_from_slice(&(length as u16).to_le_bytes());
        out.extend_from_slice(&unix_ns.to_le_bytes());
        out.extend_from_slice(&(query.at as u64).to_le_bytes());
        let (client, destination) = (query.client.0, query.destination);
        let marks = [
            query.recursion_desired,
            query.edns.is_some(),
            query.tcp,
            query.dnssec_ok,
            query.checking_disabled,
            query.cookie == Some(true),
            query.cookie == Some(false),
            client.is_ipv6(),
            destination.is_ipv6(),
        ];
        let marks = marks.iter().rev().fold(0, |marks, &is_set| marks << 1 | u16::from(is_set));
        for number in [marks, query.client.1, query.qtype, query.qclass] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&octets_of(client));
        out.extend_from_slice(&octets_of(destination));
        out.push(query.edns.unwrap_or_default());
        out.extend(names.map(|name| name.len() as u8));
        names.iter().for_each(|name| out.extend_from_slice(name));
    }

    /// Reads what [`Self::write`] wrote, behind the length.
    pub(super) fn read(octets: &'n [u8]) -> Option<Self> {
        let mut rest = octets;
        let unix_ns = u64::from_le_bytes(take(&mut rest)?);
        let at = u64::from_le_bytes(take(&mut rest)?) as usize;
        let [marks, port, qtype, qclass] =
            [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?, take(&mut rest)?].map(u16::from_le_bytes);
        let is_set = |bit: u16| marks & 1 << bit != 0;
        let client = (address(take(&mut rest)?, is_set(7)), port);
        let destination = address(take(&mut rest)?, is_set(8));
        let [edns, qname, key, view] = take(&mut rest)?;
        let query = Query {
            at,
            client,
            destination,
            qtype,
            qclass,
            recursion_desired: is_set(0),
            edns: is_set(1).then_some(edns),
            tcp: is_set(2),
            dnssec_ok: is_set(3),
            checking_disabled: is_set(4),
            cookie: (is_set(5) || is_set(6)).then_some(is_set(5)),
        };
        let mut name = |octets: u8| {
            let (name, behind) = rest.split_at_checked(octets.into())?;
            rest = behind;
            Some(name)
        };
        Some(Line { unix_ns, query, qname: name(qname)?, key: name(key)?, view: name(view)? })
    }

    /// Appends named's words.
    pub(super) fn say(&self, out: &mut String) -> fmt::Result {
        let Line { query, qname, key, view, .. } = self;
        let ((address, port), at) = (query.client, query.at);
        let name = Shown(qname);
        write!(out, "client @{at:#x} {address}#{port}")?;
        if !key.is_empty() {
            write!(out, "/key {}", Shown(key))?;
        }
        write!(out, " ({name}): ")?;
        if !view.is_empty() {
            write!(out, "view {}: ", String::from_utf8_lossy(view))?;
        }
        let (qclass, qtype) = (class_name(query.qclass), type_name(query.qtype));
        write!(out, "query: {name} {qclass} {qtype} {}", if query.recursion_desired { '+' } else { '-' })?;
        if !key.is_empty() {
            out.push('S');
        }
        if let Some(version) = query.edns {
            write!(out, "E({version})")?;
        }
        let marks = [
            (query.tcp, 'T'),
            (query.dnssec_ok, 'D'),
            (query.checking_disabled, 'C'),
            (query.cookie == Some(true), 'V'),
            (query.cookie == Some(false), 'K'),
        ];
        out.extend(marks.iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| *mark));
        write!(out, " ({})", query.destination)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

/// An address in the room of the longer family.
fn octets_of(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn address(octets: [u8; 16], is_ipv6: bool) -> IpAddr {
    let [a, b, c, d, ..] = octets;
    if is_ipv6 { Ipv6Addr::from(octets).into() } else { Ipv4Addr::new(a, b, c, d).into() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::logging) fn query() -> Query {
        Query {
            at: 0x7f00,
            client: ([127, 0, 0, 1].into(), 42_631),
            destination: [127, 0, 0, 2].into(),
            qtype: 1,
            qclass: 1,
            recursion_desired: true,
            edns: None,
            tcp: false,
            dnssec_ok: false,
            checking_disabled: false,
            cookie: None,
        }
    }

    const FOO: &[u8] = b"\x03foo\x07Example\x03com\0";

    /// The words of a line that went through octets.
    fn said(query: Query, names: Names<'_>) -> String {
        let mut octets = Vec::new();
        Line::new(7, query, names).write(&mut octets);
        let (length, octets) = octets.split_first_chunk().unwrap();
        assert_eq!(usize::from(u16::from_le_bytes(*length)), octets.len());
        assert!(octets.len() <= MAX_OCTETS);
        let line = Line::read(octets).unwrap();
        assert_eq!((line.unix_ns, line.query), (7, query));
        let mut text = String::new();
        line.say(&mut text).unwrap();
        text
    }

    #[test]
    fn lines_are_named_s() {
        let names = Names { qname: FOO, key: None, view: None };
        let all = Query {
            recursion_desired: false,
            edns: Some(0),
            tcp: true,
            dnssec_ok: true,
            checking_disabled: true,
            cookie: Some(true),
            qtype: 65_280,
            ..query()
        };
        let root = Names { qname: b"\0", key: Some(b"\x01k\0"), view: Some("internal") };
        let sixth =
            Query { client: (Ipv6Addr::LOCALHOST.into(), 53), destination: Ipv6Addr::LOCALHOST.into(), ..query() };
        let mapped = Query { client: ("::ffff:127.0.0.1".parse().unwrap(), 53), ..query() };
        let cases = [
            (query(), names, "127.0.0.1#42631 (foo.Example.com): query: foo.Example.com IN A + (127.0.0.2)"),
            (all, root, "127.0.0.1#42631/key k (.): view internal: query: . IN TYPE65280 -SE(0)TDCV (127.0.0.2)"),
            (
                Query { cookie: Some(false), edns: Some(0), ..query() },
                names,
                "127.0.0.1#42631 (foo.Example.com): query: foo.Example.com IN A +E(0)K (127.0.0.2)",
            ),
            (sixth, names, "::1#53 (foo.Example.com): query: foo.Example.com IN A + (::1)"),
            (mapped, names, "::ffff:127.0.0.1#53 (foo.Example.com): query: foo.Example.com IN A + (127.0.0.2)"),
        ];
        for (query, names, expected) in cases {
            assert_eq!(said(query, names), format!("client @0x7f00 {expected}"));
        }
    }

    #[test]
    fn the_longest_names_fit_and_a_longer_view_is_cut() {
        let long: Vec<u8> = [[&[63][..], &[b'a'; 63]].concat().repeat(3), vec![61], vec![b'b'; 61], vec![0]].concat();
        assert_eq!(long.len(), NAME_OCTETS);
        let view = "v".repeat(300);
        let text = said(query(), Names { qname: &long, key: Some(&long), view: Some(&view) });
        assert!(text.contains(&format!(": view {}: query: ", &view[..255])), "{text}");
        assert_eq!(text.matches(&"b".repeat(61)).count(), 3);
    }

    #[test]
    fn octets_that_end_early_are_no_line() {
        let mut octets = Vec::new();
        Line::new(7, query(), Names { qname: FOO, key: None, view: None }).write(&mut octets);
        for end in 2..octets.len() {
            assert!(Line::read(&octets[2..end]).is_none(), "{end}");
        }
    }
}
