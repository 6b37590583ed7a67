//! What it costs to ask a match list, and to build one, by its length.
//!
//! `cargo bench --bench access`

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use tandem::access::{Acl, Host};
use tandem::config::{Match, MatchElement, MatchList};

/// Enough different addresses that the branch predictor cannot learn them.
const QUESTIONS: usize = 4096;

/// A repeatable stream of numbers (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// A prefix of a length that lists have (IPv4 /16–/32, IPv6 /32–/64 below 2000::/3), every eighth one negated.
fn element(numbers: &mut Numbers, v6: bool) -> MatchElement {
    let bits = numbers.next();
    let what = if v6 {
        let address = Ipv6Addr::from_bits((u128::from(bits >> 3 | 1 << 61) << 64) | u128::from(numbers.next()));
        IpNet::V6(Ipv6Net::new(address, 32 + (bits % 33) as u8).expect("at most 64").trunc())
    } else {
        let address = Ipv4Addr::from_bits((bits >> 32) as u32);
        IpNet::V4(Ipv4Net::new(address, 16 + (bits % 17) as u8).expect("at most 32").trunc())
    };
    MatchElement { negated: numbers.next().is_multiple_of(8), what: Match::Prefix(what), position: None }
}

fn list(length: usize, v6: bool) -> MatchList {
    let mut numbers = Numbers(length as u64 + 1);
    MatchList { elements: (0..length).map(|_| element(&mut numbers, v6)).collect() }
}

/// Half of the addresses lie in a prefix of the list, half anywhere.
fn questions(list: &MatchList, v6: bool) -> Vec<IpAddr> {
    let mut numbers = Numbers(7);
    let anywhere = |numbers: &mut Numbers| match element(numbers, v6).what {
        Match::Prefix(net) => net.addr(),
        _ => unreachable!("elements are prefixes"),
    };
    let inside = |numbers: &mut Numbers| match &list.elements[numbers.next() as usize % list.elements.len()].what {
        Match::Prefix(net) => net.broadcast(),
        _ => unreachable!("elements are prefixes"),
    };
    (0..QUESTIONS).map(|i| if i % 2 == 0 { anywhere(&mut numbers) } else { inside(&mut numbers) }).collect()
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(QUESTIONS as u64));
    for (family, v6) in [("v4", false), ("v6", true)] {
        for length in [10, 1_000, 100_000] {
            let list = list(length, v6);
            let acl = Acl::compile(&list, &Arc::new(Host::default()));
            let questions = questions(&list, v6);
            group.bench_function(format!("{family}/{length}"), |bencher| {
                bencher.iter(|| questions.iter().filter(|address| acl.decide(**black_box(address)).allowed).count());
            });
        }
    }
    group.finish();
}

fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    let host = Arc::new(Host::default());
    for (family, v6) in [("v4", false), ("v6", true)] {
        let list = list(100_000, v6);
        group.bench_function(format!("{family}/100000"), |bencher| {
            bencher.iter(|| Acl::compile(black_box(&list), &host));
        });
    }
    group.finish();
}

/// Enough to see a change of some hundredths, and short enough to be run with the others.
fn settings() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group!(name = benches; config = settings(); targets = decide, compile);
criterion_main!(benches);
