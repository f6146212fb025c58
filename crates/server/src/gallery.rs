//! What browsers are shown: the landing page and the logos of repositories.

pub(crate) mod landing;
pub(crate) mod logos;
