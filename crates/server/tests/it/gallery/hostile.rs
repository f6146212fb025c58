//! Hostile texts in every place where a publisher or a client can write, and every page and document that could repeat them.

use crate::support::{Answer, Harbour, IMAGE, INDEX, sha256, wait_until};
use serde_json::{Value, json};

/// What must never reach a browser as it is. It ends attributes and elements of HTML, XML and SVG and the strings of scripts. Its last
/// characters turn the direction of what follows, and may not occur in XML.
const PAYLOAD: &str = "harm\"'>]]></title></script><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}\u{202e}\u{1}\u{ffff}";

/// Parts of [`PAYLOAD`] that no page has by itself.
const RAW: &[&str] = &["<img src=x", "<script>alert", "]]>", "\u{202e}", "\u{1}", "\u{ffff}", "=\"javascript:", "=\"data:text"];

fn descriptor(media_type: &str, bytes: &[u8], more: &Value) -> Value {
    let mut descriptor = json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() });
    descriptor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    descriptor
}

/// A registry in which everything is hostile, and the references of its images.
fn hostile_harbour() -> (Harbour, Vec<String>) {
    let harbour = Harbour::new();
    let server = &harbour.server;
    let account = server.command(&["account", "list"])[0]["registryId"].as_str().unwrap().to_owned();
    server.command(&["account", "verify", &account, "on"]);
    let cut = |length: usize| PAYLOAD.chars().take(length).collect::<String>();
    assert_eq!(server.aws("PutRegistryCatalogData", &json!({ "displayName": cut(100) })).status, 200);
    let markdown = format!(
        "# {PAYLOAD}\n\n{PAYLOAD}\n\n[{PAYLOAD}](javascript:alert(1))\n\n![{PAYLOAD}](data:text/html,x)\n\n```{PAYLOAD}\n{PAYLOAD}\n```\n"
    );
    let data = json!({
        "description": PAYLOAD, "aboutText": markdown, "usageText": markdown, "architectures": [cut(50)], "operatingSystems": [cut(50)],
    });
    assert_eq!(server.aws("PutRepositoryCatalogData", &json!({ "repositoryName": "app", "catalogData": data })).status, 200);
    let mut references = Vec::new();
    push_image(&harbour, &mut references);
    push_chart(&harbour, &mut references);
    push_readme(&harbour, &markdown);
    (harbour, references)
}

fn put(harbour: &Harbour, tag: &str, media_type: &str, manifest: &Value) -> String {
    let bytes = manifest.to_string().into_bytes();
    let answer = harbour.send("PUT", &format!("/v2/pier/app/manifests/{tag}"), &[("content-type", media_type)], &bytes);
    assert_eq!(answer.status, 201, "{answer:?}");
    sha256(&bytes)
}

