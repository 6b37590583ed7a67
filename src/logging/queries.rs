//! The query log: a line for each query, taken on a worker's way of queries and written by the writer's thread.
//!
//! A [`Book`] is a worker's own: while the [`Switch`] is on, what a line says is copied there, and what a batch of queries
//! left is handed over as one entry of the ring. Texts are made by the writer. A worker has at most [`MAX_ENTRIES`] and
//! [`MAX_LINES`] on their way; what is more is counted, and the writer says how much it was.
//! Not here: when a query is logged (`answer`), where its line goes (the channels of category queries).

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::event::Record;
use super::logger::Shared;
use super::{Category, Severity, enabled};
use crate::wire::mnemonic::{class_name, type_name};
use crate::wire::name::Shown;

/// Batches of a worker that wait for the writer; the ring has room for those of 32 workers.
const MAX_ENTRIES: usize = 256;
/// Lines of a worker that wait for the writer.
const MAX_LINES: usize = 16 * 1024;

/// The ring of the program's logger, once there is one.
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

/// What a line says beside names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// A number that lines of one query share, as named shows where its client is in memory.
    pub at: usize,
    /// Who asks.
    pub client: (IpAddr, u16),
    /// Which address was asked.
    pub destination: IpAddr,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// RD: `+`, else `-`.
    pub recursion_desired: bool,
    /// The version of EDNS: `E(0)`.
    pub edns: Option<u8>,
    /// By TCP: `T`.
    pub tcp: bool,
    /// DO: `D`.
    pub dnssec_ok: bool,
    /// CD: `C`.
    pub checking_disabled: bool,
    /// A cookie, and whether it is one of ours: `V`, else `K`.
    pub cookie: Option<bool>,
}

/// Names that go with a [`Query`].
#[derive(Clone, Copy, Debug)]
pub struct Names<'n> {
    /// QNAME in the client's case, in wire form.
    pub qname: &'n [u8],
    /// The key that it is signed with, in wire form: `S`.
    pub key: Option<&'n [u8]>,
    /// The view, where there are several.
    pub view: Option<&'n str>,
}

/// A query and where its names end in [`Batch::names`], one behind the other.
#[derive(Clone, Copy, Debug)]
struct Line {
    query: Query,
    qname_octets: u16,
    /// 0: none.
    key_octets: u16,
    /// 0: none.
    view_octets: u16,
}

/// Lines on their way to the writer.
#[derive(Debug, Default)]
pub(super) struct Batch {
    lines: Vec<Line>,
    names: Vec<u8>,
    time: Option<SystemTime>,
    waiting: Option<Arc<Waiting>>,
}

/// What of a worker waits for the writer.
#[derive(Debug, Default)]
struct Waiting {
    entries: AtomicUsize,
    lines: AtomicUsize,
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            waiting.entries.fetch_sub(1, Relaxed);
            waiting.lines.fetch_sub(self.lines.len(), Relaxed);
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    batch: RefCell<Batch>,
    waiting: Arc<Waiting>,
    is_empty: Cell<bool>,
}

impl Book {
    /// Nothing noted.
    pub fn new() -> Self {
        Self { is_empty: Cell::new(true), ..Self::default() }
    }

    /// Itself while queries are logged, and somewhere.
    #[inline]
    pub fn while_on(&self, switch: &Switch) -> Option<&Self> {
        (switch.is_on() && enabled(Category::Queries, Severity::Info)).then_some(self)
    }

    /// Notes a query.
    pub fn note(&self, query: Query, names: Names<'_>) {
        let batch = &mut *self.batch.borrow_mut();
        let Names { qname, key, view } = names;
        let key = key.unwrap_or_default();
        // No view's name is that long.
        let view = view.map(str::as_bytes).filter(|view| view.len() <= usize::from(u16::MAX)).unwrap_or_default();
        batch.names.extend_from_slice(qname);
        batch.names.extend_from_slice(key);
        batch.names.extend_from_slice(view);
        let (qname_octets, key_octets) = (qname.len() as u16, key.len() as u16);
        batch.lines.push(Line { query, qname_octets, key_octets, view_octets: view.len() as u16 });
        self.is_empty.set(false);
    }

    /// Hands over what was noted since the last time.
    #[inline]
    pub fn hand_over(&self) {
        if !self.is_empty.get() {
            self.send();
        }
    }

