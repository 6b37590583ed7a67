//! Domain names as they travel (RFC 1035 §3.1): length octet and label, ending at the root.
//!
//! [`Name`] owns its octets, uncompressed and in lower case, since names are compared without regard to case
//! (RFC 4343); the case that a client used is only ever copied, never stored here.
//! Not here: reading compressed names out of packets (see [`super::walk`]).

use std::fmt;
use std::str::FromStr;

use super::present::words::unescape;

/// Octets of the longest name, with its length octets and the root (RFC 1035 §2.3.4).
pub const MAX_NAME_OCTETS: usize = 255;
/// Octets of the longest label (RFC 1035 §2.3.4).
pub const MAX_LABEL_OCTETS: usize = 63;

/// A domain name: lower case, uncompressed, absolute. `1 <= octets <= 255`; the last octet is the root's zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    octets: Box<[u8]>,
}

/// Why a text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing at all; the root is written `.`.
    Empty,
    /// Two dots in a row, or a dot at the start of a longer name.
    EmptyLabel,
    /// A label has more than 63 octets.
    LongLabel,
    /// The whole has more than 255 octets.
    LongName,
    /// A backslash is followed neither by three digits up to 255 nor by a character.
    BadEscape,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty name (the root is written '.')",
            Self::EmptyLabel => "empty label (two dots in a row, or a leading dot)",
            Self::LongLabel => "label longer than 63 octets",
            Self::LongName => "name longer than 255 octets",
            Self::BadEscape => "bad escape (write \\DDD with DDD up to 255, or \\ and a character)",
        })
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// The root, `.`.
    pub fn root() -> Self {
        Self { octets: Box::new([0]) }
    }

    /// Takes over octets that are a valid uncompressed name, in any case; `None` if they are not exactly one.
    pub fn from_wire(octets: &[u8]) -> Option<Self> {
        if octets.len() > MAX_NAME_OCTETS {
            return None;
        }
        let mut at = 0;
        loop {
            match usize::from(*octets.get(at)?) {
                0 => break,
                length if length > MAX_LABEL_OCTETS => return None,
                length => at += 1 + length,
            }
        }
        (at + 1 == octets.len()).then(|| Self { octets: octets.to_ascii_lowercase().into() })
    }

    /// The name's octets: `1 <= len <= 255`, lower case, with the root's zero.
    pub fn as_wire(&self) -> &[u8] {
        &self.octets
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.octets.len() == 1
    }

    /// In text with the dot at its end, as master files have it.
    pub fn absolute(&self) -> String {
        let dot = if self.is_root() { "" } else { "." };
        format!("{self}{dot}")
    }

    /// How many labels there are, the root not counted: `0..=127`.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// The labels from the leftmost, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.octets[..];
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            let (label, tail) = tail.split_at_checked(usize::from(length)).filter(|_| length > 0)?;
            rest = tail;
            Some(label)
        })
    }

    /// Whether this name is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Name) -> bool {
        is_within(&self.octets, &ancestor.octets)
    }
}

/// Appends a name's wire form, in the case it is written in: below `origin` unless its text ends with a dot; `@` is
/// `origin` itself (RFC 1035 §5.1). What was appended before an error is left there.
pub(super) fn push_text(text: &[u8], origin: &Name, out: &mut Vec<u8>) -> Result<(), NameError> {
    let start = out.len();
    match text {
        b"" => return Err(NameError::Empty),
        b"@" => out.extend_from_slice(origin.as_wire()),
        b"." => out.push(0),
        _ => push_labels(text, origin, out)?,
    }
    if out.len() - start > MAX_NAME_OCTETS { Err(NameError::LongName) } else { Ok(()) }
}

fn push_labels(text: &[u8], origin: &Name, out: &mut Vec<u8>) -> Result<(), NameError> {
    let (mut label, mut at) = (out.len(), 0);
    out.push(0);
    while let Some(&octet) = text.get(at) {
        at += 1;
        match octet {
            b'.' => {
                end_label(out, label)?;
                label = out.len();
                out.push(0);
            }
            b'\\' => {
                let (octet, length) = unescape(&text[at..]).ok_or(NameError::BadEscape)?;
                at += length;
                out.push(octet);
            }
            other => out.push(other),
        }
    }
    // Behind a last dot the zero that was to begin a label is the root.
    if out.len() > label + 1 {
        end_label(out, label)?;
        out.extend_from_slice(origin.as_wire());
    }
    Ok(())
}

/// Writes the length of the label that began at `label` and goes to the end.
fn end_label(out: &mut [u8], label: usize) -> Result<(), NameError> {
    out[label] = match out.len() - label - 1 {
        0 => return Err(NameError::EmptyLabel),
        length @ 1..=MAX_LABEL_OCTETS => length as u8,
        _ => return Err(NameError::LongLabel),
    };
    Ok(())
}

