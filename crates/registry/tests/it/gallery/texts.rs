//! About and usage texts, READMEs and their pictures.

use crate::support::{OCI_MANIFEST, World, tag};
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::{Digest, Reference};
use roadstead_registry::{NewCatalogData, Prose, TextKind};
use serde_json::{Value, json};

const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";

/// Pushes a README as `oras push` and `oras attach` do, with a picture beside it.
async fn push_readme(world: &World, markdown: &str, subject: Option<&Digest>, tags: &[&str]) -> Digest {
    let (config, text, picture) =
        (world.push_blob(b"{}").await, world.push_blob(markdown.as_bytes()).await, world.push_blob(b"\x89PNG").await);
    let layer = |digest: &Digest, media_type: &str, size: usize, title: &str| {
        json!({"mediaType": media_type, "digest": digest.as_str(), "size": size,
            "annotations": {"org.opencontainers.image.title": title}})
    };
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "text/markdown",
        "config": {"mediaType": EMPTY_CONFIG, "digest": config.as_str(), "size": 2},
        "layers": [layer(&text, "text/markdown", markdown.len(), "README.md"), layer(&picture, "image/png", 4, "docs/a.png")],
    });
    if let Some(subject) = subject {
        manifest["subject"] = json!({"mediaType": OCI_MANIFEST, "digest": subject.as_str(), "size": 5});
    }
    world.push(&manifest, tags).await.expect("a README").digest
}

async fn text(world: &World, kind: TextKind) -> Option<String> {
    let (_, prose) = world.installation.repository_view(&world.key, kind).await.expect("a repository");
    prose.map(html)
}

fn html(prose: Prose) -> String {
    prose.html.as_str().to_owned()
}

async fn readme_of(world: &World, image: &Digest) -> Option<String> {
    let view = world.installation.image_view(&world.key, &Reference::Digest(image.clone()), None).await.expect("an image");
    view.readme.map(html)
}

async fn write_texts(world: &World, about: Option<&str>, usage: Option<&str>) {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let data = CatalogData { about_text: owned(about), usage_text: owned(usage), ..CatalogData::default() };
    world.installation.put_catalog_data(&world.key, NewCatalogData { data, logo: None }).await.expect("catalog data");
}

#[tokio::test]
async fn texts_are_rendered_when_they_are_written_and_disappear_with_them() {
    let world = World::new().await;
    write_texts(&world, Some("*a* <script>b</script>"), Some("`c`")).await;
    assert_eq!(text(&world, TextKind::About).await.as_deref(), Some("<p><em>a</em> </p>"));
    assert_eq!(text(&world, TextKind::Usage).await.as_deref(), Some("<p><code>c</code></p>"));
    write_texts(&world, Some("d"), None).await;
    assert_eq!(text(&world, TextKind::About).await.as_deref(), Some("<p>d</p>"));
    assert_eq!(text(&world, TextKind::Usage).await, None);
}

#[tokio::test]
async fn a_readme_is_the_text_of_a_repository_without_one() {
    // Bytes of small blobs are in the database, of others in files.
    for world in [World::new().await, World::of_files().await] {
        let digest = push_readme(&world, "![Screen](docs/a.png)", None, &["readme"]).await;
        assert_eq!(text(&world, TextKind::About).await, None);
        world.installation.render_outdated(16).await.expect("rendered");
        let shown = text(&world, TextKind::About).await.expect("a README");
        let address = shown.split('"').find(|part| part.starts_with("/-/asset/")).expect("a picture");
        let picture = Digest::parse(address.trim_start_matches("/-/asset/")).expect("a digest");
        let (media_type, bytes) = world.installation.readme_picture(&picture).await.expect("readable").expect("a picture");
        assert_eq!((media_type.as_str(), &bytes[..]), ("image/png", &b"\x89PNG"[..]));

        write_texts(&world, Some("About"), None).await;
        assert_eq!(text(&world, TextKind::About).await.as_deref(), Some("<p>About</p>"));
        write_texts(&world, None, None).await;
        world.installation.delete_tag(&world.key, &tag("readme")).await.expect("deleted");
        world.installation.delete_manifest(&world.key, &digest).await.expect("deleted");
        assert_eq!(text(&world, TextKind::About).await, None);
        assert!(world.installation.readme_picture(&picture).await.expect("readable").is_none());
    }
}

#[tokio::test]
async fn the_readme_of_an_image_is_the_last_one_attached_to_it() {
    let world = World::new().await;
    let (image, other) = (world.push_image("a", &["1"]).await, world.push_image("b", &["2"]).await);
    for markdown in ["first", "second"] {
        push_readme(&world, markdown, Some(&image), &[]).await;
        world.pass_seconds(1);
    }
    world.installation.render_outdated(1).await.expect("rendered");
    assert_eq!(readme_of(&world, &image).await.as_deref(), Some("<p>second</p>"));
    assert_eq!(readme_of(&world, &other).await, None);
    assert_eq!(text(&world, TextKind::About).await, None);
}

#[tokio::test]
async fn a_blob_that_is_no_picture_of_a_readme_has_no_address() {
    let world = World::new().await;
    let layer = world.push_blob(b"<script>").await;
    let config = world.push_blob(b"{}").await;
    let manifest: Value = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "text/markdown",
        "config": {"mediaType": EMPTY_CONFIG, "digest": config.as_str(), "size": 2},
        "layers": [{"mediaType": "image/svg+xml", "digest": layer.as_str(), "size": 8, "annotations": {"org.opencontainers.image.title": "a"}}],
    });
    world.push(&manifest, &["readme"]).await.expect("an artifact");
    assert!(world.installation.readme_picture(&layer).await.expect("readable").is_none());
}

#[tokio::test]
async fn what_another_version_rendered_is_not_shown_but_rendered_again() {
    let mut world = World::new().await;
    write_texts(&world, Some("about"), None).await;
    let image = world.push_image("a", &["1"]).await;
    push_readme(&world, "readme", Some(&image), &[]).await;
    world.installation.render_outdated(16).await.expect("rendered");
    let tables = world.metadata();
    let age = "UPDATE repository_text SET renderer = 0, html = '<script>'; UPDATE readme SET renderer = 0, html = '<script>'";
    world = world.restart_after(|| tables.run(age)).await;
    assert_eq!(text(&world, TextKind::About).await.as_deref(), Some("<p>about</p>"));
    assert_eq!(readme_of(&world, &image).await, None);
    world.installation.render_outdated(16).await.expect("rendered");
    assert_eq!(text(&world, TextKind::About).await.as_deref(), Some("<p>about</p>"));
    assert_eq!(readme_of(&world, &image).await.as_deref(), Some("<p>readme</p>"));
}
