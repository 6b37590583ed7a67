//! The servers that are measured, and a configuration for each: one thread, a cache that holds the run, TCP slots for the
//! load, no validation, no limits that a load would meet.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::message::ZONE;
use super::place::{Place, find_program};

/// What a server is to do.
pub(crate) struct Setting<'s> {
    /// The server's own.
    pub(crate) directory: &'s Path,
    pub(crate) listen: SocketAddr,
    /// Where everything is forwarded.
    pub(crate) upstreams: &'s [SocketAddr],
    pub(crate) amounts: Amounts,
    /// The clients' network.
    pub(crate) clients: &'s str,
}

/// How much a configuration has of something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    /// So many forward zones `zN.ZONE` beside.
    pub(crate) zones: usize,
    /// So many prefixes in its access list beside the clients' own.
    pub(crate) prefixes: usize,
    /// Of the cache.
    pub(crate) cache_mib: usize,
    /// So many names with an address each in a zone of its own, `ZONE`; heeded by [`super::authorities`] alone.
    pub(crate) records: u64,
}

impl Default for Amounts {
    fn default() -> Self {
        Self { zones: 0, prefixes: 0, cache_mib: 4096, records: 0 }
    }
}

/// A server.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(super) program: &'static str,
    pub(super) version: &'static str,
    /// Writes its configuration; returns its arguments.
    pub(super) configure: fn(&Setting<'_>) -> io::Result<Vec<String>>,
    /// It answers TCP in the process that is measured.
    pub(crate) tcp: bool,
    /// Its cache can hold a million answers.
    pub(crate) large_cache: bool,
    /// [`Amounts`] are heeded.
    pub(crate) grows: bool,
    /// It listens only on addresses that an interface has, of loopback thus on 127.0.0.1 alone.
    pub(super) on_interface: bool,
}

/// Ours first.
pub(crate) const PEERS: [Peer; 7] = [
    Peer { configure: tandem, grows: true, ..peer("tandem", "", "--version") },
    Peer { configure: unbound, grows: true, ..peer("unbound", "unbound", "-V") },
    Peer { configure: dnsdist, ..peer("dnsdist", "dnsdist", "--version") },
    Peer { configure: named, grows: true, on_interface: true, ..peer("named", "named", "-v") },
    Peer { configure: recursor, ..peer("pdns_recursor", "pdns_recursor", "--version") },
    Peer { configure: kresd, ..peer("kresd", "kresd", "--version") },
    // A process for each connection, and at most 10,000 cached answers.
    Peer { configure: dnsmasq, tcp: false, large_cache: false, ..peer("dnsmasq", "dnsmasq", "--version") },
];

pub(super) const fn peer(name: &'static str, program: &'static str, version: &'static str) -> Peer {
    Peer { name, program, version, configure: tandem, tcp: true, large_cache: true, grows: false, on_interface: false }
}

impl Peer {
    /// Its program, if it is installed. Ours is the one that was built with the benchmark.
    fn path(&self) -> Option<PathBuf> {
        if self.program.is_empty() {
            return Some(env!("CARGO_BIN_EXE_tandem").into());
        }
        find_program(self.program)
    }

    /// An address that it can listen on.
    pub(crate) fn address(&self, place: &Place) -> io::Result<SocketAddr> {
        if self.on_interface { place.interface_address() } else { Ok(place.address()) }
    }

    /// Writes its configuration; returns the command.
    pub(crate) fn command(&self, setting: &Setting<'_>) -> io::Result<Vec<String>> {
        let path = self.path().ok_or(io::ErrorKind::NotFound)?;
        let mut command = vec![path.to_string_lossy().into_owned()];
        command.extend((self.configure)(setting)?);
        Ok(command)
    }

    /// The first word of what it says of its version that begins with a digit, or holds one behind a dash or a point.
    pub(crate) fn version(&self) -> String {
        let Some(path) = self.path() else { return String::new() };
        let Ok(output) = Command::new(path).arg(self.version).output() else { return String::new() };
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let is_version = |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
        let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, '-' | ',' | '('));
        words.find(is_version).unwrap_or_default().to_owned()
    }
}

/// The installed peers whose names are in `only`, which may be empty: all.
pub(crate) fn installed(only: &[String]) -> Vec<&'static Peer> {
    installed_of(&PEERS, only)
}

