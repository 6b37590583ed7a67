//! Compiling each list of a configuration once, however many zones it is written for or handed down to.
//!
//! Lists that say the same share what addresses are looked up in; only where they stand, for `explain`, is their own.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Acl, Host};
use crate::config::MatchList;

/// Those that were compiled so far, of one configuration and one state of the host.
pub struct Lists<'c> {
    host: &'c Arc<Host>,
    /// By their place in memory, where they stay as long as this does.
    of_statement: HashMap<*const MatchList, Acl>,
    of_content: HashMap<MatchList, Acl>,
}

impl<'c> Lists<'c> {
    /// None yet.
    pub fn new(host: &'c Arc<Host>) -> Self {
        Self { host, of_statement: HashMap::new(), of_content: HashMap::new() }
    }

    /// What the host is.
    pub fn host(&self) -> &'c Arc<Host> {
        self.host
    }

    /// The list, compiled now or before. What it costs then is its own elements, not those of the acls it names.
    pub fn compile(&mut self, list: &'c MatchList) -> Acl {
        if let Some(known) = self.of_statement.get(&std::ptr::from_ref(list)) {
            return known.clone();
        }
        let same = self.of_content.entry(list.without_own_positions()).or_insert_with(|| Acl::compile(list, self.host));
        let own = same.written_as(list);
        self.of_statement.insert(list, own.clone());
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::NoFiles;
    use crate::config::named_conf::parse;

    #[test]
    fn lists_that_say_the_same_share_their_steps_and_no_others_do() {
        let text = "acl long { 10.0.0.0/8; 192.0.2.0/24; };
            zone a { type primary; file \"a\"; allow-query { long; }; };
            zone b { type primary; file \"b\"; allow-query { long; }; };
            zone c { type primary; file \"c\"; allow-query { !long; any; }; };
            zone d { type primary; file \"d\"; allow-query { { long; }; }; };
            zone e { type primary; file \"e\"; allow-query { { long; any; }; }; };
            zone f { type primary; file \"f\"; allow-query { { long; }; any; }; };";
        let config = parse(text, "x.conf", &NoFiles).expect("the configuration is right").config;
        let host = Arc::new(Host::default());
        let mut lists = Lists::new(&host);
        let zones = &config.views[0].zones;
        let written: Vec<&MatchList> = zones.iter().filter_map(|zone| zone.settings.allow_query.as_ref()).collect();
        let compiled: Vec<Acl> = written.iter().map(|list| lists.compile(list)).collect();
        for (one, list) in written.iter().enumerate() {
            for (other, with) in compiled.iter().enumerate() {
                assert_eq!(compiled[one].shares_with(with), one == other || one + other == 1, "{one} and {other}");
            }
            for address in ["10.1.1.1", "192.0.2.1", "198.51.100.1", "2001:db8::1"] {
                let address = address.parse().expect("an address");
                assert_eq!(compiled[one].decide(address), Acl::compile(list, &host).decide(address), "{one} {address}");
                assert_eq!(
                    compiled[one].explain(address),
                    Acl::compile(list, &host).explain(address),
                    "{one} {address}"
                );
            }
            assert!(lists.compile(list).shares_with(&compiled[one]), "{one} again");
        }
    }
}
