//! Calls on a channel: see the library of this package.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringway_fuzz::channel(bytes));
