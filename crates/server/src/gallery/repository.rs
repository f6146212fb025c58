//! A repository: what to pull, what it is, and the texts of its owner.

use super::filters;
use super::layout::Layout;
use super::links::Links;
use super::page::{Failure, Page};
use super::pull_box::PullBox;
use super::route::Place;
use super::urls;
use super::visit::Visit;
use crate::quick_start;
use askama::Template;
use roadstead_model::gallery::annotation::{self, WellKnown};
use roadstead_model::gallery::link::web_address;
use roadstead_model::gallery::plain_text::one_line;
use roadstead_model::gallery::pull_command::Clients;
use roadstead_model::gallery::{FeaturedTag, PlatformEntry, TagRow};
use roadstead_model::{Reference, Tag, Timestamp};
use roadstead_registry::{Heading, Prose, PullTotals, RepositoryView, TextKind};

/// The longest texts of publishers in the head of the page, in characters.
const LONGEST_DESCRIPTION: usize = 300;
const LONGEST_NAME: usize = 80;
/// The most platforms that are named.
const MOST_PLATFORMS: usize = 12;
/// The deepest heading in the table of contents.
const DEEPEST_HEADING: u8 = 3;

#[derive(Template)]
#[template(path = "repository/page.html")]
struct RepositoryPage<'a> {
    layout: Layout,
    place: &'a Place,
    tab: &'static str,
    logo: Option<String>,
    /// The name of a verified publisher.
    publisher: Option<String>,
    description: Option<String>,
    kind: Option<&'static str>,
    links: Vec<Link>,
    licence: Option<String>,
    deprecation: Option<Deprecation>,
    pull_box: Option<PullBox>,
    /// Other tags of the featured image.
    same_as: &'a [Tag],
    /// How to push, for a repository without a listed tag.
    push_commands: Vec<String>,
    pulls: PullTotals,
    listed_tags: u64,
    hidden_tags: u64,
    updated_at: Option<Timestamp>,
    created_at: Timestamp,
    featured: Option<&'a TagRow>,
    platforms: Vec<PlatformChip>,
    platforms_left_out: usize,
    prose: Option<&'a Prose>,
    contents: Vec<&'a Heading>,
}

struct Link {
    label: &'static str,
    target: String,
}

/// What the owner says of the deprecation.
struct Deprecation {
    text: String,
    /// The repository to use instead, if that is all that the owner says.
    successor: Option<Place>,
}

/// A platform of the featured image or, without one, of the owner's declaration.
struct PlatformChip {
    name: String,
    size: Option<u64>,
    target: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    view(visit, place, TextKind::About).await
}

/// The page with one of the texts.
pub(super) async fn view(visit: &Visit<'_>, place: &Place, text: TextKind) -> Result<Page, Failure> {
    let key = visit.key(place).await?;
    let (view, prose) = visit.installation().repository_view(&key, text).await?;
    let pulls = visit.installation().pull_totals(&key).await?;
    let featured = view.featured.tag.as_ref();
    let known = featured.map(|featured| annotation::well_known(&[&featured.annotations])).unwrap_or_default();
    let (platforms, platforms_left_out) = platforms(place, &view, featured.map(|featured| &featured.row));
    let description = description(&view, &known);
    let page = RepositoryPage {
        layout: layout(visit, place, &view, text, description.as_deref()),
        place,
        tab: if text == TextKind::About { "about" } else { "usage" },
        logo: view.logo_name.as_deref().map(urls::logo),
        publisher: view.verified.then(|| view.display_name.as_deref().map_or("Verified".to_owned(), |name| one_line(name, LONGEST_NAME))),
        description,
        kind: featured.map(|featured| featured.row.kind.label()),
        links: links(&view, &known),
        licence: licence(&view, &known),
        deprecation: view.settings.deprecated.as_deref().map(Deprecation::of),
        pull_box: featured.map(|featured| pull_box(visit, place, featured)),
        same_as: featured.map(|featured| &*featured.row.same_as).unwrap_or_default(),
        push_commands: push_commands(visit, place),
        pulls,
        listed_tags: view.listed_tags,
        hidden_tags: view.hidden_tags,
        updated_at: view.featured.updated_at,
        created_at: view.created_at,
        featured: featured.map(|featured| &featured.row),
        platforms,
        platforms_left_out,
        prose: prose.as_ref(),
        contents: prose.iter().flat_map(|prose| &prose.contents).filter(|heading| heading.level <= DEEPEST_HEADING).collect(),
    };
    Page::html(&page)
}

