//! The counters that stand by themselves, one row each. Where named has one of the same meaning, it has named's name.

/// An enum of counters with the words that named has for each.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$row_doc:meta])* $row:ident = $phrase:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$row_doc])* $row,)* }

        impl $name {
            /// Every row, in order.
            pub const ALL: &[$name] = &[$($name::$row,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// What it is called in JSON and XML.
            pub const fn name(self) -> &'static str {
                match self { $($name::$row => stringify!($row),)* }
            }

            /// What it is called in the text of `rndc stats`.
            pub const fn phrase(self) -> &'static str {
                match self { $($name::$row => $phrase,)* }
            }
        }
    };
}

counters! {
    /// What happens to clients' requests now and then; none of it on the way of a cached answer.
    Event {
        /// EDNS of a version above 0.
        ReqBadEDNSVer = "requests with unsupported EDNS version received",
        /// A signature that is wrong.
        ReqBadSIG = "requests with invalid signature",
        /// A query without RD that its sender may not ask.
        AuthQryRej = "auth queries rejected",
        /// One with RD.
        RecQryRej = "recursive queries rejected",
        /// A transfer that somebody has asked for; none is made.
        XfrRej = "transfer requests rejected",
        /// An update from somebody who may not make any.
        UpdateRej = "update requests rejected",
        /// A reply that is signed.
        RespTSIG = "responses with TSIG sent",
        /// A delegation out of a local zone.
        QryReferral = "queries resulted in referral answer",
        /// A query that waited for an upstream.
        QryRecursion = "queries caused recursion",
        /// An update that was made and kept.
        UpdateDone = "updates completed",
        /// One that was not.
        UpdateFail = "updates failed",
        /// Of those, one whose prerequisites did not hold.
        UpdateBadPrereq = "updates rejected due to prerequisite failure",
        /// An answer given out after its TTL.
        QryUsedStale = "successful uses of stale data after lookup failure",
        /// A question asked before the TTL of its answer ended.
        Prefetch = "queries triggered prefetch",
        /// A NOTIFY by IPv4.
        NotifyInv4 = "IPv4 notifies received",
        /// One by IPv6.
        NotifyInv6 = "IPv6 notifies received",
        /// A NOTIFY that was answered NOTAUTH.
        NotifyRej = "notifies rejected",
        /// A query by UDP that was answered before its name was looked for.
        TurnedAwayUdp = "UDP queries answered without looking for their name",
        /// One by TCP.
        TurnedAwayTcp = "TCP queries answered without looking for their name",
        /// An answer BADVERS, whose RCODE in the header is NOERROR.
        BadVers = "BADVERS",
    }
}

counters! {
    /// What becomes of queries and updates of a zone. The words are those of the whole server's.
    OfZone {
        /// Answered with records.
        QrySuccess = "queries resulted in successful answer",
        /// Answered by the zone alone.
        QryAuthAns = "queries resulted in authoritative answer",
        /// Answered with what others have told, or who should be asked.
        QryNoauthAns = "queries resulted in non authoritative answer",
        /// Answered with a delegation.
        QryReferral = "queries resulted in referral answer",
        /// Answered that there is no such type.
        QryNxrrset = "queries resulted in nxrrset",
        /// Failed.
        QrySERVFAIL = "queries resulted in SERVFAIL",
        /// Answered with this RCODE.
        QryFORMERR = "queries resulted in FORMERR",
        /// Answered that there is no such name.
        QryNXDOMAIN = "queries resulted in NXDOMAIN",
        /// An alias led to names that an upstream had to be asked for.
        QryRecursion = "queries caused recursion",
        /// Answered with another RCODE.
        QryFailure = "other query failures",
        /// A transfer that somebody has asked for; none is made.
        XfrRej = "transfer requests rejected",
        /// An update from somebody who may not make it.
        UpdateRej = "update requests rejected",
        /// One that was made and kept.
        UpdateDone = "updates completed",
        /// One that was not.
        UpdateFail = "updates failed",
        /// Of those, one whose prerequisites did not hold.
        UpdateBadPrereq = "updates rejected due to prerequisite failure",
        /// Queries that were answered, by UDP.
        QryUDP = "UDP queries received",
        /// By TCP.
        QryTCP = "TCP queries received",
    }
}

