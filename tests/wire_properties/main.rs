//! What holds of every answer on its way from an upstream through the cache to a client.
//!
//! Random responses are read, kept, patched and composed by Tandem, and read again by hickory's decoder, which shares
//! no code with it. Upstreams, names and compression are drawn in `upstream`, queries and expectations in `client`.

mod client;
mod upstream;

use std::time::{Duration, Instant};

use hickory_proto::op::Message;
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::wire::segment::{self, Segment};
use tandem::wire::{Meta, fuzz_query, fuzz_response};

use client::{Asking, Expected, Server, any_asking};
use upstream::{Ending, QTYPES, Response, Shape, Style, any_shape, any_style, draw_name};

/// One segment of a chain of aliases: what an upstream says and how it writes it.
#[derive(Clone, Debug)]
struct Hop {
    shape: Shape,
    style: Style,
    /// How long ago its segment was stored, in milliseconds.
    age_ms: u64,
    /// The chain goes on under the same rule: the upstream did not follow its own alias.
    stays: bool,
}

fn any_hop() -> impl Strategy<Value = Hop> {
    let age = prop_oneof![3 => Just(0u64), 4 => 0u64..3_000, 2 => 0u64..400_000, 1 => 0u64..700_000_000];
    (any_shape(), any_style(), age, prop::bool::weighted(0.3)).prop_map(|(shape, style, age_ms, stays)| Hop {
        shape,
        style,
        age_ms,
        stays,
    })
}

/// The wire form of the apex of rule `n`.
fn apex(n: usize) -> Vec<u8> {
    format!("\x02r{n}\x04test\0").into_bytes()
}

/// named follows eleven links, and so many are four hops with two of their own each.
const MAX_LINKS_OF_A_HOP: usize = 2;

