//! Probing one server once: name, connection, TLS, request, answer, each within its time.
//!
//! Not here: when ([`super::schedule`]), what follows ([`super::Table`]).

mod connect;
mod held;
mod http;
mod tls;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::{Outcome, Reason, Success};
use crate::config::health::{Endpoint, Protocol};
use crate::wire::Name;

/// Addresses found for a name, or why there are none.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, String>> + Send + 'a>>;

/// How the names of servers are resolved. The first address that fits is taken. May be slow: a probe bounds it.
pub trait Resolve: Send + Sync {
    /// Resolves a name, for one probe.
    fn resolve<'a>(&'a self, name: &'a Name) -> Resolved<'a>;
}

/// What all probes share.
pub(super) struct Means {
    pub(super) resolve: Arc<dyn Resolve>,
    tls: tls::Tls,
}

impl Means {
    /// # Errors
    /// When the TLS library refuses its settings.
    pub(super) fn new(resolve: Arc<dyn Resolve>) -> std::io::Result<Self> {
        Ok(Self { resolve, tls: tls::Tls::new().map_err(std::io::Error::other)? })
    }
}

/// Probes the server of the check `name` once. Takes at most the endpoint's times: resolve, connect, status, body.
pub(super) async fn probe(means: &Means, name: &str, endpoint: &Endpoint) -> Outcome {
    let begin = Instant::now();
    match attempt(means, name, endpoint).await {
        Ok(status) => Outcome::Passed(Success { status, took: begin.elapsed() }),
        Err(outcome) => outcome,
    }
}

/// The status of a server that is well; of TCP none.
async fn attempt(means: &Means, name: &str, endpoint: &Endpoint) -> Result<Option<u16>, Outcome> {
    let server = connect::address_of(endpoint, &*means.resolve).await?;
    let stream = connect::connect(endpoint, server).await?;
    let deadline = Instant::now() + endpoint.response_timeout;
    let ask = |request| http::Ask { request, name, endpoint, server, deadline };
    match &endpoint.protocol {
        Protocol::Tcp => Ok(None),
        Protocol::Http(request) => http::ask(&ask(request), stream).await.map(Some),
        Protocol::Https { request, enable_sni } => {
            let server_name = endpoint.address.name().filter(|_| *enable_sni);
            let shaken = timeout_at(deadline, means.tls.connect(server_name, stream)).await;
            let late = |_| Outcome::Failed(Reason::StatusTimeout(endpoint.response_timeout));
            let failed = |error: std::io::Error| Outcome::Failed(Reason::Tls(bounded(error)));
            let stream = shaken.map_err(late)?.map_err(failed)?;
            http::ask(&ask(request), stream).await.map(Some)
        }
    }
}

/// Octets of a foreign text that are shown.
const TEXT_BOUND: usize = 200;

/// A text of another library, bounded: it may hold what a server sent.
fn bounded(text: impl fmt::Display) -> String {
    let text = text.to_string();
    let end = (0..=TEXT_BOUND.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests;
