//! The list of a repository's tags, in three orders, with a filter. Each page is a range of an index, or two.

use crate::error::Result;
use crate::gallery::tag_rows::tag_columns;
use crate::installation::Installation;
use crate::metadata::{Parameter, Sql, Tx, Value, params, statements};
use crate::repository_row;
use roadstead_model::gallery::{TagOrder, TagRow, Visibility, version};
use roadstead_model::{RepositoryKey, Tag, Timestamp};
use std::cmp::Ordering;

/// A page of the tags of one visibility: at most ?7 of the ?5 tags after a place whose names match a pattern.
macro_rules! page {
    ($place:literal, $after:literal, $order:literal, $direction:literal) => {
        concat!(
            "SELECT ",
            tag_columns!(),
            " FROM (SELECT near.name, near.place FROM (SELECT name, ",
            $place,
            " AS place FROM tag
                WHERE repository_id = ?1 AND visibility = ?2 AND ",
            $after,
            " ORDER BY ",
            $order,
            " LIMIT ?5) AS near
            WHERE LOWER(near.name) LIKE ?6 ESCAPE '\\' ORDER BY near.place ",
            $direction,
            ", near.name ",
            $direction,
            " LIMIT ?7) AS found
            JOIN tag t ON t.repository_id = ?1 AND t.name = found.name JOIN manifest m ON m.id = t.manifest_id
            LEFT JOIN manifest_summary s ON s.manifest_id = m.id ORDER BY found.place ",
            $direction,
            ", found.name ",
            $direction
        )
    };
}

/// The last of the ?5 + 1 tags of one visibility after a place.
macro_rules! end {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT t.created_at, t.name FROM (SELECT name FROM tag WHERE repository_id = ?1 AND visibility = ?2 AND ",
            $after,
            "
                ORDER BY ",
            $order,
            " LIMIT 1 OFFSET ?5) AS last
            JOIN tag t ON t.repository_id = ?1 AND t.name = last.name"
        )
    };
}

statements! {
    SELECT_COUNTS = "SELECT listed_tags, hidden_tags FROM repository WHERE id = ?1";
    SELECT_OLDER = page!("created_at", "(created_at, name) < (?3, ?4)", "created_at DESC, name DESC", "DESC");
    SELECT_NEWER = page!("created_at", "(created_at, name) > (?3, ?4)", "created_at, name", "ASC");
    SELECT_LOWER = page!("version_key", "(version_key, name) < (?3, ?4)", "version_key DESC, name DESC", "DESC");
    SELECT_HIGHER = page!("version_key", "(version_key, name) > (?3, ?4)", "version_key, name", "ASC");
    // In this order, both parameters are the name.
    SELECT_AFTER = page!("name", "name > ?4 AND ?3 = ?4", "name", "ASC");
    SELECT_BEFORE = page!("name", "name < ?4 AND ?3 = ?4", "name DESC", "DESC");
    SELECT_OLDER_END = end!("(created_at, name) < (?3, ?4)", "created_at DESC, name DESC");
    SELECT_LOWER_END = end!("(version_key, name) < (?3, ?4)", "version_key DESC, name DESC");
    SELECT_AFTER_END = end!("name > ?4 AND ?3 = ?4", "name");
    SELECT_BEGINNING = concat!("SELECT ", tag_columns!(), " FROM (SELECT name FROM tag
            WHERE repository_id = ?1 AND visibility = ?2 AND name >= ?3 AND name < ?4 ORDER BY name LIMIT ?5) AS found
        JOIN tag t ON t.repository_id = ?1 AND t.name = found.name JOIN manifest m ON m.id = t.manifest_id
        LEFT JOIN manifest_summary s ON s.manifest_id = m.id ORDER BY t.name");
}

/// The most tags of a page.
pub const MOST_TAGS: usize = 1000;

/// The number of tags that a filter looks at for one page.
pub const FILTERED_TAGS: usize = 20_000;

/// The most tags that are found by the beginning of their names beside a page.
const MOST_BEGINNING: usize = 20;

/// Comes after every byte of a tag and of a version key.
const LAST: &str = "~";

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct TagQuery {
    pub order: TagOrder,
    /// A part of the names, whose case is ignored. Empty for all tags.
    pub filter: String,
    /// Whether to list the tags that the owner hides, too.
    pub with_hidden: bool,
    pub from: PageStart,
    /// The number of tags, at most [`MOST_TAGS`].
    pub limit: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PageStart {
    #[default]
    Start,
    After(TagPlace),
    /// Ends before a place. A filter ignores it.
    Before(TagPlace),
}

/// A place in a list, of a tag that need not exist any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPlace {
    /// Ignored unless the newest tags are listed first.
    pub moved_at: Timestamp,
    pub name: String,
}

impl TagPlace {
    /// How addresses name a place: by the tag, and by its time where the newest are first, because that changes.
    pub fn to_text(&self, order: TagOrder) -> String {
        match order {
            TagOrder::Newest => format!("{}{LAST}{}", self.moved_at.micros(), self.name),
            TagOrder::Version | TagOrder::Name => self.name.clone(),
        }
    }

