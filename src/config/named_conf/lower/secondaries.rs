//! Servers that have copies of zones which are served here: nothing is transferred to them, so that they lose the zone.
//!
//! The statements are ignored with a mild word of their own, which is right for `none`; who is named in them deserves
//! more: the day on which a secondary drops the zone is not the day of the switch.

use std::collections::HashMap;

use super::view::Scope;
use super::{Context, Setting};
use crate::config::Position;
use crate::config::named_conf::tree::{Item, Statement};
use crate::wire::Name;

/// So many servers and zones are named in a warning.
const SHOWN: usize = 3;
/// What names no server of its own.
const NOBODY: &[&str] = &["none", "any", "localhost", "localnets"];

/// The zones that one statement is for.
pub(super) struct Secondaries {
    position: Position,
    statement: &'static str,
    servers: Vec<String>,
    zones: Vec<Name>,
}

/// Those of all statements.
#[derive(Default)]
pub(super) struct All {
    /// In the order of the zones that they are for.
    found: Vec<Secondaries>,
    /// Where each statement's are.
    places: HashMap<Position, usize>,
}

impl Context<'_> {
    /// Notes who, by the statements that hold for a zone, has a copy of it.
    pub(super) fn note_secondaries(&mut self, zone: &Name, scope: Scope<'_, '_>) {
        for name in ["allow-transfer", "also-notify"] {
            let Some(setting) = scope.iter().find_map(|body| body.find(name)) else { continue };
            let All { found, places } = &mut self.secondaries;
            if let Some(known) = places.get(&setting.position).and_then(|at| found.get_mut(*at)) {
                known.zones.push(zone.clone());
                continue;
            }
            let servers = servers(setting);
            if !servers.is_empty() {
                let (position, zones) = (setting.position.clone(), vec![zone.clone()]);
                places.insert(setting.position.clone(), found.len());
                found.push(Secondaries { position, statement: name, servers, zones });
            }
        }
    }

    /// Says of each statement what its servers lose, and when.
    pub(super) fn warn_of_secondaries(&mut self) {
        for found in std::mem::take(&mut self.secondaries.found) {
            let zones: Vec<String> = found.zones.iter().map(|zone| format!("'{zone}'")).collect();
            let what = match found.statement {
                "also-notify" => "hears of no change any more",
                _ => "cannot transfer it any more",
            };
            let message = format!(
                "secondaries of {}: {} {what}: each drops the zone when the 'expire' of its SOA has passed",
                listed(&zones),
                listed(&found.servers)
            );
            self.report.warn(Some(&found.position), message);
        }
    }
}

/// The elements of the list that a statement ends with, as they are written.
fn servers(setting: &Setting) -> Vec<String> {
    let Some(Item::Block(block)) = setting.items.last() else { return Vec::new() };
    let written = block.statements.iter().map(words);
    written.filter(|words| !words.starts_with('!') && !NOBODY.contains(&words.as_str())).collect()
}

fn words(statement: &Statement) -> String {
    let word = |item: &Item| match item {
        Item::Token(token) => token.text.clone(),
        Item::Block(block) => {
            let inner: Vec<String> = block.statements.iter().map(words).collect();
            format!("{{ {}; }}", inner.join("; "))
        }
    };
    statement.items.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The first few.
fn listed(all: &[String]) -> String {
    match all.get(SHOWN..).map_or(0, <[_]>::len) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all[..SHOWN].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::files::NoFiles;
    use crate::config::named_conf;

    /// What is said of secondaries.
    fn told(text: &str) -> Vec<String> {
        let warnings = named_conf::parse(text, "x.conf", &NoFiles).expect("it is right").warnings;
        let own = warnings.iter().filter(|warning| warning.message.contains("secondaries of"));
        own.map(|warning| warning.to_string()).collect()
    }

    #[test]
    fn who_loses_a_zone_is_told_once_a_statement() {
        let zone = |name: &str, rest: &str| format!("zone {name} {{ type primary; file \"{name}.db\"; {rest} }};\n");
        let ours = "options { recursion no; allow-transfer { none; }; };\n".to_owned();
        assert_eq!(told(&(ours.clone() + &zone("a", "allow-transfer { !10.0.0.1; localhost; any; };"))), [""; 0]);
        let text =
            "options { recursion no; allow-transfer { 10.0.0.5; key k; }; also-notify { 10.0.0.5 port 5353; }; };\n\
                    key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n"
                .to_owned()
                + &zone("a", "")
                + &zone("b", "allow-transfer { 10.0.0.6; 10.0.0.7; 10.0.0.8; 10.0.0.9; };")
                + &zone("c", "");
        let when = "each drops the zone when the 'expire' of its SOA has passed";
        assert_eq!(
            told(&text),
            [
                format!(
                    "x.conf:1: warning: secondaries of 'a', 'c': 10.0.0.5, key k cannot transfer it any more: {when}"
                ),
                format!(
                    "x.conf:1: warning: secondaries of 'a', 'b', 'c': 10.0.0.5 port 5353 hears of no change any more: {when}"
                ),
                format!(
                    "x.conf:4: warning: secondaries of 'b': 10.0.0.6, 10.0.0.7, 10.0.0.8 and 1 more cannot transfer it any \
                     more: {when}"
                ),
            ]
        );
        let stock = "zone localhost { type primary; file \"db.local\"; };\n";
        let forwarded = "zone f { type forward; forwarders { 10.0.0.2; }; };\n";
        assert_eq!(told(&format!("options {{ allow-transfer {{ 10.0.0.5; }}; }};\n{stock}{forwarded}")), [""; 0]);
    }
}