/// As [`installed`], of others than [`PEERS`].
pub(crate) fn installed_of(peers: &'static [Peer], only: &[String]) -> Vec<&'static Peer> {
    let wanted = |peer: &&Peer| only.is_empty() || only.iter().any(|name| name == peer.name);
    peers.iter().filter(wanted).filter(|peer| peer.path().is_some()).collect()
}

/// The names of those in `only` that no peer has.
pub(crate) fn unknown(only: &[String]) -> Vec<&String> {
    unknown_of(&PEERS, only)
}

/// As [`unknown`], of others than [`PEERS`].
pub(crate) fn unknown_of<'o>(peers: &[Peer], only: &'o [String]) -> Vec<&'o String> {
    only.iter().filter(|name| peers.iter().all(|peer| peer.name != name.as_str())).collect()
}

/// Puts a server's configuration into a directory of its own.
pub(crate) fn prepare(
    place: &Place,
    peer: &Peer,
    listen: SocketAddr,
    upstreams: &[SocketAddr],
    amounts: Amounts,
) -> io::Result<Vec<String>> {
    let directory = place.directory(&format!("{}-{}-{}", peer.name, listen.ip(), listen.port()))?;
    let clients = place.client_network();
    peer.command(&Setting { directory: &directory, listen, upstreams, amounts, clients: &clients })
}

