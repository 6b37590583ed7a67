//! The built-in defaults as a named.conf, as `named -C` prints them.
//!
//! Written from [`Config::default`], so that each value stands in one place. What is off, or has no value in named.conf's
//! words, is a comment. The text loads, and says what an empty file says.
//! Not here: statements that are ignored; the configuration in force (`named-checkconf -p`).

use std::fmt::Display;
use std::time::Duration;

use crate::config::forward::{Prefetch, Stale, TtlLimits};
use crate::config::{Access, CacheSize, Config, Identity, Listen, MinimalResponses, View, ZoneStatistics};

/// All of them, a statement a line. `pid_file`: what the program writes without the statement.
pub fn defaults(pid_file: &str) -> String {
    let config = Config::default();
    let view = &config.views[0];
    let mut lines = Lines::default();
    of_the_server(&mut lines, &config, pid_file);
    lines.text.push_str("\n\t/* view */\n");
    of_a_view(&mut lines, view);
    let Access { query, query_on, .. } = &view.access;
    lines.text.push_str("\n\t/* zone */\n");
    lines
        .value("allow-query", query)
        .value("allow-query-on", query_on)
        .none("allow-update")
        .comment("max-journal-size", "<as the size of the zone demands>")
        .value("zone-statistics", ZoneStatistics::default().word());
    format!("# Built-in default values. This is NOT the run-time configuration!\noptions {{\n{}}};\n", lines.text)
}

fn of_the_server(lines: &mut Lines, config: &Config, pid_file: &str) {
    let (limits, files) = (&config.limits, &config.files);
    let port = config.listen_v4.first().map_or(0, |listen| listen.port);
    lines
        .value("answer-cookie", word(config.cookies.answer))
        .value("blackhole", &config.blackhole)
        .value("cookie-algorithm", "siphash24")
        .comment("cookie-secret", "<drawn at each start>")
        .none("directory")
        .value("dump-file", quoted(files.dump.display()))
        .value("edns-udp-size", config.edns_udp_size)
        .identity("hostname", &config.hostname)
        .value("interface-interval", format!("{}m", config.interface_interval.as_secs() / 60));
    for (name, listens) in [("listen-on", &config.listen_v4), ("listen-on-v6", &config.listen_v6)] {
        listens.iter().for_each(|Listen { addresses, .. }| {
            lines.value(name, addresses);
        });
    }
    lines
        .value("max-udp-size", config.max_udp_size)
        .comment("pid-file", &quoted(pid_file))
        .value("port", port)
        .comment("querylog", "<yes if logging has a category queries>")
        .value("recursing-file", quoted(files.recursing.display()))
        .value("recursive-clients", limits.recursive_clients)
        .identity("server-id", &config.server_id)
        .value("statistics-file", quoted(files.statistics.display()))
        .value("tcp-advertised-timeout", tenths(limits.tcp_advertised_timeout))
        .value("tcp-clients", limits.tcp_clients)
        .value("tcp-idle-timeout", tenths(limits.tcp_idle_timeout))
        .value("tcp-initial-timeout", tenths(limits.tcp_initial_timeout))
        .value("tcp-keepalive-timeout", tenths(limits.tcp_keepalive_timeout))
        .identity("version", &config.version);
    lines.value(
        "max-cache-size",
        match config.cache_size {
            CacheSize::Percent(percent) => format!("{percent}%"),
            CacheSize::Bytes(bytes) => bytes.to_string(),
        },
    );
}

fn of_a_view(lines: &mut Lines, view: &View) {
    let Access { query_cache, query_cache_on, recursion, recursion_on, .. } = &view.access;
    lines
        .value("allow-query-cache", query_cache)
        .value("allow-query-cache-on", query_cache_on)
        .value("allow-recursion", recursion)
        .value("allow-recursion-on", recursion_on)
        .value("auth-nxdomain", word(view.auth_nxdomain))
        .off("clients-per-query", view.clients_per_query.is_none())
        .none("disable-empty-zone")
        .comment("empty-contact", "<.>")
        .comment("empty-server", "<the zone>")
        .value("empty-zones-enable", word(view.empty_zones.enabled))
        .off("fetches-per-server", view.fetches_per_server.is_none())
        .off("fetches-per-zone", view.fetches_per_zone.is_none())
        .comment("forward", "<only, whatever is written: root servers are never asked>")
        .none("forwarders")
        .comment("max-clients-per-query", "<100 beside clients-per-query, else no bound>");
    of_the_cache(lines, &view.forward.ttl, &view.forward.stale);
    lines
        .value("minimal-any", word(view.minimal_any))
        .value(
            "minimal-responses",
            match view.minimal_responses {
                MinimalResponses::No => "no",
                MinimalResponses::Yes => "yes",
                MinimalResponses::NoAuth => "no-auth",
                MinimalResponses::NoAuthRecursive => "no-auth-recursive",
            },
        )
        .value("nocookie-udp-size", view.nocookie_udp_size);
    match view.forward.prefetch {
        Prefetch::LastTenth => lines.comment("prefetch", "<the last tenth of each TTL>"),
        Prefetch::Last { trigger, eligibility } => lines.value("prefetch", format!("{trigger} {eligibility}")),
        Prefetch::Off => lines.value("prefetch", 0),
    };
    lines
        .comment("query-source", &format!("<{}: the system chooses>", view.query_source.0))
        .comment("query-source-v6", &format!("<{}: the system chooses>", view.query_source.1))
        .value("recursion", word(view.recursion))
        .value("require-server-cookie", word(view.require_server_cookie))
        .value("resolver-query-timeout", view.query_timeout.as_secs())
        .value("rrset-order", format!("{{ order {}; }}", view.rrset_order.word()))
        .value("send-cookie", word(view.send_cookie))
        .value("servfail-ttl", view.servfail_ttl.as_secs());
}

