//! Probes against scripted servers on loopback: what they say, when, and how each ends.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::config::health::{Address, Request};

/// Where this file's servers are.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 63, 1, 1);
/// For what is not about time.
const PATIENCE: Duration = Duration::from_secs(20);
/// For what is awaited in vain.
const SHORT: Duration = Duration::from_millis(300);

/// What a server does with a connection, in order; then it closes it.
#[derive(Clone, Debug)]
enum Step {
    /// Reads to the end of the head of a request.
    Read,
    Send(Vec<u8>),
    Wait(Duration),
    /// Waits until the client has closed.
    Hold,
}

use Step::{Hold, Read as Ask, Wait};

fn send(text: impl Into<Vec<u8>>) -> Step {
    Step::Send(text.into())
}

/// Plays the steps; what the client sent up to its blank line.
fn play(mut stream: impl Read + Write, steps: &[Step]) -> io::Result<String> {
    let mut asked = Vec::new();
    for step in steps {
        match step {
            Step::Read => {
                let mut octet = [0];
                while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut octet)? == 1 {
                    asked.push(octet[0]);
                }
            }
            Step::Send(octets) => {
                stream.write_all(octets)?;
                stream.flush()?;
            }
            Step::Wait(time) => thread::sleep(*time),
            Step::Hold => drop(io::copy(&mut stream, &mut io::sink())),
        }
    }
    Ok(String::from_utf8_lossy(&asked).into_owned())
}

/// A server that plays the same steps with each connection, one at a time, for as long as the process lives.
fn server(steps: &[Step]) -> SocketAddr {
    let listener = TcpListener::bind((SERVER, 0)).expect("loopback");
    let address = listener.local_addr().expect("bound");
    let steps = steps.to_vec();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = play(stream, &steps);
        }
    });
    address
}

/// A server for one connection, of which the request and the client's address are told.
fn curious_server(steps: &[Step]) -> (SocketAddr, thread::JoinHandle<(String, IpAddr)>) {
    let listener = TcpListener::bind((SERVER, 0)).expect("loopback");
    let address = listener.local_addr().expect("bound");
    let steps = steps.to_vec();
    let told = thread::spawn(move || {
        let (stream, peer) = listener.accept().expect("a client");
        (play(stream, &steps).expect("a request"), peer.ip())
    });
    (address, told)
}

fn request(search_string: Option<&str>) -> Request {
    Request { resource_path: "/".to_owned(), search_string: search_string.map(str::to_owned), user_agent: None }
}

fn endpoint(server: SocketAddr, protocol: Protocol) -> Endpoint {
    Endpoint {
        address: Address::Fixed { ip_address: server.ip(), fully_qualified_domain_name: None },
        port: server.port(),
        protocol,
        request_interval: Duration::from_secs(30),
        connect_timeout: PATIENCE,
        response_timeout: PATIENCE,
        source_address: None,
    }
}

fn http(server: SocketAddr, search_string: Option<&str>) -> Endpoint {
    endpoint(server, Protocol::Http(request(search_string)))
}

/// A resolver that knows these names.
struct Names(Vec<(&'static str, Result<Vec<IpAddr>, String>)>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a Name) -> Resolved<'a> {
        Box::pin(async move {
            let text = name.to_string();
            let found = self.0.iter().find(|row| row.0 == text).map(|row| row.1.clone());
            match found {
                Some(found) => found,
                None => std::future::pending().await,
            }
        })
    }
}

/// Probes once in a runtime of its own.
fn probe_with(resolve: Names, endpoint: &Endpoint) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let means = Means::new(Arc::new(resolve)).expect("settings of TLS");
    runtime.block_on(probe(&means, "primary", endpoint))
}

fn probe_once(endpoint: &Endpoint) -> Outcome {
    probe_with(Names(Vec::new()), endpoint)
}

/// The outcome in words, without the time that a success took.
fn words(outcome: &Outcome) -> String {
    let text = outcome.to_string();
    text.split(" after ").next().unwrap_or_default().to_owned()
}

