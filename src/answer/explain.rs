//! Saying beforehand what would be decided, and why: which view, which list element, which rule, which upstreams.
//!
//! Walks the same steps as [`super::decide`] with an empty cache, in words; `tests` holds the two together.

use std::fmt;
use std::net::IpAddr;

use crate::access::Explanation;
use crate::config::{Forwarder, ForwarderOrder};
use crate::state::rules::Local;
use crate::state::{Snapshot, View};
use crate::upstream::Stale;
use crate::wire::Name;
use crate::zone::{Found, Rrset};

/// What a question would get.
#[derive(Debug)]
pub struct Explained {
    lines: Vec<(&'static str, String)>,
    /// Whether it would be forwarded.
    pub forwarded: bool,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|(what, text)| writeln!(f, "{what:<17} {text}"))
    }
}

/// Explains the question (`qname`, `qtype`) from `client`, sent to `destination` with RD set.
pub fn explain(snapshot: &Snapshot, qname: &Name, qtype: u16, client: IpAddr, destination: IpAddr) -> Explained {
    let mut lines = Vec::new();
    let mut say = |what, text: String| lines.push((what, text));
    if let Some(blackhole) = &snapshot.blackhole {
        let explanation = blackhole.explain(client);
        say("blackhole", decided(&explanation));
        if explanation.allowed {
            say("answer", "none: the packet is dropped".to_owned());
            return Explained { lines, forwarded: false };
        }
    }
    let Some(view) = snapshot.views.iter().find(|view| view.matches(client, destination, true)) else {
        say("answer", "REFUSED (EDE 18): no view matches".to_owned());
        return Explained { lines, forwarded: false };
    };
    say("view", view.name.clone());
    let forwarded = explain_in(view, qname, qtype, client, &mut say);
    Explained { lines, forwarded }
}

fn explain_in(
    view: &View,
    qname: &Name,
    qtype: u16,
    client: IpAddr,
    say: &mut impl FnMut(&'static str, String),
) -> bool {
    let rule = view.rules.get(view.rules.find(qname.as_wire(), qtype));
    say("rule", if rule.apex.is_root() { "the global forwarders".to_owned() } else { format!("zone {}", rule.apex) });
    if let Some(local) = &rule.local {
        explain_local(view, local, qname, qtype, client, say);
        return false;
    }
    let cache = view.query_cache.explain(client);
    say("allow-query-cache", decided(&cache));
    if !cache.allowed {
        say("answer", "REFUSED (EDE 18): allow-query-cache did not match".to_owned());
        return false;
    }
    let recursion = view.allow_recursion.as_ref().unwrap_or(&view.query_cache).explain(client);
    say("allow-recursion", decided(&recursion));
    let forwarders: Vec<String> = rule.servers.iter().map(|server| forwarder(&server.forwarder)).collect();
    say("forwarders", if forwarders.is_empty() { "none".to_owned() } else { forwarders.join(" ") });
    if rule.servers.len() > 1 {
        say("forwarder-order", order(rule.order).to_owned());
    }
    let (cache, ncache) = (rule.ttl.cache, rule.ttl.ncache);
    say("kept", format!("answers {}–{} s, negative answers {}–{} s", cache.0, cache.1, ncache.0, ncache.1));
    if let Some(stale) = rule.stale {
        say("stale", format!("given out for {} s {}, TTL {} s", stale.max_ttl, when(&stale), stale.answer_ttl));
    }
    if !view.recursion || !recursion.allowed {
        say("answer", "from the cache if it is there, else REFUSED (EDE 18)".to_owned());
        return false;
    }
    if rule.servers.is_empty() {
        say("answer", "REFUSED (EDE 20): no forwarders for this name".to_owned());
        return false;
    }
    say("answer", "from the cache if it is there, else from the forwarders".to_owned());
    true
}

fn explain_local(
    view: &View,
    local: &Local,
    qname: &Name,
    qtype: u16,
    client: IpAddr,
    say: &mut impl FnMut(&'static str, String),
) {
    let query = local.query.as_ref().unwrap_or(&view.query).explain(client);
    say("allow-query", decided(&query));
    if !query.allowed {
        return say("answer", "REFUSED (EDE 18): allow-query did not match".to_owned());
    }
    let present = local.zone.load();
    let Some(zone) = present.as_deref() else {
        return say("answer", "SERVFAIL (EDE 14): the zone could not be loaded".to_owned());
    };
    say("records", format!("{}, serial {}", zone.records(), zone.serial()));
    let name = |octets: &[u8]| Name::from_wire(octets).unwrap_or_else(Name::root);
    let answer = match zone.find(qname.as_wire(), qtype) {
        Found::Rrset(Rrset::Chosen(_)) => "records that a policy chooses".to_owned(),
        Found::Rrset(_) | Found::Every(_) => "the zone's records".to_owned(),
        Found::Alias(Rrset::Fixed(alias)) => format!("an alias: the chain goes on at {}", name(alias.next())),
        Found::Alias(Rrset::Chosen(_)) => "an alias that a policy chooses".to_owned(),
        Found::Renamed(renamed) => match renamed.next(qname.as_wire()) {
            Some(next) => format!("below a DNAME: the chain goes on at {}", name(next.as_wire())),
            None => "YXDOMAIN: below a DNAME, and the name would be too long".to_owned(),
        },
        Found::Referral(referral) => {
            let wire = qname.as_wire();
            format!("a referral to the servers of {}", name(&wire[wire.len() - referral.owner_octets..]))
        }
        Found::NoData => "NOERROR without records: the name has none of this type".to_owned(),
        Found::NxDomain => "NXDOMAIN: the zone has no such name".to_owned(),
    };
    say("answer", answer);
}

fn when(stale: &Stale) -> String {
    match stale.client_timeout.map(|timeout| timeout.as_millis()) {
        None => "when forwarders fail".to_owned(),
        Some(0) => "at once, while it is fetched anew".to_owned(),
        Some(milliseconds) => format!("when forwarders fail or need more than {milliseconds} ms"),
    }
}

fn forwarder(forwarder: &Forwarder) -> String {
    let pace = forwarder.max_qps.map(|qps| format!(" (at most {qps} a second)"));
    format!("{}{}", forwarder.address, pace.unwrap_or_default())
}

fn order(order: ForwarderOrder) -> &'static str {
    match order {
        ForwarderOrder::Fastest => "fastest: the one that answers soonest",
        ForwarderOrder::First => "first: in this order, while they answer",
        ForwarderOrder::Spread => "spread: evenly, but not to one that is much slower",
    }
}

fn decided(explanation: &Explanation) -> String {
    format!("{}: {explanation}", if explanation.allowed { "matches" } else { "does not match" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_stale_answer_is_given_out_is_told() {
        for (milliseconds, told) in [
            (None, "when forwarders fail"),
            (Some(0), "at once, while it is fetched anew"),
            (Some(1800), "when forwarders fail or need more than 1800 ms"),
        ] {
            let client_timeout = milliseconds.map(std::time::Duration::from_millis);
            let stale = Stale { max_ttl: 86400, answer_ttl: 30, refresh_time: 30, client_timeout };
            assert_eq!(when(&stale), told);
        }
    }
}
