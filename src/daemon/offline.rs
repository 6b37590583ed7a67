//! What can be said of a configuration without running it: for `tandem check` and `tandem explain`.
//!
//! Not here: what is wrong with the text (`config`), what the running server says of itself (`control`).

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::StartError;
use super::journals;
use super::plan::Plan;
use super::zones::{self, Loaded};
use crate::answer::{self, explain::Explained};
use crate::config::{self, Config, Diagnostic, HealthCheck};
use crate::control::Untaken;
use crate::health;
use crate::logging::Destination;
use crate::state::State;
use crate::sys::state_directory::Unusable;
use crate::wire::Name;

/// Says what a configuration does with a question, on this host, without running anything. What health checks would
/// find is not known: all count as healthy.
pub fn explain(config: &Config, qname: &Name, qtype: u16, from: IpAddr, to: IpAddr) -> Explained {
    let host = Plan::new(config).host;
    let healthy = |check: &HealthCheck| HealthCheck { inverted: check.inverted && check.disabled, ..check.clone() };
    let healthy: Vec<_> = config.health_checks.iter().map(healthy).collect();
    let checks = entries(&healthy);
    let context = zones::Context::new(config, &checks, &host);
    let zones = zones::read(config, &Loaded::default(), &HashSet::new(), context, None).zones;
    let state = State::new(config, host, [0; 16], &zones);
    answer::explain::explain(&state.present(), qname, qtype, from, to, answer::explain::Health::Unknown)
}

/// What would keep a server with this configuration from starting on this host, or from serving its local zones; ports and
/// privileges are not tried.
pub fn obstacles(config: &Config) -> Obstacles {
    let plan = Plan::new(config);
    let found = plan.obstacles(config).into_iter().chain(missing_places(config));
    let at = |level| move |message| Diagnostic { position: None, level, message, hint: None, topic: None };
    let faults = found
        .map(|error| format!("'serve' would not start on this host: {error}"))
        .map(at(config::Level::Error))
        .chain(idle(&plan.addresses).into_iter().chain(lost_logs(config)).map(at(config::Level::Warning)));
    let checks = entries(&config.health_checks);
    let mut diagnostics: Vec<_> = faults.chain(bare_primaries(config, &plan.host.name)).collect();
    let (mut of_zones, unread_zones) = zones::check(config, zones::Context::new(config, &checks, &plan.host));
    diagnostics.append(&mut of_zones);
    Obstacles { diagnostics, unread_zones }
}

/// Checks that nobody makes.
fn entries(checks: &[HealthCheck]) -> Vec<Arc<health::Entry>> {
    health::Table::new(Vec::new()).follow(checks, SystemTime::now()).entries
}

/// That a server would start and wait for an address.
fn idle(wanted: &BTreeSet<SocketAddr>) -> Option<String> {
    let what = "would not listen on any address: listen-on and listen-on-v6 match none that this host has now";
    wanted.is_empty().then(|| format!("'serve' {what} (see 'ip address'; one that comes is listened on at once)"))
}

/// What a configuration meets on this host.
pub struct Obstacles {
    /// Faults of zones, and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// So many zones have a file that cannot be read here.
    pub unread_zones: usize,
}

/// What came of loading a zone without serving it.
pub struct ZoneTest {
    /// The name of its view.
    pub view: String,
    /// Its apex.
    pub zone: Name,
    /// Its master file.
    pub file: Option<PathBuf>,
    /// What was found, in the order in which it was found.
    pub found: Vec<Diagnostic>,
    /// Its serial, or in a few words why it is not served.
    pub serial: Result<u32, String>,
}

/// Loads every local zone of a configuration, and forgets it. `with_journals`: the serial is the one that the updates in
/// its journal leave it at.
pub fn test_zones(config: &Config, with_journals: bool) -> Vec<ZoneTest> {
    let (host, checks) = (Plan::new(config).host, entries(&config.health_checks));
    let context = zones::Context::new(config, &checks, &host);
    let all = config.views.iter().flat_map(|view| view.zones.iter().map(move |zone| (view, zone)));
    let test = |(view, text): (&config::View, &config::LocalZone)| {
        let (found, read) = zones::test(text, context);
        let journal = with_journals.then(|| text.settings.journal.clone().or_else(|| beside(text))).flatten();
        let serial = read.and_then(|serial| journal.map_or(Ok(serial), |path| journals::serial(&path, serial)));
        let file = text.file.as_ref().map(|file| file.path.clone());
        ZoneTest { view: view.name.clone(), zone: text.name.clone(), file, found, serial }
    };
    all.map(test).collect()
}