/// An index of an image and of an artifact that is attached to it.
fn push_image(harbour: &Harbour, references: &mut Vec<String>) {
    let annotations = json!({
        PAYLOAD: PAYLOAD, "org.opencontainers.image.title": PAYLOAD, "org.opencontainers.image.source": "javascript:alert(1)",
        "org.opencontainers.image.url": PAYLOAD, "org.opencontainers.image.description": PAYLOAD, "org.opencontainers.image.licenses": PAYLOAD,
        "org.opencontainers.image.version": PAYLOAD, "io.artifacthub.package.readme-url": "javascript:alert(1)",
    });
    let texts = json!([PAYLOAD, PAYLOAD]);
    let config = json!({
        "os": PAYLOAD, "architecture": PAYLOAD, "variant": PAYLOAD, "author": PAYLOAD, "created": PAYLOAD,
        "config": {
            "User": PAYLOAD, "WorkingDir": PAYLOAD, "StopSignal": PAYLOAD, "Entrypoint": texts, "Cmd": texts, "Shell": texts, "Env": texts,
            "Labels": annotations, "ExposedPorts": { PAYLOAD: {} }, "Volumes": { PAYLOAD: {} }, "Healthcheck": { "Test": ["CMD", PAYLOAD] },
        },
        "history": [{ "created_by": PAYLOAD, "comment": PAYLOAD }],
    });
    let config = config.to_string().into_bytes();
    harbour.push_blob("app", &config);
    harbour.push_blob("app", b"a layer");
    let layer = descriptor(PAYLOAD, b"a layer", &json!({ "annotations": { "org.opencontainers.image.title": PAYLOAD } }));
    let image = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "annotations": annotations, "layers": [layer],
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config, &json!({})),
    });
    let digest = put(harbour, "v1", IMAGE, &image);
    let bytes = image.to_string().into_bytes();
    let platform = json!({ "platform": { "os": PAYLOAD, "architecture": PAYLOAD, "variant": PAYLOAD }, "artifactType": PAYLOAD });
    let index =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "annotations": annotations, "manifests": [descriptor(IMAGE, &bytes, &platform)] });
    let index = put(harbour, "latest", INDEX, &index);
    let mut attached = image;
    attached["artifactType"] = json!(PAYLOAD);
    attached["subject"] = json!({ "mediaType": IMAGE, "digest": index, "size": 2 });
    let attached = put(harbour, "attached", IMAGE, &attached);
    references.extend([":v1".to_owned(), ":latest".to_owned(), format!("@{digest}"), format!("@{index}"), format!("@{attached}")]);
}

fn push_chart(harbour: &Harbour, references: &mut Vec<String>) {
    let person = json!([{ "name": PAYLOAD, "email": PAYLOAD, "url": "javascript:alert(1)" }]);
    let chart = json!({
        "name": PAYLOAD, "version": PAYLOAD, "appVersion": PAYLOAD, "description": PAYLOAD, "home": "javascript:alert(1)", "sources": [PAYLOAD],
        "keywords": [PAYLOAD], "maintainers": person, "dependencies": [{ "name": PAYLOAD, "repository": "javascript:alert(1)" }],
    });
    let chart = chart.to_string().into_bytes();
    harbour.push_blob("app", &chart);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "layers": [],
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", &chart, &json!({})),
    });
    put(harbour, "chart", IMAGE, &manifest);
    references.push(":chart".to_owned());
}

fn push_readme(harbour: &Harbour, markdown: &str) {
    harbour.push_blob("app", markdown.as_bytes());
    harbour.push_blob("app", b"{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "text/markdown",
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}", &json!({})),
        "layers": [descriptor("text/markdown", markdown.as_bytes(), &json!({}))],
    });
    put(harbour, "readme", IMAGE, &manifest);
}

/// The addresses of everything that repeats a text of a publisher or of the request.
fn addresses(references: &[String]) -> Vec<String> {
    let asked = "%22%27%3E%3C%2Ftitle%3E%3Cimg%20src=x%20onerror=alert(1)%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let fixed = [
        "/",
        "/search",
        "/pier",
        "/pier/app",
        "/pier/app/-/usage",
        "/pier/app/-/tags",
        "/pier/app/-/tags?hidden=1",
        "/pier/app/-/pulls",
        "/pier/app/-/compare?from=v1&to=latest",
        "/pier/app/-/feed.atom",
        "/pier/-/feed.atom",
        "/-/feed.atom",
        "/-/sitemap.xml",
        "/-/opensearch.xml",
        "/-/help",
        "/api/v1/search",
        "/api/v1/publishers/pier",
        "/api/v1/repositories/pier/app",
        "/api/v1/repositories/pier/app/-/tags",
        "/api/v1/repositories/pier/app/-/pulls",
        "/api/v1/openapi.json",
    ];
    let asking = [
        "/search?q=",
        "/search?os=",
        "/search?kind=",
        "/search?popularRegistries=",
        "/?searchTerm=",
        "/?sort=",
        "/pier?after=",
        "/pier/app/-/tags?q=",
        "/pier/app/-/tags?sort=",
        "/pier/app/-/tags?after=",
        "/pier/app/-/pulls?from=",
        "/pier/app/-/compare?from=",
        "/pier/app/-/compare?from=v1&to=latest&platform=",
        "/pier/app:v1?platform=",
        "/",
        "/pier/",
        "/pier/app:",
        "/api/v1/",
        "/api/v1/search?q=",
        "/api/v1/search?sort=",
        "/api/v1/repositories/pier/app/-/tags?q=",
        "/api/v1/repositories/pier/app/-/pulls?by=",
        "/assets/",
    ];
    let badges = ["tag", "size", "pulls", "platforms", "signed"]
        .into_iter()
        .flat_map(|badge| ["svg", "json"].map(|format| format!("{badge}.{format}")));
    let images =
        references.iter().flat_map(|reference| [format!("/pier/app{reference}"), format!("/pier/app{reference}?platform={asked}")]);
    let documents = references.iter().map(|reference| format!("/api/v1/repositories/pier/app/-/images/{}", &reference[1..]));
    let fixed = fixed.into_iter().map(str::to_owned);
    let asking = asking.into_iter().map(|address| format!("{address}{asked}"));
    fixed.chain(asking).chain(badges.map(|file| format!("/pier/app/-/badge/{file}"))).chain(images).chain(documents).collect()
}

