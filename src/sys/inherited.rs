//! Sockets that whoever started this process has bound for it (sd_listen_fds(3)).

#![allow(unsafe_code)]

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// The first one that is handed over (SD_LISTEN_FDS_START).
const FIRST: RawFd = 3;
/// More are no service's.
const MOST: RawFd = 4096;

/// Takes them; once, at the start of the process. None when they are meant for another process.
pub fn take() -> Vec<OwnedFd> {
    let variable = |name| std::env::var(name).ok()?.parse().ok();
    let (count, pid): (Option<RawFd>, Option<u32>) =
        (variable("LISTEN_FDS"), std::env::var("LISTEN_PID").ok().and_then(|text| text.parse().ok()));
    match (count, pid) {
        (Some(count @ 1..=MOST), Some(pid)) if pid == std::process::id() => {
            (FIRST..FIRST + count).filter_map(own).collect()
        }
        _ => Vec::new(),
    }
}

/// `None` for a descriptor that is not open.
fn own(descriptor: RawFd) -> Option<OwnedFd> {
    // SAFETY: fcntl(2) with F_GETFD touches no memory and says whether the number is an open descriptor.
    if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1 {
        return None;
    }
    // SAFETY: it is open, as was just seen, and whoever set LISTEN_PID to this process handed it over; `take` is called
    // once, before anything here opened a descriptor, so that nobody else owns it.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let _ = fcntl(&owned, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    Some(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_that_was_not_handed_over() {
        // Tests are not started by systemd: 0 to 2 are open, and stay with whom they are.
        assert!(take().is_empty());
        assert!(own(9_999).is_none(), "not open");
    }
}
