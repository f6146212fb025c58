//! The names of objects below the prefix of the bucket.
//!
//! ```text
//! blobs/<first two hex of the upload>/<upload>.<random>
//! ```
//!
//! The rest is the key in the store. It is new for every object and every multipart upload, so two writers never use the same one, and
//! says nothing of the content. Blobs and the tails of unfinished uploads have the same form, because a tail can become a blob as it is.

/// What the names of all objects of blobs begin with.
pub(super) const BLOBS: &str = "blobs/";

/// A new key for an object of an upload.
pub(super) fn new_key(upload: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}.{}", without_random(upload), &random[..8])
}

/// The name of the object with this key.
pub(super) fn name(key: &str) -> String {
    format!("{BLOBS}{key}")
}

/// What the names of all objects of an upload begin with.
pub(super) fn of_upload(upload: &str) -> String {
    format!("{BLOBS}{}.", without_random(upload))
}

fn without_random(upload: &str) -> String {
    format!("{}/{upload}", upload.get(..2).unwrap_or(upload))
}

/// Returns the key of an object of this name, and its upload. `None` if the object does not belong to the store.
pub(super) fn parse(name: &str) -> Option<(&str, &str)> {
    let key = name.strip_prefix(BLOBS)?;
    let (directory, file) = key.split_once('/')?;
    let (upload, random) = file.split_once('.')?;
    let is_ours = uuid::Uuid::try_parse(upload).is_ok() && upload.starts_with(directory) && !random.contains(['/', '.']);
    is_ours.then_some((key, upload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_upload_and_is_never_used_twice() {
        let upload = uuid::Uuid::new_v4().to_string();
        let (one, other) = (new_key(&upload), new_key(&upload));
        assert_ne!(one, other);
        for key in [one, other] {
            assert_eq!(parse(&name(&key)), Some((&*key, &*upload)));
            assert!(name(&key).starts_with(&of_upload(&upload)));
        }
        for foreign in ["probe", "blobs/readme", "blobs/ab/x.1", "other/ab/cd", "blobs/zz/00000000-0000-4000-8000-000000000000.1"] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }
}
