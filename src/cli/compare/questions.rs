//! Reading questions: `NAME TYPE` a line as dnsperf takes them, or lines of named's query log.
//!
//! Each line is one or the other by itself. A line of a log brings its own flags (RD, EDNS, TCP, DO, CD), so that what
//! clients really asked is asked again. Lines are read one by one and forgotten; one longer than [`MAX_LINE`] is none.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io::{self, BufRead, Read as _};

use hickory_proto::rr::Name;
use tokio::sync::mpsc::{Receiver, channel};

use crate::wire::mnemonic::{class_name, class_number, type_name, type_number};

/// In octets: a name has 255, each up to four characters long in text.
const MAX_LINE: u64 = 4096;

/// How many questions are remembered to be told apart.
const MAX_REMEMBERED: usize = 1_000_000;

/// Class IN.
const IN: u16 = 1;

/// One question with what goes along with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub qname: Name,
    pub qtype: u16,
    pub qclass: u16,
    /// RD.
    pub recursion: bool,
    /// CD.
    pub checking_disabled: bool,
    /// AD.
    pub authentic_data: bool,
    pub edns: bool,
    /// DO; only with `edns`.
    pub dnssec_ok: bool,
    pub tcp: bool,
}

/// What the arguments say of every question; `false` leaves it as the line has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overrides {
    pub tcp: bool,
    pub dnssec_ok: bool,
    pub checking_disabled: bool,
    pub authentic_data: bool,
    pub no_recursion: bool,
    pub no_edns: bool,
}

/// As dig's arguments, so that it can be tried by hand.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.qname, type_name(self.qtype))?;
        if self.qclass != IN {
            write!(f, " {}", class_name(self.qclass))?;
        }
        for (is_so, argument) in [
            (!self.recursion, "+norec"),
            (self.checking_disabled, "+cd"),
            (self.authentic_data, "+ad"),
            (!self.edns, "+noedns"),
            (self.dnssec_ok, "+dnssec"),
            (self.tcp, "+tcp"),
        ] {
            if is_so {
                write!(f, " {argument}")?;
            }
        }
        Ok(())
    }
}

impl Question {
    fn new(qname: &str, qclass: u16, qtype: &str) -> Option<Self> {
        let mut qname = Name::from_ascii(qname).ok()?;
        qname.set_fqdn(true);
        let qtype = type_number(qtype)?;
        Some(Self {
            qname,
            qtype,
            qclass,
            recursion: true,
            checking_disabled: false,
            authentic_data: false,
            edns: true,
            dnssec_ok: false,
            tcp: false,
        })
    }

    /// The question of a line; `None` if it is none.
    fn read(line: &str) -> Option<Self> {
        match line.split_once(" query: ") {
            Some((_, logged)) => Self::read_logged(logged),
            None => {
                let mut words = line.split_whitespace();
                Self::new(words.next()?, IN, words.next().unwrap_or("A"))
            }
        }
    }

    /// `NAME CLASS TYPE FLAGS (ADDRESS)`.
    fn read_logged(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (qname, qclass) = (words.next()?, class_number(words.next()?)?);
        let question = Self::new(qname, qclass, words.next()?)?;
        let flags = words.next()?;
        let is_flags = flags.starts_with(['+', '-']);
        let edns = flags.contains('E');
        is_flags.then(|| Self {
            recursion: flags.starts_with('+'),
            checking_disabled: flags.contains('C'),
            dnssec_ok: edns && flags.contains('D'),
            tcp: flags.contains('T'),
            edns,
            ..question
        })
    }

    fn with(mut self, overrides: Overrides) -> Self {
        self.tcp |= overrides.tcp;
        self.checking_disabled |= overrides.checking_disabled;
        self.authentic_data |= overrides.authentic_data;
        self.recursion &= !overrides.no_recursion;
        self.edns &= !overrides.no_edns;
        self.dnssec_ok = (self.dnssec_ok || overrides.dnssec_ok) && self.edns;
        self
    }
}

/// What reading came to next.
#[derive(Debug)]
pub(super) enum Read {
    Question(Question),
    /// The end: so many lines were no question, so many questions were left out.
    End {
        unread_lines: u64,
        repeated: u64,
    },
    Failed(io::Error),
}

/// Hands out the questions of a text, one after the other.
pub(super) struct Questions {
    text: Box<dyn BufRead + Send>,
    overrides: Overrides,
    /// The hashes of those before, where each shall be asked once.
    seen: Option<HashSet<u64>>,
    hasher: RandomState,
    /// Lines that were no question: neither empty nor a comment.
    unread_lines: u64,
    /// Questions that were left out, having been asked before.
    repeated: u64,
}

impl Questions {
    pub(super) fn new(text: Box<dyn BufRead + Send>, overrides: Overrides, distinct: bool) -> Self {
        let (seen, hasher) = (distinct.then(HashSet::new), RandomState::new());
        Self { text, overrides, seen, hasher, unread_lines: 0, repeated: 0 }
    }

