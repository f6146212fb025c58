//! `/api/v1/repositories/<alias>/<repository>/-/images/<reference>`.

mod config;
mod room;

use super::platform_document::PlatformDocument;
use crate::gallery::page::{Failure, Page};
use crate::gallery::pull_box::target;
use crate::gallery::route::Place;
use crate::gallery::visit::Visit;
use roadstead_model::Reference;
use roadstead_model::gallery::pull_command::{Clients, PullCommand, pull_commands};
use roadstead_model::timestamp::IsoTime;
use roadstead_registry::{Attached, Config, ImageView, IndexEntry};
use room::Room;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most layers that are listed. Linux mounts at most 500.
const MOST_LAYERS: usize = 500;

/// `Image` in the description.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    digest: String,
    media_type: String,
    kind: &'static str,
    size: u64,
    pushed_at: IsoTime,
    platforms: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    annotations: BTreeMap<String, String>,
    tags: Vec<String>,
    subjects: Vec<String>,
    attached: Vec<Attachment>,
    pull_commands: Vec<Command>,
    is_complete: bool,
}

/// An entry of an index. Those without a platform are listed too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(flatten)]
    platform: Option<PlatformDocument>,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<IsoTime>,
}

/// The image that is described: of an index, the one for a platform.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    digest: String,
    layers: Vec<Layer>,
    #[serde(skip_serializing_if = "Value::is_null")]
    config: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    digest: String,
    media_type: String,
    size: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    kind: &'static str,
    digest: String,
    subject: String,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_media_type: Option<String>,
    size: u64,
    pushed_at: IsoTime,
}

#[derive(Debug, Serialize)]
struct Command {
    client: &'static str,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place, reference: &Reference) -> Result<Page, Failure> {
    let repository = visit.key(place).await?;
    let image = visit.installation().image_view(&repository, reference, visit.member("platform").as_deref()).await?;
    let artifact_media_type = image.manifest.as_ref().and_then(|manifest| manifest.artifact_media_type());
    let clients = Clients::of(image.kind, artifact_media_type);
    let pull_commands = pull_commands(clients, &target(visit.origin(), place, reference, Some(&image.digest)));
    Ok(Page::json(&document(image, pull_commands)))
}

fn document(image: ImageView, pull_commands: Vec<PullCommand>) -> Document {
    let mut room = Room::default();
    let content = image.content().map(|manifest| Content {
        digest: image.content_digest().to_string(),
        layers: room.items(manifest.layers.iter(), MOST_LAYERS, |layer| Layer {
            digest: layer.digest.to_string(),
            media_type: layer.media_type.clone(),
            size: layer.size,
        }),
        config: config::document(&image.config, &mut room),
    });
    let annotations = image.manifest.as_ref().map(|manifest| room.map(&manifest.annotations)).unwrap_or_default();
    let is_complete = room.has_everything() && image.entries_left_out == 0 && !matches!(image.config, Config::TooLarge);
    Document {
        digest: image.digest.to_string(),
        media_type: image.media_type,
        kind: image.kind.name(),
        size: image.size,
        pushed_at: image.pushed_at.into(),
        platforms: image.entries.into_iter().map(entry).collect(),
        content,
        annotations,
        tags: image.tags.iter().map(ToString::to_string).collect(),
        subjects: image.subjects.iter().map(ToString::to_string).collect(),
        attached: image.attached.into_iter().map(attachment).collect(),
        pull_commands: pull_commands
            .into_iter()
            .map(|PullCommand { client, text, note }| Command { client, command: text, note })
            .collect(),
        is_complete,
    }
}

fn entry(entry: IndexEntry) -> Entry {
    Entry {
        platform: entry.platform.map(PlatformDocument::from),
        digest: entry.digest.to_string(),
        size: entry.size,
        layers: entry.layers,
        created: entry.created.map(IsoTime),
    }
}

fn attachment(attached: Attached) -> Attachment {
    Attachment {
        kind: attached.kind.name(),
        digest: attached.digest.to_string(),
        subject: attached.subject.to_string(),
        media_type: attached.media_type,
        artifact_media_type: attached.artifact_media_type,
        size: attached.size,
        pushed_at: attached.pushed_at.into(),
    }
}
