//! The rules of the search: what words a repository is found by, what they weigh, and what a query means.

pub mod answer;
pub mod filter;
pub mod query;
pub mod spelling;
pub mod weights;
pub mod words;
