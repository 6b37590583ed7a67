//! Running `tandem serve`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;

use super::packet::{Question, exchange_udp};
use super::{Process, wait_until};

/// How long a start may take on a loaded machine.
const START: Duration = Duration::from_secs(15);

/// A running server with its directory.
pub(crate) struct Tandem {
    process: Process,
    directory: TempDir,
    file: PathBuf,
}

impl Tandem {
    /// Starts the server on `text`, a named.conf or TOML. Returns once it answers on `address`. In `text`,
    /// `{directory}` becomes the server's temporary directory.
    pub(crate) fn start(address: SocketAddr, text: &str) -> Tandem {
        Tandem::start_while(address, text, |_| {})
    }

    /// The same, with something done as soon as the process is there.
    pub(crate) fn start_while(address: SocketAddr, text: &str, meanwhile: impl FnOnce(&Tandem)) -> Tandem {
        let mut tandem = Tandem::launch(text, &[]);
        meanwhile(&tandem);
        tandem.await_answer(address);
        tandem
    }

    /// The same, with files in its directory: their names and texts.
    pub(crate) fn start_with_files(address: SocketAddr, text: &str, files: &[(&str, &str)]) -> Tandem {
        let mut tandem = Tandem::launch(text, files);
        tandem.await_answer(address);
        tandem
    }

    /// The same, by a shell that runs `script` before, in a mount namespace of its own; `{directory}` is the server's there,
    /// too. [`Tandem::inside`] leads to what it mounts.
    pub(crate) fn start_behind(script: &str, address: SocketAddr, text: &str) -> Tandem {
        let (directory, file) = lay_out(text, &[]);
        let script = script.replace("{directory}", &directory.path().to_string_lossy()) + "\nexec \"$0\" \"$@\"";
        let server = serve(&file);
        let mut shell = Command::new("unshare");
        // Who is not root is root in a user namespace.
        shell.args(if nix::unistd::geteuid().is_root() { &["-m"][..] } else { &["-r", "-m"] });
        shell.args(["sh", "-e", "-c", &script]).arg(server.get_program()).args(server.get_args());
        let mut tandem = Tandem { process: spawn(shell, directory.path()), directory, file };
        tandem.await_answer(address);
        tandem
    }

    /// Ends it as a crash would (SIGKILL), and starts it again in its directory, with its configuration as it is by now.
    pub(crate) fn crash_and_restart(&mut self, address: SocketAddr) {
        self.crash();
        self.process = spawn(serve(&self.file), self.directory.path());
        self.await_answer(address);
    }

    /// SIGKILL, unless it has ended.
    pub(crate) fn crash(&mut self) {
        if self.process.ended().is_none() {
            self.process.signal(Signal::SIGKILL);
        }
        assert!(wait_until(START, || self.process.ended().is_some()), "nothing survives SIGKILL");
    }

    fn await_answer(&mut self, address: SocketAddr) {
        let query = Question::new("version.bind", "TXT").class(3).octets();
        let ready = wait_until(START, || {
            self.process.ended().is_some() || exchange_udp(address, &query, Duration::from_millis(200)).is_some()
        });
        assert!(
            ready && self.process.ended().is_none(),
            "the server does not answer on {address}; it said:\n{}\nof:\n{}",
            self.said(),
            fs::read_to_string(&self.file).unwrap_or_default()
        );
    }

    /// Runs the server on a `text` with which it must end by itself: how it ended and what it said.
    pub(crate) fn start_failing(text: &str) -> (ExitStatus, String) {
        let mut tandem = Tandem::launch(text, &[]);
        wait_until(START, || tandem.process.ended().is_some());
        let status = tandem.process.ended().unwrap_or_else(|| panic!("the server runs on:\n{text}"));
        (status, tandem.said())
    }

    fn launch(text: &str, files: &[(&str, &str)]) -> Tandem {
        let (directory, file) = lay_out(text, files);
        Tandem { process: spawn(serve(&file), directory.path()), directory, file }
    }

