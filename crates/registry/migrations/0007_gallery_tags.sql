-- What the gallery shows of tags. Code fills the new columns of existing tags: see `metadata/migrations/gallery_tags.rs`.

-- 0 listed, 1 attached to another image, 2 hidden by the owner.
ALTER TABLE tag ADD COLUMN visibility BIGINT NOT NULL DEFAULT 0;
-- Sorts as versions do: see `gallery/version.rs` of the model.
ALTER TABLE tag ADD COLUMN version_key CTEXT NOT NULL DEFAULT '';
ALTER TABLE tag ADD COLUMN is_stable BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX tag_by_time ON tag (repository_id, visibility, created_at, name);
CREATE INDEX tag_by_version ON tag (repository_id, visibility, version_key, name);
CREATE INDEX tag_by_name ON tag (repository_id, visibility, name);
CREATE INDEX tag_by_stable_version ON tag (repository_id, visibility, is_stable, version_key) WHERE is_stable = TRUE AND visibility = 0;

-- The numbers of tags, stored because counting them takes time linear in the repository.
ALTER TABLE repository ADD COLUMN listed_tags BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN hidden_tags BIGINT NOT NULL DEFAULT 0;

-- What lists show of a manifest without reading it.
CREATE TABLE manifest_summary (
    manifest_id INTEGER NOT NULL PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE,
    kind CTEXT NOT NULL,
    -- JSON: the image or the images of an index, by platform. Empty if there are none.
    platforms CTEXT NOT NULL,
    -- When the image was built.
    created BIGINT,
    -- JSON: well-known annotations, else labels. Empty if there are none.
    annotations CTEXT NOT NULL,
    -- JSON: what the manifest is for the image that it is attached to. Empty for most.
    attaches CTEXT NOT NULL
);

-- Manifests that a background task summarises: those of older versions, and those whose config is in a file.
CREATE TABLE manifest_to_summarise (
    manifest_id INTEGER NOT NULL PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE
);
INSERT INTO manifest_to_summarise (manifest_id) SELECT id FROM manifest;

-- What is attached to an image. The image need not exist. For the kinds see `gallery/attachment.rs` of the model.
CREATE TABLE attachment (
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    subject CTEXT NOT NULL,
    kind BIGINT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
    PRIMARY KEY (repository_id, subject, kind, manifest_id)
) WITHOUT ROWID;
CREATE INDEX attachment_by_manifest ON attachment (manifest_id);

-- Repositories whose owners changed which tags are hidden. A background task continues after the tag `after_name`.
CREATE TABLE tags_to_mark (
    repository_id INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    after_name CTEXT NOT NULL
);
INSERT INTO tags_to_mark (repository_id, after_name) SELECT repository_id, '' FROM resource_tag WHERE tag_key = 'roadstead:hidden-tags';
