//! Local zones, health checks and keys: what is read, and how it comes together.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::parse;
use super::{config, diagnostics, seconds};
use crate::config::files::{Files, NoFiles};
use crate::config::health::{Address, Calculated, Endpoint, Monitored, Protocol, Request, Thresholds};
use crate::config::*;
use crate::tsig::Algorithm;
use crate::wire::Name;

fn name(text: &str) -> Name {
    text.parse().expect("a name of the test")
}

#[test]
fn a_view_shares_zones_of_an_earlier_one() {
    let inside = "[[view]]\nname = 'inside'\nmatch_clients = ['10.0.0.0/8']\n[[view.zone]]\nname = 'z'\nfile = 'z'\n";
    let outside = "[[view]]\nname = 'outside'\n[[view.zone]]\nname = 'z'\nin_view = 'inside'\n";
    let read = config(&format!("{inside}{outside}"));
    let shared = &read.views[1].shared_zones[0];
    assert_eq!((&shared.name, shared.view.as_str()), (&name("z"), "inside"));
    assert!(read.views[1].zones.is_empty() && read.views[0].shared_zones.is_empty());
    let missing =
        "in_view: zone 'z' does not exist in an earlier view 'inside' (an earlier [[view]] with this [[view.zone]])";
    for (case, text, expected) in [
        ("a later view", format!("{outside}{inside}"), format!("t.toml:5: {missing}")),
        ("no view", "[[zone]]\nname = 'z'\nin_view = 'inside'\n".to_owned(), format!("t.toml:3: {missing}")),
        (
            "more about the zone",
            format!("{inside}{outside}file = 'other'\n"),
            "t.toml:12: zone 'z': file beside in_view (what else is said of the zone stands in that view)".to_owned(),
        ),
        (
            "a zone twice",
            format!("{inside}{outside}[[view.forward]]\nname = 'z'\nforwarders = ['192.0.2.1']\n"),
            "t.toml:9: zone 'z': already exists previous definition: t.toml:12 (a name is one [[zone]] or one [[forward]])"
                .to_owned(),
        ),
    ] {
        assert_eq!(diagnostics(&text), [expected], "{case}");
    }
}

/// A zone of three levels and everything that a record can say.
const WHOLE: &str = r#"
[options]
state_directory = "/var/lib/tandem"
control_socket = "/run/tandem.sock"
region = "eu-west-1"
monitored_ttl = "10s"
health_start_deadline = "500ms"
health_source = "10.1.1.53"
health_source_v6 = "2001:db8::53"
health_user_agent = "Probe/1.0"

[[key]]
name = "Deploy."
algorithm = "HMAC-SHA512"
secret = "c2Vj cmV0"

[[health_check]]
name = "a"
type = "https_str_match"
ip_address = "10.1.2.3"
fully_qualified_domain_name = "App.corp.example."
port = 8443
resource_path = "health?deep=1"
search_string = "all fine"
enable_sni = false
request_interval = "200ms"
failure_threshold = 2
success_threshold = 1
connect_timeout = "50ms"
response_timeout = "100ms"
inverted = true
disabled = true
source_address = "10.1.1.54"
user_agent = "Own/2"

[[health_check]]
name = "both"
type = "CALCULATED"
child_health_checks = ["a", "b"]

[[health_check]]
name = "b"
type = "TCP"
fully_qualified_domain_name = "db.corp.example"
port = 5432
request_interval = 5

[[health_check]]
name = "v6"
type = "HTTP"
ip_address = "2001:db8::9"

[[zone]]
name = "Corp.Example."
ttl = "2m"
serial = 7
soa = { mname = "ns9.example", rname = "first.last@corp.example", refresh = 1, retry = 2, expire = 3, minimum = 4 }
name_servers = ["ns1.example", "ns2.example."]
allow_query = ["10/8"]
on_all_down = "servfail"
forward_delegations = false
monitored_ttl = 5
journal = "corp.journal"
max_journal_size = "1M"
zone_statistics = "full"

[[zone.record]]
name = "@"
type = "MX"
value = ["10 Mail.corp.example", "20 mail2.corp.example."]
ttl = "1h"

[[zone.record]]
name = "app.corp.example"
type = "A"
value = "10.1.2.3"
failover = "primary"
health_check = "a"
on_all_down = "primary"

[[zone.record]]
name = "app.corp.example"
type = "A"
alias_target = { name = "pool.corp.example", evaluate_target_health = true }
failover = "SECONDARY"
on_all_down = "primary"

[[zone.record]]
name = "pool.corp.example"
type = "A"
value = "10.1.2.4"
weight = 3
set_identifier = "one"

[[zone.record]]
name = "pool.corp.example"
type = "A"
value = "10.1.2.5"
weight = 0
set_identifier = "two"
health_check = "both"

