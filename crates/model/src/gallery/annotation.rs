//! Annotations and labels with an agreed meaning.

use std::collections::BTreeMap;

/// What the value of a well-known annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// An address of a page. Publishers may write anything, so links have to be checked.
    Link,
    Text,
    /// The digest of another image.
    Digest,
}

/// A well-known annotation and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WellKnown<'a> {
    /// The name on pages.
    pub label: &'static str,
    pub meaning: Meaning,
    pub value: &'a str,
}

/// Names of annotations with their labels, in the order of pages (OCI image specification, "Pre-Defined Annotation Keys"; Artifact Hub,
/// "Annotations"; the label schema that preceded them). The first name of a label that has a value applies.
#[rustfmt::skip]
const WELL_KNOWN: &[(&str, &str, Meaning)] = &[
    ("org.opencontainers.image.title", "Title", Meaning::Text),
    ("org.label-schema.name", "Title", Meaning::Text),
    ("org.opencontainers.image.description", "Description", Meaning::Text),
    ("org.label-schema.description", "Description", Meaning::Text),
    ("org.opencontainers.image.version", "Version", Meaning::Text),
    ("org.label-schema.version", "Version", Meaning::Text),
    ("org.opencontainers.image.source", "Source", Meaning::Link),
    ("org.label-schema.vcs-url", "Source", Meaning::Link),
    ("org.opencontainers.image.revision", "Revision", Meaning::Text),
    ("org.label-schema.vcs-ref", "Revision", Meaning::Text),
    ("org.opencontainers.image.documentation", "Documentation", Meaning::Link),
    ("org.label-schema.usage", "Documentation", Meaning::Link),
    ("org.opencontainers.image.url", "Website", Meaning::Link),
    ("org.label-schema.url", "Website", Meaning::Link),
    ("io.artifacthub.package.readme-url", "README", Meaning::Link),
    ("org.opencontainers.image.licenses", "Licence", Meaning::Text),
    ("io.artifacthub.package.license", "Licence", Meaning::Text),
    ("org.opencontainers.image.vendor", "Vendor", Meaning::Text),
    ("org.label-schema.vendor", "Vendor", Meaning::Text),
    ("org.opencontainers.image.authors", "Authors", Meaning::Text),
    ("org.opencontainers.image.base.name", "Base image", Meaning::Text),
    ("org.opencontainers.image.base.digest", "Base image's digest", Meaning::Digest),
];

/// The well-known ones among the annotations of an image, one of each label. Of several sets, the first that has one applies.
pub fn well_known<'a>(sets: &[&'a BTreeMap<String, String>]) -> Vec<WellKnown<'a>> {
    let mut found: Vec<WellKnown<'a>> = Vec::new();
    for (name, label, meaning) in WELL_KNOWN {
        let value = sets.iter().find_map(|set| set.get(*name)).map(|value| value.trim());
        if let Some(value) = value.filter(|value| !value.is_empty())
            && found.last().is_none_or(|last| last.label != *label)
        {
            found.push(WellKnown { label, meaning: *meaning, value });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_first_set_and_the_first_name_apply() {
        let annotations = set(&[("org.opencontainers.image.version", "2"), ("other", "x"), ("org.opencontainers.image.url", " ")]);
        let labels = set(&[
            ("org.opencontainers.image.version", "1"),
            ("org.label-schema.version", "0"),
            ("org.label-schema.vcs-url", "https://git.example/x"),
        ]);
        let found = well_known(&[&annotations, &labels]);
        let shown: Vec<_> = found.iter().map(|known| (known.label, known.value, known.meaning)).collect();
        assert_eq!(shown, [("Version", "2", Meaning::Text), ("Source", "https://git.example/x", Meaning::Link)]);
    }

    #[test]
    fn names_of_one_label_stand_together() {
        let mut labels: Vec<_> = WELL_KNOWN.iter().map(|(_, label, _)| *label).collect();
        labels.dedup();
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), all);
    }
}
