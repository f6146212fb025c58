use super::*;
use proptest::prelude::*;
use serde_json::json;

fn parsed(config: &Value) -> ImageConfig {
    ImageConfig::parse(config.to_string().as_bytes()).unwrap()
}

#[test]
fn a_configuration_of_docker_is_read() {
    let config = parsed(&json!({
        "architecture": "arm64", "variant": "v8", "os": "linux", "created": "2026-11-25T10:00:00.5Z", "author": "NGINX",
        "config": {
            "User": "nginx", "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}, "Env": ["PATH=/bin", "NGINX_VERSION=1.27.3"],
            "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["nginx", "-g", "daemon off;"], "Volumes": {"/data": {}},
            "WorkingDir": "/srv", "StopSignal": "SIGQUIT", "Labels": {"maintainer": "NGINX <docker-maint@nginx.com>"},
            "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost"], "Interval": 30_000_000_000_u64, "Retries": 3},
            "Shell": ["/bin/bash", "-c"],
        },
        "history": [{"created": "2026-11-25T10:00:00Z", "created_by": "ADD x /", "comment": "c"}, {"created_by": "CMD", "empty_layer": true}],
    }));
    assert_eq!(
        (config.os.as_deref(), config.architecture.as_deref(), config.variant.as_deref()),
        (Some("linux"), Some("arm64"), Some("v8"))
    );
    assert_eq!(config.created, Some(Timestamp::from_micros(1_795_600_800_500_000)));
    assert_eq!(config.author.as_deref(), Some("NGINX"));
    assert_eq!(config.entrypoint, ["/docker-entrypoint.sh"]);
    assert_eq!(config.cmd, ["nginx", "-g", "daemon off;"]);
    assert_eq!(config.shell, ["/bin/bash", "-c"]);
    assert_eq!(config.environment, ["PATH=/bin", "NGINX_VERSION=1.27.3"]);
    assert_eq!(config.ports, ["443/tcp", "80/tcp"]);
    assert_eq!(config.volumes, ["/data"]);
    assert_eq!((config.user.as_deref(), config.working_directory.as_deref()), (Some("nginx"), Some("/srv")));
    assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
    assert_eq!(config.labels["maintainer"], "NGINX <docker-maint@nginx.com>");
    let check = config.health_check.unwrap();
    assert_eq!(check.command.unwrap(), ["curl -f http://localhost"]);
    assert_eq!((check.interval, check.timeout, check.retries), (Some(30_000_000_000), None, Some(3)));
    let empty: Vec<_> = config.history.iter().map(|entry| entry.empty_layer).collect();
    assert_eq!(empty, [false, true]);
}

#[test]
fn members_of_other_types_are_absent() {
    let config = parsed(&json!({
        "os": 1, "created": "yesterday", "config": {"Env": "A=1", "Cmd": null, "ExposedPorts": [], "Labels": {"a": 1, "b": "2"}, "User": ""},
        "history": [1, {"empty_layer": "yes"}],
    }));
    let expected = ImageConfig {
        labels: BTreeMap::from([("b".to_owned(), "2".to_owned())]),
        history: vec![HistoryEntry::default()],
        ..ImageConfig::default()
    };
    assert_eq!(config, expected);
    assert_eq!(parsed(&json!({"config": null})), ImageConfig::default());
}

#[test]
fn what_is_no_object_is_no_configuration() {
    for text in ["", "[]", "null", "{", "\"text\""] {
        assert_eq!(ImageConfig::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_constant_time_is_no_time_of_a_build() {
    for created in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1980-01-01T00:00:00Z"] {
        assert_eq!(parsed(&json!({"created": created})).created, None, "{created}");
    }
    assert!(parsed(&json!({"created": "2014-03-01T00:00:00+01:00"})).created.is_some());
}

#[test]
fn a_disabled_health_check_is_told_apart_from_none() {
    let check = |test: Value| parsed(&json!({"config": {"Healthcheck": {"Test": test}}})).health_check;
    assert_eq!(check(json!(["NONE"])).unwrap().command, None);
    assert_eq!(check(json!([])), None);
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes: Vec<u8>, text: String) {
        let _ = ImageConfig::parse(&bytes);
        let hostile = json!({"os": text, "created": text, "config": {"Cmd": [text], "Labels": {&text: text}}, "history": [{"created_by": text}]});
        prop_assert_eq!(parsed(&hostile).labels.len(), 1);
    }
}
