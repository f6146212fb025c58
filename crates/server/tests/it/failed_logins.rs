//! Rate limits on failed authentication, which affect only the clients that fail.

use crate::support::{Credentials, Harbour, Server};
use serde_json::json;

fn kind(harbour: &Harbour, credentials: &Credentials) -> String {
    harbour.server.aws_as(credentials, "DescribeRegistries", &json!({})).json()["__type"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn bad_signatures_are_told_to_wait_after_a_few_and_good_ones_never() {
    let harbour = Harbour::on(Server::start(&["--failed-login-rate", "6/h"]));
    let good = harbour.server.credentials();
    let wrong = Credentials { secret: "wrong".into(), ..good.clone() };
    let unknown = |number: u32| Credentials { id: format!("AKIAUNKNOWN{number}"), secret: "any".into() };
    assert_eq!([kind(&harbour, &wrong), kind(&harbour, &wrong)], ["InvalidSignatureException"; 2]);
    assert_eq!(kind(&harbour, &wrong), "ThrottlingException", "one key may have a third of the failures of an address");
    assert_eq!((0..3).map(|number| kind(&harbour, &unknown(number))).collect::<Vec<_>>(), ["UnrecognizedClientException"; 3]);
    assert_eq!(kind(&harbour, &unknown(3)), "ThrottlingException");
    assert!((0..10).all(|_| kind(&harbour, &good) == "none"));
    let event = harbour.server.wait_for_event(|event| event["held_back"] == true);
    assert_eq!((&event["reason"], &event["claimed_key_id"]), (&json!("InvalidSignatureException"), &json!(good.id)));
    let metrics = harbour.server.get("/metrics").text();
    for line in [
        r#"roadstead_failed_logins_total{door="aws",answer="refused"} 5"#,
        r#"roadstead_failed_logins_total{door="aws",answer="held_back"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn bad_logins_are_told_when_to_come_again_and_good_ones_never() {
    let harbour = Harbour::on(Server::start(&["--failed-login-rate", "3/h"]));
    // AWS:wrong
    let login = || harbour.server.send("GET", "/token/", &[("authorization", "Basic QVdTOndyb25n")], b"");
    assert_eq!([login().status, login().status, login().status], [401; 3]);
    let held_back = login();
    assert_eq!((held_back.status, &held_back.json()["errors"][0]["code"]), (429, &json!("TOOMANYREQUESTS")));
    assert!((1..=1200).contains(&held_back.header("retry-after").unwrap().parse::<u32>().unwrap()));
    assert_eq!(harbour.server.send("GET", "/v2/", &[("authorization", "Bearer a.b")], b"").status, 429);
    assert_eq!((harbour.send("GET", "/token/", &[], b"").status, harbour.send("GET", "/v2/", &[], b"").status), (200, 200));
    assert_eq!(harbour.server.get("/v2/").status, 401, "an anonymous request is challenged as before");
}

#[test]
fn behind_a_trusted_proxy_each_client_fails_for_himself() {
    let harbour = Harbour::on(Server::start(&["--failed-login-rate", "1/h", "--trusted-proxy", "127.0.0.1"]));
    let login = |address: &str| {
        let headers = [("authorization", "Bearer a.b"), ("x-forwarded-for", address)];
        harbour.server.send("GET", "/v2/", &headers, b"").status
    };
    assert_eq!([login("192.0.2.1"), login("192.0.2.1"), login("192.0.2.2")], [401, 429, 401]);
    assert_eq!([login("2001:db8::1"), login("2001:db8::2"), login("2001:db8:0:1::1")], [401, 429, 401]);
}

#[test]
fn a_proxy_that_nobody_named_is_warned_of_once() {
    let server = Server::start(&[]);
    for _ in 0..3 {
        assert_eq!(server.send("GET", "/v2/", &[("x-forwarded-proto", "https")], b"").status, 401);
    }
    let warning = server.wait_for_event(|event| event["level"] == "WARN" && event["peer"] == "127.0.0.1");
    assert!(warning["message"].as_str().unwrap().contains("--trusted-proxy 127.0.0.1"), "{warning}");
    server.get("/healthz");
    server.wait_for_event(|event| event["path"] == "/healthz");
    assert_eq!(server.logged().matches("--trusted-proxy").count(), 1);
}

#[test]
fn a_proxy_that_was_named_is_not_warned_of() {
    let server = Server::start(&["--trusted-proxy", "127.0.0.1"]);
    assert_eq!(server.send("GET", "/v2/", &[("x-forwarded-proto", "https")], b"").status, 401);
    server.wait_for_event(|event| event["path"] == "/v2/");
    assert!(!server.logged().contains("--trusted-proxy"));
}
