//! Whole configurations: what they become, what they are warned of, and texts that mean harm.

use std::path::Path;
use std::time::Duration;

use super::{Memory, config, errors, errors_with, good};
use crate::config::files::NoFiles;
use crate::config::named_conf::{fuzz, parse};
use crate::config::*;
use crate::logging;

#[test]
fn hints_say_what_would_be_right() {
    for (text, expected) in [
        ("options { forwardrs { 1.2.3.4; }; };", "unknown option 'forwardrs' (did you mean 'forwarders'?)"),
        ("recursion no;", "unknown option 'recursion' (it belongs to 'options' or 'view')"),
        ("options { quux 1; };", "unknown option 'quux'"),
        (
            "options { max_qps 900; };",
            "unknown option 'max_qps' (a configuration in TOML can say that, named.conf cannot)",
        ),
        (
            "options { serve-stale yes; };",
            "unknown option 'serve-stale' (write 'stale-cache-enable yes' and 'stale-answer-enable yes')",
        ),
        ("acl a { 10.0.0.1/8; };", "'10.0.0.1/8': address/prefix length mismatch '8' (did you mean 10.0.0.0/8?)"),
        ("acl a { 8.8.8; };", "incomplete IPv4 address or prefix near ';' (8.8.8.0/24, or all four octets)"),
        ("options { recursion \"yes\"; };", "boolean expected near '\"' (yes or no, without quotes)"),
        ("options { recursion yes;", "'}' expected near end of file (the '{' of line 1 is not closed)"),
        ("acl good { any; }; options { allow-query { god; }; };", "undefined ACL 'god' (did you mean 'good'?)"),
        ("options { forwarders; };", "'{' expected near ';' (as in: forwarders { 192.0.2.3 port 5300; };)"),
        ("options { forwarders { 0.0.0.0; }; };", "forwarder '0.0.0.0' cannot be asked (the address of one server)"),
        (
            "zone corp { type slave; primaries { 192.0.2.1; }; };",
            "zone 'corp': type slave is refused: zones of this type are not served (nor is a zone transferred; forward it \
             to its primaries: type forward; forwarders { … };)",
        ),
    ] {
        let found = parse(text, "x.conf", &NoFiles).expect_err(text);
        let shown: Vec<_> = found.iter().filter(|d| d.level == Level::Error).map(ToString::to_string).collect();
        assert_eq!(shown, [format!("x.conf:1: {expected}")], "{text}");
    }
}

#[test]
fn match_lists_are_resolved() {
    let list = |text: &str| config(&format!("options {{ blackhole {text}; }};")).blackhole.to_string();
    for (case, text, expected) in [
        ("prefixes may be short", "{ 10/8; 192.168/16; 1.2.3.4; }", "{ 10.0.0.0/8; 192.168.0.0/16; 1.2.3.4; }"),
        ("IPv6", "{ fe80::/10; ::1; }", "{ fe80::/10; ::1; }"),
        ("negation and nesting", "{ ! any; !{ 1.1.1.1; !2.2.2.2; }; }", "{ !any; !{ 1.1.1.1; !2.2.2.2; }; }"),
        ("built-in names in any case, quoted or not", "{ \"any\"; NONE; LocalHost; }", "{ any; none; localhost; }"),
        ("keys", "{ key k; !key \"K2.\"; 10/8; }", "{ key k; !key k2; 10.0.0.0/8; }"),
    ] {
        assert_eq!(list(text), expected, "{case}");
    }
    let config = config("options { blackhole { A; }; }; acl a { \"b c\"; }; acl \"b c\" { 10/8; };");
    let Match::Acl(acl) = &config.blackhole.elements[0].what else { panic!("{config:?}") };
    assert_eq!((acl.name.as_str(), acl.list.to_string().as_str()), ("a", "{ b c; }"));
    let (_, warnings) = good("acl a { b; }; options { forwarders { 192.0.2.1; }; };");
    assert_eq!(warnings, ["x.conf:1: warning: undefined ACL 'b' in acl 'a', which nothing uses"]);
}

#[test]
fn access_is_inherited_as_in_named() {
    let local = "{ localnets; localhost; }";
    let (one, two, any, none) = ("{ 1.1.1.1; }", "{ 2.2.2.2; }", "{ any; }", "{ none; }");
    for (options, query, cache, recursion) in [
        ("", any, local, local),
        ("allow-query { 1.1.1.1; };", one, one, one),
        ("allow-recursion { 1.1.1.1; };", any, one, one),
        ("allow-query-cache { 1.1.1.1; };", any, one, one),
        ("allow-query { 2.2.2.2; }; allow-recursion { 1.1.1.1; };", two, one, one),
        ("allow-query-cache { 2.2.2.2; }; allow-recursion { 1.1.1.1; };", any, two, one),
        ("recursion no; allow-query { 1.1.1.1; };", one, none, none),
    ] {
        let access = config(&format!("options {{ {options} }};")).views[0].access.clone();
        let seen = [access.query, access.query_cache, access.recursion].map(|list| list.to_string());
        assert_eq!(seen, [query, cache, recursion], "{options}");
    }
}

