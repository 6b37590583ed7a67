//! Taking what comes: which attempt a packet answers, what it says, and what follows from it.

use std::fmt;
use std::time::Instant;

use super::probes::PROBE;
use super::{Machine, Output, stragglers};
use crate::access::CookieCheck;
use crate::cache::Key;
use crate::logging::{self, Category, Severity};
use crate::metrics::Resolver;
use crate::upstream::flight::{Attempt, OptForm, Role, Route};
use crate::upstream::lanes::Path;
use crate::upstream::server::Server;
use crate::wire::Name;
use crate::wire::Transport;
use crate::wire::ask::{Echo, compare_question, is_response};
use crate::wire::header::{HEADER_OCTETS, ede, flag, rcode, u16_at};
use crate::wire::mnemonic::{class_name, rcode_name, type_name};
use crate::wire::response::{Asked, Unusable, find_opt};
use crate::wire::walk::Malformed;

/// Why a server is of no use for a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bad {
    /// It answered with an RCODE that settles nothing.
    Rcode(u16),
    /// Its answer cannot be read, or is none to the question.
    Unusable,
    /// Its negative answer is about a zone above the rule.
    SoaAbove,
    /// No socket to it could be had.
    Unreachable,
}

impl Bad {
    /// The extended error that clients are told.
    fn ede(self) -> u16 {
        match self {
            Self::Rcode(_) | Self::Unreachable => ede::NETWORK_ERROR,
            Self::Unusable | Self::SoaAbove => ede::INVALID_DATA,
        }
    }
}

impl fmt::Display for Bad {
    /// named's words where it has any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rcode(rcode) => write!(f, "{} unexpected RCODE", rcode_name(*rcode)),
            Self::Unusable => f.write_str("unusable response"),
            Self::SoaAbove => f.write_str("negative response with the SOA of a zone above the forward zone"),
            Self::Unreachable => f.write_str("no connection"),
        }
    }
}

/// named's line for a server that was of no use.
fn log_bad(key: &Key, server: &Server, why: Bad) {
    if !logging::enabled(Category::LameServers, Severity::Info) {
        return;
    }
    let name = Name::from_wire(key.qname()).unwrap_or_else(Name::root);
    let (qtype, qclass, address) = (type_name(key.qtype()), class_name(key.qclass()), server.forwarder.address);
    logging::event!(
        Category::LameServers,
        Severity::Info,
        "{why} resolving '{name}/{qtype}/{qclass}': {}#{}",
        address.ip(),
        address.port(),
    );
}

impl<R: Route, W> Machine<R, W> {
    /// A packet came by `path`.
    pub fn received(&mut self, path: Path, packet: &[u8], now: Instant, out: &mut Output<W>) {
        if self.is_of_probe(path, packet) {
            return self.take_probe_reply(path, packet, now, out);
        }
        match self.match_response(path, packet) {
            Some((index, place)) => _ = self.take_response(index, place, packet, now, out),
            None => self.take_straggler(path, packet, now),
        }
    }

    /// Whether a packet has the ID of a probe.
    fn is_of_probe(&mut self, path: Path, packet: &[u8]) -> bool {
        !self.watched.is_empty()
            && is_response(packet)
            && self.lanes.get_mut(path).is_some()
            && self.by_wire.get(&(path.slot, u16_at(packet, 0))) == Some(&PROBE)
    }

    /// Finds the attempt that a packet answers: its flight and its place among the flight's attempts.
    fn match_response(&mut self, path: Path, packet: &[u8]) -> Option<(u32, usize)> {
        self.lanes.get_mut(path)?;
        if !is_response(packet) {
            return None;
        }
        let id = u16_at(packet, 0);
        let index = *self.by_wire.get(&(path.slot, id))?;
        let flight = self.flight_mut(index)?;
        let place = flight.attempts.iter().position(|attempt| attempt.path == path && attempt.id == id)?;
        let Role::Asks(route) = &flight.role else { return None };
        let exact = route.servers()[usize::from(flight.attempts[place].server)].forwarder.case_randomisation;
        let qname = if exact { &flight.drawn_case[..] } else { flight.key.qname() };
        let without_question = matches!(u16_at(packet, 2) & flag::RCODE, rcode::FORMERR | rcode::NOTIMP);
        match compare_question(packet, qname, flight.key.qtype(), flight.key.qclass(), exact) {
            Echo::Same => Some((index, place)),
            Echo::Missing if without_question => Some((index, place)),
            Echo::Missing | Echo::Other => None,
        }
    }

