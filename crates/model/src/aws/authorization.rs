//! GetAuthorizationToken.

use super::scalars::{BASE64, TIMESTAMP};
use super::shape::{Shape, optional};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// What GetAuthorizationToken takes: nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GetAuthorizationTokenRequest {}

/// The shape of [`GetAuthorizationTokenRequest`].
pub static GET_AUTHORIZATION_TOKEN_REQUEST: Shape = Shape::Structure(&[]);

/// What GetAuthorizationToken answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAuthorizationTokenResponse {
    /// The token: one object here, a list in the private service.
    pub authorization_data: AuthorizationData,
}

/// The shape of [`GetAuthorizationTokenResponse`].
pub static GET_AUTHORIZATION_TOKEN_RESPONSE: Shape = Shape::Structure(&[optional("authorizationData", &AUTHORIZATION_DATA)]);

/// A token for the registry, and when it expires.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationData {
    /// Base64 of `AWS:<password>`.
    pub authorization_token: String,
    /// Twelve hours after it was issued.
    pub expires_at: Timestamp,
}

/// The shape of [`AuthorizationData`].
pub static AUTHORIZATION_DATA: Shape = Shape::Structure(&[optional("authorizationToken", &BASE64), optional("expiresAt", &TIMESTAMP)]);
