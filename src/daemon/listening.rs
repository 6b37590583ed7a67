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
    /// That there is no address at all was said.
    is_idle_told: bool,
    inherited: Inherited,
}

/// What came of binding addresses.
pub(super) struct Attempt {
    pub(super) bound: Vec<Bound>,
    pub(super) failed: Vec<(SocketAddr, io::Error)>,
}

impl Attempt {
    /// Fails where nothing was had because of something that an operator has to end: another server, a missing privilege.
    /// An address that is not usable yet, as a tentative one of IPv6, is none of these.
    ///
    /// # Errors
    /// The first such obstacle.
    pub(super) fn or_nothing(mut self) -> Result<Self, StartError> {
        let stands = |(_, error): &(SocketAddr, io::Error)| error.kind() != io::ErrorKind::AddrNotAvailable;
        match self.failed.iter().position(stands).filter(|_| self.bound.is_empty()) {
            Some(first) => {
                let (address, error) = self.failed.swap_remove(first);
                Err(StartError::Listen(address, error))
            }
            None => Ok(self),
        }
    }
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

    /// Whether somebody has to look soon whether an address can be had now.
    pub(super) fn is_waiting(&self) -> bool {
        !self.missing.is_empty() || self.held.is_empty()
    }

    /// Binds these addresses for so many workers, as far as they can be had.
    pub(super) fn bind_all(&self, wanted: &BTreeSet<SocketAddr>, workers: usize) -> Attempt {
        let mut attempt = Attempt { bound: Vec::new(), failed: Vec::new() };
        for &address in wanted {
            match self.bind(address, workers) {
                Ok(bound) => attempt.bound.push(bound),
                Err(error) => attempt.failed.push((address, error)),
            }
        }
        attempt
    }

    /// Listens on what was bound at the start, and says what could not be.
    pub(super) fn begin_all(&mut self, attempt: Attempt, workers: &Workers) {
        attempt.bound.into_iter().for_each(|bound| self.begin(bound, workers));
        attempt.failed.into_iter().for_each(|(address, error)| self.miss(address, error));
        self.tell_idle();
    }

    /// Says once that there is nothing to listen on.
    fn tell_idle(&mut self) {
        let is_idle = self.held.is_empty() && self.missing.is_empty();
        if is_idle && !self.is_idle_told {
            logging::event!(
                Category::Network,
                Severity::Warning,
                "not listening on any address: listen-on and listen-on-v6 match none that this host has now (see 'ip \
                 address'); one that comes is listened on at once"
            );
        }
        self.is_idle_told = is_idle;
    }

    /// Remembers what cannot be had, and says it once.
    fn miss(&mut self, address: SocketAddr, error: io::Error) {
        if self.missing.insert(address) {
            let (text, every) = (StartError::Listen(address, error), LISTEN_AGAIN.as_secs());
            logging::event!(Category::Network, Severity::Error, "{text}: tried again every {every} s");
        }
    }

    /// Binds an address for so many workers.
    ///
    /// # Errors
    /// What the system says: in use, not permitted, no such address.
    fn bind(&self, address: SocketAddr, workers: usize) -> io::Result<Bound> {
        match self.inherited.at(address) {
            Some(handed) => Ok((address, Lock::take_bound(address)?, Workers::bind(address, workers, &handed)?)),
            None => Ok((address, Lock::take(address)?, Workers::bind(address, workers, &Handed::default())?)),
        }
    }

    /// Listens on what was bound.
    fn begin(&mut self, (address, lock, sockets): Bound, workers: &Workers) {
        workers.listen(sockets);
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let (ip, port) = (address.ip(), address.port());
        logging::event!(Category::Network, Severity::Info, "listening on {family} address {ip}#{port}");
        self.held.insert(address, lock);
    }

    /// Says that there is an end of all.
    pub(super) fn tell_end(&self) {
        for address in self.held.keys() {
            let (ip, port) = (address.ip(), address.port());
            logging::event!(Category::Network, Severity::Info, "no longer listening on {ip}#{port}");
        }
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
        self.tell_idle();
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
            Err(error) => self.miss(address, error),
        }
    }
}
