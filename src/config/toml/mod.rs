//! Reading the native configuration format, TOML.
//!
//! The same power as named.conf in the same words, with `_` for `-`; what stands in which table is the list in `keys`:
//!
//! ```toml
//! [options]
//! listen = ["10.1.1.53", "[::1]:5300"]    # addresses; or listen_on, listen_on_v6 with match lists
//! allow_query = ["corporate", "!10.9.0.0/16", "localhost"]
//! forwarders = ["10.1.0.2", { address = "10.1.0.3", port = 5300, tcp_only = true }]
//! max_ncache_ttl = "10s"                  # or seconds: 10; "500ms", "1w2d", "PT3H"
//! max_cache_size = "90%"                  # or "512M", or octets
//!
//! [acl]
//! corporate = ["10.0.0.0/8", { not = ["10.8.0.0/16"] }, ["192.168.0.0/16"]]
//!
//! [[forward]]                             # a forward zone; behind [[view]] it is [[view.forward]]
//! name = "awslab.mycompany.corp"
//! forwarders = ["10.1.0.2"]
//!
//! [[key]]
//! name = "deploy"
//! secret_file = "/etc/tandem/deploy.key"
//!
//! [[control]]                             # where rndc may connect
//! address = "127.0.0.1:953"
//! keys = ["deploy"]
//!
//! [[health_check]]
//! name = "app-a"
//! type = "HTTP"
//! ip_address = "10.1.2.3"
//!
//! [[zone]]                                # a zone of this server's own; behind [[view]] it is [[view.zone]]
//! name = "corp.example"
//!
//! [[zone.record]]
//! name = "app.corp.example"
//! type = "A"
//! value = "10.1.2.3"
//! failover = "PRIMARY"
//! health_check = "app-a"
//!
//! [[zone.grant]]
//! key = "deploy"
//! names = ["*.app.corp.example"]
//!
//! [[statistics_channel]]                  # HTTP: JSON and XML in named's shape
//! address = "127.0.0.1:8053"
//! allow = ["localhost"]
//!
//! [logging.channel.simple_log]
//! file = "/var/log/named/bind.log"
//!
//! [logging.category]
//! default = ["simple_log"]
//! ```
//!
//! The syntax tree keeps the place of every key and value, and the readers go on after a fault: all faults are shown,
//! each with its line. The one exception: a text that is no TOML at all shows only what is wrong with its syntax.
//! Not here: telling TOML from named.conf (see [`super::load()`]).

mod acl;
mod control;
mod dns;
mod forward;
mod grant;
mod health;
mod keys;
mod logging;
mod options;
mod order;
mod record;
mod statistics;
mod walk;
mod zone;

use toml::de::DeTable;

use self::acl::Acls;
use self::keys::Place;
use self::walk::Reader;
use super::files::Files;
use super::values::excerpt;
use super::{CommandLine, Diagnostic, Level, Loaded, View};

/// Reads a text; `file` is what positions call it, `files` has the secrets that it names. The diagnostics of an `Err`
/// hold at least one error.
pub fn parse(text: &str, file: &str, files: &dyn Files) -> Result<Loaded, Vec<Diagnostic>> {
    parse_given(text, file, files, &CommandLine::default())
}

/// The same, where the program's arguments say something too.
pub fn parse_given(text: &str, file: &str, files: &dyn Files, given: &CommandLine) -> Result<Loaded, Vec<Diagnostic>> {
    let mut reader = Reader::new(text, file);
    let (tree, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        for fault in faults {
            syntax_fault(&mut reader, &fault);
        }
        return Err(sorted(reader.diagnostics));
    }
    let root = reader.known_table(Place::Root, tree.get_ref(), 0..0);
    let keys = grant::key_names(root.field("key"));
    let mut acls = Acls::read(&mut reader, root.field("acl"), keys);
    let logging = logging::read(&mut reader, &root);
    let mut config = options::read(&mut reader, &root, &mut acls, files, given);
    config.logging = logging;
    let diagnostics = sorted(reader.diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error) {
        return Err(diagnostics);
    }
    let paces = config.warnings_of_several_paces().into_iter().map(|message| Diagnostic {
        position: None,
        level: Level::Warning,
        message,
        hint: Some("write the same wherever it is named".to_owned()),
        topic: None,
    });
    let warnings =
        diagnostics.into_iter().chain(config.views.iter().filter_map(without_forwarders)).chain(paces).collect();
    Ok(Loaded { config, warnings })
}

/// TOML was written for this server: one with zones of its own may be meant to answer for them alone.
fn without_forwarders(view: &View) -> Option<Diagnostic> {
    let message = view.warning_without_forwarders().filter(|_| view.zones.is_empty())?;
    Some(Diagnostic { position: None, level: Level::Warning, message, hint: None, topic: None })
}

fn syntax_fault(reader: &mut Reader<'_>, fault: &toml::de::Error) {
    let span = fault.span().unwrap_or(0..0);
    if fault.message() == "duplicate key" {
        let key = excerpt(reader.source(&span));
        let hint = Some("each key once in its table, each [table] once; only [[…]] repeat".to_owned());
        return reader.error(&span, format!("'{key}' redefined"), hint);
    }
    reader.error(&span, fault.message(), None);
}

/// In the order of the text, each once.
fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| diagnostic.position.as_ref().map(|position| position.line));
    diagnostics.dedup();
    diagnostics
}

#[cfg(test)]
mod tests;
