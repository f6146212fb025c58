use super::*;
use crate::media_type::{DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST};
use proptest::prelude::*;

fn digest(n: u8) -> String {
    format!("sha256:{}", format!("{n:02x}").repeat(32))
}

fn image(extra: &str) -> String {
    format!(
        r#"{{"schemaVersion":2{extra},"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":10}},
        "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":100}},
                  {{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":100}}]}}"#,
        digest(1),
        digest(2),
        digest(2)
    )
}

#[test]
fn an_image_is_as_large_as_its_config_and_layers() {
    let manifest = Manifest::parse(image("").as_bytes(), Some(OCI_MANIFEST)).expect("an image");
    assert_eq!(manifest.content_size(), 210);
    assert_eq!(manifest.required_blobs().len(), 2, "a repeated layer is required once");
    assert_eq!(manifest.artifact_media_type(), Some("application/vnd.oci.image.config.v1+json"));
}

#[test]
fn the_artifact_type_comes_before_the_configs_media_type() {
    let text = image(r#","artifactType":"application/x.test""#);
    let manifest = Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)).expect("an artifact");
    assert_eq!(manifest.artifact_media_type(), Some("application/x.test"));
}

#[test]
fn a_manifest_without_a_media_type_takes_the_declared_or_the_implied_one() {
    assert_eq!(Manifest::parse(image("").as_bytes(), Some(DOCKER_MANIFEST)).map(|m| m.media_type), Ok(DOCKER_MANIFEST.into()));
    assert_eq!(Manifest::parse(image("").as_bytes(), None).map(|m| m.media_type), Ok(OCI_MANIFEST.into()));
    assert_eq!(Manifest::parse(br#"{"schemaVersion":2,"manifests":[]}"#, None).map(|m| m.media_type), Ok(OCI_INDEX.into()));
}

#[test]
fn two_different_media_types_are_refused() {
    let text = image(&format!(r#","mediaType":"{DOCKER_MANIFEST}""#));
    assert!(matches!(Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)), Err(ManifestError::MediaTypeMismatch { .. })));
}

#[test]
fn a_non_distributable_layer_is_not_required() {
    let text = image("").replace("image.layer.v1.tar+gzip", "image.layer.nondistributable.v1.tar+gzip");
    let manifest = Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)).expect("an image");
    assert_eq!(manifest.required_blobs().len(), 1);
}

#[test]
fn what_is_no_manifest_is_refused_with_its_reason() {
    for (text, declared, error) in [
        ("", OCI_MANIFEST, ManifestError::Syntax),
        ("{", OCI_MANIFEST, ManifestError::Syntax),
        ("{}", OCI_MANIFEST, ManifestError::Shape("schemaVersion must be 2".into())),
        (r#"{"schemaVersion":2}"#, OCI_MANIFEST, ManifestError::Shape("config is missing".into())),
        (r#"{"schemaVersion":2,"layers":null}"#, OCI_MANIFEST, ManifestError::Shape("config is missing".into())),
        (r#"{"schemaVersion":1}"#, DOCKER_SCHEMA1, ManifestError::SchemaOne),
        (r#"{"schemaVersion":2}"#, "", ManifestError::MediaTypeMissing),
    ] {
        assert_eq!(Manifest::parse(text.as_bytes(), Some(declared)), Err(error), "{text} as {declared}");
    }
}

#[test]
fn an_array_is_no_object_wherever_one_has_to_be() {
    let descriptor = format!(r#"["application/x","{}",10,null]"#, digest(1));
    let layer = format!(r#"{{"digest":"{}","size":1}}"#, digest(2));
    for text in [
        "[]".to_owned(),
        r#"["application/vnd.oci.image.manifest.v1+json"]"#.to_owned(),
        format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[]}}"#),
        format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{descriptor}]}}"#),
        format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[],"subject":{descriptor}}}"#),
    ] {
        let Err(ManifestError::Shape(reason)) = Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)) else { panic!("{text}") };
        assert!(reason.starts_with("invalid type: sequence, expected an object at line 1 column "), "{reason}");
    }
}

