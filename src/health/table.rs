//! Every check by its place in the configuration, and the one way in which their marks change.
//!
//! An entry outlives a reload that leaves its settings (all but name and thresholds) as they are: what was found stays
//! found. One lock covers every change, so that a calculated check turns in the same call as its child.
//! Not here: the clock (`now` is handed in), probing, writing the log (a [`Change`] is handed back).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::entry::{Detail, Last};
use super::{Entry, Machine, Outcome, Override, Row};
use crate::config::HealthCheck;
use crate::config::health::{Endpoint, Monitored};

/// All checks.
#[derive(Debug, Default)]
pub struct Table {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the configuration's order.
    entries: Vec<Arc<Entry>>,
    /// Places by name.
    names: HashMap<String, usize>,
    /// The places of the calculated checks that a check is a child of, by its own place.
    parents: Vec<Vec<usize>>,
    /// By the check's name. Before the first [`Table::follow`] those that were kept from the last run.
    overrides: BTreeMap<String, Override>,
}

/// A check that now counts as something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The check's.
    pub name: String,
    /// What it counts as now.
    pub healthy: bool,
    /// What it counted as before was an assumption: nothing had been found yet.
    pub first: bool,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Change {
    /// `NAME: healthy to unhealthy: connect: refused (3 in a row)`, or, if nothing was known before,
    /// `NAME is unhealthy: connect: refused (the first probe)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = if self.healthy { ("unhealthy", "healthy") } else { ("healthy", "unhealthy") };
        match self.first {
            true => write!(f, "{} is {to}: {}", self.name, self.reason),
            false => write!(f, "{}: {from} to {to}: {}", self.name, self.reason),
        }
    }
}

/// What a configuration made of the table.
#[derive(Debug)]
pub struct Followed {
    /// The entries in the configuration's order.
    pub entries: Vec<Arc<Entry>>,
    /// What changed for checks whose name was known before.
    pub changes: Vec<Change>,
    /// Overrides of checks that are no more.
    pub forgotten: Vec<(String, Override)>,
}

/// A check that is to be probed.
#[derive(Clone, Debug)]
pub struct Probed {
    /// Where the outcome belongs.
    pub entry: Arc<Entry>,
    /// Of the check.
    pub name: Arc<str>,
    /// Who is probed, and how.
    pub endpoint: Arc<Endpoint>,
}

/// There is no check of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchCheck;

impl fmt::Display for NoSuchCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no health check has this name")
    }
}

impl std::error::Error for NoSuchCheck {}

/// What makes two checks the same over a reload.
type Identity = (Endpoint, bool, bool);

fn identity(check: &HealthCheck) -> Option<Identity> {
    match &check.monitored {
        Monitored::Endpoint(endpoint) => Some((endpoint.clone(), check.inverted, check.disabled)),
        Monitored::Calculated(_) => None,
    }
}

