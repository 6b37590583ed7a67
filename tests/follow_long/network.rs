//! Hosts of their own for servers: network namespaces that are linked to ours and end with their shell.
//!
//! Ours must be one that nobody else uses (`unshare --net`, as root), with lo up: `tests/acceptance` sees to it.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::common::{Process, program};

/// Another host, as far as packets go.
pub(crate) struct Host {
    /// Its shell.
    process: Process,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Its address on the link to us, and ours.
    pub(crate) address: Ipv4Addr,
    own: Ipv4Addr,
}

impl Host {
    /// Makes the host of this number and links it to us.
    pub(crate) fn link(number: u8) -> Host {
        let mut child: Child = Command::new(program("unshare", "util-linux"))
            .args(["--net", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a network namespace (as root)");
        let commands = child.stdin.take().expect("it was piped");
        let answers = BufReader::new(child.stdout.take().expect("it was piped"));
        let (own, address) = (Ipv4Addr::new(10, 62, number, 1), Ipv4Addr::new(10, 62, number, 2));
        let mut host = Host { process: Process::new(child), commands, answers, address, own };
        // Its answer says that it is in its own network.
        host.run("ip link set lo up");
        here(&format!("ip link add there{number} type veth peer name here netns {}", host.process.pid()));
        here(&format!("ip address add {own}/24 dev there{number} && ip link set there{number} up"));
        host.run(&format!("ip address add {address}/24 dev here && ip link set here up"));
        host
    }

    /// Makes an address of 127.0.0.0/8 the host's, for us alone too.
    pub(crate) fn give_loopback(&mut self, number: u8, address: Ipv4Addr) {
        let (own, via) = (self.own, self.address);
        self.run("echo 1 >/proc/sys/net/ipv4/conf/here/route_localnet");
        here(&format!("echo 1 >/proc/sys/net/ipv4/conf/there{number}/route_localnet"));
        here(&format!("ip route add {address}/32 via {via} dev there{number} src {own}"));
    }

    /// Runs a command of the shell there, which must succeed.
    pub(crate) fn run(&mut self, command: &str) {
        writeln!(self.commands, "{{ {command}; }} >&2; echo $?").expect("the shell reads");
        let mut status = String::new();
        self.answers.read_line(&mut status).expect("the shell answers");
        assert_eq!(status, "0\n", "there: {command}");
    }

    /// From now on no packet comes back to us.
    pub(crate) fn cut_off(&mut self) {
        self.run(&format!("ip route add blackhole {}/32", self.own));
    }

    /// Packets come back again.
    pub(crate) fn join(&mut self) {
        self.run(&format!("ip route del blackhole {}/32", self.own));
    }

    /// A command that runs a program there.
    pub(crate) fn command(&self, name: &str, package: &str) -> Command {
        let mut command = Command::new(program("nsenter", "util-linux"));
        command.args(["-t", &self.process.pid().to_string(), "-n"]).arg(program(name, package));
        command
    }
}

/// Leaves our own lo with 127.0.0.1 alone, so that other addresses of 127.0.0.0/8 may be elsewhere.
pub(crate) fn keep_one_loopback_address() {
    here("ip address del 127.0.0.1/8 dev lo && ip address add 127.0.0.1/32 dev lo");
}

/// Runs a command of the shell in our own network, which must be nobody else's: it has lo alone, and links that we made.
fn here(command: &str) {
    let links = std::fs::read_to_string("/proc/net/dev").expect("proc is mounted");
    let foreign = links.lines().skip(2).find(|line| !line.trim_start().starts_with("lo:") && !line.contains("there"));
    assert_eq!(foreign, None, "this network is not our own: run it by tests/acceptance");
    let status = Command::new("sh").args(["-c", command]).status().expect("sh runs");
    assert!(status.success(), "{command}");
}
