//! Asking the core to bring memory near before it is used.
//!
//! An instruction, no system call: nothing is read, changed or waited for, so modules without I/O may use it.

#![allow(unsafe_code)]

/// Octets of a cache line; where lines are longer, some are asked for twice.
pub const LINE_OCTETS: usize = 64;

/// Asks for the first line of `at`.
#[inline(always)]
pub fn prefetch<T: ?Sized>(at: &T) {
    line(std::ptr::from_ref(at).cast());
}

/// Asks for the lines of `octets`, for `most` of them at most, and for the last one where all are asked for.
#[inline(always)]
pub fn prefetch_octets(octets: &[u8], most: usize) {
    octets.chunks(LINE_OCTETS).take(most).for_each(prefetch);
    // Octets that do not begin with a line end in one more than they have chunks.
    if let Some(last) = octets.last().filter(|_| octets.len() <= most * LINE_OCTETS) {
        prefetch(last);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(at: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86_64 has SSE; a prefetch of any address is allowed and never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at) };
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn line(at: *const i8) {
    // SAFETY: a prefetch of any address is allowed and never faults; it changes no register, flag or memory.
    unsafe { std::arch::asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
fn line(_at: *const i8) {}
