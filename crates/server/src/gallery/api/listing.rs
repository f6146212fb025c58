//! The members of a query that list something, and the link to the next page.

use crate::gallery::page::Failure;
use crate::gallery::urls;
use crate::gallery::visit::Visit;

/// The number of entries that a request asks for: `default` without a limit, never more than `most`.
pub(super) fn limit(visit: &Visit<'_>, default: usize, most: usize) -> Result<usize, Failure> {
    let Some(text) = visit.member("limit") else { return Ok(default) };
    match text.parse::<u64>() {
        Ok(0) | Err(_) => Err(Failure::BadRequest(format!("'limit' must be a whole number from 1 to {most}."))),
        Ok(limit) => Ok(usize::try_from(limit).unwrap_or(most).min(most)),
    }
}

/// The absolute address of the page after `position`: that of this request with another `after`.
pub(super) fn next(visit: &Visit<'_>, path: String, members: &[&str], position: &str) -> String {
    let values: Vec<(&str, String)> = members.iter().flat_map(|name| visit.members(name).into_iter().map(|value| (*name, value))).collect();
    let mut all: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("after", position));
    urls::absolute(visit.origin(), &urls::with_query(path, &all))
}

/// The failure for an `after` that is not of this list.
pub(super) fn foreign_position() -> Failure {
    Failure::BadRequest("'after' must come from 'next' of another answer.".to_owned())
}
