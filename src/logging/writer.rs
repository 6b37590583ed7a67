//! Bringing each record to its channels, and living with channels that fail.
//!
//! A channel that fails is **out**: that is said once, on stderr and on the channels of category general (on every
//! other channel if none of these works, and to syslog if no channel heard it), its messages are counted instead of
//! written, and it is tried again at most once a second. The first thing written when it works again is how much was
//! lost; the others hear it too. A channel that fails soon after it came back is tried less and less often, so that a
//! disk on the edge of full does not fill the other logs.
//!
//! Runs on the writer thread alone; time is an argument, so that tests need no sleep. Nothing here can panic on what
//! the file system does.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::event::Record;
use super::file::{Failure, LogFile, Now};
use super::line::write_line;
use super::plan::{Plan, PlannedChannel};
use super::stderr::Stderr;
use super::syslog::{self, Syslog};
use super::time::Zone;
use super::{Category, Channel, Destination, Facility, PrintTime, Severity, Threshold};

/// How long a channel that is out is left alone.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// The longest that it is, and how long it must work to be trusted again.
const RETRY_BOUND: Duration = Duration::from_secs(60);

/// What of the surroundings the writer uses besides files.
#[derive(Clone, Debug)]
pub(super) struct Outlets {
    pub(super) stderr: Stderr,
    /// Syslog's socket.
    pub(super) syslog: PathBuf,
    /// Our name in syslog's lines.
    pub(super) program: String,
    pub(super) zone: Zone,
}

impl Outlets {
    /// The process's own.
    pub(super) fn of_process() -> Self {
        let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let program = name.unwrap_or_else(|| "tandem".to_owned());
        Outlets { stderr: Stderr::Process, syslog: syslog::SOCKET.into(), program, zone: Zone::Local }
    }
}

/// All channels in use.
#[derive(Debug)]
pub(super) struct Writer {
    outlets: Outlets,
    channels: Vec<OpenChannel>,
    /// As in [`Plan`].
    routes: Vec<Vec<usize>>,
    debug_level: u8,
    /// What is to be told and to whom not.
    notices: VecDeque<Notice>,
    /// Kept from line to line for its room.
    line: String,
}

#[derive(Debug)]
struct OpenChannel {
    planned: PlannedChannel,
    sink: Sink,
    health: Health,
}

#[derive(Debug)]
enum Sink {
    File(LogFile),
    Syslog(Syslog),
    Stderr,
}

#[derive(Debug)]
struct Health {
    out: Option<Outage>,
    /// Until the next try after a failure.
    pause: Duration,
    /// When it last came back.
    back_since: Option<Instant>,
}

#[derive(Debug)]
struct Outage {
    /// Messages not written since.
    lost: u64,
    next_try: Instant,
}

#[derive(Debug)]
struct Notice {
    severity: Severity,
    text: String,
    /// The channel that it is about and that cannot take it.
    except: Option<usize>,
}

impl Writer {
    /// Without channels: everything is discarded until it is configured.
    pub(super) fn new(outlets: Outlets) -> Self {
        let routes = vec![Vec::new(); Category::COUNT];
        let notices = VecDeque::new();
        Writer { outlets, channels: Vec::new(), routes, debug_level: 0, notices, line: String::new() }
    }

    /// Which debug messages `severity dynamic` lets through.
    pub(super) fn set_debug_level(&mut self, debug_level: u8) {
        self.debug_level = debug_level;
    }

    /// Replaces all channels, files included: they are closed and opened. Says, and returns, what cannot be opened.
    pub(super) fn configure(&mut self, plan: Plan, directory: &Path, now: Now) -> Vec<String> {
        self.flush(now);
        self.channels.clear();
        self.routes = plan.routes;
        for planned in plan.channels {
            let sink = self.sink(&planned.channel.destination, directory);
            let health = Health { out: None, pause: RETRY, back_since: None };
            self.channels.push(OpenChannel { planned, sink, health });
        }
        let mut warnings = Vec::new();
        for index in 0..self.channels.len() {
            let channel = &mut self.channels[index];
            if let (Sink::File(file), false) = (&mut channel.sink, channel.planned.debug_only)
                && let Err(failure) = file.open(now)
            {
                warnings.push(self.fail(index, failure, now));
            }
        }
        self.tell(now);
        warnings
    }

