-- What one process at a time does, and which servers run on a shared database. The embedded engine needs no rows.

CREATE TABLE leader (
    task CTEXT NOT NULL PRIMARY KEY,
    -- Names the process.
    holder CTEXT NOT NULL,
    -- When the task may be taken from a holder that does not renew it.
    until BIGINT NOT NULL
) WITHOUT ROWID;

-- The installation that is being copied to this database. While there is a row, the copy is not complete.
CREATE TABLE unfinished_transfer (
    source CTEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
