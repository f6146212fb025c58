-- The descriptor of each referrer as JSON (OCI distribution specification, "Listing Referrers"), composed once at the push and
-- copied into listings as it is.

ALTER TABLE referrer ADD COLUMN descriptor CTEXT NOT NULL DEFAULT '';

UPDATE referrer SET descriptor = (
    SELECT '{"mediaType":' || json_quote(m.media_type) || ',"digest":"' || m.digest || '","size":' || m.manifest_size
        || CASE WHEN m.artifact_media_type IS NULL THEN '' ELSE ',"artifactType":' || json_quote(m.artifact_media_type) END
        || CASE WHEN referrer.annotations = '{}' THEN '' ELSE ',"annotations":' || referrer.annotations END || '}'
    FROM manifest m WHERE m.id = referrer.manifest_id
);

ALTER TABLE referrer DROP COLUMN annotations;