/// Probes each server once and compares the words.
fn expect(cases: &[(&str, Vec<Step>, Option<&str>, &str)]) {
    for (case, steps, search_string, expected) in cases {
        let outcome = probe_once(&http(server(steps), *search_string));
        assert_eq!(words(&outcome), *expected, "{case}");
    }
}

#[test]
fn whoever_answers_with_a_good_status_is_well() {
    let ok = |head: &str| vec![Ask, send(head)];
    let field = format!("X-Long: {}\r\n", "x".repeat(1000));
    let long_head = format!("HTTP/1.1 200 OK\r\n{}\r\n", field.repeat(63));
    let early =
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let dribble = "HTTP/1.1 200 OK\r\nServer: slow\r\n\r\n".bytes();
    let dribbled: Vec<_> = dribble.flat_map(|octet| [send([octet]), Wait(Duration::from_millis(2))]).collect();
    expect(&[
        ("bare line feeds and no length", ok("HTTP/1.1 200 OK\n\n Fri Jul 7 on server #1\n"), None, "status 200"),
        ("a length", ok("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), None, "status 200"),
        ("HTTP/1.0", ok("HTTP/1.0 200 OK\r\n\r\nok"), None, "status 200"),
        ("no reason phrase", ok("HTTP/1.1 200 \r\n\r\n"), None, "status 200"),
        ("not even a space before it", ok("HTTP/1.1 200\r\n\r\n"), None, "status 200"),
        ("a body that stops short", ok("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok"), None, "status 200"),
        ("204", ok("HTTP/1.1 204 No Content\r\n\r\n"), None, "status 204"),
        ("299", ok("HTTP/1.1 299 ?\r\n\r\n"), None, "status 299"),
        ("a redirect, which is not followed", ok("HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n"), None, "status 301"),
        ("399", ok("HTTP/1.1 399 ?\r\n\r\n"), None, "status 399"),
        ("word of what is to come first", ok(early), None, "status 204"),
        ("a long head", ok(&long_head), None, "status 200"),
        ("a slow head", [vec![Ask], dribbled].concat(), None, "status 200"),
        ("who does not wait for the question", vec![send("HTTP/1.1 200 OK\n\nhello"), Ask], None, "status 200"),
        ("who closes without hearing it", vec![send("HTTP/1.1 200 OK\n\nhello")], None, "status 200"),
    ]);
}

#[test]
fn a_server_that_speaks_first_is_understood_each_time() {
    let address = server(&[send("HTTP/1.1 200 OK\n\n hello"), Ask]);
    // Enough of others at the same time that the order of steps varies.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let means = Arc::new(Means::new(Arc::new(Names(Vec::new()))).expect("settings of TLS"));
    runtime.block_on(async {
        for _ in 0..25 {
            let mut probes = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let means = Arc::clone(&means);
                probes.spawn(async move { probe(&means, "primary", &http(address, None)).await });
            }
            for outcome in probes.join_all().await {
                assert_eq!(words(&outcome), "status 200");
            }
        }
    });
}

#[test]
fn whoever_answers_otherwise_is_not() {
    let ok = |head: &str| vec![Ask, send(head)];
    let many_fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000));
    expect(&[
        ("unavailable", ok("HTTP/1.1 503 Service Unavailable\r\n\r\n"), None, "status 503"),
        ("not found", ok("HTTP/1.1 404 Not Found\n\n"), None, "status 404"),
        ("no status that there is", ok("HTTP/1.1 600 ?\r\n\r\n"), None, "status 600"),
        ("another protocol instead", ok("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), None, "status 101"),
        ("only word of what is to come", ok("HTTP/1.1 100 Continue\r\n\r\n"), None, "closed before a status"),
        ("silence", vec![Ask], None, "closed before a status"),
        ("not even a hearing", vec![], None, "closed before a status"),
        ("half a status", ok("HTTP/1.1 20"), None, "closed before a status"),
        ("something else", ok("SSH-2.0-OpenSSH_9.2\r\n"), None, "malformed response: invalid HTTP version parsed"),
        ("no number", ok("HTTP/1.1 OK 200\r\n\r\n"), None, "malformed response: invalid HTTP status-code parsed"),
        ("too many fields", ok(&many_fields), None, "malformed response: message head is too large"),
        ("a head without end", ok(&endless), None, "malformed response: message head is too large"),
    ]);
}

#[test]
fn a_string_is_looked_for_in_the_first_5120_octets() {
    let with = |body: &str| vec![Ask, send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))];
    let chunked = |chunks: &[&str]| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = |text: &&str| [send(format!("{:x}\r\n{text}\r\n", text.len())), Wait(Duration::from_millis(5))];
        [vec![Ask, send(head)], chunks.iter().flat_map(chunk).collect(), vec![send("0\r\n\r\n")]].concat()
    };
    let filler = |octets: usize| "x".repeat(octets);
    let at_the_end = filler(5118) + "ok" + &filler(5000);
    let over_the_end = filler(5119) + "ok" + &filler(5000);
    let behind = filler(5120) + "ok";
    let unavailable = vec![Ask, send("HTTP/1.1 503 No\r\n\r\nok")];
    let reset = vec![Ask, send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nis ok no")];
    expect(&[
        ("it is there", with("all is ok here"), Some("is ok"), "status 200"),
        ("it is all", with("ok"), Some("ok"), "status 200"),
        ("case counts", with("OK"), Some("ok"), "string not found in 2 octets"),
        ("an empty body", with(""), Some("ok"), "string not found in 0 octets"),
        ("without a length", vec![Ask, send("HTTP/1.1 200 OK\n\nall ok\n")], Some("all ok"), "status 200"),
        ("who speaks first", vec![send("HTTP/1.1 200 OK\n\nall ok\n"), Ask], Some("all ok"), "status 200"),
        ("over the border of chunks", chunked(&["all i", "s", " ok"]), Some("is ok"), "status 200"),
        ("an octet a chunk", chunked(&["i", "s", " ", "o", "k", "!"]), Some("is ok"), "status 200"),
        ("chunked and not there", chunked(&["is", "ok"]), Some("is ok"), "string not found in 4 octets"),
        ("as the last of 5,120", with(&at_the_end), Some("ok"), "status 200"),
        ("an octet too late", with(&over_the_end), Some("ok"), "string not found in 5120 octets"),
        ("behind them", with(&behind), Some("ok"), "string not found in 5120 octets"),
        ("a bad status beside it", unavailable, Some("ok"), "status 503"),
        ("before a body stops short", reset.clone(), Some("is ok"), "status 200"),
        ("a body that stops short of it", reset, Some("yes"), "string not found in 8 octets"),
        ("longer than what there is", with("ok"), Some("ok and more"), "string not found in 2 octets"),
        ("begun twice", with("is is ok"), Some("is ok"), "status 200"),
    ]);
}

