//! Permissions of every kind of principal for every operation.

use super::door::{Door, OWN, unsigned, valid_body};
use crate::support::Credentials;
use roadstead_model::aws::Operation;
use serde_json::{Value, json};
use std::io::Write;

const OTHER: &str = "999999999999";
const GRANT: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"ecr-public:*"}]}"#;

/// The principals that may call each operation on the repository of the account 123456789012, by letter: users of the account
/// with (R)eadOnly, (P)owerUser or (F)ullAccess; another account that the repository's policy (G)rants everything; an(O)ther
/// account without a grant; an (A)nonymous client.
const MAY: &[(&str, &str)] = &[
    ("BatchCheckLayerAvailability", "RPFG"),
    ("BatchDeleteImage", "FG"),
    ("CompleteLayerUpload", "PFG"),
    ("CreateRepository", "FGO"),
    ("DeleteRepository", "FG"),
    ("DeleteRepositoryPolicy", "FG"),
    ("DescribeImageTags", "RPFGOA"),
    ("DescribeImages", "RPFGOA"),
    ("DescribeRegistries", "RPFGO"),
    ("DescribeRepositories", "RPFGOA"),
    ("GetAuthorizationToken", "RPFGO"),
    ("GetRegistryCatalogData", "RPFGO"),
    ("GetRepositoryCatalogData", "RPFGOA"),
    ("GetRepositoryPolicy", "RPFG"),
    ("InitiateLayerUpload", "PFG"),
    ("ListTagsForResource", "FG"),
    ("PutImage", "PFG"),
    ("PutRegistryCatalogData", "FGO"),
    ("PutRepositoryCatalogData", "FG"),
    ("SetRepositoryPolicy", "FG"),
    ("TagResource", "FG"),
    ("UntagResource", "FG"),
    ("UploadLayerPart", "PFG"),
];

impl Door {
    /// Creates a user with these policies, and returns its access key.
    pub(super) fn user(&self, name: &str, policies: &[(&str, Option<&str>)]) -> Credentials {
        self.server.command(&["user", "create", name]);
        for (policy, document) in policies {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(document.unwrap_or_default().as_bytes()).unwrap();
            let own = ["--document", file.path().to_str().unwrap()];
            let document: &[&str] = if document.is_some() { &own } else { &[] };
            self.server.command(&[&["policy", "attach", policy, "--user", name], document].concat());
        }
        Credentials::of(&self.server.command(&["access-key", "create", "--user", name]))
    }

    fn other_account(&self) -> Credentials {
        Credentials::of(&self.server.command(&["account", "create", OTHER]))
    }

    /// Recreates the repository with or without a policy, after an operation may have changed it.
    fn restore(&self, policy: Option<&str>) {
        let name = json!({"repositoryName": "team/app"});
        self.server.aws("CreateRepository", &name);
        match policy {
            Some(policy) => {
                let policy = json!({"repositoryName": "team/app", "policyText": policy, "force": true});
                assert_eq!(self.server.aws("SetRepositoryPolicy", &policy).status, 200);
            }
            None => drop(self.server.aws("DeleteRepositoryPolicy", &name)),
        }
    }

    /// Whether the holder of `key`, or an anonymous client, is permitted to call `operation`, which may then fail.
    fn may(&mut self, key: Option<&Credentials>, operation: &str, body: &Value) -> bool {
        let body = body.to_string();
        let headers = match key {
            Some(key) => {
                self.key = key.clone();
                self.signed(operation, &body)
            }
            None => unsigned(operation),
        };
        let (status, answer) = self.send_with(&headers, &body);
        assert_ne!(status, 500, "{operation}: {answer}");
        !matches!(answer["__type"].as_str(), Some("AccessDeniedException" | "MissingAuthenticationTokenException"))
    }
}

fn managed(kind: &str) -> String {
    format!("AmazonElasticContainerRegistryPublic{kind}")
}

fn named(registry: &str) -> Value {
    let mut body = valid_body();
    body["registryId"] = json!(registry);
    body
}

