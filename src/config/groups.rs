//! What contradicts what among the records that a configuration writes for one zone.
//!
//! The records of one name and type are a group with one policy; aliases lead from group to group and must end. Each
//! fault has the record's own line and, where another one is to blame too, that one's.
//! Not here: what a master file has beside these records (`zone`), single values (the readers).

use std::collections::{HashMap, HashSet};

use super::{Diagnostic, FailoverRole, Level, LocalZone, RecordPolicy, ZoneRecord, suggest};
use crate::wire::Name;
use crate::wire::mnemonic::type_name;
use crate::wire::segment::MAX_RRSET_OCTETS;

pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
const DNAME: u16 = 39;

/// Octets of a record in an answer beside its RDATA.
const RECORD_OCTETS: usize = 12;
/// Records in one group; Route 53's.
pub const MAX_GROUP: usize = 100;
/// Aliases that lead to aliases.
pub const MAX_ALIAS_DEPTH: usize = 64;
/// Groups that one alias may reach by whatever ways.
pub const MAX_ALIAS_REACH: usize = 1024;

/// The records of one name and type, by their places in the zone's list.
struct Group<'z> {
    name: &'z Name,
    rtype: u16,
    records: Vec<&'z ZoneRecord>,
}

/// All faults of a zone's records, in the order of the text.
pub(super) fn faults(zone: &LocalZone) -> Vec<Diagnostic> {
    let groups = Groups::of(zone);
    let mut found = Vec::new();
    for group in &groups.list {
        found.extend(group_faults(zone, group));
    }
    found.extend(cname_faults(zone, &groups));
    found.extend(alias_faults(zone, &groups));
    found
}

struct Groups<'z> {
    list: Vec<Group<'z>>,
    places: HashMap<(&'z Name, u16), usize>,
}

impl<'z> Groups<'z> {
    fn of(zone: &'z LocalZone) -> Self {
        let mut groups = Self { list: Vec::new(), places: HashMap::new() };
        for record in &zone.records {
            let place = *groups.places.entry((&record.name, record.rtype)).or_insert_with(|| {
                groups.list.push(Group { name: &record.name, rtype: record.rtype, records: Vec::new() });
                groups.list.len() - 1
            });
            groups.list[place].records.push(record);
        }
        groups
    }
}

impl Group<'_> {
    /// `'www.example' A`
    fn shown(&self) -> String {
        format!("'{}' {}", self.name, type_name(self.rtype))
    }
}

fn fault(record: &ZoneRecord, message: String, hint: &str) -> Diagnostic {
    let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
    Diagnostic { position: Some(record.position.clone()), level: Level::Error, message, hint, topic: None }
}

fn group_faults(zone: &LocalZone, group: &Group<'_>) -> Vec<Diagnostic> {
    let shown = group.shown();
    let first = group.records[0];
    if let Some(other) = group.records.iter().find(|record| record.policy.word() != first.policy.word()) {
        let (one, another) = (first.policy.word(), other.policy.word());
        let message = format!("{shown} is {another} here and {one} at {}", first.position);
        return vec![fault(other, message, "the records of one name and type have one policy")];
    }
    let mut found = Vec::new();
    if group.records.len() > MAX_GROUP {
        let message = format!("{shown} has {} records, at most {MAX_GROUP} make a group", group.records.len());
        found.push(fault(first, message, ""));
    }
    if [NS, DNAME].contains(&group.rtype) && group.records.iter().any(|record| is_conditional(record)) {
        let message = format!("{shown}: {} records have no policy and no health check", type_name(group.rtype));
        found.push(fault(first, message, "write all its values into one list"));
        return found;
    }
    for record in &group.records {
        let octets: usize = record.values.iter().map(|rdata| RECORD_OCTETS + rdata.len()).sum();
        if octets > MAX_RRSET_OCTETS {
            let message = format!("{shown}: too many records for a message");
            found.push(fault(record, message, &format!("together they may have {MAX_RRSET_OCTETS} octets")));
        }
    }
    match first.policy {
        RecordPolicy::Simple => {
            if let Some(second) = group.records.get(1) {
                let message = format!("{shown}: already exists previous definition: {}", first.position);
                found.push(fault(
                    second,
                    message,
                    "write all its values into one list, or give each record a \
                 policy",
                ));
                return found;
            }
        }
        RecordPolicy::Failover(_) => found.extend(failover_faults(group)),
        RecordPolicy::Weighted(_) => found.extend(weighted_faults(zone, group)),
        RecordPolicy::Multivalue => found.extend(multivalue_faults(group)),
        RecordPolicy::Region(_) | RecordPolicy::Everywhere => found.extend(region_faults(group)),
    }
    found.extend(identifier_faults(group));
    if let Some(other) = group.records.iter().find(|record| record.on_all_down != first.on_all_down) {
        let message = format!("{shown}: on_all_down is not what it is at {}", first.position);
        found.push(fault(other, message, "write the same in each of its records, or in none"));
    }
    found
}

