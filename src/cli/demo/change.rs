//! Measuring when a forwarder's clients see that the service has moved.
//!
//! A client asks every 100 ms. Two things are measured: the last moment at which the old address was handed out, and
//! how long the TTL beside it lets it live on in a cache behind the forwarder. Neither may lie later than the record's
//! TTL (and a second of tolerance) after the change. Not here: the change itself.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;

use super::client::{Answer, Fault, Question, ask};
use super::place::ALLOWED_CLIENT;
use super::stand_in::{SERVICE, SERVICE_TTL, name};

/// What is granted on top of the TTL: TTLs are whole seconds.
const TOLERANCE: Duration = Duration::from_secs(1);
/// The latest that the old address may be seen, counted from the change.
pub(super) const LATEST: Duration = SERVICE_TTL.saturating_add(TOLERANCE);
/// How often is asked.
const PACE: Duration = Duration::from_millis(100);
/// How long is asked on after the new address was seen, to catch a return of the old one.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// When the watch ends, whatever was seen.
const END: Duration = LATEST.saturating_add(Duration::from_secs(2));

/// What clients of one forwarder saw; times count from the change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sighting {
    /// The first answer with the new address.
    pub first_new: Option<Duration>,
    /// The last answer with the old address.
    pub last_old: Option<Duration>,
    /// Until when the old address may live in a client's cache, by the TTLs it was handed out with.
    pub old_lives_until: Option<Duration>,
    /// Whether the old address came back after the new one.
    pub went_back: bool,
    /// The first answer that was neither, or none.
    pub fault: Option<String>,
}

impl Sighting {
    /// What is wrong with it, if anything.
    pub(super) fn verdict(&self) -> Result<Duration, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        if self.went_back {
            return Err("the old address came back after the new one".to_owned());
        }
        let Some(first_new) = self.first_new else {
            return Err(format!("the old address alone for {} s", END.as_secs()));
        };
        for (what, time) in [("handed out", self.last_old), ("alive in a client's cache", self.old_lives_until)] {
            if let Some(time) = time.filter(|time| *time > LATEST) {
                return Err(format!("the old address {what} {:.1} s after the change", time.as_secs_f64()));
            }
        }
        Ok(first_new)
    }

    /// Takes one answer in; `asked` and `answered` count from the change.
    fn note(&mut self, asked: Duration, answered: Duration, answer: Result<Answer, Fault>, new: Ipv4Addr) {
        let answer = match answer {
            Ok(answer) if answer.addresses.len() == 1 => answer,
            Ok(answer) => return self.note_fault(format!("{} {:?}", answer.rcode, answer.data)),
            Err(fault) => return self.note_fault(fault.to_string()),
        };
        if answer.addresses == [new] {
            self.first_new.get_or_insert(answered);
            return;
        }
        self.went_back |= self.first_new.is_some();
        // The server spoke somewhere between the two; the earlier moment blames it for nothing that the way did.
        self.last_old = Some(asked);
        let until = asked + Duration::from_secs(answer.ttl.unwrap_or(0).into());
        self.old_lives_until = self.old_lives_until.max(Some(until));
    }

    fn note_fault(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }
}

/// Asks `forwarder` from now until the new address has settled, or long enough to know that it does not come.
pub(super) async fn watch(forwarder: SocketAddrV4, new: Ipv4Addr, changed: Instant) -> Sighting {
    let question = Question::udp(ALLOWED_CLIENT, forwarder, name(SERVICE), RecordType::A);
    let mut sighting = Sighting::default();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let asked = changed.elapsed();
        let answer = ask(&question, Duration::from_secs(2)).await;
        sighting.note(asked, changed.elapsed(), answer, new);
        let settled = sighting.first_new.is_some_and(|first| changed.elapsed() > first + AFTERWARDS);
        if settled || changed.elapsed() > END {
            return sighting;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::ResponseCode;

    const OLD: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 10);
    const NEW: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 10);

    fn answer(address: Ipv4Addr, ttl: u32) -> Result<Answer, Fault> {
        let data = vec![address.to_string()];
        Ok(Answer {
            rcode: ResponseCode::NoError,
            truncated: false,
            data,
            addresses: vec![address],
            ttl: Some(ttl),
            ede: None,
        })
    }

    /// Answers as (tenths of a second after the change, address, TTL).
    fn sighting(answers: &[(u64, Ipv4Addr, u32)]) -> Sighting {
        let mut sighting = Sighting::default();
        for &(tenths, address, ttl) in answers {
            let time = Duration::from_millis(100 * tenths);
            sighting.note(time, time, answer(address, ttl), NEW);
        }
        sighting
    }

    #[test]
    fn the_verdict_knows_a_late_change() {
        let cases = [
            ("the new address at once", vec![(0, NEW, 10)], Ok(0)),
            ("the old one until its TTL is over", vec![(0, OLD, 10), (99, OLD, 1), (101, NEW, 10)], Ok(10_100)),
            (
                "the old one handed out too late",
                vec![(0, OLD, 10), (111, OLD, 0), (112, NEW, 10)],
                Err("handed out 11.1 s"),
            ),
            (
                "a TTL that is not counted down",
                vec![(0, OLD, 10), (20, OLD, 10), (21, NEW, 10)],
                Err("client's cache 12.0 s"),
            ),
            ("back and forth", vec![(10, NEW, 10), (11, OLD, 3)], Err("came back")),
            ("never", vec![(1, OLD, 9)], Err("the old address alone")),
        ];
        for (case, answers, expected) in cases {
            match (sighting(&answers).verdict(), expected) {
                (Ok(first), Ok(millis)) => assert_eq!(first, Duration::from_millis(millis), "{case}"),
                (Err(seen), Err(part)) => assert!(seen.contains(part), "{case}: {seen}"),
                (seen, expected) => panic!("{case}: {seen:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn one_lost_or_empty_answer_is_a_fault() {
        let cases = [
            ("silence", Err(Fault::Silence(Duration::from_secs(2)))),
            ("two addresses", answer(NEW, 1).map(|answer| Answer { addresses: vec![OLD, NEW], ..answer })),
            ("none", answer(NEW, 1).map(|answer| Answer { addresses: vec![], ..answer })),
        ];
        for (case, answer) in cases {
            let mut sighting = sighting(&[(0, NEW, 10)]);
            sighting.note(Duration::from_secs(1), Duration::from_secs(1), answer, NEW);
            assert!(sighting.verdict().is_err(), "{case}");
        }
    }
}
