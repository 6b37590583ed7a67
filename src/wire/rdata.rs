//! Where names stand inside RDATA, for the types whose RDATA may be compressed.
//!
//! Only RFC 1035's types may be compressed when sent; those of RFC 3597 §4's list must be decompressed when read, since
//! old servers compressed them. All other RDATA is opaque and carried as it is (RFC 3597 §3).

use super::walk::{Malformed, NameBuf};

/// A piece of RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
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
pub fn layout(rtype: u16) -> (&'static [Field], bool) {
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
    /// A name, uncompressed, with whether it may be compressed when sent.
    Name(&'m NameBuf, bool),
}

/// Walks RDATA `at..end` of a message in pieces; nothing may be missing and nothing be left over.
pub fn for_each_piece(
    message: &[u8],
    (rtype, at, end): (u16, usize, usize),
    mut piece: impl FnMut(Piece<'_>),
) -> Result<(), Malformed> {
    let (fields, compressible) = layout(rtype);
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
            Field::Name => piece(Piece::Name(&name, compressible)),
            _ => piece(Piece::Octets(&message[position..next])),
        }
        position = next;
    }
    if position == end { Ok(()) } else { Err(Malformed) }
}
