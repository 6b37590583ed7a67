//! Telling a person what a group would choose at this moment, and why.
//!
//! Not here: choosing for an answer, which this must agree with (a test compares them).

use super::{Draw, Group, Kind, MAX_VALUES, Member, What};
use crate::config::{FailoverRole, OnAllDown, RecordPolicy, ZoneRecord};
use crate::health;
use crate::wire::Name;
use crate::wire::segment::Segment;
use crate::zone::Zone;

/// A group as it is now.
pub struct Told<'z> {
    /// Route 53's word for its policy.
    pub policy: &'static str,
    /// In the order in which they are tried.
    pub members: Vec<Choosable<'z>>,
    /// Whether none of them is well: then all count as well, or the answer is SERVFAIL.
    pub all_down: Option<OnAllDown>,
}

/// A member of a group as it is now.
pub struct Choosable<'z> {
    /// Its role, weight or region, and its `set_identifier`.
    pub label: &'z str,
    /// What its own check is; `None`: it has none.
    pub check: Option<health::Row>,
    /// Whether its check is healthy and, of an alias that evaluates its target, anything there is.
    pub is_well: bool,
    /// How likely it is in an answer now.
    pub share: Share,
    /// What it answers with.
    pub has: Has<'z>,
}

/// What a member answers with.
pub enum Has<'z> {
    /// These.
    Records(Segment<'z>),
    /// What another name of the zone has.
    Alias {
        /// That name.
        target: &'z Name,
        /// `evaluate_target_health`
        evaluates: bool,
    },
}

/// How likely a member is in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// It is in each.
    Always,
    /// It is in none.
    Never,
    /// So many of so many.
    Drawn(usize, usize),
}

impl Group {
    /// What it would choose now.
    pub fn tell<'z>(&'z self, zone: &'z Zone) -> Told<'z> {
        let mut draw = Draw::new(0);
        let well: Vec<bool> =
            self.members.iter().map(|member| member.is_well(self.rtype, zone, &mut draw, 0)).collect();
        let none_is = !well.contains(&true);
        let counts: Vec<bool> =
            if none_is { vec![self.on_all_down == OnAllDown::Primary; well.len()] } else { well.clone() };
        let shares = self.shares(&counts);
        let members = self.members.iter().zip(well).zip(shares);
        Told {
            policy: self.policy,
            members: members.map(|((member, is_well), share)| member.tell(is_well, share)).collect(),
            all_down: none_is.then_some(self.on_all_down),
        }
    }

    /// The shares of the members of which these count.
    fn shares(&self, counts: &[bool]) -> Vec<Share> {
        let places = 0..counts.len();
        let sum: usize =
            self.members.iter().zip(counts).filter(|(_, counts)| **counts).map(|(m, _)| usize::from(m.weight)).sum();
        let count = counts.iter().filter(|counts| **counts).count();
        let first = counts.iter().position(|counts| *counts);
        let share = |place: usize| match self.kind {
            _ if !counts[place] => Share::Never,
            Kind::First => {
                if first == Some(place) {
                    Share::Always
                } else {
                    Share::Never
                }
            }
            Kind::Weighted if sum == 0 => drawn(1, count),
            Kind::Weighted => drawn(usize::from(self.members[place].weight), sum),
            Kind::Multivalue => drawn(MAX_VALUES.min(count), count),
        };
        places.map(share).collect()
    }
}

fn drawn(weight: usize, of: usize) -> Share {
    match weight {
        0 => Share::Never,
        _ if weight == of => Share::Always,
        _ => Share::Drawn(weight, of),
    }
}

impl Member {
    fn tell(&self, is_well: bool, share: Share) -> Choosable<'_> {
        let has = match &self.what {
            What::Records(octets) => Has::Records(Segment::new(octets)),
            What::Alias { target, evaluates } => Has::Alias { target, evaluates: *evaluates },
        };
        let check = self.check.as_ref().map(|check| check.row());
        Choosable { label: &self.label, check, is_well, share, has }
    }
}

/// Route 53's word for the policy of a record's group.
pub(super) fn policy(record: &ZoneRecord) -> &'static str {
    match record.policy {
        RecordPolicy::Simple => "simple",
        RecordPolicy::Failover(_) => "failover",
        RecordPolicy::Weighted(_) => "weighted",
        RecordPolicy::Multivalue => "multivalue",
        RecordPolicy::Region(_) | RecordPolicy::Everywhere => "region",
    }
}

/// What a record is called within its group.
pub(super) fn label(record: &ZoneRecord) -> Box<str> {
    let role = match &record.policy {
        RecordPolicy::Simple | RecordPolicy::Multivalue => String::new(),
        RecordPolicy::Failover(FailoverRole::Primary) => "PRIMARY".to_owned(),
        RecordPolicy::Failover(FailoverRole::Secondary) => "SECONDARY".to_owned(),
        RecordPolicy::Weighted(weight) => format!("weight {weight}"),
        RecordPolicy::Region(region) => format!("region {region}"),
        RecordPolicy::Everywhere => "all other regions".to_owned(),
    };
    let own = &record.set_identifier;
    match (role.is_empty(), own.is_empty() || own.eq_ignore_ascii_case(&role)) {
        (_, true) => role.into(),
        (true, false) => format!("'{own}'").into(),
        (false, false) => format!("{role} '{own}'").into(),
    }
}
