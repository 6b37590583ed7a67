//! What is known of one zone that takes updates: what its source says, and what clients have changed since.
//!
//! The zone that is served is always the source with the clients' changes on top ([`rebase`]). The journal holds both,
//! so that it needs nothing but itself: when the operator changes the source, what they changed is told from what
//! clients did, and both are kept. A journal that has grown is written anew: the source and the net changes.
//! Not here: files ([`super::file`]), their octets ([`super::kept`]), sentences for the log ([`super::told`]), what an
//! update changes ([`crate::zone::update`]).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use super::file::{JournalFile, Place};
use super::kept::{Kept, Written, bases, header, read};
use super::lock;
use super::told::{Teller, Told, log_entry, refused};
use crate::answer::update::{Outcome, Request};
use crate::logging::{self, Category, Severity};
use crate::wire::Name;
use crate::wire::header::{rcode, rtype};
use crate::zone::journal::{Entry, Frame};
use crate::zone::{Delta, Handle, Unfit, Zone, rebase, serial, update};

/// A journal of fewer octets is never written anew because of its length.
const LEAST_COMPACTED_OCTETS: u64 = 1 << 20;
/// How a journal of named begins.
const NAMEDS_MAGIC: &[u8] = b";BIND LOG";
/// What was left out is told one by one up to this.
const MAX_TOLD: usize = 20;

/// What the operator says of a zone.
pub struct Source {
    /// What it is called in the log, in named's way: `corp/IN`, `corp/IN/internal`.
    pub label: String,
    /// Its records and policies; `None`: they could not be read.
    pub zone: Option<Zone>,
    /// Its serial is the operator's word, and not made up when it was read.
    pub serial_is_written: bool,
    /// A journal of more octets is written anew, if it has also grown to twice what it then had; `None`: of 1 MiB.
    pub max_journal_octets: Option<u64>,
    /// Updates may come: else there are only those of the past.
    pub takes_updates: bool,
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
    /// See [`Source::label`].
    label: String,
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
    /// The journal is no longer where it was: it is to be written anew.
    is_moved: bool,
    max_journal_octets: Option<u64>,
    /// Octets of the journal when it was written anew, or of the source in it.
    rewritten_octets: u64,
    /// A journal of more octets is written anew.
    compact_above: u64,
}

impl Ledger {
    pub(super) fn new(handle: Arc<Handle>) -> Self {
        Self { handle, inner: Mutex::default() }
    }

    /// See [`super::Keeper::hand_over`]: all is with the new one, and nothing is made here any more.
    pub(super) fn hand_over(&self, to: Arc<Handle>) -> Self {
        // Nobody is in the middle of an update then.
        let mut inner = lock(&self.inner);
        self.handle.copy_to(&to);
        let over = Inner { halted: Some("the zone is being read with other rules"), ..Inner::default() };
        Self { handle: to, inner: Mutex::new(std::mem::replace(&mut inner, over)) }
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
        inner.label = source.label;
        let mut told = Teller { label: inner.label.clone(), told: Vec::new() };
        if inner.path != path {
            inner.move_to(path, &mut told);
        }
        inner.max_journal_octets = source.max_journal_octets;
        inner.set_compact_above();
        inner.recover();
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
        told.tell(Told::Warning, format!("serving serial {serial} out of '{}' meanwhile", inner.path.display()));
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
            let (label, path) = (&inner.label, inner.path.display());
            logging::event!(
                Category::Update,
                Severity::Error,
                "zone {label}: updates cannot be kept in '{path}': {error}: they are answered SERVFAIL"
            );
            // Those behind were judged by what it would have made of the zone.
            let first = entries.first().map_or(0, |(index, _)| *index);
            outcomes[first..].fill(Outcome::failed("the update cannot be kept"));
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
        let (label, path) = (inner.label.clone(), inner.path.clone());
        match inner.rewrite(&source, zone) {
            Ok(()) => {
                let octets = inner.file.as_ref().map_or(0, JournalFile::length);
                logging::event!(
                    Category::Update,
                    Severity::Info,
                    "zone {label}: '{}' is written anew: {octets} octets",
                    path.display()
                );
            }
            Err(error) => {
                // The old one still holds everything.
                inner.compact_above = inner.compact_above.saturating_mul(2);
                logging::event!(
                    Category::Update,
                    Severity::Error,
                    "zone {label}: '{}' cannot be written anew: {error}",
                    path.display()
                );
            }
        }
    }
}