impl Table {
    /// An empty table; `overrides` were kept from the last run and count as soon as their checks are known.
    pub fn new(overrides: Vec<(String, Override)>) -> Self {
        let inner = Inner { overrides: overrides.into_iter().collect(), ..Inner::default() };
        Self { inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the checks of a configuration in the place of those before. A check that is new counts as healthy
    /// (inverted: unhealthy) until its first probe, one whose settings changed as what its name counted as.
    pub fn follow(&self, checks: &[HealthCheck], now: SystemTime) -> Followed {
        let mut inner = self.lock();
        let mut changes = inner.expire(now);
        let mut before = Before::of(std::mem::take(&mut inner.entries), checks);
        let names: HashMap<_, _> =
            checks.iter().enumerate().map(|(place, check)| (check.name.clone(), place)).collect();
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inner.overrides).into_iter().partition(|(name, _)| names.contains_key(name));
        inner.overrides = kept.into_iter().collect();
        inner.parents = parents(checks);
        inner.names = names;
        for (place, check) in checks.iter().enumerate() {
            let entry = before.entry_for(check, now);
            let mut detail = entry.detail();
            (detail.check, detail.place) = (check.clone(), place);
            detail.over = inner.overrides.get(&check.name).cloned();
            drop(detail);
            inner.entries.push(entry);
        }
        // Children first: none of them is calculated.
        for (place, entry) in inner.entries.iter().enumerate() {
            if matches!(checks[place].monitored, Monitored::Endpoint(_)) {
                let detail = entry.detail();
                let (reason, known) = (detail.standing_reason(), detail.machine.is_decided());
                drop(detail);
                inner.settle(place, &reason, known, now, &mut changes);
            }
        }
        (0..checks.len()).for_each(|place| inner.recalculate(place, now, &mut changes));
        // A check that nobody knew before has not changed.
        changes.retain(|change| before.names.contains(&change.name));
        Followed { entries: inner.entries.clone(), changes, forgotten: gone }
    }

    /// Takes what a probe found. An entry that a reload has dropped meanwhile is left alone.
    pub fn observe(&self, entry: &Arc<Entry>, outcome: Outcome, now: SystemTime) -> Vec<Change> {
        let inner = self.lock();
        let mut detail = entry.detail();
        let place = detail.place;
        if !inner.entries.get(place).is_some_and(|known| Arc::ptr_eq(known, entry)) {
            return Vec::new();
        }
        let Some(passed) = outcome.passed() else {
            detail.last = Some(Last { at: now, outcome });
            return Vec::new();
        };
        let first = !detail.machine.is_decided();
        let thresholds = detail.check.thresholds;
        let turned = detail.machine.observe(passed, thresholds);
        detail.found = detail.machine.is_healthy();
        let mut changes = Vec::new();
        if turned || first {
            let needed = if passed { thresholds.success } else { thresholds.failure };
            let how = if first { "the first probe".to_owned() } else { format!("{needed} in a row") };
            let reason = format!("{outcome} ({how}{})", inverted(&detail.check));
            if detail.over.is_none() {
                detail.reason.clone_from(&reason);
            }
            detail.last = Some(Last { at: now, outcome });
            drop(detail);
            inner.settle(place, &reason, true, now, &mut changes);
        } else {
            detail.last = Some(Last { at: now, outcome });
        }
        changes
    }

    /// Sets or takes back the override of a check.
    ///
    /// # Errors
    /// When no check has this name.
    pub fn set_override(&self, name: &str, to: Option<Override>, now: SystemTime) -> Result<Vec<Change>, NoSuchCheck> {
        let mut inner = self.lock();
        let place = *inner.names.get(name).ok_or(NoSuchCheck)?;
        let to = to.filter(|over| !over.is_over(now));
        match &to {
            Some(over) => inner.overrides.insert(name.to_owned(), over.clone()),
            None => inner.overrides.remove(name),
        };
        let mut changes = Vec::new();
        inner.put_override(place, to, "override taken back", now, &mut changes);
        Ok(changes)
    }

    /// Ends the overrides whose time is over.
    pub fn expire(&self, now: SystemTime) -> Vec<Change> {
        self.lock().expire(now)
    }

    /// The overrides to be kept over a restart, by name.
    pub fn overrides(&self) -> Vec<(String, Override)> {
        self.lock().overrides.iter().map(|(name, over)| (name.clone(), over.clone())).collect()
    }

    /// A check by its name.
    pub fn find(&self, name: &str) -> Option<Arc<Entry>> {
        let inner = self.lock();
        inner.names.get(name).map(|&place| Arc::clone(&inner.entries[place]))
    }

    /// What is to be told of all checks, in the configuration's order.
    pub fn report(&self) -> Vec<Row> {
        let entries = self.lock().entries.clone();
        entries.iter().map(|entry| entry.row()).collect()
    }

    /// The checks that are to be probed: servers, not disabled ones.
    pub fn probed(&self) -> Vec<Probed> {
        let entries = self.lock().entries.clone();
        let probed = entries.into_iter().filter_map(|entry| {
            let detail = entry.detail();
            let Monitored::Endpoint(endpoint) = &detail.check.monitored else { return None };
            if detail.check.disabled {
                return None;
            }
            let (name, endpoint) = (Arc::from(&*detail.check.name), Arc::new(endpoint.clone()));
            drop(detail);
            Some(Probed { entry, name, endpoint })
        });
        probed.collect()
    }
}

impl Inner {
    /// Sets the mark of a check to what it counts as, for this reason; then those of its parents. `known`: that is
    /// found out, not assumed.
    fn settle(&self, place: usize, reason: &str, known: bool, now: SystemTime, changes: &mut Vec<Change>) {
        let entry = &self.entries[place];
        let mut detail = entry.detail();
        let healthy = detail.counts_as();
        let turns = healthy != entry.mark.is_healthy();
        if turns || detail.reason.is_empty() {
            detail.reason = detail.over.as_ref().map_or_else(|| reason.to_owned(), Override::to_string);
        }
        let first = !detail.known;
        // What has been told is no assumption any more.
        detail.known |= known || turns;
        if turns {
            entry.mark.set(healthy);
            detail.since = now;
            let (name, reason) = (detail.check.name.clone(), detail.reason.clone());
            changes.push(Change { name, healthy, first, reason });
        }
        let tells_parents = turns || (first && detail.known);
        drop(detail);
        if !tells_parents {
            return;
        }
        for &parent in &self.parents[place] {
            self.recalculate(parent, now, changes);
        }
    }

