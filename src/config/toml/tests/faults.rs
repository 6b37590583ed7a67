//! What the reader says about faults, each with its line.

use std::fmt::Write as _;

use super::{diagnostics, parse};

/// A text, and everything that is said about it.
const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "an unknown key with its suggestion",
        "[options]\nallow-query = ['any']",
        &["t.toml:2: unknown option 'allow-query' in [options] (did you mean 'allow_query'?)"],
    ),
    (
        "named's milliseconds where seconds are meant",
        "[options]\nstale_answer_client_timeout = 1800",
        &["t.toml:2: stale_answer_client_timeout '1800' is out of range (0s..30s) (a number alone is seconds: \
           milliseconds are written \"1800ms\")"],
    ),
    (
        "a key in the wrong table",
        "listen = ['::1']",
        &["t.toml:1: unknown option 'listen' at the top of the file (it belongs in [options])"],
    ),
    (
        "all faults are told, in the order of the text",
        "[options]\nrecursion = 'maybe'\nmax_cache_ttl = '1q'\nallow_query = ['10.1.2.3/8', 'goodclient']\n\
         [acl]\ngoodclients = ['10/8']\n[[forward]]\nname = 'x..y'\nforwarders = ['dns']",
        &[
            "t.toml:2: recursion: boolean expected near ''maybe'' (write recursion = true)",
            "t.toml:3: max_cache_ttl: expected ISO 8601 duration or TTL value near '1q' \
             (write seconds, or numbers with w, d, h, m, s, ms: 3600, 1h30m, 500ms)",
            "t.toml:4: allow_query: '10.1.2.3/8': address/prefix length mismatch '8' (the network is 10.0.0.0/8)",
            "t.toml:4: allow_query: undefined ACL 'goodclient' (did you mean 'goodclients'?)",
            "t.toml:8: zone 'x..y': is not a valid name (empty label (two dots in a row, or a leading dot))",
            "t.toml:9: forwarders: expected IP address near 'dns' (write 10.1.0.2 or 2001:db8::2)",
        ],
    ),
    (
        "syntax comes alone",
        "[options\nfoo = 1\nbar = [1,,2]",
        &["t.toml:1: unclosed table, expected `]`", "t.toml:3: extra comma in array, expected value"],
    ),
    (
        "a word without quotes",
        "[options]\nrrset_order = random\nfoo = 1",
        &["t.toml:2: string values must be quoted, expected literal string"],
    ),
    (
        "a key twice",
        "[options]\nport = 53\nport = 54",
        &["t.toml:3: 'port' redefined (each key once in its table, each [table] once; only [[…]] repeat)"],
    ),
    (
        "an acl that nobody defines",
        "[options]\nblackhole = ['bogons']",
        &["t.toml:2: blackhole: undefined ACL 'bogons' (define it: [acl] bogons = [\"10.0.0.0/8\"])"],
    ),
    ("acls in a circle", "[acl]\na = ['b']\nb = ['c']\nc = ['a']", &["t.toml:2: acl loop detected: a -> b -> c -> a"]),
    ("an acl in itself", "[acl]\na = [{ not = ['A'] }]", &["t.toml:2: acl loop detected: a -> a"]),
    (
        "an acl twice",
        "[acl]\na = ['::1']\nA = ['::1']",
        &["t.toml:3: attempt to redefine acl 'A' previous definition: t.toml:2 (names of acls have no case)"],
    ),
    (
        "names that an acl cannot have",
        "[acl]\nAny = ['::1']\n'10.0.0.1' = ['::1']",
        &[
            "t.toml:2: attempt to redefine builtin acl 'any' (any, none, localhost and localnets are always there)",
            "t.toml:3: '10.0.0.1' cannot be the name of an acl (it would be read as an address in a list)",
        ],
    ),
    (
        "nobody signs where addresses alone are looked at",
        "[[key]]\nname = 'k'\nsecret = 'c2VjcmV0'\n[options]\nblackhole = ['key k']",
        &["t.toml:5: blackhole: 'key k' matches nobody: only addresses are looked at here (leave keys out)"],
    ),
    (
        "only keys that there are match",
        "[options]\nallow_query = ['key corporate', 7]",
        &[
            "t.toml:2: allow_query: there is no key 'corporate' (define it: [[key]] with name = \"corporate\")",
            "t.toml:2: allow_query: address match list expected near '7' \
             (write allow_query = [\"10.0.0.0/8\", \"localhost\"])",
        ],
    ),
    (
        "a zone twice, whatever its case and dot",
        "[[forward]]\nname = 'X.'\nforwarders = ['10.1.0.2']\n[[forward]]\nname = 'x'\nforwarders = ['10.1.0.2']",
        &[
            "t.toml:4: zone 'x': already exists previous definition: t.toml:1 (put all its forwarders into one [[forward]])",
        ],
    ),
    (
        "a rule that lacks everything",
        "[[forward]]",
        &[
            "t.toml:1: [[forward]] without forwarders \
             (write forwarders = [\"10.1.0.2\"], or [] to forward nothing at and below the name)",
            "t.toml:1: [[forward]] without name (write name = \"awslab.mycompany.corp\")",
        ],
    ),
    (
        "the root as a rule",
        "[[forward]]\nname = '.'\nforwarders = ['10.1.0.2']",
        &["t.toml:2: zone '.': the root is not a rule (write these forwarders into [options] or [[view]])"],
    ),
    (
        "forwarders that cannot be asked",
        "[options]\nforwarders = ['0.0.0.0', '224.0.0.1:53', '10.1.0.2:0', { port = 53 }, { address = '10.1.0.2:5', port = 6 }]",
        &[
            "t.toml:2: forwarders: 0.0.0.0 cannot be asked (a forwarder is one host's address)",
            "t.toml:2: forwarders: 224.0.0.1 cannot be asked (a forwarder is one host's address)",
            "t.toml:2: forwarders: port number out of range near '0' (1 to 65535)",
            "t.toml:2: forwarder without address (write { address = \"10.1.0.2\", tcp_only = true })",
            "t.toml:2: forwarder with two ports (write the port once)",
        ],
    ),
    (
        "a forwarder twice is a warning",
        "[options]\nforwarders = ['10.1.0.2', '10.1.0.2:53']",
        &["t.toml:2: warning: forwarder 10.1.0.2:53 is written twice: the first counts"],
    ),
    (
        "numbers out of their ranges",
        "[options]\nport = 0\ntcp_clients = 0\nedns_udp_size = 100\nmax_udp_size = 9000\nmin_cache_ttl = 91\n\
         max_ncache_ttl = '2w'\nservfail_ttl = 31\nresolver_query_timeout = '1ms'\ntcp_idle_timeout = '3m'\n\
         recursive_clients_per_address = 1001\nmax_cache_size = '101%'\nmax_cache_ttl = -1",
        &[
            "t.toml:2: port '0' is out of range (1..65535)",
            "t.toml:3: tcp_clients '0' is out of range (1..4294967295)",
            "t.toml:4: edns_udp_size '100' is out of range (512..4096)",
            "t.toml:5: max_udp_size '9000' is out of range (512..4096)",
            "t.toml:6: min_cache_ttl '91' is out of range (0s..90s)",
            "t.toml:7: max_ncache_ttl '2w' is out of range (0s..604800s)",
            "t.toml:8: servfail_ttl '31' is out of range (0s..30s)",
            "t.toml:9: resolver_query_timeout '1ms' is out of range (100ms..30s)",
            "t.toml:10: tcp_idle_timeout '3m' is out of range (100ms..120s)",
            "t.toml:11: recursive_clients_per_address '1001' is out of range (1..1000)",
            "t.toml:12: max_cache_size: expected integer and optional unit or percent near '101%' \
             (write octets, 512M, a percentage from 1% to 100%, unlimited or default)",
            "t.toml:13: max_cache_ttl: expected ISO 8601 duration or TTL value near '-1' \
             (write seconds, or numbers with w, d, h, m, s, ms: 3600, 1h30m, 500ms)",
        ],
    ),
    (
        "a minimum above its maximum is a warning",
        "[options]\nmin_ncache_ttl = 20\nmax_ncache_ttl = 10\nforwarders = ['10.1.0.2']",
        &["t.toml:1: warning: min_ncache_ttl is greater than max_ncache_ttl: the maximum counts"],
    ),
    (
        "a secret is not repeated",
        "[options]\ncookie_secret = 'c0ffee'",
        &["t.toml:2: cookie_secret: must be 128 bits (32 hexadecimal digits, the same on every node that shares it)"],
    ),
    (
        "two paces of a forwarder",
        "[options]\nforwarders = [{ address = '10.1.0.2', max_qps = 9 }]\n[[forward]]\nname = 'a'\nforwarders = ['10.1.0.2']",
        &["warning: forwarder 10.1.0.2:53 is written with different max_qps: each counts alone \
           (write the same wherever it is named)"],
    ),
    (
        "a forwarder's pace",
        "[options]\nforwarders = [{ address = '10.1.0.2', max_qps = 0 }, { address = '10.1.0.3', max_qsp = 9 }]",
        &[
            "t.toml:2: max_qps '0' is out of range (1..1000000)",
            "t.toml:2: unknown option 'max_qsp' in a forwarder's table (did you mean 'max_qps'?)",
        ],
    ),
    (
        "sources and words",
        "[options]\nquery_source = '::1'\nquery_source_v6 = '[::1]:53'\nrrset_order = 'shuffled'\n\
         forwarder_order = 'frist'",
        &[
            "t.toml:2: query_source: expected IP address near '::1' (write \"10.1.1.53\" or \"*\"; the port is always random)",
            "t.toml:3: query_source_v6: expected IP address near '[::1]:53' \
             (write \"2001:db8::53\" or \"*\"; the port is always random)",
            "t.toml:4: rrset_order: unknown value 'shuffled' (one of random, cyclic, fixed, none)",
            "t.toml:5: forwarder_order: unknown value 'frist' (did you mean 'first'?)",
        ],
    ),
    (
        "orders of some",
        "[options]\nrrset_orders = [\n{ order = 'none' },\n{ type = 'ANY', order = 'none' },\n{ name = 'a..b', order = 'cyclic' },\n\
         { type = 'A' },\n{ name = 'x', order = 'sorted', class = 'IN' }]",
        &[
            "t.toml:3: rrset_orders without order, or without type and name \
             (write { type = \"MX\", name = \"corp\", order = \"cyclic\" })",
            "t.toml:4: type: unknown value 'ANY' (a type such as A, MX or TYPE65280; leave it out for all)",
            "t.toml:5: name: 'a..b' is not a valid name (empty label (two dots in a row, or a leading dot))",
            "t.toml:6: rrset_orders without order, or without type and name \
             (write { type = \"MX\", name = \"corp\", order = \"cyclic\" })",
            "t.toml:7: unknown option 'class' in an element of rrset_orders",
            "t.toml:7: order: unknown value 'sorted' (one of random, cyclic, fixed, none)",
        ],
    ),
    (
        "where to listen, wrongly",
        "[options]\nlisten = ['localnets', '127.0.0.1:70000']\nlisten_on = [{ port = 53 }]",
        &[
            "t.toml:2: listen beside listen_on: write one or the other \
             (listen takes addresses of both families, listen_on match lists of one)",
            "t.toml:2: listen: expected IP address near 'localnets' \
             (write \"10.1.1.53\", \"[::1]:5300\" or \"any\"; match lists go into listen_on)",
            "t.toml:2: listen: port number out of range near '70000' (1 to 65535)",
            "t.toml:3: listen_on: table without addresses (write { port = 5300, addresses = [\"any\"] })",
        ],
    ),
    (
        "rules outside of views, views twice or without a name",
        "[[forward]]\nname = 'x'\nforwarders = []\n[[view]]\nname = 'a'\n[[view]]\nname = 'a'\n[[view]]",
        &[
            "t.toml:1: when using 'view' statements, all zones must be in views \
             (write [[view.forward]] behind the [[view]] it is for)",
            "t.toml:6: view 'a': already exists previous definition: t.toml:4",
            "t.toml:8: [[view]] without name (write name = \"internal\")",
        ],
    ),
    (
        "no view in the list of views",
        "view = []",
        &["t.toml:1: no view (write [[view]] with a name, or no view at all)"],
    ),
    (
        "recursion denied and allowed is a warning",
        "[options]\nrecursion = false\nallow_recursion = ['any']",
        &["t.toml:3: warning: both recursion = false and allow_recursion active: nothing is forwarded"],
    ),
    (
        "forwarding to nobody is a warning",
        "[[view]]\nname = 'a'\n[[view]]\nname = 'b'\nforwarders = ['10.1.0.2']\n[[view]]\nname = 'c'\nrecursion = false",
        &["warning: view 'a': no forwarders: nothing outside local data can be answered until 'forwarders' is set"],
    ),
    (
        "tables that are none",
        "options = 1\nacl = []\nview = 'x'\nlogging = { channel = 3, category = [] }",
        &[
            "t.toml:1: options: table expected near '1' (write [options])",
            "t.toml:2: acl: table expected (write [acl] with lines such as corporate = [\"10.0.0.0/8\"])",
            "t.toml:3: view: array of tables expected (write [[view]] for each)",
            "t.toml:3: no view (write [[view]] with a name, or no view at all)",
            "t.toml:4: channel: table expected (write [logging.channel.NAME])",
            "t.toml:4: category: table expected (write [logging.category] with default = [\"NAME\"])",
        ],
    ),
    (
        "channels and categories",
        "[logging.channel]\na = { stderr = true, null = true }\nb = { severity = 'warn', size = 1 }\n\
         null = { stderr = true }\nc = { file = 'x', versions = 'many', size = '5q', severity = 'debug 100' }\n\
         d = { syslog = 'deamon' }\n[logging.category]\nquerys = ['a']\ndefault = ['e', 'b']\n\
         query_errors = []\nquery-errors = []",
        &[
            "t.toml:2: channel 'a': exactly one of file, syslog, null, and stderr must be present \
             (write file = \"/var/log/named/bind.log\", syslog = \"daemon\" or stderr = true)",
            "t.toml:3: severity: unknown value 'warn' (did you mean 'warning'?)",
            "t.toml:3: channel 'b': size without file (only files are rolled)",
            "t.toml:3: channel 'b': exactly one of file, syslog, null, and stderr must be present \
             (write file = \"/var/log/named/bind.log\", syslog = \"daemon\" or stderr = true)",
            "t.toml:5: severity: debug level out of range near 'debug 100' (debug 1 to debug 99)",
            "t.toml:5: versions: integer or \"unlimited\" expected near ''many'' (write versions = 3)",
            "t.toml:5: size: expected integer and optional unit near '5q' (write octets, or a number with K, M or G: 512M)",
            "t.toml:6: syslog: unknown value 'deamon' (did you mean 'daemon'?)",
            "t.toml:8: undefined category: 'querys' (did you mean 'queries'?)",
            "t.toml:9: undefined channel: 'e' (define it: [logging.channel.e])",
            "t.toml:11: category 'query-errors' redefined: it is 'query_errors' too",
        ],
    ),
];

