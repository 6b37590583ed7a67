//! Statistics over HTTP: named's `statistics-channels`, JSON and XML at named's addresses.
//!
//! A thread of its own serves every channel; no worker waits for it. A connection carries one request and is closed.
//! Bounds: [`MAX_CLIENTS`] are served at once, others wait to be taken; request and reply have [`PATIENCE`] together, a
//! request's head [`MAX_HEAD_OCTETS`]; a body is not read. Who is not in a channel's `allow` is closed at once.
//! Not here: what is told ([`crate::statistics`]).

mod pages;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

use crate::access::Acl;
use crate::config::{MatchList, StatisticsChannel};
use crate::logging::{self, Category, Severity};
use crate::office::Office;
use crate::sys::sockets;

/// Clients that are served at once.
pub const MAX_CLIENTS: usize = 16;
/// How long a client may take from being taken until it has its reply.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of a request's line and headers.
pub const MAX_HEAD_OCTETS: usize = 16 * 1024;
/// While the system has no descriptors left, clients are taken again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A channel whose socket was had.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    allow: MatchList,
}

impl Bound {
    /// Takes a channel's socket.
    ///
    /// # Errors
    /// What the system says: in use, not permitted, no such address.
    pub fn take(channel: &StatisticsChannel) -> io::Result<Self> {
        let listener = sockets::operators_listener(channel.address)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, allow: channel.allow.clone() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Never for a socket that was had.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The running channels; gone when dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves clients of these channels.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(channels: Vec<Bound>, office: &Arc<Office>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut listeners = Vec::new();
        {
            let _inside = runtime.enter();
            for Bound { listener, allow } in channels {
                listeners.push((tokio::net::TcpListener::from_std(listener)?, Arc::new(allow)));
            }
        }
        let (stop, stopped) = oneshot::channel();
        let office = Arc::clone(office);
        let thread = thread::Builder::new().name("statistics".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let places = Arc::new(Semaphore::new(MAX_CLIENTS));
                for (listener, allow) in listeners {
                    tokio::spawn(serve(listener, allow, Arc::clone(&places), Arc::clone(&office)));
                }
                // An error says that nobody holds the other end any more, which means the same.
                let _ = stopped.await;
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, allow: Arc<MatchList>, places: Arc<Semaphore>, office: Arc<Office>) {
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, from)) if is_allowed(&allow, from, &office) => {
                let office = Arc::clone(&office);
                tokio::spawn(async move {
                    // Whatever ends it, the client sees the connection close.
                    let _ = tokio::time::timeout(PATIENCE, talk(stream, &office)).await;
                    drop(place);
                });
            }
            Ok((_, from)) => {
                let (ip, port) = (from.ip(), from.port());
                logging::event!(
                    Category::General,
                    Severity::Warning,
                    "rejected statistics connection from {ip}#{port}"
                );
            }
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// Whether a client may read, by the host's addresses as they are now.
fn is_allowed(allow: &MatchList, from: SocketAddr, office: &Office) -> bool {
    let snapshot = office.shared.desks.state.present();
    Acl::compile(allow, &snapshot.host).allows(from.ip().to_canonical())
}

/// One client, one request.
async fn talk(stream: TcpStream, office: &Office) -> Result<(), hyper::Error> {
    let answer = service_fn(|request| {
        let response = pages::answer(&request, office);
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_OCTETS)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}
