//! The tags of a repository, in three orders, with a filter.

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::route::Place;
use super::urls;
use super::visit::Visit;
use askama::Template;
use roadstead_model::gallery::{ArtifactKind, AttachedKinds, TagOrder, TagRow, Visibility};
use roadstead_model::measure::beginning;
use roadstead_model::{Digest, Reference, Tag, Timestamp};
use roadstead_registry::{FILTERED_TAGS, PageStart, TagPage, TagPlace, TagQuery};

/// The number of tags on a page.
const TAGS: usize = 50;
/// The longest filter in bytes, which is that of a tag.
const LONGEST_FILTER: usize = 128;
/// The most platforms that a row names.
const MOST_PLATFORMS: usize = 4;

#[derive(Template)]
#[template(path = "tags/page.html")]
struct Tags<'a> {
    layout: Layout,
    place: &'a Place,
    tab: &'static str,
    listing: Listing<'a>,
    orders: Vec<Choice>,
    /// Shows or leaves out the tags that the owner hides.
    toggle: Option<Choice>,
    images: Vec<Image>,
    /// Images whose tags begin with the filter and that are on later pages.
    beginning: Vec<Image>,
    listed: u64,
    hidden: u64,
    previous: Option<String>,
    next: Option<String>,
    is_cut: bool,
}

/// What the address asks for.
struct Listing<'a> {
    place: &'a Place,
    filter: String,
    order: TagOrder,
    with_hidden: bool,
    from: PageStart,
}

/// A link that changes the listing.
struct Choice {
    label: String,
    url: String,
    is_chosen: bool,
}

/// A row: an image, and those of its tags that stand together.
struct Image {
    tags: Vec<Tag>,
    /// Other tags of the image.
    same_as: Vec<Tag>,
    is_hidden: bool,
    /// `None` for container images, as most are.
    kind: Option<ArtifactKind>,
    moved_at: Timestamp,
    platforms: Vec<String>,
    /// The platforms beyond those.
    more_platforms: Vec<String>,
    size: String,
    pulls: Option<u64>,
    attached: AttachedKinds,
    digest: Digest,
    /// What clients call the image.
    reference: String,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let (key, listing) = (visit.key(place).await?, Listing::of(visit, place)?);
    let mut page = visit.installation().tag_list(&key, &listing.query()).await?;
    let names: Vec<Tag> = page.rows.iter().map(|row| row.name.clone()).collect();
    // Without its statistics, the gallery works.
    if let Ok(pulls) = visit.installation().recent_pulls_of_tags(&key, &names).await {
        for (row, pulls) in page.rows.iter_mut().zip(pulls) {
            row.pulls_30d = Some(pulls);
        }
    }
    let is_first = listing.is_first();
    let page = Page::html(&Tags::new(visit, listing, page))?;
    Ok(if is_first { page } else { page.unlisted() })
}

impl<'a> Tags<'a> {
    fn new(visit: &Visit<'_>, listing: Listing<'a>, page: TagPage) -> Self {
        let place = listing.place;
        let TagPage { rows, beginning, previous, next, is_cut, listed, hidden } = page;
        let layout = visit.layout(format!("Tags of {place}")).canonical(&urls::tags(place)).feed(urls::repository_feed(place));
        Self {
            layout,
            place,
            tab: "tags",
            orders: TagOrder::ALL.into_iter().map(|order| listing.ordered(order)).collect(),
            toggle: (hidden > 0).then(|| listing.toggled(hidden)),
            images: images(visit, place, rows),
            beginning: images(visit, place, beginning),
            listed,
            hidden,
            previous: previous.map(|place| listing.url("before", &place)),
            next: next.map(|place| listing.url("after", &place)),
            is_cut,
            listing,
        }
    }
}

impl<'a> Listing<'a> {
    fn of(visit: &Visit<'_>, place: &'a Place) -> Result<Self, Failure> {
        let order = match visit.member("sort") {
            Some(name) => {
                TagOrder::parse(&name).ok_or_else(|| Failure::BadRequest("Tags are sorted by newest, version or name.".into()))?
            }
            None => TagOrder::default(),
        };
        let start = |member: &str| {
            let parse = |text: String| {
                TagPlace::parse(order, &text).ok_or_else(|| Failure::BadRequest(format!("“{member}” names no place in this list.")))
            };
            visit.member(member).map(parse).transpose()
        };
        let from = match (start("after")?, start("before")?) {
            (Some(place), _) => PageStart::After(place),
            (None, Some(place)) => PageStart::Before(place),
            (None, None) => PageStart::Start,
        };
        let filter = visit.member("q").map(|text| beginning(&text, LONGEST_FILTER).to_owned()).unwrap_or_default();
        Ok(Self { place, filter, order, with_hidden: visit.is_set("hidden"), from })
    }

    fn query(&self) -> TagQuery {
        let Self { filter, order, with_hidden, from, .. } = self;
        TagQuery { order: *order, filter: filter.clone(), with_hidden: *with_hidden, from: from.clone(), limit: TAGS }
    }

