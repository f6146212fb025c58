//! The layers of an image, with the steps of the build that made them.

use roadstead_model::Digest;
use roadstead_model::gallery::ArtifactKind;
use roadstead_model::gallery::excerpt::{Allowance, Excerpt};
use roadstead_model::gallery::image_config::steps;
use roadstead_model::manifest::Manifest;
use roadstead_registry::{Config, ImageView};

/// The most steps that are shown. Images have at most 127 layers in Docker's storage drivers, and some hundred steps.
const MOST_STEPS: usize = 300;

/// A step of the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerRow {
    pub(super) instruction: String,
    pub(super) comment: String,
    /// `None` for a step that changed no file.
    pub(super) layer: Option<Layer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    /// The number of the layer, from 1.
    pub(super) number: usize,
    pub(super) digest: Digest,
    /// The compressed size in bytes.
    pub(super) size: u64,
    /// Hundredths of the size of the largest layer.
    pub(super) share: u64,
}

/// The manifest, if it is that of an image.
fn image(view: &ImageView) -> Option<&Manifest> {
    view.content().filter(|manifest| ArtifactKind::of(manifest) == ArtifactKind::Image)
}

/// The bytes of all layers.
pub(super) fn total(view: &ImageView) -> u64 {
    image(view).map_or(0, |manifest| manifest.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size)))
}

pub(super) fn rows(view: &ImageView, allowance: &mut Allowance) -> Excerpt<LayerRow> {
    let layers = image(view).map_or(&[][..], |manifest| &manifest.layers);
    let history = if let Config::Image(config) = &view.config { &config.history[..] } else { &[] };
    let largest = layers.iter().map(|layer| layer.size).max().unwrap_or(0).max(1);
    let steps = steps(history, layers.len());
    allowance.list(MOST_STEPS, steps.iter(), |allowance, step| LayerRow {
        instruction: step.instruction.as_deref().map(|text| allowance.text(text)).unwrap_or_default(),
        comment: step.comment.as_deref().map(|text| allowance.text(text)).unwrap_or_default(),
        layer: step.layer.and_then(|number| {
            let layer = layers.get(number)?;
            let share = u128::from(layer.size) * 100 / u128::from(largest);
            Some(Layer { number: number + 1, digest: layer.digest.clone(), size: layer.size, share: u64::try_from(share).unwrap_or(100) })
        }),
    })
}
