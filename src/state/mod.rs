//! What the server knows at one moment, published as a whole: views, rules, access lists, limits.
//!
//! A [`Snapshot`] never changes; [`State::publish`] makes a new one from a configuration and the host's addresses and
//! swaps it in. Views, rules and upstreams keep their numbers across publications ([`intern`]), so that a reload neither
//! poisons nor empties the cache, and what was learnt of an upstream stays. All share the same [`Timers`].
//! Not here: the configuration's text and defaults (`config`), what changes between publications (`cache`, `upstream`).

mod build;
mod grants;
pub mod intern;
pub mod order;
pub mod rules;
pub mod timers;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::access::cookie::ServerCookies;
use crate::access::{Acl, Host};
use crate::config::{self, Config};
use crate::wire::Name;
use crate::zone::Handle;
use build::build;
use intern::Interner;
use timers::Timers;
pub use view::{AskedAt, Minimal, PeerSizes, Route, UdpSizes, View};

/// What the local zones of every view say, by view and apex.
#[derive(Default)]
pub struct Zones(HashMap<(String, Name), Arc<Handle>>);

impl Zones {
    /// Adds the zone at an apex of a view, in the place of one that was there.
    pub fn insert(&mut self, view: &str, zone: Arc<Handle>) {
        self.0.insert((view.to_owned(), zone.apex.clone()), zone);
    }

    /// The zone at an apex of a view; where none was added, one that could not be loaded.
    pub fn get(&self, view: &str, apex: &Name) -> Arc<Handle> {
        let found = self.0.get(&(view.to_owned(), apex.clone()));
        found.map_or_else(|| Arc::new(Handle::new(apex.clone())), Arc::clone)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Handle>> {
        self.0.values()
    }
}

/// See the module.
pub struct Snapshot {
    /// In order; the first that matches a query is its view.
    pub views: Vec<Arc<View>>,
    /// Who gets no answer at all; `None`: nobody.
    pub blackhole: Option<Acl>,
    /// The host that it runs on.
    pub host: Arc<Host>,
    /// Answers about the server itself.
    pub identity: Identity,
    /// Cookies for clients; `None`: they get none.
    pub cookies: Option<ServerCookies>,
    /// The longest answer by UDP where no view answers, in octets.
    pub max_udp_size: u16,
    /// What we tell that we take by UDP where no view answers, in octets.
    pub edns_udp_size: u16,
    /// Bounds on clients.
    pub limits: config::Limits,
    /// How long connections may be idle: the same for all snapshots, so that a new one forgets nothing that was said.
    pub timers: Arc<Timers>,
}

impl Snapshot {
    /// The view of a stable number, if there still is one.
    pub fn view(&self, id: u16) -> Option<&Arc<View>> {
        self.views.iter().find(|view| view.id == id)
    }
}

/// The texts of CH TXT answers; `None`: NODATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// version.bind
    pub version: Option<String>,
    /// hostname.bind
    pub hostname: Option<String>,
    /// id.server
    pub server_id: Option<String>,
}

/// Holds the present [`Snapshot`].
pub struct State {
    present: ArcSwap<Snapshot>,
    interner: Mutex<Interner>,
    /// Used where the configuration gives no secret.
    own_secret: [u8; 16],
}

impl State {
    /// Begins with a configuration, and with what its local zones say. `own_secret` comes from the system's CSPRNG.
    pub fn new(config: &Config, host: Arc<Host>, own_secret: [u8; 16], zones: &Zones) -> Self {
        let mut interner = Interner::default();
        let snapshot = build(config, host, own_secret, None, zones, &mut interner);
        Self { present: ArcSwap::from_pointee(snapshot), interner: Mutex::new(interner), own_secret }
    }

    /// Puts a configuration in force, and what its local zones say; but its timers, which are [`Timers::follow`]'s.
    pub fn publish(&self, config: &Config, host: Arc<Host>, zones: &Zones) {
        let mut interner = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.present();
        let snapshot = build(config, host, self.own_secret, Some(&before), zones, &mut interner);
        self.present.store(Arc::new(snapshot));
    }

    /// The snapshot that is in force.
    pub fn present(&self) -> Arc<Snapshot> {
        self.present.load_full()
    }

    /// For workers: follows what is in force at the cost of one load.
    pub fn follow(self: &Arc<Self>) -> Follower {
        arc_swap::cache::Cache::new(Present(Arc::clone(self)))
    }

    /// The secret of cookies where the configuration gives none.
    pub fn own_secret(&self) -> [u8; 16] {
        self.own_secret
    }
}

/// What [`State::follow`] gives.
pub type Follower = arc_swap::cache::Cache<Present, Arc<Snapshot>>;

/// Shows the snapshot inside a shared [`State`].
#[derive(Clone)]
pub struct Present(Arc<State>);

impl std::ops::Deref for Present {
    type Target = ArcSwap<Snapshot>;

    fn deref(&self) -> &ArcSwap<Snapshot> {
        &self.0.present
    }
}

#[cfg(test)]
mod tests;
