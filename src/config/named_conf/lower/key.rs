//! From `key` statements to the server's keys.
//!
//! Those of a view are known there alone. As in named, a name is one key for the server and a view, and another view may
//! have another of that name.

use std::collections::HashMap;

use super::Context;
use super::class::views_of_in;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::{self, excerpt};
use crate::config::{Key, Position, Secret, suggest};
use crate::tsig::Algorithm;
use crate::wire::Name;

/// The names of all keys, those of wrong ones too: whoever names them is not wrong.
#[derive(Default)]
pub(super) struct KeyNames {
    /// In the order of the text.
    names: Vec<Name>,
    known: HashMap<Name, Vec<Known>>,
}

/// A key of a name.
struct Known {
    view: Option<String>,
    /// `None`: the key is wrong, and left out.
    position: Option<Position>,
}

/// Why a list that names a key does not match by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Nowhere,
    OfAnotherView,
}

impl KeyNames {
    fn add(&mut self, name: &Name, known: Known) {
        let all = self.known.entry(name.clone()).or_default();
        if all.is_empty() {
            self.names.push(name.clone());
        }
        all.push(known);
    }

    fn of(&self, name: &Name) -> &[Known] {
        self.known.get(name).map_or(&[], Vec::as_slice)
    }

    /// Where a right key stands that a view cannot have a second time.
    fn first(&self, name: &Name, view: Option<&str>) -> Option<&Position> {
        let mut taken = self.of(name).iter().filter(|key| key.view.is_none() || key.view.as_deref() == view);
        taken.find_map(|key| key.position.as_ref())
    }

    /// `None`: the key is known to lists of this view, or of the top level.
    pub(super) fn why_unknown(&self, name: &Name, view: Option<&str>) -> Option<Unknown> {
        match self.of(name) {
            [] => Some(Unknown::Nowhere),
            all if all.iter().any(|key| key.view.is_none() || key.view.as_deref() == view) => None,
            _ => Some(Unknown::OfAnotherView),
        }
    }

    /// Whether the server itself has it; of wrong ones that is not asked.
    pub(super) fn is_of_server(&self, name: &Name) -> bool {
        let mut right = self.of(name).iter().filter(|key| key.position.is_some()).peekable();
        !self.of(name).is_empty() && (right.peek().is_none() || right.any(|key| key.view.is_none()))
    }

    /// What may have been meant.
    pub(super) fn did_you_mean(&self, written: &str) -> Option<String> {
        let names: Vec<_> = self.names.iter().map(Name::to_string).collect();
        suggest::did_you_mean(written, names.iter().map(String::as_str))
    }
}

impl<'a> Context<'a> {
    pub(super) fn define_keys(&mut self, top: &'a Body) {
        let of_views = views_of_in(top).map(|(name, body)| (Some(name), body));
        for (view, body) in std::iter::once((None, top)).chain(of_views) {
            for setting in body.all("key") {
                self.define_key(view, setting);
            }
        }
    }

    fn define_key(&mut self, view: Option<&str>, setting: &Setting) {
        let Value::Named { name: written, body, .. } = &setting.value else { return };
        let Ok(name) = written.parse() else {
            return self.report.error(&setting.position, format!("key '{written}': bad key name"));
        };
        if let Some(first) = self.acls.keys.first(&name, view) {
            let message = format!("key '{written}': already exists previous definition: {first}");
            return self.report.error(&setting.position, message);
        }
        let (Some(algorithm), Some(secret)) = (body.find("algorithm"), body.find("secret")) else {
            let message = format!("key '{written}' must have both 'secret' and 'algorithm' defined");
            return self.report.error(&setting.position, message);
        };
        let (algorithm, secret) = (self.algorithm(algorithm), self.secret(secret));
        let right = algorithm.zip(secret);
        let view = view.map(str::to_owned);
        let position = right.is_some().then(|| setting.position.clone());
        self.acls.keys.add(&name, Known { view: view.clone(), position: position.clone() });
        let Some((algorithm, secret)) = right else { return };
        self.keys.push(Key { name, view, algorithm, secret, position });
    }

    fn algorithm(&mut self, setting: &Setting) -> Option<Algorithm> {
        let Value::Text(text) = &setting.value else { return None };
        let at = &setting.value_position;
        if let Some(algorithm) = Algorithm::by_name(text) {
            return Some(algorithm);
        }
        let (message, hint) = match is_cut(text) {
            true => (format!("algorithm '{}' is refused: MACs are not cut short", excerpt(text)), None),
            false => {
                let words = Algorithm::ALL.into_iter().map(Algorithm::name);
                (format!("unknown algorithm '{}'", excerpt(text)), suggest::did_you_mean(text, words))
            }
        };
        let hint = hint.unwrap_or_else(|| {
            "hmac-sha256, hmac-sha384 or hmac-sha512; for old clients hmac-sha224, hmac-sha1 or hmac-md5".to_owned()
        });
        self.report.problem(Problem::new(at.clone(), message).with_hint(hint));
        None
    }

    fn secret(&mut self, setting: &Setting) -> Option<Secret> {
        let Value::Text(text) = &setting.value else { return None };
        match values::secret(text) {
            Ok(secret) => Some(secret),
            Err(error) => {
                let problem = Problem::new(setting.value_position.clone(), format!("bad secret '{error}'"));
                self.report.problem(problem.with_hint(error.hint()));
                None
            }
        }
    }
}

/// Whether it is an algorithm with a number of bits, which named takes.
fn is_cut(text: &str) -> bool {
    let Some((word, bits)) = text.rsplit_once('-') else { return false };
    let is_bits = !bits.is_empty() && bits.bytes().all(|octet| octet.is_ascii_digit());
    is_bits && Algorithm::by_name(word).is_some()
}
