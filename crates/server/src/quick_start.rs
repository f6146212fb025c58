//! The first commands of a user, for the banner and the landing page.

use crate::config::Origin;
use roadstead_model::RegistryAlias;

/// The commands to log in, create a repository and push. `variables` (with a trailing space) prefix the commands of the AWS CLI.
pub(crate) fn commands(origin: &Origin, alias: &RegistryAlias, variables: &str) -> [String; 3] {
    let (aws, host) = (format!("{variables}aws ecr-public --region us-east-1 --endpoint-url {origin}"), &origin.authority);
    [
        format!("{aws} get-login-password | docker login --username AWS --password-stdin {host}"),
        format!("{aws} create-repository --repository-name app"),
        format!("docker push {host}/{alias}/app:latest"),
    ]
}
