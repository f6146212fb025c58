//! A bucket of an S3 service.

use std::fmt;

/// The longest prefix. With it, keys of objects are well below the 1,024 bytes that S3 allows.
const LONGEST_PREFIX: usize = 512;

/// A bucket, and the prefix of the keys of an installation's objects. The credentials come from the usual chain of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Options {
    pub bucket: String,
    /// Without slashes at its ends. Empty if the installation has the bucket for itself.
    pub prefix: String,
    /// The scheme and host of the service, or `None` for AWS.
    pub endpoint: Option<String>,
    /// `None` if the environment or the profile names it.
    pub region: Option<String>,
    /// Whether the bucket is in the path of URLs instead of the host.
    pub path_style: bool,
    /// The bytes that all upload sessions of this process together may hold in memory.
    pub memory: u64,
}

impl S3Options {
    /// Parses `s3://bucket[/prefix]`. The error repeats no text that could be a secret in the wrong place.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("s3://").ok_or("is not the URL of a store, such as s3://bucket/prefix")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err("names no bucket: write s3://bucket/prefix".to_owned());
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !is_prefix(prefix) {
            let allowed = "letters, digits, dashes, underscores and dots, in words separated by slashes";
            return Err(format!("'{prefix}' cannot be the prefix of keys: at most {LONGEST_PREFIX} {allowed}"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), endpoint: None, region: None, path_style: false, memory: 64 << 20 })
    }
}

/// The names that S3 gives to new buckets, and the capitals and underscores of old ones.
fn is_bucket(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    (3..=255).contains(&text.len()) && outer(text.bytes().next()) && outer(text.bytes().last()) && text.bytes().all(inner)
}

/// Whether a text has only characters that need no encoding in URLs, and no part that clients would resolve as a path.
fn is_prefix(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_word = |word: &str| !matches!(word, "" | "." | "..") && word.bytes().all(safe);
    text.len() <= LONGEST_PREFIX && text.split('/').all(is_word)
}

impl fmt::Display for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_bucket_and_perhaps_a_prefix() {
        for (url, bucket, prefix, shown) in [
            ("s3://images", "images", "", "s3://images"),
            ("s3://images/", "images", "", "s3://images"),
            ("s3://my.images-1/registry", "my.images-1", "registry", "s3://my.images-1/registry"),
            ("s3://images/a/b_c.d/", "images", "a/b_c.d", "s3://images/a/b_c.d"),
        ] {
            let options = S3Options::parse(url).expect(url);
            assert_eq!((options.bucket.as_str(), options.prefix.as_str(), options.to_string().as_str()), (bucket, prefix, shown));
        }
    }

    #[test]
    fn a_url_of_anything_else_is_refused() {
        let (no_url, no_bucket) = ("is not the URL of a store, such as s3://bucket/prefix", "names no bucket: write s3://bucket/prefix");
        for (url, said) in [
            ("images", no_url),
            ("gs://images", no_url),
            ("postgres://rs:hunter2@db/name", no_url),
            ("s3://", no_bucket),
            ("s3://ab", no_bucket),
            ("s3://-images", no_bucket),
            ("s3://key:hunter2@images", no_bucket),
        ] {
            assert_eq!(S3Options::parse(url).expect_err(url), said);
        }
        for url in [
            "s3://images//a",
            "s3://images/a//b",
            "s3://images/../a",
            "s3://images/a b",
            "s3://images/(a)",
            "s3://images/a?b=c",
            "s3://images/a%20b",
        ] {
            assert!(S3Options::parse(url).expect_err(url).contains("cannot be the prefix of keys"), "{url}");
        }
    }
}