fn forwarder(address: &str) -> Forwarder {
    Forwarder::new(address.parse().unwrap())
}

#[test]
fn ports_views_servers_and_ttls_come_together() {
    let text = "
        options { port 5300; forwarders port 54 { 192.0.2.1; 192.0.2.2 port 55; 192.0.2.1; }; max-ncache-ttl 60; };
        server 192.0.2.0/24 { edns no; };
        server 192.0.2.2 { tcp-only yes; };
        view a { match-clients { 10/8; }; zone x { type forward; forwarders { 192.0.2.1; }; max-ncache-ttl 10; }; };
        view b { forwarders { }; resolver-query-timeout 2500; zone . { type hint; file \"r\"; }; };";
    let (config, warnings) = good(text);
    let [a, b] = config.views.as_slice() else { panic!("{config:?}") };
    let plain = |address| Forwarder { edns: false, ..forwarder(address) };
    // The longer prefix of `server` is the only one that counts.
    let second = Forwarder { tcp_only: true, ..forwarder("192.0.2.2:55") };
    assert_eq!(a.forward.forwarders, [plain("192.0.2.1:54"), second]);
    assert_eq!(a.rules[0].settings.forwarders, [plain("192.0.2.1:5300")], "the port of 'options'");
    assert_eq!(a.forward.ttl.max_ncache, Duration::from_secs(60));
    assert_eq!(a.rules[0].settings.ttl.max_ncache, Duration::from_secs(10));
    assert_eq!((b.forward.forwarders.len(), b.query_timeout), (0, Duration::from_millis(2500)));
    assert_eq!(config.listen_v4[0].port, 5300);
    let nowhere = "view 'b': no forwarders: nothing outside local data can be answered until 'forwarders' is set";
    let twice = "x.conf:2: warning: forwarder '192.0.2.1' is named twice: it is asked once";
    assert_eq!(warnings, [twice, &format!("warning: {nowhere}")]);
}

#[test]
fn a_forwarded_root_zone_is_the_views_own_list() {
    let (config, warnings) = good("zone . { type forward; forward first; forwarders { 192.0.2.1; }; };");
    assert_eq!(config.views[0].forward.forwarders, [forwarder("192.0.2.1:53")]);
    let first = "'forward first' is treated as 'forward only': this server never asks the root servers";
    assert_eq!(warnings, [format!("x.conf:1: warning: {first}")]);
}

#[test]
fn includes_take_their_statements_place() {
    let files = Memory::new(&[
        ("/etc/b/o.inc", "recursion no;\nlisten-on { included; };"),
        ("/etc/b/z/2.zone", "zone two { type forward; forwarders { 192.0.2.2; }; };"),
        ("/etc/b/z/1.zone", "zone one { include \"z.inc\"; };"),
        ("/etc/b/z.inc", "type forward; forwarders { 192.0.2.1; };"),
        ("/loop", "include \"/loop\"; include \"/loop\";"),
    ]);
    let options = "options { directory \"/etc/b\"; include \"o.inc\"; };";
    assert_eq!(errors_with(options, &files), ["/etc/b/o.inc:2: undefined ACL 'included'"]);
    let text = format!("{options} include \"z/*.zone\"; acl included {{ any; }};");
    let config = parse(&text, "x.conf", &files).unwrap().config;
    assert!(!config.views[0].recursion);
    let names: Vec<_> = config.views[0].rules.iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(config.views[0].rules[0].position.as_ref().unwrap().to_string(), "/etc/b/z/1.zone:1");
    let found = errors_with("include \"/loop\";", &files);
    assert!(found.iter().any(|error| error == "/loop:1: includes are nested deeper than 16"), "{found:?}");
    assert!(found.iter().any(|error| error == "/loop:1: more than 1000 files are included"), "{found:?}");
}

#[test]
fn the_shipped_file_is_what_a_pair_of_forwarders_needs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/named.conf");
    let Loaded { config, warnings } = load(Path::new(path)).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.directory, Some("/var/named".into()));
    assert_eq!(config.version, Identity::Text("not currently available".to_owned()));
    let [view] = config.views.as_slice() else { panic!("{config:?}") };
    let resolver = [forwarder("10.1.0.2:53")];
    assert_eq!(view.forward.forwarders, resolver);
    for list in [&view.access.query, &view.access.query_cache, &view.access.recursion] {
        let [MatchElement { what: Match::Acl(acl), .. }] = list.elements.as_slice() else { panic!("{list:?}") };
        assert_eq!(acl.list.to_string(), "{ 10.0.0.0/8; localhost; }");
    }
    let names: Vec<_> = view.rules.iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(names, ["us-east-1.compute.internal", "awslab.mycompany.corp"]);
    assert!(view.rules.iter().all(|rule| rule.settings.forwarders == resolver));
    let file = logging::File {
        path: "/var/log/named/bind.log".into(),
        versions: Some(logging::Versions::Count(3)),
        size: Some(5 << 20),
        suffix: logging::Suffix::Increment,
    };
    let channel = logging::Channel {
        destination: logging::Destination::File(file),
        severity: logging::Threshold::AtLeast(logging::Severity::Warning),
        print_time: logging::PrintTime::Local,
        print_severity: true,
        print_category: true,
    };
    assert_eq!(config.logging.channels, [("simple_log".to_owned(), channel)].into());
    let both = [logging::Category::Default, logging::Category::Client];
    assert_eq!(config.logging.categories, both.map(|category| (category, vec!["simple_log".to_owned()])).into());
}

