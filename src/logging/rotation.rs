//! Giving a full log file an older name, and older ones up: `versions` and `suffix`.
//!
//! With `suffix increment` f.0 is the youngest and the others move up by one; with `suffix timestamp` the file gets the
//! time of the roll. Never more than the asked number is kept. Two differences from named, both careful with files
//! that are not ours: only numbers of at most nine digits count as increments and only 17 digits as a timestamp (named
//! takes any run of digits), and a timestamp that is taken moves on by a millisecond instead of replacing its file.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::time::{Civil, Zone};
use super::{Suffix, Versions};

/// The digits of `YYYYMMDDhhmmssmmm`.
const STAMP_DIGITS: usize = 17;
/// The most digits of an increment.
const INCREMENT_DIGITS: usize = 9;

/// Takes the file at `path` out of the way, as its channel says.
pub(super) fn roll(path: &Path, versions: Versions, suffix: Suffix, time: SystemTime, zone: Zone) -> io::Result<()> {
    match (versions, suffix) {
        (Versions::Count(0), _) => missing_is_fine(fs::remove_file(path)),
        (Versions::Count(kept), Suffix::Increment) => {
            remove(path, |suffix| increment(suffix).is_some_and(|number| number >= u64::from(kept)))?;
            shift(path, u64::from(kept) - 1)
        }
        (Versions::Unlimited, Suffix::Increment) => {
            let free = (0..).find(|&number| !with_suffix(path, &number.to_string()).exists());
            shift(path, free.expect("no directory has 2^64 files"))
        }
        (versions, Suffix::Timestamp) => {
            if let Versions::Count(kept) = versions {
                remove_oldest_stamps(path, kept as usize - 1)?;
            }
            rename_to_stamp(path, time, zone)
        }
    }
}

/// Moves f.(last - 1) to f.last, …, f.0 to f.1, f to f.0.
fn shift(path: &Path, last: u64) -> io::Result<()> {
    for number in (0..last).rev() {
        let (from, to) = (with_suffix(path, &number.to_string()), with_suffix(path, &(number + 1).to_string()));
        missing_is_fine(fs::rename(from, to))?;
    }
    missing_is_fine(fs::rename(path, with_suffix(path, "0")))
}

fn rename_to_stamp(path: &Path, time: SystemTime, zone: Zone) -> io::Result<()> {
    for later in 0..1000 {
        let stamp = Civil::in_zone(time + Duration::from_millis(later), zone).stamp();
        let target = with_suffix(path, &stamp);
        if !target.exists() {
            return missing_is_fine(fs::rename(path, target));
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "rolled a thousand times within a second"))
}

fn remove_oldest_stamps(path: &Path, kept: usize) -> io::Result<()> {
    let mut stamps = suffixes(path)?;
    stamps.retain(|suffix| suffix.len() == STAMP_DIGITS && is_digits(suffix));
    stamps.sort_unstable();
    let surplus = stamps.len().saturating_sub(kept);
    stamps[..surplus].iter().try_for_each(|stamp| missing_is_fine(fs::remove_file(with_suffix(path, stamp))))
}

fn remove(path: &Path, surplus: impl Fn(&str) -> bool) -> io::Result<()> {
    let suffixes = suffixes(path)?;
    let mut surplus = suffixes.iter().filter(|suffix| surplus(suffix));
    surplus.try_for_each(|suffix| missing_is_fine(fs::remove_file(with_suffix(path, suffix))))
}

/// What follows `f.` in the names beside `path`.
fn suffixes(path: &Path) -> io::Result<Vec<String>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name() else { return Ok(Vec::new()) };
    let mut prefix = name.to_owned();
    prefix.push(".");
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?.file_name();
        if let Some(suffix) = entry.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) {
            found.extend(str::from_utf8(suffix).ok().map(str::to_owned));
        }
    }
    Ok(found)
}

fn increment(suffix: &str) -> Option<u64> {
    if is_digits(suffix) && suffix.len() <= INCREMENT_DIGITS { suffix.parse().ok() } else { None }
}

