//! `tandem demo failover`: a name with three servers behind it, as `conf/failover.toml` has it.
//!
//! Three tiny HTTP servers ([`site`]), the server as a process with that very file ([`settings`]), a client that asks
//! every 10 ms ([`watch`]) and what it saw ([`track`]). A person kills and starts servers by a prompt or from a second
//! terminal ([`prompt`]); `--once` plays it ([`story`]) and checks that the name followed.
//! Everything stands on loopback addresses ([`place`]); nothing is left behind.

mod place;
mod prompt;
mod settings;
mod site;
mod story;
mod track;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch::Receiver;

use super::place::Directory;
use super::server::{Program, Server};
use super::{Error, Output, lines};
use place::Place;
use site::Site;
use track::{Act, Deed, Track};
use watch::Watch;

/// How long `--once` may take in all, from start to the last check.
const WATCHDOG: Duration = Duration::from_secs(90);

/// Sends a line to the demo whose server has this port.
pub(super) async fn send(port: u16, line: &str, output: &Output) -> Result<ExitCode, Error> {
    if let Err(fault) = prompt::check(line) {
        output.line(fault);
        return Ok(ExitCode::FAILURE);
    }
    lines::send(place::control(port), line, output).await
}

/// `--once`: the story with its check, bounded by [`WATCHDOG`].
pub(super) async fn once(port: u16, program: &Program, output: &Output) -> Result<ExitCode, Error> {
    let told = tokio::time::timeout(WATCHDOG, async {
        let (mut demo, _control) = Demo::start(port, program, output).await?;
        output.line("\nThe story now plays itself, in some 20 s.");
        let followed = story::tell(&mut demo, output).await?;
        demo.server.stop().await;
        Ok(followed)
    });
    let followed = match told.await {
        Ok(outcome) => outcome?,
        Err(_) => {
            output.line(format!("\nFAILED the story is not at its end after {} s", WATCHDOG.as_secs()));
            false
        }
    };
    Ok(if followed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The prompt, until `quit`.
pub(super) async fn converse(port: u16, program: &Program, output: &Output) -> Result<ExitCode, Error> {
    let (mut demo, control) = Demo::start(port, program, output).await?;
    prompt::converse(&mut demo, control, output).await;
    demo.server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Everything that runs.
struct Demo {
    watch: Watch,
    server: Server,
    sites: [Site; 3],
    // Behind the server: it goes when that, which writes into it, is gone.
    _directory: Directory,
}

impl Demo {
    /// Starts all parts and says where they are; also the socket of the control line.
    async fn start(port: u16, program: &Program, output: &Output) -> Result<(Self, TcpListener), Error> {
        let place = Place::find(port)?;
        for (what, wanted, taken) in
            [("the DNS server", port, place.server.port()), ("every HTTP server", place::HTTP_PORT, place.http_port)]
        {
            if wanted != taken {
                output.line(format!("port {wanted} is in use; {what} takes {taken} instead"));
            }
        }
        let [first, second, third] = place::SERVERS;
        let sites = [
            Site::start(1, first, place.http_port).await?,
            Site::start(2, second, place.http_port).await?,
            Site::start(3, third, place.http_port).await?,
        ];
        let (text, replaced) = settings::configuration(&place);
        let control =
            TcpListener::from_std(place.control).map_err(|fault| Error::Socket { what: "the control line", fault })?;
        let directory = Directory::create()?;
        let file = ("failover.toml", text.as_str());
        let mut server = Server::prepare("the server".to_owned(), place.server, program, directory.path(), file)?;
        server.start().await?;
        let demo = Self { watch: Watch::start(place.server), server, sites, _directory: directory };
        demo.say_what_runs_where(&replaced, output);
        Ok((demo, control))
    }

    fn say_what_runs_where(&self, replaced: &[String], output: &Output) {
        output.line("A name with three servers behind it, on loopback addresses:");
        let row = |what: &str, place: String| output.line(format!("  {what:<32}{place}"));
        let pid = self.server.pid().map_or("none".to_owned(), |pid| pid.to_string());
        let (address, file) = (self.server.address, self.server.configuration.display());
        row("the DNS server", format!("{} port {}, PID {pid}, {file}", address.ip(), address.port()));
        output.line("  its configuration is conf/failover.toml with");
        replaced.iter().for_each(|line| output.line(format!("    {line}")));
        for site in &self.sites {
            row(&format!("HTTP server {}", site.number), format!("http://{}/", site.address));
        }
        let pace = watch::PACE.as_millis();
        row("a client", format!("{} every {pace} ms", place::NAME));
    }

    /// Does something to a server, `1..=3`; a time line follows what comes of it.
    async fn act(&mut self, act: Act, server: usize) -> Result<Deed, Error> {
        let site = &mut self.sites[server - 1];
        match act {
            Act::Kill => site.kill().await,
            Act::Freeze => site.freeze().await,
            Act::Start => {
                let what = "a server that is to be started again";
                site.raise().await.map_err(|fault| Error::Socket { what, fault })?;
            }
        }
        Ok(self.watch.done(act, server))
    }
}

/// Tells each move of the name from the run behind `told` on, for ever.
async fn narrate(mut track: Receiver<Track>, mut tell: impl FnMut(String)) {
    let mut told = 1;
    loop {
        let Ok(seen) = track.wait_for(|track| track.runs() > told).await else { return };
        let text = seen.tell(told);
        drop(seen);
        told += 1;
        text.into_iter().for_each(&mut tell);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{collect, runtime, said};
    use super::*;
    use std::path::PathBuf;

    /// A server that says for ever that the first server is well.
    fn one_that_never_moves() -> Program {
        const SCRIPT: &str = r#"
            port=$(sed -n 's/^listen = \["127.0.0.1:\([0-9]*\)"\]$/\1/p' "$1")
            printf '%s\n' 'server:' " interface: 127.0.0.1@$port" ' do-daemonize: no' ' username: ""' ' chroot: ""' \
                ' pidfile: ""' ' use-syslog: no' ' access-control: 127.0.0.0/8 allow' ' num-threads: 1' \
                ' local-data: "resilient-site.techotom.com. 10 A 127.0.0.11"' \
                'remote-control:' ' control-enable: no' >"$1.conf"
            exec /usr/sbin/unbound -d -c "$1.conf""#;
        let arguments = |file: &std::path::Path| vec!["-c".into(), SCRIPT.into(), "sh".into(), file.into()];
        Program { executable: PathBuf::from("/bin/sh"), arguments }
    }

    #[test]
    fn a_name_that_does_not_follow_fails_with_a_sentence() {
        let (output, texts) = collect();
        let code = runtime().unwrap().block_on(once(7400, &one_that_never_moves(), &output)).unwrap();
        let text = said(texts);
        let sentence = "\nFAILED the name is not 127.0.0.12 (server 2) within 5.1 s after server 1 was killed: it is \
                        127.0.0.11 (server 1)\n";
        assert!(text.contains(sentence), "{text}");
        assert_eq!(code, ExitCode::FAILURE);
    }
}
