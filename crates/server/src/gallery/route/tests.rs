use super::*;

const HEX: &str = "9b1c06f2a4d35e7f9b1c06f2a4d35e7f9b1c06f2a4d35e7f9b1c06f2a4d35e7f";

fn place(alias: &str, repository: &str) -> Place {
    Place { alias: RegistryAlias::parse(alias).unwrap(), repository: RepositoryName::parse(repository).unwrap() }
}

fn tag(text: &str) -> Reference {
    Reference::Tag(Tag::parse(text).unwrap())
}

fn digest() -> Digest {
    Digest::parse(&format!("sha256:{HEX}")).unwrap()
}

fn get(path: &str) -> Address {
    find(&Method::GET, path, None)
}

#[test]
fn every_page_has_its_address() {
    let nginx = || place("docker", "library/nginx");
    let alias = || RegistryAlias::parse("docker").unwrap();
    for (path, route) in [
        ("/".to_owned(), Route::Home),
        ("/search".into(), Route::Search),
        ("/docker".into(), Route::Publisher(alias())),
        ("/docker/library/nginx".into(), Route::Repository(nginx())),
        ("/docker/library/nginx/-/usage".into(), Route::Usage(nginx())),
        ("/docker/library/nginx/-/tags".into(), Route::Tags(nginx())),
        ("/docker/library/nginx/-/pulls".into(), Route::Pulls(nginx())),
        ("/docker/library/nginx/-/compare".into(), Route::Compare(nginx())),
        ("/docker/library/nginx:1.27-Alpine".into(), Route::Image(nginx(), tag("1.27-Alpine"))),
        (format!("/docker/library/nginx@sha256:{HEX}"), Route::Image(nginx(), Reference::Digest(digest()))),
        (format!("/-/asset/sha256:{HEX}"), Route::Picture(digest())),
        ("/docker/library/nginx/-/badge/pulls.svg".into(), Route::Badge(nginx(), Badge::Pulls, BadgeFormat::Svg)),
        ("/docker/library/nginx/-/badge/signed.json".into(), Route::Badge(nginx(), Badge::Signed, BadgeFormat::Json)),
        ("/-/feed.atom".into(), Route::Feed),
        ("/docker/-/feed.atom".into(), Route::PublisherFeed(alias())),
        ("/docker/library/nginx/-/feed.atom".into(), Route::RepositoryFeed(nginx())),
        ("/-/sitemap.xml".into(), Route::SitemapIndex),
        ("/-/sitemap/12.xml".into(), Route::Sitemap(12)),
        ("/-/opensearch.xml".into(), Route::OpenSearch),
        ("/-/help".into(), Route::Help),
        ("/robots.txt".into(), Route::Robots),
        ("/api/v1/openapi.json".into(), Route::Api(Api::Description)),
        ("/api/v1/search".into(), Route::Api(Api::Search)),
        ("/api/v1/publishers/docker".into(), Route::Api(Api::Publisher(alias()))),
        ("/api/v1/repositories/docker/library/nginx".into(), Route::Api(Api::Repository(nginx()))),
        ("/api/v1/repositories/docker/library/nginx/-/tags".into(), Route::Api(Api::Tags(nginx()))),
        ("/api/v1/repositories/docker/library/nginx/-/images/1.27".into(), Route::Api(Api::Image(nginx(), tag("1.27")))),
        ("/api/v1/repositories/docker/library/nginx/-/pulls".into(), Route::Api(Api::Pulls(nginx()))),
    ] {
        assert_eq!(get(&path), Address::Page(route.clone()), "{path}");
        assert_eq!(route.path(), path);
    }
}

