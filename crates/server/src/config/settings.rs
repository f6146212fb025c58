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

/// How this process runs. Blank at first (`default()`); `Config::from_sources` sets what the sources or the defaults of
/// [`SETTINGS`] say, which are those of a laptop: no file, no other process, loopback only.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where to listen: `host:port`; port 0 takes any free one.
    pub listen: String,
    /// Where metrics and probes are answered, and only there; where everything else is when absent.
    pub admin_listen: Option<String>,
    /// The folder that holds everything this server keeps.
    pub data: PathBuf,
    /// Use a temporary folder instead of `data`, and remove it on exit.
    pub ephemeral: bool,
    /// The scheme and host that URLs in answers start with; made from the request when absent.
    pub public_url: Option<Origin>,
    /// The certificate chain to serve HTTPS with; plain HTTP when absent.
    pub tls_cert: Option<PathBuf>,
    /// Its private key.
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
    /// How often an address may fail to sign a request or to log in before it is told no more than to wait.
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
    /// The files named by the configuration that hold secrets: they should be readable by few.
    pub secret_files: Vec<PathBuf>,
    /// The root access key, when the environment gives it.
    pub root_key: Option<RootKey>,
    /// The master key, when the environment gives it.
    pub master_key: Option<Secret<[u8; 32]>>,
}

type Row = Setting<Config>;

/// The settings that commands on the data folder share with the server.
pub(crate) const DATA: Setting<Config> = Row::text("data", "FOLDER", |config, text| put(&mut config.data, values::path(text)))
    .help("The folder that holds everything this server keeps")
    .default("./roadstead-data");
pub(crate) const LOG_FORMAT: Setting<Config> =
    Row::text("log_format", "text|json", |config, text| put(&mut config.log_format, values::log_format(text)))
        .help("Write structured logs as text or json, also on a terminal");
pub(crate) const AUDIT_LOG: Setting<Config> = Row::text("audit_log", "FILE", |config, text| put(&mut config.audit_log, values::path(text)))
    .help("Append the audit log to this file, which SIGHUP reopens")
    .unset("among the other logs");
/// A day by default: no push takes longer, and neither does noticing a mistake.
pub(crate) const GC_GRACE: Setting<Config> =
    Row::text("gc_grace", "DURATION", |config, text| put(&mut config.gc_grace, values::duration(text)))
        .help("How long such blobs are kept, so that a push under way finds them")
        .default("24h");

