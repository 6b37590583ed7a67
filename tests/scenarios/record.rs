//! Records between master-file text and wire form, by one table of layouts.
//!
//! Written apart from `tandem::wire` on purpose, so that one mistake cannot hide in both.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A piece of RDATA.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Name,
    U8,
    U16,
    U32,
    V4,
    V6,
    /// One or more character-strings.
    Texts,
    /// A type's mnemonic.
    Type,
    /// Type bit maps (RFC 4034 §4.1.2), of the first window.
    Types,
    /// The rest, in base 64.
    Base64,
    /// The rest, in hexadecimal.
    Hex,
}

use Field::{Base64, Hex, Name, Texts, Type, Types, U8, U16, U32, V4, V6};

/// Every type with a form of its own; others are `TYPEn \# length hex` (RFC 3597 §5).
const TYPES: &[(&str, u16, &[Field])] = &[
    ("A", 1, &[V4]),
    ("NS", 2, &[Name]),
    ("CNAME", 5, &[Name]),
    ("SOA", 6, &[Name, Name, U32, U32, U32, U32, U32]),
    ("PTR", 12, &[Name]),
    ("MX", 15, &[U16, Name]),
    ("TXT", 16, &[Texts]),
    ("AAAA", 28, &[V6]),
    ("SRV", 33, &[U16, U16, U16, Name]),
    ("DNAME", 39, &[Name]),
    ("DS", 43, &[U16, U8, U8, Hex]),
    ("RRSIG", 46, &[Type, U8, U8, U32, U32, U32, U16, Name, Base64]),
    ("NSEC", 47, &[Name, Types]),
    ("DNSKEY", 48, &[U16, U8, U8, Base64]),
    ("NSEC3", 50, &[Hex]),
    ("SVCB", 64, &[Hex]),
    ("HTTPS", 65, &[Hex]),
    ("OPT", 41, &[Hex]),
    ("TKEY", 249, &[Hex]),
    ("TSIG", 250, &[Hex]),
    ("IXFR", 251, &[Hex]),
    ("AXFR", 252, &[Hex]),
    ("MAILB", 253, &[Hex]),
    ("MAILA", 254, &[Hex]),
    ("ANY", 255, &[Hex]),
];

const CLASSES: &[(&str, u16)] = &[("IN", 1), ("CH", 3), ("HS", 4), ("NONE", 254), ("ANY", 255)];

/// A record; names in it are uncompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: Vec<u8>,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) rdata: Vec<u8>,
}

pub(crate) fn type_number(name: &str) -> Result<u16, String> {
    let known = TYPES.iter().find(|(known, ..)| *known == name).map(|&(_, number, _)| number);
    known.or_else(|| name.strip_prefix("TYPE")?.parse().ok()).ok_or_else(|| format!("unknown type '{name}'"))
}

pub(crate) fn type_name(number: u16) -> String {
    let known = TYPES.iter().find(|&&(_, known, _)| known == number);
    known.map_or_else(|| format!("TYPE{number}"), |(name, ..)| (*name).to_owned())
}

pub(crate) fn class_number(name: &str) -> Result<u16, String> {
    let known = CLASSES.iter().find(|(known, _)| *known == name).map(|&(_, number)| number);
    known.or_else(|| name.strip_prefix("CLASS")?.parse().ok()).ok_or_else(|| format!("unknown class '{name}'"))
}

fn class_name(number: u16) -> String {
    let known = CLASSES.iter().find(|&&(_, known)| known == number);
    known.map_or_else(|| format!("CLASS{number}"), |(name, _)| (*name).to_owned())
}

/// A name in wire form; case is kept, `\DDD` is an octet.
pub(crate) fn parse_name(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        let label = parse_label(label)?;
        octets.push(u8::try_from(label.len()).ok().filter(|length| *length < 64).ok_or("a label is too long")?);
        octets.extend(label);
    }
    octets.push(0);
    Ok(octets)
}

fn parse_label(text: &str) -> Result<Vec<u8>, String> {
    let mut label = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first == '\\' { 4 } else { first.len_utf8() };
        let (part, after) = rest.split_at_checked(length).ok_or_else(|| format!("'{text}' ends in an escape"))?;
        match part.strip_prefix('\\') {
            Some(number) => label.push(number.parse().map_err(|_| format!("'{part}' is no octet"))?),
            None => label.extend_from_slice(part.as_bytes()),
        }
        rest = after;
    }
    Ok(label)
}

