//! Writing a log file: appended, rolled or stopped at its size, reopened when it vanished.
//!
//! As named does it: with `versions` and `size` the file is rolled by the first message after its size was passed;
//! with `size` alone nothing more is written until the file has been made smaller or moved away; with `versions`
//! alone it is rolled when it is opened. Different from named: an empty file is not rolled (named makes an empty f.0
//! at its first start), and a file that was removed is made anew instead of being written where nobody can see it.
//!
//! Lines are gathered and written by [`LogFile::flush`], one system call for many. Any error closes the file and is
//! the caller's to report and to retry. Invariant: no more than [`GATHERED`] octets and one line are held.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::time::Zone;
use super::{File, rotation};

/// Octets after which gathered lines are written without being asked.
const GATHERED: usize = 64 * 1024;
/// How often an open file is looked at: removed, cut or moved by somebody else.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often a roll that failed is tried again.
const ROLL_INTERVAL: Duration = Duration::from_secs(60);

/// The two clocks of one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// The message's; names rolled files.
    pub(super) wall: SystemTime,
    /// Spaces retries.
    pub(super) tick: Instant,
}

/// A file that could not be opened or written.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: io::Error,
    /// How many lines that had been taken are lost, besides the one in hand.
    pub(super) lost: u64,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure { error, lost: 0 }
    }
}

/// A `file` channel's way out.
#[derive(Debug)]
pub(super) struct LogFile {
    /// Its path is resolved.
    file: File,
    zone: Zone,
    open: Option<Open>,
    /// Whole lines that are not written yet.
    gathered: Vec<u8>,
    /// The last write ended inside a line.
    torn: bool,
    /// It was opened once: `versions` without `size` roll then, not when it is opened again after a failure.
    begun: bool,
    /// Set while rolling fails: no try before.
    roll_not_before: Option<Instant>,
    /// Nothing more is written: the size is reached and there are no versions.
    full: bool,
    /// What the operator should hear although nothing failed.
    notices: Vec<String>,
}

#[derive(Debug)]
struct Open {
    handle: fs::File,
    /// Octets in the file and gathered for it.
    size: u64,
    /// A device is neither measured nor rolled.
    regular: bool,
    next_look: Instant,
}

impl LogFile {
    /// Not opened yet.
    pub(super) fn new(file: File, zone: Zone) -> Self {
        LogFile {
            file,
            zone,
            open: None,
            gathered: Vec::new(),
            torn: false,
            begun: false,
            roll_not_before: None,
            full: false,
            notices: Vec::new(),
        }
    }

