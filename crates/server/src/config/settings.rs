//! All settings: the fields of [`Config`], and the rows of [`SETTINGS`] that set them.

use super::acme::{self, AcmeConfig};
use super::blob_redirect::{self, BlobRedirect};
use super::cors::Cors;
use super::gallery::GalleryConfig;
use super::origin::{self, Origin};
use super::places::{self, PlacesConfig};
use super::rate::Rate;
use super::setting::Setting;
use super::traces::{self, TracesConfig};
use super::values::{self, BodyPace, LogFormat, RootKey, Secret};
use ipnet::IpNet;
use roadstead_model::{RegistryAlias, RegistryId};
use roadstead_registry::{AccountDeclaration, Limits, OpenOptions};
use std::path::PathBuf;
use std::time::Duration;

/// The configuration. `Config::default()` is blank; `Config::from_sources` applies the defaults of [`SETTINGS`], which suit a laptop:
/// no file, no other process, loopback only.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `host:port`; port 0 selects any free port.
    pub listen: String,
    /// The address that alone answers metrics and probes, or `None` to answer them at `listen`.
    pub admin_listen: Option<String>,
    pub places: PlacesConfig,
    /// Use a temporary directory instead of that of `places`, and remove it on exit.
    pub ephemeral: bool,
    /// The file that tells other programs where this server is, while it accepts requests.
    pub ready_file: Option<PathBuf>,
    /// Whether the server stops when its standard input ends.
    pub stop_with_stdin: bool,
    /// The scheme and host of URLs in answers, or `None` to derive them from each request.
    pub public_url: Option<Origin>,
    /// The certificate chain for HTTPS, or `None` to serve plain HTTP.
    pub tls_cert: Option<PathBuf>,
    /// The private key of `tls_cert`.
    pub tls_key: Option<PathBuf>,
    pub acme: AcmeConfig,
    /// The `max-age` of `Strict-Transport-Security`, which is not sent if `None`.
    pub hsts: Option<Duration>,
    /// The web sites whose pages may read responses.
    pub cors: Cors,
    /// The registry id of this installation's account. `000000000000` if `None`.
    pub account_id: Option<RegistryId>,
    /// The registry alias to create at the first start. Generated in AWS's format if `None`.
    pub alias: Option<RegistryAlias>,
    /// The peers whose `X-Forwarded-…` headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The maximum number of concurrent connections. Derived from the memory budget and the limit of descriptors if `None`.
    pub max_connections: Option<u64>,
    /// The maximum number of connections per address (IPv6: per /64). A quarter of all if `None`.
    pub max_connections_per_address: Option<u64>,
    /// The regions that signatures may be for, or `None` for any region. Never empty.
    pub aws_regions: Option<Vec<String>>,
    /// Beginnings of `User-Agent` whose pulls are counted as those of robots, besides the known ones.
    pub robots: Vec<String>,
    /// What to log, or `None` for what `RUST_LOG` says, otherwise everything down to the level `info`.
    pub log: Option<String>,
    /// The format of the logs. If `None`, logs are text, and on a terminal there is a banner.
    pub log_format: Option<LogFormat>,
    /// The file of the audit log, or `None` for stderr.
    pub audit_log: Option<PathBuf>,
    /// The rate up to which failed signatures and logins of an address are answered with the reason.
    pub failed_login_rate: Rate,
    /// Whether a push creates a missing repository.
    pub create_on_push: bool,
    /// Whether public repositories are described to unsigned requests that name the registry.
    pub anonymous_describe: bool,
    /// Whether any access key is accepted with any secret, and any login with any password.
    pub emulator: bool,
    /// Whether an emulator may listen where other machines can reach it.
    pub emulator_on_network: bool,
    /// The rate of anonymous pulls per address.
    pub pull_rate_anonymous: Option<Rate>,
    /// The rate of pulls per account.
    pub pull_rate_authenticated: Option<Rate>,
    /// The number of bytes that an address may download anonymously per month.
    pub pull_volume: Option<u64>,
    pub blob_redirect: BlobRedirect,
    /// The number of threads that serve requests. If `None`, see [`Self::worker_threads`].
    pub worker_threads: Option<u32>,
    /// The maximum memory for requests and answers, in bytes.
    pub memory_budget: u64,
    pub body_pace: BodyPace,
    /// How long a connection may be idle, or take to send the head of a request.
    pub idle_timeout: Duration,
    /// How long a request may make no progress.
    pub stall_timeout: Duration,
    /// The time between garbage collections, or `None` for never.
    pub gc_interval: Option<Duration>,
    /// The grace period of garbage.
    pub gc_grace: Duration,
    /// The time in which every stored blob is verified once, or `None` for never.
    pub scrub: Option<Duration>,
    pub traces: TracesConfig,
    pub gallery: GalleryConfig,
    pub limits: Limits,
    /// The rates of actions per account. An action that is not listed is unlimited.
    pub rates: Vec<(&'static str, Rate)>,
    /// The accounts declared in the file.
    pub accounts: Vec<AccountDeclaration>,
    /// The files that contain secrets, which should not be world-readable.
    pub secret_files: Vec<PathBuf>,
    /// The root access key, if the environment gives one.
    pub root_key: Option<RootKey>,
    /// The master key, if the environment gives one.
    pub master_key: Option<Secret<[u8; 32]>>,
}

