//! Reports: text as Markdown, on standard output and in a file.

// Each benchmark compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What a benchmark has to say; each part is shown as soon as it is there.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
    /// File names and their contents.
    plots: Vec<(String, String)>,
    /// What was to be reached: what it is, what was measured, the target, whether it was met.
    targets: Vec<[String; 4]>,
}

impl Report {
    pub(crate) fn say(&mut self, text: &str) {
        let _ = writeln!(io::stdout(), "{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub(crate) fn table(&mut self, title: &str, head: &[&str], rows: &[Vec<String>]) {
        self.say(&format!("\n### {title}\n\n{}", markdown(head, rows)));
    }

    pub(crate) fn plot(&mut self, name: &str, svg: String) {
        self.say(&format!("\n![The same as a plot]({name})"));
        self.plots.push((name.to_owned(), svg));
    }

    /// Holds what was measured against its target; `None`: it could not be measured.
    pub(crate) fn judge(&mut self, what: &str, measured: String, target: &str, met: Option<bool>) {
        let met = met.map_or("not measured", |met| if met { "met" } else { "**not met**" });
        self.targets.push([what.to_owned(), measured, target.to_owned(), met.to_owned()]);
    }

    /// [`Self::judge`] of a number that is to be at most `limit`.
    pub(crate) fn judge_most(&mut self, what: &str, value: Option<f64>, limit: f64, unit: &str, digits: usize) {
        let measured = format!("{} {unit}", number(value, digits));
        let met = value.filter(|value| value.is_finite()).map(|value| value <= limit);
        self.judge(what, measured.trim_end().to_owned(), format!("≤ {limit} {unit}").trim_end(), met);
    }

    /// Tells every target, then writes the report and its plots to `target/bench` and, if wanted, to `docs/bench`.
    pub(crate) fn write(&mut self, name: &str, docs: bool) -> io::Result<()> {
        let targets: Vec<Vec<String>> = std::mem::take(&mut self.targets).into_iter().map(Vec::from).collect();
        if !targets.is_empty() {
            self.table("Targets", &["", "measured", "target", ""], &targets);
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new(".")).join("bench");
        let mut directories = vec![target];
        if docs {
            directories.push(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/bench"));
        }
        for directory in directories {
            fs::create_dir_all(&directory)?;
            fs::write(directory.join(format!("{name}.md")), &self.text)?;
            for (file, svg) in &self.plots {
                fs::write(directory.join(file), svg)?;
            }
            note(&format!("written to {}", directory.display()));
        }
        Ok(())
    }
}

/// A line that is not part of the report.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The first column is text, the others are numbers.
fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (column, (cell, width)) in cells.zip(&widths).enumerate() {
            let written =
                if column == 0 { write!(text, "| {cell:width$} ") } else { write!(text, "| {cell:>width$} ") };
            written.expect("a String takes text");
        }
        text.push_str("|\n");
    };
    line(&mut head.iter().copied());
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let rules: Vec<String> =
        rules.iter().enumerate().map(|(i, r)| if i == 0 { r.clone() } else { format!("{}:", &r[1..]) }).collect();
    line(&mut rules.iter().map(String::as_str));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// The middle one, or the mean of the two in the middle; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The value below which `share` (`0.0..=1.0`) of the ascending values lie.
pub(crate) fn percentile<T: Copy>(ascending: &[T], share: f64) -> Option<T> {
    let last = ascending.len().checked_sub(1)?;
    Some(ascending[((ascending.len() as f64 * share) as usize).min(last)])
}

/// A number, or a dash.
pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

/// The machine, in a line.
pub(crate) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("\t: processor of no name");
    let model = model.trim_start_matches(|c: char| c.is_whitespace() || c == ':');
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let busy = read("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned();
    format!(
        "{model}, {count} cores, Linux {}, load average {busy} at the start",
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// The command that makes this report.
pub(crate) fn command(bench: &str) -> String {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let rest = if arguments.is_empty() { String::new() } else { format!(" -- {}", arguments.join(" ")) };
    format!("cargo bench --bench {bench}{rest}")
}
