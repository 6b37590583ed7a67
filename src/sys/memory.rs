//! How much memory there is to use, and giving back what is not used.

use std::fs;

/// Octets of memory that this process may use: the machine's, or less if its control group has less.
///
/// Control groups of both versions are asked where they are usually mounted; in a container that is the container's own.
pub fn usable_octets() -> u64 {
    let machine = nix::sys::sysinfo::sysinfo().map_or(1 << 30, |info| info.ram_total());
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit_of = |path: &&str| fs::read_to_string(path).ok()?.trim().parse().ok();
    limits.iter().filter_map(limit_of).fold(machine, u64::min)
}

/// Octets of memory that the process has in use at the moment, as the system sees it; `None` where it does not tell.
pub fn resident_octets() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Gives pages that hold nothing back to the system, where the allocator (glibc's) keeps them otherwise: it returns by
/// itself only what lies behind the last thing in use, and a configuration outlives the text that it was read from.
///
/// It walks what is free, for milliseconds if that is much: not for the query path.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim(3) takes any pad, may be called by any thread, and touches no memory that is in use.
    #[allow(unsafe_code)]
    unsafe {
        libc::malloc_trim(0);
    }
}
