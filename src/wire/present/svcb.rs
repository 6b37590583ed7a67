//! SVCB and HTTPS (RFC 9460): priority, target, and parameters as `key=value`.
//!
//! Ours, since `domain` 0.12 takes no key with a 9 or a z in it and no escape in `alpn`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::scan::{ConvertSymbols, EntrySymbol, Symbol};
use domain::utils::base64;

use super::scan::{Fault, Scan, unescaped};
use super::words::escape_quoted;
use crate::wire::header::u16_at;
use crate::wire::name::shown_with_dot;
use crate::wire::walk::plain_name_end;

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;
const DOHPATH: u16 = 7;
/// Keys with a name, in the order of their numbers (IANA's registry of service parameter keys).
const NAMES: [&str; 9] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"];
/// Reserved, and no key (RFC 9460 §14.3.2).
const INVALID_KEY: u16 = 65_535;

/// Reads the words of a record.
pub(super) fn read(scan: &mut Scan<'_>) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::new();
    let priority: u16 = scan.number()?;
    octets.extend(priority.to_be_bytes());
    scan.name_into(&mut octets)?;
    let mut parameters = BTreeMap::new();
    while !scan.is_at_end() {
        let (key, value) = parameter(scan)?;
        if parameters.insert(key, value).is_some() {
            return Err(Fault::new(format!("{} stands there twice", key_name(key))));
        }
    }
    check_together(&parameters)?;
    for (key, value) in parameters {
        let length = u16::try_from(value.len()).map_err(|_| Fault::new("a value longer than 65535 octets"))?;
        octets.extend(key.to_be_bytes());
        octets.extend(length.to_be_bytes());
        octets.extend(value);
    }
    Ok(octets)
}

/// What the keys want of each other (RFC 9460 §7.1.1, §8).
fn check_together(parameters: &BTreeMap<u16, Vec<u8>>) -> Result<(), Fault> {
    if parameters.contains_key(&NO_DEFAULT_ALPN) && !parameters.contains_key(&ALPN) {
        return Err(Fault::new("no-default-alpn without alpn"));
    }
    let listed = parameters.get(&MANDATORY).map(Vec::as_slice).unwrap_or_default();
    match listed.chunks(2).map(|pair| u16_at(pair, 0)).find(|key| !parameters.contains_key(key)) {
        Some(missing) => Err(Fault::new(format!("{} is mandatory, but not there", key_name(missing)))),
        None => Ok(()),
    }
}

fn parameter(scan: &mut Scan<'_>) -> Result<(u16, Vec<u8>), Fault> {
    let text = scan.bare()?;
    let (name, value) = match text.iter().position(|&octet| octet == b'=') {
        None => (text, None),
        Some(at) if at + 1 < text.len() => (&text[..at], Some(unescaped(&text[at + 1..])?)),
        Some(at) => {
            let value = scan.glued_word().filter(|word| word.quoted);
            (&text[..at], Some(value.map_or(Ok(Vec::new()), |word| unescaped(word.text))?))
        }
    };
    let key = key_number(name).ok_or(Fault::new("no key that is known (others are written key667)"))?;
    Ok((key, read_value(key, value)?))
}

fn read_value(key: u16, value: Option<Vec<u8>>) -> Result<Vec<u8>, Fault> {
    let wrong = || Fault::new(format!("{} has no such value", key_name(key)));
    let needed = || value.clone().filter(|value| !value.is_empty()).ok_or_else(wrong);
    let text = || needed().and_then(|value| String::from_utf8(value).map_err(|_| wrong()));
    match key {
        MANDATORY => {
            let mut keys = Vec::new();
            for name in text()?.split(',') {
                keys.push(key_number(name.as_bytes()).filter(|&key| key != MANDATORY).ok_or_else(wrong)?);
            }
            keys.sort_unstable();
            if keys.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(wrong());
            }
            Ok(keys.iter().flat_map(|key| key.to_be_bytes()).collect())
        }
        ALPN => {
            let mut octets = Vec::new();
            for item in items(&needed()?) {
                let length = u8::try_from(item.len()).ok().filter(|&length| length > 0).ok_or_else(wrong)?;
                octets.push(length);
                octets.extend(item);
            }
            Ok(octets)
        }
        NO_DEFAULT_ALPN => value.is_none_or(|value| value.is_empty()).then(Vec::new).ok_or_else(wrong),
        PORT => {
            let text = text()?;
            let digits = text.bytes().all(|octet| octet.is_ascii_digit());
            let port: u16 = text.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
            Ok(port.to_be_bytes().to_vec())
        }
        IPV4HINT => addresses(&text()?, |text| text.parse().ok().map(|address: Ipv4Addr| address.octets().to_vec())),
        IPV6HINT => addresses(&text()?, |text| text.parse().ok().map(|address: Ipv6Addr| address.octets().to_vec())),
        ECH => read_base64(&needed()?).ok_or_else(wrong),
        // RFC 9461 §5: a relative template in UTF-8 that has the variable "dns".
        DOHPATH => Some(text()?).filter(|text| is_template(text)).map(String::into_bytes).ok_or_else(wrong),
        _ => Ok(value.unwrap_or_default()),
    }
}