pub(super) fn put(setting: &Setting<'_>, name: &str, text: &str) -> io::Result<String> {
    let path = setting.directory.join(name);
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// Each item written by `write`, one behind the other.
fn each<T>(items: impl IntoIterator<Item = T>, write: impl Fn(T) -> String) -> String {
    items.into_iter().map(write).collect()
}

/// Prefixes of lengths that lists have, none with an address of loopback.
fn prefixes(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count as u32 {
        let [_, b, c, d] = (number << 4).to_be_bytes();
        let first = 1 + (number >> 20) % 100;
        write!(text, "{first}.{b}.{c}.{d}/28; ").expect("a String takes text");
    }
    text
}

/// What named and we read alike.
pub(super) fn named_conf(setting: &Setting<'_>, options: &str) -> String {
    let Setting { listen, clients, .. } = setting;
    let directory = setting.directory.display();
    let forwarders = each(setting.upstreams, |up| format!("{} port {}; ", up.ip(), up.port()));
    let zone = |number| {
        format!("zone \"z{number}.{ZONE}\" {{ type forward; forward only; forwarders {{ {forwarders}}}; }};\n")
    };
    format!(
        "acl allowed {{ {clients}; {} }};\n\
         options {{\n  directory \"{directory}\";\n  pid-file \"{directory}/pid\";\n  \
         listen-on port {} {{ {}; }};\n  listen-on-v6 {{ none; }};\n  allow-query {{ allowed; }};\n  \
         forwarders {{ {forwarders}}};\n  forward only;\n  dnssec-validation no;\n  recursive-clients 10000;\n  \
         tcp-clients 1000;\n  max-cache-size {}m;\n  {options}\n}};\n{}",
        prefixes(setting.amounts.prefixes),
        listen.port(),
        listen.ip(),
        setting.amounts.cache_mib,
        each(0..setting.amounts.zones, zone),
    )
}

fn tandem(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let file = put(setting, "tandem.conf", &named_conf(setting, ""))?;
    Ok(words(["serve", "-c", &file]))
}

fn named(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let key = format!("session-keyfile \"{}/session.key\"; tcp-listen-queue 1000;", setting.directory.display());
    let file = put(setting, "named.conf", &(named_conf(setting, &key) + "controls {};\n"))?;
    Ok(words(["-g", "-4", "-n", "1", "-U", "1", "-c", &file]))
}

fn unbound(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let Setting { listen, clients, .. } = setting;
    let directory = setting.directory.display();
    let forward = |zone: String| {
        let addresses = each(setting.upstreams, |up| format!("  forward-addr: {}@{}\n", up.ip(), up.port()));
        format!("forward-zone:\n  name: \"{zone}\"\n{addresses}")
    };
    let allowed = prefixes(setting.amounts.prefixes);
    let allowed = allowed.split("; ").filter(|text| !text.is_empty());
    let text = format!(
        "server:\n  directory: \"{directory}\"\n  pidfile: \"{directory}/pid\"\n  chroot: \"\"\n  username: \"\"\n  \
         use-syslog: no\n  num-threads: 1\n  interface: {}@{}\n  do-ip6: no\n  so-reuseport: yes\n  \
         so-rcvbuf: 4m\n  so-sndbuf: 4m\n  do-not-query-localhost: no\n  module-config: \"iterator\"\n  \
         access-control: {clients} allow\n{}  msg-cache-size: {}m\n  rrset-cache-size: {}m\n  outgoing-range: 8192\n  \
         num-queries-per-thread: 4096\n  incoming-num-tcp: 1000\nremote-control:\n  control-enable: no\n{}{}",
        listen.ip(),
        listen.port(),
        each(allowed, |prefix| format!("  access-control: {prefix} allow\n")),
        setting.amounts.cache_mib / 3,
        setting.amounts.cache_mib * 2 / 3,
        forward(".".into()),
        each(0..setting.amounts.zones, |number| forward(format!("z{number}.{ZONE}"))),
    );
    Ok(words(["-d", "-c", &put(setting, "unbound.conf", &text)?]))
}

fn dnsdist(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let server = |up| format!("newServer({{address='{up}', sockets=4, checkName='ready0.{ZONE}.'}})\n");
    let text = format!(
        "setLocal('{}', {{reusePort=true}})\nsetACL('{}')\n{}\
         getPool(''):setCache(newPacketCache(6000000, {{maxTTL=86400}}))\nsetSecurityPollSuffix('')\n",
        setting.listen,
        setting.clients,
        each(setting.upstreams, server),
    );
    Ok(words(["--supervised", "-C", &put(setting, "dnsdist.conf", &text)?]))
}

fn recursor(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let Setting { listen, clients, .. } = setting;
    let directory = setting.directory.to_string_lossy().into_owned();
    let upstreams: Vec<String> = setting.upstreams.iter().map(ToString::to_string).collect();
    let text = format!(
        "local-address={}\nlocal-port={}\nallow-from={clients}\nforward-zones-recurse=.={}\nthreads=1\ndnssec=off\n\
         socket-dir={directory}\ndaemon=no\ndisable-syslog=yes\nloglevel=3\nsetuid=\nsetgid=\nchroot=\n\
         security-poll-suffix=\ndont-query=\nmax-cache-entries=6000000\nmax-packetcache-entries=6000000\n\
         max-tcp-clients=1000\nmax-tcp-per-client=0\nmax-tcp-queries-per-connection=0\nmax-mthreads=8192\n",
        listen.ip(),
        listen.port(),
        upstreams.join(";"),
    );
    put(setting, "recursor.conf", &text)?;
    Ok(vec![format!("--config-dir={directory}")])
}

fn kresd(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let upstreams: Vec<String> = setting.upstreams.iter().map(|up| format!("'{}@{}'", up.ip(), up.port())).collect();
    let directory = setting.directory.to_string_lossy().into_owned();
    let unload = each(["ta_update", "ta_signal_query", "priming", "detect_time_skew"], |module| {
        format!("modules.unload('{module}')\n")
    });
    let text = format!(
        "net.listen('{}', {}, {{kind='dns'}})\nnet.ipv6=false\ncache.open(2048*MB, 'lmdb://{directory}')\n{unload}\
         trust_anchors.remove('.')\npolicy.add(policy.all(policy.STUB({{{}}})))\n",
        setting.listen.ip(),
        setting.listen.port(),
        upstreams.join(","),
    );
    let file = put(setting, "kresd.conf", &text)?;
    Ok(words(["-n", "-c", &file, &directory]))
}

fn dnsmasq(setting: &Setting<'_>) -> io::Result<Vec<String>> {
    let directory = setting.directory.display();
    let text = format!(
        "port={}\nlisten-address={}\nbind-interfaces\nno-resolv\nno-hosts\n{}cache-size=10000\n\
         dns-forward-max=5000\nuser=root\npid-file={directory}/pid\n",
        setting.listen.port(),
        setting.listen.ip(),
        each(setting.upstreams, |up| format!("server={}#{}\n", up.ip(), up.port())),
    );
    Ok(words(["-k", "-C", &put(setting, "dnsmasq.conf", &text)?]))
}
