//! Amazon resource names of registries, repositories and principals.
//!
//! ECR Public's names carry no region: `arn:aws:ecr-public::123456789012:repository/a/b`
//! (Amazon ECR Public user guide, "Actions, resources and condition keys").

use crate::name::{RegistryId, RepositoryName};
use crate::repository::RepositoryKey;
use std::fmt;

/// An Amazon resource name that this server uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Arn {
    /// `arn:aws:ecr-public::<id>:registry/<id>`
    Registry(RegistryId),
    /// `arn:aws:ecr-public::<id>:repository/<name>`
    Repository(RepositoryKey),
    /// `arn:aws:iam::<id>:root`
    AccountRoot(RegistryId),
    /// `arn:aws:iam::<id>:user/<name>`
    User(RegistryId, String),
}

impl Arn {
    /// Parses the ARN of a repository.
    pub fn parse_repository(text: &str) -> Option<RepositoryKey> {
        let rest = text.strip_prefix("arn:aws:ecr-public::")?;
        let (registry, resource) = rest.split_once(':')?;
        let name = resource.strip_prefix("repository/")?;
        Some(RepositoryKey::new(RegistryId::parse(registry).ok()?, RepositoryName::parse(name).ok()?))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(id) => write!(f, "arn:aws:ecr-public::{id}:registry/{id}"),
            Self::Repository(RepositoryKey { registry, name }) => write!(f, "arn:aws:ecr-public::{registry}:repository/{name}"),
            Self::AccountRoot(id) => write!(f, "arn:aws:iam::{id}:root"),
            Self::User(id, name) => write!(f, "arn:aws:iam::{id}:user/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_arn_reads_back_as_it_was_written() {
        let text = "arn:aws:ecr-public::123456789012:repository/team/app";
        let repository = Arn::parse_repository(text).expect("a well-formed ARN");
        assert_eq!(Arn::Repository(repository).to_string(), text);
    }

    #[test]
    fn other_arns_are_no_repository() {
        for bad in [
            "",
            "arn:aws:ecr-public:us-east-1:123456789012:repository/app",
            "arn:aws:ecr::123456789012:repository/app",
            "arn:aws:ecr-public::1234:repository/app",
            "arn:aws:ecr-public::123456789012:registry/123456789012",
            "arn:aws:ecr-public::123456789012:repository/",
        ] {
            assert_eq!(Arn::parse_repository(bad), None, "{bad}");
        }
    }
}
