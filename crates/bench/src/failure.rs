//! The error type of this program: a message for the person who runs it.

use std::fmt;

#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Prefixes the message with the operation that failed.
    pub(crate) fn context(self, operation: impl fmt::Display) -> Self {
        Self(format!("{operation}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        Self(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
    }
}

/// A [`Failure`] with a formatted message.
macro_rules! failure {
    ($($part:tt)*) => { $crate::failure::Failure(format!($($part)*)) };
}
pub(crate) use failure;
