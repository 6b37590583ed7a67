//! Commands about local zones: what is served, where it is from, what was wrong with it.

use std::fmt::Write;

use crate::config::suggest;
use crate::health::overrides::Utc;
use crate::keeper::Standing;
use crate::logging;
use crate::office::reply::{Code, Done, Failure, Reply};
use crate::office::{Office, Order, Origin, view_number};
use crate::wire::Name;
use crate::zone::Handle;

/// One line a zone, or all about those of one name.
pub(super) fn status(office: &Office, arguments: &[&str]) -> Reply {
    let facts = office.facts.load();
    let standing = |origin: &Origin| office.shared.keeper.standing(&origin.zone);
    let found: Vec<&Origin> = match arguments.first() {
        None => facts.zones.iter().collect(),
        Some(text) => {
            let apex: Name = text.parse().map_err(|error| format!("'{text}' is no name: {error}"))?;
            facts.zones.iter().filter(|origin| origin.zone.apex == apex).collect()
        }
    };
    let text = match arguments.first() {
        None if found.is_empty() => "the configuration has no local zones\n".to_owned(),
        None => list(&facts.zones),
        Some(text) if found.is_empty() => return Err(unknown(text, &facts.zones).into()),
        Some(_) => found.iter().map(|origin| show(origin, standing(origin))).collect::<Vec<_>>().join("\n"),
    };
    let json = found.iter().map(|origin| object(origin)).collect::<Vec<_>>().into();
    Ok(Done { text, json: Some(json), ..Done::default() })
}

fn object(origin: &Origin) -> serde_json::Value {
    let zone = origin.zone.load();
    serde_json::json!({
        "zone": origin.zone.apex.to_string(),
        "view": origin.view,
        "serial": zone.as_deref().map(|zone| zone.serial()),
        "records": zone.as_deref().map(|zone| zone.records() + zone.choosable()),
        "from": origin.from,
        "file": origin.file,
        "dynamic": origin.is_dynamic,
        "loaded": origin.is_in_force,
        "read": Utc::from(origin.read).to_string(),
        "last_loaded": origin.loaded.map(|time| Utc::from(time).to_string()),
        "faults": origin.fault_lines().collect::<Vec<_>>(),
    })
}

/// A zone that a command is about.
pub(super) struct Which {
    pub(super) view: String,
    pub(super) apex: Name,
    origin: Origin,
}

/// The zone of `ZONE [CLASS [VIEW]]`, in named's words where there is none.
pub(super) fn which(office: &Office, arguments: &[&str]) -> Result<Which, Failure> {
    let text = arguments.first().copied().unwrap_or_default();
    let apex: Name =
        text.parse().map_err(|error| Failure::with(Code::Syntax, format!("'{text}' is no name: {error}")))?;
    if let Some(class) = arguments.get(1).filter(|class| !class.eq_ignore_ascii_case("in")) {
        return Err(Failure::with(Code::UnknownClass, format!("unknown class '{class}'")));
    }
    let view = arguments.get(2).copied();
    view.map(|name| view_number(office, name)).transpose()?;
    let facts = office.facts.load();
    let is_it = |origin: &&Origin| origin.zone.apex == apex && view.is_none_or(|view| origin.view == view);
    let mut found = facts.zones.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(origin), None) => Ok(Which { view: origin.view.clone(), apex, origin: origin.clone() }),
        (Some(_), Some(_)) => Err(Failure::with(Code::Multiple, format!("zone '{text}' was found in multiple views"))),
        (None, _) => {
            let place = view.map_or("any view".to_owned(), |view| format!("view '{view}'"));
            Err(Failure::with(Code::NotFound, format!("no matching zone '{text}' in {place}")))
        }
    }
}

/// A zone as named shows it.
pub(super) fn zonestatus(office: &Office, arguments: &[&str]) -> Reply {
    let Which { apex, origin, .. } = which(office, arguments)?;
    let zone = origin.zone.load();
    let yes = |is_so: bool| if is_so { "yes" } else { "no" }.to_owned();
    let mut lines = vec![("name", apex.to_string()), ("type", "primary".to_owned())];
    lines.extend(origin.file.as_ref().map(|file| ("files", file.display().to_string())));
    if let Some(zone) = zone.as_deref() {
        lines.push(("serial", zone.serial().to_string()));
        lines.push(("nodes", zone.names().to_string()));
    }
    lines.extend(origin.loaded.map(|time| ("last loaded", logging::http_date(time))));
    lines.push(("secure", yes(false)));
    lines.push(("dynamic", yes(origin.is_dynamic)));
    if origin.is_dynamic {
        lines.push(("frozen", yes(false)));
    }
    lines.push(("reconfigurable via modzone", yes(false)));
    lines.extend(origin.fault_lines().map(|fault| ("fault", fault.to_owned())));
    let text = lines.iter().map(|(what, text)| format!("{what}: {text}\n")).collect();
    Ok(Done { text, json: Some(object(&origin)), ..Done::default() })
}

