//! Dynamic updates of the running server by the real nsupdate: what changes, what is refused, what is still there
//! afterwards.
//!
//! Not here: every rule of RFC 2136 and RFC 8945 (`zone::update`, `tsig`, and `tests/updates.rs` beside named), crashes
//! under load (`tests/acceptance kill`).

mod common;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::dig::{Dig, Response};
use common::packet::{Question, exchange_udp, header, record};
use common::{Tandem, fresh_address, nsupdate, wait_until};
use tandem::tsig::{Algorithm, Key, Signer, sign};

const PATIENCE: Duration = Duration::from_secs(10);
const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0";
const SECRET_OCTETS: &[u8] = b"secretsecretsecret";
const DDNS: &str = "hmac-sha256:ddns:c2VjcmV0c2VjcmV0c2VjcmV0";

const MASTER: &str = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 86400 60\n@ NS ns\nns A 10.0.0.2\na A 10.0.0.1\n";

/// A named.conf with a zone that the key `ddns` may change, and another by a stricter policy.
fn named_conf(address: SocketAddr) -> String {
    let key = |name: &str, algorithm: &str| format!("key {name} {{ algorithm {algorithm}; secret \"{SECRET}\"; }};\n");
    [
        key("ddns", "hmac-sha256"),
        key("strong", "hmac-sha512"),
        key("middle", "hmac-sha384"),
        key("old", "hmac-sha1"),
        key("host.policy.corp", "hmac-sha256"),
        format!(
            "options {{ directory \"{{directory}}\"; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; allow-query \
             {{ any; }}; recursion no; }};\n",
            address.port(),
            address.ip()
        ),
        "zone corp { type primary; file \"corp.zone\"; allow-update { key ddns; key strong; key middle; key old; }; };\n"
            .to_owned(),
        "zone policy.corp { type primary; file \"policy.zone\"; update-policy { grant ddns name www.policy.corp A; \
         deny host.policy.corp self * TXT; grant host.policy.corp self * ; }; };\n"
            .to_owned(),
        "zone still.corp { type primary; file \"still.zone\"; };\n".to_owned(),
    ]
    .concat()
}

fn start() -> (SocketAddr, Tandem) {
    let address = fresh_address();
    let server = Tandem::start_with_files(
        address,
        &named_conf(address),
        &[("corp.zone", MASTER), ("policy.zone", MASTER), ("still.zone", MASTER)],
    );
    (address, server)
}

/// An update that must be taken.
fn change(server: SocketAddr, key: &str, script: &str) {
    let (is_content, said) = nsupdate(server, &["-y", key], script);
    assert!(is_content, "{script}: {said}");
}

/// The RCODE that nsupdate tells.
fn refusal(server: SocketAddr, arguments: &[&str], script: &str) -> String {
    let (is_content, said) = nsupdate(server, arguments, script);
    assert!(!is_content, "{script}: {said}");
    said.lines().find_map(|line| line.strip_prefix("update failed: ")).unwrap_or(&said).trim().to_owned()
}

