-- Certificates that an authority issues by itself (ACME, RFC 8555).

-- The accounts of this installation at authorities, by the URLs of their directories.
CREATE TABLE acme_account (
    directory CTEXT NOT NULL PRIMARY KEY,
    -- The account's URL and key, sealed.
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE acme_certificate (
    directory CTEXT NOT NULL,
    domain CTEXT NOT NULL,
    -- The chain and its key in PEM form, sealed. NULL before the first one is issued.
    sealed BLOB,
    -- The number of certificates issued so far.
    issued BIGINT NOT NULL,
    -- The number of orders that have begun since the last certificate was issued, and when the next one may begin.
    attempts BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    PRIMARY KEY (directory, domain)
) WITHOUT ROWID;

-- The answers to the challenges of orders in progress, which any replica may be asked for.
CREATE TABLE acme_challenge (
    domain CTEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    until BIGINT NOT NULL
) WITHOUT ROWID;