/// Fails if a browser or a feed reader would find anything of a publisher in an answer but text.
fn assert_harmless(address: &str, answer: &Answer) {
    assert!(answer.status < 500, "{address}: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{address}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{address}: {policy}");
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    let text = answer.text();
    if kind.contains("json") {
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{address}: {text}");
        return;
    }
    for raw in RAW {
        assert!(!text.contains(raw), "{address} has {raw:?}: {}", around(&text, raw));
    }
    for (at, _) in text.match_indices("harm\"") {
        let before = &text[..at];
        assert!(
            before.rfind('<') < before.rfind('>'),
            "{address} has a payload that ends an attribute: {}",
            around(before, &before[before.rfind('<').unwrap_or(0)..])
        );
    }
    if kind.starts_with("text/html") {
        for attribute in ["style", "onerror", "onload", "onclick"] {
            assert!(!text.contains(&format!(" {attribute}=\"")), "{address} has the attribute {attribute}");
        }
    }
}

fn around(text: &str, part: &str) -> String {
    let at = text.find(part).unwrap_or_default();
    text.chars().skip(text[..at].chars().count().saturating_sub(80)).take(240).collect()
}

#[test]
fn hostile_texts_are_nothing_but_text_in_every_page_document_feed_and_badge() {
    let (harbour, references) = hostile_harbour();
    let server = &harbour.server;
    let agent = [("user-agent", "harm\"><script>alert(1)</script>")];
    assert_eq!(server.send("GET", "/v2/pier/app/manifests/v1", &agent, b"").status, 200);
    wait_until("the index does not follow", || server.get("/search?q=app").text().contains("pier/app"));
    for address in addresses(&references) {
        assert_harmless(&address, &server.get(&address));
    }
    let repository = json!({ "registryAliasName": "pier", "repositoryName": "app" });
    for (operation, input) in [
        ("describeImageTags", &repository),
        ("getRepositoryCatalogData", &repository),
        ("getRegistryCatalogData", &json!({ "registryAliasName": "pier" })),
        ("searchRepositoryCatalogData", &json!({ "searchTerm": PAYLOAD })),
        ("getRepositoryCatalogData", &json!({ "registryAliasName": PAYLOAD, "repositoryName": PAYLOAD })),
    ] {
        assert_harmless(operation, &server.send("POST", &format!("/{operation}"), &[], input.to_string().as_bytes()));
    }
}

#[test]
fn what_a_publisher_wrote_is_shown_with_its_invisible_characters_visible() {
    let (harbour, _) = hostile_harbour();
    let page = harbour.server.get("/pier/app").text();
    assert!(page.contains("⟨U+202E⟩"), "{page}");
}
