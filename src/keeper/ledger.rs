//! What is known of one zone that takes updates: what its source says, and what clients have changed since.
//!
//! The zone that is served is always the source with the clients' changes on top ([`rebase`]). The journal holds both,
//! so that it needs nothing but itself: when the operator changes the source, what they changed is told from what
//! clients did, and both are kept. A journal that has grown is written anew: the source and the net changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use super::file::JournalFile;
use super::lock;
use crate::answer::update::{Outcome, Request};
use crate::logging::{self, Category, Severity};
use crate::wire::Name;
use crate::wire::header::{rcode, rtype};
use crate::wire::mnemonic::type_name;
use crate::wire::present;
use crate::zone::journal::{Damage, Entry, Frame, Header, Item, replay};
use crate::zone::{Builder, Delta, Handle, Record, Unfit, Zone, rebase, serial, update};

/// A journal of fewer octets is never written anew because of its length.
const LEAST_COMPACTED_OCTETS: u64 = 1 << 20;
/// A zone is written in frames of about so many octets.
const BASE_FRAME_OCTETS: usize = 1 << 20;
/// Records of one update that are logged one by one.
const MAX_LOGGED: usize = 50;
/// What was left out is told one by one up to this.
const MAX_TOLD: usize = 20;

/// What the operator says of a zone.
pub struct Source {
    /// Its records and policies; `None`: they could not be read.
    pub zone: Option<Zone>,
    /// Its serial is the operator's word, and not made up when it was read.
    pub serial_is_written: bool,
    /// A journal of more octets is written anew; `None`: when it has twice the octets of the zone.
    pub max_journal_octets: Option<u64>,
    /// Updates may come: else there are only those of the past.
    pub takes_updates: bool,
}

/// A sentence for the log, with the zone's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something is not as it should be.
    Error(String),
    /// The operator should look.
    Warning(String),
    /// What happened.
    Info(String),
}

impl Told {
    /// What somebody should see to; `None`: nothing is wrong.
    pub fn into_fault(self) -> Option<String> {
        match self {
            Self::Error(text) | Self::Warning(text) => Some(text),
            Self::Info(_) => None,
        }
    }
}

/// What is kept of a zone's updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where its journal is, or will be with the first update.
    pub journal: PathBuf,
    /// Octets of the journal; `None`: there was no update yet.
    pub octets: Option<u64>,
    /// The serial of the operator's source, if that could be read.
    pub source_serial: Option<u32>,
    /// Why no update is taken.
    pub halted: Option<&'static str>,
}

/// See the module.
pub(super) struct Ledger {
    handle: Arc<Handle>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    path: PathBuf,
    /// It was looked for.
    is_opened: bool,
    /// `None` until the first update.
    file: Option<JournalFile>,
    /// What the journal held when it was opened, until a source is there to go with it.
    kept: Option<Kept>,
    source: Option<Zone>,
    /// Why no update can be kept.
    halted: Option<&'static str>,
    max_journal_octets: Option<u64>,
    /// A journal of more octets is written anew.
    compact_above: u64,
}

/// A zone as a journal has it.
struct Kept {
    header: Header,
    source: Zone,
    current: Zone,
}

impl Ledger {
    pub(super) fn new(handle: Arc<Handle>) -> Self {
        Self { handle, inner: Mutex::default() }
    }

    pub(super) fn source(&self) -> Option<Zone> {
        lock(&self.inner).source.clone()
    }

    pub(super) fn standing(&self) -> Standing {
        let inner = lock(&self.inner);
        Standing {
            journal: inner.path.clone(),
            octets: inner.file.as_ref().map(JournalFile::length),
            source_serial: inner.source.as_ref().map(Zone::serial),
            halted: inner.halted,
        }
    }