/// A signed update of corp: its counts, and the records behind the zone section.
fn signed(id: u16, counts: [u16; 4], records: &[u8], key: &Arc<Key>) -> Vec<u8> {
    let zone = Question::new("corp", "SOA").octets()[12..].to_vec();
    let mut packet = [header(id, 0x2800, counts), zone, records.to_vec()].concat();
    let length = packet.len();
    packet.resize(length + 200, 0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs();
    let end = sign(&mut packet, length, &Signer::request(Arc::clone(key)), now).expect("there is room");
    packet.truncate(end);
    packet
}

fn ask(server: SocketAddr, name: &str, rtype: &str) -> Response {
    Dig::new(server).expect(name, rtype)
}

fn serial(server: SocketAddr, zone: &str) -> u32 {
    let response = ask(server, zone, "SOA");
    let soa = response.data("SOA")[0].to_owned();
    soa.split_whitespace().nth(2).expect("a serial").parse().expect("a number")
}

#[test]
fn records_come_and_go_and_each_change_raises_the_serial() {
    let (address, server) = start();
    for (number, (script, name, rtype, expected)) in [
        ("update add new.corp 30 A 10.0.0.9", "new.corp", "A", vec!["10.0.0.9"]),
        ("update add new.corp 30 A 10.0.0.8", "new.corp", "A", vec!["10.0.0.8", "10.0.0.9"]),
        ("update delete new.corp A 10.0.0.9", "new.corp", "A", vec!["10.0.0.8"]),
        ("prereq nxrrset new.corp TXT\nupdate add new.corp 30 TXT \"a text\"", "new.corp", "TXT", vec!["\"a text\""]),
        ("prereq yxdomain new.corp\nupdate delete new.corp", "new.corp", "A", vec![]),
        ("zone corp\nupdate add *.wild.corp 30 MX 10 mail.corp.", "x.wild.corp", "MX", vec!["10 mail.corp."]),
        ("update add alias.corp 30 CNAME a.corp.", "alias.corp", "A", vec!["10.0.0.1"]),
    ]
    .into_iter()
    .enumerate()
    {
        for arguments in [vec!["-y", DDNS], vec!["-v", "-y", DDNS]] {
            // The second time, by TCP, nothing is left to do; or a prerequisite does not hold any more.
            let (is_content, said) = nsupdate(address, &arguments, script);
            assert!(is_content || (arguments.len() == 3 && script.contains("prereq")), "{script}: {said}");
            assert_eq!(ask(address, name, rtype).data(rtype), expected, "{script}");
            assert_eq!(serial(address, "corp"), 8 + number as u32, "{script}");
        }
    }
    assert!(
        server.said().contains("updating zone 'corp/IN': adding an RR at 'new.corp' A 10.0.0.9"),
        "{}",
        server.said()
    );
    assert!(server.stop().success());
}

#[test]
fn every_algorithm_signs_updates_and_questions() {
    let (address, server) = start();
    for (number, (key, algorithm)) in
        [("ddns", "hmac-sha256"), ("strong", "hmac-sha512"), ("middle", "hmac-sha384"), ("old", "hmac-sha1")]
            .into_iter()
            .enumerate()
    {
        let argument = format!("{algorithm}:{key}:{SECRET}");
        change(address, &argument, &format!("update add {key}.corp 30 A 10.0.1.{number}"));
        for transport in ["+notcp", "+tcp"] {
            // dig fails if the reply's signature is not right.
            let response = Dig::new(address).with(&["-y", &argument, transport]).expect(&format!("{key}.corp"), "A");
            assert_eq!(response.data("A"), [format!("10.0.1.{number}")]);
            let refused = Dig::new(address).with(&["-y", &argument, transport]).expect("elsewhere.example", "A");
            assert_eq!(refused.status, "REFUSED", "a refusal is signed, too");
        }
    }
    assert!(server.stop().success());
}

#[test]
fn what_may_not_be_changed_is_refused_and_nothing_changes() {
    let (address, server) = start();
    let wrong_secret = "hmac-sha256:ddns:b3RoZXJvdGhlcm90aGVyb3RoZXI=";
    let own = format!("hmac-sha256:host.policy.corp:{SECRET}");
    let ddns = ["-y", DDNS];
    for (arguments, script, expected) in [
        (&ddns[..], "prereq nxdomain a.corp\nupdate add a.corp 30 A 10.0.0.5", "YXDOMAIN"),
        (&ddns, "prereq yxdomain gone.corp\nupdate add a.corp 30 A 10.0.0.5", "NXDOMAIN"),
        (&ddns, "prereq nxrrset a.corp A\nupdate add a.corp 30 A 10.0.0.5", "YXRRSET"),
        (&ddns, "prereq yxrrset a.corp A 10.0.0.7\nupdate add a.corp 30 A 10.0.0.5", "NXRRSET"),
        (&["-y", wrong_secret], "zone corp\nupdate delete a.corp", "NOTAUTH(BADSIG)"),
        (&["-y", "hmac-sha256:nobody:c2VjcmV0"], "zone corp\nupdate delete a.corp", "NOTAUTH(BADKEY)"),
        (&["-y", "hmac-sha512:ddns:c2VjcmV0c2VjcmV0c2VjcmV0"], "zone corp\nupdate delete a.corp", "NOTAUTH(BADKEY)"),
        (&[], "zone corp\nupdate delete a.corp", "REFUSED"),
        (&ddns, "zone still.corp\nupdate delete a.still.corp", "REFUSED"),
        (&ddns, "zone elsewhere.example\nupdate add a.elsewhere.example 30 A 10.0.0.5", "NOTAUTH"),
        (&ddns, "zone a.corp\nupdate add x.a.corp 30 A 10.0.0.5", "NOTAUTH"),
        (&ddns, "zone corp\nupdate add elsewhere.example 30 A 10.0.0.5", "NOTZONE"),
        (&ddns, "zone policy.corp\nupdate add www.policy.corp 30 TXT x", "REFUSED"),
        (&ddns, "zone policy.corp\nupdate add www.policy.corp 30 A 10.0.0.5\nupdate delete a.policy.corp", "REFUSED"),
        (&["-y", &own], "zone policy.corp\nupdate add host.policy.corp 30 TXT x", "REFUSED"),
        (&["-y", &own], "zone policy.corp\nupdate add other.policy.corp 30 A 10.0.0.5", "REFUSED"),
    ] {
        let told = refusal(address, arguments, script);
        assert!(told.contains(expected), "{script}: {told}");
    }
    for zone in ["corp", "policy.corp", "still.corp"] {
        assert_eq!(serial(address, zone), 7, "{zone}");
        assert_eq!(ask(address, &format!("a.{zone}"), "A").data("A"), ["10.0.0.1"], "{zone}");
    }
    change(address, DDNS, "zone policy.corp\nupdate add www.policy.corp 30 A 10.0.0.5");
    change(address, &own, "zone policy.corp\nupdate add host.policy.corp 30 A 10.0.0.6");
    assert_eq!(serial(address, "policy.corp"), 9);
    for expected in
        ["update 'corp/IN' denied", "update 'still.corp/IN' denied", "prerequisite", "/key ddns", "BADSIG", "BADKEY"]
    {
        server.says(expected);
    }
    assert!(server.stop().success());
}

#[test]
fn a_key_of_a_view_is_known_in_that_view_alone() {
    let address = fresh_address();
    let key = |name: &str, secret: &str| format!("key {name} {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n");
    let zone = |file: &str, more: &str| format!("zone corp {{ type primary; file \"{file}\"; {more} }};\n");
    let (a, b) = ("YWFhYWFhYWFhYWFhYWFhYQ==", "YmJiYmJiYmJiYmJiYmJiYg==");
    let update = "allow-update { key same; key own; };";
    let conf = [
        format!(
            "options {{ directory \"{{directory}}\"; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; allow-query \
             {{ any; }}; recursion no; }};\n",
            address.port(),
            address.ip()
        ),
        key("ddns", SECRET),
        format!("view a {{ match-clients {{ key same; key own; }};\n{}{}}};\n", key("same", a), zone("a.zone", update)),
        format!(
            "view b {{ match-clients {{ key same; key own; }};\n{}{}{}}};\n",
            key("same", b),
            key("own", b),
            zone("b.zone", update)
        ),
        format!("view c {{ match-clients {{ any; }};\n{}}};\n", zone("c.zone", "allow-update { key own; key ddns; };")),
    ]
    .concat();
    let master = |view: &str| format!("{MASTER}view TXT {view}\n");
    let masters = ["a", "b", "c"].map(master);
    let files = [("a.zone", &*masters[0]), ("b.zone", &*masters[1]), ("c.zone", &*masters[2])];
    let server = Tandem::start_with_files(address, &conf, &files);
    let with = |name: &str, secret: &str| format!("hmac-sha256:{name}:{secret}");
    for (signer, expected) in [
        (with("same", a), "\"a\""),
        (with("same", b), "\"b\""),
        (with("own", b), "\"b\""),
        (with("ddns", SECRET), "\"c\""),
    ] {
        let seen = Dig::new(address).with(&["-y", &signer]).expect("view.corp", "TXT");
        assert_eq!(seen.data("TXT"), [expected], "{signer}");
    }
    assert_eq!(ask(address, "view.corp", "TXT").data("TXT"), ["\"c\""], "nobody signs");
    for (signer, expected) in [
        (with("same", SECRET), "NOTAUTH(BADKEY)"),
        (with("own", a), "NOTAUTH(BADKEY)"),
        (with("nobody", a), "NOTAUTH(BADKEY)"),
        (with("ddns", a), "NOTAUTH(BADSIG)"),
    ] {
        let told = refusal(address, &["-y", &signer], "zone corp\nupdate add evil.corp 30 TXT owned");
        assert!(told.contains(expected), "{signer}: {told}");
    }
    server.says(": view c: request has invalid signature: TSIG own: tsig verify failure (BADKEY)");
    change(address, &with("same", b), "zone corp\nupdate add new.corp 30 TXT b");
    let seen = Dig::new(address).with(&["-y", &with("own", b)]).expect("new.corp", "TXT");
    assert_eq!(seen.data("TXT"), ["\"b\""]);
    assert_eq!(ask(address, "evil.corp", "TXT").status, "NXDOMAIN");
    assert!(server.stop().success());
}

#[test]
fn updates_outlive_a_crash_a_restart_and_the_operators_own_changes() {
    let (address, mut server) = start();
    change(address, DDNS, "update add new.corp 30 A 10.0.0.9\nupdate delete a.corp");
    change(address, DDNS, "update add new.corp 30 A 10.0.0.8");
    let as_before = |what: &str| {
        assert_eq!(ask(address, "new.corp", "A").data("A"), ["10.0.0.8", "10.0.0.9"], "{what}");
        assert_eq!(ask(address, "a.corp", "A").status, "NXDOMAIN", "{what}");
    };
    server.crash_and_restart(address);
    as_before("after a crash");
    assert_eq!(serial(address, "corp"), 9);
    // A comment changes nothing; a reload without any change neither.
    server.write("corp.zone", &format!("; a comment\n{MASTER}"));
    server.hang_up();
    assert!(server.reloads(1));
    assert_eq!(serial(address, "corp"), 9);
    // What the operator writes comes on top of what clients did, whether the serial is raised or not.
    server.write("corp.zone", &format!("{MASTER}own A 10.0.0.77\n"));
    server.hang_up();
    assert!(server.reloads(2));
    as_before("after the operator's own change");
    assert_eq!(ask(address, "own.corp", "A").data("A"), ["10.0.0.77"]);
    assert_eq!(serial(address, "corp"), 10);
    server.crash_and_restart(address);
    as_before("after another crash");
    assert_eq!((ask(address, "own.corp", "A").data("A").len(), serial(address, "corp")), (1, 10));
    // Where both contradict, the operator's word holds, and it is told.
    server.write("corp.zone", &format!("{}new CNAME ns\n", MASTER.replace(" 7 ", " 100 ")));
    server.hang_up();
    assert!(wait_until(PATIENCE, || serial(address, "corp") == 100), "{}", server.said());
    assert_eq!(ask(address, "new.corp", "A").data("A"), ["10.0.0.2"]);
    assert_eq!(ask(address, "a.corp", "A").status, "NXDOMAIN");
    server.says("an update is left out");
    assert!(server.path("corp.zone.journal.10").exists(), "the journal as it was is kept");
    // A file that is broken leaves everything as it is, and at a start the journal has the last version.
    server.write("corp.zone", "@ SOA broken\n");
    server.hang_up();
    server.says("stays in force");
    assert_eq!(serial(address, "corp"), 100);
    change(address, DDNS, "update add late.corp 30 A 10.0.0.3");
    server.crash_and_restart(address);
    assert_eq!((serial(address, "corp"), ask(address, "late.corp", "A").data("A").len()), (101, 1));
    assert!(server.stop().success());
}

#[test]
fn an_update_that_cannot_be_kept_is_not_made() {
    let (address, mut server) = start();
    // Where the journal is first written there is a directory in the way.
    fs::create_dir(server.path("corp.zone.journal.tmp")).expect("a directory");
    let told = refusal(address, &["-y", DDNS], "update add new.corp 30 A 10.0.0.9");
    assert!(told.contains("SERVFAIL"), "{told}");
    assert_eq!((ask(address, "new.corp", "A").status.as_str(), serial(address, "corp")), ("NXDOMAIN", 7));
    server.says("updates cannot be kept in");
    fs::remove_dir(server.path("corp.zone.journal.tmp")).expect("it is there");
    change(address, DDNS, "update add new.corp 30 A 10.0.0.9");
    assert_eq!((ask(address, "new.corp", "A").data("A").len(), serial(address, "corp")), (1, 8));
    // A journal that is damaged in the middle: what stands before it counts, a copy is kept, and it goes on.
    for number in 0..3 {
        change(address, DDNS, &format!("update add n{number}.corp 30 A 10.0.0.9"));
    }
    server.crash();
    let journal = server.path("corp.zone.journal");
    let mut octets = fs::read(&journal).expect("the journal");
    let at = octets.windows(3).position(|octets| octets == b"\x02n1").expect("the second of the three");
    octets[at + 1] ^= 1;
    fs::write(&journal, &octets).expect("it can be written");
    server.crash_and_restart(address);
    assert_eq!(ask(address, "n0.corp", "A").data("A").len(), 1);
    assert_eq!((ask(address, "n2.corp", "A").status.as_str(), serial(address, "corp")), ("NXDOMAIN", 9));
    assert_eq!(fs::read(server.path("corp.zone.journal.bad")).expect("a copy"), octets);
    server.says("is damaged, and updates follow it");
    change(address, DDNS, "update add n4.corp 30 A 10.0.0.9");
    server.crash_and_restart(address);
    assert_eq!((ask(address, "n4.corp", "A").data("A").len(), serial(address, "corp")), (1, 10));
    assert!(server.stop().success());
}

#[test]
fn nobody_is_told_that_an_update_was_made_which_was_not() {
    let (address, server) = start();
    fs::create_dir(server.path("corp.zone.journal.tmp")).expect("a directory in the way");
    // Sent at once, each is judged by what the one before would have made of the zone.
    let key = Arc::new(Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha256, SECRET_OCTETS));
    let a = record("new.corp", "A", 1, 60, &[10, 0, 0, 9]);
    let exists = record("new.corp", "A", 255, 0, b"");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
    for round in 0..20 {
        for (number, (prerequisites, changes)) in [(0, 1), (0, 1), (1, 1)].into_iter().enumerate() {
            let records = if prerequisites == 1 { [&exists[..], &a].concat() } else { a.clone() };
            let packet = signed(round * 3 + number as u16, [1, prerequisites, changes, 0], &records, &key);
            socket.send_to(&packet, address).expect("it can be sent");
        }
        for _ in 0..3 {
            let mut reply = [0; 1024];
            socket.recv(&mut reply).expect("a reply");
            let rcode = reply[3] & 0xf;
            assert!(matches!(rcode, 2 | 8), "round {round}: RCODE {rcode}");
        }
    }
    assert_eq!((ask(address, "new.corp", "A").status.as_str(), serial(address, "corp")), ("NXDOMAIN", 7));
    assert!(server.stop().success());
}

