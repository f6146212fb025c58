//! The repositories that fulfil all conditions of a search, with their ranks.

use super::cards::{IDS, padded};
use crate::error::Result;
use crate::metadata::{Parameter, Tx, params, statements};
use roadstead_model::gallery::search::weights::{EXACT, PREFIX, rank};
use std::collections::HashMap;

/// `repository_id` is one of the first 50 parameters.
macro_rules! among_fifty {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " repository_id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
            ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47,
            ?48, ?49, ?50) ",
            $after
        )
    };
}

statements! {
    SELECT_DOCUMENTS = "SELECT documents FROM search_term WHERE term = ?1";
    SELECT_CONTINUATIONS = "SELECT term, documents FROM
            (SELECT term, documents FROM search_term WHERE term > ?1 AND term < ?2 ORDER BY term LIMIT 4000) AS beginning
        ORDER BY documents DESC, term LIMIT ?3";
    SELECT_BEST = "SELECT repository_id, weight, score - weight FROM search_posting WHERE term = ?1
        ORDER BY score DESC, repository_id DESC LIMIT ?2";
    SELECT_WITH_TERM = among_fifty!("SELECT repository_id, weight * ?52, score - weight FROM search_posting WHERE", "AND term = ?51");
    SELECT_WITH_BEGINNING = among_fifty!("SELECT repository_id, MAX(CASE WHEN term = ?51 THEN weight * ?53 ELSE weight * ?54 END),
        MAX(score - weight) FROM search_posting WHERE", "AND term >= ?51 AND term < ?52 GROUP BY repository_id");
}

/// The most repositories that are considered if there is more than one condition: the best of the rarest one.
const MOST: usize = 2000;
/// The most repositories that are considered for a single condition.
const MOST_OF_ONE: usize = 500;
/// The most known words that the beginning of a word stands for: the most frequent ones.
const CONTINUATIONS: usize = 24;

/// What a repository must have.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Word(String),
    /// A word that begins so. The last word of a query is seldom finished.
    Beginning(String),
    /// One of these filters.
    Filter(Vec<String>),
}

/// A repository that fulfils the conditions.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// The weights of words, in tenths.
    weights: i64,
    /// What the repository is worth by itself or, if no word is searched, its place among the most pulled.
    boost: i64,
}

/// Repositories with their ranks.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) ranks: HashMap<i64, i64>,
    /// Whether there may be more.
    pub(super) is_cut: bool,
}

impl Found {
    /// Adds repositories found otherwise. The better rank counts.
    pub(super) fn or(mut self, other: Self) -> Self {
        for (id, rank) in other.ranks {
            let best = self.ranks.entry(id).or_insert(rank);
            *best = rank.max(*best);
        }
        Self { is_cut: self.is_cut || other.is_cut, ..self }
    }
}

/// Finds the repositories that fulfil all conditions.
pub(super) async fn find(tx: &mut Tx<'_>, conditions: &[Condition]) -> Result<Found> {
    let mut plans = Vec::with_capacity(conditions.len());
    for condition in conditions {
        plans.push(Plan::of(tx, condition).await?);
    }
    plans.sort_by_key(Plan::documents);
    let Some((rarest, others)) = plans.split_first() else { return Ok(Found::default()) };
    let (mut candidates, is_cut) = rarest.best(tx, if others.is_empty() { MOST_OF_ONE } else { MOST }).await?;
    for plan in others {
        plan.narrow(tx, &mut candidates).await?;
    }
    let words = conditions.iter().filter(|condition| !matches!(condition, Condition::Filter(_))).count() as i64;
    let ranks = candidates.into_iter().map(|(id, Candidate { weights, boost })| (id, rank(weights, words, boost))).collect();
    Ok(Found { ranks, is_cut })
}

/// The number of repositories that have a term.
pub(super) async fn documents(tx: &mut Tx<'_>, term: &str) -> Result<u64> {
    Ok(tx.query_one(&SELECT_DOCUMENTS, params![term]).await?.unwrap_or(0))
}

/// The end of the range of words that begin with `beginning`.
fn end_of(beginning: &str) -> String {
    format!("{beginning}\u{10ffff}")
}

