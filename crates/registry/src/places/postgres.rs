//! A PostgreSQL database, and how to connect to it.

use super::address::Address;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io};

const PORT: u16 = 5432;
/// The schemes of URLs that libpq knows.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const PARAMETERS: &str = "host, sslmode and sslrootcert";

/// A database on a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    pub host: PostgresHost,
    pub port: u16,
    pub user: String,
    pub password: Password,
    /// The name of the database.
    pub database: String,
    pub encryption: Encryption,
    /// The maximum number of connections of this process.
    pub connections: u32,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// For how long answers in memory are given without asking the database whether they are stale.
    pub stale_reads: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresHost {
    /// A host name or an address.
    Name(String),
    /// The directory of a Unix socket.
    Socket(PathBuf),
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    Off,
    /// With any certificate, so only eavesdropping is prevented.
    Unverified,
    /// With a certificate for the host. `roots` is a PEM file with the authorities that are trusted, or `None` for those that the
    /// system trusts.
    Verified { roots: Option<PathBuf> },
}

/// The password of a database, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    Absent,
    Text(String),
    /// Read for each connection, so that a new password needs no restart.
    File(PathBuf),
}

impl Password {
    pub fn read(&self) -> io::Result<Option<String>> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text.clone())),
            Self::File(path) => fs::read_to_string(path).map(|text| Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Text(_) => f.write_str("(secret)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl PostgresOptions {
    /// Parses `postgres://user:password@host:port/database?sslmode=…`.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or("is not the URL of a database, such as postgres://user@host:5432/name")?;
        let Address { user, password, authority, path, parameters } = Address::parse(rest)?;
        let (mut host, mut mode, mut roots) = (None, None, None);
        for (name, value) in parameters {
            let parameter = match name.as_str() {
                "host" => &mut host,
                "sslmode" => &mut mode,
                "sslrootcert" => &mut roots,
                _ => return Err(format!("has a parameter other than {PARAMETERS}")),
            };
            if parameter.replace(value).is_some() {
                return Err(format!("has the parameter {name} twice"));
            }
        }
        let (host, port) = place(&authority, host)?;
        let database = Some(path).filter(|name| !name.is_empty() && !name.contains('/'));
        Ok(Self {
            encryption: encryption(&host, mode.as_deref(), roots)?,
            host,
            port,
            user: user.ok_or("names no user: write postgres://user@host/name")?,
            password: password.map_or(Password::Absent, Password::Text),
            database: database.ok_or("names no database: write postgres://user@host/name")?,
            connections: 20,
            statement_timeout: Duration::from_secs(30),
            stale_reads: Duration::ZERO,
        })
    }
}

/// The host and the port, of which the parameter `host` may name the host.
fn place(authority: &str, parameter: Option<String>) -> Result<(PostgresHost, u16), String> {
    let in_brackets = |host: &str| host.strip_prefix('[').is_some_and(|host| host.ends_with(']'));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit())));
    if authority.contains(',') || parameter.as_ref().is_some_and(|host| host.contains(',')) {
        return Err("names several hosts: name one that always leads to the primary".to_owned());
    }
    let host = match (host, parameter) {
        ("", Some(directory)) if directory.starts_with('/') => PostgresHost::Socket(directory.into()),
        ("", Some(host)) if is_name(&host) => PostgresHost::Name(host),
        ("", None) => return Err("names no host: write postgres://user@host/name, or for a socket ?host=/run/postgresql".to_owned()),
        (host, None) if in_brackets(host) && is_name(&host[1..host.len() - 1]) => PostgresHost::Name(host[1..host.len() - 1].to_owned()),
        (host, None) if is_name(host) && !host.contains(':') => PostgresHost::Name(host.to_owned()),
        (host, Some(_)) if !host.is_empty() => return Err("names its host twice".to_owned()),
        _ => return Err("has no valid host".to_owned()),
    };
    Ok((host, port.filter(|port| *port > 0).ok_or("has no valid port")?))
}

/// Whether a text is a host name or an address.
fn is_name(text: &str) -> bool {
    let is_dns = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    text.parse::<Ipv6Addr>().is_ok() || (!text.is_empty() && text.bytes().all(is_dns))
}

