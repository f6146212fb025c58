//! Pulls counted at the wire, and the commands, metrics and pages that show them.

use crate::support::{Connection, Harbour, INDEX, Server, sha256};
use serde_json::{Value, json};
use std::path::Path;
use std::thread;

const DOCKER: (&str, &str) = ("user-agent", "docker/27.3.1 go/go1.22.7");
const RENOVATE: (&str, &str) = ("user-agent", "RenovateBot/37.440.7");

/// A server in this directory, with the image `pier/app:v1`.
fn harbour_in(data: &Path, flags: &[&str]) -> Harbour {
    let harbour = Harbour::on(Server::start_in(data, &[&["--alias", "pier", "--create-on-push"], flags].concat()));
    assert_eq!(harbour.put("v1", &[], &harbour.image("a", None)).status, 201);
    harbour
}

/// The pulls of `pier/app` in a data directory without a server.
fn stats(data: &Path, arguments: &[&str]) -> Value {
    let data = data.to_str().unwrap();
    crate::support::run(&[&["stats", "app", "--data", data, "--output", "json"], arguments].concat(), &[]).json()
}

fn pulls(data: &Path) -> (u64, u64) {
    let stats = stats(data, &[]);
    (stats["pulls"].as_u64().unwrap(), stats["robots"].as_u64().unwrap())
}

const MANIFEST: &str = "/v2/pier/app/manifests/v1";

#[test]
fn only_a_manifest_that_is_sent_is_a_pull() {
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &["--pull-rate-anonymous", "3/h"]);
    let image = harbour.digest_of("v1").unwrap();
    assert_eq!(harbour.put("signature", &[], &harbour.image("b", Some(&image))).status, 201);
    let server = &harbour.server;
    let tag = format!("\"{image}\"");
    for (method, path, header, status) in [
        ("GET", MANIFEST, DOCKER, 200),
        ("HEAD", MANIFEST, DOCKER, 200),
        ("GET", MANIFEST, ("if-none-match", tag.as_str()), 304),
        ("GET", "/v2/pier/app/manifests/none", DOCKER, 404),
        ("GET", "/v2/pier/app/manifests/signature", DOCKER, 200),
        ("GET", MANIFEST, DOCKER, 429),
    ] {
        assert_eq!(server.send(method, path, &[header], b"").status, status, "{method} {path}");
    }
    // Those of an account are counted too.
    assert_eq!(harbour.send("GET", MANIFEST, &[DOCKER], b"").status, 200);
    assert_eq!(harbour.send("GET", MANIFEST, &[RENOVATE], b"").status, 200);
    assert!(harbour.server.stop().success());
    assert_eq!(pulls(data.path()), (2, 1));
    assert_eq!(stats(data.path(), &["--by", "tag"]), json!([{ "tag": "v1", "pulls": 2 }]));
    assert_eq!(stats(data.path(), &["--by", "image"]), json!([{ "digest": image, "pulls": 2 }]));
}

#[test]
fn a_tag_resolved_by_head_is_pulled_by_digest_through_a_proxy_too() {
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &["--trusted-proxy", "127.0.0.1"]);
    let child = harbour.image("child", None);
    assert_eq!(harbour.put(&sha256(&child), &[], &child).status, 201);
    let entry = json!({ "mediaType": crate::support::IMAGE, "digest": sha256(&child), "size": child.len() });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }).to_string();
    let path = "/v2/pier/app/manifests/multi";
    assert_eq!(harbour.send("PUT", path, &[("content-type", INDEX)], index.as_bytes()).status, 201);
    let from = |method: &str, client: &str, reference: &str| {
        let headers = [DOCKER, ("x-forwarded-for", client)];
        assert_eq!(harbour.server.send(method, &format!("/v2/pier/app/manifests/{reference}"), &headers, b"").status, 200);
    };
    from("HEAD", "192.0.2.1", "multi");
    for client in ["192.0.2.1", "192.0.2.2"] {
        from("GET", client, &sha256(index.as_bytes()));
        from("GET", client, &sha256(&child));
    }
    assert!(harbour.server.stop().success());
    assert_eq!(pulls(data.path()), (2, 0));
    assert_eq!(stats(data.path(), &["--by", "tag"]), json!([{ "tag": "multi", "pulls": 1 }]));
}

