//! Keys revoked while the server runs, and expired logins.

use crate::support::{Answer, Harbour, Server};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roadstead::auth::{Keys, bearer};
use roadstead_model::Identity;
use roadstead_registry::{Installation, OpenOptions, Sharing};
use std::path::Path;

/// The server learns of the change only from the metadata, as another replica would.
#[tokio::test]
async fn the_tokens_of_a_key_end_with_it_and_come_back_with_it() {
    crate::support::on_files();
    let folder = tempfile::tempdir().unwrap();
    let harbour = Harbour::on(Server::start_in(folder.path(), &["--alias", "pier"]));
    harbour.create("app");
    let token = harbour.send("GET", "/token", &[], b"").json()["token"].as_str().unwrap().to_owned();
    let logins = [format!("Bearer {token}"), harbour.login.replace("Basic", "Bearer"), harbour.login.clone()];
    let push = |login: &str| harbour.server.send("POST", "/v2/pier/app/blobs/uploads/", &[("authorization", login)], b"").status;
    assert_eq!(logins.each_ref().map(|login| push(login)), [202; 3]);

    let installation = open_beside(folder.path()).await;
    let (account, key) = (installation.account_id().clone(), harbour.server.credentials().id);
    assert!(installation.set_access_key_active(&account, &key, false).await.unwrap());
    assert_eq!(logins.each_ref().map(|login| push(login)), [401; 3]);
    assert_eq!(harbour.send("GET", "/token", &[], b"").status, 401);
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list").status, 200, "pulls need no key");

    assert!(installation.set_access_key_active(&account, &key, true).await.unwrap());
    assert_eq!(logins.each_ref().map(|login| push(login)), [202; 3]);
    installation.close().await;
}

/// Opens the data of a running server.
async fn open_beside(data: &Path) -> Installation {
    let options = OpenOptions { sharing: Sharing::Command, ..OpenOptions::new(data) };
    Installation::open(options).await.unwrap()
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("AWS:{password}")))
}

/// Requests a token with a password, in each way that clients send it.
fn asked(server: &Server, password: &str, scopes: &str) -> Vec<Answer> {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let post = |fields: &str| server.send("POST", "/token", &form, format!("{fields}&{scopes}").as_bytes());
    vec![
        server.send("GET", &format!("/token?service=x&{scopes}"), &[("authorization", &basic(password))], b""),
        post(&format!("grant_type=password&access_type=offline&username=AWS&password={password}")),
        post(&format!("grant_type=refresh_token&refresh_token={password}")),
    ]
}

fn assert_anonymous(server: &Server, answer: &Answer) {
    assert_eq!((answer.status, answer.json().get("refresh_token")), (200, None), "{answer:?}");
    let bearer = format!("Bearer {}", answer.json()["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(server.send("GET", "/v2/", &headers, b"").status, 200);
    assert_eq!(server.send("GET", "/v2/pier/app/tags/list", &headers, b"").status, 200);
    assert_eq!(server.send("POST", "/v2/pier/app/blobs/uploads/", &headers, b"").status, 401);
}

/// docker keeps an expired login and sends it, which must not prevent pulls of public images.
#[tokio::test]
async fn a_password_that_was_good_once_still_pulls_what_everybody_may_and_does_nothing_else() {
    crate::support::on_files();
    const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";
    let folder = tempfile::tempdir().unwrap();
    let harbour = Harbour::on(Server::start_in(folder.path(), &["--alias", "pier"]));
    harbour.create("app");
    let installation = open_beside(folder.path()).await;
    let (keys, key) = (Keys::derive(&installation, false), harbour.server.credentials().id);
    let identity = Identity { registry: installation.account_id().clone(), user: None };
    let issued =
        |hours: i64| bearer::issue_password(&keys, &installation, &identity, &key, installation.now().plus_seconds(-hours * 3600)).0;
    let (expired, good) = (issued(13), issued(0));
    let pull = "scope=aws&scope=repository%3Apier%2Fapp%3Apull";

    asked(&harbour.server, &expired, pull).iter().for_each(|answer| assert_anonymous(&harbour.server, answer));
    // Logins, pushes and the catalogue still need a valid password.
    let push = "scope=repository%3Apier%2Fapp%3Apull%2Cpush";
    for scopes in ["scope=aws", push, "scope=registry%3Acatalog%3A*"] {
        for answer in asked(&harbour.server, &expired, scopes) {
            assert_eq!((answer.status, answer.json()["errors"][0]["message"].as_str()), (401, Some(EXPIRED)), "{scopes}");
        }
    }
    for wrong in ["wrong", &format!("{good}x"), &good[1..]] {
        assert!(asked(&harbour.server, wrong, pull).iter().all(|answer| answer.status == 401), "{wrong}");
    }
    // `/v2/` reports the expiry, so that the client requests a new token.
    let answer = harbour.get_with("/v2/pier/app/tags/list", "authorization", &basic(&expired));
    assert_eq!((answer.status, answer.json()["errors"][0]["message"].as_str()), (401, Some(EXPIRED)));

    assert!(installation.set_access_key_active(&identity.registry, &key, false).await.unwrap());
    asked(&harbour.server, &good, pull).iter().for_each(|answer| assert_anonymous(&harbour.server, answer));
    assert!(asked(&harbour.server, &good, push).iter().all(|answer| answer.status == 401));
    installation.close().await;
}
