//! One image with everything that its page shows.

use crate::support::{OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, World, tag};
use roadstead_model::gallery::{ArtifactKind, AttachmentKind};
use roadstead_model::{Digest, Reference};
use roadstead_registry::{Config, Error, ImageView};
use serde_json::{Value, json};

/// A descriptor of pushed bytes.
async fn part(world: &World, media_type: &str, bytes: &[u8]) -> Value {
    let digest = world.push_blob(bytes).await;
    json!({"mediaType": media_type, "digest": digest.as_str(), "size": bytes.len()})
}

/// Pushes an image for an architecture of Linux, of one layer.
async fn push_platform(world: &World, architecture: &str) -> Value {
    let config = json!({"os": "linux", "architecture": architecture, "created": "2026-11-25T10:00:00Z", "config": {"Cmd": [architecture]}});
    let config = part(world, OCI_CONFIG, config.to_string().as_bytes()).await;
    let layer = part(world, OCI_LAYER, architecture.as_bytes()).await;
    let image = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
    let digest = world.push(&image, &[]).await.expect("an image").digest;
    json!({
        "mediaType": OCI_MANIFEST, "digest": digest.as_str(), "size": image.to_string().len(),
        "platform": {"os": "linux", "architecture": architecture},
    })
}

/// Pushes what a client attaches to `subject`.
async fn attach(world: &World, subject: &Value, artifact_type: &str) -> Digest {
    let config = part(world, "application/vnd.oci.empty.v1+json", b"{}").await;
    let layer = part(world, artifact_type, artifact_type.as_bytes()).await;
    let attached = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type, "config": config, "layers": [layer],
        "subject": {"mediaType": subject["mediaType"], "digest": subject["digest"], "size": subject["size"]},
    });
    world.push(&attached, &[]).await.expect("an attachment").digest
}

async fn view(world: &World, reference: &str, platform: Option<&str>) -> ImageView {
    let reference = Reference::parse(reference).expect("a reference");
    world.installation.image_view(&world.key, &reference, platform).await.expect("an image")
}

fn command(view: &ImageView) -> Vec<String> {
    match &view.config {
        Config::Image(config) => config.cmd.clone(),
        other => panic!("no config of an image: {other:?}"),
    }
}

#[tokio::test]
async fn an_index_shows_its_platforms_and_the_content_of_one() {
    let world = World::new().await;
    let (amd64, arm64) = (push_platform(&world, "amd64").await, push_platform(&world, "arm64").await);
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [arm64, amd64]});
    let digest = world.push(&index, &["1.0", "latest"]).await.expect("an index").digest;

    let by_default = view(&world, "latest", None).await;
    assert_eq!((&by_default.digest, by_default.kind, by_default.is_index()), (&digest, ArtifactKind::Image, true));
    assert_eq!(command(&by_default), ["amd64"]);
    assert_eq!(by_default.content_digest().as_str(), amd64["digest"].as_str().unwrap());
    let shown: Vec<_> = by_default.entries.iter().map(|entry| (entry.platform.as_ref().unwrap().to_string(), entry.layers)).collect();
    assert_eq!(shown, [("linux/arm64".to_owned(), Some(1)), ("linux/amd64".to_owned(), Some(1))]);
    assert_eq!(by_default.tags, [tag("1.0"), tag("latest")]);

    assert_eq!(command(&view(&world, digest.as_str(), Some("linux/arm64")).await), ["arm64"]);
    let elsewhere = view(&world, "latest", Some("windows/amd64")).await;
    assert!(elsewhere.chosen.is_none() && elsewhere.content().is_none());

    let child = view(&world, amd64["digest"].as_str().unwrap(), None).await;
    assert_eq!((command(&child), child.indexes, child.tags), (vec!["amd64".to_owned()], vec![digest], vec![]));
}

#[tokio::test]
async fn what_is_attached_to_the_index_or_to_the_chosen_image_is_shown_once() {
    let world = World::new().await;
    let (amd64, arm64) = (push_platform(&world, "amd64").await, push_platform(&world, "arm64").await);
    let manifests = json!([amd64, arm64]);
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    let put = world.push(&index, &["1.0"]).await.expect("an index");
    let subject = json!({"mediaType": OCI_INDEX, "digest": put.digest.as_str(), "size": index.to_string().len()});
    let signature = attach(&world, &subject, "application/vnd.cncf.notary.signature").await;
    let sbom = attach(&world, &amd64, "application/spdx+json").await;
    attach(&world, &arm64, "application/sarif+json").await;

    let attached: Vec<_> = view(&world, "1.0", None).await.attached.into_iter().map(|row| (row.kind, row.digest, row.subject)).collect();
    let amd64 = Digest::parse(amd64["digest"].as_str().unwrap()).unwrap();
    assert_eq!(attached, [(AttachmentKind::Signature, signature.clone(), put.digest.clone()), (AttachmentKind::Sbom, sbom, amd64)]);
    assert_eq!(view(&world, signature.as_str(), None).await.subjects, [put.digest]);
    let kinds: Vec<_> = view(&world, "1.0", Some("linux/arm64")).await.attached.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [AttachmentKind::Signature, AttachmentKind::Report]);
}

#[tokio::test]
async fn a_config_is_read_wherever_its_bytes_lie_unless_it_is_huge() {
    for world in [World::new().await, World::of_files().await] {
        let config = part(&world, "application/vnd.cncf.helm.config.v1+json", br#"{"name": "web", "version": "1.2.3"}"#).await;
        let layer = part(&world, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"chart").await;
        let chart = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
        world.push(&chart, &["1.2.3"]).await.expect("a chart");
        let view = view(&world, "1.2.3", None).await;
        assert_eq!(view.kind, ArtifactKind::Chart);
        assert!(matches!(&view.config, Config::Chart(chart) if chart.name.as_deref() == Some("web")), "{:?}", view.config);
    }
    let world = World::new().await;
    let config = part(&world, OCI_CONFIG, &vec![b' '; (1 << 20) + 1]).await;
    world.push(&json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}), &["huge"]).await.expect("an image");
    assert!(matches!(view(&world, "huge", None).await.config, Config::TooLarge));
}

#[tokio::test]
async fn what_does_not_exist_is_not_shown() {
    let world = World::new().await;
    let error = world.installation.image_view(&world.key, &Reference::Tag(tag("absent")), None).await.expect_err("an error");
    assert!(matches!(error, Error::ImageNotFound { .. }), "{error}");
    let elsewhere = crate::support::repository("team/absent");
    let error = world.installation.image_view(&elsewhere, &Reference::Tag(tag("absent")), None).await.expect_err("an error");
    assert!(matches!(error, Error::RepositoryNotFound(_)), "{error}");
}
