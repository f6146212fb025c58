//! The record of a backup.

use crate::error::{Error, Result};
use crate::secrets::MasterKey;
use crate::transfer::blob::Blob;
use roadstead_model::Digest;
use serde::{Deserialize, Serialize};

/// The version of the format, which changes when an older Roadstead could not restore a backup.
pub(super) const FORMAT: u32 = 1;

/// A backup that is complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub format: u32,
    /// The version of the Roadstead that made it.
    pub made_by: String,
    /// The id of the installation.
    pub installation: String,
    /// The time whose state it is, and the time when it was complete (RFC 3339).
    pub begun: String,
    pub completed: String,
    pub repositories: u64,
    pub images: u64,
    pub tags: u64,
    pub blobs: u64,
    /// The sum of the sizes of all blobs.
    pub blob_bytes: u64,
    /// What was damaged in the source, by the names of images: at most 1,000.
    pub damaged: Vec<String>,
    pub(crate) metadata: StoredFile,
    pub(crate) statistics: Option<StoredFile>,
    /// Its blobs. Snapshots of the first versions have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) blob_list: Option<StoredFile>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) master_key: Option<HexKey>,
}

/// The master key in hex. It is never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct HexKey(pub(super) String);

impl std::fmt::Debug for HexKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HexKey(…)")
    }
}

/// A file that is stored as a blob.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredFile {
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) key: String,
}

impl Snapshot {
    /// Reads a record. Fails if it has another format.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let damaged = |error: serde_json::Error| Error::Refused(format!("the record '{name}' cannot be read: {error}"));
        let Format { format } = serde_json::from_str(text).map_err(damaged)?;
        if format > FORMAT {
            return Err(Error::Refused(format!(
                "'{name}' was made by a newer Roadstead (format {format}, this version knows up to {FORMAT}): restore it with that version"
            )));
        }
        serde_json::from_str(text).map_err(damaged)
    }

    /// What commands call it: the time whose state it is, as a name of a file.
    pub(crate) fn name(&self) -> String {
        self.begun.replace(':', "-")
    }

    /// Everything that it needs but blobs.
    pub(super) fn files(&self) -> impl Iterator<Item = &StoredFile> {
        [Some(&self.metadata), self.statistics.as_ref(), self.blob_list.as_ref()].into_iter().flatten()
    }

    /// The master key, if the backup includes it.
    pub(crate) fn master_key(&self) -> Result<MasterKey> {
        let Some(HexKey(text)) = &self.master_key else {
            return Err(Error::Refused(
                "it was made without the master key: give that key by ROADSTEAD_MASTER_KEY or --master-key-file".to_owned(),
            ));
        };
        let mut key = [0; 32];
        hex::decode_to_slice(text, &mut key).map_err(|_| Error::Refused("its master key is malformed".to_owned()))?;
        Ok(MasterKey::new(key))
    }
}

impl StoredFile {
    /// The file as what it is in the place.
    pub(super) fn as_blob(&self) -> Result<Blob> {
        Ok(Blob { id: 0, digest: self.digest()?, size: self.size, key: self.key.clone() })
    }

    pub(super) fn digest(&self) -> Result<Digest> {
        Digest::parse(&self.digest).map_err(|error| Error::Refused(format!("the record of the backup is damaged: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_format_is_refused_whatever_else_it_has() {
        let refusal = |text| match Snapshot::parse("2026", text) {
            Err(Error::Refused(text)) => text,
            other => panic!("{other:?}"),
        };
        let text = refusal(r#"{"format": 2, "other": []}"#);
        assert_eq!(text, "'2026' was made by a newer Roadstead (format 2, this version knows up to 1): restore it with that version");
        assert!(refusal(r#"{"format": 1}"#).contains("cannot be read: missing field"));
        assert!(refusal("").contains("cannot be read"));
    }
}
