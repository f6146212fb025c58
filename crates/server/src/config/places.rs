//! The settings of where data is: the fields of [`PlacesConfig`], and their rows in the table of settings. Commands read most of them
//! too, so that they find the data as the server does.

use super::origin::Origin;
use super::place::{ConfigError, Place};
use super::setting::Setting;
use super::settings::Config;
use super::values;
use roadstead_registry::{BlobsPlace, DatabasePlace, OpenOptions, Password, PostgresOptions, S3Options};
use std::path::PathBuf;
use std::time::Duration;

/// Where an installation keeps its data, and how a server begins and ends to use it.
#[derive(Debug, Clone, Default)]
pub struct PlacesConfig {
    /// The directory of what is neither in a database nor in a bucket.
    pub data: PathBuf,
    pub database: DatabasePlace,
    /// The file with the password of the database, instead of one in its URL.
    pub database_password_file: Option<PathBuf>,
    /// The maximum number of connections to the database.
    pub database_connections: u32,
    /// How long a statement may run in the database.
    pub database_statement_timeout: Duration,
    /// For how long answers in memory are given without asking the database whether they are stale.
    pub stale_reads: Duration,
    pub blobs: BlobsPlace,
    /// The S3 service, or `None` for AWS.
    pub s3_endpoint: Option<Origin>,
    /// The region of the bucket, or `None` for that of the environment or the profile.
    pub s3_region: Option<String>,
    /// Whether the bucket is in the path of URLs. If `None`, it is with an endpoint.
    pub s3_path_style: Option<bool>,
    /// The file with the master key, instead of one in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// How long a server waits at start for a database or a bucket that cannot be reached yet.
    pub wait: Duration,
    /// How long a server still serves after SIGTERM while it is no longer ready. If `None`, for five seconds with a shared database.
    pub drain: Option<Duration>,
}

type Row = Setting<Config>;

macro_rules! set {
    ($field:ident, $parse:expr) => {
        |config, text| {
            config.places.$field = $parse(text)?.into();
            Ok(())
        }
    };
}

pub(super) const DATA: Row = Row::text("data", "DIRECTORY", set!(data, values::path))
    .help("The directory that holds all data of the server, except what --database and --blobs place elsewhere")
    .default("./roadstead-data");
pub(super) const DATABASE: Row = Row::text("database", "URL", set!(database, DatabasePlace::parse))
    .help("The PostgreSQL database that any number of servers share, such as postgres://user@host/name")
    .unset("a file in the directory of --data");
pub(super) const DATABASE_PASSWORD_FILE: Row = Row::text("database_password_file", "FILE", set!(database_password_file, values::path))
    .help("The file with the password of the database, instead of one in its URL; read for each connection");
pub(super) const DATABASE_STATEMENT_TIMEOUT: Row =
    Row::text("database_statement_timeout", "DURATION", set!(database_statement_timeout, values::timeout))
        .help("How long a statement may run in the database")
        .default("30s");
pub(super) const BLOBS: Row = Row::text("blobs", "URL", set!(blobs, BlobsPlace::parse))
    .help("The bucket that holds the content of blobs, such as s3://bucket/prefix")
    .unset("a folder in the directory of --data");
pub(super) const S3_ENDPOINT: Row = Row::text("s3_endpoint", "URL", set!(s3_endpoint, Origin::parse_url))
    .help("The scheme and host of an S3 service, such as https://s3.example.org")
    .unset("AWS");
pub(super) const S3_REGION: Row = Row::text("s3_region", "REGION", set!(s3_region, values::region))
    .help("The region of the bucket")
    .unset("that of the environment or the profile, otherwise us-east-1");
pub(super) const S3_PATH_STYLE: Row = Row::switch("s3_path_style", set!(s3_path_style, values::switch))
    .help("Name the bucket in the path of URLs instead of the host")
    .unset("true with --s3-endpoint, otherwise false");
pub(super) const MASTER_KEY_FILE: Row = Row::text("master_key_file", "FILE", set!(master_key_file, values::path))
    .help("The file with the master key of 64 hexadecimal digits, which protects all secrets and is the same for all servers")
    .unset("with a database, ROADSTEAD_MASTER_KEY must be set; otherwise master.key in the directory of --data");

pub(super) const DATABASE_CONNECTIONS: Row = Row::number("database_connections", "NUMBER", set!(database_connections, values::pool_size))
    .help("Maximum number of connections of this server to the database")
    .default("20");
pub(super) const STALE_READS: Row = Row::text("stale_reads", "DURATION", set!(stale_reads, values::duration))
    .help("How long answers in memory may be given without asking the database whether they are stale, such as 1s")
    .default("0s");
