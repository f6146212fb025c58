//! Where an installation keeps its metadata and its blobs.

mod address;
mod postgres;
mod s3;

use std::fmt;

pub use postgres::{Encryption, Password, PostgresHost, PostgresOptions};
pub use s3::S3Options;

/// Where the metadata is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DatabasePlace {
    /// A file in the data directory, which one server uses.
    #[default]
    File,
    /// A PostgreSQL database, which any number of servers share.
    Postgres(PostgresOptions),
}

/// Where the bytes of blobs and uploads are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BlobsPlace {
    /// A folder in the data directory.
    #[default]
    Folder,
    /// A bucket of an S3 service.
    S3(S3Options),
}

impl DatabasePlace {
    /// Parses the URL of a database. The error is what is wrong with it; it repeats no text that could be a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        PostgresOptions::parse(url).map(Self::Postgres)
    }
}

impl BlobsPlace {
    /// Parses the URL of a store. The error is what is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        S3Options::parse(url).map(Self::S3)
    }
}

/// The URL, without a password.
impl fmt::Display for DatabasePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("a file in the data directory"),
            Self::Postgres(options) => options.fmt(f),
        }
    }
}

impl fmt::Display for BlobsPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("a folder in the data directory"),
            Self::S3(options) => options.fmt(f),
        }
    }
}
