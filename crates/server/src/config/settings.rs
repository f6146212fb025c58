//! Everything that can be set: a field of [`Config`], and a row of [`SETTINGS`] that sets it.

use super::cors::Cors;
use super::origin::Origin;
use super::rate::Rate;
use super::setting::Setting;
use super::values::{self, BodyPace, LogFormat, RootKey, Secret};
use ipnet::IpNet;
use roadstead_model::{RegistryAlias, RegistryId};
use roadstead_registry::{AccountDeclaration, Limits, OpenOptions};
use std::path::PathBuf;
use std::time::Duration;

/// How this process runs. `Config::default()` is blank; `Config::from_sources` applies the defaults of [`SETTINGS`], which suit a
/// laptop: no file, no other process, loopback only.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where to listen: `host:port`; port 0 takes any free one.
    pub listen: String,
    /// Where metrics and probes are answered, and only there; where everything else is when absent.
    pub admin_listen: Option<String>,
    /// The directory that holds all data of the server.
    pub data: PathBuf,
    /// Use a temporary directory instead of `data`, and remove it on exit.
    pub ephemeral: bool,
    /// The scheme and host that URLs in answers start with; made from the request when absent.
    pub public_url: Option<Origin>,
    /// The file of the certificate chain to serve HTTPS with; plain HTTP when absent.
    pub tls_cert: Option<PathBuf>,
    /// The file of its private key.
    pub tls_key: Option<PathBuf>,
    /// How long browsers are told to use HTTPS only; not at all when absent.
    pub hsts: Option<Duration>,
    /// The web sites whose pages may read.
    pub cors: Cors,
    /// The registry id of this installation's account; `000000000000` when absent.
    pub account_id: Option<RegistryId>,
    /// The registry alias to make at first start; one of AWS's default form is made when absent.
    pub alias: Option<RegistryAlias>,
    /// The peers whose `X-Forwarded-…` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections there may be at once; a number that fits the limit of descriptors when absent.
    pub max_connections: Option<u64>,
    /// How many of them may come from one address (IPv6: one /64); a quarter of them when absent.
    pub max_connections_per_address: Option<u64>,
    /// When set, a signature's region must be in this list, by AWS's us-east-1 rule; else any region will do.
    pub aws_regions: Option<Vec<String>>,
    /// The format of the logs, when it was asked for; else text, or the banner on a terminal.
    pub log_format: Option<LogFormat>,
    /// The file of the audit log; among the other logs when absent.
    pub audit_log: Option<PathBuf>,
    /// How many failed signatures and logins of an address are answered with the reason.
    pub failed_login_rate: Rate,
    /// Whether a push creates the repository that it goes to.
    pub create_on_push: bool,
    /// Whether public repositories are described to requests without a signature that name the registry.
    pub anonymous_describe: bool,
    /// Whether any access key is accepted with any secret.
    pub emulator: bool,
    /// Whether an emulator may listen where other machines can reach it.
    pub emulator_on_network: bool,
    /// How often an address may pull a manifest without a login.
    pub pull_rate_anonymous: Option<Rate>,
    /// How often an account may pull a manifest.
    pub pull_rate_authenticated: Option<Rate>,
    /// How many bytes an address may download without a login in a month.
    pub pull_volume: Option<u64>,
    /// How many bytes may be held in memory for requests and answers.
    pub memory_budget: u64,
    /// How slowly the body of a request may arrive.
    pub body_pace: BodyPace,
    /// How long a connection may wait for the next request, or take to send one's head.
    pub idle_timeout: Duration,
    /// How long a request may go on without progress.
    pub stall_timeout: Duration,
    /// How often garbage is collected; none for never.
    pub gc_interval: Option<Duration>,
    /// How long garbage is kept.
    pub gc_grace: Duration,
    /// Quotas and sizes, and whether an index may be pushed before all of its children.
    pub limits: Limits,
    /// How many requests per second an account may make for an action; any number where none is given.
    pub rates: Vec<(&'static str, Rate)>,
    /// The accounts that the file declares.
    pub accounts: Vec<AccountDeclaration>,
    /// The files named by the configuration that hold secrets, which should not be world-readable.
    pub secret_files: Vec<PathBuf>,
    /// The root access key, when the environment gives it.
    pub root_key: Option<RootKey>,
    /// The master key, when the environment gives it.
    pub master_key: Option<Secret<[u8; 32]>>,
}

type Row = Setting<Config>;

