//! What each step of a query costs by itself: reading, deciding, rules, cache, reading an upstream's response.
//!
//! `cargo bench --bench micro`, with `-- --docs` also to docs/bench. Match lists have a file of their own (`access`), what
//! the steps cost together with the sockets is measured by `forwarding`. Names are asked in an order without pattern, so
//! that millions of them show what the memory costs: `memory/…` is what one access to as much of it costs whoever makes it,
//! `together/…` what is left of that when queries that come together wait for it once, as those of a worker do.
//! `threads/…` is the same query on one core and on two at a time: what it takes longer together than apart is what workers
//! do to each other.

#[path = "../stand/chase.rs"]
mod chase;
#[path = "../stand/plot.rs"]
mod plot;
mod questions;
mod report;
#[path = "../stand/table.rs"]
mod table;
mod zones;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group};
use tandem::access::{Bounds, Host, Quota};
use tandem::answer::{Client, Context, Decision, Desk, Moment, decide, desk, walk};
use tandem::cache::{Cache, Key, Parts};
use tandem::config::{Config, ForwardRule, ForwardSettings, Forwarder};
use tandem::metrics::Meter;
use tandem::state::{Snapshot, State, Zones};
use tandem::upstream::{self, HedgeBudget, InFlight};
use tandem::wire::response::Reader;
use tandem::wire::{Name, Query, Segment, Transport};

use questions::exchange::Exchange;
use questions::{Kind, Numbers, asked, query, response, wire_name};

/// Room for every answer of every size that is measured, so that none is evicted.
const CACHE_OCTETS: u64 = 4 << 30;
/// Octets of the buffer that a reply is written to, as a worker has them.
const REPLY_OCTETS: usize = 4096;
/// How many answers there are.
const SIZES: [(&str, u32); 3] = [("1k", 1_000), ("1M", 1_000_000), ("5M", 5_000_000)];
/// Octets of memory that a cached answer takes, about.
const ANSWER_OCTETS: u64 = 220;

fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
}

/// A configuration that answers everybody, with so many rules beside the root's.
fn config(rules: usize) -> Config {
    let mut config = Config::default();
    let view = &mut config.views[0];
    let forwarders = vec![Forwarder::new(([192, 0, 2, 1], 53).into())];
    let settings = ForwardSettings { forwarders, ..ForwardSettings::default() };
    let any = tandem::config::MatchList::any();
    view.access.query = any.clone();
    view.access.query_cache = any.clone();
    view.access.recursion = any;
    view.forward = settings.clone();
    let rule = |number| ForwardRule {
        name: Name::from_wire(&wire_name(&format!("z{number}.zones.example"))).expect("short labels"),
        settings: settings.clone(),
        position: None,
    };
    view.rules = (0..rules).map(rule).collect();
    config
}

fn state(rules: usize) -> State {
    State::new(&config(rules), Arc::new(Host::default()), [7; 16], &Zones::default())
}

fn snapshot(rules: usize) -> Arc<Snapshot> {
    state(rules).present()
}

fn context<'c>(snapshot: &'c Snapshot, cache: &'c Cache, meter: &'c Meter, now: Instant) -> Context<'c> {
    Context { snapshot, cache, now, unix: 1_700_000_000, rotation: 0, meter, query_log: None }
}

fn client() -> Client {
    let (address, destination) = (IpAddr::from([10, 2, 3, 4]), IpAddr::from(Ipv4Addr::LOCALHOST));
    Client { address, port: 4242, destination, transport: Transport::Udp }
}

/// `query/…`: a client's packet, read in place.
fn read_query(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("query");
    let name = wire_name("h1234.awslab.mycompany.corp");
    for (case, octets) in [
        ("plain", query(&name, 1, questions::Opt::None)),
        ("edns", query(&name, 1, questions::Opt::Plain)),
        ("edns-cookie", query(&name, 1, questions::Opt::Cookie)),
    ] {
        group.bench_function(case, |bencher| bencher.iter(|| Query::read(black_box(&octets))));
    }
    group.finish();
}

