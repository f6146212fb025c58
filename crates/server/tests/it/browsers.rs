//! Headers for browsers, and the origins and hosts that an emulator accepts.

use crate::support::{Answer, Connection, Credentials, Harbour, Server, run, sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const INERT: &str = "default-src 'none'; sandbox";

/// The content security policy of an answer, and its `X-Content-Type-Options`.
fn told(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("content-security-policy"), answer.header("x-content-type-options"))
}

#[test]
fn what_somebody_pushed_as_a_page_is_inert_in_a_browser_and_keeps_its_type() {
    let harbour = Harbour::new();
    let page = br#"{"schemaVersion":2,"x":"<script>alert(1)</script>"}"#;
    let digest = sha256(page);
    let pushed = harbour.send("PUT", "/v2/pier/app/manifests/page", &[("content-type", "text/html")], page);
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let blob = harbour.push_blob("app", b"<script>alert(1)</script>");
    for (path, status, media_type) in [
        ("/v2/pier/app/manifests/page".to_owned(), 200, "text/html"),
        (format!("/v2/pier/app/manifests/{digest}"), 200, "text/html"),
        (format!("/v2/pier/app/blobs/{blob}"), 200, "application/octet-stream"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = harbour.server.send(method, &path, &[], b"");
            assert_eq!(
                (answer.status, answer.header("content-type"), told(&answer)),
                (status, Some(media_type), (Some(INERT), Some("nosniff")))
            );
        }
    }
    let part = harbour.get_with(&format!("/v2/pier/app/blobs/{blob}"), "range", "bytes=0-3,8-9");
    assert_eq!((part.status, told(&part)), (206, (Some(INERT), Some("nosniff"))));
    let unchanged = harbour.get_with("/v2/pier/app/manifests/page", "if-none-match", &format!("\"{digest}\""));
    assert_eq!((unchanged.status, told(&unchanged)), (304, (Some(INERT), Some("nosniff"))));
}

#[test]
fn every_answer_has_a_policy_and_only_pages_have_one_of_their_own() {
    let server = Server::start(&["--alias", "pier"]);
    for (method, path) in [
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/pier/none/tags/list"),
        ("GET", "/token"),
        ("POST", "/"),
        ("GET", "/logo/none.png"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/robots.txt"),
        ("POST", "/nothing"),
        ("DELETE", "/healthz"),
    ] {
        assert_eq!(told(&server.send(method, path, &[], b"")), (Some(INERT), Some("nosniff")), "{method} {path}");
    }
    let refused = server.send("GET", "/v2/", &[("host", "a\"b")], b"");
    assert_eq!((refused.status, told(&refused).0), (400, Some(INERT)));
    for page in ["/", "/-/help", "/nothing"] {
        let page = server.get(page);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((page.header("referrer-policy"), page.header("cross-origin-opener-policy")), (Some("no-referrer"), Some("same-origin")));
    }
}

#[test]
fn browsers_are_bound_to_https_when_they_came_by_it_and_when_the_operator_wants_it() {
    let server = Server::start(&["--hsts", "365d", "--trusted-proxy", "127.0.0.1", "--public-url", "https://registry.example"]);
    let hsts = |headers: &[(&str, &str)]| server.send("GET", "/v2/", headers, b"").header("strict-transport-security").map(str::to_owned);
    assert_eq!(hsts(&[("x-forwarded-proto", "https")]).as_deref(), Some("max-age=31536000"));
    // Browsers ignore the header over a plain connection, whatever the public URL.
    assert_eq!((hsts(&[]), hsts(&[("x-forwarded-proto", "http")])), (None, None));
    let stranger = Server::start(&["--hsts", "365d", "--trusted-proxy", "192.0.2.1"]);
    let answer = stranger.send("GET", "/v2/", &[("x-forwarded-proto", "https")], b"");
    assert_eq!(answer.header("strict-transport-security"), None);
    let idle = run(&["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--hsts", "365d"], &[]);
    assert!(idle.code == Some(1) && idle.stderr.contains("--hsts is sent over HTTPS only"), "{idle:?}");
}

#[test]
fn pages_of_the_sites_that_are_listed_may_read_and_no_others() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--cors-origin", "https://app.example,http://localhost:3000"]));
    harbour.create("app");
    assert_eq!(harbour.put("v1", &[], &harbour.image("a", None)).status, 201);
    let ask = |method: &str, path: &str, origin: &str| harbour.server.send(method, path, &[("origin", origin)], b"");
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    for path in ["/v2/", "/v2/pier/app/manifests/v1", "/v2/pier/app/manifests/none", "/v2/pier/app/tags/list", "/token"] {
        for method in ["GET", "HEAD"] {
            let answer = ask(method, path, "https://app.example");
            assert_eq!(allowed(&answer).as_deref(), Some("https://app.example"), "{method} {path}");
            assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), (Some("Origin"), None));
            let exposed = answer.header("access-control-expose-headers").unwrap();
            assert!(["Docker-Content-Digest", "Link", "WWW-Authenticate", "Content-Range"].iter().all(|name| exposed.contains(name)));
        }
        let other = ask("GET", path, "https://evil.example");
        assert_eq!((allowed(&other), other.header("vary")), (None, Some("Origin")), "{path}");
        assert_eq!(harbour.server.get(path).header("vary"), Some("Origin"), "a cache must not serve this to a page of another origin");
    }
    // Writes, and everything outside the OCI door, are not shared with other origins.
    assert_eq!(allowed(&ask("POST", "/v2/pier/app/blobs/uploads/", "https://app.example")), None);
    assert_eq!(allowed(&ask("POST", "/", "https://app.example")), None);
    assert_eq!(allowed(&ask("GET", "/metrics", "https://app.example")), None);
}

