//! Writing names and records with compression (RFC 1035 §4.1.4), for the few messages that cannot be copied whole.

use std::collections::HashMap;

use super::header::MAX_MESSAGE_OCTETS;
use super::rdata::{Piece, for_each_piece};
use super::walk::{Malformed, NameBuf, RECORD_FIXED_OCTETS, Record};

/// Appends records to a message; offsets count from the message's first octet.
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Where a name, in lower case, begins in `out`.
    known: HashMap<Box<[u8]>, u16>,
    name: NameBuf,
}

/// The last offset that a pointer can name.
const MAX_POINTER_TARGET: usize = 0x3fff;

impl<'o> Writer<'o> {
    /// Goes on with a message of which only the uncompressed name at `at..end` may be pointed to.
    pub fn new(out: &'o mut Vec<u8>, at: usize, end: usize) -> Self {
        let mut writer = Self { out, known: HashMap::new(), name: NameBuf::default() };
        let question = writer.out[at..end].to_ascii_lowercase();
        writer.remember(&question, at);
        writer
    }

    /// How long the message is by now.
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Notes every suffix of an uncompressed name that begins at `at`.
    fn remember(&mut self, name: &[u8], at: usize) {
        let mut skip = 0;
        while name[skip] != 0 && at + skip <= MAX_POINTER_TARGET {
            self.known.entry(name[skip..].into()).or_insert((at + skip) as u16);
            skip += 1 + usize::from(name[skip]);
        }
    }

    /// Writes an uncompressed name in lower case, as labels and a pointer to the longest suffix that stands already.
    pub fn put_name(&mut self, name: &[u8]) {
        let mut skip = 0;
        while name[skip] != 0 {
            if let Some(&target) = self.known.get(&name[skip..]) {
                self.out.extend_from_slice(&(0xc000 | target).to_be_bytes());
                return;
            }
            let at = self.out.len();
            if at <= MAX_POINTER_TARGET {
                self.known.insert(name[skip..].into(), at as u16);
            }
            let next = skip + 1 + usize::from(name[skip]);
            self.out.extend_from_slice(&name[skip..next]);
            skip = next;
        }
        self.out.push(0);
    }

    /// Copies a record of another message with this TTL; returns where its TTL stands.
    ///
    /// # Errors
    /// When its names are malformed, or the message would pass 65,535 octets; what was written then is taken back.
    pub fn put_record(&mut self, message: &[u8], record: &Record, ttl: u32) -> Result<usize, Malformed> {
        let start = self.out.len();
        let outcome = self.try_record(message, record, ttl);
        if outcome.is_err() {
            self.take_back(start);
        }
        outcome
    }

    /// Takes back what was written from this position on.
    pub fn take_back(&mut self, position: usize) {
        self.out.truncate(position);
        self.known.retain(|_, at| usize::from(*at) < position);
    }

