//! RDATA that is to be kept: checked against its type, names whole, in the case they were written in.
//!
//! What a client adds to a zone stays there and is served to everybody, so it must be what its type says; forwarded
//! RDATA need not be (see [`super::rdata`]). Types that are not known are opaque (RFC 3597).
//! Not here: RDATA as text.

use super::header::{rtype, u16_at};
use super::rdata::{Piece, for_each_piece};
use super::walk::{Malformed, NameBuf, plain_name_end};

/// A piece of RDATA whose names are whole.
#[derive(Clone, Copy)]
enum Shape {
    /// This many octets.
    Octets(usize),
    /// A character-string: a length octet and as many octets.
    Text,
    /// One character-string or more, up to the end.
    Texts,
    /// A character-string that is not empty.
    Tag,
    /// A domain name.
    Name,
    /// Everything that is left, at least one octet.
    Some,
    /// Everything that is left.
    Rest,
    /// SvcParams: each key greater than the one before (RFC 9460 §2.2).
    Parameters,
}

/// What a type's RDATA looks like.
fn shape_of(rtype: u16) -> &'static [Shape] {
    use Shape::{Name, Octets, Parameters, Rest, Some, Tag, Text, Texts};
    match rtype {
        rtype::A => &[Octets(4)],
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME
        2..=5 | 7..=9 | 12 | 39 => &[Name],
        rtype::SOA => &[Name, Name, Octets(20)],
        rtype::WKS => &[Octets(5), Rest],
        // HINFO
        13 => &[Text, Text],
        // MINFO, RP
        14 | 17 => &[Name, Name],
        // MX, AFSDB, RT, KX, LP
        15 | 18 | 21 | 36 | 107 => &[Octets(2), Name],
        // TXT, SPF
        16 | 99 => &[Texts],
        // SIG, RRSIG
        24 | 46 => &[Octets(18), Name, Some],
        // KEY, DNSKEY, CDNSKEY
        25 | 48 | 60 => &[Octets(4), Rest],
        // PX
        26 => &[Octets(2), Name, Name],
        rtype::AAAA => &[Octets(16)],
        // LOC
        29 => &[Octets(16)],
        // NXT, NSEC
        30 | 47 => &[Name, Some],
        // SRV
        33 => &[Octets(6), Name],
        // NAPTR
        35 => &[Octets(4), Text, Text, Text, Name],
        // CERT
        37 => &[Octets(5), Some],
        // DS, CDS, DLV
        43 | 59 | 32_769 => &[Octets(4), Some],
        // SSHFP
        44 => &[Octets(2), Some],
        // DHCID, OPENPGPKEY
        49 | 61 => &[Some],
        // NSEC3PARAM
        51 => &[Octets(4), Text],
        // TLSA, SMIMEA
        52 | 53 => &[Octets(3), Some],
        // CSYNC
        62 => &[Octets(6), Rest],
        // ZONEMD
        63 => &[Octets(6), Some],
        // SVCB, HTTPS
        64 | 65 => &[Octets(2), Name, Parameters],
        // NID, L64
        104 | 106 => &[Octets(10)],
        // L32, EUI48
        105 => &[Octets(6)],
        108 => &[Octets(6)],
        // EUI64
        109 => &[Octets(8)],
        // URI
        256 => &[Octets(4), Some],
        // CAA
        257 => &[Octets(1), Tag, Rest],
        _ => &[Rest],
    }
}

/// Appends RDATA `at..end` of a message to `out` with its names whole, in the case they were written in.
///
/// # Errors
/// When it is not what its type says; what was appended then is taken back.
pub fn append_whole(message: &[u8], (rtype, at, end): (u16, usize, usize), out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let mut written = NameBuf::default();
    let outcome = for_each_piece(message, (rtype, at, end), |piece| match piece {
        Piece::Octets(octets) => out.extend_from_slice(octets),
        Piece::Name { at, .. } => {
            // The walk has read it before.
            if written.read_as_written(message, at).is_ok() {
                out.extend_from_slice(written.as_wire());
            }
        }
    });
    let outcome = outcome.and_then(|()| is_whole(rtype, &out[start..]).then_some(()).ok_or(Malformed));
    if outcome.is_err() {
        out.truncate(start);
    }
    outcome
}

/// Whether RDATA that stands by itself is what its type says, every name in it whole.
pub fn is_whole(rtype: u16, rdata: &[u8]) -> bool {
    rdata.len() <= usize::from(u16::MAX) && shape_end(rtype, rdata) == Ok(rdata.len())
}

/// Where the shape of a type ends in RDATA.
fn shape_end(rtype: u16, rdata: &[u8]) -> Result<usize, Malformed> {
    let mut at = 0;
    for shape in shape_of(rtype) {
        let rest = rdata.get(at..).ok_or(Malformed)?;
        at = match shape {
            Shape::Octets(count) => at + count,
            Shape::Text => at + text_octets(rest)?,
            Shape::Tag if rest.first() == Some(&0) => return Err(Malformed),
            Shape::Tag => at + text_octets(rest)?,
            Shape::Texts => at + texts_octets(rest)?,
            Shape::Name => plain_name_end(rdata, at)?,
            Shape::Some if rest.is_empty() => return Err(Malformed),
            Shape::Some | Shape::Rest => rdata.len(),
            Shape::Parameters => at + parameters_octets(rest)?,
        };
    }
    if at <= rdata.len() { Ok(at) } else { Err(Malformed) }
}