fn beside(zone: &config::LocalZone) -> Option<PathBuf> {
    zone.file.as_ref().map(|file| config::journal_beside(&file.path))
}

/// Zones whose name server is this host, whose name nobody else finds.
fn bare_primaries(config: &Config, host: &str) -> Vec<Diagnostic> {
    if host.trim_end_matches('.').contains('.') {
        return Vec::new();
    }
    let zones = config.views.iter().flat_map(|view| &view.zones).filter(|zone| zone.is_named_by_host());
    let warning = |zone: &config::LocalZone| Diagnostic {
        position: zone.position.clone(),
        level: config::Level::Warning,
        message: format!("zone '{}': its name server is '{host}', this host's name, which has no dot", zone.name),
        hint: Some(format!("write name_servers = [\"ns1.{}\"]", zone.name)),
        topic: None,
    };
    zones.map(warning).collect()
}

/// Where this host has no place for what the server keeps. Nothing is made, and nobody who runs is disturbed.
fn missing_places(config: &Config) -> Vec<StartError> {
    let base = config.directory.clone().unwrap_or_default();
    let above = |path: &Path| match path.parent().filter(|above| !above.as_os_str().is_empty()) {
        Some(above) => fs::metadata(above.join(".")).map(drop),
        None => Ok(()),
    };
    let state = config.state_directory.as_ref().map(|path| base.join(path));
    let of_state = state.as_ref().and_then(|path| {
        let found = fs::metadata(path.join(".")).map(drop);
        let is_made = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let error = found.or_else(|error| if is_made(&error) { above(path) } else { Err(error) }).err()?;
        Some(StartError::State(Unusable::System(path.clone(), error)))
    });
    let of_socket = config.control_socket.as_ref().map(|path| base.join(path)).and_then(|path| {
        let error = above(&path).err().filter(|_| path.parent() != state.as_deref())?;
        Some(StartError::Control(Untaken::System(path, error)))
    });
    of_state.into_iter().chain(of_socket).collect()
}

/// The log files whose directory this host has not: a server starts all the same, and their messages are lost.
fn lost_logs(config: &Config) -> Vec<String> {
    let directory = config.directory.clone().unwrap_or_default();
    let lost = config.logging.channels.iter().filter_map(|(name, channel)| {
        let Destination::File(file) = &channel.destination else { return None };
        let path = directory.join(&file.path);
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty())?;
        let error = fs::metadata(parent.join(".")).err()?;
        let what = format!("channel '{name}': its messages would be lost on this host: '{}'", parent.display());
        Some(format!("{what}: {error} (create it, and let the server's user write it)"))
    });
    lost.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::NoFiles;

    #[test]
    fn a_host_without_a_domain_is_no_name_server() {
        let record = "[[zone.record]]\nname = '@'\ntype = 'A'\nvalue = '192.0.2.1'\n";
        let text = format!(
            "[[zone]]\nname = 'a.corp'\n{record}[[zone]]\nname = 'b.corp'\nname_servers = ['ns1.corp']\n{record}\
             [[zone]]\nname = 'c.corp'\nsoa = {{ mname = 'ns1.corp' }}\n{record}[[zone]]\nname = 'd.corp'\n\
             [[zone.record]]\nname = '@'\ntype = 'NS'\nvalue = 'ns1.corp'\n[[zone]]\nname = 'e.corp'\nfile = 'e'\n"
        );
        let config = config::toml::parse(&text, "x.toml", &NoFiles).expect("it is right").config;
        let told: Vec<_> = bare_primaries(&config, "az1").iter().map(ToString::to_string).collect();
        let expected = "x.toml:1: warning: zone 'a.corp': its name server is 'az1', this host's name, which has no dot \
                        (write name_servers = [\"ns1.a.corp\"])";
        assert_eq!(told, [expected]);
        assert_eq!(bare_primaries(&config, "az1.corp"), []);
    }
}