    /// Draws conclusions from a response; `None` if it is to be treated as if it had not come.
    fn take_response(
        &mut self,
        index: u32,
        place: usize,
        packet: &[u8],
        now: Instant,
        out: &mut Output<W>,
    ) -> Option<()> {
        let flight = self.flight_mut(index)?;
        let attempt = flight.attempts[place];
        let question_octets = flight.key.qname().len() + 4;
        let Role::Asks(route) = &flight.role else { return None };
        let route = route.clone();
        let server = &route.servers()[usize::from(attempt.server)];
        let question_end = if u16_at(packet, 4) == 0 { HEADER_OCTETS } else { HEADER_OCTETS + question_octets };
        let opt = match find_opt(packet, question_end) {
            Ok(opt) => opt,
            Err(Malformed) => return self.take_malformed(index, &attempt, now, out),
        };
        if let (Some(cookies), OptForm::Cookie) = (&mut self.cookies, attempt.opt) {
            let cookie = cookies.of(server);
            let expected = cookie.is_expected();
            match cookie.check(opt.and_then(|opt| opt.cookie)) {
                CookieCheck::WrongClientPart => return None,
                // Forged, or the server has given up cookies: a connection cannot be forged (RFC 7873 §5.3).
                CookieCheck::Absent if expected && attempt.transport == Transport::Udp => {
                    self.replace(index, place, Transport::Tcp, attempt.opt, &route, now, out);
                    return Some(());
                }
                CookieCheck::Absent => cookie.forget_server(),
                CookieCheck::Right => {
                    self.meter.resolver(route.view(), Resolver::CookieIn);
                    self.meter.resolver(route.view(), Resolver::CookieClientOk);
                }
            }
        }
        let low = u16_at(packet, 2) & flag::RCODE;
        let rcode = low | opt.map_or(0, |opt| u16::from(opt.extended_rcode) << 4);
        self.note_reply(&attempt, server, now);
        let truncated = u16_at(packet, 2) & flag::TC != 0;
        self.count_reply(route.view(), &attempt, server, rcode, truncated, now);
        match rcode {
            rcode::NOERROR | rcode::NXDOMAIN | rcode::YXDOMAIN if truncated && attempt.transport == Transport::Udp => {
                self.replace(index, place, Transport::Tcp, attempt.opt, &route, now, out);
            }
            rcode::NOERROR | rcode::NXDOMAIN | rcode::YXDOMAIN => {
                // Only an answer shows that OPT was the fault: a question may be one that no form of it would help. And
                // one that was asked without OPT anyway shows nothing.
                let (flight, bit) = (self.flight_mut(index)?, 1 << attempt.server);
                let (refused_cookie, refused_opt) = (flight.refused_cookie & bit != 0, flight.refused_opt & bit != 0);
                match attempt.opt {
                    OptForm::None if refused_opt => server.cannot_read_opt(self.micros(now)),
                    OptForm::Bare if refused_cookie => server.cannot_read_cookie(self.micros(now)),
                    _ => {}
                }
                return self.take_answer(index, place, packet, &route, now, out);
            }
            rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS if attempt.opt == OptForm::Cookie => {
                self.flight_mut(index)?.refused_cookie |= 1 << attempt.server;
                self.replace(index, place, attempt.transport, OptForm::Bare, &route, now, out);
            }
            rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS if attempt.opt == OptForm::Bare => {
                self.flight_mut(index)?.refused_opt |= 1 << attempt.server;
                self.meter.resolver(route.view(), Resolver::EDNS0Fail);
                self.replace(index, place, attempt.transport, OptForm::None, &route, now, out);
            }
            // Its cookie is known by now; a second time over TCP, where none is needed (RFC 7873 §5.3).
            rcode::BADCOOKIE if attempt.transport == Transport::Udp => {
                let again = attempt.transmissions == 1 && self.flight_mut(index)?.sent == 1;
                let transport = if again { Transport::Udp } else { Transport::Tcp };
                self.replace(index, place, transport, attempt.opt, &route, now, out);
            }
            _ => self.answered_badly(index, usize::from(attempt.server), Bad::Rcode(rcode), now, out),
        }
        Some(())
    }

    fn note_reply(&mut self, attempt: &Attempt, server: &Server, now: Instant) {
        let is_measurable = attempt.is_measurable() || attempt.answers_first(server, now);
        let round_trip = is_measurable.then(|| now.saturating_duration_since(attempt.first_sent));
        server.replied(self.micros(now), round_trip);
        if let Some(socket) = self.lanes.get_mut(attempt.path) {
            socket.heard = now;
        }
    }