/// Queries one behind the other, as a socket's buffer has them: to read them is not to cost what the cache costs.
#[derive(Default)]
struct Queries {
    octets: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Queries {
    fn push(&mut self, query: &[u8]) {
        self.octets.extend_from_slice(query);
        self.ends.push(u32::try_from(self.octets.len()).expect("less than 4 GiB of queries"));
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.octets[start as usize..self.ends[index] as usize]
    }
}

/// Fills a cache as an upstream's responses would; returns it with the queries, in an order without pattern.
fn filled(snapshot: &Snapshot, names: u32, dnssec_ok: bool, now: Instant) -> (Arc<Cache>, Queries) {
    let cache = Arc::new(Cache::new(CACHE_OCTETS, now));
    let view = &snapshot.views[0];
    let rule = view.rules.get(0).id;
    let (mut reader, mut segment) = (Reader::default(), Vec::new());
    let opt = if dnssec_ok { questions::Opt::DnssecOk } else { questions::Opt::None };
    let named = |number| (Kind::of(number), wire_name(&format!("h{number}.awslab.mycompany.corp")));
    for number in 0..names {
        let (kind, name) = named(number);
        let parts = Parts { view: view.id, rule, qtype: kind.qtype(), qclass: 1, dnssec_ok, checking_disabled: false };
        let key = Key::new(&parts, &name);
        let message = response(&name, kind, dnssec_ok);
        let asked = asked(&name, kind.qtype(), dnssec_ok, view.rules.layout());
        let kept = reader.read(&message, &asked, &mut segment).expect("a response of this file can be read");
        let key = if kept.whole_name { key.whole_name() } else { key };
        cache.insert(cache.hash(&key), &key, &segment, kept.ttl, now);
    }
    let (mut order, mut queries): (Vec<u32>, _) = ((0..names).collect(), Queries::default());
    Numbers::new(u64::from(names)).shuffle(&mut order);
    for (kind, name) in order.into_iter().map(named) {
        queries.push(&query(&name, kind.qtype(), opt));
    }
    check_all_hit(context(snapshot, &cache, &Meter::default(), now), &queries);
    (cache, queries)
}

/// `hit/…`: a query for an answer that is kept, from packet to reply.
fn hit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hit");
    group.throughput(Throughput::Elements(1));
    let snapshot = snapshot(0);
    for (size, names) in SIZES {
        for (case, dnssec_ok) in [("plain", false), ("do", true)] {
            // Filled only if it is measured, and once: a million names take a moment.
            let mut made = None;
            group.bench_function(BenchmarkId::new(case, size), |bencher| {
                let now = Instant::now();
                let (cache, queries) = made.get_or_insert_with(|| filled(&snapshot, names, dnssec_ok, now));
                let meter = Meter::default();
                let context = context(&snapshot, cache, &meter, now);
                let (mut out, mut next) = ([0; REPLY_OCTETS], 0);
                bencher.iter(|| {
                    next = if next + 1 == queries.len() { 0 } else { next + 1 };
                    decide(context, queries.get(next), client(), &mut out)
                });
            });
        }
    }
    group.finish();
}

/// `together/…`: the same, by as many at a time as a worker decides together.
fn together(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("together");
    group.throughput(Throughput::Elements(walk::MOST as u64));
    let state = Arc::new(state(0));
    let snapshot = state.present();
    for (size, names) in SIZES {
        let mut made = None;
        group.bench_function(size, |bencher| {
            let now = Instant::now();
            let (cache, queries) = made.get_or_insert_with(|| filled(&snapshot, names, false, now));
            let (mut desk, moment) = (desk(&state, cache, now), Moment { now, unix: 1_700_000_000 });
            let (mut out, mut next) = ([0; REPLY_OCTETS], 0);
            bencher.iter(|| {
                next = if next + 2 * walk::MOST > queries.len() { 0 } else { next + walk::MOST };
                let mut walk = desk.walk(moment);
                for index in 0..walk::MOST {
                    walk.read(index, queries.get(next + index), client(), &mut out);
                }
                walk.prefetch();
                (0..walk::MOST).for_each(|index| {
                    black_box(walk.decide(index, &mut out));
                });
            });
        });
    }
    group.finish();
}

