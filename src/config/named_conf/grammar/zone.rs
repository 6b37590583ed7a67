//! Statements of `zone`, some of them also of `options` and `view`.

use super::form::Form as F;
use super::places::{
    ANSWERED, BOTH, COPIED, FILED, FORWARD, HINT, PRIMARY, REDIRECT, SECONDARY, SERVED, SIGNED, STATIC_STUB, STUB, ZONE,
};
use super::reasons::{
    CHECKED, HINTS, NEVER_ITERATES, NO, NO_LIMIT, NO_TRANSFER, OF_UPDATES, READ_ONLY, UNSIGNED, WOULD_SIGN, YES,
};
use super::row::{Row, honoured, ignored, part, refused};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("type", ZONE, OneOf(ZONE_TYPES), "type forward; forwarders { 192.0.2.4; };").but("forward, primary (master) and hint; the others are refused"),
        honoured("allow-query", ANSWERED, MatchList, "allow-query { 192.0.2.1; };"),
        honoured("allow-query-on", ANSWERED, MatchList, "allow-query-on { 192.0.2.1; };"),
        refused("auto-dnssec", BOTH | SIGNED, OneOf(&["allow", "maintain", "off"]), "auto-dnssec maintain;", WOULD_SIGN).moot(&["off"]),
        ignored("check-dup-records", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-dup-records fail;", CHECKED),
        ignored("check-integrity", BOTH | PRIMARY, Boolean, "check-integrity no;", CHECKED).moot(YES),
        ignored("check-mx", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-mx fail;", CHECKED),
        ignored("check-mx-cname", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-mx-cname fail;", CHECKED).moot(&["warn"]),
        ignored("check-sibling", BOTH | PRIMARY, Boolean, "check-sibling no;", CHECKED).moot(YES),
        ignored("check-spf", BOTH | PRIMARY, OneOf(&["warn", "ignore"]), "check-spf warn;", CHECKED),
        ignored("check-srv-cname", BOTH | PRIMARY, OneOf(&["fail", "warn", "ignore"]), "check-srv-cname fail;", CHECKED).moot(&["warn"]),
        ignored("check-wildcard", BOTH | PRIMARY, Boolean, "check-wildcard no;", CHECKED).moot(YES),
        refused("database", SERVED | STUB, Text, "database \"x\";", "zones are read from files alone"),
        ignored("delegation-only", FORWARD | HINT | STUB, Boolean, "delegation-only yes;", NEVER_ITERATES).moot(NO),
        ignored("dialup", BOTH | SIGNED | STUB, BooleanOr(&["notify", "notify-passive", "refresh", "passive"]), "dialup yes;", "there are no dial-up zones").moot(NO),
        refused("dlz", SIGNED | REDIRECT, Text, "dlz \"d\";", "zones are read from files alone"),
        ignored("dnskey-sig-validity", BOTH | SIGNED, Number, "dnskey-sig-validity 3;", UNSIGNED),
        ignored("dnssec-dnskey-kskonly", BOTH | SIGNED, Boolean, "dnssec-dnskey-kskonly yes;", UNSIGNED),
        ignored("dnssec-loadkeys-interval", BOTH | SIGNED, Number, "dnssec-loadkeys-interval 60;", UNSIGNED),
        refused("dnssec-policy", BOTH | SIGNED, Text, "dnssec-policy default;", WOULD_SIGN).moot(&["none"]),
        ignored("dnssec-secure-to-insecure", BOTH | PRIMARY, Boolean, "dnssec-secure-to-insecure yes;", UNSIGNED).moot(NO),
        ignored("dnssec-update-mode", BOTH | SIGNED, OneOf(&["maintain", "no-resign"]), "dnssec-update-mode maintain;", UNSIGNED),
        honoured("file", FILED, Quoted, "file \"db.local\";"),
        ignored("file", HINT, Quoted, "file \"db.local\";", HINTS),
        ignored("forward", SIGNED | STUB | STATIC_STUB, OneOf(&["first", "only"]), "forward only;", "nothing is asked but forwarders"),
        honoured("forwarders", PRIMARY, Forwarders, "forwarders { };"),
        ignored("forwarders", SECONDARY | STUB | STATIC_STUB, Forwarders, "forwarders { 192.0.2.1; };", "zones of this type are not served"),
        honoured("in-view", ZONE, Text, "in-view v;"),
        refused("inline-signing", BOTH | SIGNED, Boolean, "inline-signing yes;", WOULD_SIGN).moot(NO),
        honoured("journal", SERVED, Quoted, "journal \"db.jnl\";"),
        refused("masterfile-format", BOTH | FILED, OneOf(&["raw", "text"]), "masterfile-format raw;", "zone files are text: 'named-compilezone -f raw -F text -o TEXT ZONE RAW' makes one of it").moot(&["text"]),
        ignored("masterfile-style", BOTH | FILED, OneOf(&["full", "relative"]), "masterfile-style full;", READ_ONLY),
        part("masters", COPIED, Form(&F::Servers), "masters { 192.0.2.1; };"),
        ignored("max-ixfr-ratio", BOTH | SERVED, Form(&F::Or(&["unlimited"], &F::Percent)), "max-ixfr-ratio 50%;", NO_TRANSFER),
        ignored("max-records", BOTH | ANSWERED, Number, "max-records 1000;", NO_LIMIT).moot(&["0"]),
        ignored("max-records-per-type", BOTH | ANSWERED, Number, "max-records-per-type 100;", OF_UPDATES),
        ignored("max-types-per-name", BOTH | ANSWERED, Number, "max-types-per-name 100;", OF_UPDATES),
        ignored("max-zone-ttl", BOTH | PRIMARY | REDIRECT, Form(&F::Or(&["unlimited"], &F::Duration)), "max-zone-ttl 1d;", "records keep the TTL that they are written with").moot(&["unlimited"]),
        ignored("notify-delay", BOTH | SERVED, Number, "notify-delay 5;", NO_TRANSFER),
        ignored("notify-to-soa", BOTH | SIGNED, Boolean, "notify-to-soa yes;", NO_TRANSFER).moot(NO),
        ignored("parental-agents", SIGNED, Form(&F::Servers), "parental-agents { 192.0.2.1; };", UNSIGNED),
        ignored("parental-source", BOTH | SIGNED, Form(&F::SourceV4), "parental-source *;", UNSIGNED),
        ignored("parental-source-v6", BOTH | SIGNED, Form(&F::SourceV6), "parental-source-v6 *;", UNSIGNED),
        part("primaries", COPIED, Form(&F::Servers), "primaries { 192.0.2.1; };"),
        ignored("serial-update-method", BOTH | PRIMARY, OneOf(&["date", "increment", "unixtime"]), "serial-update-method date;", "a change by updates raises the serial by one").moot(&["increment"]),
        part("server-addresses", STATIC_STUB, Form(&F::List(&F::Address)), "server-addresses { 192.0.2.1; };"),
        part("server-names", STATIC_STUB, Form(&F::List(&F::Text)), "server-names { ns.example; };"),
        ignored("sig-signing-nodes", BOTH | SIGNED, Number, "sig-signing-nodes 10;", UNSIGNED),
        ignored("sig-signing-signatures", BOTH | SIGNED, Number, "sig-signing-signatures 10;", UNSIGNED),
        ignored("sig-signing-type", BOTH | SIGNED, Number, "sig-signing-type 65534;", UNSIGNED),
        ignored("sig-validity-interval", BOTH | SIGNED, Numbers(1, 2), "sig-validity-interval 30;", UNSIGNED),
        ignored("update-check-ksk", BOTH | SIGNED, Boolean, "update-check-ksk no;", UNSIGNED),
        honoured("update-policy", PRIMARY, UpdatePolicy, "update-policy { grant k zonesub ANY; };").but("local and rules of Kerberos, addresses or other programs are refused"),
        ignored("zero-no-soa-ttl", BOTH | SERVED, Boolean, "zero-no-soa-ttl no;", "a negative answer has the TTL of RFC 2308 §5, for SOA questions too"),
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
