//! The control channels of the running server: their sockets over reloads.
//!
//! Not here: what operators can ask (`control`), what is done for them (`orders`).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::config::files::explain;
use crate::control::channels::{self, Missing};
use crate::control::{self, Server, Socket};
use crate::doors::Open;
use crate::logging::{self, Category, Severity};
use crate::office::Office;
use crate::sys::sockets;

/// See the module.
pub(super) struct Channel {
    server: Server,
    /// The Unix socket. It is no longer served before its file goes.
    unix: Option<(Open, Socket)>,
    /// `control_socket` as it is configured.
    wanted: Option<PathBuf>,
    tcp: BTreeMap<SocketAddr, control::Channel>,
}

impl Channel {
    /// A channel without a socket.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new(office: Arc<Office>) -> io::Result<Self> {
        Ok(Self { server: Server::start(office)?, unix: None, wanted: None, tcp: BTreeMap::new() })
    }

    /// Serves a socket that was taken for this configuration, and its TCP channels.
    ///
    /// # Errors
    /// When the system does not let it serve the socket.
    pub(super) fn open(&mut self, config: &Config, socket: Option<Socket>) -> io::Result<()> {
        self.follow_tcp(config);
        self.open_unix(config, socket)
    }

    fn open_unix(&mut self, config: &Config, socket: Option<Socket>) -> io::Result<()> {
        let opened = socket.map(|socket| self.server.listen_unix(&socket).map(|listening| (listening, socket)));
        self.unix = opened.transpose()?;
        self.wanted.clone_from(&config.control_socket);
        if let Some((_, socket)) = &self.unix {
            let path = socket.path().display();
            logging::event!(Category::General, Severity::Info, "command channel listening on {path}");
        }
        Ok(())
    }

    /// Follows a configuration that was read anew. Where another socket cannot be had, the one before stays.
    pub(super) fn follow(&mut self, config: &Config) {
        self.follow_tcp(config);
        if self.wanted == config.control_socket {
            return;
        }
        let taken = config.control_socket.as_deref().map(Socket::take).transpose();
        let opened = match taken {
            Ok(socket) => self.open_unix(config, socket).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = opened {
            logging::event!(Category::General, Severity::Error, "{error}: the control channel stays as it was");
        }
    }

    fn follow_tcp(&mut self, config: &Config) {
        let (wanted, missing) = channels::wanted(config);
        let gone = |address: &SocketAddr| !wanted.iter().any(|(other, _)| other == address);
        for address in self.tcp.keys().filter(|address| gone(address)) {
            let (ip, port) = (address.ip(), address.port());
            logging::event!(Category::General, Severity::Notice, "stopping command channel on {ip}#{port}");
        }
        self.tcp.retain(|address, _| !gone(address));
        let mut missing: Vec<Missing> = missing;
        for (address, settings) in wanted {
            if let Some(present) = self.tcp.get(&address) {
                present.follow(settings);
                continue;
            }
            let listener = sockets::operators_listener(address);
            match listener.and_then(|listener| self.server.listen_tcp(listener, settings)) {
                Ok(channel) => {
                    let (ip, port) = (address.ip(), address.port());
                    logging::event!(Category::General, Severity::Notice, "command channel listening on {ip}#{port}");
                    self.tcp.insert(address, channel);
                }
                Err(error) => {
                    let is_written = |control: &crate::config::Control| control.position.is_some();
                    let is_default =
                        !config.controls.iter().any(|control| control.address == address && is_written(control));
                    missing.push(Missing { address, why: explain(&error), is_default });
                }
            }
        }
        complain(&missing);
    }

    /// Takes no commands any more.
    pub(super) fn stop(self) {
        for address in self.tcp.keys() {
            let (ip, port) = (address.ip(), address.port());
            logging::event!(Category::General, Severity::Notice, "stopping command channel on {ip}#{port}");
        }
        if let Some((_, socket)) = &self.unix {
            let path = socket.path().display();
            logging::event!(Category::General, Severity::Info, "stopping command channel on {path}");
        }
    }
}

/// Says what cannot be had; of what nobody has asked for, once and quietly.
fn complain(missing: &[Missing]) {
    for channel in missing.iter().filter(|channel| !channel.is_default) {
        logging::event!(Category::General, Severity::Error, "{channel}");
    }
    if let Some(channel) = missing.iter().find(|channel| channel.is_default) {
        logging::event!(Category::General, Severity::Info, "{channel}");
    }
}
