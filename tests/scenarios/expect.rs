//! Telling what was seen in the words of a story, and comparing it with what the story says.

use std::time::Duration;

use tandem::answer::Client;
use tandem::wire::Transport;

use super::message::{AA, AD, CD, COOKIE, EDE, Message, Opt, QR, RA, RD, TC, rcode_name};
use super::play::Outcome;
use super::record::{Record, hex, name_text, type_name};
use super::words::{Words, duration, number, unknown};
use super::world::{Sent, World};

/// A query as its client sent it.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) octets: Vec<u8>,
    /// `None` if it cannot be read.
    pub(super) message: Option<Message>,
    pub(super) client: Client,
}

pub(super) fn sections_text(sections: &[Vec<Record>; 3], sorted: bool) -> String {
    let mut text = String::new();
    for (name, records) in ["answer", "authority", "additional"].iter().zip(sections) {
        if records.is_empty() {
            continue;
        }
        let mut lines: Vec<String> = records.iter().map(|record| format!("\n            {}", record.text())).collect();
        if sorted {
            lines.sort();
        }
        text.push_str(&format!("\n        {name}{}", lines.concat()));
    }
    text
}

/// Compares two texts, and shows both if they differ.
pub(super) fn compare(expected: &str, seen: &str) -> Outcome {
    let differ = || format!("\n    expected: {expected}\n    seen:     {seen}");
    if expected == seen { Ok(()) } else { Err(differ()) }
}

fn flag_words(flags: u16, known: &[(u16, &str)]) -> String {
    known.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| format!(" {word}")).collect()
}

/// What a client gets, as words, in the order in which a story may write them in any.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) words: String,
    pub(super) at: Option<Duration>,
    pub(super) header_only: bool,
    pub(super) question_only: bool,
    pub(super) any_order: bool,
    pub(super) longer_than: Option<usize>,
}

const OPCODE: u16 = 0x7800;
const REPLY_FLAGS: &[(u16, &str)] = &[(AA, "aa"), (TC, "tc"), (AD, "ad")];

impl Expected {
    pub(super) fn read(rcode: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let (mut expected, mut flags, mut no_ra, mut ede, mut cookie) = (Self::default(), 0, false, None, false);
        for (word, value) in words.options() {
            let flag = REPLY_FLAGS.iter().find(|(_, known)| *known == word);
            match word {
                _ if flag.is_some() => flags |= flag.map_or(0, |(bit, _)| *bit),
                "no-ra" => no_ra = true,
                "ede" => ede = Some(number::<u16>(value)?),
                "cookie" => cookie = true,
                "header-only" => expected.header_only = true,
                "question-only" => expected.question_only = true,
                "any-order" => expected.any_order = true,
                "longer-than" => expected.longer_than = Some(number(value)?),
                "at" => expected.at = Some(duration(value)?),
                other => return Err(unknown(other)),
            }
        }
        // A reply of a header alone says nothing of what this client may have.
        let no_ra = no_ra || expected.header_only || expected.question_only;
        expected.words = reply_words(rcode, flags | if no_ra { 0 } else { RA }, ede, cookie);
        Ok(expected)
    }
}

fn reply_words(rcode: &str, flags: u16, ede: Option<u16>, cookie: bool) -> String {
    let no_ra = if flags & RA == 0 { " no-ra" } else { "" };
    let ede = ede.map_or(String::new(), |code| format!(" ede={code}"));
    format!("{rcode}{}{no_ra}{ede}{}", flag_words(flags, REPLY_FLAGS), if cookie { " cookie" } else { "" })
}

pub(super) fn reply_text(reply: &Message, sorted: bool) -> String {
    let opt = reply.opt.as_ref();
    let ede = opt.and_then(|opt| opt.option(EDE)).map(|value| u16::from_be_bytes([value[0], value[1]]));
    let cookie = opt.is_some_and(|opt| opt.option(COOKIE).is_some());
    let words = reply_words(&rcode_name(reply.rcode()), reply.flags, ede, cookie);
    format!("{words}{}", sections_text(&reply.sections, sorted))
}

