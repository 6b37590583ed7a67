//! Asking an HTTP server and judging its answer: the status, and what the body begins with.
//!
//! Everything of the answer is bounded: its head in octets and fields, the part of the body that is searched, and each
//! step in time. Redirects are not followed. Not here: the connection, TLS.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::bounded;
use super::held::Held;
use crate::config::health::{self, Endpoint, Protocol};
use crate::health::{Outcome, Reason};

/// Octets of the body that the search string must lie within; Route 53's.
pub(super) const SEARCHED_OCTETS: usize = 5120;
/// Octets that are read ahead, and so the longest head.
const MAX_HEAD_OCTETS: usize = 64 * 1024;
/// Octets of all that a server says: heads before the last one, the last one, what is searched, and what hyper reads
/// beyond.
const MAX_OCTETS: usize = 4 * MAX_HEAD_OCTETS;
/// Fields of the longest head.
const MAX_FIELDS: usize = 100;

/// What a server of HTTP is asked.
pub(super) struct Ask<'a> {
    pub(super) request: &'a health::Request,
    /// Of the check.
    pub(super) name: &'a str,
    pub(super) endpoint: &'a Endpoint,
    pub(super) server: SocketAddr,
    /// When the status must be here.
    pub(super) deadline: Instant,
}

/// Asks over `stream`; the status, if it is a good one and the body holds what it must.
pub(super) async fn ask<S>(ask: &Ask<'_>, stream: S) -> Result<u16, Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true).max_headers(MAX_FIELDS).max_buf_size(MAX_HEAD_OCTETS);
    let opened = builder.handshake::<_, Empty<Bytes>>(TokioIo::new(Held::new(stream, MAX_OCTETS))).await;
    let (mut sender, connection) = opened.map_err(of_error)?;
    let exchange = async {
        let answered = timeout_at(ask.deadline, sender.send_request(ask.message()?)).await;
        let late = |_| Outcome::Failed(Reason::StatusTimeout(ask.endpoint.response_timeout));
        let response = answered.map_err(late)?.map_err(of_error)?;
        let status = response.status();
        if !(status.is_success() || status.is_redirection()) {
            return Err(Outcome::Failed(Reason::Status(status.as_u16())));
        }
        if let Some(wanted) = ask.request.search_string.as_ref().filter(|wanted| !wanted.is_empty()) {
            search(response, wanted.as_bytes(), ask.endpoint.response_timeout).await?;
        }
        Ok(status.as_u16())
    };
    let mut exchange = pin!(exchange);
    let mut connection = pin!(connection);
    // The connection moves octets for the exchange. When it ends first, the exchange still has what came.
    tokio::select! {
        biased;
        outcome = &mut exchange => return outcome,
        _ = &mut connection => {}
    }
    exchange.await
}

impl Ask<'_> {
    fn message(&self) -> Result<hyper::Request<Empty<Bytes>>, Outcome> {
        let agent = match &self.request.user_agent {
            Some(agent) => agent.clone(),
            None => health::default_user_agent(self.name),
        };
        let message = hyper::Request::get(path(&self.request.resource_path))
            .header(HOST, value(&host(self.endpoint, self.server)))
            .header(CONNECTION, HeaderValue::from_static("close"))
            .header(USER_AGENT, value(&agent))
            .header(ACCEPT, HeaderValue::from_static("*/*"))
            .body(Empty::new());
        message.map_err(|_| Outcome::Failed(Reason::Internal))
    }
}

/// A header's value: printable ASCII; whatever else a text holds is left out.
fn value(text: &str) -> HeaderValue {
    let printable: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
    HeaderValue::try_from(printable).unwrap_or(HeaderValue::from_static(""))
}

/// What is asked for. What a request line cannot hold is written as `%XX`.
fn path(resource_path: &str) -> Uri {
    let mut text = String::with_capacity(resource_path.len());
    for octet in resource_path.bytes() {
        match octet {
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => text.push(char::from(octet)),
            _ => text.push_str(&format!("%{octet:02X}")),
        }
    }
    let rooted = if text.starts_with('/') { text } else { format!("/{text}") };
    let parts = rooted.parse().ok().map(|path_and_query| {
        let mut parts = hyper::http::uri::Parts::default();
        parts.path_and_query = Some(path_and_query);
        parts
    });
    parts.and_then(|parts| Uri::from_parts(parts).ok()).unwrap_or_default()
}

