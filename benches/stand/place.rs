//! Where a run takes place: a temporary directory, two cores, addresses that no other run has.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use tandem::sys::cores;
use tempfile::TempDir;

/// Every server's port: below those that the system gives to clients.
const PORT: u16 = 5300;
/// Addresses for servers: `1..CLIENTS`; those above are the loads'.
const CLIENTS: u8 = 200;

/// See the module.
pub(crate) struct Place {
    directory: TempDir,
    /// The core of the server that is measured.
    pub(crate) server_core: usize,
    /// The core of loads and upstreams; the same if there is only one.
    pub(crate) load_core: usize,
    /// The first three octets of this run's addresses.
    network: [u8; 3],
    next: AtomicU8,
}

impl Place {
    pub(crate) fn new() -> io::Result<Self> {
        let cores = cores::usable();
        let [.., high, low] = std::process::id().to_be_bytes();
        Ok(Self {
            directory: tempfile::Builder::new().prefix("tandem-bench-").tempdir()?,
            server_core: cores[0],
            load_core: cores[cores.len() - 1],
            // 127.128.0.0/9: the tests have 127.64.0.0/10.
            network: [127, 128 | (high & 0x7f), low],
            next: AtomicU8::new(0),
        })
    }

    /// A directory of this name, made if it is not there.
    pub(crate) fn directory(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// An address for a server; they come round after [`CLIENTS`] of them, when their first holders have long ended.
    pub(crate) fn address(&self) -> SocketAddr {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % (CLIENTS - 1) + 1;
        let [a, b, c] = self.network;
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, number)), PORT)
    }

    /// 127.0.0.1 with a port that is free, for servers that listen on the addresses of interfaces alone.
    pub(crate) fn interface_address(&self) -> io::Result<SocketAddr> {
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
    }

    /// An address to ask from: one of 50 that are no server's.
    pub(crate) fn client(&self, number: usize) -> IpAddr {
        let [a, b, c] = self.network;
        IpAddr::V4(Ipv4Addr::new(a, b, c, CLIENTS + (number % 50) as u8))
    }

    /// The network of [`Self::client`].
    pub(crate) fn client_network(&self) -> String {
        let [a, b, c] = self.network;
        format!("{a}.{b}.{c}.0/24")
    }
}

/// The path of a program, looked for as a shell does and in the directories of daemons.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut files = std::env::split_paths(&path).chain(sbin).map(|directory| directory.join(name));
    files.find(|file| file.is_file())
}
