//! The audit log.

use crate::support::{Credentials, Ended, Harbour, Server, run, wait_until};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A registry with an audit log.
struct Watched {
    harbour: Harbour,
    directory: tempfile::TempDir,
}

impl Watched {
    fn new(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("audit.log");
        let harbour = Harbour::on(Server::start(&[&["--alias", "pier", "--audit-log", file.to_str().unwrap()], flags].concat()));
        Self { harbour, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("audit.log")
    }

    /// Runs a command on the server's data directory, with the same audit log.
    fn run(&self, arguments: &[&str]) -> Ended {
        let (data, file) = (self.harbour.server.data(), self.file());
        let found = [("ROADSTEAD_DATA", data.to_str().unwrap()), ("ROADSTEAD_AUDIT_LOG", file.to_str().unwrap())];
        run(arguments, &[&found[..], &[("ROADSTEAD_LOG_FORMAT", "json")]].concat())
    }

    /// Runs a command that must succeed, and returns its output.
    fn command(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat()).json()
    }

    /// Stops the server, and returns all events.
    fn events(self) -> Vec<Value> {
        let file = self.file();
        assert!(self.harbour.server.stop().success());
        read(&file)
    }
}

fn read(file: &Path) -> Vec<Value> {
    std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member].as_str().unwrap_or_default()
}

const ARN: &str = "arn:aws:ecr-public::000000000000:repository/app";

#[test]
fn every_write_at_both_doors_is_one_event_with_its_caller_and_object() {
    let watched = Watched::new(&[]);
    let harbour = &watched.harbour;
    harbour.create("app");
    let image = harbour.image("one", None);
    assert_eq!(harbour.put("v1", &[], &image).status, 201);
    let upload = harbour.start_upload();
    assert_eq!(harbour.send("PATCH", &upload, &[], b"bytes").status, 202);
    assert_eq!(harbour.send("DELETE", &upload, &[], b"").status, 204);
    assert_eq!(harbour.send("DELETE", "/v2/pier/app/manifests/gone", &[], b"").status, 404);
    assert_eq!(harbour.send("DELETE", "/v2/pier/app/manifests/v1", &[], b"").status, 202);
    assert_eq!(harbour.server.aws("DescribeImages", &json!({"repositoryName": "app"})).status, 200);
    let batch = json!({"repositoryName": "app", "imageIds": [{"imageTag": "a"}, {"imageTag": "b"}]});
    assert_eq!(harbour.server.aws("BatchDeleteImage", &batch).status, 200);
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list").status, 200);

    let (root, session) = (harbour.server.credentials(), upload.rsplit('/').next().unwrap().to_owned());
    let events = watched.events();
    let told: Vec<_> = events.iter().map(|event| (text(event, "outcome"), text(event, "action"), text(event, "object"))).collect();
    let blobs: Vec<_> = told.iter().filter(|(_, action, _)| *action == "oci:PushBlob").collect();
    assert!(blobs.len() == 2 && blobs.iter().all(|(outcome, _, digest)| *outcome == "done" && digest.starts_with("sha256:")));
    let others: Vec<_> = told.iter().copied().filter(|(_, action, _)| *action != "oci:PushBlob").collect();
    let expected = [
        ("done", "GetAuthorizationToken", ""),
        ("done", "CreateRepository", ""),
        ("done", "oci:PutManifest", "v1"),
        ("done", "oci:StartUpload", ""),
        ("done", "oci:CancelUpload", session.as_str()),
        ("failed", "oci:DeleteManifest", "gone"),
        ("done", "oci:DeleteManifest", "v1"),
        ("done", "BatchDeleteImage", "a b"),
    ];
    assert_eq!(others, expected);
    let (logins, events): (Vec<_>, Vec<_>) = events.iter().partition(|event| text(event, "action") == "GetAuthorizationToken");
    for event in &events {
        assert_eq!((text(event, "resource"), text(event, "client"), text(event, "account")), (ARN, "127.0.0.1", "000000000000"), "{event}");
        assert_eq!((text(event, "access_key_id"), text(event, "target")), (root.id.as_str(), "roadstead::audit"), "{event}");
        assert!(event.get("user").is_none() && text(event, "request_id").len() == 36 && text(event, "timestamp").ends_with('Z'), "{event}");
    }
    assert_eq!((text(logins[0], "resource"), &logins[0]["status"]), ("*", &json!(200)));
    assert!(events.iter().any(|event| text(event, "reason") == "MANIFEST_UNKNOWN"));
}

