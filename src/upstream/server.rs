//! What is known of one upstream: how fast it answers, and whether it lives.
//!
//! One value for all workers and across reloads, changed by relaxed atomics: a lost update costs an old estimate, no
//! more. Time is microseconds since the process began to count, given by the caller ([`Micros`]).
//!
//! **Slow is not dead.** A server lives as long as it answers anything, in whatever time and with whatever RCODE. One
//! that has answered nothing since a question to it became late is *doubted*: it is asked a probe, and other servers are
//! preferred. If neither questions nor [`PROBES_UNTIL_DEAD`] probes are answered for [`DEAD_AFTER`], it is *dead*: it
//! gets probes and no questions until one is answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::latency::Latency;
use super::pace::Pace;
use super::spill::UnderWay;
use crate::config::Forwarder;
use crate::logging::{self, Category, Severity};

/// Microseconds since the process began to count; 0 is before everything.
pub type Micros = u64;

/// While nothing is known: when an answer is late.
const UNKNOWN_LATE: Duration = Duration::from_millis(100);
/// An answer is never called late before this: the system's own delays, and the timer's tick.
const MIN_LATE: Duration = Duration::from_millis(12);
/// An answer is called late after this, whatever is usual.
pub const MAX_LATE: Duration = Duration::from_millis(400);
/// Before anything is known: when the first retransmission goes out.
const UNKNOWN_RTO: Duration = Duration::from_millis(400);
/// No retransmission to the same server before this: recursion behind a live upstream takes its time, and asking it
/// twice helps nobody.
const MIN_RTO: Duration = Duration::from_millis(100);
/// The first retransmission is not later than this, named's own first.
const MAX_RTO: Duration = Duration::from_millis(800);
/// So many questions without an answer to any of them, and the server is silent, not slow: that some of them are slow by
/// chance is likely, that all are is not.
const SILENT_QUESTIONS: u32 = 3;
/// A doubted server that answers nothing for this long is dead.
pub const DEAD_AFTER: Duration = Duration::from_millis(1000);
/// It is not dead before so many probes went without answer.
pub const PROBES_UNTIL_DEAD: u32 = 3;
/// Probes are at most this far apart; they begin closer and are jittered.
pub const MAX_PROBE_INTERVAL: Duration = Duration::from_millis(400);
/// The first two probes of a doubted server are this far apart.
const FIRST_PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// So long without a reply to questions and probes, and the log says so: not each time that a host is started anew.
const SILENCE_UNTIL_TOLD: Duration = Duration::from_secs(5);
/// That its pace holds questions back is told this often, while it does.
const HELD_BACK_TOLD_EVERY: Duration = Duration::from_secs(60);
/// An answer that was of no use weighs as one that took this long.
const BAD_ANSWER: Duration = Duration::from_millis(500);
/// How long a server is asked without OPT, or without a cookie, after it could not read one.
const PLAIN_FOR: Duration = Duration::from_secs(600);

/// What is thought of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It answers.
    Alive,
    /// It owes answers, and is being probed.
    Doubted,
    /// It answers nothing, probes included.
    Dead,
}

/// See the module.
#[derive(Debug)]
pub struct Server {
    /// A small number of its own, for tables.
    pub id: u32,
    /// Its address and how it wants to be asked.
    pub forwarder: Forwarder,
    /// How long its answers take.
    pub latency: Latency,
    /// The measure by which servers are compared: smoothed round-trip time in microseconds, with what weighs against
    /// it; 0: never asked. It fades while others are chosen.
    weight_us: AtomicU32,
    /// The same before it faded.
    settled_us: AtomicU32,
    /// It was chosen because its weight had faded, and has not answered since.
    is_on_trial: AtomicBool,
    last_reply: AtomicU64,
    /// When the first question since the last reply was sent.
    owed_since: AtomicU64,
    /// Questions sent since the last reply.
    owed: AtomicU32,
    /// 0: alive.
    doubted_since: AtomicU64,
    next_probe: AtomicU64,
    probes: AtomicU32,
    /// When it answered for the first time after some probes without answer.
    returned: AtomicU64,
    /// The log has been told that it is silent.
    is_told_silent: AtomicBool,
    /// Do not send OPT before then: it answered FORMERR to it.
    plain_until: AtomicU64,
    /// Do not send cookies before then: it answered FORMERR to one.
    bare_until: AtomicU64,
    /// How much it may be asked.
    pub pace: Pace,
    /// Questions and probes that it may still answer, on all workers.
    pub outstanding: AtomicU32,
    /// Questions that it was not asked because of that.
    pub spilled: UnderWay,
    /// Messages that its pace held back, and when that was last told.
    held_back: AtomicU64,
    told_held_back: AtomicU64,
}

