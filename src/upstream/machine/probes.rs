//! Probing servers that are doubted: their own questions, never a client's, find out whether they live.
//!
//! The probe asks for the name servers of the root (`. NS`), which every resolver has at hand; any RCODE is an answer.
//! Every machine that has seen a doubt keeps a timer; [`Server::claim_probe`] lets one of them send each probe.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;

use super::{Command, Machine, Output};
use crate::upstream::flight::Route;
use crate::upstream::lanes::Path;
use crate::upstream::server::Server;
use crate::wire::Transport;
use crate::wire::ask::{self, Echo, Question, compare_question};
use crate::wire::header::{class, rtype, u16_at};

/// Stands for a probe where the index of a flight is expected.
pub(super) const PROBE: u32 = u32::MAX;
/// Probes of a server that may still be answered; older ones are forgotten.
const MAX_OUTSTANDING: usize = 8;
/// The name that is asked for: the root.
const QNAME: &[u8] = &[0];
/// The type that is asked for.
const QTYPE: u16 = rtype::NS;

/// A server that is being watched.
pub(super) struct Watched {
    server: Arc<Server>,
    outstanding: Vec<(Path, u16)>,
    /// Its host has said that nobody listens there, and what follows from that was done.
    has_refused: bool,
}

impl<R: Route, W> Machine<R, W> {
    /// Watches a server until it answers.
    pub(super) fn watch(&mut self, server: &Arc<Server>, now: Instant, out: &mut Output<W>) {
        if let Entry::Vacant(place) = self.watched.entry(server.id) {
            place.insert(Watched { server: Arc::clone(server), outstanding: Vec::new(), has_refused: false });
            self.tend(server.id, now, out);
        }
    }

    /// Sends the probe that is due, or stops watching a server that answers again or matters to nobody any more.
    pub(super) fn tend(&mut self, id: u32, now: Instant, out: &mut Output<W>) {
        let Some(watched) = self.watched.get(&id) else { return };
        let server = Arc::clone(&watched.server);
        let now_us = self.micros(now);
        if server.next_probe().is_none() || self.is_done_with(id) {
            return self.unwatch(id, out);
        }
        if server.claim_probe(now_us, self.rng.random()) {
            self.send_probe(&server, now, out);
        }
        let due = Duration::from_micros(server.next_probe().unwrap_or(now_us).saturating_sub(now_us));
        self.wheel.arm(now + due, (PROBE, id));
    }

    /// Notes that a server's host says that nobody listens there; says whether that is new, as it is once while the
    /// server is watched.
    pub(super) fn note_refusal(&mut self, id: u32) -> bool {
        self.watched.get_mut(&id).is_some_and(|watched| !std::mem::replace(&mut watched.has_refused, true))
    }

    fn unwatch(&mut self, id: u32, out: &mut Output<W>) {
        let Some(watched) = self.watched.remove(&id) else { return };
        watched.outstanding.into_iter().for_each(|(path, id)| self.release_id(path, id, out));
    }

    fn send_probe(&mut self, server: &Arc<Server>, now: Instant, out: &mut Output<W>) {
        let transport = if server.forwarder.tcp_only { Transport::Tcp } else { Transport::Udp };
        let path = self.choose_path(server, transport, now, out);
        let id = self.draw_id(path, PROBE);
        self.lanes.asked(path);
        let question = Question {
            qname: QNAME,
            qtype: QTYPE,
            qclass: class::IN,
            dnssec_ok: false,
            checking_disabled: false,
            want_authentic: false,
        };
        let start = out.octets.len();
        if transport == Transport::Tcp {
            out.octets.extend_from_slice(&[0, 0]);
        }
        ask::write(&mut out.octets, id, &question, None);
        super::attempts::set_length(&mut out.octets, start, transport);
        out.commands.push(Command::Send(path, start..out.octets.len()));
        server.pace.pay_for_probe(self.micros(now));
        let Some(watched) = self.watched.get_mut(&server.id) else { return };
        watched.outstanding.push((path, id));
        if watched.outstanding.len() > MAX_OUTSTANDING {
            let (path, id) = watched.outstanding.remove(0);
            self.release_id(path, id, out);
        }
    }

    /// A packet with the ID of a probe came.
    pub(super) fn take_probe_reply(&mut self, path: Path, packet: &[u8], now: Instant, out: &mut Output<W>) {
        if compare_question(packet, QNAME, QTYPE, class::IN, false) == Echo::Other {
            return;
        }
        let now_us = self.micros(now);
        let id = u16_at(packet, 0);
        let of = self.watched.iter().find(|(_, watched)| watched.outstanding.contains(&(path, id)));
        let Some((&server_id, watched)) = of else { return };
        watched.server.replied(now_us, None);
        if let Some(socket) = self.lanes.get_mut(path) {
            socket.heard = now;
        }
        self.unwatch(server_id, out);
    }

    /// The socket of some probes is gone.
    pub(super) fn forget_probes_on(&mut self, path: Path) {
        let gone = |(other, _): &(Path, u16)| *other == path;
        for watched in self.watched.values_mut() {
            watched.outstanding.retain(|probe| !gone(probe));
        }
        self.by_wire.retain(|(slot, _), index| *slot != path.slot || *index != PROBE);
    }

    /// Stops watching servers that `keep` does not name; those that a question still waits for, when it has ended.
    pub(super) fn watch_only(&mut self, keep: impl Fn(&Server) -> bool, out: &mut Output<W>) {
        let flights = self.flights.iter().filter_map(|slot| slot.flight.as_ref());
        let waited_for = flights.flat_map(|flight| flight.role.route().servers());
        self.left = waited_for.filter(|server| !keep(server)).map(|server| server.id).collect();
        let gone = |watched: &Watched| !keep(&watched.server) && !self.left.contains(&watched.server.id);
        let gone: Vec<u32> = self.watched.iter().filter(|(_, watched)| gone(watched)).map(|(&id, _)| id).collect();
        gone.into_iter().for_each(|id| self.unwatch(id, out));
    }

    /// Whether a server matters to nobody: no rule names it, and no question waits for it.
    fn is_done_with(&self, id: u32) -> bool {
        let flights = || self.flights.iter().filter_map(|slot| slot.flight.as_ref());
        let waits = || flights().any(|flight| flight.role.route().servers().iter().any(|server| server.id == id));
        self.left.contains(&id) && !waits()
    }

    /// Probes that may still be answered.
    pub(super) fn probes_on_wire(&self) -> usize {
        self.watched.values().map(|watched| watched.outstanding.len()).sum()
    }
}