#[test]
fn a_preflight_is_answered_without_a_login_and_allows_reads() {
    let server = Server::start(&["--alias", "pier", "--cors-origin", "*"]);
    let preflight = |server: &Server, path: &str| {
        let headers =
            [("origin", "https://any.example"), ("access-control-request-method", "GET"), ("access-control-request-headers", "range")];
        server.send("OPTIONS", path, &headers, b"")
    };
    let answer = preflight(&server, "/v2/pier/app/manifests/v1");
    let of = |name: &str| answer.header(name);
    assert_eq!((answer.status, of("access-control-allow-origin"), of("access-control-allow-methods")), (204, Some("*"), Some("GET, HEAD")));
    assert!(
        of("access-control-allow-headers").unwrap().contains("Range")
            && of("access-control-allow-headers").unwrap().contains("Authorization")
    );
    assert_eq!((of("vary"), of("access-control-max-age")), (None, Some("7200")));
    assert_eq!(server.get("/v2/_catalog").header("access-control-allow-origin"), Some("*"));
    // Without the headers of a preflight, or outside the OCI door, OPTIONS is not allowed.
    assert_eq!(server.send("OPTIONS", "/v2/pier/app/manifests/v1", &[], b"").status, 405);
    assert_eq!(preflight(&server, "/").status, 405);
    let closed = Server::start(&["--alias", "pier"]);
    let refused = preflight(&closed, "/v2/pier/app/manifests/v1");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None));
    assert_eq!(closed.send("GET", "/v2/_catalog", &[("origin", "https://any.example")], b"").header("access-control-allow-origin"), None);
}

#[test]
fn metrics_and_probes_move_to_an_address_of_their_own() {
    let server = Server::start(&["--admin-listen", "127.0.0.1:0"]);
    let admin = server.admin_address();
    assert_ne!(admin, server.address());
    for path in ["/metrics", "/healthz", "/readyz"] {
        let answer = Connection::to(admin).send("GET", path, &[("host", "anything.example")], b"");
        assert_eq!((answer.status, told(&answer)), (200, (Some(INERT), Some("nosniff"))), "{path}");
        assert_eq!(Connection::to(admin).send("POST", path, &[], b"").status, 405);
        assert_eq!((server.get(path).status, server.send("POST", path, &[], b"").status), (404, 404), "{path}");
    }
    for (method, path) in [("GET", "/"), ("POST", "/"), ("GET", "/v2/"), ("GET", "/v2/_catalog"), ("GET", "/token"), ("GET", "/logo/x.png")]
    {
        assert_eq!(Connection::to(admin).send(method, path, &[], b"").status, 404, "{method} {path}");
    }
    assert_eq!((server.get("/").status, server.get("/v2/").status), (200, 401));
    // A shutdown also closes the connections of the admin address.
    let mut idle = Connection::to(admin);
    assert_eq!(idle.send("GET", "/healthz", &[], b"").status, 200);
    assert!(server.stop().success());
    assert!(idle.is_closed());
}

