//! Statements that are sent ahead, and writes that are committed together.

use crate::error::{Error, Result};
use crate::metadata::{Metadata, Parameter, Sql, Tx, migrations, params};
use crate::places::DatabasePlace;
use crate::portability::postgres::Postgres;

static INSERT: Sql = Sql("INSERT INTO leader (task, holder, until) VALUES (?1, '', ?2)");
static UPDATE: Sql = Sql("UPDATE leader SET until = until + 1 WHERE task = ?1");
static SELECT: Sql = Sql("SELECT until FROM leader WHERE task = ?1");

/// A migrated database of this name, if PostgreSQL is installed.
async fn database(name: &str) -> Option<Metadata> {
    let url = Postgres::shared()?.create_database(name);
    let Ok(DatabasePlace::Postgres(options)) = DatabasePlace::parse(&url) else { panic!("{url}") };
    let metadata = Metadata::open_postgres(&options, migrations::METADATA).await.expect("a database");
    metadata.migrate().await.expect("migrated");
    Some(metadata)
}

async fn until(metadata: &Metadata, task: &str) -> Option<i64> {
    metadata.query_one(&SELECT, params![task]).await.expect("a query")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_committed_in_order_or_not_at_all() {
    let Some(metadata) = database("sent").await else { return };
    let both = async |tx: &mut Tx<'_>| {
        tx.send(&INSERT, params!["a", 1_i64]).await?;
        tx.send(&UPDATE, params!["a"]).await
    };
    metadata.write(both).await.expect("committed");
    assert_eq!(until(&metadata, "a").await, Some(2));
    async fn twice(tx: &mut Tx<'_>) -> Result<()> {
        tx.send(&INSERT, params!["b", 1_i64]).await?;
        tx.send(&INSERT, params!["a", 1_i64]).await
    }
    for metadata in [metadata.clone(), metadata.counting()] {
        metadata.write(twice).await.expect_err("a key that exists");
        assert_eq!(until(&metadata, "b").await, None);
    }
    let goes_on = async |tx: &mut Tx<'_>| {
        twice(tx).await?;
        let [changed] = tx.execute_all([(&UPDATE, params!["a"])]).await?;
        Ok(changed)
    };
    metadata.write(goes_on).await.expect_err("a key that exists");
    assert_eq!((until(&metadata, "a").await, until(&metadata, "b").await), (Some(2), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_a_batch_see_each_other_and_answer_in_their_order() {
    let Some(metadata) = database("batches").await else { return };
    let batch = async |tx: &mut Tx<'_>| {
        let changed = tx.execute_all([(&UPDATE, params!["a"]), (&INSERT, params!["a", 1_i64]), (&UPDATE, params!["a"])]).await?;
        for number in 0..40_i64 {
            tx.send(&INSERT, params![number.to_string(), number]).await?;
        }
        let names: Vec<_> = (0..50_i64).map(|number| number.to_string()).collect();
        let lists: Vec<_> = names.iter().map(|name| [String::value(name)]).collect();
        Ok((changed, tx.query_each::<i64, 1>(&SELECT, &lists).await?))
    };
    let (changed, found) = metadata.write(batch).await.expect("committed");
    assert_eq!(changed, [0, 1, 1]);
    assert_eq!(found, (0..50).map(|number| (number < 40).then_some(number)).collect::<Vec<_>>());
}

/// All of them change one row. Every tenth is refused, which must not concern the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_in_a_lane_do_not_conflict_and_each_has_its_own_answer() {
    const WRITES: usize = 100;
    let Some(metadata) = database("lanes").await else { return };
    metadata.write(async |tx: &mut Tx<'_>| tx.execute(&INSERT, params!["a", 0_i64]).await).await.expect("a row");
    let before = metadata.database_metrics().expect("a database");
    let write = |number: usize| {
        let metadata = metadata.clone();
        tokio::spawn(async move {
            let work = async move |tx: &mut Tx<'_>| -> Result<usize> {
                tx.execute(&UPDATE, params!["a"]).await?;
                if number.is_multiple_of(10) { Err(Error::PreconditionFailed) } else { Ok(number) }
            };
            metadata.write_in_lane("lane".to_owned(), work).await
        })
    };
    for (number, ended) in (0..WRITES).map(write).collect::<Vec<_>>().into_iter().enumerate() {
        match ended.await.expect("no panic") {
            Ok(answer) => assert_eq!(answer, number),
            Err(error) => assert!(matches!(error, Error::PreconditionFailed) && number.is_multiple_of(10), "{number}: {error}"),
        }
    }
    assert_eq!(until(&metadata, "a").await, Some(90));
    let after = metadata.database_metrics().expect("a database");
    assert_eq!(after.conflicts, before.conflicts);
    assert!(after.writes - before.writes <= 90);
}
