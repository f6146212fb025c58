//! `roadstead transfer`.

use crate::support::{Harbour, Server, run};
use serde_json::Value;

#[test]
fn an_installation_is_copied_to_another_directory_and_served_from_there() {
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

    let rows = |json: Value| json.as_array().unwrap().iter().find(|row| row["table"] == "tag").unwrap()["rows"].clone();
    let survey = transfer(&["--dry-run"]);
    assert!(survey.stderr.contains("bytes of blobs to copy") && !to.exists(), "{survey:?}");
    assert_eq!((rows(survey.json()), rows(transfer(&[]).json())), (1.into(), 1.into()));
    let again = transfer(&[]);
    assert!(again.code == Some(1) && again.stderr.contains("the target is not empty"), "{again:?}");

    let server = Server::start_in(&to, &["--alias", "pier"]);
    assert_eq!(server.get("/v2/pier/app/manifests/v1").status, 200);
    assert_eq!(server.credentials(), root);
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