/// Whether it depends on more than itself what is answered.
fn is_conditional(record: &ZoneRecord) -> bool {
    record.policy != RecordPolicy::Simple || record.alias.is_some() || record.health_check.is_some()
}

fn failover_faults(group: &Group<'_>) -> Vec<Diagnostic> {
    let shown = group.shown();
    let mut found = Vec::new();
    for role in [FailoverRole::Primary, FailoverRole::Secondary] {
        let mut records = group.records.iter().filter(|record| record.policy == RecordPolicy::Failover(role));
        if let (Some(first), Some(second)) = (records.next(), records.next()) {
            let message = format!("{shown} has two {} records: the first at {}", role.word(), first.position);
            found.push(fault(
                second,
                message,
                "one PRIMARY and one SECONDARY; further levels are names of their \
             own",
            ));
        }
    }
    let is_primary = |record: &&&ZoneRecord| record.policy == RecordPolicy::Failover(FailoverRole::Primary);
    let unchecked = |record: &&&ZoneRecord| record.alias.is_none() && record.health_check.is_none();
    if let Some(record) = group.records.iter().filter(is_primary).find(unchecked) {
        let message = format!("{shown}: a PRIMARY without health_check never fails over");
        found.push(fault(record, message, "name the health check of its server"));
    }
    found
}

fn weighted_faults(zone: &LocalZone, group: &Group<'_>) -> Option<Diagnostic> {
    let mut with_ttl = group.records.iter().filter(|record| record.alias.is_none());
    let ttl = |record: &ZoneRecord| record.ttl.unwrap_or(zone.settings.ttl);
    let first = with_ttl.next()?;
    let other = with_ttl.find(|record| ttl(record) != ttl(first))?;
    let message = format!("{}: ttl {} here and {} at {}", group.shown(), ttl(other), ttl(first), first.position);
    Some(fault(other, message, "weighted records of one name and type have one TTL"))
}

fn multivalue_faults(group: &Group<'_>) -> Vec<Diagnostic> {
    let shown = group.shown();
    let mut found = Vec::new();
    if group.rtype == CNAME {
        found.push(fault(
            group.records[0],
            format!("{shown}: a name has one CNAME, not several values"),
            "use \
         weight",
        ));
    }
    for record in &group.records {
        let what = match (&record.alias, record.values.len()) {
            (Some(_), _) => "an alias",
            (None, 1) => continue,
            (None, _) => "a list",
        };
        let message = format!("{shown}: {what} among multivalue records");
        found.push(fault(record, message, "one value a record"));
    }
    found
}

fn region_faults(group: &Group<'_>) -> Vec<Diagnostic> {
    let mut seen: Vec<&ZoneRecord> = Vec::new();
    let mut found = Vec::new();
    for record in &group.records {
        match seen.iter().find(|earlier| earlier.policy == record.policy) {
            Some(earlier) => {
                let message = format!("{}: the same region as at {}", group.shown(), earlier.position);
                found.push(fault(record, message, "one record a region, one geo_location = \"*\" for all others"));
            }
            None => seen.push(record),
        }
    }
    found
}

/// Where a role stands for the identifier, two of a role are said to be that.
fn identifier_faults(group: &Group<'_>) -> Vec<Diagnostic> {
    let is_role = |record: &ZoneRecord| match record.policy {
        RecordPolicy::Failover(role) => role.word() == record.set_identifier,
        _ => false,
    };
    let mut seen: HashMap<&str, &ZoneRecord> = HashMap::new();
    let mut found = Vec::new();
    for record in group.records.iter().filter(|record| !matches!(record.policy, RecordPolicy::Simple)) {
        let shown = group.shown();
        if record.set_identifier.is_empty() {
            let message = format!("{shown}: {} record without set_identifier", record.policy.word());
            found.push(fault(record, message, "write a name of its own, such as set_identifier = \"a\""));
        } else if let Some(earlier) = seen.insert(&record.set_identifier, record).filter(|_| !is_role(record)) {
            let message = format!(
                "{shown}: set_identifier '{}' is taken: \
             {}",
                record.set_identifier, earlier.position
            );
            found.push(fault(record, message, "each record of a group has its own"));
        }
    }
    found
}

fn cname_faults(zone: &LocalZone, groups: &Groups<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut others: HashMap<&Name, &Group<'_>> = HashMap::new();
    for group in groups.list.iter().filter(|group| group.rtype != CNAME) {
        others.entry(group.name).or_insert(group);
    }
    for group in groups.list.iter().filter(|group| group.rtype == CNAME) {
        let record = group.records[0];
        if *group.name == zone.name {
            let message = format!("{}: the apex of a zone cannot be a CNAME (RFC 1034 §3.6.2)", group.shown());
            found.push(fault(record, message, "use alias_target with the type that is asked, or the zone above"));
        } else if let Some(other) = others.get(group.name) {
            let message = format!(
                "{}: CNAME and other data: {} at {}",
                group.shown(),
                type_name(other.rtype),
                other.records[0].position
            );
            found.push(fault(record, message, "a name with a CNAME has no other records"));
        }
    }
    found
}

