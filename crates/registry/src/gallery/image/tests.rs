use super::*;
use roadstead_model::media_type;
use serde_json::{Value, json};

fn index(entries: &[Value]) -> Manifest {
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
    Manifest::parse(index.to_string().as_bytes(), None).unwrap()
}

/// An entry for a platform, whose digest consists of `digit`.
fn entry(digit: char, platform: &Value, annotations: &Value) -> Value {
    let digest = format!("sha256:{}", digit.to_string().repeat(64));
    json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": 2, "platform": platform, "annotations": annotations})
}

fn platform(os: &str, architecture: &str) -> Value {
    json!({"os": os, "architecture": architecture})
}

/// The index that BuildKit writes: images, and an attestation for each.
fn of_buildkit() -> Manifest {
    let attests =
        json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": format!("sha256:{}", "1".repeat(64))});
    index(&[
        entry('1', &json!({"os": "linux", "architecture": "arm64", "variant": "v8"}), &json!({})),
        entry('2', &platform("linux", "amd64"), &json!({})),
        entry('3', &platform("unknown", "unknown"), &attests),
        entry('4', &platform("unknown", "unknown"), &json!({})),
    ])
}

#[test]
fn a_platform_is_chosen_by_name_or_by_default() {
    let digit = |index: &Manifest, platform| choose(index, platform).map(|entry| entry.digest.hex()[..1].to_owned());
    let images = of_buildkit();
    for (wanted, expected) in [
        (None, Some("2")),
        (Some("linux/arm64"), Some("1")),
        (Some("linux/arm64/v8"), Some("1")),
        (Some("linux/arm"), None),
        (Some("linux/arm64/v7"), None),
        (Some("unknown/unknown"), None),
        (Some(""), None),
    ] {
        assert_eq!(digit(&images, wanted).as_deref(), expected, "{wanted:?}");
    }
    let windows = index(&[entry('4', &Value::Null, &json!({})), entry('5', &platform("windows", "amd64"), &json!({}))]);
    assert_eq!(digit(&windows, None).as_deref(), Some("5"));
    assert_eq!(digit(&index(&[entry('4', &Value::Null, &json!({}))]), None), None);
}

#[test]
fn attestations_are_no_entries_and_no_platform_is_unknown() {
    let (entries, left_out) = entries(Some(&of_buildkit()), &[]);
    let shown: Vec<_> = entries.iter().map(|entry| entry.platform.as_ref().map(Platform::to_string)).collect();
    assert_eq!((shown, left_out), (vec![Some("linux/arm64/v8".to_owned()), Some("linux/amd64".to_owned()), None], 0));
}

#[test]
fn a_huge_index_is_described_in_part() {
    let huge = index(&vec![entry('1', &platform("linux", "amd64"), &json!({})); MOST_ENTRIES + 3]);
    let (entries, left_out) = entries(Some(&huge), &[]);
    assert_eq!((entries.len(), left_out), (MOST_ENTRIES, 3));
}
