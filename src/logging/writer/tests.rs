use std::fs::{self, File as Pipe};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::super::time::Zone;
use super::super::{Config, File, Suffix, Versions};
use super::*;

/// Outlets whose stderr and syslog a test reads.
pub(in crate::logging) struct Ears {
    pub(in crate::logging) outlets: Outlets,
    stderr: Pipe,
    _directory: tempfile::TempDir,
    syslog: UnixDatagram,
}

impl Ears {
    pub(in crate::logging) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("log");
        let syslog = UnixDatagram::bind(&socket).unwrap();
        syslog.set_nonblocking(true).unwrap();
        let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
        let stderr = Stderr::Other(Arc::new(writer));
        let outlets = Outlets { stderr, syslog: socket, program: "tandem".into(), zone: Zone::East(0) };
        Ears { outlets, stderr: Pipe::from(reader), _directory: directory, syslog }
    }

    /// Lines on stderr since the last call.
    pub(in crate::logging) fn stderr(&mut self) -> Vec<String> {
        let mut octets = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = self.stderr.read(&mut piece) {
            octets.extend_from_slice(&piece[..length]);
        }
        String::from_utf8(octets).unwrap().lines().map(str::to_owned).collect()
    }

    fn syslog(&self) -> Vec<String> {
        let mut piece = [0; 4096];
        std::iter::from_fn(|| {
            let length = self.syslog.recv(&mut piece).ok()?;
            Some(String::from_utf8(piece[..length].to_vec()).unwrap())
        })
        .collect()
    }
}

pub(in crate::logging) fn file_channel(path: &str, versions: Option<Versions>, severity: Severity) -> Channel {
    let file = File { path: path.into(), versions, size: None, suffix: Suffix::Increment };
    Channel {
        destination: Destination::File(file),
        severity: Threshold::AtLeast(severity),
        print_time: PrintTime::No,
        print_severity: true,
        print_category: true,
    }
}

pub(in crate::logging) fn config(channels: &[(&str, Channel)], categories: &[(Category, &[&str])]) -> Config {
    let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Config {
        channels: channels.iter().map(|(name, channel)| ((*name).to_owned(), channel.clone())).collect(),
        categories: categories.iter().map(|(category, names)| (*category, words(names))).collect(),
    }
}

struct Story {
    directory: tempfile::TempDir,
    ears: Ears,
    writer: Writer,
    start: Instant,
    milliseconds: u64,
}

impl Story {
    fn new(config: &Config, foreground: bool) -> (Self, Vec<String>) {
        let (directory, ears) = (tempfile::tempdir().unwrap(), Ears::new());
        let writer = Writer::new(ears.outlets.clone());
        let mut story = Story { directory, ears, writer, start: Instant::now(), milliseconds: 0 };
        let warnings = story.configure(config, foreground);
        (story, warnings)
    }

    fn configure(&mut self, config: &Config, foreground: bool) -> Vec<String> {
        self.writer.configure(Plan::new(config, foreground), self.directory.path(), self.now())
    }

    fn now(&self) -> Now {
        let since = Duration::from_millis(self.milliseconds);
        Now { wall: UNIX_EPOCH + since, tick: self.start + since }
    }

