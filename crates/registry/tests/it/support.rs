//! An installation in a temporary directory, with a clock that the test sets.

pub(crate) mod database;

use bytes::Bytes;
use database::{Database, Tables};
use roadstead_model::{Algorithm, Digest, Identity, RegistryId, RepositoryKey, RepositoryName, Tag};
use roadstead_registry::{
    BodyError, Clock, Condition, Installation, Limits, ManifestPush, ManifestPut, OpenOptions, PartBody, Result, SessionName, Sharing,
};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) struct World {
    pub(crate) installation: Installation,
    /// The account that the installation was set up with.
    pub(crate) id: RegistryId,
    /// The root of that account.
    pub(crate) caller: Identity,
    /// A repository of that account.
    pub(crate) key: RepositoryKey,
    clock: Arc<AtomicI64>,
    limits: Limits,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) database: Database,
}

impl World {
    /// An installation with one empty repository.
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    /// An installation in which every blob that is not empty is a file.
    pub(crate) async fn of_files() -> Self {
        Self::with(Limits { small_blob_bytes: 0, ..Limits::default() }).await
    }

    /// An installation with these limits.
    pub(crate) async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let database = Database::new().await;
        let installation = open(database.options(folder.path()), &clock, &limits, Sharing::Server).await;
        let (id, key) = (installation.account_id().clone(), repository("team/app"));
        installation.create_repository(&key).await.expect("a repository");
        Self { installation, caller: Identity::root(id.clone()), id, key, clock, limits, folder, database }
    }

    /// Closes the installation and opens it again.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|| ()).await
    }

    /// Closes the installation, calls `change` and opens it again.
    pub(crate) async fn restart_after(self, change: impl FnOnce()) -> Self {
        let Self { installation, id, caller, key, clock, limits, folder, database } = self;
        installation.close().await;
        drop(installation);
        change();
        let installation = open(database.options(folder.path()), &clock, &limits, Sharing::Server).await;
        Self { installation, id, caller, key, clock, limits, folder, database }
    }

    /// Opens the same installation as a command does while a server runs, with the same clock.
    pub(crate) async fn beside(&self) -> Installation {
        open(self.database.options(self.folder.path()), &self.clock, &self.limits, Sharing::Command).await
    }

    /// The same world as another server on it sees it. Its folder is empty.
    pub(crate) async fn replica(&self) -> Self {
        let (installation, folder) = (self.beside().await, tempfile::tempdir().expect("a temporary folder"));
        let (id, caller, key, clock, limits) =
            (self.id.clone(), self.caller.clone(), self.key.clone(), self.clock.clone(), self.limits.clone());
        Self { installation, id, caller, key, clock, limits, folder, database: Database::File }
    }

    /// Opens the same installation as another server does that shares its database.
    pub(crate) async fn another_server(&self) -> Installation {
        open(self.database.options(self.folder.path()), &self.clock, &self.limits, Sharing::Server).await
    }

    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// An upload session of the repository.
    pub(crate) fn session<'a>(&'a self, id: &'a str) -> SessionName<'a> {
        SessionName { repository: &self.key, caller: &self.caller, id }
    }

    pub(crate) async fn push_blob(&self, bytes: &[u8]) -> Digest {
        let digest = sha256(bytes);
        let upload = self.installation.start_upload(&self.key, &self.caller, None, false).await.expect("a session");
        self.installation.append_upload(self.session(&upload.id), None, &mut Parts::of(&[bytes])).await.expect("a part");
        self.installation.complete_upload(self.session(&upload.id), &digest).await.expect("a blob");
        digest
    }

    /// The content of a blob.
    pub(crate) async fn content(&self, digest: &Digest) -> Vec<u8> {
        let blob = self.installation.find_blob(&self.key, digest).await.expect("the repository holds it");
        let reader = self.installation.open_blob(&blob).await.expect("its bytes are there");
        reader.read(0, usize::try_from(blob.size).expect("a small blob")).await.expect("readable").to_vec()
    }

    /// The directory of the blob store.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    /// Pushes an image of a config and one layer, whose bytes depend on `seed`.
    pub(crate) async fn push_image(&self, seed: &str, tags: &[&str]) -> Digest {
        self.try_push_image(seed, format!("layer {seed}").as_bytes(), tags).await.expect("an image").digest
    }

    /// Pushes an image with this config and no layer.
    pub(crate) async fn push_configured_image(&self, config: &[u8], tags: &[&str]) -> Digest {
        let digest = self.push_blob(config).await;
        let config = json!({"mediaType": OCI_CONFIG, "digest": digest.as_str(), "size": config.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []});
        self.push(&manifest, tags).await.expect("an image").digest
    }

    /// Adds tags to an image of the repository, faster than pushes do: one a second, named by their numbers.
    pub(crate) fn fill_with_tags(&self, number: u32) {
        self.metadata().run(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
            INSERT INTO tag (repository_id, name, manifest_id, created_at, visibility, version_key, is_stable)
            SELECT repository_id, 'b' || i, manifest_id, created_at + i * CAST(1000000 AS BIGINT), 0, '1b' || i, FALSE
            FROM (SELECT * FROM tag LIMIT 1) t, n"
        ));
    }

    /// The tables of the metadata.
    pub(crate) fn metadata(&self) -> Tables {
        self.database.tables(self.folder.path(), "roadstead.db")
    }

    /// The tables of the statistics.
    pub(crate) fn statistics(&self) -> Tables {
        self.database.tables(self.folder.path(), "statistics.db")
    }

    /// Does all work for the gallery that is left to the background.
    pub(crate) async fn tend(&self) {
        while self.installation.tend_gallery().await.expect("some work") {}
    }

    /// Pushes an image of a config and this layer.
    pub(crate) async fn try_push_image(&self, seed: &str, layer: &[u8], tags: &[&str]) -> Result<ManifestPut> {
        let config = self.push_blob(format!("config {seed}").as_bytes()).await;
        let layer = self.push_blob(layer).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": config.as_str(), "size": 100},
            "layers": [{"mediaType": OCI_LAYER, "digest": layer.as_str(), "size": 1000 + seed.len()}],
        });
        self.push(&manifest, tags).await
    }

    pub(crate) async fn push_index(&self, children: &[&Digest], tags: &[&str]) -> Result<ManifestPut> {
        let manifests: Vec<_> =
            children.iter().map(|digest| json!({"mediaType": OCI_MANIFEST, "digest": digest.as_str(), "size": 5})).collect();
        self.push(&json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}), tags).await
    }

    pub(crate) async fn push(&self, manifest: &Value, tags: &[&str]) -> Result<ManifestPut> {
        self.push_if(manifest, tags, Condition::None).await
    }

    pub(crate) async fn push_if(&self, manifest: &Value, tags: &[&str], condition: Condition) -> Result<ManifestPut> {
        self.push_to(&self.installation, manifest, tags, condition).await
    }

    /// Pushes a manifest to one of the servers of the world.
    pub(crate) async fn push_to(
        &self,
        server: &Installation,
        manifest: &Value,
        tags: &[&str],
        condition: Condition,
    ) -> Result<ManifestPut> {
        let tags = tags.iter().map(|text| tag(text)).collect();
        let bytes = Bytes::from(manifest.to_string());
        let push = ManifestPush { bytes, media_type: None, digest: None, tags, condition, create_repository: false };
        server.put_manifest(&self.key, push).await
    }
}

