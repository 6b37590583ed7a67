//! What stands before a record's data: TTL, class and type, and the TTL that holds where none is written.

use crate::config::suggest::did_you_mean;
use crate::wire::header::class;
use crate::wire::mnemonic::{class_number, type_number};
use crate::wire::present::words::{Word, excerpt};
use crate::wire::present::{MAX_TTL, seconds};

use super::Problem;

/// Types that a wrong one may have been meant to be.
const USUAL_TYPES: [&str; 18] = [
    "A", "AAAA", "CAA", "CNAME", "DNAME", "DS", "HINFO", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV",
    "SSHFP", "TLSA", "TXT",
];

/// TTL and type of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// As it is written, in seconds; `None`: it is not.
    pub(super) ttl: Option<u32>,
    pub(super) rtype: u16,
    /// How many words it takes.
    pub(super) words: usize,
}

/// Reads TTL and class, each of which may be left out and which stand in any order, and the type.
pub(super) fn read(words: &[Word<'_>]) -> Result<Head, Problem> {
    let text =
        |at: usize| words.get(at).filter(|word| !word.quoted).and_then(|word| std::str::from_utf8(word.text).ok());
    let (mut at, mut class_seen, mut ttl) = (0, false, None);
    while let Some(word) = text(at) {
        if !class_seen && let Some(number) = class_number(word) {
            check_class(number, word)?;
            class_seen = true;
        } else if ttl.is_none()
            && let Some(seconds) = seconds(word)
        {
            ttl = Some(seconds);
        } else {
            break;
        }
        at += 1;
    }
    let Some(word) = words.get(at) else {
        return Err(Problem::new("unexpected end of line", "a record is: NAME [TTL] [CLASS] TYPE DATA"));
    };
    match text(at).and_then(type_number) {
        Some(rtype) => Ok(Head { ttl, rtype, words: at + 1 }),
        None => {
            let shown = excerpt(word.text);
            let hint = did_you_mean(&shown, USUAL_TYPES)
                .unwrap_or_else(|| "a record is: NAME [TTL] [CLASS] TYPE DATA".to_owned());
            Err(Problem::new(format!("unknown RR type '{shown}'"), hint))
        }
    }
}

fn check_class(number: u16, word: &str) -> Result<(), Problem> {
    if number == class::IN {
        return Ok(());
    }
    Err(Problem::new(format!("class '{word}' != zone class 'IN'"), "zones here are of class IN"))
}

/// The TTL of records that have none, as BIND finds it (`$TTL`, else the last that was written, else SOA's MINIMUM).
#[derive(Debug)]
pub(super) struct Ttls {
    /// Of `$TTL` or the configuration, or taken from the SOA.
    default: Option<u32>,
    /// The last one that a record had.
    last: Option<u32>,
    is_warned: bool,
}

/// What there is to say about a TTL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Nothing.
    Plain(u32),
    /// Something that should be known.
    Warned(u32, Problem),
    /// There is none; told once, since all that follow lack it too.
    Missing(Problem),
}

impl Ttls {
    pub(super) fn new(default: Option<u32>) -> Self {
        Self { default, last: None, is_warned: false }
    }

    /// `$TTL`.
    pub(super) fn set_default(&mut self, seconds: u32) {
        self.default = Some(seconds);
    }

    /// The TTL of a record of this type and data.
    pub(super) fn settle(&mut self, written: Option<u32>, rtype: u16, rdata: &[u8]) -> Settled {
        if let Some(ttl) = written {
            self.last = Some(ttl);
            return Settled::Plain(ttl);
        }
        if let Some(ttl) = self.default {
            return Settled::Plain(ttl);
        }
        if let Some(ttl) = self.last {
            if std::mem::replace(&mut self.is_warned, true) {
                return Settled::Plain(ttl);
            }
            let hint = "the TTL of the record before; write $TTL";
            return Settled::Warned(ttl, Problem::new("using RFC1035 TTL semantics", hint));
        }
        if let (6, Some(&minimum)) = (rtype, rdata.last_chunk::<4>()) {
            let ttl = limit(u32::from_be_bytes(minimum)).unwrap_or(0);
            self.default = Some(ttl);
            let message = "no TTL specified; using SOA MINTTL instead";
            return Settled::Warned(ttl, Problem::new(message, "write $TTL before the first record"));
        }
        self.default = Some(0);
        Settled::Missing(Problem::new("no TTL specified", "write $TTL before the first record, as in $TTL 1h"))
    }
}

