//! Statistics for commands, and the switch of the query log.

use std::path::Path;
use std::time::SystemTime;

use super::words::switch;
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Code, Done, Failure, Reply};
use crate::office::{Office, files};
use crate::statistics::gather;

/// Appends all of them to `statistics-file`, as named does.
pub(super) fn stats(office: &Office, _: &[&str]) -> Reply {
    let path = office.facts.load().files.statistics.clone();
    let text = gather(office, SystemTime::now()).to_text();
    let write = move |path: &Path| files::append(path, text.as_bytes());
    office.files.write(&path, write, |written| match written {
        Ok(()) => logging::event!(Category::General, Severity::Info, "dumpstats complete"),
        Err(why) => logging::event!(Category::General, Severity::Error, "dumpstats failed: {why}"),
    })
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
