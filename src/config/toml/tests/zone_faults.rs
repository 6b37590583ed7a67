//! What is said about faults of zones, records, grants, keys and health checks, each with its line.

use std::fmt::Write as _;

use super::diagnostics;

/// Two checks and a key, in lines 1 to 6, before a zone.
const AROUND: &str = "[[health_check]]\nname = 'up'\ntype = 'HTTP'\nip_address = '10.1.2.3'\n[[key]]\nname = \
 'k'\nsecret = 'c2VjcmV0'\n[[zone]]\nname = 'z'\n";
/// The line that stands behind [`AROUND`].
const LINE: usize = 10;

fn record(rest: &str) -> String {
    format!("[[zone.record]]\nname = 'a.z'\ntype = 'A'\n{rest}\n")
}

/// Faults of what stands in a zone, with lines counted from where it begins.
fn found(text: &str) -> Vec<String> {
    let relative = |fault: String| {
        let mut shown = String::new();
        let mut rest = fault.as_str();
        while let Some(at) = rest.find("t.toml:") {
            let (before, number) = rest.split_at(at + 7);
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let line: usize = number[..end].parse().expect("a line");
            write!(shown, "{}", before.replace("t.toml:", "+")).expect("a String");
            write!(shown, "{}", line as isize - LINE as isize + 1).expect("a String");
            rest = &number[end..];
        }
        shown + rest
    };
    diagnostics(&format!("{AROUND}{text}")).into_iter().map(relative).collect()
}

