//! Walking the syntax tree: positions, diagnostics, and single values with their bounds.
//!
//! Every function that finds a fault reports it and goes on with `None`, so that one run shows all faults.
//! Not here: which keys there are ([`super::keys`]) and what they set.

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::super::values::{self, ValueError, excerpt};
use super::super::{Diagnostic, Identity, Level, Position, suggest};
use super::keys::Place;

/// A value with the octets it stands at.
pub(super) type Item<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// The text being read and what was found wrong with it.
pub(super) struct Reader<'i> {
    text: &'i str,
    file: Arc<str>,
    /// Offsets at which lines start, ascending.
    line_starts: Vec<usize>,
    /// In the order they were found.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A table whose keys are known.
#[derive(Clone)]
pub(super) struct Table<'a, 'i> {
    /// Which keys may stand in it.
    pub(super) place: Place,
    entries: &'a DeTable<'i>,
    /// Its header, or the whole of an inline table.
    pub(super) span: Range<usize>,
}

/// A key that is there, and its value.
#[derive(Clone, Copy)]
pub(super) struct Field<'a, 'i> {
    /// For messages.
    pub(super) key: &'a str,
    /// What stands behind its `=`.
    pub(super) value: Item<'a, 'i>,
}

impl<'a, 'i> Table<'a, 'i> {
    /// The field of a key, if it is written.
    pub(super) fn field(&self, key: &'static str) -> Option<Field<'a, 'i>> {
        debug_assert!(self.place.knows(key), "{key} has no row for {:?}", self.place);
        self.entries.get(key).map(|value| Field { key, value })
    }

    /// Whether a key is written.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.field(key).is_some()
    }
}

impl<'i> Reader<'i> {
    pub(super) fn new(text: &'i str, file: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, file: file.into(), line_starts, diagnostics: Vec::new() }
    }

