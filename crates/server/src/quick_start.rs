//! The first commands of a user, shown by the banner and the landing page.

use crate::config::Origin;
use roadstead_model::RegistryAlias;

/// Log in, create a repository, push. `variables` are prefixed to commands of the AWS CLI, with a trailing space.
pub(crate) fn commands(origin: &Origin, alias: &RegistryAlias, variables: &str) -> [String; 3] {
    let (aws, host) = (format!("{variables}aws ecr-public --region us-east-1 --endpoint-url {origin}"), &origin.authority);
    [
        format!("{aws} get-login-password | docker login --username AWS --password-stdin {host}"),
        format!("{aws} create-repository --repository-name app"),
        format!("docker push {host}/{alias}/app:latest"),
    ]
}
