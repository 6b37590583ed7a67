//! `cargo fuzz run master`: see `tandem::zone::master::fuzz_master`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::zone::master::fuzz_master(octets));
