-- The gallery's lists of repositories and its search index. A background task derives all of it from the other tables.

-- The repositories whose entry and postings are out of date. `changes` counts the changes since the mark was made, so that the task
-- removes only marks whose changes it has seen. There is no foreign key, because a deleted repository still has postings to remove.
CREATE TABLE gallery_stale (
    repository_id INTEGER NOT NULL PRIMARY KEY,
    changes BIGINT NOT NULL
);

INSERT INTO gallery_stale (repository_id, changes) SELECT id, 1 FROM repository;

-- A repository as lists show it.
CREATE TABLE gallery_entry (
    repository_id INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    registry_id CTEXT NOT NULL,
    -- The primary alias of the registry.
    alias CTEXT NOT NULL,
    name CTEXT NOT NULL,
    -- Whether lists and searches show it.
    listed BOOLEAN NOT NULL,
    verified BOOLEAN NOT NULL,
    -- NULL unless the registry is verified.
    display_name CTEXT,
    -- NULL if the repository has no image.
    kind CTEXT,
    description CTEXT,
    operating_systems CTEXT NOT NULL,
    architectures CTEXT NOT NULL,
    signed BOOLEAN NOT NULL,
    -- What its owner says of its deprecation; NULL if it is not deprecated.
    deprecated CTEXT,
    logo_name CTEXT,
    pulls BIGINT NOT NULL,
    recent_pulls BIGINT NOT NULL,
    -- The steps of both numbers of pulls that scores were computed from.
    pulls_step BIGINT NOT NULL,
    recent_pulls_step BIGINT NOT NULL,
    -- The time of the last push, or of the creation if there was none.
    updated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX gallery_entry_by_pulls ON gallery_entry (pulls, repository_id) WHERE listed;
CREATE INDEX gallery_entry_by_update ON gallery_entry (updated_at, repository_id) WHERE listed;
CREATE INDEX gallery_entry_by_name ON gallery_entry (alias, name) WHERE listed;
CREATE INDEX gallery_entry_of_registry ON gallery_entry (registry_id, pulls, repository_id) WHERE listed;
CREATE INDEX gallery_entry_of_registry_by_update ON gallery_entry (registry_id, updated_at, repository_id) WHERE listed;
CREATE INDEX gallery_entry_of_registry_by_name ON gallery_entry (registry_id, name) WHERE listed;

-- The words of listed repositories, and filters, which begin with U+0001.
CREATE TABLE search_term (
    term CTEXT NOT NULL PRIMARY KEY,
    -- The number of repositories with the term.
    documents BIGINT NOT NULL,
    -- The number of repositories whose name, publisher or keywords have it. The spelling of those is suggested.
    names BIGINT NOT NULL
) WITHOUT ROWID;

-- The best repositories of a term are one range of the primary key. `score` is `weight` plus what the repository itself is worth.
CREATE TABLE search_posting (
    term CTEXT NOT NULL,
    score BIGINT NOT NULL,
    repository_id INTEGER NOT NULL,
    weight BIGINT NOT NULL,
    PRIMARY KEY (term, score, repository_id)
) WITHOUT ROWID;
CREATE INDEX search_posting_of_repository ON search_posting (repository_id, term, weight);

-- Words to suggest, by their parts of three letters and their length.
CREATE TABLE search_trigram (
    trigram CTEXT NOT NULL,
    length BIGINT NOT NULL,
    term CTEXT NOT NULL,
    PRIMARY KEY (trigram, length, term)
) WITHOUT ROWID;

-- The version of the rules that the index was built by.
CREATE TABLE search_version (
    version BIGINT NOT NULL PRIMARY KEY
);

-- A pasted digest leads to its image.
CREATE INDEX manifest_by_digest ON manifest (digest);