[[zone.record]]
name = "many.corp.example"
type = "AAAA"
value = "2001:db8::1"
multivalue_answer = true
set_identifier = "one"

[[zone.record]]
name = "near.corp.example"
type = "CNAME"
value = "app.corp.example"
region = "eu-west-1"
set_identifier = "here"

[[zone.record]]
name = "near.corp.example"
type = "CNAME"
value = "pool.corp.example"
geo_location = "*"
set_identifier = "else"

[[zone.record]]
name = "*.corp.example"
type = "type65280"
value = '\# 2 abcd'
multivalue_answer = false

[[zone.grant]]
key = "deploy"
names = ["app.corp.example", "*.app.corp.example", "@"]

[[zone.grant]]
deny = true
clients = ["10.9/16"]

[[zone.grant]]
key = "*.corp.example"
match = "selfsub"
types = ["A", "AAAA"]

[[zone.grant]]
key = "deploy"
match = "subdomain"
names = ["x.corp.example"]
types = "any"
"#;

#[test]
fn every_word_about_a_zone_reaches_its_field() {
    let read = config(WHOLE);
    assert_eq!(read.state_directory.as_deref(), Some(Path::new("/var/lib/tandem")));
    assert_eq!(read.control_socket.as_deref(), Some(Path::new("/run/tandem.sock")));
    assert_eq!(read.region.as_deref(), Some("eu-west-1"));
    assert_eq!(read.health.start_deadline, Duration::from_millis(500));
    let [key] = &read.keys[..] else { panic!("one key expected") };
    assert_eq!((&key.name, key.algorithm), (&name("deploy"), Algorithm::HmacSha512));
    assert_eq!(key.secret.octets(), b"secret");
    let [zone] = &read.views[0].zones[..] else { panic!("one zone expected") };
    assert_eq!((&zone.name, &zone.file), (&name("corp.example"), &None));
    let soa = Soa {
        mname: Some(name("ns9.example")),
        rname: Some(name("first\\.last.corp.example")),
        refresh: 1,
        retry: 2,
        expire: 3,
        minimum: 4,
    };
    let query = zone.settings.allow_query.as_ref().map(MatchList::to_string);
    assert_eq!(query.as_deref(), Some("{ 10.0.0.0/8; }"));
    let expected = ZoneSettings {
        allow_query: zone.settings.allow_query.clone(),
        allow_query_on: None,
        forward_delegations: false,
        ttl: 120,
        serial: Some(7),
        soa,
        name_servers: vec![name("ns1.example"), name("ns2.example")],
        on_all_down: OnAllDown::Servfail,
        monitored_ttl: Some(5),
        journal: Some(PathBuf::from("corp.journal")),
        max_journal_octets: Some(1 << 20),
        statistics: ZoneStatistics::Full,
    };
    assert_eq!(zone.settings, expected);
    let line = WHOLE.lines().position(|line| line == "[[zone]]").map(|before| before as u32 + 1);
    assert_eq!(zone.position.as_ref().map(|position| position.line), line);
}

#[test]
fn records_have_rdata_policies_and_checks() {
    let read = config(WHOLE);
    let records = &read.views[0].zones[0].records;
    let shown = |record: &ZoneRecord| {
        let values: Vec<_> =
            record.values.iter().map(|rdata| format!("{:02x?}", &rdata[..rdata.len().min(4)])).collect();
        let of = (record.name.to_string(), record.rtype, record.ttl, values.join(" "));
        (of, record.policy.clone(), record.set_identifier.clone(), record.health_check, record.on_all_down)
    };
    let seen: Vec<_> = records.iter().map(shown).collect();
    let row = |name: &str, rtype, ttl, values: &str, policy, identifier: &str, check, all_down| {
        ((name.to_owned(), rtype, ttl, values.to_owned()), policy, identifier.to_owned(), check, all_down)
    };
    use RecordPolicy::{Everywhere, Failover, Multivalue, Region, Simple, Weighted};
    let (primary, app) = (Some(OnAllDown::Primary), "[03, 61, 70, 70]");
    let expected = [
        row("corp.example", 15, Some(3600), "[00, 0a, 04, 4d] [00, 14, 05, 6d]", Simple, "", None, None),
        row(
            "app.corp.example",
            1,
            None,
            "[0a, 01, 02, 03]",
            Failover(FailoverRole::Primary),
            "PRIMARY",
            Some(0),
            primary,
        ),
        row("app.corp.example", 1, None, "", Failover(FailoverRole::Secondary), "SECONDARY", None, primary),
        row("pool.corp.example", 1, None, "[0a, 01, 02, 04]", Weighted(3), "one", None, None),
        row("pool.corp.example", 1, None, "[0a, 01, 02, 05]", Weighted(0), "two", Some(1), None),
        row("many.corp.example", 28, None, "[20, 01, 0d, b8]", Multivalue, "one", None, None),
        row("near.corp.example", 5, None, app, Region("eu-west-1".to_owned()), "here", None, None),
        row("near.corp.example", 5, None, "[04, 70, 6f, 6f]", Everywhere, "else", None, None),
        row("*.corp.example", 65_280, None, "[ab, cd]", Simple, "", None, None),
    ];
    assert_eq!(seen, expected);
    let target = AliasTarget { name: name("pool.corp.example"), evaluate_target_health: true };
    let aliases: Vec<_> = records.iter().filter_map(|record| record.alias.clone()).collect();
    assert_eq!(aliases, [target]);
    assert_eq!(records[6].values[0][..], *name("app.corp.example").as_wire(), "names in values are whole");
}

