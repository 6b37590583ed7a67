//! The packet in place: header, names, questions, EDNS, responses.
//!
//! Nothing here does I/O or knows a clock. Lengths, counts and pointers come from the network and are believed only
//! after they were compared with the octets that are there; the walks are bounded by the message's own length.
//! The walk of a query: [`query`] reads it, [`ask`] passes it on, [`response`] makes a [`segment`] of what comes back,
//! [`reply`] answers. An [`update`] is read as a query is, and what it adds to a zone is kept [`whole`].

pub mod ask;
pub mod compress;
pub mod edns;
mod fuzz;
pub mod header;
pub mod mnemonic;
pub mod name;
pub mod present;
pub mod query;
pub mod rdata;
pub mod reply;
pub mod response;
pub mod segment;
pub mod unpack;
pub mod update;
pub mod walk;
pub mod whole;

use std::fmt;

pub use fuzz::{fuzz_query, fuzz_response};
pub use name::Name;
pub use query::{Fault, Query};
pub use segment::{Meta, Segment};
pub use update::Update;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection, each message behind its length in two octets.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}
