//! Writing what happened, by channels and categories as named's `logging` statement has them.
//!
//! An event goes one way: [`event!`](crate::event) → `tracing` → [`Subscriber`] (is it written at all? then its text)
//! → a bounded ring → the writer thread → channels. Only the last step touches a disk, a socket or a terminal, so
//! that a full disk, a hung file system or a silent syslog costs the caller nothing: what does not fit into the ring
//! is counted, and the writer says how much it was.
//!
//! One way to log, everywhere: `logging::event!(Category::Security, Severity::Info, "client {peer}: …")`. Where the
//! arguments themselves cost something, ask [`enabled`] first: one relaxed load. Where the severity is not known before,
//! [`at`] takes it as a value; it is for what happens off the hit path.
//!
//! Not here: reading the `logging` statement (`config`), and when a query is logged (`answer`); its line is noted
//! on the way of queries, goes to the writer by a ring of its worker ([`queries`]), and joins the channels as category
//! queries.

use std::collections::BTreeMap;

/// An enum whose values are words of named.conf, with the table of those words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[$name] = &[$($name::$value,)*];

            /// Its word in named.conf.
            pub const fn word(self) -> &'static str {
                match self { $($name::$value => $word,)* }
            }

            /// The value of a word, without regard to case.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word().eq_ignore_ascii_case(word))
            }
        }
    };
}

pub mod category;
pub mod channel;
pub mod event;
mod file;
mod gate;
mod line;
pub mod logger;
mod outage;
mod plan;
pub mod queries;
mod rotation;
pub mod severity;
mod stderr;
mod syslog;
mod thread;
mod time;
mod writer;

pub use category::Category;
pub use channel::{BUILT_IN_CHANNELS, Channel, Destination, Facility, File, PrintTime, Suffix, Versions};
pub use event::{Subscriber, at};
pub use gate::enabled;
pub use logger::{AlreadyInstalled, Logger};
pub use severity::{Severity, Threshold};
pub use time::{dump_date, http_date};

pub use crate::event;

/// For [`event!`](crate::event) alone, whose caller need not name the crate.
#[doc(hidden)]
pub use tracing;

/// The `logging` statement.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// By name; the [`BUILT_IN_CHANNELS`] are among them only where the statement defines them anew.
    pub channels: BTreeMap<String, Channel>,
    /// Which channels a category's messages go to; one that is missing goes where `default` goes.
    pub categories: BTreeMap<Category, Vec<String>>,
}
