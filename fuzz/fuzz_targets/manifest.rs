#![no_main]

use roadstead_model::Manifest;
use roadstead_model::manifest::MAXIMUM_ANNOTATIONS;
use roadstead_model::measure::json_length;
use roadstead_model::media_type::LONGEST;

libfuzzer_sys::fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (declared, bytes) = input;
    if let Ok(manifest) = Manifest::parse(bytes, declared) {
        // The media type served with the bytes must be accepted with them again.
        let again = Manifest::parse(bytes, Some(&manifest.media_type));
        assert_eq!(again.as_ref(), Ok(&manifest));
        assert!(manifest.required_blobs().len() <= manifest.layers.len() + 1);
        // Listings repeat these, so they must be short.
        let types = manifest.artifact_media_type().into_iter().chain([manifest.media_type.as_str()]);
        assert!(types.into_iter().all(|media_type| media_type.len() <= LONGEST));
        assert!(manifest.subject.is_none() || json_length(&manifest.annotations) <= MAXIMUM_ANNOTATIONS);
    }
});
