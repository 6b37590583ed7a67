//! Names and records inside a message: bounded, lazy, never trusting a length or a pointer.
//!
//! A compression pointer must point backwards, to before the name that it stands in (RFC 1035 §4.1.4 "prior
//! occurrence"), so that every walk ends; a name has at most 255 octets and so at most 127 hops.

use super::header::{HEADER_OCTETS, u16_at, u32_at};
use super::name::MAX_NAME_OCTETS;

/// The message is cut off, or a length, label or pointer in it is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A name read out of a message: uncompressed, on the stack, in lower case (but for [`NameBuf::read_as_written`]).
#[derive(Clone)]
pub struct NameBuf {
    octets: [u8; MAX_NAME_OCTETS],
    /// `0..=255`; 0 until something was read.
    length: u8,
}

impl Default for NameBuf {
    fn default() -> Self {
        Self { octets: [0; MAX_NAME_OCTETS], length: 0 }
    }
}

impl NameBuf {
    /// The octets, with the root's zero.
    #[inline]
    pub fn as_wire(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// Takes over an uncompressed name of at most 255 octets, in any case.
    #[inline]
    pub fn set(&mut self, name: &[u8]) {
        debug_assert!(name.len() <= MAX_NAME_OCTETS);
        self.octets[..name.len()].copy_from_slice(name);
        self.octets[..name.len()].make_ascii_lowercase();
        self.length = name.len() as u8;
    }

    /// Reads the name at `at`, following pointers; returns where what follows the name begins.
    ///
    /// `pointers` is told each pointer's target.
    pub fn read_with(&mut self, message: &[u8], at: usize, pointers: impl FnMut(usize)) -> Result<usize, Malformed> {
        let end = self.copy(message, at, pointers)?;
        // Length octets are below 64 and so no letters.
        self.octets[..usize::from(self.length)].make_ascii_lowercase();
        Ok(end)
    }

    /// Reads as [`Self::read`] does, but keeps the case: for names that are stored.
    pub fn read_as_written(&mut self, message: &[u8], at: usize) -> Result<usize, Malformed> {
        self.copy(message, at, |_| ())
    }

    fn copy(&mut self, message: &[u8], at: usize, mut pointers: impl FnMut(usize)) -> Result<usize, Malformed> {
        let (mut position, mut floor, mut length) = (at, at, 0usize);
        let mut end = None;
        loop {
            let octet = *message.get(position).ok_or(Malformed)?;
            match octet {
                0 => {
                    *self.octets.get_mut(length).ok_or(Malformed)? = 0;
                    self.length = (length + 1) as u8;
                    return Ok(end.unwrap_or(position + 1));
                }
                1..=63 => {
                    let next = position + 1 + usize::from(octet);
                    let label = message.get(position..next).ok_or(Malformed)?;
                    // One octet more is needed for the root.
                    let room = self
                        .octets
                        .get_mut(length..length + label.len())
                        .filter(|_| length + label.len() < MAX_NAME_OCTETS);
                    let room = room.ok_or(Malformed)?;
                    room.copy_from_slice(label);
                    length += label.len();
                    position = next;
                }
                0xc0..=0xff => {
                    let low = *message.get(position + 1).ok_or(Malformed)?;
                    let target = usize::from(u16::from_be_bytes([octet & 0x3f, low]));
                    if target < HEADER_OCTETS || target >= floor {
                        return Err(Malformed);
                    }
                    end.get_or_insert(position + 2);
                    pointers(target);
                    (position, floor) = (target, target);
                }
                // 0x40 and 0x80: label types that were never used or are obsolete (RFC 6891 §5).
                _ => return Err(Malformed),
            }
        }
    }

    /// Reads the name at `at`, following pointers; returns where what follows the name begins.
    pub fn read(&mut self, message: &[u8], at: usize) -> Result<usize, Malformed> {
        self.read_with(message, at, |_| ())
    }
}

/// Where the uncompressed name at `at` ends; a pointer in it is an error (questions have none to point to).
#[inline]
pub fn plain_name_end(message: &[u8], at: usize) -> Result<usize, Malformed> {
    let mut position = at;
    loop {
        let octet = *message.get(position).ok_or(Malformed)?;
        position += 1;
        match octet {
            0 if position - at <= MAX_NAME_OCTETS => return Ok(position),
            1..=63 => position += usize::from(octet),
            _ => return Err(Malformed),
        }
    }
}

/// Where the name at `at` ends in the message, pointers neither followed nor checked.
pub fn skip_name(message: &[u8], at: usize) -> Result<usize, Malformed> {
    let mut position = at;
    loop {
        let octet = *message.get(position).ok_or(Malformed)?;
        position += 1;
        match octet {
            0 => return Ok(position),
            1..=63 => position += usize::from(octet),
            0xc0..=0xff if position < message.len() => return Ok(position + 1),
            _ => return Err(Malformed),
        }
        if position - at > MAX_NAME_OCTETS {
            return Err(Malformed);
        }
    }
}

/// A resource record's places in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where its owner begins.
    pub owner: usize,
    /// Where its type begins; class, TTL and RDLENGTH follow.
    pub fixed: usize,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// TTL as it was sent; values with the top bit set count as 0 (RFC 2181 §8).
    pub ttl: u32,
    /// Where its RDATA ends.
    pub end: usize,
}

