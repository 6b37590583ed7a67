//! Statements that named 9.11 or a later one had and named 9.18 refuses: hosts that are upgraded still have them.

use super::form::{self, Form as F};
use super::places::{BOTH, OPTIONS, SERVER, TOP, ZONE};
use super::reasons::{
    NEVER_ITERATES, NO, NO_SUCH_FILE, NO_TRANSFER, NOT_ONE_COOKIE, SYSTEM_PORTS, UNSIGNED, UNVALIDATED,
};
use super::row::{Row, ignored, refused};
use super::shape::Shape;

const BY_CHANNEL: &str = "statistics are told by statistics-channels";
const ONE_CACHE: &str = "there is one cache, bounded by max-cache-size";
const ALWAYS_AAAA: &str = "AAAA records are always answered";

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        ignored("acache-cleaning-interval", BOTH, Number, "acache-cleaning-interval 60;", ONE_CACHE).gone(),
        ignored("acache-enable", BOTH, Boolean, "acache-enable yes;", ONE_CACHE).moot(NO).gone(),
        ignored("additional-from-auth", BOTH, Boolean, "additional-from-auth no;", "answers carry no additional data of other zones").gone(),
        ignored("additional-from-cache", BOTH, Boolean, "additional-from-cache no;", "answers carry no additional data of other names").gone(),
        ignored("allow-v6-synthesis", BOTH, MatchList, "allow-v6-synthesis { any; };", "nothing is synthesised").gone(),
        ignored("cache-file", BOTH, Quoted, "cache-file \"cache\";", NO_SUCH_FILE).gone(),
        ignored("cleaning-interval", BOTH, Number, "cleaning-interval 60;", "the cache is bounded at every insertion").gone(),
        ignored("deallocate-on-exit", OPTIONS, Boolean, "deallocate-on-exit yes;", "memory is always given back").gone(),
        ignored("dnssec-enable", BOTH, Boolean, "dnssec-enable yes;", "signatures are always passed on to who sets DO; answers are not validated here").gone(),
        ignored("dnssec-lookaside", BOTH, Form(&form::LOOKASIDE), "dnssec-lookaside auto;", UNVALIDATED).repeats().moot(NO).gone(),
        ignored("fake-iquery", OPTIONS, Boolean, "fake-iquery yes;", "IQUERY is answered by NOTIMP (RFC 3425)").moot(NO).gone(),
        ignored("fetch-glue", BOTH, Boolean, "fetch-glue yes;", NEVER_ITERATES).moot(NO).gone(),
        ignored("filter-aaaa", BOTH, MatchList, "filter-aaaa { any; };", ALWAYS_AAAA).gone(),
        ignored("filter-aaaa-on-v4", BOTH, BooleanOr(&["break-dnssec"]), "filter-aaaa-on-v4 yes;", ALWAYS_AAAA).moot(NO).gone(),
        ignored("filter-aaaa-on-v6", BOTH, BooleanOr(&["break-dnssec"]), "filter-aaaa-on-v6 yes;", ALWAYS_AAAA).moot(NO).gone(),
        ignored("geoip-use-ecs", OPTIONS, Boolean, "geoip-use-ecs yes;", "no list can ask where an address is").moot(NO).gone(),
        ignored("has-old-clients", OPTIONS, Boolean, "has-old-clients yes;", "answers are the same for all clients").moot(NO).gone(),
        ignored("host-statistics", OPTIONS, Boolean, "host-statistics yes;", BY_CHANNEL).moot(NO).gone(),
        ignored("host-statistics-max", OPTIONS, Number, "host-statistics-max 100;", BY_CHANNEL).gone(),
        ignored("ixfr-base", ZONE, Quoted, "ixfr-base \"i\";", NO_TRANSFER).gone(),
        ignored("ixfr-tmp-file", ZONE, Quoted, "ixfr-tmp-file \"i\";", NO_TRANSFER).gone(),
        ignored("lwres", TOP, Form(&F::Unread), "lwres { };", "named has dropped the lightweight resolver as well").repeats().gone(),
        ignored("maintain-ixfr-base", BOTH | ZONE, Boolean, "maintain-ixfr-base yes;", NO_TRANSFER).gone(),
        ignored("max-acache-size", BOTH, SizeOrPercent, "max-acache-size 1M;", ONE_CACHE).gone(),
        ignored("max-ixfr-log-size", BOTH | ZONE, Size, "max-ixfr-log-size 1M;", NO_TRANSFER).gone(),
        ignored("min-roots", BOTH, Number, "min-roots 2;", NEVER_ITERATES).gone(),
        refused("multiple-cnames", OPTIONS, Boolean, "multiple-cnames yes;", "a name has one CNAME (RFC 2181 §10.1)").moot(NO).gone(),
        ignored("named-xfer", OPTIONS, Quoted, "named-xfer \"/usr/sbin/named-xfer\";", NO_TRANSFER).gone(),
        ignored("nosit-udp-size", BOTH, Number, "nosit-udp-size 1232;", "max-udp-size holds for clients without a cookie, too").gone(),
        ignored("pubkey", ZONE, Form(&F::All(&[F::Number, F::Number, F::Number, F::Quoted])), "pubkey 257 3 5 \"AwEAAQ==\";", UNSIGNED).repeats().gone(),
        ignored("queryport-pool-ports", BOTH, Number, "queryport-pool-ports 8;", SYSTEM_PORTS).gone(),
        ignored("queryport-pool-updateinterval", BOTH, Number, "queryport-pool-updateinterval 15;", SYSTEM_PORTS).gone(),
        ignored("request-sit", BOTH | SERVER, Boolean, "request-sit yes;", NOT_ONE_COOKIE).gone(),
        ignored("rfc2308-type1", BOTH, Boolean, "rfc2308-type1 yes;", "negative answers carry their SOA alone").moot(NO).gone(),
        ignored("serial-queries", OPTIONS, Number, "serial-queries 4;", NO_TRANSFER).gone(),
        ignored("sit-secret", OPTIONS, Text, "sit-secret \"00112233445566778899aabbccddeeff\";", NOT_ONE_COOKIE).gone(),
        ignored("statistics-interval", OPTIONS, Number, "statistics-interval 60;", BY_CHANNEL).gone(),
        ignored("support-ixfr", SERVER, Boolean, "support-ixfr yes;", NO_TRANSFER).gone(),
        ignored("topology", BOTH, MatchList, "topology { any; };", "the fastest forwarder is preferred").gone(),
        ignored("treat-cr-as-space", OPTIONS, Boolean, "treat-cr-as-space yes;", "a carriage return is always a space").gone(),
        ignored("use-id-pool", OPTIONS, Boolean, "use-id-pool yes;", "IDs are always drawn at random").gone(),
        ignored("use-ixfr", OPTIONS, Boolean, "use-ixfr yes;", NO_TRANSFER).gone(),
        ignored("use-queryport-pool", BOTH, Boolean, "use-queryport-pool yes;", SYSTEM_PORTS).gone(),
    ]
};
