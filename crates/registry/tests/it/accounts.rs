//! Accounts, aliases, users, access keys and policies, managed by the operator.

use crate::support::World;
use crate::support::database::is_postgres;
use roadstead_model::policy::{UserPolicy, UserPolicyError};
use roadstead_model::{AliasDescription, AliasStatus, Identity, RegistryAlias, RegistryId};
use roadstead_registry::{AccountDeclaration, AliasDeclaration, Error, KeyDeclaration, UserDeclaration};

const READ_ONLY: &str = "AmazonElasticContainerRegistryPublicReadOnly";

fn other() -> RegistryId {
    RegistryId::parse("111122223333").expect("an id")
}

fn name(text: &str) -> RegistryAlias {
    RegistryAlias::parse(text).expect("an alias")
}

fn alias(text: &str, status: AliasStatus, primary: bool) -> AliasDescription {
    AliasDescription { name: name(text), status, primary, default: false }
}

/// The aliases of an account: active ones in capitals, the primary one with a star.
async fn aliases(world: &World, id: &RegistryId) -> Vec<String> {
    let description = world.installation.describe_registry(id).await.expect("a registry");
    let shown = |alias: &AliasDescription| {
        let active = alias.status == AliasStatus::Active;
        let text = if active { alias.name.as_str().to_uppercase() } else { alias.name.to_string() };
        if alias.primary { format!("{text}*") } else { text }
    };
    description.aliases.iter().map(shown).collect()
}

#[tokio::test]
async fn a_registry_has_one_active_primary_alias_whatever_is_changed() {
    let world = World::new().await;
    let (installation, id) = (&world.installation, &world.id);
    world.pass_seconds(1);
    installation.put_alias(id, alias("dock", AliasStatus::Active, true)).await.expect("a new primary alias");
    world.pass_seconds(1);
    installation.put_alias(id, alias("quay", AliasStatus::Pending, false)).await.expect("another alias");
    let before = aliases(&world, id).await;
    assert_eq!(before[1..], ["DOCK*", "quay"]);
    for refused in
        [alias("dock", AliasStatus::Active, false), alias("dock", AliasStatus::Rejected, true), alias("quay", AliasStatus::Pending, true)]
    {
        assert!(matches!(installation.put_alias(id, refused.clone()).await, Err(Error::Refused(_))), "{refused:?}");
    }
    assert!(matches!(installation.delete_alias(id, &name("dock")).await, Err(Error::Refused(_))));
    assert_eq!(aliases(&world, id).await, before);
    assert!(installation.delete_alias(id, &name("quay")).await.expect("removed"));
    assert!(!installation.delete_alias(id, &name("quay")).await.expect("nothing to remove"));
}

#[tokio::test]
async fn an_account_whose_alias_is_taken_is_not_made() {
    let world = World::new().await;
    let taken = world.installation.primary_alias(&world.id).await.expect("an alias");
    assert!(matches!(world.installation.create_account(&other(), Some(taken)).await, Err(Error::AlreadyExists(_))));
    assert!(matches!(world.installation.describe_registry(&other()).await, Err(Error::RegistryNotFound(_))));
}

#[tokio::test]
async fn an_account_that_is_made_in_passing_has_no_key_whose_secret_nobody_knows() {
    let world = World::new().await;
    world.installation.ensure_account(&other()).await.expect("an account");
    assert_eq!(world.installation.access_keys(&other()).await.expect("a list"), []);
    world.installation.ensure_account(&other()).await.expect("still there");
}

#[tokio::test]
async fn only_the_installations_own_account_keeps_its_last_root_key() {
    if is_postgres("a start makes no root key there") {
        return;
    }
    let world = World::new().await;
    let [root] = &world.installation.access_keys(&world.id).await.expect("a list")[..] else { panic!("not one key") };
    assert!(matches!(world.installation.delete_access_key(&world.id, &root.id).await, Err(Error::Refused(_))));
    assert!(world.installation.access_key(&root.id).await.expect("an answer").is_some());
    let key = world.installation.create_account(&other(), None).await.expect("an account");
    assert!(!world.installation.delete_access_key(&world.id, &key.id).await.expect("the key of another account"));
    assert!(world.installation.delete_access_key(&other(), &key.id).await.expect("deleted"));
}

