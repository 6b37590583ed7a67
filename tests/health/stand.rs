//! What the tests of the probing thread have in common: checks, servers, a table with its thread.
#![allow(dead_code, reason = "each test uses a part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use tandem::config::HealthCheck;
use tandem::config::health::{Address, Endpoint, Monitored, Protocol, Request, Thresholds};
use tandem::health::probe::Resolved;
use tandem::health::{Begin, Prober, Resolve, Row, Table};
use tandem::wire::Name;

use crate::common::wait_until;

/// For what must come at some time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing here has a name.
struct Nameless;

impl Resolve for Nameless {
    fn resolve<'a>(&'a self, _: &'a Name) -> Resolved<'a> {
        Box::pin(async { Err("no name is known".to_owned()) })
    }
}

/// A check every 200 ms, two in a row. Its timeouts are a loaded machine's.
pub(crate) fn check(name: &str, server: SocketAddr) -> HealthCheck {
    let request = Request { resource_path: "/".to_owned(), search_string: None, user_agent: None };
    HealthCheck {
        name: name.to_owned(),
        monitored: Monitored::Endpoint(Endpoint {
            address: Address::Fixed { ip_address: server.ip(), fully_qualified_domain_name: None },
            port: server.port(),
            protocol: Protocol::Http(request),
            request_interval: Duration::from_millis(200),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            source_address: None,
        }),
        thresholds: Thresholds { failure: 2, success: 2 },
        inverted: false,
        disabled: false,
        position: None,
    }
}

/// The same check with other times.
pub(crate) fn every(interval: Duration, timeout: Duration, mut check: HealthCheck) -> HealthCheck {
    if let Monitored::Endpoint(endpoint) = &mut check.monitored {
        endpoint.request_interval = interval;
        (endpoint.connect_timeout, endpoint.response_timeout) = (timeout, timeout);
    }
    check
}

/// An HTTP server that answers each connection at once and counts them; gone when dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    pub(crate) fn start(address: SocketAddr, answer: &'static str) -> Site {
        let listener = TcpListener::bind(address).expect("the address is free");
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(answer.as_bytes()));
            }
        });
        Site { address, asked, stop, thread: Some(thread) }
    }

    pub(crate) fn well(address: SocketAddr) -> Site {
        Site::start(address, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A table that follows these checks and the thread that probes them.
pub(crate) fn probing(checks: &[HealthCheck]) -> (Arc<Table>, Prober) {
    let table = Arc::new(Table::default());
    table.follow(checks, SystemTime::now());
    let prober = Prober::start(Arc::clone(&table), Arc::new(Nameless), Begin::BeforeServing).expect("a thread");
    (table, prober)
}

pub(crate) fn row(table: &Table, name: &str) -> Row {
    table.find(name).expect("the check is known").row()
}

/// Waits until a check counts as this.
pub(crate) fn await_state(table: &Table, name: &str, healthy: bool) {
    let mark = table.find(name).expect("the check is known");
    assert!(wait_until(PATIENCE, || mark.mark.is_healthy() == healthy), "{:?}", mark.row());
}