    #[cold]
    fn send(&self) {
        self.is_empty.set(true);
        let mut batch = std::mem::take(&mut *self.batch.borrow_mut());
        let Some(ring) = RING.get() else { return };
        let count = batch.lines.len();
        let waits = |waiting: &AtomicUsize| waiting.load(Relaxed);
        if waits(&self.waiting.entries) >= MAX_ENTRIES || waits(&self.waiting.lines) + count > MAX_LINES {
            return ring.count_unlogged(count);
        }
        self.waiting.entries.fetch_add(1, Relaxed);
        self.waiting.lines.fetch_add(count, Relaxed);
        batch.waiting = Some(Arc::clone(&self.waiting));
        batch.time = Some(SystemTime::now());
        ring.queue_queries(Box::new(batch), count);
    }
}

impl Batch {
    /// Hands the record of each line to `write`.
    pub(super) fn write(&self, mut write: impl FnMut(&Record)) {
        let time = self.time.unwrap_or(SystemTime::UNIX_EPOCH);
        let mut record =
            Record { time, category: Category::Queries, severity: Severity::Info, text: String::with_capacity(256) };
        let mut names = &self.names[..];
        for line in &self.lines {
            let [qname, key, view] = [line.qname_octets, line.key_octets, line.view_octets].map(|octets| {
                let (name, rest) = names.split_at_checked(octets.into()).unwrap_or((names, &[]));
                names = rest;
                name
            });
            record.text.clear();
            // A string takes everything.
            let _ = write_line(&mut record.text, &line.query, qname, key, view);
            write(&record);
        }
    }
}

/// named's line.
fn write_line(out: &mut String, query: &Query, qname: &[u8], key: &[u8], view: &[u8]) -> std::fmt::Result {
    let ((address, port), at) = (query.client, query.at);
    let name = Shown(qname);
    write!(out, "client @{at:#x} {address}#{port}")?;
    if !key.is_empty() {
        write!(out, "/key {}", Shown(key))?;
    }
    write!(out, " ({name}): ")?;
    if !view.is_empty() {
        write!(out, "view {}: ", String::from_utf8_lossy(view))?;
    }
    let (qclass, qtype) = (class_name(query.qclass), type_name(query.qtype));
    write!(out, "query: {name} {qclass} {qtype} {}", if query.recursion_desired { '+' } else { '-' })?;
    if !key.is_empty() {
        out.push('S');
    }
    if let Some(version) = query.edns {
        write!(out, "E({version})")?;
    }
    let marks = [
        (query.tcp, 'T'),
        (query.dnssec_ok, 'D'),
        (query.checking_disabled, 'C'),
        (query.cookie == Some(true), 'V'),
        (query.cookie == Some(false), 'K'),
    ];
    out.extend(marks.iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| *mark));
    write!(out, " ({})", query.destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        Query {
            at: 0x7f00,
            client: ([127, 0, 0, 1].into(), 42_631),
            destination: [127, 0, 0, 2].into(),
            qtype: 1,
            qclass: 1,
            recursion_desired: true,
            edns: None,
            tcp: false,
            dnssec_ok: false,
            checking_disabled: false,
            cookie: None,
        }
    }

    fn lines(book: &Book) -> Vec<String> {
        let mut lines = Vec::new();
        book.batch.borrow().write(|record| lines.push(record.text.clone()));
        lines
    }

    #[test]
    fn lines_are_named_s() {
        let book = Book::new();
        let names = Names { qname: b"\x03foo\x07Example\x03com\0", key: None, view: None };
        book.note(query(), names);
        let all = Query {
            recursion_desired: false,
            edns: Some(0),
            tcp: true,
            dnssec_ok: true,
            checking_disabled: true,
            cookie: Some(true),
            qtype: 65_280,
            ..query()
        };
        book.note(all, Names { qname: b"\0", key: Some(b"\x01k\0"), view: Some("internal") });
        book.note(Query { cookie: Some(false), edns: Some(0), ..query() }, names);
        assert_eq!(
            lines(&book),
            [
                "client @0x7f00 127.0.0.1#42631 (foo.Example.com): query: foo.Example.com IN A + (127.0.0.2)",
                "client @0x7f00 127.0.0.1#42631/key k (.): view internal: query: . IN TYPE65280 -SE(0)TDCV (127.0.0.2)",
                "client @0x7f00 127.0.0.1#42631 (foo.Example.com): query: foo.Example.com IN A +E(0)K (127.0.0.2)",
            ]
        );
    }

    #[test]
    fn a_switch_that_is_off_costs_nothing_else() {
        let (book, switch) = (Book::new(), Switch::default());
        assert!(book.while_on(&switch).is_none());
        switch.set(true);
        assert!(switch.is_on());
        // Nothing is installed in a unit test: there is nowhere to write.
        assert!(book.while_on(&switch).is_none());
    }
}
