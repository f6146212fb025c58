//! Opening a data directory.

use crate::support::World;
use crate::support::database::is_postgres;
use roadstead_model::{AliasDescription, AliasStatus, RegistryAlias, RegistryId};
use roadstead_registry::{AccountDeclaration, Collection, Error, Installation, KeyDeclaration, OpenError, OpenOptions, Sharing};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Closes the installation and returns its data directory.
async fn closed(world: World) -> tempfile::TempDir {
    world.installation.close().await;
    world.folder
}

#[tokio::test]
async fn the_first_start_makes_an_alias_of_the_aws_form_and_keeps_it() {
    let world = World::new().await;
    let first = world.installation.primary_alias(&world.id).await.expect("an alias");
    let shape = |(at, c): (usize, char)| if at % 2 == 0 { c.is_ascii_lowercase() } else { c.is_ascii_digit() };
    assert!(first.as_str().len() == 8 && first.as_str().chars().enumerate().all(shape), "{first}");
    let installation = world.installation.id().to_owned();
    let world = world.restart().await;
    assert_eq!(world.installation.primary_alias(&world.id).await.expect("an alias"), first);
    assert_eq!(world.installation.id(), installation);
}

#[tokio::test]
async fn an_alias_that_was_pending_is_active_once_a_start_makes_it_primary() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let (id, name) = (world.id.clone(), RegistryAlias::parse("harbour").expect("an alias"));
    let pending = AliasDescription { status: AliasStatus::Pending, ..AliasDescription::new(name.clone()) };
    world.installation.put_alias(&id, pending).await.expect("put");
    let folder = closed(world).await;
    let options = OpenOptions { alias: Some(name.clone()), ..OpenOptions::new(folder.path()) };
    let installation = Installation::open(options).await.expect("an installation");
    assert_eq!(installation.primary_alias(&id).await.expect("an alias"), name);
    assert_eq!(installation.resolve_alias(name.as_str()).await.expect("a registry"), id);
}

#[tokio::test]
async fn the_credentials_file_follows_a_root_key_whose_secret_was_changed() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let [root] = &world.installation.access_keys(&world.id).await.expect("keys")[..] else { panic!("not one key") };
    let key = KeyDeclaration { id: root.id.clone(), secret: "another secret".to_owned(), active: None };
    let account = AccountDeclaration { access_keys: vec![key], ..AccountDeclaration::default() };
    world.installation.declare(&account).await.expect("declared");
    let world = world.restart().await;
    let text = std::fs::read_to_string(world.folder.path().join("credentials")).expect("the file");
    assert!(text.contains("aws_secret_access_key = another secret\n"), "{text}");
}

#[tokio::test]
async fn an_alias_that_is_asked_for_later_becomes_the_primary_one_and_the_old_one_still_works() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let first = world.installation.primary_alias(&world.id).await.expect("an alias");
    let id = world.id.clone();
    let folder = closed(world).await;
    let options = OpenOptions { alias: Some(RegistryAlias::parse("harbour").expect("an alias")), ..OpenOptions::new(folder.path()) };
    let installation = Installation::open(options).await.expect("an installation");
    assert_eq!(installation.primary_alias(&id).await.expect("an alias").as_str(), "harbour");
    assert_eq!(installation.resolve_alias(first.as_str()).await.expect("a registry"), id);
    let description = installation.describe_registry(&id).await.expect("a registry");
    let flags: Vec<_> = description.aliases.iter().map(|alias| (alias.primary, alias.default, alias.status)).collect();
    assert_eq!(flags, [(false, true, AliasStatus::Active), (true, false, AliasStatus::Active)]);
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let second = Installation::open(OpenOptions::new(world.folder.path())).await;
    assert!(matches!(second, Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn the_root_key_is_in_the_credentials_file_which_only_its_owner_can_read() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let path = world.folder.path().join("credentials");
    let text = std::fs::read_to_string(&path).expect("the file");
    let id = text.lines().find_map(|line| line.strip_prefix("aws_access_key_id = ")).expect("an id").to_owned();
    let key = world.installation.access_key(&id).await.expect("an answer").expect("a key");
    assert_eq!(text.matches(&format!("aws_secret_access_key = {}", key.secret)).count(), 2, "one for each profile");
    assert!(text.contains("[default]") && text.contains("[roadstead]"));
    for name in ["credentials", "master.key"] {
        let mode = std::fs::metadata(world.folder.path().join(name)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let database = std::fs::read(world.folder.path().join("roadstead.db-wal")).unwrap_or_default();
    let secret = key.secret.as_bytes();
    assert!(!database.windows(secret.len()).any(|window| window == secret), "the secret is stored unsealed");
}

#[tokio::test]
async fn a_root_key_given_from_outside_replaces_the_one_that_was_made() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let text = std::fs::read_to_string(world.folder.path().join("credentials")).expect("the file");
    let old = text.lines().find_map(|line| line.strip_prefix("aws_access_key_id = ")).expect("an id").to_owned();
    let folder = closed(world).await;
    let given = Some(("AKIAGIVEN".to_owned(), "given secret".to_owned()));
    let installation =
        Installation::open(OpenOptions { root_key: given, ..OpenOptions::new(folder.path()) }).await.expect("an installation");
    assert_eq!(installation.access_key("AKIAGIVEN").await.expect("an answer").expect("a key").secret, "given secret");
    assert!(installation.access_key(&old).await.expect("an answer").is_none());
}

#[tokio::test]
async fn another_master_key_is_refused() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let folder = closed(world).await;
    let opened = Installation::open(OpenOptions { master_key: Some([9; 32]), ..OpenOptions::new(folder.path()) }).await;
    assert!(matches!(opened, Err(OpenError::MasterKeyWrong)));
}

#[tokio::test]
async fn a_lost_master_key_is_missed_and_not_replaced() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let folder = closed(world).await;
    let (key, away) = (folder.path().join("master.key"), folder.path().join("away"));
    std::fs::rename(&key, &away).expect("a file");
    let opened = Installation::open(OpenOptions::new(folder.path())).await;
    assert!(matches!(opened, Err(OpenError::MasterKeyAbsent(path)) if path == key));
    assert!(!key.exists());
    std::fs::rename(&away, &key).expect("a file");
    Installation::open(OpenOptions::new(folder.path())).await.expect("an installation");
}

