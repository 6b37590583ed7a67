//! Writing to the terminal, or whatever stands there, without waiting for it for long.
//!
//! A pipe that nobody reads and a terminal that is held must stop neither the other channels nor the program's end,
//! so each piece waits for room a bounded time and is given up then.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(test)]
use std::{os::fd::OwnedFd, sync::Arc};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long a piece waits for room, in milliseconds.
const PATIENCE_MILLISECONDS: u16 = 100;

/// What a pipe that polls writable takes without blocking: PIPE_BUF on Linux, in octets.
const PIECE: usize = 4096;

/// Where messages for stderr go.
#[derive(Clone, Debug)]
pub(super) enum Stderr {
    /// The process's.
    Process,
    /// Something that a test reads.
    #[cfg(test)]
    Other(Arc<OwnedFd>),
}

impl Stderr {
    /// Writes all, or says why not.
    pub(super) fn write(&self, mut octets: &[u8]) -> io::Result<()> {
        let process = io::stderr();
        let descriptor = match self {
            Stderr::Process => process.as_fd(),
            #[cfg(test)]
            Stderr::Other(descriptor) => descriptor.as_fd(),
        };
        while !octets.is_empty() {
            wait_writable(descriptor)?;
            // The descriptor itself: the standard library's stream has a lock that others may hold while they wait.
            match nix::unistd::write(descriptor, &octets[..octets.len().min(PIECE)]) {
                Ok(written) => octets = &octets[written..],
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Waits until `descriptor` takes something, a bounded time.
pub(super) fn wait_writable(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut polled = [PollFd::new(descriptor, PollFlags::POLLOUT)];
    match poll(&mut polled, PollTimeout::from(PATIENCE_MILLISECONDS)) {
        Ok(0) => Err(io::Error::new(ErrorKind::TimedOut, "nobody reads it")),
        // An error on the descriptor is the next write's to tell.
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_nobody_reads_is_given_up() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let stderr = Stderr::Other(Arc::new(writer));
        let line = [b'x'; 1000];
        let mut written = 0;
        let error = loop {
            match stderr.write(&line) {
                Ok(()) => written += line.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(written >= PIECE, "{written} octets fit");

        drop(reader);
        assert_eq!(stderr.write(&line).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
