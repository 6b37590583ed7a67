//! Loading the configurations that are shipped in `conf/`, and checking them with the program itself.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tandem::config::{self, Config, Forwarder, Identity};
use tandem::logging::{Category, Destination, Versions};

fn conf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf")
}

/// A shipped configuration has no error and no warning.
fn load(path: &Path) -> Config {
    let loaded = config::load(path).unwrap_or_else(|faults| panic!("{}: {faults:#?}", path.display()));
    assert_eq!(loaded.warnings, [], "{}", path.display());
    loaded.config
}

fn check(file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem")).arg("check").arg(file).output().expect("the program was built")
}

#[test]
fn tandem_toml_is_a_forwarder_between_intranet_and_vpc() {
    let config = load(&conf().join("tandem.toml"));
    let resolver = [Forwarder::new(SocketAddr::new(IpAddr::from([10, 1, 0, 2]), 53))];
    assert_eq!(config.directory.as_deref(), Some(Path::new("/var/named")));
    assert_eq!(config.version, Identity::Text("not currently available".to_owned()));
    let [view] = &config.views[..] else { panic!("one view expected") };
    assert_eq!(view.access.query.to_string(), "{ goodclients; }");
    assert_eq!(view.access.query_cache, view.access.query);
    assert_eq!(view.access.recursion, view.access.query);
    assert_eq!(view.forward.forwarders, resolver);
    let rules: Vec<_> = view.rules.iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(rules, ["us-east-1.compute.internal", "awslab.mycompany.corp"]);
    for rule in &view.rules {
        assert_eq!(rule.settings.forwarders, resolver, "{}", rule.name);
        assert_eq!(rule.settings.ttl.max_ncache, Duration::from_secs(10), "{}", rule.name);
    }
    let Destination::File(file) = &config.logging.channels["simple_log"].destination else { panic!("a file expected") };
    assert_eq!((file.versions, file.size), (Some(Versions::Count(3)), Some(5 << 20)));
    assert_eq!(config.logging.categories[&Category::Client], ["simple_log"]);
}

#[test]
fn tandem_toml_says_what_named_conf_says_but_for_the_negative_ttl_of_its_zones() {
    let named = load(&conf().join("named.conf")).without_positions();
    let mut toml = load(&conf().join("tandem.toml")).without_positions();
    // What named does unasked, TOML does where it is written.
    assert_eq!((toml.controls.len(), named.controls.len()), (0, 2));
    toml.controls.clone_from(&named.controls);
    for rule in &mut toml.views[0].rules {
        rule.settings.ttl.max_ncache = named.views[0].forward.ttl.max_ncache;
    }
    assert_eq!(toml, named);
}

#[test]
fn every_shipped_configuration_loads_without_a_warning() {
    let mut count = 0;
    for entry in fs::read_dir(conf()).expect("conf/ is there") {
        let path = entry.expect("conf/ is readable").path();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "conf") {
            load(&path);
            count += 1;
        }
    }
    assert!(count > 0);
}

/// The fenced blocks in this language of README.md and the pages behind it.
fn blocks_of_pages(language: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).expect("docs/ is there").map(|entry| entry.expect("readable").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let opening = format!("```{language}\n");
    let mut blocks = Vec::new();
    for page in pages.chain([root.join("README.md")]) {
        let text = fs::read_to_string(page).expect("a page can be read");
        blocks.extend(text.split(&opening).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned));
    }
    blocks
}

#[test]
fn every_block_in_the_pages_loads_without_a_warning() {
    let directory = tempfile::tempdir().expect("a directory of the test");
    for (language, least) in [("conf", 1), ("toml", 2)] {
        let blocks = blocks_of_pages(language);
        assert!(blocks.len() >= least, "the pages show {language}: {blocks:?}");
        for block in blocks {
            let file = directory.path().join(format!("page.{language}"));
            fs::write(&file, block).expect("the test's directory is writable");
            load(&file);
        }
    }
}

