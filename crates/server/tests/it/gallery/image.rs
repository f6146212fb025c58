//! The page of one image, and the comparison of two.

use crate::support::{Harbour, IMAGE, INDEX, sha256};
use serde_json::{Value, json};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}";

/// A descriptor of a blob, which it pushes.
fn part(harbour: &Harbour, media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": harbour.push_blob("app", bytes), "size": bytes.len() })
}

/// Pushes a manifest. Returns its descriptor.
fn push(harbour: &Harbour, reference: Option<&str>, manifest: &Value) -> Value {
    let bytes = manifest.to_string().into_bytes();
    let (digest, media_type) = (sha256(&bytes), manifest["mediaType"].as_str().unwrap());
    let path = format!("/v2/pier/app/manifests/{}", reference.unwrap_or(&digest));
    let answer = harbour.send("PUT", &path, &[("content-type", media_type)], &bytes);
    assert_eq!(answer.status, 201, "{answer:?}");
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

/// Pushes an image of one layer for an architecture of Linux.
fn push_platform(harbour: &Harbour, architecture: &str, version: &str) -> Value {
    let config = json!({
        "os": "linux", "architecture": architecture,
        "config": { "Cmd": ["serve", architecture], "Env": [format!("VERSION={version}")] },
        "history": [{ "created_by": format!("COPY {architecture} /bin # buildkit") }, { "created_by": "USER app", "empty_layer": true }],
    });
    let config = part(harbour, CONFIG, config.to_string().as_bytes());
    let layer = part(harbour, LAYER, format!("{architecture} {version}").as_bytes());
    let mut image = push(harbour, None, &json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer] }));
    image["platform"] = json!({ "os": "linux", "architecture": architecture });
    image
}

/// The attestation of BuildKit for an image, as an entry of its index.
fn push_attestation(harbour: &Harbour, image: &Value) -> Value {
    let layer = |predicate: &str| {
        let mut layer = part(harbour, "application/vnd.in-toto+json", format!("{predicate} {image}").as_bytes());
        layer["annotations"] = json!({ "in-toto.io/predicate-type": predicate });
        layer
    };
    let layers = [layer("https://slsa.dev/provenance/v1"), layer("https://spdx.dev/Document")];
    let config = part(harbour, CONFIG, br#"{"architecture":"unknown","os":"unknown"}"#);
    let mut entry = push(harbour, None, &json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers }));
    entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    entry["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"] });
    entry
}

/// Pushes an index as BuildKit does: images for two platforms, and an attestation for each. Returns its descriptor.
fn push_build(harbour: &Harbour, version: &str, tags: &[&str]) -> Value {
    let images = [push_platform(harbour, "amd64", version), push_platform(harbour, "arm64", version)];
    let attestations = [push_attestation(harbour, &images[0]), push_attestation(harbour, &images[1])];
    let entries = [images, attestations].concat();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    for tag in tags {
        push(harbour, Some(tag), &index);
    }
    push(harbour, None, &index)
}

/// Attaches one file to an image.
fn attach(harbour: &Harbour, subject: &Value, artifact_type: &str, layer_type: &str) -> Value {
    let config = part(harbour, "application/vnd.oci.empty.v1+json", b"{}");
    let layer = part(harbour, layer_type, artifact_type.as_bytes());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": artifact_type, "config": config, "layers": [layer], "subject": subject,
    });
    push(harbour, None, &manifest)
}

