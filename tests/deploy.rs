//! What is in `deploy/`: units that systemd finds right and tight, and putting Tandem in named's place in a scratch root.
//!
//! Not here: the server that the unit starts (`tests/named_process`). No service of this host is touched.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{Tandem, fresh_address, fresh_localhost_address, named_conf, program};
use tempfile::TempDir;

const UNITS: [&str; 2] = ["debian", "redhat"];

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn unit(layout: &str) -> String {
    fs::read_to_string(deploy("systemd").join(format!("named-{layout}.service"))).expect("it is there")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// `systemd-analyze ARGUMENTS` over a unit.
fn analyze(unit: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    // The programs where the unit looks for them: here.
    for name in ["named", "named-checkconf", "reload"] {
        symlink(env!("CARGO_BIN_EXE_tandem"), directory.path().join(name)).expect("a link can be made");
    }
    let unit = unit.replace("/usr/local/lib/tandem", &directory.path().to_string_lossy());
    let file = directory.path().join("named.service");
    fs::write(&file, unit).expect("a file can be written");
    let mut command = Command::new(program("systemd-analyze", "systemd"));
    command.args(arguments).arg(&file).output().expect("it can be started")
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    for layout in UNITS {
        let output = analyze(&unit(layout), &["verify", "--man=no"]);
        let said = text(&output.stderr) + &text(&output.stdout);
        let own: Vec<&str> = said.lines().filter(|line| line.contains("named.service")).collect();
        assert!(output.status.success() && own.is_empty(), "{layout}: {said}");
    }
    let broken = unit("debian").replace("ProtectSystem=strict", "ProtectSystem=stricter");
    let said = text(&analyze(&broken, &["verify", "--man=no"]).stderr);
    assert!(said.contains("named.service:"), "what is wrong would be seen: {said}");
}

#[test]
fn the_units_leave_at_most_2_0_of_exposure() {
    for layout in UNITS {
        let output = analyze(&unit(layout), &["security", "--offline=yes", "--no-pager"]);
        let said = text(&output.stdout);
        let level = said.split("exposure level for named.service: ").nth(1);
        let level = level.and_then(|rest| rest.split_whitespace().next()).and_then(|level| level.parse::<f64>().ok());
        assert!(level.is_some_and(|level| level <= 2.0), "{layout}: {said}");
    }
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    for script in ["replace-named", "host.sh", "build", "reload", "../tests/units/boot", "../tests/units/story"] {
        let output = Command::new(program("shellcheck", "shellcheck")).arg(deploy(script)).output();
        let output = output.expect("it can be started");
        assert!(output.status.success(), "{script}: {}", text(&output.stdout));
    }
}

#[test]
fn mandoc_finds_nothing_wrong_with_the_manual_pages() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let mut tandem = Command::new(env!("CARGO_BIN_EXE_tandem"));
    tandem.arg("man").arg(place.path()).env("SOURCE_DATE_EPOCH", "1793840767");
    let pages = text(&tandem.output().expect("it can be started").stdout);
    assert!(pages.lines().any(|page| page.ends_with("/rndc.8")), "{pages}");
    let lint = |page: &Path| {
        let mut mandoc = Command::new(program("mandoc", "mandoc"));
        let output = mandoc.args(["-T", "lint", "-W", "warning"]).arg(page).output().expect("it can be started");
        text(&output.stdout) + &text(&output.stderr)
    };
    for page in pages.lines() {
        assert_eq!(lint(Path::new(page)), "");
        let page = fs::read_to_string(page).expect("it was written");
        assert!(page.contains(" 8 2026-11-05 \"Tandem "), "{page}");
    }
    let broken = place.path().join("broken.8");
    fs::write(&broken, ".TH X 8\n.SH NAME\n").expect("a file can be written");
    assert!(lint(&broken).contains("WARNING"), "what is wrong would be seen");
}

/// A host's files, and a systemctl that notes what it is asked.
struct Host {
    directory: TempDir,
}

const CONF: &str = "options {\n directory \"/etc\";\n pid-file \"/srv/dns/pid\";\n forwarders { 10.0.0.2; };\n \
                    dnssec-lookaside auto;\n};\n";
const VENDOR: &str = "[Service]\nExecStart=/usr/sbin/named -f $OPTIONS\n";

