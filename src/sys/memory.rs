//! How much memory there is to use.

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
