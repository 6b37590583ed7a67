//! RDATA of any type as `\# LENGTH HEX` (RFC 3597 §5).

use super::scan::Fault;
use super::words::Word;

/// Whether the words are of this form.
pub(super) fn is_marked(words: &[Word<'_>]) -> bool {
    words.first().is_some_and(|word| word.text == b"\\#" && !word.quoted)
}

/// Reads the form. What is written so for a known type has to be of that type.
pub(super) fn read(rtype: u16, words: &[Word<'_>]) -> Result<Vec<u8>, Fault> {
    let length = words.get(1).ok_or(Fault::new("the length is missing"))?;
    let length: u16 = std::str::from_utf8(length.text)
        .ok()
        .filter(|text| text.bytes().all(|octet| octet.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or(Fault::new("the length is no number up to 65535"))?;
    let mut octets = Vec::with_capacity(usize::from(length));
    let mut half = None;
    for &octet in words[2..].iter().flat_map(|word| word.text) {
        let digit = char::from(octet).to_digit(16).ok_or(Fault::new("a character is no hexadecimal digit"))? as u8;
        match half.take() {
            None => half = Some(digit << 4),
            Some(high) => octets.push(high | digit),
        }
    }
    if half.is_some() || octets.len() != usize::from(length) {
        return Err(Fault::new("the length is not that of the octets"));
    }
    if !super::is_valid(rtype, &octets) {
        return Err(Fault::new("the octets are no RDATA of this type"));
    }
    Ok(octets)
}

/// Writes the form.
pub(super) fn show(rdata: &[u8]) -> String {
    let mut shown = format!("\\# {}", rdata.len());
    if !rdata.is_empty() {
        shown.push(' ');
        hex(rdata, &mut shown);
    }
    shown
}

/// Octets in hexadecimal digits.
pub(super) fn hex(octets: &[u8], out: &mut String) {
    out.extend(
        octets.iter().flat_map(|octet| [octet >> 4, octet & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)),
    );
}
