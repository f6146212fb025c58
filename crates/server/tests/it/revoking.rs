//! A key that is taken away while the server runs.

use crate::support::{Harbour, Server};
use roadstead_registry::{OpenOptions, Registry, Sharing};

/// The server knows of the change by nothing but its metadata, as another replica would.
#[tokio::test]
async fn the_tokens_of_a_key_end_with_it_and_come_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let harbour = Harbour::on(Server::start_in(folder.path(), &["--alias", "pier"]));
    harbour.create("app");
    let token = harbour.send("GET", "/token", &[], b"").json()["token"].as_str().unwrap().to_owned();
    let logins = [format!("Bearer {token}"), harbour.login.replace("Basic", "Bearer"), harbour.login.clone()];
    let push = |login: &str| harbour.server.send("POST", "/v2/pier/app/blobs/uploads/", &[("authorization", login)], b"").status;
    assert_eq!(logins.each_ref().map(|login| push(login)), [202; 3]);

    let beside = OpenOptions { sharing: Sharing::Beside, ..OpenOptions::new(folder.path()) };
    let registry = Registry::open(beside).await.unwrap();
    let (account, key) = (registry.account_id().clone(), harbour.server.credentials().id);
    assert!(registry.set_access_key_active(&account, &key, false).await.unwrap());
    assert_eq!(logins.each_ref().map(|login| push(login)), [401; 3]);
    assert_eq!(harbour.send("GET", "/token", &[], b"").status, 401);
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list").status, 200, "pulls need no key");

    assert!(registry.set_access_key_active(&account, &key, true).await.unwrap());
    assert_eq!(logins.each_ref().map(|login| push(login)), [202; 3]);
    registry.close().await;
}
