//! The running server: start, reload, stop. The only place that knows everyone.
//!
//! Nothing here is on a query's path. A reload reads and checks everything before it changes anything: a bad file leaves
//! the server as it is.

mod addresses;
mod channel;
mod checks;
mod inherited;
mod instance;
mod journals;
mod listening;
mod notify;
mod offline;
mod orders;
mod statistics;
mod pid_file;
mod setup;
mod start_error;
mod watchdog;
mod zones;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use tokio::net::UnixDatagram;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::access::{Bounds, Host, Quota};
use crate::answer::desk;
use crate::cache::Cache;
use crate::config::{self, CacheSize, Config, Diagnostic};
use crate::control::Socket;
use crate::keeper::Keeper;
use crate::listen::{Mailbox, Shared, Workers};
use crate::logging::queries::Switch;
use crate::logging::{self, Category, Logger, Severity};
use crate::office::reply::Ending;
use crate::office::{Facts, Office, Orders, Overrides, Request};
use crate::state::{State, Zones};
use crate::sys::host::{self, HostAddress};
use crate::sys::state_directory::StateDirectory;
use crate::sys::{cores, limits, memory};
use crate::upstream::{self, HedgeBudget, InFlight};
use channel::Channel;
use checks::Checks;
use inherited::Inherited;
use instance::Instance;
use listening::{LISTEN_AGAIN, Listening};
pub use notify::Notify;
pub use offline::{Obstacles, ZoneTest, explain, obstacles, test_zones};
use orders::{StaleAnswers, with_stale_answers};
use pid_file::PidFile;
pub use setup::{Log, Setup};
pub use start_error::StartError;
use watchdog::Watchdog;
use zones::Loaded;

/// How long a stop waits for answers: as long as a question may wait with the default `resolver-query-timeout`.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs.
pub struct Daemon {
    /// Its file is a whole path: `directory` moves the process.
    setup: Setup,
    config: Config,
    logger: Arc<Logger>,
    shared: Arc<Shared>,
    workers: Workers,
    listening: Listening,
    pid_file: PidFile,
    /// Before the process ends, nobody else has the lock.
    _instance: Option<Instance>,
    /// What the local zones say.
    zones: Loaded,
    checks: Checks,
    office: Arc<Office>,
    channel: Channel,
    statistics: statistics::Channels,
    stale_answers: StaleAnswers,
}

/// What an operator has asked to be read anew. Both are; the log's words differ, as named's.
#[derive(Clone, Copy, Debug)]
enum Anew {
    /// `reload`, SIGHUP.
    Zones,
    /// `reconfig`.
    Configuration,
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
    let daemon = Daemon::start(setup, asking)?;
    ready(&list_or_none(daemon.listening.addresses()));
    daemon.setup.notify.ready(&daemon.status());
    runtime.block_on(daemon.serve(signals, orders))
}

/// The signals that mean something, taken before a long configuration is read: left alone each of them ends a process.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// SIGUSR1; means nothing, as does the next.
    first: Signal,
    /// SIGUSR2.
    second: Signal,
}

impl Signals {
    /// Takes them; within a runtime.
    fn take() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            first: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
        })
    }
}

