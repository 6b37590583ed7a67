//! The control channel: what operators ask the running server, and tell it, by TCP as rndc does or by a Unix socket.
//!
//! A thread of its own takes clients, the commands of [`commands`]' table run on threads beside it; no worker waits for
//! them. What they know of the process beyond their layers is published by `daemon` as [`Facts`]; what is the daemon's to
//! do, such as a reload, they ask it for by an [`Order`]. One protocol for both ways: [`message`] is its form, [`auth`]
//! who may, [`session`] the order of things, [`server`] the sockets, [`client`] the other side.
//! Bounds: [`server::MAX_CLIENTS`] of a socket at once, of which those that have not shown a key make room;
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
mod orders;
pub mod overrides;
mod recursing;
pub mod reply;
mod running;
pub mod server;
pub mod session;
mod socket;
pub mod statistics;
mod status;
mod words;
mod zones;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::config::{CommandFiles, Identity};
use crate::listen::Shared;
use crate::logging::Logger;
pub use orders::{Order, Orders, Request, ServeStale};
pub use overrides::Overrides;
pub use server::{Listening, Server};
pub use socket::{Socket, Untaken};
pub use zones::Origin;

/// What commands look at and change.
pub struct Context {
    /// Health checks.
    pub overrides: Arc<Overrides>,
    /// Views, rules, zones, and what clients use.
    pub shared: Arc<Shared>,
    /// What the process is and does.
    pub facts: ArcSwap<Facts>,
    /// The log and its level.
    pub logger: Arc<Logger>,
    /// What `daemon` is asked for.
    pub orders: Orders,
    /// Held while a file of a command is written: one at a time.
    pub writing: Mutex<()>,
}

/// What `daemon` tells of the process; published anew whenever it changes.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When the process began.
    pub started: SystemTime,
    /// The configuration's file, its whole path.
    pub configuration: PathBuf,
    /// When what is in force of it was read.
    pub read: SystemTime,
    /// When a reload failed after that, and the first line of why.
    pub failed: Option<(SystemTime, String)>,
    /// The addresses that are listened on.
    pub listening: Vec<SocketAddr>,
    /// Those that should be and cannot.
    pub missing: Vec<SocketAddr>,
    /// `state_directory`, its whole path.
    pub state_directory: Option<PathBuf>,
    /// Files that commands write.
    pub files: CommandFiles,
    /// What clients are told of the version.
    pub version: Identity,
    /// The names of the configuration's keys, and the views that they belong to; `None`: every view knows it.
    pub keys: Vec<(String, Option<String>)>,
    /// The local zones in the configuration's order.
    pub zones: Vec<Origin>,
}