    /// Parses [`Self::to_text`].
    pub fn parse(order: TagOrder, text: &str) -> Option<Self> {
        let (time, name) = match order {
            TagOrder::Newest => text.split_once(LAST)?,
            TagOrder::Version | TagOrder::Name => ("0", text),
        };
        let moved_at = Timestamp::from_micros(time.parse().ok()?);
        Tag::parse(name).ok().map(|name| Self { moved_at, name: name.to_string() })
    }
}

/// A page of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPage {
    pub rows: Vec<TagRow>,
    /// Tags whose names begin with the filter and that are not among `rows`, if there are further pages.
    pub beginning: Vec<TagRow>,
    /// The place before which the previous page ends. `None` on the first page, and with a filter.
    pub previous: Option<TagPlace>,
    /// The place after which the next page begins.
    pub next: Option<TagPlace>,
    /// Whether the filter looked at [`FILTERED_TAGS`] tags without filling the page.
    pub is_cut: bool,
    /// The numbers of listed and of hidden tags of the repository.
    pub listed: u64,
    pub hidden: u64,
}

/// The key of a place in an index.
enum Key {
    Time(Timestamp),
    Text(String),
}

impl Parameter for Key {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Time(time) => time.value(),
            Self::Text(text) => text.value(),
        }
    }
}

/// One page to read.
struct Reader<'a> {
    repository: i64,
    query: &'a TagQuery,
    limit: usize,
    pattern: String,
    select: &'static Sql,
    /// `None` if the page is read backwards.
    select_end: Option<&'static Sql>,
    key: Key,
    name: String,
}

impl Installation {
    /// A page of the tags of a repository that the gallery lists.
    pub async fn tag_list(&self, repository: &RepositoryKey, query: &TagQuery) -> Result<TagPage> {
        let read = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            let (listed, hidden) = tx.query_one(&SELECT_COUNTS, params![id]).await?.unwrap_or((0, 0));
            let mut page = Reader::new(id, query).read(tx).await?;
            (page.listed, page.hidden) = (listed, hidden);
            Ok(page)
        };
        self.0.metadata.scan(read).await
    }
}

impl<'a> Reader<'a> {
    fn new(repository: i64, query: &'a TagQuery) -> Self {
        let is_filtered = !query.filter.is_empty();
        let (place, backwards) = match &query.from {
            PageStart::After(place) => (Some(place), false),
            PageStart::Before(place) if !is_filtered => (Some(place), true),
            PageStart::Before(_) | PageStart::Start => (None, false),
        };
        let (select, select_end) = match (query.order, backwards) {
            (TagOrder::Newest, false) => (&SELECT_OLDER, Some(&SELECT_OLDER_END)),
            (TagOrder::Newest, true) => (&SELECT_NEWER, None),
            (TagOrder::Version, false) => (&SELECT_LOWER, Some(&SELECT_LOWER_END)),
            (TagOrder::Version, true) => (&SELECT_HIGHER, None),
            (TagOrder::Name, false) => (&SELECT_AFTER, Some(&SELECT_AFTER_END)),
            (TagOrder::Name, true) => (&SELECT_BEFORE, None),
        };
        let (key, name) = start(query.order, place);
        let limit = query.limit.clamp(1, MOST_TAGS);
        Self { repository, query, limit, pattern: pattern(&query.filter), select, select_end, key, name }
    }

    async fn read(&self, tx: &mut Tx<'_>) -> Result<TagPage> {
        let mut rows = self.rows(tx, Visibility::Listed).await?;
        if self.query.with_hidden {
            rows.extend(self.rows(tx, Visibility::Hidden).await?);
            rows.sort_by(|one, other| self.compare(one, other));
        }
        let mut cut = None;
        if rows.len() <= self.limit && !self.query.filter.is_empty() {
            cut = self.end(tx).await?;
            if let Some(end) = &cut {
                rows.retain(|row| self.compare_place(&place(row), end) != Ordering::Greater);
            }
        }
        let mut page = self.page(rows, cut);
        if matches!(self.query.from, PageStart::Start) && page.next.is_some() && !self.query.filter.is_empty() {
            page.beginning = self.beginning(tx, &page.rows).await?;
        }
        Ok(page)
    }

    /// The next tags of a visibility, one more than the page has.
    async fn rows(&self, tx: &mut Tx<'_>, visibility: Visibility) -> Result<Vec<TagRow>> {
        let (repository, limit) = (self.repository, self.limit + 1);
        let near = if self.query.filter.is_empty() { limit } else { FILTERED_TAGS };
        tx.query(self.select, params![repository, visibility, self.key, self.name, near, self.pattern, limit]).await
    }

    /// The place up to which the filter looked, if it did not look at all tags.
    async fn end(&self, tx: &mut Tx<'_>) -> Result<Option<TagPlace>> {
        let Some(select) = self.select_end else { return Ok(None) };
        let visibilities = if self.query.with_hidden { &[Visibility::Listed, Visibility::Hidden][..] } else { &[Visibility::Listed] };
        let mut first: Option<TagPlace> = None;
        for visibility in visibilities {
            let parameters = params![self.repository, visibility, self.key, self.name, FILTERED_TAGS - 1];
            if let Some((moved_at, name)) = tx.query_one(select, parameters).await? {
                let end = TagPlace { moved_at, name };
                first = Some(first.filter(|first| self.compare_place(first, &end) == Ordering::Less).unwrap_or(end));
            }
        }
        Ok(first)
    }