impl Server {
    /// A server of which nothing is known yet.
    pub fn new(id: u32, forwarder: Forwarder) -> Self {
        Self {
            id,
            pace: Pace::new(forwarder.max_qps),
            outstanding: AtomicU32::new(0),
            spilled: UnderWay::default(),
            held_back: AtomicU64::new(0),
            told_held_back: AtomicU64::new(0),
            forwarder,
            latency: Latency::default(),
            weight_us: AtomicU32::new(0),
            settled_us: AtomicU32::new(0),
            is_on_trial: AtomicBool::new(false),
            last_reply: AtomicU64::new(0),
            owed_since: AtomicU64::new(0),
            owed: AtomicU32::new(0),
            doubted_since: AtomicU64::new(0),
            next_probe: AtomicU64::new(0),
            probes: AtomicU32::new(0),
            returned: AtomicU64::new(0),
            is_told_silent: AtomicBool::new(false),
            plain_until: AtomicU64::new(0),
            bare_until: AtomicU64::new(0),
        }
    }

    /// The longest answer by UDP that it is told to send, in octets.
    pub fn edns_udp_size(&self) -> u16 {
        self.forwarder.edns_udp_size.unwrap_or(1232)
    }

    /// From which address it is asked; unspecified: the system chooses.
    pub fn source(&self) -> IpAddr {
        let any = || match self.forwarder.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        self.forwarder.query_source.unwrap_or_else(any)
    }

    /// Whether it has answered, so that its time is known.
    pub fn is_known(&self) -> bool {
        !self.latency.median().is_zero()
    }

    /// When an answer is later than is usual for this server.
    pub fn late_after(&self) -> Duration {
        match self.latency.tail() {
            Duration::ZERO => UNKNOWN_LATE,
            tail => (tail + tail / 4).clamp(MIN_LATE, MAX_LATE),
        }
    }

    /// When silence can be told from slowness, if enough answers are owed.
    pub fn silent_after(&self) -> Duration {
        match self.latency.median() {
            Duration::ZERO => UNKNOWN_LATE,
            median => (median * 3).clamp(MIN_LATE, MAX_LATE),
        }
    }

    /// When a question is sent again for want of an answer.
    pub fn rto(&self) -> Duration {
        match self.latency.tail() {
            Duration::ZERO => UNKNOWN_RTO,
            tail => (tail * 2).clamp(MIN_RTO, MAX_RTO),
        }
    }

    /// A question was sent.
    pub fn asked(&self, now: Micros) {
        if self.owed.fetch_add(1, Ordering::Relaxed) == 0 {
            self.owed_since.store(now, Ordering::Relaxed);
        }
    }

    /// A reply came: any reply shows that it lives. `took` is given where it can be measured.
    pub fn replied(&self, now: Micros, took: Option<Duration>) {
        self.last_reply.fetch_max(now, Ordering::Relaxed);
        if self.owed.load(Ordering::Relaxed) != 0 {
            self.owed.store(0, Ordering::Relaxed);
        }
        if self.doubted_since.load(Ordering::Relaxed) != 0 {
            self.doubted_since.store(0, Ordering::Relaxed);
            if self.probes.load(Ordering::Relaxed) > 1 {
                self.returned.store(now, Ordering::Relaxed);
            }
            self.tell_end_of_silence(now);
        }
        if let Some(took) = took {
            self.latency.add(took);
            self.weigh(took);
        }
    }

    /// Takes a sample into the measure of comparison: three tenths, as in named. If a trial ends well, all of it.
    fn weigh(&self, took: Duration) {
        let sample = took.as_micros().clamp(1, 10_000_000) as u64;
        let old = u64::from(self.weight_us.load(Ordering::Relaxed));
        let was_on_trial = self.is_on_trial.load(Ordering::Relaxed) && self.is_on_trial.swap(false, Ordering::Relaxed);
        let new = match old {
            0 => sample,
            old if was_on_trial && sample < old => sample,
            old => (old * 7 + sample * 3) / 10,
        };
        self.set_weight((new as u32).max(1));
    }

