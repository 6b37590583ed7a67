//! Reading local zones from their master files and the configuration; what was read last stays where a file is wrong.
//!
//! Not here: what a zone says (`zone`), who is asked (`state`).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::handover::{Handover, Unchanged};
use super::journals;
use crate::access::Host;
use crate::config::files::{Disk, Files, explain};
use crate::config::{Config, DEFAULT_VIEW, Diagnostic, Level, LocalZone, MasterFile, Position};
use crate::health;
use crate::keeper::{Keeper, Source, Told};
use crate::logging::{self, Category, Severity};
use crate::office::{Fault, Origin};
use crate::state::Zones;
use crate::wire::Name;
use crate::wire::header::rtype;
use crate::zone::{Builder, Handle, Record, Zone, configured, master, policy, serial};

/// The longest master file that is read, in octets.
const MAX_FILE_OCTETS: u64 = 1 << 30;

/// So many faults of a zone are remembered.
const MAX_FAULTS: usize = 100;

/// What came of reading a zone.
struct Read {
    zone: Option<Zone>,
    diagnostics: Vec<Diagnostic>,
    /// Why its file could not be read at all.
    unread: Option<Unread>,
}

/// A master file that could not be read.
struct Unread {
    /// In named's words.
    why: String,
    /// What would help.
    hint: &'static str,
}

/// What zones of the configuration refer to.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    /// The configuration's health checks, in its order.
    checks: &'c [Arc<health::Entry>],
    /// This node's.
    region: Option<&'c str>,
    /// The host's name, which is the primary where nobody is named.
    host: &'c str,
}

impl<'c> Context<'c> {
    /// Of a configuration with these checks, on this host.
    pub(super) fn new(config: &'c Config, checks: &'c [Arc<health::Entry>], host: &'c Host) -> Self {
        Self { checks, region: config.region.as_deref(), host: &host.name }
    }
}

/// The local zones of a configuration. Cheap to copy.
#[derive(Clone, Default)]
pub(super) struct Loaded {
    /// What they say.
    pub(super) zones: Arc<Zones>,
    /// Where each is from and what came of reading it, in the configuration's order.
    pub(super) origins: Arc<Vec<Origin>>,
}

impl Loaded {
    /// The zones of views, without those that they share.
    pub(super) fn owned(&self) -> impl Iterator<Item = &Origin> {
        self.origins.iter().filter(|origin| !origin.is_shared)
    }

    /// Takes what came of reading one zone anew, for every view that has it.
    pub(super) fn replace(&mut self, origin: Origin) {
        let has_it = |place: &&mut Origin| place.zone.id == origin.zone.id;
        for place in Arc::make_mut(&mut self.origins).iter_mut().filter(has_it) {
            let (view, is_shared) = (std::mem::take(&mut place.view), place.is_shared);
            *place = Origin { view, is_shared, ..origin.clone() };
        }
    }

    /// Zones that are not served as they are written; one that views share, once.
    pub(super) fn unread(&self) -> impl Iterator<Item = &Origin> {
        self.owned().filter(|origin| !origin.is_in_force)
    }
}

