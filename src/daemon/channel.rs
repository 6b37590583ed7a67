//! The control channel of the running server: its socket over reloads, and what it is told of the process.
//!
//! Not here: what operators can ask (`control`).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::control::{Context, Facts, Origin, Overrides, Server, Socket};
use crate::listen::Shared;
use crate::logging::{self, Category, Severity};

/// See the module.
pub(super) struct Channel {
    context: Arc<Context>,
    server: Option<Server>,
    /// `control_socket` as it is configured.
    wanted: Option<PathBuf>,
}

impl Channel {
    /// A channel without a socket, of a process that begins now.
    pub(super) fn new(path: &Path, overrides: Arc<Overrides>, shared: Arc<Shared>, zones: Vec<Origin>) -> Self {
        let now = SystemTime::now();
        let facts = Facts {
            started: now,
            configuration: path.to_owned(),
            read: now,
            failed: None,
            listening: Vec::new(),
            missing: Vec::new(),
            state_directory: overrides.directory().map(Path::to_owned),
            zones,
        };
        let context = Arc::new(Context { overrides, shared, facts: ArcSwap::from_pointee(facts) });
        Self { context, server: None, wanted: None }
    }

    /// What it looks at; others that are asked look at it too.
    pub(super) fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context)
    }

    /// Serves a socket that was taken for this configuration.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn open(&mut self, config: &Config, socket: Option<Socket>) -> io::Result<()> {
        self.wanted.clone_from(&config.control_socket);
        self.server = None;
        if let Some(socket) = socket {
            self.server = Some(Server::start(socket, Arc::clone(&self.context))?);
        }
        if let Some(server) = &self.server {
            let path = server.path().display();
            logging::event!(Category::General, Severity::Info, "command channel listening on {path}");
        }
        Ok(())
    }

    /// Follows a configuration that was read anew. Where another socket cannot be had, the one before stays.
    pub(super) fn follow(&mut self, config: &Config) {
        if self.wanted == config.control_socket {
            return;
        }
        let taken = config.control_socket.as_deref().map(Socket::take).transpose();
        let opened = match taken {
            Ok(socket) => self.open(config, socket).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = opened {
            logging::event!(Category::General, Severity::Error, "{error}: the control channel stays as it was");
        }
    }

    /// Tells what has changed.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = Facts::clone(&self.context.facts.load());
        change(&mut facts);
        self.context.facts.store(Arc::new(facts));
    }
}