    fn set_weight(&self, us: u32) {
        self.weight_us.store(us, Ordering::Relaxed);
        self.settled_us.store(us, Ordering::Relaxed);
    }

    /// It answered with an error, or with what cannot be used.
    pub fn answered_badly(&self) {
        self.weigh(BAD_ANSWER.max(2 * self.weight()));
    }

    /// An answer has not come in time; to be held against it once.
    pub fn was_late(&self, sent: Micros, now: Micros) {
        self.weigh(Duration::from_micros(now.saturating_sub(sent)).max(2 * self.weight()).min(BAD_ANSWER));
    }

    /// An answer is late. Says whether there was no reply at all since the question was sent, or for [`MAX_LATE`]: then
    /// the server is doubted from now on.
    pub fn late(&self, sent: Micros, now: Micros) -> bool {
        let silent = self.last_reply.load(Ordering::Relaxed) < sent || self.quiet_for(now) >= MAX_LATE;
        if silent {
            self.doubt(now);
        }
        silent
    }

    /// How long nothing has come from it.
    pub fn quiet_for(&self, now: Micros) -> Duration {
        Duration::from_micros(now.saturating_sub(self.last_reply.load(Ordering::Relaxed)))
    }

    /// Whether it has gone silent: several questions are owed, the first for so long that most would be answered.
    pub fn is_silent(&self, now: Micros) -> bool {
        self.owed.load(Ordering::Relaxed) >= SILENT_QUESTIONS
            && now.saturating_sub(self.owed_since.load(Ordering::Relaxed)) >= self.silent_after().as_micros() as u64
    }

    /// Doubts it from now on, if it was not doubted before.
    pub fn doubt(&self, now: Micros) {
        let begun = self.doubted_since.compare_exchange(0, now.max(1), Ordering::Relaxed, Ordering::Relaxed);
        if begun.is_ok() {
            if self.owed.load(Ordering::Relaxed) == 0 {
                // Nothing but the probe is owed.
                self.owed_since.store(now, Ordering::Relaxed);
            }
            self.probes.store(0, Ordering::Relaxed);
            self.next_probe.store(now, Ordering::Relaxed);
        }
    }

    /// What is thought of it.
    pub fn standing(&self, now: Micros) -> Standing {
        let since = self.doubted_since.load(Ordering::Relaxed);
        if since == 0 {
            Standing::Alive
        } else if now.saturating_sub(since) >= DEAD_AFTER.as_micros() as u64
            && self.probes.load(Ordering::Relaxed) > PROBES_UNTIL_DEAD
        {
            Standing::Dead
        } else {
            Standing::Doubted
        }
    }

    /// Whether a question sent at `sent` is lost in a silence of the server: under way when it began, or sent into it and
    /// waiting for longer than most do.
    pub fn is_lost_in_silence(&self, sent: Micros, now: Micros) -> bool {
        let since = self.doubted_since.load(Ordering::Relaxed);
        let is_old = || now.saturating_sub(sent) >= self.silent_after().as_micros() as u64;
        since != 0 && self.owed.load(Ordering::Relaxed) >= SILENT_QUESTIONS && (since >= sent || is_old())
    }

    /// Whether a question sent at `sent` was sent into a silence that has ended since: it is lost.
    pub fn returned_after(&self, sent: Micros) -> bool {
        self.returned.load(Ordering::Relaxed) > sent
    }

    /// When the next probe is due; `None` while it is alive.
    pub fn next_probe(&self) -> Option<Micros> {
        (self.doubted_since.load(Ordering::Relaxed) != 0).then(|| self.next_probe.load(Ordering::Relaxed))
    }

    /// Whether the caller is the one to send the probe that is due at `now`; the next is due after a growing interval,
    /// shortened by up to a quarter by `jitter`.
    pub fn claim_probe(&self, now: Micros, jitter: u8) -> bool {
        let due = self.next_probe.load(Ordering::Relaxed);
        if due > now || self.doubted_since.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let doublings = self.probes.load(Ordering::Relaxed).min(8);
        let interval = (FIRST_PROBE_INTERVAL * (1 << doublings)).min(MAX_PROBE_INTERVAL).as_micros() as u64;
        let next = now + interval - interval / 4 * u64::from(jitter) / 255;
        let claimed = self.next_probe.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if claimed {
            self.probes.fetch_add(1, Ordering::Relaxed);
            self.tell_silence(now);
        }
        claimed
    }