#[test]
fn an_update_that_comes_again_is_not_made_again() {
    let (address, server) = start();
    let key = Arc::new(Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha256, SECRET_OCTETS));
    let first = signed(7, [1, 0, 1, 0], &record("new.corp", "A", 1, 60, &[10, 0, 0, 1]), &key);
    let second = signed(8, [1, 0, 1, 0], &record("new.corp", "A", 255, 0, b""), &key);
    for packet in [&first, &second, &first, &first] {
        let reply = exchange_udp(address, packet, PATIENCE).expect("a reply");
        assert_eq!((reply.rcode(), &reply.octets[..2]), (0, &packet[..2]));
    }
    assert_eq!((ask(address, "new.corp", "A").status.as_str(), serial(address, "corp")), ("NXDOMAIN", 9));
    assert!(server.stop().success());
}

#[test]
fn updates_go_along_when_a_zone_or_its_journal_moves() {
    let (address, mut server) = start();
    change(address, DDNS, "update add new.corp 30 A 10.0.0.9");
    let as_before = |server: &Tandem, what: &str| {
        let there = || Dig::new(address).ask("new.corp", "A").is_ok_and(|answer| answer.data("A") == ["10.0.0.9"]);
        assert!(wait_until(PATIENCE, there), "{what}: {}", server.said());
        assert_eq!(serial(address, "corp"), 8, "{what}: {}", server.said());
    };
    // Into a view, which is what comes first when views come.
    let conf = named_conf(address);
    let (head, zones) = conf.split_at(conf.find("zone corp").expect("the first zone"));
    server.rewrite(&format!("{head}view all {{ match-clients {{ any; }};\n{zones}}};\n"));
    server.hang_up();
    assert!(server.reloads(1));
    as_before(&server, "in a view");
    // A name of its own for the journal leaves the one that is there in use, and says so.
    server.rewrite(&conf.replace("file \"corp.zone\";", "file \"corp.zone\"; journal \"own.journal\";"));
    server.hang_up();
    assert!(server.reloads(2));
    as_before(&server, "another name");
    server.says("corp.zone.journal', which stays in use");
    server.crash();
    fs::rename(server.path("corp.zone.journal"), server.path("own.journal")).expect("it is there");
    server.crash_and_restart(address);
    as_before(&server, "moved by hand");
    server.rewrite(&conf.replace("file \"corp.zone\";", "file \"corp.zone\"; journal \"other.journal\";"));
    server.hang_up();
    assert!(server.reloads(1), "{}", server.said());
    assert!(wait_until(PATIENCE, || server.path("other.journal").exists()), "{}", server.said());
    as_before(&server, "moved by a reload");
    server.crash_and_restart(address);
    as_before(&server, "after a crash");
    assert!(!server.path("own.journal").exists());
    assert!(server.stop().success());
}

