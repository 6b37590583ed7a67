//! The statistics as JSON: version 1.7 of named's, `/json/v1`.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{Milliseconds, Statistics, ViewLine, qtypes, sizes, tables, version};
use crate::health::overrides::Utc;
use crate::metrics::ZoneSums;
use crate::office::Origin;

/// What of it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// When it began, and what it is.
    Status,
    /// Requests, replies, and what upstreams were asked.
    Server,
    /// Local zones.
    Zones,
    /// Sockets.
    Net,
    /// Threads.
    Tasks,
    /// Memory.
    Memory,
    /// Sizes of messages.
    Traffic,
}

impl Part {
    /// Whether something of this part is told.
    pub(super) fn has(self, part: Self) -> bool {
        self == Self::All || self == part
    }
}

/// Names and numbers in their order.
struct Counters(Vec<(String, u64)>);

impl Counters {
    fn of<N: Into<String>>(counters: impl IntoIterator<Item = (N, u64)>) -> Self {
        Self(counters.into_iter().map(|(name, count)| (name.into(), count)).collect())
    }

    /// Those that are not zero.
    fn counted<N: Into<String>>(counters: impl IntoIterator<Item = (N, u64)>) -> Self {
        Self::of(counters.into_iter().filter(|(_, count)| *count > 0))
    }

    fn rows(statistics: &Statistics, rows: &[tables::Row]) -> Option<Self> {
        let counted = Self::counted(rows.iter().map(|row| (row.name, (row.value)(statistics))));
        (!counted.0.is_empty()).then_some(counted)
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

/// Views by name, in the configuration's order.
struct Views(Vec<(String, View)>);

impl Serialize for Views {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, view) in &self.0 {
            map.serialize_entry(name, view)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    json_stats_version: &'static str,
    boot_time: String,
    config_time: String,
    current_time: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    opcodes: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rcodes: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qtypes: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nsstats: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zonestats: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    views: Option<Views>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockstats: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taskmgr: Option<Threads>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<Traffic>,
}

#[derive(Serialize)]
struct View {
    #[serde(skip_serializing_if = "Option::is_none")]
    zones: Option<Vec<Zone>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolver: Option<Resolver>,
}

#[derive(Serialize)]
struct Zone {
    name: String,
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u32>,
    r#type: &'static str,
    loaded: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rcodes: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qtypes: Option<Counters>,
}

#[derive(Serialize)]
struct Resolver {
    stats: Counters,
    qtypes: Counters,
    cache: Counters,
    cachestats: Counters,
}

/// named 9.11 and older told the numbers; later ones list tasks, of which there are none here.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Threads {
    thread_model: &'static str,
    worker_threads: usize,
    tasks: [(); 0],
}

/// Octets.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Memory {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_use: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use: Option<u64>,
    #[serde(rename = "contexts")]
    contexts: Vec<Pool>,
}

#[derive(Serialize)]
struct Pool {
    id: &'static str,
    name: &'static str,
    total: u64,
    inuse: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Traffic {
    dns_udp_requests_sizes_received_ipv4: Counters,
    dns_udp_responses_sizes_sent_ipv4: Counters,
    dns_tcp_requests_sizes_received_ipv4: Counters,
    dns_tcp_responses_sizes_sent_ipv4: Counters,
    dns_udp_requests_sizes_received_ipv6: Counters,
    dns_udp_responses_sizes_sent_ipv6: Counters,
    dns_tcp_requests_sizes_received_ipv6: Counters,
    dns_tcp_responses_sizes_sent_ipv6: Counters,
}

impl Statistics {
    /// Writes a part of them.
    pub fn to_json(&self, part: Part) -> Vec<u8> {
        let server = part.has(Part::Server);
        let document = Document {
            json_stats_version: "1.7",
            boot_time: Milliseconds(self.facts.started).to_string(),
            config_time: Milliseconds(self.facts.read).to_string(),
            current_time: Milliseconds(self.now).to_string(),
            version: version(),
            opcodes: server.then(|| Counters::of(tables::opcodes(&self.sums))),
            rcodes: server.then(|| Counters::of(tables::rcodes(&self.sums))),
            qtypes: server.then(|| Counters::of(qtypes(&self.sums.qtypes))),
            nsstats: server.then(|| Counters::rows(self, tables::NSSTAT).unwrap_or(Counters(Vec::new()))),
            zonestats: Counters::rows(self, tables::ZONESTAT).filter(|_| server),
            views: (server || part == Part::Zones).then(|| self.json_views(part)),
            sockstats: part.has(Part::Net).then(|| {
                let sockets = tables::sockets(self).map(|(name, _, count)| (name, count));
                Counters::counted(sockets)
            }),
            taskmgr: part.has(Part::Tasks).then_some(Threads {
                thread_model: "threaded",
                worker_threads: self.workers,
                tasks: [],
            }),
            memory: part.has(Part::Memory).then(|| self.json_memory()),
            traffic: part.has(Part::Traffic).then(|| self.json_traffic()),
        };
        // Numbers and texts alone: nothing of it can fail.
        serde_json::to_vec_pretty(&document).unwrap_or_default()
    }

