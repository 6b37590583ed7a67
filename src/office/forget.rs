//! Forgetting cached answers: what is meant, as one value that is made, logged and answered in one place.
//!
//! Looking for names takes a walk through the whole cache, since a chain that leads over a name stands under another. One
//! walk is made at a time, for all who ask by then, by a thread that yields to those that answer queries.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::reply::Failure;
use super::{Office, view_number};
use crate::cache::{self, Cache, Scope};
use crate::logging::{self, Category, Severity};
use crate::wire::Name;

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forget {
    /// In one view; `None`: in all.
    pub view: Option<String>,
    /// Of which names.
    pub names: Names,
}

/// Whose answers are meant. A text is the name as it was asked for, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Everybody's.
    All,
    /// Those of one name, and those of which a chain leads over it.
    Exactly(Name, String),
    /// The same for a name and all below it.
    Within(Name, String),
}

impl Forget {
    /// Does it, and logs it in named's words; returns how many answers it were.
    ///
    /// # Errors
    /// When there is no such view.
    pub fn make(&self, office: &Office) -> Result<usize, Failure> {
        let (what, place) = self.shown();
        let view = self.view.as_deref().map(|name| view_number(office, name)).transpose().inspect_err(|_| {
            logging::event!(Category::General, Severity::Error, "flushing {what} {place} failed: view not found");
        })?;
        let cache = &office.shared.desks.upstream.cache;
        let count = match (&self.names, view) {
            (Names::All, None) => cache.flush(),
            (Names::All, Some(view)) => cache.flush_view(view),
            (Names::Exactly(name, _), _) => {
                office.walks.forget(cache, Scope { view, names: cache::Names::Exactly(name.clone()) })
            }
            (Names::Within(name, _), _) => {
                office.walks.forget(cache, Scope { view, names: cache::Names::Within(name.clone()) })
            }
        };
        logging::event!(Category::General, Severity::Info, "flushing {what} {place} succeeded");
        Ok(count)
    }

    /// What and where, in named's words.
    fn shown(&self) -> (String, String) {
        let (what, cache) = match &self.names {
            Names::All if self.view.is_none() => ("caches".to_owned(), ""),
            Names::All => ("cache".to_owned(), ""),
            Names::Exactly(_, text) => (format!("name '{text}'"), "cache "),
            Names::Within(_, text) => (format!("tree '{text}'"), "cache "),
        };
        let place = match &self.view {
            None => format!("in all {cache}views"),
            Some(view) => format!("in {cache}view '{view}'"),
        };
        (what, place)
    }
}

/// The walks through the cache.
#[derive(Debug, Default)]
pub struct Walks {
    /// Those who wait for one, and how each hears what came of it.
    waiting: Mutex<Vec<(Scope, Sender<usize>)>>,
    under_way: Mutex<()>,
}

impl Walks {
    /// Waits for a walk that began after it was asked for; returns how many answers of this scope were forgotten.
    fn forget(&self, cache: &Cache, scope: Scope) -> usize {
        let told = self.join(scope);
        let _alone = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(count) = told.try_recv() {
            // Whoever walked before has done it, too.
            return count;
        }
        self.walk(cache);
        told.try_recv().unwrap_or_default()
    }

    fn join(&self, scope: Scope) -> Receiver<usize> {
        let (tell, told) = channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((scope, tell));
        told
    }

    /// For all who wait.
    fn walk(&self, cache: &Cache) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let (scopes, askers): (Vec<Scope>, Vec<Sender<usize>>) = waiting.into_iter().unzip();
        for (asker, count) in askers.into_iter().zip(cache.forget_all(&scopes)) {
            let _ = asker.send(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cache::MIN_OCTETS;

    #[test]
    fn who_waits_when_a_walk_begins_is_told_by_it() {
        let (walks, cache) = (Walks::default(), Cache::new(MIN_OCTETS, Instant::now()));
        let scope = |text: &str| Scope { view: None, names: cache::Names::Within(text.parse().expect("a name")) };
        let (first, second) = (walks.join(scope("a")), walks.join(scope("b")));
        walks.walk(&cache);
        assert_eq!((first.try_recv(), second.try_recv()), (Ok(0), Ok(0)));
        assert_eq!(walks.forget(&cache, scope("c")), 0);
        assert!(walks.waiting.lock().expect("nobody panicked").is_empty());
    }

    #[test]
    fn what_is_forgotten_is_told_in_named_s_words() {
        let forget = |view: Option<&str>, names| Forget { view: view.map(str::to_owned), names };
        let (name, text) = (|| "a.b".parse().expect("a name"), || "A.b".to_owned());
        for (forget, expected) in [
            (forget(None, Names::All), ("caches", "in all views")),
            (forget(Some("v"), Names::All), ("cache", "in view 'v'")),
            (forget(None, Names::Exactly(name(), text())), ("name 'A.b'", "in all cache views")),
            (forget(Some("v"), Names::Within(name(), text())), ("tree 'A.b'", "in cache view 'v'")),
        ] {
            let (what, place) = forget.shown();
            assert_eq!((what.as_str(), place.as_str()), expected);
        }
    }
}
