//! What a person means who types into the search box, or pastes something copied elsewhere.

use crate::digest::Digest;
use crate::name::{RegistryAlias, RepositoryName};
use crate::tag::{Reference, Tag};

/// The characters of a query that are read.
pub const LONGEST: usize = 200;
/// The parts of a pasted command that may be the reference.
const OPERANDS: usize = 4;

/// What precedes a reference in commands and files.
const COMMANDS: &[&[&str]] = &[
    &["docker", "pull"],
    &["docker", "run"],
    &["docker", "image", "pull"],
    &["docker", "model", "pull"],
    &["podman", "pull"],
    &["podman", "run"],
    &["nerdctl", "pull"],
    &["nerdctl", "run"],
    &["ctr", "image", "pull"],
    &["ctr", "images", "pull"],
    &["crictl", "pull"],
    &["crane", "pull"],
    &["crane", "digest"],
    &["crane", "manifest"],
    &["skopeo", "copy"],
    &["skopeo", "inspect"],
    &["apptainer", "pull"],
    &["singularity", "pull"],
    &["helm", "pull"],
    &["helm", "show", "chart"],
    &["helm", "show", "values"],
    &["oras", "pull"],
    &["flux", "pull", "artifact"],
    &["wkg", "oci", "pull"],
    &["FROM"],
    &["image:"],
];

/// A query as understood. Its addresses and its digest are tried first, then its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// What the query may refer to, if such a repository exists.
    pub addresses: Vec<Address>,
    /// The image that the query is the digest of.
    pub digest: Option<Digest>,
    /// The words to search.
    pub words: String,
    /// A tag to look for in the best repository: of `python:3.12` or `python 3.12`.
    pub tag: Option<Tag>,
}

/// A repository, or one of its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub alias: RegistryAlias,
    pub name: RepositoryName,
    pub reference: Option<Reference>,
}

impl Query {
    /// Understands a text. `authority` is the public host of this registry, with its port.
    pub fn parse(text: &str, authority: &str) -> Self {
        let text: String = text.chars().take(LONGEST).collect();
        let parts: Vec<&str> = text.split_whitespace().map(unquoted).filter(|part| !part.is_empty()).collect();
        let parts = if matches!(parts.first(), Some(&("$" | "#" | "sudo"))) { &parts[1..] } else { &parts[..] };
        if let Some(operands) = COMMANDS.iter().find_map(|command| parts.strip_prefix(*command)) {
            return Self::of_command(operands, authority);
        }
        match parts {
            [part] => Self::of_one(part, authority),
            _ => Self::of_words(parts, authority),
        }
    }

    fn of_command(operands: &[&str], authority: &str) -> Self {
        let version = operands.iter().position(|part| *part == "--version").and_then(|place| operands.get(place + 1));
        // Helm writes the plus of a version as an underscore in tags.
        let version = version.and_then(|text| Tag::parse(&text.replace('+', "_")).ok());
        let parts = operands.iter().filter(|part| !part.starts_with('-')).take(OPERANDS);
        let queries: Vec<Self> = parts.map(|part| Self::of_one(part, authority)).collect();
        let addresses: Vec<Address> =
            queries.iter().flat_map(|query| query.addresses.clone()).map(|address| address.or_tag(version.as_ref())).collect();
        let first = queries.into_iter().find(|query| !query.words.is_empty()).unwrap_or_default();
        Self { addresses, tag: first.tag.or(version), ..first }
    }

    fn of_one(part: &str, authority: &str) -> Self {
        let hex = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digest = if hex { Digest::parse(&format!("sha256:{}", part.to_ascii_lowercase())) } else { Digest::parse(part) };
        if let Ok(digest) = digest {
            return Self { digest: Some(digest), ..Self::default() };
        }
        let Located { is_here, path, tag, digest } = Located::parse(part, authority);
        let reference = digest.map(Reference::Digest).or_else(|| tag.clone().map(Reference::Tag));
        let address = is_here.then(|| Address::parse(path, reference)).flatten();
        Self { addresses: address.into_iter().collect(), digest: None, words: path.to_owned(), tag }
    }

