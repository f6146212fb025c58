//! Pagination with `maxResults` and `nextToken`.

use super::access::Caller;
use roadstead_model::PageSize;
use roadstead_model::aws::Violation;

/// A paged listing. Its tokens are valid only for the same operation, registry and subject.
pub(super) struct Listing<'a> {
    caller: &'a Caller<'a>,
    subject: &'a str,
}

impl<'a> Listing<'a> {
    /// The listing of a repository, which is the `subject`, or of the registry if that is empty.
    pub(super) fn new(caller: &'a Caller<'a>, subject: &'a str) -> Self {
        Self { caller, subject }
    }

    fn binding(&self) -> [&str; 3] {
        [self.caller.operation().name(), self.caller.registry_id().as_str(), self.subject]
    }

    /// The position that the page begins after, and its maximum length.
    pub(super) fn page(&self, token: Option<&str>, max_results: Option<u64>) -> Result<(Option<String>, PageSize), Violation> {
        let size = max_results.map_or(PageSize::DEFAULT, PageSize::clamped);
        let Some(token) = token else { return Ok((None, size)) };
        match self.caller.server().keys.page_token.open(&self.binding(), token) {
            Ok(position) => Ok((Some(position), size)),
            Err(_) => Err(foreign_token()),
        }
    }

    /// The token for the page after `position`.
    pub(super) fn token(&self, position: Option<String>) -> Option<String> {
        position.map(|position| self.caller.server().keys.page_token.seal(&self.binding(), &position))
    }
}

/// Refuses paging if `member` names the items (service model: "This option cannot be used when you specify …").
pub(super) fn refuse_paging(member: &str, token: Option<&str>, max_results: Option<u64>) -> Result<(), Violation> {
    let paging = if token.is_some() { "nextToken" } else { "maxResults" };
    if token.is_none() && max_results.is_none() {
        return Ok(());
    }
    Err(Violation::new(paging, format!("must not be used together with '{member}'")))
}

/// The error for a token that was altered or belongs to another listing.
pub(super) fn foreign_token() -> Violation {
    Violation::new("nextToken", "must be a token of this listing")
}
