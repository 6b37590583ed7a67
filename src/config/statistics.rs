//! Where statistics are told.

use std::net::SocketAddr;

use super::MatchList;

/// `inet` of `statistics-channels`: an HTTP listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsChannel {
    /// Where it listens; an unspecified address is every one of its family.
    pub address: SocketAddr,
    /// `allow`: who may read. Default any, as in named.
    pub allow: MatchList,
}

/// The port of a channel that names none: that of HTTP.
pub const STATISTICS_PORT: u16 = 80;
