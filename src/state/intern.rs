//! Numbers that stay the same from one snapshot to the next.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Forwarder;
use crate::metrics::ZoneCounters;
use crate::upstream::{Server, UnderWay};
use crate::wire::Name;

/// Gives each view, rule and upstream its number. It grows with what configurations have named, and with nothing else.
#[derive(Default)]
pub struct Interner {
    views: HashMap<String, u16>,
    rules: HashMap<(u16, Name), u32>,
    servers: HashMap<Forwarder, Arc<Server>>,
    /// Of rules whose questions are bounded.
    under_way: HashMap<(u16, Name), Arc<UnderWay>>,
    /// Of zones that are counted by themselves.
    counters: HashMap<(u16, Name), Arc<ZoneCounters>>,
}

impl Interner {
    /// The number of the view of this name.
    pub fn view(&mut self, name: &str) -> u16 {
        let next = self.views.len() as u16;
        *self.views.entry(name.to_owned()).or_insert(next)
    }

    /// The number of the rule at this apex of a view. Its upstreams may change: answers stay with the name.
    pub fn rule(&mut self, view: u16, apex: &Name) -> u32 {
        let next = self.rules.len() as u32;
        *self.rules.entry((view, apex.clone())).or_insert(next)
    }

    /// What counts questions under the rule at this apex of a view.
    pub fn under_way(&mut self, view: u16, apex: &Name) -> Arc<UnderWay> {
        Arc::clone(self.under_way.entry((view, apex.clone())).or_default())
    }

    /// What was asked of the zone at this apex of a view.
    pub fn counters(&mut self, view: u16, apex: &Name) -> Arc<ZoneCounters> {
        Arc::clone(self.counters.entry((view, apex.clone())).or_default())
    }

    /// The upstream of this address and these settings, with what is known of it.
    pub fn server(&mut self, forwarder: &Forwarder) -> Arc<Server> {
        let next = self.servers.len() as u32;
        let server =
            self.servers.entry(forwarder.clone()).or_insert_with(|| Arc::new(Server::new(next, forwarder.clone())));
        Arc::clone(server)
    }
}
