//! `roadstead healthcheck`, which asks the server of the same settings.

use crate::support::{Ended, Identity, Server, run, wait_until};

fn ready(url: &str) -> String {
    format!("ready: {url}/readyz\n")
}

/// The one line of reason of a health check that fails.
fn reason(ended: Ended) -> String {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let line = ended.stderr.strip_prefix("roadstead: ").unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!(line.lines().count(), 1, "{ended:?}");
    line.trim_end().to_owned()
}

#[test]
fn a_ready_server_is_found_by_its_flags_its_environment_and_its_file() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let expected = ready(&format!("http://{address}"));
    assert_eq!(run(&["healthcheck", "--listen", &address], &[]).ok(), expected);
    assert_eq!(run(&["healthcheck"], &[("ROADSTEAD_LISTEN", &address)]).ok(), expected);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("listen = \"{address}\"\n")).unwrap();
    assert_eq!(run(&["healthcheck", "--config", file.path().to_str().unwrap()], &[]).ok(), expected);
    // Settings that are not about the address are allowed, so that a command line of `serve` can be copied.
    assert_eq!(run(&["healthcheck", "--listen", &address, "--create-on-push", "--data", "/nowhere"], &[]).ok(), expected);
}

#[test]
fn a_server_on_every_address_is_asked_on_the_loopback() {
    let server = Server::start(&[]);
    let everywhere = format!("0.0.0.0:{}", server.address().port());
    assert_eq!(run(&["healthcheck", "--listen", &everywhere], &[]).ok(), ready(&format!("http://{everywhere}")));
}

#[test]
fn a_server_with_a_certificate_is_asked_over_https_and_by_its_address_for_operators_in_plain() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let server = Server::start(&[&identity.flags()[..], &["--admin-listen", "127.0.0.1:0"]].concat());
    let (admin, address) = (server.admin_address().to_string(), server.address().to_string());
    let both = [&["healthcheck", "--listen", &address, "--admin-listen", &admin], &identity.flags()[..]].concat();
    assert_eq!(run(&both, &[]).ok(), ready(&format!("http://{admin}")));
    // The probes are not at the public address then.
    let public = [&["healthcheck", "--listen", &address], &identity.flags()[..]].concat();
    assert_eq!(reason(run(&public, &[])), format!("not ready: https://{address}/readyz answered 404 Not Found"));

    let server = Server::start(&identity.flags());
    let address = server.address().to_string();
    let secure = [&["healthcheck", "--listen", &address], &identity.flags()[..]].concat();
    assert_eq!(run(&secure, &[]).ok(), ready(&format!("https://{address}")));
    let plain = reason(run(&["healthcheck", "--listen", &address], &[]));
    assert!(plain.starts_with(&format!("not ready: http://{address}/readyz")), "{plain}");
}

#[test]
fn a_server_that_drains_is_not_ready() {
    let server = Server::start(&["--drain", "1h"]);
    let address = server.address().to_string();
    server.terminate();
    server.wait_for_event(|event| event["message"] == "draining");
    wait_until("a server that drains is ready", || server.get("/readyz").status == 503);
    let said = reason(run(&["healthcheck", "--listen", &address], &[]));
    assert_eq!(said, format!("not ready: http://{address}/readyz answered 503 Service Unavailable"));
}

#[test]
fn every_reason_is_one_line_and_exit_code_1() {
    let nobody = reason(run(&["healthcheck", "--listen", "127.0.0.1:1"], &[]));
    assert!(nobody.starts_with("not ready: http://127.0.0.1:1/readyz: Connection refused"), "{nobody}");
    let any_port = reason(run(&["healthcheck", "--listen", "127.0.0.1:0"], &[]));
    assert!(any_port.contains("port 0 stands for any free port"), "{any_port}");
    // To Docker, all other codes are reserved.
    let malformed = reason(run(&["healthcheck"], &[("ROADSTEAD_LISTEN", "everywhere")]));
    assert!(malformed.starts_with("environment variable ROADSTEAD_LISTEN: "), "{malformed}");
}
