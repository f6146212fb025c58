use super::*;
use proptest::prelude::*;

/// The commands for `reference` of `harbour/team/web` at `origin`.
fn at(origin: &str, clients: Clients, reference: &str) -> Vec<PullCommand> {
    let (scheme, authority) = origin.split_once("://").unwrap();
    let (alias, repository) = (RegistryAlias::parse("harbour").unwrap(), RepositoryName::parse("team/web").unwrap());
    let (reference, digest) = match reference.split_once('@') {
        Some((tag, digest)) => (tag, Some(Digest::parse(digest).unwrap())),
        None => (reference, None),
    };
    let target = Target {
        authority,
        https: scheme == "https",
        alias: &alias,
        repository: &repository,
        reference: &Reference::parse(reference).unwrap(),
        digest: digest.as_ref(),
    };
    pull_commands(clients, &target)
}

fn lines(origin: &str, clients: Clients, reference: &str) -> Vec<String> {
    at(origin, clients, reference).into_iter().map(|command| command.text).collect()
}

fn digest() -> String {
    format!("sha256:{}", "a".repeat(64))
}

#[test]
fn an_image_has_a_command_for_each_client() {
    let digest = digest();
    let expected = [
        "docker pull registry.example/harbour/team/web:1.0".to_owned(),
        "podman pull registry.example/harbour/team/web:1.0".to_owned(),
        "nerdctl pull registry.example/harbour/team/web:1.0".to_owned(),
        "crane pull registry.example/harbour/team/web:1.0 web.tar".to_owned(),
        "skopeo copy docker://registry.example/harbour/team/web:1.0 oci:web:1.0".to_owned(),
        "apptainer pull docker://registry.example/harbour/team/web:1.0".to_owned(),
        format!("FROM registry.example/harbour/team/web:1.0@{digest}"),
        format!("image: registry.example/harbour/team/web:1.0@{digest}"),
    ];
    assert_eq!(lines("https://registry.example", Clients::Image, &format!("1.0@{digest}")), expected);
    assert!(at("https://registry.example", Clients::Image, "1.0").iter().all(|command| command.note.is_none()));
}

#[test]
fn an_image_without_a_tag_is_pulled_by_digest() {
    let digest = digest();
    let lines = lines("https://registry.example", Clients::Image, &digest);
    assert_eq!(lines[0], format!("docker pull registry.example/harbour/team/web@{digest}"));
    assert_eq!(lines[4], format!("skopeo copy docker://registry.example/harbour/team/web@{digest} oci:web"));
    assert_eq!(lines[6], format!("FROM registry.example/harbour/team/web@{digest}"));
}

#[test]
fn clients_are_told_of_plain_http() {
    let commands = at("http://registry.example:5000", Clients::Image, "1.0");
    let lines: Vec<_> = commands.iter().map(|command| command.text.as_str()).collect();
    assert_eq!(
        lines[..6],
        [
            "docker pull registry.example:5000/harbour/team/web:1.0",
            "podman pull --tls-verify=false registry.example:5000/harbour/team/web:1.0",
            "nerdctl --insecure-registry pull registry.example:5000/harbour/team/web:1.0",
            "crane pull --insecure registry.example:5000/harbour/team/web:1.0 web.tar",
            "skopeo copy --src-tls-verify=false docker://registry.example:5000/harbour/team/web:1.0 oci:web:1.0",
            "apptainer pull --no-https docker://registry.example:5000/harbour/team/web:1.0",
        ]
    );
    let noted: Vec<_> = commands.iter().filter(|command| command.note.is_some()).map(|command| command.client).collect();
    assert_eq!(noted, ["docker", "Dockerfile", "Kubernetes"]);
}

#[test]
fn clients_that_know_the_loopback_interface_need_no_flag_there() {
    for origin in ["http://localhost:5000", "http://127.0.0.1:5000", "http://[::1]:5000", "http://localhost"] {
        let commands = at(origin, Clients::Image, "1.0");
        let flagged: Vec<_> = commands.iter().filter(|command| command.text.contains("--")).map(|command| command.client).collect();
        assert_eq!(flagged, ["podman", "skopeo", "apptainer"], "{origin}");
        assert_eq!(commands[0].note, None, "{origin}");
    }
    assert!(at("http://127.0.0.1.example", Clients::Image, "1.0")[0].note.is_some());
}

#[test]
fn the_brackets_of_an_address_are_quoted() {
    let lines = lines("http://[::1]:5000", Clients::Image, "1.0");
    assert_eq!(lines[0], "docker pull '[::1]:5000/harbour/team/web:1.0'");
    assert_eq!(lines[4], "skopeo copy --src-tls-verify=false 'docker://[::1]:5000/harbour/team/web:1.0' oci:web:1.0");
    assert_eq!(lines[6], "FROM [::1]:5000/harbour/team/web:1.0");
    assert_eq!(lines[7], "image: \"[::1]:5000/harbour/team/web:1.0\"");
}

