//! The statements: one row each, with where it may stand, what follows its name and what becomes of it.
//!
//! `body` reads by this table, `lower` takes the honoured values; an [`Support::Ignored`] statement costs one warning
//! that says what happens instead, a [`Support::Refused`] one is an error. What is in no row is unknown.
//! A name may have several rows for different places.

use crate::config::suggest;

/// Where a statement may stand: a set of the constants below.
pub(super) type Places = u16;

/// Outside every block.
pub(super) const TOP: Places = 1;
pub(super) const OPTIONS: Places = 1 << 1;
pub(super) const VIEW: Places = 1 << 2;
/// `zone … { type forward; }`
pub(super) const FORWARD: Places = 1 << 3;
/// `zone … { type primary; }`
pub(super) const PRIMARY: Places = 1 << 4;
/// `zone … { type hint; }`
pub(super) const HINT: Places = 1 << 5;
pub(super) const LOGGING: Places = 1 << 6;
pub(super) const CHANNEL: Places = 1 << 7;
pub(super) const SERVER: Places = 1 << 8;
pub(super) const KEY: Places = 1 << 9;
/// In any zone; what its type allows is seen once the type is known.
pub(super) const ZONE: Places = FORWARD | PRIMARY | HINT;
const BOTH: Places = OPTIONS | VIEW;
/// Every place.
pub(super) const EVERYWHERE: Places = (1 << 10) - 1;

/// The places one by one, with the words for them.
pub(super) const PLACES: &[(Places, &str)] = &[
    (TOP, "the top level"),
    (OPTIONS, "'options'"),
    (VIEW, "'view'"),
    (FORWARD, "'zone' of type forward"),
    (PRIMARY, "'zone' of type primary"),
    (HINT, "'zone' of type hint"),
    (LOGGING, "'logging'"),
    (CHANNEL, "'channel'"),
    (SERVER, "'server'"),
    (KEY, "'key'"),
];

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It does what it says.
    Honoured,
    /// Accepted with one warning: what happens instead.
    Ignored(&'static str),
    /// An error: why it cannot be passed over.
    Refused(&'static str),
}

/// What follows a statement's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing.
    Nothing,
    /// yes, no, true, false, 1, 0
    Boolean,
    /// A boolean or one of these words.
    BooleanOr(&'static [&'static str]),
    /// `0..=u32::MAX`, also hexadecimal (0x) and octal (0) as strtoul reads them.
    Number,
    /// A number, or one of these words.
    NumberOr(&'static [&'static str]),
    /// So many numbers.
    Numbers(usize, usize),
    /// Seconds: `3600`, `1w2d`, `PT3H`.
    Duration,
    /// A string in quotes.
    Quoted,
    /// A string in quotes, or one of these words without.
    QuotedOr(&'static [&'static str]),
    /// A string in quotes or a word.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `512M`, `unlimited`, `default`.
    Size,
    /// As a size, or `90%`.
    SizeOrPercent,
    /// So many words or strings, unread.
    Words(usize, usize),
    /// Any words, then a block, unread.
    Block,
    /// Everything up to the semicolon, unread: only for what is refused.
    Anything,
    /// `{ address_match_element; … }`
    MatchList,
    /// `[port N] { ADDRESS [port N]; … }`
    Forwarders,
    /// `[port N] { address_match_element; … }`
    Listen,
    /// `[address] ( ADDRESS | * ) [port ( N | * )]`, IPv4
    SourceV4,
    /// The same, IPv6.
    SourceV6,
    /// `{ [class …] [type …] [name …] order ORDER; … }`
    RrsetOrder,
    /// A name, then a match list.
    Acl,
    /// A block of statements of this place.
    Body(Places),
    /// A name, then such a block.
    NamedBody(Places),
    /// A name, an optional class, then such a block.
    ClassedBody(Places),
    /// A prefix, then such a block.
    PrefixBody(Places),
    /// A category, then channels in a block.
    Category,
    /// A file name with `versions`, `size`, `suffix`.
    LogFile,
    /// A severity of a channel.
    Severity,
    /// An optional syslog facility.
    Facility,
    /// `{ ( grant | deny ) IDENTITY RULE [NAME] TYPE…; … }`, or `local`.
    UpdatePolicy,
    /// The files of this name or pattern take the statement's place.
    Include,
}

