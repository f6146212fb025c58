//! Who may call what: every operation for every kind of principal, on a real registry with real policies.

use super::*;
use roadstead_model::policy::UserPolicy;
use roadstead_model::{Identity, RegistryId, RepositoryKey, RepositoryName};

const OTHER: &str = "999999999999";
const GRANT: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"ecr-public:*"}]}"#;

/// For every operation the principals that may call it on the repository of the account 123456789012, by letter: a
/// (R)eadOnly user of the account, a (P)owerUser, one with (F)ullAccess; another account that the repository's policy
/// (G)rants everything; an(O)ther account without a grant; (A)nybody without a signature.
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
    fn own() -> RegistryId {
        RegistryId::parse(OWN).expect("an id")
    }

    /// Makes a user with these policies, and gives a key of theirs.
    async fn user(&self, name: &str, policies: &[(&str, Option<&str>)]) -> (String, String) {
        let (registry, own) = (&self.server.installation, Self::own());
        registry.create_user(&own, name).await.expect("a user");
        for (policy, document) in policies {
            let policy = UserPolicy { name: (*policy).to_owned(), document: document.map(str::to_owned) };
            registry.put_user_policy(&own, name, policy).await.expect("a policy");
        }
        let key = registry.create_access_key(&Identity { registry: own, user: Some(name.to_owned()) }, None).await.expect("a key");
        (key.id, key.secret)
    }

    async fn other_account(&self) -> (String, String) {
        let other = RegistryId::parse(OTHER).expect("an id");
        let key = self.server.installation.create_account(&other, None).await.expect("an account");
        (key.id, key.secret)
    }

    /// The repository as it was before an operation changed it, with a policy or without.
    async fn restore(&self, policy: Option<&str>) {
        let installation = &self.server.installation;
        let repository = RepositoryKey::new(Self::own(), RepositoryName::parse("team/app").expect("a name"));
        let _ = installation.create_repository(&repository).await;
        match policy {
            Some(policy) => {
                let policy = installation.bind_policy(None, policy).await.expect("a policy");
                drop(installation.set_repository_policy(&repository, policy).await.expect("set"));
            }
            None => drop(installation.delete_repository_policy(&repository).await),
        }
    }

    /// Whether the holder of `key`, or anybody, gets through to `operation`; whatever comes of it then.
    async fn may(&mut self, key: Option<&(String, String)>, operation: &str, body: &Value) -> bool {
        let body = body.to_string();
        let headers = match key {
            Some(key) => {
                self.key = key.clone();
                self.signed(operation, &body)
            }
            None => unsigned(operation),
        };
        let (status, answer) = self.send_with(headers, &body).await;
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

#[tokio::test]
async fn every_operation_is_for_those_that_its_row_names_and_for_nobody_else() {
    let mut door = Door::open().await;
    let (read, power, full) = (managed("ReadOnly"), managed("PowerUser"), managed("FullAccess"));
    let keys = [
        ("R", Some(door.user("reader", &[(&read, None)]).await), valid_body(), None),
        ("P", Some(door.user("pusher", &[(&power, None)]).await), valid_body(), None),
        ("F", Some(door.user("manager", &[(&full, None)]).await), valid_body(), None),
        ("G", Some(door.other_account().await), named(OWN), Some(GRANT)),
    ];
    let other = keys[3].1.clone();
    let keys: Vec<_> = keys.into_iter().chain([("O", other, named(OWN), None), ("A", None, named(OWN), Some(GRANT))]).collect();
    for operation in Operation::ALL {
        let row = MAY.iter().find(|(name, _)| *name == operation.name());
        let (_, letters) = row.unwrap_or_else(|| panic!("{} has no row: who may call it?", operation.name()));
        for (letter, key, body, policy) in &keys {
            door.restore(*policy).await;
            assert_eq!(door.may(key.as_ref(), operation.name(), body).await, letters.contains(letter), "{} {letter}", operation.name());
        }
    }
}

#[tokio::test]
async fn an_explicit_deny_wins_over_everything_also_where_others_may_read() {
    let mut door = Door::open().await;
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let full = managed("FullAccess");
    let denied = door.user("denied", &[(&full, None), ("deny", Some(deny))]).await;
    for operation in Operation::ALL {
        door.restore(Some(r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr-public:*"}]}"#)).await;
        assert!(!door.may(Some(&denied), operation.name(), &valid_body()).await, "{}", operation.name());
    }
    door.other_account().await;
    assert!(!door.may(Some(&denied), "DescribeImageTags", &named(OTHER)).await, "their own policy says no to what is public, too");
    let message = door.refused("DescribeRegistries", json!({})).await.1;
    assert_eq!(
        message,
        "User: arn:aws:iam::123456789012:user/denied is not authorized to perform: ecr-public:DescribeRegistries on resource: \
         arn:aws:ecr-public::123456789012:registry/123456789012 with an explicit deny in an identity-based policy"
    );
}

#[tokio::test]
async fn nobody_reads_without_a_signature_once_that_is_switched_off() {
    let mut door = Door::open().await;
    door.restore(None).await;
    assert!(door.may(None, "DescribeImageTags", &named(OWN)).await);
    assert!(!door.may(None, "DescribeImageTags", &valid_body()).await, "there is no registry of nobody's own");
    door.server.config.anonymous_describe = false;
    assert!(!door.may(None, "DescribeImageTags", &named(OWN)).await);
}

#[tokio::test]
async fn making_a_repository_with_tags_needs_the_right_to_tag() {
    let mut door = Door::open().await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr-public:CreateRepository","Resource":"*"}]}"#;
    door.key = door.user("maker", &[("create", Some(document))]).await;
    door.ok("CreateRepository", json!({"repositoryName": "team/app", "tags": []})).await;
    let tagged = json!({"repositoryName": "team/other", "tags": [{"Key": "k", "Value": "v"}]});
    let (exception, message) = door.refused("CreateRepository", tagged).await;
    assert_eq!(exception, "AccessDeniedException");
    assert!(message.contains("is not authorized to perform: ecr-public:TagResource on resource: "), "{message}");
}

#[tokio::test]
async fn conditions_look_at_the_tags_of_the_repository_and_of_the_request() {
    let mut door = Door::open().await;
    let root = door.key.clone();
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ecr-public:DeleteRepository","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}},
        {"Effect":"Allow","Action":["ecr-public:CreateRepository","ecr-public:TagResource"],"Resource":"*",
            "Condition":{"StringEquals":{"aws:RequestTag/team":"a"},"IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    let user = door.user("ann", &[("team", Some(document))]).await;
    for (name, team) in [("mine", "a"), ("theirs", "b")] {
        door.key = root.clone();
        door.ok("CreateRepository", json!({"repositoryName": name, "tags": [{"Key": "team", "Value": team}]})).await;
    }
    door.key = user;
    door.ok("DeleteRepository", json!({"repositoryName": "mine"})).await;
    assert_eq!(door.refused("DeleteRepository", json!({"repositoryName": "theirs"})).await.0, "AccessDeniedException");
    door.ok("CreateRepository", json!({"repositoryName": "new", "tags": [{"Key": "team", "Value": "a"}]})).await;
    let foreign = json!({"repositoryName": "newer", "tags": [{"Key": "team", "Value": "b"}]});
    assert_eq!(door.refused("CreateRepository", foreign).await.0, "AccessDeniedException");
}

/// A policy that denies by what the client says of itself, or by how it came.
#[tokio::test]
async fn a_deny_is_not_escaped_by_what_a_client_writes() {
    let mut door = Door::open().await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr-public:*","Resource":"*"},
        {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:UserAgent":"*old-tool*"}}}]}"#;
    door.key = door.user("ann", &[("agents", Some(document))]).await;
    let with_agent = async |agent: &[u8]| {
        let mut headers = unsigned("DescribeRepositories");
        door.sign(&mut headers, "ecr-public", "{}");
        headers.insert("user-agent", HeaderValue::from_bytes(agent).expect("a header value"));
        door.send_with(headers, "{}").await.0
    };
    assert_eq!(with_agent(b"new-tool/2").await, 200);
    let longest = "x".repeat(1_024);
    for (agent, status) in [
        (b"old-tool/1".as_slice(), 400),
        (b"old-tool/\xff", 400),
        (longest.as_bytes(), 200),
        (format!("{longest}x").as_bytes(), 400),
        (format!("{longest} old-tool/1").as_bytes(), 400),
    ] {
        assert_eq!(with_agent(agent).await, status, "{}", agent.len());
    }
}

#[tokio::test]
async fn another_account_sees_what_is_public_and_is_told_what_it_may_not_do() {
    let mut door = Door::open().await;
    door.ok("CreateRepository", json!({"repositoryName": "team/app"})).await;
    door.key = door.other_account().await;
    let found = door.ok("DescribeRepositories", json!({"registryId": OWN})).await;
    assert_eq!(found["repositories"][0]["repositoryUri"], "localhost:5000/alias/team/app");
    assert_eq!(
        door.ok("DescribeImageTags", json!({"registryId": OWN, "repositoryName": "team/app"})).await,
        json!({"imageTagDetails": []})
    );
    let message = |registry: &str| format!("The repository with name 'team/app' does not exist in the registry with id '{registry}'");
    let own = door.refused("DescribeImageTags", json!({"repositoryName": "team/app"})).await;
    assert_eq!(own, ("RepositoryNotFoundException".to_owned(), message(OTHER)), "without a registry id the caller's own is meant");
    let nowhere = door.refused("DescribeImageTags", json!({"registryId": "555555555555", "repositoryName": "team/app"})).await;
    assert_eq!(nowhere, ("RepositoryNotFoundException".to_owned(), message("555555555555")));
    let unknown = door.refused("DescribeRepositories", json!({"registryId": "555555555555"})).await;
    assert_eq!(unknown.0, "RepositoryNotFoundException");
    let denied = door.refused("DeleteRepository", json!({"registryId": OWN, "repositoryName": "team/app"})).await;
    assert_eq!(denied.0, "AccessDeniedException");
    assert!(denied.1.ends_with("because no resource-based policy allows the ecr-public:DeleteRepository action"), "{}", denied.1);
}

#[tokio::test]
async fn an_emulator_takes_any_key_and_makes_the_account_that_it_names() {
    let mut door = Door::open().await;
    (door.server.config.emulator, door.server.keys.emulator) = (true, true);
    door.key = ("111122223333".into(), "anything".into());
    let registry = &door.ok("DescribeRegistries", json!({})).await["registries"][0];
    assert_eq!(registry["registryId"], "111122223333");
    door.ok("CreateRepository", json!({"repositoryName": "team/app"})).await;
    door.key = ("test".into(), "test".into());
    assert_eq!(door.ok("DescribeRegistries", json!({})).await["registries"][0]["registryId"], OWN);
    let policy =
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/nobody"},"Action":"ecr-public:*"}]}"#;
    door.ok("CreateRepository", json!({"repositoryName": "team/app"})).await;
    door.ok("SetRepositoryPolicy", json!({"repositoryName": "team/app", "policyText": policy})).await;
}
