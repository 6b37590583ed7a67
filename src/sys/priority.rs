//! How much of a core a thread gets beside others.

#![allow(unsafe_code)]

use std::io;

/// Lets the calling thread yield to the others of this host: nice by so many steps, `1..=19`. At 10 it gets about a
/// tenth of what a thread as usual gets where both want the core. Anybody may; only the privileged can take it back.
///
/// # Errors
/// What the system says; the thread stays as it was.
pub fn yield_to_others(steps: i32) -> io::Result<()> {
    // SAFETY: no memory is passed; on Linux a `who` of 0 with PRIO_PROCESS is the calling thread.
    let failed = unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, steps) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the calling thread: the 19th field of its status line.
    fn niceness() -> i32 {
        let line = std::fs::read_to_string("/proc/thread-self/stat").expect("proc is mounted");
        let fields = line.rsplit(") ").next().expect("a name in parentheses");
        fields.split(' ').nth(16).and_then(|word| word.parse().ok()).expect("a number")
    }

    #[test]
    fn only_the_calling_thread_yields() {
        let before = niceness();
        let inside = std::thread::spawn(|| {
            yield_to_others(15).expect("anybody may");
            niceness()
        });
        assert_eq!(inside.join().expect("it ends"), 15);
        assert_eq!(niceness(), before);
    }
}
