//! What is published, and what of it stays when the text changes.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::access::CookieVerdict;
use crate::config::files::NoFiles;
use crate::config::named_conf::parse;
use crate::upstream::{Route as _, Server};

const PLAIN: &str = r#"options { forwarders { 192.0.2.1; }; };"#;

fn config(text: &str) -> Config {
    parse(text, "test", &NoFiles).expect("the configuration is right").config
}

fn state(text: &str) -> Arc<State> {
    let host = Host { name: "az1".to_owned(), addresses: vec![address("10.1.1.53")], networks: vec![] };
    Arc::new(State::new(&config(text), Arc::new(host), [1; 16], &Zones::default()))
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn route(state: &State, view: usize, name: &str) -> Route {
    let view = Arc::clone(&state.present().views[view]);
    let name: crate::wire::Name = name.parse().expect("a name");
    let rule = view.rules.find(name.as_wire(), 1);
    Route { view, rule }
}

#[test]
fn views_rules_and_upstreams_keep_their_numbers_when_the_text_changes() {
    let before = r#"
        options { forwarders { 192.0.2.1; }; };
        zone "corp" { type forward; forwarders { 192.0.2.2; }; };
        zone "example" { type forward; forwarders { 192.0.2.3; }; };"#;
    let after = r#"
        options { forwarders { 192.0.2.2; 192.0.2.9; 192.0.2.1; }; };
        zone "new" { type forward; forwarders { 192.0.2.4; }; };
        zone "corp" { type forward; forwarders { 192.0.2.2 port 54; 192.0.2.2; }; };"#;
    let state = state(before);
    let (root, corp, example) = (route(&state, 0, "."), route(&state, 0, "corp"), route(&state, 0, "example"));
    let known = &corp.rule().servers[0];
    known.replied(1, Some(Duration::from_millis(70)));
    state.publish(&config(after), Arc::default(), &Zones::default());
    let (new_root, new_corp) = (route(&state, 0, "."), route(&state, 0, "www.corp"));
    assert_eq!(new_root.view.id, root.view.id);
    assert_eq!((new_root.rule().id, new_corp.rule().id), (root.rule().id, corp.rule().id));
    assert!(Arc::ptr_eq(&new_corp.rule().servers[1], known), "what was learnt of an upstream stays");
    assert_eq!(new_corp.rule().servers[0].weight(), Duration::ZERO, "another port is another upstream");
    assert!(![root.rule().id, corp.rule().id, example.rule().id].contains(&route(&state, 0, "new").rule().id));
    assert_eq!(route(&state, 0, "www.example").rule().id, root.rule().id, "without its rule a name is the root's");
    state.publish(&config(before), Arc::default(), &Zones::default());
    assert_eq!(route(&state, 0, "example").rule().id, example.rule().id, "it comes back with its number");
}

#[test]
fn the_same_apex_in_two_views_is_two_rules() {
    let state = state(
        r#"view "in" { match-clients { 10.0.0.0/8; }; zone "corp" { type forward; forwarders { 192.0.2.1; }; }; };
           view "out" { zone "corp" { type forward; forwarders { 192.0.2.1; }; }; };"#,
    );
    let (inside, outside) = (route(&state, 0, "corp"), route(&state, 1, "corp"));
    assert_ne!(inside.view.id, outside.view.id);
    assert_ne!(inside.rule().id, outside.rule().id);
    assert!(Arc::ptr_eq(&inside.rule().servers[0], &outside.rule().servers[0]), "the upstream is one");
}

#[test]
fn a_shared_zone_is_one_zone_with_the_lists_of_the_view_that_it_is_in() {
    let text = r#"view a { match-clients { 10.0.0.0/8; }; allow-query { 10.1.0.0/16; };
            zone z { type primary; file "z"; allow-update { 10.1.1.1; }; };
            zone own { type primary; file "own"; allow-query { 10.2.0.0/16; }; }; };
        view b { allow-query { any; }; zone z { in-view a; }; zone own { in-view a; }; };"#;
    let mut zones = Zones::default();
    for apex in ["z", "own"] {
        zones.insert("a", Arc::new(Handle::new(apex.parse().expect("a name"))));
    }
    let state = Arc::new(State::new(&config(text), Arc::default(), [1; 16], &zones));
    let local = |view, name| {
        let route = route(&state, view, name);
        let local = route.rule().local.as_ref().expect("a local zone");
        let admits = |client| local.query.as_ref().map(|list| list.allows(address(client)));
        (Arc::clone(&local.zone), ["10.1.0.1", "10.2.0.1", "192.0.2.1"].map(admits), Arc::clone(&local.grants))
    };
    for (apex, admitted) in [("z", [true, false, false]), ("own", [false, true, false])] {
        let ((zone, ..), (shared, query, grants)) = (local(0, apex), local(1, apex));
        assert!(Arc::ptr_eq(&zone, &shared), "{apex}");
        assert_eq!(query, admitted.map(Some), "{apex}");
        assert_eq!(grants.rules.len(), usize::from(apex == "z"));
    }
}