    fn of_words(parts: &[&str], authority: &str) -> Self {
        let Some((last, before)) = parts.split_last() else { return Self::default() };
        let mut words: Vec<&str> = before.iter().map(|part| Located::parse(part, authority).path).collect();
        let version = Tag::parse(last).ok().filter(|_| is_version(last));
        let last = Located::parse(last, authority);
        if version.is_none() {
            words.push(last.path);
        }
        Self { words: words.join(" "), tag: version.or(last.tag), ..Self::default() }
    }

    /// The words including the tag, for when the tag names no image.
    pub fn all_words(&self) -> String {
        format!("{} {}", self.words, self.tag.as_ref().map_or("", Tag::as_str))
    }
}

impl Address {
    fn parse(path: &str, reference: Option<Reference>) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        let (alias, name) = path.split_once('/')?;
        Some(Self { alias: RegistryAlias::parse(alias).ok()?, name: RepositoryName::parse(name).ok()?, reference })
    }

    fn or_tag(mut self, tag: Option<&Tag>) -> Self {
        self.reference = self.reference.or_else(|| tag.cloned().map(Reference::Tag));
        self
    }
}

/// A part of a query, read as a reference.
struct Located<'a> {
    /// Whether the part names no other registry.
    is_here: bool,
    path: &'a str,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl<'a> Located<'a> {
    fn parse(part: &'a str, authority: &str) -> Self {
        let rest =
            ["https://", "http://", "oci://", "docker://", "oras://"].iter().find_map(|scheme| part.strip_prefix(scheme)).unwrap_or(part);
        // The address of a page: `/-/` precedes its views.
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let rest = rest.split_once("/-/").map_or(rest, |(repository, _)| repository).trim_end_matches('/');
        let (host, rest) = match rest.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
            _ => (None, rest),
        };
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Digest::parse(digest).ok()),
            None => (rest, None),
        };
        let (path, tag) = match rest.rsplit_once(':').and_then(|(path, tag)| Some((path, Tag::parse(tag).ok()?))) {
            Some((path, tag)) if !path.is_empty() => (path, Some(tag)),
            _ => (rest, None),
        };
        Self { is_here: host.is_none_or(|host| host.eq_ignore_ascii_case(authority)), path, tag, digest }
    }
}

/// Whether a word looks like a version: `3.12`, `v2`, `22.04-slim`.
fn is_version(word: &str) -> bool {
    word.strip_prefix(['v', 'V']).unwrap_or(word).starts_with(|first: char| first.is_ascii_digit())
}

