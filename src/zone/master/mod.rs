//! Reading master files (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5) as BIND does, `$GENERATE` too.
//!
//! [`lines`] cuts, [`head`] finds TTL and type, [`crate::wire::present`] reads the data, [`generate`] multiplies; this
//! file knows owners, origins and included files. Every fault is told with `file:line` and costs its line alone.
//! Invariants: any octets end in records and diagnostics, never in a panic; depth, number and octets of included files
//! and what `$GENERATE` makes are bounded.
//! Not here: whether records make a zone ([`super::Builder`]: out of zone, SOA, CNAME and other data, TTLs that differ),
//! and I/O: files come through [`Files`].

mod fuzz;
mod generate;
mod head;
mod lines;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Record;
use super::build::{Faults, is_meta};
use crate::config::files::{Files, explain};
use crate::config::suggest::did_you_mean;
use crate::config::{Diagnostic, Level, Position};
use crate::wire::Name;
use crate::wire::mnemonic::type_name;
use crate::wire::present;
use crate::wire::present::words::{self, Word, excerpt};

pub use fuzz::fuzz_master;
use generate::Range;
use head::{Head, Settled, Ttls};
use lines::{Line, Lines};

/// Octets of the longest master file, and of one with all that it includes.
pub const MAX_OCTETS: u64 = 1 << 30;
/// Files within files within files.
const MAX_DEPTH: usize = 16;
/// Files in all, so that files that include each other twice do not multiply.
const MAX_FILES: usize = 10_000;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const DIRECTIVES: [&str; 4] = ["$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"];

/// What is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

/// Reads a master file's text: each record is handed to `each`, in order, as it is read.
///
/// `file` is its name in messages, and where the files that it includes are looked for first. Names are below `apex`
/// until an `$ORIGIN`; `default_ttl` counts as a `$TTL` before the first line. What is told: at most 100 faults and
/// warnings, faults first; the last one says how many more there are. A record that has a fault is not handed over.
pub fn read(
    file: &str,
    text: &[u8],
    apex: &Name,
    default_ttl: Option<u32>,
    files: &dyn Files,
    each: &mut dyn FnMut(Record),
) -> Vec<Diagnostic> {
    let mut reading = Reading {
        files,
        each,
        faults: Faults::default(),
        ttls: Ttls::new(default_ttl.map(|ttl| head::limit(ttl).unwrap_or(0))),
        open: vec![PathBuf::from(file)],
        files_read: 1,
        octets_left: MAX_OCTETS.saturating_sub(text.len() as u64),
    };
    let mut place = Place { file: file.into(), line: 0, origin: apex.clone(), owner: Owner::Missing };
    reading.text(text, &mut place);
    reading.faults.into_diagnostics()
}

/// Whose record an indented line is.
#[derive(Clone)]
enum Owner {
    /// No record came before.
    Missing,
    /// The last owner could not be read; its fault is told, and its records are passed over.
    Unknown,
    /// The owner of the record before.
    Is(Name),
}

/// Where reading is, and what holds there. An included file begins with a copy.
#[derive(Clone)]
struct Place {
    file: Arc<str>,
    /// `1..`
    line: u32,
    origin: Name,
    owner: Owner,
}

impl Place {
    fn position(&self) -> Option<Position> {
        Some(Position { file: Arc::clone(&self.file), line: self.line, column: 0 })
    }
}

/// A file being read, with those around it.
struct Reading<'r> {
    files: &'r dyn Files,
    each: &'r mut dyn FnMut(Record),
    faults: Faults,
    ttls: Ttls,
    /// The files around the present line, outermost first.
    open: Vec<PathBuf>,
    files_read: usize,
    /// What included files may still have.
    octets_left: u64,
}

