#![no_main]

use roadstead_model::Manifest;

libfuzzer_sys::fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (declared, bytes) = input;
    if let Ok(manifest) = Manifest::parse(bytes, declared) {
        // What is answered with the stored bytes must be accepted with them again.
        let again = Manifest::parse(bytes, Some(&manifest.media_type));
        assert_eq!(again.as_ref(), Ok(&manifest));
        assert!(manifest.required_blobs().len() <= manifest.layers.len() + 1);
    }
});
