//! The built-in empty zones (RFC 6303): names that mean something on one host or network alone, answered here so that nobody
//! asks the world for them.
//!
//! There are none unless `empty-zones-enable yes` is written: reverse names of private networks are what a forwarder of a
//! company is there for.

use super::{LocalZone, Soa, View, ZoneSettings};
use crate::wire::Name;

/// Seconds of their SOA, as named has them.
const SOA: Soa = Soa { mname: None, rname: None, refresh: 28_800, retry: 7200, expire: 604_800, minimum: 86_400 };
/// Seconds of their records.
const TTL: u32 = 86_400;

/// named's, but for those that are counted ([`names`]).
const NAMES: &[&str] = &[
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "0.in-addr.arpa",
    "127.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "empty.as112.arpa",
    "home.arpa",
    "resolver.arpa",
];

/// What is said of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmptyZones {
    /// `empty-zones-enable`. Default no; named's is yes.
    pub enabled: bool,
    /// `disable-empty-zone`: not these.
    pub disabled: Vec<Name>,
    /// `empty-server`: who is told to have them. Default: the zone itself.
    pub server: Option<Name>,
    /// `empty-contact`: whom to write to. Default: the root, nobody.
    pub contact: Option<Name>,
}

/// All of them: private networks of IPv4 (RFC 1918, RFC 6598) count through their numbers.
fn names() -> impl Iterator<Item = Name> {
    let private = (16..=31).map(|number| format!("{number}.172.in-addr.arpa"));
    let shared = (64..=127).map(|number| format!("{number}.100.in-addr.arpa"));
    let all = NAMES.iter().map(|name| (*name).to_owned()).chain(private).chain(shared);
    all.filter_map(|name| name.parse().ok())
}

impl EmptyZones {
    /// Adds them to a view, but not where it has a zone of that name, nor at or below a zone that it forwards: what is
    /// forwarded by name is meant to be asked.
    pub fn add_to(&self, view: &mut View) {
        view.empty_zones = self.clone();
        if !self.enabled {
            return;
        }
        let is_wanted = |name: &Name| {
            !self.disabled.contains(name)
                && !view.zones.iter().any(|zone| zone.name == *name)
                && !view.shared_zones.iter().any(|zone| zone.name == *name)
                && !view.rules.iter().any(|rule| name.is_within(&rule.name))
        };
        let added: Vec<_> = names().filter(is_wanted).map(|name| self.zone(name)).collect();
        view.zones.extend(added);
    }

    fn zone(&self, name: Name) -> LocalZone {
        let server = self.server.clone().unwrap_or_else(|| name.clone());
        let soa =
            Soa { mname: Some(server.clone()), rname: Some(self.contact.clone().unwrap_or_else(Name::root)), ..SOA };
        let settings =
            ZoneSettings { ttl: TTL, serial: Some(0), soa, name_servers: vec![server], ..ZoneSettings::default() };
        LocalZone { name, file: None, records: Vec::new(), settings, grants: Vec::new(), position: None }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::files::NoFiles;
    use crate::config::{named_conf, toml};

    fn zones(text: &str) -> Vec<String> {
        let read = match text.contains("[options]") {
            true => toml::parse(text, "x", &NoFiles),
            false => named_conf::parse(text, "x", &NoFiles),
        };
        let view = read.expect("it is right").config.views.remove(0);
        view.zones.iter().map(|zone| zone.name.to_string()).collect()
    }

    #[test]
    fn they_are_there_where_they_are_asked_for_and_nothing_else_is() {
        const ON: &str = "options { empty-zones-enable yes; forwarders { 192.0.2.1; };";
        for (case, text, count, absent) in [
            ("not asked for", "options { forwarders { 192.0.2.1; }; };".to_owned(), 0, &["10.in-addr.arpa"][..]),
            ("asked for", format!("{ON} }};"), 100, &[]),
            (
                "some are not wanted",
                format!("{ON} disable-empty-zone \"10.IN-ADDR.ARPA\"; disable-empty-zone home.arpa; }};"),
                98,
                &["10.in-addr.arpa", "home.arpa"],
            ),
            ("everything is forwarded, and only forwarded", format!("{ON} forward only; }};"), 0, &["10.in-addr.arpa"]),
            (
                "a zone that is forwarded wins, for names below it as well",
                format!(
                    "{ON} }}; zone 168.192.in-addr.arpa {{ type forward; forwarders {{ 192.0.2.2; }}; }};
                     zone 172.in-addr.arpa {{ type forward; forwarders {{ }}; }};"
                ),
                83,
                &["168.192.in-addr.arpa", "16.172.in-addr.arpa", "31.172.in-addr.arpa"],
            ),
            (
                "TOML",
                "[options]\nforwarders = ['192.0.2.1']\nempty_zones_enable = true\ndisable_empty_zone = ['d.f.ip6.arpa']"
                    .to_owned(),
                99,
                &["d.f.ip6.arpa"],
            ),
        ] {
            let zones = zones(&text);
            assert_eq!(zones.len(), count, "{case}");
            assert!(absent.iter().all(|name| !zones.iter().any(|zone| zone == name)), "{case}: {zones:?}");
        }
    }
}