impl Host {
    fn debian(options: &str) -> Host {
        let host = Host { directory: tempfile::tempdir().expect("a temporary directory can be made") };
        host.write("etc/bind/named.conf", CONF);
        host.write("etc/bind/rndc.key", "key \"rndc-key\" { };\n");
        host.write("etc/default/named", &format!("RESOLVCONF=no\nOPTIONS=\"{options}\"\n"));
        host.write("lib/systemd/system/named.service", VENDOR);
        host.systemctl("");
        host
    }

    fn redhat() -> Host {
        let host = Host { directory: tempfile::tempdir().expect("a temporary directory can be made") };
        host.write("etc/named.conf", CONF);
        host.write("etc/sysconfig/named", "# OPTIONS=\"-6\"\nOPTIONS='-4'\n");
        host.systemctl("");
        host
    }

    /// One that fails on this word.
    fn systemctl(&self, failing: &str) {
        let fails = if failing.is_empty() { String::new() } else { format!("[ \"$1\" != {failing} ]") };
        self.systemctl_that(&fails);
    }

    /// One that does this at this word, for the first time that it is asked.
    fn systemctl_once(&self, word: &str, does: &str) {
        self.systemctl_that(&format!("[ \"$1\" != {word} ] || [ -e \"$0.once\" ] || {{ : >\"$0.once\"; {does}; }}"));
    }

    fn systemctl_that(&self, line: &str) {
        let _ = fs::remove_file(self.path("systemctl.once"));
        self.write("systemctl", &format!("#!/bin/sh\necho \"$*\" >>'{}'\n{line}\n", self.path("asked").display()));
        fs::set_permissions(self.path("systemctl"), Permissions::from_mode(0o755)).expect("it is ours");
    }

