//! Resource tags: AWS's key-value labels on repositories (not image tags).

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceTag {
    /// Case-sensitive, 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// The key or value of a resource tag has a prefix that AWS reserves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The tag with key '{key}' is not allowed: keys and values that begin with 'aws:' are reserved for AWS")]
pub struct ReservedTag {
    pub key: String,
}

/// The reserved prefix, whose case is ignored (AWS General Reference, "Tagging your AWS resources").
const RESERVED_PREFIX: &str = "aws:";

impl ResourceTag {
    /// Fails if the key or value has the reserved prefix.
    pub fn check(&self) -> Result<(), ReservedTag> {
        Self::check_key(&self.key)?;
        if is_reserved(&self.value) { Err(ReservedTag { key: self.key.clone() }) } else { Ok(()) }
    }

    /// Fails if `key` has the reserved prefix.
    pub fn check_key(key: &str) -> Result<(), ReservedTag> {
        if is_reserved(key) { Err(ReservedTag { key: key.to_owned() }) } else { Ok(()) }
    }
}

fn is_reserved(text: &str) -> bool {
    text.get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX))
}
