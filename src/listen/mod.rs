//! The workers: one thread a core, each with its own sockets for clients and upstreams.
//!
//! [`Workers`] starts and stops them and tells them which addresses to listen on; sockets are bound before, by the
//! caller's thread, so that "in use" and "not permitted" are errors of the start and not of a worker.
//! Not here: what a query gets (`answer`), which upstream is asked and when (`upstream`).

mod frames;
mod mailbox;
mod tcp;
mod udp;
mod upstreams;
mod worker;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

pub use mailbox::Mailbox;
use udp::Port;
pub use worker::Shared;
use worker::Worker;

use crate::answer::desk::Waits;
use crate::metrics::Socket;
use crate::sys::{cores, sockets};

/// The sockets of one address for one worker, bound.
pub struct Sockets {
    local: SocketAddr,
    udp: std::net::UdpSocket,
    tcp: std::net::TcpListener,
}

/// Sockets of an address that somebody else has bound, such as the service manager.
#[derive(Debug, Default)]
pub struct Handed {
    /// By UDP.
    pub udp: Option<std::net::UdpSocket>,
    /// By TCP.
    pub tcp: Option<std::net::TcpListener>,
}

/// What a worker is told.
enum Order {
    Listen(Sockets),
    Leave(SocketAddr),
    Reconfigure,
    /// Count yourself: you live.
    Answer(Arc<AtomicUsize>),
    /// Say who waits.
    Report(std::sync::mpsc::Sender<Vec<Waits>>),
    /// Leave every address, answer what waits, within this time at most.
    Stop(Duration),
}

