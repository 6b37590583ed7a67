//! Commands about local zones: what is served, where it is from, what was wrong with it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::SystemTime;

use super::Context;
use super::protocol::Reply;
use crate::config::suggest;
use crate::health::overrides::Utc;
use crate::keeper::Standing;
use crate::wire::Name;
use crate::zone::Handle;

/// Where a local zone is from, and what came of reading it last.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its view.
    pub view: String,
    /// What is served now.
    pub zone: Arc<Handle>,
    /// Its master file and where its configuration is, as far as there are such.
    pub from: String,
    /// When it was read last.
    pub read: SystemTime,
    /// Whether that is what is served; else it is what was read before, or nothing.
    pub is_in_force: bool,
    /// What was wrong, errors and warnings, in lines.
    pub faults: Vec<String>,
}

/// One line a zone, or all about those of one name.
pub(super) fn status(context: &Context, arguments: &[&str]) -> Reply {
    let facts = context.facts.load();
    match arguments.first() {
        None if facts.zones.is_empty() => Ok("the configuration has no local zones\n".to_owned()),
        None => Ok(list(&facts.zones)),
        Some(text) => {
            let apex: Name = text.parse().map_err(|error| format!("'{text}' is no name: {error}"))?;
            let found: Vec<_> = facts.zones.iter().filter(|origin| origin.zone.apex == apex).collect();
            if found.is_empty() {
                return Err(unknown(text, &facts.zones));
            }
            let show = |origin: &Origin| show(origin, context.shared.keeper.standing(&origin.zone));
            Ok(found.into_iter().map(show).collect::<Vec<_>>().join("\n"))
        }
    }
}

fn unknown(text: &str, zones: &[Origin]) -> String {
    let names: Vec<String> = zones.iter().map(|origin| origin.zone.apex.to_string()).collect();
    let near = suggest::did_you_mean(text, names.iter().map(String::as_str));
    let advice = near.unwrap_or_else(|| match names.len() {
        0 => "the configuration has no local zones".to_owned(),
        _ => "'zone status' lists them".to_owned(),
    });
    format!("no local zone is called '{text}' ({advice})")
}

fn list(zones: &[Origin]) -> String {
    let names: Vec<String> = zones.iter().map(|origin| origin.zone.apex.to_string()).collect();
    let width = |heading: &str, texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).max(heading.len());
    let of_names = width("ZONE", &mut names.iter().map(String::len));
    let of_views = width("VIEW", &mut zones.iter().map(|origin| origin.view.chars().count()));
    let mut text = format!("{:<of_names$}  {:<of_views$}  {:<10}  {:<8}  FROM\n", "ZONE", "VIEW", "SERIAL", "RECORDS");
    for (name, origin) in names.iter().zip(zones) {
        let (serial, records) = serial_and_records(&origin.zone);
        let (view, from, note) = (&origin.view, &origin.from, note(origin));
        let _ = writeln!(text, "{name:<of_names$}  {view:<of_views$}  {serial:<10}  {records:<8}  {from}{note}");
    }
    text
}

fn serial_and_records(zone: &Handle) -> (String, String) {
    match zone.load().as_deref() {
        Some(zone) => (zone.serial().to_string(), (zone.records() + zone.choosable()).to_string()),
        None => ("-".to_owned(), "-".to_owned()),
    }
}

/// What is not as it should be, in a few words.
fn note(origin: &Origin) -> String {
    let count = origin.faults.len();
    let faults = if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") };
    match (origin.is_in_force, origin.zone.load().is_some()) {
        (true, _) if count == 0 => String::new(),
        (true, _) => format!(" ({faults})"),
        (false, true) => format!(" (not loaded, {faults}: the version before stays in force)"),
        (false, false) => format!(" (not loaded, {faults}: answered SERVFAIL)"),
    }
}

fn show(origin: &Origin, updates: Option<Standing>) -> String {
    let (serial, records) = serial_and_records(&origin.zone);
    let mut lines = vec![
        ("zone", origin.zone.apex.to_string()),
        ("view", origin.view.clone()),
        ("serial", serial),
        ("records", records),
        ("from", origin.from.clone()),
        ("read", format!("{}{}", Utc::from(origin.read), note(origin))),
    ];
    if let Some(Standing { journal, octets, source_serial, halted }) = updates {
        let octets = octets.map_or("no update yet".to_owned(), |octets| format!("{octets} octets"));
        lines.push(("journal", format!("{} ({octets})", journal.display())));
        lines.extend(source_serial.map(|serial| ("source", format!("serial {serial}"))));
        lines.extend(halted.map(|why| ("updates", format!("refused: {why}"))));
    }
    lines.extend(origin.faults.iter().map(|fault| ("fault", fault.clone())));
    lines.iter().map(|(what, text)| format!("{what:<13} {text}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(apex: &str, faults: &[&str]) -> Origin {
        Origin {
            view: "_default".to_owned(),
            zone: Arc::new(Handle::new(apex.parse().expect("a name"))),
            from: "/var/named/zone".to_owned(),
            read: std::time::UNIX_EPOCH,
            is_in_force: faults.is_empty(),
            faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
        }
    }

    #[test]
    fn zones_stand_in_columns_and_tell_what_is_wrong() {
        let zones = [origin("corp.example", &[]), origin("x", &["x:1: bad A", "x:2: bad A"])];
        let text = list(&zones);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ZONE          VIEW      SERIAL      RECORDS   FROM");
        assert_eq!(lines[1], "corp.example  _default  -           -         /var/named/zone");
        assert!(lines[2].ends_with("/var/named/zone (not loaded, 2 faults: answered SERVFAIL)"), "{text}");
        let journal = "/var/named/zone.journal".into();
        let halted = Some("the zone's journal is damaged");
        let all = show(&zones[1], Some(Standing { journal, octets: Some(32), source_serial: Some(7), halted }));
        for expected in [
            "journal       /var/named/zone.journal (32 octets)",
            "source        serial 7",
            "updates       refused: the",
        ] {
            assert!(all.contains(expected), "{all}");
        }
        assert!(all.contains("fault         x:2: bad A\n"), "{all}");
        assert!(unknown("korp.example", &zones).ends_with("(did you mean 'corp.example'?)"));
        assert!(unknown("y", &zones).ends_with("('zone status' lists them)"));
    }
}
