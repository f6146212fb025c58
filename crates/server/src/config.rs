//! What can be set, in one struct. Flags win over the environment, the environment over the file, the file over the defaults.
//!
//! [`SETTINGS`] is the one list of settings: the flags, the environment variables and the keys of the file are made
//! from it. A value is text until it is known which source wins, so that every refusal can say where it stands.

mod accounts;
mod cors;
mod file;
mod layers;
mod origin;
mod rate;
pub(crate) mod values;

pub use cors::Cors;
pub use layers::{ConfigError, Flags, Form, Layers, Place, SETTINGS, Setting};
pub use origin::Origin;
pub(crate) use origin::{host_and_port, is_authority};
pub use rate::Rate;
pub use values::{BodyPace, LogFormat, RootKey, Secret};

use ipnet::IpNet;
use roadstead_model::{RegistryAlias, RegistryId};
use roadstead_registry::{AccountDeclaration, Limits, OpenOptions, Sharing};
use std::path::PathBuf;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Longer than the 60 s for which load balancers keep their end of a connection open: whoever closes first must be the one that
/// knows whether a request is on its way.
const IDLE: Duration = Duration::from_secs(75);
const STALLED: Duration = Duration::from_secs(10 * 60);

/// How this process runs. The defaults are those of a laptop: no file, no other process, loopback only.
#[derive(Debug, Clone)]
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
    /// How long browsers are told to come by HTTPS only; not at all when absent.
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
    /// Whether a push makes the repository that it goes to.
    pub create_on_push: bool,
    /// Whether public repositories are described to requests without a signature that name the registry.
    pub anonymous_describe: bool,
    /// Whether any access key with any secret is taken for good.
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
    /// How long a request may go on while nothing of it moves.
    pub stall_timeout: Duration,
    /// How often garbage is collected; none for never.
    pub gc_interval: Option<Duration>,
    /// How long what nothing needs is kept.
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

impl Config {
    /// Where a command finds the data that it works on beside a server, and the key to it. Nothing else in the layers
    /// concerns it.
    pub(crate) fn beside(layers: &Layers) -> Result<OpenOptions, ConfigError> {
        let mut options = OpenOptions::new(Self::data(layers)?);
        options.sharing = Sharing::Beside;
        options.master_key = layers.variable(values::MASTER_KEY, values::master_key)?;
        Ok(options)
    }

    /// How long what nothing needs is kept. The default is a day: no push takes longer, and neither does noticing a mistake.
    pub(crate) fn gc_grace(layers: &Layers) -> Result<Duration, ConfigError> {
        Ok(layers.one("gc_grace", values::duration)?.unwrap_or(24 * HOUR))
    }

    /// The file of the audit log, if there is one, and the form of its lines.
    pub(crate) fn audit_log(layers: &Layers) -> Result<(Option<PathBuf>, LogFormat), ConfigError> {
        let format = layers.one("log_format", values::log_format)?.unwrap_or(LogFormat::Text);
        Ok((layers.one("audit_log", values::path)?, format))
    }

    fn data(layers: &Layers) -> Result<PathBuf, ConfigError> {
        Ok(layers.one("data", values::path)?.unwrap_or_else(|| "./roadstead-data".into()))
    }

