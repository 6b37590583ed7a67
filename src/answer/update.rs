//! Updates (RFC 2136) from packet to request, and from outcome to reply.
//!
//! A request is an update that somebody with a right to change the zone has sent: what needs no look at the zone's
//! records was checked by a worker, so that whoever may change nothing costs nobody else anything.
//! Not here: what an update changes ([`crate::zone::update`]), who makes and keeps the change (`keeper`).

use std::sync::Arc;

use super::refuse::{Refusal, Stage, key_suffix};
use super::{Client, Context, Instead, judge_cookie, kind_of, signed};
use crate::access::CookieVerdict;
use crate::config::DEFAULT_VIEW;
use crate::logging::{self, Category, Severity};
use crate::metrics::{Event, OfZone, ZoneCounters};
use crate::state::View;
use crate::tsig::Signer;
use crate::wire::header::{class, ede, flag, put_u16, rcode, rtype, u16_at};
use crate::wire::reply;
use crate::wire::walk::Malformed;
use crate::wire::{Name, Update};
use crate::zone::Handle;
use crate::zone::update::{Grants, Sender};

/// An update that waits for its turn.
pub struct Request {
    /// The zone to be changed.
    pub zone: Arc<Handle>,
    /// Who may change what of it, as it was when the update came.
    pub grants: Arc<Grants>,
    counters: Option<Arc<ZoneCounters>>,
    packet: Box<[u8]>,
    zone_end: usize,
    client: Client,
    signer: Option<Signer>,
    /// As named tells it behind the client, if there are views.
    in_view: String,
}

/// What came of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// NOERROR: the zone is as it says.
    pub rcode: u16,
    /// What the client is told beside any other RCODE.
    pub why: &'static str,
}

impl Outcome {
    /// It is done, and kept.
    pub const DONE: Self = Self { rcode: rcode::NOERROR, why: "" };

    /// It failed for reasons of the server's own.
    pub const fn failed(why: &'static str) -> Self {
        Self { rcode: rcode::SERVFAIL, why }
    }

    /// The extended error that goes with it.
    fn ede(self) -> Option<(u16, &'static str)> {
        match self.rcode {
            rcode::SERVFAIL => Some((ede::OTHER, self.why)),
            rcode::REFUSED => Some((ede::PROHIBITED, self.why)),
            _ => None,
        }
    }
}

impl Request {
    /// The message.
    ///
    /// # Errors
    /// Never: it was read before.
    pub fn update(&self) -> Result<Update<'_>, Malformed> {
        Update::read(&self.packet, self.zone_end)
    }

    /// The name of the key that signed it.
    pub fn key(&self) -> Option<&Name> {
        self.signer.as_ref().and_then(|signer| signer.key()).map(|key| key.name())
    }

    /// The MAC that it was signed with; no other message of the same time has it. `None`: it was not signed.
    pub fn mac(&self) -> Option<&[u8]> {
        self.signer.as_ref().map(|signer| signer.request_mac()).filter(|mac| !mac.is_empty())
    }

    /// Who sent it.
    pub fn sender(&self) -> Sender<'_> {
        Sender { signer: self.key(), client: self.client.address }
    }

    /// Who sent it, in named's words.
    pub fn shown_client(&self) -> String {
        let Client { address, port, .. } = self.client;
        let (at, key) = (self.packet.as_ptr(), key_suffix(self.signer.as_ref()));
        format!("client @{at:p} {address}#{port}{key}{}", self.in_view)
    }

    /// Writes the reply to `out` (at least 4,096 octets); returns its length.
    pub(super) fn reply(&self, context: Context<'_>, outcome: Outcome, out: &mut [u8]) -> usize {
        let Ok(update) = self.update() else { return 0 };
        let (client, signer) = (self.client, self.signer.as_ref());
        let cookie = judge_cookie(&context, &update.query, client);
        for (of_all, of_zone) in counted_as(outcome.rcode) {
            context.meter.event(*of_all);
            if let Some(counters) = &self.counters {
                context.meter.zone_event(counters, *of_zone);
            }
        }
        Asked { context: &context, update: &update, client, cookie, signer, in_view: String::new() }.reply(outcome, out)
    }
}