#[test]
fn each_step_has_its_own_time() {
    let slow_body = vec![Ask, send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Hold];
    let slow_head = vec![Ask, send("HTTP/1.1 200 OK\r\nServer: s"), Hold];
    for (case, steps, search_string, expected) in [
        ("accepts and stays silent", vec![Hold], None, "no status within 0.300 s"),
        ("never answers the question", vec![Ask, Hold], None, "no status within 0.300 s"),
        ("never ends its head", slow_head, None, "no status within 0.300 s"),
        ("never ends its body, which nobody reads", slow_body.clone(), None, "status 200"),
        ("never ends its body", slow_body, Some("full"), "string not found in 4 octets within 0.300 s"),
    ] {
        let endpoint = Endpoint { response_timeout: SHORT, ..http(server(&steps), search_string) };
        assert_eq!(words(&probe_once(&endpoint)), expected, "{case}");
    }
    // TLS is part of the time for the status.
    let https = Protocol::Https { request: request(None), enable_sni: true };
    let endpoint = Endpoint { response_timeout: SHORT, ..endpoint(server(&[Hold]), https) };
    assert_eq!(words(&probe_once(&endpoint)), "no status within 0.300 s");
}

/// A listener whose queue is full: the kernel answers no more connections. Holds what fills it.
fn full_listener() -> (SocketAddr, Vec<TcpStream>, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((SERVER, 0)).into()).expect("loopback");
    socket.listen(0).expect("it listens");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("bound");
    let fill = std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok());
    (address, fill.take(100).collect(), socket)
}

