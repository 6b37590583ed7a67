//! A configuration as it is tried beside the server in service.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::{Config, Listen, Match, MatchList};
use crate::logging;

impl Config {
    /// The same answers from this address alone, with nothing of its own on the host: no files, no channels, no updates,
    /// the log on standard error. Journals are left out by who reads zones.
    pub fn for_trial(mut self, address: SocketAddr) -> Self {
        let only = MatchList::of(Match::Prefix(IpNet::from(address.ip())));
        let listen = vec![Listen { port: address.port(), addresses: only }];
        (self.listen_v4, self.listen_v6) = if address.is_ipv4() { (listen, Vec::new()) } else { (Vec::new(), listen) };
        (self.pid_file, self.control_socket, self.state_directory) = (None, None, None);
        self.controls.clear();
        self.statistics_channels.clear();
        self.logging = logging::Config::default();
        for zone in self.views.iter_mut().flat_map(|view| &mut view.zones) {
            zone.grants.clear();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::config::files::NoFiles;
    use crate::config::named_conf;

    #[test]
    fn a_trial_answers_as_the_server_would_and_leaves_nothing_on_the_host() {
        let text = "options { directory \"/var/named\"; pid-file \"/run/named.pid\"; listen-on port 53 { any; };
            forwarders { 192.0.2.1; }; };
            key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };
            controls { inet 127.0.0.1 allow { any; } keys { k; }; };
            statistics-channels { inet 127.0.0.1 port 8053; };
            logging { channel c { file \"/var/log/named.log\"; }; category default { c; }; };
            zone z { type primary; file \"db\"; allow-update { any; }; };";
        let config = named_conf::parse(text, "x.conf", &NoFiles).expect("it is right").config;
        let trial = config.clone().for_trial("127.0.0.1:5300".parse().expect("an address"));
        assert_eq!(trial.listen_v4.len() + trial.listen_v6.len(), 1);
        assert_eq!(
            (trial.listen_v4[0].port, trial.listen_v4[0].addresses.to_string().as_str()),
            (5300, "{ 127.0.0.1; }")
        );
        assert_eq!((&trial.pid_file, &trial.control_socket, &trial.state_directory), (&None, &None, &None));
        assert!(!config.controls.is_empty() && !config.statistics_channels.is_empty());
        assert!(trial.controls.is_empty() && trial.statistics_channels.is_empty());
        assert_eq!(trial.logging, crate::logging::Config::default());
        assert!(trial.views[0].zones[0].grants.is_empty() && !config.views[0].zones[0].grants.is_empty());
        assert_eq!(
            (&trial.views[0].access, &trial.views[0].forward),
            (&config.views[0].access, &config.views[0].forward)
        );
        assert_eq!(trial.directory, config.directory);
    }
}
