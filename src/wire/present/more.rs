//! Types that `domain` does not read: those written like another one, and a few more.

use domain::base::iana::Rtype;
use domain::base::scan::Scanner;
use domain::rdata::dnssec::RtypeBitmap;
use domain::utils::base64;

use super::scan::{Fault, Scan, algorithm_number};
use super::unknown::hex;
use super::words::escape_quoted;
use crate::wire::mnemonic::type_name;
use crate::wire::name::shown_with_dot;
use crate::wire::walk::plain_name_end;

/// The type whose RDATA are written and laid out the same; the type itself for all others.
pub(super) fn twin(rtype: u16) -> u16 {
    match rtype {
        // AFSDB, RT, KX, LP: MX
        18 | 21 | 36 | 107 => 15,
        // NSAP-PTR: PTR
        23 => 12,
        // SIG: RRSIG
        24 => 46,
        // KEY, RKEY: DNSKEY
        25 | 57 => 48,
        // DHCID: OPENPGPKEY
        49 => 61,
        // SMIMEA: TLSA
        53 => 52,
        // NINFO, SPF, AVC, RESINFO, WALLET: TXT
        56 | 99 | 258 | 261 | 262 => 16,
        // TALINK: RP
        58 => 17,
        // TA, DLV: DS
        32_768 | 32_769 => 43,
        other => other,
    }
}

/// Which word of the type's data is a DNSSEC algorithm.
pub(super) fn algorithm_at(rtype: u16) -> Option<usize> {
    match twin(rtype) {
        // DS, CDS, RRSIG
        43 | 59 | 46 => Some(1),
        // DNSKEY, CDNSKEY
        48 | 60 => Some(2),
        _ => None,
    }
}

/// A piece of RDATA that is written as one word, or as the rest of the words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    U16,
    U32,
    Name,
    Text,
    /// A text that may be left out, and is then not there at all.
    MaybeText,
    Ipv4,
    /// Four groups of four hexadecimal digits between colons.
    Locator,
    /// So many octets in hexadecimal, hyphens between.
    Hyphenated(usize),
    /// CERT's type, which has names (RFC 4398 §2.1).
    CertType,
    Algorithm,
    Base64,
    /// A list of types as a bit map (RFC 4034 §4.1.2).
    Types,
    /// One text to the end, not empty, without a length.
    Rest,
}

fn fields_of(rtype: u16) -> Option<&'static [Field]> {
    use Field::*;
    Some(match rtype {
        // X25, ISDN, PX
        19 => &[Text],
        20 => &[Text, MaybeText],
        26 => &[U16, Name, Name],
        // CERT, CSYNC
        37 => &[CertType, U16, Algorithm, Base64],
        62 => &[U32, U16, Types],
        // NID, L32, L64
        104 | 106 => &[U16, Locator],
        105 => &[U16, Ipv4],
        // EUI48, EUI64
        108 => &[Hyphenated(6)],
        109 => &[Hyphenated(8)],
        // URI
        256 => &[U16, U16, Rest],
        _ => return None,
    })
}

const CERT_TYPES: [(u16, &str); 10] = [
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPKIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

/// Whether the type is one of this file's own.
pub(super) fn is_known(rtype: u16) -> bool {
    fields_of(rtype).is_some()
}

/// Reads a type of this file's own; `None`: it is none.
pub(super) fn read(rtype: u16, scan: &mut Scan<'_>) -> Option<Result<Vec<u8>, Fault>> {
    let fields = fields_of(rtype)?;
    let mut octets = Vec::new();
    Some(fields.iter().try_for_each(|&field| read_field(field, scan, &mut octets)).map(|()| octets))
}

fn read_field(field: Field, scan: &mut Scan<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    match field {
        Field::U16 => out.extend(scan.number::<u16>()?.to_be_bytes()),
        Field::U32 => out.extend(scan.number::<u32>()?.to_be_bytes()),
        Field::Name => scan.name_into(out)?,
        Field::MaybeText if scan.is_at_end() => {}
        Field::Text | Field::MaybeText => scan.text_into(out)?,
        Field::Ipv4 => {
            let address = scan.address(|text| text.parse::<std::net::Ipv4Addr>().ok())?;
            out.extend(address.octets());
        }
        Field::Locator => out.extend(groups(scan.bare_text()?, ':', 4, 4).ok_or(Fault::new("no such number"))?),
        Field::Hyphenated(count) => {
            out.extend(groups(scan.bare_text()?, '-', count, 2).ok_or(Fault::new("no such number"))?);
        }
        Field::CertType => {
            let text = scan.bare_text()?;
            let known = CERT_TYPES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|&(number, _)| number);
            let number = known.or_else(|| text.parse().ok()).ok_or(Fault::new("no certificate type"))?;
            out.extend(number.to_be_bytes());
        }
        Field::Algorithm => {
            let text = scan.bare_text()?;
            let number = algorithm_number(text).or_else(|| text.parse().ok());
            out.push(number.ok_or(Fault::new("no algorithm"))?);
        }
        Field::Base64 => {
            let octets = scan.convert_entry(base64::SymbolConverter::new())?;
            if octets.is_empty() {
                return Err(scan.word().err().unwrap_or_else(|| Fault::new("no octets")));
            }
            out.extend(octets);
        }
        Field::Types => out.extend(RtypeBitmap::scan(scan)?.as_octets()),
        Field::Rest => {
            let octets = scan.octets()?;
            if octets.is_empty() {
                return Err(Fault::new("an empty text"));
            }
            out.extend(octets);
        }
    }
    Ok(())
}