/// Uncompressed octets of a name in presentation form, with the trailing dot.
pub(super) fn shown_with_dot(octets: &[u8]) -> String {
    let mut shown = String::new();
    write_presentation(&mut shown, octets).expect("writing to a String cannot fail");
    if shown != "." {
        shown.push('.');
    }
    shown
}

/// An uncompressed name's octets in presentation form and in their case, without the trailing dot except for the root.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'n>(pub &'n [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_presentation(f, self.0)
    }
}

/// Whether `name` is `ancestor` or lies below it; both uncompressed and in lower case.
pub fn is_within(name: &[u8], ancestor: &[u8]) -> bool {
    let Some(skip) = name.len().checked_sub(ancestor.len()) else { return false };
    if &name[skip..] != ancestor {
        return false;
    }
    // The tail is the same; it must also begin where a label begins.
    let mut at = 0;
    while at < skip {
        at += 1 + usize::from(name[at]);
    }
    at == skip
}

impl FromStr for Name {
    type Err = NameError;

    /// Reads the presentation form (RFC 1035 §5.1, RFC 4343 §2.1), absolute with or without its trailing dot.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut octets = Vec::with_capacity(text.len() + 2);
        match text {
            // Outside master files it is a character like any other.
            "@" => octets.extend_from_slice(b"\x01@\0"),
            _ => push_text(text.as_bytes(), &Self::root(), &mut octets)?,
        }
        octets.make_ascii_lowercase();
        Ok(Self { octets: octets.into() })
    }
}

/// Writes uncompressed octets of a name in presentation form, without the trailing dot except for the root.
///
/// Octets that could mislead a reader or a log are escaped (RFC 4343 §2.1), so that the text is printable ASCII.
fn write_presentation(f: &mut impl fmt::Write, octets: &[u8]) -> fmt::Result {
    if octets.first().is_none_or(|&length| length == 0) {
        return f.write_char('.');
    }
    let mut rest = octets;
    while let Some((&length, tail)) = rest.split_first() {
        let Some((label, tail)) = tail.split_at_checked(usize::from(length)) else { break };
        if length == 0 {
            break;
        }
        if rest.len() != octets.len() {
            f.write_char('.')?;
        }
        for &octet in label {
            match octet {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => write!(f, "\\{}", char::from(octet))?,
                0x21..=0x7e => f.write_char(char::from(octet))?,
                _ => write!(f, "\\{octet:03}")?,
            }
        }
        rest = tail;
    }
    Ok(())
}

impl fmt::Display for Name {
    /// Presentation form, without the trailing dot except for the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_presentation(f, &self.octets)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name of the test")
    }

    #[test]
    fn text_becomes_lower_case_wire() {
        let cases: [(&str, &str, &[u8]); 6] = [
            ("a plain name", "Www.Example", b"\x03www\x07example\0"),
            ("a trailing dot changes nothing", "www.example.", b"\x03www\x07example\0"),
            ("the root", ".", b"\0"),
            ("an escaped dot stays in its label", "a\\.b.c", b"\x03a.b\x01c\0"),
            ("a decimal escape", "\\065\\000.x", b"\x02a\0\x01x\0"),
            ("an underscore and a star", "*._tcp", b"\x01*\x04_tcp\0"),
        ];
        for (case, text, wire) in cases {
            assert_eq!(name(text).as_wire(), wire, "{case}");
            assert_eq!(name(&name(text).to_string()), name(text), "{case}: its text reads back");
        }
    }

    #[test]
    fn wrong_text_says_what_is_wrong() {
        let long = ["a".repeat(63).as_str(); 4].join(".");
        for (text, error) in [
            ("", NameError::Empty),
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            ("a\\", NameError::BadEscape),
            ("a\\25", NameError::BadEscape),
            ("a\\256", NameError::BadEscape),
            (&"a".repeat(64), NameError::LongLabel),
            (&long, NameError::LongName),
        ] {
            assert_eq!(text.parse::<Name>(), Err(error), "{text}");
        }
    }

    #[test]
    fn within_goes_by_labels_not_by_octets() {
        for (below, above, expected) in [
            ("a.example", "example", true),
            ("example", "example", true),
            ("anexample", "example", false),
            ("example", "a.example", false),
            ("x.y", ".", true),
            // The octets of "\007example" end like a label of their own.
            ("x\\007example", "example", false),
        ] {
            assert_eq!(name(below).is_within(&name(above)), expected, "{below} within {above}");
        }
    }
}
