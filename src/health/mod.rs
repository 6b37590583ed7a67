//! Health checks: which of the servers behind a name are well. Route 53's vocabulary.
//!
//! A thread of its own ([`Prober`]) probes each server when its [`schedule`] says so. What a probe finds goes through
//! the check's [`Machine`] (so many in a row turn it) into the [`Table`], which derives what the check counts as:
//! disabled, inverted, calculated from others, overridden by an operator. That is one atomic a check, its [`Mark`]: a
//! policy that loads it after a change sees the change, on every core, so that every answer after it is right.
//! Invariant: marks change under the table's lock alone, so a calculated check is never behind its children.
//! Not here: what follows for an answer (`zone`'s policies), files (overrides are [`overrides::encode`]d for whoever
//! keeps them), how a server's name is resolved ([`Resolve`] is handed in).

mod entry;
mod machine;
mod mark;
mod outcome;
pub mod overrides;
pub mod probe;
mod prober;
pub mod schedule;
mod table;

pub use entry::{Entry, Last, Row};
pub use machine::Machine;
pub use mark::Mark;
pub use outcome::{Outcome, Reason, Success};
pub use overrides::Override;
pub use probe::Resolve;
pub use prober::{Begin, Prober};
pub use table::{Change, Followed, NoSuchCheck, Probed, Table};

use crate::logging::{self, Category, Severity};

/// Logs each change in one line: what is well again as a notice, what is not as a warning.
pub fn log(changes: &[Change]) {
    for change in changes {
        // The return too: who sees that a server is down has to see that it no longer is.
        logging::event!(Category::Health, Severity::Warning, "{change}");
    }
}