#[test]
fn a_server_that_is_killed_loses_what_it_counted_last_and_doubles_nothing() {
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &[]);
    let pull = |server: &Server| assert_eq!(server.send("GET", MANIFEST, &[DOCKER], b"").status, 200);
    (0..3).for_each(|_| pull(&harbour.server));
    assert!(harbour.server.stop().success());
    for _ in 0..3 {
        let before = pulls(data.path()).0;
        let server = Server::start_in(data.path(), &[]);
        (0..2).for_each(|_| pull(&server));
        // Kills it.
        drop(server);
        let after = pulls(data.path()).0;
        assert!(after == before || after == before + 2, "{before} {after}");
    }
}

/// Requests of all kinds from eight connections, whose pulls are those that the access log shows.
#[test]
fn what_is_counted_is_what_the_access_log_shows() {
    const CONNECTIONS: usize = 8;
    const ROUNDS: usize = 60;
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &[]);
    for tag in ["v2", "v3"] {
        assert_eq!(harbour.put(tag, &[], &harbour.image(tag, None)).status, 201);
    }
    let image = harbour.digest_of("v1").unwrap();
    assert_eq!(harbour.put("attached", &[], &harbour.image("attached", Some(&image))).status, 201);
    let known = format!("\"{image}\"");
    thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let (harbour, image, known) = (&harbour, &image, &known);
            scope.spawn(move || {
                let mut connection = Connection::to(harbour.server.address());
                for round in 0..ROUNDS {
                    let agent = if (number + round).is_multiple_of(3) { RENOVATE } else { DOCKER };
                    let path = |reference: &str| format!("/v2/pier/app/manifests/{reference}");
                    connection.send("HEAD", &path("v1"), &[agent], b"");
                    connection.send("GET", &path(image), &[agent], b"");
                    connection.send("GET", &path(["v1", "v2", "v3"][round % 3]), &[agent], b"");
                    connection.send("GET", &path("attached"), &[agent], b"");
                    connection.send("GET", &path("v1"), &[agent, ("if-none-match", known)], b"");
                    connection.send("GET", &path("none"), &[agent], b"");
                    // A push empties the cache, and with it the handles of counters.
                    if round.is_multiple_of(10) {
                        assert_eq!(harbour.put(&format!("moving-{number}"), &[], &harbour.image("v2", None)).status, 201);
                    }
                }
            });
        }
    });
    let is_pull = |event: &Value, agent: &str| {
        let path = event["path"].as_str().unwrap_or_default();
        event["method"] == "GET"
            && event["status"] == 200
            && path.contains("/manifests/")
            && !path.ends_with("/attached")
            && event["user_agent"] == agent
    };
    // The last line is written after the last answer.
    let total = CONNECTIONS * ROUNDS * 6;
    let logged = harbour.server.wait_for_events(total, |event| {
        event["path"].as_str().is_some_and(|path| path.contains("/manifests/")) && event["method"] != "PUT"
    });
    let count = |agent: &str| logged.iter().filter(|event| is_pull(event, agent)).count() as u64;
    let expected = (count(DOCKER.1), count(RENOVATE.1));
    let metrics = harbour.server.get("/metrics").text();
    for (robot, number) in [("no", expected.0), ("yes", expected.1)] {
        let line = format!("roadstead_pulls_total{{robot=\"{robot}\"}} {number}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    assert!(harbour.server.stop().success());
    assert_eq!(pulls(data.path()), expected);
    assert_eq!(expected.0 + expected.1, (CONNECTIONS * ROUNDS * 2) as u64);
}

/// Whatever clients send, they add to the numbers of what exists, and nothing of it is kept.
#[test]
fn a_crowd_of_user_agents_and_references_leaves_nothing_but_numbers() {
    crate::support::on_files();
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &[]);
    let mut connection = Connection::to(harbour.server.address());
    for number in 0..500 {
        let agent = format!("marker-of-a-client/{number}");
        assert_eq!(connection.send("GET", MANIFEST, &[("user-agent", &agent)], b"").status, 200);
        assert_eq!(connection.send("GET", &format!("/v2/pier/app/manifests/none-{number}"), &[], b"").status, 404);
        assert_eq!(connection.send("HEAD", &format!("/v2/pier/app-{number}/manifests/v1"), &[], b"").status, 404);
    }
    for agent in [&b"\xff\xfe"[..], &[b'x'; 8000], b"docker\t<script>"] {
        connection.write(&[b"GET /v2/pier/app/manifests/v1 HTTP/1.1\r\nhost: x\r\nuser-agent: ", agent, b"\r\n\r\n"].concat());
        assert_eq!(connection.read("GET").status, 200);
    }
    assert!(harbour.server.stop().success());
    assert_eq!(pulls(data.path()), (503, 0));
    let bytes = std::fs::read(data.path().join("statistics.db")).unwrap();
    for text in ["marker", "127.0.0.1", "none-", "script"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    assert!(bytes.len() < 20 * 4096, "{} bytes", bytes.len());
}

#[test]
fn an_operator_adds_robots() {
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &["--robots", "acme-scanner,Acme Mirror"]);
    for agent in ["Acme-Scanner/1", "acme mirror", "acme-browser/1"] {
        assert_eq!(harbour.get_with(MANIFEST, "user-agent", agent).status, 200);
    }
    assert!(harbour.server.stop().success());
    assert_eq!(pulls(data.path()), (1, 2));
}

