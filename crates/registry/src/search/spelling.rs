//! The words that a person may have meant who mistyped some.

use super::candidates::documents;
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use roadstead_model::gallery::search::spelling::{closest, forgiven, trigrams};
use roadstead_model::gallery::search::words::words;
use std::collections::HashMap;

statements! {
    SELECT_NEAR = "SELECT term FROM search_trigram WHERE trigram = ?1 AND length BETWEEN ?2 AND ?3 LIMIT 5000";
    SELECT_NAMES = "SELECT names FROM search_term WHERE term = ?1";
    INSERT = "INSERT INTO search_trigram (trigram, length, term) VALUES (?1, ?2, ?3) ON CONFLICT (trigram, length, term) DO NOTHING";
    DELETE = "DELETE FROM search_trigram WHERE trigram = ?1 AND length = ?2 AND term = ?3";
}

/// The known words that share the most parts with a mistyped one are compared with it.
const COMPARED: usize = 100;

/// The text with every unknown word replaced by the known one that is closest to it. `None` if nothing can be replaced.
pub(super) async fn corrected(tx: &mut Tx<'_>, text: &str) -> Result<Option<String>> {
    let (mut corrected, mut is_changed) = (Vec::new(), false);
    for word in words(text) {
        let replacement = if documents(tx, &word).await? == 0 { replacement(tx, &word).await? } else { None };
        is_changed |= replacement.is_some();
        corrected.push(replacement.unwrap_or(word));
    }
    Ok(is_changed.then(|| corrected.join(" ")))
}

async fn replacement(tx: &mut Tx<'_>, word: &str) -> Result<Option<String>> {
    if forgiven(word) == 0 {
        return Ok(None);
    }
    let (length, edits) = (word.chars().count(), forgiven(word));
    let (shortest, longest) = (length - edits, length + edits);
    let mut shared: HashMap<String, usize> = HashMap::new();
    for trigram in trigrams(word) {
        for term in tx.query::<String>(&SELECT_NEAR, params![trigram, shortest, longest]).await? {
            *shared.entry(term).or_default() += 1;
        }
    }
    let mut near: Vec<_> = shared.into_iter().map(|(term, parts)| (std::cmp::Reverse(parts), term)).collect();
    near.sort_unstable();
    let mut known = Vec::new();
    for (_, term) in near.into_iter().take(COMPARED) {
        let names = tx.query_one(&SELECT_NAMES, params![term]).await?.unwrap_or(0);
        known.push((term, names));
    }
    Ok(closest(word, known.iter().map(|(term, names)| (term.as_str(), *names))).map(str::to_owned))
}

/// Adds a word to those that are suggested.
pub(super) async fn learn(tx: &mut Tx<'_>, word: &str) -> Result<()> {
    for trigram in trigrams(word) {
        tx.execute(&INSERT, params![trigram, word.chars().count(), word]).await?;
    }
    Ok(())
}

/// Removes a word from those that are suggested.
pub(super) async fn forget(tx: &mut Tx<'_>, word: &str) -> Result<()> {
    for trigram in trigrams(word) {
        tx.execute(&DELETE, params![trigram, word.chars().count(), word]).await?;
    }
    Ok(())
}
