//! Servers and commands on a PostgreSQL database and in a bucket: the first start, what is refused, and waiting.

use crate::support::{Buckets, Credentials, Server, command, endpoint, on_files, postgres, refused, run, sha256, standby_of, wait_until};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const MASTER_KEY: (&str, &str) = ("ROADSTEAD_MASTER_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
const ROOT_KEY: [(&str, &str); 3] =
    [MASTER_KEY, ("ROADSTEAD_ACCESS_KEY_ID", "AKIAROADSTEADTEST"), ("ROADSTEAD_SECRET_ACCESS_KEY", "hunter2hunter2hunter2")];

/// Creates the one role that the server asks for a password, unless another test has.
const ROLE_WITH_A_PASSWORD: &str = "DO $$ BEGIN CREATE ROLE locked LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN END $$";

fn root() -> Credentials {
    Credentials { id: ROOT_KEY[1].1.to_owned(), secret: ROOT_KEY[2].1.to_owned() }
}

/// A folder for blobs that servers share.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn three_servers_that_start_at_once_are_one_registry_with_one_account() {
    let Some(postgres) = postgres() else { return };
    let (url, data) = (postgres.create_database("three"), folder());
    let flags = ["--database", &url, "--data", data.path().to_str().unwrap(), "--drain", "0"];
    let servers = std::thread::scope(|scope| {
        let start = || {
            on_files();
            Server::start_with(&flags, &ROOT_KEY)
        };
        let starts = [(); 3].map(|()| scope.spawn(start));
        starts.map(|start| start.join().unwrap())
    });
    assert!(servers.iter().all(|server| server.alias() == servers[0].alias()), "several accounts were made");
    assert_eq!(postgres.sql("three", "SELECT COUNT(*) FROM installation"), "1");
    assert_eq!(servers[0].aws_as(&root(), "CreateRepository", &json!({"repositoryName": "app"})).status, 200);
    for server in &servers {
        let found = server.aws_as(&root(), "DescribeRepositories", &json!({})).json();
        assert_eq!(found["repositories"][0]["repositoryName"], "app");
        assert!(!server.logged().contains("hunter2") && !server.logged().contains("00112233"), "{}", server.logged());
    }
    let metrics = servers[0].get("/metrics").text();
    for name in ["connections_maximum 20\n", "connections_opened_total ", "writes_total ", "version_checks_total "] {
        assert!(metrics.contains(&format!("\nroadstead_database_{name}")), "{name} {metrics}");
    }
    assert!(!data.path().join("roadstead.db").exists() && !data.path().join("credentials").exists());
    assert!(servers.into_iter().all(|server| server.stop().success()));
}

#[test]
fn the_root_key_is_made_by_a_command_that_runs_anywhere() {
    let Some(postgres) = postgres() else { return };
    let (url, data) = (postgres.create_database("made"), folder());
    let flags = ["--database", &url, "--data", data.path().to_str().unwrap(), "--drain", "0"];
    std::fs::create_dir(data.path().join("blobs")).unwrap();
    let absent = run(&[&["account", "list"][..], &flags[..4]].concat(), &[MASTER_KEY]);
    assert!(absent.stderr.contains("there is no registry in postgres://postgres@") && absent.code == Some(1), "{absent:?}");
    let server = Server::start_with(&flags, &[MASTER_KEY]);
    server.wait_for_event(|event| event["message"].as_str().is_some_and(|text| text.contains("roadstead access-key create")));
    let made = run(&[&["access-key", "create", "--output", "json"][..], &flags[..4]].concat(), &[MASTER_KEY]).json();
    let key = Credentials::of(&made);
    assert_eq!(server.aws_as(&key, "DescribeRegistries", &json!({})).status, 200);
    assert!(!server.logged().contains(&key.secret));
    let by_environment = run(
        &["access-key", "list", "--output", "json"],
        &[MASTER_KEY, ("ROADSTEAD_DATABASE", &url), ("ROADSTEAD_DATA", data.path().to_str().unwrap())],
    );
    assert_eq!(by_environment.json()[0]["accessKeyId"], key.id);
}

