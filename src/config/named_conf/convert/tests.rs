use std::fs;
use std::path::PathBuf;

use crate::config::files::{Disk, Files, NoFiles};
use crate::config::named_conf::grammar::{self, PLACES, Shape, Support};
use crate::config::named_conf::tests::rows::within;
use crate::config::named_conf::{Document, parse};

fn converted(text: &str, files: &dyn Files) -> String {
    let document = Document::read(text, "x.conf", files);
    document.to_toml(files).unwrap_or_else(|found| {
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        panic!("{text}\n{}", told.join("\n"))
    })
}

#[test]
fn every_row_is_converted_or_noted() {
    let (mut count, mut failed) = (0, Vec::new());
    for row in grammar::rows()
        .filter(|row| !matches!(row.support, Support::Refused(_) | Support::Part) && row.name != "include")
    {
        for &(place, _) in PLACES.iter().filter(|(place, _)| row.places & place != 0) {
            let text = within(place, row.name, row.example);
            if parse(&text, "x.conf", &NoFiles).is_err() {
                continue;
            }
            count += 1;
            match Document::read(&text, "x.conf", &NoFiles).to_toml(&NoFiles) {
                Err(found) => failed.push(format!("{text}\n  {}", found[0])),
                Ok(toml) if matches!(row.support, Support::Ignored(_)) => {
                    let is_noted = toml.contains(&format!("# Not converted: {}", row.name));
                    if !is_noted && !toml.contains("# Not converted: zone \".\"") {
                        failed.push(format!("{text}\n  it is not noted: {toml}"));
                    }
                }
                Ok(_) => {}
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed.join("\n"));
    assert!(count > 200, "{count}");
}

#[test]
fn keys_that_there_are_not_are_left_out_of_every_match_list() {
    let (mut count, mut failed) = (0, Vec::new());
    for row in grammar::rows().filter(|row| matches!(row.shape, Shape::MatchList | Shape::Listen)) {
        for &(place, _) in PLACES.iter().filter(|(place, _)| row.places & place != 0) {
            let text =
                within(place, row.name, &format!("{} {{ key nosuch; !{{ key nosuch; any; }}; any; }};", row.name));
            if parse(&text, "x.conf", &NoFiles).is_err() {
                continue;
            }
            count += usize::from(row.support == Support::Honoured);
            match Document::read(&text, "x.conf", &NoFiles).to_toml(&NoFiles) {
                Ok(_) => {}
                Err(found) => failed.push(format!("{text}\n  {}", found[0])),
            }
        }
    }
    for channel in ["statistics-channels { inet 127.0.0.1", "controls { inet 127.0.0.1 port 9"] {
        converted(&format!("{channel} allow {{ key nosuch; any; }}; }};"), &NoFiles);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count > 20, "{count}");
}

#[test]
fn what_would_not_say_the_same_is_told_with_its_place() {
    let read = |text: &str| parse(text, "x.conf", &NoFiles).expect("it is right").config;
    let text = "options { forwarders { 192.0.2.1; };\n  allow-query-on { 192.0.2.9; };\n };
                zone z { type primary; file \"z\";\n allow-update { 192.0.2.8; }; };";
    let one = read(text);
    for (what, other, expected) in [
        ("nothing", text.replace("; ", ";\n"), None),
        (
            "a list",
            text.replace("192.0.2.9", "192.0.2.7"),
            Some((Some(2), "'allow-query-on': '{ 192.0.2.9; }' would be '{ 192.0.2.7; }'")),
        ),
        (
            "a zone's",
            text.replace("192.0.2.8", "192.0.2.7"),
            Some((Some(5), "zone 'z': 'allow-update': '{ 192.0.2.8; }' would be '{ 192.0.2.7; }'")),
        ),
        (
            "something else",
            text.replace("192.0.2.1;", "192.0.2.2;"),
            Some((
                None,
                "views.forward.forwarders.address: 'address: 192.0.2.1:53,' would be 'address: 192.0.2.2:53,'",
            )),
        ),
    ] {
        let found = super::difference(&one, &read(&other));
        let found = found.map(|(position, said)| (position.map(|position| position.line), said));
        assert_eq!(found, expected.map(|(line, said)| (line, said.to_owned())), "{what}");
    }
}

/// Relative paths are below a directory.
struct Below(PathBuf);

impl Files for Below {
    fn read(&self, path: &std::path::Path, max_octets: u64) -> std::io::Result<Vec<u8>> {
        Disk.read(&self.0.join(path), max_octets)
    }

    fn list(&self, directory: &std::path::Path) -> std::io::Result<Vec<String>> {
        Disk.list(&self.0.join(directory))
    }
}

#[test]
fn the_corpus_and_what_is_shipped_is_converted() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (mut count, mut failed) = (0, Vec::new());
    for directory in ["tests/named_conf/accept", "conf"] {
        let files = Below(root.join(directory));
        for name in files.list(".".as_ref()).expect("the directory is there") {
            let Some(_) = name.strip_suffix(".conf") else { continue };
            let text = fs::read_to_string(files.0.join(&name)).expect("a file of the corpus");
            let document = Document::read(&text, &name, &files);
            if document.result.is_err() {
                continue;
            }
            count += 1;
            if let Err(found) = document.to_toml(&files) {
                failed.push(format!("{directory}/{name}: {}", found[0]));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed.join("\n"));
    assert!(count > 100, "{count}");
}

const WRITTEN: &str = r#"// The forwarder of the VPC.
// Keep it short.

/* who may ask */
acl goodclients {
    10/8; // intranet
    # ourselves
    localhost;
    !192.168.1.1;
    // the last
};
acl "odd name" { !{ any; goodclients; }; };

key "deploy." { // of the pipeline
    algorithm HMAC-SHA256;
    secret "c2VjcmV0";
};

/* Options
 * of all
 */
options {
    directory "/var/named"; // where files are
    listen-on port 5300 { 127.0.0.1; };
    listen-on { any; };
    // who
    allow-query { goodclients; };
    forwarders { 10.1.0.2; /* first */ 10.1.0.3; };
    forward only; // of course
    dnssec-validation auto;
    auth-nxdomain no;
    stale-cache-enable yes;
    tcp-idle-timeout 100; max-cache-size 512m; version none; recursion yes;
    // the last
};
server 10.1.0.3 { edns no; transfers 2; };
// rndc
controls { inet 127.0.0.1 port 953 allow { localhost; 10/8; /* bastion */ } keys { deploy; } read-only yes; };
statistics-channels { inet 127.0.0.1 port 8053; };
logging {
    channel simple_log { file "bind.log" versions 3 size 5m; // rolled
        severity debug 3; print-time yes; };
    category default { simple_log; };
    category query-errors { null; }; // none
};
zone "a.example." IN { // a
    type forward;
    # its own
    forwarders { 10.1.0.3 port 5300; };
    max-ncache-ttl 10;
};
# local
zone p { type primary; file "p.db"; // file
    update-policy {
        grant deploy. name a.p A TXT;
        // denied
        deny * wildcard *.p ANY;
        grant nobody zonesub;
    };
};
zone "." { type hint; file "root.hints"; };
# end
"#;

const CONVERTED: &str = r#"# The forwarder of the VPC.
# Keep it short.

# Options
# of all
[options]
directory = "/var/named"  # where files are
listen_on = [{ port = 5300, addresses = ["127.0.0.1"] }, { port = 53, addresses = ["any"] }]
# who
allow_query = ["goodclients"]
forwarders = [
    "10.1.0.2",  # first
    { address = "10.1.0.3", edns = false },
]
# Not needed: forward only; (this server always forwards only)
# of course
# Not converted: dnssec-validation auto; (answers are not validated here: DO and CD pass through, AD is cleared)
auth_nxdomain = false
stale_cache_enable = true
stale_answer_enable = false
tcp_idle_timeout = "10s"
max_cache_size = "512M"
version = false
recursion = true
# the last

[acl]
# who may ask
goodclients = [
    "10.0.0.0/8",  # intranet
    # ourselves
    "localhost",
    "!192.168.1.1",
    # the last
]
"odd name" = [{ not = ["any", "goodclients"] }]

[[key]]
name = "deploy."  # of the pipeline
algorithm = "hmac-sha256"
secret = "c2VjcmV0"

[logging.channel.simple_log]
file = "bind.log"  # rolled
versions = 3
size = "5M"
severity = "debug 3"
print_time = true

[logging.category]
default = ["simple_log"]
query-errors = ["null"]  # none

# rndc
[[control]]
address = "127.0.0.1"
allow = [
    "localhost",
    "10.0.0.0/8",  # bastion
]
keys = ["deploy"]
read_only = true

[[statistics_channel]]
address = "127.0.0.1:8053"

# Moved: server 10.1.0.3/32 { edns no; transfers 2; }; (it stands with the forwarders that it is about)
# Not converted: transfers 2; (no zone is transferred from or to this server yet)

[[forward]]
name = "a.example"  # a
# its own
forwarders = [{ address = "10.1.0.3:5300", edns = false }]
max_ncache_ttl = "10s"

# local
[[zone]]
name = "p"
file = "p.db"  # file

[[zone.grant]]
key = "deploy"
match = "name"
names = ["a.p"]
types = ["A", "TXT"]

# denied
[[zone.grant]]
deny = true
key = "*"
match = "wildcard"
names = ["*.p"]
types = ["ANY"]

# Not converted: a rule of the update-policy that nothing can match

# Not converted: zone "." { type hint; file "root.hints"; }; (no root server is ever asked)

# end
"#;

#[test]
fn it_is_as_a_person_would_write_it() {
    let toml = converted(WRITTEN, &NoFiles);
    assert_eq!(toml, CONVERTED);
}

#[test]
fn views_say_what_differs_from_the_options() {
    let text = "controls { };\n\
        options { forwarders { 10.1.0.2; }; max-ncache-ttl 60; allow-query { 10/8; }; };\n\
        view a { match-clients { 10/8; }; recursion no; // closed\n zone x { type forward; forwarders { }; }; };\n\
        view b { key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; }; server 10.1.0.2 { tcp-only yes; };\n\
        zone \".\" { type hint; file \"h\"; }; zone p { type primary; file \"p\"; allow-update { key k; 10/8; }; }; };\n";
    let expected = r#"[options]
forwarders = ["10.1.0.2"]
max_ncache_ttl = "1m"
allow_query = ["10.0.0.0/8"]

[[key]]
name = "k"
view = "b"
algorithm = "hmac-sha256"
secret = "c2VjcmV0"

[[view]]
name = "a"
match_clients = ["10.0.0.0/8"]
recursion = false  # closed

[[view.forward]]
name = "x"
forwarders = []

[[view]]
name = "b"
# Moved: server 10.1.0.2/32 { tcp-only yes; }; (it stands with the forwarders that it is about)
forwarders = [{ address = "10.1.0.2", tcp_only = true }]

# Not converted: zone "." { type hint; file "h"; }; (no root server is ever asked)

[[view.zone]]
name = "p"
file = "p"

[[view.zone.grant]]
key = "k"
types = ["ANY"]

[[view.zone.grant]]
clients = ["10.0.0.0/8"]
types = ["ANY"]
"#;
    assert_eq!(converted(text, &NoFiles), expected);
}

#[test]
fn what_named_does_unasked_is_written() {
    let expected = r#"[options]
forwarders = ["10.1.0.2"]

# What named takes commands at where 'controls' is not written, with the key of rndc's key file.
[[control]]
address = "127.0.0.1"
allow = ["any"]

[[control]]
address = "::1"
allow = ["any"]
"#;
    assert_eq!(converted("options { forwarders { 10.1.0.2; }; };", &NoFiles), expected);
}

#[test]
fn a_file_that_says_nothing_is_toml_all_the_same() {
    assert_eq!(converted("controls { };", &NoFiles), "[options]\n");
    assert_eq!(converted("controls { };\n# a\n", &NoFiles), "[options]\n\n# a\n");
}

#[test]
fn what_cannot_be_said_is_an_error_at_its_statement() {
    for (text, expected) in [
        (
            "options {\nforwardrs { 10.1.0.2; };\n};",
            "x.conf:2: unknown option 'forwardrs' (did you mean 'forwarders'?)",
        ),
        (
            "options { forwarders { 10.1.0.2; }; };\nacl \"a:b\" { any; };",
            "x.conf:2: in TOML this cannot be said: 'a:b' cannot be the name of an acl",
        ),
    ] {
        let found = Document::read(text, "x.conf", &NoFiles).to_toml(&NoFiles).expect_err(text);
        assert_eq!(found[0].to_string(), expected);
    }
}

#[test]
fn an_included_file_stands_in_its_place_with_its_name() {
    let directory = tempfile::tempdir().expect("a directory of the test");
    let files = Below(directory.path().to_owned());
    for (name, text) in [("ttl", "// fast\nmax-ncache-ttl 10;\n"), ("acl", "acl a { any; }; // of acl\n# end of acl\n")]
    {
        fs::write(directory.path().join(name), text).expect("the test's directory is writable");
    }
    let text =
        "options { forwarders { 10.1.0.2; };\ninclude \"ttl\";\nrecursion yes; };\ncontrols { };\ninclude \"acl\";\n";
    let expected = "[options]\nforwarders = [\"10.1.0.2\"]\n# From \"ttl\":\n# fast\nmax_ncache_ttl = \"10s\"\n\
        # From \"x.conf\":\nrecursion = true\n\n# From \"acl\":\n[acl]\na = [\"any\"]  # of acl\n\n# end of acl\n";
    assert_eq!(converted(text, &files), expected);
}