/// Reads every local zone of a configuration; `before` are those until now, which stay where a zone cannot be read. One
/// that is among `unchanged` is published at once for everybody who has it, any other in a handle of its own, which
/// nobody has until what is returned is published. With a `keeper`, the updates that it keeps are part of them.
pub(super) fn read(
    config: &Config,
    before: &Loaded,
    unchanged: &Unchanged<'_>,
    context: Context<'_>,
    keeper: Option<&Keeper>,
) -> Loaded {
    let Handover { zones, before: was } = Handover::new(config, before, unchanged, keeper);
    let (mut origins, mut places) = (Vec::new(), HashMap::new());
    // Before any is loaded: another zone may go on with the journal of one that is gone.
    if let Some(keeper) = keeper {
        let served: HashSet<u64> = zones.iter().map(|handle| handle.id).collect();
        keeper.retain(|id| served.contains(&id));
    }
    let mut journals = HashSet::new();
    for view in &config.views {
        for text in &view.zones {
            let handle = zones.get(&view.name, &text.name);
            let updates = keeper.and_then(|keeper| Some((keeper, journals::path(config, view, text)?)));
            journals.extend(updates.iter().map(|(_, path)| path.clone()));
            let from = from(text, updates.as_ref().map(|(_, path)| path));
            let of_before = was.get(&handle.id).map(|origin| (origin.is_in_force, origin.loaded));
            let (was_read, loaded_before) = of_before.unwrap_or((true, None));
            let before = Before { was_read, loaded: loaded_before, label: label(&view.name, &text.name) };
            let Outcome { is_in_force, loaded: load_time, faults } =
                load(text, &handle, context, keeper, updates, before);
            places.insert((&*view.name, &text.name), origins.len());
            origins.push(Origin {
                view: view.name.clone(),
                is_shared: false,
                zone: handle,
                file: text.file.as_ref().map(|file| file.path.clone()),
                is_dynamic: !text.grants.is_empty(),
                from,
                read: SystemTime::now(),
                loaded: load_time,
                is_in_force,
                faults,
            });
        }
        for shared in &view.shared_zones {
            let own = places.get(&(&*shared.view, &shared.name)).map(|place: &usize| origins[*place].clone());
            origins.extend(own.map(|own| Origin { view: view.name.clone(), is_shared: true, ..own }));
        }
    }
    if keeper.is_some() {
        journals::tell_orphans(config, &journals);
    }
    Loaded { zones: Arc::new(zones), origins: Arc::new(origins) }
}

/// Reads one zone of a configuration anew, of this view and apex, or the one that the view shares; what came of it, and
/// whether another version is served now. `None`: there is no such zone.
pub(super) fn read_one(
    config: &Config,
    loaded: &Loaded,
    (view, apex): (&str, &Name),
    context: Context<'_>,
    keeper: &Keeper,
) -> Option<(Origin, bool)> {
    let of_name = |name: &str| config.views.iter().find(|view| view.name == name);
    let asked = of_name(view)?;
    let shared = asked.shared_zones.iter().find(|shared| shared.name == *apex);
    let view = shared.map_or(Some(asked), |shared| of_name(&shared.view))?;
    let text = view.zones.iter().find(|zone| zone.name == *apex)?;
    let is_it = |origin: &&Origin| origin.view == view.name && origin.zone.apex == *apex;
    let mut origin = loaded.origins.iter().find(is_it)?.clone();
    let version = |handle: &Handle| handle.load().as_deref().map(|zone| (zone.serial(), zone.fingerprint()));
    let was = version(&origin.zone);
    let updates = journals::path(config, view, text).map(|path| (keeper, path));
    let before = Before { was_read: origin.is_in_force, loaded: origin.loaded, label: label(&view.name, apex) };
    let outcome = load(text, &origin.zone, context, Some(keeper), updates, before);
    (origin.is_in_force, origin.loaded) = (outcome.is_in_force, outcome.loaded);
    (origin.faults, origin.read) = (outcome.faults, SystemTime::now());
    let is_changed = version(&origin.zone) != was;
    Some((origin, is_changed))
}

/// Where a zone is from, for a person.
fn from(text: &LocalZone, journal: Option<&PathBuf>) -> String {
    let file = text.file.as_ref().map(|file| file.path.display().to_string());
    let records = text.position.as_ref().filter(|_| file.is_none() || !text.records.is_empty());
    let records = records.map(|position| format!("records at {position}"));
    let journal = journal.map(|path| format!("updates in {}", path.display()));
    file.into_iter().chain(records).chain(journal).collect::<Vec<_>>().join(", ")
}

/// What is known of a zone before it is read.
struct Before {
    /// It was not found wrong when it was read last.
    was_read: bool,
    /// [`Origin::loaded`] of it.
    loaded: Option<SystemTime>,
    /// See [`label`].
    label: String,
}

/// What came of a zone.
struct Outcome {
    is_in_force: bool,
    loaded: Option<SystemTime>,
    faults: Vec<Fault>,
}

/// A zone in named's lines: its class behind it, and its view, if there are views.
pub(super) fn label(view: &str, apex: &Name) -> String {
    let view = if view == DEFAULT_VIEW { String::new() } else { format!("/{view}") };
    format!("{apex}/IN{view}")
}

/// When the master file of a zone was written, at most now; taken before it is read, so that what comes later is not taken
/// for loaded.
fn written(text: &LocalZone) -> Option<SystemTime> {
    let time = fs::metadata(&text.file.as_ref()?.path).and_then(|file| file.modified()).ok()?;
    Some(time.min(SystemTime::now()))
}

