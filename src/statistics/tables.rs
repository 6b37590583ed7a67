//! named's statistics, one row each: what they are called, and how they follow from what is counted.

use super::Statistics;
use crate::metrics::{Answer, Asked, Cookie, Event, Resolver, Socket, Sums, ViewSums};
use crate::wire::header::{opcode, rcode};

/// A number that is told.
pub(super) struct Row {
    /// In JSON and XML.
    pub(super) name: &'static str,
    /// In the text of `rndc stats`.
    pub(super) phrase: &'static str,
    pub(super) value: fn(&Statistics) -> u64,
}

const fn row(name: &'static str, phrase: &'static str, value: fn(&Statistics) -> u64) -> Row {
    Row { name, phrase, value }
}

/// A row of what never happens here.
const fn never(name: &'static str, phrase: &'static str) -> Row {
    row(name, phrase, |_| 0)
}

/// A row that is counted as it is told.
macro_rules! events {
    ($event:ident) => {
        row(Event::$event.name(), Event::$event.phrase(), |all| all.sums.event(Event::$event))
    };
}

/// What becomes of requests, in named's order.
#[rustfmt::skip] // One line a row.
pub(super) const NSSTAT: &[Row] = &[
    row("Requestv4", "IPv4 requests received", |all| requests(&all.sums, &[0, 1])),
    row("Requestv6", "IPv6 requests received", |all| requests(&all.sums, &[2, 3])),
    row("ReqEdns0", "requests with EDNS(0) received", |all| asked(&all.sums, |asked| asked.edns)),
    events!(ReqBadEDNSVer),
    row("ReqTSIG", "requests with TSIG received", |all| asked(&all.sums, |asked| asked.signed)),
    events!(ReqBadSIG),
    row("ReqTCP", "TCP requests received", |all| requests(&all.sums, &[1, 3])),
    row("TCPConnHighWater", "TCP connection high-water", |all| all.connections_high_water.into()),
    events!(AuthQryRej),
    events!(RecQryRej),
    events!(XfrRej),
    events!(UpdateRej),
    row("Response", "responses sent", |all| all.sums.responses.iter().flatten().sum()),
    row("TruncatedResp", "truncated responses sent", |all| replies(&all.sums, |answer| answer.truncated)),
    row("RespEDNS0", "responses with EDNS(0) sent", |all| replies(&all.sums, |answer| answer.edns)),
    events!(RespTSIG),
    never("RespSIG0", "responses with SIG(0) sent"),
    row("QrySuccess", "queries resulted in successful answer", |all| answers(&all.sums, Answer::is_success)),
    row("QryAuthAns", "queries resulted in authoritative answer", |all| {
        answers(&all.sums, |answer| answer.is_about_the_name() && answer.authoritative)
    }),
    row("QryNoauthAns", "queries resulted in non authoritative answer", |all| {
        answers(&all.sums, |answer| answer.is_about_the_name() && !answer.authoritative)
    }),
    events!(QryReferral),
    row("QryNxrrset", "queries resulted in nxrrset", |all| {
        let empty = answers(&all.sums, |answer| has(answer, rcode::NOERROR) && !answer.is_success());
        empty.saturating_sub(all.sums.event(Event::QryReferral))
    }),
    row("QrySERVFAIL", "queries resulted in SERVFAIL", |all| answers(&all.sums, |answer| has(answer, rcode::SERVFAIL))),
    row("QryFORMERR", "queries resulted in FORMERR", |all| answers(&all.sums, |answer| has(answer, rcode::FORMERR))),
    row("QryNXDOMAIN", "queries resulted in NXDOMAIN", |all| answers(&all.sums, |answer| has(answer, rcode::NXDOMAIN))),
    events!(QryRecursion),
    never("QryDuplicate", "duplicate queries received"),
    never("QryDropped", "queries dropped"),
    row("QryFailure", "other query failures", |all| answers(&all.sums, |answer| u16::from(answer.rcode) > rcode::NXDOMAIN)),
    never("XfrReqDone", "requested transfers completed"),
    never("UpdateReqFwd", "update requests forwarded"),
    never("UpdateRespFwd", "update responses forwarded"),
    never("UpdateFwdFail", "update forward failed"),
    events!(UpdateDone),
    events!(UpdateFail),
    events!(UpdateBadPrereq),
    row("RecursClients", "recursing clients", |all| all.waiting.into()),
    never("DNS64", "queries answered by DNS64"),
    never("RateDropped", "responses dropped for rate limits"),
    never("RateSlipped", "responses truncated for rate limits"),
    never("RPZRewrites", "response policy zone rewrites"),
    row("QryUDP", "UDP queries received", |all| queries(&all.sums, false, Event::TurnedAwayUdp)),
    row("QryTCP", "TCP queries received", |all| queries(&all.sums, true, Event::TurnedAwayTcp)),
    row("CookieIn", "COOKIE option received", |all| asked(&all.sums, |asked| asked.cookie != Cookie::None as u8)),
    row("CookieNew", "COOKIE - client only", |all| cookies(&all.sums, Cookie::New)),
    row("CookieBadSize", "COOKIE - bad size", |all| cookies(&all.sums, Cookie::BadSize)),
    row("CookieBadTime", "COOKIE - bad time", |all| cookies(&all.sums, Cookie::BadTime)),
    row("CookieNoMatch", "COOKIE - no match", |all| cookies(&all.sums, Cookie::NoMatch)),
    row("CookieMatch", "COOKIE - match", |all| cookies(&all.sums, Cookie::Match)),
    never("QryNXRedir", "queries resulted in NXDOMAIN that were redirected"),
    never("QryNXRedirRLookup", "queries resulted in NXDOMAIN that were redirected and resulted in a successful remote lookup"),
    never("QryBADCOOKIE", "queries resulted in BADCOOKIE"),
    never("SynthNXDOMAIN", "synthesized a NXDOMAIN response"),
    never("SynthNODATA", "synthesized a no-data response"),
    never("SynthWILDCARD", "synthesized a wildcard response"),
    events!(QryUsedStale),
    events!(Prefetch),
    row("RecLimitDropped", "queries dropped due to recursive client limit", |all| all.refused),
];

