//! Playing a story: each step acts on the [`World`] or says what must be seen.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem::answer::Client;
use tandem::config::files::NoFiles;
use tandem::config::load::{Format, format_of};
use tandem::config::{Config, Diagnostic, named_conf, toml};
use tandem::state::Zones;
use tandem::wire::Transport;
use tandem::zone::{Builder, Handle, master};

use super::expect::{Expected, Query, Told, check_frame, compare, question_text, reply_text, sections_text};
use super::message::{AA, AD, CD, COOKIE, Message, Opt, QR, RA, RD, TC, rcode_number};
use super::record::{Record, class_number, hex, name_text, parse_hex, parse_name, type_number};
use super::script::{Block, Step, Story};
use super::traffic::serving;
use super::words::{Words, address, duration, number, option, sections, unknown};
use super::world::{Sent, World};

/// What a step found wrong.
pub(super) type Outcome = Result<(), String>;

/// Each timer fires up to one tick of the wheel (4 ms) late, and each retransmission counts from the one before.
const LATE: Duration = Duration::from_millis(40);
/// Longer than any question may wait.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// The client part of a cookie.
const CLIENT_COOKIE: &[u8] = b"client!!";
/// The server part of a scripted upstream's cookie.
const SERVER_COOKIE: &[u8] = b"upstream";

/// Plays one story; an error says where and what.
pub(crate) fn play(file: &str, story: &Story) -> Result<(), String> {
    let mut player = Player { file: file.to_owned(), workers: 1, id: 1000, ..Player::default() };
    for step in &story.steps {
        player.step(step).map_err(|text| format!("{file}:{}: {text}\n    in: {}", step.block.line, story.title))?;
    }
    player.end().map_err(|text| format!("{file}:{}: at the end of: {}\n    {text}", story.line, story.title))
}

#[derive(Default)]
pub(super) struct Player {
    file: String,
    config: Option<Config>,
    /// Master files by the names that configurations give them.
    files: HashMap<String, String>,
    workers: usize,
    pub(super) world: Option<World>,
    /// The question that each upstream was last seen to be asked.
    pub(super) current: HashMap<String, Sent>,
    named: HashMap<String, Sent>,
    queries: HashMap<String, Query>,
    /// The COOKIE option that each client last got.
    cookies: HashMap<String, Vec<u8>>,
    pub(super) id: u16,
    /// The clients of the traffic that was not told yet: their numbers, and when they asked.
    pub(super) traffic: Vec<(usize, Instant)>,
    /// Clients of the traffic so far.
    pub(super) traffic_clients: usize,
    /// Questions whose cost was not told yet.
    pub(super) traffic_questions: usize,
}

fn config(file: &str, block: &Block) -> Result<Config, String> {
    let text = block.text();
    let read = match format_of(text.as_bytes()) {
        Some(Format::Toml) => toml::parse(&text, file, &NoFiles),
        Some(Format::NamedConf) => named_conf::parse(&text, file, &NoFiles),
        None => return Err("neither TOML nor named.conf".to_owned()),
    };
    let show = |faults: Vec<Diagnostic>| faults.iter().map(|fault| format!("\n    {fault}")).collect::<String>();
    read.map(|loaded| loaded.config).map_err(show)
}

/// The local zones of a configuration, out of the files that were told.
fn zones(config: &Config, files: &HashMap<String, String>) -> Result<Zones, String> {
    let mut zones = Zones::default();
    for (view, zone) in config.views.iter().flat_map(|view| view.zones.iter().map(move |zone| (view, zone))) {
        let handle = Arc::new(Handle::new(zone.name.clone()));
        let path = zone.file.as_ref().map(|file| file.path.display().to_string()).unwrap_or_default();
        let mut builder = Builder::new(zone.name.clone());
        if let Some(text) = files.get(&path) {
            let faults =
                master::read(&path, text.as_bytes(), &zone.name, None, &NoFiles, &mut |record| builder.add(record));
            if let Some(fault) = faults.first() {
                return Err(fault.to_string());
            }
            let (built, _) = builder.finish().map_err(|faults| faults[0].to_string())?;
            handle.publish(Arc::new(built));
        }
        zones.insert(&view.name, handle);
    }
    Ok(zones)
}

