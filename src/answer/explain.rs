//! Saying beforehand what would be decided, and why: which view, which list element, which rule, which upstreams.
//!
//! Walks the same steps as [`super::decide`] with an empty cache, in words; `tests` holds the two together. Of a local
//! zone it shows each group that a policy chooses from, with what its health checks have found ([`local`]).

mod local;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use crate::access::{Acl, Explanation};
use crate::config::{Forwarder, ForwarderOrder};
use crate::state::rules::Rule;
use crate::state::{Snapshot, View};
use crate::upstream::Stale;
use crate::wire::Name;

/// What a question would get.
#[derive(Debug)]
pub struct Explained {
    lines: Lines,
    /// Whether it would be forwarded.
    pub forwarded: bool,
    /// Whether it would be answered: from a local zone, the cache or forwarders, if they answer.
    pub answered: bool,
    /// Whether health checks have a say in it.
    pub is_monitored: bool,
}

/// What is said of health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The snapshot's checks are those of the running server: what they count as is told.
    Running,
    /// Nothing is known: what would be tried is told.
    Unknown,
}

/// Two columns: what a line is about, and what it says.
#[derive(Debug, Default)]
struct Lines {
    lines: Vec<(Cow<'static, str>, String)>,
    is_monitored: bool,
    /// Chance has a say in it, too.
    is_drawn: bool,
}

impl Lines {
    fn say(&mut self, what: impl Into<Cow<'static, str>>, text: impl Into<String>) {
        self.lines.push((what.into(), text.into()));
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.lines.iter().try_for_each(|(what, text)| writeln!(f, "{what:<17} {text}"))
    }
}

/// Explains the question (`qname`, `qtype`) from `client`, sent to `destination` with RD set.
pub fn explain(
    snapshot: &Snapshot,
    qname: &Name,
    qtype: u16,
    client: IpAddr,
    destination: IpAddr,
    health: Health,
) -> Explained {
    let mut lines = Lines::default();
    let end = explain_from_start(snapshot, qname, qtype, client, destination, health, &mut lines);
    Explained {
        forwarded: end == End::Forwarded,
        answered: end != End::Refused,
        is_monitored: lines.is_monitored,
        lines,
    }
}

/// What a question comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Forwarded,
    /// From a local zone.
    Answered,
    /// Not at all, or by saying why there is none.
    Refused,
}

fn explain_from_start(
    snapshot: &Snapshot,
    qname: &Name,
    qtype: u16,
    client: IpAddr,
    destination: IpAddr,
    health: Health,
    lines: &mut Lines,
) -> End {
    if let Some(blackhole) = &snapshot.blackhole {
        let explanation = blackhole.explain(client);
        lines.say("blackhole", decided(&explanation));
        if explanation.allowed {
            lines.say("answer", "none: the packet is dropped");
            return End::Refused;
        }
    }
    let Some(view) = snapshot.views.iter().find(|view| view.matches(client, destination, None, true)) else {
        lines.say("answer", "REFUSED (EDE 18): no view matches");
        return End::Refused;
    };
    lines.say("view", view.name.clone());
    let rule = view.rules.get(view.rules.find(qname.as_wire(), qtype));
    let apex = format!("zone {}", rule.apex);
    lines.say("rule", if rule.apex.is_root() { "the global forwarders".to_owned() } else { apex });
    match &rule.local {
        Some(zone) => local::explain(view, zone, qname, qtype, Way { client, destination }, health, lines),
        None => explain_forwarded(view, rule, Way { client, destination }, lines),
    }
}

/// From where a question comes, and which address of ours it asks.
#[derive(Clone, Copy)]
struct Way {
    client: IpAddr,
    destination: IpAddr,
}

impl Lines {
    /// Whether a list lets an address in, which is told; what follows from it, if it does not.
    fn lets_in(&mut self, what: &'static str, list: Option<&Acl>, address: IpAddr) -> bool {
        let Some(explanation) = list.map(|list| list.explain(address)) else { return true };
        self.say(what, decided(&explanation));
        explanation.allowed
    }

    fn refused_by(&mut self, what: &str) -> End {
        self.say("answer", format!("REFUSED (EDE 18): {what} did not match"));
        End::Refused
    }
}

fn explain_forwarded(view: &View, rule: &Rule, way: Way, lines: &mut Lines) -> End {
    let Way { client, destination } = way;
    let on = view.asked_at.as_deref();
    if !lines.lets_in("allow-query-cache", Some(&view.query_cache), client) {
        return lines.refused_by("allow-query-cache");
    }
    if !lines.lets_in("allow-query-cache-on", on.map(|on| &on.query_cache), destination) {
        return lines.refused_by("allow-query-cache-on");
    }
    let list = view.allow_recursion.as_ref().unwrap_or(&view.query_cache);
    let recursion = lines.lets_in("allow-recursion", Some(list), client)
        & lines.lets_in("allow-recursion-on", on.map(|on| &on.recursion), destination);
    let forwarders: Vec<String> = rule.servers.iter().map(|server| forwarder(&server.forwarder)).collect();
    lines.say("forwarders", if forwarders.is_empty() { "none".to_owned() } else { forwarders.join(" ") });
    if rule.servers.len() > 1 {
        lines.say("forwarder-order", order(rule.order));
    }
    let (cache, ncache) = (rule.ttl.cache, rule.ttl.ncache);
    lines.say("kept", format!("answers {}–{} s, negative answers {}–{} s", cache.0, cache.1, ncache.0, ncache.1));
    if let Some(stale) = rule.stale {
        lines.say("stale", format!("given out for {} s {}, TTL {} s", stale.max_ttl, when(&stale), stale.answer_ttl));
    }
    if !view.recursion || !recursion {
        lines.say("answer", "from the cache if it is there, else REFUSED (EDE 18)");
        return End::Refused;
    }
    if rule.is_barred {
        lines.say("answer", "SERVFAIL (EDE 22): every forwarder for this name is bogus or in blackhole");
        return End::Refused;
    }
    if rule.servers.is_empty() {
        lines.say("answer", "REFUSED (EDE 20): no forwarders for this name");
        return End::Refused;
    }
    lines.say("answer", "from the cache if it is there, else from the forwarders");
    End::Forwarded
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
