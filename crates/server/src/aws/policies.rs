//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use super::access::{Caller, repository_name};
use super::error::Failure;
use roadstead_model::RepositoryName;
use roadstead_model::aws::policies::*;
use roadstead_model::policy::{Policy, PolicyError, PolicyKind, PrincipalName, render};
use roadstead_registry::Error;

pub(super) async fn set_repository_policy(
    caller: &Caller<'_>,
    request: SetRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let name = repository_name("repositoryName", &request.repository_name)?;
    let policy = Policy::new(PolicyKind::Repository, &request.policy_text).map_err(invalid)?;
    check_principals(caller, &policy).await?;
    if request.force != Some(true) && !caller.may_still_set_policy(&policy) {
        return Err(Error::PolicyLocksOut.into());
    }
    let document = render(&request.policy_text).map_err(invalid)?;
    caller.registry().set_repository_policy(caller.registry_id(), &name, document.clone()).await?;
    Ok(response(caller, &name, document))
}

pub(super) async fn get_repository_policy(
    caller: &Caller<'_>,
    request: GetRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let name = repository_name("repositoryName", &request.repository_name)?;
    let document = caller.registry().repository_policy(caller.registry_id(), &name).await?;
    Ok(response(caller, &name, document))
}

/// Answers the policy that is gone.
pub(super) async fn delete_repository_policy(
    caller: &Caller<'_>,
    request: DeleteRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let name = repository_name("repositoryName", &request.repository_name)?;
    let document = caller.registry().delete_repository_policy(caller.registry_id(), &name).await?;
    Ok(response(caller, &name, document))
}

fn response(caller: &Caller<'_>, name: &RepositoryName, policy_text: String) -> RepositoryPolicyResponse {
    RepositoryPolicyResponse { registry_id: caller.registry_id().to_string(), repository_name: name.to_string(), policy_text }
}

/// Refuses principals that do not exist, as far as that can be known: those of accounts that are not on this server
/// cannot be looked up, and an emulator knows no users at all.
async fn check_principals(caller: &Caller<'_>, policy: &Policy) -> Result<(), Failure> {
    if caller.server().config.emulator {
        return Ok(());
    }
    for principal in policy.principals() {
        let Some(account) = principal.account() else { continue };
        match caller.registry().describe_registry(account).await {
            Ok(_) => {}
            Err(Error::RegistryNotFound(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        let exists = match principal {
            PrincipalName::User { account, name } => caller.registry().has_user(account, name).await?,
            // An account of this server has no roles.
            PrincipalName::Role { .. } => false,
            PrincipalName::Account(_) | PrincipalName::Everyone | PrincipalName::Foreign { .. } => true,
        };
        if !exists {
            return Err(Error::PolicyInvalid(format!("{principal:?} does not exist")).into());
        }
    }
    Ok(())
}

fn invalid(error: PolicyError) -> Failure {
    Error::PolicyInvalid(error.to_string()).into()
}
