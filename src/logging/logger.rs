//! The logger's handle: the ring towards the writer thread, and the orders that follow the same way.
//!
//! Messages and orders share one bounded queue, so that a flush means "what was logged before", and a reload loses
//! nothing: messages wait while files are closed and opened. Callers who log never wait; callers who order wait a
//! bounded time, for a writer that hangs on a dead file system must not hang a reload or the program's end.
//!
//! A thread does not survive a fork: start the logger behind the last one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use std::{error, fmt};

use super::event::Record;
use super::gate::{Gate, PROGRAM, Ranks};
use super::plan::Plan;
use super::queries::Pages;
use super::thread::write_entries;
use super::writer::{Outlets, Writer};
use super::{Category, Config, Severity, Subscriber};

/// Messages that may wait for the writer.
const RING: usize = 8192;
/// How long an order waits for the writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes the program's messages until it is dropped.
#[derive(Debug)]
pub struct Logger {
    shared: Arc<Shared>,
    /// The running configuration; held while it is changed.
    plan: Mutex<Plan>,
    foreground: bool,
    writer: Option<thread::JoinHandle<()>>,
}

/// What the threads that log share with the writer.
#[derive(Debug)]
pub(super) struct Shared {
    gate: Gate,
    /// Its gate is the program's too.
    installed: AtomicBool,
    /// `0..=99`
    pub(super) debug_level: AtomicU8,
    ring: SyncSender<Entry>,
    /// Since they were last reported.
    pub(super) dropped: AtomicU64,
    /// Since the start.
    dropped_ever: AtomicU64,
    /// Lines of the query log, since they were last reported.
    pub(super) unlogged: AtomicU64,
    /// The writer does not look for lines of queries by itself: who has some wakes it.
    pub(super) asleep: AtomicBool,
}

/// What goes through the ring. Orders are answered when they have been carried out.
#[derive(Debug)]
pub(super) enum Entry {
    Record(Record),
    /// A worker has begun to note queries.
    Book(Pages),
    /// There are lines of queries.
    Wake,
    Configure {
        plan: Box<Plan>,
        directory: PathBuf,
        done: SyncSender<Vec<String>>,
    },
    Flush {
        done: SyncSender<()>,
    },
    Stop {
        done: SyncSender<()>,
    },
}

/// Another subscriber receives the program's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyInstalled;

impl fmt::Display for AlreadyInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events already go to another logger: install one, once")
    }
}

impl error::Error for AlreadyInstalled {}

impl Logger {
    /// Starts the writer thread and opens the channels; relative paths are `directory`'s.
    ///
    /// `foreground`: messages whose category names no channel go to stderr instead of syslog, as with named's `-g`
    /// (which moreover ignores the `logging` statement: then give an empty one). The warnings, whatever could not be
    /// opened among them, have been logged too.
    pub fn start(config: &Config, directory: &Path, foreground: bool) -> (Self, Vec<String>) {
        Self::start_with(config, directory, foreground, Outlets::of_process())
    }

    fn start_with(config: &Config, directory: &Path, foreground: bool, outlets: Outlets) -> (Self, Vec<String>) {
        let (shared, ring) = Shared::new(RING);
        let run = {
            let shared = Arc::clone(&shared);
            move || write_entries(&ring, &shared, Writer::new(outlets))
        };
        let writer = thread::Builder::new().name("log-writer".to_owned()).spawn(run);
        let plan = Mutex::new(Plan { channels: Vec::new(), routes: Vec::new(), warnings: Vec::new() });
        match writer {
            Ok(writer) => {
                let logger = Logger { shared, plan, foreground, writer: Some(writer) };
                let warnings = logger.reconfigure(config, directory);
                (logger, warnings)
            }
            Err(error) => {
                let warning = format!("no message will be written: the writer thread cannot be started: {error}");
                (Logger { shared, plan, foreground, writer: None }, vec![warning])
            }
        }
    }

