//! What a TSIG record says, and what of it a MAC covers (RFC 8945 §4.2, §4.3.3).

use crate::wire::header::{class, put_u16, rtype, u16_at};
use crate::wire::walk::{Malformed, NameBuf, RECORD_FIXED_OCTETS, Record, plain_name_end};

/// Seconds that clocks may differ by, as all send it (RFC 8945 §10).
pub(super) const FUDGE_SECONDS: u16 = 300;
/// Octets of a time.
const TIME_OCTETS: usize = 6;
/// A time has 48 bits.
const TIME_MASK: u64 = 0xffff_ffff_ffff;
/// Octets of RDATA that are always there: time, fudge, MAC size, original ID, error, other length.
const FIXED_OCTETS: usize = TIME_OCTETS + 2 + 2 + 2 + 2 + 2;

/// The fields of a record but for its MAC and the original ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variables<'v> {
    /// The key's name, uncompressed, in lower case.
    pub(super) name: &'v [u8],
    /// The algorithm's name, likewise.
    pub(super) algorithm: &'v [u8],
    /// Seconds since 1970; 48 bits.
    pub(super) time: u64,
    /// Seconds.
    pub(super) fudge: u16,
    /// An extended RCODE.
    pub(super) error: u16,
    /// The server's time, if the error is BADTIME.
    pub(super) other: &'v [u8],
}

impl Variables<'_> {
    /// Octets of a whole record with a MAC of `mac_octets`.
    pub(super) fn record_octets(&self, mac_octets: usize) -> usize {
        self.name.len() + RECORD_FIXED_OCTETS + self.algorithm.len() + FIXED_OCTETS + mac_octets + self.other.len()
    }

    /// What a MAC covers behind the message.
    pub(super) fn covered(&self) -> Vec<u8> {
        let mut covered = Vec::with_capacity(self.record_octets(0));
        covered.extend_from_slice(self.name);
        covered.extend_from_slice(&class::ANY.to_be_bytes());
        covered.extend_from_slice(&[0; 4]);
        covered.extend_from_slice(self.algorithm);
        covered.extend_from_slice(&time_octets(self.time));
        covered.extend_from_slice(&self.fudge.to_be_bytes());
        covered.extend_from_slice(&self.error.to_be_bytes());
        covered.extend_from_slice(&(self.other.len() as u16).to_be_bytes());
        covered.extend_from_slice(self.other);
        covered
    }

    /// Writes the record with this MAC; `out` has exactly [`Self::record_octets`].
    pub(super) fn write(&self, out: &mut [u8], mac: &[u8], original_id: u16) {
        let mut at = 0;
        let mut put = |octets: &[u8]| {
            out[at..at + octets.len()].copy_from_slice(octets);
            at += octets.len();
        };
        put(self.name);
        put(&rtype::TSIG.to_be_bytes());
        put(&class::ANY.to_be_bytes());
        put(&[0; 4]);
        let rdata_octets = self.algorithm.len() + FIXED_OCTETS + mac.len() + self.other.len();
        put(&(rdata_octets as u16).to_be_bytes());
        put(self.algorithm);
        put(&time_octets(self.time));
        put(&self.fudge.to_be_bytes());
        put(&(mac.len() as u16).to_be_bytes());
        put(mac);
        put(&original_id.to_be_bytes());
        put(&self.error.to_be_bytes());
        put(&(self.other.len() as u16).to_be_bytes());
        put(self.other);
    }
}

/// A time as it travels.
pub(super) fn time_octets(unix: u64) -> [u8; TIME_OCTETS] {
    let octets = (unix & TIME_MASK).to_be_bytes();
    [octets[2], octets[3], octets[4], octets[5], octets[6], octets[7]]
}

/// A TSIG record of a message, read whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields<'m> {
    pub(super) variables: Variables<'m>,
    pub(super) mac: &'m [u8],
    pub(super) original_id: u16,
}

/// Room for the names of a record in lower case.
#[derive(Default)]
pub(super) struct Names {
    key: NameBuf,
    algorithm: NameBuf,
}