impl Daemon {
    fn start(mut setup: Setup, orders: Orders) -> Result<Self, StartError> {
        // `directory` moves the process: the file must be found again at a reload.
        setup.file = fs::canonicalize(&setup.file).unwrap_or(setup.file);
        let loaded = config::load_given(&setup.file, &setup.given).map_err(StartError::Config)?;
        let config = loaded.config;
        enter_directory(&config)?;
        let instance = setup.lock_file.as_deref().map(lock_instance).transpose()?;
        let host = host_addresses();
        let wanted = addresses::wanted(&config, &host);
        refuse_own_forwarders(&config, &wanted)?;
        limits::raise_open_files();
        let state = open_state(&config)?;
        let socket = config.control_socket.as_deref().map(Socket::take).transpose().map_err(StartError::Control)?;
        let cores = setup.workers.map_or_else(cores::usable, cores::of_workers);
        let mut listening = Listening::new(Inherited::new(std::mem::take(&mut setup.sockets)));
        let attempt = listening.bind_all(&wanted, cores.len()).or_nothing()?;
        let logger = start_log(&setup, &config);
        tell_loading(&setup.file);
        loaded.warnings.iter().for_each(log_warning);
        listening.tell_left_over(&wanted);
        let host = addresses::for_snapshot(&host);
        let overrides = Arc::new(Overrides::new(state));
        let mut own_checks = Checks::new(Arc::clone(&overrides));
        let what = || "cannot start the health checks".to_owned();
        let checks = own_checks.follow(&config.health_checks).map_err(|error| StartError::System(what(), error))?;
        own_checks.first_round(config.health.start_deadline);
        let context = zones::Context { checks: &checks, region: config.region.as_deref(), host: &host.name };
        let what = || "cannot start the keeper of local zones".to_owned();
        let keeper = Keeper::start().map_err(|error| StartError::System(what(), error))?;
        let zones = zones::read(&config, &Loaded::default(), context, setup.kept_by(&keeper));
        let shared = share(&config, host, &zones.zones, keeper, cores.len());
        // What reading the text took is three times what stays.
        memory::give_back();
        let what = || "cannot start the workers".to_owned();
        let workers = Workers::start(&shared, &cores).map_err(|error| StartError::System(what(), error))?;
        let logger = Arc::new(logger);
        let what = || "cannot start the control channel".to_owned();
        let mut facts = Facts::new(setup.file.clone(), &config, SystemTime::now());
        facts.state_directory = overrides.directory().map(Path::to_owned);
        facts.zones = Arc::clone(&zones.origins);
        let office = Arc::new(Office {
            overrides,
            shared: Arc::clone(&shared),
            facts: ArcSwap::from_pointee(facts),
            logger: Arc::clone(&logger),
            orders,
            writing: Mutex::default(),
        });
        let channel = Channel::new(Arc::clone(&office));
        let mut channel = channel.map_err(|error| StartError::System(what(), error))?;
        channel.open(&config, socket).map_err(|error| StartError::System(what(), error))?;
        let mut statistics = statistics::Channels::new(Arc::clone(&office));
        statistics.follow(&config);
        let mut daemon = Self {
            setup,
            logger,
            shared,
            workers,
            listening: Listening::default(),
            pid_file: PidFile::default(),
            _instance: instance,
            zones,
            checks: own_checks,
            office,
            channel,
            statistics,
            stale_answers: StaleAnswers::new(),
            config,
        };
        // Before the first answer: whoever has got one finds the file.
        daemon.pid_file.follow(daemon.config.pid_file.as_deref());
        listening.begin_all(attempt, &daemon.workers);
        daemon.listening = listening;
        daemon.tell_all(|_| ());
        Ok(daemon)
    }

    /// Serves until told to stop.
    async fn serve(mut self, signals: Signals, mut orders: mpsc::Receiver<Request>) -> Result<(), StartError> {
        let Signals { mut hangup, mut terminate, mut interrupt, mut first, mut second } = signals;
        let changes = host::address_changes().and_then(UnixDatagram::from_std).ok();
        logging::event!(Category::General, Severity::Notice, "all zones loaded");
        logging::event!(Category::General, Severity::Notice, "running");
        let mut watchdog = Watchdog::new(&self.setup.notify, &self.workers);
        let mut look_at = self.next_look();
        let patience = loop {
            tokio::select! {
                _ = hangup.recv() => {
                    logging::event!(Category::General, Severity::Info, "received SIGHUP signal to reload zones");
                    // It is logged, and nobody else waits for it.
                    let _ = self.reload(Anew::Zones);
                }
                _ = terminate.recv() => break STOP_PATIENCE,
                _ = interrupt.recv() => break STOP_PATIENCE,
                Some(request) = orders.recv() => match self.carry_out(request) {
                    None => {}
                    Some(ending) => {
                        orders::log_ending(ending);
                        break if ending == Ending::Stop { STOP_PATIENCE } else { Duration::ZERO };
                    }
                },
                _ = first.recv() => ignore("SIGUSR1"),
                _ = second.recv() => ignore("SIGUSR2"),
                () = addresses_changed(changes.as_ref()) => self.follow_interfaces(),
                () = until(look_at) => self.follow_interfaces(),
                () = watchdog.due() => {
                    watchdog.look(&self.setup.notify, &self.workers);
                    continue;
                }
            }
            look_at = self.next_look();
        };
        self.stop(patience);
        Ok(())
    }