#[tokio::test]
async fn another_master_key_is_refused_before_a_root_key_from_outside_is_sealed_with_it() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let folder = closed(world).await;
    let given = Some(("AKIAGIVEN".to_owned(), "given secret".to_owned()));
    let options = OpenOptions { master_key: Some([9; 32]), root_key: given, ..OpenOptions::new(folder.path()) };
    assert!(matches!(Installation::open(options).await, Err(OpenError::MasterKeyWrong)));
    let installation = Installation::open(OpenOptions::new(folder.path())).await.expect("an installation");
    assert!(installation.access_key("AKIAGIVEN").await.expect("an answer").is_none());
}

#[tokio::test]
async fn an_older_installation_recognises_its_master_key_by_its_root_key() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let folder = closed(World::new().await).await;
    let database = rusqlite::Connection::open(folder.path().join("roadstead.db")).expect("the database");
    database.execute("UPDATE installation SET key_check = NULL", []).expect("as before the check value");
    let given = Some(("AKIAGIVEN".to_owned(), "given secret".to_owned()));
    let wrong = OpenOptions { master_key: Some([9; 32]), root_key: given, ..OpenOptions::new(folder.path()) };
    assert!(matches!(Installation::open(wrong).await, Err(OpenError::MasterKeyWrong)));
    Installation::open(OpenOptions::new(folder.path())).await.expect("an installation").close().await;
    let check: Vec<u8> = database.query_row("SELECT key_check FROM installation", [], |row| row.get(0)).expect("a check value");
    assert_eq!(check.len(), 32);
}

#[tokio::test]
async fn a_master_key_from_a_file_of_its_own_is_used_and_never_created() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("key");
    let options = || OpenOptions { master_key_file: Some(path.clone()), ..OpenOptions::new(folder.path().join("data")) };
    assert!(matches!(Installation::open(options()).await, Err(OpenError::MasterKeyAbsent(_))));
    std::fs::write(&path, "ab".repeat(32)).expect("a key");
    Installation::open(options()).await.expect("an installation").close().await;
    assert!(!folder.path().join("data/master.key").exists());
    std::fs::write(&path, "cd".repeat(32)).expect("another key");
    assert!(matches!(Installation::open(options()).await, Err(OpenError::MasterKeyWrong)));
}

#[tokio::test]
async fn data_of_a_newer_version_is_refused() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let folder = closed(world).await;
    let database = rusqlite::Connection::open(folder.path().join("roadstead.db")).expect("the database");
    database.execute("INSERT INTO schema_version (version) VALUES (9999)", []).expect("a row");
    let error = Installation::open(OpenOptions::new(folder.path())).await.err().expect("an error").to_string();
    assert!(error.starts_with("cannot open the metadata: the data was written by a newer Roadstead (schema version 9999,"), "{error}");
}

