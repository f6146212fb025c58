#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u64, &str)| roadstead::oci::fuzzing::range(input.1, input.0));