    /// When the interfaces are looked at without being told: soon while some address cannot be had; `None`: never.
    fn next_look(&self) -> Option<tokio::time::Instant> {
        let interval = self.config.interface_interval;
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
            false => format!("NOT listening on {}", list(self.listening.missing())),
        }
    }

    /// Reads the configuration again and puts it in force, or says what is wrong and changes nothing.
    ///
    /// # Errors
    /// What is wrong, in lines, which are logged too.
    fn reload(&mut self, anew: Anew) -> Result<(), String> {
        self.setup.notify.reloading();
        tell_loading(&self.setup.file);
        let host = host_addresses();
        let checked =
            config::load_given(&self.setup.file, &self.setup.given).map_err(StartError::Config).and_then(|loaded| {
                let wanted = addresses::wanted(&loaded.config, &host);
                refuse_own_forwarders(&loaded.config, &wanted)?;
                refuse_moved_state(&self.config, &loaded.config)?;
                // The last check, for it changes something.
                if loaded.config.directory != self.config.directory {
                    enter_directory(&loaded.config)?;
                }
                Ok((loaded, wanted))
            });
        let outcome = match checked {
            Ok((loaded, wanted)) => {
                loaded.warnings.iter().for_each(log_warning);
                self.put_in_force(loaded.config, &host, &wanted);
                self.say_reloaded();
                self.say_loaded(anew);
                Ok(())
            }
            Err(error) => {
                let text = error.to_string();
                for line in text.lines() {
                    logging::event!(Category::Config, Severity::Error, "{line}");
                }
                let why = text.lines().next().unwrap_or_default().to_owned();
                self.office.tell(|facts| facts.failed = Some((SystemTime::now(), why)));
                logging::event!(
                    Category::General,
                    Severity::Error,
                    "reloading configuration failed: the old configuration stays in force"
                );
                Err(text)
            }
        };
        self.setup.notify.ready(&self.status());
        outcome
    }

    fn say_reloaded(&self) {
        if self.listening.missing().is_empty() {
            logging::event!(Category::General, Severity::Info, "reloading configuration succeeded");
            return;
        }
        let (missing, every) = (list(self.listening.missing()), LISTEN_AGAIN.as_secs());
        logging::event!(
            Category::General,
            Severity::Error,
            "reloading configuration succeeded, but not listening on {missing}: tried again every {every} s"
        );
    }

    /// named's lines behind a reload: scripts wait for the last ones.
    fn say_loaded(&self, anew: Anew) {
        let unread = self.zones.origins.iter().filter(|origin| !origin.is_in_force).count();
        match anew {
            Anew::Configuration => {
                logging::event!(Category::General, Severity::Info, "scheduled loading new zones");
                logging::event!(Category::General, Severity::Info, "any newly configured zones are now loaded");
            }
            Anew::Zones => {
                match unread {
                    0 => logging::event!(Category::General, Severity::Info, "reloading zones succeeded"),
                    _ => {
                        let what = "reloading zones succeeded, but for so many that were not loaded:";
                        logging::event!(Category::General, Severity::Error, "{what} {unread}");
                    }
                }
                logging::event!(Category::General, Severity::Notice, "all zones loaded");
            }
        }
        logging::event!(Category::General, Severity::Notice, "running");
    }

    fn put_in_force(&mut self, config: Config, host: &[HostAddress], wanted: &BTreeSet<SocketAddr>) {
        // The lists first, so that nobody is answered on a new address by old ones; then the sockets.
        let host = addresses::for_snapshot(host);
        let checks = self.checks.follow(&config.health_checks).unwrap_or_else(|error| {
            logging::event!(Category::General, Severity::Error, "cannot start the health checks: {error}");
            Vec::new()
        });
        let context = zones::Context { checks: &checks, region: config.region.as_deref(), host: &host.name };
        self.zones = zones::read(&config, &self.zones, context, self.setup.kept_by(&self.shared.keeper));
        let published = with_stale_answers(&config, &self.stale_answers);
        self.shared.desks.state.publish(&published, host, &self.zones.zones);
        drop(published);
        self.shared.desks.waiting.set_bounds(Bounds::of_waiting_questions(&config.limits));
        self.shared.connections.set_bounds(Bounds::of_connections(&config.limits));
        self.shared.desks.upstream.cache.set_capacity(cache_octets(config.cache_size));
        self.workers.reconfigure();
        self.listening.follow(wanted, &self.workers);
        // What was switched by hand stays, unless the file says otherwise than before.
        if config.logs_queries() != self.config.logs_queries() {
            self.shared.desks.query_log.switch(config.logs_queries());
        }
        self.logger.reconfigure(&self.setup.log.config(&config.logging), &working_directory());
        self.channel.follow(&config);
        self.statistics.follow(&config);
        self.tell_all(|facts| facts.follow(&config, SystemTime::now()));
        self.config = config;
        memory::give_back();
        self.pid_file.follow(self.config.pid_file.as_deref());
    }

    /// Interfaces may have changed: new addresses are listened on, vanished ones left, lists compiled again.
    fn follow_interfaces(&mut self) {
        let host = host_addresses();
        let seen = addresses::for_snapshot(&host);
        if *seen != *self.shared.desks.state.present().host {
            let config = with_stale_answers(&self.config, &self.stale_answers);
            self.shared.desks.state.publish(&config, seen, &self.zones.zones);
            self.workers.reconfigure();
        }
        self.listening.follow(&addresses::wanted(&self.config, &host), &self.workers);
        self.tell_all(|_| ());
    }

    /// Tells operators what listens, what is served, and `more`: all of it at once, so that nobody sees a part.
    fn tell_all(&self, more: impl FnOnce(&mut Facts)) {
        self.office.tell(|facts| {
            facts.listening = self.listening.addresses().copied().collect();
            facts.missing = self.listening.missing().iter().copied().collect();
            facts.zones = Arc::clone(&self.zones.origins);
            more(facts);
        });
    }

    fn stop(mut self, patience: Duration) {
        self.listening.tell_end();
        logging::event!(Category::General, Severity::Info, "shutting down");
        self.setup.notify.stopping();
        self.pid_file.remove();
        self.channel.stop();
        drop(self.statistics);
        self.workers.stop(patience);
        self.shared.keeper.stop();
        logging::event!(Category::General, Severity::Notice, "exiting");
        // A command that still runs has a hand on it.
        self.logger.flush();
    }
}

