//! The counters of a zone, where `zone-statistics` asks for them.
//!
//! Each worker has a block of its own in them, made when it counts there for the first time; so has each range of QTYPEs,
//! since few types are asked of one zone.

use std::sync::OnceLock;

use super::counter::{Row, add_up, row};
use super::sums::Answer;
use super::{OfZone, QTYPES};

/// Workers are found in so many groups of so many; those beyond share the blocks of others, and lose counts of each other.
const GROUP: usize = 16;
/// QTYPEs side by side.
const RANGE: usize = 32;
/// Ranges: the last one has the counter of all QTYPEs from [`QTYPES`] on.
const RANGES: usize = QTYPES / RANGE + 1;

/// What is counted of queries and updates of one zone.
#[derive(Debug, Default)]
pub struct ZoneCounters([OnceLock<Box<Group>>; GROUP]);

/// The blocks of some workers.
type Group = [OnceLock<Box<Block>>; GROUP];

/// What a worker has counted, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Block {
    counts: Row<{ OfZone::COUNT }>,
    qtypes: [OnceLock<Box<Row<RANGE>>>; RANGES],
}

impl Default for Block {
    fn default() -> Self {
        Self { counts: row(), qtypes: [const { OnceLock::new() }; RANGES] }
    }
}

/// What all workers have counted of a zone.
#[derive(Clone, Debug)]
pub struct ZoneSums {
    counts: [u64; OfZone::COUNT],
    /// Of the answers that were the zone's own and followed no alias: those QTYPEs that were asked for, and how often;
    /// [`QTYPES`] is for all from 256 on.
    pub qtypes: Vec<(usize, u64)>,
}

impl ZoneCounters {
    fn of(&self, worker: usize) -> &Block {
        let group = self.0[worker / GROUP % GROUP].get_or_init(Box::default);
        group[worker % GROUP].get_or_init(Box::default)
    }

    /// Counts the reply to a query by the worker of this number; `qtype`: its type, if no alias was followed.
    pub(super) fn answer(&self, worker: usize, tcp: bool, answer: Answer, referral: bool, qtype: Option<u16>) {
        let block = self.of(worker);
        let bump = |what: OfZone| block.counts[what as usize].bump();
        bump(if tcp { OfZone::QryTCP } else { OfZone::QryUDP });
        bump(OfZone::of(answer, referral));
        if !answer.is_about_the_name() {
            return;
        }
        bump(if answer.authoritative { OfZone::QryAuthAns } else { OfZone::QryNoauthAns });
        if let Some(qtype) = qtype.filter(|_| answer.authoritative) {
            let at = usize::from(qtype).min(QTYPES);
            block.qtypes[at / RANGE].get_or_init(|| Box::new(row()))[at % RANGE].bump();
        }
    }

    /// Counts something else.
    pub(super) fn event(&self, worker: usize, what: OfZone) {
        self.of(worker).counts[what as usize].bump();
    }

    /// What was counted so far.
    pub fn sums(&self) -> ZoneSums {
        let (mut counts, mut qtypes) = ([0; OfZone::COUNT], [0; RANGES * RANGE]);
        let groups = self.0.iter().filter_map(OnceLock::get);
        for block in groups.flat_map(|group| group.iter().filter_map(OnceLock::get)) {
            add_up(&mut counts, &block.counts);
            for (range, counters) in block.qtypes.iter().enumerate() {
                if let Some(counters) = counters.get() {
                    add_up(&mut qtypes[range * RANGE..], &counters[..]);
                }
            }
        }
        let qtypes = qtypes.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
        ZoneSums { counts, qtypes }
    }
}

impl ZoneSums {
    /// How often something happened, by named's name for it; 0 for what is not counted by zone.
    pub fn by_name(&self, name: &str) -> u64 {
        let row = OfZone::ALL.iter().find(|row| row.name() == name);
        row.map_or(0, |&row| self.counts[row as usize])
    }
}

impl OfZone {
    fn of(answer: Answer, referral: bool) -> Self {
        match answer.rcode {
            0 if referral => Self::QryReferral,
            0 if answer.is_success() => Self::QrySuccess,
            0 => Self::QryNxrrset,
            1 => Self::QryFORMERR,
            2 => Self::QrySERVFAIL,
            3 => Self::QryNXDOMAIN,
            _ => Self::QryFailure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rcode: u8, authoritative: bool, has_answers: bool) -> Answer {
        Answer { rcode, authoritative, truncated: false, has_answers, edns: false }
    }

    #[test]
    fn workers_count_a_zone_alone_and_are_added_up() {
        let zone = ZoneCounters::default();
        std::thread::scope(|scope| {
            for worker in [0, 1, 15, 16, 255] {
                let zone = &zone;
                scope.spawn(move || {
                    for _ in 0..1000 {
                        zone.answer(worker, worker == 1, answer(0, true, true), false, Some(28));
                    }
                    zone.answer(worker, false, answer(3, true, false), false, Some(65_280));
                });
            }
        });
        let sums = zone.sums();
        let counts = ["QrySuccess", "QryNXDOMAIN", "QryAuthAns", "QryTCP", "QryUDP", "Requestv4"];
        assert_eq!(counts.map(|name| sums.by_name(name)), [5000, 5, 5005, 1000, 4005, 0]);
        assert_eq!(sums.qtypes, [(28, 5000), (QTYPES, 5)]);
    }

    #[test]
    fn a_reply_counts_as_one_result() {
        for (case, given, referral, expected, qtypes) in [
            ("records", answer(0, true, true), false, "QrySuccess QryAuthAns", 1),
            ("no such type", answer(0, true, false), false, "QryNxrrset QryAuthAns", 1),
            ("cut", Answer { truncated: true, ..answer(0, true, false) }, false, "QrySuccess QryAuthAns", 1),
            ("a delegation", answer(0, false, false), true, "QryReferral QryNoauthAns", 0),
            ("a chain to another's", answer(0, false, true), false, "QrySuccess QryNoauthAns", 0),
            ("no such name", answer(3, true, false), false, "QryNXDOMAIN QryAuthAns", 1),
            ("failed", answer(2, false, false), false, "QrySERVFAIL", 0),
            ("a name too long", answer(6, true, true), false, "QryFailure QryAuthAns", 1),
        ] {
            let zone = ZoneCounters::default();
            zone.answer(0, false, given, referral, Some(1));
            let sums = zone.sums();
            let names = OfZone::ALL.iter().map(|row| row.name());
            let mut counted: Vec<&str> = names.filter(|name| sums.by_name(name) == 1).collect();
            counted.sort_unstable();
            let mut expected: Vec<&str> = expected.split(' ').chain(["QryUDP"]).collect();
            expected.sort_unstable();
            assert_eq!((counted, sums.qtypes.len()), (expected, qtypes), "{case}");
        }
    }
}
