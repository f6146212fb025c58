//! The config of an image, read and parsed by the kind of the image.

use crate::error::Result;
use crate::installation::Installation;
use crate::repository_blob::StoredBlob;
use roadstead_model::gallery::ArtifactKind;
use roadstead_model::gallery::chart::Chart;
use roadstead_model::gallery::image_config::ImageConfig;
use roadstead_model::gallery::wasm::WasmConfig;
use roadstead_model::manifest::Manifest;

/// The largest config that is read, in bytes: 1 MiB. Those of images have some kilobytes.
const LARGEST_CONFIG: u64 = 1 << 20;

/// What the config of an artifact says.
#[derive(Debug, Clone)]
pub enum Config {
    /// There is none, it is not JSON, or nothing is known about its type.
    Absent,
    /// It is not read, because it has more than 1 MiB.
    TooLarge,
    Image(Box<ImageConfig>),
    Chart(Box<Chart>),
    Wasm(Box<WasmConfig>),
}

/// A manifest and the blob of its config.
pub(super) struct Content<'a> {
    pub(super) kind: ArtifactKind,
    pub(super) manifest: &'a Manifest,
    /// `None` if the repository does not hold it.
    pub(super) blob: Option<&'a StoredBlob>,
}

impl Installation {
    pub(super) async fn read_config(&self, content: Content<'_>) -> Result<Config> {
        let parse = match content.kind {
            ArtifactKind::Image => |bytes: &[u8]| ImageConfig::parse(bytes).map(Box::new).map(Config::Image),
            ArtifactKind::Chart => |bytes: &[u8]| Chart::parse(bytes).map(Box::new).map(Config::Chart),
            ArtifactKind::Wasm => |bytes: &[u8]| WasmConfig::parse(bytes).map(Box::new).map(Config::Wasm),
            _ => return Ok(Config::Absent),
        };
        let Some(blob) = content.blob.filter(|_| content.manifest.config.is_some()) else { return Ok(Config::Absent) };
        if blob.size > LARGEST_CONFIG {
            return Ok(Config::TooLarge);
        }
        let bytes = self.open_blob(blob).await?.copy(0, usize::try_from(blob.size).unwrap_or_default()).await?;
        Ok(parse(&bytes).unwrap_or(Config::Absent))
    }
}