#[test]
fn another_way_to_write_an_address_leads_to_the_address() {
    for (path, own) in [
        ("/search/", "/search"),
        ("/api/v1", "/api/v1/openapi.json"),
        ("//", "/"),
        ("/Docker/Library/NGINX/", "/docker/library/nginx"),
        ("/Docker/nginx:Latest", "/docker/nginx:Latest"),
        ("/docker/nginx/-/tags/", "/docker/nginx/-/tags"),
        ("/docker/nginx:1.27/", "/docker/nginx:1.27"),
        ("/-/help/", "/-/help"),
    ] {
        assert_eq!(get(path), Address::Moved(own.into()), "{path}");
    }
    assert_eq!(get(&format!("/docker/nginx:1.27@sha256:{HEX}")), Address::Moved(format!("/docker/nginx@sha256:{HEX}")));
    assert_eq!(
        find(&Method::GET, "/Docker/nginx/-/tags", Some("q=A&sort=name")),
        Address::Moved("/docker/nginx/-/tags?q=A&sort=name".into())
    );
    assert!(matches!(get("/favicon.ico"), Address::Moved(path) if path.starts_with("/assets/favicon.")));
}

#[test]
fn an_escaped_address_is_the_same_address() {
    for path in ["/docker/nginx%3A1.27", "/%64ocker%2Fnginx:1.27"] {
        assert_eq!(get(path), Address::Page(Route::Image(place("docker", "nginx"), tag("1.27"))), "{path}");
    }
    assert_eq!(
        get(&format!("/docker/nginx%40sha256%3a{HEX}")),
        Address::Page(Route::Image(place("docker", "nginx"), Reference::Digest(digest())))
    );
}

#[test]
fn no_other_path_has_a_page() {
    for path in [
        "",
        "//evil.example",
        "/docker//nginx",
        "/docker/../nginx",
        "/docker/nginx/-/",
        "/docker/nginx/-/nothing",
        "/docker/nginx/-/badge/pulls.png",
        "/docker/nginx/-/badge/pulls",
        "/-/asset/sha256:abc",
        "/docker/nginx:",
        "/docker/nginx@",
        "/docker/nginx:a:b",
        "/docker/nginx@latest",
        "/docker/nginx:-x",
        "/docker:latest",
        "/docker/-/tags",
        "/d",
        "/1docker",
        "/docker/nginx/%FF",
        "/docker/%3Cscript%3E",
        "/-",
        "/-/nothing",
        "/-/sitemap/012.xml",
        "/-/sitemap/18446744073709551616.xml",
        "/api",
        "/api/v2",
        "/api/v1x",
        "/api/v1/repositories/docker",
        "/api/v1/repositories/docker/nginx/-/images/a:b",
        "/login",
        "/static/app.js",
        "/v1",
        "/v1/",
        "/docs/a",
    ] {
        assert_eq!(get(path), Address::Unknown, "{path}");
    }
}

#[test]
fn only_operations_of_aws_are_posted() {
    for method in [Method::POST, Method::OPTIONS] {
        assert_eq!(find(&method, "/describeImageTags", None), Address::Operation(Operation::DescribeImageTags));
        assert_eq!(find(&method, "/docker/nginx", None), Address::WrongMethod("GET, HEAD"));
    }
    assert_eq!(get("/getRegistryCatalogData"), Address::WrongMethod("OPTIONS, POST"));
    assert_eq!(find(&Method::DELETE, "/", None), Address::WrongMethod("GET, HEAD"));
    assert_eq!(find(&Method::HEAD, "/docker", None), Address::Page(Route::Publisher(RegistryAlias::parse("docker").unwrap())));
}

proptest::proptest! {
    #[test]
    fn an_address_that_moved_has_moved_for_good_and_within_this_host(path in "/[a-zA-Z0-9/:@.%_-]{0,40}") {
        match get(&path) {
            Address::Moved(to) => {
                proptest::prop_assert!(to.starts_with('/') && !to.starts_with("//"));
                proptest::prop_assert!(path == "/favicon.ico" || matches!(get(&to), Address::Page(_)));
            }
            Address::Page(route) => proptest::prop_assert_eq!(get(&route.path()), Address::Page(route)),
            _ => {}
        }
    }
}
