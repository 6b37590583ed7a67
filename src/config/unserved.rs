//! Refusing what the server does not serve yet.
//!
//! The last step of both readers. Whoever serves them takes this file and its two callers away.

use super::{Config, Diagnostic, Level, Loaded};

/// What nothing serves becomes an error.
pub(super) fn refuse(loaded: Loaded) -> Result<Loaded, Vec<Diagnostic>> {
    let mut errors = unserved_options(&loaded.config);
    if errors.is_empty() {
        return Ok(loaded);
    }
    errors.extend(loaded.warnings);
    Err(errors)
}

fn unserved_options(config: &Config) -> Vec<Diagnostic> {
    let options = [("control_socket", config.control_socket.is_some())];
    let set = options.into_iter().filter(|(_, is_set)| *is_set);
    let error = |message| Diagnostic { position: None, level: Level::Error, message, hint: None };
    set.map(|(option, _)| error(format!("{option}: nothing uses it yet"))).collect()
}
