//! The running server: start, reload, stop. The only place that knows everyone.
//!
//! Nothing here is on a query's path. One loop hears signals, orders and the watchdog; what may take long is read beside
//! it ([`beside`], [`reading`]) and put in force by it ([`reload`]).

mod addresses;
mod beside;
mod channel;
mod checks;
mod handover;
mod in_force;
mod inherited;
mod instance;
mod journals;
mod listening;
mod notify;
mod offline;
mod orders;
mod pid_file;
mod plan;
mod reading;
mod reload;
mod setup;
mod signals;
mod start;
mod start_error;
mod statistics;
mod watchdog;
mod zones;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::access::Host;
use crate::config::CacheSize;
use crate::listen::Workers;
use crate::logging::{self, Category, Severity};
use crate::office::reply::Ending;
use crate::office::{Facts, Office, Orders, Request, show_addresses};
use crate::sys::memory;
use beside::Beside;
use channel::Channel;
use in_force::InForce;
use instance::Instance;
use listening::{LISTEN_AGAIN, Listening};
pub use notify::Notify;
pub use offline::{Obstacles, ZoneTest, explain, obstacles, test_zones};
use pid_file::PidFile;
use plan::Plan;
use reading::Reader;
use reload::{Waiting, What};
pub use setup::{Log, Setup};
use signals::{Changes, Signals, Told, until};
use start::start;
pub use start_error::StartError;
use watchdog::Watchdog;

/// How long a stop waits for answers: as long as a question may wait with the default `resolver-query-timeout`.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs.
pub struct Daemon {
    /// How it reads anew what is in force.
    reader: Reader,
    in_force: InForce,
    workers: Workers,
    listening: Listening,
    pid_file: PidFile,
    /// Before the process ends, nobody else has the lock.
    _instance: Option<Instance>,
    office: Arc<Office>,
    channel: Channel,
    statistics: statistics::Channels,
    beside: Beside,
    waiting: Waiting,
}

/// Runs a server until it is told to stop by SIGTERM or SIGINT. `ready` is told where it listens as soon as it does.
///
/// # Errors
/// When it cannot start; nothing is left behind then.
pub fn run(setup: Setup, ready: impl FnOnce(&str)) -> Result<(), StartError> {
    let log = setup.log.clone();
    start_and_serve(setup, ready).inspect_err(|error| log.tell_failure(error))
}

fn start_and_serve(setup: Setup, ready: impl FnOnce(&str)) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StartError::System("cannot start the runtime".to_owned(), error))?;
    let signals = {
        let _inside = runtime.enter();
        Signals::take().map_err(|error| StartError::System("cannot take signals".to_owned(), error))?
    };
    let (asking, orders) = Orders::new();
    let daemon = start(setup, asking)?;
    ready(&list_or_none(daemon.listening.addresses()));
    daemon.reader.setup.notify.ready(&daemon.status());
    runtime.block_on(daemon.serve(signals, orders));
    Ok(())
}

impl Daemon {
    /// Serves until told to stop.
    async fn serve(mut self, mut signals: Signals, mut orders: mpsc::Receiver<Request>) {
        let mut changes = Changes::new();
        logging::event!(Category::General, Severity::Notice, "all zones loaded");
        logging::event!(Category::General, Severity::Notice, "running");
        let mut watchdog = Watchdog::new(&self.reader.setup.notify, &self.workers);
        let mut look_at = self.next_look();
        let patience = loop {
            // What is being read will be published: nothing else is meanwhile.
            let is_idle = !self.beside.is_busy();
            tokio::select! {
                told = signals.next() => match told {
                    Told::Reload => {
                        logging::event!(Category::General, Severity::Info, "received SIGHUP signal to reload zones");
                        self.reload(What::Zones, None);
                    }
                    Told::Stop => break STOP_PATIENCE,
                    Told::Nothing(signal) => ignore(signal),
                },
                Some(request) = orders.recv() => if let Some(ending) = self.carry_out(request) {
                    orders::log_ending(ending);
                    break if ending == Ending::Stop { STOP_PATIENCE } else { Duration::ZERO };
                },
                then = self.beside.done() => {
                    match then {
                        Some(then) => then(&mut self),
                        None => self.lose_work("it has ended by a fault of this program"),
                    }
                    self.go_on();
                }
                () = changes.next(), if is_idle => self.follow_interfaces(),
                () = until(look_at), if is_idle => self.follow_interfaces(),
                () = watchdog.due() => {
                    watchdog.look(&self.reader.setup.notify, &self.workers);
                    continue;
                }
            }
            look_at = self.next_look();
        };
        self.stop(patience);
    }

    /// When the interfaces are looked at without being told: soon while some address cannot be had; `None`: never.
    fn next_look(&self) -> Option<tokio::time::Instant> {
        let interval = self.in_force.config.interface_interval;
        let wait = match (self.listening.is_waiting(), interval.is_zero()) {
            (false, true) => return None,
            (false, false) => interval,
            (true, true) => LISTEN_AGAIN,
            (true, false) => interval.min(LISTEN_AGAIN),
        };
        Some(tokio::time::Instant::now() + wait)
    }

    /// A line for whoever looks at the service.
    fn status(&self) -> String {
        match self.listening.missing().is_empty() {
            true => format!("listening on {}", list_or_none(self.listening.addresses())),
            false => format!("NOT listening on {}", show_addresses(self.listening.missing())),
        }
    }

    /// Interfaces may have changed: new addresses are listened on, vanished ones left, lists compiled again.
    fn follow_interfaces(&mut self) {
        let Plan { host, addresses } = Plan::new(&self.in_force.config);
        if *host != *self.reader.shared.desks.state.present().host {
            self.publish(host);
        }
        self.listening.follow(&addresses, &self.workers);
        self.tell_all(|_| ());
    }

    /// Has everybody answered by what is in force.
    fn publish(&self, host: Arc<Host>) {
        self.in_force.publish(&self.reader.shared.desks.state, host);
        self.workers.reconfigure();
    }

    /// Tells operators what listens, what is served, and `more`: all of it at once, so that nobody sees a part.
    fn tell_all(&self, more: impl FnOnce(&mut Facts)) {
        self.office.tell(|facts| {
            facts.listening = self.listening.addresses().copied().collect();
            facts.missing = self.listening.missing().iter().copied().collect();
            facts.zones = Arc::clone(&self.in_force.zones.origins);
            more(facts);
        });
    }

    fn stop(mut self, patience: Duration) {
        self.listening.tell_end();
        logging::event!(Category::General, Severity::Info, "shutting down");
        self.reader.setup.notify.stopping();
        self.pid_file.remove();
        self.channel.stop();
        self.statistics.stop();
        self.workers.stop(patience);
        self.reader.shared.keeper.stop();
        logging::event!(Category::General, Severity::Notice, "exiting");
        // A command that still runs has a hand on it.
        self.office.logger.flush();
    }
}

fn cache_octets(size: CacheSize) -> u64 {
    match size {
        CacheSize::Bytes(octets) => octets,
        CacheSize::Percent(percent) => memory::usable_octets() / 100 * u64::from(percent),
    }
}

/// Whole, so that messages about files name them in full.
fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// The same, in words where there are none.
fn list_or_none<'a>(addresses: impl IntoIterator<Item = &'a SocketAddr>) -> String {
    let text = show_addresses(addresses);
    if text.is_empty() { "no address yet".to_owned() } else { text }
}

fn ignore(signal: &str) {
    logging::event!(Category::General, Severity::Notice, "received {signal}, which means nothing here");
}
