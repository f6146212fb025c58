//! Configurations of images (OCI image specification, "Image Configuration"; Docker's have the same members).

mod step;

pub use step::{Step, steps};

use super::json::{self, Members};
use crate::timestamp::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The configuration of an image, as far as pages show it. Members of an unexpected type are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    pub os: Option<String>,
    pub architecture: Option<String>,
    pub variant: Option<String>,
    /// When the image was built. A constant of reproducible builds, such as the epoch, is absent.
    pub created: Option<Timestamp>,
    pub author: Option<String>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub shell: Vec<String>,
    pub user: Option<String>,
    pub working_directory: Option<String>,
    pub stop_signal: Option<String>,
    /// Such as `80/tcp`.
    pub ports: Vec<String>,
    pub volumes: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    pub health_check: Option<HealthCheck>,
    pub labels: BTreeMap<String, String>,
    pub history: Vec<HistoryEntry>,
}

/// How a runtime finds out whether a container works (Docker image specification 1.2, `Healthcheck`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// `None` if the image disables the check that it would inherit.
    pub command: Option<Vec<String>>,
    /// In nanoseconds, as the next ones. Zero is the runtime's default, and absent here.
    pub interval: Option<u64>,
    pub timeout: Option<u64>,
    pub start_period: Option<u64>,
    pub retries: Option<u64>,
}

/// A step of the build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    pub created_by: Option<String>,
    pub comment: Option<String>,
    pub created: Option<Timestamp>,
    /// Whether the step produced no layer.
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Parses the content of a config blob. Returns `None` if it is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let image = json::object(bytes)?;
        let none = Members::new();
        let config = image.get("config").and_then(Value::as_object).unwrap_or(&none);
        Some(Self {
            os: json::text(&image, "os"),
            architecture: json::text(&image, "architecture"),
            variant: json::text(&image, "variant"),
            created: json::build_time(&image, "created"),
            author: json::text(&image, "author"),
            entrypoint: json::texts(config, "Entrypoint"),
            cmd: json::texts(config, "Cmd"),
            shell: json::texts(config, "Shell"),
            user: json::text(config, "User"),
            working_directory: json::text(config, "WorkingDir"),
            stop_signal: json::text(config, "StopSignal"),
            ports: json::names(config, "ExposedPorts"),
            volumes: json::names(config, "Volumes"),
            environment: json::texts(config, "Env"),
            health_check: config.get("Healthcheck").and_then(Value::as_object).and_then(health_check),
            labels: json::text_map(config, "Labels"),
            history: json::objects(&image, "history").map(history_entry).collect(),
        })
    }
}

fn health_check(members: &Members) -> Option<HealthCheck> {
    let number = |name| members.get(name).and_then(Value::as_u64).filter(|number| *number > 0);
    let test = json::texts(members, "Test");
    let (kind, command) = test.split_first()?;
    Some(HealthCheck {
        command: (kind != "NONE").then(|| command.to_vec()),
        interval: number("Interval"),
        timeout: number("Timeout"),
        start_period: number("StartPeriod"),
        retries: number("Retries"),
    })
}

fn history_entry(members: &Members) -> HistoryEntry {
    HistoryEntry {
        created_by: json::text(members, "created_by"),
        comment: json::text(members, "comment"),
        created: json::build_time(members, "created"),
        empty_layer: json::flag(members, "empty_layer"),
    }
}

#[cfg(test)]
mod tests;