#[test]
fn json_of_an_unknown_media_type_is_stored_and_requires_nothing() {
    let manifest = Manifest::parse(br#"{"config":5}"#, Some("application/vnd.example+json")).expect("any JSON object");
    assert_eq!((manifest.kind, manifest.required_blobs().len()), (Kind::Other, 0));
}

#[test]
fn json_of_an_unknown_media_type_may_refer_to_a_subject() {
    let text = format!(r#"{{"subject":{{"digest":"{}"}},"artifactType":"a/b","annotations":{{"x":"y","z":1}}}}"#, digest(1));
    let manifest = Manifest::parse(text.as_bytes(), Some("application/vnd.example+json")).expect("any JSON object");
    assert_eq!(manifest.subject.map(|digest| digest.to_string()), Some(digest(1)));
    assert_eq!((manifest.artifact_type.as_deref(), manifest.annotations.len()), (Some("a/b"), 1));
    let odd = Manifest::parse(br#"{"subject":7,"annotations":[]}"#, Some("application/vnd.example+json")).expect("any JSON object");
    assert_eq!(odd.subject, None);
}

#[test]
fn a_list_that_is_null_or_absent_is_empty() {
    let config = format!(r#""config":{{"mediaType":"a/b","digest":"{}","size":10}}"#, digest(1));
    for layers in ["", r#","layers":null"#, r#","layers":[]"#] {
        for declared in [Some(OCI_MANIFEST), Some(DOCKER_MANIFEST), None] {
            let text = format!(r#"{{"schemaVersion":2,{config}{layers}}}"#);
            let manifest = Manifest::parse(text.as_bytes(), declared).expect("an image without layers");
            assert_eq!((manifest.kind, manifest.layers.len(), manifest.required_blobs().len()), (Kind::Image, 0, 1), "{text}");
        }
    }
    for text in [r#"{"schemaVersion":2}"#, r#"{"schemaVersion":2,"manifests":null}"#] {
        let manifest = Manifest::parse(text.as_bytes(), Some(OCI_INDEX)).expect("an empty index");
        assert_eq!((manifest.kind, manifest.manifests.len()), (Kind::Index, 0), "{text}");
    }
    assert_eq!(Manifest::parse(br#"{"schemaVersion":2,"manifests":null}"#, None).map(|m| m.media_type), Ok(OCI_INDEX.into()));
    let artifact = Manifest::parse(br#"{"blobs":null}"#, Some(media_type::OCI_ARTIFACT)).expect("an artifact without blobs");
    assert_eq!(artifact.layers, []);
    for text in [r#"{"schemaVersion":2,"manifests":[null]}"#, r#"{"schemaVersion":2,"manifests":{}}"#] {
        assert!(matches!(Manifest::parse(text.as_bytes(), Some(OCI_INDEX)), Err(ManifestError::Shape(_))), "{text}");
    }
}

#[test]
fn a_media_type_has_at_most_255_bytes_wherever_it_stands() {
    let of = |length: usize| format!("a/{}", "x".repeat(length - 2));
    let image_of = |config: &str, layer: &str, artifact: &str| {
        format!(
            r#"{{"schemaVersion":2,"artifactType":"{artifact}","config":{{"mediaType":"{config}","digest":"{}","size":10}},
            "layers":[{{"mediaType":"{layer}","digest":"{}","size":100}}]}}"#,
            digest(1),
            digest(2)
        )
    };
    let good = image_of(&of(255), &of(255), &of(255));
    assert!(Manifest::parse(good.as_bytes(), Some(OCI_MANIFEST)).is_ok());
    let long = of(256);
    let error = ManifestError::MediaTypeTooLong { beginning: long[..80].to_owned(), length: 256 };
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{long}","digest":"{}","size":1}}]}}"#, digest(1));
    let written = format!(r#"{{"mediaType":"{long}"}}"#);
    let other = format!(r#"{{"artifactType":"{long}"}}"#);
    for (text, declared) in [
        (image_of(&long, "", ""), OCI_MANIFEST),
        (image_of("", &long, ""), OCI_MANIFEST),
        (image_of("", "", &long), OCI_MANIFEST),
        (index, OCI_INDEX),
        ("{}".to_owned(), long.as_str()),
        (written, ""),
        (other, "application/vnd.example+json"),
    ] {
        assert_eq!(Manifest::parse(text.as_bytes(), Some(declared)), Err(error.clone()), "{text}");
    }
}

#[test]
fn the_annotations_of_a_referrer_have_a_bound_and_those_of_nothing_else() {
    let text = |bytes: u64, subject: bool| {
        let subject = if subject { format!(r#","subject":{{"digest":"{}","size":1}}"#, digest(3)) } else { String::new() };
        // `{"x":""}` takes 8 bytes.
        image(&format!(r#"{subject},"annotations":{{"x":"{}"}}"#, "y".repeat(bytes as usize - 8)))
    };
    let refused = Err(ManifestError::AnnotationsTooLarge { size: MAXIMUM_ANNOTATIONS + 1 });
    for media_type in [OCI_MANIFEST, "application/vnd.example+json"] {
        let parse = |text: String| Manifest::parse(text.as_bytes(), Some(media_type)).map(|_| ());
        assert_eq!(parse(text(MAXIMUM_ANNOTATIONS, true)), Ok(()), "{media_type}");
        assert_eq!(parse(text(MAXIMUM_ANNOTATIONS + 1, true)), refused, "{media_type}");
        assert_eq!(parse(text(MAXIMUM_ANNOTATIONS + 1, false)), Ok(()), "{media_type}");
    }
}

#[test]
fn no_message_repeats_a_long_text_of_the_clients() {
    let long = "x".repeat(100_000);
    for text in [
        format!(r#"{{"schemaVersion":"{long}"}}"#),
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"{long}","size":1}},"layers":[]}}"#),
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"","size":"{long}"}}}}"#),
        format!(r#"{{"mediaType":"{long}"}}"#),
    ] {
        let error = Manifest::parse(text.as_bytes(), Some(OCI_MANIFEST)).expect_err("no manifest");
        assert!(error.to_string().len() < 300, "{error}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), declared in "[a-z/+.0-9]{0,20}") {
        let _ = Manifest::parse(&bytes, Some(&declared));
    }

    #[test]
    fn a_list_without_entries_may_be_written_in_three_ways(
        lists in proptest::sample::subsequence(vec!["layers", "blobs", "manifests"], 0..4),
        form in prop::sample::select(vec!["null", "[]", ""]),
        media_type in prop::sample::select(vec![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, media_type::OCI_ARTIFACT]),
    ) {
        let with = |form: &str| {
            let lists = lists.iter().filter(|_| !form.is_empty()).map(|list| format!(r#","{list}":{form}"#)).collect::<String>();
            let text = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":1}}{lists}}}"#, digest(1));
            Manifest::parse(text.as_bytes(), Some(media_type))
        };
        prop_assert!(with(form).is_ok());
        prop_assert_eq!(with(form), with("[]"));
    }
}