#[test]
fn a_chart_is_pulled_by_the_version_that_helm_wrote_as_a_tag() {
    for (tag, expected) in [
        ("1.2.3", "helm pull oci://registry.example/harbour/team/web --version 1.2.3"),
        ("v1.2.3", "helm pull oci://registry.example/harbour/team/web --version v1.2.3"),
        ("1.2.3-rc.1_build.5", "helm pull oci://registry.example/harbour/team/web --version 1.2.3-rc.1+build.5"),
        ("1.2.3_build_5", "helm pull oci://registry.example/harbour/team/web --version 1.2.3+build+5"),
        ("latest", "oras pull registry.example/harbour/team/web:latest"),
        ("1.2", "oras pull registry.example/harbour/team/web:1.2"),
        ("1..2", "oras pull registry.example/harbour/team/web:1..2"),
    ] {
        assert_eq!(lines("https://registry.example", Clients::Helm, tag)[0], expected);
    }
    let latest = lines("https://registry.example", Clients::Helm, &format!("latest@{}", digest()));
    assert_eq!(latest[0], format!("helm pull oci://registry.example/harbour/team/web@{}", digest()));
    let by_digest = lines("http://localhost:5000", Clients::Helm, &digest());
    assert_eq!(by_digest[0], format!("helm pull oci://localhost:5000/harbour/team/web@{} --plain-http", digest()));
    assert_eq!(
        lines("https://registry.example", Clients::Helm, "1.2.3")[1],
        "helm install web oci://registry.example/harbour/team/web --version 1.2.3"
    );
}

#[test]
fn a_release_is_named_after_the_repository_within_the_limits_of_helm() {
    assert_eq!(release_name("my_app"), "my-app");
    assert_eq!(release_name(&format!("{}.{}", "a".repeat(52), "b")), "a".repeat(52));
}

#[test]
fn other_artifacts_have_their_own_client_first() {
    for (clients, expected) in [
        (Clients::Wasm, "wkg oci pull --insecure r.example:80 r.example:80/harbour/team/web:1.0 -o web.wasm"),
        (Clients::Flux, "flux pull artifact --insecure-registry oci://r.example:80/harbour/team/web:1.0 --output ."),
        (Clients::DockerModel, "docker model pull r.example:80/harbour/team/web:1.0"),
        (Clients::ModelKit, "kit pull --plain-http r.example:80/harbour/team/web:1.0"),
        (Clients::ModelPack, "modctl pull --plain-http r.example:80/harbour/team/web:1.0"),
        (Clients::Compose, "docker compose -f oci://r.example:80/harbour/team/web:1.0 up"),
        (Clients::Apptainer, "apptainer pull --no-https oras://r.example:80/harbour/team/web:1.0"),
        (Clients::Oras, "oras pull --plain-http r.example:80/harbour/team/web:1.0"),
    ] {
        let lines = lines("http://r.example:80", clients, "1.0");
        assert_eq!(lines[0], expected);
        assert_eq!(lines.last().unwrap(), "oras pull --plain-http r.example:80/harbour/team/web:1.0");
    }
}

#[test]
fn models_have_the_client_of_their_format() {
    for (kind, media_type, expected) in [
        (ArtifactKind::Image, None, Clients::Image),
        (ArtifactKind::Model, Some("application/vnd.docker.ai.model.config.v0.1+json"), Clients::DockerModel),
        (ArtifactKind::Model, Some("application/vnd.kitops.modelkit.config.v1+json"), Clients::ModelKit),
        (ArtifactKind::Model, Some("application/vnd.cncf.model.config.v1+json"), Clients::ModelPack),
        (ArtifactKind::Model, Some("application/vnd.ollama.image.model"), Clients::Oras),
        (ArtifactKind::Policy, None, Clients::Oras),
    ] {
        assert_eq!(Clients::of(kind, media_type), expected, "{media_type:?}");
    }
}

const ALL: [Clients; 10] = [
    Clients::Image,
    Clients::Helm,
    Clients::Wasm,
    Clients::Flux,
    Clients::DockerModel,
    Clients::ModelKit,
    Clients::ModelPack,
    Clients::Compose,
    Clients::Apptainer,
    Clients::Oras,
];

proptest! {
    #[test]
    fn a_command_is_one_line_of_words_that_no_shell_expands(
        tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", https: bool, at_digest: bool, number in 0..ALL.len(),
    ) {
        let origin = if https { "https://[2001:db8::1]:5000" } else { "http://registry.example" };
        let reference = if at_digest { digest() } else { tag };
        let commands = at(origin, ALL[number], &reference);
        prop_assert!(!commands.is_empty());
        for command in commands.iter().filter(|command| !matches!(command.client, "Dockerfile" | "Kubernetes")) {
            prop_assert!(command.text.len() < 1000);
            for (part, text) in command.text.split('\'').enumerate() {
                let is_quoted = part % 2 == 1;
                let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_@+=:,./- ".contains(&byte);
                prop_assert!(is_quoted || text.bytes().all(safe), "{}", command.text);
            }
        }
    }
}

#[test]
fn a_word_is_quoted_only_if_a_shell_would_change_it() {
    for (word, expected) in
        [("a/b:1@sha256:0", "a/b:1@sha256:0"), ("[::1]", "'[::1]'"), ("it's $HOME", r"'it'\''s $HOME'"), ("a b", "'a b'")]
    {
        assert_eq!(quoted(word), expected);
    }
}
