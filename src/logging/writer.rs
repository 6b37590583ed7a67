//! Bringing each record to its channels, and living with channels that fail.
//!
//! A channel that fails is **out**: that is said once, on stderr and on the channels of category general (on every
//! other channel if none of these works, and to syslog if no channel heard it), its messages are counted instead of
//! written, and it is tried again at most once a second. The first thing written when it works again is how much was
//! lost; the others hear it too. What keeps a channel from being tried and told of too often stands in `outage`.
//!
//! Runs on the writer thread alone; time is an argument, so that tests need no sleep. Nothing here can panic on what
//! the file system does.

use std::collections::VecDeque;
use std::io::ErrorKind::{ConnectionRefused, NotFound};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::event::Record;
use super::file::{Failure, LogFile, Now};
use super::line::write_line;
use super::outage::{Health, Trial, reason};
use super::plan::{Plan, PlannedChannel};
use super::stderr::Stderr;
use super::syslog::{self, Syslog};
use super::time::Zone;
use super::{Category, Channel, Destination, Facility, PrintTime, Severity, Threshold};

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
            self.channels.push(OpenChannel { planned, sink, health: Health::new() });
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
        self.channels.iter().any(|channel| channel.health.is_out())
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
            self.channels[index].health.lose(1);
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
        // A host without syslog, or whose syslog comes up later: no news before it is sure that somebody waits for it.
        let may_come = matches!(sink, Sink::Syslog(_)) && matches!(failure.error.kind(), NotFound | ConnectionRefused);
        if health.note_failure(failure.lost, may_come, now.tick) {
            let text = format!("{text}; its messages are lost until that works");
            self.notices.push_back(Notice { severity: Severity::Error, text, except: Some(index) });
        }
        text
    }

    /// Tries a channel that is out, once it is due. Says whether it can be written.
    fn revive(&mut self, index: usize, now: Now) -> bool {
        let OpenChannel { planned, sink, health } = &self.channels[index];
        let lost = match health.trial(now.tick) {
            Trial::NotNeeded => return true,
            Trial::TooEarly => return false,
            Trial::Due { lost } => lost,
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
                if self.channels[index].health.note_success(now.tick) {
                    self.notices.push_back(Notice { severity: Severity::Warning, text, except: Some(index) });
                }
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

#[cfg(test)]
pub(super) mod tests;