#[test]
fn faults_of_zones_are_told_with_line_and_remedy() {
    let good = record("value = '192.0.2.1'");
    let cases: &[(&str, String, &[&str])] = &[
        ("a good zone", good.clone(), &[]),
        (
            "nothing in it",
            String::new(),
            &["+-1: zone 'z' has neither file nor record (write file = \"corp.db\", \
         or [[zone.record]] behind it)"],
        ),
        (
            "the same name twice, as zone and as rule",
            format!("{good}[[zone]]\nname = 'Z.'\nfile = 'x'\n[[forward]]\nname = 'z'\nforwarders = ['10.1.0.2']"),
            &[
                "+-1: zone 'z': already exists previous definition: +8 (a name is one [[zone]] or one [[forward]])",
                "+5: zone 'z': already exists previous definition: +8 (a name is one [[zone]] or one [[forward]])",
            ],
        ),
        (
            "what belongs to the file beside the file",
            "file = 'z.db'\nserial = 1\nsoa = { minimum = 5 }\nname_servers = 'ns.z'".to_owned(),
            &[
                "+2: zone 'z': serial beside file (the file has the SOA and NS records)",
                "+3: zone 'z': soa beside file (the file has the SOA and NS records)",
                "+4: zone 'z': name_servers beside file (the file has the SOA and NS records)",
            ],
        ),
        (
            "values of the zone",
            format!(
                "ttl = '500ms'\nserial = 0\nsoa = {{ mnane = 'x', retry = -1 }}\nname_servers = \
             ['a..b']\non_all_down = 'fail'\nmax_journal_size = '1X'\n{good}"
            ),
            &[
                "+1: ttl '500ms' is no whole number of seconds (a TTL counts seconds)",
                "+2: serial '0' is out of range (1..4294967295)",
                "+3: unknown option 'mnane' in the soa of a zone (did you mean 'mname'?)",
                "+3: retry: expected ISO 8601 duration or TTL value near '-1' (write seconds, or numbers with w, \
                 d, h, m, s, ms: 3600, 1h30m, 500ms)",
                "+4: name_servers: 'a..b' is not a valid name (empty label (two dots in a row, or a leading dot))",
                "+5: on_all_down: unknown value 'fail' (one of primary, servfail)",
                "+6: max_journal_size: expected integer and optional unit near '1X' (write octets, or a number \
                 with K, M or G: 512M)",
            ],
        ),
        (
            "a record that lacks everything",
            "[[zone.record]]".to_owned(),
            &[
                "+1: [[zone.record]] without name (write name = \"www.z\", or \"@\" for the zone itself)",
                "+1: [[zone.record]] without type (write type = \"A\")",
                "+1: [[zone.record]] without value (write value = \"192.0.2.1\", a list of values, or alias_target)",
            ],
        ),
        (
            "names that are not in the zone",
            "[[zone.record]]\nname = 'www'\ntype = 'A'\nvalue = '192.0.2.1'\n[[zone.record]]\nname = \
             'www.y.'\ntype = 'A'\nvalue = '192.0.2.1'"
                .to_owned(),
            &[
                "+2: name: 'www' is outside of zone 'z' (names are written in full: \"www.z\")",
                "+6: name: 'www.y.' is outside of zone 'z' (a name of another zone belongs there)",
            ],
        ),
        (
            "types that records do not have",
            "[[zone.record]]\nname = '@'\ntype = 'SOA'\nvalue = 'x'\n[[zone.record]]\nname = '@'\ntype = \
             'ANY'\nvalue = 'x'\n[[zone.record]]\nname = '@'\ntype = 'AAAAA'\nvalue = 'x'"
                .to_owned(),
            &[
                "+3: type: the SOA is no record of its own (write soa = { mname = \"…\", minimum = \"60s\" } in \
                 [[zone]])",
                "+7: type: ANY is no type of records (a type that names have, such as A)",
                "+11: type: unknown value 'AAAAA' (a type such as A, AAAA, CNAME, MX, SRV or TXT; any other as \
                 TYPE65280)",
            ],
        ),
        (
            "values that are none",
            format!(
                "{}{}{}{}",
                record("value = '192.0.2'"),
                record("value = []"),
                "[[zone.record]]\nname = 't.z'\ntype = 'TXT'\nvalue = 'v=spf1 -all'\n",
                "[[zone.record]]\nname = 'm.z'\ntype = 'MX'\nvalue = '10 @'\n"
            ),
            &[
                "+4: value: bad A: no address of this kind at '192.0.2' (write A ADDRESS, as in 192.0.2.1)",
                "+8: value: an empty list (write at least one value)",
                "+12: value 'v=spf1 -all': TXT expected in quotes (write value = '\"v=spf1 -all\"')",
                "+16: value '10 @': '@' stands for no name here (names in values are written in full)",
            ],
        ),
        (
            "a value twice is a warning",
            record("value = ['192.0.2.1', '192.0.2.1']"),
            &["+4: warning: value '192.0.2.1' is written twice: the first counts"],
        ),
        (
            "several policies in a record",
            record("value = '192.0.2.1'\nweight = 1\nfailover = 'PRIMARY'"),
            &["+5: record with failover and weight (a record has one policy)"],
        ),
        (
            "words of policies",
            format!(
                "{}{}{}{}",
                record("value = '192.0.2.1'\nweight = 256"),
                record(
                    "value = \
             '192.0.2.1'\nfailover = 'BACKUP'"
                ),
                record("value = '192.0.2.1'\ngeo_location = 'EU'"),
                record(
                    "value = '192.0.2.1'\nhealth_check = \
                 'upp'"
                )
            ),
            &[
                "+5: weight '256' is out of range (0..255)",
                "+10: failover: unknown value 'BACKUP' (one of PRIMARY, SECONDARY)",
                "+15: geo_location: 'EU' is refused: where a client is cannot be told (\"*\" is for all who have \
                 no record of their region; views tell networks apart)",
                "+20: health_check: undefined health_check 'upp' (did you mean 'up'?)",
            ],
        ),
        (
            "a check that is wrong, and a PRIMARY that names it",
            record("value = '192.0.2.1'\nfailover = 'PRIMARY'\nhealth_check = 'bad'")
                + "[[health_check]]\nname = 'bad'\ntype = 'HTPP'\nip_address = '10.1.2.3'\n",
            &["+9: type: unknown value 'HTPP' (did you mean 'HTTP'?)"],
        ),
        (
            "a check whose name is misspelt, and a PRIMARY that names it",
            record("value = '192.0.2.1'\nfailover = 'PRIMARY'\nhealth_check = 'bad'")
                + "[[health_check]]\nnane = 'bad'\ntype = 'HTTP'\nip_address = '10.1.2.3'\n",
            &[
                "+7: [[health_check]] without name (write name = \"primary\")",
                "+8: unknown option 'nane' in [[health_check]] (did you mean 'name'?)",
            ],
        ),
        (
            "two policies in a group",
            record("value = '192.0.2.1'\nweight = 1\nset_identifier = 'a'")
                + &record(
                    "value = \
             '192.0.2.2'\nmultivalue_answer = true\nset_identifier = 'b'",
                ),
            &["+7: 'a.z' A is multivalue here and weighted at +1 (the records of one name and type have one policy)"],
        ),
        (
            "a simple record twice",
            good.clone() + &good,
            &["+5: 'a.z' A: already exists previous definition: +1 (write all its values into one list, or give \
             each record a policy)"],
        ),
        (
            "failover without a check, and a role twice",
            record("value = '192.0.2.1'\nfailover = 'PRIMARY'")
                + &record(
                    "value = '192.0.2.2'\nfailover = \
             'SECONDARY'",
                )
                + &record("value = '192.0.2.3'\nfailover = 'SECONDARY'"),
            &[
                "+1: 'a.z' A: a PRIMARY without health_check never fails over (name the health check of its server)",
                "+11: 'a.z' A has two SECONDARY records: the first at +6 (one PRIMARY and one SECONDARY; further \
                 levels are names of their own)",
            ],
        ),
        (
            "identifiers",
            record("value = '192.0.2.1'\nweight = 1")
                + &record(
                    "value = '192.0.2.2'\nweight = 1\nset_identifier \
             = 'b'",
                )
                + &record("value = '192.0.2.3'\nweight = 1\nset_identifier = 'b'"),
            &[
                "+1: 'a.z' A: weighted record without set_identifier (write a name of its own, such as \
                 set_identifier = \"a\")",
                "+12: 'a.z' A: set_identifier 'b' is taken: +6 (each record of a group has its own)",
            ],
        ),
        (
            "weighted records with two TTLs",
            record("value = '192.0.2.1'\nweight = 1\nset_identifier = 'a'\nttl = 300")
                + &record(
                    "value = \
             '192.0.2.2'\nweight = 1\nset_identifier = 'b'\nttl = 10",
                ),
            &["+8: 'a.z' A: ttl 10 here and 300 at +1 (weighted records of one name and type have one TTL)"],
        ),
        (
            "multivalue records of more than a value",
            record("value = ['192.0.2.1', '192.0.2.2']\nmultivalue_answer = true\nset_identifier = 'a'"),
            &["+1: 'a.z' A: a list among multivalue records (one value a record)"],
        ),
        (
            "a region twice",
            record("value = '192.0.2.1'\nregion = 'x'\nset_identifier = 'a'")
                + &record(
                    "value = \
             '192.0.2.2'\nregion = 'x'\nset_identifier = 'b'",
                ),
            &["+7: 'a.z' A: the same region as at +1 (one record a region, one geo_location = \"*\" for all others)"],
        ),
        (
            "on_all_down in one of two",
            record(
                "value = '192.0.2.1'\nweight = 1\nset_identifier = 'a'\non_all_down = \
             'servfail'",
            ) + &record("value = '192.0.2.2'\nweight = 1\nset_identifier = 'b'"),
            &["+8: 'a.z' A: on_all_down is not what it is at +1 (write the same in each of its records, or in none)"],
        ),
        (
            "a DNAME with a health check",
            "[[zone.record]]\nname = 'd.z'\ntype = 'DNAME'\nvalue = 'x.z'\nhealth_check = 'up'".to_owned(),
            &["+1: 'd.z' DNAME: DNAME records have no policy and no health check (write all its values into one list)"],
        ),
        (
            "NS records with a policy, beside name_servers",
            "name_servers = ['ns.z']\n[[zone.record]]\nname = '@'\ntype = 'NS'\nvalue = 'ns.z'\nweight = \
             1"
            .to_owned(),
            &[
                "+1: zone 'z': name_servers beside NS records: +2 (write one or the other)",
                "+2: 'z' NS: NS records have no policy and no health check (write all its values into one list)",
            ],
        ),
        (
            "a CNAME at the apex, and one beside other data",
            format!(
                "{good}[[zone.record]]\nname = 'a.z'\ntype = 'CNAME'\nvalue = 'b.z'\n[[zone.record]]\nname = \
             'z'\ntype = 'CNAME'\nvalue = 'b.z'"
            ),
            &[
                "+5: 'a.z' CNAME: CNAME and other data: A at +1 (a name with a CNAME has no other records)",
                "+9: 'z' CNAME: the apex of a zone cannot be a CNAME (RFC 1034 §3.6.2) (use alias_target with the \
                 type that is asked, or the zone above)",
            ],
        ),
        (
            "aliases that say too much or too little",
            record("alias_target = { name = 'b.z' }\nvalue = '192.0.2.1'\nttl = 5")
                + &record(
                    "alias_target = { \
             nam = 'b.z' }",
                ),
            &[
                "+5: value beside alias_target (an alias has its target's)",
                "+6: ttl beside alias_target (an alias has its target's)",
                "+10: unknown option 'nam' in an alias_target (did you mean 'name'?)",
                "+10: alias_target without name (write { name = \"www.corp.example\" })",
            ],
        ),
        (
            "an alias to nothing",
            record("alias_target = { name = 'aa.z' }")
                + "[[zone.record]]\nname = 'aaa.z'\ntype = 'A'\nvalue = \
             '192.0.2.1'\n",
            &["+1: alias target 'aa.z' A: there is no such record (did you mean 'aaa.z'?)"],
        ),
        (
            "aliases in a circle",
            record("alias_target = { name = 'b.z' }")
                + "[[zone.record]]\nname = 'b.z'\ntype = 'A'\nalias_target \
             = { name = 'a.z' }\n[[zone.record]]\nname = 'c.z'\ntype = 'A'\nalias_target = { name = 'c.z' }\n",
            &[
                "+5: aliases in a circle: 'a.z' at +1 -> 'b.z' at +5 -> 'a.z' (one of them has to have values)",
                "+9: aliases in a circle: 'c.z' at +9 -> 'c.z' (one of them has to have values)",
            ],
        ),
        (
            "grants without a place for their updates, of nobody, to nobody",
            format!(
                "{good}[[zone.grant]]\n[[zone.grant]]\nkey = 'kk'\n[[zone.grant]]\nkey = 'k'\nclients = \
             'any'\n[[zone.grant]]\nclients = 'any'\nmatch = 'self'"
            ),
            &[
                "+5: [[zone.grant]] without key (write key = \"deploy\", or clients = [\"10.0.0.0/8\"])",
                "+7: key: undefined key 'kk' (define it: [[key]] with name = \"kk\")",
                "+10: grant with key and clients (a grant of its own for each)",
                "+11: grant with match = \"self\" and no key ('self' is the name of the key)",
            ],
        ),
        (
            "a grant whose updates would be kept nowhere",
            format!("{good}[[zone.grant]]\nkey = 'k'"),
            &["+-1: zone 'z' takes updates, but nothing says where they are kept (write state_directory = \
             \"/var/lib/tandem\" in [options])"],
        ),
        (
            "names and types of grants",
            "file = 'z.db'\n[[zone.grant]]\nkey = 'k'\nmatch = 'wildcard'\nnames = ['a.z', 'y']\ntypes = ['A', \
             'NSEC', 'B']\n[[zone.grant]]\nkey = 'k'\nmatch = 'zonesub'\nnames = 'a.z'\n[[zone.grant]]\nkey = \
             'k'\nmatch = 'name'\n[[zone.grant]]\nkey = 'k'\nnames = []\ntypes = []"
                .to_owned(),
            &[
                "+5: names: 'a.z' is not a wildcard (write \"*.a.z\")",
                "+5: names: 'y' is outside of zone 'z' (names are written in full: \"y.z\")",
                "+6: types: NSEC is never changed by updates (leave it out)",
                "+6: types: unknown value 'B' (a type such as A, or ANY)",
                "+10: names beside a match that needs none (leave one of them out)",
                "+11: [[zone.grant]] without names for its match (write names = [\"app.corp.example\"])",
                "+16: names: an empty list (leave it out to grant every name of the zone)",
                "+17: types: an empty list (leave it out to grant the ordinary types)",
            ],
        ),
        (
            "two zones that write one file",
            "file = 'z.db'\n[[zone.grant]]\nkey = 'k'\n[[zone]]\nname = 'y'\nfile = 'z.db'".to_owned(),
            &[
                "+6: writeable file 'z.db': already in use: +-1 (each zone that takes updates has files of its own)",
                "+6: writeable file 'z.db.journal': already in use: +-1 (each zone that takes updates has files of its own)",
            ],
        ),
        (
            "a zone whose file is another's journal",
            "file = 'z.db'\n[[zone.grant]]\nkey = 'k'\n[[zone]]\nname = 'y'\nfile = './z.db.journal'".to_owned(),
            &[
                "+6: writeable file 'z.db.journal': already in use: +-1 (each zone that takes updates has files of its own)",
            ],
        ),
        (
            "zones outside of views",
            format!("{good}[[view]]\nname = 'v'"),
            &["+-1: when using 'view' statements, all zones must be in views (write [[view.zone]] behind the \
             [[view]] it is for)"],
        ),
    ];
    let mut wrong = String::new();
    for (case, text, expected) in cases {
        let found: Vec<_> = found(text).into_iter().filter(|fault| !fault.contains("no forwarders")).collect();
        if found != *expected {
            writeln!(wrong, "{case}:\n{found:#?}\n").expect("a String");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn faults_of_keys_and_checks_are_told_with_line_and_remedy() {
    let check = |rest: &str| format!("[[health_check]]\nname = 'c'\n{rest}\n");
    let cases: &[(&str, String, &[&str])] = &[
        (
            "keys",
            "[[key]]\n[[key]]\nname = 'a'\nsecret = 7\nalgorithm = 'hmac-md4'\n[[key]]\nname = 'b'\nsecret = \
             'x'\nsecret_file = 'y'\n[[key]]\nname = 'B.'\nsecret = 'c2VjcmV0'"
                .to_owned(),
            &[
                "t.toml:1: [[key]] without secret (write secret = \"…\", what 'tsig-keygen' prints, or secret_file)",
                "t.toml:1: [[key]] without name (write name = \"deploy\")",
                "t.toml:4: secret: bad base64 encoding (what 'tsig-keygen' prints: base64 with its '=' at the end)",
                "t.toml:5: algorithm: unknown value 'hmac-md4' (did you mean 'hmac-md5'?)",
                "t.toml:9: secret beside secret_file (write one or the other)",
                "t.toml:10: key 'b': already exists previous definition: t.toml:6",
            ],
        ),
        (
            "a check that lacks everything",
            "[[health_check]]".to_owned(),
            &[
                "t.toml:1: [[health_check]] without name (write name = \"primary\")",
                "t.toml:1: [[health_check]] without type (write type = \"HTTP\", \"TCP\" or another of Route 53's)",
            ],
        ),
        (
            "checks without what their type needs",
            check("type = 'TCP'")
                + "[[health_check]]\nname = 'd'\ntype = 'HTTP_STR_MATCH'\nip_address = \
             '10.1.2.3'\n[[health_check]]\nname = 'e'\ntype = 'CALCULATED'\n",
            &[
                "t.toml:1: [[health_check]] without ip_address (write ip_address = \"10.1.2.3\", or \
                 fully_qualified_domain_name to be resolved for each probe)",
                "t.toml:1: [[health_check]] of type TCP without port (HTTP has 80 and HTTPS 443; TCP has none of \
                 its own)",
                "t.toml:4: [[health_check]] without search_string (write search_string = \"ok\", or type = \
                 \"HTTP\" to look at the status alone)",
                "t.toml:8: [[health_check]] of type CALCULATED without child_health_checks (write \
                 child_health_checks = [\"a\", \"b\"])",
            ],
        ),
        (
            "what a type has no use for",
            check(
                "type = 'TCP'\nip_address = '10.1.2.3'\nport = 80\nsearch_string = 'x'\nchild_health_checks = \
             ['c']",
            ),
            &[
                "t.toml:6: health_check 'c': a check of type TCP has no search_string (HTTP_STR_MATCH and \
                 HTTPS_STR_MATCH search)",
                "t.toml:7: health_check 'c': a check of type TCP has no child_health_checks (CALCULATED has \
                 children)",
            ],
        ),
        (
            "values out of their bounds",
            check(
                "type = 'HTTP'\nip_address = 'fe80::1'\nport = 0\nrequest_interval = '50ms'\nfailure_threshold \
             = 11\nconnect_timeout = 0\nresource_path = '/a b'\nuser_agent = \"a\\r\\nb\"\nsource_address = 'x'",
            ),
            &[
                "t.toml:4: ip_address: fe80::1 cannot be probed (an address without an interface of its own)",
                "t.toml:5: port '0' is out of range (1..65535)",
                "t.toml:6: request_interval '50ms' is out of range (100ms..3600s)",
                "t.toml:7: failure_threshold '11' is out of range (1..10)",
                "t.toml:8: connect_timeout '0' is out of range (10ms..60s) (a number alone is seconds: \
                 milliseconds are written \"1800ms\")",
                "t.toml:9: resource_path: '/a b' is no path (write a space as %20, and leave out what follows '#')",
                "t.toml:10: user_agent: 'a\\r\\nb' cannot be sent (at most 255 characters of printable ASCII)",
                "t.toml:11: source_address: expected IP address near 'x' (write \"10.1.1.53\")",
            ],
        ),
        (
            "types that are Amazon's alone, and a source of the other family",
            check("type = 'CLOUDWATCH_METRIC'")
                + "[[health_check]]\nname = 'd'\ntype = 'HTTP'\nip_address = \
             '10.1.2.3'\nsource_address = '::1'\n",
            &[
                "t.toml:3: type: unknown value 'CLOUDWATCH_METRIC' (one of HTTP, HTTPS, HTTP_STR_MATCH, \
                 HTTPS_STR_MATCH, TCP, CALCULATED)",
                "t.toml:8: source_address: from ::1 nothing leads to 10.1.2.3 (an address of the same family)",
            ],
        ),
        (
            "children",
            check("type = 'CALCULATED'\nchild_health_checks = ['c', 'd', 'd', 'x']\nhealth_threshold = 257")
                + "[[health_check]]\nname = 'd'\ntype = 'HTTP'\nip_address = '10.1.2.3'\n"
                + "[[health_check]]\nname = 'e'\ntype = 'CALCULATED'\nchild_health_checks = ['e', 'd', 'd', 'x', 'c']\n"
                + "[[health_check]]\nname = 'f'\ntype = 'CALCULATED'\nchild_health_checks = []\n"
                + "[[health_check]]\nname = 'd'\ntype = 'HTTP'\nip_address = '10.1.2.3'\n",
            &[
                "t.toml:5: health_threshold '257' is out of range (0..256)",
                "t.toml:13: child 'e' is itself of type CALCULATED (name its children)",
                "t.toml:13: warning: child 'd' is written twice: it counts once",
                "t.toml:13: child_health_checks: undefined health_check 'x' (the name of another [[health_check]])",
                "t.toml:17: child_health_checks: 0 children (1 to 255)",
                "t.toml:18: health_check 'd': already exists previous definition: t.toml:6",
            ],
        ),
        (
            "what says nothing without a zone",
            "[options]\nhealth_start_deadline = 31\nhealth_source = '::1'\nhealth_source_v6 = \
             '10.1.1.1'\nmonitored_ttl = '1ms'\nregion = ''"
                .to_owned(),
            &[
                "t.toml:2: health_start_deadline '31' is out of range (0s..30s)",
                "t.toml:3: health_source: expected IP address near '::1' (write \"10.1.1.53\")",
                "t.toml:4: health_source_v6: expected IP address near '10.1.1.1' (write \"2001:db8::53\")",
                "t.toml:5: monitored_ttl '1ms' is no whole number of seconds (a TTL counts seconds)",
                "t.toml:6: region: string expected near '''' (write region = \"us-east-1\")",
            ],
        ),
    ];
    let mut wrong = String::new();
    for (case, text, expected) in cases {
        let found: Vec<_> = diagnostics(text).into_iter().filter(|fault| !fault.contains("no forwarders")).collect();
        if found != *expected {
            writeln!(wrong, "{case}:\n{found:#?}\n").expect("a String");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A chain of aliases `n0 -> n1 -> …` that ends at an address.
fn chain(aliases: usize) -> String {
    let mut text = String::new();
    for n in 0..aliases {
        let target = n + 1;
        writeln!(text, "[[zone.record]]\nname = 'n{n}.z'\ntype = 'A'\nalias_target = {{ name = 'n{target}.z' }}")
            .expect("a String");
    }
    text + &format!("[[zone.record]]\nname = 'n{aliases}.z'\ntype = 'A'\nvalue = '192.0.2.1'\n")
}

#[test]
fn aliases_may_be_64_deep_from_whichever_end_they_are_read() {
    assert_eq!(found(&chain(64)), [""; 0]);
    assert_eq!(found(&chain(65)), ["+257: 'n64.z': aliases nested more than 64 deep"]);
    let records: Vec<_> = chain(65).split("[[zone.record]]").map(str::to_owned).collect();
    let reversed: String = records.iter().skip(1).rev().map(|record| format!("[[zone.record]]{record}")).collect();
    assert_eq!(found(&reversed), ["+261: 'n0.z': aliases nested more than 64 deep"]);
}

#[test]
fn groups_and_what_aliases_reach_are_bounded() {
    let weighted = |n: usize| {
        format!(
            "[[zone.record]]\nname = 'a.z'\ntype = 'A'\nvalue = '192.0.2.1'\nweight = 1\nset_identifier = \
         '{n}'\n"
        )
    };
    let group = |records: usize| (0..records).map(weighted).collect::<String>();
    assert_eq!(found(&group(100)), [""; 0]);
    assert_eq!(found(&group(101)), ["+1: 'a.z' A has 101 records, at most 100 make a group"]);
    // Eleven groups of 100 aliases each to names of their own.
    let mut text = String::new();
    for group in 0..11 {
        for n in 0..100 {
            let target = if n == 0 && group < 10 { format!("g{}", group + 1) } else { format!("t{group}x{n}") };
            writeln!(
                text,
                "[[zone.record]]\nname = 'g{group}.z'\ntype = 'A'\nweight = 1\nset_identifier = \
             '{n}'\nalias_target = {{ name = '{target}.z' }}"
            )
            .expect("a String");
            if target.starts_with('t') {
                writeln!(text, "[[zone.record]]\nname = '{target}.z'\ntype = 'A'\nvalue = '192.0.2.1'")
                    .expect("a String");
            }
        }
    }
    assert_eq!(found(&text), ["+1: 'g0.z' A: its aliases lead to more than 1024 groups of records"]);
}
