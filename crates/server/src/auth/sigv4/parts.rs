//! The parts of a signature in an `Authorization` header or a presigned URL.

use super::error::SignatureError;
use super::request::Request;
use crate::http::Query;
use std::borrow::Cow;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Where the signature was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Header,
    Query,
}

pub(super) struct Parts {
    pub(super) form: Form,
    pub(super) credential: String,
    pub(super) signed_headers: String,
    pub(super) signature: String,
    pub(super) time: String,
    pub(super) security_token: Option<String>,
}

impl Parts {
    pub(super) fn of_header(request: &Request<'_>, value: &str) -> Result<Self, SignatureError> {
        let (algorithm, rest) = value.split_once([' ', ',']).unwrap_or((value, ""));
        let rest = if algorithm == ALGORITHM { rest } else { "" };
        let part = |name: &str| {
            rest.split(',').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let time = request.header("x-amz-date").or_else(|| request.header("date"));
        let found = [part("Credential"), part("Signature"), part("SignedHeaders"), time];
        let [Some(credential), Some(signature), Some(signed_headers), Some(time)] = found else {
            return Err(incomplete_header(algorithm, found));
        };
        Ok(Self {
            form: Form::Header,
            credential: credential.to_owned(),
            signed_headers: signed_headers.to_owned(),
            signature: signature.to_owned(),
            time: time.to_owned(),
            security_token: request.header("x-amz-security-token").map(str::to_owned),
        })
    }

    pub(super) fn of_query(request: &Request<'_>) -> Result<Self, SignatureError> {
        let query = Query::parse(request.query);
        let part = |name: &str| query.all(name).next().map(Cow::into_owned);
        let algorithm = part("X-Amz-Algorithm").ok_or(SignatureError::Missing)?;
        if algorithm != ALGORITHM {
            return Err(SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'")));
        }
        let need = |name: &str| {
            part(name).ok_or_else(|| SignatureError::Incomplete(format!("AWS query-string parameters must include '{name}'.")))
        };
        Ok(Self {
            form: Form::Query,
            credential: need("X-Amz-Credential")?,
            signature: need("X-Amz-Signature")?,
            signed_headers: need("X-Amz-SignedHeaders")?,
            time: need("X-Amz-Date")?,
            security_token: part("X-Amz-Security-Token"),
        })
    }
}

/// Names each missing part in a separate sentence, as AWS does. Echoes only the scheme, because the rest may be secret.
fn incomplete_header(scheme: &str, [credential, signature, signed_headers, time]: [Option<&str>; 4]) -> SignatureError {
    let mut text = String::new();
    for (name, part) in [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)] {
        if part.is_none() {
            text.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if time.is_none() {
        text.push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    }
    SignatureError::Incomplete(format!("{text}Authorization={scheme}"))
}
