//! What differs between two images.

use super::image_config::ImageConfig;
use crate::digest::Digest;
use crate::manifest::Descriptor;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// One of the images that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    pub layers: &'a [Descriptor],
    /// `None` if there is no configuration, or none that can be read.
    pub config: Option<&'a ImageConfig>,
    pub annotations: &'a BTreeMap<String, String>,
    /// Such as `linux/arm64/v8`.
    pub platforms: &'a [String],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub layers: Vec<LayerChange>,
    /// The bytes of the layers that somebody with the first image has yet to pull for the second.
    pub bytes_to_pull: u64,
    pub config: Vec<Change>,
    pub environment: Vec<Change>,
    pub labels: Vec<Change>,
    pub annotations: Vec<Change>,
    pub added_platforms: Vec<String>,
    pub removed_platforms: Vec<String>,
}

/// A layer of either image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerChange {
    pub fate: Fate,
    /// The number of the layer, from 0, in the first image if it is removed, and otherwise in the second.
    pub number: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Removed,
    Added,
}

/// A value that one image has, and the other has not or has differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

impl Comparison {
    pub fn of(from: Side<'_>, to: Side<'_>) -> Self {
        let known: HashSet<&Digest> = from.layers.iter().map(|layer| &layer.digest).collect();
        let mut new = HashSet::new();
        let pulled = to.layers.iter().filter(|layer| !known.contains(&layer.digest) && new.insert(&layer.digest));
        let bytes_to_pull = pulled.fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
        let absent = ImageConfig::default();
        // Without one of the configurations, nothing is known about their difference.
        let (old, new) = from.config.zip(to.config).unwrap_or((&absent, &absent));
        Self {
            layers: layers(from.layers, to.layers),
            bytes_to_pull,
            config: changes(&members(old), &members(new)),
            environment: changes(&environment(old), &environment(new)),
            labels: changes(&old.labels, &new.labels),
            annotations: changes(from.annotations, to.annotations),
            added_platforms: without(to.platforms, from.platforms),
            removed_platforms: without(from.platforms, to.platforms),
        }
    }

    /// Whether the images differ in nothing that is compared.
    pub fn is_empty(&self) -> bool {
        self.layers.iter().all(|layer| layer.fate == Fate::Kept)
            && [&self.config, &self.environment, &self.labels, &self.annotations].into_iter().all(Vec::is_empty)
            && self.added_platforms.is_empty()
            && self.removed_platforms.is_empty()
    }
}

/// The common beginning, then the layers that are removed, then the rest of the second image.
fn layers(from: &[Descriptor], to: &[Descriptor]) -> Vec<LayerChange> {
    let common = from.iter().zip(to).take_while(|(old, new)| old.digest == new.digest).count();
    let digests = |layers: &[Descriptor]| layers.iter().map(|layer| layer.digest.clone()).collect::<HashSet<_>>();
    let (old, new) = (digests(from), digests(to));
    let change = |fate| move |number| LayerChange { fate, number };
    let removed = (common..from.len()).filter(|number| !new.contains(&from[*number].digest)).map(change(Fate::Removed));
    let rest = (common..to.len()).map(|number| {
        let fate = if old.contains(&to[number].digest) { Fate::Kept } else { Fate::Added };
        LayerChange { fate, number }
    });
    (0..common).map(change(Fate::Kept)).chain(removed).chain(rest).collect()
}

/// The members of a configuration that have one value each.
fn members(config: &ImageConfig) -> BTreeMap<String, String> {
    let words = |words: &[String]| (!words.is_empty()).then(|| words.join(" "));
    let set = |items: &[String]| {
        (!items.is_empty()).then(|| items.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", "))
    };
    let check =
        config.health_check.as_ref().map(|check| check.command.as_deref().map_or_else(|| "disabled".to_owned(), |words| words.join(" ")));
    let members = [
        ("Entrypoint", words(&config.entrypoint)),
        ("Command", words(&config.cmd)),
        ("Shell", words(&config.shell)),
        ("User", config.user.clone()),
        ("Working directory", config.working_directory.clone()),
        ("Stop signal", config.stop_signal.clone()),
        ("Ports", set(&config.ports)),
        ("Volumes", set(&config.volumes)),
        ("Health check", check),
        ("Author", config.author.clone()),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn environment(config: &ImageConfig) -> BTreeMap<String, String> {
    let variable = |line: &String| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.clone(), String::new()),
    };
    config.environment.iter().map(variable).collect()
}

fn changes(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let change = |name: &String| Change { name: name.clone(), from: from.get(name).cloned(), to: to.get(name).cloned() };
    names.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

fn without(texts: &[String], others: &[String]) -> Vec<String> {
    let others: HashSet<&String> = others.iter().collect();
    texts.iter().filter(|text| !others.contains(text)).cloned().collect()
}

#[cfg(test)]
mod tests;
