//! Going through all that is kept, step by step, so that no look-up waits long: forgetting names, looking at everything.
//!
//! Each step holds the lock of one shard for some hundred entries. Invariant of forgetting: whatever was kept when it
//! began and is meant, is gone when it returns ([`super::table::Table::sweep`]).

use std::time::Instant;

use super::Cache;
use super::entry::Entry;
use super::key::{Key, Parts};
use crate::wire::name::is_within;
use crate::wire::{Name, Segment, unpack};

/// Places that are looked at under one lock.
const STEP: usize = 512;

/// Which names are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// This one.
    Exactly(Name),
    /// This one and all below it.
    Within(Name),
}

impl Names {
    /// Whether a name is one of them: uncompressed, in lower case.
    fn contains(&self, name: &[u8]) -> bool {
        match self {
            Self::Exactly(own) => own.as_wire() == name,
            Self::Within(own) => is_within(name, own.as_wire()),
        }
    }
}

/// Which answers are meant: every one that is about these names, whatever its type, and every chain that leads over one
/// of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// In one view; `None`: in all.
    pub view: Option<u16>,
    /// See above.
    pub names: Names,
}

impl Scope {
    fn contains(&self, entry: &Entry) -> bool {
        let Some((parts, _)) = Key::parts(entry.key()) else { return false };
        if self.view.is_some_and(|view| view != parts.view) {
            return false;
        }
        let (qname, segment) = (Key::name(entry.key()), Segment::new(entry.segment()));
        self.names.contains(qname)
            || (segment.meta().linked && unpack::is_answered_by(qname, &segment, |owner| self.names.contains(owner)))
    }
}

/// A copy of what is kept of a question.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The question.
    pub parts: Parts,
    /// It is remembered that it failed, beside an answer that is stale.
    pub is_failure: bool,
    /// Its name, uncompressed and in lower case.
    pub qname: Vec<u8>,
    /// The answer as it was stored.
    pub segment: Vec<u8>,
    /// Seconds since it was stored, rounded up.
    pub elapsed: u32,
    /// Seconds until its TTL ends; negative: since it ended.
    pub left: i64,
}

impl Cache {
    /// Forgets everything of a view; returns how many entries there were.
    pub fn flush_view(&self, view: u16) -> usize {
        self.forget(|entry| Key::parts(entry.key()).is_some_and(|(parts, _)| parts.view == view))
    }

    /// Forgets all that these mean, in one walk. Returns for each how many entries there were; one that two mean is the
    /// first's.
    pub fn forget_all(&self, scopes: &[Scope]) -> Vec<usize> {
        let mut counts = vec![0; scopes.len()];
        self.forget(|entry| {
            let first = scopes.iter().position(|scope| scope.contains(entry));
            first.map(|first| counts[first] += 1).is_some()
        });
        counts
    }

    fn forget(&self, mut doomed: impl FnMut(&Entry) -> bool) -> usize {
        let mut count = 0;
        for index in 0..self.shards.len() {
            let (mut from, mut places) = (0, self.locked(index).places());
            while from < places {
                let mut shard = self.locked(index);
                // A table that has grown has other places: what was seen is looked at again.
                if shard.places() != places {
                    (from, places) = (0, shard.places());
                }
                let (next, removed) = shard.sweep(from, STEP, &mut doomed);
                (from, count) = (next, count + removed.len());
                drop(shard);
                // Given back without the lock.
                drop(removed);
            }
        }
        count
    }

    /// Hands out copies of all that is kept, a few at a time; no lock is held meanwhile. What comes and goes meanwhile may
    /// be missing or appear twice. Stops when `each` says so.
    pub fn look(&self, now: Instant, mut each: impl FnMut(&[Kept]) -> bool) {
        let now_ms = self.milliseconds(now);
        for index in 0..self.shards.len() {
            let mut from = 0;
            loop {
                let mut copies = Vec::new();
                let shard = self.locked(index);
                let is_end = from >= shard.places();
                if !is_end {
                    from = shard.look(from, STEP, |entry| copies.extend(kept(entry, now_ms)));
                }
                drop(shard);
                if is_end {
                    break;
                }
                if !each(&copies) {
                    return;
                }
            }
        }
    }
}

fn kept(entry: &Entry, now_ms: u64) -> Option<Kept> {
    let (parts, is_failure) = Key::parts(entry.key())?;
    Some(Kept {
        parts,
        is_failure,
        qname: Key::name(entry.key()).to_vec(),
        segment: entry.segment().to_vec(),
        elapsed: super::elapsed_seconds(entry, now_ms),
        left: (entry.expires_ms() as i64 - now_ms as i64).div_euclid(1000),
    })
}

#[cfg(test)]
mod tests {
    use super::super::MIN_OCTETS;
    use super::*;
    use crate::wire::segment::{Meta, encode};

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn key(view: u16, text: &str, qtype: u16) -> Key {
        let parts = Parts { view, rule: 3, qtype, qclass: 1, dnssec_ok: true, checking_disabled: false };
        Key::new(&parts, name(text).as_wire())
    }

    /// An alias of `to`, which has an address; without `to`, an address.
    fn answer(qname: &str, to: Option<&str>) -> Vec<u8> {
        let mut body = Vec::new();
        let mut record = |owner: &[u8], rtype: u16, rdata: &[u8]| {
            body.extend_from_slice(owner);
            body.extend(rtype.to_be_bytes());
            body.extend([0, 1, 0, 0, 0, 60]);
            body.extend((rdata.len() as u16).to_be_bytes());
            body.extend_from_slice(rdata);
        };
        let owner = to.map_or_else(|| name(qname), name);
        if let Some(to) = to {
            record(b"\xc0\x0c", 5, name(to).as_wire());
        }
        record(owner.as_wire(), 1, &[10, 0, 0, 1]);
        let meta = Meta { answers: 1 + u16::from(to.is_some()), linked: to.is_some(), ..Meta::default() };
        let mut out = Vec::new();
        encode(&mut out, &meta, &[], &[], &body).expect("it is short");
        out
    }

