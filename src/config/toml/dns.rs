//! Reading single values that are DNS's own: names, TTLs, secrets.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::values::{self, ValueError, excerpt};
use super::super::{MAX_TTL, Secret};
use super::walk::{Field, Reader};
use crate::wire::Name;
use crate::wire::name::NameError;

/// The TTLs there are.
const TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(MAX_TTL as u64);

impl<'i> Reader<'i> {
    /// Whole seconds that a record may be kept.
    pub(super) fn ttl(&mut self, field: Field<'_, 'i>) -> Option<u32> {
        let time = self.duration(field, TTL)?;
        if time.subsec_nanos() != 0 {
            let shown = self.source(&field.value.span()).trim_matches(['"', '\'']).to_owned();
            self.error(
                &field.value.span(),
                format!("{} '{}' is no whole number of seconds", field.key, excerpt(&shown)),
                Some("a TTL counts seconds".to_owned()),
            );
            return None;
        }
        u32::try_from(time.as_secs()).ok()
    }

    /// A whole domain name, with or without its last dot.
    pub(super) fn name(&mut self, field: Field<'_, 'i>, example: &str) -> Option<Name> {
        let text = self.string(field, example)?;
        self.parsed_name(field, text)
    }

    /// The name that a text is.
    pub(super) fn parsed_name(&mut self, field: Field<'_, 'i>, text: &str) -> Option<Name> {
        let wrong =
            |error: NameError| (format!("{}: '{}' is not a valid name", field.key, excerpt(text)), error.to_string());
        text.parse::<Name>()
            .map_err(wrong)
            .map_err(|(message, why)| self.error(&field.value.span(), message, Some(why)))
            .ok()
    }

    /// A name of a zone: whole, or `@` for the zone's own.
    pub(super) fn name_within(&mut self, field: Field<'_, 'i>, text: &str, apex: &Name) -> Option<Name> {
        if text == "@" {
            return Some(apex.clone());
        }
        let name = self.parsed_name(field, text)?;
        if !name.is_within(apex) {
            let whole = match text.ends_with('.') {
                true => "a name of another zone belongs there".to_owned(),
                false => format!("names are written in full: \"{text}.{apex}\""),
            };
            let message = format!("{}: '{}' is outside of zone '{apex}'", field.key, excerpt(text));
            self.error(&field.value.span(), message, Some(whole));
            return None;
        }
        Some(name)
    }

    /// What a value of base64 stands for. A wrong one is a secret too and not repeated.
    pub(super) fn secret(&mut self, field: Field<'_, 'i>) -> Option<Secret> {
        let read = field.value.get_ref().as_str().map_or(Err(ValueError::Secret), values::secret);
        read.map_err(|error| self.wrong(field, &error)).ok()
    }
}