    /// See [`super::Keeper::settle`]; returns the version that was replaced, too.
    pub(super) fn settle(&self, path: PathBuf, source: Source) -> (Vec<Told>, Option<Arc<Zone>>) {
        let mut inner = lock(&self.inner);
        let mut told = Teller { apex: self.handle.apex.clone(), told: Vec::new() };
        if inner.path != path {
            *inner = Inner { path, ..Inner::default() };
        }
        inner.max_journal_octets = source.max_journal_octets;
        inner.halted = None;
        if !inner.is_opened && inner.open(&self.handle.apex, &mut told).is_err() {
            return (told.told, None);
        }
        let Some(new) = source.zone else {
            let replaced = self.serve_kept(&mut inner, &mut told);
            return (told.told, replaced);
        };
        let before = inner.kept.take().or_else(|| {
            let (old, present) = (inner.source.as_ref()?, self.handle.load());
            let current = present.as_deref().filter(|_| inner.file.is_some())?;
            Some(Kept { header: header(old), source: old.clone(), current: current.clone() })
        });
        let zone = match before {
            None => new.clone(),
            Some(before) => inner.put_together(&new, before, source.serial_is_written, &mut told),
        };
        inner.source = Some(new);
        if source.takes_updates && inner.file.is_none() && inner.halted.is_none() {
            inner.check_place(&mut told);
        }
        let is_same = self.handle.load().as_deref().is_some_and(|present| is_same(present, &zone));
        let replaced = if is_same { None } else { self.handle.publish(Arc::new(zone)) };
        (told.told, replaced)
    }

    /// The source cannot be read: at a start, what the journal has is better than nothing.
    fn serve_kept(&self, inner: &mut Inner, told: &mut Teller) -> Option<Arc<Zone>> {
        if self.handle.load().is_some() {
            return None;
        }
        let kept = inner.kept.take()?;
        let serial = kept.current.serial();
        told.tell(Told::Error, format!("serving serial {serial} out of '{}' meanwhile", inner.path.display()));
        inner.source = Some(kept.source);
        self.handle.publish(Arc::new(kept.current))
    }

    /// Makes updates one after the other, keeps them, and publishes what comes of them; returns what came of each, and
    /// the version that was replaced.
    pub(super) fn make(&self, requests: &[&Request]) -> (Vec<Outcome>, Option<Arc<Zone>>) {
        let mut inner = lock(&self.inner);
        let Some(present) = self.handle.load().as_ref().map(Arc::clone) else {
            return (vec![Outcome::failed("the zone could not be loaded"); requests.len()], None);
        };
        if let Some(why) = inner.halted {
            return (vec![Outcome::failed(why); requests.len()], None);
        }
        let (mut zone, mut entries) = ((*present).clone(), Vec::new());
        let mut outcomes = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            let outcome = match make_one(&mut zone, request) {
                Ok(None) => Outcome::DONE,
                Ok(Some(entry)) => {
                    entries.push((index, entry));
                    Outcome::DONE
                }
                Err(refusal) => refused(&self.handle.apex, request, &refusal),
            };
            outcomes.push(outcome);
        }
        if entries.is_empty() {
            return (outcomes, None);
        }
        if let Err(error) = inner.keep(entries.iter().map(|(_, entry)| entry)) {
            let (apex, path) = (&self.handle.apex, inner.path.display());
            logging::event!(
                Category::Update,
                Severity::Error,
                "zone {apex}/IN: updates cannot be kept in '{path}': {error}: they are answered SERVFAIL"
            );
            for (index, _) in entries {
                outcomes[index] = Outcome::failed("the update cannot be kept");
            }
            return (outcomes, None);
        }
        let replaced = self.handle.publish(Arc::new(zone));
        for (index, entry) in &entries {
            log_entry(&self.handle.apex, requests[*index], entry);
        }
        (outcomes, replaced)
    }

    /// Writes the journal anew if it has grown too long.
    pub(super) fn compact_if_due(&self) {
        let mut inner = lock(&self.inner);
        let is_due = inner.file.as_ref().is_some_and(|file| file.length() > inner.compact_above);
        let present = self.handle.load();
        let (Some(source), Some(zone), true) = (inner.source.clone(), present.as_deref(), is_due) else { return };
        let (apex, path) = (&self.handle.apex, inner.path.clone());
        match inner.rewrite(&source, zone) {
            Ok(()) => {
                let octets = inner.file.as_ref().map_or(0, JournalFile::length);
                logging::event!(
                    Category::Update,
                    Severity::Info,
                    "zone {apex}/IN: '{}' is written anew: {octets} octets",
                    path.display()
                );
            }
            Err(error) => {
                // The old one still holds everything.
                inner.compact_above = inner.compact_above.saturating_mul(2);
                logging::event!(
                    Category::Update,
                    Severity::Error,
                    "zone {apex}/IN: '{}' cannot be written anew: {error}",
                    path.display()
                );
            }
        }
    }
}