fn desk(state: &Arc<State>, cache: &Arc<Cache>, epoch: Instant) -> Desk<()> {
    let upstream = upstream::Common {
        cache: Arc::clone(cache),
        in_flight: Arc::new(InFlight::default()),
        budget: Arc::new(HedgeBudget::default()),
        epoch,
    };
    let waiting = Quota::new(Bounds::of_waiting_questions(&Config::default().limits));
    Desk::new(
        0,
        [7; 32],
        desk::Common {
            state: Arc::clone(state),
            waiting,
            upstream,
            metrics: Arc::default(),
            query_log: Arc::default(),
        },
    )
}

/// `memory/…`: an access whose address the one before has told, within as much memory as so many answers take.
fn memory(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory");
    for (size, names) in SIZES {
        let mut made = None;
        group.bench_function(size, |bencher| {
            let chase = made.get_or_insert_with(|| chase::Chase::new(u64::from(names) * ANSWER_OCTETS));
            bencher.iter(|| chase.step());
        });
    }
    group.finish();
}

/// `threads/…`: the time of a hit on one core, and while another core does the same: with all that workers share, and with
/// a cache and rules of its own. The machine's own share is in both: its cores have memory and clocks in common.
fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("threads");
    let now = Instant::now();
    let cores = tandem::sys::cores::usable();
    let makings: Vec<_> = (0..cores.len().min(2))
        .map(|_| {
            let snapshot = snapshot(0);
            let (cache, queries) = filled(&snapshot, 1_000, false, now);
            (snapshot, cache, queries)
        })
        .collect();
    for (case, users) in [("alone", &[0][..]), ("apart", &[0, 1]), ("together", &[0, 0])] {
        if users.len() > makings.len() {
            continue;
        }
        group.bench_function(case, |bencher| {
            bencher.iter_custom(|times| {
                let work = |core: usize, (snapshot, cache, queries): &(Arc<Snapshot>, Arc<Cache>, Queries)| {
                    tandem::sys::cores::stay_on(core);
                    let meter = Meter::default();
                    let (context, mut out) = (context(snapshot, cache, &meter, now), [0; REPLY_OCTETS]);
                    let start = Instant::now();
                    for turn in 0..times {
                        // Each begins elsewhere.
                        let index = (turn as usize + core * queries.len() / 2) % queries.len();
                        black_box(decide(context, queries.get(index), client(), &mut out));
                    }
                    start.elapsed()
                };
                std::thread::scope(|scope| {
                    let work = &work;
                    let start = |(core, user): (&usize, &usize)| {
                        let (core, making) = (*core, &makings[*user]);
                        scope.spawn(move || work(core, making))
                    };
                    let all: Vec<_> = cores.iter().zip(users).map(start).collect();
                    let time = all.into_iter().map(|thread| thread.join().expect("a benchmark does not panic")).max();
                    time.unwrap_or_default()
                })
            });
        });
    }
    group.finish();
}

fn check_all_hit(context: Context<'_>, queries: &Queries) {
    let mut out = [0; REPLY_OCTETS];
    let is_hit = |index: &usize| matches!(decide(context, queries.get(*index), client(), &mut out), Decision::Reply(octets) if octets > 12);
    let hits = (0..queries.len()).filter(is_hit).count();
    assert_eq!(hits, queries.len(), "a query of the benchmark is not answered from the cache");
}

/// `patch/…`: the records of a reply, copied with their TTLs counted down and their addresses rotated.
fn patch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("patch");
    let name = wire_name("h1.awslab.mycompany.corp");
    for (case, kind) in [("one address", Kind::Address(1)), ("eight addresses", Kind::Address(8)), ("text", Kind::Text)]
    {
        let mut octets = Vec::new();
        let asked = asked(&name, kind.qtype(), false, 0);
        Reader::default().read(&response(&name, kind, false), &asked, &mut octets).expect("it can be read");
        let (mut out, mut rotation) = ([0; REPLY_OCTETS], 0u32);
        group.bench_function(case, |bencher| {
            bencher.iter(|| {
                rotation = rotation.wrapping_add(1);
                Segment::new(black_box(&octets)).copy_into(&mut out, 1, rotation)
            });
        });
    }
    group.finish();
}

