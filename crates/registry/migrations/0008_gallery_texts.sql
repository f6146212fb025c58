-- Texts in Markdown as HTML, rendered when they are written. `renderer` is the version of the renderer: HTML of another one is not shown.
-- 0 stands for none.

CREATE TABLE repository_text (
    repository_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    -- 'about' or 'usage'.
    kind CTEXT NOT NULL,
    renderer BIGINT NOT NULL,
    html CTEXT NOT NULL,
    -- The table of contents, as JSON.
    contents CTEXT NOT NULL,
    PRIMARY KEY (repository_id, kind)
) WITHOUT ROWID;
CREATE INDEX repository_text_by_renderer ON repository_text (renderer);

INSERT INTO repository_text (repository_id, kind, renderer, html, contents)
    SELECT repository_id, 'about', 0, '', '[]' FROM repository_catalog_data WHERE about_text IS NOT NULL;
INSERT INTO repository_text (repository_id, kind, renderer, html, contents)
    SELECT repository_id, 'usage', 0, '', '[]' FROM repository_catalog_data WHERE usage_text IS NOT NULL;

-- Manifests that carry a README, of a repository or of an image.
CREATE TABLE readme (
    manifest_id INTEGER NOT NULL PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE,
    -- The blob with the Markdown. A background task renders it, because it may be in a file.
    digest CTEXT NOT NULL,
    renderer BIGINT NOT NULL,
    html CTEXT NOT NULL,
    contents CTEXT NOT NULL
);
CREATE INDEX readme_by_renderer ON readme (renderer);

-- The pictures that were pushed with a README, by the titles with which it refers to them.
CREATE TABLE readme_picture (
    manifest_id INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
    title CTEXT NOT NULL,
    media_type CTEXT NOT NULL,
    digest CTEXT NOT NULL,
    PRIMARY KEY (manifest_id, title)
) WITHOUT ROWID;
CREATE INDEX readme_picture_by_digest ON readme_picture (digest);
