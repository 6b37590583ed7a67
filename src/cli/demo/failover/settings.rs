//! What the server of the demo is told: `conf/failover.toml` itself, with a few values in place of its own.
//!
//! Not here: where the parts stand ([`super::place`]).

use std::net::SocketAddrV4;

use super::place::Place;

/// The file that the demo plays.
const TEMPLATE: &str = include_str!("../../../../conf/failover.toml");

/// A value of the file, as it is written there, and what counts instead.
#[derive(Debug, PartialEq, Eq)]
struct Replaced {
    own: &'static str,
    by: String,
}

/// The values for servers that stay up between requests. The demo's patience follows from them.
pub(super) const INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
/// So many in a row.
pub(super) const THRESHOLD: u32 = 2;

/// What stands in [`TEMPLATE`] for the listening address, and for the servers' port.
const LISTEN: &str = "listen = [\"127.0.0.1:5300\"]";
const PORT: &str = "port = 8888";

fn replacements(listen: SocketAddrV4, http_port: u16) -> [Replaced; 4] {
    let replaced = |own, by| Replaced { own, by };
    [
        replaced(LISTEN, format!("listen = [\"{listen}\"]")),
        replaced(PORT, format!("port = {http_port}")),
        replaced("request_interval = \"2s\"", format!("request_interval = \"{}s\"", INTERVAL.as_secs())),
        replaced("failure_threshold = 3", format!("failure_threshold = {THRESHOLD}")),
    ]
}

/// The configuration's text, and what was replaced in it, a line for a reader each.
pub(super) fn configuration(place: &Place) -> (String, Vec<String>) {
    of(place.server, place.http_port)
}

fn of(listen: SocketAddrV4, http_port: u16) -> (String, Vec<String>) {
    let mut text = TEMPLATE.to_owned();
    let mut said = Vec::new();
    for Replaced { own, by } in replacements(listen, http_port) {
        if own != by {
            text = text.replace(own, &by);
            said.push(format!("{by} in place of {}", own.split(" = ").last().unwrap_or(own)));
        }
    }
    (text, said)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::place;
    use super::*;
    use crate::config::{self, files::NoFiles};

    fn at(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    #[test]
    fn each_value_stands_in_the_file_and_is_replaced_everywhere() {
        let counts: Vec<_> =
            replacements(at(5307), 8890).iter().map(|replaced| TEMPLATE.matches(replaced.own).count()).collect();
        assert_eq!(counts, [1, 2, 2, 2], "the address once, the others for both checks");
        let (text, said) = of(at(5307), 8890);
        let config = config::toml::parse(&text, "failover.toml", &NoFiles).expect("it can be read").config;
        for check in &config.health_checks {
            let config::health::Monitored::Endpoint(endpoint) = &check.monitored else { panic!("{check:?}") };
            assert_eq!((endpoint.port, endpoint.request_interval), (8890, INTERVAL));
            assert_eq!(u32::from(check.thresholds.failure), THRESHOLD);
        }
        assert_eq!(config.health_checks.len(), 2, "nobody asks for the last server");
        assert_eq!(
            said,
            [
                "listen = [\"127.0.0.1:5307\"] in place of [\"127.0.0.1:5300\"]",
                "port = 8890 in place of 8888",
                "request_interval = \"1s\" in place of \"2s\"",
                "failure_threshold = 2 in place of 3",
            ]
        );
        let own = of(at(5300), 8888).1;
        assert_eq!(own, said[2..], "what stays as it is, is not told");
    }

    #[test]
    fn the_file_names_what_the_demo_asks_and_starts() {
        assert!(TEMPLATE.contains(&format!("name = \"{}\"", place::NAME)));
        for server in place::SERVERS {
            assert!(TEMPLATE.contains(&format!("value = \"{server}\"")), "{server}");
        }
        assert!(TEMPLATE.contains("tandem demo failover"));
    }
}