counters! {
    /// What becomes of questions to upstreams, a view each.
    Resolver {
        /// Messages sent.
        Queryv4 = "IPv4 queries sent",
        /// Messages sent.
        Queryv6 = "IPv6 queries sent",
        /// Messages that answered a question.
        Responsev4 = "IPv4 responses received",
        /// Messages that answered a question.
        Responsev6 = "IPv6 responses received",
        /// Of those, with this RCODE.
        NXDOMAIN = "NXDOMAIN received",
        /// Of those, with this RCODE.
        SERVFAIL = "SERVFAIL received",
        /// Of those, with this RCODE.
        FORMERR = "FORMERR received",
        /// Of those, with another RCODE than NOERROR and those named here.
        OtherError = "other errors received",
        /// Questions asked again without EDNS.
        EDNS0Fail = "EDNS(0) query failures",
        /// Answers that were cut.
        Truncated = "truncated responses received",
        /// Questions sent more than once, each time but the first.
        Retry = "query retries",
        /// Sockets that could not be had.
        QuerySockFail = "failures in opening query sockets",
        /// Of the messages sent, those that were not answered in time.
        QueryTimeout = "query timeouts",
        /// Answers after less than 10 ms.
        QryRTT10 = "queries with RTT < 10ms",
        /// Less than 100.
        QryRTT100 = "queries with RTT 10-100ms",
        /// Less than 500.
        QryRTT500 = "queries with RTT 100-500ms",
        /// Less than 800.
        QryRTT800 = "queries with RTT 500-800ms",
        /// Less than 1600.
        QryRTT1600 = "queries with RTT 800-1600ms",
        /// 1600 and more.
        QryRTTMore = "queries with RTT > 1600ms",
        /// Of the responses, with this RCODE.
        REFUSED = "REFUSED received",
        /// Questions with our cookie alone.
        ClientCookieOut = "COOKIE send with client cookie only",
        /// Questions with the server's cookie, too.
        ServerCookieOut = "COOKIE sent with client and server cookie",
        /// Answers with a cookie.
        CookieIn = "COOKIE replies received",
        /// Of those, with our part as it was sent.
        CookieClientOk = "COOKIE client ok",
        /// Of the responses, with this RCODE.
        BadEDNSVersion = "bad EDNS version",
        /// Of the responses, with this RCODE.
        BadCookieRcode = "bad cookie rcode",
        /// Questions that were not asked, for `fetches-per-zone`.
        ZoneQuota = "spilled due to zone quota",
        /// For `fetches-per-server`.
        ServerQuota = "spilled due to server quota",
        /// Clients' questions that may not wait for one that is being asked, for `clients-per-query`.
        ClientQuota = "spilled due to clients per query quota",
    }
}

counters! {
    /// Look-ups in the cache, a view each.
    Lookups {
        /// Queries that the cache answered.
        Answered = "cache hits (from query)",
        /// Queries that it did not.
        Missed = "cache misses (from query)",
        /// Further links of a chain that were there.
        LinkFound = "links found",
        /// Those that were not.
        LinkMissed = "links missed",
    }
}

counters! {
    /// Sockets.
    Socket {
        /// Sockets for clients and to upstreams.
        UDP4Open = "UDP/IPv4 sockets opened",
        /// Sockets for clients and to upstreams.
        UDP6Open = "UDP/IPv6 sockets opened",
        /// Listening ones, and connections to upstreams.
        TCP4Open = "TCP/IPv4 sockets opened",
        /// Listening ones, and connections to upstreams.
        TCP6Open = "TCP/IPv6 sockets opened",
        /// Sockets to upstreams that could not be had.
        UDP4OpenFail = "UDP/IPv4 socket open failures",
        /// Sockets to upstreams that could not be had.
        UDP6OpenFail = "UDP/IPv6 socket open failures",
        /// Those of the first row.
        UDP4Close = "UDP/IPv4 sockets closed",
        /// Those of the second.
        UDP6Close = "UDP/IPv6 sockets closed",
        /// Clients' connections among them.
        TCP4Close = "TCP/IPv4 sockets closed",
        /// Clients' connections among them.
        TCP6Close = "TCP/IPv6 sockets closed",
        /// Connections to upstreams that were not made.
        TCP4ConnFail = "TCP/IPv4 connection failures",
        /// Connections to upstreams that were not made.
        TCP6ConnFail = "TCP/IPv6 connection failures",
        /// Sockets to upstreams.
        UDP4Conn = "UDP/IPv4 connections established",
        /// Sockets to upstreams.
        UDP6Conn = "UDP/IPv6 connections established",
        /// Connections to upstreams.
        TCP4Conn = "TCP/IPv4 connections established",
        /// Connections to upstreams.
        TCP6Conn = "TCP/IPv6 connections established",
        /// Clients' connections that the system could not hand over.
        TCP4AcceptFail = "TCP/IPv4 connection accept failures",
        /// Clients' connections that the system could not hand over.
        TCP6AcceptFail = "TCP/IPv6 connection accept failures",
        /// Clients' connections.
        TCP4Accept = "TCP/IPv4 connections accepted",
        /// Clients' connections.
        TCP6Accept = "TCP/IPv6 connections accepted",
    }
}
