//! Running BIND's named: as an authority whose zones may be updated, or by any named.conf.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::packet::{Message, Question, exchange_udp};
use super::{Process, fresh_localhost_address, program, wait_until};

/// A running named.
pub(crate) struct Named {
    process: Process,
    directory: TempDir,
    address: SocketAddr,
}

impl Named {
    /// Serves a zone, given as text, on a port of its own; `statements` stand at the top level of its named.conf,
    /// `zone_statements` in the zone.
    pub(crate) fn start(zone: &str, text: &str, statements: &str, zone_statements: &str) -> Named {
        let (directory, address) =
            (tempfile::tempdir().expect("a temporary directory can be made"), fresh_localhost_address());
        let at = directory.path();
        fs::write(at.join("zone"), text).expect("a zone file can be written");
        let conf = format!(
            "options {{ directory \"{}\"; pid-file none; session-keyfile none; recursion no; notify no;
  listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; dnssec-validation no; allow-transfer {{ any; }}; }};
controls {{ }};
{statements}
zone \"{zone}\" {{ type primary; file \"zone\"; check-names ignore; check-mx ignore; check-integrity no; {zone_statements} }};\n",
            at.display(),
            address.port(),
            address.ip()
        );
        let query = Question::new(zone, "SOA").octets();
        Named::launch("-g", directory, address, &conf, &query, |answer| answer.counts[1] == 1)
    }

    /// Serves by a named.conf that has it listen on `address`, 127.0.0.1 with a port of its own. In `conf`, `{directory}`
    /// becomes its temporary directory, where `files` are. Returns once it answers anything.
    pub(crate) fn serve(address: SocketAddr, conf: &str, files: &[(&str, &str)]) -> Named {
        Named::serve_as("-g", address, conf, files)
    }

    /// The same, and what it logs goes where `logging` says.
    pub(crate) fn serve_logging(address: SocketAddr, conf: &str, files: &[(&str, &str)]) -> Named {
        Named::serve_as("-f", address, conf, files)
    }

    fn serve_as(mode: &str, address: SocketAddr, conf: &str, files: &[(&str, &str)]) -> Named {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        for (name, text) in files {
            fs::write(directory.path().join(name), text).expect("a file can be written");
        }
        let conf = conf.replace("{directory}", &directory.path().to_string_lossy());
        let query = Question::new("version.bind", "TXT").class(3).octets();
        Named::launch(mode, directory, address, &conf, &query, |_| true)
    }

    fn launch(
        mode: &str,
        directory: TempDir,
        address: SocketAddr,
        conf: &str,
        query: &[u8],
        is_ready: impl Fn(&Message) -> bool,
    ) -> Named {
        let at = directory.path();
        let configuration = at.join("named.conf");
        fs::write(&configuration, conf).expect("named.conf can be written");
        let log = fs::File::create(at.join("log")).expect("a log can be made");
        let child = Command::new(program("named", "bind9"))
            .args([mode, "-n", "1", "-c"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be doubled"))
            .stderr(log)
            .spawn()
            .expect("named can be started");
        let mut named = Named { process: Process::new(child), directory, address };
        let ready = wait_until(Duration::from_secs(20), || {
            let answer = exchange_udp(address, query, Duration::from_millis(500));
            named.process.ended().is_some() || answer.is_some_and(|answer| is_ready(&answer))
        });
        assert!(ready && named.process.ended().is_none(), "named does not answer on {address}: {}", named.log());
        named
    }

    /// Where it listens by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a file of its directory is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The text of a file in its directory; empty while there is none.
    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}
