//! The stand that servers are measured on: places, processes, configurations, floors, loads, tables and plots.
//!
//! One core is the server's, another the load's and the upstreams'; a server is a child process with an address of its
//! own in 127.0.0.0/8, and is measured by what the kernel says of its process. Everything that a run starts it ends, by
//! its PID, whatever happens to the run.

// Each benchmark compiles this module for itself and uses a part of it.
#![allow(dead_code)]

pub(crate) mod authorities;
pub(crate) mod chase;
pub(crate) mod floor;
pub(crate) mod load;
pub(crate) mod message;
pub(crate) mod open_loop;
pub(crate) mod peers;
pub(crate) mod place;
pub(crate) mod plot;
pub(crate) mod process;
pub(crate) mod table;
pub(crate) mod tcp_load;
pub(crate) mod upstream;

use std::net::SocketAddr;
use std::process::ExitCode;

/// The word that makes a benchmark's program play a floor or an upstream instead: `stand-in KIND ADDRESS…`.
pub(crate) const STAND_IN: &str = "stand-in";

/// If the arguments say so, plays a stand-in until the parent ends; else `None`.
pub(crate) fn play_stand_in() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [first, kind, addresses @ ..] = words.as_slice() else { return None };
    if first != STAND_IN {
        return None;
    }
    let addresses: Vec<SocketAddr> =
        addresses.iter().map(|text| text.parse().expect("the benchmark writes addresses")).collect();
    let played = match (kind.as_str(), addresses.as_slice()) {
        ("echo", [listen]) => floor::echo(*listen),
        ("relay", [listen, upstream]) => floor::relay(*listen, *upstream),
        ("fast-upstream", [listen]) => upstream::play_fast(*listen),
        ("upstream", [listen]) => upstream::play(*listen),
        _ => panic!("the benchmark knows its stand-ins: {words:?}"),
    };
    if let Err(error) = &played {
        table::note(&format!("{kind}: {error}"));
    }
    Some(if played.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