fn of_the_cache(lines: &mut Lines, ttl: &TtlLimits, stale: &Stale) {
    lines
        .value("max-cache-ttl", ttl.max_cache.as_secs())
        .value("max-ncache-ttl", ttl.max_ncache.as_secs())
        .value("max-stale-ttl", stale.max_ttl.as_secs())
        .value("min-cache-ttl", ttl.min_cache.as_secs())
        .value("min-ncache-ttl", ttl.min_ncache.as_secs())
        .value(
            "stale-answer-client-timeout",
            match stale.client_timeout {
                Some(time) => time.as_millis().to_string(),
                None => "off".to_owned(),
            },
        )
        .value("stale-answer-enable", word(stale.answer))
        .value("stale-answer-ttl", stale.answer_ttl.as_secs())
        .value("stale-cache-enable", word(stale.keep))
        .value("stale-refresh-time", stale.refresh_time.as_secs());
}

/// Statements, one a line.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn value(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.text.push_str(&format!("\t{name} {value};\n"));
        self
    }

    /// What the server is called.
    fn identity(&mut self, name: &str, identity: &Identity) -> &mut Self {
        match identity {
            Identity::Own => self.comment(name, "<its own>"),
            Identity::Text(text) => self.value(name, quoted(text)),
            Identity::Withheld => self.value(name, "none"),
        }
    }

    /// What 0 switches off.
    fn off(&mut self, name: &str, is_off: bool) -> &mut Self {
        if is_off { self.value(name, 0) } else { self }
    }

    /// What named.conf cannot say in a statement.
    fn comment(&mut self, name: &str, value: &str) -> &mut Self {
        self.text.push_str(&format!("#\t{name} {value}\n"));
        self
    }

    fn none(&mut self, name: &str) -> &mut Self {
        self.comment(name, "<none>")
    }
}

fn word(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn quoted(text: impl Display) -> String {
    format!("\"{text}\"")
}

fn tenths(time: Duration) -> u128 {
    time.as_millis() / 100
}

#[cfg(test)]
mod tests {
    use super::super::grammar;
    use super::super::parse;
    use super::*;
    use crate::config::files::NoFiles;

    #[test]
    fn they_load_and_say_what_an_empty_file_says() {
        let read = |text: &str| parse(text, "x.conf", &NoFiles).expect("it is right");
        let (ours, empty) = (read(&defaults("/run/named/named.pid")), read(""));
        assert_eq!(ours.config.without_positions(), empty.config.without_positions());
        assert_eq!(ours.warnings.len(), empty.warnings.len(), "{:?}", ours.warnings);
    }

    #[test]
    fn each_statement_of_the_options_that_is_honoured_is_told() {
        let text = defaults("/run/named/named.pid");
        let is_option = |row: &&grammar::Row| row.places & grammar::OPTIONS != 0 && row.name != "include";
        let honoured = grammar::rows().filter(is_option);
        for row in honoured.filter(|row| matches!(row.support, grammar::Support::Honoured)) {
            let told = [format!("\t{} ", row.name), format!("#\t{} ", row.name)];
            assert!(told.iter().any(|told| text.contains(told)), "{}:\n{text}", row.name);
        }
    }

    #[test]
    fn what_is_a_comment_is_so_in_a_line_of_its_own() {
        let mut lines = Lines::default();
        lines.off("x", false).off("y", true).none("z").identity("name", &Identity::Text("a".into()));
        assert_eq!(lines.text, "\ty 0;\n#\tz <none>\n\tname \"a\";\n");
    }
}