/// One statement.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) places: Places,
    pub(super) shape: Shape,
    pub(super) support: Support,
    /// May stand more than once in one block.
    pub(super) repeats: bool,
    /// Values that say what is the case anyway: neither a warning nor an error.
    pub(super) moot: &'static [&'static str],
    /// The statement as a file has it; where the value matters, one that is not the default.
    pub(super) example: &'static str,
}

impl Row {
    const fn new(name: &'static str, places: Places, shape: Shape, support: Support, example: &'static str) -> Self {
        Self { name, places, shape, support, repeats: false, moot: &[], example }
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn moot(mut self, values: &'static [&'static str]) -> Self {
        self.moot = values;
        self
    }
}

const fn honoured(name: &'static str, places: Places, shape: Shape, example: &'static str) -> Row {
    Row::new(name, places, shape, Support::Honoured, example)
}

const fn ignored(
    name: &'static str,
    places: Places,
    shape: Shape,
    example: &'static str,
    instead: &'static str,
) -> Row {
    Row::new(name, places, shape, Support::Ignored(instead), example)
}

const fn refused(name: &'static str, places: Places, shape: Shape, example: &'static str, why: &'static str) -> Row {
    Row::new(name, places, shape, Support::Refused(why), example)
}

const NO: &[&str] = &["no", "false", "0"];
const YES: &[&str] = &["yes", "true", "1"];

const UNVALIDATED: &str = "answers are not validated here: DO and CD pass through, AD is cleared";
const NO_TRANSFER: &str = "no zone is transferred from or to this server yet";
const ASK_PRIMARIES: &str = "zones are not transferred yet: write type forward, and these addresses as forwarders";
const UNSIGNED: &str = "no zone is signed here: records are served as the file has them";
const WOULD_SIGN: &str = "no zone is signed here: validators would see an unsigned zone";
const CHECKED: &str = "files are always checked: what contradicts itself is an error, what is only odd a warning";
const NO_LIMIT: &str = "the size of a zone is not bounded";
const OF_UPDATES: &str =
    "an update leaves no name with more than 100 types, no type with more than 100 records; files may";
const READ_ONLY: &str = "zone files are read and never written: updates stand in the journal";
const HINTS: &str = "no root server is ever asked";
const NEVER_ITERATES: &str = "this server only forwards, it never asks authoritative servers itself";
const NOT_COUNTED: &str = "there are no statistics yet";
const NO_CONTROL: &str =
    "rndc's channel is not there yet: use signals; 'tandem ctl' needs a configuration in TOML with state_directory";
const NO_SUCH_FILE: &str = "this server writes no such file";
const BY_SYSTEM: &str = "the limits that the system gives the process hold (systemd: Limit…=)";
const NOT_YET_SAFE: &str = "it is not implemented yet, and answers without it would not be what it promises";

