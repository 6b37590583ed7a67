//! Running the two forwarders: processes of this same program, each with its own named.conf.
//!
//! Invariant: no forwarder outlives its [`Forwarder`], whose end kills the process by its PID, whatever ended it
//! (a return, a panic, a signal to this program). When this program itself is killed by SIGKILL, the kernel tells them
//! to end (`--end-with`); only their directory is left then.
//! Not here: what a forwarder answers.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hickory_proto::rr::{DNSClass, RecordType};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::client::{Question, ask};
use super::place::ALLOWED_CLIENT;
use super::stand_in::name;
use super::{Az, Error};
use crate::wire::Transport;

/// The configuration of each forwarder, with the addresses of the first.
const TEMPLATE: &str = include_str!("../../../conf/demo.conf");
/// How long a forwarder may take until it answers.
const START: Duration = Duration::from_secs(10);
/// How long a forwarder may take to end after SIGTERM, before it is killed.
const STOP: Duration = Duration::from_secs(5);

/// How a forwarder process is made.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The file that is run.
    pub executable: PathBuf,
    /// Its arguments, given the configuration file.
    pub arguments: fn(&Path) -> Vec<OsString>,
    /// The configuration's text.
    pub configuration: fn(&Setting<'_>) -> String,
}

impl Program {
    /// This program's own `serve -c FILE`, ending with this process.
    pub(super) fn tandem() -> Result<Self, Error> {
        let executable =
            std::env::current_exe().map_err(|fault| Error::File { path: PathBuf::from("/proc/self/exe"), fault })?;
        let arguments = |file: &Path| {
            let parent = format!("--end-with={}", std::process::id());
            vec!["serve".into(), parent.into(), "-c".into(), file.as_os_str().to_owned()]
        };
        Ok(Self { executable, arguments, configuration: from_template })
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

/// One forwarder, running or not.
pub(super) struct Forwarder {
    /// Its availability zone.
    pub az: Az,
    /// Where it listens when it runs.
    pub address: SocketAddrV4,
    /// Its named.conf.
    pub configuration: PathBuf,
    program: Program,
    output: PathBuf,
    child: Option<Child>,
}

impl Forwarder {
    /// Writes the configuration into a directory of its own below `parent`; starts nothing.
    pub(super) fn prepare(az: Az, address: SocketAddrV4, program: &Program, parent: &Path) -> Result<Self, Error> {
        let directory = parent.join(format!("az{}", az.number()));
        let configuration = directory.join("named.conf");
        let text = (program.configuration)(&Setting { address, directory: &directory });
        std::fs::create_dir(&directory)
            .and_then(|()| std::fs::write(&configuration, text))
            .map_err(|fault| Error::File { path: configuration.clone(), fault })?;
        let output = directory.join("output");
        Ok(Self { az, address, configuration, program: program.clone(), output, child: None })
    }

    /// Whether its process is there: started, not stopped, and not ended by itself.
    pub(super) fn is_running(&mut self) -> bool {
        if self.ended().is_some() {
            self.child = None;
        }
        self.child.is_some()
    }

    /// The process, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Starts the process and waits until it answers. A running one is left alone.
    pub(super) async fn start(&mut self) -> Result<(), Error> {
        if self.is_running() {
            return Ok(());
        }
        self.child = Some(self.spawn().map_err(|fault| Error::File { path: self.program.executable.clone(), fault })?);
        let outcome = self.wait_until_it_answers().await;
        if outcome.is_err() {
            self.child = None;
        }
        outcome
    }

    fn spawn(&self) -> io::Result<Child> {
        let output = File::create(&self.output)?;
        Command::new(&self.program.executable)
            .args((self.program.arguments)(&self.configuration))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
    }

    async fn wait_until_it_answers(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        let question = version_question(ALLOWED_CLIENT, self.address);
        while begin.elapsed() < START {
            if let Some(status) = self.ended() {
                return Err(self.failed(format!("ended with {status} instead of serving")));
            }
            if ask(&question, Duration::from_millis(200)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(self.failed(format!("did not answer on {} within {} s", self.address, START.as_secs())))
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    fn failed(&self, what: String) -> Error {
        let output = std::fs::read_to_string(&self.output).unwrap_or_default();
        Error::Forwarder { az: self.az, what, output: last_lines(&output, 10) }
    }

    /// Ends the process with SIGTERM, or SIGKILL when that does not help; says how it ended. `None`: it did not run.
    pub(super) async fn stop(&mut self) -> Option<io::Result<ExitStatus>> {
        let mut child = self.child.take()?;
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // The child is not yet waited for, so that its PID cannot be another process's.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match tokio::time::timeout(STOP, child.wait()).await {
            Ok(outcome) => Some(outcome),
            Err(_) => {
                let _ = child.start_kill();
                Some(child.wait().await)
            }
        }
    }
}

/// CH TXT version.bind, which every name server answers by itself.
pub(super) fn version_question(from: Ipv4Addr, to: SocketAddrV4) -> Question {
    Question {
        from,
        to,
        by: Transport::Udp,
        qname: name("version.bind."),
        qtype: RecordType::TXT,
        qclass: DNSClass::CH,
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The forwarders of both availability zones.
pub(super) struct Pair([Forwarder; 2]);

impl Pair {
    /// Writes both configurations; starts nothing.
    pub(super) fn prepare(addresses: [SocketAddrV4; 2], program: &Program, parent: &Path) -> Result<Self, Error> {
        let [first, second] = addresses;
        Ok(Self([
            Forwarder::prepare(Az::One, first, program, parent)?,
            Forwarder::prepare(Az::Two, second, program, parent)?,
        ]))
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
    pub(super) fn get(&self, az: Az) -> &Forwarder {
        &self.0[az.index()]
    }

    /// The forwarder of a zone, to start or stop it.
    pub(super) fn get_mut(&mut self, az: Az) -> &mut Forwarder {
        &mut self.0[az.index()]
    }

    /// Those that run.
    pub(super) fn running(&mut self) -> Vec<Az> {
        self.0.iter_mut().filter_map(|forwarder| forwarder.is_running().then_some(forwarder.az)).collect()
    }

    /// Where both listen when they run, AZ 1 first.
    pub(super) fn addresses(&self) -> [SocketAddrV4; 2] {
        [self.0[0].address, self.0[1].address]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::place::STAND_IN;
    use super::*;

    /// A forwarder of another make with the same settings: what the demo does must not depend on whose it is.
    pub(in super::super) fn unbound() -> Program {
        Program {
            executable: PathBuf::from("/usr/sbin/unbound"),
            arguments: |file| vec!["-d".into(), "-c".into(), file.as_os_str().to_owned()],
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
    pub(in super::super) fn unbound_that_keeps_and_serves_all() -> Program {
        let configuration = |setting: &Setting<'_>| {
            let right = (unbound().configuration)(setting);
            right.replace("127.0.0.0/8 refuse", "127.0.0.0/8 allow\n cache-min-ttl: 60")
        };
        Program { configuration, ..unbound() }
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

    #[test]
    fn output_is_cut_to_its_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
