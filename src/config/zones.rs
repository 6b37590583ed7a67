//! Local zones as they are written: where their records come from, and what each record is chosen by.
//!
//! A zone has a master file, records of the configuration, or both. RDATA stand here as they travel.
//! Not here: reading master files (`zone`), who may change a zone ([`super::grants`]), what contradicts what among its
//! records ([`super::groups`]).

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::{Diagnostic, Grant, Level, MatchList, Position, View};
use crate::wire::Name;

/// The longest TTL there is, in seconds (RFC 2181 §8).
pub const MAX_TTL: u32 = i32::MAX as u32;

/// A zone that this server is the authority for.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalZone {
    /// Its apex; never the root. Unique among the zones and rules of its view.
    pub name: Name,
    /// `file`: its master file. Behind an absolute `directory`, else as it is written.
    pub file: Option<MasterFile>,
    /// `[[zone.record]]`, in the order of the text. No two contradict each other.
    pub records: Vec<ZoneRecord>,
    /// What counts for the whole zone.
    pub settings: ZoneSettings,
    /// Who may change it by updates, in the order of the text; the first that matches decides. Nobody, if there is none.
    pub grants: Vec<Grant>,
    /// Where it is written.
    pub position: Option<Position>,
}

/// A zone of an earlier view that answers in another one, too: `in-view`. There is one zone, with its records, its updates
/// and its lists of who may ask and change it; a list that it leaves to its view is left to the view that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedZone {
    /// Its apex. Unique among the zones and rules of the view.
    pub name: Name,
    /// The view that it is in: an earlier one, which has it.
    pub view: String,
    /// [`ZoneSettings::forward_delegations`] in the view that shares it.
    pub forward_delegations: bool,
    /// Where it is written.
    pub position: Option<Position>,
}

/// A file of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterFile {
    /// Its path.
    pub path: PathBuf,
    /// Where it is named.
    pub position: Option<Position>,
}

/// What counts for a whole zone.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneSettings {
    /// `allow-query`: who may ask for its names; `None`: whom the view allows.
    pub allow_query: Option<MatchList>,
    /// `allow-query-on`: at which addresses of ours; `None`: as the view says.
    pub allow_query_on: Option<MatchList>,
    /// Names below its delegations are forwarded as they would be without the zone, for who may have names forwarded.
    /// Not so with `forwarders { };` in the zone (TOML `forward_delegations = false`): they get a referral. Default yes.
    pub forward_delegations: bool,
    /// TOML `ttl`: seconds, of records without one of their own. `0..=`[`MAX_TTL`], default 300.
    pub ttl: u32,
    /// TOML `serial`; `None`: it follows the content. Never beside a file.
    pub serial: Option<u32>,
    /// TOML `soa`. Never written beside a file.
    pub soa: Soa,
    /// TOML `name_servers`: the NS records of the apex. Never beside a file.
    pub name_servers: Vec<Name>,
    /// TOML `on_all_down`, of records without their own.
    pub on_all_down: OnAllDown,
    /// TOML `monitored_ttl`: no record that depends on a health check has a TTL above so many seconds.
    pub monitored_ttl: Option<u32>,
    /// `journal`: where its updates are kept. Behind an absolute `directory`, else as it is written.
    pub journal: Option<PathBuf>,
    /// `max-journal-size`: a journal of more octets is written anew, shorter. `None`: as the size of the zone demands.
    pub max_journal_octets: Option<u64>,
    /// `zone-statistics`: what the statistics tell of it.
    pub statistics: ZoneStatistics,
}

/// What the statistics tell of a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneStatistics {
    /// `none`: nothing, not even that there is one.
    None,
    /// `terse`: its serial, and when it was loaded.
    #[default]
    Terse,
    /// `full`: what was asked of it, too; that is counted for it alone.
    Full,
}

impl ZoneStatistics {
    /// Each with its word.
    pub const ALL: &[(&str, Self)] = &[("none", Self::None), ("terse", Self::Terse), ("full", Self::Full)];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Terse => "terse",
            Self::Full => "full",
        }
    }
}

/// What is said of a zone's SOA record, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// Default: the first name server, else the host's name.
    pub mname: Option<Name>,
    /// Default: `hostmaster.` and the zone.
    pub rname: Option<Name>,
    /// Default 1 h.
    pub refresh: u32,
    /// Default 10 min.
    pub retry: u32,
    /// Default 1 week.
    pub expire: u32,
    /// How long a negative answer is kept. Default 60 s, so that a new name appears soon.
    pub minimum: u32,
}

