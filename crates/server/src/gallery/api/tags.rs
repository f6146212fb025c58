//! `/api/v1/repositories/<alias>/<repository>/-/tags`.

use super::listing;
use super::platform_document::PlatformDocument;
use crate::gallery::page::{Failure, Page};
use crate::gallery::route::Place;
use crate::gallery::urls;
use crate::gallery::visit::Visit;
use roadstead_model::gallery::{AttachedKinds, PlatformEntry, TagOrder, TagRow, Visibility};
use roadstead_model::timestamp::IsoTime;
use roadstead_model::{Tag, Timestamp};
use roadstead_registry::{PageStart, TagPlace, TagQuery};
use serde::Serialize;

const DEFAULT_LIMIT: usize = 100;
const MOST_ENTRIES: usize = 1000;

/// `Tags` in the description.
#[derive(Debug, Serialize)]
struct Document {
    tags: Vec<TagDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TagDocument {
    name: String,
    digest: String,
    media_type: String,
    kind: &'static str,
    visibility: &'static str,
    pushed_at: IsoTime,
    moved_at: IsoTime,
    size: u64,
    platforms: Vec<Entry>,
    same_as: Vec<String>,
    attached: Attached,
    #[serde(rename = "pulls30d")]
    recent_pulls: u64,
}

#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    platform: PlatformDocument,
    digest: String,
    size: u64,
}

#[derive(Debug, Serialize)]
struct Attached {
    signatures: bool,
    sboms: bool,
    provenance: bool,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let repository = visit.key(place).await?;
    let query = TagQuery {
        order: order(visit)?,
        filter: visit.member("q").unwrap_or_default(),
        with_hidden: visit.is_set("hidden"),
        from: visit.member("after").map_or(Ok(PageStart::Start), |after| position(&after))?,
        limit: listing::limit(visit, DEFAULT_LIMIT, MOST_ENTRIES)?,
    };
    let page = visit.installation().tag_list(&repository, &query).await?;
    let names: Vec<Tag> = page.rows.iter().map(|row| row.name.clone()).collect();
    let pulls = visit.installation().recent_pulls_of_tags(&repository, &names).await?;
    let next = page.next.map(|TagPlace { moved_at, name }| format!("{}:{name}", moved_at.micros()));
    let path = urls::api(&format!("/repositories/{place}/-/tags"));
    let document = Document {
        tags: page.rows.into_iter().zip(pulls).map(|(row, pulls)| document(row, pulls)).collect(),
        next: next.map(|position| listing::next(visit, path, &["q", "sort", "hidden", "limit"], &position)),
    };
    Ok(Page::json(&document))
}

fn order(visit: &Visit<'_>) -> Result<TagOrder, Failure> {
    let refuse = || Failure::BadRequest("'sort' must be newest, version or name.".to_owned());
    visit.member("sort").map_or(Ok(TagOrder::default()), |name| TagOrder::parse(&name).ok_or_else(refuse))
}

/// The place that `next` of another page names: a time in microseconds, a colon and a tag.
fn position(after: &str) -> Result<PageStart, Failure> {
    let place = after.split_once(':').and_then(|(time, name)| {
        let moved_at = Timestamp::from_micros(time.parse().ok()?);
        Some(TagPlace { moved_at, name: name.to_owned() })
    });
    place.map(PageStart::After).ok_or_else(listing::foreign_position)
}

fn document(row: TagRow, recent_pulls: u64) -> TagDocument {
    let AttachedKinds { signatures, sboms, provenance } = row.attached;
    TagDocument {
        name: row.name.to_string(),
        digest: row.digest.to_string(),
        media_type: row.media_type,
        kind: row.kind.name(),
        visibility: name_of(row.visibility),
        pushed_at: row.pushed_at.into(),
        moved_at: row.moved_at.into(),
        size: row.size,
        platforms: row.platforms.into_iter().map(entry).collect(),
        same_as: row.same_as.iter().map(Tag::to_string).collect(),
        attached: Attached { signatures, sboms, provenance },
        recent_pulls,
    }
}

fn name_of(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Listed => "listed",
        Visibility::Attached => "attached",
        Visibility::Hidden => "hidden",
    }
}

fn entry(PlatformEntry { platform, digest, size }: PlatformEntry) -> Entry {
    Entry { platform: platform.into(), digest: digest.to_string(), size }
}