/// The table of settings, in the order of `--help`. The defaults of limits are those of [`Limits`], which a test compares.
pub static SETTINGS: &[Setting<Config>] = &[
    Row::text("listen", "HOST:PORT", |config, text| put(&mut config.listen, values::listen(text)))
        .help("Where to listen; port 0 takes any free one")
        .default("127.0.0.1:5000"),
    Row::text("admin_listen", "HOST:PORT", |config, text| put(&mut config.admin_listen, values::listen(text)))
        .help("A separate address for /metrics, /healthz and /readyz, over plain HTTP")
        .unset("where everything is"),
    DATA,
    Row::switch("ephemeral", |config, text| put(&mut config.ephemeral, values::switch(text)))
        .help("Use a temporary folder instead of --data, and remove it on exit"),
    Row::text("public_url", "URL", |config, text| put(&mut config.public_url, Origin::parse_url(text)))
        .help("Scheme and host that URLs in answers start with")
        .unset("made from each request's Host"),
    Row::text("tls_cert", "FILE", |config, text| put(&mut config.tls_cert, values::path(text)))
        .help("The PEM file with the certificate chain to serve HTTPS with; read again when it changes"),
    Row::text("tls_key", "FILE", |config, text| put(&mut config.tls_key, values::path(text)))
        .help("The PEM file with the private key of that certificate"),
    Row::text("hsts", "DURATION", |config, text| put(&mut config.hsts, values::duration(text)))
        .help("Tell browsers over HTTPS to use HTTPS only for this long, such as 365d; it binds every port of the host")
        .unset("off"),
    Row::list("cors_origin", "ORIGIN|*", |config, text| config.cors.allow(text))
        .help("A web site, such as https://app.example.org, whose pages may read under /v2/ and ask /token; * for all")
        .unset("none"),
    Row::text("account_id", "DIGITS", |config, text| put(&mut config.account_id, values::account_id(text)))
        .help("The registry id of the installation's own account")
        .unset("000000000000"),
    Row::text("alias", "NAME", |config, text| put(&mut config.alias, values::alias(text)))
        .help("The primary registry alias of that account")
        .unset("one of AWS's form, made at first start and kept"),
    Row::list("trusted_proxy", "IP|CIDR", |config, text| push(&mut config.trusted_proxies, values::network(text)))
        .help("A peer whose X-Forwarded-Proto, -Host and -For headers count"),
    Row::number("max_connections", "NUMBER", |config, text| put(&mut config.max_connections, values::positive(text)))
        .help("Connections at once; idle ones make room for new ones")
        .unset("what a quarter of --memory-budget and half of the file descriptors allow"),
    Row::number("max_connections_per_address", "NUMBER", |config, text| {
        put(&mut config.max_connections_per_address, values::positive(text))
    })
    .help("Of these, from one address or IPv6 /64")
    .unset("a quarter"),
    Row::list("aws_regions", "REGION,…", |config, text| push(config.aws_regions.get_or_insert_default(), values::region(text)))
        .help("Refuse AWS signatures for regions other than these, as AWS does")
        .unset("any will do")
        .bare("us-east-1"),
    LOG_FORMAT,
    AUDIT_LOG,
    Row::text("failed_login_rate", "RATE", |config, text| put(&mut config.failed_login_rate, Rate::parse(text)))
        .help("Bad signatures and logins of an address before more are answered with 429")
        .default("60/m"),
    Row::switch("create_on_push", |config, text| put(&mut config.create_on_push, values::switch(text)))
        .help("A push creates the repository that it goes to"),
    Row::switch("anonymous_describe", |config, text| put(&mut config.anonymous_describe, values::switch(text)))
        .help("Describe public repositories also to requests without a signature")
        .default("true"),
    Row::switch("emulator", |config, text| put(&mut config.emulator, values::switch(text)))
        .help("Accept any access key with any secret; an access key id of twelve digits is the account"),
    Row::switch("emulator_on_network", |config, text| put(&mut config.emulator_on_network, values::switch(text)))
        .help("Let an emulator listen where other machines reach it: everybody there may do everything"),
    Row::switch("sparse_indexes", |config, text| put(&mut config.limits.sparse_indexes, values::switch(text)))
        .help("An index may be pushed before all the images that it lists"),
    Row::text("pull_rate_anonymous", "RATE", |config, text| put(&mut config.pull_rate_anonymous, Rate::parse(text)))
        .help("Images that an address may pull without a login, such as 1/s or 100/h")
        .unset("any number"),
    Row::text("pull_rate_authenticated", "RATE", |config, text| put(&mut config.pull_rate_authenticated, Rate::parse(text)))
        .help("Images that an account may pull, such as 10/s")
        .unset("any number"),
    Row::number("pull_volume", "AMOUNT", |config, text| put(&mut config.pull_volume, values::size(text)))
        .help("What an address may download without a login in a calendar month (UTC), such as 500GB")
        .unset("any amount"),
    Row::number("memory_budget", "SIZE", |config, text| put(&mut config.memory_budget, values::memory(text)))
        .help("Memory that may be held for requests and answers, at least 16MiB")
        .default("256MiB"),
    Row::text("body_grace", "DURATION", |config, text| put(&mut config.body_pace.grace, values::timeout(text)))
        .help("How long the body of a request may keep the server waiting")
        .default("60s"),
    // The rate of a poor mobile connection.
    Row::number("body_rate", "SIZE", |config, text| put(&mut config.body_pace.rate, values::byte_rate(text)))
        .help("Bytes a second that make up for such waiting: a slower body is given up")
        .default("4KiB"),
    // Longer than the 60 s for which load balancers keep their end of a connection open: whoever closes first must be the one
    // that knows whether a request is on its way.
    Row::text("idle_timeout", "DURATION", |config, text| put(&mut config.idle_timeout, values::timeout(text)))
        .help("How long a connection may wait for the next request, or take to send one's head")
        .default("75s"),
    Row::text("stall_timeout", "DURATION", |config, text| put(&mut config.stall_timeout, values::timeout(text)))
        .help("How long a request may go on without progress")
        .default("10m"),
    Row::text("gc_interval", "DURATION", |config, text| {
        put(&mut config.gc_interval, values::duration(text).map(|interval| Some(interval).filter(|interval| !interval.is_zero())))
    })
    .help("How often blobs that nothing needs are removed, such as 30m; 0 for never")
    .default("1h"),
    GC_GRACE,
    Row::number("limit_repositories", "NUMBER", |config, text| put(&mut config.limits.repositories, values::count(text)))
        .help("Repositories of a registry")
        .default("10000"),
    Row::number("limit_images_per_repository", "NUMBER", |config, text| put(&mut config.limits.images_per_repository, values::count(text)))
        .help("Images of a repository")
        .default("100000"),
    Row::number("limit_tags_per_image", "NUMBER", |config, text| put(&mut config.limits.tags_per_image, values::count(text)))
        .help("Tags of an image")
        .default("1000"),
    Row::number("limit_resource_tags", "NUMBER", |config, text| put(&mut config.limits.resource_tags, values::count(text)))
        .help("Resource tags of a repository")
        .default("50"),
    Row::number("limit_uploads", "NUMBER", |config, text| put(&mut config.limits.uploads, values::count(text)))
        .help("Unfinished uploads of a registry at the same time")
        .default("5000"),
    Row::number("limit_uploads_per_repository", "NUMBER", |config, text| {
        put(&mut config.limits.uploads_per_repository, values::count(text))
    })
    .help("Unfinished uploads of a repository at the same time")
    .default("1000"),
    Row::number("limit_layer_size", "SIZE", |config, text| put(&mut config.limits.layer_bytes, values::size(text)))
        .help("Bytes of a layer, such as 10485760000 or 20GiB")
        .default("10000MiB"),
    Row::numbers("rates", "ACTION=NUMBER,…", |config, text| push(&mut config.rates, values::rate(text)))
        .help("Requests per second that an account may make for an action, such as PutImage=10")
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
