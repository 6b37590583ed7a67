//! Running NSD as an authoritative upstream with zones given as text.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::packet::{Question, exchange_udp};
use super::{Process, fresh_address, program, wait_until};

/// A running NSD.
pub(crate) struct Nsd {
    process: Process,
    directory: TempDir,
    address: SocketAddr,
}

impl Nsd {
    /// Serves `zones` (name and master file text, each with its SOA) on an address of its own.
    pub(crate) fn start(zones: &[(&str, &str)]) -> Nsd {
        Nsd::start_at(fresh_address(), zones)
    }

    /// Serves `zones` on `address`.
    pub(crate) fn start_at(address: SocketAddr, zones: &[(&str, &str)]) -> Nsd {
        Nsd::start_with(address, zones, "")
    }

    /// The same with more lines in its `server` clause.
    pub(crate) fn start_with(address: SocketAddr, zones: &[(&str, &str)], settings: &str) -> Nsd {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let at = directory.path();
        for (name, text) in zones {
            fs::write(at.join(zone_file(name)), text).expect("a zone file can be written");
        }
        let configuration = at.join("nsd.conf");
        fs::write(&configuration, nsd_conf(address, &at.to_string_lossy(), zones, settings))
            .expect("nsd.conf can be written");
        let log = fs::File::create(at.join("log")).expect("a log can be made");
        let child = Command::new(program("nsd", "nsd"))
            .arg("-d")
            .arg("-c")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be doubled"))
            .stderr(log)
            .spawn()
            .expect("nsd can be started");
        let mut nsd = Nsd { process: Process::new(child), directory, address };
        let (zone, _) = zones.first().expect("NSD serves at least one zone");
        nsd.await_answer(zone);
        nsd
    }

    /// Where it listens by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the text of a zone and returns once the new serial is served. The serial must have grown.
    pub(crate) fn replace(&self, zone: &str, text: &str) {
        let before = self.serial(zone);
        fs::write(self.directory.path().join(zone_file(zone)), text).expect("a zone file can be written");
        self.process.signal(Signal::SIGHUP);
        let changed = wait_until(Duration::from_secs(10), || self.serial(zone) != before);
        assert!(changed, "NSD did not load the new {zone}: {}", self.log());
    }

    fn await_answer(&mut self, zone: &str) {
        let ready =
            wait_until(Duration::from_secs(10), || self.process.ended().is_some() || self.serial(zone).is_some());
        assert!(ready && self.process.ended().is_none(), "NSD does not answer on {}: {}", self.address, self.log());
    }

    /// The serial of the zone's SOA: the fifth field from the end of its data.
    fn serial(&self, zone: &str) -> Option<u32> {
        let query = Question::new(zone, "SOA").octets();
        let answer = exchange_udp(self.address, &query, Duration::from_millis(500))?.records.into_iter().next()?;
        let tail = answer.data.len().checked_sub(20)?;
        Some(u32::from_be_bytes(answer.data[tail..tail + 4].try_into().expect("four octets")))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

fn zone_file(zone: &str) -> String {
    format!("{}.zone", zone.trim_end_matches('.'))
}

fn nsd_conf(address: SocketAddr, directory: &str, zones: &[(&str, &str)], settings: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    let mut text = format!(
        "server:\n server-count: 1\n ip-address: {ip}@{port}\n zonesdir: \"{directory}\"\n username: \"\"\n \
         chroot: \"\"\n pidfile: \"{directory}/pid\"\n database: \"\"\n zonelistfile: \"{directory}/zonelist\"\n \
         xfrdfile: \"{directory}/xfrd\"\n rrl-ratelimit: 0\n round-robin: no\n{settings}remote-control:\n control-enable: no\n"
    );
    for (name, _) in zones {
        write!(text, "zone:\n name: {name}\n zonefile: \"{}\"\n", zone_file(name)).expect("a String takes text");
    }
    text
}