/// The Host header: the server's name, else its address; the port where it is not the scheme's own.
fn host(endpoint: &Endpoint, server: SocketAddr) -> String {
    let host = match (endpoint.address.name(), server) {
        (Some(name), _) => name.to_string(),
        (None, SocketAddr::V4(v4)) => v4.ip().to_string(),
        (None, SocketAddr::V6(v6)) => format!("[{}]", v6.ip()),
    };
    let usual = if matches!(endpoint.protocol, Protocol::Https { .. }) { 443 } else { 80 };
    if server.port() == usual { host } else { format!("{host}:{}", server.port()) }
}

/// Looks for `wanted` in the first octets of the body.
async fn search(response: Response<Incoming>, wanted: &[u8], time: Duration) -> Result<(), Outcome> {
    let deadline = Instant::now() + time;
    let mut body = response.into_body();
    let mut read: Vec<u8> = Vec::new();
    let mut unfinished = None;
    while read.len() < SEARCHED_OCTETS {
        let frame = match timeout_at(deadline, Pin::new(&mut body).frame()).await {
            Ok(Some(Ok(frame))) => frame,
            // However it ends: what came is what there is.
            Ok(None | Some(Err(_))) => break,
            Err(_) => {
                unfinished = Some(time);
                break;
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        // What was searched cannot hold it but for its end.
        let from = read.len().saturating_sub(wanted.len() - 1);
        read.extend_from_slice(&data[..data.len().min(SEARCHED_OCTETS - read.len())]);
        if read[from..].windows(wanted.len()).any(|part| part == wanted) {
            return Ok(());
        }
    }
    Err(Outcome::Failed(Reason::NoMatch { octets: read.len(), unfinished }))
}

/// Why there is no status.
fn of_error(error: hyper::Error) -> Outcome {
    Outcome::Failed(if error.is_parse() { Reason::Malformed(bounded(error)) } else { Reason::Closed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::health::Address;
    use crate::wire::Name;

    #[test]
    fn every_path_can_be_asked_for() {
        for (path_of_check, sent) in [
            ("/", "/"),
            ("/a/b.html?x=1&y=%20z", "/a/b.html?x=1&y=%20z"),
            ("/a b", "/a%20b"),
            ("/a#b", "/a%23b"),
            ("/{a}|\"<b>\"^`\\", "/%7Ba%7D%7C%22%3Cb%3E%22%5E%60%5C"),
            ("/ä", "/%C3%A4"),
            ("//host/a", "//host/a"),
            ("/~a!$&'()*+,;=:@[]-._", "/~a!$&'()*+,;=:@[]-._"),
            ("/a??b", "/a??b"),
            ("a", "/a"),
            ("", "/"),
        ] {
            assert_eq!(path(path_of_check).to_string(), sent, "{path_of_check}");
        }
        let all: String = (0u8..=127).map(char::from).collect();
        assert_ne!(path(&format!("/{all}")).to_string(), "/");
    }

    #[test]
    fn the_host_is_the_name_or_the_address_and_a_port_that_is_not_usual() {
        let request = health::Request { resource_path: "/".to_owned(), search_string: None, user_agent: None };
        let http = Protocol::Http(request.clone());
        let https = Protocol::Https { request, enable_sni: true };
        for (protocol, name, server, expected) in [
            (&http, None, "127.0.0.11:8888", "127.0.0.11:8888"),
            (&http, None, "127.0.0.11:80", "127.0.0.11"),
            (&https, None, "127.0.0.11:443", "127.0.0.11"),
            (&http, None, "127.0.0.11:443", "127.0.0.11:443"),
            (&https, None, "[::1]:8443", "[::1]:8443"),
            (&http, None, "[::1]:80", "[::1]"),
            (&http, Some("Www.Example"), "127.0.0.11:80", "www.example"),
            (&https, Some("www.example"), "127.0.0.11:80", "www.example:80"),
        ] {
            let server: SocketAddr = server.parse().expect("an address");
            let fully_qualified_domain_name = name.map(|name: &str| name.parse::<Name>().expect("a name"));
            let endpoint = Endpoint {
                address: Address::Fixed { ip_address: server.ip(), fully_qualified_domain_name },
                port: server.port(),
                protocol: protocol.clone(),
                request_interval: Duration::from_secs(10),
                connect_timeout: Duration::from_secs(4),
                response_timeout: Duration::from_secs(2),
                source_address: None,
            };
            assert_eq!(host(&endpoint, server), expected);
        }
    }

    #[test]
    fn a_header_holds_printable_ascii_alone() {
        assert_eq!(value("a b~"), "a b~");
        assert_eq!(value("a\r\nb: c\tä"), "ab: c");
    }
}
