//! Where names stand inside RDATA, for the types whose RDATA may be compressed.
//!
//! Only RFC 1035's types may be compressed when sent; those of RFC 3597 §4's list must be decompressed when read, since
//! old servers compressed them. All other RDATA is opaque and carried as it is (RFC 3597 §3).

use std::borrow::Cow;

use super::walk::{Malformed, NameBuf};

/// A piece of RDATA.
#[derive(Clone, Copy)]
enum Field {
    /// This many octets.
    Octets(u8),
    /// A character-string: a length octet and as many octets.
    Text,
    /// A domain name.
    Name,
    /// Everything that is left.
    Rest,
}

/// The pieces of a type's RDATA up to its last name, and whether its names may be compressed when sent.
fn fields_of(rtype: u16) -> (&'static [Field], bool) {
    use Field::{Name, Octets, Rest, Text};
    match rtype {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR
        2..=5 | 7..=9 | 12 => (&[Name], true),
        // SOA
        6 => (&[Name, Name, Rest], true),
        // MINFO
        14 => (&[Name, Name], true),
        // MX
        15 => (&[Octets(2), Name], true),
        // RP
        17 => (&[Name, Name], false),
        // AFSDB, RT, KX
        18 | 21 | 36 => (&[Octets(2), Name], false),
        // SIG, RRSIG
        24 | 46 => (&[Octets(18), Name, Rest], false),
        // PX
        26 => (&[Octets(2), Name, Name], false),
        // NXT
        30 => (&[Name, Rest], false),
        // SRV
        33 => (&[Octets(6), Name], false),
        // NAPTR
        35 => (&[Octets(4), Text, Text, Text, Name], false),
        // DNAME
        39 => (&[Name], false),
        _ => (&[Rest], false),
    }
}

/// One piece of RDATA that [`for_each_piece`] found.
pub enum Piece<'m> {
    /// Octets to be carried as they are.
    Octets(&'m [u8]),
    /// A name, uncompressed and in lower case.
    Name {
        /// The name.
        name: &'m NameBuf,
        /// Where it begins in the message.
        at: usize,
        /// Whether it may be compressed when sent.
        compressible: bool,
    },
}