impl Reading<'_> {
    fn text(&mut self, text: &[u8], place: &mut Place) {
        // Editors on other systems write a byte order mark, which nobody sees.
        let mut lines = Lines::new(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
        let mut words = Vec::new();
        while let Some(line) = lines.next(&mut words) {
            match line {
                Ok(line) => {
                    place.line = line.number;
                    if let Err(problem) = self.line(line, &words, place) {
                        self.error(place, problem);
                    }
                }
                Err(uncut) => {
                    place.line = uncut.number;
                    self.error(place, Problem::new(uncut.message, uncut.hint));
                }
            }
        }
    }

    fn line(&mut self, line: Line, words: &[Word<'_>], place: &mut Place) -> Result<(), Problem> {
        let mut rest = words;
        if !line.is_indented {
            let first = words[0];
            if !first.quoted && first.text.starts_with(b"$") {
                return self.directive(first.text, &words[1..], place);
            }
            place.owner = Owner::Unknown;
            place.owner = Owner::Is(read_name(first, &place.origin, "owner name")?);
            rest = &words[1..];
        }
        let owner = match &place.owner {
            Owner::Is(name) => name.clone(),
            Owner::Unknown => return Ok(()),
            Owner::Missing => {
                return Err(Problem::new(
                    "no current owner name",
                    "a line that begins with white space follows a record",
                ));
            }
        };
        let head = self.head(rest, place)?;
        let rdata = present::read(head.rtype, &rest[head.words..], &place.origin).map_err(bad_data)?;
        self.emit(owner, head, rdata, place)
    }

    /// TTL and type; the TTL in its bound.
    fn head(&mut self, words: &[Word<'_>], place: &Place) -> Result<Head, Problem> {
        let mut found = head::read(words)?;
        if is_meta(found.rtype) {
            let message = format!("no zone holds records of type {}", type_name(found.rtype));
            return Err(Problem { message, hint: None });
        }
        if let Some(ttl) = found.ttl
            && head::limit(ttl).is_none()
        {
            self.warning(place, head::beyond(ttl));
            found.ttl = Some(0);
        }
        Ok(found)
    }

    fn emit(&mut self, owner: Name, head: Head, rdata: Box<[u8]>, place: &Place) -> Result<(), Problem> {
        let ttl = match self.ttls.settle(head.ttl, head.rtype, &rdata) {
            Settled::Plain(ttl) => ttl,
            Settled::Warned(ttl, problem) => {
                self.warning(place, problem);
                ttl
            }
            Settled::Missing(problem) => return Err(problem),
        };
        (self.each)(Record { owner, rtype: head.rtype, ttl, rdata, position: place.position() });
        Ok(())
    }

    fn directive(&mut self, name: &[u8], words: &[Word<'_>], place: &mut Place) -> Result<(), Problem> {
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        match (name.as_str(), words) {
            ("$ORIGIN", [origin]) => place.origin = read_name(*origin, &place.origin, "origin")?,
            ("$TTL", [ttl]) => self.set_ttl(ttl, place)?,
            ("$INCLUDE", [file]) => self.include(file, place.clone())?,
            ("$INCLUDE", [file, origin]) => {
                let origin = read_name(*origin, &place.origin, "origin")?;
                self.include(file, Place { origin, ..place.clone() })?;
            }
            ("$GENERATE", [range, owner, rest @ ..]) => self.generate(range, owner, rest, place)?,
            ("$ORIGIN", _) => return Err(wrong_words("$ORIGIN", "NAME")),
            ("$TTL", _) => return Err(wrong_words("$TTL", "SECONDS, or a time as 1h30m")),
            ("$INCLUDE", _) => return Err(wrong_words("$INCLUDE", "FILE [ORIGIN]")),
            ("$GENERATE", _) => return Err(wrong_words("$GENERATE", GENERATE_FORM)),
            _ => {
                let shown = excerpt(name.as_bytes());
                let hint = did_you_mean(&name, DIRECTIVES);
                return Err(Problem { message: format!("unknown $ directive '{shown}'"), hint });
            }
        }
        Ok(())
    }

    fn set_ttl(&mut self, word: &Word<'_>, place: &Place) -> Result<(), Problem> {
        let ttl = std::str::from_utf8(word.text).ok().and_then(present::seconds);
        let ttl = ttl.ok_or_else(|| wrong_words("$TTL", "SECONDS, or a time as 1h30m"))?;
        if head::limit(ttl).is_none() {
            self.warning(place, head::beyond(ttl));
        }
        self.ttls.set_default(head::limit(ttl).unwrap_or(0));
        Ok(())
    }

    /// Reads another file in the place of this line.
    fn include(&mut self, word: &Word<'_>, mut place: Place) -> Result<(), Problem> {
        let name = String::from_utf8_lossy(word.text).into_owned();
        if self.open.len() > MAX_DEPTH {
            let hint = "does a file include itself?";
            return Err(Problem::new(format!("includes are nested deeper than {MAX_DEPTH}"), hint));
        }
        self.files_read += 1;
        if self.files_read > MAX_FILES {
            return Err(Problem { message: format!("more than {MAX_FILES} files are included"), hint: None });
        }
        let beside = Path::new(&*place.file).parent().map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        let (path, octets) = match self.files.read(&beside, self.octets_left) {
            Ok(octets) => (beside, octets),
            // As named has it: below its `directory`.
            Err(error) => match self.files.read(Path::new(&name), self.octets_left) {
                Ok(octets) => (PathBuf::from(&name), octets),
                Err(_) => {
                    let message = format!("open: {}: {}", beside.display(), explain(&error));
                    let hint = "it is looked for beside the file that includes it";
                    return Err(Problem::new(message, hint));
                }
            },
        };
        if self.open.contains(&path) {
            return Err(Problem { message: format!("{} includes itself", path.display()), hint: None });
        }
        self.octets_left = self.octets_left.saturating_sub(octets.len() as u64);
        place.file = path.display().to_string().into();
        self.open.push(path);
        self.text(&octets, &mut place);
        self.open.pop();
        Ok(())
    }

    /// Makes the records of a `$GENERATE`; the first that is wrong ends it.
    fn generate(
        &mut self,
        range: &Word<'_>,
        owner: &Word<'_>,
        rest: &[Word<'_>],
        place: &Place,
    ) -> Result<(), Problem> {
        let bad_range = || {
            let message = format!("$GENERATE: invalid range '{}'", excerpt(range.text));
            Problem::new(message, "write START-STOP or START-STOP/STEP, none below 0")
        };
        let numbers = Range::read(range.text).ok_or_else(bad_range)?;
        if numbers.count() > generate::MAX_RECORDS {
            let message = format!("$GENERATE: {} records", numbers.count());
            return Err(Problem::new(message, format!("{} are the most", generate::MAX_RECORDS)));
        }
        let head = self.head(rest, place)?;
        let [data] = &rest[head.words..] else {
            return Err(wrong_words("$GENERATE", GENERATE_FORM));
        };
        // What stands in quotes is read once more, so an escaped quote is a quote there.
        let data = if data.quoted { unescape_quotes(data.text) } else { data.text.to_vec() };
        for number in numbers.numbers() {
            let fill = |template: &[u8]| {
                generate::fill(template, number).map_err(|error| {
                    let message = format!("$GENERATE: {error} in '{}'", excerpt(template));
                    Problem { message, hint: None }
                })
            };
            let (filled_owner, filled) = (fill(owner.text)?, fill(&data)?);
            let filled_owner = Word { text: &filled_owner, ..*owner };
            let owner = read_name(filled_owner, &place.origin, "owner name")?;
            let mut found = Vec::new();
            words::split(&filled, &mut found).map_err(bad_data)?;
            let rdata = present::read(head.rtype, &found, &place.origin).map_err(bad_data)?;
            self.emit(owner, head, rdata, place)?;
        }
        Ok(())
    }

    fn error(&mut self, place: &Place, problem: Problem) {
        self.faults.tell(place.position(), Level::Error, problem.message, problem.hint);
    }

    fn warning(&mut self, place: &Place, problem: Problem) {
        self.faults.tell(place.position(), Level::Warning, problem.message, problem.hint);
    }
}

const GENERATE_FORM: &str = "START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA, data of several words in quotes";

fn wrong_words(directive: &str, form: &str) -> Problem {
    Problem::new(format!("{directive} has the wrong words"), format!("write {directive} {form}"))
}

fn bad_data(message: String) -> Problem {
    Problem { message, hint: None }
}

fn read_name(word: Word<'_>, origin: &Name, what: &str) -> Result<Name, Problem> {
    let bad = |error| Problem { message: format!("bad {what} '{}': {error}", excerpt(word.text)), hint: None };
    present::name(word.text, origin).map_err(bad)
}

/// `\"` is `"`; all other escapes stay.
fn unescape_quotes(text: &[u8]) -> Vec<u8> {
    let (mut rest, mut out) = (text, Vec::with_capacity(text.len()));
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind.first()) {
            (b'\\', Some(&escaped)) => {
                if escaped != b'"' {
                    out.push(octet);
                }
                out.push(escaped);
                rest = &behind[1..];
            }
            _ => out.push(octet),
        }
    }
    out
}

#[cfg(test)]
mod tests;
