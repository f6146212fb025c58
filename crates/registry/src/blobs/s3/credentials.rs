//! Where the credentials for S3 come from, in the order of the AWS tools: the environment, a profile with a static key, and then, by
//! variables of the environment that the client knows, a web identity, a container, and the instance.

use crate::error::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
use std::io::ErrorKind;
use std::path::PathBuf;

/// The settings of credentials in the environment.
const OF_ENVIRONMENT: [Key; 10] = [
    Key::AccessKeyId,
    Key::SecretAccessKey,
    Key::Token,
    Key::WebIdentityTokenFile,
    Key::RoleArn,
    Key::RoleSessionName,
    Key::StsEndpoint,
    Key::ContainerCredentialsRelativeUri,
    Key::ContainerCredentialsFullUri,
    Key::ContainerAuthorizationTokenFile,
];

/// The settings of the client that name or find credentials, and what comes with them.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    pub(super) settings: Vec<(Key, String)>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

impl Credentials {
    /// Those of the environment of this process, or of the profile that it names.
    pub(super) fn of_process() -> Result<Self> {
        let environment = AmazonS3Builder::from_env();
        let set = |key: Key| environment.get_config_value(&key).filter(|value| !value.is_empty());
        let mut settings: Vec<(Key, String)> = OF_ENVIRONMENT.into_iter().filter_map(|key| Some((key, set(key)?))).collect();
        let profile = of_profile()?;
        if let (None, Some((id, secret, token))) = (set(Key::AccessKeyId), profile.key) {
            settings.extend([(Key::AccessKeyId, id), (Key::SecretAccessKey, secret)]);
            settings.extend(token.map(|token| (Key::Token, token)));
        }
        let region = set(Key::Region).or_else(|| set(Key::DefaultRegion)).or(profile.region);
        Ok(Self { settings, region, endpoint: set(Key::S3Endpoint).or_else(|| set(Key::Endpoint)) })
    }
}

/// What the files of the AWS tools say about a profile.
#[derive(Debug, Default, PartialEq, Eq)]
struct Profile {
    /// Access key id, secret and session token.
    key: Option<(String, String, Option<String>)>,
    region: Option<String>,
}

/// Reads the profile that `AWS_PROFILE` names, or `default`. Fails if it is named and has no static key.
fn of_profile() -> Result<Profile> {
    let named = variable("AWS_PROFILE");
    let name = named.as_deref().unwrap_or("default");
    let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let config = read("AWS_CONFIG_FILE", "config")?;
    let profile = profile(&credentials, &config, name);
    match named {
        Some(name) if profile.key.is_none() && variable("AWS_ACCESS_KEY_ID").is_none() => {
            Err(Error::Internal(format!("the AWS profile '{name}' has no static access key, and other kinds are not supported")))
        }
        _ => Ok(profile),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads the file that a variable names, or the usual one. Empty if it does not exist.
fn read(named_by: &str, usual: &str) -> Result<String> {
    let of_home = || Some(PathBuf::from(variable("HOME")?).join(".aws").join(usual));
    let Some(path) = variable(named_by).map(PathBuf::from).or_else(of_home) else { return Ok(String::new()) };
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::Internal(format!("cannot read {}: {error}", path.display()))),
        Ok(text) => Ok(text),
    }
}

fn profile(credentials: &str, config: &str, name: &str) -> Profile {
    let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let find = |key| value(credentials, name, key).or_else(|| value(config, &in_config, key)).map(str::to_owned);
    let key = find("aws_access_key_id").zip(find("aws_secret_access_key"));
    Profile { key: key.map(|(id, secret)| (id, secret, find("aws_session_token"))), region: find("region") }
}

/// Returns the value of a key in a section of an INI file.
fn value<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).is_some_and(|name| name.trim() == section))?;
    let mut pairs = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_from_both_files() {
        let credentials = "# comment\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=one=1\n\n[ci]\nregion = x\n";
        let config =
            "[default]\nregion = eu-west-1\n[profile ci]\naws_access_key_id=AKIA2\naws_secret_access_key = two\naws_session_token = t\n";
        let key = |id: &str, secret: &str, token: Option<&str>| Some((id.to_owned(), secret.to_owned(), token.map(str::to_owned)));
        let default = Profile { key: key("AKIA1", "one=1", None), region: Some("eu-west-1".to_owned()) };
        assert_eq!(profile(credentials, config, "default"), default);
        assert_eq!(profile(credentials, config, "ci"), Profile { key: key("AKIA2", "two", Some("t")), region: Some("x".to_owned()) });
        assert_eq!(profile(credentials, config, "none"), Profile::default());
    }
}
