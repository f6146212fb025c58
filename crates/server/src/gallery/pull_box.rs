//! The box with the commands that pull a repository's image: the usual one on top, those of other clients folded.

use super::route::Place;
use crate::config::Origin;
use askama::Template;
use roadstead_model::gallery::pull_command::{Clients, PullCommand, Target, pull_commands};
use roadstead_model::{Digest, Reference};

/// A template in a template: `{{ pull_box|safe }}`. A page has at most one, because of the ids in it.
#[derive(Debug, Clone, Template)]
#[template(path = "pull_box/box.html")]
pub(super) struct PullBox {
    /// The usual one first.
    commands: Vec<PullCommand>,
    /// The usual one by digest, if the box shows it.
    pinned: Option<PullCommand>,
}

impl PullBox {
    /// The commands for `reference`, which resolves to `digest`.
    pub(super) fn new(origin: &Origin, place: &Place, reference: &Reference, digest: Option<&Digest>, clients: Clients) -> Self {
        Self { commands: pull_commands(clients, &target(origin, place, reference, digest)), pinned: None }
    }

    /// Adds the usual command by digest, for those who want exactly this image.
    pub(super) fn pinned(self, origin: &Origin, place: &Place, digest: &Digest, clients: Clients) -> Self {
        let reference = Reference::Digest(digest.clone());
        let pinned = pull_commands(clients, &target(origin, place, &reference, None)).into_iter().next();
        Self { pinned, ..self }
    }

    /// The names of the other clients: `podman, nerdctl, crane`.
    fn other_clients(&self) -> String {
        let names: Vec<_> = self.commands.iter().skip(1).map(|command| command.client).collect();
        names.join(", ")
    }
}

/// What clients of `origin` pull.
pub(super) fn target<'a>(origin: &'a Origin, place: &'a Place, reference: &'a Reference, digest: Option<&'a Digest>) -> Target<'a> {
    Target {
        authority: &origin.authority,
        https: origin.scheme == "https",
        alias: &place.alias,
        repository: &place.repository,
        reference,
        digest,
    }
}