/// Every statement, by place and then by alphabet.
#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("include", EVERYWHERE, Include, "include \"included.conf\";").repeats(),
        // Top level.
        honoured("acl", TOP, Acl, "acl a { 192.0.2.1; }; options { blackhole { a; }; };").repeats(),
        ignored("controls", TOP, Block, "controls { inet 127.0.0.1 allow { localhost; }; };", NO_CONTROL).repeats(),
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
        ignored("statistics-channels", TOP, Block, "statistics-channels { inet 127.0.0.1 port 8053; };", NOT_COUNTED)
            .repeats(),
        ignored("tls", TOP, Block, "tls t { key-file \"k\"; cert-file \"c\"; };", "DNS over TLS is not served")
            .repeats(),
        ignored("trust-anchors", TOP | VIEW, Block, "trust-anchors { . initial-key 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        ignored("trusted-keys", TOP | VIEW, Block, "trusted-keys { . 257 3 8 \"AwEAAQ==\"; };", UNVALIDATED).repeats(),
        honoured("view", TOP, ClassedBody(VIEW), "view v { recursion no; };").repeats(),
        honoured("zone", TOP | VIEW, ClassedBody(ZONE), "zone z { type forward; forwarders { 192.0.2.2; }; };")
            .repeats(),
        // Options, most of them also in views.
        ignored("additional-from-auth", BOTH, Boolean, "additional-from-auth no;", "answers carry no additional data of other zones"),
        ignored("additional-from-cache", BOTH, Boolean, "additional-from-cache no;", "answers carry no additional data of other names"),
        ignored("allow-new-zones", BOTH, Boolean, "allow-new-zones yes;", "zones are added in the file alone").moot(NO),
        ignored("allow-notify", BOTH, Block, "allow-notify { none; };", NO_TRANSFER),
        honoured("allow-query", BOTH, MatchList, "allow-query { 192.0.2.1; };"),
        honoured("allow-query-cache", BOTH, MatchList, "allow-query-cache { 192.0.2.1; };"),
        refused("allow-query-cache-on", BOTH, Anything, "allow-query-cache-on { 192.0.2.1; };", "who may ask at which address is not implemented yet: use views with match-destinations"),
        refused("allow-query-on", BOTH, Anything, "allow-query-on { 192.0.2.1; };", "who may ask at which address is not implemented yet: use views with match-destinations"),
        honoured("allow-recursion", BOTH, MatchList, "allow-recursion { 192.0.2.1; };"),
        refused("allow-recursion-on", BOTH, Anything, "allow-recursion-on { 192.0.2.1; };", "who may ask at which address is not implemented yet: use views with match-destinations"),
        ignored("allow-transfer", BOTH | PRIMARY, Block, "allow-transfer { none; };", NO_TRANSFER),
        honoured("allow-update", BOTH | PRIMARY, MatchList, "allow-update { 192.0.2.1; };"),
        ignored("allow-update-forwarding", BOTH, Block, "allow-update-forwarding { none; };", "there are no secondary zones yet"),
        ignored("also-notify", BOTH | PRIMARY, Block, "also-notify { 192.0.2.1; };", NO_TRANSFER),
        honoured("answer-cookie", OPTIONS, Boolean, "answer-cookie no;"),
        ignored("attach-cache", BOTH, Text, "attach-cache \"c\";", "every view keeps its own answers"),
        ignored("auth-nxdomain", BOTH, Boolean, "auth-nxdomain yes;", "forwarded answers never have AA set").moot(NO),
        ignored("automatic-interface-scan", OPTIONS, Boolean, "automatic-interface-scan no;", "new addresses are always picked up").moot(YES),
        ignored("bindkeys-file", OPTIONS, Quoted, "bindkeys-file \"/etc/named.iscdlv.key\";", UNVALIDATED),
        honoured("blackhole", OPTIONS, MatchList, "blackhole { 192.0.2.1; };"),
        refused("catalog-zones", BOTH, Anything, "catalog-zones { zone \"c\"; };", "zones of a catalog would be missing without a word"),
        ignored("check-names", BOTH | PRIMARY | HINT, Words(1, 2), "check-names response ignore;", "names are passed on as they are").repeats(),
        ignored("cleaning-interval", BOTH, Number, "cleaning-interval 60;", "the cache is bounded at every insertion"),
        ignored("clients-per-query", BOTH, Number, "clients-per-query 10;", "the same questions always share one upstream question; recursive-clients bounds them"),
        honoured("cookie-algorithm", OPTIONS, OneOf(&["aes", "siphash24"]), "cookie-algorithm siphash24;"),
        honoured("cookie-secret", OPTIONS, Text, "cookie-secret \"00112233445566778899aabbccddeeff\";").repeats(),
        ignored("coresize", OPTIONS, Size, "coresize default;", BY_SYSTEM),
        ignored("datasize", OPTIONS, Size, "datasize default;", BY_SYSTEM),
        refused("deny-answer-addresses", BOTH, Anything, "deny-answer-addresses { 10.0.0.0/8; };", "addresses that shall be kept out would pass"),
        refused("deny-answer-aliases", BOTH, Anything, "deny-answer-aliases { \"example\"; };", "aliases that shall be kept out would pass"),
        honoured("directory", OPTIONS, Quoted, "directory \"/var/named\";"),
        ignored("disable-algorithms", BOTH, Block, "disable-algorithms . { RSAMD5; };", UNVALIDATED).repeats(),
        ignored("disable-ds-digests", BOTH, Block, "disable-ds-digests . { SHA-1; };", UNVALIDATED).repeats(),
        ignored("disable-empty-zone", BOTH, Text, "disable-empty-zone \"10.in-addr.arpa\";", "there are no built-in empty zones: such names are forwarded").repeats(),
        refused("dns64", BOTH, Anything, "dns64 64:ff9b::/96 { };", "IPv6-only clients would get no addresses")
            .repeats(),
        ignored("dnssec-accept-expired", BOTH, Boolean, "dnssec-accept-expired yes;", UNVALIDATED).moot(NO),
        ignored("dnssec-enable", BOTH, Boolean, "dnssec-enable yes;", "signatures are always passed on to who sets DO; answers are not validated here"),
        ignored("dnssec-lookaside", BOTH, Words(1, 3), "dnssec-lookaside auto;", UNVALIDATED).repeats().moot(NO),
        ignored("dnssec-must-be-secure", BOTH, Words(2, 2), "dnssec-must-be-secure example yes;", UNVALIDATED)
            .repeats(),
        ignored("dnssec-validation", BOTH, BooleanOr(&["auto"]), "dnssec-validation auto;", UNVALIDATED).moot(NO),
        ignored("dscp", OPTIONS, Number, "dscp 10;", "packets are not marked; named has dropped it as well"),
        ignored("dump-file", OPTIONS, Quoted, "dump-file \"/var/named/data/cache_dump.db\";", "the cache cannot be dumped yet"),
        honoured("edns-udp-size", OPTIONS, Number, "edns-udp-size 1400;"),
        ignored("edns-udp-size", VIEW | SERVER, Number, "edns-udp-size 1400;", "the value of 'options' holds for all"),
        ignored("empty-contact", BOTH, Text, "empty-contact \"a.example\";", "there are no built-in empty zones"),
        ignored("empty-server", BOTH, Text, "empty-server \"a.example\";", "there are no built-in empty zones"),
        ignored("empty-zones-enable", BOTH, Boolean, "empty-zones-enable yes;", "there are no built-in empty zones: such names are forwarded").moot(NO),
        ignored("fetch-glue", BOTH, Boolean, "fetch-glue yes;", NEVER_ITERATES).moot(NO),
        ignored("fetches-per-server", BOTH, Words(1, 2), "fetches-per-server 100;", "recursive-clients bounds what waits"),
        ignored("fetches-per-zone", BOTH, Words(1, 2), "fetches-per-zone 100;", "recursive-clients bounds what waits"),
        ignored("files", OPTIONS, Size, "files default;", BY_SYSTEM),
        honoured("forward", BOTH | FORWARD, OneOf(&["first", "only"]), "forward only; forwarders { 192.0.2.3; };"),
        honoured("forwarders", BOTH | FORWARD, Forwarders, "forwarders { 192.0.2.3 port 5300; };"),
        ignored("geoip-directory", OPTIONS, QuotedOr(&["none"]), "geoip-directory \"/usr/share/GeoIP\";", "no list can ask where an address is").moot(&["none"]),
        ignored("has-old-clients", OPTIONS, Boolean, "has-old-clients yes;", "answers are the same for all clients")
            .moot(NO),
        ignored("heartbeat-interval", OPTIONS, Number, "heartbeat-interval 60;", "there are no dial-up zones"),
        honoured("hostname", OPTIONS, QuotedOr(&["none"]), "hostname \"ns1\";"),
        honoured("interface-interval", OPTIONS, Duration, "interface-interval 30m;"),
        ignored("ixfr-from-differences", BOTH | PRIMARY, BooleanOr(&["primary", "master", "secondary", "slave"]), "ixfr-from-differences yes;", NO_TRANSFER).moot(NO),
        ignored("key-directory", BOTH | PRIMARY, Quoted, "key-directory \"/etc/keys\";", "no zone is signed here"),
        ignored("lame-ttl", BOTH, Duration, "lame-ttl 600;", NEVER_ITERATES).moot(&["0"]),
        honoured("listen-on", OPTIONS, Listen, "listen-on port 5300 { 127.0.0.1; };").repeats(),
        honoured("listen-on-v6", OPTIONS, Listen, "listen-on-v6 { none; };").repeats(),
        ignored("lock-file", OPTIONS, QuotedOr(&["none"]), "lock-file \"/run/named/lock\";", NO_SUCH_FILE)
            .moot(&["none"]),
        ignored("managed-keys-directory", OPTIONS, Quoted, "managed-keys-directory \"/var/named/dynamic\";", NO_SUCH_FILE),
        honoured("match-clients", VIEW, MatchList, "match-clients { 192.0.2.1; };"),
        honoured("match-destinations", VIEW, MatchList, "match-destinations { 192.0.2.1; };"),
        ignored("match-mapped-addresses", OPTIONS, Boolean, "match-mapped-addresses yes;", "an IPv4 client never shows as a mapped address").moot(NO),
        honoured("match-recursive-only", VIEW, Boolean, "match-recursive-only yes;"),
        ignored("max-acache-size", BOTH, SizeOrPercent, "max-acache-size 1M;", "there is one cache, bounded by max-cache-size"),
        honoured("max-cache-size", OPTIONS, SizeOrPercent, "max-cache-size 512M;"),
        ignored("max-cache-size", VIEW, SizeOrPercent, "max-cache-size 512M;", "the value of 'options' holds for all views together"),
        honoured("max-cache-ttl", BOTH | FORWARD, Duration, "max-cache-ttl 1h;"),
        ignored("max-clients-per-query", BOTH, Number, "max-clients-per-query 100;", "the same questions always share one upstream question; recursive-clients bounds them"),
        honoured("max-journal-size", BOTH | PRIMARY, Size, "max-journal-size 1M;"),
        honoured("max-ncache-ttl", BOTH | FORWARD, Duration, "max-ncache-ttl 10;"),
        ignored("max-recursion-depth", BOTH, Number, "max-recursion-depth 7;", NEVER_ITERATES),
        ignored("max-recursion-queries", BOTH, Number, "max-recursion-queries 100;", NEVER_ITERATES),
        honoured("max-stale-ttl", BOTH, Duration, "max-stale-ttl 2d;"),
        ignored("max-transfer-idle-in", BOTH, Number, "max-transfer-idle-in 60;", NO_TRANSFER),
        ignored("max-transfer-idle-out", BOTH | PRIMARY, Number, "max-transfer-idle-out 60;", NO_TRANSFER),
        ignored("max-transfer-time-in", BOTH, Number, "max-transfer-time-in 120;", NO_TRANSFER),
        ignored("max-transfer-time-out", BOTH | PRIMARY, Number, "max-transfer-time-out 120;", NO_TRANSFER),
        honoured("max-udp-size", OPTIONS, Number, "max-udp-size 1400;"),
        ignored("max-udp-size", VIEW | SERVER, Number, "max-udp-size 1400;", "the value of 'options' holds for all"),
        ignored("memstatistics", OPTIONS, Boolean, "memstatistics yes;", NOT_COUNTED).moot(NO),
        ignored("memstatistics-file", OPTIONS, Quoted, "memstatistics-file \"/var/named/data/mem.txt\";", NO_SUCH_FILE),
        ignored("message-compression", BOTH, Boolean, "message-compression no;", "answers keep the compression of the upstream").moot(YES),
        honoured("min-cache-ttl", BOTH | FORWARD, Duration, "min-cache-ttl 5;"),
        honoured("min-ncache-ttl", BOTH | FORWARD, Duration, "min-ncache-ttl 5;"),
        honoured("minimal-any", BOTH, Boolean, "minimal-any no;"),
        ignored("minimal-responses", BOTH, BooleanOr(&["no-auth", "no-auth-recursive"]), "minimal-responses no;", "answers carry what was asked for and no more, as with 'yes'").moot(&["yes", "true", "1", "no-auth", "no-auth-recursive"]),
        refused("multiple-cnames", OPTIONS, Boolean, "multiple-cnames yes;", "a name has one CNAME (RFC 2181 §10.1)").moot(NO),
        ignored("nocookie-udp-size", BOTH, Number, "nocookie-udp-size 1232;", "max-udp-size holds for clients without a cookie, too"),
        ignored("notify", BOTH | PRIMARY, BooleanOr(&["explicit", "master-only", "primary-only"]), "notify yes;", NO_TRANSFER).moot(NO),
        ignored("notify-source", BOTH | PRIMARY, Words(1, 3), "notify-source *;", NO_TRANSFER),
        ignored("notify-source-v6", BOTH | PRIMARY, Words(1, 3), "notify-source-v6 *;", NO_TRANSFER),
        refused("nxdomain-redirect", BOTH, Anything, "nxdomain-redirect \"x\";", NOT_YET_SAFE),
        honoured("pid-file", OPTIONS, QuotedOr(&["none"]), "pid-file \"/run/named/named.pid\";"),
        honoured("port", OPTIONS, Number, "port 5300;"),
        honoured("prefetch", BOTH, Numbers(1, 2), "prefetch 2 9;"),
        ignored("preferred-glue", BOTH, Text, "preferred-glue a;", NEVER_ITERATES),
        ignored("provide-ixfr", BOTH | SERVER, Boolean, "provide-ixfr yes;", NO_TRANSFER).moot(NO),
        ignored("qname-minimization", BOTH, OneOf(&["strict", "relaxed", "disabled", "off"]), "qname-minimization relaxed;", "a forwarder has to be asked the whole name").moot(&["disabled", "off"]),
        honoured("query-source", OPTIONS, SourceV4, "query-source address 192.0.2.1;"),
        ignored("query-source", VIEW | SERVER, SourceV4, "query-source 192.0.2.1;", "the value of 'options' holds for all").moot(&["*", "address *"]),
        honoured("query-source-v6", OPTIONS, SourceV6, "query-source-v6 2001:db8::1;"),
        ignored("query-source-v6", VIEW | SERVER, SourceV6, "query-source-v6 2001:db8::1;", "the value of 'options' holds for all").moot(&["*", "address *"]),
        ignored("querylog", OPTIONS, Boolean, "querylog yes;", "there is no query log yet").moot(NO),
        ignored("random-device", OPTIONS, QuotedOr(&["none"]), "random-device \"/dev/urandom\";", "the system's generator is used"),
        refused("rate-limit", BOTH, Anything, "rate-limit { responses-per-second 5; };", "nothing would be limited; allow-query keeps strangers out"),
        ignored("recursing-file", OPTIONS, Quoted, "recursing-file \"/var/named/data/named.recursing\";", NO_SUCH_FILE),
        honoured("recursion", BOTH, Boolean, "recursion no;"),
        honoured("recursive-clients", OPTIONS, Number, "recursive-clients 5000;"),
        ignored("request-expire", BOTH | SERVER, Boolean, "request-expire yes;", NO_TRANSFER).moot(NO),
        ignored("request-ixfr", BOTH | SERVER, Boolean, "request-ixfr yes;", NO_TRANSFER).moot(NO),
        ignored("request-nsid", BOTH | SERVER, Boolean, "request-nsid yes;", "upstreams are not asked for their NSID")
            .moot(NO),
        refused("require-server-cookie", BOTH, Boolean, "require-server-cookie yes;", "clients without a cookie would be answered all the same").moot(NO),
        ignored("reserved-sockets", OPTIONS, Number, "reserved-sockets 512;", BY_SYSTEM),
        honoured("resolver-query-timeout", BOTH, Number, "resolver-query-timeout 5;"),
        refused("response-policy", BOTH, Anything, "response-policy { zone \"rpz\"; };", "names that shall be blocked would be answered"),
        ignored("reuseport", OPTIONS, Boolean, "reuseport no;", "every worker has its own sockets").moot(YES),
        ignored("rfc2308-type1", BOTH, Boolean, "rfc2308-type1 yes;", "negative answers carry their SOA alone")
            .moot(NO),
        refused("root-delegation-only", BOTH, Anything, "root-delegation-only;", NOT_YET_SAFE),
        ignored("root-key-sentinel", BOTH, Boolean, "root-key-sentinel yes;", UNVALIDATED).moot(NO),
        honoured("rrset-order", BOTH, RrsetOrder, "rrset-order { order cyclic; };"),
        ignored("secroots-file", OPTIONS, Quoted, "secroots-file \"/var/named/data/named.secroots\";", NO_SUCH_FILE),
        honoured("send-cookie", OPTIONS, Boolean, "send-cookie no;"),
        ignored("send-cookie", VIEW | SERVER, Boolean, "send-cookie no;", "the value of 'options' holds for all"),
        ignored("serial-query-rate", OPTIONS, Number, "serial-query-rate 20;", NO_TRANSFER),
        honoured("server-id", OPTIONS, QuotedOr(&["none", "hostname"]), "server-id hostname;"),
        honoured("servfail-ttl", BOTH, Duration, "servfail-ttl 5;"),
        ignored("session-keyfile", OPTIONS, QuotedOr(&["none"]), "session-keyfile \"/run/named/session.key\";", NO_SUCH_FILE).moot(&["none"]),
        ignored("sortlist", BOTH, Block, "sortlist { 10.0.0.0/8; };", "addresses come in the order of rrset-order"),
        ignored("stacksize", OPTIONS, Size, "stacksize default;", BY_SYSTEM),
        honoured("stale-answer-client-timeout", BOTH, NumberOr(&["disabled", "off"]), "stale-answer-client-timeout 1800;"),
        honoured("stale-answer-enable", BOTH, Boolean, "stale-answer-enable yes;"),
        honoured("stale-answer-ttl", BOTH, Duration, "stale-answer-ttl 20;"),
        honoured("stale-cache-enable", BOTH, Boolean, "stale-cache-enable yes;"),
        honoured("stale-refresh-time", BOTH, Duration, "stale-refresh-time 20;"),
        ignored("statistics-file", OPTIONS, Quoted, "statistics-file \"/var/named/data/named_stats.txt\";", NOT_COUNTED),
        ignored("synth-from-dnssec", BOTH, Boolean, "synth-from-dnssec yes;", UNVALIDATED).moot(NO),
        ignored("tcp-advertised-timeout", OPTIONS, Number, "tcp-advertised-timeout 300;", "edns-tcp-keepalive is not spoken: tcp-idle-timeout holds"),
        honoured("tcp-clients", OPTIONS, Number, "tcp-clients 300;"),
        honoured("tcp-idle-timeout", OPTIONS, Number, "tcp-idle-timeout 100;"),
        honoured("tcp-initial-timeout", OPTIONS, Number, "tcp-initial-timeout 100;"),
        ignored("tcp-keepalive-timeout", OPTIONS, Number, "tcp-keepalive-timeout 300;", "edns-tcp-keepalive is not spoken: tcp-idle-timeout holds"),
        ignored("tcp-listen-queue", OPTIONS, Number, "tcp-listen-queue 20;", "the system's longest queue is used"),
        ignored("tkey-domain", OPTIONS, Quoted, "tkey-domain \"example\";", "TKEY is not spoken"),
        ignored("tkey-gssapi-keytab", OPTIONS, Quoted, "tkey-gssapi-keytab \"/etc/dns.keytab\";", "TKEY is not spoken"),
        ignored("topology", BOTH, Block, "topology { any; };", "the fastest forwarder is preferred"),
        ignored("transfer-format", BOTH | SERVER, OneOf(&["many-answers", "one-answer"]), "transfer-format many-answers;", NO_TRANSFER),
        ignored("transfer-source", BOTH | SERVER, Words(1, 3), "transfer-source *;", NO_TRANSFER),
        ignored("transfer-source-v6", BOTH | SERVER, Words(1, 3), "transfer-source-v6 *;", NO_TRANSFER),
        ignored("transfers-in", OPTIONS, Number, "transfers-in 10;", NO_TRANSFER),
        ignored("transfers-out", OPTIONS, Number, "transfers-out 10;", NO_TRANSFER),
        ignored("transfers-per-ns", OPTIONS, Number, "transfers-per-ns 2;", NO_TRANSFER),
        ignored("trust-anchor-telemetry", BOTH, Boolean, "trust-anchor-telemetry yes;", UNVALIDATED).moot(NO),
        ignored("validate-except", BOTH, Block, "validate-except { \"corp\"; };", UNVALIDATED),
        honoured("version", OPTIONS, QuotedOr(&["none"]), "version \"not currently available\";"),
        ignored("zone-statistics", BOTH | PRIMARY, BooleanOr(&["full", "terse", "none"]), "zone-statistics yes;", NOT_COUNTED).moot(&["no", "false", "0", "none"]),
        // Zones, some of them also in options and views.
        honoured("type", ZONE, OneOf(ZONE_TYPES), "type forward; forwarders { 192.0.2.4; };"),
        honoured("allow-query", PRIMARY, MatchList, "allow-query { 192.0.2.1; };"),
        refused("allow-query-on", PRIMARY, Anything, "allow-query-on { 192.0.2.1; };", "who may ask at which address is not implemented yet: use views with match-destinations"),
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
        // Keys.
        honoured("algorithm", KEY, Text, "algorithm hmac-sha512;"),
        honoured("secret", KEY, Text, "secret \"c3dvcmRmaXNo\";"),
        // Logging.
        honoured("category", LOGGING, Category, "category client { null; };").repeats(),
        honoured("channel", LOGGING, NamedBody(CHANNEL), "channel c { stderr; };").repeats(),
        ignored("buffered", CHANNEL, Boolean, "buffered yes;", "lines are written as they come").moot(NO),
        honoured("file", CHANNEL, LogFile, "file \"/var/log/named/bind.log\" versions 3 size 5m;"),
        honoured("null", CHANNEL, Nothing, "null;"),
        honoured("print-category", CHANNEL, Boolean, "print-category yes;"),
        honoured("print-severity", CHANNEL, Boolean, "print-severity yes;"),
        honoured("print-time", CHANNEL, BooleanOr(&["iso8601", "iso8601-utc", "local"]), "print-time iso8601;"),
        honoured("severity", CHANNEL, Severity, "severity debug 3;"),
        honoured("stderr", CHANNEL, Nothing, "stderr;"),
        honoured("syslog", CHANNEL, Facility, "syslog local3;"),
        // Servers.
        refused("bogus", SERVER, Boolean, "bogus yes;", "leave the address out of 'forwarders', or name it in 'blackhole'").moot(NO),
        honoured("edns", SERVER, Boolean, "edns no;"),
        ignored("edns-version", SERVER, Number, "edns-version 1;", "EDNS version 0 is spoken").moot(&["0"]),
        refused("keys", SERVER, Anything, "keys k;", "questions to upstreams are not signed yet: they would go out without it"),
        ignored("padding", SERVER, Number, "padding 128;", "questions are not padded").moot(&["0"]),
        ignored("support-ixfr", SERVER, Boolean, "support-ixfr yes;", NO_TRANSFER),
        ignored("tcp-keepalive", SERVER, Boolean, "tcp-keepalive yes;", "edns-tcp-keepalive is not spoken").moot(NO),
        honoured("tcp-only", SERVER, Boolean, "tcp-only yes;"),
        ignored("transfers", SERVER, Number, "transfers 2;", NO_TRANSFER),
    ]
};

