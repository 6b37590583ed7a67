//! What the native format reads, and what it says about faults.

use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{CacheSize, Config, Forwarder, ForwarderOrder, Identity, MatchList, RrsetOrder};
use super::*;

fn config(text: &str) -> Config {
    parse(text, "t.toml").unwrap_or_else(|faults| panic!("{faults:#?}")).config
}

/// Every diagnostic as it is shown, whether the text is refused or not.
fn diagnostics(text: &str) -> Vec<String> {
    let faults = match parse(text, "t.toml") {
        Ok(loaded) => loaded.warnings,
        Err(faults) => faults,
    };
    faults.iter().map(ToString::to_string).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_empty_text_is_the_default() {
    assert_eq!(config(""), Config::default());
    assert_eq!(config("[options]\n[acl]\n[logging]"), Config::default());
}

#[test]
fn every_option_reaches_its_field() {
    let read = config(
        r#"
        [options]
        listen = ["127.0.0.1:5300", "127.0.0.2", "[::1]:5300"]
        interface_interval = 0
        directory = "/var/named"
        pid_file = "/run/tandem.pid"
        version = "not currently available"
        hostname = false
        server_id = "hostname"
        blackhole = ["192.0.2.0/24"]
        recursive_clients = 2000
        recursive_clients_per_address = 50
        tcp_clients = 300
        tcp_initial_timeout = "2500ms"
        tcp_idle_timeout = 5
        answer_cookie = false
        cookie_secret = "000102030405060708090a0b0c0d0e0f"
        send_cookie = false
        max_cache_size = "512M"
        query_source = "127.0.0.1"
        query_source_v6 = "::1"
        edns_udp_size = 4096
        max_udp_size = 512
        recursion = true
        allow_query = "any"
        minimal_any = false
        rrset_order = "cyclic"
        resolver_query_timeout = "5s"
        servfail_ttl = 0
        forwarders = [
            "10.1.0.2",
            { address = "[2001:db8::2]:5300", case_randomisation = true, edns = false, tcp_only = true, max_qps = 1000 },
        ]
        forwarder_order = "spread"
        max_cache_ttl = "1d"
        max_ncache_ttl = 10
        min_cache_ttl = "1m"
        min_ncache_ttl = 2
        trust_ad = true
        "#,
    );
    let listen = |listen: &[super::super::Listen]| -> Vec<String> {
        listen.iter().map(|listen| format!("{} {}", listen.port, listen.addresses)).collect()
    };
    assert_eq!(listen(&read.listen_v4), ["5300 { 127.0.0.1; }", "53 { 127.0.0.2; }"]);
    assert_eq!(listen(&read.listen_v6), ["5300 { ::1; }"]);
    assert_eq!(read.interface_interval, Duration::ZERO);
    assert_eq!(read.directory.as_deref(), Some("/var/named".as_ref()));
    assert_eq!(read.pid_file.as_deref(), Some("/run/tandem.pid".as_ref()));
    assert_eq!(read.version, Identity::Text("not currently available".to_owned()));
    assert_eq!((read.hostname, read.server_id), (Identity::Withheld, Identity::Own));
    assert_eq!(read.blackhole.to_string(), "{ 192.0.2.0/24; }");
    assert_eq!((read.limits.recursive_clients, read.limits.recursive_clients_per_address), (2000, Some(50)));
    assert_eq!(read.limits.tcp_clients, 300);
    assert_eq!(read.limits.tcp_initial_timeout, Duration::from_millis(2500));
    assert_eq!(read.limits.tcp_idle_timeout, seconds(5));
    assert_eq!((read.cookies.answer, read.cookies.send), (false, false));
    assert_eq!(read.cookies.secret, Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
    assert_eq!(read.cache_size, CacheSize::Bytes(512 << 20));
    assert_eq!(format!("{:?}", read.query_source), "(127.0.0.1, ::1)");
    assert_eq!((read.edns_udp_size, read.max_udp_size), (4096, 512));
    let [view] = &read.views[..] else { panic!("one view expected") };
    assert_eq!((view.name.as_str(), view.recursion, view.minimal_any), ("_default", true, false));
    assert_eq!(view.rrset_order, RrsetOrder::Cyclic);
    assert_eq!((view.query_timeout, view.servfail_ttl), (seconds(5), Duration::ZERO));
    let second = Forwarder {
        address: "[2001:db8::2]:5300".parse().unwrap(),
        case_randomisation: true,
        edns: false,
        tcp_only: true,
        max_qps: Some(1000),
    };
    assert_eq!(view.forward.forwarders, [Forwarder::new("10.1.0.2:53".parse().unwrap()), second]);
    assert!(view.forward.trust_ad);
    assert_eq!(view.forward.order, ForwarderOrder::Spread);
    let ttl = view.forward.ttl;
    assert_eq!(
        [ttl.max_cache, ttl.max_ncache, ttl.min_cache, ttl.min_ncache],
        [seconds(86_400), seconds(10), seconds(60), seconds(2)]
    );
}

#[test]
fn where_to_listen() {
    for (case, options, v4, v6) in [
        ("nothing said: everywhere", "", "53 { any; }", "53 { any; }"),
        ("another port everywhere", "port = 5300", "5300 { any; }", "5300 { any; }"),
        ("addresses close what they do not name", "listen = '127.0.0.1'", "53 { 127.0.0.1; }", ""),
        ("the port is the default of addresses", "port = 5300\nlisten = ['::1']", "", "5300 { ::1; }"),
        ("any is both families", "listen = ['any:5300']", "5300 { any; }", "5300 { any; }"),
        ("the unspecified address is all of its family", "listen = ['0.0.0.0']", "53 { any; }", ""),
        ("nowhere", "listen = []", "", ""),
        (
            "a match list leaves the other family alone",
            "listen_on = ['!10/8', 'any']",
            "53 { !10.0.0.0/8; any; }",
            "53 { any; }",
        ),
        ("a negated list is no listener", "listen_on = [{ not = ['::1'] }]", "53 { !{ ::1; }; }", "53 { any; }"),
        (
            "several listen-on",
            "listen_on = [{ port = 5300, addresses = ['any'] }, { addresses = '10/8' }]\nlisten_on_v6 = []",
            "5300 { any; } 53 { 10.0.0.0/8; }",
            "53 { }",
        ),
    ] {
        let read = config(&format!("[options]\n{options}"));
        let shown = |listen: &[super::super::Listen]| {
            let each: Vec<_> = listen.iter().map(|listen| format!("{} {}", listen.port, listen.addresses)).collect();
            each.join(" ")
        };
        assert_eq!((shown(&read.listen_v4).as_str(), shown(&read.listen_v6).as_str()), (v4, v6), "{case}");
    }
}

#[test]
fn match_lists_keep_order_negation_nesting_and_places() {
    let read = config(
        "[acl]\nCorporate = ['! 10.8/16', '10/8']\n[options]\nallow_query = [\n'corporate', { not = ['LOCALNETS'] },\n\
         ['::1', 'none'],\n]",
    );
    let query = &read.views[0].access.query;
    assert_eq!(query.to_string(), "{ Corporate; !{ localnets; }; { ::1; none; }; }");
    let super::super::Match::Acl(acl) = &query.elements[0].what else { panic!("an acl expected") };
    assert_eq!(acl.list.to_string(), "{ !10.8.0.0/16; 10.0.0.0/8; }");
    let lines: Vec<_> = query.elements.iter().map(|e| e.position.as_ref().map(|p| p.line)).collect();
    assert_eq!(lines, [Some(5), Some(5), Some(6)]);
}

#[test]
fn access_is_inherited_as_in_named() {
    for (case, options, query, cache, recursion) in [
        ("nothing", "", "{ any; }", "{ localnets; localhost; }", "{ localnets; localhost; }"),
        ("one for all", "allow_query = '10/8'", "{ 10.0.0.0/8; }", "{ 10.0.0.0/8; }", "{ 10.0.0.0/8; }"),
        (
            "recursion is what the cache takes first",
            "allow_query = '10/8'\nallow_recursion = '::1'",
            "{ 10.0.0.0/8; }",
            "{ ::1; }",
            "{ ::1; }",
        ),
        (
            "without recursion nothing is opened",
            "allow_query = '10/8'\nrecursion = false",
            "{ 10.0.0.0/8; }",
            "{ none; }",
            "{ none; }",
        ),
    ] {
        let read = config(&format!("[options]\n{options}"));
        let access = &read.views[0].access;
        let shown = [&access.query, &access.query_cache, &access.recursion].map(MatchList::to_string);
        assert_eq!(shown, [query, cache, recursion], "{case}");
    }
}

#[test]
fn views_start_from_the_options_and_rules_from_their_view() {
    let read = config(
        r#"
        [options]
        forwarders = ["10.1.0.2"]
        trust_ad = true
        forwarder_order = "first"
        max_ncache_ttl = 10
        allow_query = ["10/8"]
        [[view]]
        name = "inside"
        match_clients = ["10/8"]
        match_recursive_only = true
        allow_recursion = ["10.1/16"]
        [[view.forward]]
        name = "awslab.mycompany.corp."
        forwarders = ["10.1.0.3"]
        max_cache_ttl = 60
        [[view.forward]]
        name = "closed.awslab.mycompany.corp"
        forwarders = []
        forwarder_order = "fastest"
        [[view]]
        name = "outside"
        match_destinations = ["192.0.2.1"]
        forwarders = ["10.1.0.4"]
        "#,
    );
    let [inside, outside] = &read.views[..] else { panic!("two views expected") };
    assert_eq!((inside.name.as_str(), outside.name.as_str()), ("inside", "outside"));
    assert!(inside.match_recursive_only && !outside.match_recursive_only);
    assert_eq!(inside.match_clients.to_string(), "{ 10.0.0.0/8; }");
    assert_eq!(outside.match_destinations.to_string(), "{ 192.0.2.1; }");
    assert_eq!(inside.access.query.to_string(), "{ 10.0.0.0/8; }");
    assert_eq!(inside.access.query_cache.to_string(), "{ 10.1.0.0/16; }");
    assert_eq!(outside.access.recursion.to_string(), "{ 10.0.0.0/8; }");
    assert!(inside.forward.trust_ad, "trust comes with the forwarders");
    assert!(!outside.forward.trust_ad, "other forwarders are not trusted by inheritance");
    let [rule, closed] = &inside.rules[..] else { panic!("two rules expected") };
    assert_eq!(rule.name.to_string(), "awslab.mycompany.corp");
    assert_eq!(rule.settings.ttl.max_cache, seconds(60));
    assert_eq!(rule.settings.ttl.max_ncache, seconds(10));
    assert!(!rule.settings.trust_ad);
    assert!(closed.settings.forwarders.is_empty());
    let orders = [&outside.forward, &rule.settings, &closed.settings].map(|settings| settings.order);
    assert_eq!(orders, [ForwarderOrder::First, ForwarderOrder::First, ForwarderOrder::Fastest]);
    assert!(outside.rules.is_empty());
}

#[test]
fn logging_has_channels_and_categories() {
    use crate::logging::{Category, Destination, Facility, File, PrintTime, Severity, Suffix, Threshold, Versions};
    let read = config(
        r#"
        [logging.channel.simple_log]
        file = "/var/log/named/bind.log"
        versions = 3
        size = "5m"
        severity = "warning"
        print_time = true
        print_severity = true
        print_category = true
        [logging.channel]
        all = { file = "all.log", versions = "unlimited", size = "unlimited", suffix = "timestamp", severity = "debug 3" }
        sys = { syslog = "local3", severity = "dynamic", print_time = "iso8601-utc" }
        err = { stderr = true, severity = "debug" }
        off = { null = true, stderr = false }
        [logging.category]
        default = ["simple_log", "default_syslog"]
        query_errors = "sys"
        lame-servers = ["null"]
        "#,
    )
    .logging;
    let simple = &read.channels["simple_log"];
    let expected = File {
        path: "/var/log/named/bind.log".into(),
        versions: Some(Versions::Count(3)),
        size: Some(5 << 20),
        suffix: Suffix::Increment,
    };
    assert_eq!(simple.destination, Destination::File(expected));
    assert_eq!((simple.severity, simple.print_time), (Threshold::AtLeast(Severity::Warning), PrintTime::Local));
    assert!(simple.print_severity && simple.print_category);
    let all = &read.channels["all"];
    let Destination::File(file) = &all.destination else { panic!("a file expected") };
    assert_eq!((file.versions, file.size, file.suffix), (Some(Versions::Unlimited), None, Suffix::Timestamp));
    assert_eq!(all.severity, Threshold::AtLeast(Severity::Debug(3)));
    assert_eq!(read.channels["sys"].destination, Destination::Syslog(Facility::Local3));
    assert_eq!(
        (read.channels["sys"].severity, read.channels["sys"].print_time),
        (Threshold::Dynamic, PrintTime::Iso8601Utc)
    );
    assert_eq!(read.channels["err"].destination, Destination::Stderr);
    assert_eq!(read.channels["err"].severity, Threshold::AtLeast(Severity::Debug(1)));
    assert_eq!(read.channels["off"].destination, Destination::Null);
    assert_eq!(read.categories[&Category::Default], ["simple_log", "default_syslog"]);
    assert_eq!(read.categories[&Category::QueryErrors], ["sys"]);
    assert_eq!(read.categories[&Category::LameServers], ["null"]);
}

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
        "keys are no match yet",
        "[options]\nallow_query = ['key corporate', 7]",
        &[
            "t.toml:2: allow_query: undefined ACL 'key corporate' (lists match addresses only, not TSIG keys)",
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
            "t.toml:4: channel 'null' is built in (choose another name)",
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

/// A value of no type that any key takes (a date), at a key of a table of its place.
fn misplaced(place: Place, key: &str) -> String {
    let value = "1979-05-27";
    match place {
        Place::Root => format!("{key} = {value}"),
        Place::Options => format!("[options]\n{key} = {value}"),
        Place::View => format!("[[view]]\n{key} = {value}"),
        Place::Forward => format!("[[forward]]\n{key} = {value}"),
        Place::Forwarder => format!("[options]\nforwarders = [{{ {key} = {value} }}]"),
        Place::ListenOn => format!("[options]\nlisten_on = [{{ {key} = {value} }}]"),
        Place::Negation => format!("[options]\nallow_query = [{{ {key} = {value} }}]"),
        Place::Logging => format!("[logging]\n{key} = {value}"),
        Place::Channel => {
            format!("[logging.channel.c]\nfile = 'x'\n{key} = {value}").replace("file = 'x'\nfile =", "file =")
        }
    }
}

#[test]
fn every_key_is_read_in_every_place_it_has() {
    for (key, places) in keys::KEYS {
        for place in *places {
            let text = misplaced(*place, key);
            let faults = diagnostics(&text);
            let told =
                |fault: &String| fault.contains(&format!(": {key}: ")) || fault.contains(&format!("{key}: expected"));
            assert!(faults.iter().any(told), "{key} {}: {faults:#?}", place.location());
            assert!(!faults.iter().any(|fault| fault.contains("unknown option")), "{text}: {faults:#?}");
        }
    }
}

/// Pieces of texts that come near to being right.
fn pieces() -> impl Strategy<Value = String> {
    let keys: Vec<String> = keys::KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    let fixed: Vec<String> = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        "\n",
        ".",
        "'",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        "!",
        "0",
        "-1",
        "90",
        "true",
        "1979-05-27",
        "inf",
        "'10/8'",
        "'a'",
        "'!a'",
        "'any'",
        "'10.1.0.2'",
        "'1w'",
        "a",
        "\u{feff}",
        "\r\n",
        "\0",
        "é",
    ]
    .map(str::to_owned)
    .to_vec();
    let piece = prop_oneof![
        prop::sample::select(fixed),
        prop::sample::select(keys),
        "[a-z0-9]{1,5}",
        "\\[(options|acl|view|logging\\.channel\\.a)\\]\n",
        "\\[\\[(view|forward|view\\.forward)\\]\\]\n",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text, "t.toml");
    }

    #[test]
    fn almost_right_text_is_read_or_refused_with_a_place(text in pieces()) {
        if let Err(faults) = parse(&text, "t.toml") {
            prop_assert!(faults.iter().any(|fault| fault.level == Level::Error));
            let lines = text.lines().count().max(1) as u32 + 1;
            let placed = faults.iter().all(|fault| fault.position.as_ref().is_some_and(|p| (1..=lines).contains(&p.line)));
            prop_assert!(placed, "{faults:#?}");
        }
    }
}
