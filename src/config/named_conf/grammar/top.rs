//! Statements outside every block.

use super::form::{self, Form as F};
use super::places::{
    CONTROLS, DLZ, DNSSEC_POLICY, EVERYWHERE, HTTP, KEY, LOGGING, OPTIONS, SERVER, STATISTICS, TLS, TOP, VIEW, ZONE,
};
use super::reasons::{NO_TRANSFER, NOT_YET_SAFE, UNVALIDATED};
use super::row::{Row, honoured, ignored, refused};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("include", EVERYWHERE, Include, "include \"included.conf\";").repeats(),
        honoured("acl", TOP, Acl, "acl a { 192.0.2.1; }; options { blackhole { a; }; };").repeats(),
        honoured("controls", TOP, Body(CONTROLS), "controls { inet 127.0.0.1 allow { localhost; }; };").repeats().but("rndc speaks TCP: a unix channel is refused"),
        refused("dlz", TOP | VIEW, NamedBody(DLZ), "dlz \"d\" { database \"x\"; };", NOT_YET_SAFE).repeats(),
        ignored("dnssec-policy", TOP, NamedBody(DNSSEC_POLICY), "dnssec-policy p { };", "no zone is signed here").repeats(),
        refused("dyndb", TOP | VIEW, Form(&F::All(&[F::Text, F::Quoted, F::Unread])), "dyndb \"d\" \"x.so\" { };", "modules cannot be loaded").repeats(),
        ignored("http", TOP, NamedBody(HTTP), "http h { endpoints { \"/dns-query\"; }; };", "DNS over HTTPS is not served")
            .repeats(),
        honoured("key", TOP | VIEW, NamedBody(KEY), "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").repeats().but("MACs are not cut short: hmac-sha256-128 and its kin are refused"),
        honoured("logging", TOP, Body(LOGGING), "logging { channel c { null; }; };"),
        ignored("managed-keys", TOP | VIEW, Form(&form::TRUST_ANCHORS), "managed-keys { . initial-key 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        ignored("masters", TOP, Form(&F::All(&[F::Text, F::Servers])), "masters m { 192.0.2.1; };", NO_TRANSFER).repeats(),
        honoured("options", TOP, Body(OPTIONS), "options { recursion no; };"),
        ignored("parental-agents", TOP, Form(&F::All(&[F::Text, F::Servers])), "parental-agents p { 192.0.2.1; };", "no zone is signed here").repeats(),
        refused("plugin", TOP | VIEW, Form(&F::All(&[F::OneOf(&["query"]), F::Text, F::Maybe(&F::Unread)])), "plugin query \"x.so\";", "modules cannot be loaded").repeats(),
        ignored("primaries", TOP, Form(&F::All(&[F::Text, F::Servers])), "primaries m { 192.0.2.1; };", NO_TRANSFER).repeats(),
        honoured("server", TOP | VIEW, PrefixBody(SERVER), "server 192.0.2.1 { edns no; };").repeats(),
        honoured("statistics-channels", TOP, Body(STATISTICS), "statistics-channels { inet 127.0.0.1 port 8053; };")
            .repeats(),
        ignored("tls", TOP, NamedBody(TLS), "tls t { key-file \"k\"; cert-file \"c\"; };", "what names it is told of by itself, and DNS over TLS is not implemented yet")
            .repeats(),
        ignored("trust-anchors", TOP | VIEW, Form(&form::TRUST_ANCHORS), "trust-anchors { . initial-key 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        ignored("trusted-keys", TOP | VIEW, Form(&form::TRUSTED_KEYS), "trusted-keys { . 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        honoured("view", TOP, ClassedBody(VIEW), "view v { recursion no; };").repeats().but("one of another class than IN is ignored"),
        honoured("zone", TOP | VIEW, ClassedBody(ZONE), "zone z { type forward; forwarders { 192.0.2.2; }; };")
            .repeats(),
    ]
};