    /// Makes this logger the one that all events of the program go to. Once in a program's life.
    pub fn install(&self) -> Result<(), AlreadyInstalled> {
        tracing::subscriber::set_global_default(self.subscriber()).map_err(|_| AlreadyInstalled)?;
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.installed.store(true, Ordering::Relaxed);
        // Once, as the subscriber.
        let _ = super::queries::RING.set(Arc::clone(&self.shared));
        self.shared.set_gate(&plan.ranks(self.debug_level()));
        Ok(())
    }

    /// The way in for events, for a program that composes its own.
    pub fn subscriber(&self) -> Subscriber {
        Subscriber::new(Arc::clone(&self.shared))
    }

    /// Goes over to another configuration, without losing a message; files are closed and opened anew, as named does
    /// on reload. The warnings have been logged too.
    pub fn reconfigure(&self, config: &Config, directory: &Path) -> Vec<String> {
        let mut running = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = Plan::new(config, self.foreground);
        let mut warnings = plan.warnings.clone();
        for warning in &plan.warnings {
            self.log(Category::Config, Severity::Warning, warning.clone());
        }
        // What only the new configuration wants is let in before, what only the old one wanted is kept out behind.
        self.shared.widen_gate(&plan.ranks(self.debug_level()));
        let next = Box::new(plan.clone());
        let directory = directory.to_owned();
        match self.order(|done| Entry::Configure { plan: next, directory, done }) {
            Ok(failures) => warnings.extend(failures),
            Err(Busy) => warnings.push("the log writer hangs; its new configuration waits for it".to_owned()),
        }
        self.shared.set_gate(&plan.ranks(self.debug_level()));
        *running = plan;
        warnings
    }

    /// The level that `severity dynamic` follows; 0: no debugging.
    pub fn debug_level(&self) -> u8 {
        self.shared.debug_level.load(Ordering::Relaxed)
    }

    /// Sets it; 99 is the largest.
    pub fn set_debug_level(&self, level: u8) {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let level = level.min(99);
        self.shared.debug_level.store(level, Ordering::Relaxed);
        self.shared.set_gate(&plan.ranks(level));
    }

    /// How many messages did not fit into the ring since the start.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped_ever.load(Ordering::Relaxed)
    }

    /// Waits, a bounded time, until everything logged so far is written. Says whether it is.
    pub fn flush(&self) -> bool {
        self.order(|done| Entry::Flush { done }).is_ok()
    }

    /// Writes what was logged so far and stops; what comes later is discarded. Waits a bounded time.
    pub fn shutdown(self) {
        drop(self);
    }

    fn log(&self, category: Category, severity: Severity, text: String) {
        if self.shared.admits(category, severity) {
            self.shared.queue(Record { time: SystemTime::now(), category, severity, text });
        }
    }

    fn order<T>(&self, entry: impl FnOnce(SyncSender<T>) -> Entry) -> Result<T, Busy> {
        let deadline = Instant::now() + PATIENCE;
        let (done, answer) = sync_channel(1);
        let mut entry = entry(done);
        loop {
            match self.shared.ring.try_send(entry) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) if Instant::now() < deadline => entry = back,
                Err(_) => return Err(Busy),
            }
            thread::sleep(Duration::from_millis(1));
        }
        answer.recv_timeout(deadline.saturating_duration_since(Instant::now())).map_err(|_| Busy)
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        if self.order(|done| Entry::Stop { done }).is_ok() {
            // It answered as its last act; a panic of the writer has been shown by the panic hook.
            let _ = writer.join();
        }
    }
}

/// The writer did not carry out an order in time.
#[derive(Debug)]
struct Busy;

impl Shared {
    fn new(entries: usize) -> (Arc<Self>, Receiver<Entry>) {
        let (ring, receiver) = sync_channel(entries);
        let shared = Shared {
            gate: Gate::closed(),
            installed: AtomicBool::new(false),
            debug_level: AtomicU8::new(0),
            ring,
            dropped: AtomicU64::new(0),
            dropped_ever: AtomicU64::new(0),
            unlogged: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
        };
        (Arc::new(shared), receiver)
    }

