//! Commands that pull an image or another artifact, by client.

use super::kind::ArtifactKind;
use crate::digest::Digest;
use crate::name::{RegistryAlias, RepositoryName};
use crate::tag::{Reference, Tag};
use std::borrow::Cow;
use std::net::Ipv4Addr;

/// The clients that an artifact is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clients {
    /// Container images and their indexes.
    Image,
    /// Helm charts.
    Helm,
    /// WebAssembly components.
    Wasm,
    /// Kubernetes manifests that Flux applies.
    Flux,
    /// Models of Docker Model Runner.
    DockerModel,
    /// Models packed by KitOps.
    ModelKit,
    /// Models in the format of the CNCF ModelPack specification.
    ModelPack,
    /// Applications published by Docker Compose.
    Compose,
    /// Images in Apptainer's own format.
    Apptainer,
    /// Everything else: files.
    Oras,
}

impl Clients {
    /// The clients for a kind of artifact. Models of one kind have several clients, by their artifact type or config's media type.
    pub fn of(kind: ArtifactKind, media_type: Option<&str>) -> Self {
        let is = |beginning| kind == ArtifactKind::Model && media_type.is_some_and(|media_type| media_type.starts_with(beginning));
        if is("application/vnd.kitops.") {
            Self::ModelKit
        } else if is("application/vnd.cncf.model.") {
            Self::ModelPack
        } else if is("application/vnd.ollama.") {
            Self::Oras
        } else {
            kind.clients()
        }
    }
}

/// What is pulled, and where from.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The registry's host, and its port unless it is the default of the scheme.
    pub authority: &'a str,
    pub https: bool,
    pub alias: &'a RegistryAlias,
    pub repository: &'a RepositoryName,
    pub reference: &'a Reference,
    /// The digest that `reference` resolves to, if known.
    pub digest: Option<&'a Digest>,
}

/// A command, or a line of a file, with which a client pulls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullCommand {
    /// The name of the client, or of the file that the line belongs to.
    pub client: &'static str,
    /// One line for a POSIX shell, or for the file.
    pub text: String,
    /// What else the client needs.
    pub note: Option<&'static str>,
}

/// Returns the commands that pull `target`. The first one is the usual one.
pub fn pull_commands(clients: Clients, target: &Target<'_>) -> Vec<PullCommand> {
    match clients {
        Clients::Image => image(target),
        Clients::Helm => helm(target),
        Clients::Wasm => vec![wkg(target), oras(target)],
        Clients::Flux => vec![flux(target), oras(target)],
        Clients::DockerModel => vec![docker("docker model", &format!("docker model pull {}", target.word("")), target), oras(target)],
        Clients::ModelKit => vec![PullCommand::of_words("kit", &["kit pull", target.flag("--plain-http"), &target.word("")]), oras(target)],
        Clients::ModelPack => {
            vec![PullCommand::of_words("modctl", &["modctl pull", target.flag("--plain-http"), &target.word("")]), oras(target)]
        }
        Clients::Compose => {
            vec![docker("docker compose", &format!("docker compose -f {} up", target.word("oci://")), target), oras(target)]
        }
        Clients::Apptainer => vec![apptainer(target, "oras://"), oras(target)],
        Clients::Oras => vec![oras(target)],
    }
}

fn image(target: &Target<'_>) -> Vec<PullCommand> {
    let (word, name) = (target.word(""), target.short_name());
    // These clients use plain HTTP on the loopback interface unasked; podman, skopeo and Apptainer do not.
    let loopback_aware = |flag| if is_loopback(target.authority) { "" } else { target.flag(flag) };
    let directory = match target.reference {
        Reference::Tag(tag) => format!("oci:{name}:{tag}"),
        Reference::Digest(_) => format!("oci:{name}"),
    };
    let pinned = target.pinned();
    vec![
        docker("docker", &format!("docker pull {word}"), target),
        PullCommand::of_words("podman", &["podman pull", target.flag("--tls-verify=false"), &word]),
        PullCommand::of_words("nerdctl", &["nerdctl", loopback_aware("--insecure-registry"), "pull", &word]),
        PullCommand::of_words("crane", &["crane pull", loopback_aware("--insecure"), &word, &format!("{name}.tar")]),
        PullCommand::of_words("skopeo", &["skopeo copy", target.flag("--src-tls-verify=false"), &target.word("docker://"), &directory]),
        apptainer(target, "docker://"),
        docker("Dockerfile", &format!("FROM {pinned}"), target),
        PullCommand {
            client: "Kubernetes",
            text: format!("image: {}", if pinned.starts_with('[') { format!("\"{pinned}\"") } else { pinned }),
            note: target.plain().then_some("The container runtime of each node must list this address as an insecure registry."),
        },
    ]
}

