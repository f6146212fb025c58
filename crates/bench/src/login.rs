//! Authentication: Docker's token authentication, Basic, and the signatures of Amazon ECR Public's API.

use crate::client::{Client, Request};
use crate::failure::{Result, failure};
use crate::target::Target;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The prefix of the ids of AWS access keys.
const ACCESS_KEY: &str = "AKIA";

/// The `Authorization` for pushes to a repository; `None` if the registry requires none.
pub(crate) async fn authorization(target: &Target, repository: &str) -> Result<Option<String>> {
    let mut client = Client::new(&target.authority);
    let ping = client.send(Request::get("/v2/").expect(&[200, 401])).await?;
    if ping.status == 200 {
        return Ok(None);
    }
    let basic = basic(target).await?.map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
    let challenge = ping.header("www-authenticate");
    let Some(parameters) = challenge.strip_prefix("Bearer ") else { return Ok(basic) };
    bearer(&mut client, parameters, repository, basic.as_deref()).await.map(Some)
}

/// The user and password for Basic authentication; `None` for a target without a login.
pub(crate) async fn basic(target: &Target) -> Result<Option<(String, String)>> {
    let Some((user, _)) = target.login.as_ref().filter(|(user, _)| user.starts_with(ACCESS_KEY)) else { return Ok(target.login.clone()) };
    let response = Client::new(&target.authority).send(signed(target, "GetAuthorizationToken", "{}".to_owned())?).await?;
    let response: Value = serde_json::from_slice(&response.body)?;
    let token = response["authorizationData"]["authorizationToken"].as_str().unwrap_or_default();
    let pair = String::from_utf8(STANDARD.decode(token)?)?;
    let (name, password) = pair.split_once(':').ok_or_else(|| failure!("{user} got no authorizationToken"))?;
    Ok(Some((name.to_owned(), password.to_owned())))
}

async fn bearer(client: &mut Client, parameters: &str, repository: &str, basic: Option<&str>) -> Result<String> {
    let parameter = |name: &str| {
        let pairs = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"')).next().unwrap_or_default()
    };
    let realm = parameter("realm");
    let path = realm.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let path = path.ok_or_else(|| failure!("the realm '{realm}' has no path"))?;
    let path = format!("{path}?service={}&scope=repository:{repository}:pull,push", parameter("service"));
    let request = Request::get(path);
    let response = client.send(if let Some(basic) = basic { request.with("authorization", basic) } else { request }).await?;
    let response: Value = serde_json::from_slice(&response.body)?;
    let token = response["token"].as_str().or_else(|| response["access_token"].as_str());
    Ok(format!("Bearer {}", token.ok_or_else(|| failure!("no token in the response of the realm"))?))
}

/// A signed request to Amazon ECR Public's API, valid for a few minutes.
pub(crate) fn signed(target: &Target, operation: &str, body: String) -> Result<Request> {
    let (id, secret) = target
        .login
        .as_ref()
        .filter(|(id, _)| id.starts_with(ACCESS_KEY))
        .ok_or_else(|| failure!("{operation} of {} needs an access key: --target NAME=URL,{ACCESS_KEY}…:SECRET", target.name))?;
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = format!("{}/us-east-1/ecr-public/aws4_request", &time[..8]);
    let operation = format!("SpencerFrontendService.{operation}");
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    let names = "host;x-amz-date;x-amz-target";
    let headers = format!("host:{}\nx-amz-date:{time}\nx-amz-target:{operation}\n", target.authority);
    let canonical = format!("POST\n/\n\n{headers}\n{names}\n{}", hash(&body));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical));
    let key = scope.split('/').try_fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part))?;
    let signature = hex::encode(hmac(&key, &text)?);
    let authorization = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    Ok(Request::new(Method::POST, "/")
        .with("x-amz-date", &time)
        .with("x-amz-target", &operation)
        .with("content-type", "application/x-amz-json-1.1")
        .with("authorization", &authorization)
        .body(body))
}

fn hmac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let code = Hmac::<Sha256>::new_from_slice(key)?.chain_update(text);
    Ok(code.finalize().into_bytes().to_vec())
}
