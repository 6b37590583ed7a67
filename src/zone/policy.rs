//! Choosing among the records of one name and type: Route 53's routing policies.
//!
//! Nothing is kept of what was chosen: each answer looks at the marks of the health checks, so that the one after a change
//! is right. What is random comes from a [`Draw`] that the caller seeds. [`told`] says the same for a person.
//! Not here: what a check has found ([`crate::health`]), which records may stand together (`config`).

pub mod told;

use std::sync::Arc;

use super::Zone;
use super::rrset::{self, Rrset};
use crate::config::{FailoverRole, LocalZone, OnAllDown, Position, RecordPolicy, ZoneRecord};
use crate::health;
use crate::wire::Name;
use crate::wire::segment::Segment;

/// The most records of a multivalue answer; Route 53's.
pub const MAX_VALUES: usize = 8;
/// Aliases of aliases are followed so far; configurations hold no more.
const MAX_DEPTH: usize = 64;

/// The records of one name and type of which a policy chooses.
#[derive(Debug)]
pub struct Group {
    rtype: u16,
    kind: Kind,
    /// Its name, for a person.
    policy: &'static str,
    /// At least one. Of failover the primary first, of regions in the order of preference.
    members: Box<[Member]>,
    on_all_down: OnAllDown,
}

/// How one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The first that is well.
    First,
    /// Each by its weight.
    Weighted,
    /// Several.
    Multivalue,
}

#[derive(Debug)]
struct Member {
    /// What it is called, for a person.
    label: Box<str>,
    weight: u8,
    /// `None`: it counts as healthy.
    check: Option<Arc<health::Entry>>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A [`Segment`], owned by the question's name.
    Records(Box<[u8]>),
    /// What another name of the zone has.
    Alias { target: Name, evaluates: bool },
}

/// What was chosen.
pub enum Choice<'z> {
    /// Up to [`MAX_VALUES`] RRsets of one type, to be given out together: all but multivalue groups have one.
    Rrsets([Option<Segment<'z>>; MAX_VALUES]),
    /// Nothing is well, and the zone would rather fail than give out what is not.
    AllDown,
    /// The name that it is an alias of has no such records any more.
    Nothing,
}

/// Numbers for one answer, and what was found out for it. Each answer begins with another seed.
pub struct Draw {
    state: u64,
    /// Groups that were judged for this answer: a name may be the target of many.
    judged: Vec<(*const Group, bool)>,
}

impl Draw {
    /// Seeds that are neighbours give numbers that have nothing in common.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, judged: Vec::new() }
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `0..count`, evenly but for one in 2^32.
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }
}

/// The groups of a configured zone where a policy, an alias or a health check decides, each with its owner and where it
/// begins. `checks` are those of the configuration, in its order; `region` is this node's.
pub fn groups(zone: &LocalZone, checks: &[Arc<health::Entry>], region: Option<&str>) -> Vec<(Name, Group, Position)> {
    let mut groups: Vec<(Name, u16, Vec<&ZoneRecord>)> = Vec::new();
    for record in &zone.records {
        match groups.iter_mut().find(|(name, rtype, _)| *name == record.name && *rtype == record.rtype) {
            Some((.., members)) => members.push(record),
            None => groups.push((record.name.clone(), record.rtype, vec![record])),
        }
    }
    let chosen = groups.into_iter().filter(|(.., records)| records.iter().any(|record| decides(record)));
    let group = |(name, rtype, records): (Name, u16, Vec<&ZoneRecord>)| {
        let position = records[0].position.clone();
        (name, Group::new(zone, rtype, records, checks, region), position)
    };
    chosen.map(group).collect()
}

/// Whether a record belongs to a group that [`groups`] makes.
pub fn is_chosen(zone: &LocalZone, record: &ZoneRecord) -> bool {
    let same = |other: &&ZoneRecord| other.name == record.name && other.rtype == record.rtype;
    zone.records.iter().filter(same).any(decides)
}

fn decides(record: &ZoneRecord) -> bool {
    record.policy != RecordPolicy::Simple || record.alias.is_some() || record.health_check.is_some()
}

impl Group {
    fn new(
        zone: &LocalZone,
        rtype: u16,
        mut records: Vec<&ZoneRecord>,
        checks: &[Arc<health::Entry>],
        region: Option<&str>,
    ) -> Self {
        records.sort_by_key(|record| preference(&record.policy, region));
        let kind = match records[0].policy {
            RecordPolicy::Weighted(_) => Kind::Weighted,
            RecordPolicy::Multivalue => Kind::Multivalue,
            _ => Kind::First,
        };
        let is_monitored = records.iter().any(|record| record.health_check.is_some());
        let most = zone.settings.monitored_ttl.filter(|_| is_monitored).unwrap_or(u32::MAX);
        let on_all_down = records.iter().find_map(|record| record.on_all_down).unwrap_or(zone.settings.on_all_down);
        let member = |record: &&ZoneRecord| Member {
            label: told::label(record),
            weight: if let RecordPolicy::Weighted(weight) = record.policy { weight } else { 1 },
            check: record.health_check.and_then(|place| checks.get(place)).map(Arc::clone),
            what: match &record.alias {
                Some(alias) => What::Alias { target: alias.name.clone(), evaluates: alias.evaluate_target_health },
                None => {
                    let ttl = record.ttl.unwrap_or(zone.settings.ttl).min(most);
                    let values = record.values.iter().map(|value| &value[..]);
                    What::Records(rrset::encode(rtype, ttl, values).unwrap_or_default().into())
                }
            },
        };
        let policy = told::policy(records[0]);
        Self { rtype, kind, policy, members: records.iter().map(member).collect(), on_all_down }
    }

