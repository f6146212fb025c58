//! Metrics at the wire.

use crate::support::{Harbour, Server, sha256, wait_until};
use serde_json::json;
use std::collections::BTreeSet;

const DURATIONS: &str = "roadstead_http_request_duration_seconds_count";

/// How many requests of a class have been measured.
fn measured(server: &Server, door: &str, operation: &str) -> u64 {
    server.metric(&format!(r#"{DURATIONS}{{door="{door}",operation="{operation}"}}"#))
}

#[test]
fn every_request_is_measured_with_those_of_its_class() {
    let harbour = Harbour::new();
    let server = &harbour.server;
    let manifest = harbour.image("a", None);
    assert_eq!(harbour.put("v1", &[], &manifest).status, 201);
    let (blob, upload) = (sha256(b"a layer"), harbour.start_upload());
    let read = |path: &str| drop(server.get(path));
    let requests: [(&str, &str, &dyn Fn()); 17] = [
        ("aws", "read", &|| drop(server.aws("DescribeRepositories", &json!({})))),
        ("aws", "write", &|| drop(server.aws("CreateRepository", &json!({ "repositoryName": "b" })))),
        ("aws", "upload", &|| drop(server.aws("InitiateLayerUpload", &json!({ "repositoryName": "app" })))),
        ("aws", "other", &|| drop(server.send("POST", "/", &[("x-amz-target", "SpencerFrontendService.Nothing")], b"{}"))),
        ("oci", "manifest_read", &|| read("/v2/pier/app/manifests/v1")),
        ("oci", "manifest_write", &|| drop(harbour.put("v2", &[], &manifest))),
        ("oci", "blob_read", &|| read(&format!("/v2/pier/app/blobs/{blob}"))),
        ("oci", "blob_write", &|| drop(harbour.push_blob("app", b"another"))),
        ("oci", "upload", &|| drop(harbour.send("PATCH", &upload, &[], b"part"))),
        ("oci", "tags", &|| read("/v2/pier/app/tags/list")),
        ("oci", "referrers", &|| read(&format!("/v2/pier/app/referrers/{blob}"))),
        ("oci", "catalog", &|| read("/v2/_catalog")),
        ("oci", "token", &|| read("/token")),
        ("oci", "other", &|| read("/v2/")),
        ("gallery", "page", &|| read("/pier/app")),
        ("gallery", "api", &|| read("/api/v1/search")),
        ("gallery", "asset", &|| read("/robots.txt")),
    ];
    for (door, operation, request) in requests {
        let before = measured(server, door, operation);
        request();
        wait_until(&format!("{door} {operation} was not measured"), || measured(server, door, operation) == before + 1);
    }
}

/// The series whose labels could come from a request, without their values.
fn series(server: &Server) -> BTreeSet<String> {
    let text = server.get("/metrics").text();
    let of_requests = text.lines().filter(|line| line.starts_with("roadstead_http_request"));
    of_requests.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

#[test]
fn no_request_adds_a_label_that_its_client_chose() {
    let harbour = Harbour::new();
    let before = series(&harbour.server);
    let known = |series: &BTreeSet<String>| series.iter().filter(|line| !line.starts_with("roadstead_http_requests_total")).count();
    for word in ["evil", "catalog", "%22%7d", "a/b/c", "../x", "manifests/evil", "pier/app/manifests/evil", "pier/app/evil/list"] {
        for path in
            [format!("/{word}"), format!("/v2/{word}"), format!("/api/v1/{word}"), format!("/token?{word}"), format!("/logo/{word}")]
        {
            for method in ["GET", "PUT", "EVIL"] {
                harbour.server.send(method, &path, &[("x-amz-target", word), ("user-agent", word), ("host", "evil")], b"");
            }
        }
        harbour.server.send("POST", "/", &[("x-amz-target", word)], b"{}");
    }
    let after = series(&harbour.server);
    assert!(!after.iter().any(|line| line.to_lowercase().contains("evil")), "{after:?}");
    assert_eq!(known(&after), known(&before), "the histograms and gauges are there from the start");
}

#[test]
fn what_is_stored_is_shown_with_the_space_that_is_left() {
    let server = Server::start(&[]);
    wait_until("nothing was counted", || server.get("/metrics").text().contains("roadstead_repositories 0"));
    wait_until("the space was not measured", || server.metric("roadstead_disk_size_bytes") > 0);
    let text = server.get("/metrics").text();
    for name in ["images", "blobs", "blobs_bytes", "uploads_open"] {
        assert!(text.contains(&format!("roadstead_{name} 0")), "{name}: {text}");
    }
    let (free, size) = (server.metric("roadstead_disk_free_bytes"), server.metric("roadstead_disk_size_bytes"));
    assert!(0 < free && free <= size, "{free} of {size}");
}

#[test]
fn commits_are_measured_and_nothing_waits_in_the_end() {
    let harbour = Harbour::new();
    let writes = || harbour.server.metric("roadstead_metadata_commit_writes_sum");
    let before = writes();
    (0..5).for_each(|number| harbour.create(&format!("repository-{number}")));
    assert!(writes() >= before + 5);
    let text = harbour.server.get("/metrics").text();
    assert!(text.contains(r#"roadstead_metadata_commit_writes_bucket{le="+Inf"}"#), "{text}");
    assert!(text.contains(r#"roadstead_metadata_commit_duration_seconds_bucket{le="0.025"}"#), "{text}");
    assert!(harbour.server.metric("roadstead_metadata_commit_duration_seconds_count") >= 1);
    for queue in ["metadata_writes_waiting", "blocking_tasks_waiting", "memory_requests_waiting"] {
        assert!(text.contains(&format!("roadstead_{queue} 0")), "{queue}: {text}");
    }
    assert_eq!(harbour.server.metric("roadstead_memory_budget_bytes"), 256 << 20);
}