    /// Counts what an upstream answered.
    fn count_reply(&self, view: u16, attempt: &Attempt, server: &Server, rcode: u16, truncated: bool, now: Instant) {
        let (meter, v6) = (&self.meter, server.forwarder.address.is_ipv6());
        meter.resolver(view, if v6 { Resolver::Responsev6 } else { Resolver::Responsev4 });
        meter.round_trip(view, now.saturating_duration_since(attempt.first_sent));
        if truncated {
            meter.resolver(view, Resolver::Truncated);
        }
        let of_rcode = match rcode {
            rcode::NOERROR => return,
            rcode::NXDOMAIN => Resolver::NXDOMAIN,
            rcode::SERVFAIL => Resolver::SERVFAIL,
            rcode::FORMERR => Resolver::FORMERR,
            rcode::REFUSED => Resolver::REFUSED,
            rcode::BADVERS => Resolver::BadEDNSVersion,
            rcode::BADCOOKIE => Resolver::BadCookieRcode,
            _ => Resolver::OtherError,
        };
        meter.resolver(view, of_rcode);
    }

    /// Keeps an answer and hands it out, if it can be used.
    fn take_answer(
        &mut self,
        index: u32,
        place: usize,
        packet: &[u8],
        route: &R,
        now: Instant,
        out: &mut Output<W>,
    ) -> Option<()> {
        let flight = self.flights.get(index as usize)?.flight.as_ref()?;
        let (key, hash) = (&flight.key, flight.hash);
        // The question's own name is the rule's, be it that a local zone delegates it.
        let apex_of = |name: &[u8]| match name == key.qname() {
            true => Some(route.zone().as_wire()),
            false => route.apex_of(name, key.qtype()),
        };
        // The apex lives as long as the route, which outlives the call.
        let asked = Asked {
            qname: key.qname(),
            qtype: key.qtype(),
            qclass: key.qclass(),
            dnssec_ok: key.dnssec_ok(),
            trust_ad: route.trust_ad(),
            layout: route.layout(),
            ttl: route.ttl(),
            apex_of: &apex_of,
        };
        let attempt = flight.attempts[place];
        let mut segment = std::mem::take(&mut self.segment);
        match self.reader.read(packet, &asked, &mut segment) {
            Ok(kept) => {
                let whole = kept.whole_name.then(|| key.whole_name());
                match whole {
                    Some(whole) => self.cache.insert(self.cache.hash(&whole), &whole, &segment, kept.ttl, now),
                    None => self.cache.insert(hash, key, &segment, kept.ttl, now),
                }
                stragglers::remember(&mut self.stragglers, flight, route.servers(), place, now);
                self.finish(index, &segment, out);
            }
            Err(Unusable::Malformed) => {
                self.segment = segment;
                return self.take_malformed(index, &attempt, now, out);
            }
            Err(Unusable::SoaAbove { rcode }) => {
                self.flight_mut(index)?.denied = Some(rcode as u8);
                self.answered_badly(index, usize::from(attempt.server), Bad::SoaAbove, now, out);
            }
            Err(Unusable::SoaOutside | Unusable::BrokenChain) => {
                self.answered_badly(index, usize::from(attempt.server), Bad::Unusable, now, out);
            }
        }
        self.segment = segment;
        Some(())
    }

    /// A response cannot be read. A datagram could be anybody's, and the right one may still come; what comes by a
    /// connection is the server's own.
    fn take_malformed(&mut self, index: u32, attempt: &Attempt, now: Instant, out: &mut Output<W>) -> Option<()> {
        if attempt.transport == Transport::Udp {
            return None;
        }
        self.answered_badly(index, usize::from(attempt.server), Bad::Unusable, now, out);
        Some(())
    }

    /// A server's answer is of no use: others are asked; when all have answered so, the question has failed.
    pub(super) fn answered_badly(&mut self, index: u32, server: usize, why: Bad, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let Role::Asks(route) = &flight.role else { return };
        log_bad(&flight.key, &route.servers()[server], why);
        flight.bad |= 1 << server;
        route.servers()[server].answered_badly();
        flight.ede = flight.ede.max(why.ede());
        let all = (1u32 << route.servers().len()) - 1;
        let (failed, untried) = (flight.bad & all == all, all & !(flight.bad | flight.tried) != 0);
        let (gone, kept) = std::mem::take(&mut flight.attempts)
            .into_iter()
            .partition::<Vec<_>, _>(|attempt| usize::from(attempt.server) == server);
        let waits = !kept.is_empty();
        flight.attempts = kept;
        gone.iter().for_each(|attempt| self.release(attempt, out));
        if failed {
            self.fail(index, now, out);
        } else if untried || !waits {
            self.ask_next(index, now, out);
        } else {
            // What is still awaited elsewhere may be overdue: it was the later question that the timer was set by.
            let at = self.flight_mut(index).map_or(now, |flight| flight.ask_again_at.max(now));
            self.look_again(index, at);
        }
    }
}