impl Inner {
    /// Looks for the journal and reads it. An error is told: the updates in it are not known then.
    fn open(&mut self, apex: &Name, told: &mut Teller) -> Result<(), ()> {
        let shown = self.path.display().to_string();
        let (mut file, octets) = match JournalFile::open(&self.path) {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                self.is_opened = true;
                return Ok(());
            }
            Err(error) => {
                self.halted = Some("the zone's journal cannot be read");
                told.tell(Told::Error, format!("journal '{shown}' with its updates cannot be read: {error}"));
                return Err(());
            }
        };
        let (kept, length, damage) = read(apex, &octets);
        if let Some(damage) = damage {
            let what = match octets.starts_with(b";BIND LOG") {
                true => "it is a journal of named: run 'rndc sync -clean' there first".to_owned(),
                false => damage,
            };
            match file.set_aside(".bad") {
                Ok(aside) => {
                    let read = if kept.is_some() {
                        "what stands before the damage is in force"
                    } else {
                        "nothing of it is in force"
                    };
                    let text = format!("journal '{shown}': {what}; {read}; a copy is in '{}'", aside.display());
                    told.tell(Told::Error, text);
                }
                Err(error) => {
                    self.halted = Some("the zone's journal is damaged");
                    let text =
                        format!("journal '{shown}': {what}; no copy could be made: {error}: no updates are taken");
                    told.tell(Told::Error, text);
                    return Err(());
                }
            }
        }
        self.is_opened = true;
        // Where nothing can be read, the next update makes a new one.
        let Some(kept) = kept else { return Ok(()) };
        if (length as u64) < file.length() {
            let lost = file.length() - length as u64;
            if let Err(error) = file.cut(length as u64) {
                self.halted = Some("the zone's journal cannot be written");
                told.tell(Told::Error, format!("journal '{shown}' cannot be cut: {error}: no updates are taken"));
            } else {
                told.tell(
                    Told::Info,
                    format!("journal '{shown}': {lost} octets of an update that was never answered are cut off"),
                );
            }
        }
        self.file = Some(file);
        self.set_compact_above();
        self.kept = Some(kept);
        Ok(())
    }

    /// The zone of a source and of what was changed since the one before; the journal goes on from it.
    fn put_together(&mut self, new: &Zone, before: Kept, serial_is_written: bool, told: &mut Teller) -> Zone {
        let Kept { header, source: old, current } = before;
        let is_other_serial = serial_is_written && new.serial() != header.serial;
        let is_changed = new.fingerprint() != header.source || is_other_serial;
        let serial = match (is_changed, serial::is_greater(new.serial(), current.serial())) {
            (false, _) => current.serial(),
            (true, true) => new.serial(),
            (true, false) => serial::next(current.serial()),
        };
        let (zone, left_out) = rebase(new, &old, &current, serial);
        if !left_out.is_empty() {
            self.tell_left_out(&left_out, current.serial(), told);
        }
        if is_changed {
            let text = format!("the source has changed: updates up to serial {} stay on top of it", current.serial());
            told.tell(Told::Info, text);
        }
        if (is_changed || !left_out.is_empty())
            && let Err(error) = self.rewrite(new, &zone)
        {
            self.halted = Some("the zone's journal cannot be written");
            let path = self.path.display();
            told.tell(Told::Error, format!("journal '{path}' cannot be written anew: {error}: no updates are taken"));
        }
        zone
    }

    /// What the operator's source leaves no place for.
    fn tell_left_out(&self, left_out: &[Unfit], serial: u32, told: &mut Teller) {
        let aside = self.file.as_ref().map(|file| file.set_aside(&format!(".{serial}")));
        let aside = match aside {
            Some(Ok(path)) => format!("; the journal as it was is in '{}'", path.display()),
            Some(Err(error)) => format!("; no copy of the journal could be made: {error}"),
            None => String::new(),
        };
        for unfit in left_out.iter().take(MAX_TOLD) {
            told.tell(Told::Warning, format!("an update is left out, which the source leaves no place for: {unfit}"));
        }
        let count = left_out.len();
        told.tell(Told::Warning, format!("{count} names keep what the source says{aside}"));
    }

    /// Whether updates could be kept, before the first one comes.
    fn check_place(&mut self, told: &mut Teller) {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Err(error) = nix::unistd::access(parent, nix::unistd::AccessFlags::W_OK) {
            let (shown, path) = (parent.display(), self.path.display());
            let text = format!(
                "updates cannot be kept: '{path}': directory '{shown}': {} (let the server's user write it)",
                error.desc()
            );
            told.tell(Told::Error, text);
        }
    }

    /// Writes updates to the journal, which is made with the first.
    fn keep<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> io::Result<()> {
        let mut frame = Frame::default();
        entries.for_each(|entry| frame.put_delta(entry));
        let frame = frame.finish().ok_or_else(|| io::Error::other("too much at once"))?;
        let Some(file) = &mut self.file else {
            let source = self.source.as_ref().ok_or_else(|| io::Error::other("the source is not known"))?;
            let file = JournalFile::create(&self.path, &header(source), bases(source).chain([frame]))?;
            self.file = Some(file);
            self.set_compact_above();
            return Ok(());
        };
        file.append(&frame).map_err(|(error, second)| {
            if let Some(second) = second {
                self.halted = Some("the zone's journal cannot be written");
                return io::Error::other(format!("{error}; and it cannot be cut: {second}: no updates are taken"));
            }
            error
        })
    }

    /// Writes the journal anew: a source, and what has to be changed to make it `zone`.
    fn rewrite(&mut self, source: &Zone, zone: &Zone) -> io::Result<()> {
        let mut delta = Delta::between(source, zone);
        let soa = |zone: &Zone| zone.iter().find(|record| record.rtype == rtype::SOA);
        delta.removed.extend(soa(source));
        delta.added.extend(soa(zone));
        let entry = Entry { from: source.serial(), to: zone.serial(), unix: now(), key: None, delta };
        let mut frame = Frame::default();
        frame.put_delta(&entry);
        let frame = frame.finish().ok_or_else(|| io::Error::other("too much at once"))?;
        self.file = Some(JournalFile::create(&self.path, &header(source), bases(source).chain([frame]))?);
        self.set_compact_above();
        Ok(())
    }

    /// It may grow to twice what it is now, so that writing it anew costs no more than what was written.
    fn set_compact_above(&mut self) {
        let octets = self.file.as_ref().map_or(0, JournalFile::length);
        let most = self.max_journal_octets.unwrap_or(LEAST_COMPACTED_OCTETS);
        self.compact_above = most.max(octets.saturating_mul(2));
    }
}