#[test]
fn debians_files_load_and_say_what_is_missing() {
    let debian = Memory::new(&[
        (
            "/etc/bind/named.conf.options",
            "options { directory \"/var/cache/bind\"; dnssec-validation auto; listen-on-v6 { any; }; };",
        ),
        ("/etc/bind/named.conf.local", "//include \"/etc/bind/zones.rfc1918\";\n"),
        (
            "/etc/bind/named.conf.default-zones",
            "zone \".\" { type hint; file \"/usr/share/dns/root.hints\"; };
             zone \"localhost\" { type master; file \"/etc/bind/db.local\"; };
             zone \"127.in-addr.arpa\" { type master; file \"/etc/bind/db.127\"; };
             zone \"0.in-addr.arpa\" { type master; file \"/etc/bind/db.0\"; };
             zone \"255.in-addr.arpa\" { type master; file \"/etc/bind/db.255\"; };",
        ),
    ]);
    let text = "include \"/etc/bind/named.conf.options\";
                include \"/etc/bind/named.conf.local\";
                include \"/etc/bind/named.conf.default-zones\";";
    let loaded = parse(text, "/etc/bind/named.conf", &debian).unwrap();
    let rules = &loaded.config.views[0].rules;
    let names: Vec<_> = rules.iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(names, ["localhost", "127.in-addr.arpa", "0.in-addr.arpa", "255.in-addr.arpa"]);
    assert!(rules.iter().all(|rule| rule.settings.forwarders.is_empty()), "nothing local leaks");
    let warnings: Vec<_> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    assert_eq!(warnings[5], "no forwarders: nothing outside local data can be answered until 'forwarders' is set");
}

#[test]
fn who_forwards_to_nobody_is_told_whatever_zones_there_are() {
    let zones = "zone localhost { type master; file \"db.local\"; }; zone corp { type master; file \"db.corp\"; };";
    let warning = "no forwarders: nothing outside local data can be answered until 'forwarders' is set";
    for (options, is_told) in
        [("recursion yes;", true), ("", true), ("recursion no;", false), ("forwarders { 192.0.2.1; };", false)]
    {
        let (config, warnings) = good(&format!("options {{ {options} }}; {zones}"));
        assert!(!config.views[0].zones.is_empty());
        assert_eq!(warnings.iter().any(|told| told.contains(warning)), is_told, "{options}: {warnings:?}");
    }
}

