//! The counters of a worker, and where those of all workers are found.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counter::{Row, add_up, row};
use super::sums::{Answer, Asked, Sums, ViewSums};
use super::{Event, Lookups, OfZone, QTYPES, REQUEST_SIZES, RESPONSE_SIZES, Resolver, SIZE_STEP, Socket, ZoneCounters};
use crate::wire::Transport;

/// Views with counters of their own; those that come later share the last ones.
const VIEWS: usize = 1024;

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel(u8);

impl Channel {
    /// All of them: UDP by IPv4, TCP by IPv4, UDP by IPv6, TCP by IPv6.
    pub const COUNT: usize = 4;

    /// From this address.
    #[inline]
    pub fn of(address: IpAddr, transport: Transport) -> Self {
        Self(u8::from(address.is_ipv6()) << 1 | u8::from(transport == Transport::Tcp))
    }

    #[inline]
    fn is_tcp(self) -> bool {
        self.0 & 1 != 0
    }

    #[inline]
    fn index(self) -> usize {
        usize::from(self.0 & 3)
    }
}

/// What the COOKIE option of a query was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// There is none.
    None,
    /// A client's part alone.
    New,
    /// With a server's part that is ours.
    Match,
    /// With one that is not.
    NoMatch,
    /// With one that is too old, or of the future.
    BadTime,
    /// With one of another length than ours.
    BadSize,
    /// It was not looked at.
    Unjudged,
}

/// The counters of a worker but for those of views; on cache lines of its own.
#[repr(align(128))]
struct Block {
    requests: [Row<REQUEST_SIZES>; Channel::COUNT],
    responses: [Row<RESPONSE_SIZES>; Channel::COUNT],
    /// Queries, by [`Asked::index`].
    asked: Row<{ Asked::COUNT }>,
    /// Other messages, likewise.
    asked_otherwise: Row<{ Asked::COUNT }>,
    /// Of other messages than queries.
    opcodes: Row<16>,
    qtypes: Row<{ QTYPES + 1 }>,
    /// Replies to queries, by [`Answer::index`].
    answers: Row<{ Answer::COUNT }>,
    /// Replies to what is no query, or did not become one, likewise.
    others: Row<{ Answer::COUNT }>,
    events: Row<{ Event::COUNT }>,
    sockets: Row<{ Socket::COUNT }>,
    views: Mutex<Vec<(u16, Arc<ViewBlock>)>>,
}

/// The counters of a view on a worker.
#[repr(align(128))]
struct ViewBlock {
    lookups: Row<{ Lookups::COUNT }>,
    resolver: Row<{ Resolver::COUNT }>,
    qtypes: Row<{ QTYPES + 1 }>,
    /// Questions that began to be asked, and those that ended.
    fetches: Row<2>,
}

/// The counters of every worker.
#[derive(Default)]
pub struct Registry {
    blocks: Mutex<Vec<Arc<Block>>>,
}

/// What a worker counts by. Views are named by their stable numbers.
pub struct Meter {
    /// The worker's number.
    worker: usize,
    block: Arc<Block>,
    views: Box<[OnceCell<Arc<ViewBlock>>]>,
}

impl Registry {
    /// The counters of one more worker.
    pub fn meter(&self) -> Meter {
        let mut blocks = lock(&self.blocks);
        let meter = Meter { worker: blocks.len(), ..Meter::default() };
        blocks.push(Arc::clone(&meter.block));
        meter
    }

    /// What all of them have counted.
    pub fn sums(&self) -> Box<Sums> {
        let mut sums = Box::<Sums>::default();
        for block in lock(&self.blocks).iter() {
            block.add_to(&mut sums);
        }
        sums
    }
}

impl Default for Meter {
    /// Counters that nobody reads.
    fn default() -> Self {
        let block = Block {
            requests: [const { row() }; Channel::COUNT],
            responses: [const { row() }; Channel::COUNT],
            asked: row(),
            asked_otherwise: row(),
            opcodes: row(),
            qtypes: row(),
            answers: row(),
            others: row(),
            events: row(),
            sockets: row(),
            views: Mutex::default(),
        };
        Self { worker: 0, block: Arc::new(block), views: (0..VIEWS).map(|_| OnceCell::new()).collect() }
    }
}

impl Meter {
    /// A request of so many octets.
    #[inline]
    pub fn request(&self, channel: Channel, octets: usize) {
        self.block.requests[channel.index()][(octets / SIZE_STEP).min(REQUEST_SIZES - 1)].bump();
    }

    /// A message that is no query.
    pub fn opcode(&self, opcode: u8) {
        self.block.opcodes[usize::from(opcode & 15)].bump();
    }

