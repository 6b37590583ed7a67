//! The three servers behind the name: tiny HTTP servers in this process that stay up between requests.
//!
//! Killed, nobody listens and a connection is refused. Frozen, connections are taken by the system and nothing comes
//! back. What a client may cost is bounded in octets, time and number. Not here: who asks, and what follows.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::super::Error;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request, in octets.
const REQUEST_OCTETS: usize = 8 * 1024;
/// Connections at once; more wait.
const CONNECTIONS: usize = 64;

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It answers.
    Up,
    /// It takes connections and is silent.
    Frozen,
    /// Nobody listens.
    Dead,
}

/// One server. Its connections end with it.
pub(super) struct Site {
    /// `1..=3`
    pub number: usize,
    /// Where it listens.
    pub address: SocketAddrV4,
    listener: Option<Arc<TcpListener>>,
    serving: Option<JoinHandle<()>>,
}

impl Site {
    /// Starts the server of this number.
    pub(super) async fn start(number: usize, ip: Ipv4Addr, port: u16) -> Result<Self, Error> {
        let mut site = Self { number, address: SocketAddrV4::new(ip, port), listener: None, serving: None };
        site.raise().await.map_err(|fault| Error::Socket { what: "a server behind the name", fault })?;
        Ok(site)
    }

    /// What it does now.
    pub(super) fn state(&self) -> State {
        match (&self.listener, &self.serving) {
            (Some(_), Some(_)) => State::Up,
            (Some(_), None) => State::Frozen,
            (None, _) => State::Dead,
        }
    }

    /// Lets it answer, whatever it did.
    ///
    /// # Errors
    /// When its address cannot be had any more.
    pub(super) async fn raise(&mut self) -> io::Result<()> {
        let listener = match &self.listener {
            Some(listener) => Arc::clone(listener),
            None => Arc::new(TcpListener::bind(self.address).await?),
        };
        self.listener = Some(Arc::clone(&listener));
        if self.serving.is_none() {
            self.serving = Some(tokio::spawn(serve(listener, self.number)));
        }
        Ok(())
    }

    /// Ends it: connections are refused from now on.
    pub(super) async fn kill(&mut self) {
        self.freeze().await;
        self.listener = None;
    }

    /// Silences it. One that is dead stays so.
    pub(super) async fn freeze(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // What it holds, the listener among it, is gone when it has ended.
            let _ = serving.await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn serve(listener: Arc<TcpListener>, number: usize) {
    let mut clients = JoinSet::new();
    loop {
        while clients.len() >= CONNECTIONS {
            clients.join_next().await;
        }
        while clients.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                clients.spawn(timeout(PATIENCE, answer(stream, number)));
            }
            // Out of file descriptors, most likely: let some be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, number: usize) -> io::Result<()> {
    let mut request = Vec::with_capacity(512);
    while !request.windows(4).any(|octets| octets == b"\r\n\r\n") {
        if request.len() >= REQUEST_OCTETS || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let body = format!("on server #{number}\n");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener as Probe;

    async fn get(address: SocketAddrV4) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        let mut text = String::new();
        timeout(Duration::from_millis(300), stream.read_to_string(&mut text)).await.map_err(io::Error::other)??;
        Ok(text)
    }

    #[test]
    fn a_server_answers_again_and_again_freezes_dies_and_returns() {
        let ip = Ipv4Addr::new(127, 0, 0, 14);
        let port = Probe::bind((ip, 0)).unwrap().local_addr().unwrap().port();
        super::super::super::runtime().unwrap().block_on(async {
            let mut site = Site::start(2, ip, port).await.unwrap();
            for _ in 0..3 {
                let text = get(site.address).await.unwrap();
                assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\non server #2\n"), "{text}");
            }
            site.freeze().await;
            assert_eq!(site.state(), State::Frozen);
            assert!(TcpStream::connect(site.address).await.is_ok(), "connections are taken");
            assert!(get(site.address).await.is_err(), "and nothing comes");
            site.raise().await.unwrap();
            assert!(get(site.address).await.is_ok());
            site.kill().await;
            assert_eq!(site.state(), State::Dead);
            let refused = TcpStream::connect(site.address).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            site.freeze().await;
            assert_eq!(site.state(), State::Dead, "nothing is left to freeze");
            site.raise().await.unwrap();
            assert_eq!(site.state(), State::Up);
            assert!(get(site.address).await.is_ok());
        });
    }
}
