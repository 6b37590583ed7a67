//! The statistics channels of the running server over reloads.
//!
//! A channel that cannot be had costs a line in the log and nothing else, as with named.
//! Not here: what they tell (`statistics`) and how (`http`).

use std::sync::Arc;

use crate::config::{Config, StatisticsChannel};
use crate::http::{Bound, Server};
use crate::logging::{self, Category, Severity};
use crate::office::Office;

/// See the module.
pub(super) struct Channels {
    office: Arc<Office>,
    server: Option<Server>,
    /// As they are configured.
    wanted: Vec<StatisticsChannel>,
    /// Not all of them could be had.
    lacks: bool,
}

impl Channels {
    /// None yet.
    pub(super) fn new(office: Arc<Office>) -> Self {
        Self { office, server: None, wanted: Vec::new(), lacks: false }
    }

    /// Follows a configuration. Where nothing has changed, the channels go on undisturbed.
    pub(super) fn follow(&mut self, config: &Config) {
        if self.wanted == config.statistics_channels && !self.lacks {
            return;
        }
        self.wanted.clone_from(&config.statistics_channels);
        // Their addresses may be among the new ones.
        self.server = None;
        let bound: Vec<Bound> = self.wanted.iter().filter_map(take).collect();
        self.lacks = bound.len() < self.wanted.len();
        if bound.is_empty() {
            return;
        }
        match Server::start(bound, &self.office) {
            Ok(server) => self.server = Some(server),
            Err(error) => {
                self.lacks = true;
                logging::event!(Category::Network, Severity::Error, "cannot serve statistics channels: {error}");
            }
        }
    }
}

fn take(channel: &StatisticsChannel) -> Option<Bound> {
    let (ip, port) = (channel.address.ip(), channel.address.port());
    match Bound::take(channel) {
        Ok(bound) => {
            logging::event!(Category::Network, Severity::Info, "statistics channel listening on {ip}#{port}");
            Some(bound)
        }
        Err(error) => {
            logging::event!(
                Category::Network,
                Severity::Error,
                "cannot listen for statistics on {ip}#{port}: {error} (is the address this host's, and the port free?)"
            );
            None
        }
    }
}
