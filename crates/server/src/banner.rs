//! What a person sees who starts the registry at a terminal, and what a script reads where there is none.

use crate::Server;
use crate::cli::Failure;
use crate::http::Origin;
use roadstead_model::RegistryAlias;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Says that requests are answered: a banner on a terminal, else the event `ready` with the address in it.
pub(crate) async fn announce(server: &Server, address: SocketAddr, data: &Path, on_terminal: bool, took: Duration) -> Result<(), Failure> {
    let alias = server.registry.primary_alias(server.registry.account_id()).await;
    let alias = alias.map_err(|error| Failure::Failed(error.to_string()))?;
    let local = dialable(address);
    let origin = server.config.public_url.clone().unwrap_or_else(|| Origin { scheme: "http".into(), authority: local });
    if !on_terminal {
        tracing::info!(%address, url = %origin, %alias, data = %data.display(), milliseconds = took.as_millis() as u64, "ready");
        return Ok(());
    }
    let credentials = server.config.root_key.is_none().then(|| data.join("credentials"));
    let lines = lines_to_copy(&origin, &origin.authority, &alias, credentials);
    #[expect(clippy::print_stdout, reason = "the banner is for the person at the terminal")]
    {
        println!("Roadstead {} answers at {origin}, registry alias {alias}\n", env!("CARGO_PKG_VERSION"));
        lines.iter().for_each(|line| println!("  {line}"));
        println!("\nData in {}. Stop with Ctrl-C.", data.display());
    }
    Ok(())
}

/// Log in, create a repository, push. With the path of the credentials only where it is nobody else's business.
pub(crate) fn lines_to_copy(origin: &Origin, host: &str, alias: &RegistryAlias, credentials: Option<PathBuf>) -> [String; 3] {
    let shared = credentials.map(|path| format!("AWS_SHARED_CREDENTIALS_FILE={} ", quoted(&path.display().to_string())));
    let aws = format!("{}aws ecr-public --region us-east-1 --endpoint-url {origin}", shared.unwrap_or_default());
    [
        format!("{aws} get-login-password | docker login --username AWS --password-stdin {host}"),
        format!("{aws} create-repository --repository-name app"),
        format!("docker push {host}/{alias}/app:latest"),
    ]
}

/// The address by which a program on this machine reaches a listener. Docker takes `localhost` without TLS.
fn dialable(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => format!("localhost:{}", address.port()),
        _ => address.to_string(),
    }
}

/// As a shell wants it.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(credentials: Option<&str>) -> [String; 3] {
        let origin = Origin::parse_url("http://localhost:5000").unwrap();
        lines_to_copy(&origin, &origin.authority, &RegistryAlias::parse("a1b2c3d4").unwrap(), credentials.map(PathBuf::from))
    }

    #[test]
    fn the_three_lines_can_be_copied_as_they_are() {
        assert_eq!(
            lines(Some("/srv/road stead/credentials")),
            [
                "AWS_SHARED_CREDENTIALS_FILE='/srv/road stead/credentials' aws ecr-public --region us-east-1 --endpoint-url http://localhost:5000 get-login-password | docker login --username AWS --password-stdin localhost:5000",
                "AWS_SHARED_CREDENTIALS_FILE='/srv/road stead/credentials' aws ecr-public --region us-east-1 --endpoint-url http://localhost:5000 create-repository --repository-name app",
                "docker push localhost:5000/a1b2c3d4/app:latest",
            ]
        );
    }

    #[test]
    fn without_a_credentials_file_the_lines_name_none() {
        assert!(lines(None).iter().all(|line| !line.contains("CREDENTIALS")));
    }

    #[test]
    fn a_listener_on_every_address_is_reached_as_localhost() {
        assert_eq!(dialable("0.0.0.0:5000".parse().unwrap()), "localhost:5000");
        assert_eq!(dialable("[::1]:5000".parse().unwrap()), "localhost:5000");
        assert_eq!(dialable("192.0.2.1:5000".parse().unwrap()), "192.0.2.1:5000");
    }
}