pub(super) const WAIT: Row = Row::text("wait", "DURATION", set!(wait, values::duration))
    .help("How long to wait at start for a database or a bucket that cannot be reached yet")
    .default("60s");
pub(super) const DRAIN: Row = Row::text("drain", "DURATION", set!(drain, values::duration))
    .help("How long to go on serving after SIGTERM while /readyz already fails, so that load balancers notice")
    .unset("5s with a database, otherwise 0s");

/// What a command needs to find the data.
pub(super) const OF_COMMANDS: [&Row; 9] = [
    &DATA,
    &DATABASE,
    &DATABASE_PASSWORD_FILE,
    &DATABASE_STATEMENT_TIMEOUT,
    &BLOBS,
    &S3_ENDPOINT,
    &S3_REGION,
    &S3_PATH_STYLE,
    &MASTER_KEY_FILE,
];

/// What has no effect without a shared database.
const OF_DATABASES: [&Row; 4] = [&DATABASE_PASSWORD_FILE, &DATABASE_CONNECTIONS, &DATABASE_STATEMENT_TIMEOUT, &STALE_READS];
/// What has no effect without a bucket.
const OF_BUCKETS: [&Row; 3] = [&S3_ENDPOINT, &S3_REGION, &S3_PATH_STYLE];

/// The setting whose value a place is.
pub(super) fn setting_of(place: &str) -> &'static Row {
    match place.split_once("://") {
        None => &DATA,
        Some(("s3", _)) => &BLOBS,
        Some(_) => &DATABASE,
    }
}

impl PlacesConfig {
    /// Fails if both the URL and a file give the password of the database.
    pub(super) fn refuse_two_passwords(&self) -> Result<(), ConfigError> {
        match &self.database {
            DatabasePlace::Postgres(database) if database.password != Password::Absent && self.database_password_file.is_some() => {
                let reason = "the URL of the database contains a password too: remove one of them".to_owned();
                Err(ConfigError { place: Place::Flag(DATABASE_PASSWORD_FILE.flag()), reason })
            }
            _ => Ok(()),
        }
    }

    /// The database, if servers share it.
    pub(crate) fn shared_database(&self) -> Option<&PostgresOptions> {
        match &self.database {
            DatabasePlace::File => None,
            DatabasePlace::Postgres(database) => Some(database),
        }
    }

    /// The bucket of the blobs.
    pub(crate) fn bucket(&self) -> Option<&S3Options> {
        match &self.blobs {
            BlobsPlace::Folder => None,
            BlobsPlace::S3(bucket) => Some(bucket),
        }
    }

    /// The settings that have no effect, each with what it needs.
    pub(super) fn idle_settings(&self) -> impl Iterator<Item = (&'static Row, &'static str)> {
        let of_databases = OF_DATABASES.into_iter().filter(|_| self.shared_database().is_none());
        let of_buckets = OF_BUCKETS.into_iter().filter(|_| self.bucket().is_none());
        of_databases.map(|setting| (setting, "--database postgres://…")).chain(of_buckets.map(|setting| (setting, "--blobs s3://…")))
    }

    /// Whether anything is kept in the data directory.
    pub(crate) fn need_directory(&self) -> bool {
        self.shared_database().is_none() || self.bucket().is_none()
    }

    /// How long a server still serves after SIGTERM.
    pub(crate) fn drain(&self) -> Duration {
        self.drain.unwrap_or(if self.shared_database().is_some() { Duration::from_secs(5) } else { Duration::ZERO })
    }

    /// The options to open the installation with. Uploads to a bucket hold up to a quarter of the memory budget.
    pub(super) fn open_options(&self, data: PathBuf, memory_budget: u64) -> OpenOptions {
        let mut options = OpenOptions::new(data);
        options.database = match &self.database {
            DatabasePlace::File => DatabasePlace::File,
            DatabasePlace::Postgres(database) => DatabasePlace::Postgres(self.postgres(database.clone())),
        };
        options.blobs = match &self.blobs {
            BlobsPlace::Folder => BlobsPlace::Folder,
            BlobsPlace::S3(bucket) => BlobsPlace::S3(S3Options {
                endpoint: self.s3_endpoint.as_ref().map(Origin::to_string),
                region: self.s3_region.clone(),
                path_style: self.s3_path_style.unwrap_or(self.s3_endpoint.is_some()),
                memory: memory_budget / 4,
                ..bucket.clone()
            }),
        };
        options.master_key_file = self.master_key_file.clone();
        options.wait = self.wait;
        options
    }

    fn postgres(&self, database: PostgresOptions) -> PostgresOptions {
        PostgresOptions {
            password: self.database_password_file.clone().map_or(database.password, Password::File),
            connections: self.database_connections,
            statement_timeout: self.database_statement_timeout,
            stale_reads: self.stale_reads,
            ..database
        }
    }
}