    /// Counts the healthy children of a check anew, if it is a calculated one.
    fn recalculate(&self, place: usize, now: SystemTime, changes: &mut Vec<Change>) {
        let mut detail = self.entries[place].detail();
        let Monitored::Calculated(of) = &detail.check.monitored else { return };
        let healthy = of.children.iter().filter(|&&child| self.entries[child].mark.is_healthy()).count();
        let known = detail.known || of.children.iter().all(|&child| self.entries[child].detail().known);
        let (needed, count) = (usize::from(of.health_threshold), of.children.len());
        detail.found = healthy >= needed;
        let disabled = if detail.check.disabled { ", disabled" } else { "" };
        let inverted = inverted(&detail.check);
        let reason = format!("{healthy} of {count} children are healthy, {needed} needed{disabled}{inverted}");
        if detail.over.is_none() {
            detail.reason.clone_from(&reason);
        }
        drop(detail);
        self.settle(place, &reason, known, now, changes);
    }

    /// Ends the overrides whose time is over.
    fn expire(&mut self, now: SystemTime) -> Vec<Change> {
        let is_over = |(_, over): &(&String, &Override)| over.is_over(now);
        let over: Vec<String> = self.overrides.iter().filter(is_over).map(|(name, _)| name.clone()).collect();
        let mut changes = Vec::new();
        for name in over {
            self.overrides.remove(&name);
            if let Some(&place) = self.names.get(&name) {
                self.put_override(place, None, "override expired", now, &mut changes);
            }
        }
        changes
    }

    /// Sets or ends an override. `ended` says why it ends.
    fn put_override(
        &self,
        place: usize,
        to: Option<Override>,
        ended: &str,
        now: SystemTime,
        changes: &mut Vec<Change>,
    ) {
        let mut detail = self.entries[place].detail();
        if detail.over.is_none() && to.is_none() {
            return;
        }
        detail.over = to;
        let calculated = matches!(detail.check.monitored, Monitored::Calculated(_));
        let reason = match &detail.over {
            Some(over) => over.to_string(),
            None if calculated => ended.to_owned(),
            None => format!("{ended}; {}", detail.standing_reason()),
        };
        detail.reason.clone_from(&reason);
        let known = detail.machine.is_decided();
        drop(detail);
        self.settle(place, &reason, known, now, changes);
    }
}

impl Detail {
    /// Why a server's check counts as what it does, as far as its settings and its last probe say.
    fn standing_reason(&self) -> String {
        let inverted = inverted(&self.check);
        match &self.last {
            _ if self.check.disabled => format!("disabled{inverted}"),
            Some(last) => format!("last probe: {}{inverted}", last.outcome),
            None => format!("not probed yet{inverted}"),
        }
    }
}

fn inverted(check: &HealthCheck) -> &'static str {
    if check.inverted { ", inverted" } else { "" }
}