    pub(super) fn admits(&self, category: Category, severity: Severity) -> bool {
        self.gate.admits(category, severity)
    }

    /// Hands a record over, or counts it.
    pub(super) fn queue(&self, record: Record) {
        if let Err(TrySendError::Full(_)) = self.ring.try_send(Entry::Record(record)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.dropped_ever.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has the writer read a worker's lines from now on; false: it has no room to hear of them.
    pub(super) fn open_book(&self, pages: Pages) -> bool {
        self.ring.try_send(Entry::Book(pages)).is_ok()
    }

    /// Has the writer look for lines of queries, which were noted before.
    pub(super) fn wake(&self) {
        // Either the writer sees the lines behind its own fence, or its sleep is seen here.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            // Where there is no room, the writer is awake.
            let _ = self.ring.try_send(Entry::Wake);
        }
    }

    /// Counts lines of the query log that are not written.
    pub(super) fn count_unlogged(&self, lines: usize) {
        self.unlogged.fetch_add(lines as u64, Ordering::Relaxed);
        self.dropped_ever.fetch_add(lines as u64, Ordering::Relaxed);
    }

    /// Whether there is something to be said about what was dropped.
    pub(super) fn has_dropped(&self) -> bool {
        self.dropped.load(Ordering::Relaxed) > 0 || self.unlogged.load(Ordering::Relaxed) > 0
    }

    fn set_gate(&self, ranks: &Ranks) {
        self.gate.set(ranks);
        if self.installed.load(Ordering::Relaxed) {
            PROGRAM.set(ranks);
        }
    }

    fn widen_gate(&self, ranks: &Ranks) {
        self.gate.widen(ranks);
        if self.installed.load(Ordering::Relaxed) {
            PROGRAM.widen(ranks);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::file::Now;
    use super::super::writer::tests::{Ears, config, file_channel};
    use super::super::{Channel, Destination, PrintTime, Threshold};
    use super::*;

    /// What `f` logs on this thread, info and graver.
    pub(in crate::logging) fn captured(f: impl FnOnce()) -> Vec<Record> {
        let (shared, ring) = Shared::new(RING);
        shared.set_gate(&[Severity::Info.rank(); Category::COUNT]);
        tracing::subscriber::with_default(Subscriber::new(Arc::clone(&shared)), f);
        let records = ring.try_iter().map(|entry| match entry {
            Entry::Record(record) => record,
            order => panic!("nobody gave an order: {order:?}"),
        });
        records.collect()
    }

    fn lines(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_does_not_fit_is_counted_and_said() {
        let directory = tempfile::tempdir().unwrap();
        let ears = Ears::new();
        let channels = [("f", file_channel("f.log", None, Severity::Info))];
        let plan = Plan::new(&config(&channels, &[(Category::Default, &["f"])]), false);
        let (shared, ring) = Shared::new(4);
        shared.set_gate(&plan.ranks(0));
        let mut writer = Writer::new(ears.outlets.clone());
        writer.configure(plan, directory.path(), Now { wall: SystemTime::now(), tick: Instant::now() });

        tracing::subscriber::with_default(Subscriber::new(Arc::clone(&shared)), || {
            for number in 0..10 {
                crate::event!(Category::Resolver, Severity::Info, "message {number}");
            }
        });
        assert_eq!(shared.dropped_ever.load(Ordering::Relaxed), 6);
        let worker = Arc::clone(&shared);
        let thread = thread::spawn(move || write_entries(&ring, &worker, writer));
        let (done, stopped) = sync_channel(1);
        let mut stop = Entry::Stop { done };
        while let Err(TrySendError::Full(back)) = shared.ring.try_send(stop) {
            stop = back;
            thread::yield_now();
        }
        stopped.recv().unwrap();
        thread.join().unwrap();

        let written = lines(&directory.path().join("f.log"));
        let numbers = (0..4).map(|number| format!("resolver: info: message {number}"));
        let expected: Vec<_> = numbers.chain(["general: warning: 6 messages were dropped".to_owned()]).collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn a_reload_under_load_loses_nothing() {
        const THREADS: usize = 4;
        const EACH: usize = 1500;
        let directory = tempfile::tempdir().unwrap();
        let ears = Ears::new();
        let configs = ["a.log", "b.log", "c.log"].map(|path| {
            let channels = [("f", file_channel(path, None, Severity::Info))];
            config(&channels, &[(Category::Default, &["f"])])
        });
        let (logger, warnings) = Logger::start_with(&configs[0], directory.path(), false, ears.outlets.clone());
        assert_eq!(warnings, Vec::<String>::new());
        // Even a writer that did nothing would have room for all.
        const { assert!(THREADS * EACH < RING) };
        thread::scope(|scope| {
            for worker in 0..THREADS {
                let subscriber = logger.subscriber();
                scope.spawn(move || {
                    tracing::subscriber::with_default(subscriber, || {
                        for number in 0..EACH {
                            crate::event!(Category::Client, Severity::Info, "{worker}/{number}");
                        }
                    });
                });
            }
            for reload in 1..=30 {
                assert_eq!(logger.reconfigure(&configs[reload % 3], directory.path()), Vec::<String>::new());
            }
        });
        assert_eq!(logger.dropped(), 0);
        logger.shutdown();

        let mut written: Vec<_> =
            ["a.log", "b.log", "c.log"].iter().flat_map(|name| lines(&directory.path().join(name))).collect();
        written.sort();
        let all =
            (0..THREADS).flat_map(|worker| (0..EACH).map(move |number| format!("client: info: {worker}/{number}")));
        let mut expected: Vec<_> = all.collect();
        expected.sort();
        assert_eq!(written, expected);
    }

    #[test]
    fn the_gate_follows_reload_and_debug_level() {
        let directory = tempfile::tempdir().unwrap();
        let mut ears = Ears::new();
        let dynamic = Channel {
            destination: Destination::Stderr,
            severity: Threshold::Dynamic,
            print_time: PrintTime::No,
            print_severity: true,
            print_category: false,
        };
        let grave = Channel { severity: Threshold::AtLeast(Severity::Error), ..dynamic.clone() };
        let config = |channel: &Channel| config(&[("c", channel.clone())], &[(Category::Default, &["c"])]);
        let (logger, _) = Logger::start_with(&config(&grave), directory.path(), true, ears.outlets.clone());
        let log = || {
            tracing::subscriber::with_default(logger.subscriber(), || {
                crate::event!(Category::Resolver, Severity::Info, "light");
                crate::event!(Category::Resolver, Severity::Debug(3), "deep");
            });
            assert!(logger.flush());
        };
        log();
        assert_eq!(ears.stderr(), Vec::<String>::new());
        logger.reconfigure(&config(&dynamic), directory.path());
        log();
        assert_eq!(ears.stderr(), ["info: light"]);
        logger.set_debug_level(3);
        log();
        assert_eq!(ears.stderr(), ["info: light", "debug 3: deep"]);
        logger.set_debug_level(0);
        log();
        assert_eq!(ears.stderr(), ["info: light"]);
    }

    #[test]
    fn a_writer_that_hangs_holds_nobody_for_long() {
        let (shared, ring) = Shared::new(1);
        let plan = Mutex::new(Plan::new(&Config::default(), true));
        let logger = Logger { shared, plan, foreground: true, writer: None };
        logger.shared.set_gate(&[Severity::Info.rank(); Category::COUNT]);
        let started = Instant::now();
        for _ in 0..1000 {
            logger.log(Category::General, Severity::Info, "nobody reads the ring".to_owned());
        }
        assert!(started.elapsed() < PATIENCE, "logging does not wait");
        assert_eq!(logger.dropped(), 999);
        assert!(!logger.flush(), "an order gives up");
        assert!(started.elapsed() < PATIENCE * 3);
        drop(ring);
    }
}