#[tokio::test]
async fn a_rotated_key_is_off_and_the_new_one_has_the_same_holder() {
    let world = World::new().await;
    world.installation.create_user(&world.id, "alice").await.expect("a user");
    let alice = Identity { registry: world.id.clone(), user: Some("alice".to_owned()) };
    let old = world.installation.create_access_key(&alice, None).await.expect("a key");
    let new = world.installation.rotate_access_key(&old.id).await.expect("a new key");
    let found = async |id: &str| world.installation.access_key(id).await.expect("an answer").expect("a key");
    assert_eq!((found(&old.id).await.active, found(&new.id).await.active), (false, true));
    assert_eq!((found(&new.id).await.identity, found(&new.id).await.secret), (alice, new.secret));
    assert!(matches!(world.installation.rotate_access_key("AKIANONE").await, Err(Error::PrincipalNotFound(_))));
}

#[tokio::test]
async fn a_key_that_is_off_is_not_rotated_into_one_that_is_on() {
    let world = World::new().await;
    let key = world.installation.create_account(&other(), None).await.expect("an account");
    world.installation.set_access_key_active(&other(), &key.id, false).await.expect("switched off");
    let before = world.installation.access_keys(&other()).await.expect("a list");
    let Err(refusal) = world.installation.rotate_access_key(&key.id).await else { panic!("rotated") };
    assert!(matches!(&refusal, Error::Refused(text) if text.contains("is disabled: enable it first")), "{refusal}");
    assert_eq!(world.installation.access_keys(&other()).await.expect("a list"), before);
    world.installation.set_access_key_active(&other(), &key.id, true).await.expect("switched on");
    let new = world.installation.rotate_access_key(&key.id).await.expect("a new key");
    assert!(world.installation.rotate_access_key(&key.id).await.is_err(), "the key is inactive");
    assert!(world.installation.access_key(&new.id).await.expect("an answer").expect("a key").active);
}

/// A policy that grants an action to a principal.
fn grant(principal: &str) -> String {
    format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"ecr-public:PutImage"}}}}"#)
}

fn ann(account: &RegistryId) -> Identity {
    Identity { registry: account.clone(), user: Some("ann".to_owned()) }
}

