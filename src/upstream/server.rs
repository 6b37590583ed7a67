//! What is known of one upstream: how fast it answers and whether it answers at all.
//!
//! One value for all workers and across reloads, changed by relaxed atomics: a lost update costs nothing but an old
//! estimate. Time is milliseconds since the process began to count, given by the caller.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::config::Forwarder;
use crate::logging::{self, Category, Severity};

/// Before anything is known: when the first retransmission goes out.
const UNKNOWN_RTO: Duration = Duration::from_millis(400);
/// No retransmission before this: recursion behind a live upstream takes its time, and asking twice helps nobody.
const MIN_RTO: Duration = Duration::from_millis(200);
/// The first retransmission is not later than this, named's own first.
const MAX_RTO: Duration = Duration::from_millis(800);
/// So many time-outs in a row, with no reply in between, and the server is asked last.
const TIMEOUTS_UNTIL_HELD: u32 = 3;
/// How long a server that does not answer is asked last: this, doubled with each further time-out up to the maximum.
const HOLD: Duration = Duration::from_millis(500);
/// So long without a reply, though it was asked, and the log says so. Many names take seconds to resolve behind a server
/// that is well, and a quiet server may have been asked for nothing else.
const SILENCE_UNTIL_TOLD: Duration = Duration::from_secs(5);
/// See [`HOLD`].
const MAX_HOLD: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub struct Server {
    /// A small number of its own, for tables.
    pub id: u32,
    /// Its address and how it wants to be asked.
    pub forwarder: Forwarder,
    /// Smoothed round-trip time in microseconds; 0: never measured.
    srtt_us: AtomicU32,
    /// Mean deviation in microseconds.
    deviation_us: AtomicU32,
    timeouts_in_a_row: AtomicU32,
    /// When the first question was sent that has had no reply, nor has any later one; means nothing without time-outs.
    silent_since_ms: AtomicU64,
    /// The log has been told that it is silent.
    is_told_silent: AtomicBool,
    last_reply_ms: AtomicU64,
    held_until_ms: AtomicU64,
    /// Do not send OPT before then: it answered FORMERR to it.
    plain_until_ms: AtomicU64,
}

/// How long a server is asked without OPT after it could not read one.
const PLAIN_FOR: Duration = Duration::from_secs(600);

impl Server {
    /// A server of which nothing is known yet.
    pub fn new(id: u32, forwarder: Forwarder) -> Self {
        Self {
            id,
            forwarder,
            srtt_us: AtomicU32::new(0),
            deviation_us: AtomicU32::new(0),
            timeouts_in_a_row: AtomicU32::new(0),
            silent_since_ms: AtomicU64::new(0),
            is_told_silent: AtomicBool::new(false),
            last_reply_ms: AtomicU64::new(0),
            held_until_ms: AtomicU64::new(0),
            plain_until_ms: AtomicU64::new(0),
        }
    }

    /// Smoothed round-trip time; zero: never measured.
    pub fn srtt(&self) -> Duration {
        Duration::from_micros(u64::from(self.srtt_us.load(Ordering::Relaxed)))
    }

    /// When to stop waiting for the first answer: the usual time and four deviations, within bounds.
    pub fn rto(&self) -> Duration {
        let srtt = self.srtt_us.load(Ordering::Relaxed);
        if srtt == 0 {
            return UNKNOWN_RTO;
        }
        let usual = u64::from(srtt) + 4 * u64::from(self.deviation_us.load(Ordering::Relaxed));
        Duration::from_micros(usual).clamp(MIN_RTO, MAX_RTO)
    }

