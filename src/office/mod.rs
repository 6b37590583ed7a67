//! What the operators' doors share: what the process is, and the ways to have it changed.
//!
//! A door is any way by which operators ask, such as the control channel or the statistics channels. Each has an [`Office`]:
//! it reads the [`Facts`] that `daemon` publishes, changes health [`overrides`], and asks `daemon` by an [`Order`] for what
//! only that may do; it is answered in the words of [`reply`]. No worker waits for anything here.
//! Not here: who may ask and in which form (`control`, `http`), how an order is carried out (`daemon`).

mod facts;
pub mod files;
mod forget;
mod orders;
pub mod overrides;
pub mod reply;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::listen::Shared;
use crate::logging::Logger;
pub use facts::{Facts, Fault, Origin, show_addresses};
pub use files::Files;
pub use forget::{Forget, Names, Walks};
pub use orders::{Order, Orders, Request, ServeStale};
pub use overrides::Overrides;
use reply::{Code, Failure};

/// What operators look at and change.
pub struct Office {
    /// Health checks.
    pub overrides: Arc<Overrides>,
    /// Views, rules, zones, and what clients use.
    pub shared: Arc<Shared>,
    /// What the process is and does.
    pub facts: ArcSwap<Facts>,
    /// The log and its level.
    pub logger: Arc<Logger>,
    /// What `daemon` is asked for.
    pub orders: Orders,
    /// Files that were asked for.
    pub files: Arc<Files>,
    /// Walks through the cache.
    pub walks: Walks,
}

impl Office {
    /// Publishes what has changed. `daemon` alone does, and one at a time.
    pub fn tell(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = Facts::clone(&self.facts.load());
        change(&mut facts);
        self.facts.store(Arc::new(facts));
    }
}

/// The number of a view that there is now.
///
/// # Errors
/// When there is none of this name, in named's words.
pub fn view_number(office: &Office, name: &str) -> Result<u16, Failure> {
    let snapshot = office.shared.desks.state.present();
    let found = snapshot.views.iter().find(|view| view.name == name).map(|view| view.id);
    found.ok_or_else(|| Failure::with(Code::NotFound, format!("no matching view '{name}'")))
}

/// It has nothing to show: what it leads to is the whole server.
impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Office")
    }
}
