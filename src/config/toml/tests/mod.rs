//! What the native format reads; what it says about faults is in `faults`, each key in each place in `rows`.

use std::time::Duration;

use super::super::{
    CacheSize, ClientsPerQuery, Config, FetchLimit, Forwarder, ForwarderOrder, Identity, MatchList, OrderOfSome, Over,
    RrsetOrder,
};
use super::{Diagnostic, Level, Loaded};
use crate::config::files::NoFiles;

mod faults;
mod rows;
mod zone_faults;
mod zones;

/// As the reader of the format has it, with what nothing serves yet.
fn parse(text: &str, file: &str) -> Result<Loaded, Vec<Diagnostic>> {
    super::parse(text, file, &NoFiles)
}

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
        nocookie_udp_size = 400
        fetches_per_server = 7
        fetches_per_zone = [9, "fail"]
        max_clients_per_query = 20
        peer_udp_size = [{ prefix = "10.0.0.0/8", max_udp_size = 600 }, { prefix = "10.1.0.0/16" }]
        recursion = true
        allow_query = "any"
        minimal_any = false
        require_server_cookie = true
        rrset_order = "cyclic"
        rrset_orders = [
            { type = "MX", order = "none" },
            { name = "*.Corp", order = "random" },
            { type = "aaaa", name = "www.corp.", order = "cyclic" },
        ]
        resolver_query_timeout = "5s"
        servfail_ttl = 0
        forwarders = [
            "10.1.0.2",
            { address = "[2001:db8::2]:5300", case_randomisation = true, edns = false, tcp_only = true, max_qps = 1000,
              bogus = true, edns_udp_size = 1400, send_cookie = true, query_source = "::2" },
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
    assert_eq!((read.cookies.answer, read.views[0].send_cookie), (false, false));
    assert_eq!(read.cookies.secret, Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
    assert_eq!(read.cache_size, CacheSize::Bytes(512 << 20));
    assert_eq!(format!("{:?}", read.views[0].query_source), "(127.0.0.1, ::1)");
    assert_eq!((read.edns_udp_size, read.max_udp_size), (4096, 512));
    let [view] = &read.views[..] else { panic!("one view expected") };
    assert_eq!((view.name.as_str(), view.recursion, view.minimal_any), ("_default", true, false));
    assert!(view.require_server_cookie);
    assert_eq!(view.rrset_order, RrsetOrder::Cyclic);
    let order =
        |rtype, name: Option<&str>, order| OrderOfSome { rtype, name: name.map(|name| name.parse().unwrap()), order };
    let orders = [
        order(Some(15), None, RrsetOrder::Fixed),
        order(None, Some("*.corp"), RrsetOrder::Random),
        order(Some(28), Some("www.corp"), RrsetOrder::Cyclic),
    ];
    assert_eq!(view.rrset_orders, orders);
    assert_eq!((view.query_timeout, view.servfail_ttl), (seconds(5), Duration::ZERO));
    assert_eq!((view.edns_udp_size, view.max_udp_size, view.nocookie_udp_size), (4096, 512, 400));
    let limit = |most, over| Some(FetchLimit { most, over });
    let fetches = (view.fetches_per_server, view.fetches_per_zone);
    assert_eq!(fetches, (limit(7, Over::Fail), limit(9, Over::Fail)));
    assert_eq!(view.clients_per_query, Some(ClientsPerQuery { least: 10, most: Some(20) }));
    let sizes: Vec<_> = view.peer_udp_sizes.iter().map(|size| (size.prefix.to_string(), size.max_udp_size)).collect();
    assert_eq!(sizes, [("10.1.0.0/16".to_owned(), None), ("10.0.0.0/8".to_owned(), Some(600))]);
    let second = Forwarder {
        address: "[2001:db8::2]:5300".parse().unwrap(),
        case_randomisation: true,
        edns: false,
        tcp_only: true,
        max_qps: Some(1000),
        bogus: true,
        edns_udp_size: Some(1400),
        send_cookie: Some(true),
        query_source: Some("::2".parse().unwrap()),
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
