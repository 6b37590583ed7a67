//! The control channel: what operators ask the running server, and tell it, by TCP as rndc does or by a Unix socket.
//!
//! A thread of its own takes clients, the commands of [`commands`]' table run on threads beside it; no worker waits for
//! them. What they know of the process beyond their layers, and how they have it changed, is [`crate::office`]. One protocol for both ways: [`message`] is its form, [`auth`]
//! who may, [`session`] the order of things, [`server`] the sockets, [`client`] the other side.
//! Bounds: [`server::MAX_CLIENTS`] of a socket at once, of which those that have not shown a key make room, then those
//! that are silent ([`crate::doors`]);
//! [`message::MAX_REQUEST_OCTETS`] of a request, whole within [`server::REQUEST_TIME`]; its reply taken within
//! [`server::REPLY_TIME`].
//! Every command leaves a line in the log: who, what, what came of it.
//! Not here: what operators type (`cli`), how a reload is made (`daemon`).

pub mod auth;
mod caches;
pub mod channels;
pub mod client;
pub mod commands;
mod dump;
mod health;
mod logs;
pub mod message;
mod recursing;
mod running;
pub mod server;
pub mod session;
mod socket;
mod statistics;
mod status;
mod words;
mod zones;

pub use server::{Channel, Server};
pub use socket::{Socket, Untaken};
