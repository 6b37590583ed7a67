//! The control channel: what operators ask the running server, and tell it, by a Unix socket.
//!
//! A thread of its own takes one command a connection, from [`commands`]' table; no worker waits for it. What it
//! knows of the process beyond its layers is published by `daemon` as [`Facts`].
//! Bounds: [`MAX_CLIENTS`] at once, others wait to be taken; a request has [`protocol::MAX_REQUEST_OCTETS`] and must be
//! whole within [`REQUEST_TIME`], its reply taken within [`REPLY_TIME`].
//! Not here: what operators type (`cli`), reload and stop, which are the daemon's by signals.

pub mod commands;
mod health;
pub mod overrides;
pub mod protocol;
mod socket;
mod status;
mod zones;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::listen::Shared;
use crate::logging::{self, Category, Severity};
pub use overrides::Overrides;
use protocol::{MAX_REQUEST_OCTETS, Reply};
pub use socket::{Socket, Untaken};
pub use zones::Origin;

/// Clients that are served at once.
pub const MAX_CLIENTS: usize = 16;
/// How long a client may take to say what it wants.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long a client may take to read what it is told.
pub const REPLY_TIME: Duration = Duration::from_secs(10);
/// While the system has no descriptors left, clients are taken again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What commands look at and change.
pub struct Context {
    /// Health checks.
    pub overrides: Arc<Overrides>,
    /// Views, rules, zones, and what clients use.
    pub shared: Arc<Shared>,
    /// What the process is and does.
    pub facts: ArcSwap<Facts>,
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
    /// The local zones in the configuration's order.
    pub zones: Vec<Origin>,
}

/// The running channel; gone when dropped.
#[derive(Debug)]
pub struct Server {
    socket: Socket,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves clients of a socket.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(socket: Socket, context: Arc<Context>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = socket.listener()?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _inside = runtime.enter();
            UnixListener::from_std(listener)?
        };
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, context) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { socket, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is found.
    pub fn path(&self) -> &std::path::Path {
        self.socket.path()
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

async fn serve(listener: UnixListener, context: Arc<Context>) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let context = Arc::clone(&context);
                tokio::spawn(async move {
                    talk(stream, &context).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// One client, one command.
async fn talk(mut stream: UnixStream, context: &Context) {
    let reply = match timeout(REQUEST_TIME, read_request(&mut stream)).await {
        Ok(Ok(line)) => answer(context, &line, who(&stream)),
        Ok(Err(Some(why))) => Err(why.to_owned()),
        Ok(Err(None)) => return,
        Err(_) => Err(format!("no whole command within {} s", REQUEST_TIME.as_secs())),
    };
    // Who does not take it has nothing of it.
    let _ = timeout(REPLY_TIME, stream.write_all(&protocol::encode_reply(&reply))).await;
}

/// The line of a request without its end; `None`: there is nobody to tell what is wrong.
async fn read_request(stream: &mut UnixStream) -> Result<Vec<u8>, Option<&'static str>> {
    let mut line = Vec::with_capacity(256);
    loop {
        if let Some(end) = line.iter().position(|&octet| octet == b'\n') {
            line.truncate(end);
            return Ok(line);
        }
        if line.len() >= MAX_REQUEST_OCTETS {
            return Err(Some("the command is too long"));
        }
        let room = MAX_REQUEST_OCTETS - line.len();
        match (&mut *stream).take(room as u64).read_buf(&mut line).await {
            Ok(0) | Err(_) => return Err(None),
            Ok(_) => {}
        }
    }
}

/// Who is at the other end, for the log.
fn who(stream: &UnixStream) -> String {
    stream.peer_cred().map_or_else(|_| "somebody".to_owned(), |cred| format!("user ID {}", cred.uid()))
}

fn answer(context: &Context, line: &[u8], who: String) -> Reply {
    let words = protocol::decode_request(line)?;
    let command = commands::find(&words)?;
    // As named tells them; what changes something is worth a line in more logs.
    let shown = words.join(" ");
    if command.changes {
        logging::event!(Category::General, Severity::Notice, "received control channel command '{shown}' from {who}");
    } else {
        logging::event!(Category::General, Severity::Info, "received control channel command '{shown}' from {who}");
    }
    command.run(context, &words)
}