    /// Brings a record to the channels of its category.
    pub(super) fn write(&mut self, record: &Record, tick: Instant) {
        let now = Now { wall: record.time, tick };
        for position in 0..self.routes[record.category.index()].len() {
            let index = self.routes[record.category.index()][position];
            self.offer(index, record, now);
        }
        self.tell(now);
    }

    /// Writes what files have gathered.
    pub(super) fn flush(&mut self, now: Now) {
        for index in 0..self.channels.len() {
            if let Sink::File(file) = &mut self.channels[index].sink
                && let Err(failure) = file.flush()
            {
                self.fail(index, failure, now);
            }
        }
        self.tell(now);
    }

    /// Whether some channel is out.
    pub(super) fn ails(&self) -> bool {
        self.channels.iter().any(|channel| channel.health.out.is_some())
    }

    /// Tries channels that are out and due, though there is nothing to write.
    pub(super) fn retry(&mut self, now: Now) {
        for index in 0..self.channels.len() {
            self.revive(index, now);
        }
        self.tell(now);
    }

    fn sink(&self, destination: &Destination, directory: &Path) -> Sink {
        match destination {
            Destination::File(file) => {
                let mut file = file.clone();
                file.path = directory.join(&file.path);
                Sink::File(LogFile::new(file, self.outlets.zone))
            }
            Destination::Syslog(facility) => Sink::Syslog(self.syslog(*facility)),
            Destination::Stderr => Sink::Stderr,
            Destination::Null => unreachable!("a plan has no null channels"),
        }
    }

    fn syslog(&self, facility: Facility) -> Syslog {
        Syslog::new(self.outlets.syslog.clone(), facility, &self.outlets.program)
    }

    /// Writes the record to a channel, if its severity passes. Says whether it was taken.
    fn offer(&mut self, index: usize, record: &Record, now: Now) -> bool {
        if record.severity.rank() > self.channels[index].planned.rank(self.debug_level) {
            return false;
        }
        if !self.revive(index, now) {
            if let Some(outage) = &mut self.channels[index].health.out {
                outage.lost += 1;
            }
            return false;
        }
        match self.put(index, record, now) {
            Ok(()) => true,
            Err(mut failure) => {
                failure.lost += 1;
                self.fail(index, failure, now);
                false
            }
        }
    }

    /// Writes without asking whether it should.
    fn put(&mut self, index: usize, record: &Record, now: Now) -> Result<(), Failure> {
        let OpenChannel { planned, sink, .. } = &mut self.channels[index];
        write_line(&mut self.line, record, &planned.channel, self.outlets.zone);
        match sink {
            Sink::Stderr => self.outlets.stderr.write(self.line.as_bytes())?,
            Sink::Syslog(syslog) => syslog.write(&self.line, record.severity, record.time, self.outlets.zone)?,
            Sink::File(file) => {
                file.write(self.line.as_bytes(), now)?;
                for text in file.take_notices() {
                    let text = format!("channel '{}': {text}", planned.name);
                    self.notices.push_back(Notice { severity: Severity::Warning, text, except: None });
                }
            }
        }
        Ok(())
    }

    /// Marks a channel as out and prepares what is said about it, which is returned too.
    fn fail(&mut self, index: usize, failure: Failure, now: Now) -> String {
        let OpenChannel { planned, sink, health } = &mut self.channels[index];
        let place = sink.describe();
        let text = format!("channel '{}': {place} cannot be written: {}", planned.name, reason(&failure.error));
        if let Sink::File(file) = sink {
            file.close();
        }
        if health.note_failure(failure.lost, now.tick) {
            let text = format!("{text}; its messages are lost until that works");
            self.notices.push_back(Notice { severity: Severity::Error, text, except: Some(index) });
        }
        text
    }

