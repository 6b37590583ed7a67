//! From `key` statements to the server's keys.
//!
//! Those of a view are known there alone. As in named, a name is one key for the server and a view, and another view may
//! have another of that name.

use super::Context;
use super::class::views_of_in;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::{self, excerpt};
use crate::config::{Key, Secret, suggest};
use crate::tsig::Algorithm;

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
        let is_it = |key: &&Key| key.name == name && (key.view.is_none() || key.view.as_deref() == view);
        if let Some(first) = self.keys.iter().find(is_it).and_then(|key| key.position.as_ref()) {
            let message = format!("key '{written}': already exists previous definition: {first}");
            return self.report.error(&setting.position, message);
        }
        let (Some(algorithm), Some(secret)) = (body.find("algorithm"), body.find("secret")) else {
            let message = format!("key '{written}' must have both 'secret' and 'algorithm' defined");
            return self.report.error(&setting.position, message);
        };
        let (algorithm, secret) = (self.algorithm(algorithm), self.secret(secret));
        self.key_names.push((view.map(str::to_owned), name.clone()));
        let (Some(algorithm), Some(secret)) = (algorithm, secret) else { return };
        let (view, position) = (view.map(str::to_owned), Some(setting.position.clone()));
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
