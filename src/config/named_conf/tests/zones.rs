//! Zones of type primary, keys and who may update: what is read, and that TOML says the same.

use super::{Memory, errors, read_good};
use crate::config::files::NoFiles;
use crate::config::named_conf::{Document, parse};
use crate::config::*;
use crate::tsig::Algorithm;
use crate::wire::Name;

fn name(text: &str) -> Name {
    text.parse().expect("a name of the test")
}

fn zone(text: &str) -> LocalZone {
    let config = read_good(text, &NoFiles).config;
    config.views[0].zones.first().unwrap_or_else(|| panic!("{text}: no zone")).clone()
}

/// Warnings about zones and keys, without hints.
fn warnings(text: &str) -> Vec<String> {
    let warnings = read_good(text, &NoFiles).warnings;
    warnings.iter().map(ToString::to_string).filter(|warning| !warning.contains("no forwarders")).collect()
}

#[test]
fn views_may_each_have_a_key_of_one_name() {
    let key = |secret: &str| format!("key k {{ algorithm hmac-sha256; secret \"{secret}\"; }};");
    let text = format!("view a {{ {} }};\nview b {{ {} }};", key("YWE="), key("YmI="));
    let keys = read_good(&text, &NoFiles).config.keys;
    let found: Vec<_> = keys.iter().map(|key| (key.view.as_deref(), key.secret.octets())).collect();
    assert_eq!(found, [(Some("a"), &b"aa"[..]), (Some("b"), b"bb")]);
    let text = format!("controls {{ inet * allow {{ any; }} keys {{ k; }}; }};\nview a {{ {} }};", key("YWE="));
    assert_eq!(errors(&text), ["x.conf:1: unknown key 'k'"], "it is the view's");
}

