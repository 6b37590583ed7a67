//! What a configuration asks of this host: read and checked, and nothing of it in force.
//!
//! A start, a reload and `tandem check` look at the same obstacles here.
//! Not here: what is wrong with the text (`config`), what local zones say ([`super::zones`]).

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::{StartError, addresses};
use crate::access::Host;
use crate::config::{self, CommandLine, Config, Diagnostic};
use crate::logging::{self, Category, Severity};
use crate::sys::host::{self, HostAddress};

/// See the module.
pub(super) struct Plan {
    /// The host as it was looked at.
    pub(super) host: Arc<Host>,
    /// Where it is to listen.
    pub(super) addresses: BTreeSet<SocketAddr>,
}

/// A configuration that was read, what is to be said of it, and its plan.
pub(super) struct Read {
    pub(super) config: Config,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) plan: Plan,
}

/// Reads a configuration and looks for what keeps a server from following it.
///
/// # Errors
/// What is wrong with it, or the first obstacle.
pub(super) fn read(file: &Path, given: &CommandLine) -> Result<Read, StartError> {
    let config::Loaded { config, warnings } = config::load_given(file, given).map_err(StartError::Config)?;
    let plan = Plan::new(&config);
    match plan.obstacles(&config).into_iter().next() {
        Some(obstacle) => Err(obstacle),
        None => Ok(Read { config, warnings, plan }),
    }
}

impl Plan {
    /// Of this host as it is now.
    pub(super) fn new(config: &Config) -> Self {
        let host = host_addresses();
        Self { host: addresses::for_snapshot(&host), addresses: addresses::wanted(config, &host) }
    }

    /// What would keep a server with this configuration from running here; ports and privileges are not tried.
    pub(super) fn obstacles(&self, config: &Config) -> Vec<StartError> {
        [enterable(config), no_own_forwarders(config, &self.addresses)].into_iter().filter_map(Result::err).collect()
    }
}

/// Moves the process to `directory`.
///
/// # Errors
/// When it cannot be entered.
pub(super) fn enter_directory(config: &Config) -> Result<(), StartError> {
    let Some(directory) = &config.directory else { return Ok(()) };
    std::env::set_current_dir(directory).map_err(|error| StartError::Directory(directory.clone(), error))
}

/// Journals and overrides would be left behind.
///
/// # Errors
/// When `state_directory` is another than before.
pub(super) fn refuse_moved_state(before: &Config, now: &Config) -> Result<(), StartError> {
    if before.state_directory == now.state_directory {
        return Ok(());
    }
    Err(StartError::StateMoved(before.state_directory.clone(), now.state_directory.clone()))
}

/// The host's addresses; none when the system does not tell them, which it says.
fn host_addresses() -> Vec<HostAddress> {
    host::addresses().unwrap_or_else(|error| {
        logging::event!(Category::Network, Severity::Error, "cannot read the interfaces' addresses: {error}");
        Vec::new()
    })
}

fn enterable(config: &Config) -> Result<(), StartError> {
    let Some(directory) = &config.directory else { return Ok(()) };
    // Only who may enter a directory may look at its own entry in it.
    let found = fs::metadata(directory.join("."));
    found.map(drop).map_err(|error| StartError::Directory(directory.clone(), error))
}

fn no_own_forwarders(config: &Config, listening: &BTreeSet<SocketAddr>) -> Result<(), StartError> {
    let own = addresses::own_forwarders(config, listening);
    if own.is_empty() { Ok(()) } else { Err(StartError::Config(own)) }
}
