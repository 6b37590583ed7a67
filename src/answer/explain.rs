//! Saying beforehand what would be decided, and why: which view, which list element, which rule, which upstreams.
//!
//! Walks the same steps as [`super::decide`] with an empty cache, in words; `tests` holds the two together.

use std::fmt;
use std::net::IpAddr;

use crate::access::Explanation;
use crate::config::{Forwarder, ForwarderOrder};
use crate::state::{Snapshot, View};
use crate::upstream::Stale;
use crate::wire::Name;

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
    let cache = view.query_cache.explain(client);
    say("allow-query-cache", decided(&cache));
    if !cache.allowed {
        say("answer", "REFUSED (EDE 18): allow-query-cache did not match".to_owned());
        return false;
    }
    let recursion = view.allow_recursion.as_ref().unwrap_or(&view.query_cache).explain(client);
    say("allow-recursion", decided(&recursion));
    let rule = view.rules.get(view.rules.find(qname.as_wire(), qtype));
    say("rule", if rule.apex.is_root() { "the global forwarders".to_owned() } else { format!("zone {}", rule.apex) });
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