#[test]
fn a_database_that_cannot_work_is_refused_with_its_name_and_without_its_password() {
    let Some(postgres) = postgres() else { return };
    postgres.sql("postgres", ROLE_WITH_A_PASSWORD);
    postgres.sql("postgres", "CREATE ROLE guest LOGIN");
    postgres.create_database("guarded");
    postgres.create_database("newer");
    postgres.sql("newer", "CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY)");
    postgres.sql("newer", "INSERT INTO schema_version (version) VALUES (9999)");
    let data = folder();
    let none = data.path().join("none");
    for (url, words) in [
        (postgres.url("locked:hunter2", "guarded"), "password"),
        (postgres.url("locked", "guarded"), "password"),
        (postgres.url("guest", "guarded"), "guest"),
        (postgres.url("postgres", "nowhere"), "nowhere"),
        (postgres.url("nobody_at_all", "guarded"), "nobody_at_all"),
        (postgres.url("postgres", "newer"), "use that version, or another database"),
    ] {
        // A refusal does not wait.
        let said = refused(&["--database", &url, "--data", none.to_str().unwrap(), "--wait", "1h"], &ROOT_KEY);
        assert!(said.contains(words) && !said.contains("hunter2"), "{url}: {said}");
        assert!(!none.exists(), "{url}: a directory is left behind");
    }
}

#[test]
fn a_standby_is_refused_because_it_takes_no_writes() {
    let Some(postgres) = postgres() else { return };
    postgres.create_database("primary_of_standby");
    let standby = standby_of(postgres);
    let data = folder();
    let url = standby.url("postgres", "primary_of_standby");
    let said = refused(&["--database", &url, "--data", data.path().to_str().unwrap(), "--wait", "1h"], &ROOT_KEY);
    assert!(said.contains("standby") && said.contains("primary_of_standby"), "{said}");
}

#[test]
fn a_server_waits_for_a_database_that_cannot_be_reached_but_not_for_ever() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (url, data) = (format!("postgres://rs:hunter2@{closed}/registry"), folder());
    let flags = ["--database", &url, "--data", data.path().to_str().unwrap()];
    let said = refused(&[&flags[..], &["--wait", "0"]].concat(), &ROOT_KEY);
    assert!(said.contains(&closed.to_string()) && !said.contains("hunter2"), "{said}");
    let mut waiting =
        command(&[&["serve", "--listen", "127.0.0.1:0"], &flags[..]].concat(), &ROOT_KEY).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("waiting for storage")), "the server does not wait");
    rustix::process::kill_process(rustix::process::Pid::from_child(&waiting), rustix::process::Signal::TERM).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(1));
    assert!(lines.any(|line| line.contains("before it was ready")));
}

#[test]
fn a_server_needs_the_master_key_of_the_installation() {
    let Some(postgres) = postgres() else { return };
    let (url, data) = (postgres.create_database("sealed"), folder());
    let flags = ["--database", &url, "--data", data.path().to_str().unwrap(), "--drain", "0"];
    assert!(refused(&flags, &[]).contains("ROADSTEAD_MASTER_KEY"));
    assert!(Server::start_with(&flags, &ROOT_KEY).stop().success());
    let other = ("ROADSTEAD_MASTER_KEY", "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100");
    assert!(refused(&flags, &[other, ROOT_KEY[1], ROOT_KEY[2]]).contains("the master key does not match this data"));
    let command = run(&[&["account", "list"][..], &flags[..4]].concat(), &[other]);
    assert!(command.stderr.contains("the master key does not match this data"), "{command:?}");
    let file = data.path().join("key");
    std::fs::write(&file, MASTER_KEY.1).unwrap();
    assert!(Server::start_with(&[&flags[..], &["--master-key-file", file.to_str().unwrap()]].concat(), &[]).stop().success());
}

#[test]
fn a_password_comes_from_a_file() {
    let Some(postgres) = postgres() else { return };
    postgres.sql("postgres", ROLE_WITH_A_PASSWORD);
    postgres.sql("postgres", "CREATE DATABASE filed OWNER locked");
    let data = folder();
    let file = data.path().join("password");
    std::fs::write(&file, "right\n").unwrap();
    let url = postgres.url("locked", "filed");
    let flags = ["--database", &url, "--database-password-file", file.to_str().unwrap(), "--data", data.path().to_str().unwrap()];
    let server = Server::start_with(&[&flags[..], &["--drain", "0"]].concat(), &ROOT_KEY);
    wait_until("the server is not ready", || server.get("/readyz").status == 200);
    assert!(server.stop().success());
}

