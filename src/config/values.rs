//! Reading single values: durations, sizes, prefixes, addresses, in the spellings that named.conf and TOML share.
//!
//! Each function takes one word and says what is wrong with it in named-checkconf's words, and what would be right.
//! Not here: bounds of a particular option ([`super::bounds`]), lists, names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::bounds::MIN_CACHE_OCTETS;
use super::{CacheSize, Secret};

/// Why a word is not the value that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// Neither `3600`, `1w2d` nor `PT3H`, or more than 2^32-1 seconds.
    Duration(String),
    /// Neither a number nor a number with K, M or G, or more than 2^64-1 octets.
    Size(String),
    /// Not a size, nor a percentage from 1 to 100, `unlimited` or `default`.
    CacheSize(String),
    /// `max-cache-size` below [`MIN_CACHE_OCTETS`].
    SmallCache(String),
    /// No address and no prefix at all.
    Prefix(String),
    /// Fewer than four numbers without a prefix length.
    IncompletePrefix(String),
    /// A prefix length that is no number or longer than the address.
    PrefixLength(String),
    /// Bits behind the prefix length are set.
    HostBits {
        /// As it was written.
        text: String,
        /// The prefix with these bits cleared.
        network: IpNet,
    },
    /// No address, or an address with something behind it that is no port.
    Address(String),
    /// A port that is not in `1..=65535`.
    Port(String),
    /// Not pairs of hexadecimal digits. The text is a secret and not repeated.
    CookieSecret,
    /// Hexadecimal, but not 16 octets.
    CookieSecretLength,
    /// Not base64, or nothing at all. The text is a secret and not repeated.
    Secret,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(text) => write!(f, "expected ISO 8601 duration or TTL value near '{}'", excerpt(text)),
            Self::Size(text) => write!(f, "expected integer and optional unit near '{}'", excerpt(text)),
            Self::CacheSize(text) => {
                write!(f, "expected integer and optional unit or percent near '{}'", excerpt(text))
            }
            Self::SmallCache(text) => write!(f, "'{}' is too small for a cache", excerpt(text)),
            Self::Prefix(text) => write!(f, "expected IP address or prefix near '{}'", excerpt(text)),
            Self::IncompletePrefix(text) => write!(f, "incomplete IPv4 address or prefix near '{}'", excerpt(text)),
            Self::PrefixLength(text) => write!(f, "invalid prefix length '{}'", excerpt(text)),
            Self::HostBits { text, network } => {
                write!(f, "'{}': address/prefix length mismatch '{}'", excerpt(text), network.prefix_len())
            }
            Self::Address(text) => write!(f, "expected IP address near '{}'", excerpt(text)),
            Self::Port(text) => write!(f, "port number out of range near '{}'", excerpt(text)),
            Self::CookieSecret => f.write_str("invalid hex string"),
            Self::CookieSecretLength => f.write_str("must be 128 bits"),
            Self::Secret => f.write_str("bad base64 encoding"),
        }
    }
}

impl std::error::Error for ValueError {}

impl ValueError {
    /// What would be right.
    pub fn hint(&self) -> String {
        match self {
            Self::Duration(_) => "write seconds, or numbers with w, d, h, m, s, ms: 3600, 1h30m, 500ms".to_owned(),
            Self::Size(_) => "write octets, or a number with K, M or G: 512M".to_owned(),
            Self::CacheSize(_) => "write octets, 512M, a percentage from 1% to 100%, unlimited or default".to_owned(),
            Self::SmallCache(_) => "at least 2M".to_owned(),
            Self::Prefix(_) => "write 10.1.0.2, 10.1.0.0/16 or 2001:db8::/32".to_owned(),
            Self::IncompletePrefix(text) => {
                format!("with its prefix length it is a network: {text}/{}", octets_bits(text))
            }
            Self::PrefixLength(_) => "0 to 32 for IPv4, 0 to 128 for IPv6".to_owned(),
            Self::HostBits { network, .. } => format!("the network is {network}"),
            Self::Address(_) => "write 10.1.0.2 or 2001:db8::2".to_owned(),
            Self::Port(_) => "1 to 65535".to_owned(),
            Self::CookieSecret | Self::CookieSecretLength => {
                "32 hexadecimal digits, the same on every node that shares it".to_owned()
            }
            Self::Secret => "what 'tsig-keygen' prints: base64 with its '=' at the end".to_owned(),
        }
    }
}