type Row = Setting<Config>;

/// A closure that parses a text into a field.
macro_rules! set {
    ($($field:ident).+, $parse:expr) => {
        |config, text| put(&mut config.$($field).+, $parse(text))
    };
}

pub(super) const EPHEMERAL: Row =
    Row::switch("ephemeral", set!(ephemeral, values::switch)).help("Use a temporary directory instead of --data, and remove it on exit");
// Commands also read the next three, and some of `places`.
pub(crate) const LOG_FORMAT: Row = Row::text("log_format", "text|json", set!(log_format, values::log_format))
    .help("Write structured logs as text or json, also on a terminal");
pub(crate) const AUDIT_LOG: Row = Row::text("audit_log", "FILE", set!(audit_log, values::path))
    .help("Append the audit log to this file, which SIGHUP reopens")
    .unset("with the other logs");
/// The default is a day: no push takes longer, and mistakes are noticed within a day.
pub(crate) const GC_GRACE: Row = Row::text("gc_grace", "DURATION", set!(gc_grace, values::duration))
    .help("How long unreferenced blobs are kept, so that a push in progress finds them")
    .default("24h");
const OTLP_RATIO: Row = Row::number("otlp_ratio", "NUMBER", set!(traces.ratio, traces::ratio))
    .help("The share of requests to trace, from 0 to 1, of those that are not part of a trace of their client")
    .default("1");
const OTLP_SERVICE: Row =
    Row::text("otlp_service", "NAME", set!(traces.service, values::line)).help("The name of this service in traces").default("roadstead");
/// What has no effect without a collector.
const OF_TRACES: [&Row; 2] = [&OTLP_RATIO, &OTLP_SERVICE];