    /// The line that an octet of the text stands in.
    pub(super) fn position(&self, span: &Range<usize>) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= span.start);
        let start = line.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied().unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { file: Arc::clone(&self.file), line: number(line), column: number(span.start - start + 1) }
    }

    /// The text itself between two offsets; empty if they are not of this text.
    pub(super) fn source(&self, span: &Range<usize>) -> &'i str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    pub(super) fn error(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.report(Level::Error, span, message.into(), hint);
    }

    pub(super) fn warn(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.report(Level::Warning, span, message.into(), hint);
    }

    fn report(&mut self, level: Level, span: &Range<usize>, message: String, hint: Option<String>) {
        let position = Some(self.position(span));
        self.diagnostics.push(Diagnostic { position, level, message, hint, topic: None });
    }

    /// `key: … expected near '…'`, with an example of what would be right.
    pub(super) fn expected(&mut self, field: Field<'_, '_>, what: &str, example: &str) {
        let found = self.source(&field.value.span()).lines().next().unwrap_or_default();
        let message = format!("{}: {what} expected near '{}'", field.key, excerpt(found));
        self.error(&field.value.span(), message, Some(format!("write {} = {example}", field.key)));
    }

    /// A [`ValueError`], as `key: …`.
    pub(super) fn wrong(&mut self, field: Field<'_, '_>, error: &ValueError) {
        self.error(&field.value.span(), format!("{}: {error}", field.key), Some(error.hint()));
    }

    fn out_of_range(&mut self, field: Field<'_, '_>, bounds: &str, hint: Option<String>) {
        let found = excerpt(self.source(&field.value.span()).trim_matches(['"', '\'']));
        let message = format!("{} '{found}' is out of range ({bounds})", field.key);
        self.error(&field.value.span(), message, hint);
    }

    /// A table with known keys; unknown ones are reported.
    pub(super) fn table<'a>(&mut self, place: Place, field: Field<'a, 'i>) -> Option<Table<'a, 'i>> {
        let DeValue::Table(entries) = field.value.get_ref() else {
            let name = field.key;
            let found = excerpt(self.source(&field.value.span()).lines().next().unwrap_or_default());
            let hint = format!("write {}", place.location().trim_start_matches("in "));
            self.error(&field.value.span(), format!("{name}: table expected near '{found}'"), Some(hint));
            return None;
        };
        Some(self.known_table(place, entries, field.value.span()))
    }

    /// As [`Self::table`], of entries that are known to be a table.
    pub(super) fn known_table<'a>(
        &mut self,
        place: Place,
        entries: &'a DeTable<'i>,
        span: Range<usize>,
    ) -> Table<'a, 'i> {
        for key in entries.keys().filter(|key| !place.knows(key.get_ref())) {
            let message = format!("unknown option '{}' {}", excerpt(key.get_ref()), place.location());
            self.error(&key.span(), message, place.hint(key.get_ref()));
        }
        Table { place, entries, span }
    }

    /// The elements of an array of tables: `[[name]]`.
    pub(super) fn tables<'a>(&mut self, place: Place, field: Option<Field<'a, 'i>>) -> Vec<Table<'a, 'i>> {
        let Some(field) = field else { return Vec::new() };
        let DeValue::Array(array) = field.value.get_ref() else {
            let message = format!("{}: array of tables expected", field.key);
            self.error(&field.value.span(), message, Some(format!("write [[{}]] for each", field.key)));
            return Vec::new();
        };
        array.iter().filter_map(|value| self.table(place, Field { key: field.key, value })).collect()
    }

    /// A table whose keys the operator chooses: each key with its offsets and its field, in the order of the text.
    pub(super) fn free_table<'a>(
        &mut self,
        field: Option<Field<'a, 'i>>,
        example: &str,
    ) -> Vec<(Range<usize>, Field<'a, 'i>)> {
        let Some(field) = field else { return Vec::new() };
        let DeValue::Table(entries) = field.value.get_ref() else {
            let message = format!("{}: table expected", field.key);
            self.error(&field.value.span(), message, Some(format!("write {example}")));
            return Vec::new();
        };
        let mut fields: Vec<_> =
            entries.iter().map(|(key, value)| (key.span(), Field { key: key.get_ref(), value })).collect();
        fields.sort_by_key(|(span, _)| span.start);
        fields
    }

    /// The elements of an array; a single value stands for an array of one.
    pub(super) fn elements<'a>(&self, field: Field<'a, 'i>) -> Vec<Field<'a, 'i>> {
        match field.value.get_ref() {
            DeValue::Array(array) => array.iter().map(|value| Field { key: field.key, value }).collect(),
            _ => vec![field],
        }
    }

    /// Sets `target` if the key is written and right.
    pub(super) fn set<'a, T>(
        &mut self,
        table: &Table<'a, 'i>,
        key: &'static str,
        target: &mut T,
        read: impl FnOnce(&mut Self, Field<'a, 'i>) -> Option<T>,
    ) {
        if let Some(value) = table.field(key).and_then(|field| read(self, field)) {
            *target = value;
        }
    }

    pub(super) fn boolean(&mut self, field: Field<'_, 'i>) -> Option<bool> {
        let value = field.value.get_ref().as_bool();
        if value.is_none() {
            self.expected(field, "boolean", "true");
        }
        value
    }

    /// A string that is not empty.
    pub(super) fn string<'a>(&mut self, field: Field<'a, 'i>, example: &str) -> Option<&'a str> {
        let value = field.value.get_ref().as_str().filter(|text| !text.is_empty());
        if value.is_none() {
            self.expected(field, "string", example);
        }
        value
    }

    pub(super) fn path(&mut self, field: Field<'_, 'i>) -> Option<PathBuf> {
        let text = self.string(field, "\"/var/named\"")?;
        if text.contains('\0') {
            self.error(&field.value.span(), format!("{}: a path cannot contain NUL", field.key), None);
            return None;
        }
        Some(PathBuf::from(text))
    }

    /// A number within bounds.
    pub(super) fn integer<T>(&mut self, field: Field<'_, 'i>, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<u64> + PartialOrd + std::fmt::Display,
    {
        let DeValue::Integer(number) = field.value.get_ref() else {
            self.expected(field, "integer", &bounds.start().to_string());
            return None;
        };
        let value = unsigned(number).and_then(|value| T::try_from(value).ok()).filter(|value| bounds.contains(value));
        if value.is_none() {
            self.out_of_range(field, &format!("{}..{}", bounds.start(), bounds.end()), None);
        }
        value
    }

    /// A number of seconds, or a text such as `"1w2d"` or `"500ms"`, within bounds.
    pub(super) fn duration(&mut self, field: Field<'_, 'i>, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let read = match field.value.get_ref() {
            DeValue::Integer(number) => values::duration(&unsigned(number).map_or("-".to_owned(), |s| s.to_string())),
            DeValue::String(text) => values::duration(text),
            _ => {
                self.expected(field, "duration", "\"10s\"");
                return None;
            }
        };
        match read {
            Ok(value) if bounds.contains(&value) => Some(value),
            Ok(_) => {
                // named counts its timeouts in milliseconds.
                let is_number = matches!(field.value.get_ref(), DeValue::Integer(_));
                let hint = (is_number && field.key.ends_with("_timeout"))
                    .then(|| "a number alone is seconds: milliseconds are written \"1800ms\"".to_owned());
                let bounds = format!("{}..{}", seconds(*bounds.start()), seconds(*bounds.end()));
                self.out_of_range(field, &bounds, hint);
                None
            }
            Err(_) => {
                let shown = self.source(&field.value.span()).trim_matches(['"', '\'']).to_owned();
                self.wrong(field, &ValueError::Duration(shown));
                None
            }
        }
    }

    /// A word of a closed list.
    pub(super) fn word<T: Copy>(&mut self, field: Field<'_, 'i>, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string(field, &format!("\"{}\"", words.first()?.0))?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let hint = suggest::did_you_mean(text, known.iter().copied());
            let message = format!("{}: unknown value '{}'", field.key, excerpt(text));
            self.error(&field.value.span(), message, hint.or_else(|| Some(format!("one of {}", known.join(", ")))));
        }
        found
    }

    /// A text for a CH TXT answer; `true`: the program's own, `false` or `"none"`: withheld.
    pub(super) fn identity(&mut self, field: Field<'_, 'i>) -> Option<Identity> {
        match field.value.get_ref() {
            DeValue::Boolean(true) => Some(Identity::Own),
            DeValue::Boolean(false) => Some(Identity::Withheld),
            DeValue::String(text) if text.eq_ignore_ascii_case("none") => Some(Identity::Withheld),
            DeValue::String(text) if field.key == "server_id" && text.eq_ignore_ascii_case("hostname") => {
                Some(Identity::Own)
            }
            DeValue::String(text) if text.len() <= 255 => Some(Identity::Text(text.clone().into_owned())),
            DeValue::String(_) => {
                let hint = Some("a TXT string has at most 255 octets".to_owned());
                self.error(&field.value.span(), format!("{}: text too long", field.key), hint);
                None
            }
            _ => {
                self.expected(field, "string or boolean", "\"not currently available\"");
                None
            }
        }
    }
}

/// The number, if it is not negative and fits.
pub(super) fn unsigned(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str().trim_start_matches('+'), number.radix()).ok()
}

/// A bound as an operator would write it.
fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        _ => format!("{}ms", duration.as_millis()),
    }
}
