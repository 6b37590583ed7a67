//! Reading the workers' books: the writer's side of the query log.
//!
//! Lines come out in the order of their times, whichever worker noted them. What is read is bounded by what was there
//! when reading began, so that workers that note faster than a disk takes lines do not keep the writer from its other
//! work. Not here: who writes into the rings ([`Book`](super::Book)).

use std::time::{Duration, UNIX_EPOCH};

use rtrb::Consumer;

use super::super::event::Record;
use super::super::{Category, Severity};
use super::line::{Line, MAX_OCTETS};

/// The reading end of a worker's book.
#[derive(Debug)]
pub(in crate::logging) struct Pages {
    ring: Consumer<u8>,
    /// The next line, out of the ring; empty: none was looked for.
    next: Vec<u8>,
    /// When that was noted, in nanoseconds since 1970.
    unix_ns: u64,
    /// Octets of the ring that may still be read in this round.
    budget: usize,
}

impl Pages {
    pub(super) fn new(ring: Consumer<u8>) -> Self {
        Pages { ring, next: Vec::with_capacity(MAX_OCTETS), unix_ns: 0, budget: 0 }
    }

    /// When the next line was noted that may be read in this round.
    fn peek(&mut self) -> Option<u64> {
        if self.next.is_empty() {
            let mut length = [0; 2];
            if self.budget < length.len() || self.ring.pop_entire_slice(&mut length).is_err() {
                return None;
            }
            let octets = usize::from(u16::from_le_bytes(length));
            self.budget = self.budget.saturating_sub(length.len() + octets);
            self.next.resize(octets, 0);
            // A line is put into the ring whole.
            self.ring.pop_entire_slice(&mut self.next).ok()?;
            self.unix_ns = Line::read(&self.next)?.unix_ns;
        }
        Some(self.unix_ns)
    }

    fn is_empty(&self) -> bool {
        self.next.is_empty() && self.ring.is_empty()
    }
}

/// All workers' books.
#[derive(Debug)]
pub(in crate::logging) struct Books {
    all: Vec<Pages>,
    /// Kept from line to line for its room.
    record: Record,
}

impl Books {
    /// None.
    pub(in crate::logging) fn new() -> Self {
        let (time, text) = (UNIX_EPOCH, String::with_capacity(256));
        Books { all: Vec::new(), record: Record { time, category: Category::Queries, severity: Severity::Info, text } }
    }

    /// A worker has begun its book; those whose worker has ended are closed.
    pub(in crate::logging) fn add(&mut self, pages: Pages) {
        self.all.retain(|pages| !pages.is_empty() || !pages.ring.is_abandoned());
        self.all.push(pages);
    }

    /// Whether no line waits.
    pub(in crate::logging) fn are_empty(&self) -> bool {
        self.all.iter().all(Pages::is_empty)
    }

    /// Hands over the lines that are there by now, in the order of their times: all, or those up to `until_ns`
    /// (nanoseconds since 1970). Says how many they were.
    pub(in crate::logging) fn read(&mut self, until_ns: Option<u64>, mut write: impl FnMut(&Record)) -> usize {
        for pages in &mut self.all {
            pages.budget = pages.ring.slots();
        }
        let mut count = 0;
        loop {
            let due = self.all.iter_mut().filter_map(|pages| Some((pages.peek()?, pages)));
            let due = due.filter(|(unix_ns, _)| until_ns.is_none_or(|until| *unix_ns <= until));
            let Some((unix_ns, pages)) = due.min_by_key(|(unix_ns, _)| *unix_ns) else { return count };
            self.record.time = UNIX_EPOCH + Duration::from_nanos(unix_ns);
            self.record.text.clear();
            if let Some(line) = Line::read(&pages.next) {
                // A string takes everything.
                let _ = line.say(&mut self.record.text);
                write(&self.record);
            }
            pages.next.clear();
            count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use rtrb::{Producer, RingBuffer};

    use super::super::Names;
    use super::super::line::tests::query;
    use super::*;

    fn note(ring: &mut Producer<u8>, unix_ns: u64, label: &str) {
        let qname = [&[label.len() as u8], label.as_bytes(), &[0]].concat();
        let mut octets = Vec::new();
        Line::new(unix_ns, query(), Names { qname: &qname, key: None, view: None }).write(&mut octets);
        ring.push_entire_slice(&octets).unwrap();
    }

    fn read(books: &mut Books, until_ns: Option<u64>) -> String {
        let mut labels = Vec::new();
        let count = books.read(until_ns, |record| {
            labels.push(record.text.split(['(', ')']).nth(1).unwrap().to_owned());
        });
        assert_eq!(count, labels.len());
        labels.join(" ")
    }

    #[test]
    fn lines_of_several_workers_come_in_the_order_of_their_times() {
        let ((mut one, reads_one), (mut two, reads_two)) = (RingBuffer::new(4096), RingBuffer::new(4096));
        let mut books = Books::new();
        books.add(Pages::new(reads_one));
        books.add(Pages::new(reads_two));
        assert_eq!(read(&mut books, None), "");
        for (unix_ns, label) in [(10, "a"), (30, "d"), (50, "e")] {
            note(&mut one, unix_ns, label);
        }
        for (unix_ns, label) in [(20, "b"), (25, "c"), (60, "f")] {
            note(&mut two, unix_ns, label);
        }
        assert!(!books.are_empty());
        assert_eq!(read(&mut books, Some(5)), "");
        assert_eq!(read(&mut books, Some(25)), "a b c");
        // The clock was set back: what is noted now stands behind what was.
        note(&mut one, 1, "g");
        assert_eq!(read(&mut books, None), "d e g f");
        assert!(books.are_empty());
    }

    #[test]
    fn a_book_whose_worker_has_ended_is_read_to_its_end_and_closed() {
        let mut books = Books::new();
        let (mut ring, reads) = RingBuffer::new(4096);
        books.add(Pages::new(reads));
        note(&mut ring, 1, "last");
        drop(ring);
        books.add(Pages::new(RingBuffer::new(1).1));
        assert_eq!(read(&mut books, None), "last");
        books.add(Pages::new(RingBuffer::new(1).1));
        assert_eq!(books.all.len(), 1);
    }
}