/// Without `sslmode`, only connections within this machine are not encrypted.
fn encryption(host: &PostgresHost, mode: Option<&str>, roots: Option<String>) -> Result<Encryption, String> {
    let is_local = match host {
        PostgresHost::Socket(_) => true,
        PostgresHost::Name(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    };
    let mode = mode.unwrap_or(if is_local && roots.is_none() { "disable" } else { "verify-full" });
    match (mode, host) {
        ("disable", _) if roots.is_some() => Err("has sslrootcert, which sslmode=disable does not use".to_owned()),
        ("disable", _) => Ok(Encryption::Off),
        ("require" | "verify-full", PostgresHost::Socket(_)) => Err("asks for encryption of a Unix socket, which has none".to_owned()),
        ("require", _) if roots.is_some() => Err("has sslrootcert, which only sslmode=verify-full uses".to_owned()),
        ("require", _) => Ok(Encryption::Unverified),
        ("verify-full", _) => Ok(Encryption::Verified { roots: roots.filter(|roots| roots != "system").map(Into::into) }),
        _ => Err("has an sslmode other than verify-full, require and disable".to_owned()),
    }
}

/// The URL, without the password and the parameters.
impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, .. } = self;
        match host {
            PostgresHost::Name(name) if name.contains(':') => write!(f, "postgres://{user}@[{name}]:{port}/{database}"),
            PostgresHost::Name(name) => write!(f, "postgres://{user}@{name}:{port}/{database}"),
            PostgresHost::Socket(directory) => write!(f, "postgres://{user}@:{port}/{database}?host={}", directory.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a URL that differ between the cases.
    fn parts(url: &str) -> (String, String, Option<String>, Encryption) {
        let options = PostgresOptions::parse(url).unwrap_or_else(|error| panic!("{url} {error}"));
        let password = options.password.read().expect("no file");
        let host = match &options.host {
            PostgresHost::Name(name) => name.clone(),
            PostgresHost::Socket(directory) => directory.display().to_string(),
        };
        (format!("{host} {} {}", options.port, options.database), options.user, password, options.encryption)
    }

    #[test]
    fn a_url_names_the_host_the_database_and_the_login() {
        let verified = |roots: Option<&str>| Encryption::Verified { roots: roots.map(PathBuf::from) };
        for (url, place, user, password, encryption) in [
            ("postgres://rs:secret@db.example:6432/registry", "db.example 6432 registry", "rs", Some("secret"), verified(None)),
            ("postgresql://rs@db/registry", "db 5432 registry", "rs", None, verified(None)),
            ("postgres://rs:@db/registry", "db 5432 registry", "rs", None, verified(None)),
            ("postgres://r%40s:p%2f%3A%40%25@db/a%20b", "db 5432 a b", "r@s", Some("p/:@%"), verified(None)),
            ("postgres://rs:p@ss:w/rd@db/registry", "db 5432 registry", "rs", Some("p@ss:w/rd"), verified(None)),
            ("postgres://rs@db/registry?sslmode=require", "db 5432 registry", "rs", None, Encryption::Unverified),
            ("postgres://rs@db/registry?sslmode=disable", "db 5432 registry", "rs", None, Encryption::Off),
            ("postgres://rs@db/r?sslmode=verify-full&sslrootcert=/etc/ca%20.pem", "db 5432 r", "rs", None, verified(Some("/etc/ca .pem"))),
            ("postgres://rs@db/registry?sslrootcert=system", "db 5432 registry", "rs", None, verified(None)),
            ("postgres://rs@localhost/registry", "localhost 5432 registry", "rs", None, Encryption::Off),
            ("postgres://rs@127.0.0.2:1/registry", "127.0.0.2 1 registry", "rs", None, Encryption::Off),
            ("postgres://rs@[::1]:6000/registry", "::1 6000 registry", "rs", None, Encryption::Off),
            ("postgres://rs@[2001:db8::1]/registry", "2001:db8::1 5432 registry", "rs", None, verified(None)),
            ("postgres://rs@localhost/registry?sslrootcert=ca.pem", "localhost 5432 registry", "rs", None, verified(Some("ca.pem"))),
            ("postgres://rs@/registry?host=/run/postgresql", "/run/postgresql 5432 registry", "rs", None, Encryption::Off),
            ("postgres://rs@:6000/registry?host=%2Frun%2Fpg", "/run/pg 6000 registry", "rs", None, Encryption::Off),
            ("postgres://rs@/registry?host=db", "db 5432 registry", "rs", None, verified(None)),
        ] {
            assert_eq!(parts(url), (place.to_owned(), user.to_owned(), password.map(str::to_owned), encryption), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_repeating_it() {
        let parameters = "has a parameter other than host, sslmode and sslrootcert";
        for (url, said) in [
            ("", "is not the URL of a database, such as postgres://user@host:5432/name"),
            ("mysql://hunter2@db/a", "is not the URL of a database, such as postgres://user@host:5432/name"),
            ("postgres://db/a", "names no user: write postgres://user@host/name"),
            ("postgres://:hunter2@db/a", "names no user: write postgres://user@host/name"),
            ("postgres://rs:hunter2@db", "names no database: write postgres://user@host/name"),
            ("postgres://rs:hunter2@db/", "names no database: write postgres://user@host/name"),
            ("postgres://rs:hunter2@db/a/b", "names no database: write postgres://user@host/name"),
            ("postgres://rs:hunter2@/a", "names no host: write postgres://user@host/name, or for a socket ?host=/run/postgresql"),
            ("postgres://rs:hunter2@db:0/a", "has no valid port"),
            ("postgres://rs:hunter2@db:65536/a", "has no valid port"),
            ("postgres://rs:hunter2@db:+1/a", "has no valid port"),
            ("postgres://rs:hunter2@d b/a", "has no valid host"),
            ("postgres://rs:hunter2@::1/a", "has no valid host"),
            ("postgres://rs:hunter2@/a?host=a/b", "has no valid host"),
            ("postgres://rs:hunter2@one,two/a", "names several hosts: name one that always leads to the primary"),
            ("postgres://rs:hunter2@one:1,two:2/a", "names several hosts: name one that always leads to the primary"),
            ("postgres://rs:hunter2@/a?host=one,two", "names several hosts: name one that always leads to the primary"),
            ("postgres://rs:hunter2@db/a?host=db", "names its host twice"),
            ("postgres://rs:hunter2@db/a?sslmode", "has a parameter without a value"),
            ("postgres://rs:hunter2@db/a?sslmode=prefer", "has an sslmode other than verify-full, require and disable"),
            ("postgres://rs:hunter2@db/a?sslmode=require&sslmode=disable", "has the parameter sslmode twice"),
            ("postgres://rs:hunter2@db/a?sslmode=require&sslrootcert=a", "has sslrootcert, which only sslmode=verify-full uses"),
            ("postgres://rs:hunter2@db/a?sslmode=disable&sslrootcert=a", "has sslrootcert, which sslmode=disable does not use"),
            ("postgres://rs:hunter2@/a?host=/run&sslmode=require", "asks for encryption of a Unix socket, which has none"),
            ("postgres://rs@db/a?password=hunter2", parameters),
            ("postgres://rs@db/a?hunter2=1", parameters),
            ("postgres://rs:hunter2%@db/a", "has a '%' in its password that encodes nothing: write it as %25"),
            ("postgres://rs:hunter2%zz@db/a", "has a '%' in its password that encodes nothing: write it as %25"),
            ("postgres://rs:hunter2%ff@db/a", "has a password that is not UTF-8"),
            ("postgres://rs:hunter2%00@db/a", "has a password with a null character"),
            ("postgres://rs:hunter2#@db/a", "contains a '#': write it as %23"),
        ] {
            assert_eq!(PostgresOptions::parse(url).expect_err(url), said, "{url}");
        }
    }

    #[test]
    fn a_password_is_in_no_text_about_the_database() {
        let options = PostgresOptions::parse("postgres://rs:hunter2@db/registry").expect("a URL");
        assert!(!format!("{options:?}").contains("hunter2"));
        assert_eq!(options.to_string(), "postgres://rs@db:5432/registry");
        let shown = |url| PostgresOptions::parse(url).expect("a URL").to_string();
        assert_eq!(shown("postgres://rs:hunter2@[::1]/registry"), "postgres://rs@[::1]:5432/registry");
        assert_eq!(shown("postgres://rs:hunter2@/registry?host=/run/pg"), "postgres://rs@:5432/registry?host=/run/pg");
    }

    #[test]
    fn a_password_file_is_read_each_time_without_the_end_of_its_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("password");
        let password = Password::File(path.clone());
        assert!(password.read().is_err());
        for text in ["hunter2", " with spaces "] {
            fs::write(&path, format!("{text}\r\n")).expect("a file");
            assert_eq!(password.read().expect("the file").as_deref(), Some(text));
        }
    }
}
