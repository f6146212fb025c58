//! What the config of an image, a chart or a component says.

use super::room::Room;
use roadstead_model::Timestamp;
use roadstead_model::gallery::chart::{Chart, Dependency, Maintainer};
use roadstead_model::gallery::image_config::{HealthCheck, ImageConfig};
use roadstead_model::gallery::wasm::WasmConfig;
use roadstead_registry::Config;
use serde_json::{Value, json};

/// The most maintainers and dependencies of a chart that are listed.
const MOST_PEOPLE: usize = 100;

/// `ImageConfig`, `ChartConfig` or `WasmConfig` in the description. Null if there is no config.
pub(super) fn document(config: &Config, room: &mut Room) -> Value {
    match config {
        Config::Absent | Config::TooLarge => Value::Null,
        Config::Image(config) => present(image(config, room)),
        Config::Chart(chart) => present(self::chart(chart, room)),
        Config::Wasm(config) => present(wasm(config, room)),
    }
}

/// An object without the members that are null or empty.
fn present(mut object: Value) -> Value {
    let is_empty = |value: &Value| {
        value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(|map| map.is_empty())
    };
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !is_empty(value));
    }
    object
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(Timestamp::to_rfc3339)
}

fn image(config: &ImageConfig, room: &mut Room) -> Value {
    json!({
        "created": time(config.created),
        "author": room.text(config.author.as_deref()),
        "entrypoint": room.texts(&config.entrypoint),
        "cmd": room.texts(&config.cmd),
        "shell": room.texts(&config.shell),
        "user": room.text(config.user.as_deref()),
        "workingDirectory": room.text(config.working_directory.as_deref()),
        "stopSignal": room.text(config.stop_signal.as_deref()),
        "ports": room.texts(&config.ports),
        "volumes": room.texts(&config.volumes),
        "environment": room.texts(&config.environment),
        "healthCheck": config.health_check.as_ref().map(|check| health_check(check, room)),
        "labels": room.map(&config.labels),
    })
}

fn health_check(check: &HealthCheck, room: &mut Room) -> Value {
    present(json!({
        "command": check.command.as_ref().map(|command| room.texts(command)),
        "intervalNanoseconds": check.interval,
        "timeoutNanoseconds": check.timeout,
        "startPeriodNanoseconds": check.start_period,
        "retries": check.retries,
    }))
}

fn chart(chart: &Chart, room: &mut Room) -> Value {
    let maintainers = room.items(chart.maintainers.iter(), MOST_PEOPLE, |person| person);
    let dependencies = room.items(chart.dependencies.iter(), MOST_PEOPLE, |chart| chart);
    json!({
        "name": room.text(chart.name.as_deref()),
        "version": room.text(chart.version.as_deref()),
        "appVersion": room.text(chart.app_version.as_deref()),
        "description": room.text(chart.description.as_deref()),
        "kubeVersion": room.text(chart.kube_version.as_deref()),
        "type": room.text(chart.kind.as_deref()),
        "home": room.text(chart.home.as_deref()),
        "sources": room.texts(&chart.sources),
        "keywords": room.texts(&chart.keywords),
        "maintainers": maintainers.into_iter().map(|person| maintainer(person, room)).collect::<Vec<_>>(),
        "dependencies": dependencies.into_iter().map(|chart| dependency(chart, room)).collect::<Vec<_>>(),
        "deprecated": chart.deprecated,
    })
}

fn maintainer(Maintainer { name, email, url }: &Maintainer, room: &mut Room) -> Value {
    present(json!({ "name": room.text(Some(name)), "email": room.text(email.as_deref()), "url": room.text(url.as_deref()) }))
}

fn dependency(Dependency { name, version, repository, condition }: &Dependency, room: &mut Room) -> Value {
    present(json!({
        "name": room.text(Some(name)),
        "version": room.text(version.as_deref()),
        "repository": room.text(repository.as_deref()),
        "condition": room.text(condition.as_deref()),
    }))
}

fn wasm(config: &WasmConfig, room: &mut Room) -> Value {
    json!({
        "created": time(config.created),
        "author": room.text(config.author.as_deref()),
        "os": room.text(config.os.as_deref()),
        "target": room.text(config.target.as_deref()),
        "imports": room.texts(&config.imports),
        "exports": room.texts(&config.exports),
    })
}
