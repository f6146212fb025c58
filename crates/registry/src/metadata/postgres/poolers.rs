//! Poolers between this server and the database.

use super::connection::Connection;
use super::failure::Failure;
use tokio_postgres::SimpleQueryMessage;

const BACKEND: &str = "SELECT pg_backend_pid()";

/// Whether a pooler lets two connections take turns at one backend, transaction by transaction. Settings, prepared statements and locks of
/// a connection would then be those of another one.
pub(super) async fn share_backends(one: &Connection, other: &Connection) -> Result<bool, Failure> {
    let own = backend(one).await?;
    other.answer(other.client.batch_execute("BEGIN")).await?;
    // While the other one is in a transaction, it has either what was that of the first, or the first has to use a third.
    let (others, again) = (backend(other).await?, backend(one).await?);
    other.answer(other.client.batch_execute("ROLLBACK")).await?;
    Ok(others == own || again != own)
}

async fn backend(connection: &Connection) -> Result<Option<String>, Failure> {
    let answer = connection.answer(connection.client.simple_query(BACKEND)).await?;
    let row = answer.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
    Ok(row.and_then(|row| row.get(0)).map(str::to_owned))
}