impl<'m> Fields<'m> {
    /// Reads the record; its names are put into `names`.
    ///
    /// # Errors
    /// When a field is missing, or something is left over; the algorithm's name is never compressed (RFC 8945 §4.2).
    pub(super) fn read(message: &'m [u8], record: &Record, names: &'m mut Names) -> Result<Self, Malformed> {
        let Names { key, algorithm } = names;
        key.read(message, record.owner)?;
        let at = plain_name_end(message, record.rdata())?;
        let ttl = &message[record.ttl_at()..record.ttl_at() + 4];
        let rest = message.get(at..record.end).ok_or(Malformed)?;
        if record.class != class::ANY || ttl != [0; 4] || rest.len() < FIXED_OCTETS {
            return Err(Malformed);
        }
        algorithm.set(&message[record.rdata()..at]);
        let (head, rest) = rest.split_at(TIME_OCTETS + 4);
        let (mac, rest) = rest.split_at_checked(usize::from(u16_at(head, TIME_OCTETS + 2))).ok_or(Malformed)?;
        let (tail, other) = rest.split_at_checked(6).ok_or(Malformed)?;
        if other.len() != usize::from(u16_at(tail, 4)) {
            return Err(Malformed);
        }
        let time = head[..TIME_OCTETS].iter().fold(0, |time, &octet| time << 8 | u64::from(octet));
        let variables = Variables {
            name: key.as_wire(),
            algorithm: algorithm.as_wire(),
            time,
            fudge: u16_at(head, TIME_OCTETS),
            error: u16_at(tail, 2),
            other,
        };
        Ok(Self { variables, mac, original_id: u16_at(tail, 0) })
    }
}

/// A message's header as its MAC covers it: the ID that it was signed with, TSIG not counted.
pub(super) fn covered_header(message: &[u8], original_id: u16, additional: u16) -> [u8; 12] {
    let mut header = [0; 12];
    header.copy_from_slice(&message[..12]);
    put_u16(&mut header, 0, original_id);
    put_u16(&mut header, 10, additional);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: Variables<'_> = Variables {
        name: b"\x01k\0",
        algorithm: b"\x01a\0",
        time: 0x0102_0304_0506,
        fudge: 0x0708,
        error: 18,
        other: b"other!",
    };

    #[test]
    fn what_is_written_is_read_and_covered() {
        let mut out = vec![0; VARIABLES.record_octets(3)];
        VARIABLES.write(&mut out, b"mac", 0x1234);
        assert_eq!(
            out,
            b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\x1c\
              \x01a\0\x01\x02\x03\x04\x05\x06\x07\x08\0\x03mac\x12\x34\0\x12\0\x06other!"
        );
        let record = Record::read(&out, 0).expect("a record");
        let mut names = Names::default();
        let expected = Fields { variables: VARIABLES, mac: b"mac", original_id: 0x1234 };
        assert_eq!(Fields::read(&out, &record, &mut names), Ok(expected));
        let covered = b"\x01k\0\0\xff\0\0\0\0\x01a\0\x01\x02\x03\x04\x05\x06\x07\x08\0\x12\0\x06other!";
        assert_eq!(VARIABLES.covered(), covered);
    }

    #[test]
    fn names_are_lowered() {
        let mut out = vec![0; VARIABLES.record_octets(0)];
        Variables { name: b"\x01K\0", algorithm: b"\x01A\0", ..VARIABLES }.write(&mut out, b"", 0);
        let record = Record::read(&out, 0).expect("a record");
        let mut names = Names::default();
        assert_eq!(Fields::read(&out, &record, &mut names).map(|fields| fields.variables), Ok(VARIABLES));
    }

    #[test]
    fn nothing_may_be_missing_or_left_over() {
        let mut whole = vec![0; VARIABLES.record_octets(3)];
        VARIABLES.write(&mut whole, b"mac", 0x1234);
        let rdata = 3 + RECORD_FIXED_OCTETS;
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut octets = whole.clone();
            change(&mut octets);
            let length = (octets.len() - rdata) as u16;
            put_u16(&mut octets, rdata - 2, length);
            octets
        };
        let cases: [(&str, Vec<u8>); 8] = [
            ("cut off", with(&|octets| octets.truncate(octets.len() - 1))),
            ("something behind it", with(&|octets| octets.push(0))),
            ("a MAC longer than the record", with(&|octets| octets[rdata + 3 + 9] = 200)),
            ("a MAC that leaves no room for the rest", with(&|octets| octets[rdata + 3 + 9] = 14)),
            ("nothing but the algorithm", with(&|octets| octets.truncate(rdata + 3))),
            ("nothing", with(&|octets| octets.truncate(rdata))),
            ("a TTL", with(&|octets| octets[8] = 1)),
            ("another class", with(&|octets| octets[6] = 1)),
        ];
        for (case, octets) in cases {
            let record = Record::read(&octets, 0).expect("a record");
            assert_eq!(Fields::read(&octets, &record, &mut Names::default()), Err(Malformed), "{case}");
        }
        let pointed = [&[0; 12][..], b"\x01a\0\x01k\0\0\xfa\0\xff\0\0\0\0\0\x12\xc0\x0c", &[0; 16]].concat();
        let record = Record::read(&pointed, 15).expect("a record");
        assert_eq!(Fields::read(&pointed, &record, &mut Names::default()), Err(Malformed), "a compressed algorithm");
    }
}
