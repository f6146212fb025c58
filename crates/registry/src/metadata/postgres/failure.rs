//! What went wrong, and whether another attempt may help.

use crate::error::Error;
use std::error::Error as _;
use tokio_postgres::error::SqlState;

/// A failed statement.
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) error: Error,
}

/// What another attempt needs. Values are in the order in which [`Kind`] is listed by `counters.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Another transaction came first: the same may succeed if it runs again.
    Conflict,
    /// The prepared statements are of an older schema.
    Outdated,
    /// The connection is lost, or leads to a server that takes no writes any more.
    Lost,
    /// None would help.
    Final,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = describe(&error);
        let Some(code) = error.code() else {
            // A value that does not fit a statement is a bug. Everything else without a code concerns the connection.
            let is_lost = error.is_closed() || is_io(&error);
            return if is_lost { Self::lost(text) } else { Self { kind: Kind::Final, error: Error::Internal(text) } };
        };
        let kind = match *code {
            // A row of the same key, or one that a foreign key needs, came or went meanwhile.
            SqlState::UNIQUE_VIOLATION | SqlState::FOREIGN_KEY_VIOLATION => Kind::Conflict,
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Kind::Conflict,
            SqlState::FEATURE_NOT_SUPPORTED | SqlState::INVALID_SQL_STATEMENT_NAME => Kind::Outdated,
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW | SqlState::READ_ONLY_SQL_TRANSACTION => {
                Kind::Lost
            }
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Kind::Lost,
            _ if code.code().starts_with("08") => Kind::Lost,
            _ => Kind::Final,
        };
        Self { kind, error: classify(code, kind, text) }
    }
}

impl Failure {
    pub(super) fn lost(text: String) -> Self {
        Self { kind: Kind::Lost, error: Error::Unavailable(text) }
    }
}

/// Distinguishes what may be temporary (conflicts, shutdowns, resources, timeouts) and damage from bugs.
fn classify(code: &SqlState, kind: Kind, text: String) -> Error {
    let class = code.code().get(..2).unwrap_or_default();
    match (kind, class) {
        (Kind::Lost, _) | (_, "40" | "53" | "57" | "58") => Error::Unavailable(text),
        _ if *code == SqlState::LOCK_NOT_AVAILABLE => Error::Unavailable(text),
        _ if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) => Error::Damaged(text),
        _ => Error::Internal(text),
    }
}

/// The text of an error with its causes. It never has a password.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("{} ({})", told.message(), told.code().code());
    }
    // Most messages repeat their cause.
    causes(error).map(ToString::to_string).fold(
        error.to_string(),
        |text, cause| {
            if text.contains(&cause) { text } else { format!("{text}: {cause}") }
        },
    )
}

/// The causes of an error, from its own to the deepest.
pub(super) fn causes(error: &tokio_postgres::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| {
        let cause: &dyn std::error::Error = *cause;
        cause.source()
    })
}

/// Whether the network failed.
pub(super) fn is_io(error: &tokio_postgres::Error) -> bool {
    causes(error).any(|cause| cause.is::<std::io::Error>())
}
