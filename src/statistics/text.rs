//! The statistics as text: what `rndc stats` appends to `statistics-file`.

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use super::{Statistics, ViewLine, qtypes, tables};
use crate::config::DEFAULT_VIEW;

impl Statistics {
    /// Writes all of them, without those that are zero.
    pub fn to_text(&self) -> String {
        let seconds = self.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut out = format!("+++ Statistics Dump +++ ({seconds})\n");
        section(&mut out, "Incoming Requests", tables::opcodes(&self.sums));
        section(&mut out, "Incoming Queries", qtypes(&self.sums.qtypes));
        section(&mut out, "Outgoing Rcodes", tables::rcodes(&self.sums));
        title(&mut out, "Outgoing Queries");
        self.by_view(&mut out, |view| qtypes(&view.sums.qtypes).collect());
        let rows = |rows: &'static [tables::Row]| rows.iter().map(|row| (row.phrase, (row.value)(self)));
        section(&mut out, "Name Server Statistics", rows(tables::NSSTAT));
        section(&mut out, "Zone Maintenance Statistics", rows(tables::ZONESTAT));
        title(&mut out, "Resolver Statistics");
        // What is no view's: nothing.
        out.push_str("[Common]\n");
        self.by_view(&mut out, |view| {
            tables::resolver(&view.sums).map(|(_, phrase, count)| (phrase.to_owned(), count)).collect()
        });
        title(&mut out, "Cache Statistics");
        for view in &self.views {
            head_of_cache(&mut out, view);
            // named tells zeros of these.
            for (_, phrase, count) in self.cachestats(view) {
                line(&mut out, phrase, count);
            }
        }
        title(&mut out, "Cache DB RRsets");
        for view in &self.views {
            head_of_cache(&mut out, view);
            lines(&mut out, view.kept.iter().map(|(name, count)| (name, *count)));
        }
        section(&mut out, "Socket I/O Statistics", tables::sockets(self).map(|(_, phrase, count)| (phrase, count)));
        title(&mut out, "Per Zone Query Statistics");
        for zone in self.facts.zones.iter() {
            let Some(counted) = self.counted(zone) else { continue };
            let apex = &zone.zone.apex;
            let _ = match zone.view == DEFAULT_VIEW {
                true => writeln!(out, "[{apex}]"),
                false => writeln!(out, "[{apex} (view: {})]", zone.view),
            };
            lines(&mut out, counted.rows().map(|(_, phrase, count)| (phrase, count)));
        }
        let _ = writeln!(out, "--- Statistics Dump --- ({seconds})");
        out
    }

    fn by_view(&self, out: &mut String, rows: impl Fn(&ViewLine) -> Vec<(String, u64)>) {
        for view in &self.views {
            let _ = writeln!(out, "[View: {}]", shown(view));
            lines(out, rows(view));
        }
    }
}

fn title(out: &mut String, name: &str) {
    let _ = writeln!(out, "++ {name} ++");
}

fn section<N: AsRef<str>>(out: &mut String, name: &str, rows: impl IntoIterator<Item = (N, u64)>) {
    title(out, name);
    lines(out, rows);
}

fn lines<N: AsRef<str>>(out: &mut String, rows: impl IntoIterator<Item = (N, u64)>) {
    rows.into_iter().filter(|(_, count)| *count > 0).for_each(|(name, count)| line(out, name.as_ref(), count));
}

fn line(out: &mut String, phrase: &str, count: u64) {
    let _ = writeln!(out, "{count:>20} {phrase}");
}

/// Whose cache it is: named tells where it is not the only one.
fn head_of_cache(out: &mut String, view: &ViewLine) {
    let _ = match view.name == DEFAULT_VIEW {
        true => writeln!(out, "[View: default]"),
        false => writeln!(out, "[View: {0} (Cache: {0})]", view.name),
    };
}

fn shown(view: &ViewLine) -> &str {
    if view.name == DEFAULT_VIEW { "default" } else { &view.name }
}
