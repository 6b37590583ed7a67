//! Choices by the state of the checks, against what Route 53 does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::*;
use crate::config::health::{Calculated, Monitored, Thresholds};
use crate::config::{AliasTarget, HealthCheck, Position, ZoneSettings};
use crate::health::{Override, Table};
use crate::wire::header::rtype;
use crate::zone::{Builder, configured};

/// A zone with checks that tests turn.
struct Stand {
    zone: Zone,
    table: Table,
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A check that is well unless it is overridden.
fn check(name: &str) -> HealthCheck {
    HealthCheck {
        name: name.to_owned(),
        monitored: Monitored::Calculated(Calculated { children: Vec::new(), health_threshold: 0 }),
        thresholds: Thresholds::default(),
        inverted: false,
        disabled: false,
        position: None,
    }
}

/// `owner policy address-or-alias [check]`, a line a record; `!` before an alias's target evaluates its health.
fn record(line: &str, checks: &mut Vec<String>) -> ZoneRecord {
    let words: Vec<&str> = line.split_whitespace().collect();
    let policy = match words[1].split_once('=').unwrap_or((words[1], "")) {
        ("simple", _) => RecordPolicy::Simple,
        ("primary", _) => RecordPolicy::Failover(FailoverRole::Primary),
        ("secondary", _) => RecordPolicy::Failover(FailoverRole::Secondary),
        ("weight", weight) => RecordPolicy::Weighted(weight.parse().expect("a weight")),
        ("multi", _) => RecordPolicy::Multivalue,
        ("region", region) => RecordPolicy::Region(region.to_owned()),
        ("everywhere", _) => RecordPolicy::Everywhere,
        other => panic!("no policy: {other:?}"),
    };
    let target = |text: &str, evaluate_target_health| AliasTarget { name: name(text), evaluate_target_health };
    let (values, alias) = match words[2].parse::<u8>() {
        Ok(last) => (vec![Box::from([192, 0, 2, last])], None),
        Err(_) => {
            (Vec::new(), Some(words[2].strip_prefix('!').map_or_else(|| target(words[2], false), |t| target(t, true))))
        }
    };
    let health_check = words.get(3).map(|check| {
        checks.push((*check).to_owned());
        checks.len() - 1
    });
    ZoneRecord {
        name: name(words[0]),
        rtype: rtype::A,
        ttl: None,
        values,
        policy,
        set_identifier: line.to_owned(),
        health_check,
        alias,
        on_all_down: None,
        position: Position { file: "test".into(), line: 1, column: 0 },
    }
}

fn stand(lines: &str, change: impl FnOnce(&mut ZoneSettings), region: Option<&str>) -> Stand {
    let mut names = Vec::new();
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let records = lines.map(|line| record(line, &mut names)).collect();
    let mut settings = ZoneSettings::default();
    change(&mut settings);
    let text = LocalZone { name: name("x"), file: None, records, settings, grants: Vec::new(), position: None };
    let table = Table::new(Vec::new());
    let checks: Vec<HealthCheck> = names.iter().map(|name| check(name)).collect();
    let entries = table.follow(&checks, SystemTime::UNIX_EPOCH).entries;
    let mut builder = Builder::new(text.name.clone());
    configured::records(&text, 1, &name("ns.x")).into_iter().for_each(|record| builder.add(record));
    for (owner, group, position) in groups(&text, &entries, region) {
        builder.add_group(&owner, group, Some(position));
    }
    let (zone, _) = builder.finish().expect("the zone is right");
    Stand { zone, table }
}

impl Stand {
    fn turn(&self, check: &str, healthy: bool) {
        let over = Override { healthy, reason: "test".to_owned(), expires: None };
        self.table.set_override(check, Some(over), SystemTime::UNIX_EPOCH).expect("the check is known");
    }

