//! The page of one image, chart or other artifact. Its address is the image reference.

mod attached;
mod fact;
mod facts;
mod files;
mod layers;
mod platforms;

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::pull_box::PullBox;
use super::route::Place;
use super::urls;
use super::visit::Visit;
use askama::Template;
use attached::{AttachedRow, Check};
use fact::Fact;
use files::FileRow;
use layers::LayerRow;
use platforms::PlatformRow;
use roadstead_model::gallery::annotation::{self, WellKnown};
use roadstead_model::gallery::attachment::AttachmentKind;
use roadstead_model::gallery::excerpt::{Allowance, Excerpt};
use roadstead_model::gallery::pull_command::Clients;
use roadstead_model::gallery::version;
use roadstead_model::gallery::visible_text::visible;
use roadstead_model::{Digest, Reference, Tag};
use roadstead_registry::{Config, ImageView};
use std::collections::BTreeMap;

/// The text of publishers on the page in bytes. A page of a large image has some 20 KiB.
const MOST_TEXT: usize = 128 << 10;

/// The most labels and annotations shown, each.
const MOST_LABELS: usize = 200;

#[derive(Template)]
#[template(path = "image/page.html")]
struct ImagePage<'a> {
    layout: Layout,
    place: &'a Place,
    reference: &'a Reference,
    view: &'a ImageView,
    pull_box: PullBox,
    /// The exact version among the tags of the same image: `latest` is 1.27.3.
    exact: Option<&'a Tag>,
    media_type: String,
    description: Option<String>,
    is_deprecated: bool,
    signed: bool,
    /// The platform whose content is shown.
    platform: Option<String>,
    platforms: Vec<PlatformRow>,
    /// What the artifact says of itself: well-known annotations, or the facts of a chart or a component.
    about: Vec<Fact>,
    layers: Excerpt<LayerRow>,
    /// The bytes of all layers.
    layers_size: u64,
    files: Excerpt<FileRow>,
    settings: Vec<Fact>,
    labels: Excerpt<(String, String)>,
    annotations: Excerpt<(String, String)>,
    attached: Vec<AttachedRow>,
    checks: Vec<Check>,
    /// Other listed tags of the same image.
    same_as: Vec<&'a Tag>,
    /// The digest of the config.
    config: Option<&'a Digest>,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place, reference: &Reference) -> Result<Page, Failure> {
    let key = visit.key(place).await?;
    let wanted = visit.member("platform");
    let view = visit.installation().image_view(&key, reference, wanted.as_deref()).await?;
    if wanted.is_some() && view.is_index() && view.chosen.is_none() {
        return Err(Failure::NotFound);
    }
    let path = urls::image(place, reference);
    let title = path.strip_prefix('/').unwrap_or(&path).to_owned();
    let primary = Place { alias: visit.installation().primary_alias(&key.registry).await?, repository: place.repository.clone() };
    let layout = visit.layout(title).canonical(&urls::image(&primary, reference)).feed(urls::repository_feed(place));
    let page = ImagePage::new(visit, place, reference, &view, layout);
    let page = Page::html(&page)?;
    // Search engines list the tags; digests repeat them.
    Ok(if matches!(reference, Reference::Digest(_)) || wanted.is_some() { page.unlisted() } else { page })
}

impl<'a> ImagePage<'a> {
    fn new(visit: &Visit<'_>, place: &'a Place, reference: &'a Reference, view: &'a ImageView, layout: Layout) -> Self {
        let mut allowance = Allowance::new(MOST_TEXT);
        let (content, none) = (view.content(), BTreeMap::new());
        let own = view.manifest.as_ref().map_or(&none, |manifest| &manifest.annotations);
        let of_content = content.map_or(&none, |manifest| &manifest.annotations);
        let labels = if let Config::Image(config) = &view.config { &config.labels } else { &none };
        let known = annotation::well_known(&[own, of_content, labels]);
        let description = described(&known, view).map(|text| allowance.text(text));
        let layers = layers::rows(view, &mut allowance);
        let (attached, checks) = attached::rows(view, visit.origin(), place, &mut allowance);
        let annotations: BTreeMap<_, _> = of_content.iter().chain(own).collect();
        Self {
            pull_box: pull_box(visit, place, reference, view),
            exact: exact(reference, &view.tags),
            media_type: visible(&view.media_type).into_owned(),
            is_deprecated: matches!(&view.config, Config::Chart(chart) if chart.deprecated),
            signed: view.attached.iter().any(|row| row.kind == AttachmentKind::Signature),
            platform: view
                .chosen
                .as_ref()
                .and_then(|chosen| chosen.platform.as_ref())
                .map(|platform| visible(&platform.to_string()).into_owned()),
            platforms: platforms::rows(view, place),
            about: facts::about(view, &known, &mut allowance),
            layers,
            layers_size: layers::total(view),
            files: files::rows(view, &mut allowance),
            settings: facts::settings(view, &mut allowance),
            labels: pairs(&mut allowance, labels.iter()),
            annotations: pairs(&mut allowance, annotations.into_iter()),
            attached,
            checks,
            same_as: view.tags.iter().filter(|tag| !matches!(reference, Reference::Tag(own) if own == *tag)).collect(),
            config: content.and_then(|manifest| manifest.config.as_ref()).map(|config| &config.digest),
            layout: match &description {
                Some(text) => layout.described(text.clone()),
                None => layout,
            },
            description,
            place,
            reference,
            view,
        }
    }

    /// The reference after the repository's name: `:1.27.3`, `@sha256:…`.
    fn suffix(&self) -> String {
        match self.reference {
            Reference::Tag(tag) => format!(":{tag}"),
            Reference::Digest(digest) => format!("@{digest}"),
        }
    }
}

fn pull_box(visit: &Visit<'_>, place: &Place, reference: &Reference, view: &ImageView) -> PullBox {
    let media_type = view.manifest.as_ref().and_then(|manifest| manifest.artifact_media_type());
    let (origin, clients) = (visit.origin(), Clients::of(view.kind, media_type));
    let commands = PullBox::new(origin, place, reference, Some(&view.digest), clients);
    match reference {
        Reference::Tag(_) => commands.pinned(origin, place, &view.digest, clients),
        Reference::Digest(_) => commands,
    }
}

fn described<'v>(known: &[WellKnown<'v>], view: &'v ImageView) -> Option<&'v str> {
    let of_chart = if let Config::Chart(chart) = &view.config { chart.description.as_deref() } else { None };
    of_chart.or_else(|| known.iter().find(|known| known.label == "Description").map(|known| known.value))
}

/// The exact version of a tag such as `latest` or `1.27`, from the other tags of the same image, the highest version first.
fn exact<'t>(reference: &Reference, tags: &'t [Tag]) -> Option<&'t Tag> {
    let Reference::Tag(own) = reference else { return None };
    let numbers = |tag: &Tag| if version::is_stable(tag.as_str()) { tag.as_str().split('.').count() } else { 0 };
    let best = tags.iter().rev().max_by_key(|tag| numbers(tag))?;
    (numbers(best) > numbers(own)).then_some(best)
}

fn pairs<'p>(allowance: &mut Allowance, pairs: impl ExactSizeIterator<Item = (&'p String, &'p String)>) -> Excerpt<(String, String)> {
    allowance.list(MOST_LABELS, pairs, |allowance, (name, value)| (allowance.text(name), allowance.text(value)))
}

#[cfg(test)]
mod tests;