    /// Tags that begin with the filter and are not among `rows`.
    async fn beginning(&self, tx: &mut Tx<'_>, rows: &[TagRow]) -> Result<Vec<TagRow>> {
        let (filter, end) = (&self.query.filter, format!("{}{LAST}", self.query.filter));
        let limit = MOST_BEGINNING + rows.len().min(self.limit);
        let mut found: Vec<TagRow> = tx.query(&SELECT_BEGINNING, params![self.repository, Visibility::Listed, filter, end, limit]).await?;
        found.retain(|row| rows.iter().all(|other| other.name != row.name));
        found.truncate(MOST_BEGINNING);
        Ok(found)
    }

    /// Turns what was read into a page.
    fn page(&self, mut rows: Vec<TagRow>, cut: Option<TagPlace>) -> TagPage {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let backwards = self.select_end.is_none();
        if backwards {
            rows.reverse();
        }
        let first = rows.first().map(place).filter(|_| self.query.filter.is_empty());
        let last = rows.last().map(place);
        let (previous, next) = match (&self.query.from, backwards) {
            (_, true) => (first.filter(|_| more), last),
            (PageStart::Start, false) => (None, last.filter(|_| more)),
            (_, false) => (first, last.filter(|_| more)),
        };
        TagPage { rows, beginning: Vec::new(), previous, next: next.or_else(|| cut.clone()), is_cut: cut.is_some(), listed: 0, hidden: 0 }
    }

    /// Compares tags in the order in which they are read.
    fn compare(&self, one: &TagRow, other: &TagRow) -> Ordering {
        self.compare_place(&place(one), &place(other))
    }

    fn compare_place(&self, one: &TagPlace, other: &TagPlace) -> Ordering {
        let by_name = one.name.cmp(&other.name);
        let ascending = match self.query.order {
            TagOrder::Newest => one.moved_at.cmp(&other.moved_at).then(by_name).reverse(),
            TagOrder::Version => version::version_key(&one.name).cmp(&version::version_key(&other.name)).then(by_name).reverse(),
            TagOrder::Name => by_name,
        };
        if self.select_end.is_none() { ascending.reverse() } else { ascending }
    }
}

fn place(row: &TagRow) -> TagPlace {
    TagPlace { moved_at: row.moved_at, name: row.name.to_string() }
}

/// The key and the name after which a page begins. Without a place, every tag comes after them.
fn start(order: TagOrder, place: Option<&TagPlace>) -> (Key, String) {
    let key = match (order, place) {
        (TagOrder::Newest, place) => Key::Time(place.map_or(Timestamp::from_micros(i64::MAX), |place| place.moved_at)),
        (TagOrder::Version, Some(place)) => Key::Text(version::version_key(&place.name)),
        (TagOrder::Version, None) => Key::Text(LAST.to_owned()),
        (TagOrder::Name, place) => Key::Text(place.map(|place| place.name.clone()).unwrap_or_default()),
    };
    let name = match (order, place) {
        (_, Some(place)) => place.name.clone(),
        (TagOrder::Name, None) => String::new(),
        (_, None) => LAST.to_owned(),
    };
    (key, name)
}

/// The pattern of `LIKE` for names that contain a text.
fn pattern(filter: &str) -> String {
    let mut pattern = String::from("%");
    for character in filter.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character.to_ascii_lowercase());
    }
    if !filter.is_empty() {
        pattern.push('%');
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::migrations;

    /// A plan that looks at tags of another visibility would not be flat where there are many signatures.
    #[test]
    fn every_page_is_a_range_of_an_index_of_its_visibility() {
        for (name, sql) in STATEMENTS.iter().filter(|(name, _)| *name != "SELECT_COUNTS") {
            let plan = migrations::plan(sql);
            let is_range =
                |step: &&String| step.starts_with("SEARCH tag USING COVERING INDEX tag_by_") && step.contains("visibility=? AND");
            assert_eq!(plan.iter().filter(is_range).count(), 1, "{name}: {plan:#?}");
            assert!(plan.iter().all(|step| !step.starts_with("SCAN tag")), "{name}: {plan:#?}");
        }
    }

    #[test]
    fn a_place_is_written_as_it_is_read() {
        let place = TagPlace { moved_at: Timestamp::from_micros(5), name: "1.0".to_owned() };
        assert_eq!(TagPlace::parse(TagOrder::Newest, &place.to_text(TagOrder::Newest)), Some(place));
        assert_eq!(TagPlace::parse(TagOrder::Name, "1.0").map(|place| place.name), Some("1.0".to_owned()));
        for text in ["", "~", "5~", "~1.0", "x~1.0", "5~-1", "99999999999999999999~1.0", "1.0"] {
            assert_eq!(TagPlace::parse(TagOrder::Newest, text), None, "{text}");
        }
    }
}
