//! Leaving the terminal: a second process that goes on, and a first one that waits until that one is ready.
//!
//! Only while there is one thread: the others would not be in the second process.

#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::process::ExitCode;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// What becomes of the process that called [`detach`].
#[derive(Debug)]
pub enum Detached {
    /// It waited, and ends: 0 if the other one is ready, 1 if that one has ended.
    Parent(ExitCode),
    /// It goes on, without a terminal; standard output and error are the caller's until it is ready.
    Child(Readiness),
}

/// What the waiting process is told by; it hears too when this process ends without a word.
#[derive(Debug)]
pub struct Readiness {
    other: PipeWriter,
    /// Opened before the root directory is changed.
    null: File,
}

/// Makes a process that goes on in a session of its own (fork(2), setsid(2)).
///
/// # Errors
/// When there are other threads, or the system gives no process.
pub fn detach() -> io::Result<Detached> {
    if threads()? != 1 {
        return Err(io::Error::other("there are other threads, which a new process would not have"));
    }
    let (reader, writer) = io::pipe()?;
    // SAFETY: this thread is the only one, so that no lock of another one stays taken in the new process.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(writer);
            Ok(Detached::Parent(await_readiness(reader, child)))
        }
        ForkResult::Child => {
            drop(reader);
            setsid()?;
            let null = File::options().read(true).write(true).open("/dev/null")?;
            dup2_stdin(&null)?;
            Ok(Detached::Child(Readiness { other: writer, null }))
        }
    }
}

impl Readiness {
    /// Lets go of standard output and error, and lets the other process end with 0.
    ///
    /// # Errors
    /// What the system says; the other process may be gone.
    pub fn tell(mut self) -> io::Result<()> {
        dup2_stdout(&self.null)?;
        dup2_stderr(&self.null)?;
        self.other.write_all(&[1])
    }
}

fn threads() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

fn await_readiness(mut reader: PipeReader, child: Pid) -> ExitCode {
    if reader.read_exact(&mut [0]).is_ok() {
        return ExitCode::SUCCESS;
    }
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, code)) => ExitCode::from(u8::try_from(code).unwrap_or(1).max(1)),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_other_threads_is_not_doubled() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || stopped.recv());
        let refused = detach().expect_err("this test has threads");
        assert!(refused.to_string().contains("other threads"), "{refused}");
        drop(stop);
        assert!(other.join().expect("it ends").is_err());
    }
}
