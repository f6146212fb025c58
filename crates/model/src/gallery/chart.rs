//! Configurations of Helm charts: the chart's `Chart.yaml` as JSON (Helm, "Charts", section "The Chart.yaml File"; HIP-0006).

use super::json::{self, Members};

/// What a chart says of itself. Members of an unexpected type are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    pub name: Option<String>,
    pub version: Option<String>,
    /// The version of the application that the chart installs.
    pub app_version: Option<String>,
    pub description: Option<String>,
    /// The versions of Kubernetes that the chart works with.
    pub kube_version: Option<String>,
    /// `application`, which is the default, or `library`.
    pub kind: Option<String>,
    pub home: Option<String>,
    pub sources: Vec<String>,
    pub keywords: Vec<String>,
    pub maintainers: Vec<Maintainer>,
    pub dependencies: Vec<Dependency>,
    pub deprecated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    pub name: String,
    pub email: Option<String>,
    pub url: Option<String>,
}

/// A chart that this one installs too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    pub version: Option<String>,
    pub repository: Option<String>,
    /// The value that switches the dependency on or off.
    pub condition: Option<String>,
}

impl Chart {
    /// Parses the content of a config blob. Returns `None` if it is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let chart = json::object(bytes)?;
        Some(Self {
            name: json::text(&chart, "name"),
            version: json::text(&chart, "version"),
            app_version: json::text(&chart, "appVersion"),
            description: json::text(&chart, "description"),
            kube_version: json::text(&chart, "kubeVersion"),
            kind: json::text(&chart, "type"),
            home: json::text(&chart, "home"),
            sources: json::texts(&chart, "sources"),
            keywords: json::texts(&chart, "keywords"),
            maintainers: json::objects(&chart, "maintainers").filter_map(maintainer).collect(),
            dependencies: json::objects(&chart, "dependencies").filter_map(dependency).collect(),
            deprecated: json::flag(&chart, "deprecated"),
        })
    }
}

fn maintainer(members: &Members) -> Option<Maintainer> {
    Some(Maintainer { name: json::text(members, "name")?, email: json::text(members, "email"), url: json::text(members, "url") })
}

fn dependency(members: &Members) -> Option<Dependency> {
    Some(Dependency {
        name: json::text(members, "name")?,
        version: json::text(members, "version"),
        repository: json::text(members, "repository"),
        condition: json::text(members, "condition"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_facts_of_a_chart_are_read() {
        let chart = Chart::parse(
            json!({
                "apiVersion": "v2", "name": "web", "version": "1.2.3+build", "appVersion": "7.0", "description": "A web server",
                "kubeVersion": ">=1.28", "type": "application", "home": "https://web.example", "sources": ["https://git.example/web"],
                "keywords": ["http"], "maintainers": [{"name": "Ann", "email": "ann@web.example"}, {"email": "nobody"}],
                "dependencies": [{"name": "redis", "version": "~19", "repository": "oci://r.example/redis", "condition": "redis.enabled"}],
                "deprecated": true,
            })
            .to_string()
            .as_bytes(),
        );
        let text = |text: &str| Some(text.to_owned());
        let expected = Chart {
            name: text("web"),
            version: text("1.2.3+build"),
            app_version: text("7.0"),
            description: text("A web server"),
            kube_version: text(">=1.28"),
            kind: text("application"),
            home: text("https://web.example"),
            sources: vec!["https://git.example/web".to_owned()],
            keywords: vec!["http".to_owned()],
            maintainers: vec![Maintainer { name: "Ann".to_owned(), email: text("ann@web.example"), url: None }],
            dependencies: vec![Dependency {
                name: "redis".to_owned(),
                version: text("~19"),
                repository: text("oci://r.example/redis"),
                condition: text("redis.enabled"),
            }],
            deprecated: true,
        };
        assert_eq!(chart, Some(expected));
    }

    #[test]
    fn members_of_other_types_are_absent() {
        let hostile = br#"{"name": 1, "sources": "x", "maintainers": [1, {}, []], "dependencies": {}, "deprecated": "true"}"#;
        assert_eq!(Chart::parse(hostile), Some(Chart::default()));
        assert_eq!(Chart::parse(b"[]"), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes: Vec<u8>) {
            let _ = Chart::parse(&bytes);
        }
    }
}
