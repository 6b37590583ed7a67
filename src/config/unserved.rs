//! Refusing what the server does not serve yet: updates of zones, and what keeps them.
//!
//! The last step of both readers. Whoever serves them takes this file and its two callers away.

use super::{Config, Diagnostic, Level, Loaded, LocalZone, Position};

/// What nothing serves becomes an error; keys do nothing, with a warning.
pub(super) fn refuse(mut loaded: Loaded) -> Result<Loaded, Vec<Diagnostic>> {
    let mut errors = unserved_options(&loaded.config);
    let zones = loaded.config.views.iter().flat_map(|view| &view.zones);
    errors.extend(zones.filter(|zone| !zone.grants.is_empty()).map(refused));
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
    let options =
        [("state_directory", config.state_directory.is_some()), ("control_socket", config.control_socket.is_some())];
    let set = options.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(option, _)| error(None, format!("{option}: nothing uses it yet"))).collect()
}

fn refused(zone: &LocalZone) -> Diagnostic {
    let message = format!("zone '{}': no updates are taken yet", zone.name);
    let hint = "leave allow-update, update-policy and [[zone.grant]] out";
    Diagnostic { hint: Some(hint.to_owned()), ..error(zone.position.clone(), message) }
}

fn error(position: Option<Position>, message: String) -> Diagnostic {
    Diagnostic { position, level: Level::Error, message, hint: None }
}