    /// The last octets of what is answered, in order; `None`: the zone fails closed.
    fn answer(&self, owner: &str, seed: u64) -> Option<Vec<u8>> {
        let Some(Rrset::Chosen(group)) = self.zone.own(name(owner).as_wire(), rtype::A) else {
            panic!("{owner} has no group")
        };
        match group.choose(&self.zone, &mut Draw::new(seed)) {
            Choice::Rrsets(rrsets) => {
                let rdata = rrsets.iter().flatten().flat_map(rrset::rdata);
                Some(rdata.map(|rdata| rdata[3]).collect())
            }
            Choice::AllDown => None,
            Choice::Nothing => Some(Vec::new()),
        }
    }

    fn counts(&self, owner: &str, draws: u64) -> BTreeMap<u8, u64> {
        let mut counts = BTreeMap::new();
        for seed in 0..draws {
            for last in self.answer(owner, seed).expect("an answer") {
                *counts.entry(last).or_default() += 1;
            }
        }
        counts
    }
}

fn plain(lines: &str) -> Stand {
    stand(lines, |_| {}, None)
}

#[test]
fn failover_takes_the_primary_while_it_is_well_and_when_all_are_down() {
    let checked = plain("a.x primary 1 p\na.x secondary 2 s");
    let unchecked = plain("a.x primary 1 p\na.x secondary 2");
    for (primary, secondary, with_both, with_one) in
        [(true, true, 1, 1), (true, false, 1, 1), (false, true, 2, 2), (false, false, 1, 2)]
    {
        checked.turn("p", primary);
        checked.turn("s", secondary);
        unchecked.turn("p", primary);
        assert_eq!(checked.answer("a.x", 7), Some(vec![with_both]), "{primary} {secondary}");
        assert_eq!(unchecked.answer("a.x", 7), Some(vec![with_one]), "{primary}, the secondary has no check");
    }
}

#[test]
fn a_group_that_fails_closed_gives_nothing_when_all_are_down() {
    let stand = stand("a.x primary 1 p\na.x secondary 2 s", |zone| zone.on_all_down = OnAllDown::Servfail, None);
    assert_eq!(stand.answer("a.x", 0), Some(vec![1]));
    stand.turn("p", false);
    stand.turn("s", false);
    assert_eq!(stand.answer("a.x", 0), None);
    stand.turn("s", true);
    assert_eq!(stand.answer("a.x", 0), Some(vec![2]));
}

/// The sum of squared deviations by expectation.
fn chi_square(counts: &BTreeMap<u8, u64>, expected: &[(u8, f64)]) -> f64 {
    let of = |last: u8| counts.get(&last).copied().unwrap_or(0) as f64;
    expected.iter().map(|&(last, expected)| (of(last) - expected).powi(2) / expected).sum()
}

#[test]
fn weights_are_shares_and_zero_counts_when_nothing_else_is_well() {
    let stand = plain("a.x weight=1 1 a\na.x weight=2 2 b\na.x weight=5 3 c\na.x weight=0 4 d\na.x weight=0 5 e");
    let counts = stand.counts("a.x", 80_000);
    // 13.8 is exceeded once in a thousand with two degrees of freedom.
    assert!(chi_square(&counts, &[(1, 10_000.0), (2, 20_000.0), (3, 50_000.0)]) < 13.8, "{counts:?}");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [1, 2, 3], "those of weight zero are not given out");
    stand.turn("c", false);
    let counts = stand.counts("a.x", 30_000);
    assert!(chi_square(&counts, &[(1, 10_000.0), (2, 20_000.0)]) < 10.8, "{counts:?}");
    ["a", "b"].into_iter().for_each(|check| stand.turn(check, false));
    let counts = stand.counts("a.x", 20_000);
    assert!(chi_square(&counts, &[(4, 10_000.0), (5, 10_000.0)]) < 10.8, "the zeros alike: {counts:?}");
    ["d", "e"].into_iter().for_each(|check| stand.turn(check, false));
    let counts = stand.counts("a.x", 80_000);
    assert!(
        chi_square(&counts, &[(1, 10_000.0), (2, 20_000.0), (3, 50_000.0)]) < 13.8,
        "as if all were well: {counts:?}"
    );
    let zeros = plain("a.x weight=0 1\na.x weight=0 2");
    let counts = zeros.counts("a.x", 20_000);
    assert!(chi_square(&counts, &[(1, 10_000.0), (2, 10_000.0)]) < 10.8, "{counts:?}");
}

