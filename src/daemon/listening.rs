//! Listening on the addresses that are wanted, and trying again those that cannot be had.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::StartError;
use super::addresses::Lock;
use super::inherited::Inherited;
use crate::listen::{Handed, Sockets, Workers};
use crate::logging::{self, Category, Severity};

/// While an address that should be listened on cannot be, it is tried again after this.
pub(super) const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// An address that is bound, and not yet listened on.
pub(super) type Bound = (SocketAddr, Lock, Vec<Sockets>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Listening {
    held: BTreeMap<SocketAddr, Lock>,
    missing: BTreeSet<SocketAddr>,
    inherited: Inherited,
}

impl Listening {
    /// On nothing; an address that a socket was handed over for will use that one.
    pub(super) fn new(inherited: Inherited) -> Self {
        Self { inherited, ..Self::default() }
    }

    /// The addresses that are listened on.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &SocketAddr> {
        self.held.keys()
    }

    /// Those that should be and cannot.
    pub(super) fn missing(&self) -> &BTreeSet<SocketAddr> {
        &self.missing
    }

    /// Binds an address for so many workers.
    ///
    /// # Errors
    /// What the system says: in use, not permitted, no such address.
    pub(super) fn bind(&self, address: SocketAddr, workers: usize) -> io::Result<Bound> {
        match self.inherited.at(address) {
            Some(handed) => Ok((address, Lock::take_bound(address)?, Workers::bind(address, workers, &handed)?)),
            None => Ok((address, Lock::take(address)?, Workers::bind(address, workers, &Handed::default())?)),
        }
    }

    /// Listens on what was bound.
    pub(super) fn begin(&mut self, (address, lock, sockets): Bound, workers: &Workers) {
        workers.listen(sockets);
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let (ip, port) = (address.ip(), address.port());
        logging::event!(Category::Network, Severity::Info, "listening on {family} address {ip}#{port}");
        self.held.insert(address, lock);
    }

    /// Says which sockets that were handed over nobody listens by.
    pub(super) fn tell_left_over(&self, wanted: &BTreeSet<SocketAddr>) {
        for line in self.inherited.left_over(wanted) {
            logging::event!(Category::Network, Severity::Warning, "{line}");
        }
    }

    /// Listens on these addresses and no others; what cannot be had is said once and tried again soon.
    pub(super) fn follow(&mut self, wanted: &BTreeSet<SocketAddr>, workers: &Workers) {
        for &address in wanted {
            if !self.held.contains_key(&address) {
                self.try_to_listen(address, workers);
            }
        }
        self.missing.retain(|address| wanted.contains(address));
        let gone: Vec<SocketAddr> = self.held.keys().filter(|&address| !wanted.contains(address)).copied().collect();
        for address in gone {
            workers.leave(address);
            self.held.remove(&address);
            let (ip, port) = (address.ip(), address.port());
            logging::event!(Category::Network, Severity::Info, "no longer listening on {ip}#{port}");
        }
    }

    fn try_to_listen(&mut self, address: SocketAddr, workers: &Workers) {
        match self.bind(address, workers.len()) {
            Ok(bound) => {
                self.begin(bound, workers);
                if self.missing.remove(&address) {
                    let (ip, port) = (address.ip(), address.port());
                    logging::event!(Category::Network, Severity::Error, "listening on {ip} port {port} at last");
                }
            }
            Err(error) => {
                if self.missing.insert(address) {
                    let text = StartError::Listen(address, error);
                    logging::event!(Category::Network, Severity::Error, "{text}");
                }
            }
        }
    }
}