#[tokio::test]
async fn a_command_works_beside_the_server_and_sees_its_account() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let account_id = RegistryId::parse("123456789012").expect("an id");
    let server =
        Installation::open(OpenOptions { account_id: account_id.clone(), ..OpenOptions::new(folder.path()) }).await.expect("a server");
    let command =
        Installation::open(OpenOptions { sharing: Sharing::Command, ..OpenOptions::new(folder.path()) }).await.expect("a command");
    assert_eq!((command.account_id(), command.id()), (&account_id, server.id()));
    let other = RegistryId::parse("210987654321").expect("an id");
    command.create_account(&other, None).await.expect("an account");
    assert_eq!(server.describe_registry(&other).await.expect("visible immediately").id, other);
}

#[tokio::test]
async fn a_command_does_not_migrate_the_data_under_the_servers_feet() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let world = World::new().await;
    let database = rusqlite::Connection::open(world.folder.path().join("roadstead.db")).expect("the database");
    database.execute("DELETE FROM schema_version WHERE version > 1", []).expect("an older version");
    let options = OpenOptions { sharing: Sharing::Command, ..OpenOptions::new(world.folder.path()) };
    let error = Installation::open(options).await.err().expect("an error").to_string();
    assert!(error.contains("older Roadstead") && error.contains("schema version 1"), "{error}");
}

#[tokio::test]
async fn a_command_makes_no_installation_where_there_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = OpenOptions { sharing: Sharing::Command, ..OpenOptions::new(folder.path()) };
    assert!(matches!(Installation::open(options).await, Err(OpenError::Absent(_))));
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_the_first_start_of_a_server_waits_for_it_but_not_for_ever() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // What a server creates first.
    std::fs::write(folder.path().join("roadstead.db"), "").expect("a file");
    let command = || Installation::open(OpenOptions { sharing: Sharing::Command, ..OpenOptions::new(folder.path()) });
    let error = command().await.err().expect("an error");
    assert!(matches!(error, OpenError::Unfinished(_)), "{error}");
    let (opened, server) = tokio::join!(command(), Installation::open(OpenOptions::new(folder.path())));
    let (opened, server) = (opened.expect("an installation"), server.expect("an installation"));
    assert_eq!(opened.id(), server.id());
    opened.close().await;
    server.close().await;
}

#[tokio::test]
async fn the_credentials_are_written_in_place_of_a_link_and_never_through_one() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let victim = elsewhere.path().join("victim");
    std::fs::write(&victim, "untouched").expect("a file");
    let world = World::new().await;
    let data = world.folder.path().to_owned();
    let world = world
        .restart_after(|| {
            std::fs::remove_file(data.join("credentials")).expect("removed");
            std::os::unix::fs::symlink(&victim, data.join("credentials")).expect("a link");
            std::os::unix::fs::symlink(&victim, data.join("credentials.new")).expect("a link");
        })
        .await;
    assert_eq!(std::fs::read_to_string(&victim).expect("the file"), "untouched");
    let written = world.folder.path().join("credentials");
    let metadata = std::fs::symlink_metadata(&written).expect("the file");
    assert!(metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o600);
    assert!(std::fs::read_to_string(written).expect("the file").contains("aws_secret_access_key"));
    assert!(std::fs::symlink_metadata(data.join("credentials.new")).is_err());
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_refused_without_waiting_and_named() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 5] = [
        ("roadstead.db", |path| std::fs::write(path, "no database, but twenty bytes").expect("written"), "file is not a database"),
        ("roadstead.db", |path| std::fs::create_dir(path).expect("a directory"), "unable to open database file"),
        ("roadstead.db-wal", |path| std::fs::create_dir(path).expect("a directory"), "unable to open database file"),
        ("blobs", |path| std::fs::write(path, "").expect("written"), "Not a directory"),
        ("statistics.db", |path| std::fs::create_dir(path).expect("a directory"), "unable to open database file"),
    ];
    for (name, spoil, reason) in cases {
        let folder = closed(World::new().await).await;
        let path = folder.path().join(name);
        if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.ok();
        spoil(&path);
        let patient = OpenOptions { wait: Duration::from_secs(24 * 3600), ..OpenOptions::new(folder.path()) };
        let Err(error) = Installation::open(patient).await else { panic!("{name}: it is opened") };
        let text = error.to_string();
        let named = folder.path().join(name.trim_end_matches("-wal"));
        assert!(text.contains(reason) && text.contains(&format!("'{}'", named.display())), "{text}");
    }
}

