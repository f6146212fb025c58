//! Manifests, parsed once when they are pushed.

use crate::Digest;
use crate::measure::{beginning, json_length};
use crate::media_type::{self, Kind};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The maximum size of a manifest in bytes: 4 MiB (OCI distribution specification, "Pushing Manifests").
pub const MAXIMUM_SIZE: usize = 4 * 1024 * 1024;

/// The maximum size in bytes of a referrer's annotations as JSON: 64 KiB. Every listing of the referrers repeats them (OCI
/// distribution specification, "Listing Referrers"), and clients read at most one page of 4 MiB. Signatures and attestations
/// (cosign, Notation) have a few hundred bytes of annotations.
pub const MAXIMUM_ANNOTATIONS: u64 = 64 * 1024;

/// A reference from a manifest to other content (OCI image specification, "Descriptors").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Whether the content may be stored elsewhere, because it has URLs or a non-distributable type.
    pub external: bool,
}

/// The parts of a manifest that the registry interprets. The bytes are stored as pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The media type with which the manifest was pushed and is served.
    pub media_type: String,
    pub kind: Kind,
    /// The config of an image.
    pub config: Option<Descriptor>,
    /// The layers of an image, or the blobs of an artifact.
    pub layers: Vec<Descriptor>,
    /// The entries of an index.
    pub manifests: Vec<Descriptor>,
    /// The manifest to which this one is a referrer.
    pub subject: Option<Digest>,
    /// `artifactType`, if not empty.
    pub artifact_type: Option<String>,
    pub annotations: BTreeMap<String, String>,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not a JSON object.
    #[error("Invalid JSON syntax")]
    Syntax,
    /// A member is missing, has the wrong type, or is not a well-formed digest.
    #[error("{0}")]
    Shape(String),
    /// `Content-Type` and `mediaType` differ.
    #[error("the media type is '{declared}' but the manifest says '{written}'")]
    MediaTypeMismatch {
        /// The media type of the request.
        declared: String,
        /// The media type in the manifest.
        written: String,
    },
    /// Neither the request nor the manifest names a media type, and it cannot be inferred.
    #[error("the manifest has no media type")]
    MediaTypeMissing,
    /// Docker's schema 1, which is not supported.
    #[error("manifests of schema version 1 are not supported")]
    SchemaOne,
    /// A media type or an artifact type is longer than [`media_type::LONGEST`].
    #[error("the media type '{beginning}…' has {length} bytes: at most {} are allowed", media_type::LONGEST)]
    MediaTypeTooLong {
        /// The beginning of the media type.
        beginning: String,
        /// In bytes.
        length: usize,
    },
    /// The annotations of a referrer exceed [`MAXIMUM_ANNOTATIONS`].
    #[error("the annotations take {size} bytes: at most {MAXIMUM_ANNOTATIONS} are allowed in a manifest that has a subject")]
    AnnotationsTooLarge {
        /// The size of the annotations as JSON, in bytes.
        size: u64,
    },
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    schema_version: Option<u64>,
    artifact_type: Option<String>,
    config: Option<Object<RawDescriptor>>,
    #[serde(default, deserialize_with = "list")]
    layers: Option<Vec<Object<RawDescriptor>>>,
    #[serde(default, deserialize_with = "list")]
    blobs: Option<Vec<Object<RawDescriptor>>>,
    #[serde(default, deserialize_with = "list")]
    manifests: Option<Vec<Object<RawDescriptor>>>,
    subject: Option<Object<RawDescriptor>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    urls: Option<Vec<String>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeOnly {
    media_type: Option<String>,
}

/// Deserialises a list that is present but may be `null`, as Go writes empty lists (BuildKit, for an image without layers).
fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    Option::deserialize(deserializer).map(|list| Some(list.unwrap_or_default()))
}