/// The log of a server that starts, and its first lines.
fn start_log(setup: &Setup, config: &Config) -> Logger {
    let (directory, on_stderr) = (working_directory(), setup.log.is_on_stderr());
    let (logger, _) = Logger::start(&setup.log.config(&config.logging), &directory, on_stderr);
    logger.set_debug_level(setup.debug_level);
    // A second server in one process shares the first one's log.
    let _ = logger.install();
    logging::event!(Category::General, Severity::Notice, "starting tandem {}", env!("CARGO_PKG_VERSION"));
    for remark in &setup.remarks {
        logging::event!(Category::General, Severity::Warning, "{remark}");
    }
    logger
}

/// named's line, in front of what is wrong with the file.
fn tell_loading(file: &Path) {
    logging::event!(Category::General, Severity::Info, "loading configuration from '{}'", file.display());
}

fn lock_instance(path: &Path) -> Result<Instance, StartError> {
    Instance::lock(path).map_err(|error| StartError::LockFile(path.to_owned(), error))
}

fn share(config: &Config, host: Arc<Host>, zones: &Zones, keeper: Keeper, workers: usize) -> Arc<Shared> {
    let epoch = Instant::now();
    let upstream = upstream::Common {
        cache: Arc::new(Cache::new(cache_octets(config.cache_size), epoch)),
        in_flight: Arc::new(InFlight::default()),
        budget: Arc::new(HedgeBudget::default()),
        epoch,
    };
    let state = Arc::new(State::new(config, host, rand::random(), zones));
    let waiting = Quota::new(Bounds::of_waiting_questions(&config.limits));
    let query_log = Arc::new(Switch::default());
    query_log.set(config.logs_queries());
    Arc::new(Shared {
        desks: desk::Common { state, waiting, upstream, metrics: Arc::default(), query_log },
        connections: Quota::new(Bounds::of_connections(&config.limits)),
        mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
        keeper,
    })
}

