//! Statements of the blocks that stand and fall as a whole: `rate-limit`, `dns64`, `dnssec-policy`, `tls`, `http`, `dlz`.

use super::form::{self, Form as F};
use super::places::{DLZ, DNS64, DNSSEC_POLICY, HTTP, RATE_LIMIT, TLS};
use super::row::{Row, part};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        part("all-per-second", RATE_LIMIT, Number, "all-per-second 9;"),
        part("errors-per-second", RATE_LIMIT, Number, "errors-per-second 9;"),
        part("exempt-clients", RATE_LIMIT, MatchList, "exempt-clients { any; };"),
        part("ipv4-prefix-length", RATE_LIMIT, Number, "ipv4-prefix-length 24;"),
        part("ipv6-prefix-length", RATE_LIMIT, Number, "ipv6-prefix-length 56;"),
        part("log-only", RATE_LIMIT, Boolean, "log-only yes;"),
        part("max-table-size", RATE_LIMIT, Number, "max-table-size 20000;"),
        part("min-table-size", RATE_LIMIT, Number, "min-table-size 500;"),
        part("nodata-per-second", RATE_LIMIT, Number, "nodata-per-second 9;"),
        part("nxdomains-per-second", RATE_LIMIT, Number, "nxdomains-per-second 9;"),
        part("qps-scale", RATE_LIMIT, Number, "qps-scale 9;"),
        part("referrals-per-second", RATE_LIMIT, Number, "referrals-per-second 9;"),
        part("responses-per-second", RATE_LIMIT, Number, "responses-per-second 9;"),
        part("slip", RATE_LIMIT, Number, "slip 2;"),
        part("window", RATE_LIMIT, Number, "window 15;"),
        part("break-dnssec", DNS64, Boolean, "break-dnssec yes;"),
        part("clients", DNS64, MatchList, "clients { any; };"),
        part("exclude", DNS64, MatchList, "exclude { any; };"),
        part("mapped", DNS64, MatchList, "mapped { any; };"),
        part("recursive-only", DNS64, Boolean, "recursive-only yes;"),
        part("suffix", DNS64, Form(&F::V6), "suffix ::;"),
        part("dnskey-ttl", DNSSEC_POLICY, Duration, "dnskey-ttl 1h;"),
        part("keys", DNSSEC_POLICY, Form(&form::POLICY_KEYS), "keys { csk lifetime unlimited algorithm 13; };"),
        part("max-zone-ttl", DNSSEC_POLICY, Duration, "max-zone-ttl 1h;"),
        part("nsec3param", DNSSEC_POLICY, Form(&form::NSEC3PARAM), "nsec3param iterations 0;"),
        part("parent-ds-ttl", DNSSEC_POLICY, Duration, "parent-ds-ttl 1h;"),
        part("parent-propagation-delay", DNSSEC_POLICY, Duration, "parent-propagation-delay 1h;"),
        part("parent-registration-delay", DNSSEC_POLICY, Duration, "parent-registration-delay 1h;"),
        part("publish-safety", DNSSEC_POLICY, Duration, "publish-safety 1h;"),
        part("purge-keys", DNSSEC_POLICY, Duration, "purge-keys 1h;"),
        part("retire-safety", DNSSEC_POLICY, Duration, "retire-safety 1h;"),
        part("signatures-jitter", DNSSEC_POLICY, Duration, "signatures-jitter 1h;"),
        part("signatures-refresh", DNSSEC_POLICY, Duration, "signatures-refresh 1h;"),
        part("signatures-validity", DNSSEC_POLICY, Duration, "signatures-validity 2w;"),
        part("signatures-validity-dnskey", DNSSEC_POLICY, Duration, "signatures-validity-dnskey 2w;"),
        part("zone-propagation-delay", DNSSEC_POLICY, Duration, "zone-propagation-delay 1h;"),
        part("ca-file", TLS, Quoted, "ca-file \"f\";"),
        part("cert-file", TLS, Quoted, "cert-file \"c\"; key-file \"k\";"),
        part("ciphers", TLS, Text, "ciphers \"HIGH\";"),
        part("dhparam-file", TLS, Quoted, "dhparam-file \"f\";"),
        part("key-file", TLS, Quoted, "key-file \"k\"; cert-file \"c\";"),
        part("prefer-server-ciphers", TLS, Boolean, "prefer-server-ciphers yes;"),
        part("protocols", TLS, Form(&F::List(&F::Text)), "protocols { TLSv1.3; };"),
        part("remote-hostname", TLS, Quoted, "remote-hostname \"f\";"),
        part("session-tickets", TLS, Boolean, "session-tickets yes;"),
        part("endpoints", HTTP, Form(&F::List(&F::Quoted)), "endpoints { \"/dns-query\"; };"),
        part("listener-clients", HTTP, Number, "listener-clients 300;"),
        part("streams-per-connection", HTTP, Number, "streams-per-connection 100;"),
        part("database", DLZ, Text, "database \"x\";"),
        part("search", DLZ, Boolean, "search yes;"),
    ]
};
