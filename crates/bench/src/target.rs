//! The servers to measure.

use crate::failure::{Failure, Result, failure};
use crate::process::Process;
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `host:port`.
    pub(crate) authority: String,
    /// Empty, or the path before every repository's name, with a trailing slash.
    pub(crate) prefix: String,
    /// A user and a password, or an AWS access key (`AKIA…`) and its secret for Amazon ECR Public's API.
    pub(crate) login: Option<(String, String)>,
    pub(crate) kind: Kind,
    /// The server's processes, if they run on this machine.
    pub(crate) process: Option<Process>,
}

/// How content is put onto a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Content is pushed.
    Registry,
    /// Content is written into the directory that the server serves.
    Files(PathBuf),
    /// There is no content: every response is the same.
    Fixed,
}

impl Target {
    /// A repository's full name.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Finds the local process that listens on the target's port, unless `process` is set.
    pub(crate) fn find_process(&mut self) {
        let port = self.authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        if let (None, Some(port)) = (&self.process, port) {
            self.process = Process::listening_on(port);
        }
    }
}

impl FromStr for Target {
    type Err = Failure;

    /// `NAME=http://HOST[:PORT][/PREFIX][,USER:PASSWORD]`
    fn from_str(text: &str) -> Result<Self> {
        let refuse = || failure!("'{text}' is not NAME=http://HOST[:PORT][/PREFIX][,USER:PASSWORD]");
        let (name, rest) = text.split_once('=').ok_or_else(refuse)?;
        let (url, login) = rest.split_once(',').map_or((rest, None), |(url, login)| (url, Some(login)));
        let place = url.strip_prefix("http://").ok_or_else(refuse)?;
        let (authority, prefix) = place.split_once('/').unwrap_or((place, ""));
        let login = login.map(|login| login.split_once(':').ok_or_else(refuse)).transpose()?;
        Ok(Self {
            name: name.to_owned(),
            authority: if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") },
            prefix: if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_end_matches('/')) },
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
            kind: Kind::Registry,
            process: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_name_an_address_and_perhaps_a_prefix_and_a_login() {
        let target: Target = "ours=http://127.0.0.1:5000/a1b2c3d4,AKIAX:s,e:cret".parse().unwrap();
        assert_eq!((target.name.as_str(), target.authority.as_str(), target.prefix.as_str()), ("ours", "127.0.0.1:5000", "a1b2c3d4/"));
        assert_eq!(target.login, Some(("AKIAX".to_owned(), "s,e:cret".to_owned())));
        assert_eq!(target.repository("app"), "a1b2c3d4/app");
        let plain: Target = "x=http://registry".parse().unwrap();
        assert_eq!((plain.authority.as_str(), plain.repository("app").as_str(), plain.login), ("registry:80", "app", None));
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in ["http://127.0.0.1", "a=https://registry", "a=http://registry,token", "a"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