    /// Everything that it wrote to stdout and stderr so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("said")).unwrap_or_default()
    }

    /// Asserts that it says something, and waits for it: its log is written behind what it tells of.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let told = wait_until(START, || self.said().contains(text));
        assert!(told, "{text:?} is missing in:\n{}", self.said());
    }

    /// The text of a file in its directory, such as a log channel's; empty while there is none.
    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// Where a file of its directory is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same, as the server sees it whose shell has mounted something ([`Tandem::start_behind`]).
    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.pid(), self.path(name).display()))
    }

    /// Writes another configuration; [`Tandem::hang_up`] makes it count.
    pub(crate) fn rewrite(&self, text: &str) {
        write_configuration(&self.file, self.directory.path(), text);
    }

    /// Writes a file of its directory.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file can be written");
    }

    /// Waits until it has said so many times that a reload succeeded; false if it does not.
    pub(crate) fn reloads(&self, times: usize) -> bool {
        wait_until(START, || self.said().matches("reloading configuration succeeded").count() >= times)
    }

    /// SIGHUP: reload.
    pub(crate) fn hang_up(&self) {
        self.process.signal(Signal::SIGHUP);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Whether it has a handler for this signal.
    pub(crate) fn catches(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
        u64::from_str_radix(caught.trim(), 16).unwrap_or(0) & 1 << (signal as u32 - 1) != 0
    }

    /// How much memory it has, in octets.
    pub(crate) fn resident_octets(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the process lives");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn tell_to_stop(&self) {
        self.process.signal(Signal::SIGTERM);
    }

    /// SIGTERM: how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let ended = self.process.terminate(Duration::from_secs(10));
        ended.unwrap_or_else(|| panic!("the server does not stop on SIGTERM; it said:\n{}", self.said()))
    }
}

/// A named.conf that listens on one address, answers everyone and asks one forwarder; `options` stand among its options.
pub(crate) fn named_conf(listen: SocketAddr, forwarder: SocketAddr, options: &str) -> String {
    let on = format!("port {} {{ {}; }}", listen.port(), listen.ip());
    let (v4, v6) = if listen.is_ipv4() { (on.as_str(), "{ none; }") } else { ("{ none; }", on.as_str()) };
    format!(
        "options {{\n directory \"{{directory}}\";\n pid-file \"{{directory}}/pid\";\n listen-on {v4};\n listen-on-v6 {v6};\n \
         allow-query {{ any; }};\n forwarders {{ {} port {}; }};\n forward only;\n dnssec-validation no;\n {options}\n}};\n",
        forwarder.ip(),
        forwarder.port()
    )
}

/// A directory with a configuration and other files.
fn lay_out(text: &str, files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("tandem.conf");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("a file can be written");
    }
    write_configuration(&file, directory.path(), text);
    (directory, file)
}

/// Its output goes behind what was said before.
fn spawn(mut command: Command, directory: &Path) -> Process {
    let output = fs::OpenOptions::new().create(true).append(true).open(directory.join("said"));
    let output = output.expect("a file for the output can be made");
    let child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file handle can be doubled"))
        .stderr(output)
        .spawn();
    Process::new(child.expect("the server can be started"))
}

fn write_configuration(file: &Path, directory: &Path, text: &str) {
    let mut text = text.replace("{directory}", &directory.to_string_lossy());
    // Without the statement each would listen on 127.0.0.1 port 953, if the machine has rndc's key file.
    let is_named_conf = ["options {", "zone ", "view ", "include "].iter().any(|word| text.contains(word));
    if is_named_conf && !text.contains("controls {") && !text.contains("[[") && !text.contains("[options]") {
        text += "\ncontrols { };\n";
    }
    fs::write(file, text).expect("a configuration can be written");
}

/// `tandem serve -c FILE`; or, to compare, the command in `TANDEM_TEST_SERVER` (such as `named -g -c`) and FILE.
fn serve(file: &Path) -> Command {
    let other = std::env::var("TANDEM_TEST_SERVER").unwrap_or_default();
    let mut words = other.split_whitespace();
    let mut command = match words.next() {
        Some(program) => Command::new(program),
        None => Command::new(env!("CARGO_BIN_EXE_tandem")),
    };
    if other.is_empty() {
        command.args(["serve", "-c"]);
    }
    command.args(words).arg(file);
    command
}
