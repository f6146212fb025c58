//! Files that other users of the machine can read, and warnings at start about weak secrets.

use crate::support::{Harbour, Identity, Server, run};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The modes of a directory and everything below it, by path.
fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let mut modes = BTreeMap::from([(format!("{}/", folder.display()), mode(folder))]);
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            modes.extend(self::modes(&entry));
        } else {
            modes.insert(entry.display().to_string(), mode(&entry));
        }
    }
    modes
}

fn assert_private(data: &Path) {
    for (path, mode) in modes(data) {
        assert_eq!(mode, if path.ends_with('/') { 0o700 } else { 0o600 }, "{path}");
    }
}

#[test]
fn whatever_the_umask_is_everything_in_the_data_folder_is_its_owners_only() {
    crate::support::on_files();
    for umask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("above/data");
        let harbour = Harbour::on(Server::start_under(umask, &data, &["--alias", "pier"]));
        harbour.create("app");
        harbour.push_blob("app", &vec![b'a'; 100_000]);
        let location = harbour.start_upload();
        assert_eq!(harbour.send("PATCH", &location, &[], &vec![b'a'; 100_000]).status, 202);
        let names: Vec<String> = modes(&data).into_keys().collect();
        let databases = ["roadstead.db", "statistics.db"].map(|name| ["", "-wal", "-shm"].map(|suffix| format!("/{name}{suffix}")));
        let others =
            ["/lock", "/collection.lock", "/master.key", "/credentials", "/blobs/uploads/", "/blobs/installation"].map(str::to_owned);
        for name in databases.iter().flatten().chain(&others) {
            assert!(names.iter().any(|path| path.ends_with(name.as_str())), "{name}: {names:?}");
        }
        assert_eq!(names.len(), 11 + 7, "{names:?}");
        assert_private(&data);

        // Also private if a command, running alone, creates SQLite's files again.
        assert!(harbour.server.stop().success());
        let command = format!("umask {umask}; exec \"$0\" user create alice --data \"$1\"");
        let arguments = ["-c", &command, env!("CARGO_BIN_EXE_roadstead"), data.to_str().unwrap()];
        assert!(std::process::Command::new("sh").args(arguments).output().unwrap().status.success());
        assert_private(&data);
    }
}

#[test]
fn what_was_open_to_others_is_closed_at_start_and_told() {
    crate::support::on_files();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(Server::start_in(&data, &[]).stop().success());
    let open = ["", "blobs", "lock", "master.key", "credentials", "roadstead.db"];
    for name in open {
        let path = data.join(name);
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    let server = Server::start_in(&data, &[]);
    assert_private(&data);
    let told = server.logged().lines().filter(|line| line.contains("this was accessible to other users")).count();
    assert_eq!(told, open.len(), "{}", server.logged());
    assert!(server.stop().success());

    // The mode of a directory with other files in it is left alone.
    fs::write(data.join("somebody's"), "").unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let server = Server::start_in(&data, &[]);
    assert_eq!(mode(&data), 0o755);
    assert!(server.logged().contains("use a separate directory"));
}

#[test]
fn what_a_link_in_the_data_folder_leads_to_is_left_as_it_is() {
    crate::support::on_files();
    let folder = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    let link = |name: &str| {
        let _ = fs::remove_file(data.join(name));
        symlink(&elsewhere, data.join(name)).unwrap();
    };
    assert!(Server::start_in(&data, &[]).stop().success());
    fs::copy(data.join("master.key"), &elsewhere).unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o777)).unwrap();
    link("master.key");
    let server = Server::start_in(&data, &[]);
    assert_eq!((mode(&data), mode(&elsewhere)), (0o700, 0o644));
    assert!(server.logged().contains("the target of this link is accessible to other users"), "{}", server.logged());
    assert!(server.stop().success());

    // No file is created at the target either.
    fs::rename(&elsewhere, folder.path().join("key")).unwrap();
    link("lock");
    assert_eq!(run(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], &[]).code, Some(1));
    assert!(!elsewhere.exists());

    // The data directory itself may be a link.
    fs::remove_file(data.join("lock")).unwrap();
    fs::rename(folder.path().join("key"), &elsewhere).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let named = folder.path().join("named");
    symlink(&data, &named).unwrap();
    assert!(Server::start_in(&named, &[]).stop().success());
    assert_eq!(mode(&data), 0o700);
}