impl Player {
    pub(super) fn world(&mut self) -> Result<&mut World, String> {
        if self.world.is_none() {
            let config = self.config.as_ref().ok_or("a story begins with a config")?;
            self.world = Some(World::new(config, self.workers, &zones(config, &self.files)?));
        }
        Ok(self.world.as_mut().expect("just made"))
    }

    fn step(&mut self, step: &Step) -> Outcome {
        let mut words = Words { words: &step.words };
        match words.next("a word")? {
            "config" if self.world.is_none() => self.config = Some(config(&self.file, &step.block)?),
            "config" => return Err("the story has begun: write reload".to_owned()),
            "file" => {
                self.files.insert(words.next("a name")?.to_owned(), step.block.text());
            }
            "workers" => self.workers = number(words.next("their number")?)?,
            "reload" => {
                let config = config(&self.file, &step.block)?;
                let zones = zones(&config, &self.files)?;
                self.world()?.publish(&config, &zones);
            }
            "rotation" => self.world()?.rotation = number(words.next("a number")?)?,
            "time" => {
                words.expect(&["passes"])?;
                let duration = duration(words.next("how long")?)?;
                self.world()?.pass(duration);
            }
            "no" => {
                words.expect(&["upstream", "is", "asked"])?;
                return self.nothing_sent();
            }
            "traffic" => return self.traffic(&mut words),
            "client" => return self.client(&mut words, &step.block),
            "upstream" => return self.upstream(&mut words, &step.block),
            other => return Err(unknown(other)),
        }
        words.words.first().map_or(Ok(()), |word| Err(unknown(word)))
    }

    /// Nothing may have happened that the story did not expect, and nothing may be left over.
    fn end(&mut self) -> Outcome {
        self.nothing_sent()?;
        let world = self.world()?;
        if let Some(replied) = world.replied.first() {
            let shown =
                Message::read(&replied.octets).map_or_else(|| hex(&replied.octets), |reply| reply_text(&reply, false));
            return Err(format!("client {} got what the story does not expect: {shown}", replied.client));
        }
        world.pass(AFTERWARDS);
        world.leftovers().map_or(Ok(()), Err)
    }

    fn nothing_sent(&mut self) -> Outcome {
        let world = self.world()?;
        match world.sent.first().or(world.probes.first()) {
            Some(sent) => Err(format!("upstream {} was asked: {}", sent.server, question_text(sent, None)?)),
            None => Ok(()),
        }
    }

    fn client(&mut self, words: &mut Words<'_>, block: &Block) -> Outcome {
        let name = words.next("the client's name")?;
        match words.next("asks, sends or gets")? {
            "asks" => self.client_asks(name, words),
            "sends" => self.client_sends(name, words),
            "gets" => self.client_gets(name, words, block),
            other => Err(unknown(other)),
        }
    }

    fn client_asks(&mut self, name: &str, words: &mut Words<'_>) -> Outcome {
        self.id = self.id.wrapping_add(1);
        let question = (parse_name(words.next("QNAME")?)?, type_number(words.next("QTYPE")?)?, 1);
        let mut message = Message { id: self.id, flags: RD, questions: vec![question], ..Message::default() };
        let (mut opts, mut sender) = (1, Sender::new(name));
        let returned = self.cookies.get(name).cloned();
        for (word, value) in words.options() {
            if sender.take(word, value)? {
                continue;
            }
            match word {
                "id" => message.id = number(value)?,
                "-rd" => message.flags &= !RD,
                "+ad" => message.flags |= AD,
                "+cd" => message.flags |= CD,
                "+qr" => message.flags |= QR,
                "+tc" => message.flags |= TC,
                "+aa" => message.flags |= AA,
                "+ra" => message.flags |= RA,
                "opcode" => message.flags |= number::<u16>(value)? << 11,
                "class" => message.questions[0].2 = class_number(value)?,
                "questions" => message.questions = vec![message.questions[0].clone(); number(value)?],
                "edns" => edns(&mut message).udp_size = if value.is_empty() { 1232 } else { number(value)? },
                "+do" => edns(&mut message).dnssec_ok = true,
                "version" => edns(&mut message).version = number(value)?,
                "option" => edns(&mut message).options.push(option(value)?),
                "cookie" => {
                    let value = match value {
                        "" => CLIENT_COOKIE.to_vec(),
                        "returned" => returned.clone().ok_or("this client got no cookie")?,
                        value => parse_hex(value)?,
                    };
                    edns(&mut message).options.push((COOKIE, value));
                }
                "opts" => opts = number(value)?,
                "tsig" => message.sections[2].push(Record {
                    name: parse_name("key")?,
                    rtype: 250,
                    class: 255,
                    ttl: 0,
                    // Every field is there: the algorithm is the root, the time 1970, and there is no MAC.
                    rdata: vec![0; 17],
                }),
                other => return Err(unknown(other)),
            }
        }
        let mut octets = message.octets();
        for _ in 1..opts {
            octets.extend(message.opt.as_ref().ok_or("opts without edns")?.octets());
            octets[11] += 1;
        }
        let readable = (opts == 1).then_some(message);
        self.send_query(name, sender, Query { octets, message: readable, client: sender.client() })
    }

