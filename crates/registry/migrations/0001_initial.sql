-- Metadata schema, version 1, in a dialect for both SQLite and PostgreSQL: see metadata/migrations.rs.
-- Times are microseconds since the epoch, the application assigns ids, and CTEXT compares bytewise.

CREATE TABLE installation (
    id CTEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE registry (
    id CTEXT NOT NULL PRIMARY KEY,
    verified BOOLEAN NOT NULL,
    -- The number of repositories, for the quota.
    repository_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE registry_alias (
    name CTEXT NOT NULL PRIMARY KEY,
    registry_id CTEXT NOT NULL REFERENCES registry (id),
    status CTEXT NOT NULL,
    is_primary BOOLEAN NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX registry_alias_by_registry ON registry_alias (registry_id);

-- Long-lived keys that sign requests. user_name is NULL for the account's root. The master key seals the secret.
CREATE TABLE access_key (
    id CTEXT NOT NULL PRIMARY KEY,
    registry_id CTEXT NOT NULL REFERENCES registry (id),
    user_name CTEXT,
    sealed_secret BLOB NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE repository (
    id INTEGER NOT NULL PRIMARY KEY,
    registry_id CTEXT NOT NULL REFERENCES registry (id),
    name CTEXT NOT NULL,
    -- The number of manifests, stored because counting them on every push would take time linear in the repository.
    image_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (registry_id, name)
);

-- Blobs by digest. The storage key is unique to each upload, so that deleting an object never races with an upload of the same digest.
CREATE TABLE blob (
    id INTEGER NOT NULL PRIMARY KEY,
    digest CTEXT NOT NULL UNIQUE,
    size BIGINT NOT NULL,
    storage_key CTEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE repository_blob (
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    blob_id INTEGER NOT NULL REFERENCES blob (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, blob_id)
) WITHOUT ROWID;
CREATE INDEX repository_blob_by_blob ON repository_blob (blob_id);

CREATE TABLE manifest (
    id INTEGER NOT NULL PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    digest CTEXT NOT NULL,
    media_type CTEXT NOT NULL,
    artifact_media_type CTEXT,
    image_size BIGINT NOT NULL,
    manifest_size BIGINT NOT NULL,
    pushed_at BIGINT NOT NULL,
    UNIQUE (repository_id, digest)
);

-- The exact bytes as pushed, in a separate table so that the rows that listings scan stay small.
CREATE TABLE manifest_content (
    manifest_id INTEGER NOT NULL PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE,
    bytes BLOB NOT NULL
);

-- The blobs and children that a manifest references. The foreign keys prevent their deletion from the repository.
CREATE TABLE manifest_blob (
    manifest_id INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
    repository_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, blob_id),
    FOREIGN KEY (repository_id, blob_id) REFERENCES repository_blob (repository_id, blob_id)
) WITHOUT ROWID;
CREATE INDEX manifest_blob_by_blob ON manifest_blob (repository_id, blob_id);

CREATE TABLE manifest_child (
    parent_id INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
    child_id INTEGER NOT NULL REFERENCES manifest (id),
    PRIMARY KEY (parent_id, child_id)
) WITHOUT ROWID;
CREATE INDEX manifest_child_by_child ON manifest_child (child_id);

-- Referrers by subject. The subject need not exist, hence no foreign key.
CREATE TABLE referrer (
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    subject CTEXT NOT NULL,
    digest CTEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
    annotations CTEXT NOT NULL,
    PRIMARY KEY (repository_id, subject, digest)
) WITHOUT ROWID;
CREATE INDEX referrer_by_manifest ON referrer (manifest_id);

CREATE TABLE tag (
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    name CTEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifest (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name)
) WITHOUT ROWID;
CREATE INDEX tag_by_manifest ON tag (manifest_id, name);

CREATE TABLE upload (
    id CTEXT NOT NULL PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    received BIGINT NOT NULL,
    hash_state BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX upload_by_repository ON upload (repository_id);
CREATE INDEX upload_by_age ON upload (updated_at);
