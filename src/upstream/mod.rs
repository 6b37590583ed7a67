//! Getting questions answered by the forwarders of their rule: a machine without I/O.
//!
//! `(packet, now)` → messages to send and when to look again. [`machine`] is driven by `listen`, and by tests in virtual
//! time. [`server`] remembers how each upstream answers and whether it lives, [`latency`] how long its answers take,
//! [`budget`] how much may be asked twice, [`choice`] which server is next, [`pace`] how much it may be asked, [`lanes`]
//! which sockets and IDs are used, [`flight`] who waits for a question, [`in_flight`] which questions are being asked on
//! any core, [`spill`] what is too much at once, [`wheel`] when to look again; [`spares`] are vectors to be used again.
//! Not here: sockets (`listen`), what an answer means for a client (`answer`).
//!
//! What follows from the time that an answer takes, in the order in which it does:
//! - **Refused**: its host says by ICMP that nobody listens there ([`Machine::refused`]): it is *doubted* (see below), and
//!   all its questions go to the next server, if one lives.
//! - **Silent**: three questions to a server are owed and none was answered for three times its median
//!   ([`Server::silent_after`]): all its questions go to the next server, and new ones begin there.
//! - **Late**: the answer is later than 96 in 100 of that server's, and a quarter ([`Server::late_after`]; 100 ms for an
//!   unknown one, never below 12 ms or above 400 ms): the question goes to the next server too, within [`HedgeBudget`].
//!   If nothing at all came from the server since, or for 400 ms, it is *doubted* and probed: `. NS`, any RCODE is an
//!   answer. So is each server of a question that is 650 ms old, unless something came from it just now.
//! - **Lost**: twice the time of those 96 ([`Server::rto`]; 100–800 ms, 400 ms for an unknown one): it is sent again, to the
//!   next server or to the same; each round doubles this, up to 1.6 s, but for the second where its time is known. A
//!   server that answers after a silence is sent what was lost in it at once.
//! - **Dead**: a server that is doubted for a second and has left four probes without answer gets probes alone, at most
//!   400 ms apart. A question whose servers are all dead ends within 1.8 s ([`Until`]).
//!
//! Every answer to anything that was sent counts, until the asker's deadline. A server that answers is waited for: slow is
//! not dead. Two live servers are compared by smoothed time, in which bad and late answers weigh, or in
//! the order that the rule says ([`choice`]).

pub mod budget;
pub mod choice;
pub mod flight;
pub mod in_flight;
pub mod lanes;
pub mod latency;
pub mod machine;
pub mod pace;
pub mod server;
pub mod spares;
pub mod spill;
pub mod wheel;

pub use budget::HedgeBudget;
pub use flight::{Route, Stale, Until, Waiter};
pub use in_flight::{FlightId, InFlight};
pub use lanes::Path;
pub use machine::{Ask, Asking, Command, Common, Finished, Machine, Output};
pub use pace::Urgency;
pub use server::Server;
pub use spill::{ClientsPerQuery, UnderWay, ZoneFetches};
