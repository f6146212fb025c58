-- Catalog data, policies, resource tags, users, and the part sizes of upload sessions.

ALTER TABLE registry ADD COLUMN display_name CTEXT;

CREATE TABLE repository_catalog_data (
    repository_id INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    description CTEXT,
    about_text CTEXT,
    usage_text CTEXT,
    architectures CTEXT NOT NULL,
    operating_systems CTEXT NOT NULL,
    marketplace_certified BOOLEAN NOT NULL,
    -- The last segment of the logo's URL; a new logo gets a new name.
    logo_name CTEXT UNIQUE,
    logo BLOB
);

CREATE TABLE repository_policy (
    repository_id INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    document CTEXT NOT NULL
);

CREATE TABLE resource_tag (
    repository_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    tag_key CTEXT NOT NULL,
    tag_value CTEXT NOT NULL,
    PRIMARY KEY (repository_id, tag_key)
) WITHOUT ROWID;

-- "user" is a reserved word in SQL.
CREATE TABLE iam_user (
    registry_id CTEXT NOT NULL REFERENCES registry (id),
    name CTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (registry_id, name)
) WITHOUT ROWID;

-- Identity policies of users. The document is NULL for a managed policy of AWS, which is identified by its name.
CREATE TABLE user_policy (
    registry_id CTEXT NOT NULL,
    user_name CTEXT NOT NULL,
    name CTEXT NOT NULL,
    document CTEXT,
    PRIMARY KEY (registry_id, user_name, name),
    FOREIGN KEY (registry_id, user_name) REFERENCES iam_user (registry_id, name) ON DELETE CASCADE
) WITHOUT ROWID;

-- The minimum size of every part but the last: 0 for sessions of the OCI door, 5 MiB for those of the AWS door.
ALTER TABLE upload ADD COLUMN minimum_part BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN last_part BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN has_short_part BOOLEAN NOT NULL DEFAULT FALSE;
