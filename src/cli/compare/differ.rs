//! Comparing what two servers said to one question.
//!
//! Not a difference unless asked for: TTLs (each cache counts down from when it asked), AA, additional records, the
//! EDNS size; and authority records beside an answer, which servers may leave out. Never one: the order of records.

use std::fmt;

use super::response::{Outcome, Response, Rrsets, Shown};

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Kind {
    /// One has answered and the other has not
    NoAnswer,
    /// The RCODE
    Rcode,
    /// The records of the answer
    Answer,
    /// TTLs of the answer, further apart than said
    Ttl,
    /// TC: the answer is cut
    Tc,
    /// RA: recursion is offered
    Ra,
    /// AD: the answer was validated
    Ad,
    /// AA: the answer is an authority's
    Aa,
    /// The SOA or name servers of an answer without records
    Authority,
    /// Additional records
    Additional,
    /// Whether there is an OPT record
    Edns,
    /// The size that the OPT record tells
    EdnsSize,
}

impl Kind {
    pub(super) const ALL: [Self; 12] = [
        Self::NoAnswer,
        Self::Rcode,
        Self::Answer,
        Self::Ttl,
        Self::Tc,
        Self::Ra,
        Self::Ad,
        Self::Aa,
        Self::Authority,
        Self::Additional,
        Self::Edns,
        Self::EdnsSize,
    ];

    /// What two right servers may do differently.
    const MAY_DIFFER: [Self; 4] = [Self::Ttl, Self::Aa, Self::Additional, Self::EdnsSize];
}

/// As an argument has it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoAnswer => "no-answer",
            Self::Rcode => "rcode",
            Self::Answer => "answer",
            Self::Ttl => "ttl",
            Self::Tc => "tc",
            Self::Ra => "ra",
            Self::Ad => "ad",
            Self::Aa => "aa",
            Self::Authority => "authority",
            Self::Additional => "additional",
            Self::Edns => "edns",
            Self::EdnsSize => "edns-size",
        })
    }
}

/// What counts.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    counted: Vec<Kind>,
    /// How far TTLs may be apart, in seconds.
    ttl_seconds: u32,
}

impl Rules {
    /// The usual ones with `also` and without `ignored`; TTLs count where a distance is given.
    pub(super) fn new(also: &[Kind], ignored: &[Kind], ttl_seconds: Option<u32>) -> Self {
        let counts = |kind: &Kind| {
            let is_wanted = also.contains(kind) || (*kind == Kind::Ttl && ttl_seconds.is_some());
            !ignored.contains(kind) && (is_wanted || !Kind::MAY_DIFFER.contains(kind))
        };
        let counted = Kind::ALL.into_iter().filter(counts).collect();
        Self { counted, ttl_seconds: ttl_seconds.unwrap_or(0) }
    }
}

/// One difference, with what each server has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub kind: Kind,
    pub against: String,
    pub with: String,
}

/// What differs and counts.
pub(super) fn differences(against: &Outcome, with: &Outcome, rules: &Rules) -> Vec<Difference> {
    let mut found = match (against, with) {
        (Outcome::Answered(against), Outcome::Answered(with)) => between(against, with, rules.ttl_seconds),
        _ if against == with => Vec::new(),
        _ => vec![Difference { kind: Kind::NoAnswer, against: brief(against), with: brief(with) }],
    };
    found.retain(|difference| rules.counted.contains(&difference.kind));
    found
}

fn between(against: &Response, with: &Response, ttl_seconds: u32) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |kind, against: String, with: String| {
        if against != with {
            found.push(Difference { kind, against, with });
        }
    };
    compare(Kind::Rcode, against.status(), with.status());
    if has_same_data(&against.answer, &with.answer) {
        if let Some((one, other)) = distant_ttls(&against.answer, &with.answer, ttl_seconds) {
            compare(Kind::Ttl, one, other);
        }
    } else {
        let (one, other) = exclusive(&against.answer, &with.answer);
        compare(Kind::Answer, one, other);
    }
    for (kind, one, other) in [
        (Kind::Tc, against.truncated, with.truncated),
        (Kind::Ra, against.recursion_available, with.recursion_available),
        (Kind::Ad, against.authentic_data, with.authentic_data),
        (Kind::Aa, against.authoritative, with.authoritative),
        (Kind::Edns, against.edns_udp_bytes.is_some(), with.edns_udp_bytes.is_some()),
    ] {
        compare(kind, yes_no(one), yes_no(other));
    }
    // Beside an answer it is a matter of taste (minimal-responses).
    if against.answer.is_empty() && with.answer.is_empty() && !has_same_data(&against.authority, &with.authority) {
        compare(Kind::Authority, Shown(&against.authority).to_string(), Shown(&with.authority).to_string());
    }
    if !has_same_data(&against.additional, &with.additional) {
        compare(Kind::Additional, Shown(&against.additional).to_string(), Shown(&with.additional).to_string());
    }
    if let (Some(one), Some(other)) = (against.edns_udp_bytes, with.edns_udp_bytes) {
        compare(Kind::EdnsSize, one.to_string(), other.to_string());
    }
    found
}

/// The records, without TTLs.
fn data(sets: &Rrsets) -> Vec<(&(String, u16), &std::collections::BTreeSet<String>)> {
    sets.iter().map(|(key, set)| (key, &set.data)).collect()
}

/// The records, in few words those that only one has.
fn exclusive(one: &Rrsets, other: &Rrsets) -> (String, String) {
    let whole = (Shown(one).to_string(), Shown(other).to_string());
    if whole.0 != whole.1 {
        return whole;
    }
    // Both begin alike and have more than a line holds.
    let without = |sets: &Rrsets, others: &Rrsets| {
        let mut rest = sets.clone();
        for (key, set) in &mut rest {
            set.data.retain(|data| !others.get(key).is_some_and(|other| other.data.contains(data)));
        }
        format!("besides those of both: {}", Shown(&rest))
    };
    (without(one, other), without(other, one))
}

fn has_same_data(one: &Rrsets, other: &Rrsets) -> bool {
    data(one) == data(other)
}

/// The TTLs of the first RRset in which they are too far apart; both have the same RRsets.
fn distant_ttls(one: &Rrsets, other: &Rrsets, ttl_seconds: u32) -> Option<(String, String)> {
    let mut pairs = one.values().zip(other.values());
    let (one, other) = pairs.find(|(one, other)| one.ttl.abs_diff(other.ttl) > ttl_seconds)?;
    Some((format!("{} s", one.ttl), format!("{} s", other.ttl)))
}

fn yes_no(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(response) => response.status(),
        Outcome::Silent => "no answer in time".to_owned(),
        Outcome::Garbled(what) | Outcome::Failed(what) => what.clone(),
    }
}