    fn client_sends(&mut self, name: &str, words: &mut Words<'_>) -> Outcome {
        let octets = parse_hex(words.next("octets in hexadecimal")?)?;
        let mut sender = Sender::new(name);
        for (word, value) in words.options() {
            if !sender.take(word, value)? {
                return Err(unknown(word));
            }
        }
        self.send_query(name, sender, Query { octets, message: None, client: sender.client() })
    }

    fn send_query(&mut self, name: &str, sender: Sender, query: Query) -> Outcome {
        let world = self.world()?;
        if sender.worker >= world.worker_count() {
            return Err(format!("there is no worker {}", sender.worker));
        }
        world.query(sender.worker, name, query.client, &query.octets);
        self.queries.insert(name.to_owned(), query);
        Ok(())
    }

    fn client_gets(&mut self, name: &str, words: &mut Words<'_>, block: &Block) -> Outcome {
        let what = words.next("an RCODE or nothing")?;
        let found = self.world()?.replied.iter().position(|replied| replied.client == name);
        if what == "nothing" {
            return found.map_or(Ok(()), |_| Err(format!("client {name} got an answer")));
        }
        rcode_number(what).ok_or_else(|| unknown(what))?;
        let expected = Expected::read(what, words)?;
        let Some(found) = found else { return Err(format!("client {name} got nothing, {what} expected")) };
        let replied = self.world()?.replied.remove(found);
        let query = self.queries.get(name).cloned().ok_or("this client asked nothing")?;
        let reply = Message::read(&replied.octets).ok_or_else(|| format!("no message: {}", hex(&replied.octets)))?;
        if let Some(cookie) = reply.opt.as_ref().and_then(|opt| opt.option(COOKIE)) {
            self.cookies.insert(name.to_owned(), cookie.to_vec());
        }
        check_frame(&query, &reply, &replied.octets, &expected, self.world()?)?;
        let wanted = format!("{}{}", expected.words, sections_text(&sections(block)?, expected.any_order));
        compare(&wanted, &reply_text(&reply, expected.any_order))?;
        if expected.longer_than.is_some_and(|least| replied.octets.len() <= least) {
            return Err(format!("the reply has {} octets", replied.octets.len()));
        }
        self.check_time(expected.at, replied.at)
    }

    pub(super) fn check_time(&mut self, expected: Option<Duration>, at: Instant) -> Outcome {
        let Some(expected) = expected else { return Ok(()) };
        let seen = at - self.world()?.epoch;
        let in_time = (expected..=expected + LATE).contains(&seen);
        if in_time { Ok(()) } else { Err(format!("at {expected:?} expected, seen at {seen:?}")) }
    }

