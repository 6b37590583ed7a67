//! What a client saw of the name over time, and whether that follows what was done to the servers.
//!
//! Times are arguments, counted from the begin of the demo. Not here: asking ([`super::watch`]), doing.

use std::fmt;
use std::time::Duration;

use super::place::SERVERS;

/// The promise for these settings: so long after the event the name has moved.
pub(super) const PROMISE: Duration = Duration::from_millis(2100);
/// The bound of the check: the promise, and what a machine that is busy with other work may take.
pub(super) const BOUND: Duration = Duration::from_millis(5100);

/// What one question came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The address of a server, by its number: `1..=3`.
    Server(usize),
    /// Something else, in words.
    Other(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(number) => write!(f, "{} (server {number})", SERVERS[number - 1]),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Nobody listens any more.
    Kill,
    /// It takes connections and is silent.
    Freeze,
    /// It answers again.
    Start,
}

impl Act {
    /// `killed`
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Freeze => "frozen",
            Self::Start => "started again",
        }
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    /// When it had its effect.
    pub at: Duration,
    /// What.
    pub act: Act,
    /// To which server: `1..=3`.
    pub server: usize,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {} was {}", self.server, self.act.done())
    }
}

/// Answers in a row that were the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// What they were.
    pub seen: Seen,
    /// When the first of them came.
    pub first: Duration,
    /// When the last of them was asked for.
    pub last_asked: Duration,
    /// How many were asked for behind the last deed before the next run.
    pub behind_deed: usize,
}

/// All that was seen and done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Track {
    runs: Vec<Run>,
    deeds: Vec<Deed>,
    answers: usize,
}

impl Track {
    /// Takes what a question came to that was asked for and answered then.
    pub(super) fn note(&mut self, asked: Duration, answered: Duration, seen: Seen) {
        self.answers += 1;
        let behind_deed = usize::from(self.deeds.last().is_some_and(|deed| asked >= deed.at));
        match self.runs.last_mut().filter(|run| run.seen == seen) {
            Some(run) => {
                run.last_asked = asked;
                run.behind_deed += behind_deed;
            }
            None => self.runs.push(Run { seen, first: answered, last_asked: asked, behind_deed }),
        }
    }

    /// Takes what was done.
    pub(super) fn done(&mut self, deed: Deed) {
        if let Some(run) = self.runs.last_mut() {
            run.behind_deed = 0;
        }
        self.deeds.push(deed);
    }

    /// What the name is now.
    pub(super) fn present(&self) -> Option<&Seen> {
        self.runs.last().map(|run| &run.seen)
    }

    /// How many runs there were.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The line of the time line for a run: that the name moved, and how long after what. `1..runs()`
    pub(super) fn tell(&self, run: usize) -> Option<String> {
        let (before, now) = (self.runs.get(run.checked_sub(1)?)?, self.runs.get(run)?);
        let mut text = format!("{} the name is {}", clock(now.first), now.seen);
        if let Some(deed) = self.cause(run) {
            text += &format!(", {} s after {deed}", seconds(now.first - deed.at));
            let (count, last) = (before.behind_deed, before.last_asked.saturating_sub(deed.at));
            if count > 0 {
                text += &format!("; until {} s {count} answers were {}", seconds(last), before.seen);
            }
        }
        Some(text)
    }

    /// The deed that a run follows: the last before it, if no other run lies between.
    fn cause(&self, run: usize) -> Option<&Deed> {
        let (begin, before) = (self.runs.get(run)?.first, self.runs.get(run.checked_sub(1)?)?.first);
        self.deeds.iter().rfind(|deed| deed.at <= begin).filter(|deed| deed.at >= before)
    }

    /// A row for each deed: what it did to the name, and the sum; or why the track is not what it should be.
    pub(super) fn table(&self) -> Vec<String> {
        let row = |what: String, moved: String, after: String, meanwhile: String| {
            format!("  {what:<26}{moved:<14}{after:>9}{meanwhile:>24}")
        };
        let head = ["what was done", "the name", "after", "answers before it moved"].map(str::to_owned);
        let [what, moved, after, meanwhile] = head;
        let mut rows = vec![row(what, moved, after, meanwhile)];
        for (place, deed) in self.deeds.iter().enumerate() {
            let what = deed.to_string().replace(" was ", " ");
            let mut followed = (1..self.runs.len()).filter(|run| self.cause(*run) == Some(&self.deeds[place]));
            rows.push(match followed.next() {
                Some(run) => row(
                    what,
                    format!("{} → {}", number(&self.runs[run - 1].seen), number(&self.runs[run].seen)),
                    format!("{} s", seconds(self.runs[run].first - deed.at)),
                    self.runs[run - 1].behind_deed.to_string(),
                ),
                None => row(what, "stays".to_owned(), "-".to_owned(), "-".to_owned()),
            });
        }
        rows
    }

    /// What the name was, in order: `1 → 2 → 3`.
    pub(super) fn path(&self) -> String {
        self.runs.iter().map(|run| number(&run.seen)).collect::<Vec<_>>().join(" → ")
    }

    /// How many answers there were.
    pub(super) fn answers(&self) -> usize {
        self.answers
    }

    /// The longest that the name took to follow.
    pub(super) fn longest(&self) -> Option<Duration> {
        (1..self.runs.len()).filter_map(|run| Some(self.runs[run].first - self.cause(run)?.at)).max()
    }