/// The text of an uncompressed name, in lower case.
pub(crate) fn name_text(octets: &[u8]) -> String {
    let (mut text, mut rest) = (String::new(), octets);
    while let [length @ 1..=63, after @ ..] = rest {
        let (label, after) = after.split_at(usize::from(*length));
        for &octet in label {
            match octet {
                b'!'..=b'~' if octet != b'.' && octet != b'\\' => text.push(octet.to_ascii_lowercase().into()),
                _ => write!(text, "\\{octet:03}").expect("a String takes all"),
            }
        }
        text.push('.');
        rest = after;
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

/// Cuts a line into words; a quoted string is one, with its first quote.
pub(crate) fn split_words(line: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(tail) => tail.find('"').map_or(rest.len(), |at| at + 1),
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start_matches('"').trim_start();
    }
    words
}

pub(crate) fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    if digits.len() != text.len() || !digits.len().is_multiple_of(2) {
        return Err(format!("'{text}' is not hexadecimal"));
    }
    Ok(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn parse_base64(text: &str) -> Result<Vec<u8>, String> {
    let (mut octets, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = BASE64.iter().position(|known| *known == digit).ok_or_else(|| format!("'{text}' is no base 64"))?;
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held) as u8);
        }
    }
    Ok(octets)
}

fn base64(octets: &[u8]) -> String {
    let mut text = String::new();
    for chunk in octets.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(|place| BASE64[(bits >> (18 - 6 * place)) as usize & 63] as char);
        text.extend(digits);
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

impl Record {
    /// Reads `name ttl [class] type rdata`.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let words = split_words(line);
        let mut words = words.iter().map(String::as_str).peekable();
        let mut next = |what: &str| words.next().ok_or_else(|| format!("{what} is missing in '{line}'"));
        let name = parse_name(next("the name")?)?;
        let ttl = next("the TTL")?;
        let ttl = ttl.parse().map_err(|_| format!("'{ttl}' is no TTL"))?;
        let (mut class, mut rtype) = (1, next("the type")?);
        // ANY is a type here.
        if rtype != "ANY"
            && let Ok(number) = class_number(rtype)
        {
            (class, rtype) = (number, next("the type")?);
        }
        let rtype = type_number(rtype)?;
        let words: Vec<&str> = words.collect();
        Ok(Self { name, rtype, class, ttl, rdata: parse_rdata(rtype, &words)? })
    }

    /// The same in normal form: lower case, single blanks.
    pub(crate) fn text(&self) -> String {
        let (name, class, rtype) = (name_text(&self.name), class_name(self.class), type_name(self.rtype));
        let rdata = rdata_text(self.rtype, &self.rdata).unwrap_or_else(|| generic(&self.rdata));
        format!("{name} {} {class} {rtype} {rdata}", self.ttl)
    }
}

fn layout(rtype: u16) -> &'static [Field] {
    TYPES.iter().find(|&&(_, number, _)| number == rtype).map_or(&[Hex], |&(_, _, layout)| layout)
}

fn parse_rdata(rtype: u16, words: &[&str]) -> Result<Vec<u8>, String> {
    if let [r"\#", length, rest @ ..] = words {
        let octets = parse_hex(&rest.concat())?;
        let right = length.parse() == Ok(octets.len());
        return right.then_some(octets).ok_or_else(|| format!("the length is not {length}"));
    }
    let (mut out, mut words) = (Vec::new(), words.iter());
    for field in layout(rtype) {
        match field {
            Texts => {
                for word in words.by_ref() {
                    let text = word.trim_start_matches('"');
                    out.push(u8::try_from(text.len()).map_err(|_| "a text of more than 255 octets")?);
                    out.extend_from_slice(text.as_bytes());
                }
            }
            Types => out.extend(parse_types(words.by_ref())?),
            Hex => out.extend(parse_hex(&words.by_ref().copied().collect::<String>())?),
            Base64 => out.extend(parse_base64(&words.by_ref().copied().collect::<String>())?),
            _ => {
                let word = words.next().ok_or("RDATA is too short")?;
                put_field(&mut out, *field, word).map_err(|()| format!("'{word}' cannot stand there"))?;
            }
        }
    }
    words.next().map_or(Ok(out), |word| Err(format!("'{word}' is too much")))
}

fn put_field(out: &mut Vec<u8>, field: Field, word: &str) -> Result<(), ()> {
    match field {
        Name => out.extend(parse_name(word).map_err(drop)?),
        U8 => out.push(word.parse().map_err(drop)?),
        U16 => out.extend(word.parse::<u16>().map_err(drop)?.to_be_bytes()),
        U32 => out.extend(word.parse::<u32>().map_err(drop)?.to_be_bytes()),
        V4 => out.extend(word.parse::<Ipv4Addr>().map_err(drop)?.octets()),
        V6 => out.extend(word.parse::<Ipv6Addr>().map_err(drop)?.octets()),
        Type => out.extend(type_number(word).map_err(drop)?.to_be_bytes()),
        Texts | Types | Base64 | Hex => return Err(()),
    }
    Ok(())
}