#[test]
fn views_of_other_classes_are_told_and_left_out() {
    let text = "key top { algorithm hmac-sha256; secret \"c2Vj\"; };
        view main { forwarders { 192.0.2.1; }; };\n\
        view main CHAOS { key k { algorithm hmac-sha256; secret \"c2Vj\"; }; };\n\
        view hs HS { recursion no; };";
    let loaded = read_good(text, &NoFiles);
    assert_eq!((loaded.config.views.len(), loaded.config.keys.len()), (1, 1));
    assert_eq!(
        warnings(text),
        [
            "x.conf:3: warning: 'view' 'main' of class CH is ignored: CH is answered by version, hostname and server-id, \
             other classes by nothing",
            "x.conf:4: warning: 'view' 'hs' of class HS is ignored: CH is answered by version, hostname and server-id, \
             other classes by nothing",
        ]
    );
    let alone = read_good("view main CH { };", &NoFiles).config;
    assert!(alone.views[0].match_clients.is_only(&Match::None), "there is no view for anybody");
    for (text, expected) in [
        ("view a CH { };\nview a CHAOS { };", "x.conf:2: view 'a': already exists previous definition: x.conf:1"),
        ("view a QQ { };", "x.conf:1: view 'a': invalid class QQ"),
        ("view a CH { match-clients { nosuch; }; };", "x.conf:1: undefined ACL 'nosuch'"),
        (
            "view a CH { zone bind CH { type primary; file \"f\"; }; };",
            "x.conf:1: zone 'bind': class CH is refused: CH is answered by version, hostname and server-id, other classes \
             by nothing",
        ),
    ] {
        assert_eq!(errors(text)[0], expected, "{text}");
    }
}

#[test]
fn two_channels_at_one_address_are_told_by_both_readers() {
    let text = "statistics-channels { inet 127.0.0.1 port 8053;\ninet 127.0.0.1 port 8053; };";
    assert_eq!(
        warnings(text),
        ["x.conf:2: warning: statistics channel 127.0.0.1#8053 is written before: this one is not used"]
    );
    assert_eq!(read_good(text, &NoFiles).config.statistics_channels.len(), 1);
    let toml = "[[statistics_channel]]\naddress = '127.0.0.1:8053'\n".repeat(2);
    let found = crate::config::toml::parse(&toml, "x.toml", &NoFiles).expect_err("a channel twice");
    assert!(found[0].to_string().starts_with("x.toml:3: [[statistics_channel]] at 127.0.0.1:8053: another is there"));
}

#[test]
fn a_key_of_another_view_matches_nobody_and_is_told() {
    let key = "key k { algorithm hmac-sha256; secret \"c2Vj\"; };";
    let text = format!(
        "acl by_key {{ key k; }};\nview a {{ {key} match-clients {{ key k; }}; }};\n\
         view b {{ match-clients {{ by_key; }};\n\
         zone z {{ type primary; file \"z\"; update-policy {{ grant k zonesub ANY; }}; }}; }};"
    );
    assert_eq!(
        warnings(&text),
        [
            "x.conf:4: warning: no key 'k' is defined, so nobody signs with it: it is a key of another view",
            "x.conf:1: warning: 'key k' matches nobody: it is a key of another view",
        ]
    );
}

#[test]
fn a_view_shares_zones_of_an_earlier_one() {
    let a = "view a { match-clients { 10/8; }; zone z { type primary; file \"z\"; }; zone . { type hint; file \"c\"; };
        zone localhost { type primary; file \"gone\"; }; };\n";
    let text = format!(
        "{a}view b {{\nzone Z. {{ in-view a; forward only; }};\nzone . {{ in-view a; }};\n
         zone localhost {{ in-view a; }}; }};"
    );
    let loaded = read_good(&text, &NoFiles);
    let [first, second] = &loaded.config.views[..] else { panic!("{text}") };
    let [shared] = &second.shared_zones[..] else { panic!("{second:?}") };
    assert_eq!((&shared.name, shared.view.as_str()), (&name("z"), "a"));
    assert_eq!(shared.position.as_ref().map(|position| position.line), Some(4));
    assert!(first.shared_zones.is_empty() && second.zones.is_empty());
    assert!(second.rules[0].name == name("localhost") && second.rules[0].settings.forwarders.is_empty(), "no file");
    let told = "x.conf:4: warning: 'forward' is ignored";
    assert!(warnings(&text).iter().any(|said| said.starts_with(told)), "{:?}", warnings(&text));
    let toml = Document::read(&text, "x.conf", &NoFiles).to_toml(&NoFiles).expect("it can be said in TOML");
    assert!(toml.contains("[[view.zone]]\nname = \"z\"\nin_view = \"a\"\n"), "{toml}");
    let missing = "'in-view' zone 'z' does not exist in view 'a', or view 'a' is not yet defined";
    let hint = "(an earlier view, in which the zone has a type, but not forward)";
    for (case, text, expected) in [
        (
            "a later view",
            format!("view b {{ zone z {{ in-view\na; }}; }};\n{a}"),
            format!("x.conf:2: {missing} {hint}"),
        ),
        ("no view", "zone z {\nin-view a; };".to_owned(), format!("x.conf:2: {missing} {hint}")),
        (
            "a forward zone",
            "view a { zone z { type forward; forwarders { 192.0.2.1; }; }; };\nview b { zone z { in-view a; }; };"
                .to_owned(),
            format!("x.conf:2: {missing} {hint}"),
        ),
        (
            "more about the zone",
            format!("{a}view b {{ zone z {{ in-view a; allow-query {{ any; }}; }}; }};"),
            "x.conf:3: zone 'z': 'in-view' used with incompatible zone options (in-view alone: what else is said of \
             the zone stands in that view)"
                .to_owned(),
        ),
    ] {
        let found = parse(&text, "x.conf", &NoFiles).err().unwrap_or_default();
        let error = found.into_iter().find(|found| found.level == Level::Error);
        assert_eq!(error.map(|error| error.to_string()), Some(expected), "{case}");
    }
}

#[test]
fn a_zone_has_its_file_and_settings() {
    let text = "options { directory \"/var/named\"; max-journal-size 2M; };
        zone Corp.Example IN { type master; file \"db.corp\"; journal \"/tmp/j\"; allow-query { 10/8; }; };
        zone b { type primary; file \"/etc/b\"; max-journal-size unlimited; };";
    let config = read_good(text, &NoFiles).config;
    let [corp, b] = &config.views[0].zones[..] else { panic!("{config:?}") };
    let position = |line, column| Some(Position { file: "x.conf".into(), line, column });
    assert_eq!((&corp.name, &corp.position), (&name("corp.example"), &position(2, 9)));
    assert_eq!(corp.file, Some(MasterFile { path: "/var/named/db.corp".into(), position: position(2, 45) }));
    assert_eq!(corp.settings.journal.as_deref(), Some("/tmp/j".as_ref()));
    assert_eq!(corp.settings.allow_query.as_ref().map(MatchList::to_string).as_deref(), Some("{ 10.0.0.0/8; }"));
    assert_eq!(corp.settings.max_journal_octets, Some(2 << 20));
    assert_eq!(b.file.as_ref().map(|file| file.path.clone()), Some("/etc/b".into()));
    assert_eq!((b.settings.max_journal_octets, &b.settings.allow_query), (Some(u64::MAX), &None));
    assert!(config.views[0].rules.is_empty() && corp.records.is_empty() && corp.grants.is_empty());
}

#[test]
fn keys_of_the_top_and_of_views_are_the_servers() {
    let text = "key Deploy. { algorithm HMAC-SHA384; secret c2VjcmV0; };
        view v { key \"other\" { secret \"c2Vj cmV0\"; algorithm \"hmac-sha512\"; }; };";
    let keys = read_good(text, &NoFiles).config.keys;
    let shown: Vec<_> = keys.iter().map(|key| (key.name.to_string(), key.algorithm, key.secret.octets())).collect();
    let expected = [
        ("deploy".to_owned(), Algorithm::HmacSha384, &b"secret"[..]),
        ("other".to_owned(), Algorithm::HmacSha512, b"secret"),
    ];
    assert_eq!(shown, expected);
}

const KEY: &str = "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };";

/// One grant in a few words: `+k zone any`, `-{ any; } …`.
fn shown(grant: &Grant) -> String {
    let who = match &grant.who {
        Grantee::Key(name) => name.to_string(),
        Grantee::Clients(list) => list.to_string(),
    };
    let names = match &grant.names {
        GrantedNames::Zone => "zone".to_owned(),
        GrantedNames::Own => "own".to_owned(),
        GrantedNames::OwnAndBelow => "own-and-below".to_owned(),
        GrantedNames::These(patterns) => {
            let each = patterns.iter().map(|pattern| match pattern {
                NamePattern::Exactly(name) => format!("={name}"),
                NamePattern::Within(name) => format!("^{name}"),
                NamePattern::Below(name) => format!("*.{name}"),
            });
            each.collect::<Vec<_>>().join(",")
        }
    };
    let types = match &grant.types {
        GrantedTypes::Ordinary => "ordinary".to_owned(),
        GrantedTypes::All => "all".to_owned(),
        GrantedTypes::These(types) => format!("{types:?}"),
    };
    format!("{}{who} {names} {types}", if grant.deny { '-' } else { '+' })
}

fn grants(text: &str) -> Vec<String> {
    zone(&format!("{KEY} zone z {{ type primary; file \"db\"; {text} }};")).grants.iter().map(shown).collect()
}

#[test]
fn update_policy_becomes_grants() {
    for (rules, expected) in [
        ("", &[][..]),
        ("grant k zonesub;", &["+k zone ordinary"]),
        ("grant k zonesub ANY;", &["+k zone all"]),
        ("deny k name \"a.z\" TXT; grant k subdomain a.z. A AAAA;", &["-k =a.z [16]", "+k ^a.z [1, 28]"]),
        ("grant k wildcard *.a.z type65280;", &["+k *.a.z [65280]"]),
        ("grant * wildcard * A;", &["+* *.. [1]"]),
        ("grant k self k A; grant *.z selfsub . A;", &["+k own [1]", "+*.z own-and-below [1]"]),
        ("GRANT k SelfSub * A;", &["+k own-and-below [1]"]),
    ] {
        assert_eq!(grants(&format!("update-policy {{ {rules} }};")), expected, "{rules}");
    }
}

#[test]
fn allow_update_becomes_grants() {
    for (list, expected) in [
        ("none;", &[][..]),
        ("any;", &["+{ any; } zone all"]),
        ("key k;", &["+k zone all"]),
        (
            "!10.1/16; 10/8; key \"k\"; !any;",
            &["-{ 10.1.0.0/16; } zone all", "+{ 10.0.0.0/8; } zone all", "+k zone all"],
        ),
        ("none; key k;", &["-{ any; } zone all", "+k zone all"]),
        // Both the address and the key: named's idiom.
        ("!{ !10/8; any; }; key k;", &["-{ { !10.0.0.0/8; any; }; } zone all", "+k zone all"]),
        ("{ key k; 10/8; };", &["+k zone all", "+{ 10.0.0.0/8; } zone all"]),
        ("trusted;", &["+{ 10.0.0.0/8; } zone all", "+k zone all"]),
        ("!localhost; key K;", &["-{ localhost; } zone all", "+k zone all"]),
    ] {
        let text = format!("acl trusted {{ 10/8; key k; }}; {KEY}");
        let of = |where_: &str| {
            let zone = zone(&format!("{text} {where_}"));
            zone.grants.iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(
            of(&format!("zone z {{ type primary; file \"db\"; allow-update {{ {list} }}; }};")),
            expected,
            "{list}"
        );
        let inherited = format!("options {{ allow-update {{ {list} }}; }}; zone z {{ type primary; file \"db\"; }};");
        assert_eq!(of(&inherited), expected, "{list} of the options");
    }
    assert_eq!(
        errors("acl a { key k; !10/8; }; zone z { type primary; file \"db\"; allow-update { a; }; };")[0],
        "x.conf:1: '!' beside a 'key' in a list within a list is refused"
    );
    let own = "options { allow-update { any; }; }; zone z { type primary; file \"db\"; allow-update { none; }; };";
    assert_eq!(zone(own).grants, [], "the zone's own list counts");
    let policy = "options { allow-update { any; }; }; zone z { type primary; file \"db\"; update-policy { grant k \
     zonesub ANY; }; };";
    assert_eq!(zone(policy).grants.iter().map(shown).collect::<Vec<_>>(), ["+k zone all"], "a policy counts alone");
}

#[test]
fn what_works_and_is_not_what_it_seems_is_warned_of() {
    let unsigned =
        "x.conf:1: warning: zone 'z' allows unsigned updates from remote hosts, which is insecure: use a key";
    for (text, expected) in [
        ("zone z { type primary; file \"db\"; allow-update { any; }; };", &[unsigned][..]),
        ("zone z { type primary; file \"db\"; allow-update { !10/8; 127.0.0.1; localhost; ::1; }; };", &[]),
        ("acl a { 10/8; }; zone z { type primary; file \"db\"; allow-update { { a; }; }; };", &[unsigned]),
        (
            "key kk { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\nzone z { type primary; file \"db\"; \
             allow-update { key kkk; }; };",
            &["x.conf:2: warning: no key 'kkk' is defined, so nobody signs with it: did you mean 'kk'?"],
        ),
        (
            "zone z { type primary; file \"db\"; update-policy { grant k zonesub; grant * self . A; }; };",
            &["x.conf:1: warning: no key 'k' is defined, so nobody signs with it"],
        ),
        (
            "zone z { type primary; file \"db\"; notify yes; forwarders { 192.0.2.1; }; check-mx warn; };",
            &[
                "x.conf:1: warning: 'forwarders' of a zone of type primary are not used: names below its delegations go \
                 where they would go without the zone; name each delegation in a zone of type forward",
                "x.conf:1: warning: 'notify' is ignored: no zone is transferred from or to this server yet",
                "x.conf:1: warning: 'check-mx' is ignored: files are always checked: what contradicts itself is \
                 an error, \
                 what is only odd a warning",
            ],
        ),
        (
            "options { allow-query { key k; }; }; zone z { type primary; file \"db\"; };",
            &["x.conf:1: warning: 'key k' matches nobody: there is no such key"],
        ),
        (
            "acl a { !key k; }; options { blackhole { a; }; }; zone z { type primary; file \"db\"; };",
            &["x.conf:1: warning: 'key k' matches nobody: only addresses are looked at here"],
        ),
    ] {
        assert_eq!(warnings(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    let zone = |text: &str| format!("zone z {{ type primary; file \"db\"; {text} }};");
    let policy = |rule: &str| zone(&format!("update-policy {{ {rule} }};"));
    let key = |text: &str| format!("key k {{ {text} }};");
    let rules = "(one of: name, subdomain, wildcard, self, selfsub, zonesub)";
    for (text, expected) in [
        (
            zone("update-policy local;"),
            "'local' is refused: no session key is made ({ grant KEY zonesub ANY; } \
         with a key of your own)"
                .to_owned(),
        ),
        (
            policy("grant k tcp-self . PTR;"),
            format!(
                "'tcp-self' is refused: addresses of clients are no \
         identities here {rules}"
            ),
        ),
        (policy("grant k external x ANY;"), format!("'external' is refused: no other program is asked {rules}")),
        (policy("grant k ms-subdomain . ANY;"), format!("'ms-subdomain' is refused: Kerberos is not spoken {rules}")),
        (policy("grant k krb5-self . ANY;"), format!("'krb5-self' is refused: Kerberos is not spoken {rules}")),
        (
            policy("grant k selfwild . A;"),
            format!(
                "'selfwild' is refused: it is not implemented yet: write \
         'wildcard' with the name {rules}"
            ),
        ),
        (
            policy("grant k zonesub PTR(1);"),
            "'PTR(1)' is refused: how many records there may be is not looked at \
         (PTR)"
                .to_owned(),
        ),
        (policy("grant k subdomian a.z A;"), "'subdomian' unexpected (did you mean 'subdomain'?)".to_owned()),
        (
            key("algorithm hmac-md4; secret \"c2VjcmV0\";"),
            "unknown algorithm 'hmac-md4' (did you mean 'hmac-md5'?)"
                .to_owned(),
        ),
        (
            key("algorithm hmac-sha256-128; secret \"c2VjcmV0\";"),
            "algorithm 'hmac-sha256-128' is refused: MACs \
         are not cut short (hmac-sha256, hmac-sha384 or hmac-sha512; for old clients hmac-sha224, hmac-sha1 or hmac-md5)"
                .to_owned(),
        ),
        (
            key("algorithm hmac-sha265; secret \"c2VjcmV0\";"),
            "unknown algorithm 'hmac-sha265' (did you mean \
         'hmac-sha256'?)"
                .to_owned(),
        ),
        (
            key("algorithm hmac-sha256; secret \"swordfish\";"),
            "bad secret 'bad base64 encoding' (what \
         'tsig-keygen' prints: base64 with its '=' at the end)"
                .to_owned(),
        ),
        (
            "zone . { type primary; file \"db\"; };".to_owned(),
            "zone '.': type primary is refused: the root is no \
         local zone (name the zone that the file is for)"
                .to_owned(),
        ),
        (
            zone("dnssec-policy default;"),
            "'dnssec-policy' is refused: no zone is signed here: validators would \
         see an unsigned zone"
                .to_owned(),
        ),
        (
            "zone z { type secondary; primaries { 192.0.2.1; }; };".to_owned(),
            "zone 'z': type secondary is refused: zones of this type are \
         not served (nor is a zone transferred; forward it to its primaries: type forward; forwarders { … \
         };)"
            .to_owned(),
        ),
    ] {
        let found = parse(&text, "x.conf", &NoFiles).expect_err(&text);
        let shown: Vec<_> = found.iter().filter(|found| found.level == Level::Error).map(ToString::to_string).collect();
        assert_eq!(shown, [format!("x.conf:1: {expected}")], "{text}");
    }
}

#[test]
fn statistics_of_zones_are_inherited() {
    let text = "options { zone-statistics full; forwarders { 10.1.0.2; }; };
        view a { zone-statistics none; zone x.example { type primary; file \"x\"; };
            zone y.example { type primary; file \"y\"; zone-statistics terse; }; };
        view b { zone x.example { type primary; file \"x2\"; };
            zone y.example { type primary; file \"y2\"; zone-statistics no; }; };";
    let read = parse(text, "x.conf", &NoFiles).expect("a configuration");
    let zones = read.config.views.iter().flat_map(|view| &view.zones);
    let words: Vec<_> = zones.map(|zone| zone.settings.statistics.word()).collect();
    assert_eq!(words, ["none", "terse", "full", "none"]);
}

#[test]
fn both_formats_say_the_same() {
    let named = "options { directory \"/var/named\"; forwarders { 10.1.0.2; }; };
        key deploy { algorithm hmac-sha512; secret \"c2VjcmV0\"; };
        zone corp.example { type primary; file \"db.corp\"; journal \"corp.jnl\"; max-journal-size 1M; zone-statistics yes; \
         allow-query { 10/8; };
            update-policy { deny deploy name a.corp.example; grant deploy subdomain b.corp.example A AAAA;
                grant deploy wildcard *.c.corp.example ANY; grant * self * TXT; grant * selfsub *;
                grant deploy zonesub; };
        };
        controls { inet 127.0.0.1 allow { 10/8; }; inet ::1 port 954 allow { any; } keys { deploy; } read-only yes; };
        zone x { type forward; forwarders { 10.1.0.3; }; };";
    let toml = "[options]\ndirectory = '/var/named'\nforwarders = ['10.1.0.2']
        [[key]]\nname = 'deploy'\nalgorithm = 'hmac-sha512'\nsecret = 'c2VjcmV0'
        [[control]]\naddress = '127.0.0.1'\nallow = ['10/8']
        [[control]]\naddress = '[::1]:954'\nallow = ['any']\nkeys = ['deploy']\nread_only = true
        [[zone]]\nname = 'corp.example'\nfile = 'db.corp'\njournal = 'corp.jnl'\nmax_journal_size = '1M'
        zone_statistics = 'full'
        allow_query = ['10/8']
        [[zone.grant]]\ndeny = true\nkey = 'deploy'\nnames = ['a.corp.example']
        [[zone.grant]]\nkey = 'deploy'\nmatch = 'subdomain'\nnames = ['b.corp.example']\ntypes = ['A', 'AAAA']
        [[zone.grant]]\nkey = 'deploy'\nnames = ['*.c.corp.example']\ntypes = ['ANY']
        [[zone.grant]]\nkey = '*'\nmatch = 'self'\ntypes = ['TXT']
        [[zone.grant]]\nkey = '*'\nmatch = 'selfsub'
        [[zone.grant]]\nkey = 'deploy'
        [[forward]]\nname = 'x'\nforwarders = ['10.1.0.3']";
    let placeless = |mut config: Config| {
        for key in &mut config.keys {
            key.position = None;
        }
        for control in &mut config.controls {
            control.position = None;
            control.allow.elements[0].position = None;
        }
        let view = &mut config.views[0];
        view.rules[0].position = None;
        let zone = &mut view.zones[0];
        zone.position = None;
        for grant in &mut zone.grants {
            grant.position = None;
        }
        if let Some(file) = &mut zone.file {
            file.position = None;
        }
        if let Some(list) = &mut zone.settings.allow_query {
            list.elements[0].position = None;
        }
        config
    };
    let of_named = placeless(parse(named, "n", &NoFiles).expect("named.conf").config);
    let of_toml = placeless(crate::config::toml::parse(toml, "t", &NoFiles).expect("TOML").config);
    assert_eq!(of_named.views[0].zones, of_toml.views[0].zones);
    assert_eq!(of_named, of_toml);
}

#[test]
fn stock_zones_are_served_where_their_files_are() {
    let text = "options { forwarders { 192.0.2.1; }; }; zone localhost { type master; file \"/etc/bind/db.local\"; };
        zone 127.in-addr.arpa { type master; file \"/etc/bind/db.127\"; };
        zone 10.in-addr.arpa { type master; file \"/etc/bind/db.empty\"; };
        zone 11.in-addr.arpa { type master; file \"/etc/bind/db.11\"; };";
    let files = Memory::new(&[("/etc/bind/db.local", "$TTL 1d\n"), ("/etc/bind/db.empty", "")]);
    let Loaded { config, warnings } = read_good(text, &files);
    let zones: Vec<_> = config.views[0].zones.iter().map(|zone| zone.name.to_string()).collect();
    assert_eq!(zones, ["localhost", "10.in-addr.arpa", "11.in-addr.arpa"]);
    let rules: Vec<_> = config.views[0].rules.iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(rules, ["127.in-addr.arpa"]);
    let expected = "x.conf:2: warning: zone '127.in-addr.arpa' is ignored: '/etc/bind/db.127': file not found; \
     its names are \
                    REFUSED, not forwarded";
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_name_is_one_zone_whatever_its_type() {
    let text = "zone z { type primary; file \"db\"; };\nzone Z. { type forward; forwarders { 10.1.0.2; }; };";
    assert_eq!(errors(text)[0], "x.conf:2: zone 'z': already exists previous definition: x.conf:1");
}