/// For each check the calculated checks that it is a child of.
fn parents(checks: &[HealthCheck]) -> Vec<Vec<usize>> {
    let mut parents = vec![Vec::new(); checks.len()];
    for (place, check) in checks.iter().enumerate() {
        if let Monitored::Calculated(of) = &check.monitored {
            of.children.iter().for_each(|&child| parents[child].push(place));
        }
    }
    parents
}

/// The entries before a reload, waiting for the checks that go on with them.
struct Before {
    /// The names that were known.
    names: HashSet<String>,
    by_name: HashMap<String, Arc<Entry>>,
    /// Those whose name is no more, by what else makes them themselves.
    renamed: HashMap<Identity, Vec<Arc<Entry>>>,
}

impl Before {
    fn of(entries: Vec<Arc<Entry>>, checks: &[HealthCheck]) -> Self {
        let present: HashSet<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        let mut before = Self { names: HashSet::new(), by_name: HashMap::new(), renamed: HashMap::new() };
        for entry in entries {
            let detail = entry.detail();
            let (name, identity) = (detail.check.name.clone(), identity(&detail.check));
            drop(detail);
            before.names.insert(name.clone());
            if present.contains(&*name) {
                before.by_name.insert(name, entry);
            } else if let Some(identity) = identity {
                before.renamed.entry(identity).or_default().push(entry);
            }
        }
        before
    }

    /// The entry of a check: that of its name if it is the same, else one that had another name, else a new one.
    fn entry_for(&mut self, check: &HealthCheck, now: SystemTime) -> Arc<Entry> {
        let of_name = self.by_name.remove(&check.name);
        let wanted = identity(check);
        let is_same = |entry: &Arc<Entry>| identity(&entry.detail().check) == wanted;
        match of_name {
            Some(entry) if is_same(&entry) => entry,
            of_name => {
                let renamed = wanted.and_then(|wanted| self.renamed.get_mut(&wanted)?.pop());
                renamed.unwrap_or_else(|| fresh(check, of_name.as_deref(), now))
            }
        }
    }
}

