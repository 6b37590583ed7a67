//! Commands about the whole: what the process is and does, and what a question would get from it.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use super::health::ago;
use super::protocol::Reply;
use super::{Context, Facts};
use crate::answer::explain;
use crate::health::overrides::Utc;
use crate::wire::Name;
use crate::wire::mnemonic::type_number;

/// What it is and does, in the order in which a person wonders.
pub(super) fn status(context: &Context, _: &[&str]) -> Reply {
    let facts = context.facts.load();
    let now = SystemTime::now();
    let of_bound = |quota: &crate::access::Quota| format!("{} of {}", quota.used(), quota.limit());
    let mut lines = vec![
        ("version", format!("tandem {}", env!("CARGO_PKG_VERSION"))),
        ("process", std::process::id().to_string()),
        ("up", format!("{}, since {}", ago(facts.started, now), Utc::from(facts.started))),
        ("configuration", configuration(&facts)),
    ];
    if let Some((when, why)) = &facts.failed {
        lines.push(("", format!("a reload failed at {}: {why}", Utc::from(*when))));
    }
    lines.push(("listens on", list(&facts.listening)));
    if !facts.missing.is_empty() {
        lines.push(("", format!("cannot listen on {}", list(&facts.missing))));
    }
    lines.push(("workers", context.shared.mailboxes.len().to_string()));
    lines.push(("waiting", of_bound(&context.shared.desks.waiting) + " questions (recursive-clients)"));
    lines.push(("connections", of_bound(&context.shared.connections) + " (tcp-clients)"));
    lines.push(("local zones", zones(&facts)));
    lines.push(("health checks", checks(context)));
    let directory = facts.state_directory.as_ref().map(|path| path.display().to_string());
    lines.push(("state", directory.unwrap_or_else(|| "not kept: no state_directory is set".to_owned())));
    Ok(lines.iter().map(|(what, text)| format!("{what:<13} {text}\n")).collect())
}

fn configuration(facts: &Facts) -> String {
    format!("{}, read {}", facts.configuration.display(), Utc::from(facts.read))
}

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> =
        addresses.iter().map(|address| format!("{} port {}", address.ip(), address.port())).collect();
    texts.join(", ")
}

fn zones(facts: &Facts) -> String {
    let faulty = facts.zones.iter().filter(|origin| !origin.is_in_force).count();
    match faulty {
        0 => facts.zones.len().to_string(),
        _ => format!("{}, {faulty} of them not loaded as written (see 'zone status')", facts.zones.len()),
    }
}

fn checks(context: &Context) -> String {
    let rows = context.overrides.table().report();
    let healthy = rows.iter().filter(|row| row.healthy).count();
    let overridden = rows.iter().filter(|row| row.over.is_some()).count();
    let text = format!("{}, {healthy} of them healthy", rows.len());
    if overridden == 0 { text } else { format!("{text}, {overridden} overridden") }
}

/// What a question would get at this moment. The first line says whether it would be answered.
pub(super) fn explain(context: &Context, arguments: &[&str]) -> Reply {
    let [name, qtype, client, server] = arguments else { return Err("four words are expected".to_owned()) };
    let name: Name = name.parse().map_err(|error| format!("'{name}' is no name: {error}"))?;
    let qtype = type_number(qtype).ok_or_else(|| format!("no RR type is called '{qtype}'"))?;
    let address = |text: &str| text.parse::<IpAddr>().map_err(|_| format!("'{text}' is no address"));
    let (client, server) = (address(client)?, address(server)?);
    let snapshot = context.shared.desks.state.present();
    let explained = explain::explain(&snapshot, &name, qtype, client, server, explain::Health::Running);
    let answered = if explained.answered { "answered" } else { "refused" };
    let facts = context.facts.load();
    Ok(format!("{answered}\n{:<17} {}\n{explained}", "running server", configuration(&facts)))
}