    /// Reads every layer's text into values; the first one that does not parse is refused with its place.
    pub fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: layers.one("listen", values::listen)?.unwrap_or_else(|| "127.0.0.1:5000".into()),
            admin_listen: layers.one("admin_listen", values::listen)?,
            data: Self::data(layers)?,
            ephemeral: layers.one("ephemeral", values::switch)?.unwrap_or(false),
            public_url: layers.one("public_url", Origin::parse_url)?,
            tls_cert: layers.one("tls_cert", values::path)?,
            tls_key: layers.one("tls_key", values::path)?,
            hsts: layers.one("hsts", values::duration)?,
            cors: cors(layers)?,
            account_id: layers.one("account_id", values::account_id)?,
            alias: layers.one("alias", values::alias)?,
            trusted_proxies: layers.many("trusted_proxy", values::network)?.unwrap_or_default(),
            max_connections: layers.one("max_connections", values::positive)?,
            max_connections_per_address: layers.one("max_connections_per_address", values::positive)?,
            aws_regions: layers.many("aws_regions", values::region)?,
            log_format: layers.one("log_format", values::log_format)?,
            audit_log: Self::audit_log(layers)?.0,
            failed_login_rate: layers.one("failed_login_rate", Rate::parse)?.unwrap_or(Rate { period: Duration::from_secs(1), burst: 60 }),
            create_on_push: layers.one("create_on_push", values::switch)?.unwrap_or(false),
            anonymous_describe: layers.one("anonymous_describe", values::switch)?.unwrap_or(true),
            emulator: layers.one("emulator", values::switch)?.unwrap_or(false),
            emulator_on_network: layers.one("emulator_on_network", values::switch)?.unwrap_or(false),
            pull_rate_anonymous: layers.one("pull_rate_anonymous", Rate::parse)?,
            pull_rate_authenticated: layers.one("pull_rate_authenticated", Rate::parse)?,
            pull_volume: layers.one("pull_volume", values::size)?,
            memory_budget: layers.one("memory_budget", values::memory)?.unwrap_or(256 << 20),
            body_pace: body_pace(layers)?,
            idle_timeout: layers.one("idle_timeout", values::timeout)?.unwrap_or(IDLE),
            stall_timeout: layers.one("stall_timeout", values::timeout)?.unwrap_or(STALLED),
            gc_interval: Some(layers.one("gc_interval", values::duration)?.unwrap_or(HOUR)).filter(|interval| !interval.is_zero()),
            gc_grace: Self::gc_grace(layers)?,
            limits: limits(layers)?,
            rates: layers.many("rates", values::rate)?.unwrap_or_default(),
            accounts: layers.accounts()?,
            secret_files: layers.secret_files().into_iter().chain(layers.one("tls_key", values::path)?).collect(),
            root_key: values::root_key(layers)?,
            master_key: layers.variable(values::MASTER_KEY, values::master_key)?.map(Secret),
        })
    }

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

/// How slowly bodies may come. The default rate is that of a poor mobile connection; a body that stops for a minute is given up.
fn body_pace(layers: &Layers) -> Result<BodyPace, ConfigError> {
    Ok(BodyPace {
        grace: layers.one("body_grace", values::timeout)?.unwrap_or(Duration::from_secs(60)),
        rate: layers.one("body_rate", values::byte_rate)?.unwrap_or(4096),
    })
}

fn cors(layers: &Layers) -> Result<Cors, ConfigError> {
    let mut cors = Cors::default();
    layers.many("cors_origin", |text| cors.allow(text))?;
    Ok(cors)
}

/// What the layers say of limits; AWS's own where they say nothing.
fn limits(layers: &Layers) -> Result<Limits, ConfigError> {
    let aws = Limits::default();
    Ok(Limits {
        repositories: layers.one("limit_repositories", values::count)?.unwrap_or(aws.repositories),
        images_per_repository: layers.one("limit_images_per_repository", values::count)?.unwrap_or(aws.images_per_repository),
        tags_per_image: layers.one("limit_tags_per_image", values::count)?.unwrap_or(aws.tags_per_image),
        resource_tags: layers.one("limit_resource_tags", values::count)?.unwrap_or(aws.resource_tags),
        uploads: layers.one("limit_uploads", values::count)?.unwrap_or(aws.uploads),
        uploads_per_repository: layers.one("limit_uploads_per_repository", values::count)?.unwrap_or(aws.uploads_per_repository),
        layer_bytes: layers.one("limit_layer_size", values::size)?.unwrap_or(aws.layer_bytes),
        sparse_indexes: layers.one("sparse_indexes", values::switch)?.unwrap_or(aws.sparse_indexes),
        ..aws
    })
}

#[cfg(test)]
mod tests;
