//! `cargo fuzz run response`: see `tandem::wire::fuzz_response`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::wire::fuzz_response(octets));