/// One `[[zone.record]]`. The records of one name and type are a group, of which its policy chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneRecord {
    /// Its owner, in the zone.
    pub name: Name,
    /// Its type; neither SOA nor one that only questions have.
    pub rtype: u16,
    /// Seconds, `0..=`[`MAX_TTL`]; `None`: the zone's. Never of an alias, which has its target's.
    pub ttl: Option<u32>,
    /// As they travel, names whole and in the case they were written in; none twice. Empty for an alias alone.
    pub values: Vec<Box<[u8]>>,
    /// What it is chosen by; the same kind in a whole group.
    pub policy: RecordPolicy,
    /// Unique in its group; empty for [`RecordPolicy::Simple`] where nothing is written.
    pub set_identifier: String,
    /// Its place in [`super::Config::health_checks`]; `None`: it counts as healthy.
    pub health_check: Option<usize>,
    /// Answered with what another name of the zone has.
    pub alias: Option<AliasTarget>,
    /// What is answered when no record of its group is healthy; `None`: as the zone says. The same in a whole group.
    pub on_all_down: Option<OnAllDown>,
    /// Where it is written.
    pub position: Position,
}

/// What a record is chosen by. Route 53's routing policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordPolicy {
    /// The one record of its group.
    #[default]
    Simple,
    /// `failover`
    Failover(FailoverRole),
    /// `weight`: its share of the answers, of the sum of those that are healthy.
    Weighted(u8),
    /// `multivalue_answer`: up to eight of those that are healthy.
    Multivalue,
    /// `region`: for the nodes of this `region`.
    Region(String),
    /// `geo_location = "*"`: for the nodes of all other regions.
    Everywhere,
}

/// Which of two records it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverRole {
    /// The answer while it is healthy.
    Primary,
    /// The answer else.
    Secondary,
}

/// What an alias answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasTarget {
    /// A name of the same zone; the record's type is asked of it.
    pub name: Name,
    /// Whether the alias is unhealthy when no record of its target is healthy. Default no.
    pub evaluate_target_health: bool,
}

/// What is answered when no record of a group is healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAllDown {
    /// `primary`: as if all were healthy; Route 53's.
    #[default]
    Primary,
    /// `servfail`
    Servfail,
}

impl Default for ZoneSettings {
    fn default() -> Self {
        Self {
            allow_query: None,
            allow_query_on: None,
            forward_delegations: true,
            ttl: 300,
            serial: None,
            soa: Soa::default(),
            name_servers: Vec::new(),
            on_all_down: OnAllDown::default(),
            monitored_ttl: None,
            journal: None,
            max_journal_octets: None,
            statistics: ZoneStatistics::default(),
        }
    }
}

impl Default for Soa {
    fn default() -> Self {
        Self { mname: None, rname: None, refresh: 3600, retry: 600, expire: 604_800, minimum: 60 }
    }
}

impl RecordPolicy {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Failover(_) => "failover",
            Self::Weighted(_) => "weighted",
            Self::Multivalue => "multivalue",
            Self::Region(_) | Self::Everywhere => "region",
        }
    }
}

impl FailoverRole {
    /// Route 53's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Secondary => "SECONDARY",
        }
    }
}

impl LocalZone {
    /// The NS records of the apex that the configuration gives: those that are written, else the SOA's first name
    /// server. `host`: this host's name.
    ///
    /// Empty where its records have them, or its file.
    pub fn name_servers(&self, host: &Name) -> Vec<Name> {
        if self.file.is_some() || self.apex_name_servers().next().is_some() {
            return Vec::new();
        }
        match self.settings.name_servers.is_empty() {
            true => vec![self.mname(host)],
            false => self.settings.name_servers.clone(),
        }
    }

    /// The RDATA of the SOA record that a zone without file gets. `host`: this host's name.
    pub fn soa_rdata(&self, host: &Name, serial: u32) -> Box<[u8]> {
        let soa = &self.settings.soa;
        let rname = soa.rname.clone().unwrap_or_else(|| self.hostmaster());
        let mut rdata = [self.mname(host).as_wire(), rname.as_wire()].concat();
        for number in [serial, soa.refresh, soa.retry, soa.expire, soa.minimum] {
            rdata.extend(number.to_be_bytes());
        }
        rdata.into()
    }

    /// Whether its NS record and its MNAME are the host's name, since nobody says another one.
    pub fn is_named_by_host(&self) -> bool {
        let settings = &self.settings;
        let is_named = !settings.name_servers.is_empty() || settings.soa.mname.is_some();
        self.file.is_none() && !is_named && self.apex_name_servers().next().is_none()
    }

    fn mname(&self, host: &Name) -> Name {
        let written = self.settings.soa.mname.as_ref().or(self.settings.name_servers.first()).cloned();
        written.or_else(|| self.apex_name_servers().next()).unwrap_or_else(|| host.clone())
    }

    /// `hostmaster.` and the zone; the zone alone where that is too long.
    fn hostmaster(&self) -> Name {
        let octets = [b"\x0ahostmaster", self.name.as_wire()].concat();
        Name::from_wire(&octets).unwrap_or_else(|| self.name.clone())
    }

    /// The targets of NS records that are written for the apex.
    fn apex_name_servers(&self) -> impl Iterator<Item = Name> {
        let of_apex =
            self.records.iter().filter(|record| record.rtype == super::groups::NS && record.name == self.name);
        of_apex.flat_map(|record| &record.values).filter_map(|rdata| Name::from_wire(rdata))
    }
}

