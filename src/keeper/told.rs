//! What the log is told of zones that take updates, in named's words where named has some.
//!
//! Not here: who may not even try (`answer`), master files (`daemon`).

use crate::answer::update::{Outcome, Request};
use crate::logging::{self, Category, Severity};
use crate::wire::Name;
use crate::wire::header::{rcode, rtype};
use crate::wire::mnemonic::type_name;
use crate::wire::present;
use crate::zone::journal::Entry;
use crate::zone::{Record, update, with_serial};

/// Records of one update that are logged one by one.
const MAX_LOGGED: usize = 50;

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

/// Collects what is to be said about a zone.
pub(super) struct Teller {
    pub(super) label: String,
    pub(super) told: Vec<Told>,
}

impl Teller {
    pub(super) fn tell(&mut self, how: fn(String) -> Told, text: String) {
        self.told.push(how(format!("zone {}: {text}", self.label)));
    }
}

/// named's line about an update that was not made, and what its client gets.
pub(super) fn refused(apex: &Name, request: &Request, refusal: &update::Refusal) -> Outcome {
    let client = request.shown_client();
    let what = match refusal.rcode {
        rcode::NXDOMAIN | rcode::YXDOMAIN | rcode::YXRRSET | rcode::NXRRSET => {
            "update unsuccessful: prerequisite not satisfied"
        }
        rcode::REFUSED => "update failed: rejected by secure update",
        _ => "update failed",
    };
    logging::event!(Category::Update, Severity::Info, "{client}: updating zone '{apex}/IN': {what}: {refusal}");
    Outcome { rcode: refusal.rcode, why: refusal.why }
}

/// named's lines about an update that was made.
pub(super) fn log_entry(apex: &Name, request: &Request, entry: &Entry) {
    if !logging::enabled(Category::Update, Severity::Info) {
        return;
    }
    let client = request.shown_client();
    let removed = entry.delta.removed.iter().map(|record| (record, "deleting an RR at"));
    let added = entry.delta.added.iter().map(|record| (record, "adding an RR at"));
    // An SOA that differs by its serial alone is told with that.
    let says_more = |record: &Record| {
        let others = entry.delta.removed.iter().chain(&entry.delta.added).filter(|other| other.rtype == rtype::SOA);
        let but_serial = |record: &Record| (record.ttl, with_serial(&record.rdata, 0));
        record.rtype != rtype::SOA || others.clone().any(|other| but_serial(other) != but_serial(record))
    };
    let all: Vec<_> = removed.chain(added).filter(|(record, _)| says_more(record)).collect();
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