/// Reads a zone and publishes it. `updates`: who keeps those that it takes, and where.
fn load(
    text: &LocalZone,
    handle: &Arc<Handle>,
    context: Context<'_>,
    keeper: Option<&Keeper>,
    updates: Option<(&Keeper, PathBuf)>,
    Before { was_read, loaded, label }: Before,
) -> Outcome {
    let (before, written) = (handle.load(), written(text));
    let source = updates.as_ref().and_then(|(keeper, _)| keeper.source(handle));
    let Read { zone, mut diagnostics, unread } = read_zone(text, source.as_ref().or(before.as_deref()), context);
    if let Some(unread) = unread {
        diagnostics.insert(0, not_read(text, &unread, ""));
    }
    diagnostics.iter().for_each(log);
    let is_read = zone.is_some();
    let fault = |found: &Diagnostic| Fault { level: found.level, text: found.to_string() };
    let mut faults: Vec<Fault> = diagnostics.iter().map(fault).collect();
    match (updates, zone) {
        (Some((keeper, path)), zone) => {
            let source = Source {
                label: label.clone(),
                zone,
                serial_is_written: text.file.is_some() || text.settings.serial.is_some(),
                max_journal_octets: text.settings.max_journal_octets,
                takes_updates: !text.grants.is_empty(),
            };
            let told = keeper.settle(handle, path, source);
            told.iter().for_each(log_told);
            faults.extend(told.into_iter().filter_map(into_fault));
        }
        (None, Some(zone)) => {
            let replaced = handle.publish(Arc::new(zone));
            if let Some(keeper) = keeper {
                keeper.bury(replaced);
            }
        }
        (None, None) => {}
    }
    let present = handle.load();
    match is_read {
        true => tell_read(&label, present.as_deref(), before.as_deref(), was_read),
        false => tell_unread(&label, present.as_deref()),
    }
    faults.truncate(MAX_FAULTS);
    let version = |zone: Option<&Zone>| zone.map(|zone| (zone.serial(), zone.fingerprint()));
    let is_same = version(present.as_deref()) == version(before.as_deref());
    let loaded = match is_read {
        true => written.or(loaded.filter(|_| is_same)).or_else(|| Some(SystemTime::now())),
        false => loaded,
    };
    Outcome { is_in_force: is_read, loaded, faults }
}

/// What is wrong with the local zones of a configuration, and how many have a file that cannot be read. That it cannot may
/// be this host's fault alone: a warning, which says what would follow.
pub(super) fn check(config: &Config, context: Context<'_>) -> (Vec<Diagnostic>, usize) {
    let (mut found, mut unread) = (Vec::new(), 0);
    for text in config.views.iter().flat_map(|view| &view.zones) {
        let Read { mut diagnostics, unread: missing, .. } = read_zone(text, None, context);
        if let Some(missing) = missing {
            let consequence = match text.grants.is_empty() {
                true => ": its names would be answered SERVFAIL",
                false => ": its names would be answered SERVFAIL, unless it has a journal",
            };
            diagnostics.insert(0, not_read(text, &missing, consequence));
            diagnostics.iter_mut().for_each(|diagnostic| diagnostic.level = Level::Warning);
            unread += 1;
        }
        found.append(&mut diagnostics);
    }
    (found, unread)
}

/// Reads a zone that nobody serves: what was found, and its serial or why there is none.
pub(super) fn test(text: &LocalZone, context: Context<'_>) -> (Vec<Diagnostic>, Result<u32, String>) {
    let Read { zone, diagnostics, unread } = read_zone(text, None, context);
    // That there is no file is said once.
    if let Some(Unread { why, .. }) = unread {
        return (Vec::new(), Err(why));
    }
    let why = || {
        let first = diagnostics.iter().find(|found| found.level == Level::Error);
        first.map_or("bad zone", |found| &found.message).to_owned()
    };
    let serial = zone.map(|zone| zone.serial()).ok_or_else(why);
    (diagnostics, serial)
}

/// The host as a name; `localhost` if it is none.
fn primary(host: &str) -> Name {
    host.parse().or_else(|_| "localhost".parse()).unwrap_or_else(|_| Name::root())
}

