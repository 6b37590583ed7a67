//! A question that is being asked: who waits for it, and what was sent for it so far.
//!
//! Not here: what is sent next and when ([`machine`](super::machine)), the same question on other cores
//! ([`in_flight`](super::in_flight)).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_flight::FlightId;
use super::lanes::Path;
use super::server::Server;
use super::spill::{ClientsPerQuery, ZoneFetches};
use crate::cache::{Key, StaleTtls};
use crate::config::{FetchLimit, ForwarderOrder};
use crate::wire::Name;
use crate::wire::Transport;
use crate::wire::response::TtlBounds;

/// What the machine has to know of the rule that a question belongs to.
pub trait Route: Clone {
    /// The upstreams, at most 16.
    fn servers(&self) -> &[Arc<Server>];
    /// Which of them is asked first.
    fn order(&self) -> ForwarderOrder;
    /// The apex of the rule that answers for (`name`, `qtype`), if its upstreams are the same as this one's.
    fn apex_of(&self, name: &[u8], qtype: u16) -> Option<&[u8]>;
    /// Fingerprint of the rules.
    fn layout(&self) -> u32;
    /// Bounds of TTLs.
    fn ttl(&self) -> TtlBounds;
    /// Whether the upstream's AD is passed on.
    fn trust_ad(&self) -> bool;
    /// How long a failure is remembered, in seconds; 0: not at all.
    fn servfail_ttl(&self) -> u32;
    /// How answers of old are given out when a question fails; `None`: not at all.
    fn stale(&self) -> Option<Stale>;
    /// The stable number of its view, for counting.
    fn view(&self) -> u16;
    /// How many questions may be outstanding to one server.
    fn fetches_per_server(&self) -> Option<FetchLimit>;
    /// How many may be under way under its rule, and are.
    fn fetches_per_zone(&self) -> Option<&ZoneFetches>;
    /// How many may wait for it.
    fn clients_per_query(&self) -> Option<&ClientsPerQuery>;
    /// The name of its rule, for the log.
    fn zone(&self) -> &Name;
}

/// How answers of old are given out when a question fails (RFC 8767).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// For how long after the end of their TTL, in seconds.
    pub max_ttl: u32,
    /// The TTL that clients are told, in seconds.
    pub answer_ttl: u32,
    /// For how long after a failure without asking, in seconds.
    pub refresh_time: u32,
    /// How long a client waits for a new answer; `None`: until the question has failed.
    pub client_timeout: Option<Duration>,
}

impl Stale {
    /// For [`Cache::copy_stale`](crate::cache::Cache::copy_stale), under the rules of this fingerprint.
    pub fn ttls(self, layout: u32) -> StaleTtls {
        StaleTtls { max: self.max_ttl, answer: self.answer_ttl, layout }
    }
}

/// Somebody who waits for an answer.
#[derive(Debug)]
pub struct Waiter<W> {
    /// The caller's own.
    pub who: W,
    /// When to give up.
    pub until: Until,
}

/// How long somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// While a server lives that could answer.
    pub alive: Instant,
    /// While all are dead; not after `alive`.
    pub dead: Instant,
    /// From when on an answer of old is as good as none.
    pub stale: Option<Instant>,
}

/// How long a question waits while all its servers are dead, so that its asker is told within 1.8 s, timers and the way
/// included: long enough for one that returns, short enough for a client that asks elsewhere next.
pub const PATIENCE_WITH_THE_DEAD: Duration = Duration::from_millis(1750);

impl Until {
    /// For somebody who came at `now` and waits for `timeout` (`resolver-query-timeout`).
    pub fn new(now: Instant, timeout: Duration) -> Self {
        Self { alive: now + timeout, dead: now + timeout.min(PATIENCE_WITH_THE_DEAD), stale: None }
    }

    /// With the client's timeout of a rule that gives out stale answers, for somebody who came at `now`.
    pub fn with_stale(self, now: Instant, stale: Option<Stale>) -> Self {
        Self { stale: stale.and_then(|stale| stale.client_timeout).map(|timeout| now + timeout), ..self }
    }

    /// The earliest deadline of any kind, but not one that had `passed`.
    fn next_after(self, passed: Option<Instant>) -> Option<Instant> {
        let Self { alive, dead, stale } = self;
        let is_ahead = |deadline: &Instant| passed.is_none_or(|passed| *deadline > passed);
        [Some(dead), Some(alive), stale].into_iter().flatten().filter(is_ahead).min()
    }

    /// The deadline in this case.
    pub fn when(self, all_are_dead: bool) -> Instant {
        if all_are_dead { self.dead } else { self.alive }
    }
}

/// What the OPT record of a question carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OptForm {
    /// With a cookie.
    Cookie,
    /// Without.
    Bare,
    /// No OPT record at all.
    None,
}

/// One question to one server by one socket; it may have been sent several times.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Index into [`Route::servers`].
    pub server: u8,
    /// By which socket.
    pub path: Path,
    /// How.
    pub transport: Transport,
    /// Its ID.
    pub id: u16,
    /// When it was first sent.
    pub first_sent: Instant,
    /// When it was last sent.
    pub last_sent: Instant,
    /// How often it was sent.
    pub transmissions: u8,
    /// How it was asked.
    pub opt: OptForm,
    /// Its lateness was held against the server.
    pub is_late: bool,
    /// Its last transmission was not answered in time, and is counted so.
    pub is_overdue: bool,
}