/// The beginning of a token as named-checkconf shows it: 30 characters, then `...`; control characters escaped.
pub fn excerpt(token: &str) -> String {
    let mut shown: String = token.chars().take(30).flat_map(escape_control).collect();
    if token.chars().nth(30).is_some() {
        shown.push_str("...");
    }
    shown
}

fn escape_control(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// named's durations: `3600`, `1w2d3h4m5s` in any order and case, ISO 8601 `PT3H`; up to 2^32-1 s.
pub fn ttl(text: &str) -> Result<Duration, ValueError> {
    let seconds = match text.strip_prefix(['P', 'p']) {
        Some(rest) => iso_seconds(rest),
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => unit_seconds(text, unit),
    };
    seconds
        .filter(|seconds| u32::try_from(*seconds).is_ok())
        .map(Duration::from_secs)
        .ok_or_else(|| ValueError::Duration(text.to_owned()))
}

/// [`ttl`], or milliseconds: `500ms`.
pub fn duration(text: &str) -> Result<Duration, ValueError> {
    match text.strip_suffix("ms").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())) {
        Some(digits) => {
            let milliseconds = digits.parse::<u32>().map_err(|_| ValueError::Duration(text.to_owned()))?;
            Ok(Duration::from_millis(milliseconds.into()))
        }
        None => ttl(text),
    }
}

fn unit(letter: char) -> Option<u64> {
    match letter.to_ascii_lowercase() {
        'w' => Some(604_800),
        'd' => Some(86_400),
        'h' => Some(3600),
        'm' => Some(60),
        's' => Some(1),
        _ => None,
    }
}

/// Sums `NUMBER LETTER` pairs, at least one.
fn unit_seconds(text: &str, unit: impl Fn(char) -> Option<u64>) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (digits, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let mut tail = tail.chars();
        let seconds = unit(tail.next()?)?;
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(seconds)?)?;
        rest = tail.as_str();
    }
    (!text.is_empty()).then_some(total)
}

/// ISO 8601 behind its `P`; years of 365 and months of 31 days, as named 9.18 counts them.
fn iso_seconds(text: &str) -> Option<u64> {
    let text = text.to_ascii_uppercase();
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text.as_str(), None),
    };
    let date_unit = |letter| match letter {
        'Y' => Some(365 * 86_400),
        'M' => Some(31 * 86_400),
        'W' | 'D' => unit(letter),
        _ => None,
    };
    let time_unit = |letter| if matches!(letter, 'H' | 'M' | 'S') { unit(letter) } else { None };
    let time = time.map(|time| unit_seconds(time, time_unit));
    match (date.is_empty(), time) {
        (true, time) => time?,
        (false, None) => unit_seconds(date, date_unit),
        (false, Some(time)) => unit_seconds(date, date_unit)?.checked_add(time?),
    }
}

/// Octets: `65536`, `64k`, `5m`, `1G`.
pub fn size(text: &str) -> Result<u64, ValueError> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let shift = match unit {
        "" => Some(0),
        "k" | "K" => Some(10),
        "m" | "M" => Some(20),
        "g" | "G" => Some(30),
        _ => None,
    };
    shift
        .and_then(|shift| digits.parse::<u64>().ok()?.checked_mul(1 << shift))
        .ok_or_else(|| ValueError::Size(text.to_owned()))
}