#[test]
fn every_refused_attempt_is_an_event_and_a_challenge_is_not() {
    let watched = Watched::new(&[]);
    let (harbour, server) = (&watched.harbour, &watched.harbour.server);
    harbour.create("app");
    watched.command(&["user", "create", "alice"]);
    let alice = Credentials::of(&watched.command(&["access-key", "create", "--user", "alice"]));
    // Anonymous requests are challenged, which is not a refusal.
    assert_eq!(server.get("/v2/").status, 401);
    assert_eq!(server.send("PUT", "/v2/pier/app/manifests/v1", &[], b"{}").status, 401);
    assert_eq!(server.send("POST", "/", &[("x-amz-target", "SpencerFrontendService.CreateRepository")], b"{}").status, 400);

    assert_eq!(server.aws_as(&alice, "DeleteRepository", &json!({"repositoryName": "app"})).status, 400);
    assert_eq!(server.aws_as(&Credentials { secret: "wrong".into(), ..alice.clone() }, "CreateRepository", &json!({})).status, 400);
    let swapped = Credentials { id: "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY".into(), secret: "any".into() };
    assert_eq!(server.aws_as(&swapped, "CreateRepository", &json!({})).status, 400);
    // AWS:hunter2
    assert_eq!(server.send("GET", "/token/", &[("authorization", "Basic QVdTOmh1bnRlcjI=")], b"").status, 401);
    assert_eq!(server.send("PUT", "/v2/pier/app/manifests/v1", &[("authorization", "Bearer a.b")], b"{}").status, 401);

    let root = server.credentials();
    let events = watched.events();
    let refused: Vec<_> = events.iter().filter(|event| text(event, "outcome") == "refused").collect();
    let told: Vec<_> = refused.iter().map(|event| (text(event, "action"), text(event, "object"), text(event, "user"))).collect();
    let expected = [
        ("DeleteRepository", "", "alice"),
        ("CreateRepository", "", ""),
        ("CreateRepository", "", ""),
        ("oci:Token", "", ""),
        ("oci:PutManifest", "v1", ""),
    ];
    assert_eq!(told, expected);
    assert_eq!(text(refused[0], "resource"), ARN);
    assert!(text(refused[0], "reason").contains("is not authorized to perform: ecr-public:DeleteRepository"), "{}", refused[0]);
    assert_eq!((text(refused[1], "claimed_key_id"), text(refused[1], "reason")), (alice.id.as_str(), "InvalidSignatureException"));
    assert!(refused[1].get("access_key_id").is_none(), "the key is only claimed");
    assert_eq!(text(refused[2], "reason"), "UnrecognizedClientException");
    assert!(refused[2].get("claimed_key_id").is_none(), "a possible secret is not logged: {}", refused[2]);
    assert_eq!(text(refused[4], "resource"), "pier/app");
    let all = events.iter().map(Value::to_string).collect::<String>();
    assert!([root.secret.as_str(), alice.secret.as_str(), "hunter2", "QVdTOm"].iter().all(|secret| !all.contains(secret)));
}

#[test]
fn further_refusals_of_one_address_are_summed_up() {
    let watched = Watched::new(&[]);
    for _ in 0..50 {
        assert!(matches!(watched.harbour.server.send("GET", "/v2/", &[("authorization", "Bearer a.b")], b"").status, 401 | 429));
    }
    let events = watched.events();
    let (each, sums): (Vec<_>, Vec<_>) =
        events.iter().filter(|event| text(event, "outcome") == "refused").partition(|event| event.get("count").is_none());
    assert_eq!((each.len(), sums.len()), (5, 1), "{events:?}");
    assert_eq!((text(sums[0], "network"), &sums[0]["count"]), ("127.0.0.1", &json!(45)));
    assert!(text(sums[0], "first") <= text(sums[0], "last"));
}

