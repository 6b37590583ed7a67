//! What a program's arguments say in place of the file, or where the file says nothing.
//!
//! named's `-p`, `-4`, `-6`, where its pid file lies without `pid-file`, and a trial's address.
//! Not here: the arguments themselves (`cli`).

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Config, Diagnostic, ForwardSettings, Level, Loaded};

/// See the module; the default says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The port where a `listen-on` or a forwarder names none, whatever `port` says; `1..`.
    pub port: Option<u16>,
    /// Of `None`, both.
    pub family: Option<Family>,
    /// Where the pid file is written without a word in the file.
    pub pid_file: Option<PathBuf>,
    /// The address where a trial answers alone, beside the server in service ([`Config::for_trial`]).
    pub trial: Option<SocketAddr>,
}

/// A family of addresses, where no other is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `-4`
    Ipv4,
    /// `-6`
    Ipv6,
}

impl Family {
    /// Whether an address is one of it.
    pub fn has(self, address: SocketAddr) -> bool {
        address.is_ipv4() == (self == Self::Ipv4)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }
}

impl CommandLine {
    /// Leaves the family's addresses alone: those that are listened on, and forwarders; of a trial, its own to listen on.
    ///
    /// # Errors
    /// Where that leaves a rule without forwarders: without any, its names would go elsewhere.
    pub(super) fn narrow(&self, mut loaded: Loaded) -> Result<Loaded, Vec<Diagnostic>> {
        if let Some(address) = self.trial {
            loaded.config = loaded.config.for_trial(address);
        }
        let Some(family) = self.family else { return Ok(loaded) };
        let mut faults = Vec::new();
        narrow_listeners(&mut loaded.config, family);
        for view in &mut loaded.config.views {
            let place = format!("view '{}'", view.name);
            faults.extend(narrow_forwarders(&mut view.forward, family, || place));
            for rule in &mut view.rules {
                let name = &rule.name;
                faults.extend(narrow_forwarders(&mut rule.settings, family, || format!("zone '{name}'")));
            }
        }
        if faults.is_empty() { Ok(loaded) } else { Err(faults) }
    }
}

fn narrow_listeners(config: &mut Config, family: Family) {
    match family {
        Family::Ipv4 => config.listen_v6.clear(),
        Family::Ipv6 => config.listen_v4.clear(),
    }
}

fn narrow_forwarders(
    settings: &mut ForwardSettings,
    family: Family,
    place: impl FnOnce() -> String,
) -> Option<Diagnostic> {
    let had_some = !settings.forwarders.is_empty();
    settings.forwarders.retain(|forwarder| family.has(forwarder.address));
    (had_some && settings.forwarders.is_empty()).then(|| Diagnostic {
        position: None,
        level: Level::Error,
        message: format!("{}: no forwarder has an {} address, and no other may be used", place(), family.name()),
        hint: Some("leave out -4 or -6, or give it another forwarder".to_owned()),
        topic: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::NoFiles;
    use crate::config::{named_conf, toml};

    const BOTH: &str = "options { listen-on { 10.0.0.1; }; port 5300; forwarders { 10.0.0.2; 2001:db8::2 port 53; }; };
        zone \"v4\" { type forward; forwarders { 10.0.0.3; }; };
        zone \"cancelled\" { type forward; forwarders { }; };";

    fn load(text: &str, given: &CommandLine) -> Result<Config, String> {
        let read = match text.starts_with('[') {
            true => toml::parse_given(text, "x", &NoFiles, given),
            false => named_conf::parse_given(text, "x", &NoFiles, given),
        };
        let narrowed = read.and_then(|loaded| given.narrow(loaded));
        narrowed.map(|loaded| loaded.config).map_err(|faults| faults[0].to_string())
    }

    #[test]
    fn a_port_counts_where_none_is_written_and_beats_that_of_the_options() {
        let given = CommandLine { port: Some(5353), ..CommandLine::default() };
        let toml =
            "[options]\nport = 5300\nlisten_on = [\"10.0.0.1\"]\nforwarders = [\"10.0.0.2\", \"[2001:db8::2]:53\"]";
        for text in [BOTH, toml] {
            let config = load(text, &given).expect(text);
            assert_eq!(config.listen_v4[0].port, 5353, "{text}");
            assert_eq!(config.listen_v6[0].port, 5353, "the default follows: {text}");
            let ports: Vec<u16> = config.views[0].forward.forwarders.iter().map(|one| one.address.port()).collect();
            assert_eq!(ports, [5353, 53], "{text}");
        }
    }

    #[test]
    fn a_family_leaves_its_addresses_alone() {
        let family = |family| CommandLine { family: Some(family), ..CommandLine::default() };
        let v4 = load(BOTH, &family(Family::Ipv4)).expect("each rule has one");
        assert!(v4.listen_v6.is_empty() && !v4.listen_v4.is_empty());
        assert_eq!(v4.upstream_addresses().len(), 2);
        let error = load(BOTH, &family(Family::Ipv6)).expect_err("one rule has none");
        assert!(error.contains("zone 'v4': no forwarder has an IPv6 address"), "{error}");
    }

    #[test]
    fn the_pid_file_of_the_program_is_written_unless_the_file_says_otherwise() {
        let given = CommandLine { pid_file: Some("/run/named/named.pid".into()), ..CommandLine::default() };
        for (text, expected) in [
            ("options { };", given.pid_file.clone()),
            ("options { pid-file none; };", None),
            ("options { pid-file \"/x\"; };", Some("/x".into())),
            ("[options]\nrecursion = true", given.pid_file.clone()),
            ("[options]\npid_file = \"none\"", None),
            ("[options]\npid_file = \"/x\"", Some("/x".into())),
        ] {
            assert_eq!(load(text, &given).expect(text).pid_file, expected, "{text}");
        }
    }
}
