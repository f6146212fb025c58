//! The commands with which somebody begins, as the banner on a terminal and the landing page show them.

use crate::config::Origin;
use roadstead_model::RegistryAlias;

/// Log in, create a repository, push. `variables` stand before the AWS CLI's commands, with a blank behind them.
pub(crate) fn commands(origin: &Origin, alias: &RegistryAlias, variables: &str) -> [String; 3] {
    let (aws, host) = (format!("{variables}aws ecr-public --region us-east-1 --endpoint-url {origin}"), &origin.authority);
    [
        format!("{aws} get-login-password | docker login --username AWS --password-stdin {host}"),
        format!("{aws} create-repository --repository-name app"),
        format!("docker push {host}/{alias}/app:latest"),
    ]
}
