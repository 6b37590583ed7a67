//! The start of a server: everything in the order in which it can fail without leaving anything behind.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;

use super::channel::Channel;
use super::checks::Checks;
use super::in_force::InForce;
use super::inherited::Inherited;
use super::instance::Instance;
use super::listening::Listening;
use super::pid_file::PidFile;
use super::plan::{self, Plan, Read, enter_directory};
use super::reading::{Reader, log_warning, tell_loading};
use super::zones::{self, Loaded};
use super::{Daemon, Setup, StartError, cache_octets, statistics, working_directory};
use crate::access::{Bounds, Host, Quota};
use crate::answer::desk;
use crate::cache::Cache;
use crate::config::Config;
use crate::control::Socket;
use crate::keeper::Keeper;
use crate::listen::{Mailbox, Shared, Workers};
use crate::logging::queries::Switch;
use crate::logging::{self, Category, Logger, Severity};
use crate::office::{Facts, Office, Orders, Overrides, Walks};
use crate::state::{State, Zones};
use crate::sys::state_directory::StateDirectory;
use crate::sys::{cores, limits, memory};
use crate::upstream::{self, HedgeBudget, InFlight};

/// Starts a server that will get these orders.
///
/// # Errors
/// When it cannot run; nothing is left behind then.
pub(super) fn start(mut setup: Setup, orders: Orders) -> Result<Daemon, StartError> {
    // `directory` moves the process: the file must be found again at a reload.
    setup.file = fs::canonicalize(&setup.file).unwrap_or(setup.file);
    let Read { config, warnings, plan } = plan::read(&setup.file, &setup.given)?;
    enter_directory(&config)?;
    let instance = setup.lock_file.as_deref().map(lock_instance).transpose()?;
    limits::raise_open_files();
    let state = open_state(&config)?;
    let socket = config.control_socket.as_deref().map(Socket::take).transpose().map_err(StartError::Control)?;
    let cores = setup.workers.map_or_else(cores::usable, cores::of_workers);
    let mut listening = Listening::new(Inherited::new(std::mem::take(&mut setup.sockets)));
    let attempt = listening.bind_all(&plan.addresses, cores.len()).or_nothing()?;
    let logger = Arc::new(start_log(&setup, &config));
    tell_loading(&setup.file);
    warnings.iter().for_each(log_warning);
    listening.tell_left_over(&plan.addresses);
    let overrides = Arc::new(Overrides::new(state));
    let (reader, in_force) = load(setup, config, plan, Arc::clone(&overrides), cores.len())?;
    let Reader { setup, shared, .. } = &reader;
    let workers = Workers::start(shared, &cores).map_err(cannot("start the workers"))?;
    let mut facts = Facts::new(setup.file.clone(), &in_force.config, SystemTime::now());
    facts.state_directory = overrides.directory().map(Path::to_owned);
    facts.zones = Arc::clone(&in_force.zones.origins);
    let office = Arc::new(Office {
        overrides,
        shared: Arc::clone(shared),
        facts: ArcSwap::from_pointee(facts),
        logger,
        orders,
        files: Arc::default(),
        walks: Walks::default(),
    });
    let mut channel = Channel::new(Arc::clone(&office)).map_err(cannot("start the control channel"))?;
    channel.open(&in_force.config, socket).map_err(cannot("start the control channel"))?;
    let mut statistics = statistics::Channels::new(Arc::clone(&office));
    statistics.follow(&in_force.config);
    // Before the first answer: whoever has got one finds the file.
    let mut pid_file = PidFile::default();
    pid_file.follow(in_force.config.pid_file.as_deref());
    listening.begin_all(attempt, &workers);
    let (beside, waiting) = Default::default();
    let daemon = Daemon {
        reader,
        in_force,
        workers,
        listening,
        pid_file,
        _instance: instance,
        office,
        channel,
        statistics,
        beside,
        waiting,
    };
    daemon.tell_all(|_| ());
    Ok(daemon)
}

/// Reads what the configuration refers to: the state of health checks, local zones.
fn load(
    setup: Setup,
    config: Config,
    plan: Plan,
    overrides: Arc<Overrides>,
    workers: usize,
) -> Result<(Reader, InForce), StartError> {
    let mut checks = Checks::new(overrides);
    let entries = checks.follow(&config.health_checks).map_err(cannot("start the health checks"))?;
    checks.first_round(config.health.start_deadline);
    let context = zones::Context::new(&config, &entries, &plan.host);
    let keeper = Keeper::start().map_err(cannot("start the keeper of local zones"))?;
    let zones = zones::read(&config, &Loaded::default(), &HashSet::new(), context, setup.kept_by(&keeper));
    let shared = share(&config, plan.host, &zones.zones, keeper, workers);
    // What reading the text took is three times what stays.
    memory::give_back();
    let reader = Reader { setup: Arc::new(setup), shared, checks: Arc::new(Mutex::new(checks)) };
    Ok((reader, InForce::new(Arc::new(config), zones)))
}

/// The error of a start that fails in this.
fn cannot(what: &'static str) -> impl FnOnce(std::io::Error) -> StartError {
    move |error| StartError::System(format!("cannot {what}"), error)
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

/// Opens `state_directory`, if there is one.
fn open_state(config: &Config) -> Result<Option<Arc<StateDirectory>>, StartError> {
    let state = config.state_directory.as_deref().map(StateDirectory::open).transpose();
    state.map(|state| state.map(Arc::new)).map_err(StartError::State)
}
