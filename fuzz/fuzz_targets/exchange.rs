//! `cargo fuzz run exchange`: see `tandem::answer::fuzz_exchange`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::answer::fuzz_exchange(octets));
