//! GetAuthorizationToken.

use super::access::Caller;
use super::error::Failure;
use crate::auth::bearer;
use roadstead_model::aws::authorization::{AuthorizationData, GetAuthorizationTokenRequest, GetAuthorizationTokenResponse};

/// Issues a password for `docker login`, valid for twelve hours.
pub(super) fn get_authorization_token(
    caller: &Caller<'_>,
    _: GetAuthorizationTokenRequest,
) -> Result<GetAuthorizationTokenResponse, Failure> {
    let (keys, installation, principal) = (&caller.server().keys, caller.installation(), caller.principal()?);
    let (password, expires_at) =
        bearer::issue_password(keys, installation, &principal.identity, &principal.access_key_id, installation.now());
    let authorization_token = bearer::authorization_token(&password);
    Ok(GetAuthorizationTokenResponse { authorization_data: AuthorizationData { authorization_token, expires_at } })
}