/// What holds for every reply, whatever its story.
pub(super) fn check_frame(
    query: &Query,
    reply: &Message,
    octets: &[u8],
    expected: &Expected,
    world: &World,
) -> Outcome {
    let sent = |at: usize| u16::from_be_bytes([query.octets[at], query.octets[at + 1]]);
    compare(&format!("ID {}", sent(0)), &format!("ID {}", reply.id))?;
    // For another opcode RD and CD mean nothing.
    let kept = if sent(2) & OPCODE == 0 { OPCODE | RD | CD } else { OPCODE };
    compare(
        &format!("QR, opcode, RD, CD {:04x}", QR | sent(2) & kept),
        &format!("QR, opcode, RD, CD {:04x}", reply.flags & (QR | OPCODE | RD | CD)),
    )?;
    if expected.header_only {
        return compare("12 octets", &format!("{} octets", octets.len()));
    }
    let Some(message) = &query.message else { return Ok(()) };
    let echoed = reply.questions == message.questions;
    if !echoed {
        return Err(format!("the question is not echoed as it was asked: {:?}", reply.questions));
    }
    if expected.question_only {
        return compare("no OPT", if reply.opt.is_none() { "no OPT" } else { "OPT" });
    }
    let snapshot = world.snapshot();
    match (&message.opt, &reply.opt) {
        (None, None) => {}
        (Some(_), None) => return Err("no OPT in the reply to a query with OPT".to_owned()),
        (None, Some(_)) => return Err("OPT in the reply to a query without".to_owned()),
        (Some(asked), Some(opt)) => {
            let frame = |opt: &Opt| format!("OPT {} version {} DO {}", opt.udp_size, opt.version, opt.dnssec_ok);
            let wanted = Opt { udp_size: snapshot.edns_udp_size, version: 0, ..asked.clone() };
            compare(&frame(&wanted), &frame(opt))?;
            if let Some((code, _)) = opt.options.iter().find(|(code, _)| !matches!(*code, COOKIE | EDE)) {
                return Err(format!("EDNS option {code} in the reply"));
            }
            let ours = opt.option(COOKIE).is_none_or(|cookie| {
                cookie.len() == 24 && asked.option(COOKIE).is_some_and(|sent| sent[..8] == cookie[..8])
            });
            if !ours {
                return Err("a cookie that does not answer the client's".to_owned());
            }
        }
    }
    let most = match (query.client.transport, &message.opt) {
        (Transport::Tcp, _) => 65_535,
        (Transport::Udp, None) => 512,
        (Transport::Udp, Some(opt)) => opt.udp_size.clamp(512, snapshot.max_udp_size.max(512)),
    };
    if octets.len() > usize::from(most) {
        return Err(format!("{} octets for a client that takes {most}", octets.len()));
    }
    Ok(())
}

/// How a question is told that a story expects.
#[derive(Default)]
pub(super) struct Told<'t> {
    pub(super) tcp: bool,
    pub(super) flags: Vec<&'t str>,
    /// `None`: with OPT, whatever its cookie.
    pub(super) opt: Option<&'t str>,
    pub(super) mixed_case: bool,
    pub(super) lower_case: bool,
    /// 0: the usual.
    pub(super) udp_size: u16,
}

/// What upstreams are told that we take, unless the configuration says otherwise.
const USUAL_UDP_SIZE: u16 = 1232;

impl Told<'_> {
    pub(super) fn text(&self, name: &str, qtype: &str, class: &str) -> String {
        let size = if self.udp_size == 0 { USUAL_UDP_SIZE } else { self.udp_size };
        let transport = if self.tcp { "tcp" } else { "udp" };
        let flags: String = self.flags.iter().map(|flag| format!(" {flag}")).collect();
        let opt = match self.opt {
            Some("no-opt") => "no-opt".to_owned(),
            Some(word) => format!("opt {size} {word}"),
            None => format!("opt {size}"),
        };
        let case = match (self.mixed_case, self.lower_case) {
            (true, _) => " mixed-case",
            (_, true) => " lower-case",
            _ => "",
        };
        format!("{name} {class} {qtype} {transport}{flags} {opt}{case}")
    }
}

/// A question as it was sent, told as far as `told` asks; everything if there is none.
pub(super) fn question_text(sent: &Sent, told: Option<&Told<'_>>) -> Result<String, String> {
    let message = Message::read(&sent.octets).ok_or_else(|| format!("no message: {}", hex(&sent.octets)))?;
    let [(name, qtype, qclass)] = &message.questions[..] else { return Err("not one question".to_owned()) };
    if message.flags & !(AD | CD) != RD || message.sections.iter().any(|section| !section.is_empty()) {
        return Err(format!("flags {:04x} or records in a question", message.flags));
    }
    let dnssec_ok = message.opt.as_ref().is_some_and(|opt| opt.dnssec_ok);
    let words = [(message.flags & AD != 0, "+ad"), (message.flags & CD != 0, "+cd"), (dnssec_ok, "+do")];
    let (opt, size) = match &message.opt {
        None => ("no-opt", 0),
        Some(opt) => {
            if opt.version != 0 || opt.options.iter().any(|(code, _)| *code != COOKIE) {
                return Err(format!("an OPT record that cannot be: {opt:?}"));
            }
            let cookie = match opt.option(COOKIE).map(<[u8]>::len) {
                None => "no-cookie",
                Some(8) => "cookie",
                Some(_) => "server-cookie",
            };
            (cookie, opt.udp_size)
        }
    };
    let lower = name.to_ascii_lowercase() == *name;
    let seen = Told {
        tcp: sent.transport == Transport::Tcp,
        flags: words.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect(),
        opt: (opt == "no-opt" || told.is_none_or(|told| told.opt.is_some())).then_some(opt),
        mixed_case: told.is_none_or(|told| told.mixed_case) && !lower,
        lower_case: told.is_some_and(|told| told.lower_case) && lower,
        udp_size: size,
    };
    let class = if *qclass == 1 { "IN".to_owned() } else { format!("CLASS{qclass}") };
    Ok(seen.text(&name_text(name), &type_name(*qtype), &class))
}