/// Known words that continue `beginning`, the most frequent first.
async fn continuations(tx: &mut Tx<'_>, beginning: &str) -> Result<Vec<(String, u64)>> {
    tx.query(&SELECT_CONTINUATIONS, params![beginning, end_of(beginning), CONTINUATIONS]).await
}

/// A condition and the terms that fulfil it, each with the tenths of its weight that count and the number of its repositories.
struct Plan<'c> {
    condition: &'c Condition,
    terms: Vec<(String, i64, u64)>,
}

impl<'c> Plan<'c> {
    async fn of(tx: &mut Tx<'_>, condition: &'c Condition) -> Result<Self> {
        let whole: &[String] = match condition {
            Condition::Word(word) | Condition::Beginning(word) => std::slice::from_ref(word),
            Condition::Filter(terms) => terms,
        };
        let mut terms = Vec::with_capacity(whole.len());
        for term in whole {
            terms.push((term.clone(), EXACT, documents(tx, term).await?));
        }
        if let Condition::Beginning(word) = condition {
            terms.extend(continuations(tx, word).await?.into_iter().map(|(term, documents)| (term, PREFIX, documents)));
        }
        Ok(Self { condition, terms })
    }

    /// The number of repositories that fulfil the condition, or more if some have several terms.
    fn documents(&self) -> u64 {
        self.terms.iter().map(|(_, _, documents)| documents).sum()
    }

    /// The `most` best repositories, and whether there are others.
    async fn best(&self, tx: &mut Tx<'_>, most: usize) -> Result<(HashMap<i64, Candidate>, bool)> {
        let mut candidates: HashMap<i64, Candidate> = HashMap::new();
        for (term, tenths, _) in &self.terms {
            for (id, weight, boost) in tx.query::<(i64, i64, i64)>(&SELECT_BEST, params![term, most]).await? {
                let found = Candidate { weights: weight * tenths, boost };
                let best = candidates.entry(id).or_insert(found);
                best.weights = best.weights.max(found.weights);
            }
        }
        let is_cut = self.terms.iter().any(|(_, _, documents)| *documents > most as u64)
            || self.terms.len() > CONTINUATIONS
            || candidates.len() > most;
        if candidates.len() > most {
            let mut ranked: Vec<_> = candidates.iter().map(|(id, found)| (rank(found.weights, 1, found.boost), *id)).collect();
            ranked.select_nth_unstable_by(most, |one, other| other.cmp(one));
            candidates = ranked.into_iter().take(most).filter_map(|(_, id)| candidates.remove_entry(&id)).collect();
        }
        Ok((candidates, is_cut))
    }

    /// Keeps the candidates that fulfil the condition too.
    async fn narrow(&self, tx: &mut Tx<'_>, candidates: &mut HashMap<i64, Candidate>) -> Result<()> {
        let ids: Vec<i64> = candidates.keys().copied().collect();
        let mut kept: HashMap<i64, Candidate> = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(IDS) {
            for (id, weights, boost) in self.among(tx, chunk).await? {
                let Some(candidate) = candidates.get(&id) else { continue };
                let is_word = !matches!(self.condition, Condition::Filter(_));
                let boost = if is_word { boost } else { candidate.boost };
                kept.insert(id, Candidate { weights: candidate.weights + weights, boost });
            }
        }
        *candidates = kept;
        Ok(())
    }

    /// Those of at most 50 repositories that fulfil the condition: the best weight in tenths, and the boost.
    async fn among(&self, tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<(i64, i64, i64)>> {
        if let Condition::Beginning(word) = self.condition {
            let end = end_of(word);
            let parameters = padded(ids).map(Parameter::value).chain([word.value(), end.value(), EXACT.value(), PREFIX.value()]);
            return tx.query(&SELECT_WITH_BEGINNING, &parameters.collect::<Vec<_>>()).await;
        }
        let mut found = Vec::new();
        for (term, tenths, _) in &self.terms {
            let parameters = padded(ids).map(Parameter::value).chain([term.value(), tenths.value()]);
            found.extend(tx.query::<(i64, i64, i64)>(&SELECT_WITH_TERM, &parameters.collect::<Vec<_>>()).await?);
        }
        Ok(found)
    }
}