fn is_template(text: &str) -> bool {
    text.starts_with('/') && text.contains("{?dns}")
}

fn addresses(list: &str, read: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<u8>, Fault> {
    let all: Option<Vec<_>> = list.split(',').map(read).collect();
    Ok(all.ok_or(Fault::new("a hint is no address"))?.concat())
}

fn read_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut convert = base64::SymbolConverter::new();
    let mut octets = Vec::new();
    for &octet in text {
        let symbol = EntrySymbol::Symbol(Symbol::Char(char::from(octet)));
        octets.extend(ConvertSymbols::<_, Fault>::process_symbol(&mut convert, symbol).ok()?.unwrap_or_default());
    }
    octets.extend(ConvertSymbols::<EntrySymbol, Fault>::process_tail(&mut convert).ok()?.unwrap_or_default());
    Some(octets)
}

/// The items of a list between commas; a backslash takes the next octet as it is (RFC 9460 appendix A.1).
fn items(list: &[u8]) -> Vec<Vec<u8>> {
    let mut items = vec![Vec::new()];
    let mut octets = list.iter();
    while let Some(&octet) = octets.next() {
        match octet {
            b',' => items.push(Vec::new()),
            _ => {
                let taken = if octet == b'\\' { *octets.next().unwrap_or(&b'\\') } else { octet };
                items.last_mut().expect("there is one from the start").push(taken);
            }
        }
    }
    items
}

fn key_number(name: &[u8]) -> Option<u16> {
    if let Some(number) = NAMES.iter().position(|known| known.as_bytes() == name) {
        return Some(number as u16);
    }
    let digits = std::str::from_utf8(name.strip_prefix(b"key")?).ok()?;
    let right = digits.bytes().all(|octet| octet.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|&number| right && number != INVALID_KEY)
}

fn key_name(key: u16) -> String {
    NAMES.get(usize::from(key)).map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

/// The text of a record; `None`: these are not its RDATA.
pub(super) fn show(rdata: &[u8]) -> Option<String> {
    let (priority, rest) = rdata.split_at_checked(2)?;
    let priority = u16_at(priority, 0);
    let end = plain_name_end(rest, 0).ok().filter(|&end| end <= rest.len())?;
    let mut shown = format!("{priority} {}", shown_with_dot(&rest[..end]));
    let (mut rest, mut parameters) = (&rest[end..], BTreeMap::new());
    while !rest.is_empty() {
        let (fixed, behind) = rest.split_at_checked(4)?;
        let (key, length) = (u16_at(fixed, 0), u16_at(fixed, 2));
        let (value, behind) = behind.split_at_checked(length.into())?;
        let ascending = parameters.last_key_value().is_none_or(|(&last, _)| last < key);
        if !ascending || key == INVALID_KEY {
            return None;
        }
        show_parameter(key, value, &mut shown)?;
        parameters.insert(key, value.to_vec());
        rest = behind;
    }
    check_together(&parameters).is_ok().then_some(shown)
}

fn show_parameter(key: u16, value: &[u8], out: &mut String) -> Option<()> {
    let text = match key {
        MANDATORY => {
            let keys: Vec<_> = value.chunks_exact(2).map(|pair| u16_at(pair, 0)).collect();
            let right = value.len().is_multiple_of(2) && keys.windows(2).all(|pair| pair[0] < pair[1]);
            Some(keys).filter(|keys| right && keys.first().is_some_and(|&first| first != MANDATORY))?;
            value.chunks_exact(2).map(|pair| key_name(u16_at(pair, 0))).collect::<Vec<_>>().join(",").into_bytes()
        }
        ALPN => show_items(value)?,
        NO_DEFAULT_ALPN => Some(Vec::new()).filter(|_| value.is_empty())?,
        PORT => u16::from_be_bytes(value.try_into().ok()?).to_string().into_bytes(),
        IPV4HINT => show_addresses::<4>(value, |octets| Ipv4Addr::from(octets).to_string())?,
        IPV6HINT => show_addresses::<16>(value, |octets| Ipv6Addr::from(octets).to_string())?,
        ECH => Some(base64::encode_string(value).into_bytes()).filter(|_| !value.is_empty())?,
        DOHPATH => std::str::from_utf8(value).ok().filter(|text| is_template(text))?.as_bytes().to_vec(),
        _ => value.to_vec(),
    };
    out.push(' ');
    out.push_str(&key_name(key));
    if !text.is_empty() {
        let bare = text.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-._:,/+=".contains(octet));
        let quote = if bare { "" } else { "\"" };
        out.push('=');
        out.push_str(quote);
        escape_quoted(&text, out);
        out.push_str(quote);
    }
    Some(())
}

fn show_items(value: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut text) = (value, Vec::new());
    while let Some((&length, behind)) = rest.split_first() {
        let (item, behind) = behind.split_at_checked(length.into()).filter(|_| length > 0)?;
        if !text.is_empty() {
            text.push(b',');
        }
        for &octet in item {
            if matches!(octet, b',' | b'\\') {
                text.push(b'\\');
            }
            text.push(octet);
        }
        rest = behind;
    }
    Some(text).filter(|text| !text.is_empty())
}