/// Draws the responses of a chain that passes the rules 0, 1, 2…
fn draw_chain(hops: &[Hop], qtype: u16, dnssec_ok: bool) -> Vec<Response> {
    let (mut rule, mut names) = (0, Vec::new());
    for (n, hop) in hops.iter().enumerate() {
        let apex = apex(rule);
        let mut name = format!("\x02h{n}").into_bytes();
        name.extend(draw_name(&mut StdRng::seed_from_u64(!hop.shape.seed), &apex));
        names.push((name, apex));
        rule += usize::from(!hop.stays);
    }
    let draw = |(n, hop): (usize, &Hop)| {
        let next = names.get(n + 1).map(|(name, _)| name.as_slice());
        let shape = Shape { links: hop.shape.links.min(MAX_LINKS_OF_A_HOP), ..hop.shape.clone() };
        Response::draw(&shape, (&names[n].0, &names[n].1), qtype, next, dnssec_ok)
    };
    hops.iter().enumerate().map(draw).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// A chain of one to four segments, each stored at its own time, is what the upstreams said, one after the other, TTLs
    /// counted down; a client that takes less gets TC.
    #[test]
    fn a_cached_answer_is_what_the_upstreams_said(
        hops in vec(any_hop(), 1..=4),
        qtype in prop::sample::select(&QTYPES[..]),
        asking in any_asking(),
    ) {
        let responses = draw_chain(&hops, qtype, asking.dnssec_ok());
        let server = Server::new(asking.now);
        let mut expected = Expected::default();
        let mut lost = None;
        for (n, (hop, response)) in hops.iter().zip(&responses).enumerate() {
            let message = response.encode(hop.style, hop.shape.seed);
            let kept = server.store(response, &message, &asking, asking.now - Duration::from_millis(hop.age_ms));
            lost = lost.or((u64::from(kept.ttl) * 1000 <= hop.age_ms).then_some(n));
            if lost.is_none() {
                expected.append(response, &message, hop.age_ms, asking.rotation);
            }
        }
        match server.ask(&asking, &responses[0]) {
            None => prop_assert!(lost.is_some(), "what is kept is not asked again"),
            Some(whole) => {
                // Without RD the rest of a chain is the client's to ask.
                let part = lost.is_some_and(|n| n > 0) && !asking.recursion_desired();
                prop_assert!(lost.is_none() || part, "what has expired is not given out");
                asking.check(&whole, &responses[0], &expected);
                asking.check_by_udp(&whole, &server.ask_by_udp(&asking, &responses[0]));
            }
        }
    }

    /// An answer that was just fetched is handed on in the same way, also if it may not be kept at all.
    #[test]
    fn a_fresh_answer_is_what_the_upstream_said(
        hop in any_hop(),
        qtype in prop::sample::select(&QTYPES[..]),
        asking in any_asking(),
    ) {
        let responses = draw_chain(std::slice::from_ref(&hop), qtype, asking.dnssec_ok());
        let message = responses[0].encode(hop.style, hop.shape.seed);
        let server = Server::new(asking.now);
        let (segment, _) = server.read(&responses[0], &message, &asking);
        let mut expected = Expected::default();
        expected.append(&responses[0], &message, 0, asking.rotation);
        asking.check(&server.resume(&asking, &responses[0], &segment), &responses[0], &expected);
    }

    /// Whether the records can be copied as they are or have to be written anew makes no difference to their reader.
    #[test]
    fn copied_and_rewritten_answers_are_the_same(
        hop in any_hop(),
        qtype in prop::sample::select(&QTYPES[..]),
        asking in any_asking(),
    ) {
        let shape = Shape { noise: false, ..hop.shape };
        let hop = Hop { shape, ..hop };
        let response = &draw_chain(std::slice::from_ref(&hop), qtype, asking.dnssec_ok())[0];
        let server = Server::new(asking.now);
        let decode = |response: &Response| {
            let (segment, kept) = server.read(response, &response.encode(hop.style, hop.shape.seed), &asking);
            let reply = server.resume(&asking, response, &segment);
            let message = Message::from_vec(&reply).expect("hickory reads every reply");
            let ttls: Vec<u32> = message.all_sections().map(|record| record.ttl).collect();
            (kept, ttls, message.answers, message.authorities)
        };
        prop_assert_eq!(decode(response), decode(&response.with_intruder()));
    }

    /// Changed, cut or lengthened responses are refused or read, and what is kept of them can be read again.
    #[test]
    fn no_octets_make_the_readers_panic(
        hop in any_hop(),
        qtype in prop::sample::select(&QTYPES[..]),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        moved in any::<bool>(),
    ) {
        let shape = Shape { records: hop.shape.records.min(20), ..hop.shape };
        let responses = draw_chain(&[Hop { shape: shape.clone(), ..hop }], qtype, true);
        let mut octets = responses[0].encode(hop.style, shape.seed);
        for (place, value) in &changes {
            let at = place.index(octets.len());
            octets[at] = *value;
        }
        if moved {
            let at = cut.index(octets.len());
            let piece = octets[at..].to_vec();
            octets.truncate(at);
            octets.extend(changes.iter().map(|(_, value)| value));
            octets.extend(piece);
        }
        fuzz_response(&octets);
        fuzz_response(&octets[..cut.index(octets.len())]);
        octets[2] &= !0x80;
        fuzz_query(&octets);
    }

    /// A segment gives back what was put into it.
    #[test]
    fn a_segment_gives_back_what_was_put_into_it(
        (rcode, authentic, linked, authoritative) in (0u8..16, any::<bool>(), any::<bool>(), any::<bool>()),
        layout in any::<u32>(),
        (answers, authority, ede) in any::<(u16, u16, u16)>(),
        (rotate_first, rotate_count) in any::<(u16, u16)>(),
        offsets in vec(any::<u16>(), 0..300),
        next in vec(any::<u8>(), 0..=255),
        body in vec(any::<u8>(), 0..3000),
    ) {
        let flags = Meta { rcode, authentic, linked, authoritative, ..Meta::default() };
        let meta = Meta { answers, authority, rotate_first, rotate_count, ede, layout, ..flags };
        let mut octets = vec![1, 2, 3];
        segment::encode(&mut octets, &meta, &offsets, &next, &body).expect("it is short enough");
        let segment = Segment::new(&octets);
        prop_assert_eq!(segment.meta(), meta);
        prop_assert_eq!(segment.next(), &next[..]);
        prop_assert_eq!(segment.body(), &body[..]);
        prop_assert!(segment.ttl_offsets().eq(offsets.iter().map(|&offset| usize::from(offset))));
    }
}

/// The properties above mean something only if both paths are taken: what is sent compressed or not is copied as it is,
/// and with an intruder in front it is written anew, always alike.
#[test]
fn responses_take_both_paths() {
    let asking = Asking::plain(Instant::now());
    let server = Server::new(asking.now);
    let shape = Shape { seed: 7, links: 2, records: 3, ending: Ending::Positive, signed: false, noise: false };
    let response = Response::draw(&shape, (b"\x01a\x02r0\x04test\0", &apex(0)), 1, None, false);
    let question_end = 12 + response.qname.len() + 4;
    let mut rewritten = Vec::new();
    for style in [Style::Always, Style::Never] {
        let message = response.encode(style, 7);
        let (copied, _) = server.read(&response, &message, &asking);
        assert_eq!(Segment::new(&copied).body().len(), message.len() - question_end, "{style:?}: copied whole");
        let intruder = response.with_intruder();
        let (segment, _) = server.read(&intruder, &intruder.encode(style, 7), &asking);
        rewritten.push(Segment::new(&segment).body().to_vec());
    }
    assert_eq!(rewritten[0], rewritten[1]);
}