    /// Logs once that it is silent. Both lines are warnings, so that a log that has the one has the other too.
    fn tell_silence(&self, now: Micros) {
        let silence = self.silence(now);
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

    fn tell_end_of_silence(&self, now: Micros) {
        if self.is_told_silent.swap(false, Ordering::Relaxed) {
            let (address, seconds) = (self.forwarder.address, self.silence(now).as_secs());
            logging::event!(
                Category::Resolver,
                Severity::Warning,
                "forwarder {}#{} answers again, after {seconds} s",
                address.ip(),
                address.port(),
            );
        }
    }

    /// Since the first question that has had no reply, nor has any later one; means nothing while it is alive.
    fn silence(&self, now: Micros) -> Duration {
        Duration::from_micros(now.saturating_sub(self.owed_since.load(Ordering::Relaxed)))
    }

    /// A message to it has waited for its `max_qps`, or was not sent to it. The log says so, once a minute at most.
    pub fn held_back(&self, now: Micros) {
        self.held_back.fetch_add(1, Ordering::Relaxed);
        let told = self.told_held_back.load(Ordering::Relaxed);
        let is_due = told == 0 || now.saturating_sub(told) >= HELD_BACK_TOLD_EVERY.as_micros() as u64;
        let turn = |now| self.told_held_back.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed);
        if !is_due || turn(now).is_err() {
            return;
        }
        let (address, count) = (self.forwarder.address, self.held_back.swap(0, Ordering::Relaxed));
        logging::event!(
            Category::Resolver,
            Severity::Warning,
            "forwarder {}#{} has reached its max_qps of {}: questions that waited or went elsewhere since this was last \
             told: {count} (raise it if the forwarder can take more, or name another forwarder)",
            address.ip(),
            address.port(),
            self.forwarder.max_qps.unwrap_or(0),
        );
    }

    /// The measure by which servers are compared; zero: never asked.
    pub fn weight(&self) -> Duration {
        Duration::from_micros(u64::from(self.weight_us.load(Ordering::Relaxed)))
    }

    /// Another server was chosen instead: what weighs against this one fades, so that it is tried again some day.
    pub fn fade(&self) {
        let weight = self.weight_us.load(Ordering::Relaxed);
        self.weight_us.store(weight - weight / 64, Ordering::Relaxed);
    }

    /// It is asked. If that is because its weight has faded, by this question alone: until it is answered, what was
    /// known before counts.
    pub fn chosen(&self) {
        let settled = self.settled_us.load(Ordering::Relaxed);
        if self.weight_us.load(Ordering::Relaxed) != settled {
            self.weight_us.store(settled, Ordering::Relaxed);
            self.is_on_trial.store(true, Ordering::Relaxed);
        }
    }

    /// It answered FORMERR to OPT.
    pub fn cannot_read_opt(&self, now: Micros) {
        self.plain_until.store(now + PLAIN_FOR.as_micros() as u64, Ordering::Relaxed);
    }

    /// It answered FORMERR to a cookie.
    pub fn cannot_read_cookie(&self, now: Micros) {
        self.bare_until.store(now + PLAIN_FOR.as_micros() as u64, Ordering::Relaxed);
    }

    /// Whether it is asked with a cookie, if it is asked with OPT.
    pub fn takes_cookie(&self, now: Micros) -> bool {
        self.forwarder.send_cookie.unwrap_or(true) && self.bare_until.load(Ordering::Relaxed) <= now
    }

    /// Whether it is asked with OPT.
    pub fn takes_opt(&self, now: Micros) -> bool {
        self.forwarder.edns && self.plain_until.load(Ordering::Relaxed) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: u32) -> Server {
        Server::new(id, Forwarder::new(([192, 0, 2, id as u8], 53).into()))
    }

    const FAST: Option<Duration> = Some(Duration::from_millis(1));
    const SLOW: Option<Duration> = Some(Duration::from_millis(300));
    const MS: Micros = 1000;

