//! Validating behind the server: a real unbound forwards to it and must believe every proof that comes through.
//!
//! Zones are signed here with keys of the test, one with NSEC, one with NSEC3; the server asks for them by different
//! rules. A first unbound sees what comes from upstream, a second one what the server kept.
//! Not here: validation by the server, which does none.

mod common;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::dig::{Dig, Response};
use common::{Nsd, Process, Tandem, fresh_address, named_conf, program, wait_until};
use tempfile::TempDir;

const SIGNED: &str = "$ORIGIN signed.example.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
*.wild A 192.0.2.81
first CNAME second
second CNAME www
alias CNAME www.hashed.example.
*.wildalias CNAME www.hashed.example.
nowhere CNAME absent.hashed.example.
below DNAME hashed.example.
broken A 192.0.2.66
child NS ns.child
ns.child A 192.0.2.1
plain NS ns.plain
ns.plain A 192.0.2.1
";

const HASHED: &str = "$ORIGIN hashed.example.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.82
*.wild A 192.0.2.83
back CNAME x.wild.signed.example.
";

/// A zone below `signed.example` with one host.
fn small_zone(name: &str) -> String {
    format!(
        "$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.84\n"
    )
}

/// Runs a tool of BIND in a directory; its output.
fn run(directory: &Path, tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(program(tool, "bind9-utils"))
        .current_dir(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the tool can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{tool} {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A zone signed with keys of its own.
struct Zone {
    /// The master file.
    text: String,
    /// DS records for the parent, or as a trust anchor.
    ds: String,
}

/// Signs a zone's text with NSEC, or NSEC3 where `nsec3` says so.
fn sign(name: &str, text: &str, nsec3: bool) -> Zone {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let at = directory.path();
    fs::write(at.join("zone"), text).expect("a zone can be written");
    for flags in [&["-f", "KSK"][..], &[]] {
        run(at, "dnssec-keygen", &[&["-q", "-a", "ECDSAP256SHA256"], flags, &[name]].concat());
    }
    let denial: &[&str] = if nsec3 { &["-3", "ABCD", "-H", "0"] } else { &[] };
    run(at, "dnssec-signzone", &[&["-q", "-S", "-o", name, "-f", "signed"], denial, &["zone"]].concat());
    let read = |file: &str| fs::read_to_string(at.join(file)).expect("the tool has written it");
    Zone { text: read("signed"), ds: read(&format!("dsset-{name}.")) }
}

/// A validating resolver that forwards everything to one server.
struct Unbound {
    address: SocketAddr,
    _process: Process,
    directory: TempDir,
}

impl Unbound {
    fn start(forwarder: SocketAddr, anchors: &str) -> Unbound {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let (at, address) = (directory.path().to_string_lossy().into_owned(), fresh_address());
        let text = format!(
            "server:\n interface: {}@{}\n access-control: 127.0.0.0/8 allow\n do-daemonize: no\n username: \"\"\n \
             chroot: \"\"\n directory: \"{at}\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n val-log-level: 2\n \
             do-not-query-localhost: no\n module-config: \"validator iterator\"\n trust-anchor-file: \"{at}/anchors\"\n \
             aggressive-nsec: no\n num-threads: 1\nremote-control:\n control-enable: no\nforward-zone:\n name: \".\"\n \
             forward-addr: {}@{}\n",
            address.ip(),
            address.port(),
            forwarder.ip(),
            forwarder.port()
        );
        let file = |name: &str| directory.path().join(name);
        fs::write(file("anchors"), anchors).expect("the anchors can be written");
        fs::write(file("unbound.conf"), text).expect("unbound.conf can be written");
        let log = fs::File::create(file("log")).expect("a log can be made");
        let child = Command::new(program("unbound", "unbound"))
            .args(["-d", "-c"])
            .arg(file("unbound.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be doubled"))
            .stderr(log)
            .spawn()
            .expect("unbound can be started");
        let unbound = Unbound { address, _process: Process::new(child), directory };
        let ready =
            wait_until(Duration::from_secs(10), || Dig::new(address).with(&["+time=1"]).ask("localhost", "A").is_ok());
        assert!(ready, "unbound does not answer: {}", unbound.log());
        unbound
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn ask(&self, name: &str, rtype: &str) -> Response {
        Dig::new(self.address).with(&["+dnssec", "+time=10"]).expect(name, rtype)
    }
}

/// What each is, its name and type, and what a validator must find: secure, RCODE, data (`-`: none is looked at).
const CASES: [(&str, &str, &str, bool, &str, &str); 23] = [
    ("a positive answer", "www.signed.example", "A", true, "NOERROR", "192.0.2.80"),
    ("no such type", "www.signed.example", "MX", true, "NOERROR", ""),
    ("no such name", "absent.signed.example", "A", true, "NXDOMAIN", ""),
    ("a wildcard", "x.wild.signed.example", "A", true, "NOERROR", "192.0.2.81"),
    ("no such type at a wildcard", "y.wild.signed.example", "MX", true, "NOERROR", ""),
    ("a name with nothing but names below", "wild.signed.example", "A", true, "NOERROR", ""),
    ("a chain in the zone", "first.signed.example", "A", true, "NOERROR", "192.0.2.80"),
    ("a chain into another rule's zone", "alias.signed.example", "A", true, "NOERROR", "192.0.2.82"),
    ("a wildcard chain into another rule's zone", "x.wildalias.signed.example", "A", true, "NOERROR", "192.0.2.82"),
    ("a chain to no such type", "alias.signed.example", "MX", true, "NOERROR", ""),
    ("a chain to no such name", "nowhere.signed.example", "A", true, "NXDOMAIN", ""),
    ("a chain by a DNAME", "www.below.signed.example", "A", true, "NOERROR", "192.0.2.82"),
    ("the keys", "signed.example", "DNSKEY", true, "NOERROR", "-"),
    ("NSEC3: a positive answer", "www.hashed.example", "A", true, "NOERROR", "192.0.2.82"),
    ("NSEC3: no such type", "www.hashed.example", "MX", true, "NOERROR", ""),
    ("NSEC3: no such name", "absent.hashed.example", "A", true, "NXDOMAIN", ""),
    ("NSEC3: a wildcard", "x.wild.hashed.example", "A", true, "NOERROR", "192.0.2.83"),
    ("NSEC3: no such type at a wildcard", "y.wild.hashed.example", "MX", true, "NOERROR", ""),
    ("NSEC3: a chain to another rule's wildcard", "back.hashed.example", "A", true, "NOERROR", "192.0.2.81"),
    ("a signed child under its own rule", "www.child.signed.example", "A", true, "NOERROR", "192.0.2.84"),
    ("the child's DS, from the parent's rule", "child.signed.example", "DS", true, "NOERROR", "-"),
    ("an unsigned child under its own rule", "www.plain.signed.example", "A", false, "NOERROR", "192.0.2.84"),
    ("no DS, from the parent's rule", "plain.signed.example", "DS", true, "NOERROR", ""),
];

#[test]
fn a_validator_behind_the_server_believes_what_is_true_and_nothing_else() {
    let child = sign("child.signed.example", &small_zone("child.signed.example"), false);
    let signed = sign("signed.example", &format!("{SIGNED}{}", child.ds), false);
    let hashed = sign("hashed.example", HASHED, true);
    let broken = signed.text.replace("192.0.2.66", "192.0.2.67");
    assert_ne!(broken, signed.text);
    let parent = Nsd::start(&[("signed.example", &broken)]);
    let others = Nsd::start(&[
        ("hashed.example", &hashed.text),
        ("child.signed.example", &child.text),
        ("plain.signed.example", &small_zone("plain.signed.example")),
    ]);
    let address = fresh_address();
    let mut text = named_conf(address, parent.address(), "");
    for zone in ["hashed.example", "child.signed.example", "plain.signed.example"] {
        let (ip, port) = (others.address().ip(), others.address().port());
        text += &format!("zone \"{zone}\" {{ type forward; forward only; forwarders {{ {ip} port {port}; }}; }};\n");
    }
    let _server = Tandem::start(address, &text);
    let anchors = format!("{}{}", signed.ds, hashed.ds);

    for state in ["from upstream", "from the cache"] {
        let unbound = Unbound::start(address, &anchors);
        for (what, name, rtype, secure, status, data) in CASES {
            let response = unbound.ask(name, rtype);
            let context = || format!("{what}, {state}: {response:#?}\n{}", unbound.log());
            assert_eq!(response.status, status, "{}", context());
            assert_eq!(response.has_flag("ad"), secure, "{}", context());
            if data != "-" {
                assert_eq!(response.data(rtype).join(" "), data, "{}", context());
            }
        }
        let bogus = unbound.ask("broken.signed.example", "A");
        assert_eq!(bogus.status, "SERVFAIL", "{state}: a changed record is not believed: {}", unbound.log());
        let unchecked = Dig::new(unbound.address).with(&["+cd"]).expect("broken.signed.example", "A");
        assert_eq!((unchecked.status.as_str(), unchecked.has_flag("ad")), ("NOERROR", false), "{state}");
        assert_eq!(unchecked.data("A"), ["192.0.2.67"], "{state}: with CD it is shown");
    }

    for (flag, signatures) in [("+dnssec", 1), ("+nodnssec", 0)] {
        let direct = Dig::new(address).with(&[flag, "+adflag"]).expect("www.signed.example", "A");
        assert!(!direct.has_flag("ad"), "the server has validated nothing: {direct:?}");
        assert_eq!((direct.data("A"), direct.data("RRSIG").len()), (vec!["192.0.2.80"], signatures), "{flag}");
    }
}