/// Secondary zones alone are refreshed.
pub(super) fn refresh(office: &Office, arguments: &[&str]) -> Reply {
    which(office, arguments)?;
    Err(Failure::from("not a secondary, mirror, or stub zone".to_owned()))
}

/// Secondary zones alone are transferred.
pub(super) fn retransfer(office: &Office, arguments: &[&str]) -> Reply {
    which(office, arguments)?;
    Err(Failure::from("retransfer: inappropriate zone type: primary".to_owned()))
}

/// Nobody is to be told.
pub(super) fn notify(office: &Office, arguments: &[&str]) -> Reply {
    which(office, arguments)?;
    Err(Failure::not_here("no zone is transferred from this server yet: there is nobody to notify"))
}

/// Nothing has to be held back: what scripts freeze a zone for, a copy of its files or an edit, is safe at any time.
pub(super) fn freeze(office: &Office, arguments: &[&str]) -> Reply {
    match dynamic(office, arguments)?.is_empty() {
        true => Ok(Done::default()),
        false => {
            Ok("updates go on: the master file may be copied (with its journal) or edited at any time, and is never \
                     written"
                .into())
        }
    }
}

/// What was edited while it was thought frozen counts now.
pub(super) fn thaw(office: &Office, arguments: &[&str]) -> Reply {
    let zones = dynamic(office, arguments)?;
    for (view, apex) in &zones {
        office.orders.ask(Order::ReloadZone(view.clone(), apex.clone()))?;
    }
    match zones.is_empty() {
        true => Ok(Done::default()),
        false => Ok("nothing was frozen; the master files were read again".into()),
    }
}

/// The zones that take updates: all, or the one that is meant.
fn dynamic(office: &Office, arguments: &[&str]) -> Result<Vec<(String, Name)>, Failure> {
    if arguments.is_empty() {
        let facts = office.facts.load();
        let zones = facts.zones.iter().filter(|origin| origin.is_dynamic && !origin.is_shared);
        return Ok(zones.map(|origin| (origin.view.clone(), origin.zone.apex.clone())).collect());
    }
    let found = which(office, arguments)?;
    match found.origin.is_dynamic {
        true => Ok(vec![(found.view, found.apex)]),
        false => Err(Failure::with(Code::NotDynamic, "it takes no updates")),
    }
}

/// What is not dynamic has nothing to be written, as in named; the rest is on the disk, but elsewhere.
pub(super) fn sync(office: &Office, arguments: &[&str]) -> Reply {
    let arguments = arguments.strip_prefix(&["-clean"]).unwrap_or(arguments);
    let has_updates = match arguments.is_empty() {
        true => office.facts.load().zones.iter().any(|origin| origin.is_dynamic),
        false => which(office, arguments)?.origin.is_dynamic,
    };
    if !has_updates {
        return Ok(Done::default());
    }
    Ok("updates are on the disk already, in the zones' journals, which stay: master files are never written".into())
}

/// What belongs to signed zones.
pub(super) fn unsigned(_: &Office, _: &[&str]) -> Reply {
    Err(Failure::not_here("no zone is signed here: records are served as the file has them"))
}

/// Zones come and go with the configuration.
pub(super) fn unchangeable(_: &Office, _: &[&str]) -> Reply {
    Err(Failure::with(Code::NotPermitted, "zones are added, changed and removed in the configuration: then reload"))
}

/// named shows it for zones of addzone alone.
pub(super) fn unshown(office: &Office, arguments: &[&str]) -> Reply {
    which(office, arguments)?;
    Err(Failure::not_here("the configuration says what it is, 'zonestatus' how it is"))
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
    lines.extend(origin.fault_lines().map(|fault| ("fault", fault.to_owned())));
    lines.iter().map(|(what, text)| format!("{what:<13} {text}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Level;
    use crate::office::Fault;

    fn origin(apex: &str, faults: &[&str]) -> Origin {
        Origin {
            view: "_default".to_owned(),
            is_shared: false,
            zone: Arc::new(Handle::new(apex.parse().expect("a name"))),
            file: Some("/var/named/zone".into()),
            is_dynamic: false,
            from: "/var/named/zone".to_owned(),
            read: std::time::UNIX_EPOCH,
            loaded: None,
            is_in_force: faults.is_empty(),
            faults: faults.iter().map(|text| Fault { level: Level::Error, text: (*text).to_owned() }).collect(),
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
