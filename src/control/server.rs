//! The sockets of the control channel: clients of the Unix socket and of TCP, frame by frame.
//!
//! One thread takes them; the commands run on others, so that one that writes a large file keeps nobody waiting. A
//! client that has shown no key yet makes room for a newcomer when all places are taken, else who has been silent
//! longest: no key keeps the holders of others out.
//! Not here: who may connect ([`crate::doors`]), what a frame means ([`super::session`]), what a command does
//! ([`super::commands`]).

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Socket;
use super::channels::Settings;
use super::commands::{self, Caller};
use super::message::MAX_REQUEST_OCTETS;
use super::session::{Replays, Session, Taken, Trust};
use crate::doors::{Door, Doors, Gate, Guest, Open, shown};
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Done, Ending, Failure, Reply};
use crate::office::{Office, Order};

/// Clients of one socket that are served at once.
pub const MAX_CLIENTS: usize = 32;
/// How long a client may take to say what it wants.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long it may take between commands.
pub const IDLE_TIME: Duration = Duration::from_secs(30);
/// How long it may take to read what it is told.
pub const REPLY_TIME: Duration = Duration::from_secs(10);
/// Octets of the longest text over TCP: rndc takes no frame of more than 1 MiB.
const MAX_TCP_TEXT_OCTETS: usize = 1_000_000;

/// The thread of the channel; gone when dropped.
#[derive(Debug)]
pub struct Server {
    doors: Doors,
    office: Arc<Office>,
}

/// A TCP channel that is served until this is dropped.
#[derive(Debug)]
pub struct Channel {
    settings: Arc<ArcSwap<Settings>>,
    gate: Arc<Gate>,
    _open: Open,
}

impl Channel {
    /// Follows a configuration. What counts for a client was in force when it came, but for who may come.
    pub fn follow(&self, settings: Settings) {
        self.gate.follow(&settings.allow);
        self.settings.store(Arc::new(settings));
    }
}

impl Server {
    /// A server without sockets.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(office: Arc<Office>) -> io::Result<Self> {
        Ok(Self { doors: Doors::start("control", MAX_CLIENTS)?, office })
    }

    /// Serves a Unix socket, whose file says who may connect.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen_unix(&self, socket: &Socket) -> io::Result<Open> {
        let office = Arc::clone(&self.office);
        let replays = Arc::<Mutex<Replays>>::default();
        self.doors.open_unix(socket.listener()?, MAX_CLIENTS, move |stream, guest| {
            let peer =
                stream.peer_cred().map_or_else(|_| "somebody".to_owned(), |cred| format!("user ID {}", cred.uid()));
            let session = Session::new(Trust::Anybody, Arc::clone(&replays), rand::random());
            let office = Arc::clone(&office);
            let client = Client { office, peer, read_only: false, most_octets: usize::MAX, guest };
            client.serve(stream, session)
        })
    }

    /// Serves TCP clients; what the settings are when one comes counts for it.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen_tcp(&self, listener: TcpListener, settings: Settings) -> io::Result<Channel> {
        let office = Arc::clone(&self.office);
        let gate = Arc::new(Gate::new(Arc::clone(&office.shared.desks.state), settings.allow.clone()));
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let channel = (Arc::clone(&settings), Arc::clone(&gate));
        let replays = Arc::<Mutex<Replays>>::default();
        let door = Door { listener, gate, places: MAX_CLIENTS, brings: "command channel message" };
        let open = self.doors.open_tcp(door, move |stream, peer, guest| {
            let settings = settings.load();
            let trust = Trust::Keys(Arc::clone(&settings.keys));
            let session = Session::new(trust, Arc::clone(&replays), rand::random());
            let (office, peer, read_only) = (Arc::clone(&office), shown(peer), settings.read_only);
            let client = Client { office, peer, read_only, most_octets: MAX_TCP_TEXT_OCTETS, guest };
            client.serve(stream, session)
        })?;
        let (settings, gate) = channel;
        Ok(Channel { settings, gate, _open: open })
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
    guest: Guest,
}

impl Client {
    /// Takes commands until one of us has enough.
    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin + Send, mut session: Session) {
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
            if self.guest.is_served().is_err() {
                return;
            }
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
            if !matches!(is_sent, Ok(Ok(()))) || self.guest.is_idle().is_err() {
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
