//! What is told of the running server in numbers: gathered once, then written as JSON, as XML or as text.
//!
//! [`gather`] adds up what workers counted and asks the cache, quotas and zones how they are; what is told then has the
//! names, the places and the types that named 9.18 gives it, so that what reads named's statistics reads ours. A number
//! that this server does not know is left out, never told as zero; where named leaves zeros out, so does this.
//! Not here: counting ([`crate::metrics`]), who may read it and how it is carried (`http`, `control`).

pub mod json;
mod tables;
pub mod text;
pub mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cache::{Census, Known};
use crate::health::overrides::Utc;
use crate::metrics::{QTYPES, Sums, ViewSums, ZoneCounters, ZoneSums};
use crate::office::{Facts, Office, Origin};
use crate::state::Snapshot;
use crate::state::rules::Local;
use crate::sys::memory;
use crate::wire::header::rtype;
use crate::wire::mnemonic::type_name;

/// See the module.
pub struct Statistics {
    facts: Arc<Facts>,
    snapshot: Arc<Snapshot>,
    now: SystemTime,
    sums: Box<Sums>,
    views: Vec<ViewLine>,
    connections_high_water: u32,
    waiting: u32,
    refused: u64,
    workers: usize,
    cache_capacity: u64,
    cache_octets: u64,
    resident_octets: Option<u64>,
}

/// A view.
struct ViewLine {
    name: String,
    sums: ViewSums,
    /// RRsets by named's words for them, in the order of types.
    kept: Vec<(String, u64)>,
    /// Entries, octets, and those that left: before their TTL ended, after it.
    entries: u64,
    octets: u64,
    left: (u64, u64),
}

/// Adds up what there is to know at `now`. Locks every shard of the cache for a moment.
pub fn gather(office: &Office, now: SystemTime) -> Statistics {
    let (shared, desks) = (&office.shared, &office.shared.desks);
    let sums = desks.metrics.sums();
    let census = desks.upstream.cache.census();
    let snapshot = desks.state.present();
    let views = snapshot.views.iter().map(|view| view_line(&view.name, view.id, &sums, &census)).collect();
    Statistics {
        views,
        connections_high_water: shared.connections.high_water(),
        waiting: desks.waiting.used(),
        refused: desks.waiting.refused() + desks.waiting.pushed_out(),
        workers: shared.mailboxes.len(),
        cache_capacity: desks.upstream.cache.capacity(),
        cache_octets: desks.upstream.cache.octets() as u64,
        resident_octets: memory::resident_octets(),
        facts: office.facts.load_full(),
        snapshot,
        now,
        sums,
    }
}

fn view_line(name: &str, id: u16, sums: &Sums, census: &Census) -> ViewLine {
    let own = || census.kept.iter().filter(|(content, _)| content.view == id);
    let mut kept: Vec<(String, u64)> = Vec::new();
    for (content, &count) in own() {
        let name = match content.known {
            Known::Records => qtype_name(content.qtype),
            Known::NoData => format!("!{}", qtype_name(content.qtype)),
            Known::NoName => "NXDOMAIN".to_owned(),
            // Nothing is known.
            Known::Failure => continue,
        };
        match kept.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => kept.push((name, count)),
        }
    }
    let left = census.left.get(&id).copied().unwrap_or_default();
    ViewLine {
        name: name.to_owned(),
        sums: sums.views.get(&id).cloned().unwrap_or_default(),
        kept,
        entries: own().map(|(_, count)| count).sum(),
        octets: census.octets.get(&id).copied().unwrap_or_default(),
        left: (left.live, left.expired),
    }
}

/// Names of types as named has them here: beyond 255 they are one.
fn qtype_name(qtype: u16) -> String {
    if usize::from(qtype) < QTYPES { type_name(qtype).to_string() } else { "Others".to_owned() }
}

/// QTYPEs that were counted, by name.
fn qtypes(counts: &[u64]) -> impl Iterator<Item = (String, u64)> {
    let counted = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    counted.map(|(qtype, &count)| (qtype_name(qtype as u16), count))
}