#[test]
fn an_admin_address_that_is_none_or_taken_is_refused_and_no_data_folder_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let refused = |admin: &str| run(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap(), "--admin-listen", admin], &[]);
    let none = refused("metrics");
    assert!(none.code == Some(2) && none.stderr.contains("--admin-listen: 'metrics' is not an address"), "{none:?}");
    let server = Server::start(&[]);
    let taken = refused(&server.address().to_string());
    assert!(taken.code == Some(1) && taken.stderr.contains(&format!("cannot listen on {}", server.address())), "{taken:?}");
    assert!(!data.exists());
}

#[test]
fn an_emulator_answers_to_names_of_its_own_machine_only() {
    let server = Server::start(&["--emulator", "--alias", "pier"]);
    let port = server.address().port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("app.localhost:{port}"), "[::1]".to_owned()] {
        assert_eq!(server.send("GET", "/v2/", &[("host", &host)], b"").status, 401, "{host}");
    }
    let evil = format!("evil.example:{port}");
    let oci = server.send("GET", "/v2/_catalog", &[("host", &evil)], b"");
    assert_eq!((oci.status, &oci.json()["errors"][0]["code"]), (403, &json!("DENIED")));
    assert!(oci.text().contains("--emulator-on-network") && oci.text().contains(&evil), "{}", oci.text());
    let aws = server.send("POST", "/", &[("host", &evil), ("x-amz-target", "SpencerFrontendService.DescribeRegistries")], b"{}");
    assert_eq!((aws.status, &aws.json()["__type"]), (400, &json!("AccessDeniedException")));
    assert_eq!(server.send("GET", "/", &[("host", &evil)], b"").status, 403);
    let named = Server::start(&["--emulator", "--public-url", "http://localhost:5000"]);
    assert_eq!(named.send("GET", "/v2/_catalog", &[("host", "evil.example,localhost")], b"").status, 403);
    // The host in the target takes precedence over the header.
    assert_eq!(server.send("GET", &format!("http://{evil}/v2/_catalog"), &[], b"").status, 403);
}

#[test]
fn an_emulator_takes_nothing_from_the_pages_of_web_sites() {
    for flags in [&["--emulator", "--create-on-push"][..], &["--emulator", "--create-on-push", "--emulator-on-network"]] {
        let server = Server::start(&[&["--alias", "pier"], flags].concat());
        let start = |origin: &str| {
            let headers = [("origin", origin), ("authorization", "Basic dGVzdDp0ZXN0")];
            server.send("POST", "/v2/pier/app/blobs/uploads/", &headers, b"").status
        };
        assert_eq!([start("https://evil.example"), start("null"), start("http://localhost:3000")], [403, 403, 202], "{flags:?}");
        assert_eq!(server.send("POST", "/", &[("origin", "https://evil.example")], b"{}").status, 400);
        assert_eq!(server.send("GET", "/v2/_catalog", &[("origin", "https://evil.example")], b"").status, 200);
    }
    // Without an emulator, a write needs a login, which no page has.
    let server = Server::start(&["--alias", "pier"]);
    assert_eq!(server.send("POST", "/v2/pier/app/blobs/uploads/", &[("origin", "https://evil.example")], b"").status, 401);
    assert_eq!(server.send("GET", "/v2/_catalog", &[("host", "any.example")], b"").status, 200);
}

#[test]
fn a_service_of_a_compose_file_is_reached_by_its_name_once_the_emulator_was_told_twice() {
    let server = Server::start(&["--emulator", "--emulator-on-network", "--public-url", "http://roadstead:5000", "--alias", "pier"]);
    assert_eq!(server.send("GET", "/v2/_catalog", &[("host", "roadstead:5000")], b"").status, 200);
    assert_eq!(server.send("GET", "/v2/_catalog", &[("host", "roadstead.ci.svc.cluster.local")], b"").status, 200);
    for (flag, value) in [("--public-url", "http://roadstead:5000"), ("--trusted-proxy", "127.0.0.1")] {
        let refused = run(&["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--emulator", flag, value], &[]);
        assert_eq!(refused.code, Some(1));
        assert!(
            refused.stderr.contains("--emulator would give everybody") && refused.stderr.contains("--emulator-on-network"),
            "{refused:?}"
        );
    }
}