    /// Tries a channel that is out, once it is due. Says whether it can be written.
    fn revive(&mut self, index: usize, now: Now) -> bool {
        let OpenChannel { planned, sink, health } = &self.channels[index];
        let lost = match &health.out {
            None => return true,
            Some(outage) if now.tick < outage.next_try => return false,
            Some(outage) => outage.lost,
        };
        let messages = if lost == 1 { "1 message was" } else { &format!("{lost} messages were") };
        let text = format!("channel '{}': {} can be written again; {messages} lost", planned.name, sink.describe());
        // Graver than a warning only where the channel takes nothing else.
        let rank = Severity::Warning.rank().min(planned.rank(self.debug_level).max(1));
        let record = |severity, text| Record { time: now.wall, category: Category::General, severity, text };
        let tried = self
            .put(index, &record(Severity::from_rank(rank), text.clone()), now)
            .and_then(|()| if let Sink::File(file) = &mut self.channels[index].sink { file.flush() } else { Ok(()) });
        match tried {
            Ok(()) => {
                self.channels[index].health.note_success(now.tick);
                self.notices.push_back(Notice { severity: Severity::Warning, text, except: Some(index) });
                true
            }
            // What it lost was this attempt's own line.
            Err(failure) => {
                self.fail(index, failure.error.into(), now);
                false
            }
        }
    }

    /// Says what is to be said. Ends: a channel that fails meanwhile is not tried again at the same tick.
    fn tell(&mut self, now: Now) {
        while let Some(notice) = self.notices.pop_front() {
            let Notice { severity, text, except } = notice;
            let record = Record { time: now.wall, category: Category::General, severity, text };
            let general = self.routes[Category::General.index()].clone();
            let mut heard = self.tell_channels(&general, except, &record, now);
            if heard.is_empty() {
                let all: Vec<usize> = (0..self.channels.len()).collect();
                heard = self.tell_channels(&all, except, &record, now);
            }
            if !heard.iter().any(|&index| matches!(self.channels[index].sink, Sink::Stderr)) {
                self.tell_stderr(&record);
            }
            if heard.is_empty() {
                // The last resort, named's first: whether anybody reads it cannot be known.
                let sent = self.syslog(Facility::Daemon).write(&record.text, severity, now.wall, self.outlets.zone);
                drop(sent);
            }
        }
    }

    fn tell_channels(&mut self, indices: &[usize], except: Option<usize>, record: &Record, now: Now) -> Vec<usize> {
        let others = indices.iter().copied().filter(|&index| Some(index) != except);
        let mut heard: Vec<usize> = others.collect();
        heard.retain(|&index| self.offer(index, record, now));
        heard
    }

    fn tell_stderr(&mut self, record: &Record) {
        let form = Channel {
            destination: Destination::Stderr,
            severity: Threshold::Dynamic,
            print_time: PrintTime::Local,
            print_severity: true,
            print_category: true,
        };
        write_line(&mut self.line, record, &form, self.outlets.zone);
        // Nobody is left to be told that stderr fails.
        let _ = self.outlets.stderr.write(self.line.as_bytes());
    }
}

impl Sink {
    fn describe(&self) -> String {
        match self {
            Sink::File(file) => file.path().display().to_string(),
            Sink::Syslog(syslog) => syslog.describe(),
            Sink::Stderr => "stderr".to_owned(),
        }
    }
}

impl Health {
    /// Says whether it is news.
    fn note_failure(&mut self, lost: u64, tick: Instant) -> bool {
        if let Some(outage) = &mut self.out {
            outage.lost += lost;
            outage.next_try = tick + self.pause;
            return false;
        }
        let relapse = self.back_since.is_some_and(|back| tick.duration_since(back) < RETRY_BOUND);
        self.pause = if relapse { (self.pause * 2).min(RETRY_BOUND) } else { RETRY };
        self.out = Some(Outage { lost, next_try: tick + self.pause });
        true
    }

    fn note_success(&mut self, tick: Instant) {
        self.out = None;
        self.back_since = Some(tick);
    }
}

/// What went wrong and, where it is known, what would be right.
fn reason(error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::NotFound => " (does its directory exist?)",
        ErrorKind::PermissionDenied => " (may the server's user write there?)",
        ErrorKind::ReadOnlyFilesystem => " (is it to be remounted, or the path another one?)",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => " (free some space)",
        _ => "",
    };
    format!("{error}{advice}")
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::{self, File as Pipe};
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixDatagram;
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

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
            let channels = [
                ("bad", file_channel(path, None, Severity::Info)),
                ("ok", file_channel("ok.log", None, Severity::Info)),
            ];
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
}