/// Hexadecimal groups of at most `digits` digits (of exactly two where that is a pair of octets' half).
fn groups(text: &str, between: char, count: usize, digits: usize) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut found = 0;
    for group in text.split(between) {
        let right = if digits == 2 { group.len() == 2 } else { (1..=digits).contains(&group.len()) };
        let value = Some(group).filter(|_| right).and_then(|group| {
            group.bytes().all(|octet| octet.is_ascii_hexdigit()).then(|| u16::from_str_radix(group, 16).ok())?
        })?;
        match digits {
            2 => octets.push(value as u8),
            _ => octets.extend(value.to_be_bytes()),
        }
        found += 1;
    }
    (found == count).then_some(octets)
}

/// Writes a type of this file's own; `None`: it is none, or these are not its RDATA.
pub(super) fn show(rtype: u16, rdata: &[u8]) -> Option<String> {
    let (mut rest, mut words) = (rdata, Vec::new());
    for &field in fields_of(rtype)? {
        if field == Field::MaybeText && rest.is_empty() {
            continue;
        }
        let (word, behind) = show_field(field, rest)?;
        words.push(word);
        rest = behind;
    }
    rest.is_empty().then(|| words.join(" "))
}

fn show_field(field: Field, rest: &[u8]) -> Option<(String, &[u8])> {
    let number = |count: usize| {
        let (octets, behind) = rest.split_at_checked(count)?;
        Some((octets.iter().fold(0u64, |value, &octet| value << 8 | u64::from(octet)), behind))
    };
    let plain = |count: usize| number(count).map(|(value, behind)| (value.to_string(), behind));
    match field {
        Field::U16 => plain(2),
        Field::U32 => plain(4),
        Field::Algorithm => plain(1),
        Field::CertType => number(2).map(|(value, behind)| {
            let known = CERT_TYPES.iter().find(|(number, _)| u64::from(*number) == value);
            (known.map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned()), behind)
        }),
        Field::Name => {
            let end = plain_name_end(rest, 0).ok()?;
            Some((shown_with_dot(&rest[..end]), &rest[end..]))
        }
        Field::Text | Field::MaybeText => {
            let (&length, behind) = rest.split_first()?;
            let (octets, behind) = behind.split_at_checked(length.into())?;
            Some((quoted(octets), behind))
        }
        Field::Ipv4 => number(4).map(|(value, behind)| (std::net::Ipv4Addr::from(value as u32).to_string(), behind)),
        Field::Locator => {
            let (octets, behind) = rest.split_at_checked(8)?;
            let groups: Vec<_> =
                octets.chunks(2).map(|pair| format!("{:x}", u16::from_be_bytes([pair[0], pair[1]]))).collect();
            Some((groups.join(":"), behind))
        }
        Field::Hyphenated(count) => {
            let (octets, behind) = rest.split_at_checked(count)?;
            let groups: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            Some((groups.join("-"), behind))
        }
        Field::Base64 => Some((base64::encode_string(rest), &[][..])).filter(|_| !rest.is_empty()),
        Field::Types => {
            let bitmap = RtypeBitmap::from_octets(rest).ok()?;
            let types: Vec<_> = bitmap.iter().map(|rtype: Rtype| type_name(rtype.to_int()).to_string()).collect();
            Some((types.join(" "), &[]))
        }
        Field::Rest => Some((quoted(rest), &[][..])).filter(|_| !rest.is_empty()),
    }
}

fn quoted(octets: &[u8]) -> String {
    let mut shown = "\"".to_owned();
    escape_quoted(octets, &mut shown);
    shown.push('"');
    shown
}

/// Digests have the length of their algorithm, and keys and digests that must be there are (named refuses others).
pub(super) fn check_digest(rtype: u16, rdata: &[u8]) -> Result<(), Fault> {
    let (digest, expected) = match (rtype, rdata) {
        // DS, CDS, TA, DLV: SHA-1, SHA-256, SHA-384
        (43 | 59 | 32_768 | 32_769, [_, _, algorithm, kind, digest @ ..]) => match (algorithm, kind) {
            (0, 0) if rtype == 59 => (digest, Some(1)),
            (_, 1) => (digest, Some(20)),
            (_, 2) => (digest, Some(32)),
            (_, 4) => (digest, Some(48)),
            _ => (digest, None),
        },
        // SSHFP: SHA-1, SHA-256
        (44, [_, kind, digest @ ..]) => match kind {
            1 => (digest, Some(20)),
            2 => (digest, Some(32)),
            _ => (digest, None),
        },
        // TLSA, SMIMEA
        (52 | 53, [_, _, _, digest @ ..]) => (digest, None),
        _ => return Ok(()),
    };
    match expected {
        _ if digest.is_empty() => Err(Fault::new("the digest is missing")),
        Some(octets) if digest.len() != octets => {
            let mut shown = String::new();
            hex(&digest[..digest.len().min(8)], &mut shown);
            Err(Fault::new(format!("a digest of this type has {octets} octets, not {} ({shown}…)", digest.len())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_have_a_form_and_no_twin_of_their_own() {
        for rtype in 0..=u16::MAX {
            let other = twin(rtype);
            assert_eq!(twin(other), other, "{rtype}");
            assert!(other == rtype || super::super::form::of(rtype).is_some(), "{rtype}");
            assert!(!(other != rtype && is_known(rtype)), "{rtype}");
        }
    }
}