fn is_digits(suffix: &str) -> bool {
    !suffix.is_empty() && suffix.bytes().all(|octet| octet.is_ascii_digit())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// Name and content of each file, sorted.
    fn listing(directory: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn files_are_rolled_by_their_table() {
        let stamp = "20261121005304573";
        let older = "20261120005304573";
        let oldest = "20251120005304573";
        let (increment, timestamp) = (Suffix::Increment, Suffix::Timestamp);
        type Files<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(&str, Versions, Suffix, Files<'_>, Files<'_>)] = &[
            ("the first roll makes f.0", Versions::Count(3), increment, &[("f", "new")], &[("f.0", "new")]),
            (
                "the others move up",
                Versions::Count(3),
                increment,
                &[("f", "new"), ("f.0", "0"), ("f.1", "1")],
                &[("f.0", "new"), ("f.1", "0"), ("f.2", "1")],
            ),
            (
                "the oldest goes",
                Versions::Count(3),
                increment,
                &[("f", "new"), ("f.0", "0"), ("f.1", "1"), ("f.2", "2")],
                &[("f.0", "new"), ("f.1", "0"), ("f.2", "1")],
            ),
            (
                "files beyond a smaller number go",
                Versions::Count(1),
                increment,
                &[("f", "new"), ("f.0", "0"), ("f.1", "1"), ("f.17", "17")],
                &[("f.0", "new")],
            ),
            (
                "a gap is moved, not filled",
                Versions::Count(4),
                increment,
                &[("f", "new"), ("f.1", "1")],
                &[("f.0", "new"), ("f.2", "1")],
            ),
            (
                "other names stay",
                Versions::Count(1),
                increment,
                &[
                    ("f", "new"),
                    ("f.gz", "z"),
                    ("f.9.gz", "z"),
                    (".9", "x"),
                    ("g.9", "g"),
                    ("f.20261121005304573", "t"),
                ],
                &[
                    (".9", "x"),
                    ("f.0", "new"),
                    ("f.20261121005304573", "t"),
                    ("f.9.gz", "z"),
                    ("f.gz", "z"),
                    ("g.9", "g"),
                ],
            ),
            ("versions 0 keeps none", Versions::Count(0), increment, &[("f", "new"), ("f.0", "0")], &[("f.0", "0")]),
            (
                "unlimited keeps all",
                Versions::Unlimited,
                increment,
                &[("f", "new"), ("f.0", "0"), ("f.1", "1")],
                &[("f.0", "new"), ("f.1", "0"), ("f.2", "1")],
            ),
            (
                "unlimited moves up to the first gap",
                Versions::Unlimited,
                increment,
                &[("f", "new"), ("f.0", "0"), ("f.2", "2")],
                &[("f.0", "new"), ("f.1", "0"), ("f.2", "2")],
            ),
            (
                "a timestamp is the time of the roll",
                Versions::Unlimited,
                timestamp,
                &[("f", "new")],
                &[("f.20261121005304573", "new")],
            ),
            (
                "the oldest timestamp goes, increments stay",
                Versions::Count(2),
                timestamp,
                &[("f", "new"), ("f.0", "0"), ("f.20251120005304573", "b"), ("f.20261120005304573", "a")],
                &[("f.0", "0"), ("f.20261120005304573", "a"), ("f.20261121005304573", "new")],
            ),
            (
                "a timestamp that is taken moves on",
                Versions::Count(3),
                timestamp,
                &[("f", "new"), ("f.20261121005304573", "same")],
                &[("f.20261121005304573", "same"), ("f.20261121005304574", "new")],
            ),
            ("nothing to roll is no error", Versions::Count(3), increment, &[], &[]),
        ];
        assert!(oldest < older && older < stamp, "digits sort by time");
        for (name, versions, suffix, before, after) in cases {
            let directory = tempfile::tempdir().unwrap();
            for (file, content) in *before {
                fs::write(directory.path().join(file), content).unwrap();
            }
            let time = UNIX_EPOCH + Duration::from_millis(1_795_222_384_573);
            roll(&directory.path().join("f"), *versions, *suffix, time, Zone::East(0)).unwrap();
            let expected: Vec<_> = after.iter().map(|(file, text)| ((*file).into(), (*text).into())).collect();
            assert_eq!(listing(directory.path()), expected, "{name}");
        }
    }

    #[test]
    fn a_target_that_cannot_be_replaced_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        fs::write(&path, "new").unwrap();
        fs::create_dir_all(directory.path().join("f.0/inside")).unwrap();
        let rolled = roll(&path, Versions::Count(1), Suffix::Increment, UNIX_EPOCH, Zone::East(0));
        assert!(rolled.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new", "and the file stays");
    }
}