/// `rules/…`: the rule of a name, among so many.
fn rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    for count in [10, 100_000] {
        let snapshot = snapshot(count);
        let rules = &snapshot.views[0].rules;
        let mut numbers = Numbers::new(3);
        let mut below = || wire_name(&format!("h.z{}.zones.example", numbers.below(count as u64)));
        let inside: Vec<Vec<u8>> = (0..4096).map(|_| below()).collect();
        let outside: Vec<Vec<u8>> = (0..4096).map(|i| wire_name(&format!("h{i}.awslab.mycompany.corp"))).collect();
        assert!(inside.iter().all(|name| rules.find(name, 1) != 0), "every name of this list has a rule");
        for (case, names) in [("inside", inside), ("outside", outside)] {
            let mut next = 0;
            group.bench_function(BenchmarkId::new(case, count), |bencher| {
                bencher.iter(|| {
                    next = (next + 1) % names.len();
                    rules.find(black_box(&names[next]), 1)
                });
            });
        }
    }
    group.finish();
}

/// `miss/…`: so many queries for new names, from packet to question and from response to reply, without the sockets.
fn miss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("miss");
    for clients in [1, 64] {
        group.throughput(Throughput::Elements(clients as u64));
        let mut exchange = Exchange::new(state(0), CACHE_OCTETS);
        group.bench_function(BenchmarkId::from_parameter(clients), |bencher| bencher.iter(|| exchange.round(clients)));
    }
    group.finish();
}

/// `insert/…`: an answer put into a cache that has room, that has it already, and that is full.
fn insert(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("insert");
    let now = Instant::now();
    let name = wire_name("h1.awslab.mycompany.corp");
    let mut segment = Vec::new();
    let message = response(&name, Kind::Address(1), false);
    Reader::default().read(&message, &asked(&name, 1, false, 0), &mut segment).expect("it can be read");
    let key = |number: u64| {
        let parts = Parts { view: 0, rule: 1, qtype: 1, qclass: 1, dnssec_ok: false, checking_disabled: false };
        Key::new(&parts, &wire_name(&format!("h{number}.awslab.mycompany.corp")))
    };
    for (case, octets, repeat) in
        [("new", CACHE_OCTETS, u64::MAX), ("again", CACHE_OCTETS, 1_000), ("full", 8 << 20, u64::MAX)]
    {
        let cache = Cache::new(octets, now);
        let mut next = 0;
        if case == "full" {
            (0..100_000).for_each(|number| {
                let key = key(u64::MAX - number);
                cache.insert(cache.hash(&key), &key, &segment, 600, now);
            });
            assert!(cache.evicted_live() > 0, "the cache of this case is full");
        }
        group.bench_function(case, |bencher| {
            let make_key = || {
                next += 1;
                key(next % repeat)
            };
            let put = |key: Key| cache.insert(cache.hash(&key), &key, &segment, 600, now);
            bencher.iter_batched(make_key, put, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// `response/…`: an upstream's response made into a segment: copied as it is, or written anew because part of it is
/// dropped.
fn read_response(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("response");
    let name = wire_name("h1.awslab.mycompany.corp");
    for (case, kind, dnssec_ok) in [
        ("verbatim", Kind::Address(1), false),
        ("verbatim eight", Kind::Address(8), false),
        ("alias", Kind::Alias, false),
        ("rewritten", Kind::WithStranger, false),
        ("signed", Kind::Address(1), true),
        ("no such name", Kind::Absent, false),
    ] {
        let message = response(&name, kind, dnssec_ok);
        let asked = asked(&name, kind.qtype(), dnssec_ok, 0);
        let (mut reader, mut segment) = (Reader::default(), Vec::new());
        reader.read(&message, &asked, &mut segment).expect("a response of this file can be read");
        group.bench_function(case, |bencher| {
            bencher.iter(|| reader.read(black_box(&message), &asked, &mut segment));
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = read_query, hit, together, memory, threads, miss, patch, rules, insert, read_response, zones::memory, zones::find, zones::together, zones::change);

fn main() -> std::process::ExitCode {
    report::main(|| {
        benches();
        Criterion::default().configure_from_args().final_summary();
    })
}