/// What is done about zones.
#[rustfmt::skip] // One line a row.
pub(super) const ZONESTAT: &[Row] = &[
    never("NotifyOutv4", "IPv4 notifies sent"),
    never("NotifyOutv6", "IPv6 notifies sent"),
    events!(NotifyInv4),
    events!(NotifyInv6),
    events!(NotifyRej),
    never("SOAOutv4", "IPv4 SOA queries sent"),
    never("SOAOutv6", "IPv6 SOA queries sent"),
    never("AXFRReqv4", "IPv4 AXFR requested"),
    never("AXFRReqv6", "IPv6 AXFR requested"),
    never("IXFRReqv4", "IPv4 IXFR requested"),
    never("IXFRReqv6", "IPv6 IXFR requested"),
    never("XfrSuccess", "transfer requests succeeded"),
    never("XfrFail", "transfer requests failed"),
];

/// What never becomes of questions to upstreams: nothing is validated or delegated, no answer is waited for and then not.
#[rustfmt::skip] // One line a row.
const NEVER_OF_UPSTREAMS: &[(&str, &str)] = &[
    ("Lame", "lame delegations received"),
    ("QueryAbort", "queries aborted"),
    ("GlueFetchv4", "IPv4 NS address fetches"),
    ("GlueFetchv6", "IPv6 NS address fetches"),
    ("GlueFetchv4Fail", "IPv4 NS address fetch failed"),
    ("GlueFetchv6Fail", "IPv6 NS address fetch failed"),
    ("ValAttempt", "DNSSEC validation attempted"),
    ("ValOk", "DNSSEC validation succeeded"),
    ("ValNegOk", "DNSSEC NX validation succeeded"),
    ("ValFail", "DNSSEC validation failed"),
    ("Priming", "priming queries"),
];

/// Sockets that are open, behind those that were counted.
pub(super) const ACTIVE: &[Row] = &[
    row("UDP4Active", "UDP/IPv4 sockets active", |all| open(&all.sums, &[Socket::UDP4Open], Socket::UDP4Close)),
    row("UDP6Active", "UDP/IPv6 sockets active", |all| open(&all.sums, &[Socket::UDP6Open], Socket::UDP6Close)),
    row("TCP4Active", "TCP/IPv4 sockets active", |all| {
        open(&all.sums, &[Socket::TCP4Open, Socket::TCP4Accept], Socket::TCP4Close)
    }),
    row("TCP6Active", "TCP/IPv6 sockets active", |all| {
        open(&all.sums, &[Socket::TCP6Open, Socket::TCP6Accept], Socket::TCP6Close)
    }),
];

