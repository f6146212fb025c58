//! Parses manifests.

use super::{Descriptor, MAXIMUM_ANNOTATIONS, Manifest, ManifestError};
use crate::digest::Digest;
use crate::measure::{beginning, json_length};
use crate::media_type::{self, Kind};
use crate::platform::Platform;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest<'a> {
    schema_version: Option<u64>,
    artifact_type: Option<String>,
    #[serde(borrow)]
    config: Option<Object<RawDescriptor<'a>>>,
    #[serde(borrow, default, deserialize_with = "list")]
    layers: Option<Vec<Object<RawDescriptor<'a>>>>,
    #[serde(borrow, default, deserialize_with = "list")]
    blobs: Option<Vec<Object<RawDescriptor<'a>>>>,
    #[serde(borrow, default, deserialize_with = "list")]
    manifests: Option<Vec<Object<RawDescriptor<'a>>>>,
    #[serde(borrow)]
    subject: Option<Object<RawDescriptor<'a>>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor<'a> {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    urls: Option<Vec<String>>,
    // What the registry only shows is never a reason to refuse a manifest.
    #[serde(borrow)]
    platform: Option<&'a RawValue>,
    #[serde(borrow)]
    artifact_type: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeOnly {
    media_type: Option<String>,
}

/// Deserialises a list that is present but may be `null`: Go encodes an empty list that way (BuildKit, for an image without layers).
fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    Option::deserialize(deserializer).map(|list| Some(list.unwrap_or_default()))
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

    fn from_raw(raw: RawManifest<'_>, media_type: String) -> Result<Self, ManifestError> {
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
}

fn descriptor(Object(raw): Object<RawDescriptor<'_>>) -> Result<Descriptor, ManifestError> {
    let digest =
        Digest::parse(&raw.digest).map_err(|error| ManifestError::Shape(format!("'{}': {error}", beginning(&raw.digest, SHOWN))))?;
    check_media_type(&raw.media_type)?;
    if raw.size > i64::MAX as u64 {
        return Err(ManifestError::Shape(format!("the size of '{digest}' is out of range")));
    }
    let external = media_type::is_non_distributable(&raw.media_type) || raw.urls.is_some_and(|urls| !urls.is_empty());
    Ok(Descriptor {
        media_type: raw.media_type,
        digest,
        size: raw.size,
        external,
        platform: raw.platform.and_then(|raw| Platform::from_json(raw.get())),
        artifact_type: well_formed::<String>(raw.artifact_type).filter(|text| !text.is_empty() && text.len() <= media_type::LONGEST),
        annotations: well_formed(raw.annotations).unwrap_or_default(),
    })
}

/// The value of an optional member, if it has the expected type.
fn well_formed<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
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

fn implied_media_type(raw: &RawManifest<'_>) -> Result<&'static str, ManifestError> {
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
