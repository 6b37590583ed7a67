//! Three endless loops around nc, as people write them, with `conf/failover.toml` as it is.
//!
//! Each loop listens on every address of its host, so each has a host of its own, which is where the file says:
//! 127.0.0.11 to 127.0.0.13, routed there.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};

use crate::client::Client;
use crate::common::{Process, Tandem, program};
use crate::network::{Host, keep_one_loopback_address};
use crate::{CONFIGURATION, NAME, Times, from_environment};

/// Interval and threshold of the file, and some time to say so.
const BOUND: Duration = Duration::from_millis(6100);
/// Beyond all bounds.
const LIMIT: Duration = Duration::from_secs(60);

/// A well-known article's server, word for word; "edit for each server" was done.
fn script(number: u8) -> String {
    let text = r#"#!/usr/bin/env bash
srvnum=1 # edit for each server
port=8888
while true; do
    echo -e "HTTP/1.1 200 OK\n\n $(date) on server #$srvnum" | nc -l -p $port -q 1
done
"#;
    text.replace("srvnum=1 ", &format!("srvnum={number} "))
}

/// What happens in a round: whether a loop is started, or killed; its number; the server that the name becomes.
const STEPS: [(bool, usize, usize); 4] = [(false, 1, 2), (false, 2, 3), (true, 2, 2), (true, 1, 1)];

/// A loop on a host of its own.
struct Loop {
    number: u8,
    host: Host,
    process: Option<Process>,
}

impl Loop {
    fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 0, 10 + self.number)
    }

    /// Starts it, with the `nc` that `directory` has.
    fn start(&mut self, directory: &Path) -> Instant {
        let file = directory.join(format!("loop{}", self.number));
        fs::write(&file, script(self.number)).expect("a file");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.host.command("bash", "bash");
        command.arg(&file).env("PATH", format!("{}:{path}", directory.display()));
        // A group of its own: the loop's children end with it.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let now = Instant::now();
        self.process = Some(Process::new(command.spawn().expect("bash starts")));
        now
    }

    fn stop(&mut self) -> Instant {
        let process = self.process.take().expect("it runs");
        let now = Instant::now();
        killpg(process.pid(), Signal::SIGTERM).expect("its group");
        now
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
    }
}

#[test]
fn three_nc_loops_are_followed_and_do_not_flap() {
    let nc = std::env::var("TANDEM_TEST_NC").unwrap_or_else(|_| "nc".to_owned());
    let quiet = Duration::from_secs(from_environment("TANDEM_TEST_SECONDS", 180));
    let rounds = usize::try_from(from_environment("TANDEM_TEST_REPETITIONS", 3).max(1)).expect("a few");
    let directory = tempfile::tempdir().expect("a directory");
    symlink(program(&nc, "netcat"), directory.path().join("nc")).expect("a link");
    keep_one_loopback_address();
    let mut loops = [1, 2, 3].map(|number| {
        let mut nc = Loop { number, host: Host::link(number), process: None };
        nc.host.give_loopback(number, nc.address());
        nc.start(directory.path());
        nc
    });
    thread::sleep(Duration::from_secs(1));
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 5300));
    let tandem = Tandem::start(server, CONFIGURATION);
    let client = Client::start(server, NAME);
    let addresses = [1, 2, 3].map(|last| Ipv4Addr::new(127, 0, 0, 10 + last));
    assert!(client.wait_for(addresses[0], LIMIT).is_some(), "{}", tandem.said());

    // Time for some probes between what happens.
    let pause = Duration::from_secs(8);
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        for ((is_start, number, then), times) in STEPS.into_iter().zip(&mut times) {
            thread::sleep(pause);
            let nc = &mut loops[number - 1];
            let since = if is_start { nc.start(directory.path()) } else { nc.stop() };
            let seen = client.wait_for(addresses[then - 1], LIMIT);
            let seen = seen.unwrap_or_else(|| panic!("the name does not become server {then}: {}", tandem.said()));
            times.push(seen.saturating_duration_since(since));
        }
    }
    thread::sleep(quiet);

    println!("| {nc} | the name | {}\n|---|---|{}", Times::HEAD, Times::RULE);
    let times = times.map(|times| Times::new(&times, BOUND));
    for ((is_start, number, then), times) in STEPS.into_iter().zip(&times) {
        let what = if is_start { "started again" } else { "killed" };
        println!("| server {number} {what} | is server {then} | {times}");
    }
    let seen: Vec<_> = client.runs().iter().map(|run| run.address).collect();
    let answers: usize = client.runs().iter().map(|run| run.answers).sum();
    println!("{answers} answers; {} changes, {} s of quiet at the end", seen.len() - 1, quiet.as_secs());
    let said = tandem.said();
    let turns: Vec<_> = said.lines().filter(|line| line.contains("healthy to ")).collect();
    turns.iter().for_each(|line| println!("{line}"));
    let round = STEPS.map(|(_, _, then)| addresses[then - 1]);
    let wanted = std::iter::once(addresses[0]).chain(round.into_iter().cycle().take(4 * rounds));
    assert_eq!(seen, wanted.map(Some).collect::<Vec<_>>(), "as many changes as were made, and no answer lost");
    assert_eq!(turns.len(), 4 * rounds, "{turns:#?}");
    assert!(times.iter().all(Times::are_held), "later than the bound");
}