#[test]
fn every_other_draw_is_as_fair_as_all() {
    let stand = plain("a.x weight=1 1\na.x weight=1 2");
    let mut counts = BTreeMap::new();
    for seed in (0..40_000).step_by(2) {
        *counts.entry(stand.answer("a.x", seed << 32).expect("an answer")[0]).or_default() += 1;
    }
    assert!(chi_square(&counts, &[(1, 10_000.0), (2, 10_000.0)]) < 10.8, "{counts:?}");
}

#[test]
fn multivalue_gives_up_to_eight_that_are_well_in_any_order() {
    let lines: String = (1..=12).map(|last| format!("a.x multi {last} c{last}\n")).collect();
    let stand = plain(&lines);
    let mut orders = BTreeSet::new();
    for seed in 0..1000 {
        let answer = stand.answer("a.x", seed).expect("an answer");
        let different: BTreeSet<_> = answer.iter().collect();
        assert_eq!((answer.len(), different.len()), (8, 8));
        orders.insert(answer);
    }
    assert!(orders.len() > 990, "{} orders in 1,000 answers", orders.len());
    let counts = stand.counts("a.x", 12_000);
    let expected: Vec<_> = (1..=12).map(|last| (last, 8_000.0)).collect();
    assert!(chi_square(&counts, &expected) < 31.3, "each as often as any other: {counts:?}");
    (1..=9).for_each(|last| stand.turn(&format!("c{last}"), false));
    let answer: BTreeSet<_> = stand.answer("a.x", 1).expect("an answer").into_iter().collect();
    assert_eq!(answer, BTreeSet::from([10, 11, 12]));
    (10..=12).for_each(|last| stand.turn(&format!("c{last}"), false));
    assert_eq!(stand.answer("a.x", 1).map(|answer| answer.len()), Some(8), "all are down: eight of all");
}

#[test]
fn an_alias_is_as_well_as_its_target_if_it_is_told_to_look() {
    let lines = "near.x primary 1 n1\nnear.x secondary 2 n2\nfar.x weight=1 3 f\n";
    let stand =
        plain(&format!("{lines}a.x primary !near.x\na.x secondary !far.x\nb.x primary near.x own\nb.x secondary 9"));
    assert_eq!(stand.answer("a.x", 0), Some(vec![1]));
    stand.turn("n1", false);
    assert_eq!(stand.answer("a.x", 0), Some(vec![2]), "one of the target's is enough");
    stand.turn("n2", false);
    assert_eq!(stand.answer("a.x", 0), Some(vec![3]), "the branch that is down is left");
    assert_eq!(stand.answer("b.x", 0), Some(vec![1]), "who does not look takes what the target gives");
    stand.turn("own", false);
    assert_eq!(stand.answer("b.x", 0), Some(vec![9]));
    stand.turn("f", false);
    assert_eq!(stand.answer("a.x", 0), Some(vec![1]), "all are down: as if all were well, to the end");
}

#[test]
fn a_deep_tree_that_is_down_costs_no_more_than_its_names() {
    let mut lines = "a0.x primary 1 p\na0.x secondary 2 s\n".to_owned();
    for level in 1..=60 {
        let below = level - 1;
        lines += &format!("a{level}.x primary !a{below}.x\na{level}.x secondary !a{below}.x\n");
    }
    let stand = plain(&lines);
    assert_eq!(stand.answer("a60.x", 0), Some(vec![1]));
    ["p", "s"].into_iter().for_each(|check| stand.turn(check, false));
    // Looked at one way after the other these would be 2^60 steps.
    assert_eq!(stand.answer("a60.x", 0), Some(vec![1]));
}

