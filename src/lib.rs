//! Tandem: a forwarding DNS server.

pub mod sys;
pub mod wire;
pub mod logging;
pub mod config;
pub mod access;
pub mod cache;
pub mod upstream;
pub mod state;
pub mod answer;
pub mod listen;
pub mod daemon;
pub mod cli;
