//! The sockets of the control channel: clients of the Unix socket and of TCP, frame by frame.
//!
//! One thread takes them; the commands run on others, so that one that writes a large file keeps nobody waiting. A
//! client that has shown no key yet makes room for a newcomer when all places are taken.
//! Not here: what a frame means ([`super::session`]), what a command does ([`super::commands`]).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::Socket;
use super::channels::Settings;
use super::commands::{self, Caller};
use super::message::MAX_REQUEST_OCTETS;
use super::session::{Replays, Session, Taken, Trust};
use crate::access::Acl;
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Done, Ending, Failure, Reply};
use crate::office::{Office, Order};
use crate::sys::priority;

/// Clients of one socket that are served at once.
pub const MAX_CLIENTS: usize = 32;
/// How long a client may take to say what it wants.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long it may take between commands.
pub const IDLE_TIME: Duration = Duration::from_secs(30);
/// How long it may take to read what it is told.
pub const REPLY_TIME: Duration = Duration::from_secs(10);
/// While the system has no descriptors left, clients are taken again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Commands yield to the threads that answer queries: see [`priority::yield_to_others`].
const NICE_STEPS: i32 = 10;
/// Octets of the longest text over TCP: rndc takes no frame of more than 1 MiB.
const MAX_TCP_TEXT_OCTETS: usize = 1_000_000;

/// The thread of the channel; gone when dropped.
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    office: Arc<Office>,
}