/// What is linked from a page is there.
#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for directory in [root.to_owned(), root.join("docs"), root.join("docs/bench"), root.join("deploy")] {
        for entry in fs::read_dir(&directory).expect("it is there") {
            let page = entry.expect("readable").path();
            if page.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&page).expect("a page can be read");
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let (file, section) = link.split_once('#').unwrap_or((link, ""));
                if file.contains("://") {
                    continue;
                }
                count += 1;
                let target = if file.is_empty() { page.clone() } else { directory.join(file) };
                assert!(target.exists(), "{}: nothing is at {link}", page.display());
                let sections = fs::read_to_string(&target).unwrap_or_default();
                let is_there = |line: &str| line.starts_with('#') && anchor(line) == section;
                assert!(section.is_empty() || sections.lines().any(is_there), "{}: no section {link}", page.display());
            }
        }
    }
    assert!(count > 20, "{count}");
}

/// How a heading is linked to.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn check_prints_all_faults_to_standard_output_and_exits_1() {
    let directory = tempfile::tempdir().expect("a directory of the test");
    let file = directory.path().join("x.toml");
    for (case, text, code, lines) in [
        ("a good file", "[options]\nforwarders = ['10.1.0.2']", 0, vec!["F: ok, 1 view, 0 forward zones, 1 upstream"]),
        (
            "a warning",
            "[options]\nport = 53",
            0,
            vec![
                "warning: no forwarders: nothing outside local data can be answered until 'forwarders' is set",
                "F: ok, 1 view, 0 forward zones, 0 upstreams",
            ],
        ),
        (
            "a directory that this host has not",
            "[options]\nforwarders = ['10.1.0.2']\ndirectory = '/no/where'",
            1,
            vec![
                "'serve' would not start on this host: cannot change to directory '/no/where': No such file or \
                 directory (os error 2) (create it, let the server's user enter it, or correct 'directory')",
            ],
        ),
        (
            "a log's directory that this host has not",
            "[options]\nforwarders = ['10.1.0.2']\n[logging.channel.simple]\nfile = '/no/where/x.log'",
            0,
            vec![
                "warning: channel 'simple': its messages would be lost on this host: '/no/where': No such file or directory \
                 (os error 2) (create it, and let the server's user write it)",
                "F: ok, 1 view, 0 forward zones, 1 upstream",
            ],
        ),
        (
            "no place for what must survive a restart, which has the control socket in it",
            "[options]\nforwarders = ['10.1.0.2']\nstate_directory = '/no/where/state'",
            1,
            vec![
                "'serve' would not start on this host: cannot use state_directory '/no/where/state': No such file or \
                 directory (os error 2) (the directory above it does not exist: create it)",
            ],
        ),
        (
            "no place for the control socket",
            "[options]\nforwarders = ['10.1.0.2']\ncontrol_socket = '/no/where/control'",
            1,
            vec![
                "'serve' would not start on this host: cannot make control_socket '/no/where/control': No such file \
                 or directory (os error 2) (create its directory)",
            ],
        ),
        (
            "itself as forwarder",
            "[options]\nforwarders = ['127.0.0.1:5300']\nlisten = ['127.0.0.1:5300']",
            1,
            vec![
                "'serve' would not start on this host: forwarder 127.0.0.1 port 5300 is this server's own address \
                 (it would ask itself for ever: name the resolver behind it)",
            ],
        ),
        (
            "two errors",
            "[options]\nforwarder = ['10.1.0.2']\nallow_query = ['10.0.0.1/8']",
            1,
            vec![
                "F:2: unknown option 'forwarder' in [options] (did you mean 'forwarders'?)",
                "F:3: allow_query: '10.0.0.1/8': address/prefix length mismatch '8' (the network is 10.0.0.0/8)",
            ],
        ),
    ] {
        fs::write(&file, text).expect("the test's directory is writable");
        let output = check(&file);
        let printed = String::from_utf8(output.stdout).expect("the output is UTF-8");
        let printed = printed.replace(file.to_str().expect("the path is UTF-8"), "F");
        assert_eq!(printed.lines().collect::<Vec<_>>(), lines, "{case}");
        assert_eq!(output.status.code(), Some(code), "{case}");
    }
    assert_eq!(check(&directory.path().join("nosuch")).status.code(), Some(1));
    // It is for a host that has its directories: what is told of it, if anything, is of this one.
    let shipped = check(&conf().join("tandem.toml"));
    let told = String::from_utf8(shipped.stdout).expect("the output is UTF-8");
    let is_of_host = |line: &str| line.contains(" on this host") || line.contains("tandem.toml: ok, ");
    assert!(told.lines().all(is_of_host), "{told}");
    assert_eq!(shipped.status.success(), !told.contains("would not start"), "{told}");
}