#[test]
fn grants_are_read_in_their_order() {
    let read = config(WHOLE);
    let grants = &read.views[0].zones[0].grants;
    let shown: Vec<_> = grants.iter().map(|grant| (grant.deny, grant.names.clone(), grant.types.clone())).collect();
    let app = name("app.corp.example");
    let patterns =
        [NamePattern::Exactly(app.clone()), NamePattern::Below(app), NamePattern::Exactly(name("corp.example"))];
    let expected = [
        (false, GrantedNames::These(patterns.into()), GrantedTypes::Ordinary),
        (true, GrantedNames::Zone, GrantedTypes::Ordinary),
        (false, GrantedNames::OwnAndBelow, GrantedTypes::These(vec![1, 28])),
        (false, GrantedNames::These(vec![NamePattern::Within(name("x.corp.example"))]), GrantedTypes::All),
    ];
    assert_eq!(shown, expected);
    assert_eq!(grants[0].who, Grantee::Key(name("deploy")));
    assert!(matches!(&grants[1].who, Grantee::Clients(list) if list.to_string() == "{ 10.9.0.0/16; }"));
    assert_eq!(grants[2].who, Grantee::Key(name("*.corp.example")));
}

#[test]
fn health_checks_are_route_53s() {
    let read = config(WHOLE);
    let names: Vec<_> = read.health_checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["a", "both", "b", "v6"]);
    let [a, both, b, v6] = &read.health_checks[..] else { panic!("four checks expected") };
    let address = |text: &str| text.parse::<IpAddr>().expect("an address of the test");
    let milliseconds = Duration::from_millis;
    let request = |path: &str, search: Option<&str>, agent: &str| Request {
        resource_path: path.to_owned(),
        search_string: search.map(str::to_owned),
        user_agent: Some(agent.to_owned()),
    };
    let endpoint = Endpoint {
        address: Address::Fixed {
            ip_address: address("10.1.2.3"),
            fully_qualified_domain_name: Some(name("app.corp.example")),
        },
        port: 8443,
        protocol: Protocol::Https { request: request("/health?deep=1", Some("all fine"), "Own/2"), enable_sni: false },
        request_interval: milliseconds(200),
        connect_timeout: milliseconds(50),
        response_timeout: milliseconds(100),
        source_address: Some(address("10.1.1.54")),
    };
    assert_eq!(a.monitored, Monitored::Endpoint(endpoint));
    assert_eq!((a.thresholds, a.inverted, a.disabled), (Thresholds { failure: 2, success: 1 }, true, true));
    assert_eq!(both.monitored, Monitored::Calculated(Calculated { children: vec![0, 2], health_threshold: 2 }));
    let endpoint = Endpoint {
        address: Address::Resolved(name("db.corp.example")),
        port: 5432,
        protocol: Protocol::Tcp,
        request_interval: seconds(5),
        connect_timeout: seconds(5),
        response_timeout: seconds(2),
        source_address: Some(address("10.1.1.53")),
    };
    assert_eq!(b.monitored, Monitored::Endpoint(endpoint));
    assert_eq!(b.thresholds, Thresholds { failure: 3, success: 3 });
    let endpoint = Endpoint {
        address: Address::Fixed { ip_address: address("2001:db8::9"), fully_qualified_domain_name: None },
        port: 80,
        protocol: Protocol::Http(request("/", None, "Probe/1.0")),
        request_interval: seconds(30),
        connect_timeout: seconds(4),
        response_timeout: seconds(2),
        source_address: Some(address("2001:db8::53")),
    };
    assert_eq!(v6.monitored, Monitored::Endpoint(endpoint));
}

