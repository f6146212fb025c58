//! The front page and the search.

use crate::support::{Answer, Harbour, Image, Pusher, wait_until};
use serde_json::json;

/// A harbour with three indexed repositories, of which `app` has an image with the tag `1.0`.
fn harbour() -> Harbour {
    let harbour = Harbour::new();
    for name in ["charts/anchor", "charts/sail"] {
        harbour.create(name);
    }
    let data = json!({"description": "Weighs <b>anchors</b> & more", "operatingSystems": ["Linux"], "architectures": ["ARM 64"]});
    harbour.server.aws("PutRepositoryCatalogData", &json!({"repositoryName": "charts/anchor", "catalogData": data}));
    assert_eq!(Pusher::of(&harbour, "app").push(&Image::new("one", &["layer".into()]), "1.0").status, 201);
    wait_until("the description is indexed", || harbour.server.get("/search?q=weighs").text().contains("1 repository"));
    wait_until("all repositories are indexed", || harbour.server.get("/").text().contains("3 repositories"));
    harbour
}

/// The names of the repositories in a list, in order.
fn names(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let links = text.split("<h2><a href=\"/").skip(1);
    links.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
}

#[test]
fn an_empty_installation_greets_with_the_first_commands() {
    let harbour = Harbour::on(crate::support::Server::start(&["--alias", "pier"]));
    let page = harbour.server.get("/");
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains("create-repository") && text.contains("docker push") && text.contains("<strong>pier</strong>"), "{text}");
}

#[test]
fn the_front_page_lists_what_there_is() {
    let harbour = harbour();
    let page = harbour.server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("x-robots-tag"), None);
    let mut found = names(&page);
    found.sort();
    assert_eq!(found, ["pier/app", "pier/charts/anchor", "pier/charts/sail"]);
    assert!(page.text().contains("Weighs &#60;b&#62;anchors&#60;/b&#62; &#38; more"), "texts of publishers are escaped");
}

#[test]
fn searches_are_found_at_our_address_and_at_those_of_aws() {
    let harbour = harbour();
    for path in [
        "/search?q=anchor",
        "/search?q=ANCHOR&page=0&unknown=1",
        "/search?searchTerm=anchor&page=1&operatingSystems=Linux&architecture=ARM+64",
        "/?searchTerm=anchor&page=1&architectures=ARM%2064",
        "/search?q=anchor&os=linux&arch=arm64",
        "/search?q=&popularRegistries=pier&os=Linux",
    ] {
        let page = harbour.server.get(path);
        assert_eq!((page.status, page.header("x-robots-tag")), (200, Some("noindex")), "{path}");
        assert_eq!(names(&page), ["pier/charts/anchor"], "{path}");
    }
    assert_eq!(names(&harbour.server.get("/search?q=charts&sort=name")), ["pier/charts/anchor", "pier/charts/sail"]);
    let beyond = harbour.server.get("/search?q=charts&sort=name&page=9");
    assert_eq!((beyond.status, beyond.header("location")), (303, Some("/search?q=charts&sort=name")), "the last page");
    assert_eq!(names(&harbour.server.get("/search?q=charts&verified=verified")).len(), 3, "the most pulled, for nothing is found");
}

#[test]
fn a_pasted_reference_leads_to_its_page() {
    let harbour = harbour();
    let digest = Image::new("one", &["layer".into()]).digest();
    for (text, location) in [
        ("pier/app", "/pier/app".to_owned()),
        ("docker+pull+HOST/pier/app:1.0", "/pier/app:1.0".to_owned()),
        ("HOST%2Fpier%2Fapp:9.9", "/pier/app".to_owned()),
        (digest.as_str(), format!("/pier/app@{digest}")),
    ] {
        let page = harbour.server.get(&format!("/search?q={}", text.replace("HOST", &harbour.server.address().to_string())));
        assert_eq!((page.status, page.header("location")), (303, Some(location.as_str())), "{text}");
    }
}

#[test]
fn nothing_found_is_an_answer_with_a_way_on() {
    let harbour = harbour();
    for (text, shown) in
        [("zzzzqq", "zzzzqq"), ("%3Cscript%3E", "&#60;script&#62;"), ("%E2%80%AE%00", "⟨U+202E⟩"), ("'%22;--", "&#39;&#34;;--")]
    {
        let page = harbour.server.get(&format!("/search?q={text}"));
        assert_eq!(page.status, 200, "{text}");
        let html = page.text();
        assert!(html.contains("Nothing found for") && html.contains(shown) && !html.contains("<script>"), "{text}: {html}");
        assert_eq!(names(&page).len(), 3, "the most pulled");
    }
    let corrected = harbour.server.get("/search?q=anchro");
    assert_eq!(names(&corrected), ["pier/charts/anchor"]);
    assert!(corrected.text().contains("Did you mean <a href=\"/search?q=anchor\">anchor</a>"), "{}", corrected.text());
}

#[test]
fn a_version_is_offered_as_a_link_to_its_image() {
    let harbour = harbour();
    let page = harbour.server.get("/search?q=app+1.0");
    assert!(page.text().contains("<a href=\"/pier/app:1.0\">pier/app:1.0</a>"), "{}", page.text());
}