/// What an update counts as that was tried: of all, of its zone.
fn counted_as(rcode: u16) -> &'static [(Event, OfZone)] {
    const FAILED: (Event, OfZone) = (Event::UpdateFail, OfZone::UpdateFail);
    match rcode {
        rcode::NOERROR => &[(Event::UpdateDone, OfZone::UpdateDone)],
        rcode::REFUSED => &[(Event::UpdateRej, OfZone::UpdateRej)],
        rcode::YXDOMAIN | rcode::YXRRSET | rcode::NXRRSET | rcode::NXDOMAIN => {
            &[FAILED, (Event::UpdateBadPrereq, OfZone::UpdateBadPrereq)]
        }
        _ => &[FAILED],
    }
}

/// An update as a worker has it.
struct Asked<'a, 'p> {
    context: &'a Context<'a>,
    update: &'a Update<'p>,
    client: Client,
    cookie: CookieVerdict,
    signer: Option<&'a Signer>,
    in_view: String,
}

/// Decides what an update gets whose zone section ends at `zone_end`; a reply is written to `out`.
#[cold]
pub(super) fn decide(context: Context<'_>, packet: &[u8], zone_end: usize, client: Client, out: &mut [u8]) -> Instead {
    let Ok(update) = Update::read(packet, zone_end) else {
        return Instead::Reply(reply::question_only(out, packet, zone_end, rcode::FORMERR));
    };
    let judged = if update.query.signed { signed::judge(&context, &update.query, client) } else { None };
    let rejected = judged.as_ref().map(|judged| judged.rcode).filter(|rcode| *rcode != rcode::NOERROR);
    let views = &context.snapshot.views;
    let (is_signed, place) = (judged.is_some(), judged.as_ref().and_then(|judged| judged.view));
    let signer = judged.and_then(|judged| judged.signer);
    let cookie = judge_cookie(&context, &update.query, client);
    let meter = context.meter;
    let (usable, kind) = kind_of(&context, &update.query, &cookie);
    meter.asked_otherwise(client.channel(), usable, update.query.signed, kind);
    let mut asked =
        Asked { context: &context, update: &update, client, cookie, signer: signer.as_ref(), in_view: String::new() };
    let reply = |asked: &Asked<'_, '_>, outcome: Outcome, out: &mut [u8]| {
        if outcome.rcode == rcode::REFUSED {
            meter.event(Event::UpdateRej);
        }
        Instead::Reply(asked.reply(outcome, out))
    };
    let wrong = |rcode, why| Outcome { rcode, why };
    if let Some(rcode) = rejected {
        if rcode == rcode::REFUSED {
            return reply(&asked, wrong(rcode, "no view matches"), out);
        }
        meter.event(Event::ReqBadSIG);
        return reply(&asked, wrong(rcode, ""), out);
    }
    if update.query.edns.is_some_and(|edns| edns.version > 0) {
        meter.event(Event::BadVers);
        meter.event(Event::ReqBadEDNSVer);
        return reply(&asked, wrong(rcode::BADVERS, ""), out);
    }
    let has_cookie = update.query.edns.is_some_and(|edns| edns.cookie.is_some());
    if context.snapshot.cookies.is_some() && has_cookie && cookie == CookieVerdict::Malformed {
        return reply(&asked, wrong(rcode::FORMERR, ""), out);
    }
    if update.query.qtype != rtype::SOA {
        return reply(&asked, wrong(rcode::FORMERR, ""), out);
    }
    let recursion_desired = update.query.recursion_desired();
    let key = asked.key();
    let matches = |view: &&Arc<View>| view.matches(client.address, client.destination, key, recursion_desired);
    let found = if is_signed { place.and_then(|place| views.get(place)) } else { views.iter().find(matches) };
    let Some(view) = found else {
        asked.log_denied("no view matches");
        return reply(&asked, wrong(rcode::REFUSED, "no view matches"), out);
    };
    if view.name != DEFAULT_VIEW {
        asked.in_view = format!(": view {}", view.name);
    }
    let apex = update.zone().to_ascii_lowercase();
    let rule = view.rules.get(view.rules.find(&apex, rtype::SOA));
    let local = rule.local.as_ref().filter(|_| rule.apex.as_wire() == apex && update.query.qclass == class::IN);
    let Some(local) = local else {
        asked.log_not_ours();
        return reply(&asked, wrong(rcode::NOTAUTH, ""), out);
    };
    let sender = Sender { signer: asked.key(), client: client.address };
    let reply = |asked: &Asked<'_, '_>, outcome: Outcome, out: &mut [u8]| {
        if let Some(counters) = local.counters.as_ref().filter(|_| outcome.rcode == rcode::REFUSED) {
            meter.zone_event(counters, OfZone::UpdateRej);
        }
        reply(asked, outcome, out)
    };
    // Prerequisites tell what a zone holds.
    if let Some(why) = local.what_forbids(view, client, asked.key()) {
        asked.log_denied(why);
        return reply(&asked, wrong(rcode::REFUSED, why), out);
    }
    if !local.grants.may_grant(sender) {
        match local.grants.rules.is_empty() {
            true => asked.log_disabled(),
            false => asked.log_denied("no rule lets this client update the zone"),
        }
        return reply(&asked, wrong(rcode::REFUSED, "no rule lets this client update the zone"), out);
    }
    if local.zone.load().is_none() {
        return reply(&asked, Outcome::failed("the zone could not be loaded"), out);
    }
    asked.log_approved();
    let in_view = asked.in_view;
    let (zone, grants, counters) = (Arc::clone(&local.zone), Arc::clone(&local.grants), local.counters.clone());
    let packet = packet.into();
    Instead::Update(Box::new(Request { zone, grants, counters, packet, zone_end, client, signer, in_view }))
}