    /// The type of its records.
    pub fn rtype(&self) -> u16 {
        self.rtype
    }

    /// How many records it chooses from; an alias counts as one.
    pub fn records(&self) -> usize {
        let count = |member: &Member| match &member.what {
            What::Records(octets) => rrset::count(&Segment::new(octets)),
            What::Alias { .. } => 1,
        };
        self.members.iter().map(count).sum()
    }

    /// Chooses for one answer.
    pub fn choose<'z>(&'z self, zone: &'z Zone, draw: &mut Draw) -> Choice<'z> {
        self.choose_at(zone, draw, 0)
    }

    fn choose_at<'z>(&'z self, zone: &'z Zone, draw: &mut Draw, depth: usize) -> Choice<'z> {
        let mut well = [0u8; 256];
        let mut count = 0;
        for (place, member) in self.members.iter().enumerate().take(well.len()) {
            if member.is_well(self.rtype, zone, draw, depth) {
                well[count] = place as u8;
                count += 1;
            }
        }
        if count == 0 {
            if self.on_all_down == OnAllDown::Servfail {
                return Choice::AllDown;
            }
            // As if all were: never an empty answer for that.
            count = self.members.len().min(well.len());
            (0..count).for_each(|place| well[place] = place as u8);
        }
        let well = &mut well[..count];
        match self.kind {
            Kind::First => self.take(well[0], zone, draw, depth),
            Kind::Weighted => {
                let place = self.draw_weighted(well, draw);
                self.take(place, zone, draw, depth)
            }
            Kind::Multivalue => self.take_several(well, draw),
        }
    }

    /// One of these by its weight; those of weight zero only if there is no other, and then each alike.
    fn draw_weighted(&self, well: &[u8], draw: &mut Draw) -> u8 {
        let weight = |place: u8| usize::from(self.members[usize::from(place)].weight);
        let sum: usize = well.iter().map(|&place| weight(place)).sum();
        if sum == 0 {
            return well[draw.below(well.len())];
        }
        let mut left = draw.below(sum);
        for &place in well {
            match left.checked_sub(weight(place)) {
                Some(rest) => left = rest,
                None => return place,
            }
        }
        well[0]
    }

    /// Some of these in any order, each as likely as any other.
    fn take_several<'z>(&'z self, well: &mut [u8], draw: &mut Draw) -> Choice<'z> {
        let mut rrsets = [const { None }; MAX_VALUES];
        for index in 0..well.len().min(MAX_VALUES) {
            let other = index + draw.below(well.len() - index);
            well.swap(index, other);
            if let What::Records(octets) = &self.members[usize::from(well[index])].what {
                rrsets[index] = Some(Segment::new(octets));
            }
        }
        Choice::Rrsets(rrsets)
    }

    fn take<'z>(&'z self, place: u8, zone: &'z Zone, draw: &mut Draw, depth: usize) -> Choice<'z> {
        let one = |segment| {
            let mut rrsets = [const { None }; MAX_VALUES];
            rrsets[0] = Some(segment);
            Choice::Rrsets(rrsets)
        };
        match &self.members[usize::from(place)].what {
            What::Records(octets) => one(Segment::new(octets)),
            What::Alias { target, .. } if depth < MAX_DEPTH => match zone.own(target.as_wire(), self.rtype) {
                Some(Rrset::Fixed(segment)) => one(segment),
                Some(Rrset::Chosen(group)) => group.choose_at(zone, draw, depth + 1),
                None => Choice::Nothing,
            },
            What::Alias { .. } => Choice::Nothing,
        }
    }

    /// Whether any of its records is well.
    fn is_well(&self, zone: &Zone, draw: &mut Draw, depth: usize) -> bool {
        let own: *const Group = self;
        if let Some((_, is_well)) = draw.judged.iter().find(|(group, _)| *group == own) {
            return *is_well;
        }
        let is_well = self.members.iter().any(|member| member.is_well(self.rtype, zone, draw, depth));
        draw.judged.push((own, is_well));
        is_well
    }
}

impl Member {
    fn is_well(&self, rtype: u16, zone: &Zone, draw: &mut Draw, depth: usize) -> bool {
        if self.check.as_ref().is_some_and(|check| !check.mark.is_healthy()) {
            return false;
        }
        match &self.what {
            What::Alias { target, evaluates: true } => match zone.own(target.as_wire(), rtype) {
                Some(Rrset::Fixed(_)) => true,
                Some(Rrset::Chosen(group)) => depth < MAX_DEPTH && group.is_well(zone, draw, depth + 1),
                None => false,
            },
            What::Alias { .. } | What::Records(_) => true,
        }
    }
}

/// The order in which those of a group are tried.
fn preference(policy: &RecordPolicy, region: Option<&str>) -> u8 {
    match policy {
        RecordPolicy::Failover(FailoverRole::Primary) => 0,
        RecordPolicy::Failover(FailoverRole::Secondary) => 1,
        RecordPolicy::Region(name) if region == Some(name) => 0,
        RecordPolicy::Everywhere => 1,
        RecordPolicy::Region(_) => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
