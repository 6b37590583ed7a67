//! Replies without records: to what cannot be read, and refusals and failures with the extended error that says why
//! (RFC 8914).
//!
//! Each function writes the reply and returns its length.

use super::{Client, Context, keepalive_for, most_octets, signed};
use crate::access::CookieVerdict;
use crate::config::DEFAULT_VIEW;
use crate::logging::{self, Category, Severity};
use crate::metrics::{Event, OfZone};
use crate::state::View;
use crate::tsig::Signer;
use crate::wire::header::{ede, opcode, rcode, rtype};
use crate::wire::mnemonic::{class_name, rcode_name, type_name};
use crate::wire::name::Shown;
use crate::wire::query::{Fault, Query};
use crate::wire::reply::{self, Opt, Reply};

/// What a client is denied, in named's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// What the server says of itself and of its own zones.
    Query,
    /// What it learns from others.
    Cache,
}

/// A query that gets no records.
pub(super) struct Refusal<'a, 'c> {
    /// What decisions depend on.
    pub(super) context: &'a Context<'c>,
    /// The query.
    pub(super) query: &'a Query<'c>,
    /// Who asks.
    pub(super) client: Client,
    /// What its cookie is worth.
    pub(super) cookie: CookieVerdict,
    /// RA: whether names are forwarded for this client.
    pub(super) recursion_available: bool,
    /// Who signs the reply.
    pub(super) signer: Option<&'a Signer>,
    /// Whose answer it is, if one was found.
    pub(super) view: Option<&'a View>,
    /// How far the query came, for counting.
    pub(super) stage: Stage,
}

/// How far a message came: named counts results of queries alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is an update, which counts its reply by itself.
    Update,
    /// It failed before its name was looked for.
    Request,
    /// Its name was looked for, or was to be.
    Query,
}

impl Refusal<'_, '_> {
    /// This RCODE and nothing else.
    pub(super) fn with_rcode(&self, rcode: u16, out: &mut [u8]) -> usize {
        self.write(rcode, None, out)
    }

    /// This RCODE, for a type that is no type of records.
    pub(super) fn of_type(&self, rcode: u16, out: &mut [u8]) -> usize {
        self.context.meter.turned_away(self.client.channel());
        Refusal { stage: Stage::Query, ..*self }.with_rcode(rcode, out)
    }

    /// This RCODE and an extended error.
    pub(super) fn with_ede(&self, rcode: u16, code: u16, text: &str, out: &mut [u8]) -> usize {
        self.write(rcode, Some((code, text)), out)
    }

    /// The client is not allowed `what`: REFUSED, and a line for the security category.
    pub(super) fn denied(&self, what: Denied, why: &str, out: &mut [u8]) -> usize {
        self.log_denied(what, why);
        if self.stage == Stage::Query {
            self.count_rejected();
        }
        self.with_ede(rcode::REFUSED, ede::PROHIBITED, why, out)
    }

    /// No zone is transferred from here: one of ours is REFUSED, as scripts that look whether it is expect.
    #[cold]
    pub(super) fn transfer(&self, view: Option<&View>, out: &mut [u8]) -> usize {
        let apex = self.query.qname().to_ascii_lowercase();
        let rule = view.map(|view| view.rules.get(view.rules.find(&apex, rtype::SOA)));
        let is_ours = rule.is_some_and(|rule| rule.local.is_some() && rule.apex.as_wire() == apex);
        let (rcode, code) =
            if is_ours { (rcode::REFUSED, ede::PROHIBITED) } else { (rcode::NOTAUTH, ede::NOT_AUTHORITATIVE) };
        if is_ours {
            let meter = self.context.meter;
            meter.event(Event::XfrRej);
            let local = rule.and_then(|rule| rule.local.as_ref());
            if let Some(counters) = local.and_then(|local| local.counters.as_ref()) {
                meter.zone_event(counters, OfZone::XfrRej);
            }
        }
        self.with_ede(rcode, code, "zones are not transferred from here", out)
    }

    /// Counts a query that its sender may not ask.
    pub(super) fn count_rejected(&self) {
        let meter = self.context.meter;
        meter.event(if self.query.recursion_desired() { Event::RecQryRej } else { Event::AuthQryRej });
        meter.turned_away(self.client.channel());
    }

    /// named's line for what it denies; its client address in memory is that of the packet here.
    fn log_denied(&self, what: Denied, why: &str) {
        if !logging::enabled(Category::Security, Severity::Info) {
            return;
        }
        let query = self.query;
        let (name, qtype, qclass) = (Shown(query.qname()), type_name(query.qtype), class_name(query.qclass));
        let what = match what {
            Denied::Query => "query",
            Denied::Cache => "query (cache)",
        };
        let client = self.shown_client();
        logging::event!(
            Category::Security,
            Severity::Info,
            "{client}: {what} '{name}/{qtype}/{qclass}' denied ({why})"
        );
    }

