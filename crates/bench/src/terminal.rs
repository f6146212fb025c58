//! What is said to the person who waits.

/// Writes a line to stderr.
pub(crate) fn tell(what: impl std::fmt::Display) {
    #[expect(clippy::print_stderr, reason = "progress and errors of a command")]
    {
        eprintln!("roadstead-bench: {what}");
    }
}
