//! GetAuthorizationToken.

use super::access::Caller;
use crate::auth::bearer;
use roadstead_model::aws::authorization::{AuthorizationData, GetAuthorizationTokenRequest, GetAuthorizationTokenResponse};

/// The password that `docker login` takes, good for twelve hours.
pub(super) fn get_authorization_token(caller: &Caller<'_>, _: GetAuthorizationTokenRequest) -> GetAuthorizationTokenResponse {
    let (keys, registry) = (&caller.server().keys, caller.registry());
    let (password, expires_at) = bearer::issue_password(keys, registry, caller.identity(), caller.access_key_id(), registry.now());
    let authorization_token = bearer::authorization_token(&password);
    GetAuthorizationTokenResponse { authorization_data: AuthorizationData { authorization_token, expires_at } }
}