#[test]
fn a_zone_of_a_file_and_what_is_not_written() {
    let read = config(
        "[options]\ndirectory = '/var/named'\nmonitored_ttl = 9\n[[view]]\nname = 'v'\n[[view.zone]]\nname = 'a'\n\
         file = 'a.db'\njournal = 'a.jnl'\n[[view.zone]]\nname = 'b'\n[[view.zone.record]]\nname = 'x.b'\ntype = 'A'\n\
         value = '192.0.2.1'",
    );
    assert_eq!(read.views[0].forward, ForwardSettings::default());
    let [a, b] = &read.views[0].zones[..] else { panic!("two zones expected") };
    let position = |line, column| Some(Position { file: "t.toml".into(), line, column });
    let file = MasterFile { path: "/var/named/a.db".into(), position: position(8, 8) };
    assert_eq!((&a.file, &a.position), (&Some(file), &position(6, 1)));
    assert_eq!(a.settings.journal.as_deref(), Some(Path::new("/var/named/a.jnl")));
    let settings = ZoneSettings { monitored_ttl: Some(9), ..ZoneSettings::default() };
    assert_eq!((&b.settings, &b.file, &b.grants[..]), (&settings, &None, &[][..]));
    let [record] = &b.records[..] else { panic!("one record expected") };
    assert_eq!((record.ttl, &record.policy, record.health_check), (None, &RecordPolicy::Simple, None));
}

/// Files in memory, of which some may be read by everybody.
struct Memory(HashMap<PathBuf, (&'static str, bool)>);

impl Files for Memory {
    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let found = self.0.get(path).map(|(text, _)| text.as_bytes().to_vec());
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn is_open_to_others(&self, path: &Path) -> bool {
        self.0.get(path).is_some_and(|(_, is_open)| *is_open)
    }
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let files = Memory(HashMap::from([
        ("/etc/tandem/good.key".into(), ("c2VjcmV0\n", false)),
        ("/etc/tandem/open.key".into(), ("c2VjcmV0\n", true)),
        ("/etc/tandem/bad.key".into(), ("swordfish!", false)),
    ]));
    for (file, expected) in [
        ("good.key", ""),
        (
            "/etc/tandem/open.key",
            "t.toml:5: warning: secret_file: everybody on this host may read '/etc/tandem/open.key' \
             (chmod o= /etc/tandem/open.key)",
        ),
        (
            "bad.key",
            "t.toml:5: secret_file: bad base64 encoding (what 'tsig-keygen' prints: base64 with its '=' at the end)",
        ),
        ("no.key", "t.toml:5: secret_file: file not found (file '/etc/tandem/no.key')"),
    ] {
        let text = format!(
            "[options]\ndirectory = '/etc/tandem'\n[[key]]\nname = 'k'\nsecret_file = '{file}'\n[[zone]]\n\
                            name = 'z'\nfile = 'z.db'"
        );
        let found = match parse(&text, "t.toml", &files) {
            Ok(loaded) => {
                assert_eq!(loaded.config.keys[0].secret.octets(), b"secret", "{file}");
                loaded.warnings
            }
            Err(faults) => faults,
        };
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join("\n"), expected, "{file}");
    }
}

#[test]
fn the_shipped_failover_is_three_levels_deep() {
    let text = include_str!("../../../../conf/failover.toml");
    let Loaded { config, warnings } = parse(text, "failover.toml", &NoFiles).expect("it is right");
    assert_eq!(warnings, []);
    let checks: Vec<_> = config.health_checks.iter().map(|check| (check.name.as_str(), check.thresholds)).collect();
    let thresholds = Thresholds { failure: 3, success: 3 };
    assert_eq!(checks, [("primary.resilient-site", thresholds), ("secondary.resilient-site", thresholds)]);
    let [zone] = &config.views[0].zones[..] else { panic!("one zone expected") };
    assert_eq!((zone.name.to_string().as_str(), zone.settings.ttl), ("techotom.com", 10));
    let cname = |from: &str, role, to: &str, check| {
        let rdata = name(&format!("{to}.techotom.com")).as_wire().into();
        (name(&format!("{from}.techotom.com")), RecordPolicy::Failover(role), vec![rdata], check)
    };
    let (site, backup) = ("resilient-site", "backup.resilient-site");
    let expected = [
        cname(backup, FailoverRole::Primary, "secondary.resilient-site", Some(1)),
        cname(backup, FailoverRole::Secondary, "tertiary.resilient-site", None),
        cname(site, FailoverRole::Primary, "primary.resilient-site", Some(0)),
        cname(site, FailoverRole::Secondary, backup, None),
    ];
    let of_cname = zone.records.iter().filter(|record| record.rtype == 5);
    let shown = of_cname.map(|r| (r.name.clone(), r.policy.clone(), r.values.clone(), r.health_check));
    assert_eq!(shown.collect::<Vec<(_, _, Vec<Box<[u8]>>, _)>>(), expected);
    let addresses: Vec<_> = zone.records.iter().filter(|r| r.rtype == 1).map(|r| r.values[0].to_vec()).collect();
    assert_eq!(addresses, [[127, 0, 0, 11], [127, 0, 0, 12], [127, 0, 0, 13]]);
}
