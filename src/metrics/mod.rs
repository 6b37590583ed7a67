//! Counting what happens: each worker alone, on memory of its own; readers add up.
//!
//! A worker has a [`Meter`]: it adds to a counter by one load and one store, without a lock and without a cache line that
//! another worker writes. A [`Registry`] knows the counters of all workers; [`Registry::sums`] adds them up at any time,
//! while they count on. What of an answer can be told from one number is one number: which flags, RCODE and EDNS go
//! together is an index ([`Answer`], [`Asked`]), and what named counts by itself follows from that when it is read.
//! Not here: gauges that others know (places taken, octets kept), names and forms of what is told (`statistics`).

mod counter;
mod meter;
mod sums;
mod tables;
mod zones;

pub use meter::{Channel, Cookie, Meter, Registry};
pub use sums::{Answer, Asked, Sums, ViewSums};
pub use tables::{Event, Lookups, OfZone, Resolver, Socket};
pub use zones::{ZoneCounters, ZoneSums};

/// Requests are told apart by steps of so many octets, as named does.
pub const SIZE_STEP: usize = 16;
/// Steps of requests; the last one is for all that are longer.
pub const REQUEST_SIZES: usize = 19;
/// Steps of responses; likewise.
pub const RESPONSE_SIZES: usize = 257;
/// QTYPEs with a counter of their own; those from 256 on share one behind them.
pub const QTYPES: usize = 256;