    /// Another program than the one under test, which it becomes: what an upgrade would install.
    fn newer(&self) -> String {
        self.write("asked.newer", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_tandem")));
        fs::set_permissions(self.path("asked.newer"), Permissions::from_mode(0o755)).expect("it is ours");
        self.path("asked.newer").to_string_lossy().into_owned()
    }

    /// Whether what is installed is not the newer one.
    fn has_older(&self) -> bool {
        let length = |path: &Path| fs::metadata(path).map(|data| data.len()).ok();
        length(&self.path("usr/local/lib/tandem/tandem")) == length(Path::new(env!("CARGO_BIN_EXE_tandem")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory can be made");
        fs::write(path, text).expect("a file can be written");
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// Exit code and everything that was said.
    fn replace(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(deploy("replace-named"));
        command.arg("--root").arg(self.directory.path()).arg("--systemctl").arg(self.path("systemctl"));
        command.arg("--tandem").arg(env!("CARGO_BIN_EXE_tandem")).args(arguments);
        let output = command.output().expect("it can be started");
        (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
    }

    /// All files with their texts; the program's own is left out, for its length.
    fn files(&self) -> Vec<(PathBuf, String)> {
        fn walk(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
            for entry in fs::read_dir(directory).expect("it is readable").flatten() {
                let path = entry.path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, found);
                } else if path.file_stem().is_some_and(|name| name != "asked" && name != "systemctl") {
                    let text = if path.ends_with("tandem") {
                        String::new()
                    } else {
                        fs::read_to_string(&path).unwrap_or_default()
                    };
                    found.push((path, text));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.directory.path(), &mut found);
        found.sort();
        found
    }
}

const UNIT: &str = "etc/systemd/system/named.service";
const DROP_IN: &str = "etc/systemd/system/named.service.d/tandem-paths.conf";

#[test]
fn check_shows_what_would_change_and_changes_nothing() {
    let host = Host::debian("-u bind");
    let before = host.files();
    let (code, said) = host.replace(&["check"]);
    assert_eq!(code, 0, "{said}");
    for expected in [
        "ok     program: Tandem ",
        "/etc/bind/named.conf can be used",
        "'dnssec-lookaside' is ignored: ",
        "ok     options: '-u bind' from /etc/default/named",
        "ok     unit: /lib/systemd/system/named.service stays",
        "ok     key: /etc/bind/rndc.key",
        "note   directory: /srv/dns is not there",
        "change directory: /srv/dns may be written by a drop-in",
        "change unit: /etc/systemd/system/named.service from ",
        "a switch would work",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(host.files(), before);
    assert_eq!(host.text("asked"), "", "no service was touched");
}

#[test]
fn what_would_not_work_is_said_and_not_switched_to() {
    for (case, options, conf, expected) in [
        (
            "a refused statement",
            "-u bind",
            CONF.replace("dnssec", "rate-limit { responses-per-second 5; }; dnssec"),
            "'rate-limit' is refused",
        ),
        ("a wrong statement", "-u bind", CONF.replace("forwarders", "forwardrs"), "unknown option 'forwardrs'"),
        ("a wrong option", "-u bind -Z", CONF.to_owned(), "unknown option '-Z'"),
        ("another user", "-u dns", CONF.to_owned(), "-u dns, and the unit runs as bind"),
        ("another root", "-u bind -t /var/lib/named", CONF.to_owned(), "may not change its root"),
        ("no configuration", "-c /etc/bind/other.conf", CONF.to_owned(), "/etc/bind/other.conf is not there"),
    ] {
        let host = Host::debian(options);
        host.write("etc/bind/named.conf", &conf);
        let before = host.files();
        for command in ["check", "switch"] {
            let (code, said) = host.replace(&[command]);
            assert_eq!(code, 1, "{case}, {command}: {said}");
            assert!(said.contains("WRONG") && said.contains(expected), "{case}, {command}: {said}");
        }
        assert_eq!(host.files(), before, "{case}");
        assert_eq!(host.text("asked"), "", "{case}");
    }
}

#[test]
fn a_switch_and_the_way_back_leave_the_host_as_it_was() {
    for (layout, host) in [("debian", Host::debian("-u bind")), ("redhat", Host::redhat())] {
        let before = host.files();
        assert_eq!(host.replace(&["status"]).0, 3, "{layout}: named");
        for time in ["switched", "replaced anew"] {
            let (code, said) = host.replace(&["switch"]);
            assert!(code == 0 && said.contains(time), "{layout}: {said}");
            assert_eq!(host.text(UNIT), unit(layout), "{layout}");
            assert!(
                host.text(DROP_IN).contains("\nReadWritePaths=\"-/srv/dns\"\n"),
                "{layout}: {}",
                host.text(DROP_IN)
            );
            let version = Command::new(host.path("usr/local/lib/tandem/named")).arg("-v").output();
            assert!(text(&version.expect("it runs").stdout).starts_with("Tandem "), "{layout}");
            let checked = Command::new(host.path("usr/local/lib/tandem/named-checkconf")).arg("-v").output();
            assert!(checked.expect("it runs").status.success(), "{layout}");
            let reload = fs::metadata(host.path("usr/local/lib/tandem/reload")).expect("what ExecReload runs is there");
            assert_eq!(reload.permissions().mode() & 0o777, 0o755, "{layout}");
        }
        let (code, said) = host.replace(&["status"]);
        assert!(code == 0 && said.contains("Tandem is in named's place: Tandem "), "{layout}: {said}");
        let asked = "daemon-reload\nrestart named.service\nis-active --quiet named.service\n";
        assert_eq!(host.text("asked"), asked.repeat(2), "{layout}");

        let (code, said) = host.replace(&["back"]);
        assert_eq!(code, 0, "{layout}: {said}");
        assert_eq!(host.files(), before, "{layout}: everything as it was");
        assert_eq!(host.text("asked"), asked.repeat(3), "{layout}");
        let (code, said) = host.replace(&["back"]);
        assert!(code == 0 && said.contains("nothing to undo"), "{layout}: {said}");
        assert_eq!(host.text("asked"), asked.repeat(3), "{layout}: and nothing was done");
    }
}

#[test]
fn a_unit_of_the_operators_own_is_kept_and_comes_back() {
    let host = Host::debian("");
    host.write(UNIT, "[Service]\nExecStart=/opt/named\n");
    let (before, aside, edited) = (host.files(), format!("{UNIT}.before-tandem"), format!("{UNIT}.edited"));
    let (code, said) = host.replace(&["switch"]);
    assert!(code == 0 && said.contains("is kept as /etc/systemd/system/named.service.before-tandem"), "{said}");
    assert!(host.text(&aside).contains("/opt/named"));
    assert_eq!(host.replace(&["switch"]).0, 0, "an upgrade");
    assert!(!host.exists(&edited), "ours is nobody's own");
    assert_eq!(host.replace(&["back"]).0, 0);
    assert_eq!(host.files(), before);

    // Ours, changed by hand; then one that is not ours at all.
    assert_eq!(host.replace(&["switch"]).0, 0);
    let ours = host.text(UNIT).replace("ExecStart=", "ExecStart=/usr/bin/nice ");
    for (text, kept) in [(ours.as_str(), edited.clone()), ("[Service]\nExecStart=/opt/other\n", edited.clone())] {
        host.write(UNIT, text);
        let (code, said) = host.replace(&["switch"]);
        assert!(code == 0 && said.contains("is kept as /etc/systemd/system/named.service.edited"), "{said}");
        assert_eq!(host.text(&kept), text);
        assert_eq!(host.text(UNIT), unit("debian"));
        assert!(host.text(&aside).contains("/opt/named"), "what 'back' returns to stays");
    }
    host.write(UNIT, &ours);
    assert_eq!(host.replace(&["back"]).0, 0);
    assert_eq!(host.text(UNIT), "[Service]\nExecStart=/opt/named\n");
    assert!(!host.exists(&aside) && !host.exists("usr/local/lib/tandem"));
    // Every one of theirs is still there.
    for (name, text) in
        [(edited.clone(), "nice"), (format!("{edited}.~1~"), "nice"), (format!("{edited}.~2~"), "/opt/other")]
    {
        assert!(host.text(&name).contains(text), "{name}: {}", host.text(&name));
    }
}

#[test]
fn a_switch_that_fails_undoes_what_it_did() {
    for failing in ["daemon-reload", "restart", "is-active"] {
        let host = Host::debian("-u bind");
        let before = host.files();
        host.systemctl(failing);
        let (code, said) = host.replace(&["switch"]);
        assert!(code == 1 && said.contains("the switch failed, undoing it"), "{failing}: {said}");
        // systemctl fails while it is undone, too: that is said, and `back` finishes it.
        assert!(said.contains("named is in its place again, but not all went well"), "{failing}: {said}");
        assert!(!host.exists(UNIT) && !host.exists("usr/local/lib/tandem"), "{failing}: the files are gone already");
        host.systemctl("");
        let (code, said) = host.replace(&["back"]);
        assert_eq!(code, 0, "{failing}: {said}");
        assert_eq!(host.files(), before, "{failing}");
    }
    // A place that cannot be written: nothing is begun.
    let host = Host::debian("-u bind");
    host.write("etc/systemd/system/named.service.d", "a file where the drop-in's directory would be");
    let before = host.files();
    let (code, said) = host.replace(&["switch"]);
    assert!(code == 1 && said.contains("nothing was changed, named is in its place as before"), "{said}");
    assert_eq!(host.files(), before);
    assert_eq!(host.text("asked"), "", "the service was not touched");
}

#[test]
fn an_upgrade_that_fails_leaves_the_tandem_that_was_there() {
    let told = "daemon-reload\n";
    let restarted = "restart named.service\n";
    let seen = "is-active --quiet named.service\n";
    for (failing, asked) in [
        ("daemon-reload", [told, told].concat()),
        ("restart", [told, restarted, told, restarted, seen].concat()),
        ("is-active", [told, restarted, seen, told, restarted, seen].concat()),
    ] {
        let host = Host::debian("-u bind");
        assert_eq!(host.replace(&["switch"]).0, 0);
        let before = host.files();
        host.write("asked", "");
        host.systemctl_once(failing, "exit 1");
        host.write("etc/bind/named.conf", &CONF.replace("/srv/dns", "/srv/more"));
        let (code, said) = host.replace(&["--tandem", &host.newer(), "switch"]);
        host.write("etc/bind/named.conf", CONF);
        assert!(code == 1 && said.ends_with("Tandem is in named's place as before\n"), "{failing}: {said}");
        assert_eq!(host.files(), before, "{failing}");
        assert!(host.has_older(), "{failing}");
        assert_eq!(host.text("asked"), asked, "{failing}");
        assert_eq!(host.replace(&["status"]).0, 0, "{failing}");
        let (code, said) = host.replace(&["--tandem", &host.newer(), "switch"]);
        assert!(code == 0 && !host.has_older(), "{failing}, once more: {said}");
    }
}

#[test]
fn a_full_disk_begins_nothing() {
    let host = Host::debian("-u bind");
    for state in ["named is in its place", "Tandem is in named's place"] {
        host.write("asked", "");
        let before = host.files();
        // No file may become as long as the program is.
        let mut command = Command::new(program("prlimit", "util-linux"));
        command.args(["--fsize=1000000", "--"]).arg(deploy("replace-named")).arg("--root").arg(host.directory.path());
        command.arg("--systemctl").arg(host.path("systemctl")).arg("--tandem").arg(env!("CARGO_BIN_EXE_tandem"));
        let output = command.arg("switch").output().expect("it can be started");
        let said = text(&output.stdout) + &text(&output.stderr);
        let expected = format!("cannot copy: nothing was changed, {state} as before");
        assert!(output.status.code() == Some(1) && said.contains(&expected), "{said}");
        assert_eq!(host.files(), before, "{state}");
        assert_eq!(host.text("asked"), "", "{state}: the service was not touched");
        assert_eq!(host.replace(&["switch"]).0, 0);
    }
}

#[test]
fn a_switch_that_is_cut_off_is_undone_by_the_next_command() {
    for word in ["daemon-reload", "restart", "is-active"] {
        let host = Host::debian("-u bind");
        host.write(UNIT, "[Service]\nExecStart=/opt/named\n");
        let before = host.files();
        host.systemctl_once(word, "kill -9 $PPID");
        assert_eq!(host.replace(&["switch"]).0, -1, "{word}");
        let (code, said) = host.replace(&["status"]);
        assert!(code == 3 && said.contains("a switch was cut off"), "{word}: {said}");
        let (code, said) = host.replace(&["back"]);
        assert!(code == 0 && said.contains("nothing to undo"), "{word}: {said}");
        assert_eq!(host.files(), before, "{word}");

        assert_eq!(host.replace(&["switch"]).0, 0, "{word}");
        let switched = host.files();
        host.systemctl_once(word, "kill -9 $PPID");
        assert_eq!(host.replace(&["--tandem", &host.newer(), "switch"]).0, -1, "{word}");
        assert!(!host.has_older(), "{word}: half-way");
        let (code, said) = host.replace(&["switch"]);
        assert!(code == 0 && said.contains("replaced anew") && host.has_older(), "{word}: {said}");
        assert_eq!(host.files(), switched, "{word}");
        assert_eq!(host.replace(&["back"]).0, 0, "{word}");
        assert_eq!(host.files(), before, "{word}: the operator's own, too");
    }
}

#[test]
fn directories_may_be_written_whatever_is_in_their_names() {
    let host = Host::debian("-u bind");
    let conf = "options { directory \"/etc\"; forwarders { 10.0.0.2; }; dump-file \"/srv/my logs/../100%n/dump\";\n\
                statistics-file \"/srv/a \\\"b\\\"  c$(touch x)'/stats\"; pid-file \"/srv/x/../../run/named/pid\"; };\n";
    host.write("etc/bind/named.conf", conf);
    let (code, said) = host.replace(&["switch"]);
    assert_eq!(code, 0, "{said}");
    let expected = "[Service]\nReadWritePaths=\"-/etc\"\nReadWritePaths=\"-/srv/100%%n\"\n\
                    ReadWritePaths=\"-/srv/a \\\"b\\\"  c$(touch x)'\"\n";
    assert!(host.text(DROP_IN).ends_with(expected), "{}", host.text(DROP_IN));
    let unit = host.text(UNIT).replace("=/usr/local", &format!("={}/usr/local", host.directory.path().display()));
    host.write(UNIT, &unit);
    let mut command = Command::new(program("systemd-analyze", "systemd"));
    let output = command.args(["verify", "--man=no"]).arg(host.path(UNIT)).output().expect("it can be started");
    let said = text(&output.stderr);
    assert!(output.status.success() && !said.contains("tandem-paths"), "{said}");
    host.write(DROP_IN, "[Service]\nReadWritePaths=-/srv/my logs\n");
    let output = command.output().expect("it can be started");
    assert!(text(&output.stderr).contains("tandem-paths"), "what is wrong would be seen: {output:?}");
}

/// The directories that `check` of this named.conf says a drop-in would have. Zones' files need not be there.
fn may_be_written(options: &str, conf: &str) -> Vec<String> {
    let host = Host::debian(options);
    host.write("etc/bind/named.conf", conf);
    let (_, said) = host.replace(&["check"]);
    let change = |line: &str| {
        let line = line.strip_prefix("change directory: ")?;
        line.strip_suffix(" may be written by a drop-in, /etc/systemd/system/named.service.d/tandem-paths.conf")
            .map(str::to_owned)
    };
    said.lines().filter_map(change).collect()
}

#[test]
fn directories_of_zones_that_take_updates_may_be_written_whoever_allows_them() {
    let key = "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n";
    let zone = |name: &str, more: &str| {
        format!("zone {name} {{ type master; file \"/srv/{name}/db\"; allow-query {{ any; }}; {more} }};\n")
    };
    let none = zone("none", "allow-update { none; };") + &zone("empty", "allow-update { };");
    let others = "zone f { type forward; forwarders { 10.0.0.3; }; };\n\
                  zone \".\" { type hint; file \"/srv/hint/db\"; };\n";
    for (case, of_options, text, expected) in [
        ("nobody", "", zone("plain", "") + &none, &[][..]),
        ("nobody, and it is said", "allow-update { none; };", zone("plain", ""), &[]),
        (
            "the zone, behind another list",
            "",
            zone("own", "allow-update { key k; };") + &zone("plain", ""),
            &["/srv/own"],
        ),
        ("its policy", "", zone("own", "update-policy { grant k zonesub any; };"), &["/srv/own"]),
        (
            "options",
            "allow-update { 127.0.0.1; };",
            zone("a", "") + others + &none + &zone("b", ""),
            &["/srv/a", "/srv/b"],
        ),
        (
            "a journal elsewhere",
            "allow-update { key k; };",
            zone("a", "journal \"/srv/journal/a\";"),
            &["/srv/journal"],
        ),
        ("a list in a list", "allow-update { !10.1.1.1; { key k; }; };", zone("a", ""), &["/srv/a"]),
        (
            "a view, and not the one before",
            "",
            format!(
                "view x {{ match-clients {{ 10.0.0.0/8; }}; {} }};\nview y {{ {} {} allow-update {{ key k; }}; }};\n",
                zone("x", ""),
                zone("y", ""),
                none
            ),
            &["/srv/y"],
        ),
        (
            "options, and one view not",
            "allow-update { key k; };",
            format!(
                "view x {{ match-clients {{ 10.0.0.0/8; }}; allow-update {{ none; }}; {} {} }};\n\
                 view y {{ {} {others} }};\n",
                zone("x", ""),
                zone("own", "allow-update { key k; };"),
                zone("y", "")
            ),
            &["/srv/own", "/srv/y"],
        ),
    ] {
        // Options behind the zones count as those before them.
        let options = format!("options {{ directory \"/etc\"; forwarders {{ 10.0.0.2; }}; {of_options} }};\n");
        for conf in [[key, &options, &text].concat(), [key, &text, &options].concat()] {
            let found = may_be_written("-u bind", &conf);
            let found: Vec<_> = found.iter().filter(|path| *path != "/etc").collect();
            assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{case}: {conf}");
        }
    }
}

#[test]
fn the_working_directory_may_be_written_where_a_file_is_made_in_it() {
    let elsewhere = "dump-file \"/run/named/d\"; statistics-file \"/run/named/s\"; recursing-file \"/run/named/r\";";
    let quiet = "logging { category default { null; }; };";
    let conf = |options: &str, more: &str| {
        format!("options {{ {options} pid-file none; forwarders {{ 10.0.0.2; }}; }};\n{more}\n")
    };
    for (case, of_options, of_logging, expected) in [
        ("what is written nowhere", "", "", true),
        ("named.run alone", elsewhere, "", true),
        ("nothing", elsewhere, quiet, false),
        ("a default of three", &elsewhere[elsewhere.find(';').expect("a file") + 1..], quiet, true),
        (
            "its channel, by name",
            elsewhere,
            "logging { category default { null; }; category xfer-in { default_debug; }; };",
            true,
        ),
        (
            "its channel, elsewhere",
            elsewhere,
            "logging { channel default_debug { file \"/run/named/run\"; }; };",
            false,
        ),
    ] {
        let found = may_be_written("-u bind", &conf(&format!("directory \"/etc\"; {of_options}"), of_logging));
        assert_eq!(found == ["/etc"], expected, "{case}: {found:?}");
        assert!(expected || found.is_empty(), "{case}: {found:?}");
    }
    // What the arguments name, from where the service starts; and the root is never all of it.
    let found = may_be_written("-u bind -L srv/log/l -X /srv/lock/l", &conf(elsewhere, quiet));
    assert_eq!(found, ["/srv/lock", "/srv/log"]);
    assert_eq!(may_be_written("-u bind", &conf("", "")), [""; 0]);
    let host = Host::debian("-u bind");
    host.write("etc/bind/named.conf", &conf("", ""));
    let (code, said) = host.replace(&["check"]);
    assert!(code == 0 && said.contains("note   directory: / is where '/named.run' would be made"), "{said}");
}

#[test]
fn another_root_without_a_systemctl_touches_no_service() {
    let host = Host::debian("-u bind");
    let mut command = Command::new(deploy("replace-named"));
    command.arg("--root").arg(host.directory.path()).arg("--tandem").arg(env!("CARGO_BIN_EXE_tandem")).arg("switch");
    // One that would be found, were it looked for.
    let path = format!("{}:{}", host.directory.path().display(), std::env::var("PATH").expect("a path"));
    let output = command.env("PATH", path).output().expect("it can be started");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(host.text("asked"), "");
}

#[test]
fn what_bites_only_after_the_switch_is_a_note_of_its_own() {
    let host = Host::debian("-u bind");
    // At one path, be it looked for below the root, which only root can, or from here.
    let zones = host.path("zones");
    for place in [PathBuf::from("zones"), host.path("zones").strip_prefix("/").expect("it is absolute").join("")] {
        let local = place.join("local").to_string_lossy().into_owned();
        host.write(&local, "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 127.0.0.1\n");
        host.write(&format!("{local}.jnl"), ";BIND LOG V9\n");
    }
    let conf = "options {\n directory \"ZONES\";\n recursing-file \"/srv/rec/r\";\n dump-file \"/tmp/dump.db\";\n \
                allow-transfer { 10.0.0.5; };\n};\n\
         zone localhost { type master; file \"local\"; };\nzone corp { type master; file \"local\"; };\n\
         zone \".\" { type hint; file \"/usr/share/dns/root.hints\"; };\n";
    host.write("etc/bind/named.conf", &conf.replace("ZONES", &zones.to_string_lossy()));
    let (code, said) = host.replace(&["check"]);
    assert_eq!(code, 0, "{said}");
    for expected in [
        "note   NOBODY TO ASK: clients get REFUSED",
        "no forwarders: nothing outside local data can be answered until 'forwarders' is set",
        "note   updates: ",
        "note   LOST LATER: ",
        "secondaries of 'corp': 10.0.0.5 cannot transfer it any more",
        "note   LOST LATER: corp: its secondaries answer for 4 s more",
        "local.jnl', which are not in force here",
        "change directory: /srv/rec may be written by a drop-in",
        "note   directory: /tmp/dump.db: the unit has no /tmp, or one of its own",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("/tmp may be written"), "{said}");

    host.write("etc/systemd/system/multi-user.target.wants/named-chroot.service", VENDOR);
    let (code, said) = host.replace(&["check"]);
    assert!(code == 1 && said.contains("WRONG  unit: named-chroot.service is enabled"), "{said}");
}

/// `check` of a host whose /etc is this one's, and which has these addresses.
fn check_here(host: &Host) -> (i32, String) {
    // Where awk is one of several, a link says which.
    if let (Ok(awk), false) = (fs::read_link("/etc/alternatives/awk"), host.exists("etc/alternatives/awk")) {
        fs::create_dir_all(host.path("etc/alternatives")).expect("a directory can be made");
        symlink(awk, host.path("etc/alternatives/awk")).expect("a link can be made");
    }
    let mut command = Command::new(program("unshare", "util-linux"));
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", "mount --bind \"$1\" /etc && shift && exec \"$@\"", "sh"]);
    command.arg(host.path("etc")).arg(deploy("replace-named")).arg("--systemctl").arg(host.path("systemctl"));
    let output = command.arg("--tandem").arg(env!("CARGO_BIN_EXE_tandem")).arg("check").output();
    let output = output.expect("it can be started");
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn what_would_not_start_on_this_host_is_wrong() {
    let host = Host::debian("-u bind");
    host.systemctl("is-active");
    let conf = "options { directory \"/etc\"; listen-on { 127.0.0.1; }; listen-on-v6 { none; }; forwarders { FORWARDER; }; };\n";
    host.write("etc/bind/named.conf", &conf.replace("FORWARDER", "10.0.0.2"));
    let (code, said) = check_here(&host);
    assert!(code == 0 && said.contains("a switch would work"), "{said}");
    host.write("etc/bind/named.conf", &conf.replace("FORWARDER", "127.0.0.1"));
    let (code, said) = check_here(&host);
    assert!(
        code == 1 && said.contains("WRONG  start: forwarder 127.0.0.1 port 53 is this server's own address"),
        "{said}"
    );
    host.write("etc/bind/named.conf", &conf.replace("FORWARDER", "10.0.0.2"));
    host.systemctl("");
    let (code, said) = check_here(&host);
    assert!(code == 1 && said.contains("WRONG  unit: named-chroot.service runs"), "{said}");
    host.systemctl("is-active");
    host.write("etc/bind/named.conf", &CONF.replace("/etc", "/nonexistent"));
    for (code, said) in [check_here(&host), host.replace(&["check"])] {
        assert!(code == 1 && said.contains("change directory to '/nonexistent' failed: file not found"), "{said}");
    }
}

/// A directory as `switch` makes it, with an rndc that finds this channel by this key.
fn programs(place: &Path, rndc: &str) {
    let tandem = env!("CARGO_BIN_EXE_tandem");
    symlink(tandem, place.join("named-checkconf")).expect("a link can be made");
    fs::copy(deploy("reload"), place.join("reload")).expect("it can be copied");
    fs::write(place.join("rndc"), format!("#!/bin/sh\n{rndc}\n")).expect("a file can be written");
    for name in ["rndc", "reload"] {
        fs::set_permissions(place.join(name), Permissions::from_mode(0o755)).expect("it is ours");
    }
}

#[test]
fn a_reload_that_fails_fails_for_systemctl_with_a_key_and_without() {
    for has_key in [true, false] {
        let (address, control) = (fresh_address(), fresh_localhost_address());
        let controls = match has_key {
            true => format!(
                "key k {{ algorithm hmac-sha256; secret \"c2VjcmV0\"; }};\n\
                 controls {{ inet {} port {} allow {{ any; }} keys {{ k; }}; }};\n",
                control.ip(),
                control.port()
            ),
            false => "controls { };\n".to_owned(),
        };
        let right = named_conf(address, fresh_address(), "") + &controls;
        let server = Tandem::start(address, &right);
        server.write("key", "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n");
        let place = server.path("programs");
        fs::create_dir(&place).expect("a directory can be made");
        let rndc = format!(
            "exec '{}' rndc -k '{}' -s {} -p {} \"$@\"",
            env!("CARGO_BIN_EXE_tandem"),
            server.path("key").display(),
            control.ip(),
            control.port()
        );
        programs(&place, &rndc);
        let reload = || {
            let mut command = Command::new(place.join("reload"));
            command.env("MAINPID", server.pid().to_string());
            command.env("OPTIONS", format!("-4 -c {}", server.path("tandem.conf").display()));
            let output = command.output().expect("it can be started");
            (output.status.code(), text(&output.stdout) + &text(&output.stderr))
        };
        let (code, said) = reload();
        assert!(code == Some(0) && server.reloads(1), "{has_key}: {said}\n{}", server.said());
        server.rewrite(&right.replace("forwarders", "forwardrs"));
        let (code, said) = reload();
        assert!(code == Some(1) && said.contains("unknown option 'forwardrs'"), "{has_key}: {said}");
        server.rewrite(&right);
        let (code, said) = reload();
        assert!(code == Some(0) && server.reloads(2), "{has_key}: {said}\n{}", server.said());
    }
}
