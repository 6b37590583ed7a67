//! Our words as `domain`'s readers of RDATA want them, and the same for our own readers.
//!
//! A name, a number or a keyword in quotes is refused, as BIND does. Octets above 126 are taken as they are where a
//! text or a name may have them.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use domain::base::charstr::CharStr;
use domain::base::name::Name as ScannedName;
use domain::base::scan::{ConvertSymbols, EntrySymbol, Scanner, ScannerError, Symbol};
use domain::dep::octseq::str::Str;

use super::units::seconds;
use super::words::{Word, unescape};
use crate::wire::Name;
use crate::wire::name::push_text;

/// What is wrong with RDATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(Cow<'static, str>);

impl Fault {
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Fault {}

impl ScannerError for Fault {
    fn custom(message: &'static str) -> Self {
        Self::new(message)
    }

    fn end_of_entry() -> Self {
        Self::new("something is missing at the end")
    }

    fn short_buf() -> Self {
        Self::new("too long")
    }

    fn trailing_tokens() -> Self {
        Self::new("too much")
    }
}

/// The words of one record's RDATA, read from the left.
pub(super) struct Scan<'w> {
    words: &'w [Word<'w>],
    /// The next one. `0 <= at <= words.len()`
    at: usize,
    /// The one that was taken last.
    taken: Option<usize>,
    /// Where the type has the number of a DNSSEC algorithm, which may be written as its name.
    algorithm_at: Option<usize>,
    origin: &'w Name,
}

impl<'w> Scan<'w> {
    pub(super) fn new(words: &'w [Word<'w>], origin: &'w Name) -> Self {
        Self { words, at: 0, taken: None, algorithm_at: None, origin }
    }

    /// From now on an algorithm may have its name at this word.
    pub(super) fn expect_algorithm(&mut self, at: Option<usize>) {
        self.algorithm_at = at;
    }

    /// The word that the last fault is about, as far as it is about one.
    pub(super) fn at_fault(&self) -> Option<&'w [u8]> {
        self.taken.and_then(|at| self.words.get(at)).map(|word| word.text)
    }

    /// Nothing may be left over.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        if self.at == self.words.len() {
            return Ok(());
        }
        self.taken = Some(self.at);
        Err(Fault::new("too much"))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.words.len()
    }

    /// The next word.
    pub(super) fn word(&mut self) -> Result<Word<'w>, Fault> {
        let Some(&word) = self.words.get(self.at) else {
            self.taken = None;
            return Err(Fault::end_of_entry());
        };
        self.taken = Some(self.at);
        self.at += 1;
        Ok(word)
    }

    /// The next word if nothing stands between it and the last one.
    pub(super) fn glued_word(&mut self) -> Option<Word<'w>> {
        let word = *self.words.get(self.at).filter(|word| word.glued)?;
        self.at += 1;
        Some(word)
    }

    /// The next word, which may not stand in quotes.
    pub(super) fn bare(&mut self) -> Result<&'w [u8], Fault> {
        let word = self.word()?;
        if word.quoted { Err(Fault::new("quotes where none belong")) } else { Ok(word.text) }
    }

    /// As [`Self::bare`], of ASCII.
    pub(super) fn bare_text(&mut self) -> Result<&'w str, Fault> {
        let text = self.bare()?;
        std::str::from_utf8(text).ok().filter(|text| text.is_ascii()).ok_or(Fault::new("not ASCII"))
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self) -> Result<N, Fault> {
        let text = self.bare_text()?;
        let number = text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok());
        number.flatten().ok_or(Fault::new("no number in its bounds"))
    }

    pub(super) fn seconds(&mut self) -> Result<u32, Fault> {
        seconds(self.bare_text()?).ok_or(Fault::new("no time (write seconds, or 1h30m)"))
    }

    pub(super) fn address<A>(&mut self, read: impl FnOnce(&str) -> Option<A>) -> Result<A, Fault> {
        read(self.bare_text()?).ok_or(Fault::new("no address of this kind"))
    }

    /// Appends the next word, a name, in its wire form.
    pub(super) fn name_into(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        push_text(self.bare()?, self.origin, out).map_err(|error| Fault::new(error.to_string()))
    }

    /// The next word without its escapes.
    pub(super) fn octets(&mut self) -> Result<Vec<u8>, Fault> {
        unescaped(self.word()?.text)
    }

    /// Appends the next word as a character-string.
    pub(super) fn text_into(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let octets = self.octets()?;
        out.push(u8::try_from(octets.len()).map_err(|_| Fault::new("a text longer than 255 octets"))?);
        out.extend(octets);
        Ok(())
    }
}

/// The number of a DNSSEC algorithm's name (RFC 4034 appendix A.1, BIND's names).
pub(super) fn algorithm_number(name: &str) -> Option<u8> {
    const NAMES: [(&str, u8); 18] = [
        ("RSAMD5", 1),
        ("DH", 2),
        ("DSA", 3),
        ("RSASHA1", 5),
        ("NSEC3DSA", 6),
        ("DSA-NSEC3-SHA1", 6),
        ("NSEC3RSASHA1", 7),
        ("RSASHA1-NSEC3-SHA1", 7),
        ("RSASHA256", 8),
        ("RSASHA512", 10),
        ("ECCGOST", 12),
        ("ECDSAP256SHA256", 13),
        ("ECDSAP384SHA384", 14),
        ("ED25519", 15),
        ("ED448", 16),
        ("INDIRECT", 252),
        ("PRIVATEDNS", 253),
        ("PRIVATEOID", 254),
    ];
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, number)| number)
}

