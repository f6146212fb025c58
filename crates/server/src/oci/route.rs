//! Routes a request by method, path and query (OCI distribution specification, "Endpoints").
//!
//! Paths are parsed from the end, because a repository name may have any number of segments, even `blobs` and `manifests`: the
//! name is what precedes the last keyword.

use super::listing::Listing;
use super::operation::{Content, Endpoint, MAXIMUM_TAGS, Operation, Place, Route, RouteError};
use crate::http::Query;
use http::Method;
use percent_encoding::percent_decode_str;
use roadstead_model::{Algorithm, Digest, Reference, Tag};
use std::borrow::Cow;

/// Whether a request is for a token, which has its own authentication (Docker's token authentication specification).
pub(super) fn is_token(path: &str) -> bool {
    matches!(path, "/token" | "/token/")
}

/// Parses method, path (still percent-encoded) and query.
pub(super) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Route, RouteError> {
    // The path is decoded once and as a whole, so an encoded slash is a slash. The result is validated by the grammars of names,
    // tags and digests, and never used as a file name.
    let path = match path.contains('%') {
        true => percent_decode_str(path).decode_utf8().map_err(|_| RouteError::UnknownPath)?,
        false => Cow::Borrowed(path),
    };
    let query = Query::parse(query.unwrap_or_default());
    // A trailing slash is ignored, because some clients add one.
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
    // A wrong method takes precedence over an invalid name, and that over any other error.
    if let Err(error @ RouteError::UnknownMethod { .. }) = operation {
        return Err(error);
    }
    Ok(Route::Other(Endpoint::Repository(Place::parse(name)?, operation?)))
}

/// The part of a path after the repository name.
enum Suffix<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    Uploads,
    Upload(&'a str),
    Tags,
    Referrers(&'a str),
}

/// Splits a path after `/v2/`, without a trailing slash, into name and suffix.
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
    /// Parses the content of GET and HEAD. Returns `None` if this is not a manifest or a blob.
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

/// Parses the tags of `?tag=` and removes duplicates.
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
            // No repository can have that name, so there is no blob to mount and the client uploads it.
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