/// Whether two versions are one and the same for everybody who asks: one was cloned of the other, or neither has
/// policies and all records are the same.
fn is_same(present: &Zone, zone: &Zone) -> bool {
    !present.has_groups()
        && !zone.has_groups()
        && present.serial() == zone.serial()
        && present.fingerprint() == zone.fingerprint()
}

fn header(source: &Zone) -> Header {
    Header { source: source.fingerprint(), serial: source.serial() }
}

/// A source's records in frames.
fn bases(source: &Zone) -> impl Iterator<Item = Vec<u8>> {
    let (serial, mut records) = (source.serial(), source.iter().peekable());
    std::iter::from_fn(move || {
        records.peek()?;
        let mut octets = 0;
        let mut part = Vec::new();
        while octets < BASE_FRAME_OCTETS
            && let Some(record) = records.next()
        {
            octets += record.owner.as_wire().len() + record.rdata.len() + 10;
            part.push(record);
        }
        let mut frame = Frame::default();
        frame.put_base(serial, &part);
        frame.finish()
    })
}

/// What a journal holds, up to which octet it is whole, and what is wrong with it.
fn read(apex: &Name, octets: &[u8]) -> (Option<Kept>, usize, Option<String>) {
    let (mut records, mut entries) = (Vec::new(), Vec::new());
    let replayed = replay(octets, |item| match item {
        Item::Base { records: part, .. } => records.extend(part),
        Item::Delta(entry) => entries.push(entry),
    });
    let (header, length, mut damage) = match replayed {
        Ok(replayed) => (replayed.header, replayed.length, None),
        Err(damage @ Damage::Frame(at)) => match Header::decode(octets) {
            Ok(header) => (header, at, Some(damage.to_string())),
            Err(damage) => return (None, 0, Some(damage.to_string())),
        },
        Err(damage) => return (None, 0, Some(damage.to_string())),
    };
    let mut builder = Builder::new(apex.clone());
    records.into_iter().for_each(|record| builder.add(record));
    let Ok((source, _)) = builder.finish() else {
        return (None, 0, Some("its records are no zone".to_owned()));
    };
    let mut current = source.clone();
    for entry in entries {
        if let Err(unfit) = current.apply(&entry.delta) {
            damage.get_or_insert(format!("the update to serial {} cannot be made: {unfit}", entry.to));
            break;
        }
    }
    (Some(Kept { header, source, current }), length, damage)
}

