//! The report of a run: what criterion has found, as a table, as a plot, and held against the targets.
//!
//! criterion reads the arguments by itself and knows none of ours, so the benchmarks run in a child.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use super::{plot, table};

/// In the environment of the child.
const CHILD: &str = "TANDEM_BENCH_CHILD";

/// A benchmark that has run.
struct Found {
    /// `group/case`
    name: String,
    /// Of one iteration: the median, in nanoseconds.
    ns: f64,
}

/// Runs the benchmarks in a child, then reports.
pub(super) fn main(benches: impl FnOnce()) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--docs").collect();
    if std::env::var_os(CHILD).is_some() || !arguments.iter().any(|word| word == "--bench") {
        benches();
        return ExitCode::SUCCESS;
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new(".")).join("criterion");
    let began = SystemTime::now();
    let run =
        |program: PathBuf| Command::new(program).args(&arguments).env(CHILD, "1").env("CRITERION_HOME", &home).status();
    match std::env::current_exe().and_then(run) {
        Ok(status) if status.success() => {}
        other => {
            table::note(&format!("micro: {other:?}"));
            return ExitCode::FAILURE;
        }
    }
    let mut found = Vec::new();
    collect(&home, began, &mut found);
    found.sort_by(|one, other| one.name.cmp(&other.name));
    match tell(&found) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::note(&format!("micro: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Every estimate below a directory that is not older than the run.
fn collect(directory: &Path, began: SystemTime, found: &mut Vec<Found>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let estimates = path.join("new/estimates.json");
        let is_new = fs::metadata(&estimates).and_then(|data| data.modified()).is_ok_and(|time| time >= began);
        let read = |file: &Path| fs::read_to_string(file).unwrap_or_default();
        if is_new
            && let Some(name) = after(&read(&path.join("new/benchmark.json")), "\"full_id\":\"", '"')
            && let Some(median) = read(&estimates).split_once("\"median\"").map(|(_, rest)| rest.to_owned())
            && let Some(ns) = after(&median, "\"point_estimate\":", ',').and_then(|number| number.parse().ok())
        {
            found.push(Found { name, ns });
        }
        collect(&path, began, found);
    }
}

/// What stands in a JSON text between a key and the next `end`.
fn after(text: &str, key: &str, end: char) -> Option<String> {
    let (_, rest) = text.split_once(key)?;
    Some(rest.split(end).next()?.to_owned())
}

fn tell(found: &[Found]) -> std::io::Result<()> {
    let mut report = table::Report::default();
    report.say(&format!("## Single steps\n\n    {}\n", table::command("micro")));
    report.say(&format!("{}. Medians; `together` is for 16 queries.", table::machine()));
    let rows: Vec<Vec<String>> = found.iter().map(|one| vec![one.name.clone(), format!("{:.1}", one.ns)]).collect();
    report.table("Time of a step", &["", "ns"], &rows);
    let mut groups: Vec<(String, Vec<(String, f64)>)> = Vec::new();
    for Found { name, ns } in found {
        let (group, case) = name.split_once('/').unwrap_or(("", name));
        match groups.last_mut().filter(|(last, _)| last == group) {
            Some((_, bars)) => bars.push((case.to_owned(), *ns)),
            None => groups.push((group.to_owned(), vec![(case.to_owned(), *ns)])),
        }
    }
    report.plot("micro.svg", plot::bars(&groups, "ns"));
    // What grows with zones and answers is judged by `forwarding`, as a share of a whole answer.
    let ns = |name: &str| found.iter().find(|one| one.name == name).map(|one| one.ns);
    if let Some((apart, together)) = ns("threads/apart").zip(ns("threads/together")) {
        // Two cores serve at least 1.8 times as much as one.
        let (ratio, limit) = (together / apart, 2.0 / 1.8);
        let measured = format!("{apart:.0} ns, {together:.0} ns: {ratio:.2} x");
        let what = "a hit while another core does the same, in caches of their own and in one";
        report.judge(what, measured, &format!("≤ {limit:.2} x"), Some(ratio <= limit));
    }
    report.write("micro", std::env::args().any(|word| word == "--docs"))
}
