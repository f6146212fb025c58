//! Limits of servers that share a database.

use crate::support::{Harbour, Server, postgres};
use std::thread;
use std::time::Duration;

const ENVIRONMENT: [(&str, &str); 3] = [
    ("ROADSTEAD_MASTER_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    ("ROADSTEAD_ACCESS_KEY_ID", "AKIAROADSTEADTEST"),
    ("ROADSTEAD_SECRET_ACCESS_KEY", "hunter2hunter2hunter2"),
];
const MANIFEST: &str = "/v2/pier/app/manifests/v1";

/// Starts servers of one new database.
struct Starter {
    database: String,
    data: tempfile::TempDir,
}

impl Starter {
    /// Returns `None` where PostgreSQL is not installed.
    fn new(name: &str) -> Option<Self> {
        let (database, data) = (postgres()?.create_database(name), tempfile::tempdir().unwrap());
        // Servers with a database write no such file, in which the tests look for the root key.
        let [_, (_, id), (_, secret)] = ENVIRONMENT;
        std::fs::write(data.path().join("credentials"), format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")).unwrap();
        Some(Self { database, data })
    }

    fn start(&self, flags: &[&str]) -> Server {
        let places = ["--database", &self.database, "--data", self.data.path().to_str().unwrap()];
        Server::start_with(&[&places[..], &["--alias", "pier", "--create-on-push", "--drain", "0"], flags].concat(), &ENVIRONMENT)
    }
}

#[test]
fn what_one_server_admits_is_used_up_at_the_other_one() {
    let Some(starter) = Starter::new("shared_rates") else { return };
    let flags = ["--pull-rate-anonymous", "200/h"];
    let (one, other) = (Harbour::on(starter.start(&flags)), starter.start(&flags));
    assert_eq!(one.put("v1", &[], &one.image("a", None)).status, 201);
    let admitted = (0..300).filter(|_| one.server.get(MANIFEST).status == 200).count();
    assert!((200..210).contains(&admitted), "{admitted}");
    // Until it is told, the other server admits what comes; on its own, it would admit 200.
    let admitted = (0..200).take_while(|_| {
        thread::sleep(Duration::from_millis(100));
        other.get(MANIFEST).status == 200
    });
    assert!(admitted.count() < 200);
}

#[test]
fn a_volume_that_one_server_has_stored_is_spent_at_another_one_that_starts() {
    let Some(starter) = Starter::new("shared_volume") else { return };
    let flags = ["--pull-volume", "1KiB"];
    let one = Harbour::on(starter.start(&flags));
    assert_eq!(one.put("v1", &[], &one.image("a", None)).status, 201);
    assert!((0..1000).any(|_| one.server.get(MANIFEST).status == 403));
    assert!(one.server.stop().success());
    assert_eq!(starter.start(&flags).get(MANIFEST).status, 403);
}
