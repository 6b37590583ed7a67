//! Statistics over HTTP: named's `statistics-channels`, JSON and XML at named's addresses.
//!
//! A thread of its own serves every channel; no worker waits for it. A connection carries one request after the other.
//! Bounds: [`MAX_CLIENTS`] of a channel at once, of which those that ask nothing make room ([`crate::doors`]), never who
//! still takes a page; a request's head has [`HEAD_TIME`] and [`MAX_HEAD_OCTETS`]; a body is not read; a connection has
//! [`VISIT_TIME`], and who then does not take its reply [`LAST_TIME`] more. Who is not in a channel's `allow` is closed at
//! once, also between requests.
//! Not here: what is told ([`crate::statistics`]).

mod pages;
mod reply;

use std::io;
use std::net::{IpAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::MatchList;
use crate::doors::{Door, Doors, Gate, Guest, Left, Open};
use crate::office::Office;
use reply::{Reply, Served};

/// Clients of a channel that are served at once.
pub const MAX_CLIENTS: usize = 16;
/// How long a client may take to say what it wants, at first and after each reply.
pub const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may ask for one page after the other.
pub const VISIT_TIME: Duration = Duration::from_secs(60);
/// How long it may take after that to be told the last one.
pub const LAST_TIME: Duration = Duration::from_secs(10);
/// Octets of a request's line and headers.
pub const MAX_HEAD_OCTETS: usize = 16 * 1024;

/// The thread of the channels; gone when dropped.
#[derive(Debug)]
pub struct Server {
    doors: Doors,
    office: Arc<Office>,
}

/// A channel that is served until this is dropped.
#[derive(Debug)]
pub struct Channel {
    gate: Arc<Gate>,
    _open: Open,
}

impl Channel {
    /// Follows a configuration: who may read from now on.
    pub fn follow(&self, allow: &MatchList) {
        self.gate.follow(allow);
    }
}

impl Server {
    /// A server without channels.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(office: Arc<Office>) -> io::Result<Self> {
        Ok(Self { doors: Doors::start("statistics", 1)?, office })
    }

    /// Serves a channel's clients: those whom `allow` lets in.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(&self, listener: TcpListener, allow: MatchList) -> io::Result<Channel> {
        let office = Arc::clone(&self.office);
        let gate = Arc::new(Gate::new(Arc::clone(&office.shared.desks.state), allow));
        let door = Door { listener, gate: Arc::clone(&gate), places: MAX_CLIENTS, brings: "statistics connection" };
        let of_clients = Arc::clone(&gate);
        let open = self.doors.open_tcp(door, move |stream, peer, guest| {
            let client = Client { gate: Arc::clone(&of_clients), from: peer.ip(), guest };
            serve(stream, client, Arc::clone(&office))
        })?;
        Ok(Channel { gate, _open: open })
    }
}

struct Client {
    gate: Arc<Gate>,
    from: IpAddr,
    guest: Guest,
}

impl Client {
    /// Serves it once more, if it may ask.
    fn is_served(&self) -> Result<Served, Left> {
        if self.gate.allows(self.from) { Served::begin(self.guest.clone()) } else { Err(Left) }
    }
}

/// Serves one client. Whatever ends it, the client sees the connection close.
async fn serve(stream: TcpStream, client: Client, office: Arc<Office>) {
    let answer = service_fn(|request| {
        let served = client.is_served();
        let response = served.map(|served| pages::answer(&request, &office).map(|page| Reply::new(page, served)));
        async move { response }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD_OCTETS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    if timeout(VISIT_TIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(LAST_TIME, connection).await;
    }
}
