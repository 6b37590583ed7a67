//! Commands about the whole: what the process is and does, and what a question would get from it.

use std::fs;
use std::net::IpAddr;
use std::time::SystemTime;

use serde_json::json;

use super::health::ago;
use crate::access::Quota;
use crate::answer::explain;
use crate::config::Identity;
use crate::health::overrides::Utc;
use crate::logging;
use crate::office::reply::{Done, Reply};
use crate::office::{Facts, Office, show_addresses};
use crate::wire::Name;
use crate::wire::mnemonic::type_number;

/// named's line about a reload that failed; it is there alone then.
const FAILED: &str = "reload/reconfig failed";

/// named's lines in named's order, since scripts read them, then ours.
pub(super) fn status(office: &Office, _: &[&str]) -> Reply {
    let facts = office.facts.load();
    let mut lines = nameds(office, &facts);
    lines.extend(ours(office, &facts));
    let object: serde_json::Map<_, _> =
        lines.iter().map(|(what, text)| (what.replace(' ', "_").to_lowercase(), json!(text))).collect();
    let line = |(what, text): &(&str, String)| match *what {
        // These are said without a colon.
        "running on" => format!("running on {text}\n"),
        "query logging" => format!("query logging is {text}\n"),
        FAILED => format!("{FAILED}\n"),
        _ => format!("{what}: {text}\n"),
    };
    let text = lines.iter().map(line).collect::<String>() + "server is up and running\n";
    Ok(Done { text, json: Some(object.into()), ..Done::default() })
}

fn nameds(office: &Office, facts: &Facts) -> Vec<(&'static str, String)> {
    let workers = office.shared.mailboxes.len().to_string();
    let (waiting, connections) = (&office.shared.desks.waiting, &office.shared.connections);
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let failed = facts.failed.as_ref().map(|_| (FAILED, "yes".to_owned()));
    let lines = vec![
        ("version", format!("tandem {} <id:>{}", env!("CARGO_PKG_VERSION"), told_version(&facts.version))),
        ("running on", host(office)),
        ("boot time", logging::http_date(facts.started)),
        ("last configured", logging::http_date(facts.read)),
        ("configuration file", facts.configuration.display().to_string()),
        ("CPUs found", cpus.to_string()),
        ("worker threads", workers.clone()),
        ("UDP listeners per interface", workers),
        ("number of zones", format!("{} (0 automatic)", facts.zones.len())),
        ("debug level", office.logger.debug_level().to_string()),
        ("xfers running", "0".to_owned()),
        ("xfers deferred", "0".to_owned()),
        ("soa queries in progress", "0".to_owned()),
        ("query logging", if office.shared.desks.query_log.is_on() { "ON" } else { "OFF" }.to_owned()),
        ("recursive clients", format!("{}/{}/{}", waiting.used(), soft(waiting), waiting.limit())),
        ("tcp clients", format!("{}/{}", connections.used(), connections.limit())),
        ("TCP high-water", connections.high_water().to_string()),
    ];
    lines.into_iter().chain(failed).collect()
}

/// What clients are told instead of the version, as named shows it.
fn told_version(version: &Identity) -> String {
    match version {
        Identity::Own => String::new(),
        Identity::Text(text) => format!(" ({text})"),
        Identity::Withheld => " (version.bind/txt/ch disabled)".to_owned(),
    }
}

/// What clients without a proven address may have: named's soft limit.
fn soft(quota: &Quota) -> u32 {
    quota.limit() - quota.limit() / 10
}

fn host(office: &Office) -> String {
    let kernel = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    let name = office.shared.desks.state.present().host.name.clone();
    format!("{name}: Linux {} {} {}", std::env::consts::ARCH, kernel("osrelease"), kernel("version"))
}

fn ours(office: &Office, facts: &Facts) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("process", std::process::id().to_string()),
        ("up for", ago(facts.started, SystemTime::now())),
        ("listening on", show_addresses(&facts.listening)),
    ];
    if !facts.missing.is_empty() {
        lines.push(("not listening on", show_addresses(&facts.missing)));
    }
    if let Some((when, why)) = &facts.failed {
        lines.push(("last reload failed", format!("at {}: {why}", Utc::from(*when))));
    }
    lines.push(("local zones", zones(facts)));
    lines.push(("health checks", checks(office)));
    let directory = facts.state_directory.as_ref().map(|path| path.display().to_string());
    lines.push(("state directory", directory.unwrap_or_else(|| "none".to_owned())));
    lines
}

fn configuration(facts: &Facts) -> String {
    format!("{}, read {}", facts.configuration.display(), Utc::from(facts.read))
}

fn zones(facts: &Facts) -> String {
    let faulty = facts.zones.iter().filter(|origin| !origin.is_in_force).count();
    match faulty {
        0 => facts.zones.len().to_string(),
        _ => format!("{}, {faulty} of them not loaded as written (see 'zone status')", facts.zones.len()),
    }
}

fn checks(office: &Office) -> String {
    let rows = office.overrides.table().report();
    let healthy = rows.iter().filter(|row| row.healthy).count();
    let overridden = rows.iter().filter(|row| row.over.is_some()).count();
    let text = format!("{}, {healthy} of them healthy", rows.len());
    if overridden == 0 { text } else { format!("{text}, {overridden} overridden") }
}

/// What a question would get at this moment. The first line says whether it would be answered.
pub(super) fn explain(office: &Office, arguments: &[&str]) -> Reply {
    let [name, qtype, client, server] = arguments else { return Err("four words are expected".to_owned().into()) };
    let name: Name = name.parse().map_err(|error| format!("'{name}' is no name: {error}"))?;
    let qtype = type_number(qtype).ok_or_else(|| format!("no RR type is called '{qtype}'"))?;
    let address = |text: &str| text.parse::<IpAddr>().map_err(|_| format!("'{text}' is no address"));
    let (client, server) = (address(client)?, address(server)?);
    let snapshot = office.shared.desks.state.present();
    let explained = explain::explain(&snapshot, &name, qtype, client, server, explain::Health::Running);
    let answered = if explained.answered { "answered" } else { "refused" };
    let facts = office.facts.load();
    let text = format!("{answered}\n{:<17} {}\n{explained}", "running server", configuration(&facts));
    Ok(Done { text, json: Some(json!({ "answered": explained.answered })), ..Done::default() })
}