/// The running workers.
pub struct Workers {
    orders: Vec<mpsc::UnboundedSender<Order>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts one worker for each of `cores`, without addresses. There is a mailbox for each in `shared`.
    ///
    /// # Errors
    /// When the system gives no more threads or descriptors.
    pub fn start(shared: &Arc<Shared>, cores: &[usize]) -> io::Result<Self> {
        let mut workers = Self { orders: Vec::new(), threads: Vec::new() };
        for (number, &core) in cores.iter().enumerate() {
            let (orders, taken) = mpsc::unbounded_channel();
            let (shared, number) = (Arc::clone(shared), number as u16);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let thread = std::thread::Builder::new().name(format!("worker {number}")).spawn(move || {
                cores::stay_on(core);
                let local = LocalSet::new();
                local.block_on(&runtime, run(number, shared, taken));
            })?;
            workers.orders.push(orders);
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Binds the sockets of an address, one pair for each of `workers`. One that was handed over is the first worker's;
    /// the others get sockets beside it where it lets them (SO_REUSEPORT, and one user), else they share it.
    ///
    /// # Errors
    /// What the system says: in use, not permitted, no such address.
    pub fn bind(local: SocketAddr, workers: usize, handed: &Handed) -> io::Result<Vec<Sockets>> {
        let share_udp = |socket: &std::net::UdpSocket| sockets::adopt_udp(socket.try_clone()?);
        let share_tcp = |socket: &std::net::TcpListener| sockets::adopt_tcp(socket.try_clone()?);
        let bind = |worker| {
            let udp = one_of(worker, handed.udp.as_ref(), || sockets::udp_listener(local), share_udp)?;
            let tcp = one_of(worker, handed.tcp.as_ref(), || sockets::tcp_listener(local), share_tcp)?;
            Ok(Sockets { local, udp, tcp })
        };
        (0..workers).map(bind).collect()
    }

    /// Hands bound sockets to the workers, which listen from now on.
    pub fn listen(&self, sockets: Vec<Sockets>) {
        for (orders, sockets) in self.orders.iter().zip(sockets) {
            let _ = orders.send(Order::Listen(sockets));
        }
    }

    /// No longer listens on an address; what has come by then is answered.
    pub fn leave(&self, local: SocketAddr) {
        self.tell(|| Order::Leave(local));
    }

    /// A new snapshot is in force.
    pub fn reconfigure(&self) {
        self.tell(|| Order::Reconfigure);
    }

    /// Lets each worker that lives add one to `present`, as soon as it looks at its orders.
    pub fn call_the_roll(&self, present: &Arc<AtomicUsize>) {
        self.tell(|| Order::Answer(Arc::clone(present)));
    }

    /// Has each worker say which queries wait there; all have once the channel is closed at this end.
    pub fn report(&self, into: &std::sync::mpsc::Sender<Vec<Waits>>) {
        self.tell(|| Order::Report(into.clone()));
    }

    /// Stops listening, answers what waits within `patience`, and ends the threads.
    pub fn stop(self, patience: Duration) {
        self.tell(|| Order::Stop(patience));
        for thread in self.threads {
            // A worker that panicked has said so already.
            let _ = thread.join();
        }
    }

    fn tell(&self, order: impl Fn() -> Order) {
        for orders in &self.orders {
            let _ = orders.send(order());
        }
    }
}

/// A worker's socket: its own where it can be had.
fn one_of<S>(
    worker: usize,
    handed: Option<&S>,
    bind: impl Fn() -> io::Result<S>,
    share: impl Fn(&S) -> io::Result<S>,
) -> io::Result<S> {
    match (handed, worker) {
        (None, _) => bind(),
        (Some(handed), 0) => share(handed),
        (Some(handed), _) => bind().or_else(|_| share(handed)),
    }
}

/// The main task of a worker.
async fn run(number: u16, shared: Arc<Shared>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let worker = Worker::new(number, shared, rand::random());
    worker.reconfigure();
    tokio::task::spawn_local(Rc::clone(&worker).keep_time());
    tokio::task::spawn_local(Rc::clone(&worker).read_mail());
    let mut listening: HashMap<SocketAddr, [Rc<Notify>; 2]> = HashMap::new();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Listen(sockets) => {
                let local = sockets.local;
                // The sockets were bound and set up before; the runtime only registers them.
                if let Ok(stops) = begin(&worker, sockets) {
                    listening.insert(local, stops);
                }
            }
            Order::Leave(local) => leave(listening.remove(&local)),
            Order::Reconfigure => worker.reconfigure(),
            Order::Answer(present) => drop(present.fetch_add(1, Ordering::Relaxed)),
            // Who asked may have lost patience.
            Order::Report(into) => _ = into.send(worker.waits()),
            Order::Stop(patience) => {
                listening.drain().for_each(|(_, stops)| leave(Some(stops)));
                let _ = tokio::time::timeout(patience, until_idle(&worker)).await;
                return;
            }
        }
    }
}

fn begin(worker: &Rc<Worker>, sockets: Sockets) -> io::Result<[Rc<Notify>; 2]> {
    let stops = [Rc::new(Notify::new()), Rc::new(Notify::new())];
    let v6 = sockets.local.is_ipv6();
    worker.meter.socket(v6, Socket::UDP4Open, Socket::UDP6Open);
    worker.meter.socket(v6, Socket::TCP4Open, Socket::TCP6Open);
    let port = Port::new(sockets.local, sockets.udp)?;
    let listener = tokio::net::TcpListener::from_std(sockets.tcp)?;
    tokio::task::spawn_local(port.serve(Rc::clone(worker), Rc::clone(&stops[0])));
    tokio::task::spawn_local(tcp::listen(Rc::clone(worker), sockets.local, listener, Rc::clone(&stops[1])));
    Ok(stops)
}

fn leave(stops: Option<[Rc<Notify>; 2]>) {
    stops.iter().flatten().for_each(|stop| stop.notify_one());
}

/// Waits until nothing waits, looking every few milliseconds; connections get a moment to take their last replies.
async fn until_idle(worker: &Rc<Worker>) {
    const LOOK: Duration = Duration::from_millis(5);
    tokio::time::sleep(LOOK).await;
    while !worker.is_idle() {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(LOOK).await;
}