/// Octets without their escapes.
pub(super) fn unescaped(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::with_capacity(text.len());
    for symbol in symbols(text) {
        octets.push(match symbol? {
            Symbol::Char(plain) => plain as u8,
            Symbol::SimpleEscape(octet) | Symbol::DecimalEscape(octet) => octet,
        });
    }
    Ok(octets)
}

/// The characters of a word; one that is no ASCII stands for its octet.
fn symbols(text: &[u8]) -> impl Iterator<Item = Result<Symbol, Fault>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&octet, behind) = rest.split_first()?;
        rest = behind;
        if octet != b'\\' {
            return Some(Ok(Symbol::Char(char::from(octet))));
        }
        let Some((octet, length)) = unescape(behind) else {
            rest = &[];
            return Some(Err(Fault::new("bad escape (write \\DDD with DDD up to 255, or \\ and a character)")));
        };
        rest = &behind[length..];
        Some(Ok(if length == 3 { Symbol::DecimalEscape(octet) } else { Symbol::SimpleEscape(octet) }))
    })
}

impl Scanner for Scan<'_> {
    type Octets = Vec<u8>;
    type OctetsBuilder = Vec<u8>;
    type Name = ScannedName<Vec<u8>>;
    type Error = Fault;

    fn has_space(&self) -> bool {
        self.words.get(self.at).is_some_and(|word| !word.glued)
    }

    fn continues(&mut self) -> bool {
        !self.is_at_end()
    }

    fn scan_symbols<F>(&mut self, mut op: F) -> Result<(), Fault>
    where
        F: FnMut(Symbol) -> Result<(), Fault>,
    {
        let text = self.bare()?;
        symbols(text).try_for_each(|symbol| op(symbol?))
    }

    fn scan_entry_symbols<F>(&mut self, mut op: F) -> Result<(), Fault>
    where
        F: FnMut(EntrySymbol) -> Result<(), Fault>,
    {
        while self.continues() {
            self.scan_symbols(|symbol| op(symbol.into()))?;
            op(EntrySymbol::EndOfToken)?;
        }
        Ok(())
    }

    fn convert_token<C: ConvertSymbols<Symbol, Fault>>(&mut self, mut convert: C) -> Result<Vec<u8>, Fault> {
        let mut octets = Vec::new();
        for symbol in symbols(self.bare()?) {
            octets.extend(convert.process_symbol(symbol?)?.unwrap_or_default());
        }
        octets.extend(convert.process_tail()?.unwrap_or_default());
        Ok(octets)
    }

    fn convert_entry<C: ConvertSymbols<EntrySymbol, Fault>>(&mut self, mut convert: C) -> Result<Vec<u8>, Fault> {
        let mut octets = Vec::new();
        while self.continues() {
            for symbol in symbols(self.bare()?) {
                octets.extend(convert.process_symbol(symbol?.into())?.unwrap_or_default());
            }
        }
        octets.extend(convert.process_tail()?.unwrap_or_default());
        Ok(octets)
    }

    fn scan_octets(&mut self) -> Result<Vec<u8>, Fault> {
        self.octets()
    }

    fn scan_ascii_str<F, T>(&mut self, op: F) -> Result<T, Fault>
    where
        F: FnOnce(&str) -> Result<T, Fault>,
    {
        let text = self.bare_text()?;
        match algorithm_number(text).filter(|_| self.algorithm_at.is_some() && self.taken == self.algorithm_at) {
            Some(number) => op(&number.to_string()),
            None => op(text),
        }
    }

    fn scan_name(&mut self) -> Result<Self::Name, Fault> {
        let mut octets = Vec::new();
        self.name_into(&mut octets)?;
        ScannedName::from_octets(octets).map_err(|_| Fault::new("no name"))
    }

    fn scan_charstr(&mut self) -> Result<CharStr<Vec<u8>>, Fault> {
        CharStr::from_octets(self.octets()?).map_err(|_| Fault::new("a text longer than 255 octets"))
    }

    fn scan_string(&mut self) -> Result<Str<Vec<u8>>, Fault> {
        Str::from_utf8(self.octets()?).map_err(|_| Fault::new("no UTF-8"))
    }

    fn scan_charstr_entry(&mut self) -> Result<Vec<u8>, Fault> {
        let mut octets = Vec::new();
        while self.continues() {
            self.text_into(&mut octets)?;
        }
        if octets.is_empty() { Err(self.word().err().unwrap_or_else(Fault::end_of_entry)) } else { Ok(octets) }
    }

    fn scan_opt_unknown_marker(&mut self) -> Result<bool, Fault> {
        // That form was looked for before any type's own reader is called.
        Ok(false)
    }

    fn octets_builder(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(Vec::new())
    }
}