async fn open(options: OpenOptions, clock: &Arc<AtomicI64>, limits: &Limits, sharing: Sharing) -> Installation {
    let (clock, limits) = (Clock::Manual(Arc::clone(clock)), limits.clone());
    Installation::open(OpenOptions { clock, limits, sharing, ..options }).await.expect("an installation")
}

/// A repository of the account that a new installation is set up with.
pub(crate) fn repository(text: &str) -> RepositoryKey {
    let registry = RegistryId::parse("000000000000").expect("a registry id");
    RepositoryKey::new(registry, RepositoryName::parse(text).expect("a repository name"))
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

pub(crate) fn tag(text: &str) -> Tag {
    Tag::parse(text).expect("a tag")
}

/// A request body in parts, possibly with a failed connection at the end.
pub(crate) struct Parts(pub(crate) VecDeque<std::result::Result<Bytes, BodyError>>);

impl Parts {
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        Self(parts.iter().map(|part| Ok(Bytes::copy_from_slice(part))).collect())
    }

    pub(crate) fn then_fails(mut self) -> Self {
        self.0.push_back(Err(BodyError));
        self
    }
}

impl PartBody for Parts {
    async fn next(&mut self) -> Option<std::result::Result<Bytes, BodyError>> {
        self.0.pop_front()
    }
}
