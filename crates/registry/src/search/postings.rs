//! Writing the index: only the postings that differ.

use super::facts::Posting;
use super::spelling;
use crate::error::Result;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::gallery::search::filter::is_filter;
use roadstead_model::gallery::search::weights::NAMING;
use std::collections::BTreeMap;

statements! {
    SELECT = "SELECT term, score, weight FROM search_posting WHERE repository_id = ?1";
    INSERT = "INSERT INTO search_posting (term, score, repository_id, weight) VALUES (?1, ?2, ?3, ?4)";
    UPDATE = "UPDATE search_posting SET score = ?4, weight = ?5 WHERE term = ?1 AND score = ?2 AND repository_id = ?3";
    DELETE = "DELETE FROM search_posting WHERE term = ?1 AND score = ?2 AND repository_id = ?3";
    COUNT = "INSERT INTO search_term (term, documents, names) VALUES (?1, ?2, ?3)
        ON CONFLICT (term) DO UPDATE SET documents = search_term.documents + excluded.documents, names = search_term.names + excluded.names
        RETURNING documents, names";
    DELETE_TERM = "DELETE FROM search_term WHERE term = ?1";
}

/// The postings of a repository by their terms.
pub(super) async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<Vec<(String, Posting)>> {
    tx.query(&SELECT, params![repository]).await
}

/// Gives a repository these postings in place of those it has.
pub(super) async fn replace(tx: &mut Tx<'_>, repository: i64, wanted: &BTreeMap<String, Posting>) -> Result<()> {
    let mut missing = wanted.clone();
    for (term, there) in select(tx, repository).await? {
        let new = missing.remove(&term);
        if new == Some(there) {
            continue;
        }
        match new {
            Some(new) => tx.execute(&UPDATE, params![term, there.score, repository, new.score, new.weight]).await?,
            None => tx.execute(&DELETE, params![term, there.score, repository]).await?,
        };
        count(tx, &term, Some(there), new).await?;
    }
    for (term, new) in &missing {
        tx.execute(&INSERT, params![term, new.score, repository, new.weight]).await?;
        count(tx, term, None, Some(*new)).await?;
    }
    Ok(())
}

/// Counts the repositories of a term after the posting of one has changed, and learns or forgets its spelling.
async fn count(tx: &mut Tx<'_>, term: &str, old: Option<Posting>, new: Option<Posting>) -> Result<()> {
    let names = |posting: Option<Posting>| i64::from(posting.is_some_and(|posting| posting.weight >= NAMING) && !is_filter(term));
    let (added, named) = (i64::from(new.is_some()) - i64::from(old.is_some()), names(new) - names(old));
    if (added, named) == (0, 0) {
        return Ok(());
    }
    let counted: Option<(i64, i64)> = tx.query_one(&COUNT, params![term, added, named]).await?;
    let (documents, of_names) = counted.unwrap_or_default();
    if documents == 0 {
        tx.execute(&DELETE_TERM, params![term]).await?;
    }
    match named {
        1 if of_names == 1 => spelling::learn(tx, term).await,
        -1 if of_names == 0 => spelling::forget(tx, term).await,
        _ => Ok(()),
    }
}

impl FromRow for Posting {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { score: row.read()?, weight: row.read()? })
    }
}
