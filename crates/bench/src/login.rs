//! Signing in: Docker's token authentication, Basic, and the signature that Amazon ECR Public's API asks for.

use crate::client::{Ask, Client};
use crate::failure::{Result, failure};
use crate::target::Target;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How ids of AWS's access keys begin.
const ACCESS_KEY: &str = "AKIA";

/// The `Authorization` that pushes to a repository need; none when the registry asks for none.
pub(crate) async fn authorization(target: &Target, repository: &str) -> Result<Option<String>> {
    let mut client = Client::new(&target.authority);
    let ping = client.ask(Ask::get("/v2/").expect(&[200, 401])).await?;
    if ping.status == 200 {
        return Ok(None);
    }
    let basic = basic(target).await?.map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
    let challenge = ping.header("www-authenticate");
    let Some(parameters) = challenge.strip_prefix("Bearer ") else { return Ok(basic) };
    bearer(&mut client, parameters, repository, basic.as_deref()).await.map(Some)
}

/// The user and the password that a registry's clients sign in with; none for a target without a login.
pub(crate) async fn basic(target: &Target) -> Result<Option<(String, String)>> {
    let Some((user, _)) = target.login.as_ref().filter(|(user, _)| user.starts_with(ACCESS_KEY)) else { return Ok(target.login.clone()) };
    let answer = Client::new(&target.authority).ask(signed(target, "GetAuthorizationToken", "{}".to_owned())?).await?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let token = answer["authorizationData"]["authorizationToken"].as_str().unwrap_or_default();
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
    let ask = Ask::get(path);
    let answer = client.ask(if let Some(basic) = basic { ask.with("authorization", basic) } else { ask }).await?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let token = answer["token"].as_str().or_else(|| answer["access_token"].as_str());
    Ok(format!("Bearer {}", token.ok_or_else(|| failure!("no token in the answer of the realm"))?))
}

/// A request to Amazon ECR Public's API, good for five minutes.
pub(crate) fn signed(target: &Target, operation: &str, body: String) -> Result<Ask> {
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
    Ok(Ask::new(Method::POST, "/")
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
