//! What configs and annotations say, as lists of facts.

use super::fact::{Fact, Facts};
use roadstead_model::gallery::annotation::{Meaning, WellKnown};
use roadstead_model::gallery::chart::{Chart, Dependency};
use roadstead_model::gallery::excerpt::Allowance;
use roadstead_model::gallery::image_config::{HealthCheck, ImageConfig};
use roadstead_model::gallery::wasm::WasmConfig;
use roadstead_registry::{Config, ImageView};

/// What an artifact says of itself.
pub(super) fn about(view: &ImageView, known: &[WellKnown<'_>], allowance: &mut Allowance) -> Vec<Fact> {
    let mut facts = Facts::new(allowance);
    match &view.config {
        Config::Chart(chart) => of_chart(&mut facts, chart),
        Config::Wasm(component) => of_component(&mut facts, component),
        Config::Image(_) | Config::TooLarge | Config::Absent => {}
    }
    // The description stands on top of the page.
    for WellKnown { label, meaning, value } in known.iter().filter(|known| known.label != "Description") {
        match meaning {
            Meaning::Link => facts.link(label, Some(value)),
            Meaning::Text => facts.text(label, Some(value)),
            Meaning::Digest => facts.code(label, Some(value)),
        }
    }
    facts.finish()
}

fn of_chart(facts: &mut Facts<'_>, chart: &Chart) {
    facts.text("Chart", chart.name.as_deref());
    facts.text("Chart version", chart.version.as_deref());
    facts.text("Application version", chart.app_version.as_deref());
    facts.text("Kubernetes", chart.kube_version.as_deref());
    facts.text("Type", chart.kind.as_deref().filter(|kind| *kind != "application"));
    facts.link("Home", chart.home.as_deref());
    facts.links("Sources of the chart", &chart.sources);
    let maintainers: Vec<_> =
        chart.maintainers.iter().map(|person| (person.name.clone(), address(person.url.as_deref(), person.email.as_deref()))).collect();
    facts.linked("Maintainers", &maintainers);
    let dependencies: Vec<_> = chart.dependencies.iter().map(dependency).collect();
    facts.texts("Dependencies", &dependencies);
    facts.text("Keywords", Some(chart.keywords.join(", ")).filter(|text| !text.is_empty()).as_deref());
}

/// The page of a person, otherwise the address for mail.
fn address(url: Option<&str>, email: Option<&str>) -> Option<String> {
    url.map(str::to_owned).or_else(|| email.map(|email| format!("mailto:{email}")))
}

fn dependency(chart: &Dependency) -> String {
    let condition = chart.condition.as_ref().map(|condition| format!("if {condition}"));
    let parts = [Some(chart.name.as_str()), chart.version.as_deref(), chart.repository.as_deref(), condition.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn of_component(facts: &mut Facts<'_>, component: &WasmConfig) {
    facts.code("Target world", component.target.as_deref());
    facts.codes("Exports", &component.exports);
    facts.codes("Imports", &component.imports);
    facts.text("System", component.os.as_deref());
    facts.text("Author", component.author.as_deref());
}

/// How a container of the image runs.
pub(super) fn settings(view: &ImageView, allowance: &mut Allowance) -> Vec<Fact> {
    let mut facts = Facts::new(allowance);
    if let Config::Image(config) = &view.config {
        of_image(&mut facts, config);
    }
    facts.finish()
}

fn of_image(facts: &mut Facts<'_>, config: &ImageConfig) {
    facts.code("Entrypoint", words(&config.entrypoint).as_deref());
    facts.code("Command", words(&config.cmd).as_deref());
    facts.code("User", config.user.as_deref());
    facts.code("Working directory", config.working_directory.as_deref());
    facts.codes("Ports", &config.ports);
    facts.codes("Volumes", &config.volumes);
    if let Some(check) = &config.health_check {
        facts.code("Health check", Some(&health_check(check)));
    }
    facts.code("Stop signal", config.stop_signal.as_deref());
    facts.code("Shell", words(&config.shell).as_deref());
    facts.text("Author", config.author.as_deref());
    facts.codes("Environment", &config.environment);
}

/// Words as a Dockerfile has them (Dockerfile reference, "Exec form"), so that one word with blanks differs from several words.
fn words(words: &[String]) -> Option<String> {
    let list = words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect::<Vec<_>>().join(", ");
    (!words.is_empty()).then(|| format!("[{list}]"))
}

fn health_check(check: &HealthCheck) -> String {
    let Some(command) = &check.command else { return "disabled".to_owned() };
    let seconds = |name, nanoseconds: Option<u64>| nanoseconds.map(|time| format!("{name} {} s", time as f64 / 1e9));
    let options = [
        seconds("every", check.interval),
        seconds("timeout", check.timeout),
        seconds("start period", check.start_period),
        check.retries.map(|number| format!("{number} retries")),
    ];
    let options = options.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let command = command.join(" ");
    if options.is_empty() { command } else { format!("{command} ({options})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_in_a_dockerfile() {
        let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(words(&owned(&["nginx", "-g", "daemon \"off\";"])).as_deref(), Some(r#"["nginx", "-g", "daemon \"off\";"]"#));
        assert_eq!(words(&[]), None);
    }

    #[test]
    fn a_health_check_says_its_times() {
        let check = HealthCheck {
            command: Some(vec!["curl -f http://localhost".to_owned()]),
            interval: Some(30_000_000_000),
            timeout: Some(1_500_000_000),
            start_period: None,
            retries: Some(3),
        };
        assert_eq!(health_check(&check), "curl -f http://localhost (every 30 s, timeout 1.5 s, 3 retries)");
        assert_eq!(health_check(&HealthCheck { command: None, ..check }), "disabled");
    }
}
