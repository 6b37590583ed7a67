//! Bounds of numbers, the same whichever format they are written in. Where named has a bound, it is named's.
//!
//! named.conf moves a number into its bounds with a warning where named does so in silence; TOML refuses it.

use std::ops::RangeInclusive;
use std::time::Duration;

/// `edns-udp-size` and `max-udp-size`, in octets.
pub const UDP_SIZE: RangeInclusive<u16> = 512..=4096;
/// `nocookie-udp-size`, in octets.
pub const NOCOOKIE_UDP_SIZE: RangeInclusive<u16> = 128..=4096;
/// The least `max-cache-size`, in octets.
pub const MIN_CACHE_OCTETS: u64 = 2 << 20;
/// `max-ncache-ttl`.
pub const MAX_NCACHE_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(7 * 86_400);
/// `min-cache-ttl` and `min-ncache-ttl`.
pub const MIN_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(90);
/// `max_qps` of a forwarder, in messages a second.
pub const MAX_QPS: RangeInclusive<u32> = 1..=1_000_000;
/// `tcp-initial-timeout`.
pub const TCP_INITIAL_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(2500)..=Duration::from_secs(120);
/// `tcp-idle-timeout`.
pub const TCP_IDLE_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(120);
/// `tcp-keepalive-timeout`.
pub const TCP_KEEPALIVE_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=MOST_TENTHS;
/// `tcp-advertised-timeout`.
pub const TCP_ADVERTISED_TIMEOUT: RangeInclusive<Duration> = Duration::ZERO..=MOST_TENTHS;
/// What 16 bits of tenths of a second hold (RFC 7828 §3.1).
const MOST_TENTHS: Duration = Duration::from_millis(6_553_500);
/// `interface-interval`.
pub const INTERFACE_INTERVAL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(28 * 86_400);
/// `resolver-query-timeout`.
pub const QUERY_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);
/// `servfail-ttl`.
pub const SERVFAIL_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(30);
/// TRIGGER of `prefetch`, in seconds.
pub const PREFETCH_TRIGGER: RangeInclusive<u32> = 1..=10;
/// ELIGIBILITY of `prefetch` is at least so many seconds more than TRIGGER.
pub const PREFETCH_DISTANCE: u32 = 6;
/// ELIGIBILITY of `prefetch` where only TRIGGER is written, in seconds.
pub const PREFETCH_ELIGIBILITY: u32 = 9;
/// `max-stale-ttl`: what a duration can say.
pub const MAX_STALE_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(u32::MAX as u64);
/// `stale-answer-ttl`: what RFC 8767 §4 recommends is the most.
pub const STALE_ANSWER_TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);
/// `stale-refresh-time`.
pub const STALE_REFRESH_TIME: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// `stale-answer-client-timeout`: no client waits longer for anything.
pub const STALE_CLIENT_TIMEOUT: RangeInclusive<Duration> = Duration::ZERO..=*QUERY_TIMEOUT.end();
/// Match lists within match lists, acls included, may not be nested deeper: whoever walks them may recurse.
pub const MAX_NESTING: usize = 32;
