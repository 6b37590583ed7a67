//! `cargo fuzz run query`: see `tandem::wire::fuzz_query`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::wire::fuzz_query(octets));