    fn filled(now: Instant) -> Cache {
        let cache = Cache::new(MIN_OCTETS, now);
        let put = |view, qname: &str, qtype, to| {
            let key = key(view, qname, qtype);
            cache.insert(cache.hash(&key), &key, &answer(qname, to), 60, now);
        };
        for view in [0, 1] {
            put(view, "www.a", 1, None);
            put(view, "www.a", 28, None);
            put(view, "www.a", 0, None);
            put(view, "alias.b", 1, Some("www.a"));
            put(view, "x.www.a", 1, None);
            put(view, "wwww.a", 1, None);
            put(view, "a", 1, None);
        }
        cache
    }

    fn left(cache: &Cache, now: Instant) -> Vec<String> {
        let mut found = Vec::new();
        cache.look(now, |copies| {
            found.extend(copies.iter().map(|kept| {
                let qname = Name::from_wire(&kept.qname).expect("a name");
                format!("{} {qname} {}", kept.parts.view, kept.parts.qtype)
            }));
            true
        });
        found.sort();
        found
    }

    #[test]
    fn a_name_is_forgotten_with_every_chain_over_it_and_nothing_else() {
        let now = Instant::now();
        let (www, a, root) = (name("www.a"), name("a"), Name::root());
        let all = |view: u16| {
            ["a 1", "alias.b 1", "www.a 0", "www.a 1", "www.a 28", "wwww.a 1", "x.www.a 1"]
                .map(|text| format!("{view} {text}"))
        };
        let without = |view: u16, gone: &[&str]| -> Vec<String> {
            all(view)
                .into_iter()
                .filter(|text| !gone.iter().any(|gone| text.ends_with(&format!("{view} {gone}"))))
                .collect()
        };
        let of_www = &["alias.b 1", "www.a 0", "www.a 1", "www.a 28"][..];
        let below_www = &[of_www, &["x.www.a 1"]].concat()[..];
        let every = &["a 1", "alias.b 1", "wwww.a 1", "www.a 0", "www.a 1", "www.a 28", "x.www.a 1"][..];
        for (case, view, names, gone) in [
            ("a name in all views", None, Names::Exactly(www.clone()), [of_www, of_www]),
            ("a name in one view", Some(1), Names::Exactly(www.clone()), [&[], of_www]),
            ("a tree", Some(0), Names::Within(www.clone()), [below_www, &[]]),
            ("an apex alone", Some(0), Names::Exactly(a.clone()), [&["a 1"], &[]]),
            ("a tree that an alias leads into", Some(0), Names::Within(a.clone()), [every, &[]]),
            ("the root", None, Names::Within(root.clone()), [every, every]),
            ("a view that there is not", Some(7), Names::Within(root.clone()), [&[], &[]]),
        ] {
            let cache = filled(now);
            let counts = cache.forget_all(&[Scope { view, names }]);
            let [count] = counts[..] else { panic!("one each: {counts:?}") };
            assert_eq!(count, gone[0].len() + gone[1].len(), "{case}");
            assert_eq!(left(&cache, now), [without(0, gone[0]), without(1, gone[1])].concat(), "{case}");
        }
        let cache = filled(now);
        assert_eq!((cache.flush_view(1), left(&cache, now)), (7, all(0).to_vec()));
        assert_eq!((cache.flush(), cache.len(), cache.octets()), (7, 0, 0));
    }

    #[test]
    fn what_is_looked_at_says_what_it_is_and_how_old() {
        let now = Instant::now();
        let cache = Cache::new(MIN_OCTETS, now);
        let key = key(2, "www.a", 1).failure();
        cache.insert(cache.hash(&key), &key, &answer("www.a", None), 60, now);
        let later = now + std::time::Duration::from_millis(61_500);
        let mut seen = Vec::new();
        cache.look(later, |copies| {
            seen.extend_from_slice(copies);
            true
        });
        let [kept] = &seen[..] else { panic!("one: {seen:?}") };
        assert_eq!((kept.parts.view, kept.parts.rule, kept.parts.qtype, kept.parts.dnssec_ok), (2, 3, 1, true));
        assert!(kept.is_failure && !kept.parts.checking_disabled);
        assert_eq!((kept.elapsed, kept.left), (62, -2));
    }

    #[test]
    fn a_big_cache_is_gone_through_whole_and_once() {
        let now = Instant::now();
        let cache = Cache::new(64 << 20, now);
        for index in 0..50_000 {
            let key = key(0, &format!("n{index}.a"), 1);
            cache.insert(cache.hash(&key), &key, &answer("n.a", None), 60, now);
        }
        let names = left(&cache, now);
        assert_eq!(names.len(), 50_000);
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "each once");
        let (even, mut count) = (name("a"), 0);
        cache.look(now, |copies| {
            count += copies.len();
            count < 1000
        });
        assert!(count < 3000, "stopped");
        let of = |text: &str| Scope { view: None, names: Names::Exactly(name(text)) };
        let counts = cache.forget_all(&[of("n1.a"), of("x.a"), of("n1.a"), of("n49999.a")]);
        assert_eq!(counts, [1, 0, 0, 1], "several in one walk");
        assert_eq!(cache.forget_all(&[Scope { view: None, names: Names::Within(even) }]), [49_998]);
        assert_eq!((cache.len(), cache.octets()), (0, 0));
    }
}
