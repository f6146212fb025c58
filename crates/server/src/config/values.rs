//! Parsers of values. Their errors complete a sentence that begins with the place of the text: "--listen: 'x' is not an address…".

use super::origin::{host_and_port, is_authority};
use super::rate::Rate;
use base64::Engine;
use ipnet::IpNet;
use roadstead_model::aws::Operation;
use roadstead_model::{AliasStatus, RegistryAlias, RegistryId, RepositoryName, User, parse_network};
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Longer durations could overflow when they are added to the current time.
const LONGEST: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line of text per event.
    #[default]
    Text,
    /// A JSON object on one line per event.
    Json,
}

/// The minimum rate of a request body: a token bucket of waiting time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BodyPace {
    /// The size of the bucket, which is full at first.
    pub grace: Duration,
    /// The rate at which received bytes restore waiting time, in bytes per second.
    pub rate: u64,
}

/// A value that is hidden in debug output.
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(pub T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// An imported root access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKey {
    pub id: String,
    pub secret: Secret<String>,
}

pub(super) fn listen(text: &str) -> Result<String, String> {
    let has_name_and_port = host_and_port(text).1.is_some() && is_authority(text);
    if text.parse::<SocketAddr>().is_ok() || has_name_and_port {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is not an address of the form host:port, such as 127.0.0.1:5000"))
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("is empty".into()) } else { Ok(text.into()) }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

/// A line of text for pages.
pub(super) fn line(text: &str) -> Result<String, String> {
    const LONGEST: usize = 500;
    if text.trim().is_empty() || text.chars().any(char::is_control) || text.chars().count() > LONGEST {
        return Err(format!("is not a line of 1 to {LONGEST} characters"));
    }
    Ok(text.trim().to_owned())
}

/// The address of a link on pages. Others, such as `javascript:`, would run code in the browser.
pub(super) fn link(text: &str) -> Result<String, String> {
    let is_link = ["http://", "https://", "mailto:"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if !is_link || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("'{text}' is not a link that begins with http://, https:// or mailto:"));
    }
    Ok(text.to_owned())
}

pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    parse_network(text).ok_or_else(|| format!("'{text}' is neither an IP address nor a range of them such as 10.0.0.0/8"))
}

pub(crate) fn account_id(text: &str) -> Result<RegistryId, String> {
    RegistryId::parse(text).map_err(|_| format!("'{text}' is not a registry id: twelve digits"))
}

pub(crate) fn alias(text: &str) -> Result<RegistryAlias, String> {
    RegistryAlias::parse(text).map_err(|error| format!("'{text}' cannot be a registry alias: {error}"))
}

pub(crate) fn alias_status(text: &str) -> Result<AliasStatus, String> {
    AliasStatus::parse(&text.to_ascii_uppercase()).map_err(|_| format!("'{text}' is none of ACTIVE, PENDING and REJECTED"))
}

pub(crate) fn repository(text: &str) -> Result<RepositoryName, String> {
    RepositoryName::parse(text).map_err(|error| format!("'{text}' cannot be the name of a repository: {error}"))
}

pub(crate) fn user_name(text: &str) -> Result<String, String> {
    let name = Some(text.to_owned()).filter(|name| User::is_name(name));
    name.ok_or_else(|| format!("'{text}' is not a valid user name: use 1 to 64 letters, digits and +=,.@_-"))
}

/// A quota. It fits the signed integers of SQL.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let count = text.parse::<i64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    count.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| format!("'{text}' is not a whole number"))
}

pub(super) fn positive(text: &str) -> Result<u64, String> {
    count(text).ok().filter(|count| *count > 0).ok_or_else(|| format!("'{text}' is not a whole number above zero"))
}

/// The size of a pool of connections or threads. Each costs memory.
pub(super) fn pool_size(text: &str) -> Result<u32, String> {
    let count = count(text).ok().and_then(|count| u32::try_from(count).ok());
    count.filter(|count| (1..=1000).contains(count)).ok_or_else(|| format!("'{text}' is not a number from 1 to 1000"))
}

/// A size in bytes, with an optional binary or decimal unit.
pub(super) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let bytes = count(number).ok().and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| format!("'{text}' is not a size such as 10485760000, 20GiB or 500GB"))
}

/// A memory budget, in bytes. Less than 16 MiB would be too small for a single request of moderate size.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    size(text).ok().filter(|bytes| *bytes >= 16 << 20).ok_or_else(|| format!("'{text}' is not a size of at least 16MiB, such as 256MiB"))
}

/// Bytes per second, at least one.
pub(super) fn byte_rate(text: &str) -> Result<u64, String> {
    size(text).ok().filter(|bytes| *bytes > 0).ok_or_else(|| format!("'{text}' is not a number of bytes, such as 4KiB"))
}

/// A timeout. Zero is refused, because without a timeout clients could hold resources for ever.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("'{text}' cannot be switched off: use a duration such as 90s or 10m")),
        time => Ok(time),
    }
}