/// What may follow `type`.
pub(super) const ZONE_TYPES: &[&str] = &[
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

/// The row of a statement that may stand in one of these places.
pub(super) fn find(name: &str, places: Places) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.places & places != 0 && row.name.eq_ignore_ascii_case(name))
}

/// What TOML says and named.conf has no word for, and what to do instead.
const TOML_ALONE: &[(&str, &str)] = &[
    ("case-randomisation", NEEDS_TOML),
    ("forwarder-order", NEEDS_TOML),
    ("max-qps", NEEDS_TOML),
    ("recursive-clients-per-address", NEEDS_TOML),
    ("serve-stale", "write 'stale-cache-enable yes' and 'stale-answer-enable yes'"),
    ("trust-ad", NEEDS_TOML),
];

const NEEDS_TOML: &str = "a configuration in TOML can say that, named.conf cannot";

/// What may have been meant: the same statement in another place, or one of a similar name here.
pub(super) fn suggest(name: &str, places: Places) -> Option<String> {
    if let Some(row) = find(name, EVERYWHERE) {
        let here = |&&(place, _): &&(Places, &str)| row.places & place != 0;
        let words: Vec<_> = PLACES.iter().filter(here).map(|&(_, words)| words).collect();
        return Some(format!("it belongs to {}", words.join(" or ")));
    }
    let spelling = name.replace('_', "-").to_ascii_lowercase();
    if let Some((_, instead)) = TOML_ALONE.iter().find(|(word, _)| *word == spelling) {
        return Some((*instead).to_owned());
    }
    suggest::did_you_mean(name, ROWS.iter().filter(|row| row.places & places != 0).map(|row| row.name))
}