fn show_addresses<const N: usize>(value: &[u8], show: impl Fn([u8; N]) -> String) -> Option<Vec<u8>> {
    let shown: Option<Vec<_>> = value.chunks(N).map(|octets| octets.try_into().ok().map(&show)).collect();
    shown.filter(|all| !all.is_empty()).map(|all| all.join(",").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::{rdata, show as show_any};
    use crate::wire::Name;

    fn read(text: &str) -> Result<Box<[u8]>, String> {
        rdata(64, text, &Name::root())
    }

    #[test]
    fn the_vectors_of_rfc_9460_are_read() {
        let cases: [(&str, &str, &[u8]); 9] = [
            ("D.1 alias", "0 foo.example.com.", b"\0\0\x03foo\x07example\x03com\0"),
            ("D.2 the owner is the target", "1 .", b"\0\x01\0"),
            ("D.2 a port", "16 f. port=53", b"\0\x10\x01f\0\0\x03\0\x02\0\x35"),
            ("D.2 an unknown key", "1 f. key667=hello", b"\0\x01\x01f\0\x02\x9b\0\x05hello"),
            ("D.2 with an escape", "1 f. key667=\"hello\\210qoo\"", b"\0\x01\x01f\0\x02\x9b\0\x09hello\xd2qoo"),
            (
                "D.2 two hints of IPv6",
                "1 f. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
                b"\0\x01\x01f\0\0\x06\0\x20\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
                  \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\x53\0\x01",
            ),
            (
                "D.2 keys in any order",
                "16 f. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
                b"\0\x10\x01f\0\0\0\0\x04\0\x01\0\x04\0\x01\0\x09\x02h2\x05h3-19\0\x04\0\x04\xc0\0\x02\x01",
            ),
            (
                "D.2 escapes in a list, quoted",
                "16 f. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
                b"\0\x10\x01f\0\0\x01\0\x0c\x08f\\oo,bar\x02h2",
            ),
            (
                "D.2 escapes in a list, bare",
                "16 f. alpn=f\\\\\\092oo\\092,bar,h2",
                b"\0\x10\x01f\0\0\x01\0\x0c\x08f\\oo,bar\x02h2",
            ),
        ];
        for (case, text, wire) in cases {
            assert_eq!(read(text).as_deref(), Ok(wire), "{case}");
            let shown = show_any(64, wire);
            assert!(!shown.starts_with("\\#"), "{case}: {shown}");
            assert_eq!(read(&shown).as_deref(), Ok(wire), "{case}: {shown}");
        }
    }

    #[test]
    fn keys_of_every_digit_and_letter_are_read() {
        for text in ["1 . key9=a", "1 . key19999", "1 . ohttp", "1 . key65534=x", "1 . dohpath=/q{?dns}"] {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn wrong_parameters_are_refused() {
        for text in [
            "1 . port=1 port=2",
            "1 . port",
            "1 . port=65536",
            "1 . port=+1",
            "1 . mandatory=port",
            "1 . mandatory=mandatory",
            "1 . mandatory=port,port port=1",
            "1 . no-default-alpn",
            "1 . no-default-alpn=x alpn=h2",
            "1 . alpn=h2,,h3",
            "1 . alpn",
            "1 . ipv4hint=2001:db8::1",
            "1 . ipv6hint=192.0.2.1",
            "1 . ech=?",
            "1 . dohpath=/q",
            "1 . key65535=x",
            "1 . key01=x",
            "1 . quux=x",
            "1 . \"port=1\"",
            "1",
            "65536 .",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