/// The table of settings, in the order of `--help`. A test holds the defaults of limits to those of [`Limits`].
pub(super) static SETTINGS: &[Row] = &[
    Row::text("listen", "HOST:PORT", set!(listen, values::listen))
        .help("The address to listen on; port 0 selects any free port")
        .default("127.0.0.1:5000"),
    Row::text("admin_listen", "HOST:PORT", set!(admin_listen, values::listen))
        .help("A separate address for /metrics, /healthz and /readyz, over plain HTTP")
        .unset("the address of --listen"),
    places::DATA,
    places::DATABASE,
    places::DATABASE_PASSWORD_FILE,
    places::DATABASE_CONNECTIONS,
    places::DATABASE_STATEMENT_TIMEOUT,
    places::STALE_READS,
    places::BLOBS,
    places::S3_ENDPOINT,
    places::S3_REGION,
    places::S3_PATH_STYLE,
    places::MASTER_KEY_FILE,
    places::WAIT,
    places::DRAIN,
    EPHEMERAL,
    Row::text("ready_file", "FILE", set!(ready_file, values::path))
        .help("A file that tells other programs the URL and the alias as JSON, and exists while the server accepts requests; or a pipe"),
    Row::switch("stop_with_stdin", set!(stop_with_stdin, values::switch))
        .help("Stop when the standard input ends, as a pipe does when the program that started the server ends in whatever way"),
    Row::text("public_url", "URL", set!(public_url, Origin::parse_url))
        .help("The scheme and host of URLs in answers")
        .unset("the Host of each request"),
    Row::text("tls_cert", "FILE", set!(tls_cert, values::path))
        .help("The PEM file with the certificate chain to serve HTTPS with; read again when it changes"),
    Row::text("tls_key", "FILE", set!(tls_key, values::path)).help("The PEM file with the private key of that certificate"),
    Row::list("acme_domain", "DOMAIN", |config, text| config.acme.add_domain(text))
        .help("A domain to serve HTTPS for with a certificate of Let's Encrypt or --acme-directory, whose terms you accept by this")
        .unset("none"),
    Row::text("acme_email", "ADDRESS", set!(acme.email, acme::email))
        .help("The address to which the certificate authority may write about the certificates"),
    Row::text("acme_directory", "URL", set!(acme.directory, acme::directory))
        .help("The ACME directory of the certificate authority")
        .default("https://acme-v02.api.letsencrypt.org/directory"),
    Row::text("acme_ca_file", "FILE", set!(acme.ca_file, values::path))
        .help("The PEM file with the certificates that a private ACME directory is trusted by")
        .unset("those of the system"),
    Row::text("hsts", "DURATION", set!(hsts, values::duration))
        .help("How long browsers must use HTTPS only, such as 365d; this applies to every port of the host")
        .unset("off"),
    Row::list("cors_origin", "ORIGIN|*", |config, text| config.cors.allow(text))
        .help("A web site whose pages may read /v2/ and /token, such as https://app.example.org; * for all")
        .unset("none"),
    Row::text("account_id", "DIGITS", set!(account_id, values::account_id))
        .help("The registry id of the installation's own account")
        .unset("000000000000"),
    Row::text("alias", "NAME", set!(alias, values::alias))
        .help("The primary registry alias of that account")
        .unset("generated in AWS's format at the first start"),
    Row::list("trusted_proxy", "IP|CIDR", |config, text| push(&mut config.trusted_proxies, values::network(text)))
        .help("A proxy whose X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-For headers are trusted"),
    Row::number("max_connections", "NUMBER", set!(max_connections, values::positive))
        .help("Maximum number of concurrent connections; at the limit, new ones replace idle ones")
        .unset("10000, or fewer if a quarter of --memory-budget or half of the file descriptors allows fewer"),
    Row::number("max_connections_per_address", "NUMBER", set!(max_connections_per_address, values::positive))
        .help("Maximum number of connections from one address (IPv6: one /64)")
        .unset("a quarter of all"),
    Row::list("aws_regions", "REGION,…", |config, text| push(config.aws_regions.get_or_insert_default(), values::region(text)))
        .help("Refuse AWS signatures for regions other than these, as AWS does")
        .unset("any region")
        .bare("us-east-1")
        // Read as "no region", an empty list would refuse every signature; read as "any region", it would accept every one.
        .needs_an_item(),
    Row::text("log", "FILTER", set!(log, values::log_filter))
        .also("log-level")
        .help("What to log: a level (off, error, warn, info, debug or trace), and levels for parts, such as info,roadstead::access=off")
        .unset("info; on a terminal without the access log and the audit log"),
    LOG_FORMAT,
    AUDIT_LOG,
    Row::text("failed_login_rate", "RATE", set!(failed_login_rate, Rate::parse))
        .help("Failed signatures and logins of an address, beyond which clients are only told to wait")
        .default("60/m"),
    Row::switch("create_on_push", set!(create_on_push, values::switch)).help("Create missing repositories on push"),
    Row::switch("anonymous_describe", set!(anonymous_describe, values::switch))
        .help("Describe public repositories to unsigned requests too")
        .default("true"),
    Row::switch("emulator", set!(emulator, values::switch))
        .help("Accept any access key and any login; an access key id or user name of twelve digits is the account"),
    Row::switch("emulator_on_network", set!(emulator_on_network, values::switch))
        .help("Let other machines reach an emulator, which gives them full access"),
    Row::switch("sparse_indexes", set!(limits.sparse_indexes, values::switch)).help("Accept an index before all the images that it lists"),
    Row::text("pull_rate_anonymous", "RATE", set!(pull_rate_anonymous, Rate::parse))
        .help("Rate of anonymous pulls per address, such as 1/s or 100/h")
        .unset("unlimited"),
    Row::text("pull_rate_authenticated", "RATE", set!(pull_rate_authenticated, Rate::parse))
        .help("Rate of pulls per account, such as 10/s")
        .unset("unlimited"),
    Row::number("pull_volume", "AMOUNT", set!(pull_volume, values::size))
        .help("Bytes that an address may download anonymously per calendar month (UTC), such as 500GB")
        .unset("unlimited"),
    Row::switch("blob_redirect", set!(blob_redirect.enabled, values::switch))
        .help("Send clients to the store for the bytes of blobs (only with --blobs s3://…)"),
    Row::text("blob_redirect_lifetime", "DURATION", set!(blob_redirect.lifetime, blob_redirect::lifetime))
        .help("How long the address of a blob in the store is valid")
        .default("15m"),
    Row::text("blob_redirect_url", "URL", set!(blob_redirect.base, origin::parse_base))
        .help("What replaces scheme and host of such addresses, such as the base of a CDN in front of the store")
        .unset("the addresses of the store"),
    Row::list("robots", "USER-AGENT,…", |config, text| push(&mut config.robots, values::user_agent(text)))
        .help("Count pulls by programs whose User-Agent begins so as those of robots, besides the known ones")
        .unset("none"),
    Row::number("worker_threads", "NUMBER", set!(worker_threads, values::pool_size))
        .help("Number of threads that serve requests; files and the database are waited for on others")
        .unset("that of the cores, or half of it with --database, which leaves them to what requests wait for"),
    Row::number("memory_budget", "SIZE", set!(memory_budget, values::memory))
        .help("Maximum memory for requests and answers, at least 16MiB")
        .default("256MiB"),
    Row::text("body_grace", "DURATION", set!(body_pace.grace, values::timeout))
        .help("How long the body of a request may keep the server waiting")
        .default("60s"),
    // The rate of a poor mobile connection.
    Row::number("body_rate", "SIZE", set!(body_pace.rate, values::byte_rate))
        .help("Bytes per second that restore the waiting time of --body-grace; a slower body is eventually aborted")
        .default("4KiB"),
    // Longer than the 60 s of load balancers, so that they close idle connections first: only the sender of requests knows whether
    // one is in flight.
    Row::text("idle_timeout", "DURATION", set!(idle_timeout, values::timeout))
        .help("How long a connection may be idle, or take to send the head of a request")
        .default("75s"),
    Row::text("stall_timeout", "DURATION", set!(stall_timeout, values::timeout))
        .help("How long a request may make no progress")
        .default("10m"),
    Row::text("gc_interval", "DURATION", set!(gc_interval, values::interval))
        .help("How often garbage is collected, such as 30m; 0 for never")
        .default("1h"),
    GC_GRACE,
    Row::text("scrub", "DURATION", set!(scrub, values::interval))
        .help("The time in which every stored blob is read once and verified in the background, such as 30d; 0 for never")
        .default("0"),
    Row::text("otlp_endpoint", "URL", set!(traces.endpoint, traces::endpoint))
        .help("Where to send traces by OTLP (protobuf over HTTP), such as http://127.0.0.1:4318, to which /v1/traces is added")
        .unset("there are no traces"),
    OTLP_RATIO,
    OTLP_SERVICE,
    Row::switch("gallery", set!(gallery.enabled, values::switch)).help("Show pages for browsers").default("true"),
    Row::text("gallery_name", "TEXT", set!(gallery.name, values::line))
        .help("The name of the gallery, in the header and the titles of its pages")
        .unset("the host"),
    Row::text("gallery_notice", "TEXT", set!(gallery.notice, values::line)).help("A line of text on top of every page"),
    Row::text("gallery_imprint", "URL", set!(gallery.imprint, values::link))
        .help("The address of the imprint, which every page links: http, https or mailto"),
    Row::text("gallery_contact", "URL", set!(gallery.contact, values::link))
        .help("The address to write to, which every page links: http, https or mailto"),
    Row::text("gallery_max_age", "DURATION", set!(gallery.max_age, values::duration))
        .help("How long browsers and CDNs may show a page without asking whether it has changed, such as 60s")
        .unset("they always ask"),
    Row::text("gallery_rate", "RATE", set!(gallery.rate, Rate::parse)).help("Rate of pages per address, such as 5/s").unset("unlimited"),
    Row::number("limit_repositories", "NUMBER", set!(limits.repositories, values::count))
        .help("Repositories per registry")
        .default("10000"),
    Row::number("limit_images_per_repository", "NUMBER", set!(limits.images_per_repository, values::count))
        .help("Images per repository")
        .default("100000"),
    Row::number("limit_tags_per_image", "NUMBER", set!(limits.tags_per_image, values::count)).help("Tags per image").default("1000"),
    Row::number("limit_resource_tags", "NUMBER", set!(limits.resource_tags, values::count))
        .help("Resource tags per repository")
        .default("50"),
    Row::number("limit_uploads", "NUMBER", set!(limits.uploads, values::count))
        .help("Concurrent unfinished uploads per registry")
        .default("5000"),
    Row::number("limit_uploads_per_repository", "NUMBER", set!(limits.uploads_per_repository, values::count))
        .help("Concurrent unfinished uploads per repository")
        .default("1000"),
    Row::number("limit_layer_size", "SIZE", set!(limits.layer_bytes, values::size))
        .help("Maximum size of a layer, such as 10485760000 or 20GiB")
        .default("10000MiB"),
    Row::numbers("rates", "ACTION=NUMBER,…", |config, text| push(&mut config.rates, values::rate(text)))
        .help("Requests per second of an account for an action, such as PutImage=10")
        .unset("unlimited"),
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
    /// Whether the connections to [`Self::listen`] are HTTPS.
    pub fn serves_https(&self) -> bool {
        self.tls_cert.is_some() || !self.acme.domains.is_empty()
    }

    /// The settings that have no effect, each with what it needs.
    pub(super) fn idle_settings(&self) -> impl Iterator<Item = (&'static Row, &'static str)> {
        let of_traces = OF_TRACES.into_iter().filter(|_| self.traces.endpoint.is_none());
        self.places.idle_settings().chain(of_traces.map(|setting| (setting, "--otlp-endpoint")))
    }

    /// The number of threads that serve requests.
    pub fn worker_threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.worker_threads.map_or_else(|| self.threads_on(cores), |threads| threads as usize)
    }

    /// Requests to a server on a shared database mostly wait for the database, on other threads unless the answer is in memory. While
    /// there is little to do, each further worker thread costs more to wake than it takes over.
    pub(super) fn threads_on(&self, cores: usize) -> usize {
        if self.places.shared_database().is_some() { cores.div_ceil(2) } else { cores }
    }

    /// The options to open the installation with, whose data is in `data`.
    pub fn open_options(&self, data: PathBuf) -> OpenOptions {
        let mut options = self.places.open_options(data, self.memory_budget);
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