#[test]
fn rhels_files_load_and_say_what_is_missing() {
    let loopback = format!("1.{}ip6.arpa", "0.".repeat(31));
    let zones = [
        ("localhost.localdomain", "named.localhost"),
        ("localhost", "named.localhost"),
        (&loopback, "named.loopback"),
        ("1.0.0.127.in-addr.arpa", "named.loopback"),
        ("0.in-addr.arpa", "named.empty"),
    ]
    .map(|(name, file)| format!("zone \"{name}\" IN {{ type master; file \"{file}\"; allow-update {{ none; }}; }};"));
    let files = Memory::new(&[
        ("/etc/named.rfc1912.zones", &zones.concat()),
        ("/etc/named.root.key", "managed-keys { . initial-key 257 3 8 \"AwEAAQ==\"; };"),
        (
            "/etc/crypto-policies/back-ends/bind.config",
            "disable-algorithms \".\" {\nRSAMD5;\nDSA;\n};\ndisable-ds-digests \".\" {\nGOST;\n};\n",
        ),
    ]);
    // What one of RHEL 7, 8 and 9 has, stands here.
    let rhel = "options {
            listen-on port 53 { 127.0.0.1; };
            listen-on-v6 port 53 { ::1; };
            directory \"/var/named\";
            dump-file \"/var/named/data/cache_dump.db\";
            statistics-file \"/var/named/data/named_stats.txt\";
            memstatistics-file \"/var/named/data/named_mem_stats.txt\";
            recursing-file \"/var/named/data/named.recursing\";
            secroots-file \"/var/named/data/named.secroots\";
            allow-query { localhost; };
            recursion yes;
            dnssec-enable yes;
            dnssec-validation yes;
            dnssec-lookaside auto;
            bindkeys-file \"/etc/named.root.key\";
            managed-keys-directory \"/var/named/dynamic\";
            geoip-directory \"/usr/share/GeoIP\";
            pid-file \"/run/named/named.pid\";
            session-keyfile \"/run/named/session.key\";
            include \"/etc/crypto-policies/back-ends/bind.config\";
        };
        logging { channel default_debug { file \"data/named.run\"; severity dynamic; }; };
        zone \".\" IN { type hint; file \"named.ca\"; };
        include \"/etc/named.rfc1912.zones\";
        include \"/etc/named.root.key\";";
    let loaded = parse(rhel, "/etc/named.conf", &files).unwrap();
    assert_eq!(loaded.config.views[0].rules.len(), zones.len());
    assert_eq!(loaded.config.listen_v4[0].addresses.to_string(), "{ 127.0.0.1; }");
    assert!(loaded.config.logging.channels.contains_key("default_debug"));
    // 9 options, 2 of crypto-policies, managed-keys, 5 zones, no forwarders.
    assert_eq!(loaded.warnings.len(), 18, "{:?}", loaded.warnings);
}

#[test]
fn numbers_out_of_bounds_are_moved_with_a_warning() {
    let (config, warnings) = good(
        "options { forwarders { 192.0.2.1; }; edns-udp-size 100; max-udp-size 9999; tcp-idle-timeout 0;
         tcp-initial-timeout 100; servfail-ttl 31; max-cache-size 1k; resolver-query-timeout 31000; };",
    );
    assert_eq!((config.edns_udp_size, config.max_udp_size), (512, 4096));
    assert_eq!(config.cache_size, CacheSize::Bytes(2 << 20));
    assert_eq!(config.limits.tcp_idle_timeout, Duration::from_millis(100));
    assert_eq!(config.limits.tcp_initial_timeout, Duration::from_secs(10));
    assert_eq!(config.views[0].servfail_ttl, Duration::from_secs(30));
    assert_eq!(config.views[0].query_timeout, Duration::from_secs(30));
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    assert_eq!(errors("options { tcp-clients 0; };"), ["x.conf:1: tcp-clients '0' is out of range (1..4294967295)"]);
}

#[test]
fn prefetch_is_moved_into_named_s_bounds() {
    for (text, expected, said) in [
        ("", Prefetch::LastTenth, None),
        ("prefetch 0;", Prefetch::Off, None),
        ("prefetch 2;", Prefetch::Last { trigger: 2, eligibility: 9 }, None),
        ("prefetch 4;", Prefetch::Last { trigger: 4, eligibility: 10 }, None),
        ("prefetch 3 60;", Prefetch::Last { trigger: 3, eligibility: 60 }, None),
        ("prefetch 4 9;", Prefetch::Last { trigger: 4, eligibility: 10 }, Some("'prefetch' is taken as 4 10: ")),
        ("prefetch 20;", Prefetch::Last { trigger: 10, eligibility: 16 }, Some("'prefetch' is taken as 10 16: ")),
    ] {
        let (config, warnings) = good(&format!("options {{ forwarders {{ 192.0.2.1; }}; {text} }};"));
        assert_eq!(config.views[0].forward.prefetch, expected, "{text}");
        assert_eq!(warnings.len(), usize::from(said.is_some()), "{text} {warnings:?}");
        assert!(warnings.iter().all(|warning| warning.contains(said.unwrap_or_default())), "{text} {warnings:?}");
    }
    assert!(errors("options { prefetch soon; };")[0].starts_with("x.conf:1: expected number near 'soon'"));
    assert_eq!(errors("options { prefetch 2 9 9; };")[0], "x.conf:1: missing ';' before '9'");
}

