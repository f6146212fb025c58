//! What a request asks for, read from its method, path and query alone (OCI distribution specification, "Endpoints").
//!
//! A path is read from its end, because a repository's name may have any number of segments and even segments that are
//! called `blobs` or `manifests`: what stands before the last keyword is the name.

use super::listing::Listing;
use crate::http::Query;
use http::Method;
use percent_encoding::percent_decode_str;
use roadstead_model::digest::DigestError;
use roadstead_model::name::NameError;
use roadstead_model::tag::{ReferenceError, TagError};
use roadstead_model::{Algorithm, Digest, Reference, RegistryAlias, RepositoryName, Tag};
use std::borrow::Cow;
use std::fmt;

/// How many `?tag=` a push may have. The specification wants ten at least, and 414 for too many ("Pushing Manifests").
const MAXIMUM_TAGS: usize = 100;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v2/` (end-1).
    Version,
    /// `/v2/_catalog`.
    Catalog(Listing),
    /// `/v2/_oci/ext/discover`.
    Extensions,
    /// Everything about one repository.
    Repository(Place, Operation),
}

/// `<alias>/<repository>`: where a repository is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The registry's public first path segment.
    pub(super) alias: RegistryAlias,
    /// The name within the registry.
    pub(super) repository: RepositoryName,
}

/// What is asked of a repository. A HEAD is the GET of the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// end-3
    GetManifest(Reference),
    /// end-7
    PutManifest {
        /// What the path says.
        reference: Reference,
        /// The further tags of `?tag=`, each once.
        tags: Vec<Tag>,
    },
    /// end-9
    DeleteManifest(Reference),
    /// end-2
    GetBlob(Digest),
    /// end-10
    DeleteBlob(Digest),
    /// end-4a, end-4c
    StartUpload(Option<Algorithm>),
    /// end-4b
    PushBlob(Digest),
    /// end-11
    MountBlob {
        /// The blob.
        digest: Digest,
        /// The repository to take it from; none for any.
        from: Option<Place>,
    },
    /// end-13
    GetUpload(String),
    /// end-5
    AppendUpload(String),
    /// end-6
    CompleteUpload {
        /// The session.
        id: String,
        /// What its content must be.
        digest: Digest,
    },
    /// end-14
    CancelUpload(String),
    /// end-8
    ListTags(Listing),
    /// end-12
    ListReferrers {
        /// What they refer to.
        subject: Digest,
        /// Only those of this type.
        artifact_type: Option<String>,
        /// Which part.
        listing: Listing,
    },
}

/// Why a request asks for nothing that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RouteError {
    /// No endpoint has this path.
    #[error("there is no such endpoint")]
    UnknownPath,
    /// The endpoint exists, but not with this method.
    #[error("this method is not supported here: use {allow}")]
    UnknownMethod {
        /// The methods that are.
        allow: &'static str,
    },
    /// The repository's name has one segment: everybody's first mistake.
    #[error("repositories live under a registry alias")]
    NoAlias(String),
    /// The alias or the repository's name is not well formed.
    #[error("the name '{name}' is not valid: {part} {reason}")]
    Name {
        /// The whole name.
        name: String,
        /// Which part of it.
        part: &'static str,
        /// What is wrong with it.
        reason: NameError,
    },
    /// A digest is malformed or of an unknown algorithm.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag is malformed.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// More tags than one push may have.
    #[error("a push may name {MAXIMUM_TAGS} tags at most")]
    TooManyTags,
    /// A closing PUT without `?digest=`.
    #[error("the parameter 'digest' is missing")]
    NoDigest,
    /// `n` is no whole number.
    #[error("the parameter 'n' must be a whole number")]
    PageSize,
}

impl From<ReferenceError> for RouteError {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Digest(error) => Self::Digest(error),
            ReferenceError::Tag(error) => Self::Tag(error),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.alias, self.repository)
    }
}

impl Place {
    /// Reads `<alias>/<repository>`.
    pub(super) fn parse(name: &str) -> Result<Self, RouteError> {
        let (alias, repository) = name.split_once('/').ok_or_else(|| RouteError::NoAlias(shortened(name)))?;
        let invalid = |part| move |reason| RouteError::Name { name: shortened(name), part, reason };
        Ok(Self {
            alias: RegistryAlias::parse(alias).map_err(invalid("the registry alias"))?,
            repository: RepositoryName::parse(repository).map_err(invalid("the repository name"))?,
        })
    }
}

/// Whether a request is one for a token, which takes logins of its own; none if it is for something else (Docker's token
/// authentication specification).
pub(super) fn token(method: &Method, path: &str) -> Option<Result<(), RouteError>> {
    let allowed = matches!(*method, Method::GET | Method::HEAD | Method::POST);
    let allowed = if allowed { Ok(()) } else { Err(RouteError::UnknownMethod { allow: "GET, HEAD, POST" }) };
    matches!(path, "/token" | "/token/").then_some(allowed)
}

/// Reads a request's method, path (as sent, percent-encoding included) and query.
pub(super) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Route, RouteError> {
    // Decoded once, as a whole: an encoded slash is a slash. Whatever comes out is held against the grammar of names,
    // tags and digests, and none of it ever becomes a file's name.
    let path = match path.contains('%') {
        true => percent_decode_str(path).decode_utf8().map_err(|_| RouteError::UnknownPath)?,
        false => Cow::Borrowed(path),
    };
    let query = Query::parse(query.unwrap_or_default());
    // A slash at the end changes nothing: some clients and most people write one now and then.
    match path.strip_suffix('/').unwrap_or(&path) {
        "/v2" => for_reading(method).map(|()| Route::Version),
        "/v2/_catalog" => for_reading(method).and_then(|()| listing(&query)).map(Route::Catalog),
        "/v2/_oci/ext/discover" => for_reading(method).map(|()| Route::Extensions),
        path => {
            let (name, endpoint) = path.strip_prefix("/v2/").and_then(endpoint).ok_or(RouteError::UnknownPath)?;
            let operation = endpoint.operation(method, &query);
            // A wrong method is one whatever the name; a bad name comes before whatever else is wrong.
            if let Err(error @ RouteError::UnknownMethod { .. }) = operation {
                return Err(error);
            }
            Ok(Route::Repository(Place::parse(name)?, operation?))
        }
    }
}

/// What stands behind a repository's name.
enum Endpoint<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    Uploads,
    Upload(&'a str),
    Tags,
    Referrers(&'a str),
}

/// Splits a path behind `/v2/`, without a slash at its end, into the name and the endpoint.
fn endpoint(path: &str) -> Option<(&str, Endpoint<'_>)> {
    let (head, last) = path.rsplit_once('/')?;
    let (before, keyword) = head.rsplit_once('/')?;
    match (keyword, last) {
        ("tags", "list") => Some((before, Endpoint::Tags)),
        ("blobs", "uploads") => Some((before, Endpoint::Uploads)),
        ("uploads", id) if before.ends_with("/blobs") => {
            before.strip_suffix("/blobs").filter(|_| !id.is_empty()).map(|name| (name, Endpoint::Upload(id)))
        }
        ("blobs", digest) => Some((before, Endpoint::Blob(digest))),
        ("manifests", reference) => Some((before, Endpoint::Manifest(reference))),
        ("referrers", digest) => Some((before, Endpoint::Referrers(digest))),
        _ => None,
    }
}

impl Endpoint<'_> {
    fn operation(&self, method: &Method, query: &Query<'_>) -> Result<Operation, RouteError> {
        match self {
            Self::Manifest(reference) => manifest(method, reference, query),
            Self::Blob(digest) => match *method {
                Method::GET | Method::HEAD => Ok(Operation::GetBlob(Digest::parse(digest)?)),
                Method::DELETE => Ok(Operation::DeleteBlob(Digest::parse(digest)?)),
                _ => Err(RouteError::UnknownMethod { allow: "GET, HEAD, DELETE" }),
            },
            Self::Uploads if *method == Method::POST => start(query),
            Self::Uploads => Err(RouteError::UnknownMethod { allow: "POST" }),
            Self::Upload(id) => upload(method, id, query),
            Self::Tags => for_reading(method).and_then(|()| listing(query)).map(Operation::ListTags),
            Self::Referrers(digest) => for_reading(method).and_then(|()| referrers(digest, query)),
        }
    }
}

fn manifest(method: &Method, reference: &str, query: &Query<'_>) -> Result<Operation, RouteError> {
    match *method {
        Method::GET | Method::HEAD => Ok(Operation::GetManifest(Reference::parse(reference)?)),
        Method::PUT => {
            let reference = Reference::parse(reference)?;
            Ok(Operation::PutManifest { reference, tags: tags(query)? })
        }
        Method::DELETE => Ok(Operation::DeleteManifest(Reference::parse(reference)?)),
        _ => Err(RouteError::UnknownMethod { allow: "GET, HEAD, PUT, DELETE" }),
    }
}

/// The further tags of a push, each once.
fn tags(query: &Query<'_>) -> Result<Vec<Tag>, RouteError> {
    let mut tags: Vec<Tag> = Vec::new();
    for (before, tag) in query.all("tag").enumerate() {
        if before == MAXIMUM_TAGS {
            return Err(RouteError::TooManyTags);
        }
        let tag = Tag::parse(&tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

fn start(query: &Query<'_>) -> Result<Operation, RouteError> {
    if let Some(digest) = query.get("mount") {
        let digest = Digest::parse(&digest)?;
        return Ok(match query.get("from").as_deref().map(Place::parse).transpose() {
            Ok(from) => Operation::MountBlob { digest, from },
            // No repository can have that name, so nothing can be mounted from it: the client sends the bytes.
            Err(_) => Operation::StartUpload(Some(digest.algorithm())),
        });
    }
    if let Some(digest) = query.get("digest") {
        return Ok(Operation::PushBlob(Digest::parse(&digest)?));
    }
    Ok(Operation::StartUpload(query.get("digest-algorithm").as_deref().map(Algorithm::parse).transpose()?))
}

fn upload(method: &Method, id: &str, query: &Query<'_>) -> Result<Operation, RouteError> {
    let id = id.to_owned();
    match *method {
        Method::GET | Method::HEAD => Ok(Operation::GetUpload(id)),
        Method::PATCH => Ok(Operation::AppendUpload(id)),
        Method::PUT => {
            let digest = query.get("digest").ok_or(RouteError::NoDigest)?;
            Ok(Operation::CompleteUpload { id, digest: Digest::parse(&digest)? })
        }
        Method::DELETE => Ok(Operation::CancelUpload(id)),
        _ => Err(RouteError::UnknownMethod { allow: "GET, HEAD, PATCH, PUT, DELETE" }),
    }
}

fn referrers(subject: &str, query: &Query<'_>) -> Result<Operation, RouteError> {
    Ok(Operation::ListReferrers {
        subject: Digest::parse(subject)?,
        artifact_type: query.get("artifactType").map(Cow::into_owned),
        listing: listing(query)?,
    })
}

fn listing(query: &Query<'_>) -> Result<Listing, RouteError> {
    Listing::parse(query).ok_or(RouteError::PageSize)
}

fn for_reading(method: &Method) -> Result<(), RouteError> {
    if *method == Method::GET || *method == Method::HEAD { Ok(()) } else { Err(RouteError::UnknownMethod { allow: "GET, HEAD" }) }
}

/// A name of the client's that goes into a message: its beginning only, so that a message stays readable.
fn shortened(text: &str) -> String {
    text.chars().take(255).collect()
}

#[cfg(test)]
mod tests {
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

    fn on(name: &str, operation: Operation) -> Result<Route, RouteError> {
        Ok(Route::Repository(place(name), operation))
    }

    #[test]
    fn the_name_is_what_stands_before_the_last_keyword() {
        for (path, expected) in [
            ("/v2/al/app/manifests/latest", on("al/app", Operation::GetManifest(reference("latest")))),
            ("/v2/al/a1/b2/c3/manifests/v1", on("al/a1/b2/c3", Operation::GetManifest(reference("v1")))),
            ("/v2/al/manifests/app/manifests/list", on("al/manifests/app", Operation::GetManifest(reference("list")))),
            ("/v2/al/blobs/uploads/manifests/v1", on("al/blobs/uploads", Operation::GetManifest(reference("v1")))),
            ("/v2/al/manifests/tags/list", on("al/manifests", Operation::ListTags(Listing::default()))),
            ("/v2/al/tags/list/tags/list", on("al/tags/list", Operation::ListTags(Listing::default()))),
            ("/v2/al/app/blobs/uploads/some-id", on("al/app", Operation::GetUpload("some-id".into()))),
        ] {
            assert_eq!(get(path), expected, "{path}");
        }
        assert_eq!(get(&format!("/v2/al/uploads/blobs/{DIGEST}")), on("al/uploads", Operation::GetBlob(digest())));
        assert_eq!(get(&format!("/v2/al/blobs/blobs/{DIGEST}")), on("al/blobs", Operation::GetBlob(digest())));
    }

    #[test]
    fn the_servers_own_paths_are_known_with_and_without_a_slash() {
        for (path, expected) in [
            ("/v2", Route::Version),
            ("/v2/", Route::Version),
            ("/v2/_catalog", Route::Catalog(Listing::default())),
            ("/v2/_catalog/", Route::Catalog(Listing::default())),
            ("/v2/_oci/ext/discover", Route::Extensions),
            ("/v2/_oci/ext/discover/", Route::Extensions),
        ] {
            assert_eq!(get(path), Ok(expected), "{path}");
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
        assert_eq!(get(&encoded), on("al/app", Operation::GetBlob(digest())));
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
        for path in ["/token", "/token/"] {
            assert_eq!([Method::GET, Method::HEAD, Method::POST].map(|method| token(&method, path)), [const { Some(Ok(())) }; 3]);
            assert_eq!(token(&Method::PUT, path), Some(Err(RouteError::UnknownMethod { allow: "GET, HEAD, POST" })));
        }
        assert_eq!((token(&Method::GET, "/v2/"), token(&Method::GET, "/token//")), (None, None));
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
            let route = |operation| Ok(Route::Repository(place.clone(), operation));
            prop_assert_eq!(get(&format!("/v2/{name}/manifests/{tag}")), route(Operation::GetManifest(tag)));
            prop_assert_eq!(get(&format!("/v2/{name}/blobs/{DIGEST}")), route(Operation::GetBlob(digest())));
            prop_assert_eq!(get(&format!("/v2/{name}/tags/list")), route(Operation::ListTags(Listing::default())));
            prop_assert_eq!(parse(&Method::POST, &format!("/v2/{name}/blobs/uploads/"), None), route(Operation::StartUpload(None)));
        }
    }
}