    /// A query that could be read.
    #[inline]
    pub fn asked(&self, channel: Channel, edns: bool, signed: bool, cookie: Cookie) {
        self.block.asked[Asked { tcp: channel.is_tcp(), edns, signed, cookie: cookie as u8 }.index()].bump();
    }

    /// Another message that could be read.
    pub fn asked_otherwise(&self, channel: Channel, edns: bool, signed: bool, cookie: Cookie) {
        let asked = Asked { tcp: channel.is_tcp(), edns, signed, cookie: cookie as u8 };
        self.block.asked_otherwise[asked.index()].bump();
    }

    /// The type that a query asks for.
    #[inline]
    pub fn qtype(&self, qtype: u16) {
        self.block.qtypes[usize::from(qtype).min(QTYPES)].bump();
    }

    /// The reply to a query; `edns`: it has an OPT record. It has at least a header.
    #[inline]
    pub fn answer(&self, channel: Channel, edns: bool, reply: &[u8]) {
        self.block.answers[self.measure(channel, edns, reply)].bump();
    }

    /// The reply to another message, or to a query before it was one, likewise.
    pub fn other(&self, channel: Channel, edns: bool, reply: &[u8]) {
        self.block.others[self.measure(channel, edns, reply)].bump();
    }

    #[inline]
    fn measure(&self, channel: Channel, edns: bool, reply: &[u8]) -> usize {
        self.block.responses[channel.index()][(reply.len() / SIZE_STEP).min(RESPONSE_SIZES - 1)].bump();
        Answer::of(reply, edns).index()
    }

    /// The reply to a query for a name of this zone. `referral`: to other servers; `qtype`: what was asked for, if no
    /// alias was followed.
    pub fn zone_answer(&self, zone: &ZoneCounters, channel: Channel, reply: &[u8], referral: bool, qtype: Option<u16>) {
        zone.answer(self.worker, channel.is_tcp(), Answer::of(reply, false), referral, qtype);
    }

    /// Something else about this zone.
    pub fn zone_event(&self, zone: &ZoneCounters, what: OfZone) {
        zone.event(self.worker, what);
    }

    /// Something that happens now and then.
    pub fn event(&self, event: Event) {
        self.block.events[event as usize].bump();
    }

    /// A query was answered before its name was looked for.
    pub fn turned_away(&self, channel: Channel) {
        self.event(if channel.is_tcp() { Event::TurnedAwayTcp } else { Event::TurnedAwayUdp });
    }

    /// Something about a socket of this address family.
    pub fn socket(&self, v6: bool, of_v4: Socket, of_v6: Socket) {
        self.block.sockets[if v6 { of_v6 } else { of_v4 } as usize].bump();
    }

    #[inline]
    fn view(&self, view: u16) -> &ViewBlock {
        let place = usize::from(view).min(VIEWS - 1);
        self.views[place].get_or_init(|| self.block.new_view(place as u16))
    }

    /// A look-up in the cache.
    #[inline]
    pub fn lookup(&self, view: u16, what: Lookups) {
        self.view(view).lookups[what as usize].bump();
    }

    /// Something about a question to an upstream.
    pub fn resolver(&self, view: u16, what: Resolver) {
        self.view(view).resolver[what as usize].bump();
    }

    /// A message to an upstream asks for this type.
    pub fn resolver_qtype(&self, view: u16, qtype: u16) {
        self.view(view).qtypes[usize::from(qtype).min(QTYPES)].bump();
    }

    /// An answer of an upstream came after this time.
    pub fn round_trip(&self, view: u16, time: Duration) {
        self.resolver(
            view,
            match time.as_millis() {
                0..10 => Resolver::QryRTT10,
                10..100 => Resolver::QryRTT100,
                100..500 => Resolver::QryRTT500,
                500..800 => Resolver::QryRTT800,
                800..1600 => Resolver::QryRTT1600,
                _ => Resolver::QryRTTMore,
            },
        );
    }

    /// A question begins to be asked.
    pub fn fetch_begins(&self, view: u16) {
        self.view(view).fetches[0].bump();
    }

    /// One that began is no longer asked.
    pub fn fetch_ends(&self, view: u16) {
        self.view(view).fetches[1].bump();
    }
}

impl Block {
    #[cold]
    fn new_view(&self, number: u16) -> Arc<ViewBlock> {
        let view = Arc::new(ViewBlock { lookups: row(), resolver: row(), qtypes: row(), fetches: row() });
        lock(&self.views).push((number, Arc::clone(&view)));
        view
    }

