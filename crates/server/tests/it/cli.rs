//! Commands on the data directory of a running server.

use crate::support::{Answer, Credentials, Server, command, on_files, run};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

/// An account that does not exist initially.
const OTHER: &str = "111122223333";
const POWER_USER: &str = "AmazonElasticContainerRegistryPublicPowerUser";

/// Runs a command that must fail with an exit code, and returns its one line of reason.
fn refused(server: &Server, code: i32, arguments: &[&str]) -> String {
    let ended = server.run(arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
    let line = ended.stderr.strip_prefix("roadstead: ").unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!(line.lines().count(), 1, "{ended:?}");
    line.trim_end().to_owned()
}

fn kind(answer: &Answer) -> (u16, Value) {
    let json = answer.json();
    (answer.status, json["__type"].clone())
}

fn unknown_key() -> (u16, Value) {
    (400, json!("UnrecognizedClientException"))
}

/// Creates the user alice with an access key.
fn key_of_alice(server: &Server) -> Credentials {
    server.run(&["user", "create", "alice"]).ok();
    Credentials::of(&server.command(&["access-key", "create", "--user", "alice"]))
}

fn names(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_disabled_access_key_is_refused_until_it_is_enabled() {
    let server = Server::start(&[]);
    let key = server.command(&["access-key", "create"]);
    let credentials = Credentials::of(&key);
    let describe = || kind(&server.aws_as(&credentials, "DescribeRepositories", &json!({})));
    assert_eq!(describe(), (200, Value::Null));
    let disabled = server.command(&["access-key", "disable", &credentials.id]);
    assert_eq!((&disabled["status"], &disabled["accessKeyId"]), (&json!("Inactive"), &json!(credentials.id)));
    assert_eq!(describe(), unknown_key());
    assert_eq!(server.command(&["access-key", "enable", &credentials.id])["status"], "Active");
    assert_eq!(describe(), (200, Value::Null));
    assert_eq!(server.run(&["access-key", "delete", &credentials.id]).ok(), "");
    assert_eq!(describe(), unknown_key());
}

#[test]
fn the_root_key_is_printed_as_often_as_it_is_asked_for() {
    let server = Server::start(&[]);
    let root = server.credentials();
    for _ in 0..2 {
        let key = Credentials::of(&server.command(&["access-key", "root"]));
        assert_eq!((key.id, key.secret), (root.id.clone(), root.secret.clone()));
    }
    assert!(server.run(&["access-key", "root", "--profile", "harbour"]).ok().starts_with("[harbour]\naws_access_key_id = "));
    // That of another account too, but never that of a user.
    let other = Credentials::of(&server.command(&["account", "create", OTHER]));
    assert_eq!(Credentials::of(&server.command(&["access-key", "root", "--account", OTHER])).secret, other.secret);
    key_of_alice(&server);
    assert_eq!(server.command(&["access-key", "root"])["userName"], Value::Null);
    server.run(&["access-key", "delete", &other.id]).ok();
    assert!(refused(&server, 1, &["access-key", "root", "--account", OTHER]).contains("roadstead access-key create --account"));
}

#[test]
fn the_log_of_a_start_names_the_command_that_prints_the_root_key() {
    // A server on a shared database makes no key.
    on_files();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").to_str().unwrap().to_owned();
    let command = format!("'roadstead access-key root --data {data}' prints the root access key");
    let mentions = |server: &Server| {
        let said = server.wait_for_events(0, |event| event["message"].as_str().is_some_and(|text| text.starts_with(&command)));
        said.len()
    };
    assert_eq!(mentions(&Server::start_in(folder.path().join("data").as_path(), &[])), 1);
    // The key of an emulator is any, and a given one is known.
    let given =
        [("ROADSTEAD_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("ROADSTEAD_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")];
    assert_eq!(mentions(&Server::start_with(&["--data", &data], &given)), 0);
    assert_eq!(mentions(&Server::start_in(folder.path().join("data").as_path(), &["--emulator"])), 0);
}

#[test]
fn the_version_names_features_and_target() {
    let [short, long] = ["-V", "--version"].map(|flag| run(&[flag], &[]).ok());
    assert_eq!(short, format!("roadstead {}\n", env!("CARGO_PKG_VERSION")));
    let lines: Vec<&str> = long.lines().collect();
    assert!(lines[0].starts_with(short.trim_end()), "{long}");
    assert!(lines[1].starts_with("features: ") && lines[1].contains("postgresql"), "{long}");
    assert!(lines[2].starts_with("target: ") && lines[2].contains("linux"), "{long}");
}

#[test]
fn a_secret_is_printed_once_and_never_listed_or_logged() {
    let server = Server::start(&[]);
    let key = Credentials::of(&server.command(&["access-key", "create"]));
    let listed = server.command(&["access-key", "list"]);
    assert!(names(&listed, "accessKeyId").contains(&key.id));
    for text in [listed.to_string(), server.run(&["access-key", "list"]).ok(), server.run(&["account", "show"]).ok(), server.logged()] {
        assert!(!text.contains(&key.secret) && !text.contains("ecret"), "{text}");
    }
}

#[test]
fn a_rotated_key_is_replaced_by_a_new_one_of_the_same_holder() {
    let server = Server::start(&[]);
    let old = key_of_alice(&server);
    let new = server.command(&["access-key", "rotate", &old.id]);
    assert_eq!(new["arn"], "arn:aws:iam::000000000000:user/alice");
    let describe = |key: &Credentials| kind(&server.aws_as(key, "DescribeRegistries", &json!({})));
    assert_eq!(describe(&old), unknown_key());
    assert_ne!(describe(&Credentials::of(&new)), unknown_key());
    let listed = server.command(&["access-key", "list", "--user", "alice"]);
    assert_eq!(names(&listed, "status"), ["Inactive", "Active"]);
}

#[test]
fn a_disabled_key_cannot_be_rotated() {
    let server = Server::start(&[]);
    let key = key_of_alice(&server);
    server.command(&["access-key", "disable", &key.id]);
    let refusal = refused(&server, 1, &["access-key", "rotate", &key.id]);
    assert!(refusal.contains("is disabled: enable it first, or create another one"), "{refusal}");
    let keys = server.command(&["access-key", "list", "--user", "alice"]);
    assert_eq!((keys.as_array().map(Vec::len), &keys[0]["status"]), (Some(1), &json!("Inactive")));
}

#[test]
fn the_rotated_root_key_is_in_the_credentials_file_after_the_next_start() {
    on_files();
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_in(data.path(), &[]);
    let old = server.credentials();
    let new = Credentials::of(&server.command(&["access-key", "rotate", &old.id]));
    assert!(server.stop().success());
    let server = Server::start_in(data.path(), &[]);
    assert_eq!(server.credentials(), new);
    assert_eq!(server.aws("DescribeRegistries", &json!({})).status, 200);
}

#[test]
fn a_key_can_be_printed_as_a_profile_of_a_credentials_file() {
    let server = Server::start(&[]);
    let text = server.run(&["access-key", "create", "--profile", "harbour master"]).ok();
    let lines: Vec<&str> = text.lines().collect();
    let [profile, id, secret] = lines[..] else { panic!("{text}") };
    assert_eq!(profile, "[harbour master]");
    let key = Credentials {
        id: id.strip_prefix("aws_access_key_id = ").unwrap().to_owned(),
        secret: secret.strip_prefix("aws_secret_access_key = ").unwrap().to_owned(),
    };
    assert_eq!(server.aws_as(&key, "DescribeRegistries", &json!({})).status, 200);
}

#[test]
fn a_key_can_be_imported_with_its_secret() {
    let server = Server::start(&[]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n").unwrap();
    let arguments = ["access-key", "create", "--id", "AKIAIOSFODNN7EXAMPLE", "--secret-file", file.path().to_str().unwrap()];
    let key = Credentials::of(&server.command(&arguments));
    assert_eq!(key.secret, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    assert_eq!(server.aws_as(&key, "DescribeRegistries", &json!({})).status, 200);
    assert_eq!(refused(&server, 1, &arguments), "access key 'AKIAIOSFODNN7EXAMPLE' already exists");
}

#[test]
fn the_last_root_key_of_the_servers_own_account_is_not_deleted() {
    let server = Server::start(&[]);
    let root = server.credentials();
    let reason = refused(&server, 1, &["access-key", "delete", &root.id]);
    assert!(reason.contains("last root key") && reason.contains("disable it"), "{reason}");
    server.command(&["access-key", "create"]);
    assert_eq!(server.run(&["access-key", "delete", &root.id]).ok(), "");
}

#[test]
fn an_alias_resolves_only_while_it_is_active() {
    let server = Server::start(&["--alias", "harbour"]);
    assert_eq!(server.aws("CreateRepository", &json!({"repositoryName": "app"})).status, 200);
    let pull = || server.get("/v2/dock/app/tags/list").status;
    assert_eq!(pull(), 404);
    assert_eq!(server.command(&["alias", "add", "dock", "--status", "pending"])["status"], "PENDING");
    assert_eq!(pull(), 404);
    server.command(&["alias", "change", "dock", "--status", "ACTIVE"]);
    assert_eq!(pull(), 200);
    server.command(&["alias", "change", "dock", "--status", "REJECTED"]);
    assert_eq!(pull(), 404);
    assert_eq!(server.run(&["alias", "remove", "dock"]).ok(), "");
    assert_eq!(names(&server.command(&["alias", "list"]), "name"), ["harbour"]);
}

#[test]
fn uris_show_the_primary_alias_and_there_is_always_one() {
    let server = Server::start(&["--alias", "harbour"]);
    for arguments in [&["alias", "remove", "harbour"][..], &["alias", "change", "harbour", "--status", "REJECTED"]] {
        let reason = refused(&server, 1, arguments);
        assert!(reason.contains("primary"), "{reason}");
    }
    let added = server.command(&["alias", "add", "dock", "--primary", "--default"]);
    assert_eq!((&added["primaryRegistryAlias"], &added["defaultRegistryAlias"]), (&json!(true), &json!(true)));
    let uri = server.aws("CreateRepository", &json!({"repositoryName": "app"})).json()["repository"]["repositoryUri"].clone();
    assert!(uri.as_str().unwrap().ends_with("/dock/app"), "{uri}");
    let described = server.aws("DescribeRegistries", &json!({})).json();
    let primary = |alias: &&Value| alias["primaryRegistryAlias"] == true;
    let aliases = described["registries"][0]["aliases"].as_array().unwrap();
    assert_eq!(aliases.iter().filter(primary).map(|alias| &alias["name"]).collect::<Vec<_>>(), ["dock"]);
    assert_eq!(server.run(&["alias", "remove", "harbour"]).ok(), "");
}

#[test]
fn an_alias_belongs_to_one_account_and_must_not_be_reserved() {
    let server = Server::start(&["--alias", "harbour"]);
    server.command(&["account", "create", OTHER, "--alias", "dock"]);
    assert_eq!(refused(&server, 1, &["alias", "add", "dock"]), "the alias 'dock' belongs to another account");
    assert!(refused(&server, 1, &["alias", "add", "harbour"]).contains("'roadstead alias change'"));
    assert!(refused(&server, 1, &["alias", "change", "quay", "--primary"]).contains("has no alias 'quay'"));
    assert_eq!(refused(&server, 2, &["alias", "change", "harbour"]), "nothing to change: use --status, --primary or --default");
    for reserved in ["v2", "token", "assets", "healthz", "readyz", "metrics", "UPPER", "x"] {
        assert_eq!(server.run(&["alias", "add", reserved]).code, Some(2), "{reserved}");
    }
}

#[test]
fn an_account_has_a_separate_registry_under_its_own_alias() {
    let server = Server::start(&[]);
    let key = server.command(&["account", "create", OTHER, "--alias", "dock", "--verified"]);
    let answer = server.aws_as(&Credentials::of(&key), "CreateRepository", &json!({"repositoryName": "app"})).json();
    assert_eq!(answer["repository"]["registryId"], OTHER);
    assert!(answer["repository"]["repositoryUri"].as_str().unwrap().ends_with("/dock/app"), "{answer}");
    let registry = |answer: Value| (answer["registries"][0]["registryId"].clone(), answer["registries"][0]["verified"].clone());
    let described = || registry(server.aws_as(&Credentials::of(&key), "DescribeRegistries", &json!({})).json());
    assert_eq!(described(), (json!(OTHER), json!(true)));
    assert_eq!(server.command(&["account", "verify", OTHER, "off"])["verified"], false);
    assert_eq!(described(), (json!(OTHER), json!(false)));
    assert_eq!(refused(&server, 1, &["account", "create", OTHER]), format!("account {OTHER} already exists"));
}

#[test]
fn an_account_is_shown_with_its_aliases_users_and_keys() {
    let server = Server::start(&["--alias", "harbour"]);
    server.run(&["user", "create", "alice"]).ok();
    server.command(&["access-key", "create", "--user", "alice"]);
    let shown = server.command(&["account", "show"]);
    assert_eq!((&shown["registryId"], &shown["verified"]), (&json!("000000000000"), &json!(false)));
    assert_eq!((names(&shown["aliases"], "name"), names(&shown["users"], "userName")), (vec!["harbour".into()], vec!["alice".into()]));
    assert_eq!(shown["accessKeys"].as_array().unwrap().len(), 2);
    let text = server.run(&["account", "show"]).ok();
    for heading in ["ACCOUNT       VERIFIED  ALIASES\n000000000000  no        harbour\n", "\nALIAS  ", "\nUSER  ", "\nACCESS KEY ID  "] {
        assert!(text.contains(heading), "{heading}: {text}");
    }
    assert_eq!(names(&server.command(&["account", "list"]), "registryId"), ["000000000000"]);
}

#[test]
fn a_user_is_deleted_with_all_keys_and_policies() {
    let server = Server::start(&[]);
    let made = server.command(&["user", "create", "alice"]);
    assert_eq!((&made["userName"], &made["arn"]), (&json!("alice"), &json!("arn:aws:iam::000000000000:user/alice")));
    assert!(refused(&server, 1, &["user", "create", "alice"]).contains("already"));
    let key = Credentials::of(&server.command(&["access-key", "create", "--user", "alice"]));
    server.command(&["policy", "attach", POWER_USER, "--user", "alice"]);
    assert_eq!(server.run(&["user", "delete", "alice"]).ok(), "");
    assert_eq!(kind(&server.aws_as(&key, "DescribeRegistries", &json!({}))), unknown_key());
    server.run(&["user", "create", "alice"]).ok();
    assert_eq!(server.command(&["policy", "list", "--user", "alice"]), json!([]));
    assert_eq!(server.command(&["access-key", "list", "--user", "alice"]), json!([]));
}

#[test]
fn errors_about_missing_objects_name_the_command_that_lists_them() {
    let server = Server::start(&[]);
    for (arguments, hint) in [
        (&["user", "list", "--account", OTHER][..], "'roadstead account create 111122223333'"),
        (&["user", "delete", "bob"], "'roadstead user list --account 000000000000'"),
        (&["access-key", "create", "--user", "bob"], "'roadstead user list --account 000000000000'"),
        (&["access-key", "rotate", "AKIANONE"], "'roadstead access-key list'"),
        (&["policy", "attach", POWER_USER, "--user", "bob"], "'roadstead user list --account 000000000000'"),
        (&["policy", "show", "own"], "'roadstead policy list'"),
        (&["repository-policy", "show", "nope"], "'roadstead repository list --account 000000000000'"),
        (&["repository", "show", "nope"], "'roadstead repository list --account 000000000000'"),
        (&["stats", "nope"], "'roadstead repository list --account 000000000000'"),
        (&["alias", "remove", "quay"], "'roadstead alias list --account 000000000000'"),
    ] {
        let reason = refused(&server, 1, arguments);
        assert!(reason.contains(hint), "{reason}");
    }
}

#[test]
fn a_managed_policy_is_attached_by_its_name_or_its_arn() {
    let server = Server::start(&[]);
    assert_eq!(server.command(&["policy", "list"]).as_array().unwrap().len(), 3);
    server.run(&["user", "create", "alice"]).ok();
    let arn = format!("arn:aws:iam::aws:policy/{POWER_USER}");
    for name in [POWER_USER, &arn] {
        let attached = server.command(&["policy", "attach", name, "--user", "alice"]);
        assert_eq!(attached, json!({"policyName": POWER_USER, "arn": arn}));
    }
    assert_eq!(names(&server.command(&["policy", "list", "--user", "alice"]), "policyName"), [POWER_USER]);
    let document: Value = serde_json::from_str(&server.run(&["policy", "show", POWER_USER, "--user", "alice"]).ok()).unwrap();
    assert_eq!(document["Statement"][0]["Effect"], "Allow");
    assert_eq!(server.run(&["policy", "detach", &arn, "--user", "alice"]).ok(), "");
    assert!(refused(&server, 1, &["policy", "detach", &arn, "--user", "alice"]).contains("does not exist: 'roadstead policy list'"));
    assert!(refused(&server, 2, &["policy", "attach", "AdministratorAccess", "--user", "alice"]).contains("'roadstead policy list'"));
}

#[test]
fn attached_and_detached_policies_take_effect_immediately() {
    let server = Server::start(&[]);
    let alice = key_of_alice(&server);
    let describe = || kind(&server.aws_as(&alice, "DescribeRepositories", &json!({})));
    let denied = (400, json!("AccessDeniedException"));
    assert_eq!(describe(), denied);
    server.command(&["policy", "attach", POWER_USER, "--user", "alice"]);
    assert_eq!(describe(), (200, Value::Null));
    assert_eq!(kind(&server.aws_as(&alice, "CreateRepository", &json!({"repositoryName": "app"}))), denied);
    server.run(&["policy", "detach", POWER_USER, "--user", "alice"]).ok();
    assert_eq!(describe(), denied);
}

#[test]
fn the_repositories_of_an_account_are_listed() {
    let server = Server::start(&[]);
    assert_eq!(server.command(&["repository", "list"]), json!([]));
    for name in ["team/b", "team/a"] {
        assert_eq!(server.aws("CreateRepository", &json!({"repositoryName": name})).status, 200);
    }
    let listed = server.command(&["repository", "list"]);
    assert_eq!(names(&listed, "repositoryName"), ["team/a", "team/b"]);
    assert!(server.run(&["repository", "list"]).ok().starts_with("REGISTRY      REPOSITORY  CREATED\n000000000000  team/a  "));
    server.run(&["account", "create", OTHER]).ok();
    assert_eq!(server.command(&["repository", "list", "--account", OTHER]), json!([]));
}

#[test]
fn a_repository_policy_that_locks_everybody_out_is_deleted_by_a_command() {
    let server = Server::start(&[]);
    let repository = json!({"repositoryName": "team/app"});
    assert_eq!(kind(&server.aws("CreateRepository", &repository)), (200, Value::Null));
    assert!(refused(&server, 1, &["repository-policy", "show", "team/app"]).contains("has no policy"));
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr-public:*"}]});
    let set = json!({"repositoryName": "team/app", "policyText": deny.to_string(), "force": true});
    assert_eq!(kind(&server.aws("SetRepositoryPolicy", &set)), (200, Value::Null));
    assert_eq!(kind(&server.aws("DeleteRepositoryPolicy", &repository)), (400, json!("AccessDeniedException")));

    let shown: Value = serde_json::from_str(&server.run(&["repository-policy", "show", "team/app"]).ok()).unwrap();
    assert_eq!(shown, deny);
    let deleted = server.command(&["repository-policy", "delete", "team/app"]);
    assert_eq!((&deleted["repositoryName"], &deleted["registryId"]), (&json!("team/app"), &json!("000000000000")));
    assert_eq!(serde_json::from_str::<Value>(deleted["policyText"].as_str().unwrap()).unwrap(), deny);
    assert_eq!(kind(&server.aws("GetRepositoryPolicy", &repository)), (400, json!("RepositoryPolicyNotFoundException")));
    assert!(refused(&server, 1, &["repository-policy", "delete", "team/other"]).contains("team/other"));
    let misnamed = server.run(&["repository-policy", "delete", "Team"]);
    assert!(misnamed.code == Some(2) && misnamed.stderr.contains("cannot be the name of a repository"), "{misnamed:?}");
}

#[test]
fn a_policy_shows_the_id_of_a_deleted_user() {
    let server = Server::start(&[]);
    let id = server.command(&["user", "create", "alice"])["userId"].as_str().unwrap().to_owned();
    assert!(id.len() == 21 && id.starts_with("AIDA"), "{id}");
    assert_eq!(server.command(&["user", "list"])[0]["userId"], json!(id));
    assert_eq!(kind(&server.aws("CreateRepository", &json!({"repositoryName": "app"}))), (200, Value::Null));
    let policy = |principal: &str| json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "ecr-public:*"}]});
    let alice = policy("arn:aws:iam::000000000000:user/alice");
    let set = json!({"repositoryName": "app", "policyText": alice.to_string()});
    assert_eq!(kind(&server.aws("SetRepositoryPolicy", &set)), (200, Value::Null));
    let shown = || serde_json::from_str::<Value>(&server.run(&["repository-policy", "show", "app"]).ok()).unwrap();
    assert_eq!(shown(), alice);
    server.run(&["user", "delete", "alice"]).ok();
    assert_eq!(shown(), policy(&id));
}

#[test]
fn a_policy_document_comes_from_a_file_or_the_standard_input() {
    let server = Server::start(&[]);
    server.run(&["user", "create", "alice"]).ok();
    let document = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr-public:*", "Resource": "*"}});
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(document.to_string().as_bytes()).unwrap();
    let attach = |path: &str| ["policy", "attach", "own", "--user", "alice", "--document", path].map(str::to_owned);
    let from_file = attach(file.path().to_str().unwrap());
    assert_eq!(server.command(&from_file.each_ref().map(String::as_str)), json!({"policyName": "own", "arn": null}));
    assert_eq!(server.command(&["policy", "show", "own", "--user", "alice"])["document"], document);

    let changed = json!({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}});
    let data = server.data().to_str().unwrap();
    let mut child = command(&attach("-").each_ref().map(String::as_str), &[("ROADSTEAD_DATA", data)]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(changed.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(server.command(&["policy", "show", "own", "--user", "alice"])["document"], changed);
}

#[test]
fn a_bad_policy_document_is_refused_with_its_file_and_statement() {
    let server = Server::start(&[]);
    server.run(&["user", "create", "alice"]).ok();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"Statement": [{"Effect": "Allow", "Resource": "*"}]}"#).unwrap();
    let path = file.path().to_str().unwrap();
    let attach = |name: &str, path: &str| refused(&server, 2, &["policy", "attach", name, "--user", "alice", "--document", path]);
    assert_eq!(attach("own", path), format!("{path}: statement 1: the element 'Action' is missing"));
    assert!(attach(POWER_USER, path).contains("choose another name"));
    assert!(attach("no/slashes", path).contains("is not a valid policy name"));
    assert!(attach("own", "/nowhere").starts_with("cannot read '/nowhere': "));
    assert_eq!(server.command(&["policy", "list", "--user", "alice"]), json!([]));
}

#[test]
fn the_data_directory_is_found_by_flag_variable_or_file_and_is_never_created() {
    on_files();
    let server = Server::start(&[]);
    let data = server.data().to_str().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "listen = '127.0.0.1:1'\ndata = '{data}'\n").unwrap();
    let config = file.path().to_str().unwrap();
    for (flags, environment) in [
        (vec!["--data", data], vec![]),
        (vec![], vec![("ROADSTEAD_DATA", data)]),
        (vec!["--config", config], vec![]),
        (vec![], vec![("ROADSTEAD_CONFIG", config)]),
    ] {
        for arguments in [[&["account", "list"], flags.as_slice()].concat(), [&["account"], flags.as_slice(), &["list"]].concat()] {
            let ended = run(&arguments, &environment);
            assert_eq!(ended.code, Some(0), "{arguments:?} {environment:?}: {ended:?}");
        }
    }
    let empty = tempfile::tempdir().unwrap();
    let ended = run(&["account", "list", "--data", empty.path().to_str().unwrap()], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is not a roadstead data directory: name it with --data"), "{ended:?}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn a_command_needs_the_master_key_that_the_server_was_given() {
    on_files();
    let key = ("ROADSTEAD_MASTER_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    let server = Server::start_with(&["--ephemeral"], &[key]);
    let data = ("ROADSTEAD_DATA", server.data().to_str().unwrap());
    assert_eq!(run(&["access-key", "create"], &[data, key]).code, Some(0));
    let ended = run(&["access-key", "create"], &[data]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("ROADSTEAD_MASTER_KEY"), "{ended:?}");
    assert!(!server.data().join("master.key").exists());
}

#[test]
fn a_malformed_command_fails_with_exit_code_2() {
    let server = Server::start(&[]);
    for arguments in [
        &["account", "create", "12"][..],
        &["user", "create", "no blanks"],
        &["user", "create", "alice", "--account", "harbour"],
        &["access-key", "create", "--profile", "a]b"],
        &["access-key", "create", "--profile", "a", "--output", "json"],
        &["access-key", "create", "--id", "AKIAX"],
        &["policy", "attach", POWER_USER],
        &["policy", "list", "--account", "000000000000"],
        &["alias", "add", "dock", "--status", "perhaps"],
        &["user"],
    ] {
        let ended = server.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!ended.stderr.is_empty());
    }
}
