//! Steps of a story that speak of many packets at once: traffic, and probes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::expect::{Told, compare, question_text};
use super::message::{Message, RD, rcode_name, rcode_number};
use super::play::{Outcome, Player, Sender};
use super::record::parse_name;
use super::words::{Words, address, duration, number, unknown};
use super::world::{Sent, Serving};

/// The first two probes are 100 ms apart, less a quarter at most by jitter.
const MIN_PROBE_GAP: Duration = Duration::from_millis(75);
/// While a server is silent its probes are at most 400 ms apart, and a tick of the wheel.
const MAX_PROBE_GAP: Duration = Duration::from_millis(404);
impl Player {
    /// Many clients, each with a question of its own, one after the other.
    pub(super) fn traffic(&mut self, words: &mut Words<'_>) -> Outcome {
        let what = words.next("how many, gets or cost")?;
        match what {
            "gets" => return self.traffic_gets(words),
            "costs" => return self.traffic_costs(words),
            _ => {}
        }
        let (count, mut under, mut every) = (number::<usize>(what)?, "", Duration::ZERO);
        for (word, value) in words.options() {
            match word {
                "under" => under = value,
                "every" => every = duration(value)?,
                other => return Err(unknown(other)),
            }
        }
        let first = self.traffic_clients;
        self.traffic_clients += count;
        let workers = self.world()?.worker_count();
        for n in first..first + count {
            self.id = self.id.wrapping_add(1);
            let questions = vec![(parse_name(&format!("t{n}.{under}"))?, 1, 1)];
            let message = Message { id: self.id, flags: RD, questions, ..Message::default() };
            let (name, sender) = (format!("traffic-{n}"), Sender { worker: n % workers, ..Sender::new("traffic") });
            let world = self.world()?;
            let now = world.now;
            world.query(sender.worker, &name, sender.client(), &message.octets());
            world.pass(every);
            self.traffic.push((n, now));
        }
        Ok(())
    }

    /// Every client of the traffic so far has this, by so long after its query.
    fn traffic_gets(&mut self, words: &mut Words<'_>) -> Outcome {
        let rcode = words.next("an RCODE")?;
        let wanted = rcode_number(rcode).ok_or_else(|| unknown(rcode))?;
        let (mut within, mut all_but) = (Duration::ZERO, 0);
        for (word, value) in words.options() {
            match word {
                "within" => within = duration(value)?,
                "all-but" => all_but = number(value)?,
                other => return Err(unknown(other)),
            }
        }
        let asked = std::mem::take(&mut self.traffic);
        self.traffic_questions += asked.len();
        let replied = &mut self.world()?.replied;
        let mut late = Vec::new();
        for (n, asked) in asked {
            let name = format!("traffic-{n}");
            let found = replied.iter().position(|replied| replied.client == name);
            let replied = replied.remove(found.ok_or_else(|| format!("client {n} got nothing"))?);
            let reply = Message::read(&replied.octets).ok_or("a reply cannot be read")?;
            compare(&rcode_name(wanted), &rcode_name(reply.rcode()))?;
            let took = replied.at - asked;
            if took > within {
                late.push((n, took));
            }
        }
        if late.len() <= all_but {
            Ok(())
        } else {
            Err(format!("{} are late: {:?}", late.len(), &late[..late.len().min(9)]))
        }
    }

    /// What was sent to upstreams for the traffic that was told, probes included.
    fn traffic_costs(&mut self, words: &mut Words<'_>) -> Outcome {
        words.expect(&["at", "most"])?;
        let percent: usize = number(words.next("how much")?)?;
        words.expect(&["%", "more"])?;
        let questions = std::mem::take(&mut self.traffic_questions);
        let world = self.world()?;
        let asked: usize = world.serving.values_mut().map(|serving| std::mem::take(&mut serving.asked)).sum();
        let sent = asked + world.probes.len() + std::mem::take(&mut world.answered_probes).len();
        let within = sent * 100 <= questions * (100 + percent);
        if within { Ok(()) } else { Err(format!("{questions} questions took {sent} packets")) }
    }

    /// `is probed …`: takes the oldest probe without answer, or with `steadily` all of them.
    pub(super) fn is_probed(&mut self, server: &str, words: &mut Words<'_>) -> Outcome {
        let ip = address(server)?;
        let (mut told, mut at, mut by, mut steadily) =
            (Told { opt: Some("no-opt"), ..Told::default() }, None, None, false);
        for (word, value) in words.options() {
            match word {
                "tcp" => told.tcp = true,
                "at" => at = Some(duration(value)?),
                "worker" => by = Some(number::<usize>(value)?),
                "steadily" => steadily = true,
                other => return Err(unknown(other)),
            }
        }
        let world = self.world()?;
        let most = if steadily { usize::MAX } else { 1 };
        let taken: Vec<Sent> = world.probes.extract_if(.., |sent| sent.server.ip() == ip).take(most).collect();
        let now = world.now;
        let Some(last) = taken.last().cloned() else { return Err(format!("upstream {server} was not probed")) };
        for sent in &taken {
            compare(&told.text(".", "NS", "IN"), &question_text(sent, Some(&told))?)?;
            if by.is_some_and(|by| by != sent.worker) {
                return Err(format!("worker {} probed", sent.worker));
            }
        }
        self.check_time(at, taken[0].at)?;
        if steadily {
            let times: Vec<Instant> = taken.iter().map(|sent| sent.at).chain([now]).collect();
            check_gaps(&times)?;
        }
        self.current.insert(server.to_owned(), last);
        Ok(())
    }

    /// So many probes since this was last told.
    pub(super) fn has_answered_probes(&mut self, server: IpAddr, words: &mut Words<'_>) -> Outcome {
        let expected: usize = number(words.next("how many")?)?;
        words.expect(&[if expected == 1 { "probe" } else { "probes" }])?;
        let seen = self.world()?.answered_probes.extract_if(.., |sent| sent.server.ip() == server).count();
        compare(&expected.to_string(), &seen.to_string())
    }
}

/// How an upstream answers by itself.
pub(super) fn serving(words: &mut Words<'_>) -> Result<Serving, String> {
    let (mut serving, mut slow, mut slow_every) = (Serving::default(), None, 1);
    for (word, value) in words.options() {
        match word {
            "after" => serving.after = duration(value)?,
            "slow" => slow = Some(duration(value)?),
            "slow-every" => slow_every = number(value)?,
            "most-a-second" => serving.most_a_second = Some(number(value)?),
            "lost-every" => serving.lost = Some(number(value)?),
            rcode => serving.rcode = rcode_number(rcode).ok_or_else(|| unknown(rcode))?,
        }
    }
    serving.slow = slow.map(|after| (slow_every, after));
    Ok(serving)
}

/// Probes that follow each other: never two close together, never a long pause, up to the present.
fn check_gaps(times: &[Instant]) -> Outcome {
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (between, present) = gaps.split_at(gaps.len() - 1);
    let steady = between.iter().all(|gap| (MIN_PROBE_GAP..=MAX_PROBE_GAP).contains(gap)) && present[0] <= MAX_PROBE_GAP;
    if steady { Ok(()) } else { Err(format!("the probes are not steady: {gaps:?}")) }
}