#[test]
fn updates_go_along_when_a_view_is_renamed_and_are_missed_aloud_where_they_cannot() {
    let address = fresh_address();
    let toml = |view: &str| {
        format!(
            "[options]\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\nstate_directory = \"{{directory}}/state\"\n\
             [[key]]\nname = \"ddns\"\nsecret = \"{SECRET}\"\n[[view]]\nname = \"{view}\"\n[[view.zone]]\nname = \"corp\"\n\
             serial = 7\n[[view.zone.grant]]\nkey = \"ddns\"\nnames = [\"*.corp\"]\n[[view.zone.record]]\nname = \
             \"a.corp\"\ntype = \"A\"\nvalue = \"10.0.0.1\"\n"
        )
    };
    let mut server = Tandem::start(address, &toml("inside"));
    change(address, DDNS, "update add new.corp 30 A 10.0.0.9");
    server.says("/key ddns: view inside: updating zone 'corp/IN': adding");
    server.rewrite(&toml("inner"));
    server.hang_up();
    assert!(server.reloads(1));
    assert_eq!((ask(address, "new.corp", "A").data("A").len(), serial(address, "corp")), (1, 8), "{}", server.said());
    assert!(
        server.path("state/zones/inner/corp.journal").exists()
            && !server.path("state/zones/inside/corp.journal").exists()
    );
    server.crash();
    server.rewrite(&toml("renamed"));
    server.crash_and_restart(address);
    assert_eq!(serial(address, "corp"), 7);
    for expected in ["zones/inner/corp.journal' belongs to no zone", "zone corp/IN/renamed: loaded serial 7"] {
        server.says(expected);
    }
    assert!(server.stop().success());
}

