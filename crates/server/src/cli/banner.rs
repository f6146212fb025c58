//! The output of `roadstead serve` once it is ready: a banner on a terminal, otherwise a log event.

use super::ready_file::Readiness;
use crate::config::Origin;
use crate::quick_start;
use crate::server::Server;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The base of the URLs of a server: the first domain that it has a certificate for, otherwise a name for programs on this machine.
pub(super) fn origin(server: &Server, address: SocketAddr) -> Origin {
    let config = &server.config;
    let domain = config.acme.domains.first().and_then(|domain| Origin::new("https", &format!("{domain}:{}", address.port())));
    let local = || Origin { scheme: server.scheme(), authority: dialable(address) };
    config.public_url.clone().or(domain).unwrap_or_else(local)
}

pub(super) fn announce(server: &Server, readiness: &Readiness<'_>, on_terminal: bool, took: Duration) {
    let Readiness { url, address, admin_address, alias, data: used, .. } = readiness;
    if server.config.emulator {
        tracing::warn!("THIS IS AN EMULATOR: any access key with any secret, and any login, has full access to every account");
    }
    if !on_terminal {
        let admin = admin_address.map(tracing::field::display);
        let places = &server.config.places;
        let (data, database, blobs) = (used.map(|data| tracing::field::display(data.display())), places.shared_database(), places.bucket());
        let (database, blobs) = (database.map(tracing::field::display), blobs.map(tracing::field::display));
        if let Some(data) = own_key(server, *used) {
            let command = format!("roadstead access-key root --data {}", quoted(&data.display().to_string()));
            tracing::info!("'{command}' prints the root access key; for a container, put 'docker exec NAME' before it");
        }
        tracing::info!(%address, admin, %url, %alias, data, database, blobs, milliseconds = took.as_millis() as u64, "ready");
        return;
    }
    #[expect(clippy::print_stdout, reason = "the banner is for the person at the terminal")]
    {
        println!("Roadstead {} is running at {url}, registry alias {alias}\n", env!("CARGO_PKG_VERSION"));
        for line in quick_start::commands(url, alias, &credentials(server, *used)) {
            println!("  {line}");
        }
        if let Some(admin) = admin_address {
            println!("\nMetrics and probes at http://{}", dialable(*admin));
        }
        println!("\nData in {}. Stop with Ctrl-C.", places(server, *used));
    }
}

/// The places of all data.
fn places(server: &Server, data: Option<&Path>) -> String {
    let places = &server.config.places;
    let named = [
        data.map(|data| data.display().to_string()),
        places.shared_database().map(ToString::to_string),
        places.bucket().map(ToString::to_string),
    ];
    named.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// The variables that give the AWS CLI an access key, as a prefix of a command.
fn credentials(server: &Server, data: Option<&Path>) -> String {
    match own_key(server, data) {
        _ if server.config.emulator => "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test ".to_owned(),
        // The operator knows the key, because it is configured or was made by a command.
        None => String::new(),
        Some(data) => format!("AWS_SHARED_CREDENTIALS_FILE={} ", quoted(&data.join("credentials").display().to_string())),
    }
}

/// The data directory that holds a root key of the server's own making, which clients need.
fn own_key<'a>(server: &Server, data: Option<&'a Path>) -> Option<&'a Path> {
    let config = &server.config;
    data.filter(|_| !config.emulator && config.root_key.is_none() && config.places.shared_database().is_none())
}

/// The address of a listener for programs on this machine. Docker uses plain HTTP for `localhost`.
fn dialable(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => format!("localhost:{}", address.port()),
        _ => address.to_string(),
    }
}

/// Quotes a word for a shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::RegistryAlias;

    #[test]
    fn the_three_lines_can_be_copied_as_they_are() {
        let origin = Origin::parse_url("http://localhost:5000").unwrap();
        let variables = format!("AWS_SHARED_CREDENTIALS_FILE={} ", quoted("/srv/road stead/credentials"));
        assert_eq!(
            quick_start::commands(&origin, &RegistryAlias::parse("a1b2c3d4").unwrap(), &variables),
            [
                "AWS_SHARED_CREDENTIALS_FILE='/srv/road stead/credentials' aws ecr-public --region us-east-1 --endpoint-url http://localhost:5000 get-login-password | docker login --username AWS --password-stdin localhost:5000",
                "AWS_SHARED_CREDENTIALS_FILE='/srv/road stead/credentials' aws ecr-public --region us-east-1 --endpoint-url http://localhost:5000 create-repository --repository-name app",
                "docker push localhost:5000/a1b2c3d4/app:latest",
            ]
        );
    }

    #[test]
    fn a_listener_on_every_address_is_reached_as_localhost() {
        assert_eq!(dialable("0.0.0.0:5000".parse().unwrap()), "localhost:5000");
        assert_eq!(dialable("[::1]:5000".parse().unwrap()), "localhost:5000");
        assert_eq!(dialable("192.0.2.1:5000".parse().unwrap()), "192.0.2.1:5000");
    }
}
