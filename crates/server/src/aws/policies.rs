//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use super::access::{Caller, repository_name};
use super::error::Failure;
use roadstead_model::RepositoryName;
use roadstead_model::aws::policies::*;
use roadstead_registry::Error;

pub(super) async fn set_repository_policy(
    caller: &Caller<'_>,
    request: SetRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let name = repository_name("repositoryName", &request.repository_name)?;
    // The users of the caller's own account have to exist; about those of other accounts the answer tells nothing. An emulator
    // knows no users at all.
    let own = (!caller.server().config.emulator).then_some(&caller.principal()?.identity.registry);
    let policy = caller.installation().bind_policy(own, &request.policy_text).await?;
    if request.force != Some(true) && !caller.may_still_set_policy(policy.policy()) {
        return Err(Error::PolicyLocksOut.into());
    }
    let document = caller.installation().set_repository_policy(caller.registry_id(), &name, policy).await?;
    Ok(response(caller, &name, document))
}

pub(super) async fn get_repository_policy(
    caller: &Caller<'_>,
    request: GetRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let name = repository_name("repositoryName", &request.repository_name)?;
    let document = caller.installation().repository_policy(caller.registry_id(), &name).await?;
    Ok(response(caller, &name, document))
}

/// Answers the policy that is gone.
pub(super) async fn delete_repository_policy(
    caller: &Caller<'_>,
    request: DeleteRepositoryPolicyRequest,
) -> Result<RepositoryPolicyResponse, Failure> {
    let name = repository_name("repositoryName", &request.repository_name)?;
    let document = caller.installation().delete_repository_policy(caller.registry_id(), &name).await?;
    Ok(response(caller, &name, document))
}

fn response(caller: &Caller<'_>, name: &RepositoryName, policy_text: String) -> RepositoryPolicyResponse {
    RepositoryPolicyResponse { registry_id: caller.registry_id().to_string(), repository_name: name.to_string(), policy_text }
}