/// Files that updates of one zone would write and another zone has too. A journal without a name stands beside the file.
pub(super) fn shared_files(views: &[View]) -> Vec<Diagnostic> {
    let mut seen: HashMap<PathBuf, &LocalZone> = HashMap::new();
    let mut found = Vec::new();
    for zone in views.iter().flat_map(|view| &view.zones) {
        let file = zone.file.as_ref().map(|file| file.path.clone());
        let beside = file.as_deref().map(journal_beside);
        let files = [file, zone.settings.journal.clone().or(beside)];
        for path in files.into_iter().flatten().map(|path| plain(&path)) {
            match seen.get(&path) {
                Some(first) if !(first.grants.is_empty() && zone.grants.is_empty()) => {
                    let at = first.position.as_ref().map_or("another zone".to_owned(), Position::to_string);
                    let message = format!("writeable file '{}': already in use: {at}", path.display());
                    let hint = Some("each zone that takes updates has files of its own".to_owned());
                    let position = zone.file.as_ref().map_or(&zone.position, |file| &file.position).clone();
                    found.push(Diagnostic { position, level: Level::Error, message, hint, topic: None });
                }
                Some(_) => {}
                None => {
                    seen.insert(path, zone);
                }
            }
        }
    }
    found
}

/// Where the updates of a master file are kept, if nothing else is said.
pub fn journal_beside(file: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(file);
    name.push(".journal");
    name.into()
}

/// A path without what changes nothing: `./` and doubled slashes.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// Where a path that is written beside `directory` leads: named looks from there. A relative `directory` is left out:
/// the server stands in it when it opens files.
pub fn below_directory(directory: Option<&Path>, path: &Path) -> PathBuf {
    directory.filter(|directory| directory.is_absolute()).map_or_else(|| path.to_owned(), |base| base.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(settings: ZoneSettings) -> LocalZone {
        let name = "corp.example".parse().expect("a name of the test");
        LocalZone { name, file: None, records: Vec::new(), settings, grants: Vec::new(), position: None }
    }

    #[test]
    fn a_soa_and_name_servers_are_made_up_where_none_are_written() {
        let name = |text: &str| text.parse::<Name>().expect("a name of the test");
        let host = name("node-a.example");
        let record = |rdata: &Name| ZoneRecord {
            name: name("corp.example"),
            rtype: super::super::groups::NS,
            ttl: None,
            values: vec![rdata.as_wire().into()],
            policy: RecordPolicy::Simple,
            set_identifier: String::new(),
            health_check: None,
            alias: None,
            on_all_down: None,
            position: Position { file: "t".into(), line: 1, column: 0 },
        };
        let named =
            || ZoneSettings { name_servers: vec![name("ns1.example"), name("ns2.example")], ..Default::default() };
        let soa = Soa { mname: Some(name("m.example")), ..Soa::default() };
        let cases = [
            ("nothing: the host", zone(ZoneSettings::default()), "node-a.example", vec!["node-a.example"]),
            ("name servers", zone(named()), "ns1.example", vec!["ns1.example", "ns2.example"]),
            ("a mname", zone(ZoneSettings { soa: soa.clone(), ..Default::default() }), "m.example", vec!["m.example"]),
            (
                "NS records",
                LocalZone { records: vec![record(&name("ns3.example"))], ..zone(ZoneSettings::default()) },
                "ns3.example",
                vec![],
            ),
        ];
        for (case, zone, mname, servers) in cases {
            let shown: Vec<_> = zone.name_servers(&host).iter().map(ToString::to_string).collect();
            assert_eq!(shown, servers, "{case}");
            let rdata = zone.soa_rdata(&host, 7);
            let expected = [name(mname).as_wire(), name("hostmaster.corp.example").as_wire()].concat();
            let (names, numbers) = rdata.split_at(expected.len());
            assert_eq!(names, expected, "{case}");
            let numbers: Vec<_> = numbers.chunks(4).map(|four| u32::from_be_bytes(four.try_into().unwrap())).collect();
            assert_eq!(numbers, [7, 3600, 600, 604_800, 60], "{case}");
        }
    }

    #[test]
    fn a_long_zone_is_its_own_hostmaster() {
        let label = |octets: usize| "a".repeat(octets);
        let long = format!("{0}.{0}.{0}.{1}", label(63), label(55));
        let zone = LocalZone { name: long.parse().expect("250 octets"), ..zone(ZoneSettings::default()) };
        assert_eq!(zone.hostmaster(), zone.name);
    }

    #[test]
    fn files_are_looked_for_in_an_absolute_directory() {
        for (directory, path, expected) in [
            (None, "db.a", "db.a"),
            (Some("/var/named"), "db.a", "/var/named/db.a"),
            (Some("/var/named"), "/etc/db.a", "/etc/db.a"),
            (Some("named"), "db.a", "db.a"),
        ] {
            assert_eq!(below_directory(directory.map(Path::new), Path::new(path)), Path::new(expected));
        }
    }
}