    /// A reply came: any reply shows that it lives. `round_trip` is given where it can be measured.
    pub fn replied(&self, now_ms: u64, round_trip: Option<Duration>) {
        self.last_reply_ms.fetch_max(now_ms, Ordering::Relaxed);
        if self.timeouts_in_a_row.load(Ordering::Relaxed) != 0 {
            self.timeouts_in_a_row.store(0, Ordering::Relaxed);
            self.held_until_ms.store(0, Ordering::Relaxed);
            self.tell_end_of_silence(now_ms);
        }
        let Some(round_trip) = round_trip else { return };
        let sample = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX).clamp(1, 10_000_000);
        let old = self.srtt_us.load(Ordering::Relaxed);
        // RFC 6298 §2.3's deviation, named's weight of 0.3 for the new sample.
        let (srtt, deviation) = match old {
            0 => (sample, sample / 2),
            _ => {
                let deviation = self.deviation_us.load(Ordering::Relaxed);
                (weigh(old, sample, 3, 10), weigh(deviation, old.abs_diff(sample), 1, 4))
            }
        };
        self.srtt_us.store(srtt.max(1), Ordering::Relaxed);
        self.deviation_us.store(deviation, Ordering::Relaxed);
    }

    /// An answer did not come in time. It counts only if nothing else came since the question was sent: slow is not dead.
    pub fn timed_out(&self, sent_ms: u64, now_ms: u64) {
        if self.last_reply_ms.load(Ordering::Relaxed) >= sent_ms {
            return;
        }
        let count = self.timeouts_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if count == 1 {
            self.silent_since_ms.store(sent_ms, Ordering::Relaxed);
        }
        if count >= TIMEOUTS_UNTIL_HELD {
            self.tell_silence(now_ms);
        }
        if count >= TIMEOUTS_UNTIL_HELD && self.held_until_ms.load(Ordering::Relaxed) <= now_ms {
            let doublings = (count - TIMEOUTS_UNTIL_HELD).min(10);
            let hold = (HOLD * (1 << doublings)).min(MAX_HOLD);
            self.held_until_ms.store(now_ms + hold.as_millis() as u64, Ordering::Relaxed);
        }
    }

    /// Logs once that it is silent. Both lines are warnings, so that a log that has the one has the other too.
    fn tell_silence(&self, now_ms: u64) {
        let silence = self.silence(now_ms);
        if silence < SILENCE_UNTIL_TOLD || self.is_told_silent.swap(true, Ordering::Relaxed) {
            return;
        }
        let (address, seconds) = (self.forwarder.address, silence.as_secs());
        logging::event!(
            Category::Resolver,
            Severity::Warning,
            "forwarder {}#{} has not answered for {seconds} s (does it run, and may this host reach it by UDP and TCP?)",
            address.ip(),
            address.port(),
        );
    }

    fn tell_end_of_silence(&self, now_ms: u64) {
        if self.is_told_silent.swap(false, Ordering::Relaxed) {
            let (address, seconds) = (self.forwarder.address, self.silence(now_ms).as_secs());
            logging::event!(
                Category::Resolver,
                Severity::Warning,
                "forwarder {}#{} answers again, after {seconds} s",
                address.ip(),
                address.port(),
            );
        }
    }

    fn silence(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.silent_since_ms.load(Ordering::Relaxed)))
    }

    /// Whether it is to be asked last, since it does not answer.
    pub fn is_held(&self, now_ms: u64) -> bool {
        self.held_until_ms.load(Ordering::Relaxed) > now_ms
    }

    /// Another server was chosen instead: its old estimate fades, so that it is tried again some day.
    pub fn fade(&self) {
        let srtt = self.srtt_us.load(Ordering::Relaxed);
        self.srtt_us.store(srtt - srtt / 64, Ordering::Relaxed);
    }

    /// It answered FORMERR to OPT.
    pub fn cannot_read_opt(&self, now_ms: u64) {
        self.plain_until_ms.store(now_ms + PLAIN_FOR.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether it is asked with OPT.
    pub fn takes_opt(&self, now_ms: u64) -> bool {
        self.forwarder.edns && self.plain_until_ms.load(Ordering::Relaxed) <= now_ms
    }
}

/// `old` and `new` weighed `(whole - part) : part`.
fn weigh(old: u32, new: u32, part: u64, whole: u64) -> u32 {
    ((u64::from(old) * (whole - part) + u64::from(new) * part) / whole) as u32
}

/// Which of `servers` to ask next: of those not excluded, the fastest by estimate; one never measured goes first, one
/// that does not answer last. Equal ones in the order of the text.
///
/// `excluded` has a bit for each server that must not be chosen.
pub fn choose<'s>(servers: impl IntoIterator<Item = &'s Server>, excluded: u32, now_ms: u64) -> Option<usize> {
    let ranked = servers.into_iter().enumerate().filter(|(index, _)| excluded & (1 << index) == 0);
    ranked.min_by_key(|(_, server)| (server.is_held(now_ms), server.srtt())).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: u32) -> Server {
        Server::new(id, Forwarder::new(([192, 0, 2, id as u8], 53).into()))
    }

    const FAST: Option<Duration> = Some(Duration::from_millis(1));
    const SLOW: Option<Duration> = Some(Duration::from_millis(300));

    #[test]
    fn the_fastest_answers_first_and_the_silent_last() {
        let servers = [server(0), server(1), server(2)];
        let chosen = |excluded, now_ms| choose(&servers, excluded, now_ms);
        assert_eq!(chosen(0, 0), Some(0), "nothing is known: the order of the text");
        servers[0].replied(1, SLOW);
        assert_eq!(chosen(0, 1), Some(1), "one never measured goes first");
        servers[1].replied(2, FAST);
        servers[2].replied(3, SLOW);
        assert_eq!(chosen(0, 3), Some(1), "the fastest");
        assert_eq!(chosen(0b010, 3), Some(0), "without it, the first of the others");
        for sent in 10..13 {
            servers[1].timed_out(sent, sent + 1);
        }
        assert_eq!(chosen(0, 13), Some(0), "three time-outs in a row");
        assert_eq!(chosen(0b101, 13), Some(1), "if no other is left");
        assert_eq!(chosen(0, 1000), Some(1), "tried again after a while");
        assert_eq!(chosen(0b111, 1000), None);
    }

    #[test]
    fn a_slow_server_that_answers_others_is_not_called_silent() {
        let slow = server(0);
        for _ in 0..10 {
            slow.replied(100, None);
            slow.timed_out(50, 150);
        }
        assert!(!slow.is_held(151));
    }

    #[test]
    fn silence_is_told_once_and_so_is_its_end() {
        let server = server(0);
        let is_told = || server.is_told_silent.load(Ordering::Relaxed);
        server.replied(1_000, FAST);
        server.timed_out(60_000, 60_800);
        server.timed_out(60_800, 62_400);
        assert!(!is_told(), "a quiet minute is no silence: nothing was asked");
        server.timed_out(63_400, 65_000);
        assert!(is_told(), "no reply for 5 s to what was asked");
        server.replied(66_000, None);
        assert!(!is_told(), "any reply ends it");
        server.timed_out(70_000, 71_000);
        assert!(!is_told(), "and the next silence begins anew");
    }

    #[test]
    fn the_time_to_wait_follows_the_round_trips() {
        let server = server(0);
        assert_eq!(server.rto(), UNKNOWN_RTO);
        for _ in 0..50 {
            server.replied(1, FAST);
        }
        assert_eq!(server.rto(), MIN_RTO, "never sooner");
        for _ in 0..50 {
            server.replied(1, SLOW);
        }
        assert!((SLOW.expect("set")..MAX_RTO).contains(&server.rto()), "{:?}", server.rto());
    }
}
