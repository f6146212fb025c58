-- Catalog data, policies, resource tags, users; and what an upload session remembers of its parts.

ALTER TABLE registry ADD COLUMN display_name CTEXT;

CREATE TABLE repository_catalog_data (
    repository_id INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    description CTEXT,
    about_text CTEXT,
    usage_text CTEXT,
    architectures CTEXT NOT NULL,
    operating_systems CTEXT NOT NULL,
    marketplace_certified BOOLEAN NOT NULL,
    -- Names the logo in its URL; another logo has another name.
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

-- An identity policy of a user. One of AWS's managed policies has no document here: its name says it all.
CREATE TABLE user_policy (
    registry_id CTEXT NOT NULL,
    user_name CTEXT NOT NULL,
    name CTEXT NOT NULL,
    document CTEXT,
    PRIMARY KEY (registry_id, user_name, name),
    FOREIGN KEY (registry_id, user_name) REFERENCES iam_user (registry_id, name) ON DELETE CASCADE
) WITHOUT ROWID;

-- Parts but for the last must be at least this large: 0 for a session of the OCI door, 5 MiB for one of the AWS door.
ALTER TABLE upload ADD COLUMN minimum_part BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN last_part BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN has_short_part BOOLEAN NOT NULL DEFAULT FALSE;
