//! The client: it asks for the name every 10 ms from the begin of the demo to its end.
//!
//! Not here: what its answers say about the server ([`super::track`]).

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::super::client::{Answer, Fault, Question, ask};
use super::super::place::ALLOWED_CLIENT;
use super::super::stand_in::name;
use super::place::{NAME, SERVERS};
use super::track::{Act, Deed, Seen, Track};

/// From question to question.
pub(super) const PACE: Duration = Duration::from_millis(10);
/// How long a question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The client and what it saw. It ends with this.
pub(super) struct Watch {
    /// When the demo began: times count from here.
    pub begin: Instant,
    /// All so far; told at each answer.
    track: watch::Sender<Track>,
    asking: JoinHandle<()>,
}

impl Watch {
    /// Begins to ask `server`. Must be called inside the runtime.
    pub(super) fn start(server: SocketAddrV4) -> Self {
        let (begin, track) = (Instant::now(), watch::Sender::new(Track::default()));
        let asking = tokio::spawn(ask_on(server, begin, track.clone()));
        Self { begin, track, asking }
    }

    /// Who wants to know when it changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<Track> {
        self.track.subscribe()
    }

    /// All so far.
    pub(super) fn track(&self) -> Track {
        self.track.borrow().clone()
    }

    /// Notes that something was done just now.
    pub(super) fn done(&self, act: Act, server: usize) -> Deed {
        let deed = Deed { at: self.begin.elapsed(), act, server };
        self.track.send_modify(|track| track.done(deed.clone()));
        deed
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

async fn ask_on(server: SocketAddrV4, begin: Instant, track: watch::Sender<Track>) {
    let question = Question::udp(ALLOWED_CLIENT, server, name(&format!("{NAME}.")), RecordType::A);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let asked = begin.elapsed();
        let seen = read(ask(&question, PATIENCE).await);
        track.send_modify(|track| track.note(asked, begin.elapsed(), seen));
    }
}

fn read(outcome: Result<Answer, Fault>) -> Seen {
    match outcome {
        Ok(answer) => match answer.addresses[..] {
            [address] if answer.rcode == ResponseCode::NoError => match SERVERS.iter().position(|ip| *ip == address) {
                Some(place) => Seen::Server(place + 1),
                None => Seen::Other(address.to_string()),
            },
            _ => Seen::Other(format!("{} {}", answer.rcode, answer.data.join(" "))),
        },
        Err(fault) => Seen::Other(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn answer(rcode: ResponseCode, addresses: &[Ipv4Addr]) -> Result<Answer, Fault> {
        let data = addresses.iter().map(ToString::to_string).collect();
        Ok(Answer { rcode, truncated: false, data, addresses: addresses.to_vec(), ttl: Some(10), ede: None })
    }

    #[test]
    fn one_address_is_a_server_and_all_else_is_told() {
        let elsewhere = Ipv4Addr::new(192, 0, 2, 1);
        for (case, outcome, expected) in [
            ("the third", answer(ResponseCode::NoError, &SERVERS[2..]), Seen::Server(3)),
            (
                "two at once",
                answer(ResponseCode::NoError, &SERVERS[..2]),
                Seen::Other("No Error 127.0.0.11 127.0.0.12".into()),
            ),
            ("a stranger", answer(ResponseCode::NoError, &[elsewhere]), Seen::Other("192.0.2.1".into())),
            ("none", answer(ResponseCode::ServFail, &[]), Seen::Other("Server Failure ".into())),
            ("silence", Err(Fault::Silence(PATIENCE)), Seen::Other("no answer within 3.0 s".into())),
        ] {
            assert_eq!(read(outcome), expected, "{case}");
        }
    }
}