fn unquoted(part: &str) -> &str {
    part.trim_matches(['"', '\'', '`', ',', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOST: &str = "registry.example.org";
    const HEX: &str = "3b1c2f8a5d9e4c7b6a0f1e2d3c4b5a697887766554433221100ffeeddccbbaa9";

    fn addresses(text: &str) -> Vec<String> {
        let show = |Address { alias, name, reference }: Address| match reference {
            Some(Reference::Tag(tag)) => format!("{alias}/{name}:{tag}"),
            Some(Reference::Digest(digest)) => format!("{alias}/{name}@{digest}"),
            None => format!("{alias}/{name}"),
        };
        Query::parse(text, HOST).addresses.into_iter().map(show).collect()
    }

    fn words(text: &str) -> (String, Option<String>) {
        let query = Query::parse(text, HOST);
        (query.words, query.tag.map(|tag| tag.to_string()))
    }

    #[test]
    fn a_pasted_reference_is_an_address() {
        let table = [
            ("nginx/nginx", "nginx/nginx"),
            ("Docker/Library/nginx", "docker/library/nginx"),
            ("registry.example.org/nginx/nginx:1.27", "nginx/nginx:1.27"),
            ("https://REGISTRY.example.org/nginx/nginx/-/tags?q=x", "nginx/nginx"),
            ("https://registry.example.org/nginx/nginx/", "nginx/nginx"),
            ("oci://registry.example.org/karpenter/karpenter", "karpenter/karpenter"),
            ("$ docker pull --quiet registry.example.org/nginx/nginx:1.27", "nginx/nginx:1.27"),
            ("FROM registry.example.org/docker/library/python:3.12 AS build", "docker/library/python:3.12"),
            ("image: \"registry.example.org/nginx/nginx:1.27\"", "nginx/nginx:1.27"),
            ("helm pull oci://registry.example.org/charts/app --version 1.2.3+build", "charts/app:1.2.3_build"),
            ("skopeo copy docker://registry.example.org/team/app:1 oci:directory", "team/app:1"),
        ];
        for (text, address) in table {
            assert_eq!(addresses(text), [address], "{text}");
        }
        assert_eq!(addresses(&format!("nginx/nginx:1.27@sha256:{HEX}")), [format!("nginx/nginx@sha256:{HEX}")], "the digest wins");
        assert_eq!(addresses("docker pull --platform linux/arm64 nginx/nginx"), ["linux/arm64", "nginx/nginx"], "whichever exists");
    }

    #[test]
    fn a_reference_to_another_registry_is_searched_by_its_words() {
        assert_eq!(addresses("ghcr.io/nginx/nginx:1.27"), [""; 0]);
        assert_eq!(words("docker pull docker.io/library/nginx:1.27"), ("library/nginx".into(), Some("1.27".into())));
        assert_eq!(words("quay.io/prometheus/prometheus alerts"), ("prometheus/prometheus alerts".into(), None));
    }

    #[test]
    fn a_digest_is_the_image_with_and_without_its_algorithm() {
        for text in [format!("sha256:{HEX}"), HEX.to_uppercase(), format!("  {HEX} ")] {
            let query = Query::parse(&text, HOST);
            assert_eq!(query.digest.map(|digest| digest.hex().to_owned()).as_deref(), Some(HEX), "{text}");
        }
        assert_eq!(Query::parse(&HEX[1..], HOST).digest, None);
    }

    #[test]
    fn what_looks_like_a_version_is_a_tag_to_look_for() {
        for text in ["python:3.12", "python 3.12", "docker pull python:3.12", "FROM python:3.12"] {
            assert_eq!(words(text), ("python".into(), Some("3.12".into())), "{text}");
        }
        assert_eq!(words("ubuntu v22.04-slim"), ("ubuntu".into(), Some("v22.04-slim".into())));
        assert_eq!(words("3.12"), ("3.12".into(), None), "a version alone is a word");
        assert_eq!(words("kube proxy"), ("kube proxy".into(), None));
        assert_eq!(Query::parse("python 3.12", HOST).all_words(), "python 3.12");
    }

    #[test]
    fn hostile_text_is_words_at_most() {
        for text in ["", "   ", "'\";--", "%", "docker pull", "日本語", "🦀", "://", "@", ":", "/", "a:", "sha256:"] {
            let query = Query::parse(text, HOST);
            assert_eq!((query.addresses, query.digest, query.tag), (Vec::new(), None, None), "{text}");
        }
        assert_eq!(Query::parse(&"ab".repeat(300), HOST).words.len(), LONGEST);
    }

    proptest! {
        #[test]
        fn any_text_is_understood_somehow(text in "\\PC{0,250}") {
            let query = Query::parse(&text, HOST);
            prop_assert!(query.words.chars().count() <= LONGEST && query.addresses.len() <= OPERANDS);
        }

        #[test]
        fn every_reference_of_this_registry_is_recognised(
            alias in "[a-z][a-z0-9]{2,8}", name in "[a-z][a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}"
        ) {
            let text = format!("{HOST}/{alias}/{name}:{tag}");
            prop_assert_eq!(addresses(&text), [format!("{alias}/{name}:{tag}")]);
        }
    }
}
