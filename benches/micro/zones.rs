//! `zone/…`: look-ups in local zones of three sizes, what loading and changing one costs, and its memory.
//!
//! Names are asked in an order without pattern. `positive` finds an address, `negative` a name that is not there,
//! `wildcard` a name two labels below one that a wildcard stands for, `deep` a name of 127 labels of which three exist.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use tandem::wire::Name;
use tandem::zone::{Builder, Delta, Found, Record, Zone};

use super::questions::{Numbers, wire_name};
use super::table;

const APEX: &str = "awslab.mycompany.corp";
const SIZES: [(&str, u32); 3] = [("10", 10), ("1k", 1_000), ("1M", 1_000_000)];
/// How many questions there are at most: enough that a million names do not stay near.
const QUESTIONS: usize = 1 << 18;
/// Octets of memory that a record with a name of its own takes at most, in a zone of a million.
const MOST_OCTETS: f64 = 160.0;

const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;

fn record(owner: &[u8], rtype: u16, rdata: &[u8]) -> Record {
    let owner = Name::from_wire(owner).expect("short labels");
    Record { owner, rtype, ttl: 300, rdata: rdata.into(), position: None }
}

fn host(number: u32) -> Vec<u8> {
    wire_name(&format!("h{number}.{APEX}"))
}

fn address(number: u32) -> Record {
    record(&host(number), A, &number.to_be_bytes())
}

fn soa(serial: u32) -> Record {
    let numbers = [serial, 3600, 600, 86_400, 60].map(u32::to_be_bytes).concat();
    record(&wire_name(APEX), SOA, &[&b"\x02ns\0\x04host\0"[..], &numbers].concat())
}

/// So many names with one address each; a wildcard stands for names below `apps`.
fn zone(names: u32) -> Zone {
    let mut builder = Builder::new(Name::from_wire(&wire_name(APEX)).expect("short labels"));
    builder.add(soa(1));
    builder.add(record(&wire_name(APEX), NS, &wire_name("ns.example")));
    builder.add(record(&wire_name(&format!("*.apps.{APEX}")), A, &[192, 0, 2, 1]));
    (0..names).for_each(|number| builder.add(address(number)));
    builder.finish().map(|(zone, _)| zone).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A kind of question: its name, the owner for a number, and whether what is found is right.
type Case = (&'static str, fn(u32) -> Vec<u8>, fn(&Found<'_>) -> bool);

/// How many look-ups are made together: as many as a worker decides queries.
const TOGETHER: usize = tandem::answer::walk::MOST;

/// `zone-together/…`: addresses found by as many look-ups at a time as a worker makes, whose memory is asked for ahead.
pub(super) fn together(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("zone-together");
    group.throughput(Throughput::Elements(TOGETHER as u64));
    for (size, names) in SIZES {
        let mut made = None;
        group.bench_function(size, |bencher| {
            let (zone, questions): &(Zone, Vec<Vec<u8>>) =
                made.get_or_insert_with(|| (zone(names), shuffled(names).into_iter().map(host).collect()));
            let mut all = questions.iter().cycle();
            bencher.iter(|| {
                let names: [&[u8]; TOGETHER] = std::array::from_fn(|_| all.next().map_or(&[0][..], |name| name));
                let hashes = names.map(tandem::zone::hash);
                hashes.iter().for_each(|hash| zone.prefetch_way(*hash));
                hashes.iter().for_each(|hash| zone.prefetch_place(*hash));
                hashes.iter().for_each(|hash| zone.prefetch_node(*hash));
                let found = names.iter().zip(hashes).map(|(name, hash)| zone.find_hashed(name, hash, A));
                found.filter(|found| matches!(found, Found::Rrset(_))).count()
            });
        });
    }
    group.finish();
}

/// Numbers of hosts, in an order without pattern.
fn shuffled(names: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..names).collect();
    Numbers::new(u64::from(names)).shuffle(&mut order);
    order.truncate(QUESTIONS);
    order
}

pub(super) fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("zone");
    group.throughput(Throughput::Elements(1));
    let deep = |_| [b"\x01x".repeat(124), wire_name(APEX)].concat();
    let is_rrset = |found: &Found<'_>| matches!(found, Found::Rrset(_));
    let is_absent = |found: &Found<'_>| matches!(found, Found::NxDomain);
    let cases: [Case; 4] = [
        ("positive", host, is_rrset),
        ("negative", |number| wire_name(&format!("no{number}.{APEX}")), is_absent),
        ("wildcard", |number| wire_name(&format!("a.b{number}.apps.{APEX}")), is_rrset),
        ("deep", deep, is_absent),
    ];
    for (size, names) in SIZES {
        let mut made = None;
        for (case, owner, is_right) in cases {
            group.bench_function(BenchmarkId::new(case, size), |bencher| {
                let zone: &Zone = made.get_or_insert_with(|| zone(names));
                let questions: Vec<Vec<u8>> = shuffled(names).into_iter().map(owner).collect();
                assert!(questions.iter().all(|name| is_right(&zone.find(name, A))), "{case}: every question");
                let mut next = 0;
                bencher.iter(|| {
                    next = if next + 1 == questions.len() { 0 } else { next + 1 };
                    is_right(&zone.find(black_box(&questions[next]), A))
                });
            });
        }
    }
    group.finish();
}

/// `zone-change/…`: an address replaced by another while readers keep the version before; `zone-load`: a record of a zone
/// that is being read.
pub(super) fn change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("zone-change");
    for (size, names) in SIZES {
        let mut made = None;
        group.bench_function(size, |bencher| {
            let zone: &mut Zone = made.get_or_insert_with(|| zone(names));
            let mut numbers = Numbers::new(5);
            let mut delta = |serial: u32| {
                let number = numbers.below(u64::from(names)) as u32;
                Delta { removed: vec![soa(serial), address(number)], added: vec![soa(serial + 1), address(number)] }
            };
            bencher.iter(|| {
                let reader = zone.clone();
                zone.apply(&delta(zone.serial())).expect("it fits");
                reader
            });
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("zone-load");
    for (size, names) in [("1k", 1_000), ("100k", 100_000)] {
        group.throughput(Throughput::Elements(u64::from(names)));
        group.bench_function(size, |bencher| bencher.iter_batched(|| (), |()| zone(names), BatchSize::PerIteration));
    }
    group.finish();
}

/// Says what a zone of a million records takes.
pub(super) fn memory(_: &mut Criterion) {
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let names = 1_000_000;
    tandem::sys::memory::give_back();
    let before = resident_octets();
    let zone = zone(names);
    tandem::sys::memory::give_back();
    let each = resident_octets().saturating_sub(before) as f64 / f64::from(names);
    let verdict = if each <= MOST_OCTETS { "met" } else { "missed" };
    table::note(&format!("zone of {} records: {each:.0} octets each (≤ {MOST_OCTETS:.0}: {verdict})", zone.records()));
}

/// Of this process.
fn resident_octets() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) * 1024
}
