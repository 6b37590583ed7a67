//! Refusing what the server does not serve yet: local zones, health checks, keys.
//!
//! The last step of both readers. Whoever serves them takes this file and its two callers away.

use super::named_conf::is_stock;
use super::{Config, Diagnostic, ForwardRule, ForwardSettings, HealthSettings, Level, Loaded, LocalZone, Position};

/// What nothing serves becomes an error. Stock zones of named.conf become rules that go nowhere, and keys do nothing,
/// both with a warning.
pub(super) fn refuse(mut loaded: Loaded) -> Result<Loaded, Vec<Diagnostic>> {
    let mut errors = unserved_options(&loaded.config);
    for view in &mut loaded.config.views {
        for zone in std::mem::take(&mut view.zones) {
            if is_stock(&zone) {
                loaded.warnings.push(ignored(&zone));
                view.rules.push(nowhere(&zone));
            } else {
                errors.push(refused(&zone));
            }
        }
    }
    for key in std::mem::take(&mut loaded.config.keys) {
        let message = "'key' is ignored: TSIG is not implemented yet: no request counts as signed".to_owned();
        loaded.warnings.push(Diagnostic { position: key.position, level: Level::Warning, message, hint: None });
    }
    if errors.is_empty() {
        return Ok(loaded);
    }
    errors.extend(loaded.warnings);
    Err(errors)
}

fn unserved_options(config: &Config) -> Vec<Diagnostic> {
    let mut errors: Vec<_> = config
        .health_checks
        .iter()
        .map(|check| {
            error(check.position.clone(), format!("health_check '{}': nothing runs health checks yet", check.name))
        })
        .collect();
    for (option, is_set) in [
        ("state_directory", config.state_directory.is_some()),
        ("control_socket", config.control_socket.is_some()),
        ("region", config.region.is_some()),
        ("health_start_deadline", config.health != HealthSettings::default()),
    ] {
        if is_set {
            errors.push(error(None, format!("{option}: nothing uses it yet")));
        }
    }
    errors
}

fn refused(zone: &LocalZone) -> Diagnostic {
    let message = format!("zone '{}': type primary is refused: no zone data is served yet", zone.name);
    let hint = "forward the zone to the server that has it: type forward; forwarders { … };";
    Diagnostic { hint: Some(hint.to_owned()), ..error(zone.position.clone(), message) }
}

fn ignored(zone: &LocalZone) -> Diagnostic {
    let message =
        format!("zone '{}' is ignored: no zone data is served yet; its names are REFUSED, not forwarded", zone.name);
    Diagnostic { level: Level::Warning, ..error(zone.position.clone(), message) }
}

fn nowhere(zone: &LocalZone) -> ForwardRule {
    ForwardRule { name: zone.name.clone(), settings: ForwardSettings::default(), position: zone.position.clone() }
}

fn error(position: Option<Position>, message: String) -> Diagnostic {
    Diagnostic { position, level: Level::Error, message, hint: None }
}