    fn json_views(&self, part: Part) -> Views {
        let view = |line: &ViewLine| {
            let zones: Vec<Zone> =
                self.zones(&line.name).map(|zone| json_zone(zone, self.counted(zone).as_ref())).collect();
            let view = View {
                zones: part.has(Part::Zones).then_some(zones),
                resolver: part.has(Part::Server).then(|| self.json_resolver(line)),
            };
            (line.name.clone(), view)
        };
        Views(self.views.iter().map(view).collect())
    }

    fn json_resolver(&self, line: &ViewLine) -> Resolver {
        Resolver {
            stats: Counters::counted(tables::resolver(&line.sums).map(|(name, _, count)| (name, count))),
            qtypes: Counters::of(qtypes(&line.sums.qtypes)),
            cache: Counters(line.kept.clone()),
            cachestats: Counters::of(self.cachestats(line).map(|(name, _, count)| (name, count))),
        }
    }

    fn json_memory(&self) -> Memory {
        let cache = Pool { id: "cache", name: "cache", total: self.cache_capacity, inuse: self.cache_octets };
        Memory { total_use: self.resident_octets, in_use: self.resident_octets, contexts: vec![cache] }
    }

    fn json_traffic(&self) -> Traffic {
        let [udp4, tcp4, udp6, tcp6] = [0, 1, 2, 3].map(|channel| {
            let (requests, responses) = (&self.sums.requests[channel], &self.sums.responses[channel]);
            [Counters::of(sizes(requests)), Counters::of(sizes(responses))]
        });
        let ([udp4_in, udp4_out], [tcp4_in, tcp4_out]) = (udp4, tcp4);
        let ([udp6_in, udp6_out], [tcp6_in, tcp6_out]) = (udp6, tcp6);
        Traffic {
            dns_udp_requests_sizes_received_ipv4: udp4_in,
            dns_udp_responses_sizes_sent_ipv4: udp4_out,
            dns_tcp_requests_sizes_received_ipv4: tcp4_in,
            dns_tcp_responses_sizes_sent_ipv4: tcp4_out,
            dns_udp_requests_sizes_received_ipv6: udp6_in,
            dns_udp_responses_sizes_sent_ipv6: udp6_out,
            dns_tcp_requests_sizes_received_ipv6: tcp6_in,
            dns_tcp_responses_sizes_sent_ipv6: tcp6_out,
        }
    }
}

fn json_zone(origin: &Origin, counted: Option<&ZoneSums>) -> Zone {
    let not_empty = |counters: &Counters| !counters.0.is_empty();
    let rcodes = |sums: &ZoneSums| Counters::counted(sums.rows().map(|(name, _, count)| (name, count)));
    Zone {
        name: origin.zone.apex.to_string(),
        class: "IN",
        serial: origin.serial(),
        r#type: "primary",
        loaded: Utc::from(origin.loaded.unwrap_or(origin.read)).to_string(),
        rcodes: counted.map(rcodes).filter(not_empty),
        qtypes: counted.map(|sums| Counters::of(sums.qtypes())).filter(not_empty),
    }
}