    /// Whether this is the page that the address of the list alone shows, in any order.
    fn is_first(&self) -> bool {
        self.filter.is_empty() && !self.with_hidden && self.from == PageStart::Start
    }

    /// The address of the beginning of the list.
    fn start(&self, order: TagOrder, with_hidden: bool, filter: &str) -> String {
        let sort = if order == TagOrder::default() { "" } else { order.name() };
        urls::with_query(urls::tags(self.place), &[("q", filter), ("sort", sort), ("hidden", if with_hidden { "1" } else { "" })])
    }

    /// The address of the list without a filter.
    fn unfiltered(&self) -> String {
        self.start(self.order, self.with_hidden, "")
    }

    /// The address of the page before or after a place.
    fn url(&self, member: &str, place: &TagPlace) -> String {
        urls::with_query(self.start(self.order, self.with_hidden, &self.filter), &[(member, &place.to_text(self.order))])
    }

    fn ordered(&self, order: TagOrder) -> Choice {
        let label = match order {
            TagOrder::Newest => "Newest",
            TagOrder::Version => "Version",
            TagOrder::Name => "Name",
        };
        Choice { label: label.to_owned(), url: self.start(order, self.with_hidden, &self.filter), is_chosen: order == self.order }
    }

    fn toggled(&self, hidden: u64) -> Choice {
        let label = if self.with_hidden { "Leave out hidden".to_owned() } else { format!("Show {} hidden", filters::count_text(hidden)) };
        Choice { label, url: self.start(self.order, !self.with_hidden, &self.filter), is_chosen: self.with_hidden }
    }

    /// What the links to the neighbouring pages are called.
    fn directions(&self) -> (&'static str, &'static str) {
        match self.order {
            TagOrder::Newest => ("Newer", "Older"),
            TagOrder::Version => ("Higher", "Lower"),
            TagOrder::Name => ("Previous", "Next"),
        }
    }

    /// Which tags a filter that stopped early has looked at.
    fn searched(&self) -> String {
        let number = filters::grouped(FILTERED_TAGS as u64);
        match (&self.from, self.order) {
            (PageStart::Start, TagOrder::Newest) => format!("the newest {number}"),
            (PageStart::Start, TagOrder::Version) => format!("the highest {number}"),
            (PageStart::Start, TagOrder::Name) => format!("the first {number}"),
            _ => format!("the next {number}"),
        }
    }
}

/// Puts neighbouring tags of one image together.
fn images(visit: &Visit<'_>, place: &Place, rows: Vec<TagRow>) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    for row in rows {
        match images.last_mut() {
            Some(image) if image.digest == row.digest && image.is_hidden == (row.visibility == Visibility::Hidden) => image.add(row),
            _ => images.push(Image::new(visit, place, row)),
        }
    }
    for image in &mut images {
        image.same_as.retain(|tag| !image.tags.contains(tag));
    }
    images
}

impl Image {
    fn new(visit: &Visit<'_>, place: &Place, row: TagRow) -> Self {
        let mut platforms = platforms(&row);
        let more_platforms = platforms.split_off(platforms.len().min(MOST_PLATFORMS));
        Self {
            is_hidden: row.visibility == Visibility::Hidden,
            kind: (row.kind != ArtifactKind::Image).then_some(row.kind),
            moved_at: row.moved_at,
            platforms,
            more_platforms,
            size: size(row.sizes()),
            pulls: row.pulls_30d,
            attached: row.attached,
            reference: urls::reference(visit.origin(), place, &Reference::Digest(row.digest.clone())),
            digest: row.digest,
            same_as: row.same_as,
            tags: vec![row.name],
        }
    }

    /// Adds another tag of the same image.
    fn add(&mut self, row: TagRow) {
        self.tags.push(row.name);
        self.pulls = self.pulls.zip(row.pulls_30d).map(|(sum, pulls)| sum.saturating_add(pulls));
    }
}

/// The platforms of an image, each once. Linux goes without saying.
fn platforms(row: &TagRow) -> Vec<String> {
    let mut platforms = Vec::new();
    for entry in &row.platforms {
        let name = entry.platform.to_string();
        let name = name.strip_prefix("linux/").unwrap_or(&name);
        if platforms.iter().all(|other| other != name) {
            platforms.push(name.to_owned());
        }
    }
    platforms
}

/// The sizes of the smallest and of the largest image: `66–72 MB`.
fn size((smallest, largest): (u64, u64)) -> String {
    let (smallest, largest) = (filters::size_text(smallest), filters::size_text(largest));
    match (smallest.rsplit_once('\u{a0}'), largest.rsplit_once('\u{a0}')) {
        _ if smallest == largest => largest,
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}–{largest}"),
        _ => format!("{smallest} – {largest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_sizes_has_one_unit_if_both_have_it() {
        let text = |smallest, largest| size((smallest, largest)).replace('\u{a0}', " ");
        assert_eq!(text(66_000_000, 72_000_000), "66–72 MB");
        assert_eq!(text(66_000_000, 66_200_000), "66 MB");
        assert_eq!(text(900_000, 1_200_000), "900 kB – 1.2 MB");
    }
}