/// Octets of the character-string that `rest` begins with; it may be cut off.
fn text_octets(rest: &[u8]) -> Result<usize, Malformed> {
    rest.first().map(|&length| 1 + usize::from(length)).ok_or(Malformed)
}

fn texts_octets(rest: &[u8]) -> Result<usize, Malformed> {
    let mut at = text_octets(rest)?;
    while at < rest.len() {
        at += text_octets(&rest[at..])?;
    }
    Ok(at)
}

fn parameters_octets(rest: &[u8]) -> Result<usize, Malformed> {
    let (mut at, mut least) = (0, 0);
    while at < rest.len() {
        if rest.len() < at + 4 {
            return Err(Malformed);
        }
        let key = u16_at(rest, at);
        if u32::from(key) < least {
            return Err(Malformed);
        }
        least = u32::from(key) + 1;
        at += 4 + usize::from(u16_at(rest, at + 2));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rdata_is_what_its_type_says() {
        let cases: [(&str, u16, &[u8], bool); 44] = [
            ("an address", 1, &[192, 0, 2, 1], true),
            ("an address of three octets", 1, &[192, 0, 2], false),
            ("an address of five octets", 1, &[192, 0, 2, 1, 0], false),
            ("none", 1, &[], false),
            ("an IPv6 address", 28, &[0; 16], true),
            ("an IPv6 address of four octets", 28, &[0; 4], false),
            ("a name", 5, b"\x01a\0", true),
            ("a name and more", 5, b"\x01a\0\0", false),
            ("a name that is cut off", 5, b"\x02a\0", false),
            ("a pointer", 5, b"\xc0\x0c", false),
            ("SOA", 6, b"\x01a\0\x01b\0aaaabbbbccccddddeeee", true),
            ("SOA without its minimum", 6, b"\x01a\0\x01b\0aaaabbbbccccdddd", false),
            ("HINFO", 13, b"\x01a\x00", true),
            ("HINFO of one text", 13, b"\x01a", false),
            ("MX", 15, b"\0\x0a\x01a\0", true),
            ("MX without a name", 15, b"\0\x0a", false),
            ("TXT of one text", 16, b"\x01a", true),
            ("TXT of two, one empty", 16, b"\x01a\0", true),
            ("TXT of none", 16, b"", false),
            ("TXT that is cut off", 16, b"\x01a\x02b", false),
            ("WKS", 11, b"\xc0\0\x02\x01\x06\xff", true),
            ("WKS without a protocol", 11, b"\xc0\0\x02\x01", false),
            ("LOC", 29, &[0; 16], true),
            ("LOC that is cut off", 29, &[0; 15], false),
            ("SRV", 33, b"\0\0\0\0\0\x50\x01a\0", true),
            ("NAPTR", 35, b"\0\x01\0\x02\x01U\x03SIP\0\x01a\0", true),
            ("NAPTR without a name", 35, b"\0\x01\0\x02\x01U\x03SIP\0", false),
            ("DNAME", 39, b"\x01a\0", true),
            ("DS", 43, b"\0\x01\x08\x02digest", true),
            ("DS without a digest", 43, b"\0\x01\x08\x02", false),
            ("SSHFP", 44, b"\x01\x01f", true),
            ("SSHFP without a fingerprint", 44, b"\x01\x01", false),
            ("TLSA", 52, b"\x03\x01\x01c", true),
            ("SVCB without parameters", 64, b"\0\x01\0", true),
            ("HTTPS with two", 65, b"\0\x01\0\0\x01\0\x02h2\0\x03\0\x02\x01\xbb", true),
            ("HTTPS with the same twice", 65, b"\0\x01\0\0\x01\0\0\0\x01\0\0", false),
            ("HTTPS with them in the wrong order", 65, b"\0\x01\0\0\x03\0\0\0\x01\0\0", false),
            ("HTTPS with one that is cut off", 65, b"\0\x01\0\0\x01\0\x02h", false),
            ("HTTPS with the greatest key", 65, b"\0\x01\0\xff\xff\0\0", true),
            ("URI", 256, b"\0\x01\0\x02u", true),
            ("CAA", 257, b"\0\x05issueca.example", true),
            ("CAA without a tag", 257, b"\0\0ca.example", false),
            ("a type that nobody knows", 65_280, b"\xc0\x0c\xff", true),
            ("a type that nobody knows, empty", 65_280, b"", true),
        ];
        for (case, rtype, rdata, expected) in cases {
            assert_eq!(is_whole(rtype, rdata), expected, "{case}");
        }
    }

    #[test]
    fn names_are_made_whole_and_keep_their_case() {
        let message = [&[0; 12][..], b"\x04Corp\0", b"\0\x0a\x02MX\xc0\x0c"].concat();
        let mut out = b"before".to_vec();
        assert_eq!(append_whole(&message, (15, 18, message.len()), &mut out), Ok(()));
        assert_eq!(out, b"before\0\x0a\x02MX\x04Corp\0");
        assert_eq!(append_whole(&message, (1, 18, message.len()), &mut out), Err(Malformed), "no address");
        assert_eq!(append_whole(&message, (15, 18, message.len() - 1), &mut out), Err(Malformed), "cut off");
        assert_eq!(out.len(), 6 + 11, "what could not be read is taken back");
    }
}