impl Attempt {
    /// Whether the time of an answer is that of the question: it was sent once, and needed no connection.
    pub fn is_measurable(&self) -> bool {
        self.transmissions == 1 && self.transport == Transport::Udp
    }

    /// Whether an answer at `now` to a question that was sent twice is one to its first transmission, as far as can be
    /// told: it is slow for one to the second. Else the first is lost (Karn's rule), or its answer will still come.
    pub fn answers_first(&self, server: &Server, now: Instant) -> bool {
        self.was_sent_twice() && now.saturating_duration_since(self.last_sent) > server.silent_after()
    }

    /// Whether it was sent twice, by datagrams.
    pub fn was_sent_twice(&self) -> bool {
        self.transmissions == 2 && self.transport == Transport::Udp
    }
}

/// What a flight does.
#[derive(Debug)]
pub enum Role<R> {
    /// It asks.
    Asks(R),
    /// It waits for the flight of another worker, by the servers of this route.
    Waits(R),
}

impl<R> Role<R> {
    /// The route of the question.
    pub fn route(&self) -> &R {
        match self {
            Self::Asks(route) | Self::Waits(route) => route,
        }
    }
}

/// See the module.
pub struct Flight<R, W> {
    /// Its own name.
    pub id: FlightId,
    /// The question.
    pub key: Key,
    /// Its hash.
    pub hash: u64,
    /// What it does.
    pub role: Role<R>,
    /// In the order of their arrival; chains and reloads bring waiters whose deadlines are not those of newcomers.
    pub waiters: Vec<Waiter<W>>,
    /// It is asked for the cache alone, until then at most; somebody may come to wait all the same.
    pub refreshes_until: Option<Instant>,
    /// What may still be answered.
    pub attempts: Vec<Attempt>,
    /// QNAME in the case that servers with `case_randomisation` are asked in; empty until needed.
    pub drawn_case: Vec<u8>,
    /// Servers asked in this round, a bit each.
    pub tried: u32,
    /// Servers that answered badly, a bit each.
    pub bad: u32,
    /// How often all servers were tried: retransmissions come ever later.
    pub round: u32,
    /// Servers that could not read OPT in this question, a bit each; believed once one answers without it.
    pub refused_opt: u32,
    /// Servers that could not read a cookie in this question, as above.
    pub refused_cookie: u32,
    /// Attempts made; bounded by [`MAX_ATTEMPTS`].
    pub sent: u32,
    /// When it was first asked.
    pub began: Instant,
    /// When to look at it again: at [`Self::ask_again_at`], or when somebody gives up before.
    pub next_at: Instant,
    /// When the next server is asked, or the same one again.
    pub ask_again_at: Instant,
    /// When it was last looked at: deadlines up to then have had their say.
    pub looked_at: Option<Instant>,
    /// It has found out which of its servers live.
    pub has_asked_who_lives: bool,
    /// The server whose token it waits for, and when that may be used.
    pub reserved: Option<(usize, Instant)>,
    /// It counts among those under way under its rule.
    pub is_counted: bool,
    /// The extended error that says best why it failed.
    pub ede: u16,
    /// An upstream denied the question with the SOA of a zone above the rule: the RCODE that is told when none knows better.
    pub denied: Option<u8>,
}

/// A question is sent at most so often, whatever happens.
pub const MAX_ATTEMPTS: u32 = 40;
/// Retransmissions are at most this far apart.
pub const MAX_INTERVAL: Duration = Duration::from_millis(1600);
/// How long a connection may stay silent before it is given up.
pub const TCP_PATIENCE: Duration = Duration::from_secs(3);

impl<R, W> Flight<R, W> {
    /// The last attempt at a server by a transport.
    pub fn attempt_at(&mut self, server: usize, transport: Transport) -> Option<&mut Attempt> {
        let matches = |attempt: &&mut Attempt| usize::from(attempt.server) == server && attempt.transport == transport;
        self.attempts.iter_mut().rev().find(matches)
    }

    /// The attempt by this socket and ID.
    pub fn attempt_of(&mut self, path: Path, id: u16) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.path == path && attempt.id == id)
    }

    /// Those of the route's servers that have not answered badly, with their places.
    pub fn usable<'s>(&self, servers: &'s [Arc<Server>]) -> impl Iterator<Item = (usize, &'s Arc<Server>)> {
        let bad = self.bad;
        servers.iter().enumerate().filter(move |(place, _)| bad & (1 << place) == 0)
    }

    /// The earliest deadline, of either kind, of those who wait; not those that passed before it was looked at.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.waiters.iter().filter_map(|waiter| waiter.until.next_after(self.looked_at)).min()
    }
}

/// How long to wait for `server` in this round: twice as long each time. Where its time is known, the second time is as
/// long as the first, since of a few packets in a hundred that are lost two may belong to one question.
pub fn patience(server: &Server, transport: Transport, round: u32) -> Duration {
    let doublings = if server.is_known() { round.saturating_sub(1) } else { round };
    match transport {
        Transport::Tcp => TCP_PATIENCE,
        Transport::Udp => (server.rto() * (1 << doublings.min(6))).min(MAX_INTERVAL.max(server.rto())),
    }
}