    /// What is wrong, if anything: the name must have been these servers, in this order, and each time within
    /// [`BOUND`] of what made it move.
    pub(super) fn verdict(&self, order: &[usize]) -> Result<(), String> {
        let is_in_order =
            self.runs.iter().map(|run| &run.seen).eq(&order.iter().map(|n| Seen::Server(*n)).collect::<Vec<_>>());
        if !is_in_order {
            let wanted = order.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ");
            return Err(format!("the name followed {} instead of {wanted}", self.path()));
        }
        for run in 1..self.runs.len() {
            let to = &self.runs[run].seen;
            let Some(deed) = self.cause(run) else {
                return Err(format!("the name moved to {to} though nothing was done"));
            };
            let took = self.runs[run].first - deed.at;
            if took > BOUND {
                let (took, bound) = (seconds(took), seconds(BOUND));
                return Err(format!("the name moved to {to} only {took} s after {deed}: the bound is {bound} s"));
            }
        }
        Ok(())
    }
}

fn number(seen: &Seen) -> String {
    match seen {
        Seen::Server(number) => number.to_string(),
        Seen::Other(what) => format!("({what})"),
    }
}

/// A time from the begin, as it stands in front of a line.
pub(super) fn clock(at: Duration) -> String {
    format!("{:>8.3} s ", at.as_secs_f64())
}

/// To the millisecond.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    enum Step {
        /// From, to (ms), every 10 ms: a server.
        Answers(u64, u64, usize),
        Done(u64, Act, usize),
        Fault(u64, &'static str),
    }
    use Step::{Answers, Done, Fault};

    fn track(steps: &[Step]) -> Track {
        let mut track = Track::default();
        for step in steps {
            match *step {
                Answers(from, to, server) => (from..to).step_by(10).for_each(|at| {
                    track.note(ms(at), ms(at + 1), Seen::Server(server));
                }),
                Done(at, act, server) => track.done(Deed { at: ms(at), act, server }),
                Fault(at, what) => track.note(ms(at), ms(at + 1), Seen::Other(what.to_owned())),
            }
        }
        track
    }

    #[test]
    fn the_verdict_knows_order_and_time() {
        let moved = [Answers(0, 1000, 1), Done(1000, Act::Kill, 1), Answers(1000, 2900, 1), Answers(2900, 4000, 2)];
        let back = [Answers(0, 10, 2), Done(15, Act::Start, 1), Answers(20, 1500, 2), Answers(1500, 2000, 1)];
        let flap =
            [Answers(0, 10, 1), Done(15, Act::Kill, 1), Answers(20, 30, 2), Answers(30, 40, 1), Answers(40, 50, 2)];
        let late = [Answers(0, 10, 1), Done(15, Act::Kill, 1), Answers(20, 5200, 1), Answers(5200, 5300, 2)];
        let alone = [Answers(0, 10, 1), Answers(10, 20, 2)];
        let lost = [Answers(0, 10, 1), Fault(20, "no answer within 1.0 s"), Answers(30, 40, 1)];
        for (case, steps, order, expected) in [
            ("it moved", &moved[..], &[1, 2][..], Ok(())),
            ("and back", &back, &[2, 1], Ok(())),
            ("it did not move", &moved[..1], &[1, 2], Err("the name followed 1 instead of 1 → 2")),
            ("nobody asked", &[], &[1], Err("the name followed  instead of 1")),
            ("it flaps", &flap, &[1, 2], Err("the name followed 1 → 2 → 1 → 2 instead of 1 → 2")),
            ("too late", &late, &[1, 2], Err("127.0.0.12 (server 2) only 5.186 s after server 1 was killed")),
            ("for no reason", &alone, &[1, 2], Err("the name moved to 127.0.0.12 (server 2) though nothing was done")),
            ("a lost answer", &lost, &[1], Err("1 → (no answer within 1.0 s) → 1 instead of 1")),
        ] {
            match (track(steps).verdict(order), expected) {
                (Ok(()), Ok(())) => {}
                (Err(seen), Err(part)) => assert!(seen.contains(part), "{case}: {seen}"),
                (seen, expected) => panic!("{case}: {seen:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn a_move_is_told_with_what_it_follows_and_what_was_answered_meanwhile() {
        let mut steps =
            vec![Answers(0, 1000, 1), Done(1000, Act::Freeze, 1), Answers(1000, 2900, 1), Answers(2900, 3000, 2)];
        steps.extend([Done(3000, Act::Kill, 3), Answers(3000, 3500, 2)]);
        let track = track(&steps);
        assert_eq!(
            track.tell(1).as_deref(),
            Some(
                "   2.901 s  the name is 127.0.0.12 (server 2), 1.901 s after server 1 was frozen; until 1.890 s 190 answers \
                 were 127.0.0.11 (server 1)"
            )
        );
        assert_eq!((track.tell(0), track.tell(2)), (None, None));
        let table = track.table();
        assert_eq!(table.len(), 3);
        let words = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&table[1]), "server 1 frozen 1 → 2 1.901 s 190");
        assert_eq!(words(&table[2]), "server 3 killed stays - -");
        assert_eq!((track.path().as_str(), track.answers(), track.longest()), ("1 → 2", 350, Some(ms(1901))));
    }
}