fn requests(sums: &Sums, channels: &[usize]) -> u64 {
    channels.iter().flat_map(|&channel| &sums.requests[channel]).sum()
}

fn asked(sums: &Sums, is_one: impl Fn(Asked) -> bool) -> u64 {
    sums.asked().chain(sums.asked_otherwise()).filter(|(asked, _)| is_one(*asked)).map(|(_, count)| count).sum()
}

fn cookies(sums: &Sums, cookie: Cookie) -> u64 {
    asked(sums, |asked| asked.cookie == cookie as u8)
}

/// Queries whose name was looked for.
fn queries(sums: &Sums, tcp: bool, turned_away: Event) -> u64 {
    let asked: u64 = sums.asked().filter(|(asked, _)| asked.tcp == tcp).map(|(_, count)| count).sum();
    asked.saturating_sub(sums.event(turned_away))
}

fn answers(sums: &Sums, is_one: impl Fn(Answer) -> bool) -> u64 {
    sums.answers().filter(|(answer, _)| is_one(*answer)).map(|(_, count)| count).sum()
}

fn replies(sums: &Sums, is_one: impl Fn(Answer) -> bool) -> u64 {
    sums.answers().chain(sums.others()).filter(|(answer, _)| is_one(*answer)).map(|(_, count)| count).sum()
}

fn has(answer: Answer, rcode: u16) -> bool {
    u16::from(answer.rcode) == rcode
}

fn open(sums: &Sums, opened: &[Socket], closed: Socket) -> u64 {
    // Workers count on while they are added up.
    opened.iter().map(|&opened| sums.socket(opened)).sum::<u64>().saturating_sub(sums.socket(closed))
}

/// Opcodes by named's names.
pub(super) fn opcodes(sums: &Sums) -> impl Iterator<Item = (String, u64)> {
    (0..16).map(|number| {
        let name = match number {
            opcode::QUERY => "QUERY".to_owned(),
            1 => "IQUERY".to_owned(),
            2 => "STATUS".to_owned(),
            opcode::NOTIFY => "NOTIFY".to_owned(),
            opcode::UPDATE => "UPDATE".to_owned(),
            other => format!("RESERVED{other}"),
        };
        (name, sums.opcode(number))
    })
}

/// RCODEs of replies by named's names, up to BADCOOKIE.
pub(super) fn rcodes(sums: &Sums) -> impl Iterator<Item = (String, u64)> {
    (0..=rcode::BADCOOKIE).map(|number| {
        let of_header = || replies(sums, |answer| has(answer, number));
        let bad_versions = sums.event(Event::BadVers);
        let count = match number {
            rcode::NOERROR => of_header().saturating_sub(bad_versions),
            rcode::BADVERS => bad_versions,
            1..16 => of_header(),
            _ => 0,
        };
        (rcode_name(number), count)
    })
}

fn rcode_name(number: u16) -> String {
    match number {
        11..=15 => format!("RESERVED{number}"),
        17..rcode::BADCOOKIE => number.to_string(),
        known => crate::wire::mnemonic::rcode_name(known).into_owned(),
    }
}

/// What becomes of questions to upstreams: name, phrase, number.
pub(super) fn resolver(sums: &ViewSums) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let name = |row: Resolver| if row == Resolver::QryRTTMore { "QryRTT1600+" } else { row.name() };
    let counted = Resolver::ALL.iter().map(move |&row| (name(row), row.phrase(), sums.resolver(row)));
    let never = NEVER_OF_UPSTREAMS.iter().map(|&(name, phrase)| (name, phrase, 0));
    counted.chain([("NumFetch", "active fetches", sums.fetches)]).chain(never)
}

/// What becomes of sockets: name, phrase, number.
pub(super) fn sockets(all: &Statistics) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let counted = Socket::ALL.iter().map(|&row| (row.name(), row.phrase(), all.sums.socket(row)));
    counted.chain(ACTIVE.iter().map(|row| (row.name, row.phrase, (row.value)(all))))
}
