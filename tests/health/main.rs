//! The thread that probes, over real sockets: servers that die, freeze, come back; reloads and overrides meanwhile.
//!
//! Not here: what a single probe makes of an answer and what follows from outcomes, which are told beside the code; what
//! takes minutes (`tests/health_long`).

#[path = "../common/mod.rs"]
mod common;
mod stand;

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;

use common::{Process, fresh_address, program, wait_until};
use stand::{PATIENCE, Site, await_state, check, every, probing, row};
use tandem::config::HealthCheck;
use tandem::health::Override;

#[test]
fn the_first_round_finds_out_who_is_well_before_serving_begins() {
    let (up, down) = (Site::well(fresh_address()), fresh_address());
    let unavailable = Site::start(fresh_address(), "HTTP/1.1 503 No\r\n\r\n");
    let checks = [check("up", up.address), check("down", down), check("unavailable", unavailable.address)];
    let (table, prober) = probing(&checks);
    assert!(prober.first_round(PATIENCE));
    let found: Vec<_> = table.report().iter().map(|row| row.healthy).collect();
    assert_eq!(found, [true, false, false]);
    assert_eq!(row(&table, "down").reason, "connect: refused (the first probe)");
    assert_eq!(row(&table, "unavailable").reason, "status 503 (the first probe)");
    assert!(prober.first_round(Duration::ZERO), "once it is over it stays over");
}

#[test]
fn a_silent_server_keeps_the_first_round_no_longer_than_its_deadline() {
    let silent = TcpListener::bind(fresh_address()).expect("the address is free");
    let minute = Duration::from_secs(60);
    let slow = every(minute, minute, check("silent", silent.local_addr().expect("bound")));
    let (table, prober) = probing(&[slow]);
    assert!(!prober.first_round(Duration::from_millis(200)));
    assert!(row(&table, "silent").healthy, "until it is found out");
    prober.stop();
}

#[test]
fn without_checks_there_is_no_round_to_wait_for() {
    let (_, prober) = probing(&[]);
    assert!(prober.first_round(PATIENCE));
}

#[test]
fn a_server_that_dies_and_returns_is_followed() {
    let site = Site::well(fresh_address());
    let address = site.address;
    let (table, prober) = probing(&[check("site", address)]);
    assert!(prober.first_round(PATIENCE));
    await_state(&table, "site", true);
    drop(site);
    await_state(&table, "site", false);
    assert_eq!(row(&table, "site").reason, "connect: refused (2 in a row)");
    let site = Site::well(address);
    await_state(&table, "site", true);
    assert!(row(&table, "site").reason.starts_with("status 200 after "), "{:?}", row(&table, "site"));
    drop(site);
}

#[test]
fn a_frozen_server_is_found_out_and_its_thaw_too() {
    let address = fresh_address();
    let python = program("python3", "python3");
    let words = ["-m", "http.server", "--bind", &address.ip().to_string(), &address.port().to_string()];
    let directory = tempfile::tempdir().expect("a directory");
    let child = Command::new(python).args(words).current_dir(directory.path()).stderr(Stdio::null()).spawn();
    let server = Process::new(child.expect("python3 starts"));
    assert!(wait_until(PATIENCE, || TcpStream::connect(address).is_ok()), "it listens");
    let (table, prober) = probing(&[check("site", address)]);
    assert!(prober.first_round(PATIENCE));
    await_state(&table, "site", true);
    server.signal(Signal::SIGSTOP);
    await_state(&table, "site", false);
    assert_eq!(row(&table, "site").reason, "no status within 5.000 s (2 in a row)");
    server.signal(Signal::SIGCONT);
    await_state(&table, "site", true);
}

#[test]
fn a_reload_changes_who_is_probed() {
    let (first, second) = (Site::well(fresh_address()), Site::well(fresh_address()));
    let (table, prober) = probing(&[check("first", first.address)]);
    assert!(prober.first_round(PATIENCE));
    table.follow(&[check("second", second.address)], SystemTime::now());
    prober.follow();
    assert!(wait_until(PATIENCE, || second.asked() > 3));
    // What was under way when the order came has ended long since.
    let before = first.asked();
    assert!(wait_until(PATIENCE, || second.asked() > 10));
    assert_eq!(first.asked(), before);
    let disabled = HealthCheck { disabled: true, ..check("second", second.address) };
    table.follow(&[disabled, check("first", first.address)], SystemTime::now());
    prober.follow();
    assert!(wait_until(PATIENCE, || first.asked() > before + 3));
    let at_rest = second.asked();
    assert!(wait_until(PATIENCE, || first.asked() > before + 10));
    assert_eq!(second.asked(), at_rest);
}

#[test]
fn an_override_holds_until_it_expires() {
    let site = Site::well(fresh_address());
    let (table, prober) = probing(&[check("site", site.address)]);
    assert!(prober.first_round(PATIENCE));
    let ends = SystemTime::now() + Duration::from_secs(3);
    let unix = ends.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let down = Override { healthy: false, reason: "new disks".to_owned(), expires: Some(unix) };
    let changes = table.set_override("site", Some(down), SystemTime::now()).expect("a check");
    assert_eq!(changes.len(), 1);
    let asked = site.asked();
    await_state(&table, "site", true);
    assert!(SystemTime::now() >= SystemTime::UNIX_EPOCH + Duration::from_secs(unix), "not before its end");
    assert!(site.asked() > asked, "it is probed all the same");
    assert!(row(&table, "site").reason.starts_with("override expired"), "{:?}", row(&table, "site"));
    assert_eq!(table.overrides(), []);
}