impl ZoneSums {
    /// The counters of the whole server, as far as they are of this zone: name, phrase, number.
    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        tables::NSSTAT.iter().map(|row| (row.name, row.phrase, self.by_name(row.name)))
    }

    /// By name.
    fn qtypes(&self) -> impl Iterator<Item = (String, u64)> {
        self.qtypes.iter().map(|&(qtype, count)| (qtype_name(qtype as u16), count))
    }
}

impl Statistics {
    fn cachestats(&self, view: &ViewLine) -> [(&'static str, &'static str, u64); 9] {
        use crate::metrics::Lookups::{Answered, LinkFound, LinkMissed, Missed};
        let lookup = |lookup| view.sums.lookup(lookup);
        [
            ("CacheHits", "cache hits", lookup(Answered) + lookup(LinkFound)),
            ("CacheMisses", "cache misses", lookup(Missed) + lookup(LinkMissed)),
            ("QueryHits", "cache hits (from query)", lookup(Answered)),
            ("QueryMisses", "cache misses (from query)", lookup(Missed)),
            ("DeleteLRU", "cache records deleted due to memory exhaustion", view.left.0),
            ("DeleteTTL", "cache records deleted due to TTL expiration", view.left.1),
            ("CacheNodes", "cache database nodes", view.entries),
            ("TreeMemTotal", "cache tree memory total", view.octets),
            ("TreeMemInUse", "cache tree memory in use", view.octets),
        ]
    }

    /// The zones of a view.
    fn zones<'s>(&'s self, view: &'s str) -> impl Iterator<Item = &'s Origin> {
        let zones = self.facts.zones.iter().filter(move |zone| zone.view == view);
        zones.filter(|origin| self.local(origin).is_none_or(|local| local.is_told))
    }

    /// What was counted of a zone, where `zone-statistics` asks for it.
    fn counted(&self, origin: &Origin) -> Option<ZoneSums> {
        self.local(origin)?.counters.as_deref().map(ZoneCounters::sums)
    }

    /// How a zone is served; `None`: it is not in force.
    fn local(&self, origin: &Origin) -> Option<&Local> {
        let view = self.snapshot.views.iter().find(|view| view.name == origin.view)?;
        let apex = &origin.zone.apex;
        let rule = view.rules.get(view.rules.find(apex.as_wire(), rtype::SOA));
        rule.local.as_ref().filter(|_| rule.apex == *apex)
    }
}

/// What this program calls itself.
fn version() -> String {
    format!("tandem {}", env!("CARGO_PKG_VERSION"))
}

/// A time to the millisecond, as named writes it: 2026-11-21T18:45:36.930Z.
struct Milliseconds(SystemTime);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_millis();
        write!(f, "{}.{milliseconds:03}Z", Utc::from(self.0).to_string().trim_end_matches('Z'))
    }
}

/// The bounds of a size's step: 48-63; that of the last one is open.
fn size_name(step: usize, steps: usize) -> String {
    use crate::metrics::SIZE_STEP;
    let first = step * SIZE_STEP;
    if step + 1 == steps { format!("{first}+") } else { format!("{first}-{}", first + SIZE_STEP - 1) }
}

/// Sizes that were counted.
fn sizes(counts: &[u64]) -> impl Iterator<Item = (String, u64)> {
    let counted = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    counted.map(|(step, &count)| (size_name(step, counts.len()), count))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_sizes_and_types_are_named_as_named_does() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_286_736_930);
        assert_eq!(Milliseconds(time).to_string(), "2026-11-21T18:45:36.930Z");
        let names = [size_name(0, 19), size_name(3, 19), size_name(18, 19), size_name(256, 257)];
        assert_eq!(names, ["0-15", "48-63", "288+", "4096+"]);
        assert_eq!([qtype_name(1), qtype_name(255), qtype_name(257)], ["A", "ANY", "Others"]);
    }
}