    fn upstream(&mut self, words: &mut Words<'_>, block: &Block) -> Outcome {
        let server = words.next("the upstream's address")?;
        match words.next("is asked, answers, replies, closes, refuses or accepts")? {
            "is" => match words.next("asked or probed")? {
                "asked" => self.is_asked(server, words),
                "probed" => self.is_probed(server, words),
                other => Err(unknown(other)),
            },
            "answers" => {
                let with = words.words.iter().position(|word| word == "with").unwrap_or(words.words.len());
                let (asked, replied) = words.words.split_at(with);
                words.words = &[];
                self.is_asked(server, &mut Words { words: asked })?;
                self.replies(server, &mut Words { words: replied.get(1..).unwrap_or_default() }, block)
            }
            "replies" => self.replies(server, words, block),
            "closes" => {
                let server = address(server)?;
                self.world()?.close(server);
                Ok(())
            }
            "refuses" => match words.next("connections or datagrams")? {
                "connections" => {
                    let server = address(server)?;
                    self.world()?.refusing.push(server);
                    Ok(())
                }
                "datagrams" => {
                    let sent = self.current.get(server).ok_or("it was not asked")?;
                    let (worker, path) = (sent.worker, sent.path);
                    self.world()?.refuse(worker, path);
                    Ok(())
                }
                other => Err(unknown(other)),
            },
            "accepts" => {
                let server = address(server)?;
                self.world()?.refusing.retain(|known| *known != server);
                words.expect(&["connections"])
            }
            "falls" => {
                let server = address(server)?;
                self.world()?.silent.insert(server);
                words.expect(&["silent"])
            }
            "returns" => {
                let server = address(server)?;
                self.world()?.silent.remove(&server);
                Ok(())
            }
            "serves" => {
                let server = address(server)?;
                let serving = serving(words)?;
                self.world()?.serving.insert(server, serving);
                Ok(())
            }
            "was" => {
                words.expect(&["asked", "at", "most"])?;
                let (server, most) = (address(server)?, number::<usize>(words.next("how often")?)?);
                let serving = self.world()?.serving.get_mut(&server).ok_or("it does not serve")?;
                let asked = std::mem::take(&mut serving.asked);
                if asked <= most { Ok(()) } else { Err(format!("it was asked {asked} times")) }
            }
            "has" => {
                words.expect(&["answered"])?;
                self.has_answered_probes(address(server)?, words)
            }
            other => Err(unknown(other)),
        }
    }

    /// Takes the oldest question on its way to this upstream and compares it.
    fn is_asked(&mut self, server: &str, words: &mut Words<'_>) -> Outcome {
        let (name, qtype) = (name_text(&parse_name(words.next("QNAME")?)?), words.next("QTYPE")?);
        type_number(qtype)?;
        let at_server = |sent: &Sent| sent.server.to_string() == server || sent.server.ip().to_string() == server;
        let Some(found) = self.world()?.sent.iter().position(at_server) else {
            let others: Result<Vec<_>, _> = self
                .world()?
                .sent
                .iter()
                .map(|sent| Ok(format!("\n    {}: {}", sent.server, question_text(sent, None)?)))
                .collect::<Result<Vec<String>, String>>();
            return Err(format!("upstream {server} was not asked; questions on their way:{}", others?.concat()));
        };
        let sent = self.world()?.sent.remove(found);
        let (mut told, mut at, mut class) = (Told::default(), None, "IN");
        for (word, value) in words.options() {
            match word {
                "tcp" => told.tcp = true,
                "+do" | "+cd" | "+ad" => told.flags.push(word),
                "no-opt" | "no-cookie" | "cookie" | "server-cookie" => told.opt = Some(word),
                "mixed-case" => told.mixed_case = true,
                "lower-case" => told.lower_case = true,
                "udp" => told.udp_size = number(value)?,
                "class" => class = value,
                "at" => at = Some(duration(value)?),
                "again" => {
                    let last = self.current.get(server).ok_or("nothing was asked before")?;
                    let same = last.path == sent.path && last.octets == sent.octets;
                    if !same {
                        return Err("the question is not the same as before, by socket and octets".to_owned());
                    }
                }
                "worker" => {
                    if sent.worker != number::<usize>(value)? {
                        return Err(format!("worker {} asked", sent.worker));
                    }
                }
                "as" => {
                    self.named.insert(value.to_owned(), sent.clone());
                }
                other => return Err(unknown(other)),
            }
        }
        told.flags.sort_unstable();
        compare(&told.text(&name, qtype, class), &question_text(&sent, Some(&told))?)?;
        self.check_time(at, sent.at)?;
        self.current.insert(server.to_owned(), sent);
        Ok(())
    }

