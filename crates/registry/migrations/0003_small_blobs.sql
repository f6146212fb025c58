-- The bytes of small blobs lie here, so that pushing one is one commit, which pushes share, and no file. The storage key of
-- such a blob is empty: no stored object has that key.

CREATE TABLE blob_content (
    blob_id INTEGER NOT NULL PRIMARY KEY REFERENCES blob (id) ON DELETE CASCADE,
    bytes BLOB NOT NULL
);

-- There are few sessions at a time, and every push makes and removes some: a table without indexes is cheaper to look
-- through now and then than to keep indexed.

ALTER TABLE upload RENAME TO indexed_upload;
DROP INDEX upload_by_repository;
DROP INDEX upload_by_age;

CREATE TABLE upload (
    id CTEXT NOT NULL PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    received BIGINT NOT NULL,
    hash_state BLOB NOT NULL,
    -- All that it has received, as long as that is little; NULL once it has a file.
    content BLOB,
    -- Parts but for the last must be at least this large: 0 for a session of the OCI door, 5 MiB for one of the AWS door.
    minimum_part BIGINT NOT NULL,
    last_part BIGINT NOT NULL,
    has_short_part BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO upload (id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, created_at, updated_at)
    SELECT id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, created_at, updated_at FROM indexed_upload;
DROP TABLE indexed_upload;