    /// Its path, resolved.
    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }

    /// What the operator should hear, once each.
    pub(super) fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Opens it, rolling what is to be rolled now.
    pub(super) fn open(&mut self, now: Now) -> Result<(), Failure> {
        let length = existing_length(self.path())?;
        let due = match self.size() {
            Some(limit) => length >= limit,
            None => length > 0 && self.file.versions.is_some() && !self.begun,
        };
        if due {
            self.make_room(now);
        }
        let handle = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(self.path())?;
        let metadata = handle.metadata()?;
        self.begun = true;
        let size = metadata.len() + self.gathered.len() as u64;
        self.open = Some(Open { handle, size, regular: metadata.is_file(), next_look: now.tick + LOOK_INTERVAL });
        Ok(())
    }

    /// Forgets the file and what was gathered for it.
    pub(super) fn close(&mut self) {
        self.open = None;
        self.gathered.clear();
    }

    /// Takes a line that ends in a newline; it reaches the file with the next flush.
    pub(super) fn write(&mut self, line: &[u8], now: Now) -> Result<(), Failure> {
        self.look(now)?;
        if self.open.is_none() {
            self.open(now)?;
        }
        if self.is_beyond_size() {
            self.flush()?;
            if self.make_room(now) {
                self.open = None;
                self.open(now)?;
            }
        }
        if self.full {
            return Ok(());
        }
        if std::mem::take(&mut self.torn) {
            self.gather(b"\n");
        }
        self.gather(line);
        if self.gathered.len() < GATHERED {
            return Ok(());
        }
        // The line in hand is the last, so never written whole: it is its caller's to count.
        self.flush().map_err(|failure| Failure { lost: failure.lost.saturating_sub(1), ..failure })
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut written = 0;
        let error = loop {
            match open.handle.write(&self.gathered[written..]) {
                _ if written == self.gathered.len() => break None,
                Ok(0) => break Some(ErrorKind::WriteZero.into()),
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        let outcome = match error {
            None => Ok(()),
            Some(error) => {
                // The newline that ends a torn line stands first; it is no line of its own.
                let still_torn = written == 0 && self.gathered.first() == Some(&b'\n');
                self.torn = still_torn || written > 0 && self.gathered[written - 1] != b'\n';
                let unwritten = &self.gathered[written + usize::from(still_torn)..];
                let lost = unwritten.iter().filter(|&&octet| octet == b'\n').count() as u64;
                Err(Failure { error, lost })
            }
        };
        self.gathered.clear();
        if outcome.is_err() {
            self.open = None;
        }
        outcome
    }

    fn gather(&mut self, octets: &[u8]) {
        self.gathered.extend_from_slice(octets);
        if let Some(open) = &mut self.open {
            open.size += octets.len() as u64;
        }
    }

    /// The limit; named takes 0 as none.
    fn size(&self) -> Option<u64> {
        self.file.size.filter(|&limit| limit > 0)
    }

    fn is_beyond_size(&self) -> bool {
        match (&self.open, self.size()) {
            (Some(open), Some(limit)) => open.regular && open.size > limit,
            _ => false,
        }
    }

    /// Rolls the file, or stops writing where there are no versions. Says whether the file is to be opened anew.
    fn make_room(&mut self, now: Now) -> bool {
        let Some(versions) = self.file.versions else {
            self.stop();
            return false;
        };
        if self.roll_not_before.is_some_and(|not_before| now.tick < not_before) {
            return false;
        }
        match rotation::roll(&self.file.path, versions, self.file.suffix, now.wall, self.zone) {
            Ok(()) => {
                self.torn = false;
                if self.roll_not_before.take().is_some() {
                    self.notices.push(format!("{} is rolled again", self.path().display()));
                }
                true
            }
            Err(error) => {
                if self.roll_not_before.is_none() {
                    let path = self.path().display();
                    self.notices.push(format!("{path} cannot be rolled: {error}; it grows until that works"));
                }
                self.roll_not_before = Some(now.tick + ROLL_INTERVAL);
                false
            }
        }
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.full, true) {
            let (path, limit) = (self.file.path.display(), self.file.size.unwrap_or(0));
            self.notices.push(format!(
                "{path} has reached its size of {limit} octets and nothing more is written to it: say how many \
                 `versions` are kept, or move it away"
            ));
        }
    }

    /// Once a second: is it still the file that it was?
    fn look(&mut self, now: Now) -> Result<(), Failure> {
        let (full, limit) = (self.full, self.size());
        let Some(open) = self.open.as_mut().filter(|open| now.tick >= open.next_look) else { return Ok(()) };
        open.next_look = now.tick + LOOK_INTERVAL;
        let metadata = open.handle.metadata()?;
        let gone = open.regular && metadata.nlink() == 0;
        // A full file that somebody moved away or emptied is written again, under its name.
        let relieved = full && existing_length(&self.file.path)? < limit.unwrap_or(0);
        if gone || relieved {
            self.full = false;
            self.open = None;
        } else {
            open.size = metadata.len() + self.gathered.len() as u64;
        }
        Ok(())
    }
}

