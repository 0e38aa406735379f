//! Rules for a tracker and calls on it: see the library of this package.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringway_fuzz::tracker(bytes));
