use super::*;
use crate::digest::Algorithm;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A layer of `size` bytes.
fn layer(text: &str, size: u64) -> Descriptor {
    let digest = Digest::of(Algorithm::Sha256, text.as_bytes());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest.as_str(), "size": 1},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest.as_str(), "size": size}],
    });
    crate::manifest::Manifest::parse(manifest.to_string().as_bytes(), None).unwrap().layers.remove(0)
}

fn config(members: Value) -> ImageConfig {
    ImageConfig::parse(json!({"config": members}).to_string().as_bytes()).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The change of `name`, with "-" for an absent value.
fn shown<'a>(changes: &'a [Change]) -> Vec<[&'a str; 3]> {
    let row =
        |change: &'a Change| [Some(change.name.as_str()), change.from.as_deref(), change.to.as_deref()].map(|text| text.unwrap_or("-"));
    changes.iter().map(row).collect()
}

fn compare_layers(from: &[Descriptor], to: &[Descriptor]) -> (String, u64) {
    let (annotations, platforms) = (BTreeMap::new(), Vec::new());
    let side = |layers| Side { layers, config: None, annotations: &annotations, platforms: &platforms };
    let comparison = Comparison::of(side(from), side(to));
    let sign = |fate| match fate {
        Fate::Kept => '=',
        Fate::Removed => '-',
        Fate::Added => '+',
    };
    let layers: Vec<_> = comparison.layers.iter().map(|layer| format!("{}{}", sign(layer.fate), layer.number)).collect();
    (layers.join(" "), comparison.bytes_to_pull)
}

#[test]
fn layers_are_kept_removed_and_added() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|text| layer(text, 10));
    for (from, to, expected) in [
        (vec![&a, &b], vec![&a, &c], ("=0 -1 +1", 10)),
        (vec![&a, &b, &c], vec![&a, &d, &c], ("=0 -1 +1 =2", 10)),
        (vec![], vec![&a, &a], ("+0 +1", 10)),
        (vec![&a], vec![], ("-0", 0)),
        (vec![&a, &b], vec![&b, &a], ("=0 =1", 0)),
        (vec![], vec![], ("", 0)),
    ] {
        let owned = |layers: Vec<&Descriptor>| layers.into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(compare_layers(&owned(from), &owned(to)), (expected.0.to_owned(), expected.1));
    }
}

#[test]
fn members_variables_labels_annotations_and_platforms_are_compared() {
    let old = config(json!({
        "Cmd": ["run", "-a"], "User": "root", "ExposedPorts": {"80/tcp": {}}, "Env": ["A=1", "B=2", "C=3"],
        "Labels": {"version": "1", "same": "x"}, "Healthcheck": {"Test": ["NONE"]},
    }));
    let new = config(json!({
        "Cmd": ["run"], "WorkingDir": "/srv", "ExposedPorts": {"80/tcp": {}}, "Env": ["B=2", "A=10", "D"],
        "Labels": {"version": "2", "same": "x"}, "Healthcheck": {"Test": ["CMD", "curl"]},
    }));
    let annotations = [BTreeMap::from([("a".to_owned(), "1".to_owned())]), BTreeMap::new()];
    let platforms = [texts(&["linux/amd64", "linux/386"]), texts(&["linux/amd64", "linux/arm64"])];
    let from = Side { layers: &[], config: Some(&old), annotations: &annotations[0], platforms: &platforms[0] };
    let to = Side { layers: &[], config: Some(&new), annotations: &annotations[1], platforms: &platforms[1] };
    let comparison = Comparison::of(from, to);
    let members =
        [["Command", "run -a", "run"], ["Health check", "disabled", "curl"], ["User", "root", "-"], ["Working directory", "-", "/srv"]];
    assert_eq!(shown(&comparison.config), members);
    assert_eq!(shown(&comparison.environment), [["A", "1", "10"], ["C", "3", "-"], ["D", "-", ""]]);
    assert_eq!(shown(&comparison.labels), [["version", "1", "2"]]);
    assert_eq!(shown(&comparison.annotations), [["a", "1", "-"]]);
    assert_eq!(
        (comparison.added_platforms.as_slice(), comparison.removed_platforms.as_slice()),
        (&texts(&["linux/arm64"])[..], &texts(&["linux/386"])[..])
    );
    assert!(!comparison.is_empty());
    assert!(Comparison::of(to, to).is_empty());
    let unknown = Comparison::of(from, Side { config: None, ..to });
    assert!(unknown.config.is_empty() && unknown.labels.is_empty());
}

proptest! {
    #[test]
    fn every_layer_has_one_fate(from in prop::collection::vec(0..6_u8, 0..8), to in prop::collection::vec(0..6_u8, 0..8)) {
        let layers = |numbers: &[u8]| numbers.iter().map(|number| layer(&number.to_string(), 1)).collect::<Vec<_>>();
        let changes = super::layers(&layers(&from), &layers(&to));
        let numbers = |fates: &[Fate]| changes.iter().filter(|layer| fates.contains(&layer.fate)).map(|layer| layer.number).collect::<Vec<_>>();
        prop_assert_eq!(numbers(&[Fate::Kept, Fate::Added]), (0..to.len()).collect::<Vec<_>>());
        for number in numbers(&[Fate::Removed]) {
            prop_assert!(!to.contains(&from[number]));
        }
        for number in numbers(&[Fate::Added]) {
            prop_assert!(!from.contains(&to[number]));
        }
    }
}
