//! Statistics for commands and for HTTP, and the switch of the query log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::PoisonError;
use std::time::SystemTime;

use super::reply::{Code, Done, Failure, Reply};
use super::words::switch;
use super::{Context, Facts};
use crate::logging::{self, Category, Severity};
use crate::statistics::{self, Process, Statistics, ZoneLine};

/// Adds up what there is to know now.
pub fn gather(context: &Context) -> Statistics {
    let facts = context.facts.load();
    statistics::gather(&context.shared, process(&facts), SystemTime::now())
}

fn process(facts: &Facts) -> Process {
    let zones = facts.zones.iter().map(|origin| ZoneLine {
        view: origin.view.clone(),
        name: origin.zone.apex.to_string(),
        serial: origin.zone.load().as_ref().map(|zone| zone.serial()),
        loaded: origin.read,
    });
    Process { started: facts.started, configured: facts.read, zones: zones.collect() }
}

/// Appends all of them to `statistics-file`, as named does.
pub(super) fn stats(context: &Context, _: &[&str]) -> Reply {
    let path = context.facts.load().files.statistics.clone();
    let text = gather(context).to_text();
    let _one_at_a_time = context.writing.lock().unwrap_or_else(PoisonError::into_inner);
    match append(&path, &text) {
        Ok(()) => {
            logging::event!(Category::General, Severity::Info, "dumpstats complete");
            Ok(Done::default())
        }
        Err(error) => {
            logging::event!(Category::General, Severity::Error, "dumpstats failed: {error}");
            Err(format!("cannot write statistics-file '{}': {error}", path.display()).into())
        }
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

/// Whether queries are logged: as it is told, else the other way than until now.
pub(super) fn querylog(context: &Context, arguments: &[&str]) -> Reply {
    let queries = &context.shared.desks.query_log;
    let on = match arguments.first() {
        None => !queries.is_on(),
        Some(word) => {
            switch(word).ok_or_else(|| Failure::with(Code::Syntax, "expected: querylog [on|off]".to_owned()))?
        }
    };
    queries.switch(on);
    Ok(Done::default())
}
