//! Lists of repositories and the search.
//!
//! Both read `gallery_entry`, a row per repository, and the search index, in which a *posting* says how much a word, or a filter, counts
//! for a repository. The postings of a term are stored in the order of their scores, so that the best repositories are one range,
//! however many there are. [`refreshing`] keeps entries and postings up to date, later than the changes that `stale.rs` marks.

pub(crate) mod candidates;
pub(crate) mod cards;
pub(crate) mod facts;
pub(crate) mod locating;
pub(crate) mod popularity;
pub(crate) mod postings;
pub(crate) mod refreshing;
pub(crate) mod searching;
pub(crate) mod spelling;
