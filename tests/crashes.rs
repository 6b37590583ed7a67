//! Crashes at any moment: what was acknowledged is there, what was not is there whole or not at all.
//!
//! Clients change names without pause while the server is killed (SIGKILL) and started again, over and over; its
//! journal is short, so that it is also killed while it writes it anew. `TANDEM_CRASHES` says how often: a few in
//! `tests/run`, 200 in `tests/acceptance kill`.
//! Not here: power failures, for which the order of writes and `fdatasync` stands (`keeper`).

mod common;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::packet::{Question, encode_name, exchange_udp, header, record};
use common::{Tandem, fresh_address};
use tandem::tsig::{Algorithm, Key, Signer, sign};

const SECRET: &[u8] = b"secretsecretsecret";
const SECRET_BASE64: &str = "c2VjcmV0c2VjcmV0c2VjcmV0";
const MASTER: &str = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 86400 60\n@ NS ns\nns A 10.0.0.2\n";
/// Names of a client; every update changes two of them at once.
const PAIRS: usize = 64;
const CLIENTS: usize = 4;
/// Both names of a pair must tell the same.
const HALVES: [&str; 2] = ["left", "right"];
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The number that both names of a pair have; `None`: they are not there.
type Value = Option<u16>;

/// What a client knows of a pair.
#[derive(Clone, Copy, Default)]
struct Known {
    acknowledged: Value,
    /// Sent, and never answered.
    pending: Option<Value>,
}

/// Numbers that look random, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn owner(half: &str, client: usize, pair: usize) -> String {
    format!("{half}-{pair}.c{client}.corp")
}