/// A number of bytes in a second, such as `50MB/s`.
pub(crate) fn bytes_per_second(text: &str) -> Result<NonZeroU64, String> {
    let bytes = text.strip_suffix("/s").and_then(|text| size(text).ok()).and_then(NonZeroU64::new);
    bytes.ok_or_else(|| format!("'{text}' is not a rate such as 50MB/s"))
}

/// An action of the AWS API, and its rate per account.
pub(super) fn rate(text: &str) -> Result<(&'static str, Rate), String> {
    let (name, number) = text.split_once('=').ok_or_else(|| format!("'{text}' is not of the form action=number"))?;
    let operation = Operation::find(name).ok_or_else(|| format!("'{name}' is no action of the Amazon ECR Public API"))?;
    let rate = number.parse::<f64>().ok().filter(|rate| (0.001..=1_000_000.0).contains(rate));
    let rate = rate.ok_or_else(|| format!("'{number}' is not a rate: use 0.001 to 1000000 requests per second"))?;
    Ok((operation.name(), Rate::per_second(rate)))
}

pub(super) fn region(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err(format!("'{text}' is not the name of a region, such as us-east-1"));
    }
    Ok(text.to_owned())
}

/// Parses the beginning of a `User-Agent`, such as `acme-scanner`.
pub(super) fn user_agent(text: &str) -> Result<String, String> {
    let valid = !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if valid { Ok(text.to_owned()) } else { Err(format!("'{text}' is not the beginning of a User-Agent")) }
}

/// A period, or `None` for `0`, which means never.
pub(super) fn interval(text: &str) -> Result<Option<Duration>, String> {
    duration(text).map(|interval| Some(interval).filter(|interval| !interval.is_zero()))
}

/// `90s`, `30m`, `24h` or `7d`, or a bare `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("'{text}' is not a duration such as 90s, 30m, 24h or 7d");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit = text.chars().last().ok_or_else(refuse)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(refuse()),
    };
    let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    // Digits fail to parse only if there are too many.
    let count: u64 = digits.filter(|digits| !digits.is_empty()).ok_or_else(refuse)?.parse().unwrap_or(u64::MAX);
    let time = count.checked_mul(seconds).map(Duration::from_secs).filter(|time| *time <= LONGEST);
    time.ok_or_else(|| format!("'{text}' is longer than a hundred years: use 36500d or less"))
}

/// A filter of logs. Every bare word must be a level: another one would be taken for a part of the program that is alone to be logged.
pub(crate) fn log_filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    if let Some(word) = items.iter().find(|item| !item.contains(['=', '[', ']', '{', '}']) && !is_level(item)) {
        return Err(format!(
            "'{word}' is not a level: use {}, or name a part of the program as in roadstead::access=off",
            LEVELS.join(", ")
        ));
    }
    // Its parser allows no spaces.
    let filter = items.join(",");
    EnvFilter::try_new(&filter).map_err(|error| format!("'{text}' is not a log filter: {error}"))?;
    Ok(filter)
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("'{text}' is neither text nor json")),
    }
}

/// Allows word characters and dashes only, because the scope of a signature is split at slashes, and headers at commas.
pub(crate) fn access_key_id(text: &str) -> Result<String, String> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !(1..=128).contains(&text.len()) || !text.bytes().all(word) {
        return Err("is not an access key id: at most 128 letters, digits, '_' and '-'".into());
    }
    Ok(text.to_owned())
}

/// Requires a minimum length, because a short secret can be guessed offline from a signed request. AWS's secrets have 40 characters.
pub(crate) fn secret_access_key(text: &str) -> Result<Secret<String>, String> {
    if !(16..=128).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "is not a secret access key: 16 to 128 printable ASCII characters without spaces; 'openssl rand -base64 30' makes one".into()
        );
    }
    Ok(Secret(text.to_owned()))
}

/// Does not repeat the text in the error, because it may be a key with a typo.
pub(super) fn master_key(text: &str) -> Result<[u8; 32], String> {
    let bytes = hex::decode(text).or_else(|_| base64::engine::general_purpose::STANDARD.decode(text)).ok();
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match key {
        None => Err("is not 32 bytes in hexadecimal or base64".into()),
        Some(key) if key == [0; 32] => Err("is 32 zeros, which anybody can guess: 'openssl rand -hex 32' makes a key".into()),
        Some(key) => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        let inside = |range: &str, address: &str| network(range).unwrap().contains(&address.parse::<std::net::IpAddr>().unwrap());
        assert!(inside("10.0.0.0/8", "10.255.1.2") && !inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("192.168.1.4", "192.168.1.4") && !inside("192.168.1.4", "192.168.1.5"));
        assert!(inside("0.0.0.0/0", "8.8.8.8") && !inside("0.0.0.0/0", "::1"));
        assert!(inside("fd00::/8", "fd12::1") && inside("::/0", "2001:db8::1") && !inside("::1", "::2"));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/-1", "proxy.example"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