/// Helm takes a chart by version or by digest. Any other tag is a range of versions for it.
fn helm(target: &Target<'_>) -> Vec<PullCommand> {
    let version = match target.reference {
        Reference::Tag(tag) => chart_version(tag),
        Reference::Digest(_) => None,
    };
    let (location, version) = match (version, target.by_digest()) {
        (Some(version), _) => (target.repository(), format!("--version {version}")),
        (None, Some(pinned)) => (pinned, String::new()),
        (None, None) => return vec![oras(target)],
    };
    let (location, flag) = (quoted(&format!("oci://{location}")).into_owned(), target.flag("--plain-http"));
    vec![
        PullCommand::of_words("helm", &["helm pull", &location, &version, flag]),
        PullCommand::of_words("helm install", &["helm install", &release_name(target.short_name()), &location, &version, flag]),
    ]
}

/// The version of the chart that Helm pushed with this tag. Helm writes a plus sign as an underscore, because tags have none.
///
/// Returns `None` if the tag is no semantic version.
fn chart_version(tag: &Tag) -> Option<String> {
    let core = tag.as_str().split(['-', '_']).next().unwrap_or_default();
    let core = core.strip_prefix('v').unwrap_or(core);
    let is_version = core.split('.').count() == 3 && core.split('.').all(|number| number.parse::<u64>().is_ok());
    is_version.then(|| tag.as_str().replace('_', "+"))
}

/// A name for a release of Helm: at most 53 characters of a DNS name.
fn release_name(repository: &str) -> String {
    let name: String = repository.chars().take(53).map(|letter| if letter == '_' { '-' } else { letter }).collect();
    name.trim_end_matches(['-', '.']).to_owned()
}

fn wkg(target: &Target<'_>) -> PullCommand {
    let flag = if target.plain() { format!("--insecure {}", quoted(target.authority)) } else { String::new() };
    PullCommand::of_words("wkg", &["wkg oci pull", &flag, &target.word(""), "-o", &format!("{}.wasm", target.short_name())])
}

fn flux(target: &Target<'_>) -> PullCommand {
    PullCommand::of_words("flux", &["flux pull artifact", target.flag("--insecure-registry"), &target.word("oci://"), "--output ."])
}

fn oras(target: &Target<'_>) -> PullCommand {
    PullCommand::of_words("oras", &["oras pull", target.flag("--plain-http"), &target.word("")])
}

fn apptainer(target: &Target<'_>, scheme: &str) -> PullCommand {
    PullCommand::of_words("apptainer", &["apptainer pull", target.flag("--no-https"), &target.word(scheme)])
}

/// A line for Docker, which takes no flag for plain HTTP.
fn docker(client: &'static str, line: &str, target: &Target<'_>) -> PullCommand {
    let note = (target.plain() && !is_loopback(target.authority))
        .then_some("Docker must list this address in insecure-registries of its daemon.json.");
    PullCommand { client, text: line.to_owned(), note }
}

impl PullCommand {
    /// Joins words of a shell. Empty ones are left out.
    pub(super) fn of_words(client: &'static str, words: &[&str]) -> Self {
        let words: Vec<_> = words.iter().copied().filter(|word| !word.is_empty()).collect();
        Self { client, text: words.join(" "), note: None }
    }
}

impl Target<'_> {
    /// The repository with its host, without a tag.
    pub fn repository(&self) -> String {
        format!("{}/{}/{}", self.authority, self.alias, self.repository)
    }

    /// The reference that clients take: the repository with the tag, otherwise with the digest.
    pub fn reference(&self) -> String {
        let separator = if matches!(self.reference, Reference::Tag(_)) { ':' } else { '@' };
        format!("{}{separator}{}", self.repository(), self.reference)
    }

    /// The reference that always yields the same image, with the tag for readers: `host/alias/name:1.0@sha256:…`.
    pub fn pinned(&self) -> String {
        match (self.reference, self.digest) {
            (Reference::Tag(_), Some(digest)) => format!("{}@{digest}", self.reference()),
            _ => self.reference(),
        }
    }

    /// The reference without the tag, if the digest is known: `host/alias/name@sha256:…`.
    pub fn by_digest(&self) -> Option<String> {
        let digest = match self.reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(_) => self.digest,
        };
        digest.map(|digest| format!("{}@{digest}", self.repository()))
    }

    /// The last component of the repository's name.
    fn short_name(&self) -> &str {
        self.repository.as_str().rsplit('/').next().unwrap_or_default()
    }

    fn plain(&self) -> bool {
        !self.https
    }

    /// `flag` if the client must be told to use plain HTTP.
    pub(super) fn flag(&self, flag: &'static str) -> &'static str {
        if self.https { "" } else { flag }
    }

    /// The reference after `scheme`, as one word of a shell.
    fn word(&self, scheme: &str) -> String {
        quoted(&format!("{scheme}{}", self.reference())).into_owned()
    }
}

/// Whether a registry is on the loopback interface, where many clients use plain HTTP unasked.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    host == "localhost" || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Quotes a word for a POSIX shell if it needs that. Names, tags and digests do not; the brackets of an IPv6 address do.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if word.bytes().all(plain) { Cow::Borrowed(word) } else { Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))) }
}

#[cfg(test)]
mod tests;