#[test]
fn the_directory_of_an_embedded_installation_is_refused_for_the_blobs_of_a_database() {
    let Some(postgres) = postgres() else { return };
    let (url, data) = (postgres.create_database("beside"), folder());
    assert!(Server::start_in(data.path(), &[]).stop().success());
    let said = refused(&["--database", &url, "--data", data.path().to_str().unwrap()], &ROOT_KEY);
    assert!(said.contains("holds an installation with a database of its own"), "{said}");
    let said = refused(&["--database", &url, "--ephemeral"], &ROOT_KEY);
    assert!(said.contains("--ephemeral"), "{said}");
}

#[test]
fn with_a_database_and_a_bucket_nothing_is_kept_in_a_directory() {
    let (Some(postgres), Some(buckets)) = (postgres(), Buckets::shared()) else { return };
    buckets.create("images");
    let (url, endpoint, data) = (postgres.create_database("placeless"), endpoint(buckets.address), folder());
    let none = data.path().join("none");
    let places = ["--database", &url, "--blobs", "s3://images/a", "--s3-endpoint", &endpoint, "--data", none.to_str().unwrap()];
    let flags = [&places[..], &["--drain", "0"]].concat();
    let environment = [&ROOT_KEY[..], &Buckets::CREDENTIALS].concat();
    let [one, other] = [(); 2].map(|()| Server::start_with(&flags, &environment));
    assert_eq!(one.aws_as(&root(), "CreateRepository", &json!({"repositoryName": "app"})).status, 200);
    let (login, blob) = (one.login(&root()), vec![7; 1 << 20]);
    let path = format!("/v2/{}/app/blobs/", one.alias());
    let pushed = one.send("POST", &format!("{path}uploads/?digest={}", sha256(&blob)), &[("authorization", &login)], &blob);
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let pulled = other.send("GET", &format!("{path}{}", sha256(&blob)), &[("authorization", &login)], b"");
    assert!(pulled.status == 200 && pulled.body == blob, "{}", pulled.status);
    let metrics = one.get("/metrics").text();
    assert!(
        metrics.contains("\nroadstead_bucket_requests_total ") && metrics.contains("\nroadstead_bucket_sent_bytes_total "),
        "{metrics}"
    );
    let collected = run(&[&["gc", "--dry-run", "--output", "json"][..], &places].concat(), &environment).json();
    assert_eq!(collected["deletedBlobs"], 0);
    assert!(!none.exists() && !one.logged().contains("hunter3"), "{}", one.logged());
    assert!([one, other].into_iter().all(|server| server.stop().success()));

    let second = postgres.create_database("second");
    let said = refused(&[&["--database", &second], &flags[2..]].concat(), &environment);
    assert!(said.contains("the blobs of another installation"), "{said}");
}

#[test]
fn a_bucket_that_cannot_work_is_refused_with_its_name() {
    let (Some(postgres), Some(buckets)) = (postgres(), Buckets::shared()) else { return };
    buckets.create("closed");
    let (url, endpoint) = (postgres.create_database("bucketless"), endpoint(buckets.address));
    let [key, secret] = Buckets::CREDENTIALS;
    let wrong = (secret.0, "hunter4hunter4");
    for (blobs, environment, words) in [("s3://absent", vec![key, secret], "absent"), ("s3://closed", vec![key, wrong], "closed")] {
        let flags = ["--database", &url, "--blobs", blobs, "--s3-endpoint", &endpoint, "--wait", "1h"];
        let said = refused(&flags, &[&ROOT_KEY[..], &environment].concat());
        assert!(said.starts_with("cannot open the store of blobs") && said.contains(words) && !said.contains("hunter"), "{said}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let flags = ["--database", &url, "--blobs", "s3://closed", "--s3-endpoint", &format!("http://{closed}"), "--wait", "0"];
    let said = refused(&flags, &[&ROOT_KEY[..], &Buckets::CREDENTIALS].concat());
    assert!(said.contains(&closed.to_string()), "{said}");
}