#[test]
fn a_login_made_under_an_emulator_ends_with_it() {
    let data = tempfile::tempdir().unwrap();
    let flags = ["--alias", "pier", "--create-on-push"];
    let begin = |harbour: &Harbour| harbour.send("POST", "/v2/pier/app/blobs/uploads/", &[], b"").status;
    let emulator = Harbour::on(Server::start_in(data.path(), &[&flags[..], &["--emulator"]].concat()));
    assert_eq!(begin(&emulator), 202);
    let basic = emulator.login.clone();
    let bearer = emulator.send("GET", "/token", &[], b"").json()["token"].as_str().unwrap().to_owned();
    assert!(emulator.server.stop().success());
    let server = Server::start_in(data.path(), &flags);
    for login in [basic, format!("Bearer {bearer}")] {
        let answer = server.send("POST", "/v2/pier/app/blobs/uploads/", &[("authorization", &login)], b"");
        assert_eq!((answer.status, &answer.json()["errors"][0]["message"]), (401, &json!("Your Authorization Token is invalid.")));
    }
}

#[test]
fn an_emulator_takes_any_login_and_a_user_name_of_twelve_digits_is_the_account() {
    let server = Server::start(&["--emulator", "--alias", "pier", "--create-on-push"]);
    let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let login = |credentials: &str| server.send("GET", "/v2/", &[("authorization", credentials)], b"").status;
    let bearer = |credentials: &str| {
        let answer = server.send("GET", "/token?scope=repository:pier/app:pull,push", &[("authorization", credentials)], b"");
        format!("Bearer {}", answer.json()["token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())))
    };
    let begin = |alias: &str, credentials: &str| {
        let path = format!("/v2/{alias}/app/blobs/uploads/");
        server.send("POST", &path, &[("authorization", credentials)], b"").status
    };
    let long = "x".repeat(3000);
    for (user, password) in [("AWS", "secret"), ("test", "test"), ("me@example.org", "pass:word"), (&long, "x"), ("AWS", "a.b")] {
        let credentials = basic(user, password);
        assert_eq!((login(&credentials), begin("pier", &credentials), begin("pier", &bearer(&credentials))), (200, 202, 202), "{user}");
    }
    let other = basic("111122223333", "anything");
    assert_eq!(begin("pier", &bearer(&other)), 403);
    let alias = server.command(&["account", "show", "111122223333"])["aliases"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!((begin(&alias, &other), begin(&alias, &basic("AWS", "x"))), (202, 403));
    // A password that the emulator issued is that of its holder.
    let key = Credentials { id: "111122223333".to_owned(), secret: "test".to_owned() };
    assert_eq!((begin(&alias, &server.login(&key)), begin("pier", &server.login(&key))), (202, 403));
}

#[test]
fn a_server_that_is_no_emulator_takes_no_other_login_than_its_own() {
    let server = Server::start(&["--alias", "pier", "--create-on-push"]);
    let password = server.login(&server.credentials());
    let password = String::from_utf8(STANDARD.decode(password.trim_start_matches("Basic ")).unwrap()).unwrap();
    let password = password.split_once(':').unwrap().1;
    let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let status = |path: &str, credentials: &str| server.send("GET", path, &[("authorization", credentials)], b"").status;
    for (user, password, expected) in [("AWS", password, 200), ("root", password, 401), ("AWS", "secret", 401), ("000000000000", "x", 401)]
    {
        let credentials = basic(user, password);
        assert_eq!((status("/v2/", &credentials), status("/token", &credentials)), (expected, expected), "{user}");
    }
}

#[test]
fn a_host_in_the_target_is_the_host_that_must_be_signed() {
    let server = Server::start(&[]);
    let body = json!({ "repositoryName": "app" }).to_string();
    let headers = server.aws_headers("CreateRepository", body.as_bytes());
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let send = |target: &str| server.send("POST", target, &headers, body.as_bytes());
    let other = send("http://evil.example/");
    assert_eq!((other.status, &other.json()["__type"]), (400, &json!("InvalidSignatureException")), "{other:?}");
    let own = send(&format!("http://{}/", server.address()));
    let uri = format!("{}/{}/app", server.address(), server.alias());
    assert_eq!((own.status, &own.json()["repository"]["repositoryUri"]), (200, &json!(uri)), "{own:?}");
}