/// `max-cache-size`: a size, `90%`, `default` (90 %), `unlimited` (all of the machine's memory, never more).
pub fn cache_size(text: &str) -> Result<CacheSize, ValueError> {
    let wrong = || ValueError::CacheSize(text.to_owned());
    if text.eq_ignore_ascii_case("default") {
        return Ok(CacheSize::Percent(90));
    }
    if text.eq_ignore_ascii_case("unlimited") {
        return Ok(CacheSize::Percent(100));
    }
    if let Some(digits) = text.strip_suffix('%') {
        let percent = digits.parse().ok().filter(|percent| (1..=100).contains(percent) && !digits.starts_with('+'));
        return percent.map(CacheSize::Percent).ok_or_else(wrong);
    }
    match size(text).map_err(|_| wrong())? {
        octets if octets < MIN_CACHE_OCTETS => Err(ValueError::SmallCache(text.to_owned())),
        octets => Ok(CacheSize::Bytes(octets)),
    }
}

/// Whether a word can only be meant as an address or prefix, not as the name of an acl.
pub fn looks_like_prefix(text: &str) -> bool {
    let number_first = text.starts_with(|c: char| c.is_ascii_digit());
    number_first && (text.contains(['.', '/']) || text.bytes().all(|b| b.is_ascii_digit())) || text.contains(':')
}

/// An address or a prefix; `10/8` and `192.168/16` are filled up with zeros, host bits are refused.
pub fn prefix(text: &str) -> Result<IpNet, ValueError> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let wrong = || ValueError::Prefix(text.to_owned());
    let address = match address.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => {
            let filled = fill_up(address).ok_or_else(wrong)?;
            if length.is_none() {
                return Err(ValueError::IncompletePrefix(text.to_owned()));
            }
            IpAddr::V4(filled)
        }
    };
    let Some(length) = length else { return Ok(IpNet::from(address)) };
    let wrong_length = || ValueError::PrefixLength(length.to_owned());
    let bits = length.bytes().all(|b| b.is_ascii_digit()).then(|| length.parse().ok()).flatten();
    let whole = IpNet::new(address, bits.ok_or_else(wrong_length)?).map_err(|_| wrong_length())?;
    let network = whole.trunc();
    if network != whole {
        return Err(ValueError::HostBits { text: text.to_owned(), network });
    }
    Ok(network)
}

/// One to three numbers of an IPv4 address, the rest zero.
fn fill_up(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets[..3] {
        let Some(part) = parts.next() else { break };
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// The prefix length that the numbers of an incomplete address stand for: 8, 16 or 24.
fn octets_bits(text: &str) -> usize {
    8 * text.split('.').count()
}

/// `10.1.0.2`, `10.1.0.2:5300`, `2001:db8::2`, `[2001:db8::2]:5300`.
pub fn socket_address(text: &str, default_port: u16) -> Result<SocketAddr, ValueError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = bracketed.unwrap_or(text).parse::<IpAddr>()
        && (bracketed.is_none() || address.is_ipv6())
    {
        return Ok(SocketAddr::new(address, default_port));
    }
    match text.parse::<SocketAddr>() {
        Ok(SocketAddr::V6(address)) if address.scope_id() != 0 => Err(ValueError::Address(text.to_owned())),
        Ok(address) if address.port() == 0 => Err(ValueError::Port("0".to_owned())),
        Ok(address) => Ok(address),
        Err(_) => Err(address_or_port(text)),
    }
}

/// Which half of `ADDRESS:PORT` is wrong.
fn address_or_port(text: &str) -> ValueError {
    match text.rsplit_once(':') {
        Some((address, port))
            if (address.parse::<Ipv4Addr>().is_ok() || (address.starts_with('[') && address.ends_with(']')))
                && port.bytes().all(|b| b.is_ascii_digit())
                && !port.is_empty()
                && port.parse::<u16>().is_err() =>
        {
            ValueError::Port(port.to_owned())
        }
        _ => ValueError::Address(text.to_owned()),
    }
}

/// `cookie-secret`: 16 octets as hexadecimal digits.
pub fn cookie_secret(text: &str) -> Result<[u8; 16], ValueError> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2)).ok_or(ValueError::CookieSecret)?;
    let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    octets.try_into().map_err(|_| ValueError::CookieSecretLength)
}

/// The secret of a key: base64 (RFC 4648 §4), white space left out, as named reads it.
pub fn secret(text: &str) -> Result<Secret, ValueError> {
    let digits: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let octets = data_encoding::BASE64.decode(digits.as_bytes()).map_err(|_| ValueError::Secret)?;
    Secret::new(octets).ok_or(ValueError::Secret)
}

