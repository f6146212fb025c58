//! Challenges, logins and tokens.

use super::{code, error};
use crate::support::{Answer, Harbour, Server, sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

fn assert_challenged(answer: &Answer, server: &Server) -> String {
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    let service = server.address();
    let expected = format!(r#"Bearer realm="http://{service}/token/",service="{service}",scope="aws""#);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(challenge.starts_with(&expected), "{challenge}");
    challenge[expected.len()..].to_owned()
}

#[test]
fn reads_need_no_login_and_everything_else_asks_for_one() {
    let harbour = Harbour::new();
    let digest = harbour.push_blob("app", b"x");
    harbour.put("v1", &[], &harbour.image("a", None));
    let blob = format!("blobs/{digest}");
    let referrers = format!("referrers/{digest}");
    for endpoint in ["manifests/v1", &blob, "tags/list", &referrers] {
        assert_eq!(harbour.server.get(&format!("/v2/pier/app/{endpoint}")).status, 200, "{endpoint}");
    }
    assert_eq!(harbour.server.get("/v2/_catalog").json(), json!({ "repositories": ["pier/app"] }));
    let anonymous = harbour.server.get("/token").json()["token"].as_str().unwrap().to_owned();
    let anonymous = format!("Bearer {anonymous}");
    for (method, endpoint) in [
        ("PUT", "manifests/v1"),
        ("DELETE", "manifests/v1"),
        ("DELETE", &blob),
        ("POST", "blobs/uploads/"),
        ("GET", "blobs/uploads/id"),
        ("PATCH", "blobs/uploads/id"),
        ("DELETE", "blobs/uploads/id"),
    ] {
        let path = format!("/v2/pier/app/{endpoint}");
        assert_eq!(assert_challenged(&harbour.server.send(method, &path, &[], b""), &harbour.server), "", "{method} {path}");
        let answer = harbour.server.send(method, &path, &[("authorization", &anonymous)], b"");
        assert_eq!(assert_challenged(&answer, &harbour.server), "", "{method} {path}");
    }
    assert_eq!(harbour.digest_of("v1").as_deref(), Some(sha256(&harbour.image("a", None)).as_str()));
}

#[test]
fn the_version_check_asks_for_a_login_and_is_content_with_an_anonymous_one() {
    let harbour = Harbour::new();
    for path in ["/v2/", "/v2"] {
        let answer = harbour.server.get(path);
        assert_challenged(&answer, &harbour.server);
        assert_eq!(answer.json(), json!({ "errors": [{ "code": "DENIED", "message": "Not Authorized" }] }));
        assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"));
    }
    let token = harbour.server.get("/token/?service=x&scope=aws").json()["token"].as_str().unwrap().to_owned();
    let raw = harbour.login.replace("Basic", "Bearer");
    for login in [format!("Bearer {token}"), raw, harbour.login.clone()] {
        assert_eq!(harbour.get_with("/v2/", "authorization", &login).json(), json!({}), "{login}");
    }
}

#[test]
fn bad_credentials_are_refused_even_where_none_are_needed() {
    let harbour = Harbour::new();
    let token = harbour.server.get("/token").json()["token"].as_str().unwrap().to_owned();
    let elsewhere = Harbour::new();
    for login in [
        format!("Bearer {token}x"),
        "Bearer nonsense".to_owned(),
        format!("Basic {}", STANDARD.encode("AWS:nonsense")),
        format!("Basic {}", STANDARD.encode("root:nonsense")),
        "Digest x".to_owned(),
        elsewhere.login.clone(),
    ] {
        for path in ["/v2/", "/v2/pier/app/tags/list", "/v2/_catalog"] {
            let answer = harbour.get_with(path, "authorization", &login);
            assert_eq!(assert_challenged(&answer, &harbour.server), r#",error="invalid_token""#, "{login}");
            assert_eq!(error(&answer).2, "Your Authorization Token is invalid.");
        }
    }
}

#[test]
fn a_token_is_asked_for_in_every_way_that_clients_know() {
    let harbour = Harbour::new();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let password = String::from_utf8(STANDARD.decode(harbour.login.replace("Basic ", "")).unwrap()).unwrap();
    let password = password.strip_prefix("AWS:").unwrap();
    let forms = [
        format!("grant_type=password&username=AWS&password={password}&service=x&scope=a%3Ab%3Apull+c%3Ad%3Apush&client_id=docker"),
        format!("grant_type=refresh_token&refresh_token={password}&scope=aws"),
    ];
    let mut answers = vec![
        harbour.send("GET", "/token?scope=aws&scope=repository:pier/app:pull,push%20repository:pier/b:pull&account=AWS", &[], b""),
        harbour.send("GET", "/token/", &[], b""),
    ];
    answers.extend(forms.iter().map(|body| harbour.server.send("POST", "/token/", &form, body.as_bytes())));
    for answer in answers {
        let reply = answer.json();
        assert_eq!((answer.status, &reply["token"]), (200, &reply["access_token"]), "{answer:?}");
        assert!((43_100..=43_200).contains(&reply["expires_in"].as_i64().unwrap()), "{reply}");
        assert!(reply["issued_at"].as_str().unwrap().ends_with('Z') && reply.get("refresh_token").is_none());
        let bearer = format!("Bearer {}", reply["token"].as_str().unwrap());
        let push = harbour.server.send("POST", "/v2/pier/app/blobs/uploads/", &[("authorization", &bearer)], b"");
        assert_eq!(push.status, 202);
    }
    let offline = harbour.server.send("POST", "/token", &form, (forms[0].clone() + "&access_type=offline").as_bytes());
    assert_eq!(offline.json()["refresh_token"], *password);
}

#[test]
fn an_anonymous_token_is_for_everybody_and_a_bad_login_for_nobody() {
    let harbour = Harbour::new();
    for answer in [harbour.server.get("/token"), harbour.get_with("/token/?scope=*:pull", "authorization", "Basic Og==")] {
        assert_eq!((answer.status, answer.json()["expires_in"].as_i64()), (200, Some(3600)));
    }
    for login in [format!("Basic {}", STANDARD.encode("AWS:wrong")), harbour.login.replace("Basic", "Bearer"), "Basic !".to_owned()] {
        let answer = harbour.get_with("/token", "authorization", &login);
        assert_eq!(error(&answer), (401, "DENIED".into(), "Not Authorized".into()), "{login}");
    }
    for path in ["/token", "/token/"] {
        assert_eq!(["GET", "HEAD", "POST"].map(|method| harbour.server.send(method, path, &[], b"").status), [200; 3], "{path}");
    }
    assert_eq!(harbour.server.send("POST", "/token", &[], b"grant_type=magic").status, 400);
    assert_eq!(harbour.server.send("POST", "/token", &[], &vec![b'a'; 100_000]).status, 413);
}

#[test]
fn nothing_of_a_write_is_looked_at_before_it_is_known_who_writes() {
    let harbour = Harbour::new();
    let anonymous = format!("Bearer {}", harbour.server.get("/token").json()["token"].as_str().unwrap());
    for login in ["", &anonymous] {
        for (method, path) in [
            ("PUT", "/v2/pier/app/manifests/v1?tag=-bad"),
            ("PUT", "/v2/pier/app/manifests/-bad"),
            ("PUT", "/v2/pier/App/blobs/uploads/x?digest=bad"),
            ("POST", "/v2/app/blobs/uploads/?mount=bad"),
            ("PATCH", "/v2/nowhere"),
            ("DELETE", "/v2/%FF"),
        ] {
            let answer = harbour.server.send(method, path, &[("authorization", login)], b"");
            assert_challenged(&answer, &harbour.server);
        }
    }
    assert_eq!(code(&harbour.send("PUT", "/v2/pier/app/manifests/v1?tag=-bad", &[], b"{}")).0, 400);
}