fn layout(visit: &Visit<'_>, place: &Place, view: &RepositoryView, text: TextKind, description: Option<&str>) -> Layout {
    let primary = Place { alias: view.alias.clone(), repository: place.repository.clone() };
    let (title, path) = match text {
        TextKind::About => (place.to_string(), urls::repository(&primary)),
        TextKind::Usage => (format!("How to use {place}"), urls::usage(&primary)),
    };
    let layout = visit.layout(title).canonical(&path).feed(urls::repository_feed(place)).described(description.unwrap_or_default());
    match &view.logo_name {
        Some(name) => layout.picture(&urls::logo(name)),
        None => layout,
    }
}

/// The short description: that of the owner, otherwise that of the featured image.
fn description(view: &RepositoryView, known: &[WellKnown<'_>]) -> Option<String> {
    let own = view.description.as_deref().filter(|text| !text.trim().is_empty());
    own.or_else(|| value(known, "Description")).map(|text| one_line(text, LONGEST_DESCRIPTION))
}

fn value<'a>(known: &[WellKnown<'a>], label: &str) -> Option<&'a str> {
    known.iter().find(|annotation| annotation.label == label).map(|annotation| annotation.value)
}

fn links(view: &RepositoryView, known: &[WellKnown<'_>]) -> Vec<Link> {
    let Links { source, documentation, homepage } = Links::new(&view.settings, view.featured.tag.as_ref());
    let readme = value(known, "README").and_then(web_address).map(str::to_owned);
    let all = [("Source", source), ("Documentation", documentation), ("Website", homepage), ("README", readme)];
    all.into_iter().filter_map(|(label, target)| Some(Link { label, target: target? })).collect()
}

fn licence(view: &RepositoryView, known: &[WellKnown<'_>]) -> Option<String> {
    let text = view.settings.license.as_deref().or_else(|| value(known, "Licence"));
    text.map(|text| format!("Licence {}", one_line(text, LONGEST_NAME)))
}

fn pull_box(visit: &Visit<'_>, place: &Place, featured: &FeaturedTag) -> PullBox {
    let row = &featured.row;
    let reference = Reference::Tag(row.name.clone());
    PullBox::new(visit.origin(), place, &reference, Some(&row.digest), Clients::of(row.kind, None))
}

fn push_commands(visit: &Visit<'_>, place: &Place) -> Vec<String> {
    let name = urls::name(visit.origin(), place);
    let [login, ..] = quick_start::commands(visit.origin(), &place.alias, "");
    vec![login, format!("docker tag my-image {name}:1.0"), format!("docker push {name}:1.0")]
}

/// The platforms of the featured image, or those that the owner declares. Returns also how many are left out.
fn platforms(place: &Place, view: &RepositoryView, featured: Option<&TagRow>) -> (Vec<PlatformChip>, usize) {
    let observed = featured.map(|row| row.platforms.iter().map(|entry| PlatformChip::of(place, row, entry)).collect()).unwrap_or_default();
    let declared = || {
        let names = view.operating_systems.iter().chain(&view.architectures);
        names.map(|name| PlatformChip { name: one_line(name, LONGEST_NAME), size: None, target: None }).collect()
    };
    let mut chips: Vec<PlatformChip> = if featured.is_none_or(|row| row.platforms.is_empty()) { declared() } else { observed };
    let left_out = chips.len().saturating_sub(MOST_PLATFORMS);
    chips.truncate(MOST_PLATFORMS);
    (chips, left_out)
}

impl PlatformChip {
    fn of(place: &Place, row: &TagRow, entry: &PlatformEntry) -> Self {
        let name = entry.platform.to_string();
        let image = urls::tagged(place, row.name.as_str());
        let target = urls::with_query(image, &[("platform", &name)]);
        Self { name: one_line(&name, LONGEST_NAME), size: Some(entry.size), target: Some(target) }
    }
}

impl Deprecation {
    fn of(text: &str) -> Self {
        Self { text: one_line(text, LONGEST_DESCRIPTION), successor: Place::parse(text) }
    }
}