impl Inner {
    /// The journal is to be elsewhere: it is written there anew with the next source, and gone here then.
    fn move_to(&mut self, path: PathBuf, told: &mut Teller) {
        let before = std::mem::replace(&mut self.path, path);
        if self.file.is_some() {
            self.is_moved = true;
            told.tell(Told::Info, format!("the journal '{}' is to be '{}'", before.display(), self.path.display()));
        } else {
            self.is_opened = false;
        }
    }

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
        if octets.starts_with(NAMEDS_MAGIC) {
            self.halted = Some("the zone's journal is named's");
            let advice = "run 'rndc sync -clean' there first, or name another 'journal'";
            told.tell(Told::Error, format!("journal '{shown}' is named's: no updates are taken ({advice})"));
            return Ok(());
        }
        let Written { kept, length, base_octets, damage, is_later } = read(apex, &octets);
        if let Some(damage) = damage.as_ref().filter(|_| is_later) {
            self.halted = Some("the zone's journal cannot be read");
            told.tell(Told::Error, format!("journal '{shown}': {damage}: it is left as it is"));
            return Err(());
        }
        if let Some(damage) = &damage {
            self.set_aside(&file, damage, kept.is_some(), told)?;
        }
        self.is_opened = true;
        let Some(kept) = kept else {
            // The next update makes a new one; what could not be read was set aside.
            return file.remove().map_err(|error| {
                self.halted = Some("the zone's journal is damaged");
                told.tell(Told::Error, format!("journal '{shown}' cannot be removed: {error}: no updates are taken"));
            });
        };
        self.cut(&mut file, length as u64, damage.is_none(), told);
        self.file = Some(file);
        self.rewritten_octets = base_octets;
        self.set_compact_above();
        self.kept = Some(kept);
        Ok(())
    }

    /// Keeps a copy of a journal that is damaged. An error is told: it must not be touched then.
    fn set_aside(&mut self, file: &JournalFile, damage: &str, is_kept: bool, told: &mut Teller) -> Result<(), ()> {
        let shown = self.path.display();
        match file.set_aside(".bad") {
            Ok(aside) => {
                let read =
                    if is_kept { "what stands before the damage is in force" } else { "nothing of it is in force" };
                told.tell(
                    Told::Error,
                    format!("journal '{shown}': {damage}; {read}; a copy is in '{}'", aside.display()),
                );
                Ok(())
            }
            Err(error) => {
                let text = format!("journal '{shown}': {damage}; no copy could be made: {error}: no updates are taken");
                self.halted = Some("the zone's journal is damaged");
                told.tell(Told::Error, text);
                Err(())
            }
        }
    }

    /// Cuts off what stands behind the last whole frame. `is_torn`: it is what a crash has left of the last one.
    fn cut(&mut self, file: &mut JournalFile, length: u64, is_torn: bool, told: &mut Teller) {
        let lost = file.length().saturating_sub(length);
        if lost == 0 {
            return;
        }
        let shown = self.path.display();
        match file.cut(length) {
            Ok(()) if is_torn => {
                let text = format!("journal '{shown}': {lost} octets of an update that was never answered are cut off");
                told.tell(Told::Info, text);
            }
            Ok(()) => {}
            Err(error) => {
                let text = format!("journal '{shown}' cannot be cut: {error}: no updates are taken");
                self.halted = Some("the zone's journal cannot be written");
                told.tell(Told::Error, text);
            }
        }
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
        let is_moved = std::mem::take(&mut self.is_moved);
        if is_moved {
            told.tell(Told::Warning, format!("journal '{}' is not there: it is written anew", self.path.display()));
        }
        if (is_changed || is_moved || !left_out.is_empty())
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
        told.tell(Told::Warning, format!("RRsets that keep what the source says: {count}{aside}"));
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
            let made = JournalFile::create(&self.path, &header(source), bases(source).chain([frame]), Place::Free)?;
            return self.adopt(made);
        };
        // Somebody may have moved it: what is written then is not found by the next start.
        if !file.is_in_place() {
            return Err(io::Error::other("it was moved or removed: put it back, or reload to have it written anew"));
        }
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
        let is_own = self.file.as_ref().is_some_and(|file| file.path() == self.path && file.is_in_place());
        let place = if is_own { Place::Own } else { Place::Free };
        let made = JournalFile::create(&self.path, &header(source), bases(source).chain([frame]), place)?;
        let before = self.file.take().filter(|file| file.path() != self.path);
        self.adopt(made)?;
        // All that it holds is in the new one.
        before.map_or(Ok(()), JournalFile::remove)
    }

    /// Goes on with a journal that is in the place of the one before.
    fn adopt(&mut self, (file, synced): (JournalFile, io::Result<()>)) -> io::Result<()> {
        self.rewritten_octets = file.length();
        self.file = Some(file);
        self.set_compact_above();
        if synced.is_err() {
            self.halted = Some("the zone's journal cannot be written");
        }
        synced
    }

    /// Before a source is settled: takes updates again if what stopped them is over.
    fn recover(&mut self) {
        let Some(file) = &mut self.file else {
            self.halted = None;
            return;
        };
        if file.path() == self.path && !file.is_in_place() {
            // The zone that is served has everything that was kept: it is written anew.
            self.is_moved = true;
            self.halted = None;
        } else if self.halted.is_some() && file.sync().is_ok() {
            self.halted = None;
        }
    }

    /// It may grow to twice what it had when it was written anew, so that doing so costs no more than what was written.
    fn set_compact_above(&mut self) {
        let most = self.max_journal_octets.unwrap_or(LEAST_COMPACTED_OCTETS);
        self.compact_above = most.max(self.rewritten_octets.saturating_mul(2));
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

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
