//! Statements outside every block.

use super::places::{CONTROLS, EVERYWHERE, KEY, LOGGING, OPTIONS, SERVER, STATISTICS, TOP, VIEW, ZONE};
use super::reasons::{NO_TRANSFER, NOT_YET_SAFE, UNVALIDATED};
use super::row::{Row, honoured, ignored, refused};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("include", EVERYWHERE, Include, "include \"included.conf\";").repeats(),
        honoured("acl", TOP, Acl, "acl a { 192.0.2.1; }; options { blackhole { a; }; };").repeats(),
        honoured("controls", TOP, Body(CONTROLS), "controls { inet 127.0.0.1 allow { localhost; }; };").repeats(),
        refused("dlz", TOP | VIEW, Anything, "dlz \"d\" { database \"x\"; };", NOT_YET_SAFE).repeats(),
        ignored("dnssec-policy", TOP, Block, "dnssec-policy p { };", "no zone is signed here").repeats(),
        refused("dyndb", TOP | VIEW, Anything, "dyndb \"d\" \"x.so\" { };", "modules cannot be loaded").repeats(),
        ignored("http", TOP, Block, "http h { endpoints { \"/dns-query\"; }; };", "DNS over HTTPS is not served")
            .repeats(),
        honoured("key", TOP | VIEW, NamedBody(KEY), "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").repeats(),
        honoured("logging", TOP, Body(LOGGING), "logging { channel c { null; }; };"),
        ignored("lwres", TOP, Block, "lwres { };", "named has dropped the lightweight resolver as well").repeats(),
        ignored("managed-keys", TOP | VIEW, Block, "managed-keys { . initial-key 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        ignored("masters", TOP, Block, "masters m { 192.0.2.1; };", NO_TRANSFER).repeats(),
        honoured("options", TOP, Body(OPTIONS), "options { recursion no; };"),
        ignored("parental-agents", TOP, Block, "parental-agents p { 192.0.2.1; };", "no zone is signed here").repeats(),
        refused("plugin", TOP | VIEW, Anything, "plugin query \"x.so\";", "modules cannot be loaded").repeats(),
        ignored("primaries", TOP, Block, "primaries m { 192.0.2.1; };", NO_TRANSFER).repeats(),
        honoured("server", TOP | VIEW, PrefixBody(SERVER), "server 192.0.2.1 { edns no; };").repeats(),
        honoured("statistics-channels", TOP, Body(STATISTICS), "statistics-channels { inet 127.0.0.1 port 8053; };")
            .repeats(),
        ignored("tls", TOP, Block, "tls t { key-file \"k\"; cert-file \"c\"; };", "DNS over TLS is not served")
            .repeats(),
        ignored("trust-anchors", TOP | VIEW, Block, "trust-anchors { . initial-key 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        ignored("trusted-keys", TOP | VIEW, Block, "trusted-keys { . 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        honoured("view", TOP, ClassedBody(VIEW), "view v { recursion no; };").repeats(),
        honoured("zone", TOP | VIEW, ClassedBody(ZONE), "zone z { type forward; forwarders { 192.0.2.2; }; };")
            .repeats(),
    ]
};