/// Walks RDATA `at..end` of a message in pieces; nothing may be missing and nothing be left over.
pub fn for_each_piece(
    message: &[u8],
    (rtype, at, end): (u16, usize, usize),
    mut piece: impl FnMut(Piece<'_>),
) -> Result<(), Malformed> {
    let (fields, compressible) = fields_of(rtype);
    let mut position = at;
    let mut name = NameBuf::default();
    for field in fields {
        let next = match field {
            Field::Octets(count) => position + usize::from(*count),
            Field::Text => position + 1 + usize::from(*message.get(position).ok_or(Malformed)?),
            Field::Name => name.read(message, position)?,
            Field::Rest => end,
        };
        if next > end {
            return Err(Malformed);
        }
        match field {
            Field::Name => piece(Piece::Name { name: &name, at: position, compressible }),
            _ => piece(Piece::Octets(&message[position..next])),
        }
        position = next;
    }
    if position == end { Ok(()) } else { Err(Malformed) }
}

/// Whether records of this type name hosts, or services, about which an answer may tell more.
#[inline]
pub fn names_hosts(rtype: u16) -> bool {
    // NS, MD, MF, MB, MX, AFSDB, RT, SRV, NAPTR, KX, SVCB, HTTPS
    matches!(rtype, 2..=4 | 7 | 15 | 18 | 21 | 33 | 35 | 36 | 64 | 65)
}

/// Where the name of a host or service stands in RDATA, names in front of which are uncompressed; `None` if it names none.
pub fn host_at(rtype: u16, rdata: &[u8]) -> Option<usize> {
    let behind_text = |at: usize| Some(at + 1 + usize::from(*rdata.get(at)?));
    match rtype {
        2..=4 | 7 => Some(0),
        // Behind a number: MX, AFSDB, RT, KX, SVCB, HTTPS.
        15 | 18 | 21 | 36 | 64 | 65 => Some(2),
        // Behind three: SRV.
        33 => Some(6),
        // A rule that ends at a service or a host (RFC 3403 §4.1, RFC 3958 §6.4), behind flags, services, a pattern.
        35 if *rdata.get(4)? > 0 && matches!(rdata.get(5)?, b'a' | b'A' | b's' | b'S') => {
            behind_text(4).and_then(behind_text).and_then(behind_text)
        }
        _ => None,
    }
}

/// RDATA that [is whole](super::whole::is_whole) as it is compared: names in lower case (RFC 2136 §1.1.1, RFC 4034 §6.2).
pub fn canonical(rtype: u16, rdata: &[u8]) -> Cow<'_, [u8]> {
    if matches!(fields_of(rtype).0, [Field::Rest]) {
        return Cow::Borrowed(rdata);
    }
    let mut out = Vec::with_capacity(rdata.len());
    let walked = for_each_piece(rdata, (rtype, 0, rdata.len()), |piece| match piece {
        Piece::Octets(octets) => out.extend_from_slice(octets),
        Piece::Name { name, .. } => out.extend_from_slice(name.as_wire()),
    });
    if walked.is_ok() { Cow::Owned(out) } else { Cow::Borrowed(rdata) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and the name `Corp` at 12, then RDATA from 18 on.
    fn walk(rtype: u16, rdata: &[u8]) -> Result<String, Malformed> {
        let message = [&[0; 12][..], b"\x04Corp\0", rdata].concat();
        let mut pieces = Vec::new();
        for_each_piece(&message, (rtype, 18, message.len()), |piece| {
            pieces.push(match piece {
                Piece::Octets(octets) => octets.len().to_string(),
                Piece::Name { name, compressible, .. } => {
                    let name = String::from_utf8_lossy(&name.as_wire()[1..]).into_owned();
                    if compressible { name } else { format!("={name}") }
                }
            });
        })?;
        Ok(pieces.join(" ").replace('\0', ""))
    }

    #[test]
    fn names_are_found_where_a_type_has_them() {
        let corp = b"\xc0\x0c";
        let with = |start: &[u8], end: &[u8]| [start, corp, end].concat();
        let cases: Vec<(&str, u16, Vec<u8>, &str)> = vec![
            ("A is opaque", 1, vec![192, 0, 2, 1], "4"),
            ("NS", 2, with(b"", b""), "corp"),
            ("CNAME, in lower case", 5, b"\x01X\xc0\x0c".to_vec(), "x\u{4}corp"),
            ("SOA", 6, with(corp, &[0; 20]), "corp corp 20"),
            ("PTR", 12, with(b"", b""), "corp"),
            ("MX", 15, with(b"\0\x0a", b""), "2 corp"),
            ("RP may not be compressed when sent", 17, with(corp, b""), "=corp =corp"),
            ("SRV neither", 33, with(&[0; 6], b""), "6 =corp"),
            ("NAPTR behind its three texts", 35, with(b"\0\x01\0\x02\x01U\x03SIP\0", b""), "4 2 4 1 =corp"),
            ("DNAME", 39, with(b"", b""), "=corp"),
            ("RRSIG", 46, with(&[0; 18], b"signature"), "18 =corp 9"),
            ("NSEC's next name is opaque", 47, b"\x04CORP\0\0\x01\x40".to_vec(), "9"),
            ("HTTPS is opaque", 65, b"\0\x01\0".to_vec(), "3"),
            ("a type that nobody knows", 65_280, with(b"", b"x"), "3"),
            ("a type that nobody knows, empty", 65_280, vec![], "0"),
        ];
        for (case, rtype, rdata, expected) in cases {
            assert_eq!(walk(rtype, &rdata).as_deref(), Ok(expected), "{case}");
        }
    }

    #[test]
    fn rdata_by_itself_is_whole_or_not_and_compared_without_case() {
        let soa = [&b"\x02NS\0\x01h\0"[..], &[7; 20]].concat();
        let plain = [&b"\x02ns\0\x01h\0"[..], &[7; 20]].concat();
        let pointed = [&[0; 12][..], b"\x01a\0\xc0\x0c"].concat();
        type Case<'c> = (&'c str, u16, &'c [u8], Option<&'c [u8]>);
        let cases: [Case<'_>; 15] = [
            ("an address", 1, &[192, 0, 2, 1], Some(&[192, 0, 2, 1])),
            ("an address that is too long", 1, &[0; 5], None),
            ("an address that is too short", 28, &[0; 15], None),
            ("an alias", 5, b"\x03WwW\0", Some(b"\x03www\0")),
            ("octets behind it", 5, b"\x03WwW\0\0", None),
            ("a pointer in it", 5, b"\x01a\xc0\x0c", None),
            ("a pointer that could be followed", 65_280, &pointed, Some(&pointed)),
            ("an SOA", 6, &soa, Some(&plain)),
            ("an SOA cut short", 6, &soa[..5], None),
            ("an MX", 15, b"\0\x0a\x01M\0", Some(b"\0\x0a\x01m\0")),
            ("half a preference", 15, b"\0", None),
            ("a text keeps its case", 16, b"\x01A", Some(b"\x01A")),
            ("NAPTR: its texts too", 35, b"\0\x01\0\x02\x01U\0\0\x01X\0", Some(b"\0\x01\0\x02\x01U\0\0\x01x\0")),
            ("NAPTR with a text too long", 35, b"\0\x01\0\x02\xffU", None),
            ("a type that nobody knows, empty", 65_280, b"", Some(b"")),
        ];
        for (case, rtype, rdata, expected) in cases {
            assert_eq!(crate::wire::whole::is_whole(rtype, rdata), expected.is_some(), "{case}");
            if let Some(expected) = expected {
                assert_eq!(canonical(rtype, rdata), expected, "{case}");
            }
        }
    }

    #[test]
    fn nothing_may_be_missing_or_left_over() {
        let cases: [(&str, u16, &[u8]); 10] = [
            ("no name at all", 2, b""),
            ("octets behind the name", 2, b"\xc0\x0c\0"),
            ("a name that runs on behind the RDATA", 5, b"\x05x"),
            ("a pointer that is cut off", 12, b"\xc0"),
            ("a pointer to itself", 12, b"\xc0\x12"),
            ("half a preference", 15, b"\0"),
            ("a preference alone", 15, b"\0\x0a"),
            ("one name of two", 6, b"\xc0\x0c"),
            ("a text that is longer than the RDATA", 35, b"\0\x01\0\x02\xffU"),
            ("a signature that ends before its signer", 46, b"\0\x01"),
        ];
        for (case, rtype, rdata) in cases {
            assert_eq!(walk(rtype, rdata), Err(Malformed), "{case}");
        }
    }
}
