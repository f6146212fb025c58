-- What data directories lack that were older than what it was added to. On shared databases it does nothing: see
-- `metadata/migrations.rs`.

-- Summaries that the first version with that table did not write, and READMEs that were pushed before migration 8: summarising a manifest
-- records its README. Code completes the tags of that version: see `metadata/migrations/gallery_tags.rs`.
INSERT INTO manifest_to_summarise (manifest_id)
    SELECT m.id FROM manifest m LEFT JOIN manifest_summary s ON s.manifest_id = m.id
    WHERE s.manifest_id IS NULL OR (s.kind = 'readme' AND NOT EXISTS (SELECT 1 FROM readme r WHERE r.manifest_id = m.id))
    ON CONFLICT (manifest_id) DO NOTHING;

-- Indexes that were added to migrations 6 and 7 after some data directories had been migrated by them.
CREATE INDEX IF NOT EXISTS gallery_entry_of_registry_by_update ON gallery_entry (registry_id, updated_at, repository_id) WHERE listed;
CREATE INDEX IF NOT EXISTS manifest_by_digest ON manifest (digest);
DROP INDEX tag_by_stable_version;
CREATE INDEX tag_by_stable_version ON tag (repository_id, visibility, is_stable, version_key) WHERE is_stable = TRUE AND visibility = 0;
