//! Programs that read named's statistics, each before named and before Tandem: the same series, the same numbers.
//!
//! They are packages of Debian alone, so this is no part of `cargo test`: there `tests/run` installs them and runs it.

mod common;
#[path = "statistics/pair.rs"]
mod pair;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use common::packet::Question;
use common::{Process, fresh_localhost_address, program, wait_until};
use pair::{Excuses, PATIENCE, Pair, by_tcp, by_udp, get, request};

/// What a program tells: by series.
type Told = BTreeMap<String, String>;

fn ask_both(pair: &Pair) {
    pair.ask(|server| {
        for (name, rtype) in [
            ("a.local.example", "A"),
            ("nx.local.example", "A"),
            ("a.local.example", "MX"),
            ("a.up.example", "A"),
            ("a.up.example", "A"),
            ("nx.up.example", "A"),
            ("bad.up.example", "A"),
        ] {
            by_udp(server, &Question::new(name, rtype).octets());
        }
        by_tcp(server, &Question::new("b.up.example", "A").edns(1232, false, b"").octets());
    });
}

/// Asserts that two programs tell the same, but for what is excused: series that named's has alone, and numbers.
fn same(theirs: &Told, ours: &Told, series: &[(&'static str, &str)], numbers: &[(&'static str, &str)]) {
    let mut missing = Excuses::new(series.iter().map(|(part, _)| *part));
    let mut different = Excuses::new(numbers.iter().map(|(part, _)| *part));
    let more: Vec<_> = ours.keys().filter(|series| !theirs.contains_key(*series)).collect();
    assert!(more.is_empty(), "ours alone: {more:#?}");
    for (series, theirs) in theirs {
        match ours.get(series) {
            None => assert!(missing.excuse(series), "{series} is missing (named: {theirs})"),
            Some(ours) => assert!(theirs == ours || different.excuse(series), "{series}: named {theirs}, here {ours}"),
        }
    }
    assert_eq!(missing.unused(), [""; 0], "these are not missing");
}

/// The series that bind_exporter makes of a server's statistics.
fn exported(statistics: SocketAddr) -> Told {
    let listen = fresh_localhost_address();
    let child = Command::new(program("prometheus-bind-exporter", "prometheus-bind-exporter"))
        .arg(format!("--bind.stats-url=http://{statistics}/"))
        .args(["--bind.stats-groups=server,view,tasks", "--bind.pid-file="])
        .arg(format!("--web.listen-address={listen}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be started");
    let _running = Process::new(child);
    assert!(wait_until(PATIENCE, || std::net::TcpStream::connect(listen).is_ok()), "it listens");
    // In one piece.
    let (status, text) = request(listen, "GET /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(status, 200);
    let lines = text.lines().filter(|line| line.starts_with("bind_"));
    lines.filter_map(|line| line.rsplit_once(' ')).map(|(series, value)| (series.into(), value.into())).collect()
}

#[test]
fn bind_exporter_has_the_same_series() {
    let pair = Pair::start();
    ask_both(&pair);
    let (theirs, ours) = (exported(pair.named.1), exported(pair.tandem.1));
    assert_eq!(ours["bind_up"], "1");
    same(
        &theirs,
        &ours,
        &[
            ("view=\"_bind\"", "names of class CH are answered without a view of their own"),
            ("bind_resolver_response_mismatch_total", "told in the log, by upstream"),
        ],
        &[
            ("bind_boot_time_seconds", "each began at its time"),
            ("bind_config_time_seconds", "likewise"),
            ("bind_worker_threads", "named 9.18 does not tell them"),
            ("bind_resolver_query_duration_seconds", "what it took"),
            ("bind_resolver_cache_rrsets", "NXDOMAIN is one entry for all types of a name"),
        ],
    );
    let exporter_reads = |version: &str| get(pair.tandem.1, version).0;
    assert_eq!([exporter_reads("/xml/v3/server"), exporter_reads("/xml/v3/zones")], [200, 200]);
}

/// What collectd's plugin makes of a server's statistics.
fn collected(statistics: SocketAddr, directory: &Path) -> Told {
    let at = directory.display();
    let conf = format!(
        "Hostname \"x\"\nFQDNLookup false\nBaseDir \"{at}\"\nPIDFile \"{at}/pid\"\nInterval 1\n\
         PluginDir \"/usr/lib/collectd\"\nTypesDB \"/usr/share/collectd/types.db\"\n\
         LoadPlugin csv\n<Plugin csv>\n DataDir \"{at}/csv\"\n StoreRates false\n</Plugin>\n\
         LoadPlugin bind\n<Plugin bind>\n URL \"http://{statistics}/\"\n OpCodes true\n QTypes true\n ServerStats true\n \
         ZoneMaintStats true\n ResolverStats true\n MemoryStats true\n <View \"_default\">\n  QTypes true\n  \
         ResolverStats true\n  CacheRRSets true\n  Zone \"local.example/IN\"\n </View>\n</Plugin>\n"
    );
    let file = directory.join("collectd.conf");
    fs::write(&file, conf).expect("a file of the test");
    let mut command = Command::new(program("collectd", "collectd-core"));
    let command = command.args(["-f", "-C"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    let _running = Process::new(command.spawn().expect("it can be started"));
    let csv = directory.join("csv/x");
    // The last of them is told of after all others.
    let is_told = |name: &str| fs::read_dir(csv.join(name)).is_ok_and(|mut files| files.next().is_some());
    let all = ["bind-_default-zone-local_example_IN", "bind-global-memory_stats", "bind-global-server_stats"];
    assert!(wait_until(6 * PATIENCE, || all.iter().all(|name| is_told(name))), "it tells what it reads");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let mut told = Told::new();
    for group in fs::read_dir(&csv).expect("it is there").flatten() {
        for file in fs::read_dir(group.path()).into_iter().flatten().flatten() {
            // Behind the name stands the day.
            let name = file.file_name().to_string_lossy().into_owned();
            let name = name.get(..name.len().saturating_sub(11)).unwrap_or_default().to_owned();
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let value = text.lines().last().and_then(|line| line.split(',').nth(1)).unwrap_or_default();
            told.insert(format!("{}/{name}", group.file_name().to_string_lossy()), value.to_owned());
        }
    }
    told
}

#[test]
fn collectd_has_the_same_series() {
    let pair = Pair::start();
    ask_both(&pair);
    // It writes to no directory whose name begins with a dot.
    let directory = || tempfile::Builder::new().prefix("tandem").tempdir();
    let directories = [(); 2].map(|()| directory().expect("a temporary directory can be made"));
    let theirs = collected(pair.named.1, directories[0].path());
    let ours = collected(pair.tandem.1, directories[1].path());
    same(
        &theirs,
        &ours,
        &[
            ("dns_response-mismatch", "told in the log, by upstream"),
            ("dns_request-SIG0", "SIG(0) is not looked at"),
            ("memory-ContextSize", "the allocator is the system's"),
            ("memory-Lost", "the allocator is the system's"),
        ],
        &[("memory_stats/", "each has its own"), ("cache_rr_sets/", "likewise")],
    );
}
