//! Commands about health checks: what they count as and why, and overriding them.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::commands::lines;
use crate::config::suggest;
use crate::health::overrides::{MAX_REASON_OCTETS, Utc};
use crate::health::{Override, Row};
use crate::office::Office;
use crate::office::overrides::Kept;
use crate::office::reply::{Done, Reply};

/// An override may last so long, in seconds: ten years.
const MAX_SECONDS: u64 = 315_360_000;

/// One line a check, in the configuration's order.
pub(super) fn list(office: &Office, _: &[&str]) -> Reply {
    let rows = office.overrides.table().report();
    if rows.is_empty() {
        return Ok(Done {
            text: "the configuration has no [[health_check]]\n".to_owned(),
            json: Some(json!([])),
            ..Done::default()
        });
    }
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max("NAME".len());
    let mut text = format!("{:<width$}  {:<9}  {:<20}  REASON\n", "NAME", "STATE", "SINCE");
    for row in &rows {
        let (state, since) = (state(row), Utc::from(row.since));
        let _ = writeln!(text, "{:<width$}  {state:<9}  {since:<20}  {}", row.name, reason(row));
    }
    Ok(Done { text, json: Some(rows.iter().map(object).collect::<Vec<_>>().into()), ..Done::default() })
}

fn object(row: &Row) -> serde_json::Value {
    json!({
        "name": row.name,
        "type": row.type_word,
        "target": row.target,
        "state": state(row),
        "since": Utc::from(row.since).to_string(),
        "reason": reason(row),
        "override": row.over.as_ref().map(ToString::to_string),
        "inverted": row.inverted,
        "disabled": row.disabled,
    })
}

fn state(row: &Row) -> &'static str {
    if row.healthy { "healthy" } else { "unhealthy" }
}

/// Why it counts as what it does; under an override also what its last probe found.
fn reason(row: &Row) -> String {
    match (&row.over, &row.last) {
        (Some(over), Some(last)) => format!("{over} (last probe: {})", last.outcome),
        (Some(over), None) => over.to_string(),
        _ => row.reason.clone(),
    }
}

/// Everything about one check.
pub(super) fn show(office: &Office, arguments: &[&str]) -> Reply {
    let row = find(office, arguments[0])?;
    let now = SystemTime::now();
    let mut all = vec![
        ("name", row.name.clone()),
        ("type", row.type_word.to_owned()),
        ("looks at", row.target.clone()),
        ("state", state(&row).to_owned()),
        ("since", format!("{} ({} ago)", Utc::from(row.since), ago(row.since, now))),
        ("reason", row.reason.clone()),
    ];
    if row.type_word != "CALCULATED" {
        let last = |last: &crate::health::Last| format!("{} ago: {}", ago(last.at, now), last.outcome);
        all.push(("last probe", row.last.as_ref().map_or("none yet".to_owned(), last)));
        let (failure, success) = (row.thresholds.failure, row.thresholds.success);
        all.push(("turns after", format!("{failure} failed in a row, {success} passed in a row")));
        if row.streak > 0 {
            all.push(("now in a row", format!("{} that say the opposite", row.streak)));
        }
    }
    for (is_set, word) in [(row.inverted, "inverted"), (row.disabled, "disabled")] {
        all.extend(is_set.then(|| (word, "yes".to_owned())));
    }
    all.push(("override", row.over.as_ref().map_or("none".to_owned(), ToString::to_string)));
    Ok(Done { json: Some(object(&row)), ..lines(&all, 13) })
}

/// Lets a check count as healthy.
pub(super) fn up(office: &Office, arguments: &[&str]) -> Reply {
    put(office, arguments, true)
}

/// Lets a check count as unhealthy.
pub(super) fn down(office: &Office, arguments: &[&str]) -> Reply {
    put(office, arguments, false)
}

/// Lets a check count as what its probes say.
pub(super) fn clear(office: &Office, arguments: &[&str]) -> Reply {
    let row = find(office, arguments[0])?;
    if row.over.is_none() {
        return Ok(format!("{}: there is no override; {}: {}\n", row.name, state(&row), row.reason).into());
    }
    set(office, &row.name, None)
}

fn put(office: &Office, arguments: &[&str], healthy: bool) -> Reply {
    let name = find(office, arguments[0])?.name;
    let expires = match arguments.get(1) {
        None | Some(&"-") => None,
        Some(text) => {
            let seconds = text.parse::<u64>().ok().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
            let seconds = seconds.ok_or_else(|| format!("'{text}': expected seconds, 1 to {MAX_SECONDS}, or '-'"))?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            // Up: it lasts no shorter than it was said.
            Some(now.as_secs() + seconds + u64::from(now.subsec_nanos() > 0))
        }
    };
    let reason = (*arguments.get(2).unwrap_or(&"")).to_owned();
    if reason.len() > MAX_REASON_OCTETS {
        return Err(format!("the reason has {} octets, {MAX_REASON_OCTETS} are possible", reason.len()).into());
    }
    set(office, &name, Some(Override { healthy, reason, expires }))
}

/// Sets it, and tells what followed.
fn set(office: &Office, name: &str, to: Option<Override>) -> Reply {
    let over = to.clone();
    let set = office.overrides.set(name, to, SystemTime::now());
    let (changes, kept) = set.map_err(|_| format!("no health check is called '{name}' any more"))?;
    let mut text = String::new();
    // A change has the override for its reason.
    if changes.iter().all(|change| change.name != name) {
        let word = over.as_ref().map_or("override taken back".to_owned(), ToString::to_string);
        let state = find(office, name).map_or("", |row| state(&row));
        let _ = writeln!(text, "{name}: {word}; {state} as before");
    }
    for change in &changes {
        let _ = writeln!(text, "{change}");
    }
    match kept {
        Kept::Yes => Ok(text.into()),
        Kept::Nowhere if over.is_none() => Ok(text.into()),
        Kept::Nowhere => Ok((text + "a restart forgets it: no state_directory is set in [options]\n").into()),
        Kept::Failed(error) => {
            let what = "it counts now, but a restart goes back to what was before: state_directory cannot be written";
            Err(format!("{text}{what}: {error}\n").into())
        }
    }
}

fn find(office: &Office, name: &str) -> Result<Row, String> {
    let table = office.overrides.table();
    if let Some(entry) = table.find(name) {
        return Ok(entry.row());
    }
    let rows = table.report();
    let near = suggest::did_you_mean(name, rows.iter().map(|row| &*row.name));
    let advice = near.unwrap_or_else(|| match rows.len() {
        0 => "the configuration has no [[health_check]]".to_owned(),
        _ => "'health' lists them".to_owned(),
    });
    Err(format!("no health check is called '{name}' ({advice})"))
}

/// `3 s`, `5 min 3 s`, `2 h 5 min`, `4 d 2 h`
pub(super) fn ago(from: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(from).unwrap_or_default().as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_told_in_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d 0 h"),
            (86_400 * 400 + 7200, "400 d 2 h"),
        ] {
            assert_eq!(ago(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        assert_eq!(ago(UNIX_EPOCH + Duration::from_secs(9), UNIX_EPOCH), "0 s", "a clock that was set back");
    }
}
