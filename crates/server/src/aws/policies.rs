//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use super::access::Caller;
use super::error::Failure;
use roadstead_model::RepositoryKey;
use roadstead_model::aws::policies::*;
use roadstead_registry::Error;

pub(super) async fn set_repository_policy(
    caller: &Caller<'_>,
    request: SetRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let repository = caller.repository()?;
    // Users of the caller's own account must exist. Users of other accounts are not checked, because the response would disclose
    // whether they exist. An emulator has no users.
    let own = (!caller.server().config.emulator).then_some(&caller.principal()?.identity.registry);
    let policy = caller.installation().bind_policy(own, &request.policy_text).await?;
    if request.force != Some(true) && !caller.may_still_set_policy(policy.policy()) {
        return Err(Error::PolicyLocksOut.into());
    }
    let document = caller.installation().set_repository_policy(repository, policy).await?;
    Ok(response(repository, document))
}

pub(super) async fn get_repository_policy(caller: &Caller<'_>, _: GetRepositoryPolicyRequest) -> Result<RepositoryPolicyResponse, Failure> {
    let repository = caller.repository()?;
    let document = caller.installation().repository_policy(repository).await?;
    Ok(response(repository, document))
}

/// Returns the deleted policy.
pub(super) async fn delete_repository_policy(
    caller: &Caller<'_>,
    _: DeleteRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let repository = caller.repository()?;
    let document = caller.installation().delete_repository_policy(repository).await?;
    Ok(response(repository, document))
}

fn response(repository: &RepositoryKey, policy_text: String) -> RepositoryPolicyResponse {
    let RepositoryKey { registry, name } = repository;
    RepositoryPolicyResponse { registry_id: registry.to_string(), repository_name: name.to_string(), policy_text }
}
