//! Zones of type primary: what is served, from which file, and who may change it.
//!
//! The zones that come with Debian's and RHEL's packages are served where their files are; where they are not, as on a
//! host that has the configuration alone, their names must not leak to the forwarders: a rule that goes nowhere.
//! Not here: reading master files, which tells what is wrong in them.

use super::view::Scope;
use super::zone::Zone;
use super::{Context, check, update};
use crate::config::files::{MAX_CONFIG_OCTETS, explain};
use crate::config::named_conf::body::Body;
use crate::config::named_conf::grammar;
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::{Size, Value};
use crate::config::{
    ForwardRule, ForwardSettings, LocalZone, MasterFile, ZoneSettings, ZoneStatistics, below_directory,
};

/// Zones of the packages: localhost, loopback, "this" network, broadcast (RFC 1912 §4.1).
const STOCK_ZONES: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "127.in-addr.arpa",
    "1.0.0.127.in-addr.arpa",
    "0.in-addr.arpa",
    "255.in-addr.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
];

/// The empty zone files of the packages, which Debian's zones.rfc1918 uses as well.
const EMPTY_FILES: &[&str] = &["db.empty", "named.empty"];

/// What a zone of type primary becomes.
pub(super) enum Primary {
    Local(Box<LocalZone>),
    /// A stock zone without its file.
    Nowhere(Box<ForwardRule>),
    /// It is reported.
    Refused,
}

/// Whether a zone comes with the packages.
fn is_stock(zone: &LocalZone) -> bool {
    let Some(file) = &zone.file else { return false };
    let name = zone.name.to_string();
    let is_empty = || file.path.file_name().is_some_and(|base| EMPTY_FILES.iter().any(|empty| base == *empty));
    STOCK_ZONES.contains(&name.as_str()) || (name.ends_with(".in-addr.arpa") && is_empty())
}

impl Zone<'_> {
    pub(super) fn primary(&self, context: &mut Context<'_>, scope: Scope<'_, '_>) -> Primary {
        let at = &self.setting.position;
        if self.name.is_root() {
            let problem = Problem::new(at.clone(), "zone '.': type primary is refused: the root is no local zone");
            context.report.problem(problem.with_hint("name the zone that the file is for"));
            return Primary::Refused;
        }
        let scope: Vec<_> = std::iter::once(self.body).chain(scope.iter().copied()).collect();
        let zone = LocalZone {
            name: self.name.clone(),
            file: self.file(context),
            records: Vec::new(),
            settings: settings(context, &scope),
            grants: update::grants(context, &scope, self.written),
            position: Some(at.clone()),
        };
        check::lists_of_zone(context, &scope);
        if let Some(why) = self.missing_stock_file(context, &zone) {
            self.check_allowed(context, grammar::PRIMARY, "primary", false);
            let message = format!("zone '{}' is ignored: {why}; its names are REFUSED, not forwarded", self.written);
            context.report.warn(Some(at), message);
            let settings = ForwardSettings::default();
            return Primary::Nowhere(Box::new(ForwardRule { name: zone.name, settings, position: zone.position }));
        }
        if !is_stock(&zone) {
            context.note_secondaries(&zone.name, &scope);
        }
        self.check_allowed(context, grammar::PRIMARY, "primary", true);
        self.check_file(context);
        Primary::Local(Box::new(zone))
    }

    fn file(&self, context: &Context<'_>) -> Option<MasterFile> {
        let setting = self.body.find("file")?;
        let path = below_directory(context.directory.as_deref(), super::text(self.body, "file")?.as_ref());
        Some(MasterFile { path, position: Some(setting.position.clone()) })
    }

    fn missing_stock_file(&self, context: &Context<'_>, zone: &LocalZone) -> Option<String> {
        let file = zone.file.as_ref().filter(|_| is_stock(zone))?;
        let error = context.files.read(&file.path, MAX_CONFIG_OCTETS).err()?;
        Some(format!("'{}': {}", file.path.display(), explain(&error)))
    }
}

fn settings(context: &mut Context<'_>, scope: Scope<'_, '_>) -> ZoneSettings {
    let own = scope.first().copied();
    let journal = own.and_then(|body| super::text(body, "journal"));
    let journal = journal.map(|path| below_directory(context.directory.as_deref(), path.as_ref()));
    let max_journal_octets = match scope.iter().find_map(|body| body.find("max-journal-size")).map(|found| &found.value)
    {
        Some(Value::Size(Size::Octets(octets))) => Some(*octets),
        Some(Value::Size(Size::Unlimited)) => Some(u64::MAX),
        _ => None,
    };
    let statistics = match scope.iter().find_map(|body| body.find("zone-statistics")).map(|found| &found.value) {
        Some(Value::Boolean(true) | Value::Word("full")) => ZoneStatistics::Full,
        Some(Value::Boolean(false) | Value::Word("none")) => ZoneStatistics::None,
        _ => ZoneStatistics::Terse,
    };
    ZoneSettings {
        forward_delegations: own.is_none_or(|body| forward_delegations(context, body)),
        allow_query: own.and_then(|body| context.match_list(body, "allow-query")),
        allow_query_on: own.and_then(|body| context.match_list(body, "allow-query-on")),
        journal,
        max_journal_octets,
        statistics,
        ..ZoneSettings::default()
    }
}

/// `forwarders { };` in the zone itself says that names below its delegations are not forwarded.
pub(super) fn forward_delegations(context: &mut Context<'_>, own: &Body) -> bool {
    let Some(setting) = own.find("forwarders") else { return true };
    let Value::Forwarders(forwarders) = &setting.value else { return true };
    if !forwarders.list.is_empty() {
        let message = "'forwarders' of a zone of type primary are not used: names below its delegations go where they would \
                       go without the zone; name each delegation in a zone of type forward";
        context.report.warn(Some(&setting.position), message);
    }
    !forwarders.list.is_empty()
}