#[tokio::test]
async fn a_server_whose_blobs_are_not_there_refuses_to_start_until_they_are() {
    let world = World::of_files().await;
    world.push_image("1", &["v1"]).await;
    let (blobs, away) = (world.blobs(), world.folder.path().join("away"));
    let World { installation, folder, database, .. } = world;
    installation.close().await;
    drop(installation);
    let options = database.options(folder.path());
    std::fs::rename(&blobs, &away).expect("unmounted");
    for mount_point in [None, Some(blobs.clone()), Some(blobs.join("uploads"))] {
        if let Some(path) = mount_point {
            std::fs::create_dir_all(path).expect("a directory");
        }
        let Err(error) = Installation::open(options.clone()).await else { panic!("it is served") };
        assert!(matches!(error, OpenError::LacksBlobs(_)), "{error}");
    }
    std::fs::remove_dir_all(&blobs).expect("removed");
    std::fs::rename(&away, &blobs).expect("mounted");
    Installation::open(options).await.expect("an installation").close().await;
}

#[tokio::test]
async fn the_blobs_of_another_installation_are_neither_served_nor_garbage() {
    let (world, other) = (World::of_files().await, World::of_files().await);
    for each in [&world, &other] {
        each.push_image("1", &["v1"]).await;
    }
    let (blobs, away) = (world.blobs(), world.folder.path().join("away"));
    world.pass_seconds(2 * 24 * 3600);
    std::fs::rename(&blobs, &away).expect("unmounted");
    let at_once = Collection { grace: Duration::ZERO, dry_run: false };
    let collected = world.installation.collect_garbage(at_once).await;
    assert!(matches!(collected, Err(Error::Unavailable(_))), "{collected:?}");

    std::fs::rename(other.blobs(), &blobs).expect("mounted");
    let collected = world.installation.collect_garbage(at_once).await;
    let Err(Error::Refused(text)) = &collected else { panic!("{collected:?}") };
    assert!(text.ends_with("/blobs' has the blobs of another installation: choose another directory with --data"), "{text}");
    let World { installation, folder, database, .. } = world;
    installation.close().await;
    drop(installation);
    let Err(error) = Installation::open(database.options(folder.path())).await else { panic!("it is served") };
    assert!(error.to_string().contains("has the blobs of another installation"), "{error}");

    std::fs::rename(&blobs, other.blobs()).expect("mounted where it belongs");
    assert_eq!(other.installation.collect_garbage(at_once).await.expect("a collection").orphans, 0);
    std::fs::rename(&away, &blobs).expect("mounted");
    Installation::open(database.options(folder.path())).await.expect("an installation").close().await;
}

#[tokio::test]
async fn blobs_that_no_server_has_claimed_yet_can_be_read_and_not_collected() {
    let world = World::of_files().await;
    world.push_image("1", &["v1"]).await;
    std::fs::remove_file(world.blobs().join("installation")).expect("as an earlier version left it");
    let collected = async |dry_run| world.installation.collect_garbage(Collection { grace: Duration::ZERO, dry_run }).await;
    assert_eq!(collected(true).await.expect("a dry run").orphans, 0);
    assert!(matches!(collected(false).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn files_of_others_in_an_empty_directory_of_blobs_hinder_no_first_start() {
    if is_postgres("it opens a data directory with everything in it") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for foreign in ["blobs/lost+found", "blobs/.snapshot"] {
        std::fs::create_dir_all(folder.path().join(foreign)).expect("a directory");
    }
    Installation::open(OpenOptions::new(folder.path())).await.expect("an installation").close().await;
}

#[tokio::test]
async fn blobs_whose_database_is_lost_or_elsewhere_get_no_new_one() {
    let world = World::of_files().await;
    let image = world.push_image("1", &["v1"]).await;
    let folder = closed(world).await;
    let credentials = std::fs::read(folder.path().join("credentials")).ok();
    let database = folder.path().join("roadstead.db");
    for is_there in [false, true] {
        drop(std::fs::remove_file(&database));
        if is_there {
            std::fs::write(&database, "").expect("a file without content");
        }
        let Err(error) = Installation::open(OpenOptions::new(folder.path())).await else { panic!("{image:?} is garbage to it") };
        assert!(matches!(error, OpenError::LacksDatabase(_)), "{error}");
        assert_eq!(std::fs::read(folder.path().join("credentials")).ok(), credentials);
        let command = OpenOptions { sharing: Sharing::Command, ..OpenOptions::new(folder.path()) };
        assert!(matches!(Installation::open(command).await, Err(OpenError::LacksDatabase(_))));
    }
    // Their disk is not mounted either.
    std::fs::remove_file(&database).expect("removed");
    std::fs::remove_dir_all(folder.path().join("blobs")).expect("removed");
    std::os::unix::fs::symlink("/nowhere/blobs", folder.path().join("blobs")).expect("a link");
    let opened = Installation::open(OpenOptions::new(folder.path())).await;
    assert!(matches!(opened, Err(OpenError::Directory { path, .. }) if path == folder.path().join("blobs")));
    assert!(!database.exists());
    assert_eq!(std::fs::read(folder.path().join("credentials")).ok(), credentials);
}