/// Octets between a record's owner and its RDATA.
pub const RECORD_FIXED_OCTETS: usize = 10;

impl Record {
    /// Reads the places of the record at `at`; its names are not looked at.
    #[inline]
    pub fn read(message: &[u8], at: usize) -> Result<Self, Malformed> {
        let fixed = skip_name(message, at)?;
        let rdata = fixed + RECORD_FIXED_OCTETS;
        if message.len() < rdata {
            return Err(Malformed);
        }
        let end = rdata + usize::from(u16_at(message, fixed + 8));
        if message.len() < end {
            return Err(Malformed);
        }
        let ttl = u32_at(message, fixed + 4);
        Ok(Self {
            owner: at,
            fixed,
            rtype: u16_at(message, fixed),
            class: u16_at(message, fixed + 2),
            ttl: if ttl >> 31 == 1 { 0 } else { ttl },
            end,
        })
    }

    /// Where its TTL begins.
    #[inline]
    pub fn ttl_at(&self) -> usize {
        self.fixed + 4
    }

    /// Where its RDATA begins.
    #[inline]
    pub fn rdata(&self) -> usize {
        self.fixed + RECORD_FIXED_OCTETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8], at: usize) -> Result<(Vec<u8>, usize), Malformed> {
        let mut name = NameBuf::default();
        let end = name.read(message, at)?;
        Ok((name.as_wire().to_vec(), end))
    }

    #[test]
    fn names_are_followed_backwards_only() {
        let mut message = vec![0; HEADER_OCTETS];
        message.extend_from_slice(b"\x01A\x02bC\0\x01d\xc0\x0e\xc0\x18\xc0\x18\xc0\x00\x40");
        type Read<'n> = Result<(&'n [u8], usize), Malformed>;
        let cases: [(&str, usize, Read<'_>); 7] = [
            ("a plain name in lower case", 12, Ok((b"\x01a\x02bc\0", 18))),
            ("a label and a pointer", 18, Ok((b"\x01d\x02bc\0", 22))),
            ("a pointer forwards", 22, Err(Malformed)),
            ("a pointer to itself", 24, Err(Malformed)),
            ("a pointer into the header", 26, Err(Malformed)),
            ("an unknown label type", 28, Err(Malformed)),
            ("the end of the message", 29, Err(Malformed)),
        ];
        for (case, at, expected) in cases {
            assert_eq!(read(&message, at), expected.map(|(name, end)| (name.to_vec(), end)), "{case}");
        }
    }

    #[test]
    fn a_name_can_be_read_in_its_case() {
        let message = [&[0; HEADER_OCTETS][..], b"\x02Bc\0\x01D\xc0\x0c"].concat();
        let mut name = NameBuf::default();
        assert_eq!(name.read_as_written(&message, 16), Ok(20));
        assert_eq!(name.as_wire(), b"\x01D\x02Bc\0");
        assert_eq!(name.read(&message, 16), Ok(20));
        assert_eq!(name.as_wire(), b"\x01d\x02bc\0");
    }

    #[test]
    fn a_name_has_at_most_255_octets_also_by_pointers() {
        let mut message = vec![0; HEADER_OCTETS];
        for _ in 0..3 {
            message.push(63);
            message.extend([b'a'; 63]);
        }
        message.push(61);
        message.extend([b'b'; 61]);
        message.push(0);
        assert_eq!(read(&message, 12).map(|(name, _)| name.len()), Ok(255));
        assert_eq!(plain_name_end(&message, 12), Ok(message.len()));
        let pointer = message.len();
        message.extend_from_slice(b"\x01c\xc0\x0c");
        assert_eq!(read(&message, pointer), Err(Malformed), "257 octets by a pointer");
    }
}