impl Asked<'_, '_> {
    fn key(&self) -> Option<&Name> {
        self.signer.and_then(Signer::key).map(|key| key.name())
    }

    fn reply(&self, outcome: Outcome, out: &mut [u8]) -> usize {
        let Self { context, update, client, cookie, signer, .. } = *self;
        let refusal = Refusal {
            context,
            query: &update.query,
            client,
            cookie,
            recursion_available: false,
            signer: None,
            view: None,
            stage: Stage::Update,
        };
        let octets = match outcome.ede() {
            Some((code, why)) => refusal.with_ede(outcome.rcode, code, why, out),
            None => refusal.with_rcode(outcome.rcode, out),
        };
        // An update has no use for RD and CD: those bits are zero (RFC 2136 §2.2).
        let flags = u16_at(out, 2) & !(flag::RD | flag::CD);
        put_u16(out, 2, flags);
        let octets = Refusal { signer, ..refusal }.sealed(octets, out);
        context.meter.other(client.channel(), update.query.edns.is_some(), &out[..octets]);
        octets
    }

    /// Who sent it, in named's words.
    fn shown_client(&self) -> String {
        let Client { address, port, .. } = self.client;
        let (at, key) = (self.update.query.packet.as_ptr(), key_suffix(self.signer));
        format!("client @{at:p} {address}#{port}{key}{}", self.in_view)
    }

    fn shown_zone(&self) -> String {
        Name::from_wire(self.update.zone()).unwrap_or_else(Name::root).to_string()
    }

    fn log_denied(&self, why: &str) {
        let (client, zone) = (self.shown_client(), self.shown_zone());
        logging::event!(Category::UpdateSecurity, Severity::Error, "{client}: update '{zone}/IN' denied ({why})");
    }

    /// For zones that take no updates from anybody: hosts register themselves all day.
    fn log_disabled(&self) {
        let (client, zone) = (self.shown_client(), self.shown_zone());
        logging::event!(
            Category::UpdateSecurity,
            Severity::Info,
            "{client}: update '{zone}/IN' denied (nobody may update the zone)"
        );
    }

    fn log_not_ours(&self) {
        let (client, zone) = (self.shown_client(), self.shown_zone());
        logging::event!(
            Category::Update,
            Severity::Info,
            "{client}: update failed: {zone}: not authoritative for update zone (NOTAUTH)"
        );
    }

    fn log_approved(&self) {
        if let Some(key) = self.key() {
            let client = self.shown_client();
            logging::event!(Category::UpdateSecurity, Severity::Info, "{client}: signer \"{key}\" approved");
        }
    }
}
