//! The lines of the access log, as documented in `docs/logs.md`.

use crate::support::{Connection, Server, command};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const AGENT: (&str, &str) = ("user-agent", r#"it's "me""#);

#[test]
fn a_request_is_a_json_object_without_fields_that_have_no_value() {
    let server = Server::start(&[]);
    let answer = server.send("GET", "/healthz?secret", &[AGENT], b"");
    let line = server.wait_for_event(|event| event["path"] == "/healthz");
    let mut members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected = ["bytes", "client", "duration_us", "method", "path", "request_id", "status", "target", "timestamp", "user_agent"];
    assert_eq!(members, expected);
    assert_eq!((line["method"].as_str(), line["status"].as_u64(), line["client"].as_str()), (Some("GET"), Some(200), Some("127.0.0.1")));
    assert_eq!((line["request_id"].as_str(), line["user_agent"].as_str()), (answer.header("x-request-id"), Some(AGENT.1)));
    assert_eq!(line["bytes"].as_u64(), Some(answer.body.len() as u64));
    assert!(line["duration_us"].is_u64() && line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
}

#[test]
fn a_request_is_a_line_of_logfmt_if_the_log_is_text() {
    let data = tempfile::tempdir().unwrap();
    let mut child = command(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()], &[]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let ready = lines.find(|line| line.contains(" ready ")).unwrap();
    let address = ready.split("address=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    Connection::to(address.parse().unwrap()).send("GET", "/healthz", &[AGENT], b"");
    let line = lines.find(|line| line.contains("target=roadstead::access")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("timestamp=20"), "{line}");
    assert!(line.contains("Z target=roadstead::access method=GET path=/healthz status=200 duration_us="), "{line}");
    assert!(line.contains(" client=127.0.0.1 request_id=") && line.ends_with(r#" user_agent="it's \"me\"""#), "{line}");
}
