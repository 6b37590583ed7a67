//! `cargo fuzz run update`: see `tandem::zone::update::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::zone::update::fuzz(octets));
