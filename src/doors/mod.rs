//! The doors by which operators' programs come in: listening sockets, who may enter, and how many at once.
//!
//! A thread takes the clients of its doors; no worker waits for it. Each door has places of its own, so that one that
//! anybody may enter keeps nobody out of another ([`Guest`] says who makes room). Who may not enter by the door's
//! [`Gate`] is closed at once, with a line in the log.
//! Not here: what clients say and are told (`control`, `http`), which doors there are (`daemon`).

mod gate;
mod places;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::logging::{self, Category, Severity};
use crate::sys::priority;
pub use gate::Gate;
use places::Places;
pub use places::{Guest, Left};

/// What blocks yields to the threads that answer queries: see [`priority::yield_to_others`].
const NICE_STEPS: i32 = 10;
/// While the system has no descriptors left, clients are taken again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The thread of some doors; gone when dropped.
#[derive(Debug)]
pub struct Doors {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A door that is open until this is dropped. Who is being served then is served; the others are closed.
#[derive(Debug)]
pub struct Open(AbortHandle);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A door of a TCP socket.
#[derive(Debug)]
pub struct Door {
    /// The socket.
    pub listener: std::net::TcpListener,
    /// Who may enter.
    pub gate: Arc<Gate>,
    /// Clients at once.
    pub places: usize,
    /// What a client brings, in the words of named's log.
    pub brings: &'static str,
}

impl Doors {
    /// A thread of this name without doors, with at most so many threads beside it for what blocks.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(name: &str, most_blocking: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(most_blocking)
            // Where it cannot it runs as others do.
            .on_thread_start(|| _ = priority::yield_to_others(NICE_STEPS))
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // What still runs must not hold the end of the process.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Opens a door: each client that may enter is served by what `serve` makes of it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_tcp<F>(
        &self,
        door: Door,
        mut serve: impl FnMut(TcpStream, SocketAddr, Guest) -> F + Send + 'static,
    ) -> io::Result<Open>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Door { listener, gate, places, brings } = door;
        listener.set_nonblocking(true)?;
        let _inside = self.handle.enter();
        let listener = TcpListener::from_std(listener)?;
        Ok(self.spawn(async move {
            let mut places = Places::new(places);
            loop {
                let Some((stream, peer)) = taken(listener.accept().await).await else { continue };
                if gate.allows(peer.ip()) {
                    places.put(|guest| serve(stream, peer, guest));
                } else {
                    let who = shown(peer);
                    logging::event!(Category::General, Severity::Warning, "rejected {brings} from {who}");
                }
            }
        }))
    }

    /// Opens a door whose file says who may enter.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_unix<F>(
        &self,
        listener: std::os::unix::net::UnixListener,
        places: usize,
        mut serve: impl FnMut(UnixStream, Guest) -> F + Send + 'static,
    ) -> io::Result<Open>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let _inside = self.handle.enter();
        let listener = UnixListener::from_std(listener)?;
        Ok(self.spawn(async move {
            let mut places = Places::new(places);
            loop {
                let Some((stream, _)) = taken(listener.accept().await).await else { continue };
                places.put(|guest| serve(stream, guest));
            }
        }))
    }

    fn spawn(&self, keep: impl Future<Output = ()> + Send + 'static) -> Open {
        Open(self.handle.spawn(keep).abort_handle())
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address as named shows it.
pub fn shown(peer: SocketAddr) -> String {
    format!("{}#{}", peer.ip().to_canonical(), peer.port())
}

async fn taken<T>(client: io::Result<T>) -> Option<T> {
    match client {
        Ok(client) => Some(client),
        Err(_) => {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}
