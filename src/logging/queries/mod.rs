//! The query log: a line for each query, noted on a worker's way of queries and written by the writer's thread.
//!
//! A [`Book`] is a worker's own: a ring of [`BOOK_OCTETS`], made when its first line is noted. Noting is a copy into that
//! ring: no allocation, no lock, no system call, and one reading of the clock for the queries of a batch. Texts are made by
//! the writer, which looks for them a hundred times a second while lines come; only when it sleeps is it woken. What
//! does not fit is counted, and the writer says how much it was.
//! Not here: when a query is logged (`answer`), where its line goes (the channels of category queries).

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rtrb::{Producer, RingBuffer};

use super::logger::Shared;
use super::{Category, Severity, enabled};

mod books;
mod line;

pub(super) use books::{Books, Pages};
use line::Line;
pub use line::{Names, Query};

/// Octets of a worker's lines that wait for the writer: some 20,000 lines with names of usual length.
const BOOK_OCTETS: usize = 2 << 20;

/// The way to the writer of the program's logger, once there is one.
pub(super) static RING: OnceLock<Arc<Shared>> = OnceLock::new();

/// Whether queries are logged, for all workers.
#[derive(Debug, Default)]
pub struct Switch(AtomicBool);

impl Switch {
    /// Whether they are.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Turns it on or off as somebody wants it who is to find that in the log, in named's words.
    pub fn switch(&self, on: bool) {
        self.set(on);
        let state = if on { "on" } else { "off" };
        super::event!(Category::General, Severity::Info, "query logging is now {state}");
    }

    /// Turns it on or off, from the next batch of queries on.
    pub fn set(&self, on: bool) {
        self.0.store(on, Relaxed);
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    pen: RefCell<Option<Pen>>,
    /// When this batch's first query was noted, in nanoseconds since 1970; 0: none was.
    unix_ns: Cell<u64>,
    /// Lines that did not fit, since the last batch.
    lost: Cell<usize>,
}

#[derive(Debug)]
struct Pen {
    ring: Producer<u8>,
    /// A line's octets; kept from line to line for its room.
    octets: Vec<u8>,
}

impl Book {
    /// Nothing noted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Itself while queries are logged.
    #[inline]
    pub fn while_on(&self, switch: &Switch) -> Option<&Self> {
        switch.is_on().then_some(self)
    }

    /// Notes a query, if that is written anywhere.
    pub fn note(&self, query: Query, names: Names<'_>) {
        if enabled(Category::Queries, Severity::Info) {
            self.write(query, names);
        }
    }

    fn write(&self, query: Query, names: Names<'_>) {
        if self.unix_ns.get() == 0 {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.unix_ns.set((since.as_nanos() as u64).max(1));
        }
        let mut pen = self.pen.borrow_mut();
        let Some(Pen { ring, octets }) = pen.as_mut() else {
            *pen = RING.get().and_then(|shared| Pen::begin(shared));
            return match *pen {
                Some(_) => {
                    drop(pen);
                    self.write(query, names);
                }
                None => self.lost.set(self.lost.get() + 1),
            };
        };
        Line::new(self.unix_ns.get(), query, names).write(octets);
        if ring.push_entire_slice(octets).is_err() {
            self.lost.set(self.lost.get() + 1);
        }
    }

    /// A batch of queries has ended: has the writer look at its lines, if it does not do so by itself.
    #[inline]
    pub fn end_batch(&self) {
        if self.unix_ns.get() != 0 {
            self.call_writer();
        }
    }

    #[cold]
    fn call_writer(&self) {
        self.unix_ns.set(0);
        let lost = self.lost.take();
        let Some(shared) = RING.get() else { return };
        if lost > 0 {
            shared.count_unlogged(lost);
        }
        shared.wake();
    }
}

impl Pen {
    /// Opens a book; `None` while the writer has no room to hear of it.
    #[cold]
    fn begin(shared: &Shared) -> Option<Self> {
        let (ring, reads) = RingBuffer::new(BOOK_OCTETS);
        shared.open_book(Pages::new(reads)).then(|| Pen { ring, octets: Vec::with_capacity(2 + line::MAX_OCTETS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_is_off_costs_nothing_else() {
        let (book, switch) = (Book::new(), Switch::default());
        assert!(book.while_on(&switch).is_none());
        switch.set(true);
        assert!(book.while_on(&switch).is_some());
        // Nothing is installed in a unit test: there is nowhere to write.
        book.note(line::tests::query(), Names { qname: b"\0", key: None, view: None });
        assert!(book.pen.borrow().is_none() && book.lost.get() == 0);
    }

    #[test]
    fn a_full_book_takes_no_more_and_counts() {
        let (ring, mut reads) = RingBuffer::new(1000);
        let book = Book::new();
        *book.pen.borrow_mut() = Some(Pen { ring, octets: Vec::with_capacity(2 + line::MAX_OCTETS) });
        let names = Names { qname: b"\x03foo\0", key: None, view: None };
        for _ in 0..50 {
            book.write(line::tests::query(), names);
        }
        let kept = reads.slots() / 67;
        assert_eq!((kept, book.lost.get()), (14, 50 - kept), "whole lines alone");
        let mut first = vec![0; 67];
        reads.pop_entire_slice(&mut first).unwrap();
        book.write(line::tests::query(), names);
        assert_eq!((reads.slots() / 67, book.lost.get()), (14, 36), "there is room again");
    }
}