fn parse_types<'w>(words: impl Iterator<Item = &'w &'w str>) -> Result<Vec<u8>, String> {
    let mut map = vec![0; 32];
    for word in words {
        let number = usize::from(type_number(word)?);
        *map.get_mut(number / 8).ok_or("a type above 255")? |= 0x80 >> (number % 8);
    }
    let length = map.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    map.truncate(length);
    Ok([&[0, length as u8], &map[..]].concat())
}

fn generic(rdata: &[u8]) -> String {
    format!("\\# {} {}", rdata.len(), hex(rdata)).trim_end().to_owned()
}

/// `None` if it does not follow its type's layout.
fn rdata_text(rtype: u16, rdata: &[u8]) -> Option<String> {
    let (mut words, mut rest) = (Vec::new(), rdata);
    for field in layout(rtype) {
        let length = match field {
            Name => name_length(rest)?,
            U8 => 1,
            U16 | Type => 2,
            U32 | V4 => 4,
            V6 => 16,
            Texts | Types | Base64 | Hex => rest.len(),
        };
        let (octets, after) = rest.split_at_checked(length)?;
        let number = || octets.iter().fold(0u32, |number, octet| number << 8 | u32::from(*octet));
        match field {
            Name => words.push(name_text(octets)),
            U8 | U16 | U32 => words.push(number().to_string()),
            V4 => words.push(Ipv4Addr::from(number()).to_string()),
            V6 => words.push(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_string()),
            Type => words.push(type_name(number() as u16)),
            Texts => words.extend(texts(octets)?),
            Types => words.extend(types(octets)?),
            Base64 => words.push(base64(octets)),
            Hex => words.push(generic(octets)),
        }
        rest = after;
    }
    rest.is_empty().then(|| words.join(" "))
}

/// Octets of the uncompressed name at the beginning.
fn name_length(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    while *octets.get(at)? != 0 {
        at += 1 + usize::from(octets[at]);
    }
    Some(at + 1)
}

fn texts(mut octets: &[u8]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while let [length, after @ ..] = octets {
        let (text, after) = after.split_at_checked(usize::from(*length))?;
        texts.push(format!("\"{}\"", String::from_utf8_lossy(text)));
        octets = after;
    }
    Some(texts)
}

fn types(octets: &[u8]) -> Option<Vec<String>> {
    let [0, length, map @ ..] = octets else { return None };
    let has = |number: &u16| map[usize::from(number / 8)] & (0x80 >> (number % 8)) != 0;
    (usize::from(*length) == map.len()).then(|| (0..8 * map.len() as u16).filter(has).map(type_name).collect())
}

/// Where names stand that are compressed on the wire, as offsets into uncompressed RDATA, with what follows them.
pub(crate) fn compressible(rtype: u16) -> Option<(usize, usize)> {
    match rtype {
        2 | 5 | 12 => Some((0, 1)),
        6 => Some((0, 2)),
        15 => Some((2, 1)),
        _ => None,
    }
}

/// The RDATA of a message with its names uncompressed; `None` if it cannot be read.
pub(crate) fn uncompressed(message: &[u8], at: usize, end: usize, rtype: u16) -> Option<Vec<u8>> {
    let Some((skip, names)) = compressible(rtype) else { return message.get(at..end).map(<[u8]>::to_vec) };
    let mut out = message.get(at..at + skip)?.to_vec();
    let mut position = at + skip;
    for _ in 0..names {
        let (name, next) = read_name(message, position)?;
        out.extend(name);
        position = next;
    }
    out.extend(message.get(position..end)?);
    Some(out)
}

/// The name at `at`, uncompressed, its case kept, and where it ends there.
pub(crate) fn read_name(message: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let (mut name, mut at, mut end, mut jumps) = (Vec::new(), at, None, 0);
    loop {
        let length = *message.get(at)?;
        match length {
            0 => {
                name.push(0);
                return (name.len() <= 255).then_some((name, end.unwrap_or(at + 1)));
            }
            1..=63 => {
                name.extend(message.get(at..=at + usize::from(length))?);
                at += 1 + usize::from(length);
            }
            0xc0.. if jumps < 128 => {
                end = end.or(Some(at + 2));
                at = usize::from(u16::from_be_bytes([length & 0x3f, *message.get(at + 1)?]));
                jumps += 1;
            }
            _ => return None,
        }
    }
}