#[test]
fn every_operation_is_permitted_exactly_to_the_principals_in_its_row() {
    let mut door = Door::open();
    let (read, power, full) = (managed("ReadOnly"), managed("PowerUser"), managed("FullAccess"));
    let keys = [
        ("R", Some(door.user("reader", &[(&read, None)])), valid_body(), None),
        ("P", Some(door.user("pusher", &[(&power, None)])), valid_body(), None),
        ("F", Some(door.user("manager", &[(&full, None)])), valid_body(), None),
        ("G", Some(door.other_account()), named(OWN), Some(GRANT)),
    ];
    let other = keys[3].1.clone();
    let keys: Vec<_> = keys.into_iter().chain([("O", other, named(OWN), None), ("A", None, named(OWN), Some(GRANT))]).collect();
    for operation in Operation::ALL {
        let row = MAY.iter().find(|(name, _)| *name == operation.name());
        let (_, letters) = row.unwrap_or_else(|| panic!("{} has no row", operation.name()));
        for (letter, key, body, policy) in &keys {
            door.restore(*policy);
            assert_eq!(door.may(key.as_ref(), operation.name(), body), letters.contains(letter), "{} {letter}", operation.name());
        }
    }
}

#[test]
fn an_explicit_deny_wins_even_over_public_reads() {
    let mut door = Door::open();
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let full = managed("FullAccess");
    let denied = door.user("denied", &[(&full, None), ("deny", Some(deny))]);
    for operation in Operation::ALL {
        door.restore(Some(r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr-public:*"}]}"#));
        assert!(!door.may(Some(&denied), operation.name(), &valid_body()), "{}", operation.name());
    }
    door.other_account();
    assert!(!door.may(Some(&denied), "DescribeImageTags", &named(OTHER)), "the user's own policy also denies public reads");
    let message = door.refused("DescribeRegistries", json!({})).1;
    assert_eq!(
        message,
        "User: arn:aws:iam::123456789012:user/denied is not authorized to perform: ecr-public:DescribeRegistries on resource: \
         arn:aws:ecr-public::123456789012:registry/123456789012 with an explicit deny in an identity-based policy"
    );
}

#[test]
fn anonymous_reads_can_be_disabled() {
    let mut door = Door::open();
    door.restore(None);
    assert!(door.may(None, "DescribeImageTags", &named(OWN)));
    assert!(!door.may(None, "DescribeImageTags", &valid_body()), "an anonymous client has no registry of its own");
    let mut door = Door::with(&["--anonymous-describe=false"]);
    door.restore(None);
    assert!(!door.may(None, "DescribeImageTags", &named(OWN)));
}

#[test]
fn creating_a_repository_with_tags_needs_the_permission_to_tag() {
    let mut door = Door::open();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr-public:CreateRepository","Resource":"*"}]}"#;
    door.key = door.user("maker", &[("create", Some(document))]);
    door.ok("CreateRepository", json!({"repositoryName": "team/app", "tags": []}));
    let tagged = json!({"repositoryName": "team/other", "tags": [{"Key": "k", "Value": "v"}]});
    let (exception, message) = door.refused("CreateRepository", tagged);
    assert_eq!(exception, "AccessDeniedException");
    assert!(message.contains("is not authorized to perform: ecr-public:TagResource on resource: "), "{message}");
}

#[test]
fn conditions_look_at_the_tags_of_the_repository_and_of_the_request() {
    let mut door = Door::open();
    let root = door.key.clone();
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ecr-public:DeleteRepository","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}},
        {"Effect":"Allow","Action":["ecr-public:CreateRepository","ecr-public:TagResource"],"Resource":"*",
            "Condition":{"StringEquals":{"aws:RequestTag/team":"a"},"IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    let user = door.user("ann", &[("team", Some(document))]);
    for (name, team) in [("mine", "a"), ("theirs", "b")] {
        door.key = root.clone();
        door.ok("CreateRepository", json!({"repositoryName": name, "tags": [{"Key": "team", "Value": team}]}));
    }
    door.key = user;
    door.ok("DeleteRepository", json!({"repositoryName": "mine"}));
    assert_eq!(door.refused("DeleteRepository", json!({"repositoryName": "theirs"})).0, "AccessDeniedException");
    door.ok("CreateRepository", json!({"repositoryName": "new", "tags": [{"Key": "team", "Value": "a"}]}));
    let foreign = json!({"repositoryName": "newer", "tags": [{"Key": "team", "Value": "b"}]});
    assert_eq!(door.refused("CreateRepository", foreign).0, "AccessDeniedException");
}

#[test]
fn a_user_agent_cannot_evade_a_deny() {
    let mut door = Door::open();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr-public:*","Resource":"*"},
        {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:UserAgent":"*old-tool*"}}}]}"#;
    door.key = door.user("ann", &[("agents", Some(document))]);
    let with_agent = |agent: &[u8]| door.status_with_agent("DescribeRepositories", "{}", agent);
    assert_eq!(with_agent(b"new-tool/2"), 200);
    let longest = "x".repeat(1_024);
    for (agent, status) in [
        (b"old-tool/1".as_slice(), 400),
        (b"old-tool/\xff", 400),
        (longest.as_bytes(), 200),
        (format!("{longest}x").as_bytes(), 400),
        (format!("{longest} old-tool/1").as_bytes(), 400),
    ] {
        assert_eq!(with_agent(agent), status, "{}", agent.len());
    }
}

#[test]
fn another_account_reads_public_data_and_is_denied_the_rest() {
    let mut door = Door::with_repository();
    door.key = door.other_account();
    let found = door.ok("DescribeRepositories", json!({"registryId": OWN}));
    assert_eq!(found["repositories"][0]["repositoryUri"], "localhost:5000/alias/team/app");
    assert_eq!(door.ok("DescribeImageTags", json!({"registryId": OWN, "repositoryName": "team/app"})), json!({"imageTagDetails": []}));
    let message = |registry: &str| format!("The repository with name 'team/app' does not exist in the registry with id '{registry}'");
    let own = door.refused("DescribeImageTags", json!({"repositoryName": "team/app"}));
    assert_eq!(own, ("RepositoryNotFoundException".to_owned(), message(OTHER)), "without a registry id the caller's own is used");
    let nowhere = door.refused("DescribeImageTags", json!({"registryId": "555555555555", "repositoryName": "team/app"}));
    assert_eq!(nowhere, ("RepositoryNotFoundException".to_owned(), message("555555555555")));
    let unknown = door.refused("DescribeRepositories", json!({"registryId": "555555555555"}));
    assert_eq!(unknown.0, "RepositoryNotFoundException");
    let denied = door.refused("DeleteRepository", json!({"registryId": OWN, "repositoryName": "team/app"}));
    assert_eq!(denied.0, "AccessDeniedException");
    assert!(denied.1.ends_with("because no resource-based policy allows the ecr-public:DeleteRepository action"), "{}", denied.1);
}

#[test]
fn an_emulator_accepts_any_key_and_creates_the_account_that_it_names() {
    let mut door = Door::with(&["--emulator"]);
    door.key = Credentials { id: "111122223333".into(), secret: "anything".into() };
    let registry = &door.ok("DescribeRegistries", json!({}))["registries"][0];
    assert_eq!(registry["registryId"], "111122223333");
    door.ok("CreateRepository", json!({"repositoryName": "team/app"}));
    door.key = Credentials { id: "test".into(), secret: "test".into() };
    assert_eq!(door.ok("DescribeRegistries", json!({}))["registries"][0]["registryId"], OWN);
    let policy =
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/nobody"},"Action":"ecr-public:*"}]}"#;
    door.ok("CreateRepository", json!({"repositoryName": "team/app"}));
    door.ok("SetRepositoryPolicy", json!({"repositoryName": "team/app", "policyText": policy}));
}