#[test]
fn a_view_matches_by_client_destination_and_rd() {
    let clients = "match-clients { 10.0.0.0/8; };";
    let destinations = "match-destinations { 10.1.1.53; };";
    let (inside, outside) = (address("10.9.9.9"), address("192.0.2.77"));
    let (own, other) = (address("10.1.1.53"), address("10.1.2.53"));
    for (case, settings, client, destination, recursion_desired, expected) in [
        ("everything", "", outside, other, false, true),
        ("a client of its list", clients, inside, other, false, true),
        ("a client that is in no list", clients, outside, other, true, false),
        ("a destination of its list", destinations, outside, own, false, true),
        ("another destination", destinations, inside, other, true, false),
        ("with RD", "match-recursive-only yes;", outside, other, true, true),
        ("without RD", "match-recursive-only yes;", outside, other, false, false),
    ] {
        let state = state(&format!("view \"v\" {{ {settings} }};"));
        let view = &state.present().views[0];
        assert_eq!(view.matches(client, destination, None, recursion_desired), expected, "{case}");
    }
}

#[test]
fn a_route_says_what_its_rule_and_view_say() {
    let state = state(
        r#"options { forwarders { 192.0.2.1; }; edns-udp-size 1400; servfail-ttl 7; max-cache-ttl 90; };
           zone "corp" { type forward; forwarders { 192.0.2.2; }; };
           zone "none" { type forward; forwarders { }; };"#,
    );
    let corp = route(&state, 0, "www.corp");
    assert_eq!(
        (corp.servers()[0].forwarder.edns_udp_size, corp.servfail_ttl(), corp.trust_ad()),
        (Some(1400), 7, false)
    );
    assert_eq!(corp.ttl().cache, (0, 90));
    assert_eq!(corp.servers()[0].forwarder.address.ip(), address("192.0.2.2"));
    assert_eq!(corp.apex_of(b"\x01x\x04corp\0", 1), Some(&b"\x04corp\0"[..]));
    assert_eq!(corp.apex_of(b"\x07example\0", 1), None, "the root has other upstreams");
    let none = route(&state, 0, "x.none");
    assert!(none.servers().is_empty());
    assert_eq!(none.apex_of(b"\x01y\x04none\0", 1), None, "nobody answers there");
}

#[test]
fn what_is_not_set_costs_nothing() {
    type Check = fn(&Snapshot) -> bool;
    let cases: [(&str, &str, Check); 9] = [
        ("a view for all without a word", PLAIN, |snapshot| snapshot.views[0].matches_all),
        ("a view for all, said", "view v { match-clients { any; }; match-destinations { any; }; };", |snapshot| {
            snapshot.views[0].matches_all
        }),
        ("no blackhole", PLAIN, |snapshot| snapshot.blackhole.is_none()),
        ("an empty blackhole", "options { blackhole { none; }; };", |snapshot| snapshot.blackhole.is_none()),
        ("a blackhole", "options { blackhole { 192.0.2.66; }; };", |snapshot| {
            snapshot.blackhole.as_ref().is_some_and(|list| list.allows(address("192.0.2.66")))
        }),
        ("cookies by default", PLAIN, |snapshot| snapshot.cookies.is_some() && sends_cookies(snapshot)),
        ("no cookies", "options { forwarders { 192.0.2.1; }; answer-cookie no; send-cookie no; };", |snapshot| {
            snapshot.cookies.is_none() && !sends_cookies(snapshot)
        }),
        ("one list for cache and recursion", "options { allow-query { any; }; };", |snapshot| {
            snapshot.views[0].allow_recursion.is_none()
        }),
        ("two lists", "options { allow-query-cache { any; }; allow-recursion { 10.0.0.0/8; }; };", |snapshot| {
            snapshot.views[0].allow_recursion.is_some()
        }),
    ];
    for (case, text, check) in cases {
        assert!(check(&state(text).present()), "{case}");
    }
}

fn sends_cookies(snapshot: &Snapshot) -> bool {
    snapshot.views[0].rules.get(0).servers.iter().any(|server| server.takes_cookie(1))
}

