//! Who may enter, as the configuration and the host's addresses are now.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::{Acl, Host};
use crate::config::MatchList;
use crate::state::State;

/// The list of a door.
pub struct Gate {
    state: Arc<State>,
    inside: Mutex<Inside>,
}

struct Inside {
    allow: MatchList,
    /// The list, and the host that it was compiled for.
    compiled: Option<(Arc<Host>, Acl)>,
}

impl Gate {
    /// A gate for those whom a list allows on the host of `state`.
    pub fn new(state: Arc<State>, allow: MatchList) -> Self {
        Self { state, inside: Mutex::new(Inside { allow, compiled: None }) }
    }

    /// Follows a configuration.
    pub fn follow(&self, allow: &MatchList) {
        let mut inside = self.inside();
        if inside.allow != *allow {
            *inside = Inside { allow: allow.clone(), compiled: None };
        }
    }

    /// Whether a client of this address may be here now.
    pub fn allows(&self, client: IpAddr) -> bool {
        let host = Arc::clone(&self.state.present().host);
        let mut inside = self.inside();
        let Inside { allow, compiled } = &mut *inside;
        let (_, acl) = match compiled.take_if(|(of, _)| Arc::ptr_eq(of, &host)) {
            Some(present) => compiled.insert(present),
            None => {
                let acl = Acl::compile(allow, &host);
                compiled.insert((host, acl))
            }
        };
        acl.allows(client.to_canonical())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Whoever panicked has not left a list half changed.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("allow", &self.inside().allow).finish_non_exhaustive()
    }
}