    fn replies(&mut self, server: &str, words: &mut Words<'_>, block: &Block) -> Outcome {
        let mut sent = self.current.get(server).cloned().ok_or_else(|| format!("upstream {server} was not asked"))?;
        let options = words.options();
        if let Some((_, name)) = options.iter().find(|(word, _)| *word == "to") {
            sent = self.named.get(*name).cloned().ok_or_else(|| format!("no question was called {name}"))?;
        }
        let asked = Message::read(&sent.octets).ok_or("the question cannot be read")?;
        let mut reply = Message {
            id: asked.id,
            flags: QR | RD | RA | asked.flags & CD,
            questions: asked.questions.clone(),
            sections: sections(block)?,
            opt: asked.opt.as_ref().map(|opt| Opt { udp_size: 1232, dnssec_ok: opt.dnssec_ok, ..Opt::default() }),
        };
        let ours = asked.opt.as_ref().and_then(|opt| opt.option(COOKIE)).map(|cookie| cookie[..8].to_vec());
        let cookie = |first: Vec<u8>| (COOKIE, [first, SERVER_COOKIE.to_vec()].concat());
        let (mut path, mut cut, mut tail, mut counts) = (sent.path, None, Vec::new(), [0u16; 4]);
        for (word, value) in options {
            match word {
                "to" => {}
                "aa" => reply.flags |= AA,
                "tc" => reply.flags |= TC,
                "ad" => reply.flags |= AD,
                "opcode" => reply.flags |= number::<u16>(value)? << 11,
                "not-a-response" => reply.flags &= !QR,
                "wrong-id" => reply.id ^= 0x5555,
                "wrong-socket" => {
                    let other = self.world()?.other_socket(sent.worker, sent.path);
                    path = other.ok_or("the worker has no other socket")?;
                }
                "no-question" => reply.questions.clear(),
                "question" => {
                    let (name, qtype) = value.split_once('/').ok_or("write question=NAME/TYPE")?;
                    reply.questions[0] = (parse_name(name)?, type_number(qtype)?, 1);
                }
                "class" => reply.questions[0].2 = class_number(value)?,
                "other-case" => reply.questions[0].0.iter_mut().for_each(swap_case),
                "lower-case" => reply.questions[0].0.make_ascii_lowercase(),
                "no-opt" => reply.opt = None,
                "option" => edns(&mut reply).options.push(option(value)?),
                "cookie" => edns(&mut reply).options.push(cookie(ours.clone().ok_or("no cookie was sent")?)),
                "echoed-cookie" => {
                    let whole = asked.opt.as_ref().and_then(|opt| opt.option(COOKIE)).ok_or("no cookie was sent")?;
                    edns(&mut reply).options.push((COOKIE, whole.to_vec()));
                }
                "wrong-cookie" => edns(&mut reply).options.push(cookie(b"deadbeef".to_vec())),
                "cut" => cut = Some(number::<usize>(value)?),
                "append" => tail = parse_hex(value)?,
                "missing-answers" => counts[1] = number(value)?,
                rcode => reply.set_rcode(rcode_number(rcode).ok_or_else(|| unknown(rcode))?),
            }
        }
        let mut octets = [reply.octets(), tail].concat();
        octets.truncate(octets.len() - cut.unwrap_or(0).min(octets.len()));
        for (place, more) in counts.iter().enumerate().filter(|(_, more)| **more > 0) {
            let at = 4 + 2 * place;
            let count = u16::from_be_bytes([octets[at], octets[at + 1]]) + more;
            octets[at..at + 2].copy_from_slice(&count.to_be_bytes());
        }
        self.world()?.receive(sent.worker, path, &octets);
        Ok(())
    }
}

fn swap_case(octet: &mut u8) {
    if octet.is_ascii_alphabetic() {
        *octet ^= 0x20;
    }
}

fn edns(message: &mut Message) -> &mut Opt {
    message.opt.get_or_insert_with(|| Opt { udp_size: 1232, ..Opt::default() })
}

/// From where a query comes.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    pub(super) address: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) transport: Transport,
    pub(super) worker: usize,
}

impl Sender {
    /// A client whose name is an address asks from there; any other asks from the host itself.
    pub(super) fn new(name: &str) -> Self {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let address = name.parse().unwrap_or(loopback);
        Self { address, destination: loopback, transport: Transport::Udp, worker: 0 }
    }

    fn take(&mut self, word: &str, value: &str) -> Result<bool, String> {
        match word {
            "from" => self.address = address(value)?,
            "to" => self.destination = address(value)?,
            "tcp" => self.transport = Transport::Tcp,
            "worker" => self.worker = number(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn client(&self) -> Client {
        Client { address: self.address, port: 4000, destination: self.destination, transport: self.transport }
    }
}
