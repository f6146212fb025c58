//! The shapes of load.

use crate::failure::{Failure, failure};
use crate::target::Kind;
use std::fmt;
use std::str::FromStr;

/// The list of shapes in `--help`.
pub(crate) const HELP: &str = "\
Shapes (sizes as 4k, 1m; counts as 1k, 1m):
  manifest-get[:TAGS[:spread]]   GET by tag in a repository of TAGS tags; one tag, or a thousand in turn
  manifest-head[:TAGS]           HEAD by tag
  blob-head                      HEAD of a blob
  blob-get:SIZE                  GET of a blob
  blob-range:SIZE                GET of each mebibyte of a blob in turn, as containerd does in parallel
  push:SIZE[:TAGS][:fresh][:patch|:chunked[=SIZE]]
                                 whole images of one layer, into one repository (of TAGS tags) or each into a fresh one;
                                 blobs by POST and PUT, or as docker does by PATCH, or by a PATCH for each SIZE or 16 MiB
  upload:SIZE[:patch|:chunked[=SIZE]]
                                 blobs only
  tags:COUNT                     a page of 100 from the middle of a tag list
  referrers:COUNT                the referrers of a subject, a tenth of COUNT manifests
  catalog:COUNT                  a page of 100 from the middle of the repositories
  describe-tags:COUNT            a page of 100 of Amazon ECR Public's DescribeImageTags, signed
  mixed                          three pulls of a manifest for one push of an image with a 4 KiB layer";

/// The chunks of an upload that names no size.
const CHUNK: u64 = 16 << 20;

/// A shape of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Manifest { head: bool, tags: u64, spread: bool },
    BlobHead,
    BlobGet { size: u64 },
    BlobRange { size: u64 },
    Push { size: u64, into: Destination, mode: UploadMode },
    Upload { size: u64, mode: UploadMode },
    Tags { count: u64 },
    Referrers { count: u64 },
    Catalog { count: u64 },
    DescribeTags { count: u64 },
    Mixed,
}

/// The repositories that images are pushed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// One repository, which already has this many tags.
    One { tags: u64 },
    /// A new repository for each.
    Fresh,
}

/// How a blob is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadMode {
    /// POST, and PUT with the bytes.
    Put,
    /// POST, one PATCH with the bytes, PUT.
    Patch,
    /// POST, a PATCH for each chunk of this size, PUT.
    Chunked { chunk: u64 },
}

impl Shape {
    /// Whether this kind of server supports the shape.
    pub(crate) fn suits(self, kind: &Kind) -> bool {
        match kind {
            Kind::Registry => true,
            Kind::Files(_) => matches!(self, Self::BlobHead | Self::BlobGet { .. } | Self::BlobRange { .. }),
            Kind::Fixed => matches!(self, Self::BlobHead | Self::Manifest { .. }),
        }
    }

    /// Whether throughput is better expressed in bytes than in operations.
    pub(crate) fn is_bulk(self) -> bool {
        match self {
            Self::BlobGet { size } | Self::Upload { size, .. } | Self::Push { size, .. } => size >= 1 << 20,
            Self::BlobRange { .. } => true,
            _ => false,
        }
    }
}

impl FromStr for Shape {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let parts: Vec<&str> = parts.collect();
        let refuse = || failure!("'{text}' is not a shape; --help lists them");
        let count = |at: usize| parts.get(at).map_or(Ok(1), |part| number(part, 1000).ok_or_else(refuse));
        let size = || parts.first().and_then(|part| number(part, 1024)).ok_or_else(refuse);
        Ok(match (name, parts.len()) {
            ("manifest-get", 2) if parts[1] == "spread" => Self::Manifest { head: false, tags: count(0)?, spread: true },
            ("manifest-get" | "manifest-head", 0 | 1) => Self::Manifest { head: name == "manifest-head", tags: count(0)?, spread: false },
            ("blob-head", 0) => Self::BlobHead,
            ("blob-get", 1) => Self::BlobGet { size: size()? },
            ("blob-range", 1) => Self::BlobRange { size: size()? },
            ("push" | "upload", 1..) => match (name, upload_parts(&parts[1..]).ok_or_else(refuse)?) {
                ("push", (into, mode)) => Self::Push { size: size()?, into: into.unwrap_or(Destination::One { tags: 0 }), mode },
                (_, (None, mode)) => Self::Upload { size: size()?, mode },
                _ => return Err(refuse()),
            },
            ("tags", 1) => Self::Tags { count: count(0)? },
            ("referrers", 1) => Self::Referrers { count: count(0)? },
            ("catalog", 1) => Self::Catalog { count: count(0)? },
            ("describe-tags", 1) => Self::DescribeTags { count: count(0)? },
            ("mixed", 0) => Self::Mixed,
            _ => return Err(refuse()),
        })
    }
}