#[test]
fn a_file_with_secrets_that_everybody_can_read_is_warned_about_with_what_to_do() {
    crate::support::on_files();
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let own = "[[account.user]]\nname = 'a'\n[[account.user.access_key]]\nid = 'AKIAA'\nsecret = 'secret-of-the-user-a'\n";
    let named = "[[account.user]]\nname = 'b'\n[[account.user.access_key]]\nid = 'AKIAB'\nsecret_file = 'secret-b'\n";
    fs::write(path("secret-b"), "secret-of-the-user-b\n").unwrap();
    let warned = |server: &Server, name: &str| {
        let of = |line: &&str| line.contains("chmod o-rwx") && line.contains(&path(name));
        server.logged().lines().filter(of).count()
    };
    let start = |text: &str, flags: &[&str], mode: u32| {
        fs::write(path("roadstead.toml"), text).unwrap();
        for name in ["key.pem", "secret-b", "roadstead.toml"] {
            fs::set_permissions(path(name), Permissions::from_mode(mode)).unwrap();
        }
        Server::start(&[&["--config", &path("roadstead.toml")], flags].concat())
    };
    let tls = identity.flags();
    let all = format!("[[account]]\n{own}{named}");
    let only_named = format!("[[account]]\n{named}");
    for (text, flags, mode, expected) in
        [(all.as_str(), tls.as_slice(), 0o644, [1, 1, 1]), (&only_named, &[], 0o604, [0, 1, 0]), (&all, &tls, 0o640, [0, 0, 0])]
    {
        let server = start(text, flags, mode);
        assert_eq!(["roadstead.toml", "secret-b", "key.pem"].map(|name| warned(&server, name)), expected, "{}", server.logged());
    }
}

#[test]
fn root_and_a_proxy_that_is_everybody_are_warned_about() {
    crate::support::on_files();
    let is_root = rustix::process::geteuid().is_root();
    for (proxy, expected) in [("0.0.0.0/0", 1), ("::/0", 1), ("10.0.0.0/8", 0)] {
        let server = Server::start(&["--trusted-proxy", proxy]);
        let count = |text: &str| server.logged().lines().filter(|line| line.contains(text)).count();
        assert_eq!(count("--trusted-proxy trusts every peer"), expected, "{proxy}");
        assert_eq!(count("runs as root"), usize::from(is_root));
    }
}

#[test]
fn a_key_that_anybody_can_guess_is_refused_at_start_with_what_to_do() {
    crate::support::on_files();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serve = |environment: &[(&str, &str)]| {
        let ended = run(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], environment);
        (ended.code, ended.stderr)
    };
    let id = ("ROADSTEAD_ACCESS_KEY_ID", "AKIAROADSTEADTEST");
    for secret in ["a", "fifteen-letters"] {
        let (code, said) = serve(&[id, ("ROADSTEAD_SECRET_ACCESS_KEY", secret)]);
        let expected = "environment variable ROADSTEAD_SECRET_ACCESS_KEY: is not a secret access key: 16 to 128 printable";
        assert!(code == Some(2) && said.contains(expected) && said.contains("openssl rand"), "{said}");
    }
    let base64 = "A".repeat(43) + "=";
    for zeros in [&"0".repeat(64), &base64] {
        let (code, said) = serve(&[("ROADSTEAD_MASTER_KEY", zeros)]);
        assert!(code == Some(2) && said.contains("ROADSTEAD_MASTER_KEY: is 32 zeros") && said.contains("openssl rand"), "{said}");
    }
    assert!(!data.exists());
    assert!(Server::start_in(&data, &[]).stop().success());
    fs::write(data.join("master.key"), "0".repeat(64)).unwrap();
    let (code, said) = serve(&[]);
    assert!(code == Some(1) && said.contains("master.key' is all zeros"), "{said}");
}
