//! GetAuthorizationToken.

use super::structure::structure;
use crate::timestamp::Timestamp;
use serde::Serialize;

structure!(GetAuthorizationTokenRequest {});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAuthorizationTokenResponse {
    /// A list in the private service.
    pub authorization_data: AuthorizationData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationData {
    /// Base64 of `AWS:<password>`.
    pub authorization_token: String,
    /// Twelve hours after the time of issue.
    pub expires_at: Timestamp,
}
