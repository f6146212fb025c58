-- The bytes of small blobs, so that a push of one needs no file and only one commit, shared with other pushes (group commit).
-- The storage key of such a blob is empty.

CREATE TABLE blob_content (
    blob_id INTEGER NOT NULL PRIMARY KEY REFERENCES blob (id) ON DELETE CASCADE,
    bytes BLOB NOT NULL
);

-- Few sessions exist at a time, and every push creates and deletes some: an occasional scan of the table is cheaper than
-- maintaining indexes.

ALTER TABLE upload RENAME TO indexed_upload;
DROP INDEX upload_by_repository;
DROP INDEX upload_by_age;

CREATE TABLE upload (
    id CTEXT NOT NULL PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    received BIGINT NOT NULL,
    hash_state BLOB NOT NULL,
    -- The bytes received so far, while they are few; NULL once the session has a file.
    content BLOB,
    -- The minimum size of every part but the last: 0 for sessions of the OCI door, 5 MiB for those of the AWS door.
    minimum_part BIGINT NOT NULL,
    last_part BIGINT NOT NULL,
    has_short_part BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO upload (id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, created_at, updated_at)
    SELECT id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, created_at, updated_at FROM indexed_upload;
DROP TABLE indexed_upload;