#[test]
fn commands_log_their_user_to_the_same_file() {
    let watched = Watched::new(&[]);
    watched.command(&["user", "create", "alice"]);
    let key = Credentials::of(&watched.command(&["access-key", "create", "--user", "alice"]));
    watched.command(&["user", "list"]);
    watched.command(&["gc", "--dry-run"]);
    assert_eq!(watched.run(&["user", "delete", "bob"]).code, Some(1));
    let events = watched.events();
    let commands: Vec<_> = events.iter().filter(|event| text(event, "action").starts_with("cli:")).collect();
    let told: Vec<_> =
        commands.iter().map(|event| (text(event, "outcome"), text(event, "action"), text(event, "object").to_owned())).collect();
    let expected = [
        ("done", "cli:user create", "alice".to_owned()),
        ("done", "cli:access-key create", format!("{} of alice", key.id)),
        ("failed", "cli:user delete", "bob".to_owned()),
    ];
    assert_eq!(told, expected);
    assert!(commands.iter().all(|event| !text(event, "os_user").is_empty() && text(event, "resource") == "000000000000"), "{commands:?}");
    assert!(text(commands[2], "reason").contains("no user 'bob'"));
    assert!(!events.iter().any(|event| event.to_string().contains(&key.secret)));
}

#[test]
fn a_command_that_cannot_be_logged_does_nothing() {
    let server = Server::start(&[]);
    let environment = [("ROADSTEAD_DATA", server.data().to_str().unwrap()), ("ROADSTEAD_AUDIT_LOG", "/dev/null/audit.log")];
    let ended = run(&["user", "create", "alice"], &environment);
    assert!(ended.code == Some(1) && ended.stderr.contains("cannot open the audit log"), "{ended:?}");
    assert!(!run(&["user", "list"], &environment).stdout.contains("alice"));
}

#[test]
fn a_rotated_file_is_reopened_on_sighup() {
    let watched = Watched::new(&[]);
    let (file, old) = (watched.file(), watched.directory.path().join("audit.log.1"));
    watched.harbour.create("before");
    // The answer does not wait for the event to be written.
    wait_until("the event was not written", || std::fs::read_to_string(&file).unwrap().contains("repository/before"));
    std::fs::rename(&file, &old).unwrap();
    watched.harbour.server.hang_up();
    wait_until("the file was not reopened", || file.exists());
    watched.harbour.create("after");
    let resources = |events: &[Value]| events.iter().map(|event| text(event, "resource").to_owned()).collect::<Vec<_>>();
    assert_eq!(resources(&read(&old)), ["*", "arn:aws:ecr-public::000000000000:repository/before"]);
    assert_eq!(resources(&watched.events()), ["arn:aws:ecr-public::000000000000:repository/after"]);
}

#[test]
fn without_a_file_events_go_to_stderr_and_the_access_log_names_the_caller() {
    let harbour = Harbour::new();
    let event = harbour.server.wait_for_event(|event| event["action"] == "CreateRepository");
    assert_eq!((text(&event, "target"), text(&event, "outcome")), ("roadstead::audit", "done"));
    let id = &event["request_id"];
    let line = harbour.server.wait_for_event(|event| event["target"] == "roadstead::access" && event["request_id"] == *id);
    assert_eq!((text(&line, "account"), line.get("user")), ("000000000000", None));
    harbour.server.get("/v2/pier/app/tags/list");
    let line = harbour.server.wait_for_event(|event| event["path"] == "/v2/pier/app/tags/list");
    assert!(line.get("account").is_none());
    assert_eq!(harbour.send("GET", "/token/", &[], b"").status, 200);
    let line = harbour.server.wait_for_event(|event| event["path"] == "/token/");
    assert_eq!(text(&line, "account"), "000000000000");
}

#[test]
fn a_full_disk_loses_events_but_no_requests() {
    let harbour = Harbour::on(Server::start(&["--audit-log", "/dev/full"]));
    harbour.create("app");
    let error = harbour.server.wait_for_event(|event| text(event, "message").contains("the audit log cannot be written"));
    assert_eq!(text(&error, "level"), "ERROR");
    let metrics = harbour.server.get("/metrics").text();
    let lost = metrics.lines().find_map(|line| line.strip_prefix(r#"roadstead_log_lines_dropped_total{kind="audit"} "#)).unwrap();
    assert!(lost.parse::<u64>().unwrap() >= 1, "{metrics}");
    assert!(harbour.server.stop().success());
}