#[test]
fn faults_are_told_with_line_and_remedy() {
    for (case, text, expected) in FAULTS {
        assert_eq!(diagnostics(text), *expected, "{case}");
    }
}

#[test]
fn too_many_forwarders() {
    let list: Vec<_> = (1..=17).map(|last| format!("'10.1.0.{last}'")).collect();
    let text = format!("[options]\nforwarders = [{}]", list.join(", "));
    assert_eq!(diagnostics(&text), ["t.toml:2: 17 forwarders are too many (at most 16)"]);
}

#[test]
fn deep_lists_are_refused_wherever_they_are_entered() {
    // Names that sort from the outermost to the innermost, and the other way round.
    for (case, order) in [("outermost first", 1), ("innermost first", -1)] {
        let mut text = "[acl]\n".to_owned();
        for n in 1_000..3_000 {
            writeln!(text, "a{} = ['a{}']", 5_000 + order * n, 5_000 + order * (n + 1)).unwrap();
        }
        writeln!(text, "a{} = ['::1']", 5_000 + order * 3_000).unwrap();
        let faults = diagnostics(&text);
        assert!(!faults.is_empty(), "{case}");
        assert!(faults.iter().all(|fault| fault.ends_with("lists nested more than 32 deep")), "{case}: {faults:?}");
    }
    let nested = format!("[options]\nblackhole = {}'::1'{}", "[".repeat(32), "]".repeat(32));
    assert!(parse(&nested, "t.toml").is_ok());
    let deeper = format!("[options]\nblackhole = {}'::1'{}", "[".repeat(33), "]".repeat(33));
    assert_eq!(diagnostics(&deeper), ["t.toml:2: blackhole: lists nested more than 32 deep"]);
}
