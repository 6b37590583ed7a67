//! The thread that probes: one for all checks, off the query path.
//!
//! It has a runtime of its own and yields to other threads, so that a worker on the same core is not kept waiting; but for
//! the first round of a start, for which everybody waits. What
//! probes find goes to the [`Table`] on this thread alone. Not here: what a probe does ([`super::probe`]).

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinError, JoinSet, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::probe::{self, Means, Resolve};
use super::schedule::{Key, MAX_UNDER_WAY, Schedule, Start};
use super::{Outcome, Probed, Reason, Table, log};
use crate::logging::{self, Category, Severity};
use crate::sys::{limits, priority};

/// By how much the thread yields to others: where both want the core it gets about a tenth.
const NICE_STEPS: i32 = 10;
/// So many probes are started before those under way are seen to: the answers of their servers must not wait until all
/// that are due were started, for each has its own short time. A turn of the runtime polls 61 tasks, a probe needs 4.
const START_AT_ONCE: usize = 12;
/// How often overrides are looked at for their end.
const TICK: Duration = Duration::from_secs(1);
/// At most one complaint of a kind in so long.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// Probes the checks of a table until it is stopped or dropped.
#[derive(Debug)]
pub struct Prober {
    orders: UnboundedSender<Order>,
    /// `None` once the first round is over.
    first_round: Mutex<Option<Receiver<()>>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    /// The table has followed a configuration.
    Follow,
    /// Answers begin: from now on it yields to whoever gives them.
    Yield,
    Stop,
}

/// Whether anybody is served while a thread begins to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nobody is, until [`Prober::first_round`] returns: the first round gets all of a core that it can.
    BeforeServing,
    /// The thread yields to others from its beginning on.
    BesideServing,
}

impl Prober {
    /// Starts the thread; it probes what `table` holds now at once. Names of servers are resolved by `resolve`.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(table: Arc<Table>, resolve: Arc<dyn Resolve>, begin: Begin) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let means = Arc::new(Means::new(resolve)?);
        let (orders, inbox) = unbounded_channel();
        let (tell, first_round) = mpsc::sync_channel(1);
        let probing = Probing::new(table, means, tell);
        let thread = thread::Builder::new().name("health".to_owned()).spawn(move || {
            if begin == Begin::BesideServing {
                yield_to_others();
            }
            runtime.block_on(probing.run(inbox));
        })?;
        Ok(Self { orders, first_round: Mutex::new(Some(first_round)), thread: Some(thread) })
    }

    /// Tells it that the table has followed another configuration.
    pub fn follow(&self) {
        let _ = self.orders.send(Order::Follow);
    }

    /// Waits until every check that there was at the start has its first outcome, but no longer than `deadline`;
    /// whether they have it. From then on the thread yields to others.
    pub fn first_round(&self, deadline: Duration) -> bool {
        let mut receiver = self.first_round.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody tells any more when the thread has ended.
        let is_over = |receiver: &Receiver<()>| receiver.recv_timeout(deadline) != Err(RecvTimeoutError::Timeout);
        receiver.take_if(|receiver| is_over(receiver));
        let _ = self.orders.send(Order::Yield);
        receiver.is_none()
    }

    /// Stops it; probes under way are given up.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the thread holds.
struct Probing {
    table: Arc<Table>,
    means: Arc<Means>,
    schedule: Schedule,
    checks: HashMap<Key, Probed>,
    probes: JoinSet<Outcome>,
    /// Whose probe a task is; the check is held, so that its key means nobody else meanwhile.
    tasks: HashMap<Id, Probed>,
    chance: StdRng,
    /// Checks of the first round without an outcome, and who waits for it.
    first: Option<(HashSet<Key>, SyncSender<()>)>,
    complained: [Option<Instant>; 2],
}

/// A check's key: where its entry lies, which stays so while anybody holds it.
fn key(check: &Probed) -> Key {
    Arc::as_ptr(&check.entry) as usize
}