/// An entry for a check whose settings were not known; `of_name` had its name.
fn fresh(check: &HealthCheck, of_name: Option<&Entry>, now: SystemTime) -> Arc<Entry> {
    let found = of_name.is_none_or(|entry| entry.detail().found);
    let mut detail = Detail {
        check: check.clone(),
        place: 0,
        machine: Machine::new(found),
        found,
        since: now,
        reason: String::new(),
        last: None,
        over: None,
        known: false,
    };
    let counts_as = detail.counts_as();
    let Some(predecessor) = of_name else { return Arc::new(Entry::new(counts_as, detail)) };
    let known = predecessor.detail();
    (detail.since, detail.known) = (known.since, known.known);
    detail.reason.clone_from(&known.reason);
    Arc::new(Entry::new(predecessor.mark.is_healthy(), detail))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::config::health::{Address, Calculated, Protocol, Thresholds};
    use crate::health::{Reason, Success};

    /// A check of a server at 192.0.2.`last`.
    fn server(name: &str, last: u8) -> HealthCheck {
        let ip_address = Ipv4Addr::new(192, 0, 2, last).into();
        HealthCheck {
            name: name.to_owned(),
            monitored: Monitored::Endpoint(Endpoint {
                address: Address::Fixed { ip_address, fully_qualified_domain_name: None },
                port: 8888,
                protocol: Protocol::Tcp,
                request_interval: Duration::from_secs(10),
                connect_timeout: Duration::from_secs(4),
                response_timeout: Duration::from_secs(2),
                source_address: None,
            }),
            thresholds: Thresholds { failure: 2, success: 2 },
            inverted: false,
            disabled: false,
            position: None,
        }
    }

    fn calculated(name: &str, children: &[usize], health_threshold: u16) -> HealthCheck {
        let monitored = Monitored::Calculated(Calculated { children: children.to_vec(), health_threshold });
        HealthCheck { monitored, ..server(name, 0) }
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn passed() -> Outcome {
        Outcome::Passed(Success { status: None, took: Duration::from_millis(1) })
    }

    fn failed() -> Outcome {
        Outcome::Failed(Reason::Status(503))
    }

    /// A table that has followed, and its entries.
    fn table(checks: &[HealthCheck]) -> (Table, Vec<Arc<Entry>>) {
        let table = Table::default();
        let Followed { entries, changes, forgotten } = table.follow(checks, at(0));
        assert_eq!((changes, forgotten), (Vec::new(), Vec::new()), "nothing changes at the start");
        (table, entries)
    }

    /// `H` or `u` for each.
    fn states(entries: &[Arc<Entry>]) -> String {
        entries.iter().map(|entry| if entry.mark.is_healthy() { 'H' } else { 'u' }).collect()
    }

    fn lines(changes: &[Change]) -> Vec<String> {
        changes.iter().map(Change::to_string).collect()
    }

    fn down(reason: &str, expires: Option<u64>) -> Option<Override> {
        Some(Override { healthy: false, reason: reason.to_owned(), expires })
    }

    #[test]
    fn before_the_first_probe_a_check_counts_as_its_settings_say() {
        for (case, inverted, disabled, expected) in [
            ("plain", false, false, "H"),
            ("inverted", true, false, "u"),
            ("disabled", false, true, "H"),
            ("disabled and inverted", true, true, "u"),
        ] {
            let check = HealthCheck { inverted, disabled, ..server("a", 1) };
            let (table, entries) = table(&[check]);
            assert_eq!(states(&entries), expected, "{case}");
            assert_eq!(table.probed().len(), usize::from(!disabled), "{case}");
        }
    }

    #[test]
    fn the_first_outcome_decides_and_then_so_many_in_a_row() {
        let (table, entries) = table(&[server("a", 1)]);
        let observe = |outcome, second| lines(&table.observe(&entries[0], outcome, at(second)));
        assert_eq!(observe(failed(), 1), ["a is unhealthy: status 503 (the first probe)"]);
        assert_eq!(states(&entries), "u");
        assert_eq!(observe(passed(), 2), [""; 0]);
        assert_eq!(entries[0].row().streak, 1);
        assert_eq!(observe(failed(), 3), [""; 0]);
        assert_eq!(observe(passed(), 4), [""; 0]);
        assert_eq!(observe(passed(), 5), ["a: unhealthy to healthy: connected after 0.001 s (2 in a row)"]);
        assert_eq!(states(&entries), "H");
        let row = entries[0].row();
        assert_eq!((row.since, row.healthy), (at(5), true));
        assert_eq!(row.last, Some(Last { at: at(5), outcome: passed() }));
        assert_eq!(row.reason, "connected after 0.001 s (2 in a row)");
    }

    #[test]
    fn a_first_outcome_that_confirms_is_no_change_but_a_reason() {
        let (table, entries) = table(&[server("a", 1)]);
        assert_eq!(entries[0].row().reason, "not probed yet");
        assert_eq!(table.observe(&entries[0], passed(), at(1)), []);
        assert_eq!(entries[0].row().reason, "connected after 0.001 s (the first probe)");
        assert_eq!(entries[0].row().since, at(0));
    }

    #[test]
    fn what_could_not_be_probed_counts_for_nothing() {
        let (table, entries) = table(&[server("a", 1)]);
        for second in 1..10 {
            assert_eq!(table.observe(&entries[0], Outcome::Void("no descriptor".to_owned()), at(second)), []);
        }
        assert_eq!(entries[0].row().last.map(|last| last.at), Some(at(9)));
        assert_eq!(lines(&table.observe(&entries[0], failed(), at(10))).len(), 1, "still the first");
    }

    #[test]
    fn inverted_counts_the_opposite() {
        let (table, entries) = table(&[HealthCheck { inverted: true, ..server("a", 1) }]);
        let observe = |outcome| lines(&table.observe(&entries[0], outcome, at(1)));
        assert_eq!(observe(failed()), ["a is healthy: status 503 (the first probe, inverted)"]);
        observe(passed());
        assert_eq!(observe(passed()), ["a: healthy to unhealthy: connected after 0.001 s (2 in a row, inverted)"]);
    }

    #[test]
    fn only_what_was_known_is_said_to_have_been_so() {
        let checks = [server("a", 1), server("b", 2), calculated("both", &[0, 1], 2)];
        let (table, entries) = table(&checks);
        assert_eq!(table.observe(&entries[0], passed(), at(1)), []);
        assert_eq!(table.observe(&entries[1], passed(), at(1)), []);
        table.observe(&entries[1], failed(), at(2));
        assert_eq!(
            lines(&table.observe(&entries[1], failed(), at(3))),
            [
                "b: healthy to unhealthy: status 503 (2 in a row)",
                "both: healthy to unhealthy: 1 of 2 children are healthy, 2 needed",
            ],
            "found healthy, if without a line"
        );
        // Its settings are others, its name is known.
        let next = table.follow(&[server("a", 9), server("b", 2), calculated("both", &[0, 1], 1)], at(4));
        let told = lines(&table.observe(&next.entries[0], failed(), at(5)));
        assert_eq!(told[0], "a: healthy to unhealthy: status 503 (the first probe)");
        assert!(told[1].starts_with("both: healthy to unhealthy: 0 of 2"), "{told:?}");
    }

    #[test]
    fn a_calculated_check_turns_in_the_call_of_its_child() {
        let checks = [server("a", 1), server("b", 2), server("c", 3), calculated("two", &[0, 1, 2], 2)];
        let (table, entries) = table(&checks);
        assert_eq!(states(&entries), "HHHH");
        assert_eq!(lines(&table.observe(&entries[0], failed(), at(1))).len(), 1);
        assert_eq!(entries[3].row().reason, "2 of 3 children are healthy, 2 needed");
        assert_eq!(
            lines(&table.observe(&entries[2], failed(), at(2))),
            ["c is unhealthy: status 503 (the first probe)", "two is unhealthy: 1 of 3 children are healthy, 2 needed",]
        );
        assert_eq!(states(&entries), "uHuu");
        table.observe(&entries[2], passed(), at(3));
        assert_eq!(lines(&table.observe(&entries[2], passed(), at(4))).len(), 2);
        assert_eq!(states(&entries), "uHHH");
    }

    #[test]
    fn a_calculated_checks_threshold_has_no_bounds() {
        let with = |threshold, inverted, disabled| {
            let of = HealthCheck { inverted, disabled, ..calculated("of", &[0, 1], threshold) };
            let (table, entries) = table(&[server("a", 1), server("b", 2), of]);
            let mut all = String::new();
            for child in 0..2 {
                all += &states(&entries[2..]);
                table.observe(&entries[child], failed(), at(1));
            }
            all + &states(&entries[2..])
        };
        for (case, threshold, inverted, disabled, expected) in [
            ("zero: always", 0, false, false, "HHH"),
            ("one of two", 1, false, false, "HHu"),
            ("two of two", 2, false, false, "Huu"),
            ("more than there are: never", 3, false, false, "uuu"),
            ("inverted", 1, true, false, "uuH"),
            ("disabled", 3, false, true, "HHH"),
            ("disabled and inverted", 3, true, true, "uuu"),
        ] {
            assert_eq!(with(threshold, inverted, disabled), expected, "{case}");
        }
    }

    #[test]
    fn disabled_and_inverted_children_count_as_their_marks() {
        let checks = [
            HealthCheck { disabled: true, ..server("a", 1) },
            HealthCheck { inverted: true, ..server("b", 2) },
            calculated("all", &[0, 1], 2),
        ];
        let (table, entries) = table(&checks);
        assert_eq!(states(&entries), "Huu");
        table.observe(&entries[1], failed(), at(1));
        assert_eq!(states(&entries), "HHH");
    }

    #[test]
    fn an_override_beats_what_is_found_until_it_is_taken_back() {
        let (table, entries) = table(&[server("a", 1), calculated("of", &[0], 1)]);
        table.observe(&entries[0], passed(), at(1));
        let set = |over, second| lines(&table.set_override("a", over, at(second)).expect("a check"));
        assert_eq!(
            set(down("new disks", Some(100)), 2),
            [
                "a: healthy to unhealthy: override down until 1970-01-01T00:01:40Z: new disks",
                "of: healthy to unhealthy: 0 of 1 children are healthy, 1 needed",
            ]
        );
        for second in 3..10 {
            assert_eq!(table.observe(&entries[0], passed(), at(second)), []);
        }
        assert_eq!(states(&entries), "uu");
        assert!(entries[0].row().reason.starts_with("override down"), "probes do not hide it");
        assert_eq!(
            set(None, 11),
            [
                "a: unhealthy to healthy: override taken back; last probe: connected after 0.001 s",
                "of: unhealthy to healthy: 1 of 1 children are healthy, 1 needed",
            ]
        );
        assert_eq!(set(None, 12), [""; 0]);
        assert_eq!(table.set_override("b", None, at(13)), Err(NoSuchCheck));
    }

    #[test]
    fn an_override_up_holds_while_probes_fail_and_their_result_counts_after_it() {
        let (table, entries) = table(&[HealthCheck { inverted: true, ..server("a", 1) }]);
        let up = Override { healthy: true, reason: String::new(), expires: Some(10) };
        let changes = table.set_override("a", Some(up), at(1)).expect("a check");
        assert_eq!(lines(&changes), ["a is healthy: override up until 1970-01-01T00:00:10Z"]);
        assert_eq!(table.observe(&entries[0], passed(), at(2)), [], "inverted or not, the operator's word counts");
        assert_eq!(table.expire(at(9)), []);
        let ended = lines(&table.expire(at(10)));
        assert_eq!(ended, ["a: healthy to unhealthy: override expired; last probe: connected after 0.001 s, inverted"]);
        assert_eq!(table.overrides(), []);
        assert_eq!(table.expire(at(11)), []);
    }

    #[test]
    fn an_override_that_is_over_already_is_none() {
        let (table, entries) = table(&[server("a", 1)]);
        assert_eq!(table.set_override("a", down("late", Some(5)), at(5)), Ok(Vec::new()));
        assert_eq!(states(&entries), "H");
        assert_eq!(table.overrides(), []);
    }

    #[test]
    fn overrides_of_the_last_run_count_from_the_start() {
        let kept = vec![
            ("a".to_owned(), down("disks", None).expect("one")),
            ("b".to_owned(), down("over", Some(50)).expect("one")),
            ("gone".to_owned(), down("?", None).expect("one")),
        ];
        let table = Table::new(kept.clone());
        let followed = table.follow(&[server("a", 1), server("b", 2)], at(50));
        assert_eq!(states(&followed.entries), "uH");
        assert_eq!(followed.forgotten, kept[2..]);
        assert_eq!(table.overrides(), kept[..1]);
        assert_eq!(followed.entries[0].row().reason, "override down: disks");
        assert_eq!(table.observe(&followed.entries[0], passed(), at(51)), []);
    }

    #[test]
    fn a_reload_keeps_what_is_known_of_checks_that_stay_the_same() {
        let (table, entries) = table(&[server("a", 1), server("b", 2)]);
        table.observe(&entries[0], failed(), at(1));
        table.observe(&entries[1], passed(), at(1));
        // In another order, with another threshold, between new ones.
        let slow = HealthCheck { thresholds: Thresholds { failure: 3, success: 3 }, ..server("a", 1) };
        let next = table.follow(&[server("new", 3), server("b", 2), slow], at(2));
        assert_eq!((states(&next.entries), next.changes), ("HHu".to_owned(), Vec::new()));
        assert!(Arc::ptr_eq(&next.entries[2], &entries[0]));
        assert_eq!(next.entries[2].row().since, at(1));
        assert_eq!(next.entries[2].row().reason, "status 503 (the first probe)");
        assert_eq!(next.entries[2].row().thresholds.failure, 3);
        for second in 3..5 {
            assert_eq!(table.observe(&entries[0], passed(), at(second)), []);
        }
        assert_eq!(lines(&table.observe(&entries[0], passed(), at(5))).len(), 1);
    }

    #[test]
    fn a_renamed_check_goes_on_and_two_alike_stay_two() {
        let (table, entries) = table(&[server("a", 1), server("b", 1)]);
        table.observe(&entries[0], failed(), at(1));
        table.observe(&entries[1], passed(), at(1));
        let next = table.follow(&[server("b", 1), server("c", 1)], at(2)).entries;
        assert!(Arc::ptr_eq(&next[0], &entries[1]) && Arc::ptr_eq(&next[1], &entries[0]));
        assert_eq!(states(&next), "Hu");
        assert_eq!(next[1].row().name, "c");
        let both = table.follow(&[server("b", 1), server("c", 1), server("d", 1)], at(3)).entries;
        assert_eq!(states(&both), "HuH", "a third one is new");
    }

    #[test]
    fn a_check_whose_settings_changed_starts_as_its_name_was_and_is_decided_at_once() {
        let (table, entries) = table(&[server("a", 1), calculated("of", &[0], 1)]);
        table.observe(&entries[0], failed(), at(1));
        let next = table.follow(&[server("a", 9), calculated("of", &[0], 1)], at(2));
        assert_eq!((states(&next.entries), next.changes), ("uu".to_owned(), Vec::new()));
        assert!(!Arc::ptr_eq(&next.entries[0], &entries[0]));
        assert_eq!(table.observe(&entries[0], passed(), at(3)), [], "the old one is nobody's");
        assert_eq!(lines(&table.observe(&next.entries[0], passed(), at(3))).len(), 2);
        assert_eq!(states(&next.entries), "HH");
    }

    #[test]
    fn disabling_by_a_reload_is_a_change_with_its_reason() {
        let (table, entries) = table(&[server("a", 1)]);
        table.observe(&entries[0], failed(), at(1));
        let disabled = HealthCheck { disabled: true, ..server("a", 1) };
        let next = table.follow(&[disabled], at(2));
        assert_eq!(lines(&next.changes), ["a: unhealthy to healthy: disabled"]);
        let again = table.follow(&[server("a", 1)], at(3));
        assert_eq!(lines(&again.changes), ["a: healthy to unhealthy: not probed yet"], "as its name was");
        assert_eq!(lines(&table.observe(&again.entries[0], passed(), at(4))).len(), 1);
    }

    #[test]
    fn overrides_follow_the_name_over_reloads() {
        let (table, _) = table(&[server("a", 1), server("b", 2)]);
        table.set_override("a", down("x", None), at(1)).expect("a check");
        let next = table.follow(&[server("a", 9), server("b", 2)], at(2));
        assert_eq!((states(&next.entries), next.changes.len()), ("uH".to_owned(), 0), "new settings, same name");
        let next = table.follow(&[server("c", 9), server("b", 2)], at(3));
        assert_eq!((states(&next.entries), next.forgotten.len()), ("HH".to_owned(), 1), "it was not meant for c");
        let next = table.follow(&[server("a", 9), server("b", 2)], at(4));
        assert_eq!(states(&next.entries), "HH", "what was forgotten does not come back");
    }

    #[test]
    fn a_report_has_a_row_for_each_in_order() {
        let (table, _) = table(&[server("z", 1), calculated("a", &[0], 1)]);
        let rows = table.report();
        let told: Vec<_> = rows.iter().map(|row| (&*row.name, row.type_word, &*row.target)).collect();
        assert_eq!(told, [("z", "TCP", "192.0.2.1:8888"), ("a", "CALCULATED", "1 of 1 children")]);
        assert!(table.find("z").is_some() && table.find("y").is_none());
    }

    #[test]
    fn ten_thousand_renamed_checks_are_followed() {
        let many = |prefix: &str| -> Vec<_> {
            (0..10_000u16).map(|number| server(&format!("{prefix}{number}"), (number % 250) as u8)).collect()
        };
        let (table, entries) = table(&many("a"));
        entries.iter().for_each(|entry| drop(table.observe(entry, failed(), at(1))));
        let next = table.follow(&many("b"), at(2));
        assert!(next.entries.iter().all(|entry| !entry.mark.is_healthy()));
    }
}
