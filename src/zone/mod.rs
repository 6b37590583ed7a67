//! Local zones: what this server is the authority for.
//!
//! A zone is read from a master file, a configuration or a journal, changed by updates, and asked by every worker. Its
//! RRsets are kept as [`crate::wire::Segment`]s, encoded once, so that an answer costs no more than a cached one.
//! Not here: files, journals and the thread that writes them, what a query gets (`answer`), whether a server is well
//! (`health`).

use crate::config::Position;
use crate::wire::Name;

/// A record as it is read from a master file, a configuration or an update. Its class is IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its owner.
    pub owner: Name,
    /// Its type.
    pub rtype: u16,
    /// Seconds, below 2^31 (RFC 2181 §8).
    pub ttl: u32,
    /// Its data as they travel; names in them are whole and in the case they were written in.
    pub rdata: Box<[u8]>,
    /// Where it is written; `None` for one that came by an update.
    pub position: Option<Position>,
}
