use super::*;

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| Tag::parse(text).unwrap()).collect()
}

#[test]
fn the_exact_version_of_a_tag_is_found_among_the_tags_of_its_image() {
    for (own, others, expected) in [
        ("latest", &["1.27.3", "1.27", "1", "latest"][..], Some("1.27.3")),
        ("1.27", &["1.27.3", "1.27", "latest"], Some("1.27.3")),
        ("1.27.3", &["1.27.3", "1.27", "latest"], None),
        ("latest", &["latest", "stable"], None),
        ("latest", &["1.27.3-alpine", "latest"], None),
        ("latest", &[], None),
    ] {
        let others = tags(others);
        let found = exact(&Reference::parse(own).unwrap(), &others).map(Tag::as_str);
        assert_eq!(found, expected, "{own}");
    }
    let digest = Reference::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
    assert_eq!(exact(&digest, &tags(&["1.0.0"])), None);
}