fn read_zone(text: &LocalZone, before: Option<&Zone>, context: Context<'_>) -> Read {
    let host = &primary(context.host);
    let mut missing = None;
    let mut builder = Builder::new(text.name.clone());
    let mut diagnostics = Vec::new();
    if let Some(file) = &text.file {
        match Disk.read(&file.path, MAX_FILE_OCTETS) {
            Ok(octets) => {
                let name = file.path.display().to_string();
                let mut each = |record: Record| builder.add(record);
                diagnostics = master::read(&name, &octets, &text.name, None, &Disk, &mut each);
            }
            Err(error) => {
                missing = Some(unread(&error));
            }
        }
    }
    diagnostics.extend(nameds_journal(text));
    // That of a master file is in its SOA.
    let of_records = || if text.file.is_some() { 0 } else { next_serial(text, before, host) };
    let serial = text.settings.serial.unwrap_or_else(of_records);
    configured::records(text, serial, host).into_iter().for_each(|record| builder.add(record));
    for (owner, group, position) in policy::groups(text, context.checks, context.region) {
        builder.add_group(&owner, group, Some(position));
    }
    let is_wrong = missing.is_some() || diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error);
    match builder.finish() {
        Ok((zone, warnings)) => {
            diagnostics.extend(warnings);
            Read { zone: (!is_wrong).then_some(zone), diagnostics, unread: missing }
        }
        Err(faults) => {
            // What a broken file lacks is no fault of its own, and has no place.
            let faults = faults.into_iter().filter(|fault| !is_wrong || fault.position.is_some());
            diagnostics
                .extend(faults.map(|fault| Diagnostic { position: fault.position.or_else(|| begin(text)), ..fault }));
            Read { zone: None, diagnostics, unread: missing }
        }
    }
}

/// Where a zone begins: what it lacks is told of there.
fn begin(text: &LocalZone) -> Option<Position> {
    let in_file = |file: &MasterFile| Position { file: file.path.display().to_string().into(), line: 1, column: 0 };
    text.file.as_ref().map(in_file).or_else(|| text.position.clone())
}

fn unread(error: &io::Error) -> Unread {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "create it, or correct 'file'",
        io::ErrorKind::PermissionDenied => "let the server's user read it",
        _ => "'file' names a master file",
    };
    Unread { why: explain(error), hint }
}

/// That the master file of a zone could not be read, and what follows.
fn not_read(text: &LocalZone, Unread { why, hint }: &Unread, consequence: &str) -> Diagnostic {
    let (apex, file) = (&text.name, text.file.as_ref());
    let path = file.map(|file| file.path.display().to_string()).unwrap_or_default();
    Diagnostic {
        position: file.and_then(|file| file.position.clone()),
        level: Level::Error,
        message: format!("zone {apex}: loading from master file {path} failed: {why}{consequence}"),
        hint: Some((*hint).to_owned()),
        topic: None,
    }
}

/// The serial of a zone without one: that of before while its records are the same, else the time of day, which is
/// greater.
fn next_serial(text: &LocalZone, before: Option<&Zone>, host: &Name) -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs() as u32);
    let Some(before) = before else { return now };
    let mut was: Vec<_> = before.iter().map(|record| comparable(&record)).collect();
    let mut is: Vec<_> = configured::records(text, 0, host).iter().map(comparable).collect();
    was.sort();
    is.sort();
    match (was == is, serial::is_greater(now, before.serial())) {
        (true, _) => before.serial(),
        (false, true) => now,
        (false, false) => serial::next(before.serial()),
    }
}

/// A record but for the serial of an SOA, which stands in front of four numbers.
fn comparable(record: &Record) -> (Vec<u8>, u16, u32, Vec<u8>) {
    let mut rdata = record.rdata.to_vec();
    if let Some(at) = rdata.len().checked_sub(20).filter(|_| record.rtype == rtype::SOA) {
        rdata[at..at + 4].fill(0);
    }
    (record.owner.as_wire().to_vec(), record.rtype, record.ttl, rdata)
}

fn log(diagnostic: &Diagnostic) {
    let severity = match diagnostic.level {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
    };
    logging::at(Category::Zoneload, severity, format_args!("{}", diagnostic.for_log()));
}

/// What somebody should see to; `None`: nothing is wrong.
fn into_fault(told: Told) -> Option<Fault> {
    match told {
        Told::Error(text) => Some(Fault { level: Level::Error, text }),
        Told::Warning(text) => Some(Fault { level: Level::Warning, text }),
        Told::Info(_) => None,
    }
}

