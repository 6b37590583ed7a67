//! Sorting messages by what they are about: named's categories.
//!
//! The table is the union of what named 9.11 to 9.20 accept, so that a `logging` statement of any of them loads, and
//! `health`, which is our own; categories that nothing here is logged under say so. Each word is also the target of the
//! category's events.

words! {
    /// What a message is about: named's categories, so that existing `logging` statements keep their meaning.
    Category {
        /// The channels of those categories that name none; no message is logged under it.
        Default = "default",
        /// Clients' requests.
        Client = "client",
        /// Name servers skipped for being a CNAME; nothing is logged under it: this server never iterates.
        Cname = "cname",
        /// Reading the configuration.
        Config = "config",
        /// What zones and the cache are kept in.
        Database = "database",
        /// Answers forced to NXDOMAIN by delegation-only zones; named 9.18 and older, nothing is logged under it.
        DelegationOnly = "delegation-only",
        /// Sockets towards upstreams and the matching of responses to questions.
        Dispatch = "dispatch",
        /// DNSSEC and TSIG.
        Dnssec = "dnssec",
        /// dnstap; nothing is logged under it.
        Dnstap = "dnstap",
        /// Upstreams that are asked without EDNS because they do not answer with it.
        EdnsDisabled = "edns-disabled",
        /// What has no category of its own, events of other crates among it.
        General = "general",
        /// Health checks that turned, and why; this server's own, no named knows it.
        Health = "health",
        /// Upstreams that answer what they should not.
        LameServers = "lame-servers",
        /// Listening: interfaces, sockets, connections.
        Network = "network",
        /// NOTIFY.
        Notify = "notify",
        /// NSID options received from upstreams; nothing is logged under it: none is asked for.
        Nsid = "nsid",
        /// Each question, when `querylog` is on.
        Queries = "queries",
        /// Questions that ended in SERVFAIL, and why.
        QueryErrors = "query-errors",
        /// Response rate limiting.
        RateLimit = "rate-limit",
        /// Forwarding questions and taking their responses.
        Resolver = "resolver",
        /// Each response's summary, by `responselog`; named 9.20 and newer, nothing is logged under it.
        Responses = "responses",
        /// Response policy zones; nothing is logged under it.
        Rpz = "rpz",
        /// Response policy zones' PASSTHRU; nothing is logged under it.
        RpzPassthru = "rpz-passthru",
        /// Who was refused or approved.
        Security = "security",
        /// Stale answers given because upstreams failed.
        ServeStale = "serve-stale",
        /// Questions dropped or failed because a quota of fetches was used up.
        Spill = "spill",
        /// TLS secrets for debugging; nothing is logged under it, ever.
        Sslkeylog = "sslkeylog",
        /// Clients' trust-anchor-telemetry; nothing is logged under it.
        TrustAnchorTelemetry = "trust-anchor-telemetry",
        /// Questions of a class or from a client that no view is for.
        Unmatched = "unmatched",
        /// Dynamic updates.
        Update = "update",
        /// Refused and approved dynamic updates.
        UpdateSecurity = "update-security",
        /// Zone transfers in.
        XferIn = "xfer-in",
        /// Zone transfers out.
        XferOut = "xfer-out",
        /// Loading zones.
        Zoneload = "zoneload",
    }
}

impl Category {
    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The category of an event's target: its own, or general for events of other crates.
    pub(super) fn of_target(target: &str) -> Option<Self> {
        // Exact, so that a crate's module path (`hickory_proto::…`) fails at the first letter.
        Self::ALL.iter().copied().find(|category| category.word() == target)
    }

    /// Its place in a table that has a row for each.
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_of_every_named_version_are_known() {
        let versions = [
            (
                "9.11",
                "client cname config database default delegation-only dispatch dnssec dnstap edns-disabled general \
                 lame-servers network notify nsid queries query-errors rate-limit resolver rpz security serve-stale \
                 spill trust-anchor-telemetry unmatched update update-security xfer-in xfer-out zoneload",
            ),
            ("9.18", "rpz-passthru sslkeylog"),
            ("9.20", "responses"),
        ];
        let mut known = 0;
        for (version, words) in versions {
            for word in words.split_whitespace() {
                let category = Category::from_word(word);
                assert!(category.is_some_and(|category| category.word() == word), "{word} of {version}");
                known += 1;
            }
        }
        let own = [Category::Health];
        assert_eq!(known + own.len(), Category::COUNT, "all others are known to some named");
    }

    #[test]
    fn words_are_read_without_regard_to_case_and_targets_exactly() {
        assert_eq!(Category::from_word("Query-Errors"), Some(Category::QueryErrors));
        assert_eq!(Category::from_word("query_errors"), None);
        for (index, category) in Category::ALL.iter().enumerate() {
            assert_eq!(Category::of_target(category.word()), Some(*category));
            assert_eq!(category.index(), index);
        }
        assert_eq!(Category::of_target("hickory_server::server"), None);
        assert_eq!(Category::of_target("Security"), None);
    }
}