    /// Who asks what, in named's words.
    fn shown_client(&self) -> String {
        let (query, Client { address, port, .. }) = (self.query, self.client);
        let (at, key, name) = (query.packet.as_ptr(), key_suffix(self.signer), Shown(query.qname()));
        let view = self.view.map(|view| view.name.as_str()).filter(|&name| name != DEFAULT_VIEW);
        let view = view.map_or_else(String::new, |view| format!(": view {view}"));
        format!("client @{at:p} {address}#{port}{key} ({name}){view}")
    }

    /// named's line for a query that failed; where named has a line of its source, here stands why. While queries are
    /// logged it is worth as much as they are.
    #[cold]
    pub(super) fn log_failed(&self, rcode: u16, why: &str) {
        let is_logged = self.context.query_log.is_some();
        let severity = match rcode {
            _ if is_logged => Severity::Info,
            rcode::SERVFAIL => Severity::Debug(1),
            _ => Severity::Debug(3),
        };
        if !logging::enabled(Category::QueryErrors, severity) {
            return;
        }
        let query = self.query;
        let (name, qtype, qclass) = (Shown(query.qname()), type_name(query.qtype), class_name(query.qclass));
        let why = if why.is_empty() { "no reason is known" } else { why };
        let (client, rcode) = (self.shown_client(), rcode_name(rcode));
        let line = format_args!("{client}: query failed ({rcode}) for {name}/{qclass}/{qtype} at tandem: {why}");
        logging::at(Category::QueryErrors, severity, line);
    }

    fn write(&self, rcode: u16, ede: Option<(u16, &str)>, out: &mut [u8]) -> usize {
        let end = reply::begin(out, self.query);
        let reply =
            Reply { rcode, opt: self.opt(ede), recursion_available: self.recursion_available, ..Reply::default() };
        if self.stage == Stage::Query {
            self.log_failed(rcode, ede.map_or("", |(_, why)| why));
        }
        self.finish(end, &reply, out)
    }

    /// What its OPT record carries.
    pub(super) fn opt<'o>(&'o self, ede: Option<(u16, &'o str)>) -> Opt<'o> {
        let cookie = self.cookie.reply().map(|cookie| &cookie[..]);
        let udp_size = self.view.map_or(self.context.snapshot.edns_udp_size, |view| view.edns_udp_size);
        Opt { udp_size, cookie, ede, keepalive: keepalive_for(self.context, self.query, self.client) }
    }

    /// Writes the reply around a few records that end at `end`: shorter than any limit, but for its signature.
    pub(super) fn finish(&self, end: usize, reply: &Reply<'_>, out: &mut [u8]) -> usize {
        let room = out.len();
        let octets = reply::finish(out, self.query, end, room, reply);
        let octets = self.sealed(octets, out);
        self.count(reply.rcode, &out[..octets]);
        octets
    }

    /// Counts a reply without records, or about the server itself.
    fn count(&self, rcode: u16, reply: &[u8]) {
        let (meter, channel, edns) = (self.context.meter, self.client.channel(), self.query.edns.is_some());
        if rcode == rcode::BADVERS {
            meter.event(Event::BadVers);
            meter.event(Event::ReqBadEDNSVer);
        }
        match self.stage {
            Stage::Update => {}
            Stage::Query => meter.answer(channel, edns, reply),
            Stage::Request => {
                meter.other(channel, edns, reply);
                meter.turned_away(channel);
            }
        }
    }

    /// Signs a reply of so many octets, within what the client takes; returns its length.
    #[inline]
    pub(super) fn sealed(&self, octets: usize, out: &mut [u8]) -> usize {
        let Some(signer) = self.signer else { return octets };
        self.context.meter.event(Event::RespTSIG);
        let has_cookie = matches!(self.cookie, CookieVerdict::Valid(_));
        let of_view = |view: &View| view.udp_sizes.most(self.client.address, has_cookie);
        let most = self.view.map_or(self.context.snapshot.max_udp_size, of_view);
        let most = most_octets(most, self.query, self.client, out.len());
        signed::seal_within(signer, self.context.unix, self.query, out, octets, most)
    }
}

/// The key of a signed message behind its client, as named has it in its lines.
pub(super) fn key_suffix(signer: Option<&Signer>) -> String {
    signer.and_then(Signer::key).map_or_else(String::new, |key| format!("/key {}", key.name()))
}

/// Writes the reply to what is no query that can be read, as named does; `None`: there is to be none.
pub(super) fn unread(fault: Fault, packet: &[u8], out: &mut [u8]) -> Option<usize> {
    let (rcode, question_end) = match fault {
        // Lest two servers talk for ever.
        Fault::NotAQuery => return None,
        Fault::Malformed(question_end) => (rcode::FORMERR, question_end),
        // No zone is a copy of another server's.
        Fault::Opcode(opcode::NOTIFY, Some(end)) => (rcode::NOTAUTH, Some(end)),
        // One that could be read is none of this.
        Fault::Opcode(opcode::UPDATE, Some(end)) => (rcode::FORMERR, Some(end)),
        Fault::Opcode(opcode::NOTIFY | opcode::UPDATE, None) => (rcode::FORMERR, None),
        Fault::Opcode(..) => (rcode::NOTIMP, None),
    };
    Some(match question_end {
        Some(end) => reply::question_only(out, packet, end, rcode),
        None => reply::header_only(out, packet, rcode),
    })
}