fn log_told(told: &Told) {
    let (severity, text) = match told {
        Told::Error(text) => (Severity::Error, text),
        Told::Warning(text) => (Severity::Warning, text),
        Told::Info(text) => (Severity::Info, text),
    };
    logging::at(Category::Zoneload, severity, format_args!("{text}"));
}

/// named's lines about a zone that was read.
fn tell_read(label: &str, zone: Option<&Zone>, before: Option<&Zone>, was_read: bool) {
    let Some(zone) = zone else { return };
    let serial = zone.serial();
    if let Some(before) = before {
        let old = before.serial();
        if old == serial && zone.fingerprint() != before.fingerprint() {
            let what = "has other records and the same serial";
            logging::event!(
                Category::Zoneload,
                Severity::Warning,
                "zone {label}: {what} {serial} (raise it with each change)"
            );
        } else if serial::is_greater(old, serial) {
            logging::event!(
                Category::Zoneload,
                Severity::Error,
                "zone {label}: zone serial ({serial}/{old}) has gone backwards"
            );
        }
        if old == serial && was_read {
            return;
        }
    }
    logging::event!(Category::Zoneload, Severity::Info, "zone {label}: loaded serial {serial}");
}

/// named's lines about a zone that could not be read; what is served meanwhile, if anything is.
fn tell_unread(label: &str, present: Option<&Zone>) {
    match present.map(Zone::serial) {
        Some(serial) => {
            let what = "not loaded due to errors: the version of serial";
            logging::event!(Category::Zoneload, Severity::Error, "zone {label}: {what} {serial} stays in force");
        }
        None => {
            let what = "not loaded due to errors: its names are answered SERVFAIL";
            logging::event!(Category::Zoneload, Severity::Error, "zone {label}: {what}");
        }
    }
}

/// That named has kept updates beside a master file, which are not read here.
fn nameds_journal(text: &LocalZone) -> Option<Diagnostic> {
    let file = text.file.as_ref()?;
    let mut path = std::ffi::OsString::from(&file.path);
    path.push(".jnl");
    let path = PathBuf::from(path);
    let mut begin = [0; 9];
    let is_nameds =
        fs::File::open(&path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && &begin == b";BIND LOG";
    is_nameds.then(|| Diagnostic {
        position: file.position.clone(),
        level: Level::Warning,
        message: format!(
            "zone {}: named has kept updates in '{}', which are not in force here",
            text.name,
            path.display()
        ),
        hint: Some(
            "run 'rndc freeze' and 'rndc sync -clean' before named is stopped; if they are not needed, remove it"
                .to_owned(),
        ),
        topic: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::named_conf;

    #[test]
    fn every_fault_of_a_file_is_told_and_what_a_missing_one_needs() {
        let directory = tempfile::tempdir().expect("a directory");
        let text = "@ SOA ns h 1 2 3 4 5\n@ NS ns\nns 60 A 10.0.0.\nx.other. A 10.0.0.1\nw CNAME ns\nw A 10.0.0.1\n";
        std::fs::write(directory.path().join("corp"), text).expect("a file");
        std::fs::write(directory.path().join("corp.jnl"), ";BIND LOG V9\n").expect("a file");
        let conf = format!(
            "options {{ directory \"{}\"; }}; zone corp {{ type primary; file \"corp\"; }}; zone gone {{ type primary; \
             file \"gone\"; }};",
            directory.path().display()
        );
        let config = named_conf::parse(&conf, "x.conf", &Disk).expect("the configuration is right").config;
        let context = Context { checks: &[], region: None, host: "az1" };
        let (found, unread) = check(&config, context);
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(unread, 1, "{told:#?}");
        for expected in [
            "corp:3: bad A",
            "corp:4: 'x.other' is out of zone",
            "corp:6: w.corp: CNAME and other data",
            "gone failed: file not found: its names would be answered SERVFAIL (create it, or correct 'file')",
            "corp.jnl', which are not in force here (run 'rndc freeze'",
        ] {
            assert!(told.iter().any(|line| line.contains(expected)), "{expected}: {told:#?}");
        }
        assert!(told.iter().all(|line| !line.contains("no SOA")), "{told:#?}");
    }
}