/// The octets that stand at `path`, 0 if nothing does; an error for what is no place for lines.
fn existing_length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
        Ok(metadata) if metadata.file_type().is_char_device() => Ok(0),
        Ok(_) => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::time::UNIX_EPOCH;

    use super::super::{Suffix, Versions};
    use super::*;

    struct Story {
        directory: tempfile::TempDir,
        file: LogFile,
        start: Instant,
        seconds: u64,
    }

    impl Story {
        fn new(versions: Option<Versions>, size: Option<u64>) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let file = log_file(directory.path().join("f"), versions, size);
            Story { directory, file, start: Instant::now(), seconds: 0 }
        }

        fn now(&self) -> Now {
            let since = Duration::from_secs(self.seconds);
            Now { wall: UNIX_EPOCH + since, tick: self.start + since }
        }

        /// Lines that this program wrote, one flush each, a second apart.
        fn write(&mut self, lines: &[&str]) {
            for line in lines {
                self.file.write(format!("{line}\n").as_bytes(), self.now()).unwrap();
                self.file.flush().unwrap();
                self.seconds += 1;
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn read(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.path(name)).ok().map(|text| text.replace('\n', "|"))
        }
    }

    fn log_file(path: PathBuf, versions: Option<Versions>, size: Option<u64>) -> LogFile {
        LogFile::new(File { path, versions, size, suffix: Suffix::Increment }, Zone::East(0))
    }

    #[test]
    fn files_grow_roll_or_stop() {
        let two = Some(Versions::Count(2));
        // Name; versions, size; what stands in f; lines; what stands where.
        type Case<'a> = (&'a str, Option<Versions>, Option<u64>, &'a str, &'a [&'a str], Files<'a>);
        type Files<'a> = &'a [(&'a str, Option<&'a str>)];
        let cases: &[Case<'_>] = &[
            (
                "without size or versions it grows",
                None,
                None,
                "old|",
                &["1", "2"],
                &[("f", Some("old|1|2|")), ("f.0", None)],
            ),
            (
                "the message after the size was passed rolls",
                two,
                Some(4),
                "",
                &["1", "2", "3", "4"],
                &[("f", Some("4|")), ("f.0", Some("1|2|3|")), ("f.1", None)],
            ),
            (
                "only so many versions are kept",
                two,
                Some(2),
                "",
                &["11", "22", "33", "44"],
                &[("f", Some("44|")), ("f.0", Some("33|")), ("f.1", Some("22|")), ("f.2", None)],
            ),
            (
                "a file at its size is rolled at open",
                two,
                Some(4),
                "old|",
                &["1"],
                &[("f", Some("1|")), ("f.0", Some("old|"))],
            ),
            ("a smaller one is not", two, Some(5), "old|", &["1"], &[("f", Some("old|1|")), ("f.0", None)]),
            (
                "versions alone roll at open only",
                two,
                None,
                "old|",
                &["1", "2"],
                &[("f", Some("1|2|")), ("f.0", Some("old|"))],
            ),
            ("an empty file is not rolled", two, None, "", &["1"], &[("f", Some("1|")), ("f.0", None)]),
            (
                "versions 0 starts over",
                Some(Versions::Count(0)),
                Some(2),
                "",
                &["11", "22"],
                &[("f", Some("22|")), ("f.0", None)],
            ),
            ("size alone stops behind the limit", None, Some(4), "", &["1", "2", "3", "4"], &[("f", Some("1|2|3|"))]),
            ("size alone does not write to a full file", None, Some(4), "old|", &["1"], &[("f", Some("old|"))]),
            ("size 0 is no size", two, Some(0), "", &["1", "2"], &[("f", Some("1|2|")), ("f.0", None)]),
        ];
        for (name, versions, size, before, lines, expected) in cases {
            let mut story = Story::new(*versions, *size);
            fs::write(story.path("f"), before.replace('|', "\n")).unwrap();
            story.write(lines);
            for (file, content) in *expected {
                assert_eq!(story.read(file).as_deref(), *content, "{name}: {file}");
            }
        }
    }

    #[test]
    fn a_burst_rolls_where_single_lines_would() {
        let mut story = Story::new(Some(Versions::Unlimited), Some(10));
        for number in 0..9 {
            story.file.write(format!("{number}...\n").as_bytes(), story.now()).unwrap();
        }
        story.file.flush().unwrap();
        let files = ["f.1", "f.0", "f"].map(|name| story.read(name).unwrap());
        assert_eq!(files, ["0...|1...|2...|", "3...|4...|5...|", "6...|7...|8...|"]);
    }

    #[test]
    fn a_full_file_is_written_again_once_it_is_smaller_or_moved() {
        for (name, relieve) in [("moved", true), ("emptied", false)] {
            let mut story = Story::new(None, Some(4));
            story.write(&["11", "22", "33"]);
            assert_eq!(story.read("f").as_deref(), Some("11|22|"), "{name}");
            assert_eq!(story.file.take_notices().len(), 1, "{name}: said once");
            match relieve {
                true => fs::rename(story.path("f"), story.path("f.old")).unwrap(),
                false => fs::write(story.path("f"), "").unwrap(),
            }
            story.write(&["44", "55"]);
            assert_eq!(story.read("f").as_deref(), Some("44|55|"), "{name}");
            assert_eq!(story.file.take_notices().len(), 0, "{name}");
        }
    }

    #[test]
    fn a_removed_file_is_made_anew_with_mode_644() {
        let mut story = Story::new(None, None);
        story.write(&["1"]);
        fs::remove_file(story.path("f")).unwrap();
        story.write(&["2"]);
        assert_eq!(story.read("f").as_deref(), Some("2|"));
        let mode = fs::metadata(story.path("f")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o644, 0, "no right beyond 0644: {mode:o}");

        fs::remove_dir_all(story.directory.path()).unwrap();
        story.seconds += 1;
        let failure = story.file.write(b"3\n", story.now()).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::NotFound, "a vanished directory is not made");
    }

    #[test]
    fn opening_again_after_a_failure_rolls_nothing() {
        let mut story = Story::new(Some(Versions::Count(2)), None);
        story.write(&["1"]);
        story.file.close();
        story.write(&["2"]);
        assert_eq!((story.read("f").as_deref(), story.read("f.0")), (Some("1|2|"), None));
    }

    #[test]
    fn a_torn_line_is_ended_however_many_tries_that_takes() {
        let mut story = Story::new(None, None);
        fs::write(story.path("f"), "half a li").unwrap();
        fs::rename(story.path("f"), story.path("kept")).unwrap();
        std::os::unix::fs::symlink("/dev/full", story.path("f")).unwrap();
        // As a write leaves it that the disk had room for only in part.
        story.file.torn = true;
        for _ in 0..3 {
            story.file.write(b"lost\n", story.now()).unwrap();
            assert_eq!(story.file.flush().unwrap_err().lost, 1);
        }
        fs::rename(story.path("kept"), story.path("f")).unwrap();
        story.write(&["1", "2"]);
        assert_eq!(story.read("f").as_deref(), Some("half a li|1|2|"));
    }

    #[test]
    fn failures_say_how_much_is_lost() {
        let mut device = log_file("/dev/full".into(), None, None);
        let now = Now { wall: UNIX_EPOCH, tick: Instant::now() };
        for _ in 0..3 {
            device.write(b"lost\n", now).unwrap();
        }
        let failure = device.flush().unwrap_err();
        assert_eq!((failure.error.kind(), failure.lost), (ErrorKind::StorageFull, 3));
        device.flush().unwrap();

        let directory = tempfile::tempdir().unwrap();
        let refused = log_file(directory.path().into(), None, None).open(now).unwrap_err();
        assert_eq!(refused.error.to_string(), "it is not a regular file");
    }

    #[test]
    fn the_line_in_hand_is_not_among_those_that_are_lost_besides() {
        let mut device = log_file("/dev/full".into(), None, None);
        let now = Now { wall: UNIX_EPOCH, tick: Instant::now() };
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let lost = (1..).find_map(|taken| Some((taken, device.write(&line, now).err()?.lost)));
        assert_eq!(lost, Some((64, 63)));
    }

    #[test]
    fn a_roll_that_fails_is_said_once_and_the_file_grows() {
        let mut story = Story::new(Some(Versions::Count(1)), Some(2));
        fs::create_dir_all(story.path("f.0/inside")).unwrap();
        story.write(&["11", "22", "33"]);
        assert_eq!(story.read("f").as_deref(), Some("11|22|33|"));
        assert_eq!(story.file.take_notices().len(), 1);

        fs::remove_dir_all(story.path("f.0")).unwrap();
        story.write(&["44"]);
        assert_eq!(story.read("f.0"), None, "not tried again at once");
        story.seconds += 60;
        story.write(&["55"]);
        assert_eq!((story.read("f.0").as_deref(), story.read("f").as_deref()), (Some("11|22|33|44|"), Some("55|")));
        assert_eq!(story.file.take_notices(), [format!("{} is rolled again", story.path("f").display())]);
    }
}
