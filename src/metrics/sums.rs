//! What all workers have counted, added up.

use std::collections::BTreeMap;

use super::{Channel, Event, Lookups, QTYPES, REQUEST_SIZES, RESPONSE_SIZES, Resolver, Socket};
use crate::wire::header::{flag, rcode, u16_at};

/// What is told of a query by where it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// By TCP.
    pub tcp: bool,
    /// With an OPT record.
    pub edns: bool,
    /// With a TSIG record.
    pub signed: bool,
    /// A [`Cookie`](super::Cookie)'s number.
    pub cookie: u8,
}

impl Asked {
    pub(super) const COUNT: usize = 64;

    #[inline]
    pub(super) fn index(self) -> usize {
        let bits = u8::from(self.tcp) | u8::from(self.edns) << 1 | u8::from(self.signed) << 2;
        usize::from((bits | self.cookie << 3) & 63)
    }

    fn at(index: usize) -> Self {
        Self { tcp: index & 1 != 0, edns: index & 2 != 0, signed: index & 4 != 0, cookie: (index >> 3) as u8 }
    }
}

/// What is told of a reply by where it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The RCODE of the header, `0..16`.
    pub rcode: u8,
    /// AA.
    pub authoritative: bool,
    /// TC.
    pub truncated: bool,
    /// There is a record in the answer section.
    pub has_answers: bool,
    /// With an OPT record.
    pub edns: bool,
}

impl Answer {
    pub(super) const COUNT: usize = 256;

    #[inline]
    pub(super) fn index(self) -> usize {
        let flags = u8::from(self.authoritative) << 4
            | u8::from(self.truncated) << 5
            | u8::from(self.has_answers) << 6
            | u8::from(self.edns) << 7;
        usize::from(self.rcode & 15 | flags)
    }

    fn at(index: usize) -> Self {
        Self {
            rcode: (index & 15) as u8,
            authoritative: index & 16 != 0,
            truncated: index & 32 != 0,
            has_answers: index & 64 != 0,
            edns: index & 128 != 0,
        }
    }
}

impl Answer {
    /// Of a reply, which has at least a header.
    #[inline]
    pub(super) fn of(reply: &[u8], edns: bool) -> Self {
        let flags = u16_at(reply, 2);
        Self {
            rcode: (flags & flag::RCODE) as u8,
            authoritative: flags & flag::AA != 0,
            truncated: flags & flag::TC != 0,
            has_answers: u16_at(reply, 6) != 0,
            edns,
        }
    }

    /// What was asked for is there; what was too long was, too.
    pub fn is_success(self) -> bool {
        u16::from(self.rcode) == rcode::NOERROR && (self.has_answers || self.truncated)
    }

    /// It says something about the name.
    pub fn is_about_the_name(self) -> bool {
        [rcode::NOERROR, rcode::NXDOMAIN, rcode::YXDOMAIN].contains(&self.rcode.into())
    }
}

/// See the module.
#[derive(Debug)]
pub struct Sums {
    /// By channel (UDP and TCP by IPv4, UDP and TCP by IPv6) and size.
    pub requests: [[u64; REQUEST_SIZES]; Channel::COUNT],
    /// Likewise.
    pub responses: [[u64; RESPONSE_SIZES]; Channel::COUNT],
    pub(super) asked: [u64; Asked::COUNT],
    pub(super) asked_otherwise: [u64; Asked::COUNT],
    pub(super) opcodes: [u64; 16],
    /// By QTYPE; the last one is for all from 256 on.
    pub qtypes: [u64; QTYPES + 1],
    pub(super) answers: [u64; Answer::COUNT],
    pub(super) others: [u64; Answer::COUNT],
    pub(super) events: [u64; Event::COUNT],
    pub(super) sockets: [u64; Socket::COUNT],
    /// By the view's number; views that nobody asked anything are not among them.
    pub views: BTreeMap<u16, ViewSums>,
}

/// What was counted for a view.
#[derive(Clone, Debug)]
pub struct ViewSums {
    pub(super) lookups: [u64; Lookups::COUNT],
    pub(super) resolver: [u64; Resolver::COUNT],
    /// Of messages to upstreams, by QTYPE; the last one is for all from 256 on.
    pub qtypes: [u64; QTYPES + 1],
    /// Questions that are being asked.
    pub fetches: u64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            requests: [[0; REQUEST_SIZES]; Channel::COUNT],
            responses: [[0; RESPONSE_SIZES]; Channel::COUNT],
            asked: [0; Asked::COUNT],
            asked_otherwise: [0; Asked::COUNT],
            opcodes: [0; 16],
            qtypes: [0; QTYPES + 1],
            answers: [0; Answer::COUNT],
            others: [0; Answer::COUNT],
            events: [0; Event::COUNT],
            sockets: [0; Socket::COUNT],
            views: BTreeMap::new(),
        }
    }
}

impl Default for ViewSums {
    fn default() -> Self {
        Self { lookups: [0; Lookups::COUNT], resolver: [0; Resolver::COUNT], qtypes: [0; QTYPES + 1], fetches: 0 }
    }
}

impl Sums {
    /// Queries that could be read, by what they had.
    pub fn asked(&self) -> impl Iterator<Item = (Asked, u64)> {
        self.asked.iter().enumerate().map(|(index, &count)| (Asked::at(index), count))
    }

    /// Other messages that could be read, likewise.
    pub fn asked_otherwise(&self) -> impl Iterator<Item = (Asked, u64)> {
        self.asked_otherwise.iter().enumerate().map(|(index, &count)| (Asked::at(index), count))
    }

    /// Replies to queries.
    pub fn answers(&self) -> impl Iterator<Item = (Answer, u64)> {
        self.answers.iter().enumerate().map(|(index, &count)| (Answer::at(index), count))
    }

    /// Replies to everything else.
    pub fn others(&self) -> impl Iterator<Item = (Answer, u64)> {
        self.others.iter().enumerate().map(|(index, &count)| (Answer::at(index), count))
    }

    /// Messages of an opcode (`0..16`) that could be read.
    pub fn opcode(&self, opcode: u8) -> u64 {
        match opcode {
            0 => self.asked.iter().sum(),
            other => self.opcodes[usize::from(other & 15)],
        }
    }

    /// How often something happened.
    pub fn event(&self, event: Event) -> u64 {
        self.events[event as usize]
    }

    /// How often something happened to sockets.
    pub fn socket(&self, socket: Socket) -> u64 {
        self.sockets[socket as usize]
    }
}

impl ViewSums {
    /// How often the cache was looked into so.
    pub fn lookup(&self, lookup: Lookups) -> u64 {
        self.lookups[lookup as usize]
    }

    /// How often something happened to questions.
    pub fn resolver(&self, what: Resolver) -> u64 {
        self.resolver[what as usize]
    }
}