#[test]
fn connecting_fails_at_once_or_in_its_time() {
    let refused = {
        let listener = TcpListener::bind((SERVER, 0)).expect("loopback");
        listener.local_addr().expect("bound")
    };
    let (full, _fill, _listener) = full_listener();
    let silent = server(&[Hold]);
    for (case, server, expected) in [
        ("nobody listens", refused, "connect: refused"),
        ("no answer", full, "connect: no answer within 0.300 s"),
        ("a connection is all that TCP wants", silent, "connected"),
    ] {
        let endpoint = Endpoint { connect_timeout: SHORT, ..endpoint(server, Protocol::Tcp) };
        assert_eq!(words(&probe_once(&endpoint)), expected, "{case}");
    }
}

#[test]
fn a_socket_that_meets_itself_is_nobody() {
    // Bound to the very port that it connects to: what chance does to one in 28,000 on the same address.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let free = TcpListener::bind((SERVER, 0)).and_then(|listener| listener.local_addr()).expect("loopback");
    let met = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(free).expect("a free port");
        socket.connect(free).await.and_then(|stream| connect::other_than_itself(stream, free))
    });
    assert_eq!(met.expect_err("itself").kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_server_sees_who_asks_from_where_and_for_what() {
    let answer = [Ask, send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")];
    let (server, told) = curious_server(&answer);
    assert_eq!(words(&probe_once(&http(server, None))), "status 200");
    let (asked, _) = told.join().expect("no panic");
    let port = server.port();
    assert_eq!(
        asked,
        format!(
            "GET / HTTP/1.1\r\nHost: 127.63.1.1:{port}\r\nConnection: close\r\n\
             User-Agent: Tandem Health Check Service; ref:primary\r\nAccept: */*\r\n\r\n"
        )
    );

    let (server, told) = curious_server(&answer);
    let own = Request { resource_path: "/a b?c".to_owned(), user_agent: Some("me/1".to_owned()), search_string: None };
    let source = IpAddr::V4(Ipv4Addr::new(127, 63, 7, 7));
    let name: Name = "app.example".parse().expect("a name");
    let endpoint = Endpoint {
        address: Address::Fixed { ip_address: server.ip(), fully_qualified_domain_name: Some(name) },
        source_address: Some(source),
        ..endpoint(server, Protocol::Http(own))
    };
    assert_eq!(words(&probe_once(&endpoint)), "status 200");
    let (asked, from) = told.join().expect("no panic");
    assert_eq!(from, source);
    let head: Vec<_> = asked.lines().take(4).collect();
    let port = server.port();
    assert_eq!(
        head,
        ["GET /a%20b?c HTTP/1.1", &format!("Host: app.example:{port}"), "Connection: close", "User-Agent: me/1"]
    );
}

#[test]
fn a_source_address_that_is_not_ours_is_told() {
    let foreign = "192.0.2.1".parse().expect("an address");
    let endpoint = Endpoint { source_address: Some(foreign), ..endpoint(server(&[Hold]), Protocol::Tcp) };
    assert_eq!(words(&probe_once(&endpoint)), "connect: the source address is not this host's, or has no free port");
}

#[test]
fn a_name_is_resolved_for_each_probe() {
    let server = server(&[Ask, send("HTTP/1.1 200 OK\r\n\r\n")]);
    let v6: IpAddr = "2001:db8::1".parse().expect("an address");
    let names = || {
        Names(vec![
            ("both.example", Ok(vec![v6, server.ip()])),
            ("v6.example", Ok(vec![v6])),
            ("none.example", Ok(Vec::new())),
            ("gone.example", Err("NXDOMAIN".to_owned())),
        ])
    };
    for (name, expected) in [
        ("both.example", "status 200"),
        ("v6.example", "resolve: v6.example has no address"),
        ("none.example", "resolve: none.example has no address"),
        ("gone.example", "resolve: NXDOMAIN"),
        ("slow.example", "resolve: no address within 0.300 s"),
    ] {
        let endpoint = Endpoint {
            address: Address::Resolved(name.parse().expect("a name")),
            connect_timeout: SHORT,
            source_address: Some(SERVER.into()),
            ..http(server, None)
        };
        assert_eq!(words(&probe_with(names(), &endpoint)), expected, "{name}");
    }
}

/// A TLS server with a certificate for one connection; the name that it was told (SNI) comes back.
fn tls_server(certificate: CertificateParams) -> (SocketAddr, thread::JoinHandle<io::Result<Option<String>>>) {
    let key = KeyPair::generate().expect("a key");
    let certificate = certificate.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).expect("a pair");
    let listener = TcpListener::bind((SERVER, 0)).expect("loopback");
    let address = listener.local_addr().expect("bound");
    let told = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        play(&mut stream, &[Ask, send("HTTP/1.1 200 OK\n\nsecret")])?;
        Ok(stream.conn.server_name().map(str::to_owned))
    });
    (address, told)
}

