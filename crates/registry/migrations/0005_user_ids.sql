-- Unique ids of users, which repository policies store in place of ARNs. Code assigns ids to existing users and binds stored
-- policies to them: see `metadata/migrations/user_ids.rs`.

ALTER TABLE iam_user ADD COLUMN unique_id CTEXT;

CREATE UNIQUE INDEX iam_user_by_unique_id ON iam_user (unique_id);
