-- The unique ids of users, which repository policies name in place of ARNs. What was there before gets its ids, and is bound to
-- them, by `metadata/bindings.rs`.

ALTER TABLE iam_user ADD COLUMN unique_id CTEXT;

CREATE UNIQUE INDEX iam_user_by_unique_id ON iam_user (unique_id);
