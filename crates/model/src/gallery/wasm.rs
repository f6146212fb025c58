//! Configurations of WebAssembly components (CNCF TAG Runtime, "Wasm OCI Artifact layout").

use super::json::{self, Members};
use crate::timestamp::Timestamp;
use serde_json::Value;

/// What a component says of itself. Members of an unexpected type are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WasmConfig {
    pub created: Option<Timestamp>,
    pub author: Option<String>,
    /// The interface of the system that the component uses: `wasip1` or `wasip2`.
    pub os: Option<String>,
    /// The world that the component targets.
    pub target: Option<String>,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

impl WasmConfig {
    /// Parses the content of a config blob. Returns `None` if it is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let config = json::object(bytes)?;
        let none = Members::new();
        let component = config.get("component").and_then(Value::as_object).unwrap_or(&none);
        Some(Self {
            created: json::build_time(&config, "created"),
            author: json::text(&config, "author"),
            os: json::text(&config, "os"),
            target: json::text(component, "target"),
            imports: json::texts(component, "imports"),
            exports: json::texts(component, "exports"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interfaces_of_a_component_are_read() {
        let config = br#"{"created": "2026-01-02T03:04:05Z", "architecture": "wasm", "os": "wasip2", "layerDigests": ["sha256:0"],
            "component": {"exports": ["wasi:http/incoming-handler@0.2.0"], "imports": ["wasi:io/poll@0.2.0"], "target": "wasi:http/proxy@0.2.0"}}"#;
        let expected = WasmConfig {
            created: Some(Timestamp::from_seconds(1_767_323_045)),
            author: None,
            os: Some("wasip2".to_owned()),
            target: Some("wasi:http/proxy@0.2.0".to_owned()),
            imports: vec!["wasi:io/poll@0.2.0".to_owned()],
            exports: vec!["wasi:http/incoming-handler@0.2.0".to_owned()],
        };
        assert_eq!(WasmConfig::parse(config), Some(expected));
    }

    #[test]
    fn a_module_without_a_component_has_no_interfaces() {
        assert_eq!(WasmConfig::parse(br#"{"component": null}"#), Some(WasmConfig::default()));
        assert_eq!(WasmConfig::parse(b"1"), None);
    }
}
