//! Resource tags: AWS's key-value labels on repositories (not image tags).

/// A label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceTag {
    /// The key, case-sensitive, 1 to 128 characters.
    pub key: String,
    /// The value, 0 to 256 characters.
    pub value: String,
}

/// The key or the value of a resource tag begins with a prefix that AWS reserves for itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The tag with key '{key}' is not allowed: keys and values that begin with 'aws:' are reserved for AWS")]
pub struct ReservedTag {
    /// The key of the tag.
    pub key: String,
}

/// The prefix, in any case of letters (AWS General Reference, "Tagging your AWS resources").
const RESERVED_PREFIX: &str = "aws:";

impl ResourceTag {
    /// Refuses the keys and values that AWS reserves for itself.
    pub fn check(&self) -> Result<(), ReservedTag> {
        Self::check_key(&self.key)?;
        if is_reserved(&self.value) { Err(ReservedTag { key: self.key.clone() }) } else { Ok(()) }
    }

    /// Refuses the keys that AWS reserves for itself.
    pub fn check_key(key: &str) -> Result<(), ReservedTag> {
        if is_reserved(key) { Err(ReservedTag { key: key.to_owned() }) } else { Ok(()) }
    }
}

fn is_reserved(text: &str) -> bool {
    text.get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX))
}