fn cache_octets(size: CacheSize) -> u64 {
    match size {
        CacheSize::Bytes(octets) => octets,
        CacheSize::Percent(percent) => memory::usable_octets() / 100 * u64::from(percent),
    }
}

/// Opens `state_directory`, if there is one.
fn open_state(config: &Config) -> Result<Option<Arc<StateDirectory>>, StartError> {
    let state = config.state_directory.as_deref().map(StateDirectory::open).transpose();
    state.map(|state| state.map(Arc::new)).map_err(StartError::State)
}

/// Journals and overrides would be left behind.
fn refuse_moved_state(before: &Config, now: &Config) -> Result<(), StartError> {
    if before.state_directory == now.state_directory {
        return Ok(());
    }
    Err(StartError::StateMoved(before.state_directory.clone(), now.state_directory.clone()))
}

fn enter_directory(config: &Config) -> Result<(), StartError> {
    let Some(directory) = &config.directory else { return Ok(()) };
    std::env::set_current_dir(directory).map_err(|error| StartError::Directory(directory.clone(), error))
}

/// Whole, so that messages about files name them in full.
fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

fn refuse_own_forwarders(config: &Config, listening: &BTreeSet<SocketAddr>) -> Result<(), StartError> {
    let own = addresses::own_forwarders(config, listening);
    if own.is_empty() { Ok(()) } else { Err(StartError::Config(own)) }
}

/// Addresses for a message; of many, the first.
fn list<'a>(addresses: impl IntoIterator<Item = &'a SocketAddr>) -> String {
    const SHOWN: usize = 8;
    let all: Vec<String> =
        addresses.into_iter().map(|address| format!("{} port {}", address.ip(), address.port())).collect();
    match all.get(SHOWN..).map_or(0, <[_]>::len) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all[..SHOWN].join(", ")),
    }
}

/// The same, in words where there are none.
fn list_or_none<'a>(addresses: impl IntoIterator<Item = &'a SocketAddr>) -> String {
    let text = list(addresses);
    if text.is_empty() { "no address yet".to_owned() } else { text }
}

fn ignore(signal: &str) {
    logging::event!(Category::General, Severity::Notice, "received {signal}, which means nothing here");
}

fn log_warning(warning: &Diagnostic) {
    logging::event!(Category::Config, Severity::Warning, "{}", warning.for_log());
}

/// The host's addresses; none when the system does not tell them, which it says once.
fn host_addresses() -> Vec<HostAddress> {
    host::addresses().unwrap_or_else(|error| {
        logging::event!(Category::Network, Severity::Error, "cannot read the interfaces' addresses: {error}");
        Vec::new()
    })
}

/// Waits until an address comes or goes; for ever where netlink is not available.
async fn addresses_changed(changes: Option<&UnixDatagram>) {
    let Some(changes) = changes else { return std::future::pending().await };
    // The messages are not read closely, since the interfaces are scanned anyway; one that was cut, or lost in a flood
    // (ENOBUFS), says the same.
    let _ = changes.recv(&mut [0; 4096]).await;
    // Addresses come in groups, and IPv6 ones are tentative at first.
    tokio::time::sleep(Duration::from_millis(200)).await;
    while changes.try_recv(&mut [0; 4096]).is_ok() {}
}

/// Waits until then; for ever without a time.
async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