    /// Hands all out by a thread of its own, since reading may wait (for a pipe). It ends when nobody takes them.
    pub(super) fn hand_out(mut self) -> io::Result<Receiver<Read>> {
        /// So many are read ahead.
        const AHEAD: usize = 64;
        let (sender, receiver) = channel(AHEAD);
        std::thread::Builder::new()
            .name("questions".to_owned())
            .spawn(move || while sender.blocking_send(self.read()).is_ok() {})?;
        Ok(receiver)
    }

    fn read(&mut self) -> Read {
        match self.next() {
            Ok(Some(question)) => Read::Question(question),
            Ok(None) => Read::End { unread_lines: self.unread_lines, repeated: self.repeated },
            Err(error) => Read::Failed(error),
        }
    }

    /// The next question; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Question>> {
        let mut line = Vec::new();
        while self.read_line(&mut line)? {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let Some(question) = Question::read(text) else {
                self.unread_lines += 1;
                continue;
            };
            let question = question.with(self.overrides);
            if self.is_new(&question) {
                return Ok(Some(question));
            }
            self.repeated += 1;
        }
        Ok(None)
    }

    /// Whether there was another line, whole or cut at [`MAX_LINE`].
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let length = (&mut self.text).take(MAX_LINE).read_until(b'\n', line)?;
        if length as u64 == MAX_LINE && !line.ends_with(b"\n") {
            // The rest belongs to no other line. An octet that no name can hold keeps the line from being a question.
            self.text.skip_until(b'\n')?;
            line.splice(.., *b"?");
        }
        Ok(length > 0)
    }

    fn is_new(&mut self, question: &Question) -> bool {
        let Some(seen) = &mut self.seen else { return true };
        let hash = self.hasher.hash_one(question);
        // Past the bound questions may be asked again, but memory does not grow.
        if seen.len() >= MAX_REMEMBERED { !seen.contains(&hash) } else { seen.insert(hash) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, overrides: Overrides, distinct: bool) -> (Vec<String>, u64, u64) {
        let mut questions = Questions::new(Box::new(io::Cursor::new(text.to_owned())), overrides, distinct);
        let mut shown = Vec::new();
        while let Some(question) = questions.next().unwrap() {
            shown.push(question.to_string());
        }
        (shown, questions.unread_lines, questions.repeated)
    }

    #[test]
    fn a_line_is_a_question_of_dnsperf_or_of_named_s_log() {
        const LOG: &str = "21-Nov-2026 00:53:04.849 queries: info: client @0x7f 127.0.0.1#42631 (foo.example): query:";
        for (line, expected) in [
            ("www.example.com A", Some("www.example.com. A")),
            ("www.example.com. aaaa", Some("www.example.com. AAAA")),
            ("  _ldap._tcp.corp.example\tSRV  ", Some("_ldap._tcp.corp.example. SRV")),
            ("www.example.com", Some("www.example.com. A")),
            (". NS", Some(". NS")),
            ("a.example TYPE65280", Some("a.example. TYPE65280")),
            ("a\\.b.example A", Some("a\\.b.example. A")),
            ("a.example NONSENSE", None),
            ("a..example A", None),
            (&format!("{LOG} foo.example IN A + (127.0.0.1)"), Some("foo.example. A +noedns")),
            (&format!("{LOG} foo.example IN MX -E(0)TDC (127.0.0.1)"), Some("foo.example. MX +norec +cd +dnssec +tcp")),
            (&format!("{LOG} foo.example IN A +E(0)K (127.0.0.1)"), Some("foo.example. A")),
            (&format!("{LOG} version.bind CH TXT + (127.0.0.1)"), Some("version.bind. TXT CH +noedns")),
            (&format!("{LOG} foo.example IN"), None),
            (&format!("{LOG} foo.example XX A +"), None),
        ] {
            let (shown, unread, _) = all(line, Overrides::default(), false);
            assert_eq!(shown.first().map(String::as_str), expected, "{line}");
            assert_eq!(unread, u64::from(expected.is_none()), "{line}");
        }
    }

    #[test]
    fn empty_lines_and_comments_are_passed_over_and_repeated_questions_if_wanted() {
        let text = "# comment\n\n; comment\na.example A\nA.example a\r\na.example AAAA\na.example A\nlast.example A";
        let (shown, unread, repeated) = all(text, Overrides::default(), true);
        assert_eq!(shown, ["a.example. A", "a.example. AAAA", "last.example. A"]);
        assert_eq!((unread, repeated), (0, 2));
        assert_eq!(all(text, Overrides::default(), false).0.len(), 5);
    }

    #[test]
    fn arguments_win_over_lines() {
        let overrides = Overrides { tcp: true, dnssec_ok: true, no_recursion: true, ..Overrides::default() };
        assert_eq!(all("a.example A", overrides, false).0, ["a.example. A +norec +dnssec +tcp"]);
        let overrides = Overrides { no_edns: true, checking_disabled: true, ..Overrides::default() };
        let line = "x: query: a.example IN A +E(0)D (::1)";
        assert_eq!(all(line, overrides, false).0, ["a.example. A +cd +noedns"]);
    }

    #[test]
    fn a_line_without_end_costs_no_memory_and_no_other_line() {
        let text = format!("{}\nb.example A\n", "a.example A ".repeat(100_000));
        assert_eq!(all(&text, Overrides::default(), false), (vec!["b.example. A".to_owned()], 1, 0));
    }
}
