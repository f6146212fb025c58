use crate::config::tests::{config, file, refusal};
use roadstead_model::AliasStatus;

/// An account with one access key, whose secret comes from `source`.
fn with_secret(source: &str) -> String {
    format!("[[account]]\n[[account.access_key]]\nid = 'AKIADECLARED'\n{source}\n")
}

#[test]
fn an_account_is_declared_with_all_that_belongs_to_it() {
    let file = file(
        r#"
        [[account]]
        id = "111122223333"
        verified = true
        alias = [{ name = "harbour", primary = true }, { name = "dock", status = "pending", default = true }]

        [[account.user]]
        name = "alice"
        managed_policies = ["AmazonElasticContainerRegistryPublicReadOnly"]

        [[account.user.policy]]
        name = "own"
        document = '{"Statement": {"Effect": "Allow", "Action": "ecr-public:*", "Resource": "*"}}'

        [[account.user.access_key]]
        id = "AKIAALICE"
        secret = "hunter2hunter2hunter2"
        active = false

        [[account]]
        "#,
    );
    let config = config(&["--config", file.path().to_str().unwrap()], &[]).unwrap();
    let [account, own] = config.accounts.as_slice() else { panic!("{:?}", config.accounts) };
    assert_eq!((account.id.as_ref().unwrap().as_str(), account.verified), ("111122223333", Some(true)));
    let aliases: Vec<_> = account.aliases.iter().map(|alias| (alias.name.as_str(), alias.status, alias.primary, alias.default)).collect();
    assert_eq!(aliases, [("harbour", None, true, false), ("dock", Some(AliasStatus::Pending), false, true)]);
    let user = &account.users[0];
    let policies: Vec<_> = user.policies.iter().map(|policy| (policy.name.as_str(), policy.document.is_some())).collect();
    assert_eq!(policies, [("AmazonElasticContainerRegistryPublicReadOnly", false), ("own", true)]);
    let key = &user.access_keys[0];
    assert_eq!((key.id.as_str(), key.secret.as_str(), key.active), ("AKIAALICE", "hunter2hunter2hunter2", Some(false)));
    assert!(own.id.is_none() && own.users.is_empty());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_secret_comes_from_the_file_from_a_file_beside_it_or_from_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "from-a-file-beside-it\n").unwrap();
    let path = directory.path().join("roadstead.toml");
    let environment = [("DECLARED", "from-the-environment"), ("ROADSTEAD_DECLARED", "from-yet-another-one")];
    for (source, secret) in [
        ("secret = 'inline-secret-key'", "inline-secret-key"),
        ("secret_file = 'secret'", "from-a-file-beside-it"),
        ("secret_env = 'DECLARED'", "from-the-environment"),
        ("secret_env = 'ROADSTEAD_DECLARED'", "from-yet-another-one"),
    ] {
        std::fs::write(&path, with_secret(source)).unwrap();
        let config = config(&["--config", path.to_str().unwrap()], &environment).unwrap();
        assert_eq!(config.accounts[0].access_keys[0].secret, secret, "{source}");
    }
}

#[test]
fn a_secret_that_is_missing_ambiguous_or_malformed_is_refused_and_not_repeated() {
    let one_of = ":3: the access key needs one of 'secret', 'secret_file' and 'secret_env'";
    for (source, said) in [
        ("", one_of),
        ("secret = 'a'\nsecret_env = 'b'", one_of),
        ("secret_env = 'NOBODY_SETS_THIS'", ":3: the environment variable NOBODY_SETS_THIS is not set"),
        ("secret_file = '/nowhere'", ":3: cannot read '/nowhere': No such file or directory (os error 2)"),
        (
            "secret = 'hun ter2'",
            ":3: the secret of the access key is not a secret access key: 16 to 128 printable ASCII characters without spaces; 'openssl rand -base64 30' makes one",
        ),
        (
            "secret = ''",
            ":3: the secret of the access key is not a secret access key: 16 to 128 printable ASCII characters without spaces; 'openssl rand -base64 30' makes one",
        ),
    ] {
        assert_eq!(refusal(&with_secret(source)), said);
    }
}

#[test]
fn what_is_unknown_or_malformed_is_refused_with_its_line() {
    for (text, said) in [
        ("[[account]]\n\ncolour = 'blue'", ":3: unknown key `colour`, expected one of `id`, `verified`, `alias`, `access_key`, `user`"),
        (
            "[[account]]\n[[account.user]]\nname = 'a'\ncolour = 1",
            ":4: unknown key `colour`, expected one of `name`, `managed_policies`, `policy`, `access_key`",
        ),
        ("[[account]]\nid = 5", ":2: invalid type: integer `5`, expected a string"),
        ("[[account]]\nid = '12'", ":2: '12' is not a registry id: twelve digits"),
        ("[[account]]\n[[account.alias]]\nname = 'v2'", ":3: 'v2' cannot be a registry alias: must not be a reserved word"),
        ("[[account]]\nalias = [\n  { name = 'ab', status = 'LATER' },\n]", ":3: 'LATER' is none of ACTIVE, PENDING and REJECTED"),
        (
            "[[account]]\n[[account.alias]]\nname = 'ab'\nprimary = true\n[[account.alias]]\nname = 'cd'\nprimary = true",
            ":6: a registry has one primary alias, and this is the second",
        ),
        ("[[account]]\n[[account.user]]\nname = 'a b'", ":3: 'a b' is not a valid user name: use 1 to 64 letters, digits and +=,.@_-"),
        ("[[account]]\n[[account.user]]", ":2: missing key `name`"),
        (
            "[[account]]\n[[account.user]]\nname = 'a'\nmanaged_policies = [\n'Administrator',\n]",
            ":5: managed policy 'Administrator' does not exist",
        ),
        (
            "[[account]]\n[[account.user]]\nname = 'a'\n[[account.user.policy]]\nname = 'own'",
            ":5: the policy needs either 'document' or 'document_file'",
        ),
        (
            "[[account]]\n[[account.user]]\nname = 'a'\n[[account.user.policy]]\nname = 'own'\ndocument = '{}'",
            ":5: a policy has at least one statement",
        ),
        ("[account]\nid = '111122223333'", ":1: 'account' is a list of tables: write [[account]]"),
    ] {
        assert_eq!(refusal(text), said, "{text}");
    }
}