/// An update that gives both names of a pair a value, signed.
fn update(id: u16, client: usize, pair: usize, value: Value, key: &Arc<Key>) -> Vec<u8> {
    let mut records = Vec::new();
    for half in HALVES {
        let owner = owner(half, client, pair);
        records.push(record(&owner, "A", 255, 0, b""));
        if let Some(value) = value {
            let [high, low] = value.to_be_bytes();
            records.push(record(&owner, "A", 1, 60, &[10, 0, high, low]));
        }
    }
    let zone = [&encode_name("corp")[..], &[0, 6, 0, 1]].concat();
    let mut packet = [header(id, 0x2800, [1, 0, records.len() as u16, 0]), zone, records.concat()].concat();
    let length = packet.len();
    packet.resize(length + 200, 0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs();
    let end = sign(&mut packet, length, &Signer::request(Arc::clone(key)), now).expect("there is room");
    packet.truncate(end);
    packet
}

/// Changes pairs until told to stop or nobody answers; notes what is acknowledged.
fn change(server: SocketAddr, client: usize, known: &mut [Known], seed: u64, stop: &AtomicBool) -> usize {
    let key = Arc::new(Key::new("ddns".parse().expect("a name"), Algorithm::HmacSha256, SECRET));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(server).expect("an address");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time above zero");
    let (mut chance, mut done) = (Chance(seed), 0);
    while !stop.load(Ordering::Relaxed) {
        let (id, pair) = (chance.below(65_536) as u16, chance.below(PAIRS as u64) as usize);
        // What became of the last one is not known before the next start.
        if known[pair].pending.is_some() {
            continue;
        }
        let value = (chance.below(4) > 0).then(|| chance.below(65_536) as u16);
        known[pair].pending = Some(value);
        let packet = update(id, client, pair, value, &key);
        let mut reply = [0; 1024];
        let answered = socket.send(&packet).is_ok() && {
            loop {
                match socket.recv(&mut reply) {
                    Ok(octets) if octets >= 12 && reply[..2] == id.to_be_bytes() => break true,
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && !stop.load(Ordering::Relaxed) => {}
                    Err(_) => break false,
                }
            }
        };
        if !answered {
            break;
        }
        assert_eq!(reply[3] & 0xf, 0, "an update is refused: RCODE {}", reply[3] & 0xf);
        known[pair] = Known { acknowledged: value, pending: None };
        done += 1;
    }
    done
}

/// What a name has now.
fn value_of(server: SocketAddr, name: &str) -> Value {
    let question = Question::new(name, "A").octets();
    let message = exchange_udp(server, &question, ANSWER_LIMIT).unwrap_or_else(|| panic!("{name}: no answer"));
    let addresses: Vec<_> = message.records.iter().filter(|record| record.rtype == 1).collect();
    assert!(addresses.len() <= 1, "{name} has {} addresses", addresses.len());
    addresses.first().map(|record| u16::from_be_bytes([record.data[2], record.data[3]]))
}

/// Every pair has what was acknowledged, or what was sent last; its names have the same.
fn check(server: SocketAddr, known: &mut BTreeMap<usize, Vec<Known>>, round: usize) {
    for (&client, pairs) in known {
        for (pair, known) in pairs.iter_mut().enumerate() {
            let [left, right] = HALVES.map(|half| value_of(server, &owner(half, client, pair)));
            assert_eq!(left, right, "crash {round}: half an update is there: pair {pair} of client {client}");
            let Known { acknowledged, pending } = *known;
            let may_be = left == acknowledged || pending == Some(left);
            assert!(
                may_be,
                "crash {round}: pair {pair} of client {client} has {left:?}, acknowledged {acknowledged:?}, sent {pending:?}"
            );
            *known = Known { acknowledged: left, pending: None };
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_a_kill_at_any_moment() {
    let crashes: usize = std::env::var("TANDEM_CRASHES").map_or(6, |text| text.parse().expect("a number"));
    let address = fresh_address();
    let conf = format!(
        "key ddns {{ algorithm hmac-sha256; secret \"{SECRET_BASE64}\"; }};\noptions {{ directory \"{{directory}}\"; listen-on \
         port {} {{ {}; }}; listen-on-v6 {{ none; }}; allow-query {{ any; }}; recursion no; }};\nlogging {{ channel few \
         {{ file \"{{directory}}/log\"; severity warning; }}; category default {{ few; }}; }};\nzone corp {{ type primary; \
         file \"corp.zone\"; allow-update {{ key ddns; }}; max-journal-size 20k; }};\n",
        address.port(),
        address.ip()
    );
    let mut server = Tandem::start_with_files(address, &conf, &[("corp.zone", MASTER)]);
    let mut known: BTreeMap<usize, Vec<Known>> =
        (0..CLIENTS).map(|client| (client, vec![Known::default(); PAIRS])).collect();
    let (mut chance, mut done, mut unanswered, mut compacted) = (Chance(20_261_121), 0, 0, 0);
    for round in 1..=crashes {
        let stop = AtomicBool::new(false);
        let journal = server.path("corp.zone.journal");
        let mut longest = 0;
        done += thread::scope(|scope| {
            let clients: Vec<_> = known
                .iter_mut()
                .map(|(&client, known)| {
                    let (seed, stop) = (chance.below(u64::from(u32::MAX)), &stop);
                    scope.spawn(move || change(address, client, known, seed, stop))
                })
                .collect();
            for _ in 0..=chance.below(60) {
                thread::sleep(Duration::from_millis(2));
                let octets = std::fs::metadata(&journal).map_or(0, |metadata| metadata.len());
                compacted += usize::from(octets < longest);
                longest = octets;
            }
            server.crash();
            stop.store(true, Ordering::Relaxed);
            clients.into_iter().map(|client| client.join().expect("no client is refused")).sum::<usize>()
        });
        unanswered += known.values().flatten().filter(|known| known.pending.is_some()).count();
        server.crash_and_restart(address);
        check(address, &mut known, round);
    }
    println!(
        "{crashes} kills: {done} updates acknowledged and all there, {unanswered} unanswered and whole or not there, the journal \
         was seen to be written anew {compacted} times"
    );
    assert!(compacted > 0 || crashes < 100, "no journal was written anew");
    assert!(done >= crashes, "the clients were at work: {done} updates");
    assert!(!server.file("log").contains("damaged"), "{}", server.file("log"));
}
