//! Reading the words of a step.

use std::net::IpAddr;
use std::time::Duration;

use super::play::Outcome;
use super::record::{Record, parse_hex};
use super::script::{Block, repeat};

/// The words of a line, taken one by one.
pub(super) struct Words<'w> {
    pub(super) words: &'w [String],
}

impl<'w> Words<'w> {
    pub(super) fn next(&mut self, what: &str) -> Result<&'w str, String> {
        let (first, rest) = self.words.split_first().ok_or_else(|| format!("{what} is missing"))?;
        self.words = rest;
        Ok(first)
    }

    pub(super) fn expect(&mut self, words: &[&str]) -> Outcome {
        words.iter().try_for_each(|word| match self.next(&format!("'{word}'"))? {
            found if found == *word => Ok(()),
            found => Err(format!("'{word}' expected, '{found}' found")),
        })
    }

    /// What is left, as key and value; the value is empty for a word without `=`.
    pub(super) fn options(&mut self) -> Vec<(&'w str, &'w str)> {
        let all = std::mem::take(&mut self.words);
        all.iter().map(|word| word.split_once('=').unwrap_or((word, ""))).collect()
    }
}

pub(super) fn unknown(word: &str) -> String {
    format!("unknown word '{word}'")
}

pub(super) fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("'{text}' is no number that can stand there"))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (value, unit) = match text.strip_suffix("ms") {
        Some(value) => (value, 1e-3),
        None => (text.strip_suffix('s').ok_or_else(|| format!("'{text}': write 400ms or 3.2s"))?, 1.0),
    };
    let value: f64 = number(value)?;
    Ok(Duration::from_micros((value * unit * 1e6).round() as u64))
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("'{text}' is no address"))
}

/// `CODE:HEX`
pub(super) fn option(text: &str) -> Result<(u16, Vec<u8>), String> {
    let (code, value) = text.split_once(':').ok_or_else(|| format!("'{text}': write option=CODE:HEX"))?;
    Ok((number(code)?, parse_hex(value)?))
}

/// The records of a block by section; lines without a TTL name the section of those that follow.
pub(super) fn sections(block: &Block) -> Result<[Vec<Record>; 3], String> {
    let (mut sections, mut at) = ([const { Vec::new() }; 3], 0);
    for line in
        block.lines.iter().map(|(_, line)| line.trim()).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line {
            "answer" => at = 0,
            "authority" => at = 1,
            "additional" => at = 2,
            _ => {
                for line in repeat(line) {
                    sections[at].push(Record::parse(&line)?);
                }
            }
        }
    }
    Ok(sections)
}
