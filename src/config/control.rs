//! Where the server takes commands by TCP: `controls`, TOML's `[[control]]`.
//!
//! Not here: the Unix socket (`control_socket`), what commands there are (`control`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{MatchList, Position};
use crate::wire::Name;

/// The port of named's control channel.
pub const CONTROL_PORT: u16 = 953;

/// One channel: `inet`.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Where it listens; an unspecified address is every one. The port is `1..`, default [`CONTROL_PORT`].
    pub address: SocketAddr,
    /// `allow`: who may connect. TOML's default is `localhost`.
    pub allow: MatchList,
    /// `keys`: whose commands are taken; all of them are in [`super::Config::keys`]. `None`: the one of rndc's key file.
    pub keys: Option<Vec<Name>>,
    /// `read-only`: commands that change nothing alone. Default no.
    pub read_only: bool,
    /// Where it is written; `None`: it is there by default.
    pub position: Option<Position>,
}

/// What named.conf means without the statement, as in named: whoever reaches the loopback addresses and has the key of
/// rndc's key file.
pub(super) fn unwritten() -> Vec<Control> {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let control = |ip| Control {
        address: SocketAddr::new(ip, CONTROL_PORT),
        allow: MatchList::any(),
        keys: None,
        read_only: false,
        position: None,
    };
    addresses.map(control).into()
}

/// Parts channels from those at an address that another has before.
pub(super) fn distinct(controls: Vec<Control>) -> (Vec<Control>, Vec<Control>) {
    let mut kept: Vec<Control> = Vec::new();
    let mut left_out = Vec::new();
    for control in controls {
        match kept.iter().any(|other| other.address == control.address) {
            true => left_out.push(control),
            false => kept.push(control),
        }
    }
    (kept, left_out)
}
