//! What a request asks for, read from its method, path and query alone (OCI distribution specification, "Endpoints").
//!
//! A path is read from its end, because a repository's name may have any number of segments and even segments that are
//! called `blobs` or `manifests`: what stands before the last keyword is the name.

use super::listing::Listing;
use super::operation::{Content, Endpoint, MAXIMUM_TAGS, Operation, Place, Route, RouteError};
use crate::http::Query;
use http::Method;
use percent_encoding::percent_decode_str;
use roadstead_model::{Algorithm, Digest, Reference, Tag};
use std::borrow::Cow;

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
        "/v2" => for_reading(method).map(|()| Endpoint::Version),
        "/v2/_catalog" => for_reading(method).and_then(|()| listing(&query)).map(Endpoint::Catalog),
        "/v2/_oci/ext/discover" => for_reading(method).map(|()| Endpoint::Extensions),
        path => return of_repository(method, path, &query),
    }
    .map(Route::Other)
}

fn of_repository(method: &Method, path: &str, query: &Query<'_>) -> Result<Route, RouteError> {
    let (name, suffix) = path.strip_prefix("/v2/").and_then(split).ok_or(RouteError::UnknownPath)?;
    if let Some(content) = suffix.content().filter(|_| is_read(method)) {
        return Ok(Route::Pull(Place::parse(name)?, content?));
    }
    let operation = suffix.operation(method, query);
    // A wrong method is one whatever the name; a bad name comes before whatever else is wrong.
    if let Err(error @ RouteError::UnknownMethod { .. }) = operation {
        return Err(error);
    }
    Ok(Route::Other(Endpoint::Repository(Place::parse(name)?, operation?)))
}

/// What stands behind a repository's name.
enum Suffix<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    Uploads,
    Upload(&'a str),
    Tags,
    Referrers(&'a str),
}

/// Splits a path behind `/v2/`, without a slash at its end, into the name and the rest.
fn split(path: &str) -> Option<(&str, Suffix<'_>)> {
    let (head, last) = path.rsplit_once('/')?;
    let (before, keyword) = head.rsplit_once('/')?;
    match (keyword, last) {
        ("tags", "list") => Some((before, Suffix::Tags)),
        ("blobs", "uploads") => Some((before, Suffix::Uploads)),
        ("uploads", id) if before.ends_with("/blobs") => {
            before.strip_suffix("/blobs").filter(|_| !id.is_empty()).map(|name| (name, Suffix::Upload(id)))
        }
        ("blobs", digest) => Some((before, Suffix::Blob(digest))),
        ("manifests", reference) => Some((before, Suffix::Manifest(reference))),
        ("referrers", digest) => Some((before, Suffix::Referrers(digest))),
        _ => None,
    }
}

impl Suffix<'_> {
    /// What a GET or HEAD pulls, if this names content.
    fn content(&self) -> Option<Result<Content, RouteError>> {
        match self {
            Self::Manifest(reference) => Some(Reference::parse(reference).map(Content::Manifest).map_err(RouteError::from)),
            Self::Blob(digest) => Some(Digest::parse(digest).map(Content::Blob).map_err(RouteError::from)),
            Self::Uploads | Self::Upload(_) | Self::Tags | Self::Referrers(_) => None,
        }
    }

    fn operation(&self, method: &Method, query: &Query<'_>) -> Result<Operation, RouteError> {
        match self {
            Self::Manifest(reference) => manifest(method, reference, query),
            Self::Blob(digest) if *method == Method::DELETE => Ok(Operation::DeleteBlob(Digest::parse(digest)?)),
            Self::Blob(_) => Err(RouteError::UnknownMethod { allow: "GET, HEAD, DELETE" }),
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
    if is_read(method) { Ok(()) } else { Err(RouteError::UnknownMethod { allow: "GET, HEAD" }) }
}

fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

#[cfg(test)]
mod tests;
