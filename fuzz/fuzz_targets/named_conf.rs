//! `cargo fuzz run named_conf`: see `tandem::config::named_conf::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tandem::config::named_conf::fuzz(octets));
