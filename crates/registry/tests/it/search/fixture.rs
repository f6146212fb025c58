//! Repositories as a public registry has them: popular ones of verified publishers, and strangers with the same names.

use crate::support::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, World};
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::{Digest, Reference, RegistryAlias, RegistryId, RepositoryKey, RepositoryName, ResourceTag, Tag};
use roadstead_registry::NewCatalogData;
use serde_json::json;

/// The tag of every repository.
pub(crate) const TAG: &str = "3.12";

const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

pub(crate) struct Fixture {
    alias: &'static str,
    name: &'static str,
    pub(crate) verified: bool,
    config: &'static str,
    /// In the last 30 days, which are all.
    pulls: i64,
    description: Option<&'static str>,
    deprecated: bool,
}

const fn repository(alias: &'static str, name: &'static str, pulls: i64) -> Fixture {
    Fixture { alias, name, verified: false, config: OCI_CONFIG, pulls, description: None, deprecated: false }
}

impl Fixture {
    const fn verified(self) -> Self {
        Self { verified: true, ..self }
    }

    const fn chart(self) -> Self {
        Self { config: HELM_CONFIG, ..self }
    }

    const fn described(self, text: &'static str) -> Self {
        Self { description: Some(text), ..self }
    }

    const fn deprecated(self) -> Self {
        Self { deprecated: true, ..self }
    }

    fn key(&self) -> RepositoryKey {
        RepositoryKey::new(account(self.alias), RepositoryName::parse(self.name).expect("a name"))
    }
}

pub(crate) const FIXTURE: &[Fixture] = &[
    repository("docker", "library/nginx", 5_000_000).verified().described("Official build of Nginx."),
    repository("nginx", "nginx", 900_000).verified(),
    repository("k5n6o2s4", "nginx", 3),
    repository("bitnami", "nginx-ingress-controller", 300_000).verified(),
    repository("docker", "library/postgres", 3_000_000).verified().described("The PostgreSQL object-relational database."),
    repository("bitnami", "postgresql", 1_200_000).verified(),
    repository("b7c8d9e0", "postgres", 12),
    repository("docker", "library/python", 4_000_000).verified(),
    repository("lambda", "python", 2_000_000).verified(),
    repository("sam", "build-python3.12", 150_000).verified(),
    repository("karpenter", "karpenter", 100_000).verified().chart(),
    repository("karpenter", "controller", 400_000).verified(),
    repository("aws-observability", "aws-otel-collector", 800_000).verified(),
    repository("f1g2h3i4", "otel", 5),
    repository("datadog", "agent", 600_000).verified(),
    repository("j5k6l7m8", "datadog", 40),
    repository("eks-distro", "kubernetes/kube-proxy", 700_000).verified(),
    repository("amazonlinux", "amazonlinux", 2_500_000).verified(),
    repository("n9p0q1r2", "linux-tools", 9),
    repository("docker", "library/redis", 2_000_000).verified(),
    repository("bitnami", "redis", 400_000).verified(),
    repository("valkey", "valkey", 80_000).described("A fork of Redis"),
    repository("prometheus", "prometheus", 500_000).verified(),
    repository("grafana", "grafana", 300_000).verified(),
    repository("cert-manager", "charts/cert-manager", 50_000).chart(),
    repository("xx9", "redis-sentinel-old", 60_000).deprecated(),
];

/// An account for an alias.
fn account(alias: &str) -> RegistryId {
    let number = FIXTURE.iter().position(|repository| repository.alias == alias).expect("an alias of the fixture");
    RegistryId::parse(&format!("{:012}", number + 1)).expect("twelve digits")
}

/// An installation that holds the fixture and has indexed it.
pub(crate) async fn world() -> World {
    let mut world = World::new().await;
    let empty = world.key.clone();
    world.installation.delete_repository(&empty, true).await.expect("the repository of every test");
    for repository in FIXTURE {
        fill(&mut world, repository).await;
    }
    count_pulls(&world);
    world.installation.reindex_gallery().await.expect("all are marked");
    while world.installation.refresh_gallery(8).await.expect("an index") > 0 {}
    world
}

async fn fill(world: &mut World, repository: &Fixture) {
    let (registry, key) = (account(repository.alias), repository.key());
    let alias = RegistryAlias::parse(repository.alias).expect("an alias");
    if world.installation.describe_registry(&registry).await.is_err() {
        world.installation.create_account(&registry, Some(alias)).await.expect("an account");
    }
    world.installation.set_verified(&registry, repository.verified).await.expect("an account");
    world.pass_seconds(60);
    let data = CatalogData { description: repository.description.map(str::to_owned), ..CatalogData::default() };
    let catalog_data = Some(NewCatalogData { data, logo: None });
    let deprecated = ResourceTag { key: "roadstead:deprecated".to_owned(), value: "true".to_owned() };
    let tags = if repository.deprecated { vec![deprecated] } else { Vec::new() };
    world.installation.create_repository_with(&key, catalog_data, tags).await.expect("a repository");
    world.key = key;
    let config = world.push_blob(repository.name.as_bytes()).await;
    let layer = world.push_blob(b"layer").await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": repository.config, "digest": config.as_str(), "size": repository.name.len()},
        "layers": [{"mediaType": OCI_LAYER, "digest": layer.as_str(), "size": 5}],
        "annotations": {"publisher": repository.alias},
    });
    world.push(&manifest, &[TAG]).await.expect("an image");
}

/// Counts the pulls of the fixture, all of them today.
fn count_pulls(world: &World) {
    let (metadata, statistics) = (world.metadata(), world.statistics());
    let today = world.installation.now().seconds() / 86_400;
    for repository in FIXTURE {
        let key = repository.key();
        let id = metadata.number(&format!("SELECT id FROM repository WHERE registry_id = '{}' AND name = '{}'", key.registry, key.name));
        let pulls = repository.pulls;
        statistics.run(&format!(
            "INSERT INTO pull_day VALUES ({id}, {today}, FALSE, {pulls}); INSERT INTO repository_pulls VALUES ({id}, {pulls}, 0, {today})"
        ));
    }
}

/// The digest of the image of a repository.
pub(crate) async fn digest(world: &World, alias: &str, name: &str) -> Digest {
    let key = RepositoryKey::new(account(alias), RepositoryName::parse(name).expect("a name"));
    let reference = Reference::Tag(Tag::parse(TAG).expect("a tag"));
    world.installation.get_manifest(&key, &reference).await.expect("an image").digest
}
