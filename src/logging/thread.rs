//! The writer thread: what comes through the ring and stands in the workers' books, brought to the channels.
//!
//! It sleeps until something comes. While queries are logged it looks for their lines by itself, so that no worker has to
//! wake it; once there have been none for [`LINGER`] it says that it sleeps, and the next batch wakes it.
//!
//! Not here: what a channel is and how one fails (`writer`); who logs and who orders ([`logger`](super::logger)).

use std::sync::atomic::{Ordering, fence};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::event::Record;
use super::file::Now;
use super::logger::{Entry, Shared};
use super::outage::RETRY;
use super::queries::Books;
use super::writer::Writer;
use super::{Category, Severity};

/// Messages written between two looks at what was dropped and what is to be retried.
const BURST: usize = 1024;
/// How often it is said that messages were dropped.
const DROPS_INTERVAL: Duration = Duration::from_secs(1);
/// How often the writer looks for lines of queries while there are some.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How long it goes on to look when there are none; then it sleeps until it is woken.
const LINGER: Duration = Duration::from_secs(1);

/// Writes until it is told to stop.
pub(super) fn write_entries(ring: &Receiver<Entry>, shared: &Shared, writer: Writer) {
    let mut desk = WriterDesk { shared, writer, books: Books::new(), lines_seen: None };
    let mut drops_due = Instant::now();
    loop {
        let first = match desk.wait(ring) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let tick = Instant::now();
        for entry in first.into_iter().chain(ring.try_iter().take(BURST)) {
            if let Some(done) = desk.carry_out(entry, tick) {
                let _ = done.send(());
                return;
            }
        }
        desk.write_lines(None, tick);
        if tick >= drops_due {
            drops_due = tick + DROPS_INTERVAL;
            report_drops(shared, &mut desk.writer, tick);
        }
        settle(&mut desk.writer, tick);
    }
}

/// What the writer thread works on.
struct WriterDesk<'s> {
    shared: &'s Shared,
    writer: Writer,
    books: Books,
    /// When there were lines of queries the last time.
    lines_seen: Option<Instant>,
}

impl WriterDesk<'_> {
    /// Waits for the next entry, or until there is something else to do.
    fn wait(&mut self, ring: &Receiver<Entry>) -> Result<Entry, RecvTimeoutError> {
        if self.lines_seen.is_some_and(|seen| seen.elapsed() < LINGER) {
            return ring.recv_timeout(LOOK_INTERVAL);
        }
        self.shared.asleep.store(true, Ordering::Relaxed);
        // Either a worker sees that, or its lines are seen here.
        fence(Ordering::SeqCst);
        let entry = if !self.books.are_empty() {
            Err(RecvTimeoutError::Timeout)
        } else if self.writer.ails() || self.shared.has_dropped() {
            // While there is something to try or to say, the thread wakes though nobody logs.
            ring.recv_timeout(RETRY)
        } else {
            ring.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        self.shared.asleep.store(false, Ordering::Relaxed);
        entry
    }

    /// Writes the lines of queries that are there: all, or those up to `until_ns` (nanoseconds since 1970).
    fn write_lines(&mut self, until_ns: Option<u64>, tick: Instant) {
        if self.books.read(until_ns, |record| self.writer.write(record, tick)) > 0 {
            self.lines_seen = Some(tick);
        }
    }

    /// Says, for the order to stop, whom to tell.
    fn carry_out(&mut self, entry: Entry, tick: Instant) -> Option<SyncSender<()>> {
        // For each, since it may have been raised for this one.
        self.writer.set_debug_level(self.shared.debug_level.load(Ordering::Relaxed));
        // An order's giver may have lost patience: nobody hears the answer then.
        match entry {
            Entry::Record(record) => {
                // The line of a query stands before what is said of it.
                self.write_lines(Some(unix_ns(record.time)), tick);
                self.writer.write(&record, tick);
            }
            Entry::Book(pages) => self.books.add(pages),
            Entry::Wake => {}
            Entry::Configure { plan, directory, done } => {
                self.write_lines(None, tick);
                let _ = done.send(self.writer.configure(*plan, &directory, Now { wall: SystemTime::now(), tick }));
            }
            Entry::Flush { done } => {
                self.write_all(tick);
                let _ = done.send(());
            }
            Entry::Stop { done } => {
                self.write_all(tick);
                return Some(done);
            }
        }
        None
    }

    fn write_all(&mut self, tick: Instant) {
        self.write_lines(None, tick);
        report_drops(self.shared, &mut self.writer, tick);
        settle(&mut self.writer, tick);
    }
}

fn unix_ns(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// Says how many messages did not fit into the ring since the last time.
fn report_drops(shared: &Shared, writer: &mut Writer, tick: Instant) {
    let mut say = |text: String| {
        let time = SystemTime::now();
        writer.write(&Record { time, category: Category::General, severity: Severity::Warning, text }, tick);
    };
    match shared.dropped.swap(0, Ordering::Relaxed) {
        0 => {}
        1 => say("1 message was dropped".to_owned()),
        dropped => say(format!("{dropped} messages were dropped")),
    }
    match shared.unlogged.swap(0, Ordering::Relaxed) {
        0 => {}
        1 => say("1 query was answered but not logged".to_owned()),
        unlogged => say(format!("{unlogged} queries were answered but not logged")),
    }
}

/// Tries what is out and writes what was gathered.
fn settle(writer: &mut Writer, tick: Instant) {
    let now = Now { wall: SystemTime::now(), tick };
    writer.retry(now);
    writer.flush(now);
}