/// How far a group's aliases have been followed.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Unknown,
    /// It is being followed: whoever comes here again goes in a circle.
    Open,
    /// So many aliases lie below.
    Known(usize),
    /// It has been reported.
    Wrong,
}

fn alias_faults(zone: &LocalZone, groups: &Groups<'_>) -> Vec<Diagnostic> {
    let mut walk = AliasWalk {
        zone,
        groups,
        depths: vec![Depth::Unknown; groups.list.len()],
        path: Vec::new(),
        found: Vec::new(),
    };
    for place in 0..groups.list.len() {
        walk.follow(place);
    }
    let mut found = walk.found;
    if found.is_empty() {
        found.extend((0..groups.list.len()).filter_map(|place| reach_fault(groups, place)));
    }
    found
}

struct AliasWalk<'w, 'z> {
    zone: &'z LocalZone,
    groups: &'w Groups<'z>,
    depths: Vec<Depth>,
    /// The records that led here. Never longer than [`MAX_ALIAS_DEPTH`].
    path: Vec<&'z ZoneRecord>,
    found: Vec<Diagnostic>,
}

impl<'z> AliasWalk<'_, 'z> {
    fn follow(&mut self, place: usize) -> Depth {
        match self.depths[place] {
            Depth::Unknown => {}
            known => return known,
        }
        self.depths[place] = Depth::Open;
        let mut deepest = Depth::Known(0);
        for record in self.groups.list[place].records.iter().copied() {
            let Some(target) = &record.alias else { continue };
            let below = match self.groups.places.get(&(&target.name, record.rtype)) {
                None => self.missing(record),
                Some(_) if self.path.len() >= MAX_ALIAS_DEPTH => self.too_deep(record),
                Some(&next) => {
                    self.path.push(record);
                    let below = self.follow(next);
                    self.path.pop();
                    match below {
                        Depth::Open => self.circle(record, next),
                        Depth::Known(depth) if depth >= MAX_ALIAS_DEPTH => self.too_deep(record),
                        below => below,
                    }
                }
            };
            deepest = match (deepest, below) {
                (Depth::Known(so_far), Depth::Known(below)) => Depth::Known(so_far.max(below + 1)),
                _ => Depth::Wrong,
            };
        }
        self.depths[place] = deepest;
        deepest
    }

    /// What is not written here may stand in the zone's file.
    fn missing(&mut self, record: &ZoneRecord) -> Depth {
        let Some(target) = record.alias.as_ref().filter(|_| self.zone.file.is_none()) else { return Depth::Known(0) };
        let message = format!("alias target '{}' {}: there is no such record", target.name, type_name(record.rtype));
        let is_other = |group: &&Group<'_>| group.rtype == record.rtype && *group.name != record.name;
        let of_type = self.groups.list.iter().filter(is_other);
        let names: Vec<_> = of_type.map(|group| group.name.to_string()).collect();
        let hint = suggest::did_you_mean(&target.name.to_string(), names.iter().map(String::as_str));
        self.found.push(fault(
            record,
            message,
            &hint.unwrap_or_else(|| "a name of the same zone, of the same type".to_owned()),
        ));
        Depth::Wrong
    }

    fn too_deep(&mut self, record: &ZoneRecord) -> Depth {
        let message = format!("'{}': aliases nested more than {MAX_ALIAS_DEPTH} deep", record.name);
        self.found.push(fault(record, message, ""));
        Depth::Wrong
    }

    fn circle(&mut self, record: &ZoneRecord, to: usize) -> Depth {
        let first = &self.groups.list[to];
        let begin = self.path.iter().position(|step| step.name == *first.name && step.rtype == first.rtype);
        let inside = begin.map_or(&[][..], |begin| &self.path[begin..]);
        let steps = inside.iter().chain([&record]).map(|step| format!("'{}' at {}", step.name, step.position));
        let message = format!("aliases in a circle: {} -> '{}'", steps.collect::<Vec<_>>().join(" -> "), first.name);
        self.found.push(fault(record, message, "one of them has to have values"));
        Depth::Wrong
    }
}

fn reach_fault(groups: &Groups<'_>, place: usize) -> Option<Diagnostic> {
    let mut seen = HashSet::from([place]);
    let mut waiting = vec![place];
    while let Some(at) = waiting.pop() {
        for record in &groups.list[at].records {
            let target = record.alias.as_ref().and_then(|target| groups.places.get(&(&target.name, record.rtype)));
            waiting.extend(target.filter(|next| seen.insert(**next)));
        }
        if seen.len() > MAX_ALIAS_REACH {
            let group = &groups.list[place];
            let message =
                format!("{}: its aliases lead to more than {MAX_ALIAS_REACH} groups of records", group.shown());
            return Some(fault(group.records[0], message, ""));
        }
    }
    None
}