/// Deserialises a `T` from a JSON object only. The derived implementation would also accept an array.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl Manifest {
    /// Parses a pushed manifest.
    ///
    /// `declared` is the media type from the request (`Content-Type` without parameters, or `imageManifestMediaType`); an empty
    /// one counts as absent. It applies to a manifest without `mediaType`. Absent and null lists are empty.
    pub fn parse(bytes: &[u8], declared: Option<&str>) -> Result<Self, ManifestError> {
        let manifest = Self::parse_unbounded(bytes, declared)?;
        let size = if manifest.subject.is_some() { json_length(&manifest.annotations) } else { 0 };
        if size > MAXIMUM_ANNOTATIONS { Err(ManifestError::AnnotationsTooLarge { size }) } else { Ok(manifest) }
    }

    /// Whether `bytes` is a JSON object without `mediaType`.
    pub fn is_untyped(bytes: &[u8]) -> bool {
        written_media_type(bytes).is_ok_and(|written| written.is_none())
    }

    fn parse_unbounded(bytes: &[u8], declared: Option<&str>) -> Result<Self, ManifestError> {
        let written = written_media_type(bytes)?;
        let declared = declared.filter(|text| !text.is_empty());
        for media_type in declared.into_iter().chain(written.as_deref()) {
            check_media_type(media_type)?;
        }
        let media_type = match (declared, written) {
            (Some(declared), Some(written)) if declared != written => {
                return Err(ManifestError::MediaTypeMismatch { declared: declared.to_owned(), written });
            }
            (Some(declared), _) => Some(declared.to_owned()),
            (None, written) => written,
        };
        if let Some(other) = media_type.as_deref().filter(|text| media_type::kind(text) == Some(Kind::Other)) {
            return Self::other(other, &serde_json::from_slice(bytes).map_err(error_of)?);
        }
        let Object(raw) = serde_json::from_slice::<Object<RawManifest>>(bytes).map_err(error_of)?;
        let media_type = match media_type {
            Some(media_type) => media_type,
            None => implied_media_type(&raw)?.to_owned(),
        };
        Self::from_raw(raw, media_type)
    }

    /// JSON of an unknown media type may contain anything. Members with the names and types of a referrer's are interpreted as
    /// such, so that the manifest is listed under its subject; all others are ignored.
    fn other(media_type: &str, raw: &serde_json::Map<String, Value>) -> Result<Self, ManifestError> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let artifact_type = raw.get("artifactType").and_then(text);
        artifact_type.as_deref().map_or(Ok(()), check_media_type)?;
        let annotations = raw.get("annotations").and_then(Value::as_object).into_iter().flatten();
        Ok(Self {
            media_type: media_type.to_owned(),
            kind: Kind::Other,
            config: None,
            layers: Vec::new(),
            manifests: Vec::new(),
            subject: raw.get("subject").and_then(|subject| Digest::parse(subject.get("digest")?.as_str()?).ok()),
            artifact_type,
            annotations: annotations.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect(),
        })
    }

    fn from_raw(raw: RawManifest, media_type: String) -> Result<Self, ManifestError> {
        let kind = media_type::kind(&media_type).filter(|_| raw.schema_version != Some(1)).ok_or(ManifestError::SchemaOne)?;
        if media_type != media_type::OCI_ARTIFACT && raw.schema_version != Some(2) {
            return Err(ManifestError::Shape("schemaVersion must be 2".to_owned()));
        }
        if kind == Kind::Image && media_type != media_type::OCI_ARTIFACT && raw.config.is_none() {
            return Err(ManifestError::Shape("config is missing".to_owned()));
        }
        raw.artifact_type.as_deref().map_or(Ok(()), check_media_type)?;
        let (config, layers, manifests) = match kind {
            Kind::Index => (None, Vec::new(), raw.manifests.unwrap_or_default()),
            Kind::Image | Kind::Other => (raw.config, raw.layers.or(raw.blobs).unwrap_or_default(), Vec::new()),
        };
        Ok(Self {
            kind,
            config: config.map(descriptor).transpose()?,
            layers: layers.into_iter().map(descriptor).collect::<Result<_, _>>()?,
            manifests: manifests.into_iter().map(descriptor).collect::<Result<_, _>>()?,
            subject: raw.subject.map(descriptor).transpose()?.map(|subject| subject.digest),
            artifact_type: raw.artifact_type.filter(|text| !text.is_empty()),
            annotations: raw.annotations.unwrap_or_default(),
            media_type,
        })
    }

    /// Returns the artifact type, otherwise the config's media type; `None` for an index without an artifact type. ECR calls this
    /// `artifactMediaType`, and referrers listings `artifactType`.
    pub fn artifact_media_type(&self) -> Option<&str> {
        self.artifact_type.as_deref().or_else(|| self.config.as_ref().map(|config| config.media_type.as_str()))
    }

    /// The compressed size of the image in bytes: the sum of config and layers as stated in their descriptors.
    pub fn content_size(&self) -> u64 {
        self.config.iter().chain(&self.layers).fold(0_u64, |sum, part| sum.saturating_add(part.size))
    }

    /// The blobs that must exist in the repository before the push: config and layers, without duplicates.
    pub fn required_blobs(&self) -> Vec<&Digest> {
        let mut seen = std::collections::HashSet::new();
        let parts = self.config.iter().chain(&self.layers).filter(|part| !part.external);
        parts.map(|part| &part.digest).filter(|digest| seen.insert(digest.as_str())).collect()
    }
}

fn descriptor(Object(raw): Object<RawDescriptor>) -> Result<Descriptor, ManifestError> {
    let digest =
        Digest::parse(&raw.digest).map_err(|error| ManifestError::Shape(format!("'{}': {error}", beginning(&raw.digest, SHOWN))))?;
    check_media_type(&raw.media_type)?;
    if raw.size > i64::MAX as u64 {
        return Err(ManifestError::Shape(format!("the size of '{digest}' is out of range")));
    }
    let external = media_type::is_non_distributable(&raw.media_type) || raw.urls.is_some_and(|urls| !urls.is_empty());
    Ok(Descriptor { media_type: raw.media_type, digest, size: raw.size, external })
}

/// The maximum length in bytes of a client's string quoted in a message.
const SHOWN: usize = 80;

fn check_media_type(text: &str) -> Result<(), ManifestError> {
    if text.len() <= media_type::LONGEST {
        return Ok(());
    }
    Err(ManifestError::MediaTypeTooLong { beginning: beginning(text, SHOWN).to_owned(), length: text.len() })
}

/// The `mediaType` in the manifest, if not empty.
fn written_media_type(bytes: &[u8]) -> Result<Option<String>, ManifestError> {
    let Object(TypeOnly { media_type }) = serde_json::from_slice(bytes).map_err(error_of)?;
    Ok(media_type.filter(|text| !text.is_empty()))
}

fn implied_media_type(raw: &RawManifest) -> Result<&'static str, ManifestError> {
    match (&raw.manifests, &raw.config, &raw.layers) {
        _ if raw.schema_version == Some(1) => Err(ManifestError::SchemaOne),
        (Some(_), None, None) => Ok(media_type::OCI_INDEX),
        (None, Some(_), _) => Ok(media_type::OCI_MANIFEST),
        _ => Err(ManifestError::MediaTypeMissing),
    }
}

fn error_of(error: serde_json::Error) -> ManifestError {
    match error.classify() {
        // serde_json's message would quote the unexpected string, however long.
        serde_json::error::Category::Data => ManifestError::Shape(beginning(&error.to_string(), 2 * SHOWN).to_owned()),
        _ => ManifestError::Syntax,
    }
}

#[cfg(test)]
mod tests {
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
}
