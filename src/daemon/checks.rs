//! Health checks of the running server: the table, the thread that probes, how names of servers are resolved.
//!
//! Not here: what a check finds (`health`), what follows for an answer (`zone`).

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::HealthCheck;
use crate::health::probe::Resolved;
use crate::health::{self, Begin, Entry, Prober, Resolve};
use crate::office::Overrides;
use crate::wire::Name;

/// See the module.
pub(super) struct Checks {
    overrides: Arc<Overrides>,
    /// `None` until there is something to probe.
    prober: Option<Prober>,
    /// Those that are followed, in the configuration's order.
    entries: Vec<Arc<Entry>>,
    /// Whether clients get answers already.
    is_serving: bool,
}

impl Checks {
    /// No checks yet; the overrides count as soon as theirs are known.
    pub(super) fn new(overrides: Arc<Overrides>) -> Self {
        Self { overrides, prober: None, entries: Vec::new(), is_serving: false }
    }

    /// Takes the checks of a configuration in the place of those before; returns them in its order. The thread is started
    /// with the first that there are.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn follow(&mut self, checks: &[HealthCheck]) -> io::Result<Vec<Arc<Entry>>> {
        let followed = self.overrides.follow(checks, SystemTime::now());
        health::log(&followed.changes);
        self.entries.clone_from(&followed.entries);
        match &self.prober {
            Some(prober) => prober.follow(),
            None if checks.is_empty() => {}
            None => {
                let begin = if self.is_serving { Begin::BesideServing } else { Begin::BeforeServing };
                let table = Arc::clone(self.overrides.table());
                self.prober = Some(Prober::start(table, Arc::new(SystemResolver), begin)?);
            }
        }
        Ok(followed.entries)
    }

    /// Those that are followed, in the configuration's order.
    pub(super) fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.clone()
    }

    /// Waits until every check has its first outcome, but no longer than `deadline`; then clients get answers.
    pub(super) fn first_round(&mut self, deadline: Duration) {
        self.is_serving = true;
        if let Some(prober) = &self.prober {
            prober.first_round(deadline);
        }
    }
}

/// Resolves as every other program of the host does.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a Name) -> Resolved<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.to_string(), 0)).await.map_err(|error| error.to_string())?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
