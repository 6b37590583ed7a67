//! `recursing`: writing the questions that wait for an upstream into `recursing-file`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::answer::desk::Waits;
use crate::logging::{self, Category, Severity};
use crate::office::reply::Reply;
use crate::office::{Office, Order, files};
use crate::wire::mnemonic::{class_name, type_name};

/// How long the workers may take to say who waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// As named writes it.
pub(super) fn recursing(office: &Office, _: &[&str]) -> Reply {
    let (sender, told) = mpsc::channel();
    office.orders.ask(Order::Recursing(sender))?;
    let until = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    let mut missing = office.shared.mailboxes.len();
    while let Ok(some) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        all.extend(some);
        missing -= 1;
    }
    if missing > 0 {
        return Err(format!("{missing} workers did not say in time who waits").into());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let facts = office.facts.load();
    let write = move |path: &Path| {
        files::replace(path, |out| {
            writeln!(out, ";\n; Recursing Queries\n;")?;
            all.iter().try_for_each(|waits| line(waits, now, out))?;
            writeln!(out, "; Dump complete")
        })
    };
    office.files.write(&facts.files.recursing, write, |written| match written {
        Ok(()) => logging::event!(Category::General, Severity::Info, "dumprecursing complete"),
        Err(why) => logging::event!(Category::General, Severity::Error, "dumprecursing failed: {why}"),
    })
}

fn line(waits: &Waits, now: u64, out: &mut impl Write) -> io::Result<()> {
    let Waits { client, view, id, qname, qtype, qclass, seconds } = waits;
    let view = if view == crate::config::DEFAULT_VIEW { String::new() } else { format!(" view {view}:") };
    let (client, began) = (crate::doors::shown(*client), now.saturating_sub(*seconds));
    let question = format!("'{qname}/{}/{}'", type_name(*qtype), class_name(*qclass));
    writeln!(out, "; client {client}:{view} id {id} {question} requesttime {began}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_nameds() {
        let waits = Waits {
            client: "127.0.0.1:60651".parse().expect("an address"),
            view: "internal".to_owned(),
            id: 46_399,
            qname: "slow.example.org".parse().expect("a name"),
            qtype: 1,
            qclass: 1,
            seconds: 3,
        };
        let mut out = Vec::new();
        line(&waits, 1_795_287_806, &mut out).expect("memory");
        let expected =
            "; client 127.0.0.1#60651: view internal: id 46399 'slow.example.org/A/IN' requesttime 1795287803\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
