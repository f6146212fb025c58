//! What caches must know of a write.

/// What the writes of a handle change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    /// Nothing that is cached.
    Uncached,
    /// Nothing that a cache keeps which outlives writes of content.
    Content,
    Any,
}