/// A page of the repository.
fn page(harbour: &Harbour, path: &str) -> String {
    let answer = harbour.server.get(&format!("/pier/app{path}"));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// The first digits of a digest, as pages show it.
fn short(descriptor: &Value) -> &str {
    &descriptor["digest"].as_str().unwrap()[..19]
}

#[test]
fn an_image_of_several_platforms_shows_each_and_the_content_of_one() {
    let harbour = Harbour::new();
    let index = push_build(&harbour, "1.27.3", &["latest", "1.27.3"]);
    let digest = index["digest"].as_str().unwrap();
    let latest = page(&harbour, ":latest");
    let host = harbour.server.address();
    for expected in [
        &format!("docker pull {host}/pier/app:latest<"),
        &format!("docker pull {host}/pier/app@{digest}<"),
        "<code>latest</code> is <a href=\"/pier/app:1.27.3\">1.27.3</a>",
        "linux/amd64</a>",
        "linux/arm64</a>",
        "<code>COPY amd64 /bin</code>",
        "<code>USER app</code>",
        "[&#34;serve&#34;, &#34;amd64&#34;]",
        "VERSION=1.27.3",
        &format!("/v2/pier/app/manifests/{digest}"),
    ] {
        assert!(latest.contains(expected), "{expected}: {latest}");
    }
    assert!(!latest.contains("unknown"), "an attestation is no platform");
    let arm = page(&harbour, ":latest?platform=linux/arm64");
    assert!(arm.contains("COPY arm64 /bin") && !arm.contains("COPY amd64 /bin"));
    let pinned = harbour.server.get(&format!("/pier/app:latest@{digest}"));
    assert_eq!((pinned.status, pinned.header("location")), (308, Some(format!("/pier/app@{digest}").as_str())));
    assert_eq!(harbour.server.get("/pier/app:latest?platform=plan9/amd64").status, 404);
    assert_eq!(harbour.server.get("/pier/app:1.27").status, 404);
}

#[test]
fn search_engines_list_the_tags_of_an_image_and_not_its_digests() {
    let harbour = Harbour::new();
    let index = push_build(&harbour, "1", &["1"]);
    let robots = |path: &str| harbour.server.get(path).header("x-robots-tag").map(str::to_owned);
    assert_eq!(robots("/pier/app:1"), None);
    assert_eq!(robots(&format!("/pier/app@{}", index["digest"].as_str().unwrap())).as_deref(), Some("noindex"));
    assert_eq!(robots("/pier/app/-/compare?from=1&to=1").as_deref(), Some("noindex"));
    assert!(page(&harbour, ":1").contains("<link rel=\"canonical\" href=\"http://"));
}

#[test]
fn everything_that_clients_attach_is_named_once() {
    let harbour = Harbour::new();
    let index = push_build(&harbour, "1", &["1"]);
    let payload = part(&harbour, "application/vnd.dev.cosign.simplesigning.v1+json", b"{\"critical\":{}}");
    let config = part(&harbour, CONFIG, b"{\"rootfs\":{}}");
    let signature = json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [payload] });
    let tag = format!("{}.sig", index["digest"].as_str().unwrap().replace(':', "-"));
    let attached = [
        push(&harbour, Some(&tag), &signature),
        attach(&harbour, &index, "application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle.v0.3+json"),
        attach(&harbour, &index, "application/vnd.cncf.notary.signature", "application/jose+json"),
        attach(&harbour, &index, "application/sarif+json", "application/sarif+json"),
        attach(&harbour, &index, "application/vnd.example.thing", "text/plain"),
    ];
    let text = page(&harbour, ":1");
    for row in &attached {
        assert_eq!(text.matches(&format!(">{}<", short(row))).count(), 1, "{row}: {text}");
    }
    for expected in [
        "Signature attached",
        "cosign verify --certificate-identity IDENTITY --certificate-oidc-issuer ISSUER",
        "notation verify",
        "docker buildx imagetools inspect",
        "https://spdx.dev/Document",
        "https://slsa.dev/provenance/v1",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(text.matches("SBOM, provenance").count(), 1, "one attestation of the platform that is shown: {text}");
    assert!(!text.to_lowercase().contains("trusted") && !text.contains("unknown/unknown"));
    let tags = page(&harbour, "/-/tags");
    assert!(!tags.contains("sha256-") && attached.iter().all(|row| !tags.contains(short(row))), "{tags}");
    let own = page(&harbour, &format!("@{}", attached[3]["digest"].as_str().unwrap()));
    assert!(own.contains("This is attached to") && own.contains(&format!("@{}", index["digest"].as_str().unwrap())), "{own}");
}

#[test]
fn a_chart_a_component_and_files_have_their_own_facts_and_commands() {
    let harbour = Harbour::new();
    let artifact = |tag: &str, config_type: &str, config: &str, layer_type: &str| {
        let mut layer = part(&harbour, layer_type, tag.as_bytes());
        layer["annotations"] = json!({ "org.opencontainers.image.title": format!("{tag}.bin") });
        let config = part(&harbour, config_type, config.as_bytes());
        push(&harbour, Some(tag), &json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer] }));
        page(&harbour, &format!(":{tag}"))
    };
    let host = harbour.server.address();
    let chart = artifact(
        "1.2.3_7",
        "application/vnd.cncf.helm.config.v1+json",
        r#"{"name": "web", "version": "1.2.3+7", "appVersion": "9.1", "description": "A web server", "deprecated": true,
            "maintainers": [{"name": "Mary", "email": "mary@web.example"}], "home": "javascript:alert(1)"}"#,
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    );
    for expected in [
        &format!("helm pull oci://{host}/pier/app --version 1.2.3+7 --plain-http"),
        "A web server",
        "9.1",
        "mailto:mary@web.example",
        "Deprecated",
    ] {
        assert!(chart.contains(expected), "{expected}: {chart}");
    }
    assert!(!chart.contains("href=\"javascript"));
    let component = artifact(
        "wasm",
        "application/vnd.wasm.config.v0+json",
        r#"{"os": "wasip2", "component": {"target": "wasi:http/proxy@0.2.0", "exports": ["wasi:http/incoming-handler@0.2.0"]}}"#,
        "application/wasm",
    );
    for expected in
        [&format!("wkg oci pull --insecure {host} {host}/pier/app:wasm -o app.wasm"), "wasi:http/proxy@0.2.0", "incoming-handler"]
    {
        assert!(component.contains(expected), "{expected}: {component}");
    }
    let files = artifact("files", "application/vnd.example.config", "{}", "text/plain");
    assert!(files.contains(&format!("oras pull --plain-http {host}/pier/app:files")) && files.contains("files.bin</a>"), "{files}");
}