#[test]
fn stale_answers_are_for_those_who_keep_them() {
    let stale = |text: &str| {
        let (config, warnings) = good(&format!(
            "options {{ forwarders {{ 192.0.2.1; }}; {text} }};
             zone corp {{ type forward; forwarders {{ 192.0.2.2; }}; }};"
        ));
        let (view, rule) = (config.views[0].forward.stale, config.views[0].rules[0].settings.stale);
        assert_eq!(view, rule, "{text}: a zone has what its view has");
        (view, warnings)
    };
    assert_eq!(stale(""), (Stale::default(), vec![]));
    assert!(!Stale::default().is_served());
    assert!(stale("stale-cache-enable yes; stale-answer-enable yes;").0.is_served());
    let (alone, warnings) = stale("stale-answer-enable yes;");
    assert!(!alone.is_served());
    assert!(
        warnings[0].contains("'stale-answer-enable' has no effect without 'stale-cache-enable yes'"),
        "{warnings:?}"
    );
    assert_eq!(stale("stale-answer-client-timeout off;").0.client_timeout, None);
    assert_eq!(stale("stale-answer-client-timeout 1800;").0.client_timeout, Some(Duration::from_millis(1800)));
    let (long, warnings) = stale("stale-answer-ttl 60; stale-refresh-time 1w; max-stale-ttl 1w;");
    assert_eq!((long.answer_ttl, long.refresh_time), (Duration::from_secs(30), Duration::from_secs(3600)));
    assert_eq!((long.max_ttl, warnings.len()), (Duration::from_secs(604_800), 2), "{warnings:?}");
}

#[test]
fn no_text_can_do_harm() {
    let deep: String = (0..5000).map(|n| format!("acl a{n} {{ a{}; }};", n + 1)).collect();
    let wide: String = (0..30).map(|n| format!("acl w{n} {{ w{0}; w{0}; }};", n + 1)).collect();
    for text in [
        "{".repeat(1_000_000),
        "}".repeat(100_000),
        "acl a ".to_owned() + &"{ !".repeat(100_000),
        deep + "acl a5000 { any; }; options { blackhole { a0; }; };",
        wide + "acl w30 { any; }; options { blackhole { w0; }; };",
        "a".repeat(1_000_000),
        "options { recursion yes ".repeat(10_000),
        format!("options {{ {} }};", "recursion yes ".repeat(100_000)),
        "\0\u{fffd}\"".to_owned(),
    ] {
        assert!(parse(&text, "x.conf", &NoFiles).is_err());
        fuzz(text.as_bytes());
    }
    fuzz(b"options { version \"\xff\"; };");
    // Every beginning of a real file, and the file with each octet changed.
    let whole = include_bytes!("../../../../conf/named.conf");
    for end in 0..whole.len() {
        fuzz(&whole[..end]);
        let mut changed = whole.to_vec();
        changed[end] = b";{}\"!/\xff 0"[end % 9];
        fuzz(&changed);
    }
}

#[test]
fn the_first_order_for_everything_ends_the_orders() {
    use crate::config::{OrderOfSome, RrsetOrder};
    let of = |statement: &str| {
        let (config, told) = good(&format!("options {{ forwarders {{ 10.1.0.2; }}; {statement} }};"));
        let view = config.views.into_iter().next().expect("one view");
        (view.rrset_order, view.rrset_orders, told.len())
    };
    let some =
        |rtype, name: Option<&str>, order| OrderOfSome { rtype, name: name.map(|name| name.parse().unwrap()), order };
    let mx = || some(Some(15), None, RrsetOrder::Cyclic);
    for (case, statement, expected) in [
        ("no statement", "", (RrsetOrder::Random, vec![], 0)),
        ("no element", "rrset-order { };", (RrsetOrder::Fixed, vec![], 0)),
        (
            "one for everything",
            "rrset-order { class ANY type ANY name \"*\" order cyclic; };",
            (RrsetOrder::Cyclic, vec![], 0),
        ),
        ("of two the first", "rrset-order { order cyclic; order none; };", (RrsetOrder::Cyclic, vec![], 1)),
        ("none for everything", "rrset-order { class IN type MX order cyclic; };", (RrsetOrder::Fixed, vec![mx()], 0)),
        (
            "some before it",
            "rrset-order { type mx order cyclic; name \"*.B\" order none; order random; type A order fixed; };",
            (RrsetOrder::Random, vec![mx(), some(None, Some("*.b"), RrsetOrder::Fixed)], 1),
        ),
        ("another class", "rrset-order { class CH order cyclic; };", (RrsetOrder::Fixed, vec![], 1)),
    ] {
        assert_eq!(of(statement), expected, "{case}");
    }
}
