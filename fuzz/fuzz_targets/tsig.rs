//! `cargo fuzz run tsig`: see `tandem::tsig::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::tsig::fuzz(octets));
