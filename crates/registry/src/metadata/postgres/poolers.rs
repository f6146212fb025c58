//! Poolers between this server and the database.

use super::connection::Connection;
use super::failure::Failure;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, SimpleQueryMessage};

const BACKEND: &str = "SELECT pg_backend_pid()";

/// Whether a pooler lets two connections take turns at one backend, by transactions or by statements. Settings, prepared statements and
/// locks of a connection would then be those of another one.
pub(super) async fn share_backends(one: &Connection, other: &Connection) -> Result<bool, Failure> {
    let own = backend(one).await?;
    let begin = async { is_begun(other.client.batch_execute("BEGIN").await) };
    if !other.answer(begin).await? {
        return Ok(true);
    }
    // While the other one is in a transaction, it has either what was that of the first, or the first has to use a third.
    let (others, again) = (backend(other).await?, backend(one).await?);
    other.answer(other.client.batch_execute("ROLLBACK")).await?;
    Ok(others == own || again != own)
}

/// Whether a transaction has begun. A pooler that gives connections away after each statement refuses one, as a breach of the protocol.
fn is_begun(begun: Result<(), Error>) -> Result<bool, Error> {
    match begun {
        Err(error) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => Ok(false),
        begun => begun.map(|()| true),
    }
}

async fn backend(connection: &Connection) -> Result<Option<String>, Failure> {
    let answer = connection.answer(connection.client.simple_query(BACKEND)).await?;
    let row = answer.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
    Ok(row.and_then(|row| row.get(0)).map(str::to_owned))
}
