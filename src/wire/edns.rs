//! Reading an OPT record (RFC 6891 §6.1), whoever sent it.
//!
//! One reading for clients' queries and upstreams' responses. Not here: where an OPT record may stand ([`super::query`],
//! [`super::response`]), writing one ([`super::ask`], [`super::reply`]).

use super::header::u16_at;
use super::walk::{Malformed, Record};

/// Option codes that are looked at.
pub mod option {
    /// RFC 7873.
    pub const COOKIE: u16 = 10;
    /// RFC 7828.
    pub const TCP_KEEPALIVE: u16 = 11;
    /// RFC 8914.
    pub const EDE: u16 = 15;
}

/// DO, among the last 16 bits of an OPT record's TTL field (RFC 3225 §3).
pub const DNSSEC_OK: u16 = 0x8000;
/// Octets of an OPT record without options.
pub(super) const OPT_OCTETS: usize = 11;
/// Octets of an option's code and length.
pub(super) const OPTION_OCTETS: usize = 4;

/// What an OPT record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns<'m> {
    /// The longest message that its sender takes by UDP, in octets, as it was sent: `0..=65535`.
    pub udp_size: u16,
    /// The upper eight bits of a response's RCODE.
    pub extended_rcode: u8,
    /// VERSION; we know 0.
    pub version: u8,
    /// DO.
    pub dnssec_ok: bool,
    /// The data of the first COOKIE option, of any length.
    pub cookie: Option<&'m [u8]>,
    /// Its sender would keep the connection. Its data is of no meaning from a client (RFC 7828 §3.2.1).
    pub keepalive: bool,
}

impl<'m> Edns<'m> {
    /// Reads the OPT record of a message.
    ///
    /// # Errors
    /// When one of its options is cut off.
    pub(super) fn read(message: &'m [u8], record: &Record) -> Result<Self, Malformed> {
        let fields = record.ttl_at();
        let (cookie, keepalive) = find_options(&message[record.rdata()..record.end])?;
        Ok(Self {
            udp_size: record.class,
            extended_rcode: message[fields],
            version: message[fields + 1],
            dnssec_ok: u16_at(message, fields + 2) & DNSSEC_OK != 0,
            cookie,
            keepalive,
        })
    }
}

/// The first COOKIE option, and whether there is one for edns-tcp-keepalive. All are walked, so that what is malformed is so
/// whatever is sought.
fn find_options(mut options: &[u8]) -> Result<(Option<&[u8]>, bool), Malformed> {
    let (mut cookie, mut keepalive) = (None, false);
    while !options.is_empty() {
        if options.len() < OPTION_OCTETS {
            return Err(Malformed);
        }
        let end = OPTION_OCTETS + usize::from(u16_at(options, 2));
        let data = options.get(OPTION_OCTETS..end).ok_or(Malformed)?;
        match u16_at(options, 0) {
            option::COOKIE if cookie.is_none() => cookie = Some(data),
            option::TCP_KEEPALIVE => keepalive = true,
            _ => {}
        }
        options = &options[end..];
    }
    Ok((cookie, keepalive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cookie_among_whole_options_is_found() {
        for (case, options, expected) in [
            ("none", &b""[..], Ok(None)),
            ("an option that is not known", b"\0\x09\0\x03abc", Ok(None)),
            ("a cookie", b"\0\x0a\0\x01c", Ok(Some(&b"c"[..]))),
            ("an empty one", b"\0\x0a\0\0", Ok(Some(b""))),
            ("a cookie behind another option", b"\0\x09\0\0\0\x0a\0\x01c", Ok(Some(b"c"))),
            ("two cookies", b"\0\x0a\0\x01c\0\x0a\0\x01d", Ok(Some(b"c"))),
            ("data that is cut off", b"\0\x0a\0\x02c", Err(Malformed)),
            ("a length that is cut off, behind a cookie", b"\0\x0a\0\x01c\0\x09\0", Err(Malformed)),
        ] {
            let found = find_options(options);
            assert_eq!(found.map(|(cookie, _)| cookie), expected, "{case}");
            assert!(found.is_err() || found == Ok((expected.unwrap_or_default(), false)), "{case}");
        }
    }

    #[test]
    fn a_client_that_would_keep_its_connection_is_heard_whatever_data_stand_there() {
        for options in [&b"\0\x0b\0\0"[..], b"\0\x0b\0\x02\0\x01", b"\0\x09\0\0\0\x0b\0\0\0\x0a\0\x01c"] {
            assert_eq!(find_options(options).map(|(_, keepalive)| keepalive), Ok(true), "{options:?}");
        }
    }

    #[test]
    fn each_field_is_read_from_its_place() {
        let message = b"\0\0\x29\x04\xd0\x01\x02\x80\0\0\x05\0\x0a\0\x01c";
        let record = Record::read(message, 0).expect("a record");
        let expected = Edns {
            udp_size: 1232,
            extended_rcode: 1,
            version: 2,
            dnssec_ok: true,
            cookie: Some(&b"c"[..]),
            keepalive: false,
        };
        assert_eq!(Edns::read(message, &record), Ok(expected));
    }
}
