//! Statements of `zone`, some of them also of `options` and `view`.

use super::places::{BOTH, FORWARD, HINT, PRIMARY, ZONE};
use super::reasons::{
    ASK_PRIMARIES, CHECKED, HINTS, NEVER_ITERATES, NO, NO_LIMIT, NO_TRANSFER, OF_UPDATES, READ_ONLY, UNSIGNED,
    WOULD_SIGN, YES,
};
use super::row::{Row, honoured, ignored, refused};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("type", ZONE, OneOf(ZONE_TYPES), "type forward; forwarders { 192.0.2.4; };"),
        honoured("allow-query", PRIMARY, MatchList, "allow-query { 192.0.2.1; };"),
        honoured("allow-query-on", PRIMARY, MatchList, "allow-query-on { 192.0.2.1; };"),
        refused("auto-dnssec", BOTH | PRIMARY, OneOf(&["allow", "maintain", "off"]), "auto-dnssec maintain;", WOULD_SIGN).moot(&["off"]),
        ignored("check-dup-records", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-dup-records fail;", CHECKED),
        ignored("check-integrity", BOTH | PRIMARY, Boolean, "check-integrity no;", CHECKED).moot(YES),
        ignored("check-mx", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-mx fail;", CHECKED),
        ignored("check-mx-cname", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-mx-cname fail;", CHECKED).moot(&["warn"]),
        ignored("check-sibling", BOTH | PRIMARY, Boolean, "check-sibling no;", CHECKED).moot(YES),
        ignored("check-spf", BOTH | PRIMARY, OneOf(&["warn", "ignore"]), "check-spf warn;", CHECKED),
        ignored("check-srv-cname", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-srv-cname fail;", CHECKED).moot(&["warn"]),
        ignored("check-wildcard", BOTH | PRIMARY, Boolean, "check-wildcard no;", CHECKED).moot(YES),
        refused("database", PRIMARY, Anything, "database \"x\";", "zones are read from files alone"),
        ignored("delegation-only", FORWARD | HINT, Boolean, "delegation-only yes;", NEVER_ITERATES).moot(NO),
        ignored("dialup", BOTH | PRIMARY, BooleanOr(&["notify", "notify-passive", "refresh", "passive"]), "dialup yes;", "there are no dial-up zones").moot(NO),
        refused("dlz", PRIMARY, Anything, "dlz \"d\";", "zones are read from files alone"),
        ignored("dnskey-sig-validity", BOTH | PRIMARY, Number, "dnskey-sig-validity 3;", UNSIGNED),
        ignored("dnssec-dnskey-kskonly", BOTH | PRIMARY, Boolean, "dnssec-dnskey-kskonly yes;", UNSIGNED),
        ignored("dnssec-loadkeys-interval", BOTH | PRIMARY, Number, "dnssec-loadkeys-interval 60;", UNSIGNED),
        refused("dnssec-policy", BOTH | PRIMARY, Text, "dnssec-policy default;", WOULD_SIGN).moot(&["none"]),
        ignored("dnssec-secure-to-insecure", BOTH | PRIMARY, Boolean, "dnssec-secure-to-insecure yes;", UNSIGNED).moot(NO),
        ignored("dnssec-update-mode", BOTH | PRIMARY, OneOf(&["maintain", "no-resign"]), "dnssec-update-mode maintain;", UNSIGNED),
        honoured("file", PRIMARY, Quoted, "file \"db.local\";"),
        ignored("file", HINT, Quoted, "file \"db.local\";", HINTS),
        ignored("forward", PRIMARY, OneOf(&["first", "only"]), "forward only;", "names below a delegation of a zone get a referral"),
        ignored("forwarders", PRIMARY, Block, "forwarders { 192.0.2.1; };", "names below a delegation of a zone get a referral"),
        refused("in-view", ZONE, Text, "in-view v;", "zones shared between views are not implemented yet: write the zone in each view, with a file of its own in each if it takes updates"),
        refused("inline-signing", BOTH | PRIMARY, Boolean, "inline-signing yes;", WOULD_SIGN).moot(NO),
        honoured("journal", PRIMARY, Quoted, "journal \"db.jnl\";"),
        refused("masterfile-format", BOTH | PRIMARY, OneOf(&["raw", "text"]), "masterfile-format raw;", "zone files are text: 'named-compilezone -f raw -F text -o TEXT ZONE RAW' makes one of it").moot(&["text"]),
        ignored("masterfile-style", BOTH | PRIMARY, OneOf(&["full", "relative"]), "masterfile-style full;", READ_ONLY),
        refused("masters", FORWARD, Anything, "masters { 192.0.2.1; };", ASK_PRIMARIES),
        refused("primaries", FORWARD, Anything, "primaries { 192.0.2.1; };", ASK_PRIMARIES),
        ignored("max-ixfr-ratio", BOTH | PRIMARY, SizeOrPercent, "max-ixfr-ratio 50%;", NO_TRANSFER),
        ignored("max-records", BOTH | PRIMARY, Number, "max-records 1000;", NO_LIMIT).moot(&["0"]),
        ignored("max-records-per-type", BOTH | PRIMARY, Number, "max-records-per-type 100;", OF_UPDATES),
        ignored("max-types-per-name", BOTH | PRIMARY, Number, "max-types-per-name 100;", OF_UPDATES),
        ignored("max-zone-ttl", BOTH | PRIMARY, Text, "max-zone-ttl 1d;", "records keep the TTL that they are written with").moot(&["unlimited"]),
        ignored("notify-delay", BOTH | PRIMARY, Number, "notify-delay 5;", NO_TRANSFER),
        ignored("notify-to-soa", BOTH | PRIMARY, Boolean, "notify-to-soa yes;", NO_TRANSFER).moot(NO),
        ignored("nsec3-test-zone", PRIMARY, Boolean, "nsec3-test-zone yes;", UNSIGNED).moot(NO),
        ignored("parental-agents", PRIMARY, Block, "parental-agents { 192.0.2.1; };", UNSIGNED),
        ignored("parental-source", BOTH | PRIMARY, Words(1, 3), "parental-source *;", UNSIGNED),
        ignored("parental-source-v6", BOTH | PRIMARY, Words(1, 3), "parental-source-v6 *;", UNSIGNED),
        ignored("serial-update-method", BOTH | PRIMARY, OneOf(&["date", "increment", "unixtime"]), "serial-update-method date;", "a change by updates raises the serial by one").moot(&["increment"]),
        ignored("sig-signing-nodes", BOTH | PRIMARY, Number, "sig-signing-nodes 10;", UNSIGNED),
        ignored("sig-signing-signatures", BOTH | PRIMARY, Number, "sig-signing-signatures 10;", UNSIGNED),
        ignored("sig-signing-type", BOTH | PRIMARY, Number, "sig-signing-type 65534;", UNSIGNED),
        ignored("sig-validity-interval", BOTH | PRIMARY, Numbers(1, 2), "sig-validity-interval 30;", UNSIGNED),
        ignored("update-check-ksk", BOTH | PRIMARY, Boolean, "update-check-ksk no;", UNSIGNED),
        honoured("update-policy", PRIMARY, UpdatePolicy, "update-policy { grant k zonesub ANY; };"),
        ignored("zero-no-soa-ttl", BOTH | PRIMARY, Boolean, "zero-no-soa-ttl no;", "a negative answer has the TTL of RFC 2308 §5, for SOA questions too"),
    ]
};

/// What may follow `type`.
const ZONE_TYPES: &[&str] = &[
    "forward",
    "hint",
    "primary",
    "master",
    "secondary",
    "slave",
    "stub",
    "static-stub",
    "mirror",
    "redirect",
    "delegation-only",
];
