//! The differences between two images of a repository.

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::route::Place;
use super::urls;
use super::visit::Visit;
use askama::Template;
use roadstead_model::gallery::comparison::{Change, Comparison, Fate, LayerChange, Side};
use roadstead_model::gallery::excerpt::{Allowance, Excerpt};
use roadstead_model::gallery::image_config::steps;
use roadstead_model::gallery::visible_text::visible;
use roadstead_model::manifest::Descriptor;
use roadstead_model::{Digest, Reference, RepositoryKey};
use roadstead_registry::{Config, ImageView};
use std::collections::BTreeMap;

/// The text of publishers on the page in bytes.
const MOST_TEXT: usize = 128 << 10;

/// The most layers and changes that are shown, of each kind.
const MOST_ROWS: usize = 300;

#[derive(Template)]
#[template(path = "compare/page.html")]
struct ComparePage<'a> {
    layout: Layout,
    place: &'a Place,
    from: String,
    to: String,
    /// `None` until both images are named.
    differences: Option<Differences>,
}

/// What the page shows of two images.
struct Differences {
    from: ImageSide,
    to: ImageSide,
    is_same: bool,
    is_empty: bool,
    bytes_to_pull: u64,
    /// The platforms that both images have, with their addresses here, and whether it is the one that is compared.
    platforms: Vec<(String, String, bool)>,
    added_platforms: Vec<String>,
    removed_platforms: Vec<String>,
    layers: Excerpt<LayerRow>,
    /// Changed values by the title of their table.
    changes: Vec<(&'static str, Excerpt<ChangeRow>)>,
}

struct ImageSide {
    reference: String,
    href: String,
    digest: Digest,
    size: u64,
    /// Whether there is something to compare: an index may lack the platform.
    has_content: bool,
}

struct LayerRow {
    fate: Fate,
    instruction: String,
    size: u64,
    digest: Digest,
}

struct ChangeRow {
    name: String,
    from: Option<String>,
    to: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let key = visit.key(place).await?;
    let (from, to, platform) = (visit.member("from"), visit.member("to"), visit.member("platform"));
    let differences = match (&from, &to) {
        (Some(from), Some(to)) => Some(differences(visit, place, &key, [from, to], platform.as_deref()).await?),
        _ => None,
    };
    let shown = |name: &Option<String>| name.as_deref().map(|name| visible(name).into_owned()).unwrap_or_default();
    let title = format!("Compare images of {place}");
    let page = ComparePage { layout: visit.layout(title), place, from: shown(&from), to: shown(&to), differences };
    Ok(Page::html(&page)?.unlisted())
}

async fn differences(
    visit: &Visit<'_>,
    place: &Place,
    key: &RepositoryKey,
    names: [&str; 2],
    platform: Option<&str>,
) -> Result<Differences, Failure> {
    let [from, to] = [parse(names[0])?, parse(names[1])?];
    let old = visit.installation().image_view(key, &from, platform).await?;
    let new = visit.installation().image_view(key, &to, platform).await?;
    let mut allowance = Allowance::new(MOST_TEXT);
    let platforms = [platforms(&old), platforms(&new)];
    let (of_old, of_new) = (annotations(&old), annotations(&new));
    let comparison = Comparison::of(side(&old, &of_old, &platforms[0]), side(&new, &of_new, &platforms[1]));
    let tables = [
        ("Configuration", &comparison.config),
        ("Environment", &comparison.environment),
        ("Labels", &comparison.labels),
        ("Annotations", &comparison.annotations),
    ];
    let changed = tables.into_iter().filter(|(_, changes)| !changes.is_empty());
    let changes = changed.map(|(title, changes)| (title, change_rows(changes, &mut allowance))).collect();
    let chosen = new.chosen.as_ref().and_then(|chosen| chosen.platform.as_ref()).map(ToString::to_string);
    Ok(Differences {
        is_same: old.digest == new.digest,
        is_empty: comparison.is_empty(),
        bytes_to_pull: comparison.bytes_to_pull,
        platforms: common_platforms(place, names, &platforms, chosen.as_deref()),
        added_platforms: shown(&comparison.added_platforms),
        removed_platforms: shown(&comparison.removed_platforms),
        layers: layer_rows(&comparison.layers, &old, &new, &mut allowance),
        changes,
        from: ImageSide::new(place, &from, &old),
        to: ImageSide::new(place, &to, &new),
    })
}

fn parse(name: &str) -> Result<Reference, Failure> {
    Reference::parse(name).map_err(|error| Failure::BadRequest(format!("{}: {error}.", visible(name))))
}

impl ImageSide {
    fn new(place: &Place, reference: &Reference, view: &ImageView) -> Self {
        Self {
            reference: reference.to_string(),
            href: urls::image(place, reference),
            digest: view.content_digest().clone(),
            size: view.content().map_or(view.size, |manifest| manifest.content_size()),
            has_content: view.content().is_some(),
        }
    }
}

impl Differences {
    fn sides(&self) -> [&ImageSide; 2] {
        [&self.from, &self.to]
    }

