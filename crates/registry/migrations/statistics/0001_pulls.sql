-- Pulls by UTC day, as days since the epoch. Rows of repositories, manifests and tags that no longer exist are swept away, because the
-- metadata, to which the ids belong, is another database.

-- Of every day, for ever. Pulls by robots have rows of their own.
CREATE TABLE pull_day (
    repository_id INTEGER NOT NULL,
    day BIGINT NOT NULL,
    robot BOOLEAN NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, day, robot)
) WITHOUT ROWID;

-- Of the last 400 days, without robots.
CREATE TABLE image_pull_day (
    repository_id INTEGER NOT NULL,
    day BIGINT NOT NULL,
    manifest_id INTEGER NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, day, manifest_id)
) WITHOUT ROWID;

CREATE TABLE tag_pull_day (
    repository_id INTEGER NOT NULL,
    day BIGINT NOT NULL,
    tag CTEXT NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, day, tag)
) WITHOUT ROWID;

-- The sums of earlier days.
CREATE TABLE image_pulls (
    repository_id INTEGER NOT NULL,
    manifest_id INTEGER NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, manifest_id)
) WITHOUT ROWID;

CREATE TABLE tag_pulls (
    repository_id INTEGER NOT NULL,
    tag CTEXT NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, tag)
) WITHOUT ROWID;

-- All pulls, with those that an operator took over from another registry. The last day is that of the last pull by no robot.
CREATE TABLE repository_pulls (
    repository_id INTEGER NOT NULL PRIMARY KEY,
    total BIGINT NOT NULL,
    robots BIGINT NOT NULL,
    last_day BIGINT
);
