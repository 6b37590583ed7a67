//! Filling in what one statement takes from another when it is not written.
//!
//! Both readers collect what a view or its options say and end here, so that the two formats cannot drift apart.
//! Not here: which of view and options is meant (the reader looks into the view first, then into the options).

use super::{Access, MatchList};

/// The lists of who may ask, and where, each `None` where neither the view nor the options have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrittenAccess {
    /// `allow-query`
    pub query: Option<MatchList>,
    /// `allow-query-cache`
    pub query_cache: Option<MatchList>,
    /// `allow-recursion`
    pub recursion: Option<MatchList>,
    /// `allow-query-on`
    pub query_on: Option<MatchList>,
    /// `allow-query-cache-on`
    pub query_cache_on: Option<MatchList>,
    /// `allow-recursion-on`
    pub recursion_on: Option<MatchList>,
}

impl WrittenAccess {
    /// named's inheritance: the cache takes from recursion, recursion from the cache, both from `allow-query`, and
    /// with nothing written they allow localnets and localhost.
    ///
    /// Of the addresses that are asked, cache and recursion take from each other; with nothing written, any will do.
    ///
    /// With `recursion no` nothing is taken from `allow-query`: what is not allowed expressly is denied.
    pub fn resolve(self, recursion: bool) -> Access {
        let nothing_written = || if recursion { MatchList::local() } else { MatchList::none() };
        let fallback = self.query.clone().filter(|_| recursion).unwrap_or_else(nothing_written);
        let query_cache = self.query_cache.clone().or_else(|| self.recursion.clone());
        let recursion_list = self.recursion.or(if recursion { self.query_cache } else { None });
        let cache_on = self.query_cache_on.clone().or_else(|| self.recursion_on.clone());
        let recursion_on = self.recursion_on.or(self.query_cache_on);
        Access {
            query: self.query.unwrap_or_else(MatchList::any),
            query_cache: query_cache.unwrap_or_else(|| fallback.clone()),
            recursion: recursion_list.unwrap_or(fallback),
            query_on: self.query_on.unwrap_or_else(MatchList::any),
            query_cache_on: cache_on.unwrap_or_else(MatchList::any),
            recursion_on: recursion_on.unwrap_or_else(MatchList::any),
        }
    }
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;

    use super::*;
    use crate::config::Match;

    fn list(prefix: &str) -> MatchList {
        MatchList::of(Match::Prefix(prefix.parse::<IpNet>().expect("a prefix of the test")))
    }

    #[test]
    fn what_is_not_written_is_taken_from_its_neighbours() {
        let (q, c, r) = (list("10.0.0.0/8"), list("10.1.0.0/16"), list("10.2.0.0/16"));
        let local = MatchList::local;
        let written =
            |query: Option<&MatchList>, query_cache: Option<&MatchList>, recursion: Option<&MatchList>| WrittenAccess {
                query: query.cloned(),
                query_cache: query_cache.cloned(),
                recursion: recursion.cloned(),
                ..WrittenAccess::default()
            };
        let cases = [
            ("nothing", written(None, None, None), (MatchList::any(), local(), local())),
            ("allow-query alone reaches all", written(Some(&q), None, None), (q.clone(), q.clone(), q.clone())),
            ("recursion gives to the cache", written(Some(&q), None, Some(&r)), (q.clone(), r.clone(), r.clone())),
            ("the cache gives to recursion", written(Some(&q), Some(&c), None), (q.clone(), c.clone(), c.clone())),
            ("each its own", written(Some(&q), Some(&c), Some(&r)), (q.clone(), c.clone(), r.clone())),
            ("queries stay open", written(None, None, Some(&r)), (MatchList::any(), r.clone(), r.clone())),
        ];
        for (case, written, (query, query_cache, recursion)) in cases {
            assert_eq!(written.resolve(true), Access { query, query_cache, recursion, ..Access::default() }, "{case}");
        }
    }

    #[test]
    fn without_recursion_allow_query_opens_nothing_else() {
        let q = list("10.0.0.0/8");
        let access = WrittenAccess { query: Some(q.clone()), ..Default::default() }.resolve(false);
        assert_eq!(
            access,
            Access { query: q, query_cache: MatchList::none(), recursion: MatchList::none(), ..Access::default() }
        );
    }

    #[test]
    fn nothing_written_is_the_default() {
        assert_eq!(WrittenAccess::default().resolve(true), Access::default());
    }

    #[test]
    fn the_addresses_of_cache_and_recursion_take_from_each_other() {
        let (a, b, any) = (list("192.0.2.0/24"), list("198.51.100.0/24"), MatchList::any());
        for (case, cache, recursion, expected) in [
            ("nothing", None, None, [&any, &any]),
            ("the cache's", Some(&a), None, [&a, &a]),
            ("recursion's", None, Some(&a), [&a, &a]),
            ("both", Some(&a), Some(&b), [&a, &b]),
        ] {
            let (query_cache_on, recursion_on) = (cache.cloned(), recursion.cloned());
            let access = WrittenAccess { query_cache_on, recursion_on, ..Default::default() }.resolve(true);
            assert_eq!([&access.query_cache_on, &access.recursion_on], expected, "{case}");
            assert_eq!(access.query_on, any, "{case}");
        }
    }
}
