//! The statistics channels of the running server over reloads.
//!
//! A channel that cannot be had costs a line in the log and nothing else, as with named; it is tried again at the next
//! reload. Those that stay go on undisturbed: whoever reads is not cut off, whoever may read changes at once.
//! Not here: what they tell (`statistics`) and how (`http`).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::files::explain;
use crate::config::{Config, MatchList, StatisticsChannel};
use crate::http::{Channel, Server};
use crate::logging::{self, Category, Severity};
use crate::office::Office;
use crate::sys::sockets;

/// See the module.
pub(super) struct Channels {
    office: Arc<Office>,
    open: BTreeMap<SocketAddr, Channel>,
    /// Begins with the first channel. It ends after them.
    server: Option<Server>,
}

impl Channels {
    /// None yet.
    pub(super) fn new(office: Arc<Office>) -> Self {
        Self { office, open: BTreeMap::new(), server: None }
    }

    /// Follows a configuration.
    pub(super) fn follow(&mut self, config: &Config) {
        let wanted = &config.statistics_channels;
        self.open.retain(|address, _| {
            let stays = wanted.iter().any(|channel| channel.address == *address);
            if !stays {
                say_closed(*address);
            }
            stays
        });
        for (place, StatisticsChannel { address, allow }) in wanted.iter().enumerate() {
            if wanted[..place].iter().any(|earlier| earlier.address == *address) {
                complain(*address, "address in use by another statistics channel");
            } else if let Some(present) = self.open.get(address) {
                present.follow(allow);
            } else {
                self.open(*address, allow);
            }
        }
    }

    fn open(&mut self, address: SocketAddr, allow: &MatchList) {
        match self.listen(address, allow) {
            Ok(channel) => {
                let (ip, port) = (address.ip(), address.port());
                logging::event!(Category::Network, Severity::Info, "statistics channel listening on {ip}#{port}");
                self.open.insert(address, channel);
            }
            Err(error) => complain(address, &explain(&error)),
        }
    }

    fn listen(&mut self, address: SocketAddr, allow: &MatchList) -> io::Result<Channel> {
        let listener = sockets::operators_listener(address)?;
        let server = match self.server.take() {
            Some(server) => server,
            None => Server::start(Arc::clone(&self.office))?,
        };
        self.server.insert(server).listen(listener, allow.clone())
    }

    /// Tells nobody anything any more.
    pub(super) fn stop(self) {
        self.open.keys().copied().for_each(say_closed);
    }
}

fn say_closed(address: SocketAddr) {
    let (ip, port) = (address.ip(), address.port());
    logging::event!(Category::Network, Severity::Info, "stopping statistics channel on {ip}#{port}");
}

fn complain(address: SocketAddr, why: &str) {
    let (ip, port) = (address.ip(), address.port());
    logging::event!(
        Category::Network,
        Severity::Error,
        "cannot listen for statistics on {ip}#{port}: {why} (is the address this host's, and the port free?)"
    );
}