#[test]
fn a_journal_of_named_is_neither_passed_over_in_silence_nor_written_over() {
    let (address, nameds) = (fresh_address(), ";BIND LOG V9\n and more");
    let files = [("corp.zone", MASTER), ("corp.zone.jnl", nameds)];
    let mut server = Tandem::start_with_files(address, &named_conf(address), &files);
    server.says("named has kept updates in");
    change(address, DDNS, "zone corp\nupdate add new.corp 30 A 10.0.0.9");
    server.crash();
    let own = named_conf(address).replace("file \"corp.zone\";", "file \"corp.zone\"; journal \"corp.zone.jnl\";");
    server.rewrite(&own);
    fs::remove_file(server.path("corp.zone.journal")).expect("it is there");
    server.crash_and_restart(address);
    let told = refusal(address, &["-y", DDNS], "zone corp\nupdate add late.corp 30 A 10.0.0.9");
    assert!(told.contains("SERVFAIL"), "{told}");
    server.says("is named's: no updates are taken");
    assert_eq!(server.file("corp.zone.jnl"), nameds);
    assert!(server.stop().success());
}

#[test]
fn who_may_not_ask_learns_nothing_by_prerequisites() {
    let address = fresh_address();
    let conf = named_conf(address).replace("allow-query { any; }", "allow-query { 192.0.2.1; }");
    let server = Tandem::start_with_files(address, &conf, &[("corp.zone", MASTER)]);
    for script in ["prereq yxdomain a.corp", "prereq yxdomain gone.corp", "update add new.corp 30 A 10.0.0.9"] {
        let told = refusal(address, &["-y", DDNS], &format!("zone corp\n{script}"));
        assert!(told.contains("REFUSED"), "{script}: {told}");
    }
    server.says("denied (allow-query did not match)");
    assert!(server.stop().success());
}