/// A socket that is served until this is dropped.
#[derive(Debug)]
pub struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// A server without sockets.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(office: Arc<Office>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MAX_CLIENTS)
            // Where it cannot it runs as others do.
            .on_thread_start(|| _ = priority::yield_to_others(NICE_STEPS))
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // A command that still runs must not hold the end of the process.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread), office })
    }

    /// Serves a Unix socket, whose file says who may connect.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen_unix(&self, socket: &Socket) -> io::Result<Listening> {
        let _inside = self.handle.enter();
        let listener = UnixListener::from_std(socket.listener()?)?;
        let office = Arc::clone(&self.office);
        let replays = Arc::<Mutex<Replays>>::default();
        Ok(self.spawn(async move {
            let mut places = Places::default();
            loop {
                let Some((stream, _)) = accepted(listener.accept().await).await else { continue };
                let who =
                    stream.peer_cred().map_or_else(|_| "somebody".to_owned(), |cred| format!("user ID {}", cred.uid()));
                let client =
                    Client { office: Arc::clone(&office), peer: who, read_only: false, most_octets: usize::MAX };
                let session = Session::new(Trust::Anybody, Arc::clone(&replays), rand::random());
                places.put(|known| client.serve(stream, session, known));
            }
        }))
    }

    /// Serves TCP clients; what `settings` hold when one comes counts for it.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen_tcp(
        &self,
        listener: std::net::TcpListener,
        settings: Arc<ArcSwap<Settings>>,
    ) -> io::Result<Listening> {
        listener.set_nonblocking(true)?;
        let _inside = self.handle.enter();
        let listener = TcpListener::from_std(listener)?;
        let office = Arc::clone(&self.office);
        let replays = Arc::<Mutex<Replays>>::default();
        Ok(self.spawn(async move {
            let mut places = Places::default();
            loop {
                let Some((stream, peer)) = accepted(listener.accept().await).await else { continue };
                let settings = settings.load_full();
                let who = shown(peer);
                if !may_connect(&office, &settings, peer) {
                    let what = "rejected command channel message from";
                    logging::event!(Category::General, Severity::Warning, "{what} {who}");
                    continue;
                }
                let client = Client {
                    office: Arc::clone(&office),
                    peer: who,
                    read_only: settings.read_only,
                    most_octets: MAX_TCP_TEXT_OCTETS,
                };
                let trust = Trust::Keys(Arc::clone(&settings.keys));
                let session = Session::new(trust, Arc::clone(&replays), rand::random());
                places.put(|known| client.serve(stream, session, known));
            }
        }))
    }

    fn spawn(&self, listen: impl Future<Output = ()> + Send + 'static) -> Listening {
        Listening(self.handle.spawn(listen).abort_handle())
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

/// An address as named shows it.
pub(super) fn shown(peer: SocketAddr) -> String {
    format!("{}#{}", peer.ip().to_canonical(), peer.port())
}

async fn accepted<T>(taken: io::Result<T>) -> Option<T> {
    match taken {
        Ok(taken) => Some(taken),
        Err(_) => {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

/// Who may connect follows the interfaces as `localhost` does.
fn may_connect(office: &Office, settings: &Settings, peer: SocketAddr) -> bool {
    let host = Arc::clone(&office.shared.desks.state.present().host);
    Acl::compile(&settings.allow, &host).allows(peer.ip().to_canonical())
}

/// The clients of a socket.
#[derive(Default)]
struct Places {
    clients: JoinSet<()>,
    /// The oldest first: whether it has shown a key, and how it is ended.
    oldest: VecDeque<(Arc<AtomicBool>, AbortHandle)>,
}

impl Places {
    /// Serves a newcomer. Where all places are taken, the oldest that has shown no key makes room, else the newcomer.
    fn put<F: Future<Output = ()> + Send + 'static>(&mut self, serve: impl FnOnce(Arc<AtomicBool>) -> F) {
        while self.clients.try_join_next().is_some() {}
        self.oldest.retain(|(_, handle)| !handle.is_finished());
        if self.oldest.len() >= MAX_CLIENTS {
            let unknown = self.oldest.iter().position(|(is_known, _)| !is_known.load(Relaxed));
            let Some((_, handle)) = unknown.and_then(|at| self.oldest.remove(at)) else { return };
            handle.abort();
        }
        let is_known = Arc::new(AtomicBool::new(false));
        let handle = self.clients.spawn(serve(Arc::clone(&is_known)));
        self.oldest.push_back((is_known, handle));
    }
}

impl Drop for Places {
    /// Who has begun may end: a client that has had its own channel closed gets its reply.
    fn drop(&mut self) {
        self.clients.detach_all();
    }
}

/// One client.
struct Client {
    office: Arc<Office>,
    /// Who it is, for the log.
    peer: String,
    read_only: bool,
    /// Octets of the longest text that it takes.
    most_octets: usize,
}

impl Client {
    /// Takes commands until one of us has enough; `is_known` is set once it has shown a key.
    async fn serve(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
        mut session: Session,
        is_known: Arc<AtomicBool>,
    ) {
        let mut patience = REQUEST_TIME;
        while let Ok(Ok(octets)) = timeout(patience, read_frame(&mut stream)).await {
            let Some(octets) = octets else {
                self.complain("message too long");
                return;
            };
            let taken = match session.take(&octets, now()) {
                Ok(taken) => taken,
                Err(fault) => {
                    self.complain(fault.words());
                    return;
                }
            };
            is_known.store(true, Relaxed);
            patience = IDLE_TIME;
            let reply = match taken.command.clone() {
                None => Ok(Done::default()),
                Some(line) => self.run(line, &taken).await,
            };
            let octets = session.reply(&taken, &reply, self.most_octets, now());
            // Who does not take it has nothing of it.
            let is_sent = timeout(REPLY_TIME, stream.write_all(&octets)).await;
            if let Ok(Done { then: Some(ending), .. }) = &reply {
                self.end(*ending).await;
            }
            if !matches!(is_sent, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// named's line about a message that is not taken.
    fn complain(&self, why: &str) {
        logging::event!(Category::General, Severity::Error, "invalid command from {}: {why}", self.peer);
    }

    async fn run(&self, line: String, taken: &Taken) -> Reply {
        let office = Arc::clone(&self.office);
        let caller = Caller {
            who: match taken.key_name() {
                Some(key) => format!("{}, key {key}", self.peer),
                None => self.peer.clone(),
            },
            read_only: self.read_only,
            json: taken.json,
        };
        let run = tokio::task::spawn_blocking(move || commands::answer(&office, &line, &caller));
        // A panic has been shown by its hook.
        run.await.unwrap_or_else(|_| Err(Failure::from("the command failed within the server".to_owned())))
    }

    async fn end(&self, ending: Ending) {
        self.office.orders.tell(Order::End(ending)).await;
    }
}

/// The octets of a frame behind its length; `None`: there are too many.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let length = stream.read_u32().await? as usize;
    if length > MAX_REQUEST_OCTETS {
        return Ok(None);
    }
    let mut octets = vec![0; length];
    stream.read_exact(&mut octets).await?;
    Ok(Some(octets))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
