//! Getting questions answered by the forwarders of their rule: a machine without I/O.
//!
//! `(packet, now)` → messages to send and when to look again. [`machine`] is driven by `listen`, and by tests in virtual
//! time. [`server`] remembers how each upstream answers, [`lanes`] which sockets and IDs are used, [`in_flight`] which
//! questions are being asked on any core, [`wheel`] when to look again.
//!
//! How long is waited: the first retransmission goes out after the server's usual time and four deviations
//! (200–800 ms; 400 ms for an unknown one) to the next server, or to the same one if there is no other; each round
//! doubles this, up to 1.6 s. Every answer to any of them counts, until the asker's deadline.
//! The place for hedging is [`server::choose`] and [`flight::patience`].

pub mod budget;
pub mod flight;
pub mod in_flight;
pub mod lanes;
pub mod latency;
pub mod machine;
pub mod server;
pub mod wheel;

pub use budget::HedgeBudget;
pub use flight::{Route, Until, Waiter};
pub use in_flight::{FlightId, InFlight};
pub use lanes::{Path, Transport};
pub use machine::{Ask, Asking, Command, Common, Finished, Machine, Output};
pub use server::Server;