    /// The difference of the sizes, with its sign and without.
    fn growth(&self) -> (&'static str, u64) {
        (if self.to.size >= self.from.size { "+" } else { "−" }, self.to.size.abs_diff(self.from.size))
    }
}

fn side<'a>(view: &'a ImageView, annotations: &'a BTreeMap<String, String>, platforms: &'a [String]) -> Side<'a> {
    let config = if let Config::Image(config) = &view.config { Some(&**config) } else { None };
    Side { layers: layers(view), config, annotations, platforms }
}

fn layers(view: &ImageView) -> &[Descriptor] {
    view.content().map_or(&[], |manifest| &manifest.layers)
}

/// The annotations of the index and of the image.
fn annotations(view: &ImageView) -> BTreeMap<String, String> {
    let manifests = view.content().into_iter().chain(view.manifest.as_ref());
    manifests.flat_map(|manifest| manifest.annotations.clone()).collect()
}

fn platforms(view: &ImageView) -> Vec<String> {
    view.entries.iter().filter_map(|entry| entry.platform.as_ref()).map(ToString::to_string).collect()
}

fn shown(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| visible(text).into_owned()).collect()
}

fn common_platforms(
    place: &Place,
    [from, to]: [&str; 2],
    platforms: &[Vec<String>; 2],
    chosen: Option<&str>,
) -> Vec<(String, String, bool)> {
    let common = platforms[1].iter().filter(|platform| platforms[0].contains(platform));
    let address = |platform: &str| urls::with_query(urls::compare(place), &[("from", from), ("to", to), ("platform", platform)]);
    common.map(|platform| (visible(platform).into_owned(), address(platform), chosen == Some(platform.as_str()))).collect()
}

fn layer_rows(changes: &[LayerChange], old: &ImageView, new: &ImageView, allowance: &mut Allowance) -> Excerpt<LayerRow> {
    let instructions = [instructions(old), instructions(new)];
    let images = [layers(old), layers(new)];
    let rows: Vec<_> = changes
        .iter()
        .filter_map(|change| {
            let image = usize::from(change.fate != Fate::Removed);
            Some((change.fate, images[image].get(change.number)?, instructions[image].get(&change.number)))
        })
        .collect();
    allowance.list(MOST_ROWS, rows.into_iter(), |allowance, (fate, layer, instruction)| LayerRow {
        fate,
        instruction: instruction.map(|text| allowance.text(text)).unwrap_or_default(),
        size: layer.size,
        digest: layer.digest.clone(),
    })
}

/// The instructions that produced the layers, by their numbers.
fn instructions(view: &ImageView) -> BTreeMap<usize, String> {
    let history = if let Config::Image(config) = &view.config { &config.history[..] } else { &[] };
    steps(history, layers(view).len()).into_iter().filter_map(|step| Some((step.layer?, step.instruction?))).collect()
}

fn change_rows(changes: &[Change], allowance: &mut Allowance) -> Excerpt<ChangeRow> {
    allowance.list(MOST_ROWS, changes.iter(), |allowance, change| ChangeRow {
        name: allowance.text(&change.name),
        from: change.from.as_deref().map(|text| allowance.text(text)),
        to: change.to.as_deref().map(|text| allowance.text(text)),
    })
}