impl Probing {
    fn new(table: Arc<Table>, means: Arc<Means>, tell: SyncSender<()>) -> Self {
        let mut probing = Self {
            table,
            means,
            // The other half is for clients.
            schedule: Schedule::new(usize::try_from(limits::open_files() / 2).unwrap_or(MAX_UNDER_WAY)),
            checks: HashMap::new(),
            probes: JoinSet::new(),
            tasks: HashMap::new(),
            chance: StdRng::seed_from_u64(rand::random()),
            first: None,
            complained: [None; 2],
        };
        probing.follow();
        probing.first = Some((probing.checks.keys().copied().collect(), tell));
        probing
    }

    async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_due();
            self.tell_first_round();
            let due = self.schedule.next_due();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Follow) => self.follow(),
                    Some(Order::Yield) => yield_to_others(),
                    Some(Order::Stop) | None => return,
                },
                Some(ended) = self.probes.join_next_with_id() => self.finish_all(ended),
                () = reach(due) => {}
                _ = tick.tick() => log(&self.table.expire(SystemTime::now())),
            }
        }
    }

    fn follow(&mut self) {
        let probed = self.table.probed();
        self.schedule.follow(probed.iter().map(|check| (key(check), check.endpoint.request_interval)), Instant::now());
        self.checks = probed.into_iter().map(|check| (key(&check), check)).collect();
        if let Some((waiting, _)) = &mut self.first {
            waiting.retain(|key| self.checks.contains_key(key));
        }
    }

    /// Starts some of what is due, as far as the bounds allow.
    fn start_due(&mut self) {
        let now = Instant::now();
        for _ in 0..START_AT_ONCE {
            let Some(Start { key, late }) = self.schedule.start(now, &mut self.chance) else { return };
            let Some(check) = self.checks.get(&key).cloned() else {
                self.schedule.finish(key, now);
                continue;
            };
            if late > check.endpoint.request_interval {
                self.complain_of_lateness(now, late);
            }
            let (means, probed) = (Arc::clone(&self.means), check.clone());
            let task = async move { probe::probe(&means, &probed.name, &probed.endpoint).await };
            self.tasks.insert(self.probes.spawn(task).id(), check);
        }
    }

    /// Takes a probe that has ended, and all others that have.
    fn finish_all(&mut self, first: Result<(Id, Outcome), JoinError>) {
        self.finish(first);
        while let Some(ended) = self.probes.try_join_next_with_id() {
            self.finish(ended);
        }
    }

    fn finish(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Outcome::Failed(Reason::Internal)),
        };
        let Some(check) = self.tasks.remove(&id) else { return };
        let now = Instant::now();
        if let Outcome::Void(why) = &outcome {
            self.complain_of_want(now, why);
        } else if let Some((waiting, _)) = &mut self.first {
            waiting.remove(&key(&check));
        }
        log(&self.table.observe(&check.entry, outcome, SystemTime::now()));
        self.schedule.finish(key(&check), now);
    }

    fn tell_first_round(&mut self) {
        if let Some((_, tell)) = self.first.take_if(|(waiting, _)| waiting.is_empty()) {
            let _ = tell.try_send(());
        }
    }

    fn complain_of_lateness(&mut self, now: Instant, late: Duration) {
        if may_complain(&mut self.complained[0], now) {
            let (late, under_way) = (late.as_secs_f64(), self.schedule.under_way());
            logging::event!(
                Category::Health,
                Severity::Warning,
                "probes start {late:.1} s late: {under_way} are under way; this host cannot make more"
            );
        }
    }

    fn complain_of_want(&mut self, now: Instant, why: &str) {
        if may_complain(&mut self.complained[1], now) {
            logging::event!(
                Category::Health,
                Severity::Error,
                "checks keep their state, this host cannot probe: {why}"
            );
        }
    }
}

/// Waits until then; for ever if there is nothing to wait for. Where it is past already, once for everybody else.
async fn reach(due: Option<Instant>) {
    match due {
        None => std::future::pending().await,
        Some(due) if due <= Instant::now() => yield_now().await,
        Some(due) => sleep_until(due.into()).await,
    }
}

/// Without it probes cost others a little more; no reason not to probe.
fn yield_to_others() {
    let _ = priority::yield_to_others(NICE_STEPS);
}

fn may_complain(last: &mut Option<Instant>, now: Instant) -> bool {
    let may = last.is_none_or(|last| now.duration_since(last) >= COMPLAINT_PAUSE);
    if may {
        *last = Some(now);
    }
    may
}
