use super::*;
use proptest::prelude::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn get(path: &str) -> Result<Route, RouteError> {
    parse(&Method::GET, path, None)
}

fn place(name: &str) -> Place {
    Place::parse(name).expect("a good name")
}

fn digest() -> Digest {
    Digest::parse(DIGEST).expect("a good digest")
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).expect("a good reference")
}

fn pull(name: &str, content: Content) -> Result<Route, RouteError> {
    Ok(Route::Pull(place(name), content))
}

fn on(name: &str, operation: Operation) -> Result<Route, RouteError> {
    Ok(Route::Other(Endpoint::Repository(place(name), operation)))
}

#[test]
fn the_name_is_what_stands_before_the_last_keyword() {
    for (path, expected) in [
        ("/v2/al/app/manifests/latest", pull("al/app", Content::Manifest(reference("latest")))),
        ("/v2/al/a1/b2/c3/manifests/v1", pull("al/a1/b2/c3", Content::Manifest(reference("v1")))),
        ("/v2/al/manifests/app/manifests/list", pull("al/manifests/app", Content::Manifest(reference("list")))),
        ("/v2/al/blobs/uploads/manifests/v1", pull("al/blobs/uploads", Content::Manifest(reference("v1")))),
        ("/v2/al/manifests/tags/list", on("al/manifests", Operation::ListTags(Listing::default()))),
        ("/v2/al/tags/list/tags/list", on("al/tags/list", Operation::ListTags(Listing::default()))),
        ("/v2/al/app/blobs/uploads/some-id", on("al/app", Operation::GetUpload("some-id".into()))),
    ] {
        assert_eq!(get(path), expected, "{path}");
    }
    assert_eq!(get(&format!("/v2/al/uploads/blobs/{DIGEST}")), pull("al/uploads", Content::Blob(digest())));
    assert_eq!(get(&format!("/v2/al/blobs/blobs/{DIGEST}")), pull("al/blobs", Content::Blob(digest())));
}

#[test]
fn the_servers_own_paths_are_known_with_and_without_a_slash() {
    for (path, expected) in [
        ("/v2", Endpoint::Version),
        ("/v2/", Endpoint::Version),
        ("/v2/_catalog", Endpoint::Catalog(Listing::default())),
        ("/v2/_catalog/", Endpoint::Catalog(Listing::default())),
        ("/v2/_oci/ext/discover", Endpoint::Extensions),
        ("/v2/_oci/ext/discover/", Endpoint::Extensions),
    ] {
        assert_eq!(get(path), Ok(Route::Other(expected)), "{path}");
    }
}

#[test]
fn a_slash_at_the_end_changes_nothing_whatever_the_endpoint_and_the_method() {
    let query = format!("digest={DIGEST}");
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let (blob, referrers) = (format!("blobs/{DIGEST}"), format!("referrers/{DIGEST}"));
    for endpoint in ["manifests/v1", "manifests/uploads", &blob, "blobs/uploads", "blobs/uploads/id", "tags/list", &referrers] {
        for method in &methods {
            let asked = |end: &str| parse(method, &format!("/v2/al/app/{endpoint}{end}"), Some(&query));
            assert_eq!(asked("/"), asked(""), "{method} {endpoint}");
            assert!(asked("//").is_err(), "{method} {endpoint}");
        }
    }
}

#[test]
fn a_percent_encoded_path_means_what_it_says() {
    let encoded = format!("/v2/al%2Fapp/blobs/{}", DIGEST.replace(':', "%3A"));
    assert_eq!(get(&encoded), pull("al/app", Content::Blob(digest())));
    assert_eq!(get("/v2/al/app/manifests/%FF"), Err(RouteError::UnknownPath));
    assert!(matches!(get("/v2/al/%252e%252e/manifests/v1"), Err(RouteError::Name { .. })));
    assert!(matches!(get("/v2/al/%2e%2e/app/manifests/v1"), Err(RouteError::Name { .. })));
    assert!(matches!(get("/v2/al/app/manifests/v1%00"), Err(RouteError::Tag(_))));
}

#[test]
fn a_name_of_one_segment_is_recognised_as_such() {
    for path in ["/v2/app/manifests/latest", "/v2/app/tags/list"] {
        assert_eq!(get(path), Err(RouteError::NoAlias("app".into())), "{path}");
    }
    assert_eq!(parse(&Method::POST, "/v2/app/blobs/uploads/", None), Err(RouteError::NoAlias("app".into())));
}

#[test]
fn a_name_outside_the_grammar_is_refused_even_if_oci_would_have_it() {
    for path in ["/v2/al/a__b/tags/list", "/v2/al/a--b/tags/list", "/v2/al/x/tags/list", "/v2/al/App/tags/list", "/v2/al//tags/list"] {
        assert!(matches!(get(path), Err(RouteError::Name { part: "the repository name", .. })), "{path}");
    }
    for path in ["/v2/Al/app/tags/list", "/v2/v2/app/tags/list", "/v2//app/tags/list", "/v2/000000000000/app/tags/list"] {
        assert!(matches!(get(path), Err(RouteError::Name { part: "the registry alias", .. })), "{path}");
    }
}

#[test]
fn what_is_no_endpoint_is_unknown() {
    for path in
        ["", "/", "/v1/", "/v2/x", "/v2/al/app", "/v2/al/app/tags", "/v2/tags/list", "/v2/al/app/tags/list//", "/v3/al/app/tags/list"]
    {
        assert_eq!(get(path), Err(RouteError::UnknownPath), "{path}");
    }
}

