//! Changing local zones: one thread that makes updates, keeps them, and only then has them answered.
//!
//! A [`Keeper`] has a ledger for each zone that takes updates, or once did: the [`ledger`] knows what the operator's
//! source says and what clients have changed since, and keeps that in a journal ([`file`](mod@file)). What waits is
//! taken at once ([`queue`]) and written with one `fdatasync` a zone, so that many clients wait for the disk together;
//! then the new version is published, then each is answered. Whatever ends the process in between, an update that was
//! answered NOERROR is there when the next one starts.
//! Not here: who may send updates (`answer`), what one changes (`zone`), reading master files (`daemon`).

mod file;
mod kept;
mod ledger;
mod queue;
mod replays;
mod told;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::answer::update::{Outcome, Request};
use crate::zone::{Handle, Zone};
use ledger::Ledger;
use queue::Queue;
use replays::Replays;

pub use ledger::{Source, Standing};
pub use told::Told;

/// How often versions that were replaced are looked at.
const BURY_EVERY: Duration = Duration::from_millis(500);

/// Who is told what came of an update: gets the request back.
pub type Answer = Box<dyn FnOnce(Box<Request>, Outcome) + Send>;

/// An update that waits for its turn.
struct Waiting {
    request: Box<Request>,
    answer: Answer,
}

/// See the module.
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    queue: Queue<Waiting>,
    /// By [`Handle::id`].
    ledgers: Mutex<HashMap<u64, Arc<Ledger>>>,
    /// Locked by the thread alone.
    replays: Mutex<Replays>,
    /// Versions that a worker may still be reading.
    replaced: Mutex<Vec<Arc<Zone>>>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let run = {
            let shared = Arc::clone(&shared);
            move || shared.run()
        };
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(run)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Has an update made and kept; `answer` is called from the thread. Never blocks for longer than a few instructions.
    ///
    /// # Errors
    /// When too many wait, of all or of this client, or it has been stopped; nothing is called then.
    pub fn submit(&self, request: Box<Request>, answer: Answer) -> Result<(), Box<Request>> {
        let client = request.sender().client;
        self.shared.queue.put(client, Waiting { request, answer }).map_err(|waiting| waiting.request)
    }

    /// Takes what the operator's source says of a zone in the place of what it said before, with the updates that are
    /// kept in the journal at `path` on top, and publishes that. Returns what is to be said about it.
    pub fn settle(&self, handle: &Arc<Handle>, path: PathBuf, source: Source) -> Vec<Told> {
        let ledger = {
            let mut ledgers = lock(&self.shared.ledgers);
            Arc::clone(ledgers.entry(handle.id).or_insert_with(|| Arc::new(Ledger::new(Arc::clone(handle)))))
        };
        let (told, replaced) = ledger.settle(path, source);
        self.bury(replaced);
        told
    }

    /// Has a zone go on in another handle: what it says, and all that is known of its updates. Whoever still has the one
    /// before gets SERVFAIL for updates from now on, so that none is made by rules that end with it.
    pub fn hand_over(&self, from: &Handle, to: &Arc<Handle>) {
        let ledger = lock(&self.shared.ledgers).remove(&from.id);
        let Some(ledger) = ledger else { return from.copy_to(to) };
        // It waits for an update that is being written, and others must not.
        let ledger = Arc::new(ledger.hand_over(Arc::clone(to)));
        lock(&self.shared.ledgers).insert(to.id, ledger);
    }

    /// What the source of a zone said that takes updates, without them; `None` for any other.
    pub fn source(&self, handle: &Handle) -> Option<Zone> {
        let ledger = lock(&self.shared.ledgers).get(&handle.id).map(Arc::clone);
        ledger.and_then(|ledger| ledger.source())
    }

    /// What is kept of the updates of a zone; `None` for one that never took any.
    pub fn standing(&self, handle: &Handle) -> Option<Standing> {
        let ledger = lock(&self.shared.ledgers).get(&handle.id).map(Arc::clone);
        ledger.map(|ledger| ledger.standing())
    }

    /// Forgets the ledgers of zones that are no longer served. What is kept of them on disk stays.
    pub fn retain(&self, is_served: impl Fn(u64) -> bool) {
        lock(&self.shared.ledgers).retain(|id, _| is_served(*id));
    }

    /// Frees a version that was replaced once no worker reads it any more, so that no worker has to.
    pub fn bury(&self, replaced: Option<Arc<Zone>>) {
        if let Some(zone) = replaced {
            lock(&self.shared.replaced).push(zone);
            self.shared.queue.wake();
        }
    }

    /// Makes and answers what waits, and ends the thread.
    pub fn stop(&self) {
        self.shared.queue.close();
        if let Some(thread) = lock(&self.thread).take() {
            // If it panicked it has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let patience = (!lock(&self.replaced).is_empty()).then_some(BURY_EVERY);
            let Some(waiting) = self.queue.take(patience) else { return };
            self.make(waiting);
            // Those that nobody else has are freed here.
            let mut replaced = std::mem::take(&mut *lock(&self.replaced));
            replaced.retain(|zone| Arc::strong_count(zone) > 1);
            lock(&self.replaced).append(&mut replaced);
        }
    }

    /// Makes updates: those of each zone together, in the order they came.
    fn make(&self, waiting: Vec<Waiting>) {
        let mut zones: Vec<(u64, Vec<Waiting>)> = Vec::new();
        for one in waiting {
            let id = one.request.zone.id;
            match zones.iter_mut().find(|(known, _)| *known == id) {
                Some((_, waiting)) => waiting.push(one),
                None => zones.push((id, vec![one])),
            }
        }
        let mut changed = Vec::new();
        for (id, waiting) in zones {
            let ledger = lock(&self.ledgers).get(&id).map(Arc::clone);
            let Some(ledger) = ledger else {
                let outcome = Outcome::failed("the zone is being read with other rules, or takes no updates any more");
                waiting.into_iter().for_each(|one| (one.answer)(one.request, outcome));
                continue;
            };
            let mut replays = lock(&self.replays);
            let (new, repeated) = split(waiting, &replays);
            let requests: Vec<&Request> = new.iter().map(|one| &*one.request).collect();
            let (outcomes, replaced) = ledger.make(&requests);
            for (request, outcome) in requests.iter().zip(&outcomes) {
                if let Some(mac) = request.mac() {
                    replays.remember(mac, *outcome, Instant::now());
                }
            }
            for (one, outcome) in new.into_iter().zip(outcomes) {
                (one.answer)(one.request, outcome);
            }
            for one in repeated {
                let known = one.request.mac().and_then(|mac| replays.outcome(mac));
                (one.answer)(one.request, known.unwrap_or(Outcome::failed("the update was not made")));
            }
            lock(&self.replaced).extend(replaced);
            changed.push(ledger);
        }
        // All are answered.
        changed.iter().for_each(|ledger| ledger.compact_if_due());
    }
}

/// Those that are to be made, and those that were made before or are among the first.
fn split(waiting: Vec<Waiting>, replays: &Replays) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut seen: HashSet<Box<[u8]>> = HashSet::new();
    waiting
        .into_iter()
        .partition(|one| one.request.mac().is_none_or(|mac| replays.outcome(mac).is_none() && seen.insert(mac.into())))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