/// Sets a policy that names `principal` and returns the policy as shown, without blanks.
async fn set(world: &World, principal: &str) -> Result<String, Error> {
    let policy = world.installation.bind_policy(Some(&world.id), &grant(principal)).await?;
    let shown = world.installation.set_repository_policy(&world.key, policy).await?;
    assert_eq!(world.installation.repository_policy(&world.key).await?, shown);
    Ok(without_blanks(&shown))
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

#[tokio::test]
async fn a_policy_shows_a_user_by_name_while_it_is_there_and_by_id_afterwards() {
    let world = World::new().await;
    let (installation, id) = (&world.installation, &world.id);
    for account in [id.clone(), other()] {
        installation.ensure_account(&account).await.expect("an account");
        let arn = ann(&account).arn().to_string();
        installation.create_user(&account, "ann").await.expect("a user");
        let first = installation.user_id(&ann(&account)).await.expect("an answer").expect("an id");
        assert_eq!(set(&world, &arn).await.expect("set"), grant(&arn), "{account}");
        let stored = installation.access_facts(&ann(&account), Some(&world.key)).await.expect("facts");
        assert_eq!(stored.user_id.as_ref(), Some(&first));
        assert_eq!(stored.repository_policy.as_deref().map(without_blanks), Some(grant(first.as_str())));

        installation.delete_user(&account, "ann").await.expect("deleted");
        let shown = || async { without_blanks(&installation.repository_policy(&world.key).await.expect("a policy")) };
        assert_eq!(shown().await, grant(first.as_str()));
        installation.create_user(&account, "ann").await.expect("another user");
        assert_ne!(installation.user_id(&ann(&account)).await.expect("an answer"), Some(first.clone()));
        assert_eq!(shown().await, grant(first.as_str()), "the new user inherits nothing");
        let gone = installation.delete_repository_policy(&world.key).await.expect("deleted");
        assert_eq!(without_blanks(&gone), grant(first.as_str()));
    }
}

#[tokio::test]
async fn setting_a_policy_tells_who_is_missing_in_ones_own_account_and_nothing_of_another() {
    let world = World::new().await;
    let installation = &world.installation;
    installation.ensure_account(&other()).await.expect("an account");
    installation.create_user(&world.id, "ann").await.expect("a user");
    installation.create_user(&other(), "ann").await.expect("a user");
    let id_of = async |account: &RegistryId| installation.user_id(&ann(account)).await.expect("an answer").expect("an id").to_string();
    let (own_id, foreign_id) = (id_of(&world.id).await, id_of(&other()).await);

    let missing = format!("arn:aws:iam::{}:user/bob", world.id);
    for refused in [missing.as_str(), "AIDACKCEVSQ6C2EXAMPLE", &foreign_id] {
        let refusal = set(&world, refused).await.expect_err(refused).to_string();
        assert_eq!(refusal, format!("invalid policy: the principal '{refused}' does not exist"));
    }
    for taken in ["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::999999999999:user/ann"] {
        assert_eq!(set(&world, taken).await.expect(taken), grant(taken));
    }
    for role in [format!("arn:aws:iam::{}:role/ci", world.id), format!("arn:aws:sts::{}:assumed-role/ci/me", world.id)] {
        assert_eq!(set(&world, &role).await.expect(&role), grant(&role));
    }
    assert_eq!(set(&world, &own_id).await.expect("set"), grant(&format!("arn:aws:iam::{}:user/ann", world.id)));
    let anybody = installation.bind_policy(None, &grant(&missing)).await;
    assert!(anybody.is_ok(), "an emulator knows no users");
}

#[test]
fn a_policy_is_read_before_it_can_be_stored() {
    let refusal = |policy: Result<UserPolicy, UserPolicyError>| policy.expect_err("refused").to_string();
    assert!(refusal(UserPolicy::managed("AdministratorAccess")).contains("managed policy 'AdministratorAccess' does not exist"));
    assert!(refusal(UserPolicy::with_document("own", "{}".to_owned())).contains("at least one statement"));
    assert!(refusal(UserPolicy::with_document(READ_ONLY, "{}".to_owned())).contains("choose another name"));
    let arn = format!("arn:aws:iam::aws:policy/{READ_ONLY}");
    let managed = UserPolicy::managed(&arn).expect("a managed policy");
    assert_eq!((managed.name.as_str(), &managed.document), (READ_ONLY, &None));
    assert!(managed.text().expect("its document").contains("DescribeImages"));
}

fn declaration(secret: &str, active: Option<bool>) -> AccountDeclaration {
    let key = KeyDeclaration { id: "AKIAALICE".to_owned(), secret: secret.to_owned(), active };
    let policies = vec![UserPolicy::managed(READ_ONLY).expect("a managed policy")];
    let declared = |text: &str, status, primary| AliasDeclaration { name: name(text), status, primary, default: false };
    AccountDeclaration {
        id: Some(other()),
        verified: Some(true),
        aliases: vec![declared("dock", None, true), declared("quay", Some(AliasStatus::Pending), false)],
        access_keys: Vec::new(),
        users: vec![UserDeclaration { name: "alice".to_owned(), policies, access_keys: vec![key] }],
    }
}

#[tokio::test]
async fn declaring_an_account_again_changes_nothing() {
    let world = World::new().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        world.installation.declare(&declaration("secret", None)).await.expect("declared");
        world.pass_seconds(1);
        let users = world.installation.users(&other()).await.expect("a list");
        let keys = world.installation.access_keys(&other()).await.expect("a list");
        let policies = world.installation.user_policies(&other(), "alice").await.expect("a list");
        seen.push((world.installation.describe_registry(&other()).await.expect("a registry"), users, keys, policies));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!((seen[0].1.len(), seen[0].2.len(), seen[0].3.len(), seen[0].0.verified), (1, 1, 1, true));
    assert_eq!(aliases(&world, &other()).await, ["DOCK*", "quay"]);
}

#[tokio::test]
async fn a_declared_key_is_brought_in_line_but_stays_off_unless_it_is_declared_to_be_on() {
    let world = World::new().await;
    let state = async || {
        let key = world.installation.access_key("AKIAALICE").await.expect("an answer").expect("a key");
        (key.secret, key.active)
    };
    world.installation.declare(&declaration("one", None)).await.expect("declared");
    world.installation.set_access_key_active(&other(), "AKIAALICE", false).await.expect("switched off");
    world.installation.declare(&declaration("two", None)).await.expect("declared");
    assert_eq!(state().await, ("two".to_owned(), false));
    world.installation.declare(&declaration("two", Some(true))).await.expect("declared");
    assert_eq!(state().await, ("two".to_owned(), true));
}

#[tokio::test]
async fn a_key_of_somebody_else_cannot_be_declared() {
    let world = World::new().await;
    let root = Identity { registry: world.id.clone(), user: None };
    let given = ("AKIAALICE".to_owned(), "secret".to_owned());
    world.installation.create_access_key(&root, Some(given)).await.expect("a key");
    let error = world.installation.declare(&declaration("secret", None)).await.expect_err("refused").to_string();
    assert_eq!(error, "access key 'AKIAALICE' belongs to arn:aws:iam::000000000000:root, not to arn:aws:iam::111122223333:user/alice");
}
