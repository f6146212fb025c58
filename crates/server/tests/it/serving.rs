//! `roadstead serve`: behaviour that users and scripts rely on.

use crate::support::{Connection, Server, command, connect_http2, run, wait_until};
use http_body_util::BodyExt;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("serving-").tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn health_readiness_and_metrics_are_answered() {
    let server = Server::start(&[]);
    assert_eq!((server.get("/healthz").status, server.get("/readyz").status), (200, 200));
    let metrics = server.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = metrics.text();
    for line in [
        r#"roadstead_http_requests_total{door="probe",method="GET",status="200"} 2"#,
        r#"roadstead_http_requests_in_flight{door="probe"} 1"#,
        r#"roadstead_http_request_duration_seconds_count{door="probe",operation="probe"} 2"#,
        concat!(r#"roadstead_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        r#"roadstead_connections_refused_total{bound="all"} 0"#,
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn every_answer_has_a_date_and_a_request_id() {
    let server = Server::start(&[]);
    for path in ["/", "/healthz", "/nothing"] {
        let answer = server.get(path);
        assert!(answer.header("date").is_some(), "{path}");
        assert_eq!(answer.header("x-request-id").unwrap().len(), 36, "{path}");
    }
    assert!(server.send("POST", "/", &[], b"{}").header("x-amzn-requestid").is_some());
}

#[test]
fn head_is_answered_like_get_without_the_body() {
    let server = Server::start(&[]);
    let mut connection = Connection::to(server.address());
    for path in ["/", "/healthz", "/readyz", "/nothing"] {
        let got = connection.send("GET", path, &[], b"");
        let headed = connection.send("HEAD", path, &[], b"");
        assert_eq!((headed.status, headed.header("content-length")), (got.status, got.header("content-length")), "{path}");
    }
}

/// Over HTTP/2, hyper would send the body of an answer to HEAD, which is a protocol error for clients.
#[tokio::test]
async fn http_2_is_supported_with_prior_knowledge_and_head_has_no_body() {
    let server = Server::start(&[]);
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (mut client, connection) = connect_http2(stream).await;
    for (method, length) in [("HEAD", 0), ("GET", 6), ("HEAD", 0)] {
        let request = http::Request::builder().method(method).uri(format!("http://{}/healthz", server.address()));
        let answer = client.send_request(request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!((answer.status(), &answer.headers()["content-length"]), (http::StatusCode::OK, &"6".parse().unwrap()), "{method}");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), length, "{method}");
    }
    drop(client);
    connection.await.unwrap().unwrap();
}

#[test]
fn an_unknown_path_is_not_found_and_a_wrong_method_is_answered_with_the_allowed_ones() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/v1/").status, 404);
    let answer = server.send("DELETE", "/healthz", &[], b"");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    let answer = server.send("PUT", "/", &[], b"");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[test]
fn the_landing_page_shows_the_alias_and_commands_for_the_host_of_the_request() {
    let server = Server::start(&["--alias", "harbour"]);
    let page = server.send("GET", "/", &[("host", "registry.test:5000")], b"");
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let text = page.text();
    assert!(text.contains("docker push registry.test:5000/harbour/app:latest"), "{text}");
    assert!(text.contains("--endpoint-url http://registry.test:5000 "), "{text}");
    assert!(!text.contains("credentials"), "{text}");
}

#[test]
fn the_first_start_writes_a_root_access_key_that_only_its_user_can_read() {
    crate::support::on_files();
    let data = directory();
    let server = Server::start_in(data.path(), &[]);
    let path = server.data().join("credentials");
    assert_eq!(mode(&path), 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let profiles: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(profiles, ["[default]", "[roadstead]"]);
    let credentials = server.credentials();
    assert_eq!(text.matches(&credentials.secret).count(), 2);
    assert!(server.stop().success());
    let again = Server::start_in(data.path(), &[]);
    assert_eq!(again.credentials(), credentials);
}

#[test]
fn a_key_from_the_environment_is_used_and_never_shown() {
    let data = directory();
    let key = [
        ("ROADSTEAD_ACCESS_KEY_ID", "AKIAROADSTEADTEST"),
        ("ROADSTEAD_SECRET_ACCESS_KEY", "hunter2hunter2hunter2"),
        ("ROADSTEAD_MASTER_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    ];
    let server = Server::start_with(&["--data", data.path().to_str().unwrap()], &key);
    assert!(!server.data().join("credentials").exists());
    server.get("/healthz");
    server.wait_for_event(|event| event["path"] == "/healthz");
    assert!(!server.logged().contains("hunter2") && !server.logged().contains("00112233"), "{}", server.logged());
    let logged = server.logged();
    assert!(server.stop().success(), "{logged}");
    for entry in std::fs::read_dir(data.path()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        let secret = b"hunter2hunter2hunter2";
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{:?} holds the secret", entry.path());
    }
}

#[test]
fn an_alias_is_generated_in_the_format_of_aws_and_kept() {
    let data = directory();
    let server = Server::start_in(data.path(), &[]);
    let alias = server.alias().to_owned();
    let letter_digit = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_digit();
    assert!(alias.len() == 8 && alias.as_bytes().chunks(2).all(letter_digit), "{alias}");
    assert!(server.stop().success());
    assert_eq!(Server::start_in(data.path(), &[]).alias(), alias);
}

#[test]
fn a_second_server_on_the_same_data_is_refused_with_a_clear_message() {
    crate::support::on_files();
    let data = directory();
    let server = Server::start_in(data.path(), &[]);
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()], &[]);
    assert_eq!(second.code, Some(1));
    let line = second.stderr.lines().last().unwrap();
    assert!(line.starts_with("roadstead: ") && line.contains("another") && line.contains(data.path().to_str().unwrap()), "{second:?}");
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn an_emulator_that_others_could_reach_needs_a_second_flag_and_creates_no_data_directory_without_it() {
    let parent = directory();
    let data = parent.path().join("data");
    let refused = run(&["serve", "--emulator", "--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()], &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("0.0.0.0:0") && refused.stderr.contains("--emulator-on-network"), "{refused:?}");
    assert!(!data.exists());
    let allowed = Server::start(&["--emulator", "--emulator-on-network"]);
    allowed.wait_for_event(|event| event["level"] == "WARN" && event["message"].as_str().unwrap().contains("EMULATOR"));
}

#[test]
fn a_server_that_cannot_listen_creates_no_data_directory() {
    let server = Server::start(&[]);
    let parent = directory();
    let data = parent.path().join("data");
    let address = server.address().to_string();
    let second = run(&["serve", "--listen", &address, "--data", data.to_str().unwrap()], &[]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains(&format!("roadstead: cannot listen on {address}: ")), "{second:?}");
    assert!(!data.exists());
}

/// A connection on which a signed call was sent, except for the last byte of its body.
fn all_but_one_byte_sent(server: &Server) -> Connection {
    let mut connection = Connection::to(server.address());
    let mut head = String::from("POST / HTTP/1.1\r\n");
    for (name, value) in server.aws_headers("DescribeRegistries", b"{}") {
        head += &format!("{name}: {value}\r\n");
    }
    connection.write(format!("{head}content-length: 2\r\n\r\n{{").as_bytes());
    wait_until("the request did not begin", || server.metric(r#"roadstead_http_requests_in_flight{door="aws"}"#) == 1);
    connection
}

#[test]
fn a_request_in_flight_is_completed_after_a_signal_to_stop() {
    let mut server = Server::start(&[]);
    let mut idle = Connection::to(server.address());
    assert_eq!(idle.send("GET", "/healthz", &[], b"").status, 200);
    let mut connection = all_but_one_byte_sent(&server);
    server.terminate();
    server.wait_for_event(|event| event["message"] == "stopping");
    assert!(idle.is_closed());
    wait_until("connections are still accepted", || std::net::TcpStream::connect(server.address()).is_err());
    connection.write(b"}");
    assert_eq!(connection.read("POST").status, 200);
    assert!(server.wait().success());
    server.wait_for_event(|event| event["message"] == "stopped");
}

#[test]
fn a_server_that_drains_is_not_ready_but_serves_until_the_next_signal() {
    let mut server = Server::start(&["--drain", "1h"]);
    let mut kept = Connection::to(server.address());
    assert_eq!((kept.send("GET", "/readyz", &[], b"").status, server.get("/readyz").status), (200, 200));
    server.terminate();
    server.wait_for_event(|event| event["message"] == "draining");
    wait_until("a server that drains is ready", || server.get("/readyz").status == 503);
    assert_eq!((server.get("/healthz").status, server.aws("DescribeRegistries", &json!({})).status), (200, 200));
    let last = kept.send("GET", "/healthz", &[], b"");
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    assert!(kept.is_closed(), "a proxy could go on using a connection that ends");
    server.terminate();
    server.wait_for_event(|event| event["message"] == "stopping");
    assert!(server.wait().success());
}

#[test]
fn connections_without_a_whole_request_do_not_delay_a_stop() {
    let mut server = Server::start(&[]);
    let begun: [&[u8]; 4] =
        [b"", b"GET /v2/ HT", b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"];
    let connections: Vec<_> = begun
        .iter()
        .map(|bytes| {
            let mut connection = Connection::to(server.address());
            connection.write(bytes);
            connection
        })
        .collect();
    let open = format!("roadstead_connections {}\n", connections.len() + 1);
    wait_until("the connections were not accepted", || server.get("/metrics").text().contains(&open));
    let stopped = Instant::now();
    server.terminate();
    assert!(server.wait().success());
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    drop(connections);
}

#[test]
fn a_second_signal_stops_immediately() {
    crate::support::on_files();
    let mut server = Server::start(&[]);
    let _connection = all_but_one_byte_sent(&server);
    server.terminate();
    server.wait_for_event(|event| event["message"] == "stopping");
    let begun = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(!server.data().exists());
}

#[test]
fn an_ephemeral_server_removes_its_directory() {
    crate::support::on_files();
    let server = Server::start(&[]);
    let data = server.data().to_owned();
    assert!(data.join("credentials").exists() && mode(&data) == 0o700);
    assert!(server.stop().success());
    assert!(!data.exists());
}

#[test]
fn an_ephemeral_server_that_cannot_start_leaves_nothing_behind() {
    let (taken, temporary) = (Server::start(&[]), directory());
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let ended = run(&["serve", "--ephemeral", "--listen", &taken.address().to_string()], &environment);
    assert_eq!(ended.code, Some(1));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn the_directory_of_a_killed_ephemeral_server_is_removed_by_the_next_one() {
    crate::support::on_files();
    let temporary = directory();
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let left = || std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let running = Server::start_with(&["--ephemeral"], &environment);
    let killed = Server::start_with(&["--ephemeral"], &environment);
    let abandoned = killed.data().to_owned();
    killed.kill();
    assert!(abandoned.join("credentials").exists());
    let next = Server::start_with(&["--ephemeral"], &environment);
    next.wait_for_event(|event| event["directory"] == abandoned.to_str().unwrap());
    assert!(!abandoned.exists());
    assert_eq!(running.get("/readyz").status, 200);
    assert_eq!(running.aws("DescribeRegistries", &serde_json::json!({})).status, 200);
    assert!(running.stop().success() && next.stop().success());
    assert_eq!(left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn the_ready_file_says_where_the_server_is_while_it_accepts_requests() {
    let folder = directory();
    let file = folder.path().join("ready.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "of a killed server").unwrap();
    let flags = ["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--emulator", "--alias", "pier", "--log-level", "warn", "--ready-file"];
    let mut child = command(&[&flags[..], &[path]].concat(), &[]).stderr(Stdio::null()).spawn().unwrap();
    let read = || std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    wait_until("there is no file", || read().is_some());
    let ready = read().unwrap();
    let address: std::net::SocketAddr = ready["address"].as_str().unwrap().parse().unwrap();
    let mut connection = Connection::to(address);
    assert_eq!(connection.send("GET", "/readyz", &[], b"").status, 200);
    assert_eq!(ready["url"], format!("http://localhost:{}", address.port()));
    assert_eq!((&ready["alias"], &ready["registryId"], &ready["pid"]), (&"pier".into(), &"000000000000".into(), &child.id().into()));
    assert!(ready["adminAddress"].is_null() && ready["version"] == env!("CARGO_PKG_VERSION"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_server_tells_a_pipe_where_it_is_and_stops_with_its_standard_input() {
    let flags = ["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--stop-with-stdin", "--ready-file", "/dev/stdout"];
    let mut child = command(&flags, &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address: std::net::SocketAddr = ready["address"].as_str().unwrap().parse().unwrap();
    let data = Path::new(ready["data"].as_str().unwrap_or("/no/such")).to_owned();
    assert_eq!(Connection::to(address).send("GET", "/readyz", &[], b"").status, 200);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!data.exists());
}

#[test]
fn a_ready_file_that_cannot_be_written_is_refused_with_its_name() {
    let folder = directory();
    for (path, reason) in [(folder.path().to_str().unwrap(), "Is a directory"), ("/no/such/ready.json", "No such file")] {
        let ended = run(&["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--ready-file", path], &[]);
        let expected = format!("roadstead: cannot write '{path}', the file of --ready-file: {reason}");
        assert!(ended.code == Some(1) && ended.stderr.contains(&expected), "{ended:?}");
    }
    assert!(folder.path().is_dir());
}

#[test]
fn an_unknown_key_in_the_file_is_refused_with_its_name_and_place() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"ephemeral = true\n\ncolour = 'blue'\n").unwrap();
    let path = file.path().to_str().unwrap();
    let ended = run(&["serve", "--config", path], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with(&format!("roadstead: {path}:3: unknown key 'colour'")), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}

#[test]
fn a_bad_value_in_the_environment_is_refused_with_its_name() {
    let ended = run(&["serve", "--ephemeral"], &[("ROADSTEAD_PUBLIC_URL", "https://registry.test/path")]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("roadstead: environment variable ROADSTEAD_PUBLIC_URL: 'https://registry.test/path'"), "{ended:?}");
    let ended = run(&["serve", "--ephemeral"], &[("ROADSTEAD_LOG", "roadstead=loud")]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("roadstead: environment variable ROADSTEAD_LOG: "), "{ended:?}");
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"alias = 'fromfile'\n").unwrap();
    let environment = [("ROADSTEAD_CONFIG", file.path().to_str().unwrap()), ("ROADSTEAD_ALIAS", "fromenv")];
    assert_eq!(Server::start_with(&["--ephemeral"], &environment[..1]).alias(), "fromfile");
    assert_eq!(Server::start_with(&["--ephemeral"], &environment).alias(), "fromenv");
    assert_eq!(Server::start_with(&["--ephemeral", "--alias", "fromflag"], &environment).alias(), "fromflag");
}

#[test]
fn forwarded_headers_count_only_from_trusted_proxies() {
    let forwarded = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "registry.test"),
        ("x-forwarded-for", "198.51.100.7"),
        ("user-agent", "a proxy"),
    ];
    for (flags, url, client) in [
        (&["--trusted-proxy", "127.0.0.0/8"][..], "https://registry.test ", "198.51.100.7"),
        (&["--trusted-proxy", "10.0.0.0/8"], "http://127.0.0.1:", "127.0.0.1"),
        (&[], "http://127.0.0.1:", "127.0.0.1"),
    ] {
        let server = Server::start(flags);
        let text = server.send("GET", "/", &forwarded, b"").text();
        assert!(text.contains(&format!("--endpoint-url {url}")), "{flags:?}: {text}");
        let event = server.wait_for_event(|event| event["user_agent"] == "a proxy");
        assert_eq!(event["client"], client, "{flags:?}");
    }
}

#[test]
fn the_public_url_wins_over_whatever_a_request_says() {
    let server = Server::start(&["--public-url", "https://registry.test", "--trusted-proxy", "127.0.0.1"]);
    let headers = [("host", "evil.test"), ("x-forwarded-host", "evil.test")];
    let text = server.send("GET", "/", &headers, b"").text();
    assert!(text.contains("--endpoint-url https://registry.test ") && !text.contains("evil"), "{text}");
    assert_eq!(server.url(), "https://registry.test");
}

#[test]
fn an_invalid_host_is_refused_and_not_echoed() {
    let server = Server::start(&[]);
    for host in ["a\"b", "<script>", "user@host", "a b"] {
        let answer = server.send("GET", "/", &[("host", host)], b"");
        assert_eq!(answer.status, 400, "{host}");
        assert!(!answer.text().contains(host), "{host}");
    }
}

#[test]
fn a_request_without_a_host_is_answered_for_the_address_of_the_listener() {
    let server = Server::start(&[]);
    let mut connection = Connection::to(server.address());
    connection.write(b"GET / HTTP/1.0\r\n\r\n");
    assert!(connection.read("GET").text().contains(&format!("--endpoint-url http://{} ", server.address())));
}

#[test]
fn the_access_log_has_no_query_and_no_authorization() {
    let server = Server::start(&[]);
    let headers = [("authorization", "Basic c2VjcmV0"), ("user-agent", "curious/1.0")];
    server.send("GET", "/nothing?X-Amz-Signature=abcdef&token=s3cret", &headers, b"");
    let event = server.wait_for_event(|event| event["user_agent"] == "curious/1.0");
    assert_eq!((&event["method"], &event["path"], &event["status"]), (&json!("GET"), &json!("/nothing"), &json!(404)));
    assert!(event["duration_us"].is_u64() && event["bytes"].is_u64() && event["request_id"].is_string());
    let logged = server.logged();
    assert!(!["abcdef", "s3cret", "c2VjcmV0"].iter().any(|secret| logged.contains(secret)), "{logged}");
}

#[test]
fn an_unknown_variable_is_reported_by_its_name() {
    let server = Server::start_with(&["--ephemeral"], &[("ROADSTEAD_LISTN", "127.0.0.1:1")]);
    server.wait_for_event(|event| event["variable"] == "ROADSTEAD_LISTN" && event["level"] == "WARN");
}

#[test]
fn version_and_help_are_printed_and_an_unknown_flag_is_a_usage_error() {
    let version = run(&["--version"], &[]);
    let first = version.stdout.lines().next().unwrap_or_default();
    assert!(version.code == Some(0) && first.starts_with(concat!("roadstead ", env!("CARGO_PKG_VERSION"))), "{version:?}");
    assert!(run(&["serve", "--help"], &[]).stdout.contains("--public-url"));
    assert!(run(&[], &[]).stderr.contains("Usage: roadstead"));
    assert_eq!(run(&["serve", "--colour", "blue"], &[]).code, Some(2));
}

#[test]
fn the_log_is_text_without_a_terminal() {
    let mut child =
        command(&["serve", "--ephemeral", "--listen", "127.0.0.1:0"], &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("ready"))).unwrap();
    assert!(line.contains("INFO") && line.contains("address=127.0.0.1:") && !line.contains('\u{1b}'), "{line}");
    let data = line.split("data=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(data.contains("roadstead-"), "{data}");
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn the_ready_event_contains_the_duration_of_the_start() {
    let server = Server::start(&[]);
    let event = server.wait_for_event(|event| event["message"] == "ready");
    // The target is 50 ms for a release build on an idle machine. This bound only catches a scan at start.
    assert!(event["milliseconds"].as_u64().unwrap() < 5_000, "{event}");
}
