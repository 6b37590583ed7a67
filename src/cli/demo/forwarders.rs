//! Running the two forwarders: servers that each have their own named.conf.
//!
//! Not here: processes ([`super::server`]), what a forwarder answers.

use std::net::SocketAddrV4;
use std::path::Path;

use super::server::{Program, Server};
use super::{Az, Error};

/// The configuration of each forwarder, with the addresses of the first.
const TEMPLATE: &str = include_str!("../../../conf/demo.conf");

/// How a forwarder is made.
#[derive(Clone, Debug)]
pub(super) struct Make {
    /// Its process.
    pub program: Program,
    /// The configuration's text.
    pub configuration: fn(&Setting<'_>) -> String,
}

impl Make {
    /// This program with the demo's named.conf.
    pub(super) fn tandem() -> Result<Self, Error> {
        Ok(Self { program: Program::tandem()?, configuration: from_template })
    }
}

/// What differs between two forwarders' configurations.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    /// Where it listens; the stand-in has the same port.
    pub address: SocketAddrV4,
    /// Where its files are.
    pub directory: &'a Path,
}

/// What stands for the setting in [`TEMPLATE`].
const TEMPLATE_ADDRESS: &str = "{ 127.0.1.53; }";
const TEMPLATE_PORT: &str = "port 5300";
const TEMPLATE_DIRECTORY: &str = "\"/tmp";

fn from_template(setting: &Setting<'_>) -> String {
    TEMPLATE
        .replace(TEMPLATE_ADDRESS, &format!("{{ {}; }}", setting.address.ip()))
        .replace(TEMPLATE_PORT, &format!("port {}", setting.address.port()))
        .replace(TEMPLATE_DIRECTORY, &format!("\"{}", quotable(setting.directory)))
}

/// As it may stand between quotes, where named.conf knows only `\"`.
fn quotable(path: &Path) -> String {
    path.display().to_string().replace('"', "\\\"")
}

/// The forwarders of both availability zones.
pub(super) struct Pair([Server; 2]);

impl Pair {
    /// Writes both configurations, each into a directory of its own below `parent`; starts nothing.
    pub(super) fn prepare(addresses: [SocketAddrV4; 2], make: &Make, parent: &Path) -> Result<Self, Error> {
        let [first, second] = addresses;
        Ok(Self([prepare(Az::One, first, make, parent)?, prepare(Az::Two, second, make, parent)?]))
    }

    /// Starts both.
    pub(super) async fn start(&mut self) -> Result<(), Error> {
        for forwarder in &mut self.0 {
            forwarder.start().await?;
        }
        Ok(())
    }

    /// Ends both; those that do not end by themselves in time are killed.
    pub(super) async fn stop(&mut self) {
        let [first, second] = &mut self.0;
        tokio::join!(first.stop(), second.stop());
    }

    /// The forwarder of a zone.
    pub(super) fn get(&self, az: Az) -> &Server {
        &self.0[az.index()]
    }

    /// The forwarder of a zone, to start or stop it.
    pub(super) fn get_mut(&mut self, az: Az) -> &mut Server {
        &mut self.0[az.index()]
    }

    /// Those that run.
    pub(super) fn running(&mut self) -> Vec<Az> {
        Az::BOTH.into_iter().filter(|az| self.get_mut(*az).is_running()).collect()
    }

    /// Where both listen when they run, AZ 1 first.
    pub(super) fn addresses(&self) -> [SocketAddrV4; 2] {
        [self.0[0].address, self.0[1].address]
    }
}

fn prepare(az: Az, address: SocketAddrV4, make: &Make, parent: &Path) -> Result<Server, Error> {
    let directory = parent.join(format!("az{}", az.number()));
    std::fs::create_dir(&directory).map_err(|fault| Error::File { path: directory.clone(), fault })?;
    let text = (make.configuration)(&Setting { address, directory: &directory });
    Server::prepare(format!("the forwarder in {az}"), address, &make.program, &directory, ("named.conf", &text))
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::Ipv4Addr;
    use std::path::PathBuf;

    use super::super::place::STAND_IN;
    use super::*;

    /// A forwarder of another make with the same settings: what the demo does must not depend on whose it is.
    pub(in super::super) fn unbound() -> Make {
        let program = Program {
            executable: PathBuf::from("/usr/sbin/unbound"),
            arguments: |file| vec!["-d".into(), "-c".into(), file.as_os_str().to_owned()],
        };
        Make {
            program,
            configuration: |setting| {
                let (ip, port) = (setting.address.ip(), setting.address.port());
                format!(
                    "server:\n interface: {ip}@{port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n \
                     directory: \"{directory}\"\n use-syslog: no\n do-not-query-localhost: no\n module-config: iterator\n \
                     access-control: 127.0.0.0/8 refuse\n access-control: 127.0.0.0/25 allow\n ede: yes\n \
                     local-zone: \"10.in-addr.arpa.\" nodefault\n version: \"not currently available\"\n \
                     num-threads: 1\n\
                     remote-control:\n control-enable: no\n\
                     forward-zone:\n name: \".\"\n forward-addr: {STAND_IN}@{port}\n",
                    directory = quotable(setting.directory),
                )
            },
        }
    }

    /// One that refuses nobody and keeps answers for a minute.
    pub(in super::super) fn unbound_that_keeps_and_serves_all() -> Make {
        let configuration = |setting: &Setting<'_>| {
            let right = (unbound().configuration)(setting);
            right.replace("127.0.0.0/8 refuse", "127.0.0.0/8 allow\n cache-min-ttl: 60")
        };
        Make { configuration, ..unbound() }
    }

    #[test]
    fn each_setting_stands_in_the_template_and_is_replaced_everywhere() {
        for (what, count) in [(TEMPLATE_ADDRESS, 1), (TEMPLATE_PORT, 4), (TEMPLATE_DIRECTORY, 2)] {
            assert_eq!(TEMPLATE.matches(what).count(), count, "{what}");
        }
        assert!(TEMPLATE.contains(&format!("{STAND_IN} port")));
        let address = SocketAddrV4::new(Ipv4Addr::new(127, 0, 2, 53), 5307);
        let text = from_template(&Setting { address, directory: Path::new("/run/my \"demo\"") });
        for expected in [
            "listen-on port 5307 { 127.0.2.53; };",
            "forwarders { 127.0.0.2 port 5307; };",
            "directory \"/run/my \\\"demo\\\"\";",
            "file \"/run/my \\\"demo\\\"/bind.log\" versions 3 size 5m;",
        ] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
        assert!(!text.contains("5300;") && !text.contains("\"/tmp"), "{text}");
    }
}
