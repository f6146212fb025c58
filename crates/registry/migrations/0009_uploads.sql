-- Upload sessions that any replica continues. A session has a row once it has bytes.

-- What the blob store needs to continue the upload, in a form of its own. NULL for a store that needs nothing.
ALTER TABLE upload ADD COLUMN stored BLOB;
-- The token of the request that may write to the upload, empty if there is none, and the time at which that right ends unless it is
-- renewed. Unused where one process has the database to itself.
ALTER TABLE upload ADD COLUMN writer CTEXT NOT NULL DEFAULT '';
ALTER TABLE upload ADD COLUMN writer_until BIGINT NOT NULL DEFAULT 0;

-- Sessions that were completed or canceled before their ids expire. Ids prove themselves, so without this row they would name an
-- empty session again.
CREATE TABLE ended_upload (
    id CTEXT NOT NULL PRIMARY KEY,
    -- The time at which the id expires.
    until BIGINT NOT NULL
) WITHOUT ROWID;

-- Garbage collection looks for the row of an object by its key. Small blobs, which have no object, have an empty one.
CREATE UNIQUE INDEX blob_by_storage_key ON blob (storage_key) WHERE storage_key <> '';
