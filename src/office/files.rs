//! Writing files that operators ask for: on a thread of its own, so that a disk that hangs holds up nobody else.
//!
//! A file is written by one at a time; who comes meanwhile waits for [`PATIENCE`]. Who asked waits as long for the outcome;
//! what takes longer goes on behind his back, as named's do, and its end is in the log.
//! Not here: what stands in them (`control`).

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::reply::{Done, Failure, Reply};
use crate::sys::priority;

/// How long somebody waits for a file, and then for the outcome; with both, rndc (60 s) still hears of it.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Those who write yield to the threads that answer queries: see [`priority::yield_to_others`].
const NICE_STEPS: i32 = 10;

/// The files that are being written.
#[derive(Debug, Default)]
pub struct Files {
    busy: Mutex<BTreeSet<PathBuf>>,
    freed: Condvar,
}

/// The right to write a file; given back when dropped.
struct Place {
    files: Arc<Files>,
    path: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.files.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
        self.files.freed.notify_all();
    }
}

impl Files {
    /// Has the file at `path` written by `work`, and its outcome logged by `log`; the text of an error says what to do.
    ///
    /// # Errors
    /// When it is being written for somebody else, or what was wrong, as far as that is known in time.
    pub fn write(
        self: &Arc<Self>,
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
        log: impl FnOnce(&Result<(), String>) + Send + 'static,
    ) -> Reply {
        self.write_within(PATIENCE, path, work, log)
    }

    fn write_within(
        self: &Arc<Self>,
        patience: Duration,
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
        log: impl FnOnce(&Result<(), String>) + Send + 'static,
    ) -> Reply {
        let Some(place) = self.take(path, patience) else {
            let shown = path.display();
            return Err(Failure::from(format!(
                "'{shown}' is still being written: try again when the log tells its end"
            )));
        };
        let (tell, told) = sync_channel(1);
        let run = move || {
            // Where it cannot it goes on as it is.
            let _ = priority::yield_to_others(NICE_STEPS);
            let advice = "may the server's user write its directory, and is there room?";
            let outcome = work(&place.path)
                .map_err(|error| format!("cannot write '{}': {error} ({advice})", place.path.display()));
            log(&outcome);
            drop(place);
            // Who asked may have gone.
            let _ = tell.send(outcome);
        };
        let thread = thread::Builder::new().name("writing".to_owned()).spawn(run);
        thread.map_err(|error| Failure::from(format!("the system gives no thread: {error}")))?;
        match told.recv_timeout(patience) {
            Ok(outcome) => outcome.map(|()| Done::default()).map_err(Failure::from),
            Err(RecvTimeoutError::Timeout) => Ok("it is still being written: the log tells its end".into()),
            Err(RecvTimeoutError::Disconnected) => Err(Failure::from("writing failed within the server".to_owned())),
        }
    }

    fn take(self: &Arc<Self>, path: &Path, patience: Duration) -> Option<Place> {
        let until = Instant::now() + patience;
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while busy.contains(path) {
            let left = until.checked_duration_since(Instant::now())?;
            busy = self.freed.wait_timeout(busy, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        busy.insert(path.to_owned());
        Some(Place { files: Arc::clone(self), path: path.to_owned() })
    }
}

/// Writes a file in the place of the one before; it appears whole, or not at all.
///
/// # Errors
/// What the system or `write` says; the file before stays then.
pub fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".tmp");
    let partial = Path::new(&partial);
    let written = open_anew(partial).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()?;
        fs::rename(partial, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(partial);
    }
    written
}

/// Makes a file where none is. What is left there is taken away, and not looked into: a link would lead elsewhere, and a
/// pipe would hold whoever opens it.
fn open_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).open(path)
}

/// Writes behind what stands in a file. A pipe that nobody reads is an error, and holds nobody.
///
/// # Errors
/// What the system says; a part may have been written then.
pub fn append(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    options.open(path)?.write_all(octets)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::reply::Code;
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_disk_that_hangs_holds_up_its_own_file_alone() {
        let files = Arc::new(Files::default());
        let (go_on, hangs) = channel::<()>();
        let (logged, log) = channel();
        let work = move |_: &Path| hangs.recv().map_err(|_| io::Error::from(io::ErrorKind::StorageFull));
        let told = files.write_within(SHORT, Path::new("/dead/dump"), work, move |outcome| {
            let _ = logged.send(outcome.clone());
        });
        assert!(told.is_ok_and(|done| done.text.contains("still being written")));
        let second = files.write_within(SHORT, Path::new("/dead/dump"), |_| Ok(()), |_| ());
        assert!(second.is_err_and(|failure| failure.text.starts_with("'/dead/dump' is still being written")));
        assert_eq!(files.write(Path::new("/other"), |_| Ok(()), |_| ()), Ok(Done::default()));
        drop(go_on);
        let outcome = log.recv().expect("its end is logged");
        assert!(outcome.is_err_and(|why| why.starts_with("cannot write '/dead/dump': ")));
        assert_eq!(files.write(Path::new("/dead/dump"), |_| Ok(()), |_| ()), Ok(Done::default()), "it is free again");
        let failed = files.write(Path::new("/x"), |_| Err(io::Error::other("no")), |_| ()).expect_err("it failed");
        assert_eq!((failed.code, failed.text.starts_with("cannot write '/x': no (")), (Code::Failure, true));
        assert!(files.write(Path::new("/x"), |_| panic!("a fault of the program"), |_| ()).is_err());
        assert_eq!(files.write(Path::new("/x"), |_| Ok(()), |_| ()), Ok(Done::default()), "and is free again");
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("statistics");
        append(&path, b"a").expect("it is made");
        append(&path, b"b").expect("it is there");
        assert_eq!(fs::read(&path).expect("it is there"), b"ab");
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        append(&pipe, b"a").expect_err("nobody reads it");
    }
}