#[test]
fn a_node_of_a_region_has_its_own_record_first() {
    let lines = "a.x region=east 1 e\na.x region=west 2 w\na.x everywhere 3 d";
    for (region, up, down) in [(Some("east"), 1, 3), (Some("west"), 2, 3), (Some("north"), 3, 1), (None, 3, 1)] {
        let stand = stand(lines, |_| {}, region);
        assert_eq!(stand.answer("a.x", 0), Some(vec![up]), "{region:?}");
        stand.turn(
            match up {
                1 => "e",
                2 => "w",
                _ => "d",
            },
            false,
        );
        assert_eq!(stand.answer("a.x", 0), Some(vec![down]), "{region:?}: the next that is well");
    }
}

#[test]
fn monitored_records_have_a_short_ttl() {
    let stand = stand("a.x primary 1 p\na.x secondary 2\nb.x weight=1 3", |zone| zone.monitored_ttl = Some(5), None);
    for (owner, expected) in [("a.x", 5), ("b.x", ZoneSettings::default().ttl)] {
        let Some(Rrset::Chosen(group)) = stand.zone.own(name(owner).as_wire(), rtype::A) else { panic!("a group") };
        let Choice::Rrsets([Some(segment), ..]) = group.choose(&stand.zone, &mut Draw::new(0)) else {
            panic!("records")
        };
        assert_eq!(rrset::ttl(&segment), expected, "{owner}");
    }
}

/// What is told of a group and what it chooses are worked out apart; they must say the same.
#[test]
fn what_is_told_is_what_is_chosen() {
    let lines = "f.x primary 1 a\nf.x secondary 2 b\nw.x weight=1 1 c\nw.x weight=3 2 d\nw.x weight=0 3 e\n\
                 m.x multi 1 f\nm.x multi 2 g\nm.x multi 3\nr.x region=eu 1 h\nr.x everywhere 2\n\
                 t.x primary !f.x\nt.x secondary 9 i";
    let checks: Vec<&str> = vec!["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    for (closes, region) in [(false, None), (true, None), (false, Some("eu"))] {
        let stand = stand(
            lines,
            |settings| {
                if closes {
                    settings.on_all_down = OnAllDown::Servfail;
                }
            },
            region,
        );
        for state in 0..1u32 << checks.len() {
            checks.iter().enumerate().for_each(|(place, check)| stand.turn(check, state >> place & 1 == 0));
            for owner in ["f.x", "w.x", "m.x", "r.x", "t.x"] {
                let case = format!("{owner} in state {state:b}, {closes}, {region:?}");
                let owner = name(owner);
                let Some(Rrset::Chosen(group)) = stand.zone.own(owner.as_wire(), rtype::A) else { panic!("{case}") };
                let told = group.tell(&stand.zone);
                let shares: Vec<_> = told.members.iter().map(|member| member.share).collect();
                let chances = shares.iter().filter(|share| **share != told::Share::Never).count();
                match group.choose(&stand.zone, &mut Draw::new(u64::from(state))) {
                    Choice::AllDown => {
                        // A target of an alias may be what is down.
                        let own = told.all_down == Some(OnAllDown::Servfail) && chances == 0;
                        assert!(own || owner == name("t.x"), "{case}: {shares:?}");
                    }
                    Choice::Rrsets(rrsets) => {
                        let given: Vec<Vec<u8>> =
                            rrsets.iter().flatten().flat_map(rrset::rdata).map(Vec::from).collect();
                        let possible = |member: &told::Choosable<'_>| match &member.has {
                            told::Has::Records(segment) => {
                                given.iter().any(|rdata| rrset::rdata(segment).any(|r| r == rdata))
                            }
                            told::Has::Alias { .. } => member.share == told::Share::Always,
                        };
                        for member in &told.members {
                            match member.share {
                                told::Share::Always => assert!(possible(member), "{case}: {shares:?} {given:?}"),
                                told::Share::Never => assert!(!possible(member), "{case}: {shares:?} {given:?}"),
                                told::Share::Drawn(..) => {}
                            }
                        }
                        assert!(chances >= 1, "{case}");
                    }
                    Choice::Nothing => panic!("{case}: nothing"),
                }
            }
        }
    }
}