#[test]
fn a_known_endpoint_names_its_methods() {
    let allowed = |method: &Method, path: &str| match parse(method, path, None) {
        Err(RouteError::UnknownMethod { allow }) => allow,
        other => panic!("{method} {path}: {other:?}"),
    };
    assert_eq!(allowed(&Method::POST, "/v2/al/app/manifests/v1"), "GET, HEAD, PUT, DELETE");
    assert_eq!(allowed(&Method::GET, "/v2/al/app/blobs/uploads/"), "POST");
    assert_eq!(allowed(&Method::POST, "/v2/al/app/blobs/uploads/x"), "GET, HEAD, PATCH, PUT, DELETE");
    assert_eq!(allowed(&Method::PUT, &format!("/v2/al/app/blobs/{DIGEST}")), "GET, HEAD, DELETE");
    assert_eq!(allowed(&Method::DELETE, "/v2/al/app/tags/list"), "GET, HEAD");
    assert_eq!(allowed(&Method::POST, "/v2/"), "GET, HEAD");
}

#[test]
fn a_token_is_asked_for_at_a_path_of_its_own() {
    assert_eq!(["/token", "/token/", "/v2/", "/token//"].map(is_token), [true, true, false, false]);
}

#[test]
fn a_post_starts_mounts_or_pushes_as_its_query_says() {
    let post = |query: &str| parse(&Method::POST, "/v2/al/app/blobs/uploads/", Some(query));
    assert_eq!(post(""), on("al/app", Operation::StartUpload(None)));
    assert_eq!(post("digest-algorithm=sha512"), on("al/app", Operation::StartUpload(Some(Algorithm::Sha512))));
    assert_eq!(post(&format!("digest={DIGEST}")), on("al/app", Operation::PushBlob(digest())));
    assert_eq!(post(&format!("mount={DIGEST}")), on("al/app", Operation::MountBlob { digest: digest(), from: None }));
    assert_eq!(
        post(&format!("from=al%2Fbase&mount={DIGEST}")),
        on("al/app", Operation::MountBlob { digest: digest(), from: Some(place("al/base")) })
    );
    assert_eq!(post(&format!("mount={DIGEST}&from=nowhere")), on("al/app", Operation::StartUpload(Some(Algorithm::Sha256))));
    assert!(matches!(post("mount=x"), Err(RouteError::Digest(_))));
    assert!(matches!(post("digest-algorithm=md5"), Err(RouteError::Digest(_))));
}

#[test]
fn a_closing_put_says_its_digest() {
    let put = |query: &str| parse(&Method::PUT, "/v2/al/app/blobs/uploads/id", Some(query));
    assert_eq!(put(&format!("digest={DIGEST}")), on("al/app", Operation::CompleteUpload { id: "id".into(), digest: digest() }));
    assert_eq!(put(""), Err(RouteError::NoDigest));
    assert!(matches!(put("digest=sha256:x"), Err(RouteError::Digest(_))));
}

#[test]
fn a_push_may_name_several_tags() {
    let put = parse(&Method::PUT, "/v2/al/app/manifests/v1", Some("tag=a&tag=b&tag=a"));
    let tags = ["a", "b"].map(|tag| Tag::parse(tag).expect("a tag")).to_vec();
    assert_eq!(put, on("al/app", Operation::PutManifest { reference: reference("v1"), tags }));
    assert!(matches!(parse(&Method::PUT, "/v2/al/app/manifests/v1", Some("tag=-")), Err(RouteError::Tag(_))));
    let many = |count: usize| parse(&Method::PUT, "/v2/al/app/manifests/v1", Some(&"tag=a&".repeat(count)));
    assert!(many(MAXIMUM_TAGS).is_ok());
    assert_eq!(many(MAXIMUM_TAGS + 1), Err(RouteError::TooManyTags), "whether they differ or not");
}

proptest! {
    #[test]
    fn parsing_never_panics(path in "\\PC{0,60}", query in "\\PC{0,40}", method in "GET|HEAD|POST|PUT|PATCH|DELETE|BREW") {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let _ = parse(&method, &path, Some(&query));
        let _ = parse(&method, &format!("/v2/{path}"), Some(&query));
    }

    #[test]
    fn every_good_name_is_found_before_every_endpoint(
        name in "[a-z][a-z0-9]{1,4}(/(blobs|manifests|uploads|tags|list|referrers|[a-z0-9]{2,5})){1,4}",
        tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,8}",
    ) {
        let place = Place::parse(&name);
        prop_assume!(place.is_ok());
        let place = place.expect("checked");
        let tag = reference(&tag);
        let pull = |content| Ok(Route::Pull(place.clone(), content));
        let route = |operation| Ok(Route::Other(Endpoint::Repository(place.clone(), operation)));
        prop_assert_eq!(get(&format!("/v2/{name}/manifests/{tag}")), pull(Content::Manifest(tag)));
        prop_assert_eq!(get(&format!("/v2/{name}/blobs/{DIGEST}")), pull(Content::Blob(digest())));
        prop_assert_eq!(get(&format!("/v2/{name}/tags/list")), route(Operation::ListTags(Listing::default())));
        prop_assert_eq!(parse(&Method::POST, &format!("/v2/{name}/blobs/uploads/"), None), route(Operation::StartUpload(None)));
    }
}
