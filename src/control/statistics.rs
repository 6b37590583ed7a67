//! Statistics for commands, and the switch of the query log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::PoisonError;
use std::time::SystemTime;

use super::words::switch;
use crate::logging::{self, Category, Severity};
use crate::office::Office;
use crate::office::reply::{Code, Done, Failure, Reply};
use crate::statistics::gather;

/// Appends all of them to `statistics-file`, as named does.
pub(super) fn stats(office: &Office, _: &[&str]) -> Reply {
    let path = office.facts.load().files.statistics.clone();
    let text = gather(office, SystemTime::now()).to_text();
    let _one_at_a_time = office.writing.lock().unwrap_or_else(PoisonError::into_inner);
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
pub(super) fn querylog(office: &Office, arguments: &[&str]) -> Reply {
    let queries = &office.shared.desks.query_log;
    let on = match arguments.first() {
        None => !queries.is_on(),
        Some(word) => {
            switch(word).ok_or_else(|| Failure::with(Code::Syntax, "expected: querylog [on|off]".to_owned()))?
        }
    };
    queries.switch(on);
    Ok(Done::default())
}
