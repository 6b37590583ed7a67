//! One check as it is known: its mark, and behind a lock all that reports tell.
//!
//! Not here: what changes it ([`super::Table`], which holds every entry's lock after its own).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Machine, Mark, Outcome, Override};
use crate::config::HealthCheck;
use crate::config::health::{Address, Endpoint, Monitored, Protocol, Request, Thresholds};

/// A check. It lives on through reloads that leave its settings as they are.
#[derive(Debug)]
pub struct Entry {
    /// What policies read.
    pub mark: Mark,
    detail: Mutex<Detail>,
}

/// What stands behind a mark.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) check: HealthCheck,
    /// Its place in the table's list.
    pub(super) place: usize,
    /// What its probes say; of a calculated check nothing.
    pub(super) machine: Machine,
    /// What its probes or its children say, before `disabled`, `inverted` and overrides.
    pub(super) found: bool,
    /// Since when the mark is what it is.
    pub(super) since: SystemTime,
    /// Why it is.
    pub(super) reason: String,
    /// The last probe.
    pub(super) last: Option<Last>,
    pub(super) over: Option<Override>,
    /// Whether what it counts as was found out, or told, at least once; until then it is an assumption.
    pub(super) known: bool,
}

/// A probe that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// When it ended.
    pub at: SystemTime,
    /// What it found.
    pub outcome: Outcome,
}

/// What is told of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of the check.
    pub name: String,
    /// Its `type`.
    pub type_word: &'static str,
    /// What it looks at: `http://127.0.0.11:8888/`, `2 of 3 children`.
    pub target: String,
    /// What it counts as.
    pub healthy: bool,
    /// Since when.
    pub since: SystemTime,
    /// Why.
    pub reason: String,
    /// The last probe; `None`: there was none.
    pub last: Option<Last>,
    /// Results in a row that say the opposite of what its probes said so far.
    pub streak: u8,
    /// How many it takes.
    pub thresholds: Thresholds,
    /// What is found counts as its opposite.
    pub inverted: bool,
    /// Nothing is probed.
    pub disabled: bool,
    /// An operator's word, which beats all others.
    pub over: Option<Override>,
}

impl Entry {
    pub(super) fn new(healthy: bool, detail: Detail) -> Self {
        Self { mark: Mark::new(healthy), detail: Mutex::new(detail) }
    }

    pub(super) fn detail(&self) -> MutexGuard<'_, Detail> {
        self.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be told of it.
    pub fn row(&self) -> Row {
        let detail = self.detail();
        let check = &detail.check;
        Row {
            name: check.name.clone(),
            type_word: check.monitored.type_word(),
            target: target(&check.monitored),
            healthy: self.mark.is_healthy(),
            since: detail.since,
            reason: detail.reason.clone(),
            last: detail.last.clone(),
            streak: detail.machine.streak(),
            thresholds: check.thresholds,
            inverted: check.inverted,
            disabled: check.disabled,
            over: detail.over.clone(),
        }
    }
}

impl Detail {
    /// What the check counts as.
    pub(super) fn counts_as(&self) -> bool {
        let of_itself = (self.check.disabled || self.found) != self.check.inverted;
        self.over.as_ref().map_or(of_itself, |over| over.healthy)
    }
}

/// What a check looks at, as a person would write it.
fn target(monitored: &Monitored) -> String {
    let endpoint = match monitored {
        Monitored::Calculated(of) => return format!("{} of {} children", of.health_threshold, of.children.len()),
        Monitored::Endpoint(endpoint) => endpoint,
    };
    let place = place(endpoint);
    match &endpoint.protocol {
        Protocol::Tcp => place,
        Protocol::Http(Request { resource_path, .. }) => format!("http://{place}{resource_path}"),
        Protocol::Https { request, .. } => format!("https://{place}{}", request.resource_path),
    }
}

/// `127.0.0.1:80`, `[::1]:80`, `name:80`
fn place(endpoint: &Endpoint) -> String {
    match &endpoint.address {
        Address::Fixed { ip_address, .. } => std::net::SocketAddr::new(*ip_address, endpoint.port).to_string(),
        Address::Resolved(name) => format!("{name}:{}", endpoint.port),
    }
}