/// Makes an update to a version that nobody has seen yet.
fn make_one(zone: &mut Zone, request: &Request) -> Result<Option<Entry>, update::Refusal> {
    let malformed = || update::Refusal { rcode: rcode::FORMERR, why: "it cannot be read", about: None };
    let message = request.update().map_err(|_| malformed())?;
    let Some(delta) = update::apply(&*zone, &message, &request.grants, request.sender())? else { return Ok(None) };
    let from = zone.serial();
    zone.apply(&delta).map_err(|_| update::Refusal {
        rcode: rcode::REFUSED,
        why: "what would come of it is no zone",
        about: None,
    })?;
    Ok(Some(Entry { from, to: zone.serial(), unix: now(), key: request.key().cloned(), delta }))
}

fn refused(apex: &Name, request: &Request, refusal: &update::Refusal) -> Outcome {
    let client = request.shown_client();
    let what = match refusal.rcode {
        rcode::NXDOMAIN | rcode::YXDOMAIN | rcode::YXRRSET | rcode::NXRRSET => {
            "update unsuccessful: prerequisite not satisfied"
        }
        _ => "update failed",
    };
    logging::event!(Category::Update, Severity::Info, "{client}: updating zone '{apex}/IN': {what}: {refusal}");
    Outcome { rcode: refusal.rcode, why: refusal.why }
}

/// named's lines about an update that was made.
fn log_entry(apex: &Name, request: &Request, entry: &Entry) {
    if !logging::enabled(Category::Update, Severity::Info) {
        return;
    }
    let client = request.shown_client();
    let removed = entry.delta.removed.iter().map(|record| (record, "deleting an RR at"));
    let added = entry.delta.added.iter().map(|record| (record, "adding an RR at"));
    let all: Vec<_> = removed.chain(added).filter(|(record, _)| record.rtype != rtype::SOA).collect();
    for (record, what) in all.iter().take(MAX_LOGGED) {
        let Record { owner, rtype, rdata, .. } = record;
        let (data, rtype) = (present::show(*rtype, rdata), type_name(*rtype));
        logging::event!(
            Category::Update,
            Severity::Info,
            "{client}: updating zone '{apex}/IN': {what} '{owner}' {rtype} {data}"
        );
    }
    let more = match all.len().saturating_sub(MAX_LOGGED) {
        0 => String::new(),
        more => format!(", {more} more RRs"),
    };
    let to = entry.to;
    logging::event!(Category::Update, Severity::Info, "{client}: updating zone '{apex}/IN': serial {to}{more}");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Collects what is to be said about a zone.
struct Teller {
    apex: Name,
    told: Vec<Told>,
}

impl Teller {
    fn tell(&mut self, how: fn(String) -> Told, text: String) {
        self.told.push(how(format!("zone {}/IN: {text}", self.apex)));
    }
}