/// A TTL in its bound (RFC 2181 §8); `None`: it is beyond.
pub(super) fn limit(ttl: u32) -> Option<u32> {
    Some(ttl).filter(|&ttl| ttl <= MAX_TTL)
}

/// What is said about a TTL beyond its bound.
pub(super) fn beyond(ttl: u32) -> Problem {
    Problem::new(format!("TTL {ttl} > MAXTTL, setting TTL to 0"), format!("{MAX_TTL} is the longest"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::present::words::split;

    fn head(text: &str) -> Result<(Option<u32>, u16, usize), String> {
        let mut words = Vec::new();
        split(text.as_bytes(), &mut words).expect("words");
        read(&words).map(|head| (head.ttl, head.rtype, head.words)).map_err(|problem| problem.message)
    }

    #[test]
    fn ttl_and_class_stand_in_any_order() {
        for (text, expected) in [
            ("A 10.0.0.1", Ok((None, 1, 1))),
            ("IN A 10.0.0.1", Ok((None, 1, 2))),
            ("in 1h a 10.0.0.1", Ok((Some(3600), 1, 3))),
            ("300 CLASS1 AAAA ::1", Ok((Some(300), 28, 3))),
            ("5 TYPE65280 \\# 0", Ok((Some(5), 65_280, 2))),
            ("IN IN 10.0.0.1", Err("unknown RR type 'IN'".to_owned())),
            ("5 5 A 10.0.0.1", Err("unknown RR type '5'".to_owned())),
            ("\"A\" 10.0.0.1", Err("unknown RR type 'A'".to_owned())),
            ("CH TXT x", Err("class 'CH' != zone class 'IN'".to_owned())),
            ("5 IN", Err("unexpected end of line".to_owned())),
            ("", Err("unexpected end of line".to_owned())),
        ] {
            assert_eq!(head(text), expected, "{text}");
        }
    }

    #[test]
    fn ttls_are_found_as_bind_does() {
        let soa = [0, 0, 0, 0, 0, 60];
        let plain = |settled| match settled {
            Settled::Plain(ttl) => (ttl, ""),
            Settled::Warned(ttl, problem) => (ttl, if problem.message.contains("MINTTL") { "MINTTL" } else { "1035" }),
            Settled::Missing(_) => (0, "missing"),
        };
        let mut ttls = Ttls::new(None);
        assert_eq!(plain(ttls.settle(None, 1, &[])), (0, "missing"));
        assert_eq!(plain(ttls.settle(None, 1, &[])), (0, ""), "told once");
        let mut ttls = Ttls::new(None);
        assert_eq!(plain(ttls.settle(None, 6, &soa)), (60, "MINTTL"));
        assert_eq!(plain(ttls.settle(Some(5), 1, &[])), (5, ""));
        assert_eq!(plain(ttls.settle(None, 1, &[])), (60, ""), "the SOA's stays the default");
        let mut ttls = Ttls::new(None);
        assert_eq!(plain(ttls.settle(Some(5), 6, &soa)), (5, ""));
        assert_eq!(plain(ttls.settle(None, 1, &[])), (5, "1035"));
        assert_eq!(plain(ttls.settle(None, 1, &[])), (5, ""), "warned once");
        ttls.set_default(7);
        assert_eq!(plain(ttls.settle(None, 1, &[])), (7, ""));
        let mut ttls = Ttls::new(Some(300));
        assert_eq!(plain(ttls.settle(None, 6, &soa)), (300, ""), "the configuration's counts as $TTL");
    }
}
