//! Servers that have zones of their own, and a configuration for each: one thread, one zone [`ZONE`] with as many names as
//! [`Amounts`](super::peers::Amounts) says, no limits that a load would meet.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::message::{TTL, ZONE};
use super::peers::{Peer, Setting, named_conf, peer, put, words};

/// Ours first.
pub(crate) const AUTHORITIES: [Peer; 4] = [
    Peer { configure: tandem, ..peer("tandem", "", "--version") },
    Peer { configure: nsd, ..peer("nsd", "nsd", "-v") },
    Peer { configure: gdnsd, ..peer("gdnsd", "gdnsd", "-h") },
    Peer { configure: knot, ..peer("knot", "knotd", "-V") },
];

/// Writes the zone in the place of the one that is there: the names that the loads ask, `h0` and so on, and `ready0`. With
/// a serial above 1 also `newSERIAL`, by which it is known that this version is served.
pub(crate) fn write_zone(path: &Path, records: u64, serial: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = BufWriter::new(File::create(&beside)?);
    writeln!(
        file,
        "$TTL {TTL}\n@ SOA ns host.master {serial} 3600 600 86400 60\n@ NS ns\nns A 10.0.0.53\nready0 A 10.0.0.1"
    )?;
    if serial > 1 {
        writeln!(file, "new{serial} A 10.0.0.1")?;
    }
    for number in 0..records {
        writeln!(file, "h{number} A 10.0.0.1")?;
    }
    file.flush()?;
    fs::rename(beside, path)
}

/// Where [`write_zone`] writes in a server's directory.
pub(crate) const ZONE_FILE: &str = "master";

fn zone(setting: &Setting<'_>) -> io::Result<()> {
    write_zone(&setting.directory.join(ZONE_FILE), setting.amounts.records, 1)
}

fn tandem(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    zone(setting)?;
    let own = format!("zone \"{ZONE}\" {{ type primary; file \"{ZONE_FILE}\"; }};\n");
    Ok(words(["serve", "-c", &put(setting, "tandem.conf", &(named_conf(setting, "") + &own))?]))
}

fn nsd(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    zone(setting)?;
    let directory = setting.directory.display();
    let text = format!(
        "server:\n server-count: 1\n ip-address: {}@{}\n zonesdir: \"{directory}\"\n username: \"\"\n chroot: \"\"\n \
         pidfile: \"{directory}/pid\"\n database: \"\"\n zonelistfile: \"{directory}/zonelist\"\n \
         xfrdfile: \"{directory}/xfrd\"\n rrl-ratelimit: 0\n minimal-responses: yes\nremote-control:\n \
         control-enable: no\nzone:\n name: {ZONE}\n zonefile: {ZONE_FILE}\n",
        setting.listen.ip(),
        setting.listen.port(),
    );
    Ok(words(["-d", "-c", &put(setting, "nsd.conf", &text)?]))
}

/// Its zones are the files of a directory, called as they are.
fn gdnsd(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    fs::create_dir_all(setting.directory.join("zones"))?;
    write_zone(&setting.directory.join("zones").join(ZONE), setting.amounts.records, 1)?;
    let directory = setting.directory.display();
    let text = format!(
        "options => {{\n listen => {}\n udp_threads => 1\n tcp_threads => 1\n run_dir => {directory}\n \
         state_dir => {directory}\n}}\n",
        setting.listen,
    );
    put(setting, "config", &text)?;
    Ok(words(["-c", &directory.to_string(), "start"]))
}

fn knot(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    zone(setting)?;
    let directory = setting.directory.display();
    let text = format!(
        "server:\n    rundir: \"{directory}\"\n    listen: [ {}@{} ]\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\ndatabase:\n    storage: \"{directory}\"\ntemplate:\n  - id: default\n    \
         storage: \"{directory}\"\n    zonefile-sync: -1\n    journal-content: none\nzone:\n  - domain: {ZONE}.\n    \
         file: {ZONE_FILE}\n",
        setting.listen.ip(),
        setting.listen.port(),
    );
    Ok(words(["-c", &put(setting, "knot.conf", &text)?]))
}
