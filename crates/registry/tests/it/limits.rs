//! What limits store: bulletins of replicas, and the volumes of a month.

use crate::support::World;
use crate::support::database::is_postgres;
use roadstead_registry::{Board, DownloadVolume};

const TOPIC: &str = "a topic";

impl World {
    async fn post(&self, board: &mut Board, text: &str) {
        self.installation.post(board, || Some(text.to_owned())).await.expect("a bulletin");
    }

    async fn read(&self, board: &mut Board) -> Vec<String> {
        self.installation.read_board(board).await.expect("bulletins")
    }

    async fn add(&self, month: i64, volumes: &[(i64, u64)]) -> Vec<DownloadVolume> {
        self.installation.add_download_volumes(month, volumes.iter().map(|volume| volume_of(*volume)).collect()).await.expect("sums")
    }

    async fn largest(&self, month: i64) -> Vec<DownloadVolume> {
        self.installation.largest_download_volumes(month).await.expect("volumes")
    }
}

fn volume_of((caller, bytes): (i64, u64)) -> DownloadVolume {
    DownloadVolume { caller, bytes }
}

#[tokio::test]
async fn a_bulletin_is_read_once_by_every_other_replica() {
    let world = World::new().await;
    let (mut one, mut two, mut three) = (Board::new(TOPIC), Board::new(TOPIC), Board::new(TOPIC));
    world.post(&mut one, "before").await;
    assert_eq!(world.read(&mut one).await, [] as [&str; 0]);
    for board in [&mut two, &mut three] {
        assert_eq!(world.read(board).await, ["before"], "a replica that starts learns of the last minute");
    }
    world.post(&mut one, "first").await;
    assert_eq!(world.read(&mut two).await, ["first"]);
    world.post(&mut one, "second").await;
    world.post(&mut two, "of two").await;
    world.post(&mut Board::new("another topic"), "no one's").await;
    assert_eq!(world.read(&mut two).await, ["second"]);
    let mut read = world.read(&mut three).await;
    read.sort_unstable();
    assert_eq!(read, ["first", "of two", "second"]);
    assert_eq!(world.read(&mut one).await, ["of two"]);
    for board in [&mut one, &mut two, &mut three] {
        world.installation.post(board, || None).await.expect("nothing to tell");
        assert_eq!(world.read(board).await, [] as [&str; 0]);
    }
    let mut late = Board::new(TOPIC);
    world.read(&mut late).await;
    world.post(&mut late, "late").await;
    assert_eq!(world.read(&mut one).await, ["late"], "a replica that starts later is read from its first bulletin on");
}

#[tokio::test]
async fn any_number_of_bulletins_takes_a_bounded_number_of_rows_and_a_slow_reader_misses_some() {
    let world = World::new().await;
    let (mut one, mut two) = (Board::new(TOPIC), Board::new(TOPIC));
    world.read(&mut two).await;
    for number in 0..100 {
        world.post(&mut one, &number.to_string()).await;
    }
    let last: Vec<_> = (68..100).map(|number| number.to_string()).collect();
    assert_eq!(world.read(&mut two).await, last);
}

#[tokio::test]
async fn bulletins_of_replicas_that_ended_are_deleted_when_another_one_starts() {
    let world = World::new().await;
    let (mut ended, mut running) = (Board::new(TOPIC), Board::new(TOPIC));
    world.read(&mut running).await;
    world.post(&mut ended, "old").await;
    world.pass_seconds(61);
    world.read(&mut Board::new(TOPIC)).await;
    assert_eq!(world.read(&mut running).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_bulletin_that_could_not_be_posted_is_posted_later() {
    let world = World::new().await;
    let (mut one, mut two) = (Board::new(TOPIC), Board::new(TOPIC));
    world.read(&mut two).await;
    world.installation.close().await;
    assert!(world.installation.post(&mut one, || Some("kept".to_owned())).await.is_err());
    let world = world.restart().await;
    world.post(&mut one, "next").await;
    assert_eq!(world.read(&mut two).await, ["kept"]);
    world.post(&mut one, "next").await;
    assert_eq!(world.read(&mut two).await, ["next"]);
}

#[tokio::test]
async fn volumes_add_up_and_survive_a_restart_until_their_month_is_over() {
    let world = World::new().await;
    assert_eq!(world.add(7, &[(2, 5), (-1, 3)]).await, [(-1, 3), (2, 5)].map(volume_of));
    assert_eq!(world.add(7, &[(2, 5)]).await, [(2, 10)].map(volume_of));
    assert_eq!(world.add(8, &[(2, 1)]).await, [(2, 1)].map(volume_of));
    let world = world.restart().await;
    assert_eq!(world.largest(7).await, [(2, 10), (-1, 3)].map(volume_of));
    world.installation.tidy_download_volumes(8).await.expect("tidied");
    assert_eq!((world.largest(7).await, world.largest(8).await), (vec![], vec![volume_of((2, 1))]));
}

#[tokio::test]
async fn of_too_many_volumes_the_largest_are_kept() {
    if is_postgres("a hundred thousand round trips take minutes, and the statements are the same") {
        return;
    }
    let world = World::new().await;
    for chunk in 0..11 {
        let callers: Vec<_> = (0..10_000_i64).map(|number| (chunk * 10_000 + number, 1 + number.unsigned_abs())).collect();
        world.add(7, &callers).await;
    }
    world.installation.tidy_download_volumes(7).await.expect("tidied");
    let kept = world.largest(7).await;
    assert!((99_000..=100_000).contains(&kept.len()), "{}", kept.len());
    assert!(kept.windows(2).all(|pair| pair[0].bytes >= pair[1].bytes));
    assert_eq!((kept[0].bytes, world.add(7, &[(-1, 1)]).await), (10_000, vec![volume_of((-1, 1))]));
}