    fn log(&mut self, category: Category, severity: Severity, text: &str) {
        let now = self.now();
        self.writer.write(&Record { time: now.wall, category, severity, text: text.to_owned() }, now.tick);
        self.writer.flush(now);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

#[test]
fn messages_go_to_the_channels_of_their_category() {
    let config = config(
        &[
            ("simple_log", file_channel("bind.log", None, Severity::Warning)),
            ("all", file_channel("all.log", None, Severity::Debug(2))),
        ],
        &[(Category::Default, &["simple_log"]), (Category::Queries, &["all", "simple_log"])],
    );
    let (mut story, warnings) = Story::new(&config, false);
    assert_eq!(warnings, Vec::<String>::new());
    story.log(Category::Client, Severity::Warning, "by default");
    story.log(Category::Client, Severity::Notice, "too light");
    story.log(Category::Queries, Severity::Info, "light");
    story.log(Category::Queries, Severity::Debug(3), "too deep");
    story.log(Category::Queries, Severity::Error, "grave");
    story.log(Category::Unmatched, Severity::Error, "nowhere");
    assert_eq!(story.lines("bind.log"), ["client: warning: by default", "queries: error: grave"]);
    assert_eq!(story.lines("all.log"), ["queries: info: light", "queries: error: grave"]);
    assert_eq!(story.ears.stderr(), Vec::<String>::new());
    assert_eq!(story.ears.syslog(), Vec::<String>::new());
}

#[test]
fn built_in_channels_are_nameds() {
    let nothing = Config::default();
    let (mut story, _) = Story::new(&nothing, false);
    story.log(Category::General, Severity::Info, "to syslog");
    story.log(Category::General, Severity::Debug(1), "hidden");
    assert_eq!(story.lines("named.run"), Vec::<String>::new());
    assert!(!story.path("named.run").exists(), "not made before debugging");
    story.writer.set_debug_level(1);
    story.log(Category::General, Severity::Debug(1), "deep");
    story.log(Category::General, Severity::Notice, "both");
    let sent = story.ears.syslog();
    let texts: Vec<_> = sent.iter().filter_map(|line| line.split_once("]: ")).map(|(_, text)| text).collect();
    assert_eq!(texts, ["to syslog", "both"]);
    assert!(sent[0].starts_with("<30>Jan  1 00:00:00 tandem["), "daemon.info: {}", sent[0]);
    assert_eq!(story.lines("named.run"), ["01-Jan-1970 00:00:00.000 deep", "01-Jan-1970 00:00:00.000 both"]);

    let (mut story, _) = Story::new(&nothing, true);
    story.log(Category::General, Severity::Info, "to stderr");
    assert_eq!(story.ears.stderr(), ["01-Jan-1970 00:00:00.000 to stderr"]);
    assert_eq!(story.ears.syslog(), Vec::<String>::new());
}

#[test]
fn a_full_disk_is_said_once_and_again_when_there_is_room() {
    let channels = [
        ("small", file_channel("small.log", None, Severity::Warning)),
        ("other", file_channel("other.log", None, Severity::Info)),
    ];
    let categories: &[(Category, &[&str])] = &[(Category::Default, &["other"]), (Category::Client, &["small"])];
    let (mut story, _) = Story::new(&config(&channels, categories), false);
    story.log(Category::Client, Severity::Error, "before");
    fs::remove_file(story.path("small.log")).unwrap();
    symlink("/dev/full", story.path("small.log")).unwrap();

    for _ in 0..30 {
        story.milliseconds += 100;
        story.log(Category::Client, Severity::Error, "during");
    }
    let small = story.path("small.log").display().to_string();
    let failure = format!(
        "general: error: channel 'small': {small} cannot be written: No space left on device (os error 28) (free \
         some space); its messages are lost until that works"
    );
    assert_eq!(story.lines("other.log"), [failure.as_str()], "on the working channel");
    let stderr = story.ears.stderr();
    assert!(stderr.len() == 1 && stderr[0].ends_with(&failure), "and on stderr: {stderr:?}");
    assert!(story.writer.ails());

    fs::remove_file(story.path("small.log")).unwrap();
    story.milliseconds += 1000;
    story.writer.retry(story.now());
    story.log(Category::Client, Severity::Error, "after");
    // The file was looked at after a second; nine messages still went to the removed file.
    let back = format!("general: warning: channel 'small': {small} can be written again; 21 messages were lost");
    assert_eq!(story.lines("small.log"), [back.as_str(), "client: error: after"]);
    assert_eq!(story.lines("other.log")[1..], [back.as_str()]);
    assert_eq!(story.ears.stderr().len(), 1);
    assert!(!story.writer.ails());
}

#[test]
fn a_file_that_cannot_be_opened_is_a_warning_and_costs_the_others_nothing() {
    let places = [
        ("no such directory", "missing/x.log", "(does its directory exist?)"),
        ("no right to make it", "/sys/kernel/x.log", "cannot be written"),
        ("a directory", ".", "it is not a regular file"),
        ("below a file", "ok.log/x.log", "cannot be written"),
    ];
    for (name, path, says) in places {
        let channels =
            [("bad", file_channel(path, None, Severity::Info)), ("ok", file_channel("ok.log", None, Severity::Info))];
        // The good one first, so that it exists when the bad one is opened.
        let (mut story, warnings) = Story::new(&config(&channels, &[(Category::Default, &["ok", "bad"])]), false);
        assert!(warnings.len() == 1 && warnings[0].contains(says), "{name}: {warnings:?}");
        story.log(Category::General, Severity::Info, "on it goes");
        let lines = story.lines("ok.log");
        assert!(lines.len() == 2 && lines[0].contains(says), "{name}: {lines:?}");
        assert_eq!(lines[1], "general: info: on it goes", "{name}");
        assert_eq!(story.ears.stderr().len(), 1, "{name}");
    }
}

#[test]
fn with_no_channel_left_stderr_and_syslog_hear_it() {
    let channels = [("only", file_channel("gone/x.log", None, Severity::Critical))];
    let (mut story, warnings) = Story::new(&config(&channels, &[(Category::Default, &["only"])]), false);
    assert_eq!(warnings.len(), 1);
    assert_eq!(story.ears.stderr().len(), 1);
    assert_eq!(story.ears.syslog().len(), 1);

    fs::create_dir(story.path("gone")).unwrap();
    story.milliseconds += 1000;
    story.log(Category::General, Severity::Critical, "written");
    let lines = story.lines("gone/x.log");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("general: critical: channel 'only': "), "as grave as its channel: {}", lines[0]);
    assert_eq!(lines[1], "general: critical: written");
}

#[test]
fn a_channel_that_keeps_failing_is_heard_less_and_less() {
    let channels = [
        ("edge", file_channel("edge.log", None, Severity::Info)),
        ("other", file_channel("other.log", None, Severity::Info)),
    ];
    let categories: &[(Category, &[&str])] = &[(Category::Default, &["other"]), (Category::Client, &["edge"])];
    let (mut story, _) = Story::new(&config(&channels, categories), false);
    for _ in 0..600 {
        // Room while it is out, none as soon as it came back.
        let _ = fs::remove_file(story.path("edge.log"));
        if !story.writer.ails() {
            symlink("/dev/full", story.path("edge.log")).unwrap();
        }
        story.milliseconds += 1000;
        story.log(Category::Client, Severity::Info, "x");
    }
    let told = story.lines("other.log").len();
    assert!((4..60).contains(&told), "{told} lines in ten minutes");
}

#[test]
fn closing_and_opening_rolls_as_on_reload() {
    let channels = [("f", file_channel("f.log", Some(Versions::Count(2)), Severity::Info))];
    let config = config(&channels, &[(Category::Default, &["f"])]);
    let (mut story, _) = Story::new(&config, false);
    for text in ["first", "second", "third"] {
        story.log(Category::General, Severity::Info, text);
        story.configure(&config, false);
    }
    story.configure(&config, false);
    assert_eq!(story.lines("f.log"), Vec::<String>::new());
    assert_eq!(story.lines("f.log.0"), ["general: info: third"], "an empty file is not rolled");
    assert_eq!(story.lines("f.log.1"), ["general: info: second"]);
}
