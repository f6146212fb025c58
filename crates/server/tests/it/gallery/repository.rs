//! The pages of repositories and publishers, and READMEs.

use crate::support::{Answer, Harbour, IMAGE, Image, Pusher, Server, sha256};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a background task may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn page(server: &Server, path: &str) -> String {
    let answer = server.send("GET", path, &[], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}: {answer:?}");
    answer.text()
}

/// Gets a page until it contains `text`.
fn page_with(server: &Server, path: &str, text: &str) -> String {
    let begun = Instant::now();
    loop {
        let found = page(server, path);
        if found.contains(text) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} has no {text}: {found}");
    }
}

fn describe(server: &Server, repository: &str, data: serde_json::Value) {
    let answer = server.aws("PutRepositoryCatalogData", &json!({"repositoryName": repository, "catalogData": data}));
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn set(server: &Server, repository: &str, key: &str, value: &str) {
    let described = server.aws("DescribeRepositories", &json!({"repositoryNames": [repository]})).json();
    let arn = described["repositories"][0]["repositoryArn"].as_str().unwrap().to_owned();
    let answer = server.aws("TagResource", &json!({"resourceArn": arn, "tags": [{"Key": key, "Value": value}]}));
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Pushes a README with a picture, as `oras push` does.
fn push_readme(harbour: &Harbour, markdown: &str, picture: &[u8]) -> Answer {
    let descriptor = |media_type: &str, bytes: &[u8], title: &str| {
        harbour.push_blob("app", bytes);
        json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len(), "annotations": {"org.opencontainers.image.title": title}})
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "text/markdown",
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}", ""),
        "layers": [descriptor("text/markdown", markdown.as_bytes(), "README.md"), descriptor("image/png", picture, "a.png")],
    });
    harbour.send("PUT", "/v2/pier/app/manifests/readme", &[("content-type", IMAGE)], manifest.to_string().as_bytes())
}

#[test]
fn a_repository_shows_its_command_its_facts_and_its_texts() {
    let harbour = Harbour::new();
    let server = &harbour.server;
    let empty = page(server, "/pier/app");
    assert!(empty.contains("Nothing has been pushed here yet") && empty.contains("/pier/app:1.0"), "{empty}");
    let mut pusher = Pusher::of(&harbour, "app");
    let image = Image::new("one", &["layer".into()]);
    for tag in ["1.0", "nightly"] {
        assert_eq!(pusher.push(&image, tag).status, 201);
    }
    describe(server, "app", json!({"description": "A <b> pier", "aboutText": "# Hello\n\n*sea*", "usageText": "`run` it"}));
    for (key, value) in [("roadstead:source", "https://git.example/app"), ("roadstead:deprecated", "pier/other")] {
        set(server, "app", key, value);
    }
    let about = page(server, "/pier/app");
    let reference = format!("docker pull {}/pier/app:1.0", server.address());
    for part in [
        reference.as_str(),
        "<p class=\"lead\">A &#60;b&#62; pier</p>",
        "<h2 id=\"h-hello\">Hello</h2><p><em>sea</em></p>",
        "<a href=\"https://git.example/app\" rel=\"nofollow ugc noopener\">Source</a>",
        "Use <a href=\"/pier/other\">pier/other</a> instead",
        "<a href=\"/pier/app:nightly\">nightly</a>",
        "rel=\"canonical\"",
    ] {
        assert!(about.contains(part), "no {part} in {about}");
    }
    assert!(about.find(&reference) < about.find("id=\"h-hello\""), "the command comes first");
    assert!(page(server, "/pier/app/-/usage").contains("<p><code>run</code> it</p>"));
    set(server, "app", "roadstead:featured-tag", "nightly");
    assert!(page(server, "/pier/app").contains(&format!("docker pull {}/pier/app:nightly", server.address())));
}

#[test]
fn a_readme_appears_after_its_push_with_its_pictures() {
    let harbour = Harbour::new();
    let picture = b"\x89PNG\r\n\x1a\n";
    assert_eq!(push_readme(&harbour, "![Map](a.png) ![Elsewhere](https://b.example/c.png)", picture).status, 201);
    let shown = page_with(&harbour.server, "/pier/app", "alt=\"Map\"");
    let address = format!("/-/asset/{}", sha256(picture));
    assert!(shown.contains(&format!("<img src=\"{address}\"")), "{shown}");
    assert!(shown.contains("<a href=\"https://b.example/c.png\" rel=\"nofollow ugc noopener\">Elsewhere</a>"), "{shown}");
    let answer = harbour.server.send("GET", &address, &[], b"");
    let header = |name| answer.header(name);
    assert_eq!((answer.status, &answer.body[..], header("content-type")), (200, &picture[..], Some("image/png")));
    assert_eq!(header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(header("x-content-type-options"), Some("nosniff"));
    let other = sha256(b"{}");
    assert_eq!(harbour.server.send("GET", &format!("/-/asset/{other}"), &[], b"").status, 404);
}

#[test]
fn a_publisher_lists_its_repositories_by_pulls_and_by_name() {
    let harbour = Harbour::new();
    let server = &harbour.server;
    for number in 10..40 {
        harbour.create(&format!("r{number}"));
    }
    let first = page_with(server, "/pier?sort=name", "pier/</span>r33");
    assert!(first.contains("href=\"/pier?sort=name&#38;after=r33\""), "{first}");
    let rest = page(server, "/pier?sort=name&after=r33");
    assert!(rest.contains("pier/</span>r39") && !rest.contains("pier/</span>r33"), "{rest}");
    let pulled = page_with(server, "/pier", "href=\"/pier?page=2\"");
    assert_eq!(pulled.matches("<li>").count(), 25, "{pulled}");
    assert_eq!(page(server, "/pier?page=2").matches("<li>").count(), 6);
    for nonsense in ["/pier?page=0", "/pier?page=x", "/pier?after=%FF"] {
        page(server, nonsense);
    }
    assert_eq!(server.send("GET", "/nobody", &[], b"").status, 404);
}

#[test]
fn the_name_of_an_unverified_publisher_is_not_shown() {
    let harbour = Harbour::new();
    let server = &harbour.server;
    assert_eq!(server.aws("PutRegistryCatalogData", &json!({"displayName": "Docker Inc"})).status, 200);
    for path in ["/pier", "/pier/app"] {
        assert!(!page(server, path).contains("Docker Inc"), "{path}");
    }
}