fn mode(part: &str) -> Option<UploadMode> {
    match part.split_once('=').unwrap_or((part, "")) {
        ("patch", "") => Some(UploadMode::Patch),
        ("chunked", "") => Some(UploadMode::Chunked { chunk: CHUNK }),
        ("chunked", size) => number(size, 1024).map(|chunk| UploadMode::Chunked { chunk }),
        _ => None,
    }
}

fn destination(part: &str) -> Option<Destination> {
    if part == "fresh" { Some(Destination::Fresh) } else { number(part, 1000).map(|tags| Destination::One { tags }) }
}

/// The optional parts of an upload or a push: at most one destination and at most one mode.
fn upload_parts(parts: &[&str]) -> Option<(Option<Destination>, UploadMode)> {
    let (modes, others): (Vec<&str>, Vec<&str>) = parts.iter().partition(|part| mode(part).is_some());
    let mode = match modes[..] {
        [] => UploadMode::Put,
        [part] => mode(part)?,
        _ => return None,
    };
    match others[..] {
        [] => Some((None, mode)),
        [part] => Some((Some(destination(part)?), mode)),
        _ => None,
    }
}

/// Parses `4k` or `1m`; `thousand` is 1000 or 1024.
fn number(text: &str, thousand: u64) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, thousand),
        Some(digits) => (digits, thousand * thousand),
        None => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor).filter(|number| *number > 0)
}

fn short(number: u64, thousand: u64) -> String {
    match number {
        _ if number.is_multiple_of(thousand * thousand) => format!("{}m", number / thousand / thousand),
        _ if number.is_multiple_of(thousand) => format!("{}k", number / thousand),
        _ => number.to_string(),
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size_of, count_of) = (|size| short(size, 1024), |count| short(count, 1000));
        match *self {
            Self::Manifest { head, tags, spread } => {
                f.write_str(if head { "manifest-head" } else { "manifest-get" })?;
                if tags > 1 {
                    write!(f, ":{}", count_of(tags))?;
                }
                f.write_str(if spread { ":spread" } else { "" })
            }
            Self::BlobHead => f.write_str("blob-head"),
            Self::BlobGet { size } => write!(f, "blob-get:{}", size_of(size)),
            Self::BlobRange { size } => write!(f, "blob-range:{}", size_of(size)),
            Self::Push { size, into, mode } => {
                write!(f, "push:{}", size_of(size))?;
                match into {
                    Destination::One { tags: 0 } => {}
                    Destination::One { tags } => write!(f, ":{}", count_of(tags))?,
                    Destination::Fresh => f.write_str(":fresh")?,
                }
                write!(f, "{mode}")
            }
            Self::Upload { size, mode } => write!(f, "upload:{}{mode}", size_of(size)),
            Self::Tags { count } => write!(f, "tags:{}", count_of(count)),
            Self::Referrers { count } => write!(f, "referrers:{}", count_of(count)),
            Self::Catalog { count } => write!(f, "catalog:{}", count_of(count)),
            Self::DescribeTags { count } => write!(f, "describe-tags:{}", count_of(count)),
            Self::Mixed => f.write_str("mixed"),
        }
    }
}

impl fmt::Display for UploadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Put => Ok(()),
            Self::Patch => f.write_str(":patch"),
            Self::Chunked { chunk: CHUNK } => f.write_str(":chunked"),
            Self::Chunked { chunk } => write!(f, ":chunked={}", short(chunk, 1024)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_reads_what_it_writes() {
        for text in [
            "manifest-get",
            "manifest-get:10k",
            "manifest-get:1m:spread",
            "manifest-head",
            "blob-head",
            "blob-get:256m",
            "blob-range:64m",
            "push:4k",
            "push:4k:fresh",
            "push:1m:100k",
            "push:100m:chunked",
            "push:4k:fresh:patch",
            "upload:100m:patch",
            "upload:100m:chunked=10m",
            "tags:1k",
            "referrers:10k",
            "catalog:10k",
            "describe-tags:1m",
            "mixed",
        ] {
            assert_eq!(text.parse::<Shape>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn sizes_are_powers_of_two_and_counts_are_not() {
        assert_eq!("blob-get:1m".parse::<Shape>().unwrap(), Shape::BlobGet { size: 1 << 20 });
        assert_eq!("tags:1m".parse::<Shape>().unwrap(), Shape::Tags { count: 1_000_000 });
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for text in
            ["", "pull", "blob-get", "blob-get:x", "tags:0", "push:4k:fresh:10k", "mixed:1", "upload:1m:fresh", "upload:1m:chunked=0"]
        {
            assert!(text.parse::<Shape>().is_err(), "{text}");
        }
    }
}
