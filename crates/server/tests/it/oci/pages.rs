//! Pages of tags and of referrers.

use super::code;
use crate::support::{Answer, Harbour, INDEX, sha256};
use serde_json::json;

#[test]
fn a_listing_is_walked_by_its_links() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    let query: Vec<String> = (0..7).map(|n| format!("tag=t{n}")).collect();
    harbour.put(&format!("{}?{}", sha256(&manifest), query.join("&")), &[], &manifest);
    let mut path = "/v2/pier/app/tags/list?n=3".to_owned();
    let mut pages = Vec::new();
    for _ in 0..10 {
        let answer = harbour.server.get(&path);
        pages.push(answer.json()["tags"].as_array().unwrap().len());
        let Some(link) = answer.header("link") else { break };
        path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
    }
    assert_eq!(pages, [3, 3, 1]);
    let tags = |query: &str| harbour.server.get(&format!("/v2/pier/app/tags/list?{query}")).json()["tags"].clone();
    assert_eq!(tags("last=t4a"), json!(["t5", "t6"]));
    assert_eq!((tags("n=0"), tags("last=zzz")), (json!([]), json!([])));
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list?n=0").header("link"), None);
    assert_eq!(code(&harbour.server.get("/v2/pier/app/tags/list?n=some")), (400, "UNSUPPORTED".into()));
    assert_eq!(code(&harbour.server.get("/v2/pier/none/tags/list?n=0")), (404, "NAME_UNKNOWN".into()));
}

#[test]
fn referrers_are_paged_filtered_and_never_missing() {
    let harbour = Harbour::new();
    let subject = sha256(b"not pushed");
    for name in ["a", "b", "c"] {
        let put = harbour.put(&format!("tag-{name}"), &[], &harbour.image(name, Some(&subject)));
        assert_eq!((put.status, put.header("oci-subject")), (201, Some(subject.as_str())));
    }
    let list = |query: &str| harbour.server.get(&format!("/v2/pier/app/referrers/{subject}{query}"));
    let count = |answer: &Answer| answer.json()["manifests"].as_array().map(Vec::len);
    let all = list("");
    assert_eq!((all.status, all.header("content-type"), count(&all)), (200, Some(INDEX), Some(3)));
    let first = list("?n=2");
    let next = first.header("link").and_then(|link| link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")).unwrap();
    assert_eq!((count(&first), count(&harbour.server.get(next))), (Some(2), Some(1)));
    for filter in ["?artifactType=application/x.b+json", "?artifactType=application%2Fx.b%2Bjson"] {
        let filtered = list(filter);
        assert_eq!((count(&filtered), filtered.header("oci-filters-applied")), (Some(1), Some("artifactType")), "{filter}");
    }
    for path in ["/v2/pier/none", "/v2/none/app"] {
        let answer = harbour.server.get(&format!("{path}/referrers/{subject}"));
        assert_eq!((answer.status, count(&answer)), (200, Some(0)), "{path}");
    }
    assert_eq!(code(&harbour.server.get("/v2/pier/app/referrers/sha256:x")), (400, "DIGEST_INVALID".into()));
}
