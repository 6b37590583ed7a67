//! Reading anew what is in force: the whole configuration, or one zone. It may take long, and runs beside the server.
//!
//! The configuration is read and checked before anything is changed: a bad file leaves the server as it is. What its zones
//! say and who is told so are in force at once ([`super::handover`]).
//! Not here: what follows for sockets, logs and channels ([`super::reload`]).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::checks::Checks;
use super::in_force::InForce;
use super::plan::{self, Read, enter_directory, refuse_moved_state};
use super::{Setup, StartError, handover, zones};
use crate::config::{Config, Diagnostic, Level};
use crate::keeper::Keeper;
use crate::listen::Shared;
use crate::logging::{self, Category, Severity};
use crate::office::Origin;
use crate::sys::memory;
use crate::wire::Name;

/// See the module.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) setup: Arc<Setup>,
    pub(super) shared: Arc<Shared>,
    pub(super) checks: Arc<Mutex<Checks>>,
}

/// What was read, and is in force for whom is answered, and how.
pub(super) struct Anew {
    pub(super) in_force: InForce,
    /// Where it is to listen.
    pub(super) addresses: BTreeSet<SocketAddr>,
    /// How often an operator had set the timers of connections when reading began.
    pub(super) timer_orders: u64,
}

impl Reader {
    /// Reads the configuration and its zones in the place of those `before`, and publishes them.
    ///
    /// # Errors
    /// What is wrong, in lines, which are logged too; nothing is changed then.
    pub(super) fn read(&self, before: &InForce) -> Result<Anew, String> {
        let timer_orders = self.shared.desks.state.present().timers.orders();
        tell_loading(&self.setup.file);
        let Read { config, warnings, plan } = self.check(&before.config).map_err(|error| {
            log_refused(&error);
            error.to_string()
        })?;
        warnings.iter().for_each(log_warning);
        let checks = self.checks().follow(&config.health_checks).unwrap_or_else(|error| {
            logging::event!(Category::General, Severity::Error, "cannot start the health checks: {error}");
            Vec::new()
        });
        let context = zones::Context::new(&config, &checks, &plan.host);
        let host = &self.shared.desks.state.present().host;
        let unchanged = handover::unchanged((&before.config, host), (&config, &plan.host));
        let zones = zones::read(&config, &before.zones, &unchanged, context, self.keeper());
        let in_force = before.followed_by(Arc::new(config), zones);
        in_force.publish(&self.shared.desks.state, plan.host);
        // What reading the text took is three times what stays.
        memory::give_back();
        Ok(Anew { in_force, addresses: plan.addresses, timer_orders })
    }

    /// Reads the configuration, and looks for what keeps the server from following it.
    fn check(&self, before: &Config) -> Result<Read, StartError> {
        let read = plan::read(&self.setup.file, &self.setup.given)?;
        refuse_moved_state(before, &read.config)?;
        // The last check, for it changes something.
        if read.config.directory != before.directory {
            enter_directory(&read.config)?;
        }
        Ok(read)
    }

    /// Reads one zone of what is in force, of this view and apex; what came of it, and whether another version is served
    /// now. `None`: there is no such zone.
    pub(super) fn read_zone(&self, in_force: &InForce, view: &str, apex: &Name) -> Option<(Origin, bool)> {
        let (checks, host) = (self.checks().entries(), Arc::clone(&self.shared.desks.state.present().host));
        let context = zones::Context::new(&in_force.config, &checks, &host);
        zones::read_one(&in_force.config, &in_force.zones, (view, apex), context, &self.shared.keeper)
    }

    /// Who keeps updates; a trial keeps nothing, the journals may be another server's.
    fn keeper(&self) -> Option<&Keeper> {
        self.setup.kept_by(&self.shared.keeper)
    }

    fn checks(&self) -> MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// named's line, in front of what is wrong with the file.
pub(super) fn tell_loading(file: &Path) {
    logging::event!(Category::General, Severity::Info, "loading configuration from '{}'", file.display());
}

/// Leaves every fault of what is not put in force, each at its own severity.
fn log_refused(error: &StartError) {
    match error {
        StartError::Config(faults) => {
            for fault in faults {
                let severity = if fault.level == Level::Warning { Severity::Warning } else { Severity::Error };
                logging::at(Category::Config, severity, format_args!("{}", fault.for_log()));
            }
        }
        other => logging::event!(Category::Config, Severity::Error, "{other}"),
    }
}

pub(super) fn log_warning(warning: &Diagnostic) {
    logging::event!(Category::Config, Severity::Warning, "{}", warning.for_log());
}