#[test]
fn the_command_shows_and_sets_the_numbers_of_repositories() {
    let server = Server::start(&["--alias", "pier"]);
    let harbour = Harbour::on(server);
    for name in ["app", "other/one"] {
        harbour.create(name);
    }
    let set = harbour.server.command(&["stats", "set", "other/one", "5000000"]);
    let row = |name: &str, pulls: u64| json!({ "repositoryName": name, "pulls": pulls, "last30Days": 0, "robots": 0, "lastPull": null });
    assert_eq!(set, row("other/one", 5_000_000));
    assert_eq!(harbour.server.command(&["stats"]), json!([row("other/one", 5_000_000), row("app", 0)]));
    let table = harbour.server.run(&["stats", "app"]).ok();
    assert_eq!(table, "REPOSITORY  PULLS  LAST 30 DAYS  ROBOTS  LAST PULL\napp         0      0             0\n");
    assert_eq!(harbour.server.command(&["stats", "app", "--by", "day", "--from", "2026-01-01", "--to", "2026-01-31"]), json!([]));
    for (arguments, code) in [
        (&["stats", "none"][..], 1),
        (&["stats", "set", "none", "1"], 1),
        (&["stats", "set", "app", "-1"], 2),
        (&["stats", "set", "app", "99999999999999999999"], 2),
        (&["stats", "--by", "day"], 2),
        (&["stats", "app", "--from", "2026-01-01"], 2),
        (&["stats", "app", "--by", "day", "--from", "1-1-1"], 2),
        (&["stats", "app", "--by", "day", "--from", "1990-01-01"], 2),
    ] {
        assert_eq!(harbour.server.run(arguments).code, Some(code), "{arguments:?}");
    }
}

#[test]
fn the_page_shows_the_last_days_and_tags() {
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &[]);
    (0..3).for_each(|_| assert_eq!(harbour.get_with(MANIFEST, DOCKER.0, DOCKER.1).status, 200));
    assert_eq!(harbour.get_with(MANIFEST, RENOVATE.0, RENOVATE.1).status, 200);
    assert!(harbour.server.stop().success());
    let server = Server::start_in(data.path(), &[]);
    let page = server.get("/pier/app/-/pulls");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    for part in
        ["<dd>3</dd>", "<dd>1</dd>", "class=\"people\"", "class=\"robots\"", "href=\"/pier/app:v1\"", "format=csv", "What is counted"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(server.get("/pier/app/-/pulls?from=2020-01-01&to=2020-01-31").text().contains("No pulls from"));
    for (path, status) in [
        ("/pier/none/-/pulls", 404),
        ("/nobody/app/-/pulls", 404),
        ("/pier/app/-/pulls?from=yesterday", 400),
        ("/pier/app/-/pulls?from=2026-01-02&to=2026-01-01", 400),
        ("/pier/app/-/pulls?from=0001-01-01", 400),
        ("/pier/app/-/pulls?to=9999-12-29", 200),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
}

#[test]
fn a_server_starts_with_damaged_statistics_and_says_so() {
    crate::support::on_files();
    let data = tempfile::tempdir().unwrap();
    let harbour = harbour_in(data.path(), &[]);
    assert!(harbour.server.stop().success());
    std::fs::write(data.path().join("statistics.db"), "no database").unwrap();
    let server = Server::start_in(data.path(), &[]);
    assert!(server.logged().contains("the pull statistics cannot be read: they begin anew"), "{}", server.logged());
    assert_eq!(server.get(MANIFEST).status, 200);
}
