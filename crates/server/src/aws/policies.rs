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
    let repository = caller.repository("repositoryName", &request.repository_name)?;
    // The users of the caller's own account have to exist; about those of other accounts the answer tells nothing. An emulator
    // knows no users at all.
    let own = (!caller.server().config.emulator).then_some(&caller.principal()?.identity.registry);
    let policy = caller.installation().bind_policy(own, &request.policy_text).await?;
    if request.force != Some(true) && !caller.may_still_set_policy(policy.policy()) {
        return Err(Error::PolicyLocksOut.into());
    }
    let document = caller.installation().set_repository_policy(&repository, policy).await?;
    Ok(response(&repository, document))
}

pub(super) async fn get_repository_policy(
    caller: &Caller<'_>,
    request: GetRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let repository = caller.repository("repositoryName", &request.repository_name)?;
    let document = caller.installation().repository_policy(&repository).await?;
    Ok(response(&repository, document))
}

/// Answers the policy that is gone.
pub(super) async fn delete_repository_policy(
    caller: &Caller<'_>,
    request: DeleteRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let repository = caller.repository("repositoryName", &request.repository_name)?;
    let document = caller.installation().delete_repository_policy(&repository).await?;
    Ok(response(&repository, document))
}

fn response(repository: &RepositoryKey, policy_text: String) -> RepositoryPolicyResponse {
    let RepositoryKey { registry, name } = repository;
    RepositoryPolicyResponse { registry_id: registry.to_string(), repository_name: name.to_string(), policy_text }
}
