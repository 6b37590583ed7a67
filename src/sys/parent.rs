//! Ending with the process that started this one.

use std::io;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// Lets this process get SIGTERM when `parent`, which started it, ends in whatever way, SIGKILL among them.
///
/// The kernel watches the parent's thread that started this process; a change of this process's user or group makes it
/// forget (prctl(2), PR_SET_PDEATHSIG), so that this comes after it.
///
/// # Errors
/// `NotFound` when that process is not the parent: it ended before this was called, and no signal will come.
pub fn end_with(parent: u32) -> io::Result<()> {
    set_pdeathsig(Signal::SIGTERM)?;
    // In this order: a parent that ends in between is not the parent any more.
    if u32::try_from(getppid().as_raw()) == Ok(parent) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotFound, format!("process {parent} is not the parent of this one")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_the_parent_is_refused() {
        let error = end_with(std::process::id()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("is not the parent"), "{error}");
        set_pdeathsig(None).unwrap();
    }
}