    fn try_record(&mut self, message: &[u8], record: &Record, ttl: u32) -> Result<usize, Malformed> {
        let mut owner = std::mem::take(&mut self.name);
        owner.read(message, record.owner)?;
        self.put_name(owner.as_wire());
        self.name = owner;
        let fixed = self.out.len();
        self.out.extend_from_slice(&message[record.fixed..record.fixed + RECORD_FIXED_OCTETS]);
        self.out[fixed + 4..fixed + 8].copy_from_slice(&ttl.to_be_bytes());
        let rdata = self.out.len();
        for_each_piece(message, (record.rtype, record.rdata(), record.end), |piece| match piece {
            Piece::Octets(octets) => self.out.extend_from_slice(octets),
            Piece::Name { name, compressible: true, .. } => self.put_name(name.as_wire()),
            Piece::Name { name, .. } => self.out.extend_from_slice(name.as_wire()),
        })?;
        if self.out.len() > MAX_MESSAGE_OCTETS {
            return Err(Malformed);
        }
        let length = u16::try_from(self.out.len() - rdata).map_err(|_| Malformed)?;
        self.out[rdata - 2..rdata].copy_from_slice(&length.to_be_bytes());
        Ok(fixed + 4)
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::HEADER_OCTETS;
    use super::super::name::Name;
    use super::*;

    fn wire(name: &str) -> Vec<u8> {
        name.parse::<Name>().expect("a name").as_wire().to_vec()
    }

    /// A message up to its question's name, `www.Corp`.
    fn begun() -> Vec<u8> {
        [&[0; HEADER_OCTETS][..], b"\x03www\x04Corp\0"].concat()
    }

    #[test]
    fn names_end_in_a_pointer_to_the_longest_suffix_that_stands() {
        let mut out = begun();
        let end = out.len();
        let mut writer = Writer::new(&mut out, HEADER_OCTETS, end);
        for (case, name, expected) in [
            ("the question's name", "www.corp", &b"\xc0\x0c"[..]),
            ("a name above it, found in another case", "corp", b"\xc0\x10"),
            ("a name below it", "a.www.corp", b"\x01a\xc0\x0c"),
            ("a name below the one before", "b.a.www.corp", b"\x01b\xc0\x1a"),
            ("a name that shares its first label alone", "www.example", b"\x03www\x07example\0"),
            ("the tail of that", "example", b"\xc0\x26"),
            ("the root", ".", b"\0"),
        ] {
            let start = writer.position();
            writer.put_name(&wire(name));
            assert_eq!(&writer.out[start..], expected, "{case}");
        }
    }

    #[test]
    fn nothing_points_beyond_what_a_pointer_can_name() {
        let mut out = begun();
        out.resize(MAX_POINTER_TARGET - 1, 0);
        let mut writer = Writer::new(&mut out, HEADER_OCTETS, HEADER_OCTETS + 10);
        writer.put_name(&wire("a.b.example"));
        let (start, far) = (writer.position(), MAX_POINTER_TARGET as u16 - 1);
        writer.put_name(&wire("a.b.example"));
        writer.put_name(&wire("b.example"));
        let pointer = (0xc000 | far).to_be_bytes();
        assert_eq!(writer.out[start..], [&pointer[..], b"\x01b\x07example\0"].concat(), "only its first label is near");
    }

    #[test]
    fn a_record_that_cannot_be_written_is_taken_back_whole() {
        let mut source = begun();
        let record_at = source.len();
        source.extend(b"\x04mail\xc0\x0c\0\x0f\0\x01\0\0\0\x05\0\x06\0\x0a\x01x\xc0\x00");
        let record = Record::read(&source, record_at).expect("its places can be read");
        let mut out = begun();
        let end = out.len();
        let mut writer = Writer::new(&mut out, HEADER_OCTETS, end);
        assert_eq!(writer.put_record(&source, &record, 9), Err(Malformed), "its MX points into the header");
        assert_eq!(writer.position(), end);
        writer.put_name(&wire("mail.www.corp"));
        assert_eq!(&writer.out[end..], b"\x04mail\xc0\x0c", "nothing points to what was taken back");
    }

    #[test]
    fn records_are_written_with_their_names_compressed_anew_and_the_given_ttl() {
        let mut source = begun();
        let record_at = source.len();
        source.extend(b"\x04MAIL\xc0\x0c\0\x0f\0\x01\0\0\0\x05\0\x10\0\x0a\x02mx\x04mail\x03www\xc0\x10");
        let record = Record::read(&source, record_at).expect("a record");
        let mut out = begun();
        let end = out.len();
        let mut writer = Writer::new(&mut out, HEADER_OCTETS, end);
        let ttl_at = writer.put_record(&source, &record, 9).expect("it can be written");
        assert_eq!(ttl_at, end + 7 + 4);
        assert_eq!(&out[end..], b"\x04mail\xc0\x0c\0\x0f\0\x01\0\0\0\x09\0\x07\0\x0a\x02mx\xc0\x16");
    }
}
