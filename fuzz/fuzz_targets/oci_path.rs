#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| roadstead::oci::fuzzing::path(text));