#[test]
fn forwarders_are_asked_as_their_server_statement_says_else_as_the_view() {
    let text = "options { forwarders { 192.0.2.1; 192.0.2.2; 198.51.100.1; 203.0.113.1; }; edns-udp-size 1000;
            blackhole { 203.0.113.0/24; }; query-source 10.0.0.1; send-cookie no; };
        server 192.0.2.0/24 { send-cookie yes; edns-udp-size 600; query-source *; };
        server 192.0.2.2 { bogus yes; };
        view a { edns-udp-size 700; query-source 10.0.0.2; };
        view b { server 192.0.2.1 { tcp-only yes; }; };
        view c { forwarders { 203.0.113.1; }; zone corp { type forward; forwarders { }; }; };";
    let snapshot = state(text).present();
    let shown = |view: usize| -> Vec<_> {
        let servers = snapshot.views[view].rules.get(0).servers.iter();
        let asked = |server: &Arc<Server>| {
            let cookie = server.takes_cookie(1);
            format!("{} {} {} {cookie}", server.forwarder.address.ip(), server.edns_udp_size(), server.source())
        };
        servers.map(asked).collect()
    };
    assert_eq!(shown(0), ["192.0.2.1 600 0.0.0.0 true", "198.51.100.1 700 10.0.0.2 false"]);
    let as_options = |address| format!("{address} 1000 10.0.0.1 false");
    assert_eq!(shown(1), ["192.0.2.1", "192.0.2.2", "198.51.100.1"].map(as_options), "its own statement alone");
    let rules = &snapshot.views[2].rules;
    assert_eq!((shown(2).len(), rules.get(0).is_barred, rules.get(0).goes_nowhere()), (0, true, false));
    assert_eq!((rules.get(1).is_barred, rules.get(1).goes_nowhere()), (false, true), "an empty list is none");
}

#[test]
fn the_longest_answer_depends_on_cookie_and_prefix() {
    let text = "options { forwarders { 192.0.2.1; }; max-udp-size 1400; nocookie-udp-size 900; };
        server 10.0.0.0/8 { max-udp-size 1000; };
        server 10.1.0.0/16 { edns no; };
        server 10.1.1.0/24 { max-udp-size 4096; };";
    let snapshot = state(text).present();
    let most = |client, has_cookie| snapshot.views[0].udp_sizes.most(address(client), has_cookie);
    for (case, client, expected) in [
        ("no statement", "192.0.2.9", [1400, 900]),
        ("a statement", "10.2.0.1", [1000, 900]),
        ("the longer prefix says nothing", "10.1.0.1", [1400, 900]),
        ("it never raises the size", "10.1.1.1", [1400, 900]),
    ] {
        assert_eq!([most(client, true), most(client, false)], expected, "{case}");
    }
}

#[test]
fn a_new_cookie_secret_leaves_the_cookies_of_the_last_two_good() {
    let with_secret = |octet: &str| format!("options {{ cookie-secret \"{}\"; }};", octet.repeat(16));
    let state = state(&with_secret("01"));
    let respond = |option: &[u8]| {
        let snapshot = state.present();
        snapshot.cookies.as_ref().expect("given by default").respond(option, address("10.9.9.9"), 1000)
    };
    let CookieVerdict::ClientOnly(cookie) = respond(b"client!!") else { panic!("a client cookie alone") };
    for (case, octet, good) in [
        ("the same", "01", true),
        ("another", "02", true),
        ("a third", "03", true),
        ("the same again, as when an address comes", "03", true),
        ("a fourth", "04", false),
    ] {
        state.publish(&config(&with_secret(octet)), Arc::default(), &Zones::default());
        assert_eq!(matches!(respond(&cookie), CookieVerdict::Valid(_)), good, "{case}");
    }
}

#[test]
fn names_of_the_server_are_its_own_given_or_withheld() {
    let own = Some(format!("tandem {}", env!("CARGO_PKG_VERSION")));
    for (case, text, expected) in [
        ("its own", PLAIN, own),
        ("given", r#"options { version "not currently available"; };"#, Some("not currently available".to_owned())),
        ("withheld", "options { version none; };", None),
    ] {
        assert_eq!(state(text).present().identity.version, expected, "{case}");
    }
    assert_eq!(state(PLAIN).present().identity.server_id, None, "id.server is withheld unless it is set");
    let identity = &state("options { server-id hostname; };").present().identity;
    assert_eq!((identity.server_id.as_deref(), identity.hostname.as_deref()), (Some("az1"), Some("az1")));
}

#[test]
fn followers_see_what_is_published_and_keep_what_they_hold() {
    let state = state(PLAIN);
    let mut follower = state.follow();
    let held = Arc::clone(follower.load());
    state.publish(&config("options { max-udp-size 4096; };"), Arc::default(), &Zones::default());
    assert_eq!((held.max_udp_size, follower.load().max_udp_size), (1232, 4096));
    assert_eq!(state.own_secret(), [1; 16]);
}