#[test]
fn any_certificate_is_taken_and_the_name_is_told_where_it_is_wanted() {
    let named = |name: &str| CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let mut expired = named("app.example");
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    for (case, certificate, name, enable_sni, seen) in [
        ("self-signed", named("app.example"), Some("app.example"), true, Some("app.example")),
        ("expired", expired, Some("app.example"), true, Some("app.example")),
        ("for another name", named("other.example"), Some("app.example"), true, Some("app.example")),
        ("without SNI", named("app.example"), Some("app.example"), false, None),
        ("an address has no name to tell", named("app.example"), None, true, None),
        ("a name that SNI cannot hold", named("app.example"), Some("a b.example"), true, None),
    ] {
        let (server, told) = tls_server(certificate);
        let name = name.map(|name| name.parse::<Name>().expect("a name"));
        let endpoint = Endpoint {
            address: Address::Fixed { ip_address: server.ip(), fully_qualified_domain_name: name },
            ..endpoint(server, Protocol::Https { request: request(Some("secret")), enable_sni })
        };
        assert_eq!(words(&probe_once(&endpoint)), "status 200", "{case}");
        assert_eq!(told.join().expect("no panic").expect("a handshake").as_deref(), seen, "{case}");
    }
}

#[test]
fn what_is_no_tls_is_told() {
    let https = |steps: &[Step]| {
        let https = Protocol::Https { request: request(None), enable_sni: true };
        probe_once(&endpoint(server(steps), https))
    };
    let plain = https(&[send("HTTP/1.1 400 Bad Request\r\n\r\n"), Hold]);
    assert!(plain.to_string().starts_with("TLS: "), "{plain}");
    let closed = https(&[]);
    assert!(closed.to_string().starts_with("TLS: "), "{closed}");
}

#[test]
fn a_foreign_text_is_bounded_between_characters() {
    assert_eq!(bounded("short"), "short");
    assert_eq!(bounded("a".repeat(500)).len(), TEXT_BOUND);
    let wide = bounded("ä".repeat(150) + "x");
    assert_eq!(wide, "ä".repeat(100));
    assert_eq!(bounded(format!("x{}", "ä".repeat(150))), format!("x{}", "ä".repeat(99)));
}