/// An IPv4 source address; `*` leaves it to the system.
pub fn source_v4(text: &str) -> Result<Ipv4Addr, ValueError> {
    if text == "*" { Ok(Ipv4Addr::UNSPECIFIED) } else { text.parse().map_err(|_| ValueError::Address(text.to_owned())) }
}

/// An IPv6 source address; `*` leaves it to the system.
pub fn source_v6(text: &str) -> Result<Ipv6Addr, ValueError> {
    if text == "*" { Ok(Ipv6Addr::UNSPECIFIED) } else { text.parse().map_err(|_| ValueError::Address(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a value reads as, or `message (hint)`.
    fn shown<T: fmt::Debug>(result: Result<T, ValueError>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("{error} ({})", error.hint()),
        }
    }

    #[test]
    fn durations() {
        let wrong = |text: &str| {
            format!(
                "expected ISO 8601 duration or TTL value near '{text}' \
                 (write seconds, or numbers with w, d, h, m, s, ms: 3600, 1h30m, 500ms)"
            )
        };
        for (case, text, expected) in [
            ("seconds", "3600", "3600s".to_owned()),
            ("nothing", "0", "0ns".to_owned()),
            ("units in their order", "1w2d", "777600s".to_owned()),
            ("units in any order and case, repeated", "1s1W1S", "604802s".to_owned()),
            ("ISO 8601 time", "PT3H", "10800s".to_owned()),
            ("ISO 8601 date and time", "P1DT1M", "86460s".to_owned()),
            ("ISO 8601 in full", "P1Y2M3DT4H5M6S", "37166706s".to_owned()),
            ("ISO 8601 week", "p1w", "604800s".to_owned()),
            ("milliseconds", "500ms", "500ms".to_owned()),
            ("an unknown unit", "1q", wrong("1q")),
            ("a number without unit behind one with", "1m30", wrong("1m30")),
            ("a unit without number", "m", wrong("m")),
            ("an empty word", "", wrong("")),
            ("no milliseconds", "ms", wrong("ms")),
            ("a sign", "-1", wrong("-1")),
            ("a sum of milliseconds and seconds", "1s500ms", wrong("1s500ms")),
            ("more than 2^32-1 s", "4294967296", wrong("4294967296")),
            ("an overflow in the product", "99999999999999999999w", wrong("99999999999999999999w")),
            ("ISO 8601 without parts", "PT", wrong("PT")),
            ("ISO 8601 date unit in the time", "PT1D", wrong("PT1D")),
            ("a long token is cut", &"9".repeat(40), wrong(&format!("{}...", "9".repeat(30)))),
        ] {
            assert_eq!(shown(duration(text)), expected, "{case}");
        }
        assert!(ttl("500ms").is_err(), "named.conf knows no milliseconds");
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("65536", "65536"),
            ("5m", "5242880"),
            ("1G", "1073741824"),
            ("", "expected integer and optional unit near '' (write octets, or a number with K, M or G: 512M)"),
            ("5q", "expected integer and optional unit near '5q' (write octets, or a number with K, M or G: 512M)"),
            (
                "99999999999g",
                "expected integer and optional unit near '99999999999g' \
                 (write octets, or a number with K, M or G: 512M)",
            ),
        ] {
            assert_eq!(shown(size(text)), expected, "{text}");
        }
        let wrong = |text| {
            format!(
                "expected integer and optional unit or percent near '{text}' \
                 (write octets, 512M, a percentage from 1% to 100%, unlimited or default)"
            )
        };
        for (text, expected) in [
            ("512M", "Bytes(536870912)".to_owned()),
            ("90%", "Percent(90)".to_owned()),
            ("default", "Percent(90)".to_owned()),
            ("Unlimited", "Percent(100)".to_owned()),
            ("0%", wrong("0%")),
            ("101%", wrong("101%")),
            ("+5%", wrong("+5%")),
            ("lots", wrong("lots")),
            ("1M", "'1M' is too small for a cache (at least 2M)".to_owned()),
        ] {
            assert_eq!(shown(cache_size(text)), expected, "{text}");
        }
    }

    #[test]
    fn prefixes() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10/8", "10.0.0.0/8"),
            ("192.168/16", "192.168.0.0/16"),
            ("10.1.0.2", "10.1.0.2/32"),
            ("::1", "::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.1.2.3/8", "'10.1.2.3/8': address/prefix length mismatch '8' (the network is 10.0.0.0/8)"),
            ("10.1/8", "'10.1/8': address/prefix length mismatch '8' (the network is 10.0.0.0/8)"),
            ("2001:db8::1/32", "'2001:db8::1/32': address/prefix length mismatch '32' (the network is 2001:db8::/32)"),
            (
                "8.8.8",
                "incomplete IPv4 address or prefix near '8.8.8' (with its prefix length it is a network: 8.8.8/24)",
            ),
            ("10.1/33", "invalid prefix length '33' (0 to 32 for IPv4, 0 to 128 for IPv6)"),
            ("10.0.0.0/+8", "invalid prefix length '+8' (0 to 32 for IPv4, 0 to 128 for IPv6)"),
            ("10.0.0.0/", "invalid prefix length '' (0 to 32 for IPv4, 0 to 128 for IPv6)"),
            (
                "10.0.0.256",
                "expected IP address or prefix near '10.0.0.256' (write 10.1.0.2, 10.1.0.0/16 or 2001:db8::/32)",
            ),
            ("10..0/8", "expected IP address or prefix near '10..0/8' (write 10.1.0.2, 10.1.0.0/16 or 2001:db8::/32)"),
            ("/8", "expected IP address or prefix near '/8' (write 10.1.0.2, 10.1.0.0/16 or 2001:db8::/32)"),
        ] {
            let read = prefix(text).map(|prefix| prefix.to_string());
            assert_eq!(read.unwrap_or_else(|error| format!("{error} ({})", error.hint())), expected);
        }
    }

    #[test]
    fn addresses_with_ports() {
        let wrong = |text| format!("expected IP address near '{text}' (write 10.1.0.2 or 2001:db8::2)");
        for (text, expected) in [
            ("10.1.0.2", "10.1.0.2:53".to_owned()),
            ("10.1.0.2:5300", "10.1.0.2:5300".to_owned()),
            ("::1", "[::1]:53".to_owned()),
            ("[::1]", "[::1]:53".to_owned()),
            ("[::1]:5300", "[::1]:5300".to_owned()),
            ("[10.1.0.2]", wrong("[10.1.0.2]")),
            ("10.1.0.2:0", "port number out of range near '0' (1 to 65535)".to_owned()),
            ("10.1.0.2:70000", "port number out of range near '70000' (1 to 65535)".to_owned()),
            ("10.1.0.2:", wrong("10.1.0.2:")),
            ("10.1.0", wrong("10.1.0")),
            ("fe80::1%1", wrong("fe80::1%1")),
            ("[fe80::1%1]:53", wrong("[fe80::1%1]:53")),
            ("dns.example", wrong("dns.example")),
        ] {
            assert_eq!(shown(socket_address(text, 53)), expected, "{text}");
        }
    }

    #[test]
    fn a_cookie_secret_is_16_octets_and_never_shown() {
        let hex = "000102030405060708090A0b0c0d0e0f";
        assert_eq!(cookie_secret(hex), Ok([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
        for (text, error) in [
            ("xyz", ValueError::CookieSecret),
            (&hex[1..], ValueError::CookieSecret),
            (&"ä".repeat(16), ValueError::CookieSecret),
            ("", ValueError::CookieSecretLength),
            (&hex[2..], ValueError::CookieSecretLength),
            (&hex.repeat(2), ValueError::CookieSecretLength),
        ] {
            assert_eq!(cookie_secret(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_the_name_of_an_acl() {
        for (text, expected) in [
            ("10/8", true),
            ("8.8.8", true),
            ("10", true),
            ("::1", true),
            ("goodclients", false),
            ("10net", false),
            ("dead", false),
        ] {
            assert_eq!(looks_like_prefix(text), expected, "{text}");
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(excerpt("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    }
}