#[test]
fn a_journal_that_was_taken_away_stops_updates_until_it_is_written_anew() {
    let (address, mut server) = start();
    change(address, DDNS, "update add new.corp 30 A 10.0.0.9");
    fs::remove_file(server.path("corp.zone.journal")).expect("it is there");
    let told = refusal(address, &["-y", DDNS], "update add late.corp 30 A 10.0.0.9");
    assert!(told.contains("SERVFAIL"), "{told}");
    server.hang_up();
    assert!(server.reloads(1));
    server.says("is not there: it is written anew");
    change(address, DDNS, "update add late.corp 30 A 10.0.0.9");
    server.crash_and_restart(address);
    for name in ["new.corp", "late.corp"] {
        assert_eq!(ask(address, name, "A").data("A"), ["10.0.0.9"], "{name}");
    }
    assert!(server.stop().success());
}

#[test]
fn a_zone_of_the_configuration_takes_updates_and_keeps_its_serial() {
    let address = fresh_address();
    let toml = |record: &str| {
        format!(
            "[options]\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\nstate_directory = \"{{directory}}/state\"\n\
             [[key]]\nname = \"ddns\"\nsecret = \"{SECRET}\"\n[[zone]]\nname = \"corp\"\n[[zone.grant]]\nkey = \"ddns\"\n\
             names = [\"*.corp\"]\n[[zone.record]]\nname = \"a.corp\"\ntype = \"A\"\nvalue = \"10.0.0.1\"\n{record}"
        )
    };
    let mut server = Tandem::start(address, &toml(""));
    let first = serial(address, "corp");
    change(address, DDNS, "update add new.corp 30 A 10.0.0.9");
    assert_eq!(serial(address, "corp"), first + 1);
    server.crash_and_restart(address);
    assert_eq!((ask(address, "new.corp", "A").data("A").len(), serial(address, "corp")), (1, first + 1));
    server.rewrite(&toml("[[zone.record]]\nname = \"b.corp\"\ntype = \"A\"\nvalue = \"10.0.0.2\"\n"));
    server.hang_up();
    assert!(wait_until(PATIENCE, || ask(address, "b.corp", "A").data("A") == ["10.0.0.2"]), "{}", server.said());
    assert_eq!(ask(address, "new.corp", "A").data("A"), ["10.0.0.9"]);
    assert!(serial(address, "corp") > first + 1);
    // What a policy chooses is not an update's to change.
    server.rewrite(&toml(
        "[[zone.record]]\nname = \"p.corp\"\ntype = \"A\"\nvalue = \"10.0.0.3\"\nweight = 1\nset_identifier = \"x\"\n",
    ));
    server.hang_up();
    assert!(wait_until(PATIENCE, || ask(address, "p.corp", "A").data("A") == ["10.0.0.3"]), "{}", server.said());
    for script in ["update add p.corp 30 A 10.0.0.4", "update delete p.corp A", "update delete p.corp"] {
        let told = refusal(address, &["-y", DDNS], script);
        assert!(told.contains("REFUSED"), "{script}: {told}");
    }
    change(address, DDNS, "prereq yxrrset p.corp A\nupdate add q.corp 30 A 10.0.0.4");
    assert_eq!(ask(address, "p.corp", "A").data("A"), ["10.0.0.3"]);
    assert!(server.stop().success());
}