    fn add_to(&self, sums: &mut Sums) {
        for (sums, counters) in sums.requests.iter_mut().zip(&self.requests) {
            add_up(sums, counters);
        }
        for (sums, counters) in sums.responses.iter_mut().zip(&self.responses) {
            add_up(sums, counters);
        }
        add_up(&mut sums.asked, &self.asked);
        add_up(&mut sums.asked_otherwise, &self.asked_otherwise);
        add_up(&mut sums.opcodes, &self.opcodes);
        add_up(&mut sums.qtypes, &self.qtypes);
        add_up(&mut sums.answers, &self.answers);
        add_up(&mut sums.others, &self.others);
        add_up(&mut sums.events, &self.events);
        add_up(&mut sums.sockets, &self.sockets);
        for (number, view) in lock(&self.views).iter() {
            view.add_to(sums.views.entry(*number).or_default());
        }
    }
}

impl ViewBlock {
    fn add_to(&self, sums: &mut ViewSums) {
        add_up(&mut sums.lookups, &self.lookups);
        add_up(&mut sums.resolver, &self.resolver);
        add_up(&mut sums.qtypes, &self.qtypes);
        // What has ended is read first, so that it is never more than what has begun.
        let ended = self.fetches[1].get();
        sums.fetches = sums.fetches.wrapping_add(self.fetches[0].get().wrapping_sub(ended));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked has not left a list half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn workers_count_alone_and_are_added_up() {
        let registry = Registry::default();
        std::thread::scope(|scope| {
            for worker in 0..3u16 {
                let registry = &registry;
                scope.spawn(move || {
                    let meter = registry.meter();
                    for _ in 0..1000 {
                        meter.qtype(1);
                        meter.request(Channel::of(V4, Transport::Udp), 40);
                        meter.lookup(worker, Lookups::Answered);
                    }
                    meter.qtype(65_280);
                    meter.resolver(7, Resolver::Retry);
                });
            }
        });
        let sums = registry.sums();
        assert_eq!((sums.qtypes[1], sums.qtypes[QTYPES], sums.requests[0][2]), (3000, 3, 3000));
        let answered = |view: u16| sums.views[&view].lookups[Lookups::Answered as usize];
        assert_eq!([answered(0), answered(1), answered(2), answered(7)], [1000, 1000, 1000, 0]);
        assert_eq!(sums.views[&7].resolver[Resolver::Retry as usize], 3);
    }

    #[test]
    fn a_reply_tells_what_it_counts_as() {
        let registry = Registry::default();
        let meter = registry.meter();
        // AA and TC, NXDOMAIN, one answer.
        let reply = [0, 0, 0x86, 0x03, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        meter.answer(Channel::of(V6, Transport::Tcp), true, &reply);
        meter.other(Channel::of(V4, Transport::Udp), false, &[0; 12]);
        meter.answer(Channel::of(V4, Transport::Udp), false, &[0; 70_000]);
        let sums = registry.sums();
        let expected = Answer { rcode: 3, authoritative: true, truncated: true, has_answers: true, edns: true };
        let found: Vec<_> = sums.answers().filter(|(answer, count)| *count > 0 && answer.rcode != 0).collect();
        assert_eq!(found, [(expected, 1)]);
        assert_eq!((sums.responses[3][1], sums.responses[0][0], sums.responses[0][256]), (1, 1, 1));
        assert_eq!(sums.others().map(|(_, count)| count).sum::<u64>(), 1);
    }

    #[test]
    fn what_is_asked_is_told_apart() {
        let registry = Registry::default();
        let meter = registry.meter();
        let cookies = [Cookie::New, Cookie::Match, Cookie::NoMatch, Cookie::BadTime, Cookie::BadSize, Cookie::Unjudged];
        for cookie in cookies {
            for (tcp, edns, signed) in [(false, true, false), (true, false, true)] {
                let transport = if tcp { Transport::Tcp } else { Transport::Udp };
                meter.asked(Channel::of(V4, transport), edns, signed, cookie);
            }
        }
        let sums = registry.sums();
        let found: Vec<Asked> = sums.asked().filter(|(_, count)| *count == 1).map(|(asked, _)| asked).collect();
        assert_eq!(found.len(), 12);
        assert!(found.iter().all(|asked| asked.tcp == asked.signed && asked.tcp != asked.edns));
    }

    #[test]
    fn times_of_upstreams_fall_between_nameds_bounds() {
        let registry = Registry::default();
        let meter = registry.meter();
        for milliseconds in [0, 9, 10, 99, 100, 499, 500, 799, 800, 1599, 1600, 60_000] {
            meter.round_trip(0, Duration::from_millis(milliseconds));
        }
        let sums = registry.sums();
        let first = Resolver::QryRTT10 as usize;
        assert_eq!(sums.views[&0].resolver[first..first + 6], [2; 6]);
    }

    #[test]
    fn views_beyond_the_bound_share_the_last_counters() {
        let registry = Registry::default();
        let meter = registry.meter();
        for view in [1023, 1024, u16::MAX] {
            meter.fetch_begins(view);
        }
        meter.fetch_ends(1023);
        assert_eq!(registry.sums().views[&1023].fetches, 2);
    }
}