#[test]
fn texts_of_publishers_cannot_become_markup() {
    let harbour = Harbour::new();
    let config = json!({
        "os": HOSTILE, "architecture": HOSTILE, "author": HOSTILE,
        "config": {
            "Cmd": [HOSTILE], "Entrypoint": [HOSTILE], "User": HOSTILE, "WorkingDir": HOSTILE, "StopSignal": HOSTILE, "Env": [HOSTILE],
            "ExposedPorts": { HOSTILE: {} }, "Volumes": { HOSTILE: {} }, "Labels": { HOSTILE: HOSTILE, "org.opencontainers.image.url": HOSTILE },
            "Healthcheck": { "Test": ["CMD", HOSTILE] },
        },
        "history": [{ "created_by": HOSTILE, "comment": HOSTILE }],
    });
    let config = part(&harbour, CONFIG, config.to_string().as_bytes());
    let mut layer = part(&harbour, LAYER, b"layer");
    layer["annotations"] = json!({ "org.opencontainers.image.title": HOSTILE });
    let annotations = json!({ HOSTILE: HOSTILE, "org.opencontainers.image.source": "javascript:alert(1)", "org.opencontainers.image.description": HOSTILE });
    let image = json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer], "annotations": annotations });
    let mut entry = push(&harbour, Some("image"), &image);
    entry["platform"] = json!({ "os": "linux", "architecture": "<b>", "variant": HOSTILE, "os.version": HOSTILE });
    push(&harbour, Some("index"), &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "annotations": annotations }));
    let mut artifact = image.clone();
    artifact["artifactType"] = json!("application/vnd.<script>");
    push(&harbour, Some("artifact"), &artifact);
    let attached = attach(&harbour, &entry, "application/x.<script>alert(1)</script>", "text/<script>");
    let own = format!("@{}", attached["digest"].as_str().unwrap());
    for path in [
        ":image",
        ":index",
        ":artifact",
        &own,
        "/-/compare?from=index&to=artifact",
        "/-/compare?from=image&to=index&platform=linux/%3Cb%3E",
    ] {
        let text = page(&harbour, path);
        for forbidden in ["<script>", "<img", "<b>", "\u{202e}", "javascript:alert(1)\"", "style="] {
            assert!(!text.contains(forbidden), "{path}: {forbidden}: {text}");
        }
    }
}

#[test]
fn a_huge_image_makes_a_page_of_bounded_size() {
    let harbour = Harbour::new();
    let (long, list) = ("<".repeat(400), 1_000);
    let history: Vec<_> = (0..list).map(|_| json!({ "created_by": long, "empty_layer": true })).collect();
    let labels: serde_json::Map<_, _> = (0..list).map(|number| (format!("{number}"), json!(long))).collect();
    let config = part(&harbour, CONFIG, json!({ "history": history, "config": { "Labels": labels } }).to_string().as_bytes());
    let layer = part(&harbour, LAYER, b"layer");
    let image =
        push(&harbour, Some("image"), &json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": vec![layer; 10_000] }));
    let text = page(&harbour, ":image");
    assert!(text.len() < 1 << 20, "{}", text.len());
    assert!(text.contains("more steps are in the raw documents below") && text.contains("more are in the raw documents below"));
    push(&harbour, Some("index"), &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": vec![image; 1_000] }));
    let index = page(&harbour, ":index");
    assert!(index.contains("The index has 936 more entries") && index.len() < 1 << 20, "{}", index.len());
    assert!(page(&harbour, "/-/compare?from=image&to=index").len() < 1 << 20);
}

#[test]
fn two_images_are_compared() {
    let harbour = Harbour::new();
    push_build(&harbour, "1", &["1"]);
    push_build(&harbour, "2", &["2", "latest"]);
    let text = page(&harbour, "/-/compare?from=1&to=2&platform=linux/arm64");
    for expected in [
        "−&nbsp;removed",
        "+&nbsp;added",
        "COPY arm64 /bin",
        "<code class=\"removed\">1</code>",
        "<code class=\"added\">2</code>",
        "VERSION",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(page(&harbour, "/-/compare?from=2&to=latest").contains("Both are the same image."));
    assert!(page(&harbour, "/-/compare").contains("Name two tags or digests"));
    assert_eq!(harbour.server.get("/pier/app/-/compare?from=1&to=%3Cscript%3E").status, 400);
    assert_eq!(harbour.server.get("/pier/app/-/compare?from=1&to=absent").status, 404);
}
