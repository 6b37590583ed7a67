//! A configuration without the places where it is written, so that two can be compared by what they say.
//!
//! A file that is printed anew or converted says the same in other lines.

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    Config, Control, ForwardRule, Grant, Grantee, Key, Listen, LocalZone, MasterFile, Match, MatchElement, MatchList,
    NamedAcl, Position, StatisticsChannel, View, ZoneRecord, ZoneSettings,
};

impl Config {
    /// The same without positions; places of records, which always have one, become the first line of no file.
    pub fn without_positions(&self) -> Self {
        let Self { listen_v4, listen_v6, statistics_channels, blackhole, controls, keys, views, .. } = self;
        Self {
            listen_v4: listen_v4.iter().map(listen).collect(),
            listen_v6: listen_v6.iter().map(listen).collect(),
            statistics_channels: statistics_channels.iter().map(channel).collect(),
            blackhole: blackhole.without_positions(),
            controls: controls.iter().map(control).collect(),
            keys: keys.iter().map(|key| Key { position: None, ..key.clone() }).collect(),
            views: views.iter().map(view).collect(),
            ..self.clone()
        }
    }
}

impl MatchList {
    /// The same without positions.
    pub fn without_positions(&self) -> Self {
        let what = |what: &Match| match what {
            Match::List(list) => Match::List(list.without_positions()),
            Match::Acl(acl) => {
                Match::Acl(Arc::new(NamedAcl { name: acl.name.clone(), list: acl.list.without_positions() }))
            }
            other => other.clone(),
        };
        let one = |element: &MatchElement| MatchElement {
            negated: element.negated,
            what: what(&element.what),
            position: None,
        };
        Self { elements: self.elements.iter().map(one).collect() }
    }
}

fn listen(listen: &Listen) -> Listen {
    Listen { addresses: listen.addresses.without_positions(), ..listen.clone() }
}

fn channel(channel: &StatisticsChannel) -> StatisticsChannel {
    StatisticsChannel { allow: channel.allow.without_positions(), ..channel.clone() }
}

fn control(control: &Control) -> Control {
    Control { allow: control.allow.without_positions(), position: None, ..control.clone() }
}

fn view(view: &View) -> View {
    let super::Access { query, query_cache, recursion, query_on, query_cache_on, recursion_on } = &view.access;
    let access = super::Access {
        query: query.without_positions(),
        query_cache: query_cache.without_positions(),
        recursion: recursion.without_positions(),
        query_on: query_on.without_positions(),
        query_cache_on: query_cache_on.without_positions(),
        recursion_on: recursion_on.without_positions(),
    };
    View {
        match_clients: view.match_clients.without_positions(),
        match_destinations: view.match_destinations.without_positions(),
        access,
        rules: view.rules.iter().map(|rule| ForwardRule { position: None, ..rule.clone() }).collect(),
        zones: view.zones.iter().map(zone).collect(),
        ..view.clone()
    }
}

fn zone(zone: &LocalZone) -> LocalZone {
    let nowhere = Position { file: "".into(), line: 1, column: 0 };
    let placeless = |list: &Option<MatchList>| list.as_ref().map(MatchList::without_positions);
    let settings = &zone.settings;
    let (allow_query, allow_query_on) = (placeless(&settings.allow_query), placeless(&settings.allow_query_on));
    let file = |path: &PathBuf| MasterFile { path: path.clone(), position: None };
    LocalZone {
        file: zone.file.as_ref().map(|written| file(&written.path)),
        records: zone.records.iter().map(|record| ZoneRecord { position: nowhere.clone(), ..record.clone() }).collect(),
        settings: ZoneSettings { allow_query, allow_query_on, ..settings.clone() },
        grants: zone.grants.iter().map(grant).collect(),
        position: None,
        ..zone.clone()
    }
}

fn grant(grant: &Grant) -> Grant {
    let who = match &grant.who {
        Grantee::Clients(list) => Grantee::Clients(list.without_positions()),
        key @ Grantee::Key(_) => key.clone(),
    };
    Grant { who, position: None, ..grant.clone() }
}

#[cfg(test)]
mod tests {
    use crate::config::files::NoFiles;
    use crate::config::named_conf;

    #[test]
    fn the_same_statements_in_other_lines_are_the_same() {
        let text = "acl a { 10/8; { !any; }; }; key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n\
                    options { listen-on { a; }; listen-on-v6 { ::1; }; blackhole { 192.0.2.1; }; forwarders { 192.0.2.2; }; };\n\
                    view v { match-clients { a; }; match-destinations { any; }; allow-query { a; }; allow-recursion-on { a; }; \
                    zone f { type forward; forwarders { 192.0.2.2; }; }; zone p { type primary; file \"p\"; \
                    allow-query { a; }; allow-query-on { a; }; allow-update { key k; 10/8; }; }; };";
        let read = |text: &str| named_conf::parse(text, "x.conf", &NoFiles).expect("it is right").config;
        let (one, other) = (read(text), read(&format!("\n {}", text.replace("; ", ";\n  "))));
        assert!(one != other && one.without_positions() == other.without_positions(), "{other:#?}");
        let different = read(&text.replace("10/8", "11/8"));
        assert!(one.without_positions() != different.without_positions());
    }
}
