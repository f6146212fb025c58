//! `roadstead transfer`.

use crate::support::{Buckets, Ended, Harbour, Server, endpoint, on_files, postgres, run};
use serde_json::Value;

/// The rows of a table that a command has copied.
fn rows(ended: &Ended, table: &str) -> u64 {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let tables: Value = serde_json::from_str(&ended.stdout).unwrap();
    tables.as_array().unwrap().iter().find(|row| row["table"] == table).unwrap()["rows"].as_u64().unwrap()
}

#[test]
fn an_installation_is_copied_to_another_directory_and_served_from_there() {
    on_files();
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (from.path().join("from"), to.path().join("to"));
    let harbour = Harbour::on(Server::start_in(&from, &["--alias", "pier"]));
    harbour.create("app");
    let image = harbour.image("a", None);
    assert_eq!(harbour.put("v1", &[], &image).status, 201);
    let root = harbour.server.credentials();
    let transfer = |more: &[&str]| {
        let places = ["transfer", "--from", from.to_str().unwrap(), "--to", to.to_str().unwrap(), "--output", "json"];
        run(&[&places, more].concat(), &[("ROADSTEAD_DATABASE", "postgres://nobody@127.0.0.1:1/nowhere")])
    };
    let busy = transfer(&[]);
    assert_eq!(busy.code, Some(1));
    assert!(busy.stderr.contains("another roadstead server is using the data directory"), "{busy:?}");
    assert!(harbour.server.stop().success());

    let survey = transfer(&["--dry-run"]);
    assert!(survey.stderr.contains("bytes of blobs to copy") && !to.exists(), "{survey:?}");
    assert_eq!((rows(&survey, "tag"), rows(&transfer(&[]), "tag")), (1, 1));
    let again = transfer(&[]);
    assert!(again.code == Some(1) && again.stderr.contains("the target is not empty"), "{again:?}");

    let server = Server::start_in(&to, &["--alias", "pier"]);
    assert_eq!(server.get("/v2/pier/app/manifests/v1").status, 200);
    assert_eq!(server.credentials(), root);
}

#[test]
fn an_installation_moves_to_a_database_and_a_bucket_and_back() {
    let (Some(postgres), Some(buckets)) = (postgres(), Buckets::shared()) else { return };
    buckets.create("moved");
    let (url, endpoint, folder) = (postgres.create_database("moved"), endpoint(buckets.address), tempfile::tempdir().unwrap());
    let [here, back] = ["here", "back"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let harbour = Harbour::on(Server::start_in(here.as_ref(), &["--alias", "pier"]));
    harbour.create("app");
    let image = harbour.image("a", None);
    assert_eq!(harbour.put("v1", &[], &image).status, 201);
    let large = harbour.push_blob("app", &[7; 6_000_000]);
    assert!(harbour.server.stop().success());

    let key = std::fs::read_to_string(format!("{here}/master.key")).unwrap();
    let environment = [&Buckets::CREDENTIALS[..], &[("ROADSTEAD_MASTER_KEY", key.trim()), ("ROADSTEAD_S3_ENDPOINT", &endpoint)]].concat();
    let away = [url.as_str(), "s3://moved/registry"];
    let transfer =
        |from: &[&str], to: &[&str]| run(&[&["transfer", "--output", "json", "--from"], from, &["--to"], to].concat(), &environment);
    assert_eq!(rows(&transfer(&[&here], &away), "blob"), 3);
    let flags = ["--alias", "pier", "--database", away[0], "--blobs", away[1], "--drain", "0"];
    let server = Server::start_with(&flags, &environment);
    assert_eq!(server.get("/v2/pier/app/manifests/v1").status, 200);
    assert_eq!(server.get(&format!("/v2/pier/app/blobs/{large}")).body, [7; 6_000_000]);
    assert!(server.stop().success());

    assert_eq!(rows(&transfer(&away, &[&back]), "blob"), 3);
    let server = Server::start_in(back.as_ref(), &["--alias", "pier"]);
    assert_eq!(server.get("/v2/pier/app/manifests/v1").status, 200);
    assert_eq!(server.get(&format!("/v2/pier/app/blobs/{large}")).body, [7; 6_000_000]);
}

#[test]
fn places_that_are_no_whole_installation_are_refused() {
    for (from, reason) in [
        (&["s3://bucket"][..], "--from: names no place for everything: name a directory, or a database and a bucket"),
        (&["a", "b"], "--from: names two places of the same kind"),
        (&["mysql://host/name"], "--from: is not the URL of a database, such as postgres://user@host:5432/name"),
    ] {
        let ended = run(&[&["transfer", "--to", "to", "--from"], from].concat(), &[]);
        assert_eq!((ended.code, ended.stderr), (Some(2), format!("roadstead: {reason}\n")));
    }
}
