//! Records: small objects beside the blobs.

use super::S3;
use super::layout;
use crate::error::{Error, Result};
use object_store::ObjectStoreExt;

impl S3 {
    /// The size of a blob in bytes, or `None` if the bucket does not have it.
    pub(in crate::blobs) async fn size(&self, key: &str) -> Result<Option<u64>> {
        let Self(objects) = self;
        match objects.bucket.client.head(&objects.bucket.path(&layout::name(key))).await {
            Ok(object) => Ok(Some(object.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(in crate::blobs) async fn write_record(&self, name: &str, text: String) -> Result<()> {
        let Self(objects) = self;
        objects.bucket.client.put(&objects.bucket.path(name), text.into()).await?;
        Ok(())
    }

    pub(in crate::blobs) async fn read_record(&self, name: &str) -> Result<Option<String>> {
        let Self(objects) = self;
        let bytes = match objects.bucket.client.get(&objects.bucket.path(name)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        String::from_utf8(bytes.into()).map(Some).map_err(|_| Error::Refused(format!("'{name}' is not text")))
    }

    pub(in crate::blobs) async fn records(&self, directory: &str) -> Result<Vec<String>> {
        let Self(objects) = self;
        let (prefix, mut token, mut names) = (format!("{directory}/"), None, Vec::new());
        loop {
            let (page, next) = objects.page(&prefix, token).await?;
            let relative = page.iter().filter_map(|object| objects.bucket.relative(object.location.as_ref())?.strip_prefix(&prefix));
            names.extend(relative.map(str::to_owned));
            token = next;
            if token.is_none() {
                names.sort();
                return Ok(names);
            }
        }
    }

    pub(in crate::blobs) async fn delete_record(&self, name: &str) -> Result<()> {
        let Self(objects) = self;
        Ok(objects.bucket.client.delete(&objects.bucket.path(name)).await?)
    }
}
