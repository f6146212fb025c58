-- How far the stored blobs have been verified in the background.

CREATE TABLE scrub (
    -- Always 1.
    id BIGINT NOT NULL PRIMARY KEY,
    -- When the current round began.
    begun_at BIGINT NOT NULL,
    -- The digest up to which blobs have been verified in it.
    after_digest CTEXT NOT NULL,
    -- When a round was last complete.
    completed_at BIGINT
);
