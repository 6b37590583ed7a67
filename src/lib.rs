//! Tandem: a forwarding DNS server.

pub mod wire;
pub mod logging;
pub mod config;
