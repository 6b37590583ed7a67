//! The cores that workers run on.

/// The cores that this process may run on, in order; at least one.
pub fn usable() -> Vec<usize> {
    let set = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0));
    let cores: Vec<usize> = set
        .map(|set| (0..nix::sched::CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
        .unwrap_or_default();
    if cores.is_empty() { vec![0] } else { cores }
}

/// The cores of this many workers, each of which runs on one: the first ones; where there are fewer, in turn.
pub fn of_workers(workers: usize) -> Vec<usize> {
    usable().into_iter().cycle().take(workers).collect()
}

/// Keeps the calling thread on one core; where the system does not allow it, the thread stays free.
pub fn stay_on(core: usize) {
    let mut set = nix::sched::CpuSet::new();
    if set.set(core).is_ok() {
        let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
    }
}