    #[test]
    fn a_slow_server_that_answers_others_is_not_doubted() {
        let slow = server(0);
        for round in 1..=100 {
            let (sent, now) = (round * 1000 * MS, (round * 1000 + 900) * MS);
            slow.asked(sent);
            slow.replied(sent + 600 * MS, SLOW);
            assert!(!slow.late(sent, now));
        }
        assert_eq!(slow.standing(200_000 * MS), Standing::Alive);
    }

    #[test]
    fn silence_is_told_from_slowness_by_several_owed_answers() {
        let server = server(0);
        (0..100).for_each(|_| server.replied(MS, FAST));
        server.asked(10 * MS);
        server.asked(11 * MS);
        assert!(!server.is_silent(60 * MS), "two may be slow by chance");
        server.asked(12 * MS);
        assert!(!server.is_silent(20 * MS), "too early");
        assert!(server.is_silent(25 * MS));
        server.replied(26 * MS, FAST);
        assert!(!server.is_silent(60 * MS));
    }

    #[test]
    fn what_was_under_way_is_lost_at_once_and_what_was_sent_into_a_silence_when_it_is_old() {
        let server = server(0);
        (0..100).for_each(|_| server.replied(MS, FAST));
        (10..13).for_each(|ms| server.asked(ms * MS));
        server.doubt(25 * MS);
        assert!(server.is_lost_in_silence(12 * MS, 25 * MS), "under way");
        server.asked(30 * MS);
        assert!(!server.is_lost_in_silence(30 * MS, 35 * MS), "it may still be the first to be answered");
        assert!(server.is_lost_in_silence(30 * MS, 45 * MS), "older than most answers are");
        server.replied(50 * MS, FAST);
        assert!(!server.is_lost_in_silence(30 * MS, 60 * MS), "the silence has ended");
    }

    #[test]
    fn probes_begin_close_and_end_400_ms_apart_whoever_sends_them() {
        let server = server(0);
        assert!(!server.claim_probe(MS, 0), "it is alive");
        server.doubt(1000 * MS);
        let mut sent = Vec::new();
        for now in (1000..4000).map(|ms| ms * MS) {
            if server.claim_probe(now, 255) {
                assert!(!server.claim_probe(now, 0), "one probe, though two workers look");
                sent.push(now / MS - 1000);
            }
        }
        let gaps: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!((sent[0], &gaps[..3]), (0, &[75, 150, 300][..]), "the least by jitter: {gaps:?}");
        assert!(gaps[3..].iter().all(|gap| (300..=400).contains(gap)), "{gaps:?}");
    }

    #[test]
    fn silence_is_told_once_and_so_is_its_end() {
        let server = server(0);
        let is_told = || server.is_told_silent.load(Ordering::Relaxed);
        let probe = |ms: u64| assert!(server.claim_probe(ms * MS, 0), "due at {ms}");
        server.replied(1_000 * MS, FAST);
        server.asked(60_000 * MS);
        assert!(server.late(60_000 * MS, 60_100 * MS));
        probe(60_100);
        probe(64_900);
        assert!(!is_told(), "a quiet minute is no silence: nothing was asked");
        probe(65_300);
        assert!(is_told(), "no reply for 5 s to what was asked");
        server.replied(66_000 * MS, None);
        assert!(!is_told(), "any reply ends it");
        server.asked(70_000 * MS);
        assert!(server.late(70_000 * MS, 70_100 * MS));
        probe(70_100);
        assert!(!is_told(), "and the next silence begins anew");
    }

    #[test]
    fn lateness_follows_what_is_usual() {
        let server = server(0);
        assert_eq!((server.late_after(), server.rto()), (UNKNOWN_LATE, UNKNOWN_RTO));
        (0..100).for_each(|_| server.replied(MS, FAST));
        assert_eq!((server.late_after(), server.rto()), (MIN_LATE, MIN_RTO), "never sooner");
        (0..600).for_each(|_| server.replied(MS, SLOW));
        assert!((SLOW.expect("set")..=MAX_LATE).contains(&server.late_after()), "{:?}", server.late_after());
        assert!((SLOW.expect("set")..=MAX_RTO).contains(&server.rto()), "{:?}", server.rto());
    }
}