#[test]
fn malformed_updates_get_formerr_and_nothing_else() {
    let (address, server) = start();
    let update = |counts: [u16; 4], rest: &[u8]| [header(7, 0x2800, counts), rest.to_vec()].concat();
    let zone = |rtype: &str| Question::new("corp", rtype).octets()[12..].to_vec();
    let a = record("a.corp", "A", 1, 60, &[10, 0, 0, 1]);
    for (case, packet) in [
        ("no zone", update([0, 0, 0, 0], b"")),
        ("two zones", update([2, 0, 0, 0], &[zone("SOA"), zone("SOA")].concat())),
        ("a zone that is no SOA", update([1, 0, 0, 0], &zone("A"))),
        ("a record that is cut off", update([1, 0, 1, 0], &[zone("SOA"), a[..a.len() - 1].to_vec()].concat())),
        ("records that are missing", update([1, 0, 65_535, 0], &[zone("SOA"), a].concat())),
    ] {
        let reply = exchange_udp(address, &packet, PATIENCE).unwrap_or_else(|| panic!("{case}: no reply"));
        assert_eq!((reply.rcode(), reply.octets[2] >> 3), (1, 0b1_0101), "{case}");
    }
    assert_eq!(serial(address, "corp"), 7);
    assert!(server.stop().success());
}
