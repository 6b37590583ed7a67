//! The order in which named-checkconf writes statements: groups by where else they may stand, each by alphabet.

use crate::config::named_conf::grammar;

/// Statements of `options` and `view` that zones have as well: the last group.
const OF_ZONES: &[&str] = &[
    "allow-notify",
    "allow-query",
    "allow-query-on",
    "allow-transfer",
    "allow-update",
    "allow-update-forwarding",
    "also-notify",
    "alt-transfer-source",
    "alt-transfer-source-v6",
    "auto-dnssec",
    "check-dup-records",
    "check-integrity",
    "check-mx",
    "check-mx-cname",
    "check-sibling",
    "check-spf",
    "check-srv-cname",
    "check-wildcard",
    "dialup",
    "dnskey-sig-validity",
    "dnssec-dnskey-kskonly",
    "dnssec-loadkeys-interval",
    "dnssec-policy",
    "dnssec-secure-to-insecure",
    "dnssec-update-mode",
    "forward",
    "forwarders",
    "key-directory",
    "maintain-ixfr-base",
    "masterfile-format",
    "masterfile-style",
    "max-ixfr-log-size",
    "max-ixfr-ratio",
    "max-journal-size",
    "max-records",
    "max-records-per-type",
    "max-refresh-time",
    "max-retry-time",
    "max-transfer-idle-in",
    "max-transfer-idle-out",
    "max-transfer-time-in",
    "max-transfer-time-out",
    "max-types-per-name",
    "max-zone-ttl",
    "min-refresh-time",
    "min-retry-time",
    "multi-master",
    "notify",
    "notify-delay",
    "notify-source",
    "notify-source-v6",
    "notify-to-soa",
    "nsec3-test-zone",
    "parental-source",
    "parental-source-v6",
    "request-expire",
    "request-ixfr",
    "serial-update-method",
    "sig-signing-nodes",
    "sig-signing-signatures",
    "sig-signing-type",
    "sig-validity-interval",
    "transfer-source",
    "transfer-source-v6",
    "try-tcp-refresh",
    "update-check-ksk",
    "use-alt-transfer-source",
    "zero-no-soa-ttl",
    "zone-statistics",
];

/// Of a channel, which are few and in an order of their own.
const OF_CHANNELS: &[&str] =
    &["file", "syslog", "null", "stderr", "severity", "print-time", "print-severity", "print-category", "buffered"];

/// By what a statement is sorted within its group: two stand out of the alphabet.
pub(super) fn key(name: &'static str) -> &'static str {
    match name {
        "max-query-restarts" => "max-recursion-queries-",
        "stale-answer-enable" => "stale-answer",
        _ => name,
    }
}

/// The group of a statement in a block of this statement; within a group the alphabet decides.
pub(super) fn rank(name: &str, of: &str) -> usize {
    let may_stand = |place| grammar::find(name, place).is_some();
    let is_of_zones = OF_ZONES.contains(&name);
    match of {
        "" => usize::from(may_stand(grammar::VIEW)),
        "options" | "view" if is_of_zones => 3,
        "options" => 2 * usize::from(may_stand(grammar::VIEW)),
        "view" if name.starts_with("match-") => 0,
        "view" if may_stand(grammar::TOP) => 1,
        "view" => 2,
        "zone" if name == "type" => 0,
        "zone" => 1 + usize::from(is_of_zones),
        "logging" => usize::from(name == "category"),
        "channel" => OF_CHANNELS.iter().position(|word| *word == name).unwrap_or(OF_CHANNELS.len()),
        _ => 0,
    }
}
