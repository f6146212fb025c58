-- What replicas tell each other about a topic. A replica writes its bulletins to 32 slots in turn, so that it replaces its own rows only
-- and nothing has to be deleted. Those that are older than a minute are deleted when a replica starts.
CREATE TABLE bulletin (
    topic CTEXT NOT NULL,
    replica CTEXT NOT NULL,
    slot BIGINT NOT NULL,
    -- Counts up from 1.
    number BIGINT NOT NULL,
    posted_at BIGINT NOT NULL,
    content CTEXT NOT NULL,
    PRIMARY KEY (topic, replica, slot)
) WITHOUT ROWID;

-- Bytes that anonymous clients have downloaded, by calendar month in UTC, as months since the year 0. A caller is a network, as a hash
-- under a key of the installation.
CREATE TABLE download_volume (
    month BIGINT NOT NULL,
    caller BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (month, caller)
) WITHOUT ROWID;

CREATE INDEX download_volume_by_bytes ON download_volume (month, bytes);