/// A function that parses a text into a field.
macro_rules! set {
    ($($field:ident).+, $parse:expr) => {
        |config, text| put(&mut config.$($field).+, $parse(text))
    };
}

/// Commands on the data directory read these too.
pub(crate) const DATA: Row = Row::text("data", "DIRECTORY", set!(data, values::path))
    .help("The directory that holds all data of the server")
    .default("./roadstead-data");
pub(crate) const LOG_FORMAT: Row = Row::text("log_format", "text|json", set!(log_format, values::log_format))
    .help("Write structured logs as text or json, also on a terminal");
pub(crate) const AUDIT_LOG: Row = Row::text("audit_log", "FILE", set!(audit_log, values::path))
    .help("Append the audit log to this file, which SIGHUP reopens")
    .unset("among the other logs");
/// A day by default: no push takes longer, and neither does noticing a mistake.
pub(crate) const GC_GRACE: Row = Row::text("gc_grace", "DURATION", set!(gc_grace, values::duration))
    .help("How long unreferenced blobs are kept, so that a push in progress finds them")
    .default("24h");

/// The table of settings, in the order of `--help`. The defaults of limits are those of [`Limits`], which a test compares.
pub(super) static SETTINGS: &[Setting<Config>] = &[
    Row::text("listen", "HOST:PORT", set!(listen, values::listen))
        .help("Where to listen; port 0 takes any free one")
        .default("127.0.0.1:5000"),
    Row::text("admin_listen", "HOST:PORT", set!(admin_listen, values::listen))
        .help("A separate address for /metrics, /healthz and /readyz, over plain HTTP")
        .unset("where everything is"),
    DATA,
    Row::switch("ephemeral", set!(ephemeral, values::switch)).help("Use a temporary directory instead of --data, and remove it on exit"),
    Row::text("public_url", "URL", set!(public_url, Origin::parse_url))
        .help("The scheme and host of URLs in answers")
        .unset("the Host of each request"),
    Row::text("tls_cert", "FILE", set!(tls_cert, values::path))
        .help("The PEM file with the certificate chain to serve HTTPS with; read again when it changes"),
    Row::text("tls_key", "FILE", set!(tls_key, values::path)).help("The PEM file with the private key of that certificate"),
    Row::text("hsts", "DURATION", set!(hsts, values::duration))
        .help("Tell browsers over HTTPS to use HTTPS only for this long, such as 365d; it binds every port of the host")
        .unset("off"),
    Row::list("cors_origin", "ORIGIN|*", |config, text| config.cors.allow(text))
        .help("A web site, such as https://app.example.org, whose pages may read under /v2/ and ask /token; * for all")
        .unset("none"),
    Row::text("account_id", "DIGITS", set!(account_id, values::account_id))
        .help("The registry id of the installation's own account")
        .unset("000000000000"),
    Row::text("alias", "NAME", set!(alias, values::alias))
        .help("The primary registry alias of that account")
        .unset("one of AWS's form, made at first start and kept"),
    Row::list("trusted_proxy", "IP|CIDR", |config, text| push(&mut config.trusted_proxies, values::network(text)))
        .help("A peer whose X-Forwarded-Proto, -Host and -For headers count"),
    Row::number("max_connections", "NUMBER", set!(max_connections, values::positive))
        .help("Concurrent connections; idle ones make room for new ones")
        .unset("10000, or what a quarter of --memory-budget and half of the file descriptors allow"),
    Row::number("max_connections_per_address", "NUMBER", set!(max_connections_per_address, values::positive))
        .help("Of these, from one address or IPv6 /64")
        .unset("a quarter"),
    Row::list("aws_regions", "REGION,…", |config, text| push(config.aws_regions.get_or_insert_default(), values::region(text)))
        .help("Refuse AWS signatures for regions other than these, as AWS does")
        .unset("any will do")
        .bare("us-east-1"),
    LOG_FORMAT,
    AUDIT_LOG,
    Row::text("failed_login_rate", "RATE", set!(failed_login_rate, Rate::parse))
        .help("Bad signatures and logins of an address before further ones are answered with 429")
        .default("60/m"),
    Row::switch("create_on_push", set!(create_on_push, values::switch)).help("A push creates the repository that it goes to"),
    Row::switch("anonymous_describe", set!(anonymous_describe, values::switch))
        .help("Describe public repositories to unsigned requests too")
        .default("true"),
    Row::switch("emulator", set!(emulator, values::switch))
        .help("Accept any access key with any secret; an access key id of twelve digits is the account"),
    Row::switch("emulator_on_network", set!(emulator_on_network, values::switch))
        .help("Let an emulator listen where other machines reach it, with full access for everybody"),
    Row::switch("sparse_indexes", set!(limits.sparse_indexes, values::switch))
        .help("An index may be pushed before all the images that it lists"),
    Row::text("pull_rate_anonymous", "RATE", set!(pull_rate_anonymous, Rate::parse))
        .help("Images that an address may pull without a login, such as 1/s or 100/h")
        .unset("any number"),
    Row::text("pull_rate_authenticated", "RATE", set!(pull_rate_authenticated, Rate::parse))
        .help("Images that an account may pull, such as 10/s")
        .unset("any number"),
    Row::number("pull_volume", "AMOUNT", set!(pull_volume, values::size))
        .help("What an address may download without a login in a calendar month (UTC), such as 500GB")
        .unset("any amount"),
    Row::number("memory_budget", "SIZE", set!(memory_budget, values::memory))
        .help("Memory that may be held for requests and answers, at least 16MiB")
        .default("256MiB"),
    Row::text("body_grace", "DURATION", set!(body_pace.grace, values::timeout))
        .help("How long the body of a request may keep the server waiting")
        .default("60s"),
    // The rate of a poor mobile connection.
    Row::number("body_rate", "SIZE", set!(body_pace.rate, values::byte_rate))
        .help("Bytes per second that restore such waiting time; a slower body is aborted")
        .default("4KiB"),
    // Longer than the 60 s for which load balancers keep their end of a connection open: whoever closes first must be the one
    // that knows whether a request is on its way.
    Row::text("idle_timeout", "DURATION", set!(idle_timeout, values::timeout))
        .help("How long a connection may wait for the next request, or take to send one's head")
        .default("75s"),
    Row::text("stall_timeout", "DURATION", set!(stall_timeout, values::timeout))
        .help("How long a request may go on without progress")
        .default("10m"),
    Row::text("gc_interval", "DURATION", set!(gc_interval, values::interval))
        .help("How often garbage is collected, such as 30m; 0 for never")
        .default("1h"),
    GC_GRACE,
    Row::number("limit_repositories", "NUMBER", set!(limits.repositories, values::count))
        .help("Repositories of a registry")
        .default("10000"),
    Row::number("limit_images_per_repository", "NUMBER", set!(limits.images_per_repository, values::count))
        .help("Images of a repository")
        .default("100000"),
    Row::number("limit_tags_per_image", "NUMBER", set!(limits.tags_per_image, values::count)).help("Tags of an image").default("1000"),
    Row::number("limit_resource_tags", "NUMBER", set!(limits.resource_tags, values::count))
        .help("Resource tags of a repository")
        .default("50"),
    Row::number("limit_uploads", "NUMBER", set!(limits.uploads, values::count))
        .help("Concurrent unfinished uploads of a registry")
        .default("5000"),
    Row::number("limit_uploads_per_repository", "NUMBER", set!(limits.uploads_per_repository, values::count))
        .help("Concurrent unfinished uploads of a repository")
        .default("1000"),
    Row::number("limit_layer_size", "SIZE", set!(limits.layer_bytes, values::size))
        .help("Bytes of a layer, such as 10485760000 or 20GiB")
        .default("10000MiB"),
    Row::numbers("rates", "ACTION=NUMBER,…", |config, text| push(&mut config.rates, values::rate(text)))
        .help("Requests per second that an account may make to an action, such as PutImage=10")
        .unset("any number"),
];

fn put<T>(field: &mut T, value: Result<impl Into<T>, String>) -> Result<(), String> {
    *field = value?.into();
    Ok(())
}

fn push<T>(field: &mut Vec<T>, value: Result<T, String>) -> Result<(), String> {
    field.push(value?);
    Ok(())
}

impl Config {
    /// What the registry needs to know of this, with its data in `data`.
    pub fn open_options(&self, data: PathBuf) -> OpenOptions {
        let mut options = OpenOptions::new(data);
        options.alias = self.alias.clone();
        options.limits = self.limits.clone();
        options.root_key = self.root_key.as_ref().map(|key| (key.id.clone(), key.secret.0.clone()));
        options.master_key = self.master_key.as_ref().map(|key| key.0);
        if let Some(account_id) = &self.account_id {
            options.account_id = account_id.clone();
        }
        options
    }
}
